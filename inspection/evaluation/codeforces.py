"""A rating on Codeforces from verdicts on the problems of past contests.

Each sample of a model is one participation: in a contest it has the points of the problems that it solves, in time and
at the first try. Its place m among the contest's n participants is one more than those with more points. Its rating r
there is the one that expects this place by Elo's formula,

    sum over participants i of 1 / (1 + 10 ** ((r - r_i) / 400)) = m,

which is searched by bisection from 0 to 100 above the best participant's, as CodeElo does (Quan et al., 2025,
arXiv:2501.01257, whose formula follows Mirzayanov's description of Codeforces' own, codeforces.com/blog/entry/20762). A
model's rating is the mean over samples and contests; its percentile is the share of the participants' ratings below it.

What it does not do: count the time that a solution took, or penalties; a participant's points lose by both, a model's
do not. CodeElo submits up to eight samples of each problem in one participation, so that its ratings are higher.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...verifiers.errors import ConfigError

CONTESTS = ".contests.json"
"""What the file beside a record that holds its contests is called, after the record's name."""
ABOVE = 100.0
"""How far above the best participant a rating can be."""
_STEPS = 60
"""Bisections, after which the rating is exact to 1e-14."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The participants of a contest."""

    name: str
    ratings: Sequence[float]
    """Of each, before the contest."""
    points: Sequence[float]
    """Of each, in the contest; in the same order."""

    @property
    def standings(self) -> list[list[float]]:
        """As `read_contest` reads them."""
        return [list(pair) for pair in zip(self.ratings, self.points, strict=True)]

    def place(self, points: float) -> int:
        """The place of one more participant with that many points, from 1.

        >>> Contest(name="1", ratings=(1500, 1600), points=(500, 1000)).place(500)
        2
        """
        return 1 + sum(one > points for one in self.points)


def read_contest(name: str, row: Mapping[str, Any]) -> Contest:  # any: JSON values
    """A contest from a row with `standings`, a list of `[rating, points]`. Raises ConfigError for anything else.

    >>> read_contest("1", {"standings": [[1500, 500], [1600, 1000]]}).ratings
    (1500.0, 1600.0)
    """
    pairs = row.get("standings")
    try:
        if not isinstance(pairs, list) or not pairs:
            raise TypeError
        ratings, points = zip(*((float(rating), float(score)) for rating, score in pairs), strict=True)
    except (TypeError, ValueError):
        raise ConfigError(
            f"the contest {name} has no standings: a list of [rating, points], one for each participant"
        ) from None
    return Contest(name=name, ratings=ratings, points=points)


def expected_place(rating: float, ratings: Sequence[float]) -> float:
    """The sum of the chances of each participant to beat a rating, by Elo's formula.

    >>> expected_place(1500.0, [1500.0, 1500.0]), round(expected_place(1500.0, [1900.0]), 4)
    (1.0, 0.9091)
    """
    return sum(1.0 / (1.0 + math.pow(10.0, (rating - one) / 400.0)) for one in ratings)


def rating_of(place: float, ratings: Sequence[float]) -> float:
    """The rating that expects a place; 0 or 100 above the best where none in between does.

    Args:
        place: From 1.
        ratings: Of the participants, without the one that is rated.

    >>> round(rating_of(1.0, [1500.0, 1500.0]), 6), rating_of(2.0, [1500.0, 1500.0])
    (1500.0, 0.0)
    """
    low, high = 0.0, max(ratings) + ABOVE
    if expected_place(high, ratings) >= place:
        return high
    if expected_place(low, ratings) <= place:
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if expected_place(middle, ratings) > place:
            low = middle
        else:
            high = middle
    return low


def percentile_of(rating: float, contests: Sequence[Contest]) -> float:
    """The share of the participants' ratings, in all contests, that lie below a rating.

    >>> percentile_of(1550.0, [Contest(name="1", ratings=(1500, 1600), points=(0, 0))])
    0.5
    """
    ratings = [one for contest in contests for one in contest.ratings]
    return sum(one < rating for one in ratings) / len(ratings)
