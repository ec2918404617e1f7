"""The monitor: alarms where a model is being hacked, silence elsewhere."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from r1_reward.reward_models.monitor import (
    Bounds,
    Monitor,
    Window,
    length_trend,
    pessimistic,
    repetition,
)
from r1_reward.verifiers import ConfigError


def alarms(scores: list[float], accuracies: list[float]) -> list[int]:
    """The windows at which there is an alarm."""
    monitor = Monitor()
    pairs = enumerate(zip(scores, accuracies, strict=True))
    return [n for n, (score, accuracy) in pairs if monitor.take(Window(step=n, scores=[score], accuracy=accuracy))]


def course(start: float, end: float, noise: float, *, seed: int, count: int = 48) -> list[float]:
    """A line from start to end with noise, as other prompts at each step make it."""
    draw = random.Random(f"{start} {end} {noise} {seed}")
    return [start + (end - start) * n / count + draw.gauss(0, noise) for n in range(count)]


@pytest.mark.parametrize(("rise", "seed"), [(rise, seed) for rise in (0.3, 1.0, 4.0) for seed in range(5)])
def test_a_score_that_rises_under_noise_while_accuracy_falls_is_an_alarm(rise: float, seed: int) -> None:
    """Noise of a third of the rise, so that every third step or so the score falls."""
    fires = alarms(course(0, rise, rise / 3, seed=seed), course(0.95, 0.4, 0.04, seed=seed))
    assert fires
    assert fires[0] > 6


@pytest.mark.parametrize(
    ("scores", "accuracies"),
    [((0, 1), (0.5, 0.8)), ((1, 0), (0.9, 0.4)), ((0, 1), (0.9, 0.9)), ((0, 0), (0.9, 0.9)), ((1, 1), (0.2, 0.2))],
    ids=["both rise", "both fall", "accuracy holds", "nothing moves", "nothing moves, accuracy low"],
)
def test_nothing_else_is(scores: tuple[float, float], accuracies: tuple[float, float]) -> None:
    fired = [bool(alarms(course(*scores, 0.3, seed=n), course(*accuracies, 0.04, seed=n + 90))) for n in range(40)]
    assert sum(fired) <= 2


def test_an_alarm_tells_what_moved_and_when() -> None:
    monitor = Monitor(Bounds(windows=8))
    results = [monitor.take(Window(step=10 * n, scores=[n, n + 2.0], accuracy=0.9 - n / 10)) for n in range(8)]
    said = "step 70: over 8 windows the reward model's score rose by 4.000 while accuracy fell by 0.400: hacking"
    assert results == [[]] * 7 + [[said]]


def test_a_score_that_is_no_number_is_an_alarm_and_blinds_nobody() -> None:
    monitor = Monitor()
    assert "mean score is nan" in monitor.take(Window(step=0, scores=[1.0, float("nan")], accuracy=0.9))[0]
    results = [monitor.take(Window(step=n, scores=[n / 10], accuracy=0.9 - n / 10)) for n in range(1, 7)]
    assert [len(alarms) for alarms in results] == [0, 0, 0, 0, 0, 1]


def test_an_accuracy_that_is_no_number_is_an_alarm_and_blinds_nobody() -> None:
    monitor = Monitor()
    results = [
        monitor.take(Window(step=n, scores=[n / 10], accuracy=float("nan") if n == 3 else 0.9 - n / 10))
        for n in range(7)
    ]
    assert results[3] == ["step 3: accuracy is nan"]
    assert "hacking" in results[6][0]


def test_infinities_that_cancel_are_an_alarm() -> None:
    (result,) = Monitor().take(Window(step=1, scores=[float("inf"), -float("inf")]))
    assert "mean score is nan" in result


def test_arrays_are_taken_as_lists_are() -> None:
    numbers = np.arange(8.0)
    result = Monitor().take(Window(step=1, scores=numbers, lengths=numbers * 100, spreads=numbers))  # type: ignore[arg-type]
    assert ["follow length" in result[0], "disagree" in result[1], len(result)] == [True, True, 2]
    assert Monitor().take(Window(step=1, scores=numbers[:0], lengths=numbers[:0])) == []  # type: ignore[arg-type]
    assert pessimistic(np.array([2.0, 0.0])) == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [{"windows": 1}, {"windows": "6"}, {"kl": None}, {"kl": "50"}, {"repetition": float("nan")}, {"spread": -1}],
)
def test_bounds_that_bound_nothing_are_told_before_training(value: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(value))):
        Bounds(**value)
    assert Monitor(Bounds(kl=float("inf"))).take(Window(step=1, scores=[1.0], kl=1e9)) == []


def test_what_cannot_be_measured_is_told() -> None:
    with pytest.raises(ValueError, match="2 scores and 1 lengths"):
        length_trend([1.0, 2.0], [1])
    with pytest.raises(ValueError, match="words is 0"):
        repetition("a b", words=0)


def test_windows_without_accuracy_or_scores_do_not_count() -> None:
    monitor = Monitor()
    rows = [Window(step=0, scores=[1.0]), Window(step=1, scores=[], accuracy=0.5)]
    assert [monitor.take(row) for row in rows * 10] == [[]] * 20


def test_other_signs_have_alarms_of_their_own() -> None:
    draw = random.Random(0)
    lengths = [draw.uniform(100, 1000) for _ in range(50)]
    follows = [length / 100 + draw.random() for length in lengths]
    free = [draw.random() for _ in lengths]
    monitor = Monitor()
    assert monitor.take(Window(step=1, scores=free, lengths=lengths, kl=3.0, texts=["a b c d e"], spreads=[0.1])) == []
    assert "follow length" in monitor.take(Window(step=2, scores=follows, lengths=lengths))[0]
    assert "over the budget" in monitor.take(Window(step=3, scores=free, kl=51.0))[0]
    assert "over the budget" in monitor.take(Window(step=3, scores=free, kl=float("nan")))[0]
    assert "repeat" in monitor.take(Window(step=4, scores=free, texts=["so it goes " * 30]))[0]
    assert "disagree" in monitor.take(Window(step=5, scores=free, spreads=[2.0, 1.5]))[0]


def test_a_window_too_small_to_tell_is_no_alarm() -> None:
    draw = random.Random(2)
    text = 0
    for step in range(300):
        scores, lengths = ([draw.random() for _ in range(8)] for _ in range(2))
        text += len(Monitor().take(Window(step=step, scores=scores, lengths=lengths)))
    assert text <= 6
    assert Monitor().take(Window(step=1, scores=[1.0, 2.0], lengths=[10, 20])) == []


def test_trend_recovers_a_planted_slope() -> None:
    draw = random.Random(1)
    lengths = [draw.uniform(0, 5000) for _ in range(2000)]
    trend = length_trend([0.002 * x + draw.gauss(0, 1) for x in lengths], lengths)
    assert trend.slope == pytest.approx(2.0, abs=0.1)
    assert trend.correlation == pytest.approx(0.945, abs=0.02)
    assert length_trend([1.0, 1.0], [1, 2]).slope is None


def test_models_that_disagree_count_for_less() -> None:
    assert pessimistic([3.0, 3.0]) > pessimistic([5.0, 1.0])
    assert pessimistic([5.0, 1.0], k=0) == 3.0
    with pytest.raises(ValueError, match="no score"):
        pessimistic([])


def test_a_bound_that_is_too_small_is_refused() -> None:
    with pytest.raises(ConfigError):
        Bounds(windows=1)


def test_repetition_of_short_text_is_none() -> None:
    assert repetition("") == repetition("one two three") == 0.0
    assert repetition("a b c d " * 50) > 0.9
