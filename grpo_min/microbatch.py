"""Rows of a minibatch, cut into micro-batches by what fits at once, ready for the policy and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .logprobs import Batch, make_batch
from .loss import LossConfig, LossInputs, token_weights
from .rollout import Group, Row

Item = tuple[Group, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a minibatch is divided by, over all ranks."""

    sequences: int
    """Rows in the loss."""
    tokens: int
    """Their tokens."""


def pieces(groups: Sequence[Group], budget: int) -> list[list[Item]]:
    """The rows that are trained, a list for each micro-batch of at most `budget` padded tokens.

    Rows of like length stand together, and a group's rows do, so that little is padding and a prompt runs seldom twice.
    """
    trained = [(group, [row for row in group.rows if row.trained and row.tokens]) for group in groups]
    trained.sort(key=lambda found: max((len(row.tokens) for row in found[1]), default=0))
    found: list[list[Item]] = []
    prompts: set[int] = set()
    longest_prompt = longest = 0
    for group, rows in trained:
        for row in sorted(rows, key=lambda row: len(row.tokens)):
            grown = prompts | {id(group)}
            longest_prompt, longest = max(longest_prompt, len(group.prompt)), max(longest, len(row.tokens))
            if not found or len(grown) * longest_prompt + (len(found[-1]) + 1) * longest > budget:
                found.append([])
                grown, longest_prompt, longest = {id(group)}, len(group.prompt), len(row.tokens)
            found[-1].append((group, row))
            prompts = grown
    return found


def lay_out(items: Sequence[Item], device: torch.device | str) -> Batch:
    """The rows as the policy takes them; each group's prompt once."""
    prompts = list({id(group): group for group, _ in items}.values())
    place = {id(group): index for index, group in enumerate(prompts)}
    rows = [row.tokens for _, row in items]
    return make_batch([group.prompt for group in prompts], rows, [place[id(group)] for group, _ in items], device)


def loss_inputs(
    items: Sequence[Item], batch: Batch, counts: Counts, config: LossConfig, max_tokens: int, dtype: torch.dtype
) -> LossInputs:
    """Everything that the loss needs but the policy's log-probabilities, whose place the old ones hold."""
    device = batch.input_RT.device
    rows = [row for _, row in items]
    length_R = torch.tensor([len(row.tokens) for row in rows], device=device)
    weight_R = token_weights(
        length_R, config.aggregate, sequences=counts.sequences, tokens=counts.tokens, max_tokens=max_tokens
    )
    advantage_R = torch.tensor([row.advantage for row in rows], dtype=torch.float64, device=device)

    def packed(values: list[tuple[float, ...]]) -> Tensor:
        return torch.tensor([value for row in values for value in row], dtype=dtype, device=device)

    row_N = batch.row_N
    old_N = packed([row.old for row in rows])
    engine = [row.engine for row in rows if row.engine is not None]
    reference = [row.reference for row in rows if row.reference is not None]
    return LossInputs(
        logp_N=old_N,
        old_logp_N=old_N,
        advantage_N=advantage_R[row_N].to(dtype),
        weight_N=weight_R[row_N].to(dtype),
        row_N=row_N,
        reference_logp_N=packed(reference) if len(reference) == len(rows) else None,
        engine_logp_N=packed(engine) if len(engine) == len(rows) else None,
    )
