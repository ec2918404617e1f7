"""Warm sandboxes, lent to one submission at a time.

A pool runs up to `size` submissions at once. Agents are started when they are needed and kept for the next submission.
`isolation="reuse"` (default) replaces an agent after `recycle` submissions, after a fault, and after a program that
left processes behind; `"per_submission"` gives every submission an agent that nothing has run in, the next of which
is started meanwhile. A sandbox that fails is replaced and the whole submission tried again, with growing pauses; where
that does not help the result is INFRA, never a number. But a program that ended every sandbox it was given, while
another lives in one as fresh, has failed: a program must not be able to have itself left unjudged.

A pool can be pickled and used from any thread; every process, a forked one too, starts agents of its own. Nothing is
left at `close`, which the interpreter calls at its end. What is not promised: an order among threads that wait for a
free agent.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from .backends import BACKENDS, start
from .builds import CACHE_MB, Builds
from .errors import MachineBusyError, RefusedError, SandboxError, SandboxUnavailableError
from .judge import JudgedSubmission, judge
from .languages import LANGUAGES
from .limits import DEFAULT_LIMITS, processors
from .outcome import Fault, Outcome, Result, TestOutcome
from .session import Backend, Command, Session
from .submission import Submission

Isolation = Literal["reuse", "per_submission"]
Mode = Literal["exec", "fork"]
_CONTROL = ("python3", "-I", "-S", "-c", "print(42)")
PAUSES = (0.0, 0.2, 1.0, 4.0)
"""Seconds before each new attempt after the sandbox failed."""
ENDED = "the program ended its sandbox"
"""How the detail of a program begins that ended every sandbox it was given."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Slot:
    """One agent."""

    session: Session
    backend: str
    image: str
    used: int = 0


class _State:
    """What a pool holds in one process."""

    def __init__(self, size: int) -> None:
        self.pid = os.getpid()
        self.free = threading.BoundedSemaphore(size)
        self.lock = threading.Lock()
        self.idle: dict[str, list[_Slot]] = {}
        self.slots: dict[int, _Slot] = {}
        self.spares: set[threading.Thread] = set()
        self.chosen: dict[str, Backend] = {}
        self.backends: dict[str, Backend] = {}
        self.builds = Builds(CACHE_MB)
        self.closed = False


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Runs submissions in sandboxes.

    >>> from r1_reward.sandbox import Pool, StdinTest, Submission, checkers
    >>> test = StdinTest(input="2 3", output="5", checker=checkers.tokens)
    >>> program = "print(sum(map(int, input().split())))"
    >>> with Pool() as pool:  # doctest: +SKIP
    ...     pool.run(Submission(language="python", source=program, tests=[test])).outcome
    <Outcome.AC: 'AC'>
    """

    backend: str = "auto"
    """A name in `backends.BACKENDS`, or `auto`: docker where an engine answers and has the image, else local."""
    size: int | None = None
    """How many submissions run at once; None means one per processor."""
    isolation: Isolation = "reuse"
    """Whether an agent serves one submission or many."""
    recycle: int = 500
    """Submissions after which an agent is replaced."""
    mode: Mode = "exec"
    """`fork` runs Python scripts, too, in forks of a clean interpreter: faster; they share the seed of hashes."""
    _states: dict[int, _State] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.backend != "auto" and self.backend not in BACKENDS:
            raise ValueError(f"unknown backend {self.backend!r}; known: auto, {', '.join(BACKENDS)}")
        if self.isolation not in ("reuse", "per_submission"):
            raise ValueError(f"isolation is {self.isolation!r}; it must be reuse or per_submission")
        if self.mode not in ("exec", "fork"):
            raise ValueError(f"mode is {self.mode!r}; it must be exec or fork")
        if (self.size is not None and self.size < 1) or self.recycle < 1:
            raise ValueError(f"size is {self.size} and recycle {self.recycle}; both must be at least 1")
        _POOLS[id(self)] = self

    def __reduce__(self) -> tuple[Any, ...]:  # any: what pickle wants
        return _remake, (self.backend, self.size, self.isolation, self.recycle, self.mode)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def width(self) -> int:
        """How many submissions run at once."""
        return self.size or processors()

    def run(self, submission: Submission) -> Result:
        """Run one submission, waiting for a free agent.

        Args:
            submission: Program, tests and limits.

        Returns:
            The outcome of each test and of all; INFRA where sandboxes fail time and again.

        Raises:
            SandboxUnavailableError: This machine has not got the isolation.
            ValueError: The submission cannot be run anywhere, such as one in an unknown language.
        """
        language = LANGUAGES.get(submission.language)
        if language is None:
            raise ValueError(f"unknown language {submission.language!r}; known: {', '.join(LANGUAGES)}")
        state = self._state()
        with state.free:
            return self._attempts(state, submission, language.image)

    def run_all(self, submissions: Sequence[Submission]) -> list[Result]:
        """Run submissions at once as far as there are agents.

        Args:
            submissions: Programs with their tests and limits.

        Returns:
            One result each, in order. Isolation that is not available gives results INFRA here, since another
            submission's image may be there.

        Raises:
            ValueError: A submission cannot be run anywhere.
        """
        if len(submissions) < 2 or self.width == 1:
            return [self._settle(submission) for submission in submissions]
        state = self._state()
        with ThreadPoolExecutor(min(self.width, len(submissions)), thread_name_prefix="sandbox") as threads:
            try:
                handed = self._hand_out(threads, submissions)
                results = [result.result() for result in handed]
                return results + [self._settle(submission) for submission in submissions[len(handed) :]]
            except BaseException:
                # Whoever waits for a program now waits for nothing: without its agent it ends at once.
                state.closed = True
                threads.shutdown(wait=False, cancel_futures=True)
                self.close()
                raise

    def _hand_out(self, threads: ThreadPoolExecutor, submissions: Sequence[Submission]) -> list[Future[Result]]:
        """As many of the submissions as there are threads for: the machine may have none left, or Python be ending."""
        handed: list[Future[Result]] = []
        try:
            for submission in submissions:
                handed.append(threads.submit(self._settle, submission))  # noqa: PERF401 - what was handed out is kept
        except RuntimeError as error:
            _log.info("the caller's thread runs %d programs: %s", len(submissions) - len(handed), error)
        return handed

    def _settle(self, submission: Submission) -> Result:
        try:
            return self.run(submission)
        except SandboxUnavailableError as error:
            return _lost(submission, str(error), "")

    def close(self) -> None:
        """End every agent of this process; the pool can be used again, and starts anew."""
        state = self._states.pop(os.getpid(), None)
        if state is None:
            return
        state.closed = True
        for spare in list(state.spares):
            spare.join()
        with state.lock:
            slots = list(state.slots.values())
            state.idle.clear()
            state.slots.clear()
        for slot in slots:
            slot.session.close()
        for backend in state.backends.values():
            backend.close()

    def _state(self) -> _State:
        pid = os.getpid()
        state = self._states.get(pid)
        if state is None:
            # One step for all threads; what a parent process held before a fork is not ours to touch.
            state = self._states.setdefault(pid, _State(self.width))
        return state

    def _attempts(self, state: _State, submission: Submission, image: str) -> Result:
        failures: list[SandboxError] = []
        for pause in PAUSES:
            if failures:
                time.sleep(pause)
            if state.closed:
                break
            try:
                return self._once(state, submission, image)
            except SandboxUnavailableError as error:
                if image not in state.chosen:  # it has never worked: this is no fault that may pass
                    raise
                failures.append(error)
            except SandboxError as error:
                failures.append(error)
            _log.info("a sandbox failed, attempt %d of %d: %s", len(failures), len(PAUSES), failures[-1])
        backend = state.chosen.get(image)
        name = backend.name if backend else ""
        if not failures:
            return _lost(submission, "the pool was closed", name)
        if any(isinstance(error, MachineBusyError) for error in failures):
            busy = next(error for error in failures if isinstance(error, MachineBusyError))
            return _lost(submission, f"{busy}, in {len(failures)} attempts", name, Fault.MACHINE_BUSY)
        detail = f"the sandbox failed {len(failures)} times: {failures[-1]}"
        if all(isinstance(error, _EndedError) for error in failures) and self._another_lives(state, image):
            # It ended every sandbox that it was given, and no other program did.
            ended = TestOutcome(outcome=Outcome.RE, detail=f"{ENDED} {len(failures)} times")
            return Result(outcome=Outcome.RE, tests=[ended] * len(submission.tests), detail=ended.detail, backend=name)
        return _lost(submission, detail, name)

    def _another_lives(self, state: _State, image: str) -> bool:
        """Whether a program that does nothing bad gets its answer, in a sandbox that is as fresh."""
        try:
            slot = self._open(state, image)
        except SandboxError:
            return False
        try:
            ran = slot.session.run(Command(argv=_CONTROL, limits=DEFAULT_LIMITS))
        except SandboxError:
            return False
        finally:
            self._drop(state, slot)
        return ran.ended == "exit" and ran.stdout.strip() == b"42"

    def _once(self, state: _State, submission: Submission, image: str) -> Result:
        slot = self._take(state, image)
        try:
            judged: JudgedSubmission = judge(
                submission,
                slot.session,
                backend=slot.backend,
                fork=self.mode == "fork",
                builds=state.builds,
            )
        except (MachineBusyError, RefusedError):
            self._drop(state, slot)
            raise
        except SandboxError as error:
            self._drop(state, slot)
            raise _EndedError(str(error)) from error
        except BaseException:
            self._drop(state, slot)
            raise
        slot.used += 1
        if self.isolation == "per_submission":
            self._drop(state, slot)
            self._start_spare(state, image)
        elif not judged.clean or slot.used >= self.recycle:
            self._drop(state, slot)
        else:
            with state.lock:
                state.idle.setdefault(image, []).append(slot)
        return judged.result

    def _take(self, state: _State, image: str) -> _Slot:
        with state.lock:
            idle = state.idle.get(image)
            if idle:
                return idle.pop()
        return self._open(state, image)

    def _open(self, state: _State, image: str) -> _Slot:
        session, backend = start(self.backend, image, state.backends, state.chosen.get(image))
        state.chosen[image] = backend
        slot = _Slot(session, backend.name, image)
        with state.lock:
            if not state.closed:
                state.slots[id(slot)] = slot
                return slot
        session.close()
        raise SandboxError("the pool was closed")

    def _drop(self, state: _State, slot: _Slot) -> None:
        with state.lock:
            state.slots.pop(id(slot), None)
        slot.session.close()

    def _start_spare(self, state: _State, image: str) -> None:
        """Have a fresh agent ready for the next submission, without keeping this one's result waiting."""

        def ready() -> None:
            try:
                slot = self._open(state, image)
                with state.lock:
                    if not state.closed:
                        state.idle.setdefault(image, []).append(slot)
            except SandboxError as error:
                _log.info("no spare sandbox: %s", error)  # the next submission tries again, and reports
            finally:
                state.spares.discard(threading.current_thread())

        with state.lock:
            if state.closed or len(state.idle.get(image, ())) >= self.width:
                return
            thread = threading.Thread(target=ready, name="sandbox-spare", daemon=True)
            state.spares.add(thread)
        try:
            thread.start()
        except RuntimeError as error:  # the machine has no thread left
            state.spares.discard(thread)
            _log.info("no spare sandbox: %s", error)


class _EndedError(SandboxError):
    """A sandbox failed while a program was in it."""


def _lost(submission: Submission, detail: str, backend: str, fault: Fault = Fault.SANDBOX) -> Result:
    lost = TestOutcome(outcome=Outcome.INFRA, detail=detail)
    tests = [lost] * len(submission.tests)
    return Result(outcome=Outcome.INFRA, tests=tests, detail=detail, backend=backend, fault=fault)


def _remake(backend: str, size: int | None, isolation: Isolation, recycle: int, mode: Mode) -> Pool:
    return Pool(backend=backend, size=size, isolation=isolation, recycle=recycle, mode=mode)


# By identity: pools with the same options are equal, and each has agents of its own.
_POOLS: weakref.WeakValueDictionary[int, Pool] = weakref.WeakValueDictionary()
_SHARED: dict[Pool, Pool] = {}


def shared(pool: Pool) -> Pool:
    """The one pool of this process with these options, so that copies of a verifier share their agents."""
    return _SHARED.setdefault(pool, pool)


@atexit.register
def _close_all() -> None:
    for pool in list(_POOLS.values()):
        pool.close()
