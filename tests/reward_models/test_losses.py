"""The losses against their formulas in float64, their gradients against finite differences, and their symmetries."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.reward_models.losses import bradley_terry, joint, pointwise

pytestmark = pytest.mark.needs("torch")

SCORE = st.floats(-30, 30)


def softplus(x: float) -> float:
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


def f64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(SCORE, SCORE, st.floats(-3, 3), st.floats(0, 1), st.floats(0, 0.49))
def test_bradley_terry_is_its_formula(
    chosen: float, rejected: float, margin: float, centering: float, smoothing: float
) -> None:
    d = chosen - rejected - margin
    expected = (1 - smoothing) * softplus(-d) + smoothing * softplus(d) + centering * (chosen + rejected) ** 2
    result = bradley_terry(f64(chosen), f64(rejected), f64(margin), centering=centering, smoothing=smoothing)
    assert result.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(SCORE, st.sampled_from([0.0, 1.0]), st.floats(0.1, 10))
def test_pointwise_is_its_formula(score: float, safe: float, weight: float) -> None:
    expected = weight * softplus(-score) if safe else softplus(score)
    assert pointwise(f64(score), f64(safe), pos_weight=weight).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    chosen, rejected, margin = (torch.randn(6, generator=draw, dtype=torch.float64) for _ in range(3))
    chosen.requires_grad_()
    rejected.requires_grad_()
    check = torch.autograd.gradcheck
    assert check(lambda c, r: bradley_terry(c, r, margin, centering=0.1, smoothing=0.2), (chosen, rejected))
    safe = torch.tensor([0, 1, 1, 0, 1, 0], dtype=torch.float64)
    assert check(lambda s: pointwise(s, safe, pos_weight=3.0), (chosen,))
    assert check(lambda c, r: joint(bradley_terry(c, r), pointwise(c, safe), share=0.3), (chosen, rejected))


@given(SCORE, SCORE, st.floats(-10, 10))
def test_level_of_scores_is_free_unless_centred(chosen: float, rejected: float, shift: float) -> None:
    plain = bradley_terry(f64(chosen), f64(rejected)).item()
    assert bradley_terry(f64(chosen + shift), f64(rejected + shift)).item() == pytest.approx(plain, abs=1e-6)
    centred = bradley_terry(f64(abs(chosen) + 1), f64(abs(rejected) + 1), centering=1.0).item()
    assert centred > bradley_terry(f64(abs(chosen) + 1), f64(abs(rejected) + 1)).item()


def test_huge_scores_stay_finite() -> None:
    huge = torch.tensor([1e30, -1e30])
    result = bradley_terry(huge, -huge)
    assert torch.isfinite(result).all()
    assert torch.isfinite(pointwise(huge, torch.tensor([0.0, 1.0]))).all()


def test_half_smoothing_cannot_tell_the_sides() -> None:
    one = bradley_terry(f64(3.0), f64(1.0), smoothing=0.5)
    other = bradley_terry(f64(1.0), f64(3.0), smoothing=0.5)
    torch.testing.assert_close(one, other)
