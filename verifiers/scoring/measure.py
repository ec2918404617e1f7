"""What a question comes to: its k scored samples as a value for each metric; docs/evaluation.md has the formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ..catalog import CATALOG
from ..contract import Voter
from .groups import vote
from .scored import ScoredRow
from .stats import pass_at_k

Values = dict[str, float]
"""What one question comes to, by metric; what it has no value for is left out."""

_TOLD = ("format", "language")


def measure(
    rows: Iterable[ScoredRow], k: int, voters: Mapping[str, Voter], level: str, words: Sequence[str]
) -> list[tuple[str, Values]]:
    """Difficulty and values of each question, of whose samples every k rows are one's.

    `voters` tell by verifier which answers are the same; `level` is the field with the difficulty; `words` are counted.
    """
    found, rows = [], iter(rows)
    while group := list(islice(rows, k)):
        found.append((str(group[0].fields.get(level, "")), _values(group, k, voters, words)))
    return found


def _values(rows: Sequence[ScoredRow], k: int, voters: Mapping[str, Voter], words: Sequence[str]) -> Values:
    responses = [row.responses[0] for row in rows]
    scored = [response.scored for response in responses]
    # A row that no accuracy verifier judges, such as general conversation, has neither right nor wrong.
    judges = {one.voter for one in scored if one.voter and (one.voter not in CATALOG or CATALOG[one.voter].accuracy)}
    decided = [one for one in scored if one.correct is not None and one.voter in judges]
    right = sum(bool(one.correct) for one in decided)
    found: Values = {"unjudged": sum(one.status == "error" for one in scored) / k}
    if decided:
        for j in sorted({*(1 << bit for bit in range(k.bit_length())), k}):
            if j <= len(decided):
                found[f"pass_at_{j}"] = pass_at_k(len(decided), right, j)
        wrong = [one.answer for one in decided if not one.correct and one.answer is not None]
        voter = voters.get(str(decided[0].voter))
        share = vote(right, wrong, voter) if voter is not None and k > 1 else None
        if share is not None:
            found[f"cons_at_{k}"] = share
    for name in _TOLD:
        scores = [score for one in scored for told, _, _, score in one.verdicts if told == name and score is not None]
        if scores:
            found[name] = sum(scores) / len(scores)
    found["length"] = sum(row.fields["tokens"] for row in rows) / k
    found["truncated"] = sum(row.fields["finish_reason"] == "length" for row in rows) / k
    counts = {f"reflective/{word}": sum(_count(word, one.text) for one in responses) / k for word in words}
    return found | {"reflective": sum(counts.values()), **counts}


def _count(word: str, text: str) -> int:
    """Whole words in any case; of a script without spaces, wherever it stands."""
    return len(re.findall(rf"\b{word}\b", text, re.IGNORECASE)) if word.isascii() else text.count(word)
