"""Responses grouped by problem, on disk: the memory that grouping takes does not grow with the run."""

from __future__ import annotations

import logging
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ..verifiers.verdict import Status
from ..verifiers.verifier import Voter
from .stats import Clustered, majority, pass_at_k
from .work import ScoredResponse

_log = logging.getLogger(__name__)
_SCORED = Status.SCORED.value
LONGEST_VOTE = 2_000
"""Longer answers, in characters, are compared by their beginning."""


class Problems(NamedTuple):
    """What a run looks like by problem."""

    problems: int
    """Problems with at least one response."""
    sizes: Mapping[int, int]
    """How many problems have how many decided responses."""
    reward: Clustered
    """Total rewards."""
    accuracy: Clustered
    """Right (1) or wrong (0), where decided."""
    scores: Mapping[str, Clustered]
    """Scores by verifier."""
    pass_at: Mapping[int, Clustered]
    """pass@k by k, one value a problem that has k decided responses."""
    consensus: tuple[int, Clustered] | None
    """k and cons@k: is the majority of the first k decided responses right? None where nothing can vote."""


class Groups:
    """Takes responses in any order; reports them by problem.

    SQLite's unnamed database is a file of its own that vanishes with the process, however that ends.
    """

    def __init__(self, names: Sequence[str], cache_mb: int = 16) -> None:
        """`names` are the verifiers whose scores are kept; `learn` adds to them."""
        self._names = tuple(names)
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._closed = weakref.finalize(self, self._database.close)  # Python 3.13 warns of what nobody closed
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{cache_mb * 1_000}", "temp_store=FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        scores = "".join(f", s{index} REAL" for index in range(len(self._names)))
        self._database.execute(
            f"CREATE TABLE responses (problem BLOB, reward REAL, correct INT, voter TEXT, answer TEXT{scores})"
        )
        self._database.execute("BEGIN")

    def learn(self, name: str) -> None:
        """Keep the scores of one more verifier from now on; earlier responses have none of it."""
        self._database.execute(f"ALTER TABLE responses ADD COLUMN s{len(self._names)} REAL")
        self._names += (name,)

    def add(self, responses: Iterable[ScoredResponse]) -> None:
        """Add responses in the order of the input."""
        insert = f"INSERT INTO responses VALUES ({', '.join('?' * (5 + len(self._names)))})"  # noqa: S608
        self._database.executemany(insert, map(self._record, responses))

    def close(self) -> None:
        """Give the disk space back."""
        self._closed()

    def problems(self, voters: Mapping[str, Voter]) -> Problems:
        """All figures by problem; `voters` say by name which answers are the same."""
        self._database.execute("CREATE TEMP TABLE sorted AS SELECT * FROM responses ORDER BY problem, rowid")
        sizes: Counter[int] = Counter()
        for (size,) in self._database.execute("SELECT COUNT(correct) FROM sorted GROUP BY problem"):
            sizes[size] += 1
        decided = {size: count for size, count in sizes.items() if size}
        group_size = max(decided, key=lambda size: (decided[size], size), default=0)
        ks = _powers_of_two(max(decided, default=0)) | ({group_size} if group_size else set())
        reward, accuracy, consensus = Clustered(), Clustered(), Clustered()
        scores = {name: Clustered() for name in self._names}
        pass_at = {k: Clustered() for k in sorted(ks)}
        for rows in self._by_problem():
            _add(reward, (row[1] for row in rows))
            for index, name in enumerate(self._names):
                _add(scores[name], (row[5 + index] for row in rows))
            marked = [row for row in rows if row[2] is not None]
            right = sum(row[2] for row in marked)
            accuracy.add(right, len(marked))
            for k, mean in pass_at.items():
                if k <= len(marked):
                    mean.add(pass_at_k(len(marked), right, k), 1)
            if group_size > 1 and len(marked) >= group_size and marked[0][3] in voters:
                voted_on = marked[:group_size]
                wrong = [str(row[4]) for row in voted_on if not row[2] and row[4] is not None]
                share = vote(sum(bool(row[2]) for row in voted_on), wrong, voters[marked[0][3]])
                consensus.add(share or 0.0, int(share is not None))
        voted = (group_size, consensus) if consensus.n else None
        return Problems(sum(sizes.values()), dict(sizes), reward, accuracy, scores, pass_at, voted)

    def _by_problem(self) -> Iterator[list[tuple[Any, ...]]]:  # any: what SQLite holds
        rows = self._database.execute("SELECT * FROM sorted ORDER BY rowid")
        for _, group in groupby(rows, key=lambda row: row[0]):
            yield list(group)

    def _record(self, response: ScoredResponse) -> tuple[object, ...]:
        scores = {name: score for name, status, _, score in response.verdicts if status == _SCORED}
        correct = None if response.correct is None else int(response.correct)
        answer = response.answer
        if answer is not None:
            answer = answer[:LONGEST_VOTE].encode("utf-8", "replace").decode()
        return (
            response.problem,
            response.reward,
            correct,
            response.voter,
            answer,
            *(scores.get(name) for name in self._names),
        )


def _add(mean: Clustered, values: Iterable[float | None]) -> None:
    known = [value for value in values if value is not None]
    mean.add(sum(known), len(known))


def vote(right: int, wrong: Sequence[str], voter: Voter) -> float | None:
    """Chance that the most voted answer is right, for cons@k; None where the voter cannot tell the answers apart.

    Responses judged right are one class, verified against the reference; the answers of the others are told apart by
    the voter. A response without an answer has no vote.

    >>> from r1_reward.verifiers import MathVerifier
    >>> [vote(2, wrong, MathVerifier()) for wrong in (["0.5", "3"], ["0.5", r"\\frac12"], ["0.5", r"\\frac12", "1/2"])]
    [1.0, 0.5, 0.0]
    """
    try:
        votes = Counter(number + 1 for number in voter.classes(wrong)) if wrong else Counter[int]()
    except Exception:  # noqa: BLE001 - the boundary: a user's verifier that cannot tell answers apart has no vote
        _log.warning("%s could not tell answers apart", voter, exc_info=True)
        return None
    if right:
        votes[0] = right
    return majority(votes, {0})


def _powers_of_two(most: int) -> set[int]:
    return {1 << bit for bit in range(most.bit_length())} if most else set()
