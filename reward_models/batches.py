"""Rows for the model, and their scores: few padded tokens, and one copy of what responses have in common.

A causal model reads several responses to one prompt in one row: the prompt once, then each response, which sees the
prompt and itself and is placed as if it stood there alone (a block mask and restarted positions). The scores equal
those of separate rows to rounding. `can_share` finds out by trying whether a model's code keeps to that; sliding
windows, recurrent layers and encoders do not.

Batches hold at most `budget` tokens, padding included, except where one unit alone is longer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from .layout import Encoded
from .model import Scorer
from .summary import Prompt

if TYPE_CHECKING:
    from ..training.distributed import Processes
    from .sharded import ShardedScorer

_log = logging.getLogger(__name__)

WORTH_SHARING = 8
"""A common prompt shorter than this, in tokens, is not worth a mask of its own."""


class BatchRow(NamedTuple):
    """One row of a batch: responses that share a prompt."""

    prefix: Sequence[int]
    """The prompt's tokens."""
    rests: Sequence[Sequence[int]]
    """Each response's."""
    owners: Sequence[int]
    """Number of each response among all that are scored."""

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prefix) + sum(map(len, self.rests))


Unit = tuple[BatchRow, ...]
"""Rows that must stay in one batch, because their scores are compared."""


class Batch(NamedTuple):
    """Rows as tensors. Of `sees` and `mask` one is given: who sees whom, or where there is text."""

    ids_BT: Tensor
    mask_BT: Tensor
    types_BT: Tensor
    place_BT: Tensor
    sees_BTT: Tensor | None
    rows_N: Tensor
    """For each response, its row."""
    ends_N: Tensor
    """And where it ends there."""
    owners: list[int]
    """And its number among all that are scored."""


def units_of(groups: Sequence[Sequence[Encoded]], *, share: bool, most: int | None = None) -> list[Unit]:
    """One unit per group of responses; with `share`, those that begin alike are in one row of at most `most` tokens.

    Responses are numbered through all groups, in order.
    """
    units = []
    number = 0
    for group in groups:
        rows: list[BatchRow] = []
        for encoded in group:
            last = rows[-1] if rows else None
            if (
                share
                and last is not None
                and last.prefix == encoded.prefix
                and len(encoded.prefix) >= WORTH_SHARING
                and (most is None or last.length + len(encoded.rest) <= most)
            ):
                rows[-1] = BatchRow(last.prefix, [*last.rests, encoded.rest], [*last.owners, number])
            else:
                rows.append(BatchRow(encoded.prefix, [encoded.rest], [number]))
            number += 1
        units.append(tuple(rows))
    return units


def longest(unit: Unit) -> int:
    """Tokens of its longest row."""
    return max(row.length for row in unit)


def cut(units: Sequence[Unit], budget: int) -> list[list[Unit]]:
    """The units in batches of like length, longest first, each of at most `budget` tokens with its padding."""
    batches: list[list[Unit]] = []
    rows = 0
    for unit in sorted(units, key=longest, reverse=True):
        # The first unit of a batch is its longest, so its length is that of the batch.
        if batches and (rows + len(unit)) * longest(batches[-1][0]) <= budget:
            batches[-1].append(unit)
            rows += len(unit)
        else:
            batches.append([unit])
            rows = len(unit)
    return batches


def collate(units: Sequence[Unit], padding: int) -> Batch:
    """The rows of some units as tensors."""
    rows = [row for unit in units for row in unit]
    width = max(row.length for row in rows)
    ids_BT = torch.full((len(rows), width), padding, dtype=torch.long)
    types_BT = torch.zeros_like(ids_BT)
    place_BT = torch.zeros_like(ids_BT)
    # Which response of its row a token belongs to: 0 the prompt, from 1 the responses, -1 padding.
    part_BT = torch.full_like(ids_BT, -1)
    at: list[tuple[int, int]] = []
    owners: list[int] = []
    for number, row in enumerate(rows):
        start = len(row.prefix)
        ids_BT[number, : row.length] = torch.tensor([*row.prefix, *(token for rest in row.rests for token in rest)])
        place_BT[number, :start] = torch.arange(start)
        part_BT[number, :start] = 0
        for part, rest in enumerate(row.rests, 1):
            end = start + len(rest)
            place_BT[number, start:end] = torch.arange(len(row.prefix), len(row.prefix) + len(rest))
            part_BT[number, start:end] = part
            types_BT[number, start:end] = 1
            at.append((number, end - 1))
            start = end
        owners.extend(row.owners)
    sees_BTT = None
    if any(len(row.rests) > 1 for row in rows):
        key_B1T, query_BT1 = part_BT[:, None, :], part_BT[:, :, None]
        earlier_TT = torch.ones(width, width, dtype=torch.bool).tril()
        sees_BTT = earlier_TT & ((key_B1T == 0) | (key_B1T == query_BT1))
        # A padded token sees itself, since a row of a softmax over nothing is no number.
        sees_BTT |= torch.eye(width, dtype=torch.bool) & (query_BT1 == -1)
    rows_N, ends_N = torch.tensor(at).T
    return Batch(ids_BT, (part_BT >= 0).long(), types_BT, place_BT, sees_BTT, rows_N, ends_N, owners)


def scores_of(scorer: Scorer, batch: Batch) -> Tensor:
    """The score of each response of a batch, [N], in the order of its `owners`."""
    device = scorer.device
    ids_BT = batch.ids_BT.to(device)
    if batch.sees_BTT is not None:
        at = (batch.rows_N.to(device), batch.ends_N.to(device))
        return scorer.read_at(ids_BT, batch.sees_BTT.to(device), batch.place_BT.to(device), at)
    types_BT = None
    several = getattr(scorer.plain.config, "type_vocab_size", 0) > 1 if scorer.types is None else scorer.types
    if not scorer.causal and several:
        types_BT = batch.types_BT.to(device)
    return scorer.read(ids_BT, batch.mask_BT.to(device), types_BT)


def can_share(scorer: Scorer) -> bool:
    """Whether responses in one row get the scores that they get alone, found out on a few random tokens."""
    if not scorer.causal or scorer.alone:
        return False
    draw = torch.Generator().manual_seed(0)
    size = scorer.plain.get_input_embeddings().num_embeddings
    lengths = (12, 5, 9) if scorer.positions is None or scorer.positions > 30 else (8, 3, 4)
    prefix, *rests = (tuple(torch.randint(0, size, (n,), generator=draw).tolist()) for n in lengths)
    group = [Encoded(prefix, rest, False) for rest in rests]
    padding = scorer.tokenizer.pad_token_id
    was_training = scorer.model.training
    scorer.model.eval()
    try:
        with torch.no_grad():
            apart = scores_of(scorer, collate(units_of([group], share=False), padding))
            shared = scores_of(scorer, collate(units_of([group], share=True), padding))
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        _log.info("prompts are not shared: %s", error)
        return False
    finally:
        scorer.model.train(was_training)
    tolerance = 1e-4 if next(scorer.plain.parameters()).dtype is torch.float32 else 5e-2
    equal = bool(torch.allclose(apart, shared, atol=tolerance, rtol=tolerance))
    if not equal:
        _log.info("prompts are not shared: this model's scores would change")
    return equal


class Asked(NamedTuple):
    """Responses to one prompt."""

    prompt: Prompt
    responses: Sequence[str]


class ResponseScore(NamedTuple):
    """One response's score."""

    score: float
    """Raw."""
    tokens: int
    """Its length with the prompt's."""
    cut: bool
    """Whether text had to be left out."""
    windows: int = 1
    """In how many rows it was read; their tokens add up."""
    categories: Mapping[str, float] | None = None
    """How likely it is unsafe in which way, where the model says it."""


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
) -> list[list[ResponseScore]]:
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
    return [[ResponseScore(next(scores), one.length, one.cut) for one in group] for group in groups]
