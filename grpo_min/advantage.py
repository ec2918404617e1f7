"""Advantages of a group of samples over one another, eq. (3) of the paper and its relatives.

A sample that could not be judged takes no part: it moves neither the mean nor the spread of the others, and its
advantage is 0. Advantages are a function of one group's rewards alone, unless `whiten` follows.

Shapes: P prompts, G samples of each, K terms of a reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Baseline = Literal["std", "mean", "leave_one_out"]
"""`std`: (r - mean) / (std + eps), eq. (3). `mean`: r - mean (Dr. GRPO). `leave_one_out`: r - mean of the others."""


class Advantages(NamedTuple):
    """The advantages of a rollout's rewards."""

    value_PG: Tensor
    """The advantages; 0 for a sample that was not judged."""
    informative_P: Tensor
    """Whether a group's judged rewards differ, so that it has anything to teach."""


def group_advantages(
    reward_PG: Tensor, judged_PG: Tensor, *, baseline: Baseline = "std", sample_std: bool = False, eps: float = 1e-4
) -> Advantages:
    """Advantages within each group, among the samples that were judged.

    The paper states neither the kind of standard deviation nor its epsilon; here it is the population's unless
    `sample_std`, plus `eps`. A group whose judged rewards are all equal, or has one, gets exactly 0.

    >>> found = group_advantages(torch.tensor([[1.0, 0.0, 9.0]]), torch.tensor([[True, True, False]]), eps=0.0)
    >>> found.value_PG.tolist(), found.informative_P.tolist()
    ([[1.0, -1.0, 0.0]], [True])
    """
    reward_PG = torch.where(judged_PG, reward_PG.double(), 0.0)
    count_P1 = judged_PG.double().sum(1, keepdim=True)
    mean_P1 = reward_PG.sum(1, keepdim=True) / count_P1.clamp(min=1)
    value_PG = torch.where(judged_PG, reward_PG - mean_P1, 0.0)
    if baseline == "std":
        freedom_P1 = (count_P1 - int(sample_std)).clamp(min=1)
        value_PG = value_PG / ((value_PG.square().sum(1, keepdim=True) / freedom_P1).sqrt() + eps)
    elif baseline == "leave_one_out":
        value_PG = value_PG * (count_P1 / (count_P1 - 1).clamp(min=1))
    # Compared, not computed: rounding of the mean must not make an advantage out of equal rewards.
    high_P = torch.where(judged_PG, reward_PG, -torch.inf).amax(1)
    low_P = torch.where(judged_PG, reward_PG, torch.inf).amin(1)
    informative_P = high_P > low_P
    return Advantages(torch.where(informative_P[:, None], value_PG, 0.0), informative_P)


def term_advantages(
    reward_KPG: Tensor, judged_KPG: Tensor, weights: Sequence[float], *, baseline: Baseline = "std",
    sample_std: bool = False, eps: float = 1e-4,
) -> Advantages:  # fmt: skip
    """Advantages of each term of a reward by itself, times their weights, summed (GDPO, arXiv 2601.05242, eqs. 4, 5).

    So a term with small differences counts as much as one with large ones, and combinations of terms with the same sum
    stay apart. The paper then divides by the deviation over the batch: `whiten`.

    >>> scores = torch.tensor([[[1.0, 1.0, 0.0, 0.0]], [[10.0, 0.0, 10.0, 0.0]]])
    >>> term_advantages(scores, scores > -1, [1.0, 1.0], eps=0.0).value_PG.tolist()
    [[2.0, 0.0, 0.0, -2.0]]
    """
    by_term = [
        group_advantages(reward_PG, judged_PG, baseline=baseline, sample_std=sample_std, eps=eps)
        for reward_PG, judged_PG in zip(reward_KPG, judged_KPG, strict=True)
    ]
    value_KPG = torch.stack([each.value_PG * weight for each, weight in zip(by_term, weights, strict=True)])
    counts = [each.informative_P & (weight != 0) for each, weight in zip(by_term, weights, strict=True)]
    return Advantages(value_KPG.sum(0), torch.stack(counts).any(0))


def whitened(
    values: Sequence[float], totals: Sequence[tuple[int, float, float]], sample_std: bool, eps: float
) -> list[float]:
    """Advantages less their mean, over their standard deviation, both over the batch (REINFORCE++, arXiv 2501.03262).

    `totals` holds count, sum and sum of squares of each part of the batch. Of fewer than two there is nothing to divide
    by, and they stay.

    >>> whitened([1.0, 3.0], [(2, 4.0, 10.0)], sample_std=False, eps=0.0)
    [-1.0, 1.0]
    """
    count, total, squares = (sum(part) for part in zip(*totals, strict=True))
    if count < 2:
        return list(values)
    mean = total / count
    spread = max(squares - count * mean**2, 0.0) / (count - int(sample_std))
    return [(value - mean) / (spread**0.5 + eps) for value in values]
