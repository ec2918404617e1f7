"""The process that judges: frames of pickled tasks on its standard input, frames of results on its standard output.

Its parent is this package and nobody else. Whatever a verifier prints goes to standard error, so that it cannot spoil
a frame; an end of input ends it, so that it never outlives its parent.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import struct
import sys
from pathlib import Path
from typing import IO, Any

from ..verifiers.spec import RewardSpec, verifiers_of
from ..verifiers.verifier import Preparing
from .work import RowScorer

_LENGTH = struct.Struct("<Q")


def write_frame(pipe: IO[bytes], value: object) -> None:
    """Write one frame. Raises OSError where nobody reads."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Any:  # any: what was written
    """Read one frame. Raises EOFError where it does not come or breaks off."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - both ends are this package


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _die_first()
    _die_with_parent()
    tasks = os.fdopen(os.dup(0), "rb")
    with os.fdopen(os.dup(1), "wb") as results:
        _keep_from_forks(tasks, results)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        worker = os.getpid()
        try:
            spec: RewardSpec
            spec, reader, group_by, echo, prefix, by = read_frame(tasks)
            judge = spec.build()
            for verifier in verifiers_of(judge):
                if isinstance(verifier, Preparing):
                    verifier.prepare()
            scorer = RowScorer(judge, reader, group_by, echo=echo, prefix=prefix, by=by)
        except Exception as error:  # noqa: BLE001 - the process boundary: the parent raises it
            write_frame(results, f"{type(error).__name__}: {error}")
            return
        # What judging makes is freed by reference counts; looking for circles in it often is a tenth of the time.
        gc.freeze()
        gc.set_threshold(100_000, 10, 10)
        write_frame(results, None)
        while True:
            try:
                rows, outputs = read_frame(tasks)
            except EOFError:
                return
            answer = scorer.judge(rows) if outputs is None else scorer.recheck(rows, outputs)
            if os.getpid() != worker:
                os._exit(1)  # a verifier forked and both sides came back; this is not the worker
            write_frame(results, answer)


def _die_first() -> None:
    """Where memory runs out, a worker's row is the one to lose, not the run."""
    try:
        Path("/proc/self/oom_score_adj").write_text("500")
    except OSError:
        return  # no such file outside Linux; nothing depends on it


def _die_with_parent() -> None:
    """A verifier that never comes back would not see its input end."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _keep_from_forks(*pipes: IO[bytes]) -> None:
    """Close the pipes in every process that a verifier forks: one that outlives the worker would hold them open, and
    the parent would wait for an end that never comes."""
    descriptors = [pipe.fileno() for pipe in pipes]
    empty = os.open(os.devnull, os.O_RDWR)

    def detach() -> None:
        for descriptor in descriptors:
            os.dup2(empty, descriptor)

    os.register_at_fork(after_in_child=detach)
