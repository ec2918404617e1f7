"""The monitor: alarms where a model is being hacked, silence elsewhere."""

from __future__ import annotations

import random

import pytest

from r1_reward.reward_models.monitor import (
    Admission,
    Bounds,
    Monitor,
    Window,
    length_trend,
    pessimistic,
    repetition,
)
from r1_reward.verifiers import ConfigError


def windows(scores: list[float], accuracies: list[float]) -> list[int]:
    """How many alarms each window gives."""
    monitor = Monitor(Bounds(windows=3))
    pairs = zip(scores, accuracies, strict=True)
    return [len(monitor.take(Window(step=n, scores=[s], accuracy=a))) for n, (s, a) in enumerate(pairs)]


def test_score_up_and_accuracy_down_for_three_windows_is_an_alarm() -> None:
    assert windows([1, 2, 3, 4, 5], [0.9, 0.8, 0.7, 0.6, 0.5]) == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("scores", "accuracies"),
    [
        ([1, 2, 3, 4], [0.5, 0.6, 0.7, 0.8]),
        ([4, 3, 2, 1], [0.8, 0.7, 0.6, 0.5]),
        ([1, 2, 1.5, 4, 5], [0.9, 0.8, 0.7, 0.6, 0.5]),
        ([1, 2, 3, 4], [0.9, 0.9, 0.9, 0.9]),
    ],
    ids=["both rise", "both fall", "a pause", "accuracy holds"],
)
def test_nothing_else_is(scores: list[float], accuracies: list[float]) -> None:
    assert sum(windows(scores, accuracies)) == 0


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
    told = 0
    for step in range(300):
        scores, lengths = ([draw.random() for _ in range(8)] for _ in range(2))
        told += len(Monitor().take(Window(step=step, scores=scores, lengths=lengths)))
    assert told <= 6
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


def test_preference_is_admitted_late() -> None:
    assert [Admission().weight(step) for step in (0, 1299, 1300, 1699)] == [0, 0, 1, 1]
    rising = [Admission(begins=10, ramp=5).weight(step) for step in range(9, 17)]
    assert rising == [0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1]
    with pytest.raises(ConfigError):
        Bounds(windows=0)


def test_repetition_of_short_text_is_none() -> None:
    assert repetition("") == repetition("one two three") == 0.0
    assert repetition("a b c d " * 50) > 0.9
