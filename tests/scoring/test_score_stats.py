"""pass@k, cons@k and clustered intervals against their definitions."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.scoring.groups import Groups, Problems
from r1_reward.scoring.stats import Clustered, majority, pass_at_k, wilson
from r1_reward.scoring.work import ScoredResponse
from r1_reward.verifiers import MathVerifier


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_correct_one(n: int, data: st.DataObject) -> None:
    correct, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(itertools.combinations([1] * correct + [0] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 5), (4, 2, 0)])
def test_pass_at_k_outside_its_range_is_refused(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, correct, k)


def test_pass_at_k_is_exact_for_many_responses() -> None:
    assert 0 < pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("votes", "right", "share"),
    [({}, set(), 0.0), ({0: 1}, {0}, 1.0), ({0: 2, 1: 1}, {1}, 0.0), ({0: 1, 1: 1, 2: 1}, {1}, 1 / 3)],
)
def test_majority_breaks_ties_at_random(votes: dict[int, int], right: set[int], share: float) -> None:
    assert majority(votes, right) == pytest.approx(share)


@given(st.lists(st.lists(st.floats(-100, 100), max_size=5), min_size=2, max_size=20))
def test_clustered_mean_and_error_follow_the_formula(clusters: list[list[float]]) -> None:
    result = Clustered()
    for cluster in clusters:
        result.add(sum(cluster), len(cluster))
    full = [cluster for cluster in clusters if cluster]
    n = sum(map(len, full))
    if not n:
        assert result.mean is None
        assert result.interval is None
        return
    mean = sum(map(sum, full)) / n
    assert result.mean == pytest.approx(mean)
    if len(full) < 2:
        assert result.error is None
        return
    squares = sum((sum(cluster) - mean * len(cluster)) ** 2 for cluster in full)
    assert result.error == pytest.approx(math.sqrt(len(full) / (len(full) - 1) * squares) / n, abs=1e-4)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Correlated responses: the naive interval would cover far less than 95 %."""
    random_ = random.Random(0)
    covered = naive = 0
    for _ in range(400):
        result = Clustered()
        for _ in range(100):
            ease = random_.betavariate(0.5, 0.5)
            result.add(sum(random_.random() < ease for _ in range(8)), 8)
        assert result.share_interval is not None
        assert result.mean is not None
        low, high = result.share_interval
        covered += low <= 0.5 <= high
        low, high = wilson(result.mean, 800)
        naive += low <= 0.5 <= high
    assert 0.92 <= covered / 400 <= 0.98
    assert naive / 400 < 0.8


def test_error_does_not_cancel_far_from_zero() -> None:
    result = Clustered()
    for value in (1e8 - 1, 1e8 + 1, 1e8 - 1, 1e8 + 1):
        result.add(value, 1)
    assert result.error == pytest.approx(math.sqrt(4 / 3 * 4) / 4)


def test_all_right_is_no_certainty() -> None:
    result = Clustered()
    for _ in range(25):
        result.add(8, 8)
    assert result.share_interval == pytest.approx((0.8668, 1.0), abs=1e-4)


def response(problem: int, correct: bool | None, answer: str | None, score: float | None = None) -> ScoredResponse:
    status = "scored" if correct is not None else "error"
    return ScoredResponse(
        status=status,
        reward=score,
        verdicts=(("math", status, "correct", score),),
        problem=problem.to_bytes(2, "big"),
        voter="math",
        correct=correct,
        answer=answer,
    )


def grouped(responses: Sequence[ScoredResponse]) -> Problems:
    groups = Groups(["math"])
    groups.add(responses)
    return groups.problems({"math": MathVerifier()})


def test_majority_vote_counts_classes_of_equal_answers() -> None:
    # 1/2 and 0.5 are one class of three votes; the right answer has two.
    result = grouped(
        [response(0, c, a) for c, a in [(False, "1/2"), (False, "0.5"), (False, r"\frac12"), (True, "3"), (True, "3")]]
    )
    assert result.consensus is not None
    k, mean = result.consensus
    assert (k, mean.mean) == (5, 0.0)
    assert {k: mean.mean for k, mean in result.pass_at.items()} == pytest.approx({1: 0.4, 2: 0.7, 4: 1.0, 5: 1.0})


def test_no_answer_casts_no_vote() -> None:
    result = grouped([response(0, c, a) for c, a in [(False, None), (False, None), (True, "3")]])
    assert result.consensus is not None
    assert result.consensus[1].mean == 1.0


def test_responses_in_error_are_left_out_and_seen() -> None:
    result = grouped(
        [response(p, c, "3", 1.0 if c else None) for p in range(3) for c in ([True, None] if p else [True, True])]
    )
    assert result.sizes == {2: 1, 1: 2}
    assert result.pass_at[1].n == 3
    assert result.pass_at[2].n == 1
    assert result.reward.n == 4


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.randoms())
def test_grouping_does_not_depend_on_the_order_of_problems(
    pairs: list[tuple[int, bool]], random_: random.Random
) -> None:
    rows = [response(p, c, "1", float(c)) for p, c in pairs]
    shuffled = rows[:]
    random_.shuffle(shuffled)
    a, b = grouped(rows), grouped(shuffled)
    assert a.sizes == b.sizes
    assert {k: m.mean for k, m in a.pass_at.items()} == pytest.approx({k: m.mean for k, m in b.pass_at.items()})
