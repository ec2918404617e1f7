"""What a run has to know of verifiers that ask a model: how many rows they take at once, which rows they need together,
what they spend, and when there is no more to spend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..rows.files import RawRow
from ..verifiers.errors import RunError
from ..verifiers.reward import Judge
from ..verifiers.spec import verifiers_of
from ..verifiers.verdict import Reason
from .summary import Tally
from .work import Done

WAVES = 4
"""Rows of a chunk, in terms of how many are judged at once: few enough to be lost with a worker, and enough that those
which are done do not wait long for the slowest."""


class CeilingError(RunError):
    """The ceiling of what judging may cost is reached; what was judged is kept."""


class SplitGroupError(RunError):
    """Responses of one group, which are compared with each other, do not stand together."""


def rows_at_once(judge: Judge) -> int:
    """How many rows the verifiers judge at once; 0 for verifiers that judge one after the other.

    >>> from r1_reward.verifiers.spec import RewardSpec
    >>> rows_at_once(RewardSpec().build())
    0
    """
    return max((getattr(verifier, "concurrency", 0) for verifier in verifiers_of(judge)), default=0)


def needs_groups(judge: Judge) -> bool:
    """Whether responses of one group must be judged in one call, since they are compared with each other."""
    return any(getattr(verifier, "together", False) for verifier in verifiers_of(judge))


class GroupGuard:
    """Says between which rows a chunk may end, so that no group is cut. Raises SplitGroupError for one that comes
    again."""

    def __init__(self, group: Callable[[RawRow], object]) -> None:
        """`group` gives what a row is grouped by."""
        self._group = group
        self._last: object = None
        self._ended: set[object] = set()

    def may_end_before(self, row: RawRow) -> bool:
        """Whether the row begins a new group. To be asked about every row, in order."""
        group = self._group(row)
        if group == self._last:
            return False
        self._ended.add(self._last)
        self._last = group
        if group in self._ended:
            raise SplitGroupError(
                f"{row.place}: other rows stand between the responses of its group, which are compared with each "
                "other; sort the rows by prompt, or write one row with `responses`"
            )
        return True


def judge_note(tally: Tally) -> str | None:
    """What judging by a model took; None where no model judged."""
    read, written, cost = tally.spent
    if not (read or written):
        return None
    price = f", cost {cost:.4g}" if cost else ""
    return f"judging took {read:,.0f} tokens read and {written:,.0f} written{price}"


def before_ceiling(done: Sequence[Done]) -> Sequence[Done]:
    """The rows before the first that found nothing left to spend; all, where none did."""
    ceiling = Reason.JUDGE_CEILING.value
    for place, row in enumerate(done):
        if any(reason == ceiling for response in row.responses for _, _, reason, _ in response.verdicts):
            return done[:place]
    return done
