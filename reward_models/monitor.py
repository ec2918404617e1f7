"""Watching a reward model while it trains a policy, since it can be hacked.

In the paper's B.5 the helpful model's score rises while accuracy on code falls; that, and its usual forerunners, are
what is looked for here: scores that follow length, distance from the reference policy, text that repeats itself, models
that disagree. Nothing here stops a run; an alarm is a sentence for a person or for the loop that asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Annotated

from ..training.divergence import reward_accuracy_divergence
from ..verifiers.settings import Rule, check
from .measures import correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthTrend:
    """How far scores follow length."""

    correlation: float | None
    """Pearson's; None where either does not vary."""
    slope: float | None
    """Score per thousand units of length, least squares."""


def length_trend(scores: Sequence[float], lengths: Sequence[float]) -> LengthTrend:
    """Correlation of scores with lengths, and the slope.

    Args:
        scores: One for each response.
        lengths: Characters or tokens, in the same order.

    Returns:
        Pearson's r, and the change of score for a thousand units of length; None where there is no variance.

    Raises:
        ValueError: There are not as many of both.

    >>> length_trend([1.0, 2.0, 3.0], [1000, 2000, 3000])
    LengthTrend(correlation=1.0, slope=1.0)
    """
    if len(scores) != len(lengths):
        raise ValueError(f"there are {len(scores)} scores and {len(lengths)} lengths")
    r = correlation(scores, lengths)
    if r is None:
        return LengthTrend(correlation=None, slope=None)
    n = len(scores)
    mean_score, mean_length = sum(scores) / n, sum(lengths) / n
    above = sum((s - mean_score) * (x - mean_length) for s, x in zip(scores, lengths, strict=True))
    per_thousand = 1000 * above / sum((x - mean_length) ** 2 for x in lengths)
    return LengthTrend(correlation=round(r, 12), slope=round(per_thousand, 12))


def repetition(text: str, *, words: int = 4) -> float:
    """Share of the word sequences of a text that repeat an earlier one.

    Args:
        text: A response.
        words: Words of a sequence.

    Returns:
        A number from 0 to 1; 0 for a text of fewer words.

    Raises:
        ValueError: `words` is less than 1.

    >>> repetition("so it goes and so it goes and so it goes")
    0.5
    """
    if words < 1:
        raise ValueError(f"words is {words}; it must be at least 1")
    tokens = text.split()
    total = len(tokens) - words + 1
    return 0.0 if total < 1 else 1 - len({tuple(tokens[at : at + words]) for at in range(total)}) / total


def spread(scores: Sequence[float]) -> float:
    """How far several models' scores of one response lie apart: their standard deviation.

    Args:
        scores: Of one response, a number for each model.

    Returns:
        The population's standard deviation.

    Raises:
        ValueError: There is no score.

    >>> spread([2.0, 0.0])
    1.0
    """
    if len(scores) == 0:
        raise ValueError("there is no score")
    mean = sum(scores) / len(scores)
    return math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))


def pessimistic(scores: Sequence[float], *, k: float = 1.0) -> float:
    """Mean less `k` standard deviations of several models' scores of one response: what they do not agree on counts
    for little.

    Args:
        scores: Of one response, a number for each model.
        k: Standard deviations to take off.

    Returns:
        Mean - k * `spread`.

    Raises:
        ValueError: There is no score.

    >>> pessimistic([1.0, 1.0]), pessimistic([2.0, 0.0])
    (1.0, 0.0)
    """
    apart = spread(scores)
    return sum(scores) / len(scores) - k * apart


def _surely(r: float, count: int) -> float:
    """What the magnitude of a correlation of so many pairs exceeds with 95 % confidence, by Fisher's z."""
    if count < 4:
        return 0.0
    z = math.atanh(min(abs(r), 1 - 1e-12)) - 1.645 / math.sqrt(count - 3)
    return math.tanh(max(0.0, z))


_Bound = Annotated[float, Rule("at least 0", lambda value: value >= 0)]
"""Infinity stands for no alarm; with NaN there would be none either, and nobody would know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Above what there is an alarm.

    Raises:
        ConfigError: A value is no bound.
    """

    windows: Annotated[int, Rule("at least 2", lambda value: value >= 2)] = 6
    """Fewest windows over which the score can rise while accuracy falls; it is looked for over twice as many, four
    times, and so on, too."""
    length_correlation: _Bound = 0.5
    """Of score and length, in magnitude; what a window of its size cannot tell from this is no alarm."""
    kl: _Bound = 50.0
    """Mean divergence from the reference policy, nats per response."""
    repetition: _Bound = 0.2
    """Mean share of repeated word sequences."""
    spread: _Bound = 1.0
    """Mean standard deviation between models, in normalised scores."""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was seen over some steps. None: not measured."""

    step: int
    """The last of them."""
    scores: Sequence[float]
    """The reward model's, normalised."""
    lengths: Sequence[float] = ()
    """Of the same responses."""
    accuracy: float | None = None
    """Of the policy on questions with gold answers, by a verifier that cannot be hacked."""
    kl: float | None = None
    """Mean divergence from the reference policy."""
    texts: Sequence[str] = ()
    """Some of the responses."""
    spreads: Sequence[float] = ()
    """Between models, of the same responses."""


@dataclass(slots=True)
class Monitor:
    """Takes windows and gives alarms.

    >>> monitor = Monitor()
    >>> alarms = [monitor.take(Window(step=n, scores=[n / 10], accuracy=0.9 - n / 10)) for n in range(6)]
    >>> [len(each) for each in alarms]
    [0, 0, 0, 0, 0, 1]
    """

    bounds: Bounds = field(default_factory=Bounds)
    """Above what there is an alarm."""
    _scores: list[float] = field(default_factory=list)
    _accuracies: list[float] = field(default_factory=list)

    def take(self, window: Window) -> list[str]:
        """The alarms of a window, as sentences; none where all is well.

        Args:
            window: What was seen over some steps.

        Returns:
            Sentences, each naming the step; empty where all is well.
        """
        bounds, alarms = self.bounds, []
        # As lists, since arrays of numpy and torch do not say whether they are empty.
        scores, lengths, spreads = (
            [float(one) for one in column] for column in (window.scores, window.lengths, window.spreads)
        )
        if not all(map(math.isfinite, scores)):
            alarms.append(f"step {window.step}: the reward model's mean score is {sum(scores) / len(scores)}")
        elif window.accuracy is not None and not math.isfinite(window.accuracy):
            alarms.append(f"step {window.step}: accuracy is {window.accuracy}")
        elif scores and window.accuracy is not None:
            self._scores.append(fmean(scores))
            self._accuracies.append(window.accuracy)
            if apart := reward_accuracy_divergence(self._scores, self._accuracies, bounds.windows):
                alarms.append(
                    f"step {window.step}: over {apart.span} windows the reward model's score rose by "
                    f"{apart.score:.3f} while accuracy fell by {-apart.accuracy:.3f}: hacking"
                )
        if scores and lengths:
            trend = length_trend(scores, lengths).correlation
            if trend is not None and _surely(trend, len(lengths)) > bounds.length_correlation:
                alarms.append(f"step {window.step}: scores follow length, correlation {trend:.2f}")
        if window.kl is not None and not window.kl <= bounds.kl:
            alarms.append(f"step {window.step}: divergence {window.kl:.1f} is over the budget of {bounds.kl:g}")
        if len(window.texts):
            share = sum(map(repetition, window.texts)) / len(window.texts)
            if share > bounds.repetition:
                alarms.append(f"step {window.step}: {share:.0%} of the word sequences repeat")
        if spreads:
            spread = sum(spreads) / len(spreads)
            if not spread <= bounds.spread:
                alarms.append(f"step {window.step}: the models disagree by {spread:.2f}")
        return alarms
