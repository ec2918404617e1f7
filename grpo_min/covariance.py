"""Clip-Cov: tokens whose policy gradient is left out, so that entropy does not collapse (arXiv 2505.22617, eqs. 9, 10).

The covariance of a token is (log p - mean log p) (A - mean A), means over all tokens of the minibatch. Of the tokens
between two bounds as many are drawn at random as a share of all tokens.

Where this departs from the paper: log p is that of the policy at the start of the rollout, since it is known before the
minibatch runs, so that micro-batches do not change the choice; and tokens that the ratio's clip takes are not exempt.

Shapes: N packed tokens of the minibatch on this process.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..training.distributed import Processes
from .loss import LossConfig
from .rollout import Rollout
from .sampling import shuffled


def kept_tokens(
    rows: Sequence[Rollout], config: LossConfig, seed: int, step: int, processes: Processes
) -> dict[int, Tensor] | None:
    """Which tokens of each row, by its `id`, keep their policy gradient; None where all of them do."""
    if not config.clip_cov:
        return None
    old_N = torch.tensor([logp for row in rows for logp in row.old], dtype=torch.float64)
    lengths = [len(row.tokens) for row in rows]
    advantages = torch.tensor([row.advantage for row in rows], dtype=torch.float64)
    advantage_N = torch.repeat_interleave(advantages, torch.tensor(lengths, dtype=torch.long))
    parts = processes.all_gather_object((len(old_N), float(old_N.sum()), float(advantage_N.sum())))
    count, logp, advantage = (sum(part) for part in zip(*parts, strict=True))
    covariance_N = (old_N - logp / max(count, 1)) * (advantage_N - advantage / max(count, 1))
    between_N = (covariance_N > config.clip_cov_low) & (covariance_N < config.clip_cov_high)
    chosen_N = between_N.nonzero()[:, 0]
    counts = processes.all_gather_object(len(chosen_N))
    first = sum(counts[: processes.rank])
    drawn = shuffled(sum(counts), "clip_cov", seed, step)[: max(1, int(config.clip_cov * count))]
    mine = [place - first for place in drawn if first <= place < first + len(chosen_N)]
    kept_N = torch.ones(len(old_N), dtype=torch.bool)
    kept_N[chosen_N[mine]] = False
    return {id(row): kept for row, kept in zip(rows, kept_N.split(lengths) if rows else (), strict=True)}
