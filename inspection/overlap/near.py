"""Texts that are nearly the same: Jaccard similarity of their sets of three-token sequences, found exactly.

Of a text's sequences, any |A| - ⌈t|A|⌉ + 1 hold one of each text that overlaps by `t` or more (the prefix filter of
Bayardo et al., WWW 2007), so that only the rarest few are looked up, and each candidate is compared whole. What MinHash
estimates is thus computed: nothing is missed, and no permutations are needed. docs/how-to/evaluation.md has figures of
datasketch's MinHashLSH beside ours.

What it does not do: find texts of another length that hold one another; `held_out` has n-grams for that.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence

from .tokens import tokens

_SIZE = 3


def shingles(some: Sequence[str]) -> set[int]:
    """Hashes of all sequences of three tokens; of a shorter text of all of it. Equal in one process only."""
    if len(some) < _SIZE:
        return {hash(tuple(some))} if some else set()
    return set(map(hash, zip(some, some[1:], some[2:], strict=False)))


class NearIndex:
    """Sets of sequences, by number in the order in which they were added.

    >>> index = NearIndex(0.5)
    >>> index.add({1, 2, 3, 4}), index.add({7, 8})
    (0, 1)
    >>> index.nearest({2, 3, 4, 5}), index.nearest({4, 5, 6})
    ((0, 0.6), None)
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._sets: list[array[int]] = []
        self._holders: dict[int, int | array[int]] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, some: Iterable[int]) -> int:
        """Add a set; gives its number."""
        number, held = len(self._sets), array("q", some)
        for one in held:
            before = self._holders.setdefault(one, number)
            if before == number:
                continue
            if isinstance(before, int):
                self._holders[one] = array("I", (before, number))
            else:
                before.append(number)
        self._sets.append(held)
        return number

    def common(self, most: int, first: int = 0) -> set[int]:
        """Sequences that stand in more than `most` of the sets from number `first` on."""
        many = ((one, held) for one, held in self._holders.items() if not isinstance(held, int) and len(held) > most)
        return {one for one, held in many if sum(number >= first for number in held) > most}

    def nearest(self, some: set[int], without: set[int] | frozenset[int] = frozenset()) -> tuple[int, float] | None:
        """The number of the set that is most like this one, at least by the threshold, and how like; None for none.

        Sequences of `without` count on neither side.
        """
        some = some - without if without else some
        holders = self._holders
        known = [held for one in some if (held := holders.get(one)) is not None]
        # Overlap needs t|A| of A's elements to be anywhere at all.
        allowed = len(some) - math.ceil(self.threshold * len(some) - 1e-9)
        missing = len(some) - len(known)
        if not known or missing > allowed:
            return None
        known.sort(key=lambda held: 1 if isinstance(held, int) else len(held))
        candidates: set[int] = set()
        for held in known[: allowed - missing + 1]:
            candidates.update((held,) if isinstance(held, int) else held)
        best: tuple[int, float] | None = None
        for number in sorted(candidates):
            other = self._sets[number]
            if not without and not self.threshold * len(some) <= len(other) <= len(some) / self.threshold:
                continue
            whole = set(other) - without if without else set(other)
            similarity = len(some & whole) / len(some | whole)
            if similarity >= self.threshold and (best is None or similarity > best[1]):
                best = number, similarity
        return best


def near_duplicates(texts: Sequence[str], *, threshold: float = 0.8) -> list[int | None]:
    """Which texts are nearly the same as an earlier one.

    Args:
        texts: What is compared.
        threshold: The least Jaccard similarity of their shingles, from 0 to 1.

    Returns:
        For each text the number of the earlier one, from 0, or None; a chain points to its first.

    >>> near_duplicates(["How do I bake some good bread at home?", "Why?", "how do I bake some good bread at home"])
    [None, None, 0]
    """
    index, firsts, copies = NearIndex(threshold), list[int](), list[int | None]()
    for number, text in enumerate(texts):
        some = shingles(tokens(text) or [text])
        match = index.nearest(some) if threshold <= 1 else None
        copies.append(None if match is None else firsts[match[0]])
        if match is None:
            index.add(some)
            firsts.append(number)
    return copies
