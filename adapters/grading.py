"""What every adapter and the server judge with: a reward, and what to do about samples that cannot be judged.

A `Grading` is a small picklable description. The `Grader` that it makes holds what is heavy (the verifiers) and what
counts (the circuit breaker): one for each process and each equal Grading, made at first use, new after a fork.

What the breaker counts are verdicts, not calls: of the last `window` that were scored or in error, at most the share
`breaker` may be errors. A call that brings only good verdicts never raises, so that grading goes on as soon as the
instrument works again. A reward that scored none of its first `window` samples applies to nothing, and is down too;
after that a window without a score is only logged, since data may come in order of its kinds.

What it does not do: keep deadlines (each verifier keeps its own), or count across processes: with many workers each
has its own window.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import pickle
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..verifiers.errors import ConfigError, InstrumentDown, NotScoredError, SampleError
from ..verifiers.reward import Judge, Judged, judge_safely
from ..verifiers.sample import Sample
from ..verifiers.settings import check_option
from ..verifiers.spec import RewardSpec
from ..verifiers.verdict import Reason, Status, Verdict

_log = logging.getLogger(__name__)

OnError = Literal["none", "zero", "raise"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """A reward and what to do about samples that it cannot judge; picklable.

    >>> grading = Grading(spec=RewardSpec(rewards=("math",)))
    >>> verdict, = grading.grader().judge([Sample(response=r"\\\\boxed{4}", reference="4")])
    >>> grading.number(verdict)
    1.0
    """

    spec: RewardSpec
    """The reward."""
    on_error: OnError = "none"
    """What stands for the reward of a sample that could not be judged: no number, 0, or an exception."""
    breaker: float | None = 0.5
    """The largest share of the last `window` verdicts that may be errors; None lets any."""
    window: int = 256
    """How many verdicts the breaker looks back on."""
    _made: tuple[int, Grader] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_option("on_error", self.on_error, ON_ERROR)
        share = self.breaker
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1):
            raise ConfigError(f"breaker is {share!r}; it must be a share from 0 to less than 1, or None")
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise ConfigError(f"window is {self.window!r}; it must be a whole number from 1")

    def __reduce__(self) -> tuple[Callable[[], Grading], tuple[()]]:
        fields = {name: getattr(self, name) for name in ("spec", "on_error", "breaker", "window")}
        return functools.partial(Grading, **fields), ()

    def grader(self) -> Grader:
        """This process's grader, made at first use. Raises UnknownRewardError or ConfigError where it cannot be made.

        Equal gradings share one, so that a function that is unpickled for every call does not begin anew each time.
        """
        made = self._made
        if made is None or made[0] != os.getpid():
            made = os.getpid(), _shared(self)
            object.__setattr__(self, "_made", made)
        return made[1]

    def number(self, verdict: Verdict) -> float | None:
        """The number to train on: the score; None where the reward does not apply; by `on_error` for an error.

        Raises NotScoredError for an error where `on_error` is `raise`.
        """
        if verdict.status is Status.ERROR:
            if self.on_error == "raise":
                raise NotScoredError(f"a sample could not be judged: {verdict.reason}: {verdict.detail}")
            return 0.0 if self.on_error == "zero" else None
        return verdict.score


class Grader:
    """Judges samples in one process, and counts what could not be judged. Safe to use from many threads."""

    def __init__(self, grading: Grading) -> None:
        """Make the verifiers. Raises UnknownRewardError or ConfigError, naming what is wrong."""
        self.reward: Judge = grading.spec.build()
        self._breaker = grading.breaker
        self._recent: deque[str | None] = deque(maxlen=grading.window)
        self._errors: Counter[str] = Counter()
        self._unscored = 0
        self._scored_once = False
        self._about = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The reward's name, such as `math+format`."""
        return self.reward.name

    def judge(self, samples: Sequence[Sample | SampleError]) -> list[Verdict]:
        """The totals, one per sample. Raises InstrumentDown where too many could not be judged."""
        return [judged.total for judged in self.judge_full(samples)]

    def judge_full(self, samples: Sequence[Sample | SampleError]) -> list[Judged]:
        """The totals with every term's own verdict. Raises InstrumentDown where too many could not be judged."""
        found = self.find(samples)
        self.count(found)
        return found

    def find(self, samples: Sequence[Sample | SampleError]) -> list[Judged]:
        """The same, not counted by the breaker.

        A SampleError in the place of a sample is a row that could not be read, and so an error.
        """
        readable = [sample for sample in samples if isinstance(sample, Sample)]
        judged = iter(judge_safely(self.reward, readable) if readable else ())
        return [next(judged) if isinstance(sample, Sample) else _unread(sample) for sample in samples]

    def count_scores(self, found: Sequence[Judged], about: Callable[[], str]) -> None:
        """Let the breaker count how many findings have a score. Raises InstrumentDown where none of the first ones had.

        `about` says what the samples were made of; it is asked, and what it says logged, where the first call brings no
        score.
        """
        verdicts = [judged.total for judged in found]
        if not verdicts:
            return
        last = verdicts[-1]
        with self._lock:
            first = not self._unscored and not self._scored_once
            before = self._unscored
            for verdict in verdicts:
                self._unscored = 0 if verdict.status is Status.SCORED else self._unscored + 1
                self._scored_once = self._scored_once or verdict.status is Status.SCORED
            unscored, window = self._unscored, self._recent.maxlen or 0
            if first and not self._scored_once:
                self._about = about()
        said = f"; {self._about}" if self._about else ""
        if first and not self._scored_once:
            _log.warning("%s scored none of its first %d samples: %s%s", self.name, unscored, last.detail, said)
        if unscored < window:
            return
        if not self._scored_once and self._breaker is not None:
            raise InstrumentDown(
                f"{self.name} scored none of its first {unscored} samples, so it applies to nothing in this data. "
                f"The last: {last.reason}: {last.detail}{said}. breaker=None lets it go on"
            )
        if before < window:
            _log.warning("%s scored none of its last %d samples: %s", self.name, unscored, last.detail)

    def count(self, found: Sequence[Judged]) -> None:
        """Let the breaker count errors among findings. Raises InstrumentDown where they are too many."""
        if self._breaker is None:
            return
        verdicts = [judged.total for judged in found]
        last: Verdict | None = None
        with self._lock:
            for verdict in verdicts:
                if verdict.status is Status.SKIPPED:
                    continue
                if len(self._recent) == self._recent.maxlen:
                    leaving = self._recent[0]
                    if leaving is not None:
                        self._errors[leaving] -= 1
                reason = None
                if verdict.status is Status.ERROR:
                    last, reason = verdict, verdict.reason.value
                    self._errors[reason] += 1
                self._recent.append(reason)
            errors, seen, window = self._errors.total(), len(self._recent), self._recent.maxlen or 0
            reasons = [f"{reason} {count}" for reason, count in self._errors.most_common() if count]
        if last is not None and errors > self._breaker * window:
            raise InstrumentDown(
                f"{errors} of the last {seen} samples could not be judged ({', '.join(reasons)}); more than "
                f"{self._breaker:.0%} of {window} is too many to train on (breaker, window). The last: {last.detail}"
                + (f"; {self._about}" if self._about else "")
            )


def _unread(error: SampleError) -> Judged:
    return Judged(Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"the row cannot be read: {error}"), {})


_graders: dict[tuple[int, Any], Grader] = {}  # any: pickled bytes, or what cannot be pickled itself
_lock = threading.Lock()


def _start_clean() -> None:
    """In a forked child: another thread of the parent may have held the lock, and it is not there to let go."""
    global _lock
    _lock = threading.Lock()
    _graders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_clean)


def _shared(grading: Grading) -> Grader:
    key = os.getpid(), key_of(grading)
    with _lock:
        if key not in _graders:
            _graders[key] = Grader(grading)
        return _graders[key]


def key_of(grading: Grading) -> object:
    """Equal for equal gradings of this process; the grading's own identity where it holds what cannot be pickled."""
    spec = grading.spec
    told = spec.to_dict(), sorted(spec.factories.items()), grading.breaker, grading.window
    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.fast = True  # without the memo, whose references depend on which equal strings are the same object
    try:
        pickler.dump(told)
    except Exception:  # noqa: BLE001 - a user's factory may fail to pickle in any way
        return _Same(grading)
    return written.getvalue()


class _Same:
    """A key that is equal only to one of the same object, and keeps it alive, so that its id is not given away."""

    def __init__(self, kept: object) -> None:
        self._kept = kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._kept is self._kept

    def __hash__(self) -> int:
        return id(self._kept)
