"""How well a word fits each language of a script: letter trigrams with back-off, and the small words.

The counts are those that langdetect ships (its profiles are read from the installed package; nothing else of it is
used here). A word's fit is its log-probability as a chain of letters, each given the two before it, interpolated with
bigrams and single letters; profiles leave out what is rarer than one in 100,000, so the smoothing is strong.

What it does not do: know words. `function_words` adds the hundred or so that say more than their letters.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from .function_words import FUNCTION_WORDS

_RARE = 1e-5
"""Share below which langdetect's profiles leave an n-gram out."""
_SMOOTHING_3, _SMOOTHING_2 = 100.0, 200.0
"""Weight of the shorter n-gram, in counts of the rarest n-gram that a profile holds."""
_SMALL_WORD = 5.0
"""What it adds, in nats, that a word is one of a language's small words."""
_NO_SMALL_WORDS = 1.0
"""What a word costs in a language without such a list: those are rare guests, and seldom the true explanation."""
ONE_WORD = 12.0
"""The most, in nats, that one word can speak for a language."""
_LONGEST = 24
"""Letters of a word that are looked at."""
_RANKED = 6
_CACHE = 20_000
"""Words remembered per table, 20 MB at most."""

Fits = tuple[float, ...]
"""One log-probability per language of a table."""


class Word(NamedTuple):
    """A word's fit to each language of a table."""

    fits: Fits
    best: float
    """The greatest of them."""
    ranked: tuple[tuple[float, int], ...]
    """The greatest few with the languages' indices, best first."""
    leader: int
    """The language that it fits best."""
    lead: float
    """By how much."""


class _Cache(dict[str, "Word"]):
    """Words that were worked out, up to a number; a dict, so that those found again cost one lookup."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, word: str) -> Word:
        if len(self) >= _CACHE:
            self.clear()
        value = self[word] = self._table.word(word)
        return value


class _Trigrams(dict[str, "Fits | None"]):
    """Rows by trigram, worked out on first use; None for one that no profile holds.

    A text asks for a few hundred of the twenty thousand that the profiles of Latin's languages hold.
    """

    def __init__(self, known: Set[str], row: Callable[[str], Fits]) -> None:
        super().__init__()
        self._known, self._row = known, row

    def __missing__(self, gram: str) -> Fits | None:
        if gram not in self._known:
            return None
        fits = self[gram] = self._row(gram)
        return fits


@dataclass(frozen=True, slots=True)
class Table:
    """The n-grams of several languages of one script."""

    languages: tuple[str, ...]
    trigrams: Mapping[str, Fits | None]
    """Log-probability of the third letter given two."""
    after_two: Mapping[str, Fits]
    """Log-weight of falling back from two letters of context to one."""
    bigrams: Mapping[str, Fits]
    after_one: Mapping[str, Fits]
    letters: Mapping[str, Fits]
    unknown: Fits
    """Log-probability of a letter that no profile holds."""
    small: tuple[frozenset[str], ...]
    """The small words of each language."""
    cache: _Cache = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cache", _Cache(self))

    def words(self, words: Iterable[str]) -> dict[str, Word]:
        """The fits of words, which are taken as they come in lower case."""
        words = list(words)
        return dict(zip(words, map(self.cache.__getitem__, words), strict=True))

    def word(self, word: str) -> Word:
        """The fit of one word, worked out."""
        text = f" {fold(word[:_LONGEST])} "
        rows = []
        for end in range(1, len(text)):
            row = self.trigrams[text[end - 2 : end + 1]] if end > 1 else None
            if row is None:
                weight = self.after_two.get(text[end - 2 : end]) if end > 1 else None
                if weight is not None:
                    rows.append(weight)
                row = self.bigrams.get(text[end - 1 : end + 1])
            if row is None:
                weight = self.after_one.get(text[end - 1])
                if weight is not None:
                    rows.append(weight)
                row = self.letters.get(text[end], self.unknown)
            rows.append(row)
        rows.append(self._small(word.replace("’", "'")))
        # Rounded, so that words share their numbers: twenty thousand words fit the processor's cache, and memory.
        fits = tuple(_shared(round(total * 8)) for total in map(sum, zip(*rows, strict=True)))
        ranked = sorted(zip(fits, range(len(fits)), strict=True), reverse=True)[:_RANKED]
        lead = ranked[0][0] - ranked[1][0] if len(ranked) > 1 else ONE_WORD
        return Word(fits, ranked[0][0], tuple(ranked), ranked[0][1], min(lead, ONE_WORD))

    def _small(self, word: str) -> Fits:
        return tuple(_SMALL_WORD * (word in words) if words else -_NO_SMALL_WORDS for words in self.small)


@lru_cache(maxsize=8_192)
def _shared(eighths: int) -> float:
    return eighths / 8


def fold(word: str) -> str:
    """A word as the profiles spell it: lower case, composed, without joiners; all of Vietnamese's letters with two
    marks are one."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKC", word).lower()
    return "".join("ể" if "Ạ" <= c <= "ỿ" else c for c in plain if unicodedata.category(c) != "Cf").replace("’", "'")


@lru_cache(maxsize=16)
def table(languages: tuple[str, ...]) -> Table:
    """The table of several languages of one script, made on first use; less than half a second for all of Latin's."""
    return _build(languages, [_profile(language) for language in languages])


def _profile(language: str) -> Counter[str]:
    """Counts of n-grams of one to three characters, a space standing for the edge of a word."""
    path = resources.files("langdetect") / "profiles" / language
    counts: Counter[str] = Counter()
    for gram, count in json.loads(path.read_text(encoding="utf-8"))["freq"].items():
        folded = gram.lower()
        if len(folded) == len(gram):
            counts["".join("ể" if "Ạ" <= c <= "ỿ" else c for c in folded)] += count
    counts[" "] = sum(count for gram, count in counts.items() if len(gram) == 2 and gram[0] == " ")
    return counts


def _build(languages: tuple[str, ...], profiles: Sequence[Counter[str]]) -> Table:
    each = range(len(languages))
    totals = [[sum(n for gram, n in counts.items() if len(gram) == size) for size in (1, 2, 3)] for counts in profiles]
    weight_2 = [_RARE * _SMOOTHING_2 * total[1] for total in totals]
    weight_3 = [_RARE * _SMOOTHING_3 * total[2] for total in totals]
    grams = set().union(*profiles)
    single = {
        gram: [(profiles[i][gram] + 0.3 * _RARE * totals[i][0]) / totals[i][0] for i in each]
        for gram in grams
        if len(gram) == 1
    }
    rare = [0.1 * _RARE] * len(languages)

    def double(i: int, gram: str) -> float:
        share = single.get(gram[1], rare)[i]
        return (profiles[i][gram] + weight_2[i] * share) / (profiles[i][gram[0]] + weight_2[i])

    def triple(i: int, gram: str) -> float:
        share = double(i, gram[1:])
        return (profiles[i][gram] + weight_3[i] * share) / (profiles[i][gram[:2]] + weight_3[i])

    def logs(values: Sequence[float]) -> Fits:
        return tuple(map(math.log, values))

    pairs = [gram for gram in grams if len(gram) == 2]
    return Table(
        languages=languages,
        trigrams=_Trigrams(grams, lambda gram: logs([triple(i, gram) for i in each])),
        after_two={gram: logs([weight_3[i] / (profiles[i][gram] + weight_3[i]) for i in each]) for gram in pairs},
        bigrams={gram: logs([double(i, gram) for i in each]) for gram in pairs},
        after_one={gram: logs([weight_2[i] / (profiles[i][gram] + weight_2[i]) for i in each]) for gram in single},
        letters={gram: logs(values) for gram, values in single.items()},
        unknown=logs(rare),
        small=tuple(FUNCTION_WORDS.get(language, frozenset()) for language in languages),
    )
