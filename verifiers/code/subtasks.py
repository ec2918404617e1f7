"""Points of subtasks, as the IOI has them: a subtask is worth its points where all its tests pass, a problem is worth
what its subtasks are."""

from __future__ import annotations

from collections.abc import Sequence

from ...sandbox import Outcome, TestOutcome
from ..cases import TestCase

Points = dict[str, dict[str, float | None]]
"""By the name of a subtask its `points`, and of these what the program got: its `score`, None where it is not known,
since a test was left out."""


def subtask_points(tests: Sequence[TestCase], outcomes: Sequence[TestOutcome]) -> Points:
    """The subtasks that tests belong to; empty where they have none.

    >>> test = TestCase(type="stdin", input="", output="", subtasks="1=6,2=14.5")
    >>> subtask_points([test], [TestOutcome(outcome=Outcome.AC)])["2"]
    {'points': 14.5, 'score': 14.5}
    """
    if not any(test.subtasks for test in tests) or len(tests) != len(outcomes):
        return {}
    points: Points = {}
    for test, outcome in zip(tests, outcomes, strict=True):
        for one in (test.subtasks or "").split(",") if test.subtasks else ():
            name, _, worth = one.rpartition("=")
            subtask = points.setdefault(name, {"points": float(worth), "score": float(worth)})
            if outcome.outcome is Outcome.SKIPPED:
                subtask["score"] = subtask["score"] and None
            elif outcome.outcome is not Outcome.AC:
                subtask["score"] = 0.0
    return points


def share_of_points(points: Points, passed: float) -> float:
    """What the program got of all points, as far as they are known; where there are none, as of an example, whether all
    tests passed, of which `passed` is the share."""
    whole = sum(one["points"] or 0.0 for one in points.values())
    return sum(one["score"] or 0.0 for one in points.values()) / whole if whole else float(passed == 1)
