"""Pairs of responses from two scored files, and what changed between their verdicts.

Rows are matched by id where every row of both files has one and none twice among those read so far, else by their
place in the file. A pair counts only if both hold the same response; everything that finds no partner is counted and
named, never dropped in silence.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...scoring.scored import Response, ScoredFiles, VerdictEntry
from ...verifiers.errors import RunError
from ...verifiers.verdict import Reason, Status
from .mcnemar import mcnemar

TOLERANCE = 1e-6
"""Scores that differ by no more are the same."""
MOST_ROWS = 1_000
"""Flipped rows that are kept; all are counted."""

Key = tuple[str, int]
"""How a response is found in both files: its row's id or place, and its number in the row."""


class Flip(NamedTuple):
    """One verdict that changed its status or its score."""

    row: str
    verifier: str
    before: str
    """Its reason."""
    after: str
    scores: tuple[float | None, float | None]


class _Side(NamedTuple):
    """What is kept of a response until its partner comes."""

    name: str
    text: bytes
    verdicts: tuple[VerdictEntry, ...]


@dataclass(slots=True)
class Table:
    """Right and wrong before and after, for one verifier, where both times it decided."""

    right: int = 0
    """Right both times."""
    wrong: int = 0
    """Wrong both times."""
    lost: int = 0
    """Right before, wrong after."""
    won: int = 0
    """Wrong before, right after."""

    @property
    def p(self) -> float:
        """McNemar's two-sided p."""
        return mcnemar(self.lost, self.won)


@dataclass(slots=True)
class Difference:
    """What two scorings differ in."""

    pairs: int = 0
    """Responses in both."""
    flips: int = 0
    """Verdicts whose status or score changed."""
    flipped_pairs: int = 0
    """Responses with such a verdict."""
    one_sided: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Verdicts that only one scoring has: verifier, and `before` or `after`."""
    renamed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Verdicts with the same score for another reason: verifier, before, after."""
    groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Flips by verifier, reason before, reason after."""
    tables: dict[str, Table] = field(default_factory=lambda: defaultdict(Table))
    rows: list[Flip] = field(default_factory=list)
    """The first flips, in order of the first file."""
    flipped: tuple[dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}))
    """By the name that a response has in either file, what its first flip was, of as many."""
    only: tuple[int, int] = (0, 0)
    """Responses without a partner, in the first file and in the second."""
    other_response: int = 0
    """Pairs whose responses differ, so that their verdicts cannot be compared."""
    twice: tuple[int, int] = (0, 0)
    """Rows whose id had come before, matched by nothing."""
    errors: tuple[int, int] = (0, 0)
    """Rows that are no scored sample."""
    matched_by: str = "id"

    @property
    def unmatched(self) -> int:
        """Responses that could not be compared."""
        return sum(self.only) + self.other_response + sum(self.twice) + sum(self.errors)

    @property
    def same(self) -> bool:
        """Whether every verdict of either scoring was found again with its score: nothing flipped, nothing missing."""
        return not (self.flips or self.unmatched or self.one_sided)

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {
            "pairs": self.pairs,
            "matched_by": self.matched_by,
            "flips": self.flips,
            "flipped_pairs": self.flipped_pairs,
            "groups": [
                {"verifier": name, "before": before, "after": after, "count": count}
                for (name, before, after), count in self.groups.most_common()
            ],
            "one_sided": [
                {"verifier": name, "only": side, "count": count} for (name, side), count in self.one_sided.most_common()
            ],
            "other_reason": [
                {"verifier": name, "before": before, "after": after, "count": count}
                for (name, before, after), count in self.renamed.most_common()
            ],
            "verifiers": {
                name: {
                    "right_right": table.right,
                    "right_wrong": table.lost,
                    "wrong_right": table.won,
                    "wrong_wrong": table.wrong,
                    "mcnemar_p": table.p,
                }
                for name, table in sorted(self.tables.items())
            },
            "unmatched": {
                "only_before": self.only[0],
                "only_after": self.only[1],
                "other_response": self.other_response,
                "id_twice_before": self.twice[0],
                "id_twice_after": self.twice[1],
                "errors_before": self.errors[0],
                "errors_after": self.errors[1],
            },
            "rows": [flip._asdict() for flip in self.rows],
        }


def compare(
    before: str, after: str, names: Mapping[str, str] | None = None, *, tolerance: float = TOLERANCE
) -> Difference:
    """Compare two scored files. Both are read once, side by side; what waits for its partner is kept in short.

    Raises RunError for a file that is not there or holds no scored row.
    """
    by_id = _have_ids(before, names) and _have_ids(after, names)
    difference = Difference(matched_by="id" if by_id else "line")
    waiting: tuple[dict[Key, _Side], dict[Key, _Side]] = ({}, {})
    seen: tuple[set[Key], set[Key]] = (set(), set())
    twice, errors = [0, 0], [0, 0]
    judged = 0
    readers = (_read(before, names, by_id, errors, 0), _read(after, names, by_id, errors, 1))
    going = [True, True]
    while any(going):
        for side in (0, 1):
            if not going[side]:
                continue
            item = next(readers[side], None)
            if item is None:
                going[side] = False
                continue
            key, kept = item
            judged += bool(kept.verdicts)
            if key in seen[side]:
                twice[side] += 1
                continue
            seen[side].add(key)
            partner = waiting[1 - side].pop(key, None)
            if partner is None:
                waiting[side][key] = kept
            else:
                pair = (partner, kept) if side else (kept, partner)
                _count(difference, *pair, tolerance)
    if not judged:
        raise RunError(f"neither {before} nor {after} holds a verdict; score them first with r1-reward score")
    difference.only = (len(waiting[0]), len(waiting[1]))
    difference.twice, difference.errors = (twice[0], twice[1]), (errors[0], errors[1])
    return difference


def _have_ids(path: str, names: Mapping[str, str] | None) -> bool:
    """Whether the file's first thousand rows all have an id, and none twice."""
    if path == "-":
        raise RunError("diff reads its files more than once; name files, not standard input")
    ids: set[str] = set()
    for number, row in enumerate(ScoredFiles([path], names)):
        if row.sample is None:
            continue
        if row.sample.id is None or row.sample.id in ids:
            return False
        ids.add(row.sample.id)
        if number >= 1_000:
            break
    return True


def _read(
    path: str, names: Mapping[str, str] | None, by_id: bool, errors: list[int], side: int
) -> Iterator[tuple[Key, _Side]]:
    for number, row in enumerate(ScoredFiles([path], names)):
        if row.sample is None:
            errors[side] += 1
            continue
        name = row.sample.id if by_id and row.sample.id is not None else f"line {number + 1}"
        for part, response in enumerate(row.responses):
            yield (name, part), _short(response)


def _short(response: Response) -> _Side:
    text = hashlib.blake2b(response.text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
    return _Side(response.name, text, response.scored.verdicts)


def _count(difference: Difference, before: _Side, after: _Side, tolerance: float) -> None:
    if before.text != after.text:
        difference.other_response += 1
        return
    difference.pairs += 1
    old = {entry[0]: entry for entry in before.verdicts}
    new = {entry[0]: entry for entry in after.verdicts}
    flipped = False
    for name in {**old, **new}:
        one, two = old.get(name), new.get(name)
        if one is None or two is None:
            difference.one_sided[name, "before" if two is None else "after"] += 1
            continue
        _decide(difference.tables, name, one, two)
        if _same(one, two, tolerance):
            if one[2] != two[2]:
                difference.renamed[name, one[2], two[2]] += 1
            continue
        difference.groups[name, one[2], two[2]] += 1
        difference.flips += 1
        flipped = True
        if len(difference.rows) < MOST_ROWS:
            difference.rows.append(Flip(before.name, name, one[2], two[2], (one[3], two[3])))
            for names, own in zip(difference.flipped, (before.name, after.name), strict=True):
                names.setdefault(own, f"{name}: {one[2]} to {two[2]}")
    difference.flipped_pairs += flipped


def _same(one: VerdictEntry, two: VerdictEntry, tolerance: float) -> bool:
    if one[1] != two[1]:
        return False
    return one[3] is None or (two[3] is not None and abs(one[3] - two[3]) <= tolerance)


def _decide(tables: dict[str, Table], name: str, one: VerdictEntry, two: VerdictEntry) -> None:
    """Enter a pair in its verifier's table, where both times right or wrong was found."""
    if any(entry[1] != Status.SCORED or entry[2] in (Reason.MEASURED, Reason.NO_WORDS) for entry in (one, two)):
        return
    was, now = one[2] == Reason.CORRECT, two[2] == Reason.CORRECT
    table = tables[name]
    if was and now:
        table.right += 1
    elif was:
        table.lost += 1
    elif now:
        table.won += 1
    else:
        table.wrong += 1
