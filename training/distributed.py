"""The processes of torchrun that train together, and tensors spread over them (FSDP2) made whole and spread again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

Piece = TypeVar("Piece")


class Processes:
    """Those that train together: this one alone unless `together`, and then all that torch.distributed knows of."""

    def __init__(self, *, together: bool = False) -> None:
        self.rank: int = dist.get_rank() if together else 0
        self.size: int = dist.get_world_size() if together else 1

    def all_gather_object(self, value: Any) -> list[Any]:  # any: whatever can be pickled
        """Each process's value, in order of rank; all must call."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def partition(self, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, bool]]:
        """This process's pieces, as many as every other's: one that would have too few gets some that do not count.

        >>> list(Processes().partition("ab"))
        [('a', True), ('b', True)]
        """
        for place in range(self.rank, -(-len(pieces) // self.size) * self.size, self.size):
            yield pieces[min(place, len(pieces) - 1)], place < len(pieces)


def processes() -> Processes:
    """Those of torch.distributed, if it was begun; else this one alone."""
    return Processes(together=dist.is_available() and dist.is_initialized())


def reshard(model: nn.Module) -> None:
    """Give back the weights of others that a forward without a backward leaves gathered."""
    from torch.distributed.fsdp import FSDPModule

    for part in model.modules():
        if isinstance(part, FSDPModule):
            part.reshard()


def full_tensor(state: Any) -> Any:  # any: tensors in dicts and lists, as state_dict gives
    """The same with every tensor whole; all processes must call."""
    if isinstance(state, dict):
        return {key: full_tensor(value) for key, value in state.items()}
    if isinstance(state, list):
        return [full_tensor(value) for value in state]
    return state.full_tensor().detach() if isinstance(state, DTensor) else state


def shard_like(whole: Tensor, like: Tensor) -> Tensor:
    """This process's share of a whole tensor, spread as `like` is."""
    if not isinstance(like, DTensor):
        return whole
    # Every process has read the whole one, so nothing need be sent.
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:  # any: as `full_tensor` gives it
    """Put back the state of an optimizer that was made whole."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    shared = {
        number: {
            name: shard_like(value, weights[number]) if value.shape == weights[number].shape else value
            for name, value in held.items()
        }
        for number, held in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": shared})
