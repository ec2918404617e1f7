"""What the verdicts of a benchmark against a baseline add up to: Arena-Hard's score, AlpacaEval 2's win rates.

Both read rows that `score` wrote with the rubric of that name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...verifiers.errors import RunError

ROUNDS = 100
PENALTY = 0.05
"""Of the squared length coefficient, in units of a verdict, so that verdicts that length separates have a fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """How often a model's answers were preferred to the baseline's."""

    raw: float
    """As judged."""
    length_controlled: float
    """As it would be if both answers always had the same length."""
    length_coefficient: float
    """How far length decides, in log odds; above 0 the judge prefers longer answers."""
    n: int
    """Answers with a verdict."""
    unjudged: int
    """Answers without."""


def arena_hard_score(rows: Iterable[Mapping[str, Any]], name: str = "judge") -> float:
    """Arena-Hard's score: the share of games won, a tie being half, where one won or lost by much counts three times.

    Args:
        rows: As `score --reward judge --set judge.rubric=arena_hard` wrote them.
        name: The verifier's name in `verdicts`.

    Raises:
        RunError: No row has a verdict against a baseline.

    >>> row = {"verdicts": {"judge": {"score": 0.75, "evidence": {"weight": 4.0, "lengths": [9, 9]}}}}
    >>> arena_hard_score([row, {"verdicts": {"judge": {"score": None}}}])
    0.75
    """
    found = list(_verdicts(rows, name))
    games = [(float(one["score"]), float(one["evidence"]["weight"])) for one in found if one["score"] is not None]
    return sum(score * weight for score, weight in games) / sum(weight for _, weight in games)


def length_controlled(rows: Iterable[Mapping[str, Any]], name: str = "judge") -> WinRate:
    """AlpacaEval 2's length-controlled win rate (Dubois et al., 2024).

    Fitted is P(preferred) = sigmoid(a + b tanh(d / s)), d being the difference of the two lengths and s its standard
    deviation; the rate is sigmoid(a), what is left where the lengths are equal. The paper's third term, the difficulty
    of each instruction, is estimated from many models' verdicts and is not in it; lengths are characters.

    Args:
        rows: As `score --reward judge --set judge.rubric=alpaca_eval` wrote them.
        name: The verifier's name in `verdicts`.

    Raises:
        RunError: No row has a verdict against a baseline.
    """
    found = list(_verdicts(rows, name))
    judged = [one for one in found if one["score"] is not None]
    scores = [float(one["score"]) for one in judged]
    differences = [one["evidence"]["lengths"][0] - one["evidence"]["lengths"][1] for one in judged]
    mean = sum(differences) / len(differences)
    spread = math.sqrt(sum((one - mean) ** 2 for one in differences) / len(differences)) or 1.0
    intercept, slope = _logistic([math.tanh(one / spread) for one in differences], scores)
    return WinRate(
        raw=sum(scores) / len(scores),
        length_controlled=_sigmoid(intercept),
        length_coefficient=slope,
        n=len(judged),
        unjudged=len(found) - len(judged),
    )


def _verdicts(rows: Iterable[Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    judged = False
    for row in rows:
        told = row.get("verdicts")
        verdict = told.get(name) if isinstance(told, Mapping) else None
        if isinstance(verdict, Mapping) and (verdict.get("score") is None or "lengths" in verdict.get("evidence", {})):
            judged = judged or verdict.get("score") is not None
            yield verdict
    if not judged:
        raise RunError(f"no row has a verdict of {name} against a baseline")


def _logistic(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope of a logistic regression by Newton's method; both are drawn to 0 a little."""
    a = b = 0.0
    for _ in range(ROUNDS):
        p = [_sigmoid(a + b * one) for one in x]
        ga = sum(one - two for one, two in zip(y, p, strict=True)) - PENALTY * a
        gb = sum((one - two) * three for one, two, three in zip(y, p, x, strict=True)) - PENALTY * b
        w = [one * (1 - one) for one in p]
        haa, hbb = sum(w) + PENALTY, sum(one * two * two for one, two in zip(w, x, strict=True)) + PENALTY
        hab = sum(one * two for one, two in zip(w, x, strict=True))
        determinant = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        longest = max(1.0, abs(da), abs(db))
        a, b = a + da / longest, b + db / longest
        if max(abs(da), abs(db)) < 1e-10:
            break
    return a, b


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
