"""What all rows come to: the counts and means of a summary, and how rewards and lengths are spread.

The statistics are those of `score`'s own summary; they are of every row, also where the table shows a sample.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..._version import __version__
from ...scoring.measure import Estimate, estimates
from ...scoring.scored import Response, ScoredRow
from ...scoring.summary import Summary, Tally
from ...scoring.thinking import BANDS, Thoughts, Values, band_of, thought_of, values_of
from ...scoring.work import Done, values_at
from ...verifiers.errors import ConfigError
from ...verifiers.registry import is_accuracy, make
from ...verifiers.verifier import Verifier

BINS = 24
"""Bars of a distribution at most."""
KINDS = ("right", "wrong", "open")
"""What a bar is made of: responses judged right, judged wrong, and others."""


class Bar(NamedTuple):
    """One bar of a distribution."""

    low: float
    high: float
    """Equal to `low` where the bar is one value."""
    counts: tuple[int, ...]
    """By KINDS."""
    more: bool = False
    """Whether everything above belongs to it too."""


@dataclass(slots=True)
class Survey:
    """Counts rows as they pass; memory grows by 13 bytes a response, and by problem on disk."""

    tally: Tally = field(default_factory=lambda: Tally([]))
    judged: int = 0
    """Responses that hold a verdict."""
    thoughts: Thoughts = field(default_factory=Thoughts)
    """Tokens of the rows that say how many they have, by problem."""
    in_error: int = 0
    """Rows that `score` wrote as rows in error."""
    _rewards: array[float] = field(default_factory=lambda: array("d"))
    _rewarded: bytearray = field(default_factory=bytearray)
    _lengths: array[int] = field(default_factory=lambda: array("I"))
    _kinds: bytearray = field(default_factory=bytearray)
    _names: set[str] = field(default_factory=set)
    _waiting: list[Done] = field(default_factory=list)

    def add(self, row: ScoredRow) -> None:
        """Count one row."""
        seconds = 0.0
        for response in row.responses:
            seconds += sum(map(_seconds, response.verdicts.values()))
            scored = response.scored
            self.judged += bool(scored.verdicts)
            for name, *_ in scored.verdicts:
                if name not in self._names:
                    self._names.add(name)
                    self._settle()
                    self.tally.groups.learn(name)
            thought = thought_of(row, response)
            if thought is not None:
                self.thoughts.add(scored.problem, thought)
            kind = 2 if scored.correct is None else 0 if scored.correct else 1
            self._kinds.append(kind)
            self._lengths.append(min(len(response.text), 2**32 - 1))
            if scored.reward is not None:
                self._rewards.append(scored.reward)
                self._rewarded.append(kind)
        self.in_error += isinstance(row.fields.get("error"), dict)
        name = row.responses[0].name if row.responses else f"line {row.line}"
        by = values_at(row.fields, self.tally.by)
        responses = tuple(map(_scored, row.responses))
        self._waiting.append(Done(b"", responses, row.error, seconds, _printable(name), by=by))
        if len(self._waiting) >= 1_000:
            self._settle()

    def _settle(self) -> None:
        self.tally.add(self._waiting)
        self._waiting = []

    @property
    def responses(self) -> int:
        """Responses counted so far."""
        return len(self._lengths)

    def summary(self, **fields: Any) -> Summary:  # any: fields of Summary
        """The summary of what was counted."""
        self._settle()
        self.tally.verifiers = [made for name in self._names if (made := _voter(name)) is not None]
        fields = {"version": __version__, "options": {}, "fingerprint": "", "inputs": [], "seconds": 0.0, **fields}
        return self.tally.summary(**fields)

    def thinking(self) -> dict[str, dict[str, Estimate]]:
        """How much is thought over problems of each difficulty, and over all (under an empty name), where rows tell."""
        values: dict[str, list[Values]] = {}
        for some in self.thoughts.questions():
            one = {"length": sum(thought.tokens for thought in some) / len(some), **values_of(some)}
            for band in ("", band_of(some)):
                if band is not None:
                    values.setdefault(band, []).append(one)
        return {band: estimates(values[band]) for band in (*BANDS, "") if band in values}

    def rewards(self) -> list[Bar]:
        """How the rewards are spread: a bar a value where these are few, else equal steps."""
        return spread(self._rewards, self._rewarded)

    def lengths(self) -> list[Bar]:
        """How the lengths of responses are spread, in characters; the longest half per cent share the last bar."""
        return spread(self._lengths, self._kinds, cut=0.995)


def spread(values: Sequence[float], kinds: Sequence[int], *, cut: float = 1.0) -> list[Bar]:
    """Bars of a distribution.

    >>> [(bar.low, bar.counts) for bar in spread([0, 2, 2], [1, 0, 2])]
    [(0, (0, 1, 0)), (2, (1, 0, 1))]
    """
    if not values:
        return []
    few: Counter[tuple[float, int]] = Counter()
    for value, kind in zip(values, kinds, strict=True):
        few[round(value, 6), kind] += 1
        if len(few) > 3 * BINS:
            break
    else:
        singles = sorted({value for value, _ in few})
        if len(singles) <= 8:
            return [Bar(value, value, tuple(few[value, kind] for kind in range(3))) for value in singles]
    low, high = min(values), max(values)
    if cut < 1:
        high = sorted(values)[int(cut * (len(values) - 1))]
    step = _round_step((high - low) / BINS)
    start = step * (low // step)
    count = min(BINS + 2, int((high - start) / step + 1e-9) + 1)
    counts = [[0, 0, 0] for _ in range(count)]
    for value, kind in zip(values, kinds, strict=True):
        counts[min(count - 1, int((value - start) / step + 1e-9))][kind] += 1
    more = max(values) > start + count * step * (1 + 1e-9)
    return [
        Bar(round(start + i * step, 9), round(start + (i + 1) * step, 9), tuple(bar), more and i == count - 1)
        for i, bar in enumerate(counts)
    ]


def _round_step(step: float) -> float:
    """The next step of 1, 2, 5, 10 ... times a power of ten."""
    if step <= 0:
        return 1.0
    power = 1.0
    while power > step:
        power /= 10
    while power * 10 <= step:
        power *= 10
    return next(power * times for times in (1, 2, 5, 10) if power * times >= step)


def _scored(response: Response) -> Any:  # any: ScoredResponse, whose type the tuple keeps
    return response.scored


def _seconds(verdict: Any) -> float:  # any: a JSON object
    seconds = verdict.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else 0.0


def _voter(name: str) -> Verifier | None:
    """The verifier that may tell which answers are the same; None for one that needs options to be made."""
    try:
        return make(name) if is_accuracy(name) else None
    except ConfigError:
        return None


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in name[:80])
