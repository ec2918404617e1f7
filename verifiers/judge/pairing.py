"""Who meets whom in a group of responses, and how many points each has in the end.

Groups of up to four play all against all; larger ones a Swiss tournament: log2 n rounds, in each of which neighbours by
points meet who have not met, so that n log2 n questions place n responses (every pair is asked in both orders).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

Round = Callable[[Sequence["Game"]], list[tuple[int, int]]]
"""From the games so far to the pairs that meet next."""


class Game(NamedTuple):
    """One verdict on two responses."""

    one: int
    other: int
    result: float
    """Above 0 where the first is better, below where the other is; 0: a tie."""

    @property
    def points(self) -> float:
        """Of the first: 1, 0.5 or 0."""
        return 0.5 + 0.5 * ((self.result > 0) - (self.result < 0))


def best_of(players: int, games: Sequence[Game]) -> list[float]:
    """Points per game of each; 0.5 for one that played none.

    >>> best_of(3, [Game(0, 1, 1.0), Game(1, 2, 0.0)])
    [1.0, 0.25, 0.5]
    """
    points, played = [0.0] * players, [0] * players
    for game in games:
        points[game.one] += game.points
        points[game.other] += 1 - game.points
        played[game.one] += 1
        played[game.other] += 1
    return [won / count if count else 0.5 for won, count in zip(points, played, strict=True)]


def rounds(players: int) -> list[Round]:
    """The rounds of a group.

    >>> [pairs([]) for pairs in rounds(3)], len(rounds(16))
    ([[(0, 1), (0, 2), (1, 2)]], 4)
    """
    if players <= 4:
        return [lambda _: list(combinations(range(players), 2))]

    def pair(games: Sequence[Game]) -> list[tuple[int, int]]:
        points = best_of(players, games)
        met = {frozenset((game.one, game.other)) for game in games}
        order = sorted(range(players), key=lambda one: (-points[one], one))
        if players % 2:  # the one that sits out has played most so far
            count = [sum(one in (game.one, game.other) for game in games) for one in range(players)]
            order.remove(max(reversed(order), key=lambda one: count[one]))
        pairs = []
        while order:
            one = order.pop(0)
            other = next((other for other in order if frozenset((one, other)) not in met), order[0])
            order.remove(other)
            pairs.append((min(one, other), max(one, other)))
        return pairs

    return [pair] * math.ceil(math.log2(players))
