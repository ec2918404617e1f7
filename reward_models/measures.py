"""What says how good scores are: accuracy, AUC, Brier score, calibration error, correlation with length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..scoring.stats import Clustered, Interval

Array = np.ndarray[Any, np.dtype[Any]]  # any: numpy's own default
Numbers = Sequence[float] | Array
Labels = Sequence[bool] | Array


def accuracy(differences: Numbers, groups: Sequence[bytes]) -> tuple[float | None, Interval | None]:
    """Share of pairs whose chosen response scores higher, ties half; with its 95 % interval, clustered by prompt.

    >>> accuracy([1.0, -1.0, 0.0], [b"a", b"b", b"c"])[0]
    0.5
    """
    sums: dict[bytes, list[float]] = {}
    for difference, group in zip(differences, groups, strict=True):
        sums.setdefault(group, []).append(1.0 if difference > 0 else 0.5 if difference == 0 else 0.0)
    mean = Clustered()
    for right in sums.values():
        mean.add(sum(right), len(right))
    return mean.mean, mean.share_interval


def auc(scores: Numbers, labels: Labels) -> float | None:
    """Chance that a positive scores above a negative, ties half; None without both.

    >>> auc([3, 2, 2, 1], [True, True, False, False])
    0.875
    """
    values, truth = np.asarray(scores, float), np.asarray(labels, bool)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    middle = last - (counts - 1) / 2  # the mean rank of equal values
    ranks = float(middle[inverse][truth].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def brier(probabilities: Numbers, labels: Labels) -> float:
    """Mean squared distance of probabilities and outcomes.

    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    return float(((np.asarray(probabilities, float) - np.asarray(labels, float)) ** 2).mean())


def calibration_error(probabilities: Numbers, labels: Labels, *, bins: int = 15) -> float:
    """Expected calibration error: |mean probability - share of positives| in bins of equal width, weighted by size.

    >>> round(calibration_error([0.9] * 10, [True] * 6 + [False] * 4), 6)
    0.3
    """
    values, truth = np.asarray(probabilities, float), np.asarray(labels, float)
    place = np.minimum((values * bins).astype(int), bins - 1)
    differences = np.bincount(place, values, bins) - np.bincount(place, truth, bins)
    return float(np.abs(differences).sum() / len(values))


def correlation(one: Numbers, other: Numbers) -> float | None:
    """Pearson's; None where either does not vary.

    >>> round(correlation([1, 2, 3], [2, 4, 7]), 3)
    0.993
    """
    a, b = np.asarray(one, float), np.asarray(other, float)
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def sigmoid(values: Numbers) -> Array:
    """1 / (1 + e^-x), without overflow."""
    x = np.asarray(values, float)
    small = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return result


def fit_temperature(logits: Numbers, labels: Labels) -> float:
    """The T for which `sigmoid(logit / T)` has the greatest likelihood, between 0.01 and 1000, by golden section.

    >>> values = [2.0] * 100
    >>> round(fit_temperature(values, [True] * 73 + [False] * 27), 2)  # sigmoid(2 / 2.01) = 0.73
    2.01
    """
    x = np.asarray(logits, float)
    signed = np.where(np.asarray(labels, bool), x, -x)

    def loss(log_t: float) -> float:
        return float(np.logaddexp(0, -signed * np.exp(-log_t)).mean())

    # The loss is convex in 1 / T, so it has one minimum over log T.
    low, high = float(np.log(0.01)), float(np.log(1000))
    golden = (5**0.5 - 1) / 2
    for _ in range(80):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if loss(a) <= loss(b):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))


class Scale(NamedTuple):
    """The scale of some raw scores."""

    mean: float
    std: float
    """1 where the scores are the same but for rounding, and have no scale to divide by."""
    low: float
    """The lowest, or three deviations below the mean where that is lower."""
    temperature: float
    """Of the probability that a first score is preferred, or that a response is safe."""


def scale_of(scores: Sequence[Sequence[float]], safe: Sequence[bool] | None = None) -> Scale:
    """The scale of pairs of scores, the better one first, or of single ones with their labels.

    >>> scale_of([[1.0, -1.0], [3.0, 1.0]]).mean
    1.0
    """
    flat = np.array([score for group in scores for score in group], float)
    mean = float(flat.mean())
    std = float(flat.std(ddof=1)) if len(flat) > 1 else 0.0
    std = std if std > 1e-6 * (1 + abs(mean)) else 1.0
    if safe is None:
        temperature = fit_temperature([one - other for one, other in scores], [True] * len(scores))
    else:
        temperature = fit_temperature(flat, safe)
    return Scale(mean, std, min(float(flat.min()), mean - 3 * std), temperature)
