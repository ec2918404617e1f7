"""How much is thought over which questions: tokens by difficulty and by right and wrong, and words of second thoughts.

The paper names over-thinking on easy questions as a limit. How hard a question is, is what the model made of it: the
share of its own k samples that are right. Since the same samples are looked at for their tokens, a question that one
lucky sample moved to the next band brings that sample's tokens with it; the more samples a question has, the less.

Tokens of the chain of thought are the response's times its share of the characters, for a record holds one count.

What it does not do: know whether a thought was needed. docs/how-to/evaluation.md has the figures.
"""

from __future__ import annotations

import re
import sqlite3
import tomllib
import weakref
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..verifiers.reasoning import scan
from ..verifiers.registry import CATALOG, is_accuracy
from .scored import Response, ScoredRow
from .work import ScoredResponse

Values = dict[str, float]
"""One question's values, by metric."""

BANDS = ("0 %", "up to 25 %", "up to 50 %", "up to 75 %", "below 100 %", "100 %")
"""Pass rates of a question over its samples, hardest first."""


FIGURES = {
    "length": "tokens",
    "length/right": "of right ones",
    "length/wrong": "of wrong ones",
    "length/thinking": "of thinking",
    "reflection": "second thoughts",
}
"""Figures that say how much is thought over questions of one difficulty."""


@cache
def _words() -> dict[str, dict[str, tuple[str, ...]]]:
    """By language the words of each kind."""
    table = tomllib.loads(Path(__file__).with_name("reflection.toml").read_text(encoding="utf-8"))
    languages = {language for kind in table.values() for language in kind}
    return {one: {kind: tuple(words.get(one, ())) for kind, words in table.items()} for one in sorted(languages)}


KINDS = ("doubt", "check", "error", "turn")
"""Kinds of second thoughts."""
_SPACED = ("en", "de", "fr", "es", "pt", "it")
"""Languages of Latin letters, whose words may be another's."""


@cache
def _phrases(language: str) -> dict[str, str]:
    """The kind of each phrase that counts in a text of a language, the longest first: `check again` is one thought."""
    words = _words()
    latin = ("en", language) if language in _SPACED else ("en",)
    spoken = [*latin, *(one for one in words if one not in _SPACED)]
    kinds = {phrase: kind for one in reversed(spoken) for kind in KINDS for phrase in words[one][kind]}
    return dict(sorted(kinds.items(), key=lambda item: (-len(item[0]), item[0])))


@lru_cache(maxsize=1_024)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    parts = [rf"\b{re.escape(one)}\b" if one[0] < "\u2e80" else re.escape(one) for one in phrases]
    return re.compile("|".join(parts))


def reflections(text: str, language: str | None = None) -> dict[str, int]:
    """How often a text thinks again, by kind.

    Args:
        text: A response.
        language: What it is written in, ISO 639-1; words of English and of other scripts count in any case.

    >>> reflections("Wait, let me check: 2 + 2 = 5? 不对, that's wrong. Alternatively, count.")
    {'doubt': 1, 'check': 1, 'error': 2, 'turn': 1}
    >>> reflections("Moment, ich überprüfe das.", "de")["check"]
    1
    """
    counts: dict[str, int] = dict.fromkeys(KINDS, 0)
    kinds, lowered = _phrases(language or "en"), text.replace("’", "'").lower()
    present = tuple(phrase for phrase in kinds if phrase in lowered)  # far faster than a pattern of them all
    if present:
        for match in _pattern(present).finditer(lowered):
            counts[kinds[match[0]]] += 1
    return counts


class Thought(NamedTuple):
    """What one response took."""

    correct: bool | None
    """None where nothing decides it."""
    tokens: float
    """All of the response's."""
    thinking: float
    """Of its chain of thought, by its share of the characters."""
    reflections: tuple[int, ...]
    """By KINDS."""


def thought_of(row: ScoredRow, response: Response) -> Thought | None:
    """What a response took; None where the row does not say how many tokens it has."""
    tokens = row.fields.get("tokens")
    if isinstance(tokens, bool) or not isinstance(tokens, int | float) or not 0 <= tokens < 1e12:
        return None
    prompt = row.sample.prompt if row.sample is not None else ""
    span = scan(response.text, prompt).chain_of_thought
    share = (span.end - span.start) / len(response.text) if span and response.text else 0.0
    counts = reflections(response.text, row.sample.language if row.sample is not None else None)
    return Thought(decided(response.scored), float(tokens), tokens * share, tuple(counts.values()))


def decided(scored: ScoredResponse) -> bool | None:
    """Whether a response is right; None where no accuracy verifier says so."""
    judged = scored.voter and (scored.voter not in CATALOG or is_accuracy(scored.voter))
    return scored.correct if judged else None


def band_of(thoughts: Sequence[Thought]) -> str | None:
    """How hard a question is, by the share of its samples that are right; None where none is decided.

    >>> [band_of([Thought(one, 1, 1, ()) for one in marks]) for marks in ((True, True), (True, False), (None,))]
    ['100 %', 'up to 50 %', None]
    """
    marks = [one.correct for one in thoughts if one.correct is not None]
    if not marks:
        return None
    rate = sum(marks) / len(marks)
    return BANDS[-1] if rate == 1 else BANDS[0 if rate == 0 else min(4, 1 + int(rate * 4 - 1e-9))]


def values_of(thoughts: Sequence[Thought]) -> Values:
    """One question's means: tokens of right and of wrong samples, how much longer wrong ones are where it has both,
    tokens of thinking, second thoughts a response."""
    if not thoughts:
        return {}
    values = {"length/thinking": _mean([one.thinking for one in thoughts])}
    for name, mark in (("length/right", True), ("length/wrong", False)):
        some = [one.tokens for one in thoughts if one.correct is mark]
        if some:
            values[name] = _mean(some)
    if "length/right" in values and "length/wrong" in values:
        values["length/wrong_minus_right"] = values["length/wrong"] - values["length/right"]
    for place, kind in enumerate(KINDS):
        values[f"reflection/{kind}"] = _mean([one.reflections[place] for one in thoughts])
    return {**values, "reflection": sum(values[f"reflection/{kind}"] for kind in KINDS)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


class Thoughts:
    """Thoughts of responses in any order, by question; on disk, so that memory does not grow with them."""

    def __init__(self) -> None:
        self.count = 0
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._closed = weakref.finalize(self, self._database.close)  # Python 3.13 warns of what nobody closed
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"r{place} INT" for place in range(len(KINDS)))
        self._database.execute(
            f"CREATE TABLE thoughts (question BLOB, correct INT, tokens REAL, thinking REAL, {columns})"
        )
        self._database.execute("BEGIN")

    def add(self, question: bytes | None, thought: Thought) -> None:
        """Add one; those of no question are one each."""
        self.count += 1
        key = question if question is not None else b"%d" % self.count
        correct = None if thought.correct is None else int(thought.correct)
        row = (key, correct, thought.tokens, thought.thinking, *thought.reflections)
        self._database.execute(f"INSERT INTO thoughts VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    def questions(self) -> Iterator[list[Thought]]:
        """Those of each question."""
        rows = self._database.execute("SELECT * FROM thoughts ORDER BY question, rowid")
        for _, group in groupby(rows, key=lambda row: row[0]):
            yield [Thought(None if r[1] is None else bool(r[1]), r[2], r[3], tuple(r[4:])) for r in group]

    def close(self) -> None:
        """Give the disk space back."""
        self._closed()
