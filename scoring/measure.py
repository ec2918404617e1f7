"""The figures of an evaluation: a value for each metric of each question's k scored samples; their means and intervals.

docs/how-to/evaluation.md has the formulas. Every mean is over questions, and so is its interval (`stats.Clustered`),
since samples of one question are not independent. What it does not promise: intervals that hold for a handful of
questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..verifiers.registry import CATALOG, is_accuracy
from ..verifiers.verifier import Voter
from .groups import vote
from .scored import ScoredRow
from .stats import Clustered, pass_at_k
from .thinking import BANDS, band_of, thought_of, values_of

Values = dict[str, float]
"""One question's values, by metric; what it has no value for is left out."""

REFLECTIVE = ("wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check")
"""The paper's ten words (extended data, figure 1)."""
_COUNTS = ("length", "reflective", "reflection")
_REPORTED = ("format", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over questions."""

    value: float
    """The mean."""
    ci95: tuple[float, float] | None
    """Its 95 % interval; None for a single question."""
    n: int
    """Questions that have a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found."""

    about: Mapping[str, Any]  # any: JSON values
    """Model, files, sampling, seed and version: what it was found with."""
    questions: int
    """How many there were."""
    k: int
    """Samples of each."""
    metrics: Mapping[str, Estimate]
    """`pass_at_1`, `cons_at_16`, `format`, `language`, `length`, ... over all questions (docs/how-to/evaluation.md)."""
    levels: Mapping[str, Mapping[str, Estimate]]
    """The same by difficulty, where the questions have one."""
    bands: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    """The same by the share of a question's own samples that are right: `thinking.BANDS`."""

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form; equal evaluations have equal ones."""
        levels = {level: _plain(metrics) for level, metrics in self.levels.items()}
        figures = {"questions": self.questions, "k": self.k, "metrics": _plain(self.metrics), "levels": levels}
        return {**self.about, **figures, "pass_rates": {band: _plain(metrics) for band, metrics in self.bands.items()}}


def estimates(values: Iterable[Values], k: int = 1) -> dict[str, Estimate]:
    """Means over questions of k samples, with the intervals of `score`: Wilson's for shares, normal ones for counts.

    >>> found = estimates([{"pass_at_1": 0.0}, {"pass_at_1": 1.0}, {"pass_at_1": 1.0}, {}])["pass_at_1"]
    >>> round(found.value, 2), found.n, [round(bound, 2) for bound in found.ci95 or ()]
    (0.67, 3, [0.16, 0.95])
    """
    means: dict[str, Clustered] = {}
    for value in values:
        for name, number in value.items():
            means.setdefault(name, Clustered()).add(number, 1, trials=k)
    return {name: _estimate(mean, is_count=name.partition("/")[0] in _COUNTS) for name, mean in means.items()}


def _estimate(mean: Clustered, *, is_count: bool) -> Estimate:
    value = mean.mean
    assert value is not None  # it is made with a first value
    return Estimate(value=value, ci95=mean.interval if is_count else mean.share_interval, n=mean.n)


def measure(
    rows: Iterable[ScoredRow],
    k: int,
    voters: Mapping[str, Voter],
    *,
    about: Mapping[str, Any],  # any: JSON values
    level: str,
    words: Sequence[str],
) -> Evaluation:
    """The figures of scored samples, of which every k rows are one question's.

    `voters` say by verifier which answers are the same; `level` is the field with the difficulty; `words` are counted.
    """
    by_level: dict[str, list[Values]] = {}
    by_band: dict[str | None, list[Values]] = {}
    values: list[Values] = []
    rows = iter(rows)
    while group := list(islice(rows, k)):
        every = [thought_of(row, response) for row in group for response in row.responses]
        thoughts = [one for one in every if one is not None]
        values.append({**_values(group, k, voters, words), **values_of(thoughts)})
        by_band.setdefault(band_of(thoughts), []).append(values[-1])
        by_level.setdefault(str(group[0].fields.get(level, "")), []).append(values[-1])
    levels = {one: estimates(by_level[one], k) for one in sorted(filter(None, by_level))}
    return Evaluation(
        about=about,
        questions=len(values),
        k=k,
        metrics=estimates(values, k),
        levels=levels,
        bands={band: estimates(by_band[band], k) for band in BANDS if band in by_band},
    )


def _values(rows: Sequence[ScoredRow], k: int, voters: Mapping[str, Voter], words: Sequence[str]) -> Values:
    # A sample that a server did not give has no response: it is unjudged, and in no other figure.
    rows = [row for row in rows if row.responses]
    responses = [row.responses[0] for row in rows]
    scored = [response.scored for response in responses]
    # A row that no accuracy verifier judges, such as general conversation, has neither right nor wrong.
    judges = {one.voter for one in scored if one.voter and (one.voter not in CATALOG or is_accuracy(one.voter))}
    decided = [one for one in scored if one.correct is not None and one.voter in judges]
    right = sum(bool(one.correct) for one in decided)
    failed = k - len(rows)
    values: Values = {"unjudged": (failed + sum(one.status == "error" for one in scored)) / k}
    if decided:
        for j in sorted({*(1 << bit for bit in range(k.bit_length())), k}):
            if j <= len(decided):
                values[f"pass_at_{j}"] = pass_at_k(len(decided), right, j)
        wrong = [one.answer for one in decided if not one.correct and one.answer is not None]
        voter = voters.get(str(decided[0].voter))
        share = vote(right, wrong, voter) if voter is not None and k > 1 else None
        if share is not None:
            values[f"cons_at_{k}"] = share
    for name in _REPORTED:
        scores = [
            score for one in scored for verifier, _, _, score in one.verdicts if verifier == name and score is not None
        ]
        if scores:
            values[name] = sum(scores) / len(scores)
    if not rows:
        return values
    tokens = [row.fields["tokens"] for row in rows if row.fields.get("tokens") is not None]
    if tokens:  # a server need not say how many there were
        values["length"] = sum(tokens) / len(tokens)
    values["truncated"] = sum(row.fields["finish_reason"] == "length" for row in rows) / len(rows)
    counts = {f"reflective/{word}": sum(_count(word, one.text) for one in responses) / len(rows) for word in words}
    return values | {"reflective": sum(counts.values()), **counts}


def _count(word: str, text: str) -> int:
    """Whole words in any case; of a script without spaces, wherever it stands."""
    return len(re.findall(rf"\b{word}\b", text, re.IGNORECASE)) if word.isascii() else text.count(word)


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    return {
        name: {"value": one.value, "ci95": None if one.ci95 is None else list(one.ci95), "n": one.n}
        for name, one in metrics.items()
    }
