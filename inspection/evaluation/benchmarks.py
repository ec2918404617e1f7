"""The figure by which a benchmark is known, from the rows of an evaluation's record.

| metric | is |
| --- | --- |
| `pass_at_1` | share of right samples, mean over questions |
| `score` | the verifier's score (DROP's F1), mean over questions |
| `length_controlled` | AlpacaEval 2's length-controlled win rate |
| `arena_hard` | Arena-Hard's win rate |
| `rating`, `percentile` | on Codeforces (`codeforces.py`) |
| `not_attempted`, `correct_given_attempted`, `f_score` | of the SimpleQA cards, beside `pass_at_1` |

Intervals are 95 %. Those of shares are clustered by question, and so is the standard error of the length-controlled
rate; that of a rating is over contests. None of them says anything of the judge's own errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...scoring.measure import Estimate
from ...scoring.scored import ScoredRow
from ...scoring.stats import Z95, Clustered
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.verdict import Reason
from ..compare.paired import student_t
from ..judging.benchmarks import length_controlled
from .cards import TaskCard
from .codeforces import Contest, percentile_of, rating_of


class Figures(NamedTuple):
    """What a record says of its benchmark."""

    estimates: Mapping[str, Estimate]
    """The benchmark's figures, `TaskCard.metric` the first."""
    questions: Mapping[str, float]
    """By question, what is paired with another model's; empty where a figure is of no single question."""


class _Sample(NamedTuple):
    """What of a sample is needed here: a record can be larger than memory."""

    problem: str
    score: float | None
    """The verifier's; of `pass_at_1` whether it is right."""
    weight: float
    """Of Arena-Hard's games."""
    attempted: bool
    """Whether a judge of short answers saw one in it."""
    row: Mapping[str, Any]  # any: JSON values
    """Fields that a win rate or a rating is made of."""


def figures(card: TaskCard, rows: Iterable[ScoredRow], contests: Sequence[Contest] = ()) -> Figures:
    """The figures of a record's rows.

    Raises RunError where none has a verdict, ConfigError where the standings of a contest are missing.
    """
    samples = [_sample(card, row) for row in rows]
    if card.metric == "rating":
        return _codeforces(card, samples, contests)
    sums: dict[str, tuple[float, float]] = {}
    for sample in samples:
        if sample.score is not None:
            total, count = sums.get(sample.problem, (0.0, 0.0))
            sums[sample.problem] = total + sample.score * sample.weight, count + sample.weight
    if not sums:
        raise RunError(f"no sample of {card.title} could be judged")
    mean = Clustered()
    trials = max(1, len(samples) // len(sums))
    for total, count in sums.values():
        if card.metric == "arena_hard":  # it counts games by their weight, the others questions
            mean.add(total, round(count))
        else:
            mean.add(total / count, 1, trials=trials)
    assert mean.mean is not None
    values = {name: total / count for name, (total, count) in sums.items()}
    estimate = Estimate(value=mean.mean, ci95=mean.share_interval, n=len(values))
    if card.options.get("rubric") == "simpleqa":
        return Figures({card.metric: estimate, **_attempts(samples)}, values)
    if card.metric != "length_controlled":
        return Figures({card.metric: estimate}, values)
    return Figures({"length_controlled": _length_controlled(samples), "win_rate": estimate}, values)


def _sample(card: TaskCard, row: ScoredRow) -> _Sample:
    response = row.responses[0] if row.responses else None
    verdict = response.verdicts.get(card.verifier) if response is not None else None
    score = None if verdict is None else verdict.get("score")
    weight = 1.0
    if response is not None and card.metric in ("pass_at_1", "rating"):
        score = None if response.scored.correct is None else float(response.scored.correct)
    elif card.metric == "arena_hard" and verdict is not None:
        weight = float(verdict.get("evidence", {}).get("weight", 1.0))
    names = {"rating": ("contest_id", "points"), "length_controlled": ("problem", "difficulty", "verdicts")}
    fields = {name: row.fields.get(name) for name in names.get(card.metric, ())}
    attempted = verdict is not None and verdict.get("reason") != Reason.NO_ANSWER
    return _Sample(str(row.fields.get("problem")), score, weight, attempted, fields)


def _attempts(samples: Sequence[_Sample]) -> dict[str, Estimate]:
    """The further figures of SimpleQA (Wei et al., 2024, arXiv:2411.04368, section 2.3).

    With c the share that is correct and a the share that is attempted: not attempted 1 - a; correct given attempted
    c / a; their F-score, the harmonic mean of c and c / a, which is 2 c / (1 + a). Each is a ratio of totals over
    questions, so that its interval is that of `Clustered`. Samples without a verdict are in none of them.
    """
    counts: dict[str, tuple[int, int, int]] = {}
    for sample in samples:
        if sample.score is not None:
            correct, attempted, judged = counts.get(sample.problem, (0, 0, 0))
            counts[sample.problem] = correct + (sample.score == 1), attempted + sample.attempted, judged + 1
    means = {name: Clustered() for name in ("not_attempted", "correct_given_attempted", "f_score")}
    for correct, attempted, judged in counts.values():
        means["not_attempted"].add(judged - attempted, judged)
        means["correct_given_attempted"].add(correct, attempted)
        means["f_score"].add(2 * correct, judged + attempted, trials=judged)
    return {
        name: Estimate(value=one.mean, ci95=one.share_interval, n=one.clusters)
        for name, one in means.items()
        if one.mean is not None
    }


def _length_controlled(samples: Sequence[_Sample]) -> Estimate:
    """The rate; with each instruction's difficulty where the rows have a column of it."""
    rows = [sample.row for sample in samples]
    are_known = all(isinstance(row["difficulty"], int | float) for row in rows)
    difficulties = {str(row["problem"]): float(row["difficulty"]) for row in rows} if are_known else None
    rate = length_controlled(rows, difficulties=difficulties, instruction="problem")
    half = Z95 * rate.standard_error
    bounds = max(0.0, rate.length_controlled - half), min(1.0, rate.length_controlled + half)
    return Estimate(value=rate.length_controlled, ci95=bounds, n=rate.n)


def _codeforces(card: TaskCard, samples: Sequence[_Sample], contests: Sequence[Contest]) -> Figures:
    known = {contest.name: contest for contest in contests}
    points: dict[str, dict[int, float]] = {}
    """By contest, by participation, the points."""
    seen: dict[str, int] = {}
    unjudged: set[tuple[str, int]] = set()
    for sample in samples:
        name = str(sample.row.get("contest_id"))
        if name not in known:
            raise ConfigError(f"there are no standings of the contest {name}; --join names the file that has them")
        number = seen[sample.problem] = seen.get(sample.problem, -1) + 1
        worth = sample.row.get("points")
        if isinstance(worth, bool) or not isinstance(worth, int | float):
            worth = 1.0  # contests that count problems
        if sample.score is None:
            unjudged.add((name, number))
        points.setdefault(name, {}).setdefault(number, 0.0)
        points[name][number] += worth * (sample.score or 0.0)
    means = []
    for name, by_sample in points.items():
        # A participation with a problem that could not be judged has no place.
        whole = [score for number, score in by_sample.items() if (name, number) not in unjudged]
        ranks = {score: known[name].place(score) for score in whole}
        rated = {score: rating_of(place, known[name].ratings) for score, place in ranks.items()}
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
