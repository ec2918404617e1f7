"""Scores of many responses at once: like lengths together, shared prompts once, results in the order asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import torch

from .batches import collate, cut, scores_of, units_of
from .layout import Encoded
from .model import Scorer
from .summary import Prompt

if TYPE_CHECKING:
    from ..training.distributed import Processes
    from .sharded import ShardedScorer


class Asked(NamedTuple):
    """Responses to one prompt."""

    prompt: Prompt
    responses: Sequence[str]


class Found(NamedTuple):
    """One response's score."""

    score: float
    """Raw."""
    tokens: int
    """Its length with the prompt's."""
    cut: bool
    """Whether text had to be left out."""
    windows: int = 1
    """In how many rows it was read; their tokens add up."""


def autocast(scorer: Scorer, precision: str) -> AbstractContextManager[object]:
    """bf16 where asked for; the head's sums and the losses stay float32."""
    return torch.autocast(scorer.device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def score_encoded(
    scorer: Scorer,
    groups: Sequence[Sequence[Encoded]],
    *,
    share: bool,
    budget: int = 16_384,
    precision: str = "fp32",
    spread: ShardedScorer | None = None,
    processes: Processes | None = None,
) -> list[list[Found]]:
    """Score responses that are tokens already, for each group as many as were given; of a model that is spread, by all
    of its processes."""
    flat = torch.zeros(sum(map(len, groups)))
    was_training = scorer.model.training
    scorer.model.eval()
    # A row with many responses to one prompt would grow its attention with the square of their number. Batches keep
    # no groups together, since nothing compares scores here.
    single = [(row,) for unit in units_of(groups, share=share, most=budget // 4) for row in unit]
    pieces = cut(single, budget)
    # FSDP cannot gather weights into tensors that are for inference alone.
    with torch.no_grad() if spread else torch.inference_mode(), autocast(scorer, precision):
        for batch_units, counts in processes.partition(pieces) if processes else ((piece, True) for piece in pieces):
            batch = collate(batch_units, scorer.tokenizer.pad_token_id)
            scores_N = spread(batch) if spread else scores_of(scorer, batch)
            flat[batch.owners] = scores_N.float().cpu() * counts
    if spread and processes:
        from ..training.distributed import reshard

        reshard(spread)
        flat = torch.stack(processes.all_gather_object(flat)).sum(0)
    scorer.model.train(was_training)
    scores = iter(flat.tolist())
    return [[Found(next(scores), one.length, one.cut) for one in group] for group in groups]
