"""Preference data as tokens, with the targets of their scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .data import Pair
from .layout import ChatLayout, Encoded, TokenLimits
from .model import Scorer
from .options import TrainOptions


class Examples(NamedTuple):
    """Pairs or single responses."""

    groups: list[list[Encoded]]
    """Chosen and rejected, or the one response."""
    target_N: Tensor
    """What the difference of a pair's scores must exceed, or 1 for safe."""
    ids: list[str]
    overlong: int
    """Rows of which something was cut, or that were dropped."""


def encode_rows(scorer: Scorer, rows: Sequence[Any], options: TrainOptions, *, training: bool) -> Examples:
    """Rows as a model is trained on them, or as it scores them (any: pairs or rated responses, all of one kind)."""
    limits = TokenLimits(
        length=options.max_length if training else None, prompt=options.max_prompt, response=options.max_response
    )
    layout = ChatLayout(scorer, limits)
    groups: list[list[Encoded]] = []
    targets, ids, overlong = [], [], 0
    for row in rows:
        pair = isinstance(row, Pair)
        group = layout.encode(row.prompt, [row.chosen, row.rejected] if pair else [row.response])
        if training and any(encoded.cut for encoded in group):
            overlong += 1
            if options.overlong == "drop":
                continue
        groups.append(group)
        targets.append((options.margin and row.margin) or 0.0 if pair else float(row.safe))
        ids.append(row.id)
    target_N = torch.tensor(targets)
    if training and options.kind == "helpful" and options.length_control and groups:
        target_N -= float(options.length_control) * _logodds_by_length(groups)
    return Examples(groups, target_N, ids, overlong)


def _logodds_by_length(groups: Sequence[Sequence[Encoded]]) -> Tensor:
    """The log odds that each pair's chosen response is preferred, by the logarithm of the ratio of lengths alone."""
    ratio_N = torch.tensor([math.log(len(one.rest) / len(other.rest)) for one, other in groups], dtype=torch.float64)
    weight = 0.0
    for _ in range(50):  # Newton's method on a convex function of one number, a little regularised
        wrong_N = torch.sigmoid(-weight * ratio_N)
        gradient = float((-ratio_N * wrong_N).sum()) + weight
        weight -= gradient / (float((ratio_N.square() * wrong_N * (1 - wrong_N)).sum()) + 1)
    return (weight * ratio_N).float()
