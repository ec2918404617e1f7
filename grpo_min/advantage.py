"""Advantages of a group of samples over one another, eq. (3) of the paper and two of its relatives.

Every number is a function of one group's rewards alone: nothing here depends on a batch, a rank or an order. A sample
that could not be judged takes no part: it moves neither the mean nor the spread of the others, and its advantage is 0.

Shapes: P prompts, G samples of each.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Baseline = Literal["std", "mean", "leave_one_out"]
"""`std`: (r - mean) / (std + eps), eq. (3). `mean`: r - mean (Dr. GRPO). `leave_one_out`: r - mean of the others."""


class Advantages(NamedTuple):
    """What a rollout's rewards come to."""

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
