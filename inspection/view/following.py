"""A process of its own that keeps indexes up with their files, so that pages are answered at once meanwhile."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .index import Index

_log = logging.getLogger(__name__)
PAUSE = 0.5
"""Seconds between two looks at files that may have grown."""
TURN = 0.3
"""Seconds for one file while others wait."""
MOST_OPEN = 16
"""Indexes that are kept open between two looks."""
MOST_FOLLOWED = 256
"""Files that are followed at once: those that were asked for last."""


class Follower:
    """Starts the process, and says which files it is to follow; a context manager."""

    def __init__(self, folder: str | Path) -> None:
        """`folder` is where indexes are kept."""
        self._folder = str(folder)
        self._paths: dict[str, None] = {}
        self._start()

    def _start(self) -> None:
        # A new interpreter would import for half a second, or for two on a busy machine, while the first file waits.
        # A copy of this process needs that no other thread of it holds a lock.
        forks = sys.platform == "linux" and threading.active_count() == 1
        context: Any = multiprocessing.get_context("fork" if forks else "spawn")  # any: no type covers both
        self._asked: Any = context.Queue()  # any: a queue of paths has no type of its own
        self._process = context.Process(target=_follow, args=(self._folder, self._asked, os.getpid()), daemon=True)
        self._process.start()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.put(None)
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._asked.close()

    def follow(self, path: Path, *, first: bool) -> None:
        """Follow a file from now on; `first` before all others. A process that was killed is started anew."""
        if not self._process.is_alive():
            _log.warning("the process that keeps indexes ended by %s; a new one goes on", self._process.exitcode)
            self._start()
            for known in self._paths:
                self._asked.put((known, False))
        self._paths[str(path)] = None
        self._asked.put((str(path), first))

    @property
    def process(self) -> int | None:
        """Its id."""
        number: int | None = self._process.pid
        return number


def _follow(folder: str, asked: Any, parent: int) -> None:  # any: as above
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(5)
    order: list[str] = []
    failed: dict[str, str] = {}
    opened: dict[str, Index] = {}
    waiting = False
    while os.getppid() == parent:
        try:
            while True:
                item = asked.get(timeout=0 if waiting else PAUSE)
                if item is None:
                    return
                path, first = item
                if path in order:
                    if not first:
                        continue
                    order.remove(path)
                order.insert(0 if first else len(order), path)
                for left in order[MOST_FOLLOWED:]:
                    _forget(opened, left)
                del order[MOST_FOLLOWED:]
                waiting = True
        except queue.Empty:
            pass
        waiting = _catch_up(order, folder, failed, opened)


def _catch_up(order: Sequence[str], folder: str, failed: dict[str, str], opened: dict[str, Index]) -> bool:
    """One turn for each file, until one has more than fits its turn; whether one had."""
    for path in order:
        try:
            index = opened.get(path)
            if index is None:
                index = opened[path] = Index(path, folder)
            done = index.catch_up(TURN)
            failed.pop(path, None)
        except Exception as error:  # noqa: BLE001 - the boundary: one file is lost, the others go on
            _forget(opened, path)
            # A file that is being replaced, or a disk that is full: it is tried again, and reported once.
            if failed.get(path) != str(error):
                failed[path] = str(error)
                _log.warning("%s cannot be indexed: %s", path, error)
            continue
        if not done:
            return True  # what was asked for last goes on before the others
        if len(opened) > MOST_OPEN:
            _forget(opened, path)
    return False


def _forget(opened: dict[str, Index], path: str) -> None:
    index = opened.pop(path, None)
    if index is not None:
        index.close()
