"""Preference data as tokens, with what the scores should come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .data import Pair
from .layout import Encoded, Layout, Limits
from .model import Scorer
from .options import TrainOptions


class Examples(NamedTuple):
    """Pairs or single responses."""

    groups: list[list[Encoded]]
    """Chosen and rejected, or the one response."""
    target_N: Tensor
    """Margins, or 1 for safe."""
    ids: list[str]
    overlong: int
    """Rows of which something was cut, or that were dropped."""

    def first(self, count: int) -> Examples:
        """Some of them."""
        return Examples(self.groups[:count], self.target_N[:count], self.ids[:count], 0)


def encode_rows(scorer: Scorer, rows: Sequence[Any], options: TrainOptions, *, training: bool) -> Examples:
    """Rows as a model is trained on them, or as it scores them (any: pairs or rated responses, all of one kind)."""
    limits = Limits(
        length=options.max_length if training else None, prompt=options.max_prompt, response=options.max_response
    )
    layout = Layout(scorer, limits)
    groups, targets, ids, overlong = [], [], [], 0
    for row in rows:
        pair = isinstance(row, Pair)
        group = layout.encode(row.prompt, [row.chosen, row.rejected] if pair else [row.response])
        if training and any(encoded.cut for encoded in group):
            overlong += 1
            if options.overlong == "drop":
                continue
        groups.append(group)
        targets.append((row.margin or 0.0) if pair else float(row.safe))
        ids.append(row.id)
    return Examples(groups, torch.tensor(targets), ids, overlong)
