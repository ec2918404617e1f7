"""AlpacaEval 2's length-controlled win rate: the published formula, and the figures of its own package."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from r1_reward.inspection.judging import (
    BaselineVerdict,
    arena_hard_score,
    estimate_difficulties,
    instruction_difficulties,
    length_controlled,
    win_rate,
)
from r1_reward.verifiers import JudgeVerifier, Sample
from r1_reward.verifiers.errors import RunError


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def draw(seed: int, skill: float, longer: float, hard: Sequence[float], taste: float = 1.2) -> list[BaselineVerdict]:
    """Verdicts of the formula: a model's skill, the judge's taste for length, each instruction's difficulty."""
    rng = random.Random(seed)
    lengths = [(round(rng.uniform(500, 2500) + longer), round(rng.uniform(800, 2200))) for _ in hard]
    spread = statistics.stdev(a - b for a, b in lengths)
    ps = [sigmoid(skill + taste * math.tanh((a - b) / spread) + c) for (a, b), c in zip(lengths, hard, strict=True)]
    return [
        BaselineVerdict(preference=float(rng.random() < p), length=a, baseline_length=b, instruction=str(n))
        for n, ((a, b), p) in enumerate(zip(lengths, ps, strict=True))
    ]


HARD = [random.Random(n).gauss(0, 1.2) for n in range(400)]
GAMMA = {str(n): value for n, value in enumerate(HARD)}


def fitted(comparisons: Sequence[BaselineVerdict], gamma: Sequence[float] | None) -> float:
    """The rate by gradient ascent on the log-likelihood, without a penalty, as the formula is written."""
    np = pytest.importorskip("numpy")
    difference = np.array([one.length - one.baseline_length for one in comparisons], float)
    columns = [np.ones(len(difference)), np.tanh(difference / difference.std(ddof=1))]
    x = np.stack(columns if gamma is None else [*columns, np.array(gamma)], axis=1)
    y = np.array([one.preference for one in comparisons])
    beta = np.zeros(x.shape[1])
    for _ in range(4000):
        beta += 2.0 * x.T @ (y - 1 / (1 + np.exp(-x @ beta))) / len(y)
    x[:, 1] = 0.0
    return float((1 / (1 + np.exp(-x @ beta))).mean())


@pytest.mark.parametrize(("skill", "longer"), [(-2.0, 600.0), (0.3, -500.0), (1.5, 100.0)])
def test_the_rate_is_that_of_the_formula(skill: float, longer: float) -> None:
    comparisons = draw(5, skill, longer, HARD)
    assert win_rate(comparisons).length_controlled == pytest.approx(fitted(comparisons, None), abs=2e-4)
    found = win_rate(comparisons, GAMMA)
    assert found.length_controlled == pytest.approx(fitted(comparisons, HARD), abs=2e-4)
    truth = sum(sigmoid(skill + one) for one in HARD) / len(HARD)
    assert abs(found.length_controlled - truth) < 3 * found.standard_error < 0.1
    if longer * longer > 1e5:  # where the lengths differ a lot, the raw rate is far off
        assert abs(found.length_controlled - truth) < abs(found.raw - truth)
    assert found.difficulty_coefficient == pytest.approx(1, abs=0.4)
    assert (found.length_coefficient > 0.7, found.n) == (True, 400)


ALPACA_EVAL = [(-2.0, 600.0, 17.783, 18.800), (0.3, -500.0, 58.409, 57.005), (1.5, 100.0, 80.546, 80.485)]
"""Skill, longer; then `length_controlled_v1` and `length_controlled_minimal` of alpaca_eval 0.6.6, in percent."""


@pytest.mark.parametrize(("skill", "longer", "full", "minimal"), ALPACA_EVAL)
def test_the_rate_is_near_that_of_alpaca_evals_package(
    skill: float, longer: float, full: float, minimal: float
) -> None:
    comparisons = draw(5, skill, longer, HARD)
    variants = [draw(seed, 0.0, by, [0.0] * len(HARD)) for seed, by in ((1, -700), (2, 900))]
    assert 100 * win_rate(comparisons, GAMMA, variants).length_controlled == pytest.approx(full, abs=0.3)
    assert 100 * win_rate(comparisons).length_controlled == pytest.approx(minimal, abs=0.3)


def test_a_model_and_the_baseline_changed_round_have_the_other_rate() -> None:
    comparisons = draw(5, 0.8, 300.0, HARD)
    other = [
        BaselineVerdict(preference=1 - one.preference, length=one.baseline_length, baseline_length=one.length,
                   instruction=one.instruction) for one in comparisons
    ]  # fmt: skip
    for gamma in (None, GAMMA):
        opposite = None if gamma is None else {name: -value for name, value in gamma.items()}
        one, two = win_rate(comparisons, gamma), win_rate(other, opposite)
        assert one.length_controlled == pytest.approx(1 - two.length_controlled, abs=1e-9)
        assert one.standard_error == pytest.approx(two.standard_error, rel=1e-6)


def test_variants_of_the_baseline_draw_the_length_coefficient_to_the_judges_taste() -> None:
    truncated = draw(4, -1.0, 0.0, HARD, taste=4.0)  # a model whose bad answers are cut short
    variants = [draw(seed, 0.0, by, [0.0] * len(HARD), taste=0.5) for seed, by in ((1, -700), (2, 900))]
    alone, drawn = win_rate(truncated), win_rate(truncated, None, variants)
    assert 0.5 < drawn.length_coefficient < alone.length_coefficient - 0.1


def test_difficulties_are_estimated_from_several_models() -> None:
    models = [draw(20 + n, -1.5 + n / 3, 150.0 * n - 500, HARD[:150]) for n in range(7)]
    gamma = estimate_difficulties(models)
    names = sorted(gamma)
    assert statistics.correlation([gamma[n] for n in names], [GAMMA[n] for n in names]) > 0.7
    for one in models:
        known, estimated = win_rate(one, GAMMA), win_rate(one, gamma)
        assert estimated.length_controlled == pytest.approx(known.length_controlled, abs=0.02)
    # What differs by chance alone has no difficulty.
    noise = estimate_difficulties([draw(40 + n, 0.0, 0.0, [0.0] * 100) for n in range(3)])
    assert statistics.pstdev(noise.values()) < 0.3 < statistics.pstdev(gamma.values())


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda _: win_rate([]), "no verdict"),
        (lambda one: win_rate(one, {"0": 1.0}), "no difficulty of the instruction '1'"),
        (lambda one: win_rate(one, dict.fromkeys(GAMMA, math.nan)), "no difficulty of the instruction '0'"),
        (lambda one: estimate_difficulties([one]), "two models or more"),
        (
            lambda _: estimate_difficulties([[BaselineVerdict(preference=1, length=1, baseline_length=1)]] * 2),
            "names no",
        ),
    ],
)
def test_what_is_missing_is_no_number(work: Any, message: str) -> None:
    with pytest.raises(RunError, match=message):
        work(draw(5, 0.0, 0.0, HARD[:9]))


def test_scored_rows_are_read_and_an_empty_answer_is_a_lost_one(tmp_path: Path) -> None:
    def judged(model: int) -> list[dict[str, Any]]:
        rows = []
        for n in range(40):
            reply = lambda text, n=n: json.dumps({  # noqa: E731
                "code": text.rsplit('"code": "', 1)[1][:16], "reasons": "",
                "verdict": "tie" if n == 7 else "A" if "mine" in text.split("response A>>>")[1][:6] else "B",
            })  # fmt: skip
            response = "" if n % (5 + model) == 0 else f"mine{n}"
            sample = Sample(prompt=f"{n}?", response=response, reference="the other")
            (verdict,) = JudgeVerifier(ask=reply, rubric="alpaca_eval")([sample])
            rows.append(
                {"prompt": f"{n}?", "verdicts": {"judge": {"score": verdict.score, "evidence": verdict.evidence}}}
            )
        return rows

    rows, other = judged(0), judged(1)
    found = length_controlled([*rows, {"verdicts": {"judge": {"score": None, "evidence": {}}}}])
    assert (found.raw, found.n, found.unjudged) == ((40 - 8 - 0.5) / 40, 40, 1)
    gamma = instruction_difficulties([rows, other])
    assert gamma["0?"] == min(gamma.values())
    assert len(gamma) == 40
    assert length_controlled(rows, difficulties=gamma).difficulty_coefficient is not None
    (empty,) = JudgeVerifier(ask=str, rubric="arena_hard")([Sample(prompt="", response="", reference="a")])
    assert (empty.score, empty.evidence) == (0.0, {"weight": 6.0, "lengths": [0, 1]})
    assert arena_hard_score([{"verdicts": {"judge": {"score": 0.0, "evidence": empty.evidence}}}]) == 0.0
