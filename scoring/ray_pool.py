"""The pool of `pool.py`, with its workers on the nodes of a Ray cluster.

Each actor holds a pool of one worker process on its node. What a row does to its worker is settled there, so that an
actor that dies was killed, or its node went: its chunk goes to another actor, and an actor is made in its place.
Chunks wait for actors that are ready, never for one that the cluster has no room for yet; how many are under way is
bounded where they are cut (`run.py`), and their order is kept there too.

What is not covered: the driver's own death (use `--resume`), and nodes without r1-reward of the same version.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from .._version import __version__
from ..rows.files import RawRow
from ..rows.reader import RowReader
from ..verifiers.errors import RunError, missing_extra
from ..verifiers.reward import Judge
from ..verifiers.spec import RewardSpec
from ..verifiers.verdict import Reason
from .pool import WorkerPool
from .work import Done, Mismatch, RowScorer

AUTO, LOCAL = "auto", "local"
"""Addresses: the cluster that this machine belongs to; one started here, for this run."""
START_SECONDS = 600
"""How long a run waits while no actor is ready."""
FINISH_SECONDS = 15
"""How long the workers have to end by themselves."""
TRIES = 8
"""Actors that may die over one chunk before its rows are given up."""
OBJECT_STORE_BYTES = 256 << 20
"""Of a Ray that is started here; chunks under way take a fraction of it."""


@contextlib.contextmanager
def connected(address: str, workers: int) -> Iterator[None]:
    """A connection to the cluster at `address`, ended with the block unless it was there before.

    `auto` takes the cluster that this machine belongs to, or else, like `local`, starts one of `workers` processors for
    this run. Raises RunError where there is none, or no Ray.
    """
    # Read when Ray is imported: nothing is reported home, and nothing changes about visible GPUs.
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")):
        os.environ.setdefault(name, value)
    try:
        ray = _ray()
    except ImportError:
        raise RunError(missing_extra("--ray", "Ray", "ray")) from None
    if ray.is_initialized():
        yield
        return
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    local = {"num_cpus": workers, "num_gpus": 0, "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    try:
        try:
            ray.init(address=address, **quiet, **(local if address == LOCAL else {}))
        except ConnectionError:
            if address != AUTO or os.environ.get("RAY_ADDRESS"):
                raise
            ray.init(address=LOCAL, **quiet, **local)
    except Exception as error:  # noqa: BLE001 - the boundary to another library, which raises many kinds
        raise RunError(f"cannot use Ray at {address}: {type(error).__name__}: {error}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:  # any: a module that is an extra, and typed in part only
    return import_module("ray")


def cluster_size() -> int:
    """Processors of the cluster that is connected, at least 1."""
    return max(1, int(_ray().cluster_resources().get("CPU", 1)))


class ScoringActor:
    """What an actor is made of: a place on a node where one worker judges."""

    def __init__(
        self,
        version: str,
        path: Sequence[str],
        spec: RewardSpec,
        reader: RowReader,
        group_by: str | None,
        row_timeout: float,
        prefix: str = "",
        by: Sequence[str] = (),
    ) -> None:
        if version != __version__:
            raise RuntimeError(f"this node has r1-reward {__version__}, the run {version}")
        sys.path += [entry for entry in path if entry not in sys.path]
        self._pool = WorkerPool(
            spec, spec.build(), reader, group_by, workers=1, row_timeout=row_timeout, prefix=prefix, by=by
        )
        self._pool.start()

    def ready(self) -> str:
        """Told when it can judge."""
        return __version__

    def run(self, task: bytes) -> bytes:
        """What `WorkerPool.run` does, on this node. Both ways pickled, as Ray does at several times the cost."""
        return pickle.dumps(self._pool.run(*pickle.loads(task)), pickle.HIGHEST_PROTOCOL)  # noqa: S301 - our own

    def finish(self) -> None:
        """Let the worker end by itself."""
        self._pool.finish()


class RayPool:
    """Up to `workers` actors, with the methods of `WorkerPool` that a run needs. Use inside `connected`."""

    def __init__(
        self,
        spec: RewardSpec,
        judge: Judge,
        reader: RowReader,
        group_by: str | None = None,
        *,
        workers: int,
        row_timeout: float,
        prefix: str = "",
        by: Sequence[str] = (),
    ) -> None:
        """`judge` is what `spec` builds; it is only asked for names, about rows that were given up."""
        self._ray = ray = _ray()
        self._scorer = RowScorer(judge, reader, group_by, prefix=prefix, by=by)
        self._made_of = (__version__, list(sys.path), spec, reader, group_by, row_timeout, prefix, tuple(by))
        # No restarts and retries of Ray's own: a chunk need not wait for the actor that lost it to come back.
        self._actor = ray.remote(ScoringActor).options(num_cpus=1, max_restarts=0, max_task_retries=0)
        self._workers = workers
        self._ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()  # any: actors
        self._all: set[Any] = set()
        self._lock = threading.Lock()
        self._failures = 0
        self._closed = False

    def start(self) -> None:
        """Ask for all the actors and wait for the first, to know that it can be done. Raises RunError."""
        for _ in range(self._workers):
            self._spawn()
        self._ready.put((self._next(), None))

    def run(self, rows: Sequence[RawRow], outputs: Sequence[bytes] | None = None) -> list[Done] | Mismatch:
        """Judge rows, or with `outputs` take over what an earlier run found about them; see `WorkerPool.run`.

        An actor that dies over them loses nothing. Raises RunError where no actor is available.
        """
        task = pickle.dumps((rows, outputs), pickle.HIGHEST_PROTOCOL)
        for _ in range(TRIES):
            actor = self._next()
            try:
                answer: bytes = self._ray.get(actor.run.remote(task))
            except self._ray.exceptions.RayActorError:
                if self._closed:
                    break
                self._discard(actor)
                self._spawn()
                continue
            except self._ray.exceptions.RayTaskError as error:
                self._ready.put((actor, None))
                raise RunError(f"on a node of the cluster: {error.cause or error}") from None
            self._ready.put((actor, None))
            result: list[Done] | Mismatch = pickle.loads(answer)  # noqa: S301 - a worker of this package wrote it
            return result
        if self._closed:
            raise RunError("the run was ended")
        if outputs is not None:
            raise RunError(f"{TRIES} actors died while the earlier output was read back")
        detail = f"{TRIES} actors died over this row and those beside it"
        return [self._scorer.give_up(row, Reason.GRADER_CRASHED, detail) for row in rows]

    def finish(self) -> None:
        """Let the workers of all actors end by themselves, so that they can put away what they hold; soon."""
        with self._lock:
            ending = [actor.finish.remote() for actor in self._all]
        self._ray.wait(ending, num_returns=len(ending), timeout=FINISH_SECONDS)

    def close(self) -> None:
        """End every actor, and with it its worker, at once."""
        self._closed = True
        self._ready.put((None, None))  # wakes who waits for one
        with self._lock:
            actors = list(self._all)
        for actor in actors:
            self._discard(actor)

    def _spawn(self) -> None:
        """Make an actor, and have it among the ready ones once it is."""
        actor = self._actor.remote(*self._made_of)
        with self._lock:
            self._all.add(actor)
        ready = actor.ready.remote().future()
        # Called by a thread of Ray's own, which must not be made to wait for Ray.
        ready.add_done_callback(lambda done: self._ready.put((actor, done.exception())))

    def _next(self) -> Any:  # any: an actor
        """An actor that is ready and idle. Raises RunError where none becomes available."""
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                actor, error = self._ready.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise RunError(
                    f"the cluster had no room for an actor within {START_SECONDS} s; ask for fewer with --workers"
                ) from None
            if self._closed:
                self._ready.put((actor, error))  # for the other threads too
                raise RunError("the run was ended")
            if error is None:
                self._failures = 0
                return actor
            self._failures += 1
            if self._failures >= max(5, self._workers):
                self._ready.put((actor, error))
                raise RunError(f"no actor could start: {_first_line(error)}")
            self._discard(actor)
            self._spawn()

    def _discard(self, actor: Any) -> None:  # any: an actor
        with self._lock:
            self._all.discard(actor)
        with contextlib.suppress(Exception):  # it may be gone, and so may the cluster
            self._ray.kill(actor)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip() if lines else ''}"[:300]
