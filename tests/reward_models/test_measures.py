"""The measures against definitions written out and against scikit-learn where it is there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.reward_models.measures import auc, brier, calibration_error, correlation, fit_temperature, sigmoid

VALUES = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40)


@given(VALUES)
def test_auc_is_the_chance_that_a_positive_is_above_a_negative(values: list[tuple[int, bool]]) -> None:
    scores, labels = [value for value, _ in values], [label for _, label in values]
    positives = [value for value, label in values if label]
    negatives = [value for value, label in values if not label]
    result = auc(scores, labels)
    if not positives or not negatives:
        assert result is None
        return
    wins = [1.0 if p > n else 0.5 if p == n else 0.0 for p in positives for n in negatives]
    assert result == pytest.approx(sum(wins) / len(wins))


def test_calibrated_probabilities_have_no_error_and_confident_lies_the_greatest() -> None:
    draw = np.random.default_rng(0)
    p = draw.random(50_000)
    assert calibration_error(p, (draw.random(50_000) < p).tolist()) < 0.01
    assert calibration_error([1.0] * 10, [False] * 10) == 1.0
    assert brier([1.0] * 10, [False] * 10) == 1.0


def test_temperature_undoes_what_scaled_the_logits() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, 40_000)
    labels = (draw.random(40_000) < sigmoid(logits)).tolist()
    for scale in (0.1, 1.0, 7.0):
        assert fit_temperature(logits * scale, labels) == pytest.approx(scale, rel=0.05)


def test_extremes_neither_overflow_nor_warn() -> None:
    assert sigmoid([-1e4, 0, 1e4]).tolist() == [0.0, 0.5, 1.0]
    assert fit_temperature([5.0] * 4, [True] * 4) == pytest.approx(0.01, rel=0.01)
    assert fit_temperature([5.0] * 4, [False] * 4) == pytest.approx(1000, rel=0.01)
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert math.isclose(correlation([1, 2, 3], [3, 2, 1]) or 0, -1.0)
