"""Whether a score rises while accuracy falls: what hacking looks like (the paper's B.5), and what collapse does.

Each step of training asks other prompts, so both jump about; a rise in three steps of three means nothing. A trend is
the difference between the halves of a span, held against what neighbouring steps differ by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple


class RewardAccuracyDivergence(NamedTuple):
    """How score and accuracy went apart."""

    span: int
    """The last so many steps; its halves were compared."""
    score: float
    """By how much the score's mean rose."""
    accuracy: float
    """By how much that of accuracy changed; below 0."""


def reward_accuracy_divergence(
    scores: Sequence[float], accuracies: Sequence[float], shortest: int
) -> RewardAccuracyDivergence | None:
    """How accuracy fell while the score rose, both by more than noise, up to the last step; None where they did not.

    Looked for over the last `shortest` steps (at least 2), over twice as many, and so on up to all: a fast fall is
    seen, and a slow one. Accuracy must fall by three standard errors and a fifth of what it was, the score rise by two;
    from spans of four times the shortest on, of which a run has few, a tenth and one standard error are enough.

    >>> reward_accuracy_divergence([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], shortest=6)
    RewardAccuracyDivergence(span=6, score=0.3, accuracy=-0.3)
    """
    known = len(scores)
    near, span = slice(max(0, known - 4 * shortest), known), max(2, shortest)
    while span <= known:
        middle = known - span // 2
        (score, noise_s), (accuracy, noise_a) = (
            _change(values[known - span : middle], values[middle:], values[near]) for values in (scores, accuracies)
        )
        share, sure = (0.2, 2) if span < 4 * shortest else (0.1, 1)
        least = max(3 * noise_a, share * fmean(accuracies[known - span : middle]), 0.01)
        if accuracy < -least and score > sure * noise_s:
            return RewardAccuracyDivergence(span, round(score, 12), round(accuracy, 12))
        span *= 2
    return None


def _change(earlier: Sequence[float], later: Sequence[float], near: Sequence[float]) -> tuple[float, float]:
    """The difference of two means, and its standard error.

    Whatever the trend, a step differs from the next by twice the variance of one.
    """
    variance = fmean((one - other) ** 2 for one, other in pairwise(near)) / 2
    return fmean(later) - fmean(earlier), math.sqrt(variance * (1 / len(earlier) + 1 / len(later)))
