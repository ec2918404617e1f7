"""What every adapter and the server judge with: a reward, and what to do about samples that cannot be judged.

A `Grading` is a small picklable description. The `Grader` that it makes holds what is heavy (the verifiers) and what
counts (`breaker.py`, `signs.py`): one for each process and each equal Grading, made at first use, new after a fork.

Each verifier keeps its own time limits. `deadline` is for trainers that give up on a call after some seconds and train
on 0: it answers before, with an error, and the work goes on until the verifiers' limits end it.

What it does not do: count across processes. With many workers each has its own window.
"""

from __future__ import annotations

import functools
import io
import math
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, get_args

from ..verifiers.errors import ConfigError, NotScoredError, SampleError
from ..verifiers.reward import Judge, Judged, Reward, judge_safely
from ..verifiers.sample import Sample
from ..verifiers.settings import check_option
from ..verifiers.spec import RewardSpec
from ..verifiers.verdict import Reason, Status, Verdict
from .breaker import Breaker, JudgingOutcome
from .signs import Signs

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
    deadline: float | None = None
    """Seconds that a call may take; later the samples of the call are `error: grader_timeout`. None: no limit."""
    _made: tuple[int, Grader] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_option("on_error", self.on_error, ON_ERROR)
        share = self.breaker
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1):
            raise ConfigError(f"breaker is {share!r}; it must be a share from 0 to less than 1, or None")
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise ConfigError(f"window is {self.window!r}; it must be a whole number from 1")
        seconds = self.deadline
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 < seconds < math.inf
        ):
            raise ConfigError(f"deadline is {seconds!r}; it must be a number of seconds, or None")

    def __reduce__(self) -> tuple[Callable[[], Grading], tuple[()]]:
        fields = {name: getattr(self, name) for name in ("spec", "on_error", "breaker", "window", "deadline")}
        return functools.partial(Grading, **fields), ()

    def grader(self) -> Grader:
        """This process's grader, made at first use.

        Returns:
            The grader. Equal gradings share one, so that a function that is unpickled for every call does not begin
            anew each time.

        Raises:
            UnknownRewardError: A reward is unknown.
            ConfigError: The reward cannot be made.
        """
        made = self._made
        if made is None or made[0] != os.getpid():
            made = os.getpid(), _shared(self)
            object.__setattr__(self, "_made", made)
        return made[1]

    def number(self, verdict: Verdict) -> float | None:
        """The number to train on.

        Args:
            verdict: What the reward gave.

        Returns:
            The score; None where the reward does not apply; by `on_error` for an error.

        Raises:
            NotScoredError: The verdict is an error, and `on_error` is `raise`.
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
        self.signs: Signs = Signs(self.reward.name)
        self._breaker = Breaker(self.reward.name, share=grading.breaker, window=grading.window)
        self._deadline = grading.deadline
        self._scheduled = grading.spec.scheduled

    @property
    def name(self) -> str:
        """The reward's name, such as `math+format`."""
        return self.reward.name

    def judge(self, samples: Sequence[Sample | SampleError]) -> list[Verdict]:
        """The totals, one per sample. Raises InstrumentDown where too many could not be judged."""
        return [judged.total for judged in self.judge_full(samples)]

    def judge_full(self, samples: Sequence[Sample | SampleError]) -> list[Judged]:
        """The totals with every term's own verdict. Raises InstrumentDown where too many could not be judged."""
        judged = self.find(samples)
        self.count(judged)
        return judged

    def find(self, samples: Sequence[Sample | SampleError], step: int | None = None) -> list[Judged]:
        """The same, not counted by the breaker; by the reward as it is at a training step, where one is given.

        A SampleError in the place of a sample is a row that could not be read, and so an error.
        """
        readable = [sample for sample in samples if isinstance(sample, Sample)]
        judged = iter(self._judged(self.at(step), readable) if readable else ())
        return [next(judged) if isinstance(sample, Sample) else _unread(sample) for sample in samples]

    def at(self, step: int | None) -> Judge:
        """The reward at a training step.

        Raises ConfigError where nothing of it has begun, and where a schedule was asked for and no step is known.
        """
        if step is None and self._scheduled:
            raise ConfigError(f"{self.name} has terms that begin later, and nobody says at which training step this is")
        return self.reward if step is None or not isinstance(self.reward, Reward) else self.reward.at(step)

    def count_scores(self, judged: Sequence[Judged], about: Callable[[], str]) -> None:
        """Let the breaker count how many findings have a score; see `Breaker.count_scores`. Raises InstrumentDown."""
        self._breaker.count_scores(_outcomes(judged), about)

    def count(self, judged: Sequence[Judged]) -> None:
        """Let the breaker count errors among findings. Raises InstrumentDown where they are too many."""
        self._breaker.count(_outcomes(judged))

    def _judged(self, reward: Judge, samples: Sequence[Sample]) -> list[Judged]:
        if self._deadline is None:
            return judge_safely(reward, samples)
        return _judge_within(self._deadline, reward, samples)


def _judge_within(seconds: float, reward: Judge, samples: Sequence[Sample]) -> list[Judged]:
    """What a judge finds within some seconds, else `error: grader_timeout` for all samples of the call.

    The work goes on in its thread until the verifiers' own limits end it, by killing the programs that they run.
    """
    future: Future[list[Judged]] = Future()
    worker = threading.Thread(target=lambda: future.set_result(judge_safely(reward, samples)), daemon=True)
    worker.start()
    try:
        return future.result(seconds)
    except TimeoutError:
        detail = f"judging took longer than the {seconds:g} s that a call may take here (deadline)"
        late = Verdict.error(Reason.GRADER_TIMEOUT, detail)
        return [Judged(late, dict.fromkeys(reward.asks(sample), late)) for sample in samples]


def _outcomes(judged: Sequence[Judged]) -> list[JudgingOutcome]:
    return [JudgingOutcome(total.status, total.reason.value, total.detail) for total, _ in judged]


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
    key = spec.to_dict(), sorted(spec.factories.items()), grading.breaker, grading.window, grading.deadline
    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.fast = True  # without the memo, whose references depend on which equal strings are the same object
    try:
        pickler.dump(key)
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
