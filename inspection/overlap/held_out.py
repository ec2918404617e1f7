"""Test data that training data must not hold: an index of its n-grams and questions, asked one training row at a time.

As in the paper (D.1) a training text goes that shares a sequence of 10 words with a test's question or its reference
solution. A hit is verified token by token and extended as far as both texts agree, so that a report names the passage
and no collision of hashes counts. Beside that, between the questions alone: the same one but for spelling; a test too
short for an n-gram that makes up at least half of the training question; nearly the same (`near`).

Memory grows with the test data only: some 200 bytes a token of it. What many texts of one file have in common is the
wrapping of its questions ("put your final answer within \\boxed{}") and no evidence; it is left out and counted.

What it does not do: find paraphrases and translations, which no n-gram does.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ...verifiers.errors import ConfigError
from ...verifiers.settings import Share, check
from .near import NearIndex, shingles
from .tokens import tokens, weight

OverlapKind = Literal["same", "ngram", "contained", "near"]
_FEW = 10
"""Texts of a file in which anything may stand and still be evidence."""
_TRIED = 16
"""Places of one n-gram that are extended."""
_EXTENDED = 200_000
"""Tokens by which passages of one text are extended in all: a text that says one word a million times has no end."""
_SHOWN = 60
"""Tokens of a passage that are kept."""
_LEAST = 4
"""Tokens of a short test that is looked for inside other questions; shorter ones must be the whole question."""

Text = tuple[str, str]
"""The field in which it stands, and what stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapOptions:
    """What counts as overlap."""

    ngram: int = 10
    """Words of a shared sequence (D.1); 16 characters where no spaces are written are as long as 10 words."""
    near: float = 0.8
    """Jaccard similarity of two questions' three-token sequences from which on they are the same; above 1: none are."""
    common: Share = 0.05
    """Share of a file's texts, and at least ten, above which a sequence is the file's wrapping."""

    def __post_init__(self) -> None:
        check(self)
        if self.ngram < 4 or self.near <= 0:
            raise ConfigError(f"ngram is {self.ngram} and near {self.near:g}; at least 4, and above 0")


class Place(NamedTuple):
    """Where a test row stands."""

    file: str
    """Path of the file."""
    line: int
    """Number of the row, from 1."""
    id: str | None
    """The row's `id`, if it has one."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f" ({self.id})" if self.id is not None else "")


class Overlap(NamedTuple):
    """What a training row shares with a test."""

    kind: OverlapKind
    """The rule that says so."""
    field: str
    """Of the training row."""
    test: Place
    """The test's row."""
    test_field: str
    """Its field."""
    passage: str
    """The tokens that both have, the first 60; of questions that are nearly the same, the test's."""
    words: float
    """How long that passage is, in words."""
    similarity: float
    """Share of the test's text that it is; of questions that are nearly the same, their Jaccard similarity."""

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form.

        Returns:
            A JSON object of the fields.
        """
        return {**self._asdict(), "test": self.test._asdict(), "similarity": round(self.similarity, 4)}

    def __str__(self) -> str:
        share = f"{self.similarity:.0%} of its {self.test_field}"
        said = {
            "same": "the same question as",
            "ngram": f"{self.words:g} words of {self.field} stand in",
            "contained": "holds the question of",
            "near": "nearly the question of",
        }[self.kind]
        return f"{said} {self.test}, {share}: {self.passage}"


class HeldOut:
    """An index of test data.

    Args:
        options: What counts as overlap; None takes the defaults.

    >>> held = HeldOut()
    >>> held.add(Place("aime.jsonl", 1, None), "Find the number of ways to tile a 2 by 10 board with dominoes.", [])
    >>> held.finish_file()
    >>> text = "Warm-up: find the number of ways to tile a $2$ by $10$ board, please."
    >>> overlap = held.match(text, [])
    >>> overlap.kind, str(overlap.test), overlap.passage
    ('ngram', 'aime.jsonl:1', 'find the number of ways to tile a 2 by 10 board')
    """

    def __init__(self, options: OverlapOptions | None = None) -> None:
        self.options: OverlapOptions = options or OverlapOptions()
        self.rows: int = 0
        """Tests that were added."""
        self.wrapping: dict[int, str] = {}
        """N-grams that are left out, as files share them."""
        self._tests: list[Place] = []
        self._owners: list[tuple[int, str]] = []
        """By text, the test and the field."""
        self._starts = array("Q")
        """By text, where its tokens begin."""
        self._tokens: list[str] = []
        self._at: dict[int, int | array[int]] = {}
        """By hash of an n-gram, where it stands; of one text the first place."""
        self._several: set[int] = set()
        """N-grams of more than one text of the file that is being added."""
        self._first = 0
        self._known: set[int] = set()
        self._whole: dict[int, int] = {}
        """By hash of a question's tokens, its test."""
        self._short: dict[int, dict[int, int]] = {}
        """By length, hashes of the tokens of questions that are too short for an n-gram, with their test."""
        self._near = NearIndex(self.options.near)
        self._first_near = 0
        self._near_owners: list[int] = []
        self._common: set[int] = set()

    def add(self, place: Place, question: str, others: Iterable[Text]) -> None:
        """Add a test.

        Args:
            place: Its row.
            question: What it asks.
            others: What else of it must not be learned, such as its solution: names of fields with texts.
        """
        number = len(self._tests)
        self._tests.append(place)
        self.rows += 1
        asked = [sys.intern(token) for token in tokens(question)]
        key = hash(tuple(asked))
        if asked and key not in self._whole:
            self._whole[key] = number
            if self.options.near <= 1:
                self._near.add(shingles(asked))
                self._near_owners.append(number)
            if weight(asked) < self.options.ngram and len(asked) >= _LEAST:
                self._short.setdefault(len(asked), {})[key] = number
        self._add_text(number, "question", asked, key)
        for field, text in others:
            some = [sys.intern(token) for token in tokens(text)]
            self._add_text(number, field, some, hash(tuple(some)))

    def _add_text(self, number: int, field: str, some: list[str], key: int) -> None:
        if key in self._known or weight(some) < self.options.ngram:
            return
        self._known.add(key)
        start = len(self._tokens)
        self._owners.append((number, field))
        self._starts.append(start)
        self._tokens += some
        for one, place in _first_places(some, self.options.ngram).items():
            if one in self.wrapping:
                continue
            before = self._at.setdefault(one, start + place)
            if isinstance(before, int):
                if before == start + place:
                    continue
                self._at[one] = array("Q", (before, start + place))
            else:
                before.append(start + place)
            self._several.add(one)

    def finish_file(self) -> None:
        """Set aside what many texts of the file just added have in common."""
        texts = len(self._owners) - self._first
        most = max(_FEW, int(self.options.common * texts))
        begins = self._starts[self._first] if texts else 0
        for one in self._several:
            held = self._at[one]
            if not isinstance(held, int) and sum(place >= begins for place in held) > most:
                self.wrapping[one] = " ".join(self._tokens[held[0] : held[0] + self.options.ngram])
                del self._at[one]
        questions = len(self._near) - self._first_near
        self._common |= self._near.common(max(_FEW, int(self.options.common * questions)), self._first_near)
        self._several.clear()
        self._first, self._first_near = len(self._owners), len(self._near)

    def match(self, question: str, others: Sequence[Text] = ()) -> Overlap | None:
        """What a training row shares with a test; None where nothing. Call `finish_file` after the last test first.

        Args:
            question: What the row asks.
            others: Its other texts, which are searched for n-grams.

        Returns:
            What is shared, with the passage and the test; None where nothing is.
        """
        asked = tokens(question)
        if asked:
            number = self._whole.get(hash(tuple(asked)))
            if number is not None:
                return self._of_question("same", number, asked, 1.0)
        best = max(self._runs([("question", asked)]), key=_words, default=None)
        best = best or max(self._runs((field, tokens(text)) for field, text in others), key=_words, default=None)
        return best or self._contained(asked) or self._nearest(asked)

    def _runs(self, texts: Iterable[tuple[str, list[str]]]) -> Iterator[Overlap]:
        """The longest passage of each text that stands in a test, where it is long enough."""
        size, at = self.options.ngram, self._at
        for field, some in texts:
            if len(some) < size or at.keys().isdisjoint(_ngrams(some, size)):
                continue
            longest: tuple[float, int, int, int] | None = None
            until: dict[int, int] = {}
            extended = 0
            for place, one in enumerate(_ngrams(some, size)):
                held = at.get(one)
                if held is None or extended > _EXTENDED:
                    continue
                for there in (held,) if isinstance(held, int) else held[:_TRIED]:
                    if until.get(there - place, -1) > place:
                        continue  # within a passage that is known
                    if self._tokens[there : there + size] != some[place : place + size]:
                        continue
                    begin, end = self._extend(some, place, there)
                    extended += end - begin
                    until[there - place] = end
                    words = weight(some[begin:end])
                    if words >= size and (longest is None or words > longest[0]):
                        longest = words, begin, end, there
            if longest is not None:
                words, begin, end, there = longest
                text = bisect_right(self._starts, there) - 1
                number, test_field = self._owners[text]
                share = (end - begin) / (self._end(text) - self._starts[text])
                yield Overlap("ngram", field, self._tests[number], test_field, _shown(some[begin:end]), words, share)

    def _extend(self, some: list[str], place: int, there: int) -> tuple[int, int]:
        """The longest passage around a shared n-gram, as places in the training text."""
        text = bisect_right(self._starts, there) - 1
        first, last = self._starts[text], self._end(text)
        begin, end, other = place, place + self.options.ngram, there + self.options.ngram
        while begin > 0 and there > first and some[begin - 1] == self._tokens[there - 1]:
            begin, there = begin - 1, there - 1
        while end < len(some) and other < last and some[end] == self._tokens[other]:
            end, other = end + 1, other + 1
        return begin, end

    def _end(self, text: int) -> int:
        return self._starts[text + 1] if text + 1 < len(self._starts) else len(self._tokens)

    def _contained(self, asked: list[str]) -> Overlap | None:
        """A test too short for an n-gram, inside a question of at most twice its length."""
        for length, held in self._short.items():
            if length < len(asked) <= 2 * length:
                for place, one in enumerate(_ngrams(asked, length)):
                    if one in held:
                        return self._of_question("contained", held[one], asked[place : place + length], 1.0)
        return None

    def _nearest(self, asked: list[str]) -> Overlap | None:
        match = self._near.nearest(shingles(asked), self._common) if self.options.near <= 1 and asked else None
        return None if match is None else self._of_question("near", self._near_owners[match[0]], asked, match[1])

    def _of_question(self, kind: OverlapKind, number: int, some: list[str], similarity: float) -> Overlap:
        place = self._tests[number]
        return Overlap(kind, "question", place, "question", _shown(some), weight(some), similarity)


def _ngrams(some: Sequence[str], size: int) -> Iterator[int]:
    """Hashes of all sequences of a length, in order."""
    return map(hash, zip(*(some[start:] for start in range(size)), strict=False))


def _first_places(some: Sequence[str], size: int) -> dict[int, int]:
    positions: dict[int, int] = {}
    for place, one in enumerate(_ngrams(some, size)):
        positions.setdefault(one, place)
    return positions


def _words(overlap: Overlap) -> float:
    return overlap.words


def _shown(some: Sequence[str]) -> str:
    return " ".join(some[:_SHOWN]) + (" …" if len(some) > _SHOWN else "")
