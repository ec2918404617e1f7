"""The statistics of a summary, from their formulas.

Responses to one problem are not independent, so every interval is clustered by problem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

Z95 = NormalDist().inv_cdf(0.975)

Interval = tuple[float, float]


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Chance that at least one of k responses drawn from n without replacement is correct: 1 - C(n-c, k) / C(n, k).

    The unbiased estimate of Chen et al., "Evaluating Large Language Models Trained on Code" (2021), eq. (1). Raises
    ValueError unless 0 <= correct <= n and 1 <= k <= n.

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} is not defined for {correct} of {n}")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def majority(votes: dict[int, int], correct: set[int]) -> float:
    """Chance that the most voted class is a correct one, ties broken at random; 0 where nobody voted.

    >>> majority({0: 3, 1: 3, 2: 1}, {1})
    0.5
    """
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [number for number, count in votes.items() if count == most]
    return sum(number in correct for number in winners) / len(winners)


@dataclass(slots=True)
class Clustered:
    """A mean over values that come in clusters, with the cluster-robust standard error of a ratio of totals.

    With n_g values of sum S_g in cluster g of G and mean m: se^2 = G/(G-1) sum_g (S_g - m n_g)^2 / (sum_g n_g)^2.

    >>> mean = Clustered()
    >>> for total, count in ((2, 2), (0, 2)): mean.add(total, count)
    >>> mean.mean, round(mean.error, 4)
    (0.5, 0.5)
    """

    clusters: int = 0
    n: int = 0
    total: float = 0.0
    _ss: float = 0.0
    _sn: float = 0.0
    _nn: float = 0.0
    _shift: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    _trials: int = 0

    def add(self, total: float, count: int, trials: int | None = None) -> None:
        """Add a cluster by its sum and its number of values; an empty one is none.

        `trials` are how many samples its values were made from, where a value is itself a share of several.
        """
        if count == 0:
            return
        self._trials += count if trials is None else trials
        if not self.clusters:
            self._shift = total / count
        self.clusters += 1
        self.least, self.most = min(self.least, total / count), max(self.most, total / count)
        self.n += count
        self.total += total
        # Sums of squares about the first mean, since far from 0 they would cancel.
        total -= self._shift * count
        self._ss += total * total
        self._sn += total * count
        self._nn += count * count

    @property
    def mean(self) -> float | None:
        """None where there are no values."""
        return self.total / self.n if self.n else None

    @property
    def error(self) -> float | None:
        """Standard error; None for fewer than two clusters."""
        if self.clusters < 2:
            return None
        mean = self.total / self.n - self._shift
        squares = max(0.0, self._ss - 2 * mean * self._sn + mean * mean * self._nn)
        return math.sqrt(self.clusters / (self.clusters - 1) * squares) / self.n

    @property
    def interval(self) -> Interval | None:
        """95 % normal interval of the mean; None for fewer than two clusters."""
        mean, error = self.mean, self.error
        return None if mean is None or error is None else (mean - Z95 * error, mean + Z95 * error)

    @property
    def bounded_interval(self) -> Interval | None:
        """The interval of a score between 0 and 1 as Wilson's, which never leaves that range; of another the normal
        one, cut to the values that clusters have.

        >>> mean = Clustered()
        >>> for total, count in ((1, 1), (1, 1), (0, 1)): mean.add(total, count)
        >>> [round(bound, 2) for bound in mean.bounded_interval]
        [0.16, 0.95]
        """
        if self.interval is None:
            return None
        if self.least >= 0 and self.most <= 1:
            return self.share_interval
        return max(self.interval[0], min(self.least, 0.0)), min(self.interval[1], max(self.most, 1.0))

    @property
    def share_interval(self) -> Interval | None:
        """95 % Wilson interval of a share, at the sample size that the clustered error is worth.

        That size is p(1-p)/se^2, at most the number of trials; the number of clusters where the error is 0, so that 25
        problems all solved do not read as certainty. None for fewer than two clusters.
        """
        p, error = self.mean, self.error
        if p is None or error is None:
            return None
        spread = p * (1 - p)
        worth = float(self.clusters)
        if error > 1e-12 and spread > 0:
            worth = min(float(self._trials), spread / (error * error))
        return wilson(p, max(worth, 1.0))


def interval_text(interval: Interval | None) -> str:
    """An interval in words; nothing for none."""
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def sigmoid(x: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def wilson(p: float, n: float) -> Interval:
    """95 % Wilson score interval of a share p seen in n trials.

    >>> [round(bound, 3) for bound in wilson(1.0, 25)]
    [0.867, 1.0]
    """
    z2 = Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
