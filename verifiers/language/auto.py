"""The `auto` backend: scripts first, n-grams where a script is shared, kana and codecs for Han.

It takes a masked text and returns its pieces, each in one language; see `neutral`, `ngrams`, `switching`, `han`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, compress, count, pairwise
from typing import NamedTuple

from . import han, ngrams, switching
from .scripts import BY_NAME, RUNS, SCRIPTS, SINGLES, UNKNOWN, Script, Unit, counted_pattern, word_pattern


class Piece(NamedTuple):
    """A stretch of text in one language."""

    start: int
    end: int
    language: str
    words: int
    """Countable units in it: words, or letters."""


@dataclass(frozen=True, slots=True)
class DetectionPlan:
    """What `auto` looks for: which languages each script may hold."""

    languages: tuple[str, ...] | None
    """The candidates; None for all."""

    def of(self, script: Script) -> tuple[str, ...]:
        """The languages that a script's words may be in; a script none of the candidates is written in still counts,
        as its one language or as unknown."""
        if self.languages is None:
            return script.languages
        allowed = tuple(language for language in script.languages if language in self.languages)
        if allowed:
            return allowed
        return script.languages if len(script.languages) == 1 else (UNKNOWN,)


def pieces(text: str, plan: DetectionPlan, target: str | None, unit: Unit) -> list[Piece]:
    """The pieces of a masked text, in order, neighbours in one language joined."""
    runs: dict[str, list[tuple[int, int]]] = {}
    if text.isascii():
        runs["latn"] = [(0, len(text))]
    else:
        for run in RUNS.finditer(text):
            runs.setdefault(run.lastgroup or "", []).append(run.span())
    result: list[Piece] = []
    for name, spans in runs.items():
        if name == "cjk":
            result += _cjk(text, spans, plan, target, unit)
            continue
        script = BY_NAME[name]
        languages = plan.of(script)
        if len(languages) == 1:
            result += _certain(text, spans, languages[0], script, unit)
        else:
            result += _shared(text, languages, script, target, unit)
    if len(runs) > 1:
        result.sort()
    return list(joined(result))


def joined(ordered: Iterable[Piece]) -> Iterator[Piece]:
    last: Piece | None = None
    for piece in ordered:
        if last is None:
            last = piece
        elif last.language == piece.language:
            last = Piece(last.start, piece.end, last.language, last.words + piece.words)
        else:
            yield last
            last = piece
    if last is not None:
        yield last


@lru_cache(maxsize=256)
def _counted(language: str, name: str) -> re.Pattern[str]:
    return counted_pattern(language, BY_NAME[name])


def _count(words: Sequence[str], unit: Unit) -> int:
    return len(words) if unit == "word" else sum(map(str.isalpha, "".join(words)))


def _certain(text: str, spans: Sequence[tuple[int, int]], language: str, script: Script, unit: Unit) -> Iterator[Piece]:
    find = _counted(language, script.name).findall
    for start, end in spans:
        if count := _count(find(text, start, end), unit):
            yield Piece(start, end, language, count)


def _cjk(
    text: str, spans: Sequence[tuple[int, int]], plan: DetectionPlan, target: str | None, unit: Unit
) -> Iterator[Piece]:
    allowed = tuple(language for language in ("zh", "ja") if plan.languages is None or language in plan.languages)
    each, kana = _cjk_runs()
    if (
        allowed[:1] == ("zh",)
        and not _KANA.search(text)
        and (len(allowed) == 1 or (target != "ja" and _harmless(text)))
    ):
        for start, end in spans:
            yield Piece(start, end, "zh", len("".join(each.findall(text, start, end))))
        return
    for language, start, end in _stretches(han.label(text, target, allowed or ("zh", "ja"))):
        katakana = kana.findall(text, start, end)
        count = len(katakana) if unit == "word" else len("".join(katakana))
        yield Piece(start, end, language, count + len("".join(each.findall(text, start, end))))


def _stretches(runs: Sequence[han.HanRun]) -> Iterator[tuple[str, int, int]]:
    changes = switching.boundaries([run.language for run in runs]) if runs else []
    for first, after in pairwise(changes):
        yield runs[first].language, runs[first].start, runs[after - 1].end


def _harmless(text: str) -> bool:
    """Whether no Han character of a text speaks for Japanese."""
    new = set(text) - _HARMLESS
    harmless = {c for c in new if c < "\u3005" or han.lean(c) >= 0}
    _HARMLESS.update(harmless)
    return len(harmless) == len(new)


_HARMLESS: set[str] = set()
"""Characters that were looked at and do not speak for Japanese: a cache, bounded by Unicode."""

_KANA = re.compile(f"[{BY_NAME['hira'].letters}{BY_NAME['kana'].letters}]")


@lru_cache(maxsize=1)
def _cjk_runs() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Runs of characters that are a word each, and runs that are one word."""
    return re.compile(f"[{BY_NAME['hani'].letters}{BY_NAME['hira'].letters}]+"), re.compile(
        word_pattern(BY_NAME["kana"])
    )


class _Stops(dict[str, bool]):
    """Whether what stands between two words ends a sentence, if only by being of another script."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        others = "".join(other.letters for other in SCRIPTS if other.name != script.name)
        self._stop = re.compile(f"[.!?;:\\n…。！？{others}]")

    def __missing__(self, gap: str) -> bool:
        stops = self._stop.search(gap) is not None
        if len(gap) <= _SHORT_GAP and len(self) < _GAPS:
            self[gap] = stops
        return stops


_SHORT_GAP, _GAPS = 4, 10_000
"""Longest gap that is remembered, and how many are."""


@lru_cache(maxsize=32)
def _splitter(name: str) -> tuple[re.Pattern[str], _Stops]:
    """What splits a text into words and what is between them; and which of that ends a sentence."""
    script = BY_NAME[name]
    return re.compile(f"({word_pattern(script)})"), _Stops(script)


def _lower(text: str) -> str:
    """Lower case, one character for one."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _shared(text: str, languages: tuple[str, ...], script: Script, target: str | None, unit: Unit) -> Iterator[Piece]:
    """Words of a script that several languages share."""
    splits, stops = _splitter(script.name)
    parts = splits.split(_lower(text))
    words, between = parts[1::2], parts[::2]
    if not words:
        return
    table = ngrams.table(languages)
    expected = languages.index(target) if target in languages else 0
    among, fits = switching.candidates(table, words, expected, asked=target in languages)
    if len(among) == 1:
        labels = among * len(words)
        changes = [0, len(words)]
    else:
        ends = list(map(stops.__getitem__, between))
        labels = switching.label(among, fits, words, ends[:-1])
        changes = switching.boundaries(labels)
    lengths = list(map(len, parts))
    starts = list(accumulate(lengths, initial=0))[1::2]
    variables = _variables(words, lengths[1::2], between, labels, languages) if script.name == "latn" else []
    for first, after in pairwise(changes):
        language = languages[labels[first]]
        units = after - first - (bisect_left(variables, after) - bisect_left(variables, first))
        if units and unit == "letter":
            skip = set(variables)
            units = sum(sum(map(str.isalpha, words[i])) for i in range(first, after) if i not in skip)
        if units:
            yield Piece(starts[first], starts[after - 1] + lengths[2 * after - 1], language, units)


def _variables(
    words: Sequence[str],
    lengths: Sequence[int],
    between: Sequence[str],
    labels: Sequence[int],
    languages: Sequence[str],
) -> list[int]:
    """Indices of the single Latin letters that count nothing; see `scripts.SINGLES`."""
    indices = []
    last = len(words) - 1
    for i in compress(count(), map((1).__eq__, lengths)):
        beside = (i < last and between[i + 1] == " " and lengths[i + 1] > 1) or (
            i > 0 and between[i] == " " and lengths[i - 1] > 1
        )
        if not beside or words[i] not in SINGLES.get(languages[labels[i]], ""):
            indices.append(i)
    return indices
