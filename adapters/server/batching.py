"""Rows of many requests gathered into batches for the workers, and sorted back to their requests.

A batch is whatever waits when a worker comes free, so that one row alone is not kept waiting and many share the cost
of a hand-over. Slow rows, which are large or run programs, wait in a lane of their own, and where there are several
workers they never hold all of them while others come. A row that ends its worker is tried again alone; the rows that
were judged beside it too.

Everything but the judging runs on one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, Protocol

from ...rows.files import RawRow, may_run_program
from ...scoring.batch_size import AdaptiveBatchSize
from ...scoring.pool import WorkerDeathError
from ...scoring.work import Done, Mismatch
from ...verifiers.errors import RunError

BATCH_SECONDS = 0.05
"""A batch is sized to take about this long."""
BATCH_ROWS = 256
BATCH_BYTES = 1 << 20
LARGE = 64 << 10
"""Rows of more bytes wait in the lane of slow ones."""
QUIET = 30.0
"""Seconds without a quick row after which slow ones may hold every worker."""


class BusyError(Exception):
    """There is no room for a request; `after` says in how many seconds there may be."""

    def __init__(self, detail: str, after: float) -> None:
        super().__init__(detail)
        self.after = after


class Workers(Protocol):
    """The pool of worker processes, as far as batching asks of it."""

    def run(self, rows: Sequence[RawRow]) -> list[Done] | Mismatch:
        """Judge rows whatever happens to a worker."""
        ...

    def judge_together(self, rows: Sequence[RawRow]) -> list[Done]:
        """Judge rows in one go. Raises WorkerDeathError."""
        ...


class _Request:
    """The rows of one request that are still out."""

    __slots__ = ("done", "left", "whole")

    def __init__(self, rows: int, whole: asyncio.Future[list[Done]]) -> None:
        self.done: list[Done | None] = [None] * rows
        self.left = rows
        self.whole = whole


class _Waiting(NamedTuple):
    row: RawRow
    request: _Request
    place: int
    alone: bool = False


class Batcher:
    """Judges the rows of requests on a pool of workers."""

    def __init__(
        self,
        pool: Workers,
        *,
        workers: int,
        max_queue: int,
        deadline: float,
        programs: bool,
        least: int = 1,
        watch: Callable[[int, float], None],
    ) -> None:
        """Make it on the event loop that it will run on. `programs` says that rows may run some; `least`
        rows are handed over together however long they take, if so many wait. `watch` receives how
        long batches of how many rows took."""
        self._pool = pool
        self._workers = workers
        self.max_queue = max_queue
        """Rows that may be waiting or being judged together."""
        self._deadline = deadline
        self._programs = programs
        self._watch = watch
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="serve")
        self._loop = asyncio.get_running_loop()
        self._lanes: tuple[deque[_Waiting], deque[_Waiting]] = (deque(), deque())
        self._paces = (
            AdaptiveBatchSize(BATCH_SECONDS, BATCH_ROWS, least),
            AdaptiveBatchSize(BATCH_SECONDS, BATCH_ROWS, least),
        )
        self._busy = [0, 0]
        self._quick_until = 0.0
        self._last = 1
        self._woken = False
        self._row_seconds = 0.0
        self.rows = 0
        """Rows waiting or being judged."""

    @property
    def busy(self) -> int:
        """Workers that are judging."""
        return sum(self._busy)

    @property
    def wait(self) -> float:
        """Seconds that a row may have to wait, judging by those before it."""
        return self.rows * self._row_seconds / self._workers

    def judge(self, rows: Sequence[RawRow]) -> asyncio.Future[list[Done]]:
        """The findings about a request's rows, in order. Cancelling it drops those that still wait.

        It raises TimeoutError after the deadline and RunError where no worker can start. Raises BusyError at once where
        there is no room.
        """
        whole: asyncio.Future[list[Done]] = self._loop.create_future()
        if not rows:
            whole.set_result([])
            return whole
        if self.rows + len(rows) > self.max_queue:
            raise BusyError(f"{self.rows:,} rows are waiting; the limit is {self.max_queue:,}", self.wait)
        if self.wait > self._deadline:
            raise BusyError(f"{self.rows:,} rows are waiting, which is more than can be judged in time", self.wait)
        request = _Request(len(rows), whole)
        for place, row in enumerate(rows):
            slow = len(row.data) > LARGE or (self._programs and may_run_program(row))
            if not slow:
                self._quick_until = self._loop.time() + QUIET
            self._lanes[slow].append(_Waiting(row, request, place))
        self.rows += len(rows)
        self._wake()
        timer = self._loop.call_later(self._deadline, _give_up, whole)
        whole.add_done_callback(lambda _: timer.cancel())
        return whole

    def close(self) -> None:
        """Take no more; what is being judged is left to the pool to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _wake(self) -> None:
        """Hand over at the end of this round of the loop, when all that came with it has been gathered."""
        if not self._woken and self.busy < self._workers:
            self._woken = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._woken = False
        while self.busy < self._workers:
            lane = self._choose()
            if lane is None:
                return
            batch = self._take(lane)
            if batch:
                self._last = lane
                self._busy[lane] += 1
                begun = time.perf_counter()
                judged = self._loop.run_in_executor(self._threads, self._judge, batch)
                judged.add_done_callback(partial(self._settle, batch, lane, begun))

    def _choose(self) -> int | None:
        quick, slow = self._lanes
        most = max(1, self._workers - 1) if self._loop.time() < self._quick_until else self._workers
        if slow and self._busy[1] < most and (not quick or self._last == 0):
            return 1
        return 0 if quick else None

    def _take(self, lane: int) -> list[_Waiting]:
        """What to hand over next, leaving some for the other workers that are free."""
        queue = self._lanes[lane]
        free = max(1, self._workers - self.busy)
        most = min(self._paces[lane].rows, -(-len(queue) // free))
        batch: list[_Waiting] = []
        weight = 0
        while queue and len(batch) < most:
            waiting = queue[0]
            if waiting.request.whole.done():  # given up, or its client has gone
                queue.popleft()
                self.rows -= 1
                continue
            weight += len(waiting.row.data)
            if batch and (weight > BATCH_BYTES or waiting.alone):
                break
            batch.append(queue.popleft())
            if waiting.alone:
                break
        return batch

    def _judge(self, batch: Sequence[_Waiting]) -> list[Done]:
        """In a thread: the rows' findings."""
        rows = [waiting.row for waiting in batch]
        if len(rows) > 1:
            return self._pool.judge_together(rows)
        done = self._pool.run(rows)
        assert not isinstance(done, Mismatch)
        return done

    def _settle(self, batch: list[_Waiting], lane: int, begun: float, judged: asyncio.Future[list[Done]]) -> None:
        self._busy[lane] -= 1
        if judged.cancelled():
            return
        seconds = time.perf_counter() - begun
        error = judged.exception()
        self._watch(len(batch), seconds)
        if isinstance(error, WorkerDeathError):
            self._lanes[lane].extendleft(waiting._replace(alone=True) for waiting in reversed(batch))
        elif error is not None:
            self.rows -= len(batch)
            for waiting in batch:
                if not waiting.request.whole.done():
                    waiting.request.whole.set_exception(_as_run_error(error))
        else:
            self.rows -= len(batch)
            self._paces[lane].update(len(batch), seconds)
            self._row_seconds += 0.1 * (seconds / len(batch) - self._row_seconds)
            for waiting, done in zip(batch, judged.result(), strict=True):
                _arrive(waiting, done)
        if self._lanes[0] or self._lanes[1]:
            self._wake()


def _arrive(waiting: _Waiting, done: Done) -> None:
    request = waiting.request
    request.done[waiting.place] = done
    request.left -= 1
    if request.left == 0 and not request.whole.done():
        request.whole.set_result([one for one in request.done if one is not None])


def _give_up(whole: asyncio.Future[list[Done]]) -> None:
    if not whole.done():
        whole.set_exception(TimeoutError())


def _as_run_error(error: BaseException) -> BaseException:
    return error if isinstance(error, RunError) else RunError(f"judging failed: {type(error).__name__}: {error}")
