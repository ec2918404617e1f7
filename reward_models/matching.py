"""A set of pairs in which length does not tell what was preferred.

The paper's chosen and rejected responses are of comparable length over the whole set, not pair by pair; so pairs are
left out, never changed, until the longer response wins as often as the shorter one, in every bin of the length ratio.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from .data import Pair

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
    >>> matched = match_lengths(rows)
    >>> matched.before, matched.after, len(matched.rows)
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
