"""The note of a run in which many answers could not be read: those are not accepted, and score 0 by default."""

from __future__ import annotations

from collections.abc import Iterator

from ..verifiers.verdict import Reason
from .summary import Tally

LIMIT = 0.05
"""Share of a verifier's scored responses from which on it is worth a look."""


def undecided_notes(tally: Tally) -> Iterator[str]:
    """A sentence for each verifier whose share of `undecided` is above LIMIT, with how to see and to change it."""
    for name, (statuses, reasons) in tally.by_verifier.items():
        count, scored = reasons.get(Reason.UNDECIDED, 0), statuses.get("scored", 0)
        if scored and count > LIMIT * scored:
            yield (
                f"{name} could not decide {count:,} of {scored:,} scored responses ({count / scored:.1%}), which "
                f"score 0: look at them with `r1-reward report`; --set {name}.undecided=error gives them no number"
            )
