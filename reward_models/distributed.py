"""One reward model spread over the processes of torchrun (FSDP2): weights, gradients and optimizer, a share on each.

Every process has all examples and the same order of them, and takes every size-th piece of a step's batch, so that
nothing is said about the data. What is written is written by the first process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from .batches import Batch, scores_of
from .model import Scorer, layers_of

Piece = TypeVar("Piece")


class Processes:
    """Those that train together: this one alone unless `together`, and then all that torch.distributed knows of."""

    def __init__(self, *, together: bool = False) -> None:
        self.rank = dist.get_rank() if together else 0
        self.size = dist.get_world_size() if together else 1

    def tell(self, value: Any) -> list[Any]:  # any: whatever can be pickled
        """What each has to say, in order; all must call."""
        if self.size == 1:
            return [value]
        told: list[Any] = [None] * self.size
        dist.all_gather_object(told, value)
        return told

    def share(self, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, bool]]:
        """This process's pieces, as many as every other's: one that would have too few gets some that do not count.

        >>> list(Processes().share("ab"))
        [('a', True), ('b', True)]
        """
        for place in range(self.rank, -(-len(pieces) // self.size) * self.size, self.size):
            yield pieces[min(place, len(pieces) - 1)], place < len(pieces)


class Spread(nn.Module):
    """A scorer's model, spread over all processes: layer by layer, the rest as one unit. Changes the model."""

    def __init__(self, scorer: Scorer) -> None:
        from torch.distributed.fsdp import fully_shard

        super().__init__()
        self.model: nn.Module = scorer.model
        self._scorer = scorer
        for layer in layers_of(scorer) or ():
            fully_shard(layer)
        fully_shard(self)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of a batch; all processes must call, each with its own."""
        return scores_of(self._scorer, batch)

    def come_together(self) -> None:
        """Make the model whole again on the first process, to be saved; it can no longer be called."""
        let_go(self)
        for part in self.model.modules():
            for name, weight in part._parameters.items():
                if isinstance(weight, DTensor):
                    whole = whole_of(weight)
                    if dist.get_rank() == 0:
                        part._parameters[name] = nn.Parameter(whole, requires_grad=weight.requires_grad)


def let_go(model: nn.Module) -> None:
    """Give back the weights of others that a forward without a backward leaves gathered."""
    from torch.distributed.fsdp import FSDPModule

    for part in model.modules():
        if isinstance(part, FSDPModule):
            part.reshard()


def whole_of(state: Any) -> Any:  # any: tensors in dicts and lists, as state_dict gives
    """The same with every tensor whole; all processes must call."""
    if isinstance(state, dict):
        return {key: whole_of(value) for key, value in state.items()}
    if isinstance(state, list):
        return [whole_of(value) for value in state]
    return state.full_tensor().detach() if isinstance(state, DTensor) else state


def share_of(whole: Tensor, like: Tensor) -> Tensor:
    """This process's share of a whole tensor, spread as `like` is."""
    if not isinstance(like, DTensor):
        return whole
    # Every process has read the whole one, so nothing need be sent.
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:  # any: as whole_of
    """Put back the state of an optimizer that was made whole."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    shared = {
        number: {
            name: share_of(value, weights[number]) if value.shape == weights[number].shape else value
            for name, value in held.items()
        }
        for number, held in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": shared})
