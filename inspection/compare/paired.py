"""Differences between systems on the problems that both answered, with intervals that pair by problem.

A problem's value is the mean over its responses, and every problem counts alike. The interval of a mean difference is
Student's t over the problems; McNemar's test stands beside it where both sides gave one response to each problem.
Problems are taken as independent of one another. Nothing is corrected for the number of pairs that are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist, fmean
from typing import Any, NamedTuple

from ...scoring.stats import Clustered, Interval
from ..diff.mcnemar import mcnemar

SAME = 1e-9
"""Values no further apart are the same."""


@dataclass(slots=True)
class System:
    """What one system made of each problem."""

    name: str
    problems: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    """Sum of the values and number of responses, by problem."""
    labels: dict[bytes, str] = field(default_factory=dict)
    """What a person calls a problem."""
    unjudged: int = 0
    """Responses without a value, which are in no figure."""

    def add(self, problem: bytes, label: str, value: float | None) -> None:
        """Count a response."""
        if value is None:
            self.unjudged += 1
            return
        total, count = self.problems.get(problem, (0.0, 0))
        self.problems[problem] = (total + value, count + 1)
        self.labels.setdefault(problem, label)

    @property
    def responses(self) -> int:
        """Responses with a value."""
        return sum(count for _, count in self.problems.values())

    def value(self, problem: bytes) -> float:
        """Mean over the responses to a problem."""
        total, count = self.problems[problem]
        return total / count

    @property
    def mean(self) -> Clustered:
        """Mean over responses, clustered by problem, as `score` reports it."""
        mean = Clustered()
        for total, count in self.problems.values():
            mean.add(total, count)
        return mean


class SystemPair(NamedTuple):
    """The second system less the first, on the problems of both."""

    problems: int
    mean: float | None
    """Mean difference; None without a common problem."""
    interval: Interval | None
    """95 % interval of it; None for fewer than two problems."""
    better: int
    """Problems on which the second is better."""
    worse: int
    mcnemar: float | None
    """Two-sided p; None where a problem has several responses, or values that are neither 0 nor 1."""

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {**self._asdict(), "interval": None if self.interval is None else list(self.interval)}


class SystemDifference(NamedTuple):
    """A problem on which systems differ."""

    problem: str
    values: tuple[float | None, ...]
    """By system; None where it has no response that was judged."""


class Comparison:
    """Several systems, compared pair by pair."""

    def __init__(self, systems: Sequence[System]) -> None:
        self.systems: list[System] = list(systems)
        shared = set(self.systems[0].problems).intersection(*(one.problems for one in self.systems[1:]))
        self.shared: list[bytes] = [problem for problem in self.systems[0].problems if problem in shared]
        """Problems that all answered, in the order of the first."""

    def pair(self, first: int, second: int) -> SystemPair:
        """The second system against the first, by their numbers."""
        one, two = self.systems[first], self.systems[second]
        shared = [problem for problem in one.problems if problem in two.problems]
        values = [(one.value(problem), two.value(problem)) for problem in shared]
        differences = [after - before for before, after in values]
        better = sum(difference > SAME for difference in differences)
        worse = sum(difference < -SAME for difference in differences)
        single = all(one.problems[problem][1] == two.problems[problem][1] == 1 for problem in shared)
        decided = single and all(value in (0.0, 1.0) for pair in values for value in pair)
        return SystemPair(
            problems=len(shared),
            mean=fmean(differences) if differences else None,
            interval=_interval(differences),
            better=better,
            worse=worse,
            mcnemar=mcnemar(worse, better) if shared and decided else None,
        )

    def differing(self) -> list[SystemDifference]:
        """Problems on which not all systems have the same value, the widest apart first."""
        problems = {problem: None for system in self.systems for problem in system.problems}
        ranked = []
        for number, problem in enumerate(problems):
            values = [system.value(problem) if problem in system.problems else None for system in self.systems]
            known = [value for value in values if value is not None]
            apart = max(known) - min(known)
            if apart > SAME:
                label = next(system.labels[problem] for system in self.systems if problem in system.labels)
                ranked.append((-apart, number, SystemDifference(label, tuple(values))))
        return [difference for *_, difference in sorted(ranked, key=lambda one: one[:2])]

    def to_dict(self, rows: int) -> dict[str, Any]:  # any: a JSON object
        """The JSON form, with at most `rows` of the problems that differ."""
        differing = self.differing()
        return {
            "shared_problems": len(self.shared),
            "systems": [
                {
                    "name": system.name,
                    "problems": len(system.problems),
                    "responses": system.responses,
                    "unjudged": system.unjudged,
                    "mean": system.mean.mean,
                    "interval": None if (bounds := system.mean.bounded_interval) is None else list(bounds),
                }
                for system in self.systems
            ],
            "pairs": [
                {"first": one.name, "second": two.name, **self.pair(i, j).to_dict()}
                for i, one in enumerate(self.systems)
                for j, two in enumerate(self.systems)
                if i < j
            ],
            "differing": len(differing),
            "rows": [{"problem": one.problem, "values": list(one.values)} for one in differing[:rows]],
        }


def _interval(differences: Sequence[float]) -> Interval | None:
    n = len(differences)
    if n < 2:
        return None
    mean = fmean(differences)
    error = math.sqrt(math.fsum((one - mean) ** 2 for one in differences) / (n - 1) / n)
    half = student_t(n - 1) * error
    return mean - half, mean + half


@cache
def student_t(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with that many degrees of freedom; the normal one above 1,000.

    >>> round(student_t(4), 3), round(student_t(30), 3)
    (2.776, 2.042)
    """
    normal = NormalDist().inv_cdf(0.975)
    if freedom > 1_000:
        return normal
    from mpmath import betainc, findroot

    def beyond(t: float) -> float:
        return betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True) - 0.05  # type: ignore[no-any-return]

    return float(findroot(beyond, (normal, 13.0), solver="anderson", tol=1e-20))
