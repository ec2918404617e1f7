"""A set of pairs in which length does not tell what was preferred, and prompts that are not there twice.

The paper's chosen and rejected responses are of comparable length over the whole set, not pair by pair; so pairs are
left out, never changed, until the longer response wins as often as the shorter one, in every bin of the length ratio.
"""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .data import Pair

_WORD = re.compile(r"\w+")
BIN_WIDTH = 0.1
"""Of the bins, in the logarithm of the length ratio: about ten per cent."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What length matching left."""

    rows: list[Pair]
    """The pairs that stay, in order."""
    before: float | None
    """Share of pairs in which the longer response was chosen; None where all are of one length."""
    after: float | None
    """The same, of those that stay."""
    correlation_before: float | None
    """Of which response is chosen and how much longer it is: of the sign, drawn at random, with the difference."""
    correlation_after: float | None


def match_lengths(rows: Sequence[Pair], *, seed: int = 0) -> Matched:
    """Leave out pairs at random, bin by bin of the length ratio, until longer and shorter win equally often in each.

    >>> rows = [Pair(prompt=(), chosen="long one", rejected="short", id=str(n)) for n in range(8)]
    >>> rows += [Pair(prompt=(), chosen="short", rejected="long one", id=str(n)) for n in range(2)]
    >>> found = match_lengths(rows)
    >>> found.before, found.after, len(found.rows)
    (0.8, 0.5, 4)
    """
    bins: dict[int, tuple[list[int], list[int]]] = {}
    for index, row in enumerate(rows):
        ratio = math.log((len(row.chosen) + 1) / (len(row.rejected) + 1))
        if ratio:
            bins.setdefault(int(abs(ratio) / BIN_WIDTH), ([], []))[ratio < 0].append(index)
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    dropped: set[int] = set()
    for _, sides in sorted(bins.items()):
        more, fewer = sorted(sides, key=len, reverse=True)
        dropped.update(draw.sample(more, len(more) - len(fewer)))
    kept = [row for index, row in enumerate(rows) if index not in dropped]
    return Matched(
        kept, longer_wins(rows), longer_wins(kept), length_correlation(rows, seed), length_correlation(kept, seed)
    )


def longer_wins(rows: Sequence[Pair]) -> float | None:
    """Share of pairs of unequal length in which the longer response was chosen."""
    unequal = [len(row.chosen) > len(row.rejected) for row in rows if len(row.chosen) != len(row.rejected)]
    return sum(unequal) / len(unequal) if unequal else None


def length_correlation(rows: Sequence[Pair], seed: int = 0) -> float | None:
    """Correlation of "the first is preferred" with the difference of lengths, first and second drawn at random."""
    from .measures import correlation

    draw = random.Random(seed)  # noqa: S311 - as above
    signs = [draw.choice((-1, 1)) for _ in rows]
    return correlation(
        signs, [sign * (len(row.chosen) - len(row.rejected)) for sign, row in zip(signs, rows, strict=True)]
    )


def near_duplicates(texts: Sequence[str], *, threshold: float = 0.8) -> list[int | None]:
    """For each text the number of an earlier one that is nearly the same, or None.

    Nearly the same are texts whose sets of three-word sequences overlap by `threshold` (Jaccard); candidates are found
    by MinHash in 32 bands of 4, which at 0.8 misses one in about ten million, and then compared exactly.

    >>> near_duplicates(["How do I bake some good bread at home?", "Why?", "how do I bake some good bread at home"])
    [None, None, 0]
    """
    shingles = [_shingles(text) for text in texts]
    draw = np.random.default_rng(0)
    prime = np.uint64(4294967311)
    factors = draw.integers(1, 2**31, size=(128, 1), dtype=np.uint64)
    offsets = draw.integers(0, 2**31, size=(128, 1), dtype=np.uint64)
    seen: dict[tuple[int, bytes], list[int]] = {}
    matches: list[int | None] = []
    for index, held in enumerate(shingles):
        values = np.fromiter(held, np.uint64, len(held))[None, :]
        least = ((factors * values + offsets) % prime).min(axis=1).reshape(32, 4)
        keys = [(band, least[band].tobytes()) for band in range(32)]
        near = {other for key in keys for other in seen.get(key, ())}
        match = next((other for other in sorted(near) if _jaccard(held, shingles[other]) >= threshold), None)
        matches.append(match)
        if match is None:  # a chain of near duplicates all points to its first
            for key in keys:
                seen.setdefault(key, []).append(index)
    return matches


class Contamination:
    """Knows texts that a set must not hold, by their sequences of 13 words; shorter texts by all of theirs.

    >>> known = Contamination(["What is the capital of France?"])
    >>> known.holds("Tell me: what is the capital of France? Thanks."), known.holds("What is the capital?")
    (True, False)
    """

    def __init__(self, texts: Iterable[str], *, words: int = 13) -> None:
        self._words = words
        self._long: set[int] = set()
        self._short: dict[int, set[int]] = {}
        for text in texts:
            tokens = _words(text)
            if len(tokens) >= words:
                self._long.update(_sequences(tokens, words))
            elif tokens:
                self._short.setdefault(len(tokens), set()).update(_sequences(tokens, len(tokens)))

    def holds(self, text: str) -> bool:
        """Whether the text has a sequence in common with a known one."""
        tokens = _words(text)
        if not self._long.isdisjoint(_sequences(tokens, self._words)):
            return True
        return any(not known.isdisjoint(_sequences(tokens, length)) for length, known in self._short.items())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _sequences(words: Sequence[str], length: int) -> set[int]:
    return {hash(tuple(words[at : at + length])) for at in range(len(words) - length + 1)}


def _shingles(text: str) -> set[int]:
    words = _words(text) or [text]
    size = min(3, len(words))
    return {
        zlib.crc32(" ".join(words[at : at + size]).encode("utf-8", "replace")) for at in range(len(words) - size + 1)
    }


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)
