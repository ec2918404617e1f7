"""Advantages: eq. (3), its relatives, and what must never become a number."""

from __future__ import annotations

import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.grpo_min.advantage import Baseline, group_advantages

GROUPS = st.lists(st.tuples(st.floats(-5, 5, allow_nan=False), st.booleans()), min_size=1, max_size=9)


def _reference(rewards: list[float], baseline: Baseline, sample_std: bool, eps: float) -> list[float]:
    """The formulas, with the standard library."""
    if len(set(rewards)) < 2:
        return [0.0] * len(rewards)
    mean = statistics.fmean(rewards)
    if baseline == "mean":
        return [reward - mean for reward in rewards]
    if baseline == "leave_one_out":
        return [reward - (sum(rewards) - reward) / (len(rewards) - 1) for reward in rewards]
    spread = statistics.stdev(rewards) if sample_std else statistics.pstdev(rewards)
    return [(reward - mean) / (spread + eps) for reward in rewards]


@given(group=GROUPS, baseline=st.sampled_from(["std", "mean", "leave_one_out"]), sample_std=st.booleans())
def test_equals_the_formulas_over_the_judged(
    group: list[tuple[float, bool]], baseline: Baseline, sample_std: bool
) -> None:
    rewards, judged = zip(*group, strict=True)
    found = group_advantages(
        torch.tensor([rewards], dtype=torch.float64), torch.tensor([judged]), baseline=baseline, sample_std=sample_std
    )
    wanted = iter(_reference([r for r, j in group if j], baseline, sample_std, 1e-4))
    for value, (_, was_judged) in zip(found.value_PG[0].tolist(), group, strict=True):
        assert value == pytest.approx(next(wanted) if was_judged else 0.0, abs=1e-9)


@pytest.mark.parametrize("baseline", ["std", "mean", "leave_one_out"])
@pytest.mark.parametrize("rewards", [[0.1, 0.1, 0.1], [1.0], [1e-300] * 7])
def test_equal_rewards_teach_exactly_nothing(rewards: list[float], baseline: Baseline) -> None:
    found = group_advantages(torch.tensor([rewards]), torch.ones(1, len(rewards)) > 0, baseline=baseline, eps=0.0)
    assert found.value_PG.tolist() == [[0.0] * len(rewards)]
    assert found.informative_P.tolist() == [False]


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_sample_that_was_not_judged_moves_nobody(poison: float) -> None:
    judged = torch.tensor([[True, True, False, True]])
    one = group_advantages(torch.tensor([[1.0, 0.0, poison, 0.0]]), judged).value_PG
    other = group_advantages(torch.tensor([[1.0, 0.0, 7.0, 0.0]]), judged).value_PG
    assert torch.equal(one, other)
    assert one[0, 2] == 0
    assert group_advantages(torch.full((1, 3), poison), torch.zeros(1, 3) > 0).value_PG.tolist() == [[0.0] * 3]
