"""Worker processes that may die or hang without taking the run with them.

Plain `subprocess.Popen`: a pool of the standard library's breaks as a whole when one process dies, cannot end a
worker that hangs, and cannot be used from a daemonic process.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..rows.files import RawRow
from ..rows.reader import RowReader
from ..verifiers.errors import RunError
from ..verifiers.reward import Judge
from ..verifiers.spec import RewardSpec, slots_of
from ..verifiers.verdict import Reason
from .work import Done, Mismatch, RowScorer
from .worker import read_frame, write_frame

_START_SECONDS = 600
"""A worker may have a large model to load."""
_END_SECONDS = 10
_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from r1_reward.scoring.worker import main
main()
"""


class WorkerDeathError(Exception):
    """A worker ended, or was ended, before it answered."""

    def __init__(self, detail: str, *, timed_out: bool) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class Watchdog:
    """Ends what takes too long, by one thread for all workers.

    A timer for each task would be a thread for each: its start waits twice for the interpreter's lock, which the event
    loop of a busy server holds for milliseconds.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._thread: threading.Thread | None = None
        self._until = math.inf
        """When it looks again."""
        self._shortest = math.inf
        """The shortest time that was allowed: looking as often, it need not be told of what begins."""

    @contextlib.contextmanager
    def within(self, seconds: float, expire: Callable[[], None]) -> Iterator[None]:
        """Call `expire` where the block is not left in time."""
        task, due = object(), time.monotonic() + seconds
        with self._changed:
            self._due[task] = due, expire
            self._shortest = min(self._shortest, seconds)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            elif due < self._until:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(task, None)
                if not self._shortest:
                    self._changed.notify()

    def close(self) -> None:
        """End the thread once nothing is under way."""
        with self._changed:
            self._shortest = 0.0
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._shortest or self._due:
                now = time.monotonic()
                for task, (due, expire) in list(self._due.items()):
                    if due <= now:
                        del self._due[task]
                        expire()
                self._until = min((due for due, _ in self._due.values()), default=now + self._shortest)
                self._changed.wait(max(0.0, self._until - time.monotonic()))
            self._thread = None


class _Worker:
    def __init__(self, handshake: object, threads: int, watchdog: Watchdog) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter on our own text
            [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # so that what a verifier started can be ended with it
            # Models of several workers that each compute on every processor keep waiting for each other.
            env={"OMP_NUM_THREADS": str(threads), **os.environ},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._tasks, self._results = self._process.stdin, self._process.stdout
        self._timed_out = False
        self._watchdog = watchdog
        try:
            failure = self.ask(handshake, timeout=_START_SECONDS)
        except WorkerDeathError:
            self.close()
            raise
        if failure is not None:
            self.close()
            raise RunError(f"a worker could not start: {failure}")

    def ask(self, task: object, timeout: float) -> object:
        """Send a task and wait for its result. Raises WorkerDeathError."""
        try:
            with self._watchdog.within(timeout, self._expire):
                write_frame(self._tasks, task)
                answer = read_frame(self._results)
            if self._timed_out:  # it answered as it was being killed; its next row must not pay for that
                raise EOFError
            return answer
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):  # a ValueError: it was closed meanwhile
            raise WorkerDeathError(self._epitaph(timeout), timed_out=self._timed_out) from None

    def finish(self) -> None:
        """Let it end by itself, so that it can put away what it holds; soon."""
        with contextlib.suppress(OSError):
            self._tasks.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self.close()

    def close(self) -> None:
        """End it and what it started at once, and collect it."""
        self._kill()
        self._process.wait()
        for pipe in (self._tasks, self._results):
            with contextlib.suppress(OSError):
                pipe.close()

    def _expire(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _epitaph(self, timeout: float) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._kill()
        code = self._process.wait()
        if self._timed_out:
            return f"judging took more than {timeout:g} s, so the worker was killed"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"the worker was killed by {signal.Signals(-code).name}"
        return f"the worker ended with status {code}"


class WorkerPool:
    """Up to `workers` processes, started as they are needed. `run` may be called from that many threads at once."""

    def __init__(
        self,
        spec: RewardSpec,
        judge: Judge,
        reader: RowReader,
        group_by: str | None = None,
        *,
        workers: int,
        row_timeout: float,
        echo: bool = True,
        prefix: str = "",
        by: Sequence[str] = (),
    ) -> None:
        """`judge` is what `spec` builds; it is only asked for names, about rows that no worker survived. Without `echo`
        a finished row holds the findings alone, not the fields it came with; `prefix` is put before their names."""
        self._handshake = (spec, reader, group_by, echo, prefix, tuple(by))
        self._scorer = RowScorer(judge, reader, group_by, echo=echo, prefix=prefix, by=by)
        self._row_timeout = row_timeout
        self._threads = slots_of(workers)
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        self._closed = False
        self._lock = threading.Lock()
        # A worker dies with the thread that made it, so those threads stay as long as the pool.
        self._makers = ThreadPoolExecutor(workers, thread_name_prefix="maker")
        self._watchdog = Watchdog()
        self.deaths: Counter[str] = Counter()
        """Workers that ended over their rows, or were ended: `crash` or `timeout`."""
        for _ in range(workers):
            self._idle.put(None)

    def run(self, rows: Sequence[RawRow], outputs: Sequence[bytes] | None = None) -> list[Done] | Mismatch:
        """Judge rows, or with `outputs` take over what an earlier run found about them.

        Where a worker dies or hangs over several rows, each is tried again alone; one that ends its worker even then
        is finished as `grader_crashed` or `grader_timeout`.
        """
        try:
            return self._ask(rows, outputs)
        except WorkerDeathError as death:
            if outputs is not None:
                return self._read_back(rows, outputs)
            if len(rows) == 1 and death.timed_out:
                return [self._lost(rows[0], death)]
        return [done for row in rows for done in self._alone(row)]

    def judge_together(self, rows: Sequence[RawRow]) -> list[Done]:
        """Judge rows in one go, none tried again. Raises WorkerDeathError where a worker dies or hangs over them."""
        done = self._ask(rows, None)
        assert not isinstance(done, Mismatch)
        return done

    def start(self, workers: int = 1) -> None:
        """Start workers ahead of the rows: one, to know that it can be done, or more. Raises RunError."""
        slots: list[_Worker | None] = [self._idle.get() for _ in range(workers)]
        with ThreadPoolExecutor(workers) as threads:
            try:
                slots = list(threads.map(self._start_if, slots))
            finally:
                for slot in slots:
                    self._idle.put(slot)

    def finish(self) -> None:
        """Let every worker end by itself; none may be at work."""
        self._closed = True
        with ThreadPoolExecutor(len(self._all) or 1, thread_name_prefix="finish") as threads:
            list(threads.map(_Worker.finish, self._all))
        self._makers.shutdown(wait=False)
        self._watchdog.close()

    def close(self) -> None:
        """End every worker at once."""
        self._closed = True
        for worker in list(self._all):
            worker.close()
        self._makers.shutdown(wait=False)
        self._watchdog.close()

    def _ask(self, rows: Sequence[RawRow], outputs: Sequence[bytes] | None) -> list[Done] | Mismatch:
        worker = self._idle.get()
        try:
            if worker is None:
                worker = self._start()
            answer = worker.ask((rows, outputs), self._row_timeout)
            if isinstance(answer, list) and len(answer) != len(rows):
                raise WorkerDeathError(f"the worker answered {len(answer)} rows of {len(rows)}", timed_out=False)
        except WorkerDeathError as death:
            if worker is not None:
                with self._lock:
                    self.deaths["timeout" if death.timed_out else "crash"] += 1
                worker.close()
                self._all.discard(worker)
                worker = None
            if self._closed:
                raise RunError("the run was ended") from None
            raise
        finally:
            self._idle.put(worker)
        return answer  # type: ignore[return-value]  # the worker's half of the contract

    def _read_back(self, rows: Sequence[RawRow], outputs: Sequence[bytes]) -> list[Done] | Mismatch:
        try:
            return self._ask(rows, outputs)
        except WorkerDeathError as death:
            raise RunError(f"while reading the earlier output back, {death}") from None

    def _alone(self, row: RawRow) -> list[Done]:
        try:
            done = self._ask([row], None)
        except WorkerDeathError as death:
            return [self._lost(row, death)]
        assert not isinstance(done, Mismatch)
        return done

    def _start_if(self, slot: _Worker | None) -> _Worker:
        return slot or self._start()

    def _start(self) -> _Worker:
        tries = 3
        while True:
            tries -= 1
            try:
                worker = self._makers.submit(_Worker, self._handshake, self._threads, self._watchdog).result()
                break
            except RuntimeError:  # the pool, or Python, is ending
                raise RunError("the run was ended") from None
            except (WorkerDeathError, OSError) as error:  # an OSError: no process is available for now
                if not tries or self._closed:
                    raise RunError(f"a worker could not start: {error}") from None
        self._all.add(worker)
        if self._closed:
            worker.close()
        return worker

    def _lost(self, row: RawRow, death: WorkerDeathError) -> Done:
        reason = Reason.GRADER_TIMEOUT if death.timed_out else Reason.GRADER_CRASHED
        return self._scorer.give_up(row, reason, str(death))
