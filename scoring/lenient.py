"""Whether lenient extraction would find answers that strict extraction does not: tried on a sample."""

from __future__ import annotations

from collections.abc import Sequence

from ..rows.files import RawRow
from ..rows.reader import RowReader
from ..verifiers.spec import RewardSpec
from ..verifiers.verdict import Reason
from .options import ScoreOptions
from .summary import Tally
from .work import RowScorer, ScoredResponse

SAMPLED = 50
"""Rows that are tried."""
_SHARE = 0.2
"""Share of responses without an answer from which on it is tried."""


def has_no_answer(response: ScoredResponse) -> bool:
    """Whether mathematics found no answer in a response."""
    return any(name == "math" and reason == Reason.NO_ANSWER for name, _, reason, _ in response.verdicts)


def lenient_note(options: ScoreOptions, reader: RowReader, tally: Tally, rows: Sequence[RawRow]) -> str | None:
    """A sentence with what lenient extraction finds in some rows; None where it is on, or finds nothing more."""
    counts = tally.by_verifier.get("math")
    settings = dict(options.set.get("math", {}))
    if counts is None or not rows or settings.get("extraction") == "lenient":
        return None
    share = counts[1][Reason.NO_ANSWER.value] / max(1, sum(counts[1].values()))
    if share < _SHARE:
        return None
    settings["judge"] = None  # what a note would cost
    spec = RewardSpec(rewards=("math",), options={"math": {**settings, "extraction": "lenient"}})
    verdicts = [each for done in RowScorer(spec.build(), reader, None).judge(rows[:SAMPLED]) for each in done.responses]
    answered = sum(not has_no_answer(each) for each in verdicts)
    if not answered:
        return None
    right = sum(each.correct is True for each in verdicts)
    return (
        f"math found no answer in {share:.0%} of the responses; in a sample of {len(verdicts)} lenient extraction "
        f"finds {answered}, {right} of them right: --set math.extraction=lenient"
    )
