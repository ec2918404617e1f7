"""The breaker: ends a run whose instrument is down, before the run trains on what nobody judged.

It counts outcomes, not calls: of the last `window` that were scored or in error, at most the share `share` may be
errors. A call that brings only good outcomes never raises, so that grading goes on as soon as the instrument works
again. A reward that scored none of its first `window` samples applies to nothing, and is down too; after that a window
without a score is only logged, since data may come in order of its kinds.

What it does not do: count across processes. With many workers each has its own window.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..verifiers.errors import InstrumentDown
from ..verifiers.verdict import Status

_log = logging.getLogger(__name__)


class JudgingOutcome(NamedTuple):
    """What came of judging one sample."""

    status: str
    """A `Status`."""
    reason: str
    """Its word."""
    detail: str = ""
    """Its sentence."""


class Breaker:
    """Counts outcomes of one reward in one process. Safe to use from many threads."""

    def __init__(self, name: str, *, share: float | None, window: int) -> None:
        self.name = name
        self._share = share
        self._window = window
        self._recent: deque[str | None] = deque(maxlen=window)
        self._errors: Counter[str] = Counter()
        self._unscored = 0
        self._scored_once = False
        self._about = ""
        self._lock = threading.Lock()

    def count_scores(self, outcomes: Sequence[JudgingOutcome], about: Callable[[], str]) -> None:
        """Count how many have a score. Raises InstrumentDown where none of the first ones had.

        `about` says what the samples were made of; it is asked, and what it says logged, where the first call brings no
        score.
        """
        if not outcomes:
            return
        last = outcomes[-1]
        with self._lock:
            first = not self._unscored and not self._scored_once
            before = self._unscored
            for outcome in outcomes:
                self._unscored = 0 if outcome.status == Status.SCORED else self._unscored + 1
                self._scored_once = self._scored_once or outcome.status == Status.SCORED
            unscored = self._unscored
            if first and not self._scored_once:
                self._about = about()
        said = f"; {self._about}" if self._about else ""
        if first and not self._scored_once:
            _log.warning("%s scored none of its first %d samples: %s%s", self.name, unscored, last.detail, said)
        if unscored < self._window:
            return
        if not self._scored_once and self._share is not None:
            raise InstrumentDown(
                f"{self.name} scored none of its first {unscored} samples, so it applies to nothing in this data. "
                f"The last: {last.reason}: {last.detail}{said}. breaker=None lets it go on"
            )
        if before < self._window:
            _log.warning("%s scored none of its last %d samples: %s", self.name, unscored, last.detail)

    def count(self, outcomes: Sequence[JudgingOutcome]) -> None:
        """Count errors. Raises InstrumentDown where they are too many."""
        if self._share is None:
            return
        last: JudgingOutcome | None = None
        with self._lock:
            for outcome in outcomes:
                if outcome.status == Status.SKIPPED:
                    continue
                if len(self._recent) == self._window:
                    leaving = self._recent[0]
                    if leaving is not None:
                        self._errors[leaving] -= 1
                reason = None
                if outcome.status == Status.ERROR:
                    last, reason = outcome, outcome.reason
                    self._errors[reason] += 1
                self._recent.append(reason)
            errors, seen = self._errors.total(), len(self._recent)
            reasons = [f"{reason} {count}" for reason, count in self._errors.most_common() if count]
        if last is not None and errors > self._share * self._window:
            raise InstrumentDown(
                f"{errors} of the last {seen} samples could not be judged ({', '.join(reasons)}); more than "
                f"{self._share:.0%} of {self._window} is too many to train on (breaker, window). The last: "
                + last.detail
                + (f"; {self._about}" if self._about else "")
            )
