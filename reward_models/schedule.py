"""What a training step works on and how fast it learns: order of the examples, learning rate, optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .model import Scorer
from .options import TrainOptions


def steps_per_epoch(examples: int, options: TrainOptions) -> int:
    """Steps that go once over the examples."""
    return math.ceil(examples / options.batch)


def examples_at(step: int, lengths: Sequence[int], options: TrainOptions) -> list[int]:
    """The examples of a step: of a random pool sorted by length, a random slice.

    >>> examples_at(0, [5, 1, 5, 1], TrainOptions(kind="safety", batch=2)) in ([0, 2], [2, 0], [1, 3], [3, 1])
    True
    """
    epoch, place = divmod(step, steps_per_epoch(len(lengths), options))
    draw = torch.Generator().manual_seed((options.seed * 1_000_003 + epoch) % 2**63)
    order = torch.randperm(len(lengths), generator=draw).tolist()
    pool = options.batch * options.pool
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        near = sorted(order[start : start + pool], key=lengths.__getitem__)
        batches += [near[at : at + options.batch] for at in range(0, len(near), options.batch)]
    return batches[torch.randperm(len(batches), generator=draw).tolist()[place]]


def rate_at(step: int, steps: int, options: TrainOptions) -> float:
    """The learning rate at a step, counted from 0, as a share of the highest.

    >>> [rate_at(step, 10, TrainOptions(kind="helpful", schedule="linear", warmup=0.2)) for step in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = math.ceil(options.warmup * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if options.schedule == "cosine":
        return 0.1 + 0.45 * (1 + math.cos(math.pi * done))
    return 1 - done if options.schedule == "linear" else 1.0


def optimizer_of(scorer: Scorer, weights: Mapping[str, Tensor], options: TrainOptions) -> torch.optim.AdamW:
    """AdamW, the head at its own rate, with decay on matrices alone."""
    heads = {id(weight) for weight in scorer.head.parameters()}
    groups = []
    for is_head in (False, True):
        for decays in (False, True):
            chosen = [
                weight
                for weight in weights.values()
                if (id(weight) in heads) == is_head and (weight.dim() > 1) == decays
            ]
            rate = options.head_lr if is_head and options.head_lr is not None else options.lr
            if chosen:
                decay = options.weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": rate, "highest": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=(0.9, options.beta2))
