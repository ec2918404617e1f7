"""The last resort: sympy, in a process of its own, for pairs that everything else leaves undecided.

Off by default for rewards, since it is slow. What is sent is our own tree as JSON, one line a pair, so that nothing a
model wrote is ever parsed or evaluated by sympy. Where our grammar reads no expression, or one with an integral, a
limit or an infinite sum, its text is sent instead, if it is a plain formula, and read there by
latex2sympy2_extended where that is installed. The worker runs under limits of memory and CPU time, is killed at its
deadline, and a new one is started for the next pair. It is a plain subprocess: it works in daemonic workers, threads
and event loops alike, and a forked child starts its own.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from .lists import Decision
from .scalar import is_scalar
from .tree import Node, kinds, size

DEADLINE_S = 2.0
"""Wall time for one pair."""
START_S = 30.0
"""Wall time for a worker to start, in which sympy is imported."""
MAX_NODES = 120
"""Largest tree that is sent, of each side."""

MAX_TEXT = 300
"""Longest text that is sent."""
_PLAIN_FORMULA = re.compile(r"(?:\\[A-Za-z]+|\\[,;!: ]|d?[A-Za-z](?![A-Za-z])|[\d\s.+\-*/^_=(){}|!\[\]<>,])+")
_WORDS = re.compile(r"\\(?:text|mathrm|mbox|operatorname|begin|end|input|include|write|def|color)\b")

_log = logging.getLogger(__name__)


@dataclass
class _Worker:
    """One process and the lock under which it is asked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    process: subprocess.Popen[bytes] | None = None
    owner: int = 0
    """The process that started it: a forked child must not share the pipes."""

    def ask(self, request: bytes, deadline_s: float) -> dict[str, Any] | None:  # any: a JSON object
        """The answer to a request, or None where there was none in time."""
        with self.lock:
            try:
                process = self._running()
                assert process.stdin is not None
                process.stdin.write(request + b"\n")
                process.stdin.flush()
                line = self._line(process, deadline_s)
            except OSError:
                _log.debug("the symbolic worker is gone", exc_info=True)
                line = None
            if line is None:
                self.stop()
                return None
            answer: dict[str, Any] = json.loads(line)
            return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.owner == os.getpid() and self.process.poll() is None:
            return self.process
        if self.owner == os.getpid():
            self.stop()
        self.owner = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-I", str(Path(__file__).with_name("symbolic_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
        )
        if self._line(self.process, START_S) is None:
            raise OSError("the symbolic worker did not start")
        return self.process

    def _line(self, process: subprocess.Popen[bytes], deadline_s: float) -> bytes | None:
        """One line of its output, or None at the deadline or the end of its output."""
        assert process.stdout is not None
        end = time.monotonic() + deadline_s
        got = b""
        while not got.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                return None
            piece = os.read(process.stdout.fileno(), 65_536)
            if not piece:
                return None
            got += piece
        return got

    def stop(self) -> None:
        """Kill the process, if there is one and it is ours."""
        process, self.process = self.process, None
        if process is None or self.owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    _log.debug("the symbolic worker died with a request in its pipe")


_worker = _Worker()


def _renew() -> None:
    """In a forked child: forget the parent's worker and its lock, which another thread may have held."""
    global _worker
    _worker = _Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@atexit.register
def stop() -> None:
    """End the worker of this process, if one runs."""
    _worker.stop()


def decide(
    gold: Node, answer: Node, texts: tuple[str, str] | None = None, *, deadline_s: float = DEADLINE_S
) -> Decision | None:
    """What sympy makes of two expressions: the same, different, or None where it reached no decision in time.

    `texts` are what the two were read from; one is sent where its tree has no constructor in sympy.
    """
    sides = [_side(node, text) for node, text in zip((gold, answer), texts or (None, None), strict=True)]
    if None in sides:
        return None
    request = json.dumps(sides)
    reply = _worker.ask(request.encode(), deadline_s)
    same = reply.get("same") if reply else None
    return Decision(same, "symbolic") if isinstance(same, bool) else None


def _side(node: Node, text: str | None) -> list[Any] | str | None:  # any: JSON values
    """What is sent of one side: its tree, else its text, else nothing."""
    if is_scalar(node) and "big" not in kinds(node):
        return _plain(node) if size(node) <= MAX_NODES else None
    return text if text is not None and _is_plain_formula(text) else None


def _is_plain_formula(text: str) -> bool:
    """Whether a text holds commands, single letters, numbers and signs only."""
    return 0 < len(text) <= MAX_TEXT and _PLAIN_FORMULA.fullmatch(text) is not None and _WORDS.search(text) is None


def _plain(node: Node) -> list[Any]:  # any: JSON values
    value = node.value
    if isinstance(value, int | Fraction):
        value = f"{value.numerator}/{value.denominator}"
    return [node.kind, value, [_plain(arg) for arg in node.args]]
