"""Advantages: eq. (3), its relatives, and what must never become a number."""

from __future__ import annotations

import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.grpo_min.advantage import Baseline, group_advantages, term_advantages, whitened

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
    result = group_advantages(
        torch.tensor([rewards], dtype=torch.float64), torch.tensor([judged]), baseline=baseline, sample_std=sample_std
    )
    expected = iter(_reference([r for r, j in group if j], baseline, sample_std, 1e-4))
    for value, (_, was_judged) in zip(result.value_PG[0].tolist(), group, strict=True):
        assert value == pytest.approx(next(expected) if was_judged else 0.0, abs=1e-9)


@pytest.mark.parametrize("baseline", ["std", "mean", "leave_one_out"])
@pytest.mark.parametrize("rewards", [[0.1, 0.1, 0.1], [1.0], [1e-300] * 7])
def test_equal_rewards_teach_exactly_nothing(rewards: list[float], baseline: Baseline) -> None:
    result = group_advantages(torch.tensor([rewards]), torch.ones(1, len(rewards)) > 0, baseline=baseline, eps=0.0)
    assert result.value_PG.tolist() == [[0.0] * len(rewards)]
    assert result.informative_P.tolist() == [False]


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_sample_that_was_not_judged_moves_nobody(poison: float) -> None:
    judged = torch.tensor([[True, True, False, True]])
    one = group_advantages(torch.tensor([[1.0, 0.0, poison, 0.0]]), judged).value_PG
    other = group_advantages(torch.tensor([[1.0, 0.0, 7.0, 0.0]]), judged).value_PG
    assert torch.equal(one, other)
    assert one[0, 2] == 0
    assert group_advantages(torch.full((1, 3), poison), torch.zeros(1, 3) > 0).value_PG.tolist() == [[0.0] * 3]


@given(
    scores=st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8),
    weights=st.tuples(st.floats(0, 3), st.floats(0, 3)),
)
def test_terms_by_themselves_equal_the_formula(scores: list[tuple[float, float]], weights: tuple[float, float]) -> None:
    """GDPO: each term normalised in the group, then summed by weight."""
    by_term = list(zip(*scores, strict=True))
    result = term_advantages(
        torch.tensor(by_term, dtype=torch.float64)[:, None], torch.ones(2, 1, len(scores)) > 0, weights, eps=1e-4
    )
    one, other = (_reference(list(term), "std", False, 1e-4) for term in by_term)
    expected = [weights[0] * a + weights[1] * b for a, b in zip(one, other, strict=True)]
    assert result.value_PG[0].tolist() == pytest.approx(expected, abs=1e-9)


def test_terms_by_themselves_tell_apart_what_a_sum_does_not() -> None:
    """The paper's example: of two rewards, (0, 1) and (0, 2) have the same advantages when summed first."""
    scores = torch.tensor([[[0.0, 1.0]], [[0.0, 1.0]]])
    judged = scores > -1
    both = term_advantages(scores, judged, [1.0, 1.0], eps=0.0).value_PG[0, 1]
    one = term_advantages(scores * torch.tensor([1.0, 0.0])[:, None, None], judged, [1.0, 1.0], eps=0.0).value_PG[0, 1]
    assert (float(both), float(one)) == (2.0, 1.0)
    summed = [group_advantages(torch.tensor([[0.0, r]]), judged[0], eps=0.0).value_PG[0, 1] for r in (2.0, 1.0)]
    assert summed[0] == summed[1] == 1.0


def test_a_term_without_weight_or_verdicts_teaches_nothing() -> None:
    scores = torch.tensor([[[1.0, 1.0, 1.0]], [[0.0, 1.0, 0.5]], [[float("nan"), 2.0, float("nan")]]])
    result = term_advantages(scores, ~scores.isnan(), [1.0, 0.0, 1.0])
    assert result.value_PG.tolist() == [[0.0, 0.0, 0.0]]
    assert result.informative_P.tolist() == [False]


@given(
    values=st.lists(st.floats(-5, 5), min_size=2, max_size=9),
    cut=st.integers(0, 9),
    sample_std=st.booleans(),
)
def test_whitening_in_parts_equals_the_formula(values: list[float], cut: int, sample_std: bool) -> None:
    parts = [values[:cut], values[cut:]]
    totals = [(len(part), sum(part), sum(value**2 for value in part)) for part in parts]
    results = [value for part in parts for value in whitened(part, totals, sample_std, 1e-4)]
    spread = statistics.stdev(values) if sample_std else statistics.pstdev(values)
    expected = [(value - statistics.fmean(values)) / (spread + 1e-4) for value in values]
    assert results == pytest.approx(expected, abs=1e-2 if spread < 1e-6 else 1e-6)
    assert whitened([3.0], [(1, 3.0, 9.0)], sample_std, 1e-4) == [3.0]
