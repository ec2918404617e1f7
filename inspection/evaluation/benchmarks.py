"""The figure by which a benchmark is known, from the rows of an evaluation's record.

| metric | is |
| --- | --- |
| `pass_at_1` | share of right samples, mean over questions |
| `score` | the verifier's score (DROP's F1), mean over questions |
| `length_controlled` | AlpacaEval 2's length-controlled win rate |
| `arena_hard` | Arena-Hard's win rate |
| `rating`, `percentile` | on Codeforces (`codeforces.py`) |

Intervals are 95 %. Those of shares are clustered by question; that of the length-controlled rate is a jackknife over
twenty parts of the questions; that of a rating is over contests. None of them says anything of the judge's own errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...scoring.measure import Estimate
from ...scoring.scored import ScoredRow
from ...scoring.stats import Clustered
from ...verifiers.errors import ConfigError, RunError
from ..compare.paired import student_t
from ..judging.benchmarks import length_controlled
from .cards import TaskCard
from .codeforces import Contest, percentile_of, rating_of

PARTS = 20
"""Of the questions, for a jackknife."""


class Figures(NamedTuple):
    """What a record says of its benchmark."""

    estimates: Mapping[str, Estimate]
    """The benchmark's figures, `TaskCard.metric` the first."""
    questions: Mapping[str, float]
    """By question, what is paired with another model's; empty where a figure is of no single question."""


def figures(card: TaskCard, rows: Iterable[ScoredRow], contests: Sequence[Contest] = ()) -> Figures:
    """The figures of a record's rows.

    Raises RunError where none has a verdict, ConfigError where the standings of a contest are missing.
    """
    listed = list(rows)
    if card.metric == "rating":
        return _codeforces(card, listed, contests)
    shares = _by_question(card, listed)
    if not shares:
        raise RunError(f"no sample of {card.title} could be judged")
    values = {name: total / count for name, (total, count) in shares.items()}
    mean = Clustered()
    samples = max(1, sum(len(row.responses) for row in listed) // len(shares))
    for total, count in shares.values():
        if card.metric == "arena_hard":  # it counts games by their weight, the others questions
            mean.add(total, round(count))
        else:
            mean.add(total / count, 1, trials=samples)
    assert mean.mean is not None
    estimate = Estimate(value=mean.mean, ci95=mean.share_interval, n=len(values))
    if card.metric != "length_controlled":
        return Figures({card.metric: estimate}, values)
    return Figures({"length_controlled": _length_controlled(listed), "win_rate": estimate}, values)


def _by_question(card: TaskCard, rows: Sequence[ScoredRow]) -> dict[str, tuple[float, float]]:
    """By question the sum of its values, and how many they are (of Arena-Hard: weights of games)."""
    sums: dict[str, tuple[float, float]] = {}
    for row in rows:
        for response in row.responses:
            verdict = response.verdicts.get(card.verifier)
            if verdict is None or verdict.get("score") is None:
                continue
            score, weight = float(verdict["score"]), 1.0
            if card.metric == "pass_at_1":
                if response.scored.correct is None:
                    continue
                score = float(response.scored.correct)
            elif card.metric == "arena_hard":
                weight = float(verdict.get("evidence", {}).get("weight", 1.0))
            name = problem_of(row)
            total, count = sums.get(name, (0.0, 0.0))
            sums[name] = total + score * weight, count + weight
    return sums


def problem_of(row: ScoredRow) -> str:
    """The question that a row is a sample of."""
    return str(row.fields.get("problem"))


def _length_controlled(rows: Sequence[ScoredRow]) -> Estimate:
    """The rate with a jackknife's interval over parts of the questions."""
    fields: list[Mapping[str, Any]] = [row.fields for row in rows]  # any: JSON values
    whole = length_controlled(fields)
    names = list(dict.fromkeys(str(one.get("problem")) for one in fields))
    part = {name: place % PARTS for place, name in enumerate(names)}
    parts = min(PARTS, len(names))
    interval = None
    if parts > 1:
        try:
            rates = [
                length_controlled([one for one in fields if part[str(one.get("problem"))] != left]).length_controlled
                for left in range(parts)
            ]
        except RunError:  # without one part nothing is judged
            rates = []
        if rates:
            mean = sum(rates) / parts
            error = math.sqrt((parts - 1) / parts * sum((one - mean) ** 2 for one in rates))
            half = student_t(parts - 1) * error
            interval = max(0.0, whole.length_controlled - half), min(1.0, whole.length_controlled + half)
    return Estimate(value=whole.length_controlled, ci95=interval, n=whole.n)


def _codeforces(card: TaskCard, rows: Sequence[ScoredRow], contests: Sequence[Contest]) -> Figures:
    known = {contest.name: contest for contest in contests}
    points: dict[str, dict[int, float]] = {}
    """By contest, by sample, the points."""
    seen: dict[str, int] = {}
    unjudged: set[tuple[str, int]] = set()
    for row in rows:
        name, problem = str(row.fields.get("contest_id")), problem_of(row)
        if name not in known:
            raise ConfigError(f"there are no standings of the contest {name}; --join names the file that has them")
        sample = seen[problem] = seen.get(problem, -1) + 1
        worth = row.fields.get("points")
        if isinstance(worth, bool) or not isinstance(worth, int | float):
            worth = 1.0  # contests that count problems
        correct = row.responses[0].scored.correct if row.responses else None
        if correct is None:
            unjudged.add((name, sample))
        points.setdefault(name, {}).setdefault(sample, 0.0)
        points[name][sample] += worth * bool(correct)
    means = []
    for name, by_sample in points.items():
        # A participation with a problem that could not be judged has no place.
        whole = [score for sample, score in by_sample.items() if (name, sample) not in unjudged]
        places = {score: known[name].place(score) for score in whole}
        rated = {score: rating_of(place, known[name].ratings) for score, place in places.items()}
        if whole:
            means.append(sum(rated[score] for score in whole) / len(whole))
    if not means:
        raise RunError(f"no participation of {card.title} could be judged whole")
    rating, interval = sum(means) / len(means), None
    if len(means) > 1:
        error = math.sqrt(sum((one - rating) ** 2 for one in means) / (len(means) - 1) / len(means))
        half = student_t(len(means) - 1) * error
        interval = rating - half, rating + half
    used = [known[name] for name in points]
    percentile = Estimate(value=percentile_of(rating, used), ci95=None, n=len(means))
    if interval is not None:
        low, high = (percentile_of(one, used) for one in interval)
        percentile = Estimate(value=percentile.value, ci95=(low, high), n=len(means))
    return Figures({"rating": Estimate(value=rating, ci95=interval, n=len(means)), "percentile": percentile}, {})
