"""One reward model spread over the processes of torchrun (FSDP2): weights, gradients and optimizer, a share on each.

Every process has all examples and the same order of them, and takes every size-th piece of a step's batch, so that
nothing is said about the data. What is written is written by the first process.
"""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from ..training.distributed import full_tensor, reshard
from .batches import Batch, scores_of
from .model import Scorer, layers_of


class ShardedScorer(nn.Module):
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

    def make_whole(self) -> None:
        """Make the model whole again on the first process, to be saved; it can no longer be called."""
        reshard(self)
        for part in self.model.modules():
            for name, weight in part._parameters.items():
                if isinstance(weight, DTensor):
                    whole = full_tensor(weight)
                    if dist.get_rank() == 0:
                        part._parameters[name] = nn.Parameter(whole, requires_grad=weight.requires_grad)
