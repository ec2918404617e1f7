"""Where a run tells of itself: `metrics.jsonl`, a line a step, and `samples.jsonl`, some of what was answered.

Lines are appended; a resumed run cuts the files back to where its checkpoint was, so that no step is told twice or not
at all. Writers (TensorBoard, wandb, trackio) get the same numbers and may hold a step twice after a crash, since they
cannot be cut back.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from ..verifiers.errors import ConfigError, WriteError

Metrics = dict[str, Any]
"""A line of the metrics file (any: numbers, words, and lists of alarms)."""
Writer = Callable[[Mapping[str, float], int], object]
"""Takes a step's numbers and the step."""


class Clock:
    """Wall seconds of each phase of a step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count what runs inside to a phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start

    def told(self, tokens: float) -> Metrics:
        """Seconds since it was made, and by phase, and how many of the tokens went by in one."""
        whole = time.perf_counter() - self._start
        phases = {f"seconds/{phase}": round(seconds, 4) for phase, seconds in self.seconds.items()}
        return {"seconds": round(whole, 4), **phases, "speed": round(tokens / whole, 1)}


class RunLog:
    """The files `metrics.jsonl` and `samples.jsonl` of a run's folder."""

    def __init__(self, folder: Path | None, sizes: Sequence[int] = (0, 0), writers: Sequence[Writer] = ()) -> None:
        """`sizes` are the files' lengths at the checkpoint; what is past them is cut off. Without a folder (on ranks
        but the first) nothing is written."""
        self._paths = [folder / name for name in ("metrics.jsonl", "samples.jsonl")] if folder else []
        for path, size in zip(self._paths, sizes, strict=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.truncate(path, min(size, path.stat().st_size))
        self._writers = writers if folder else ()
        told = [line for path in self._paths[:1] for line in path.read_text(encoding="utf-8").splitlines()]
        self.history: list[Metrics] = [json.loads(line) for line in told]

    def write(self, line: Metrics, samples: Iterable[Mapping[str, Any]] = ()) -> None:
        """Append a step's line and samples; WriteError where they cannot be written."""
        self.history.append(line)
        for path, rows in zip(self._paths, ([line], samples), strict=False):
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.write("".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
            except OSError as error:
                raise WriteError(f"{path} cannot be written, the run goes on from its checkpoint: {error}") from error
        numbers = {name: value for name, value in line.items() if isinstance(value, int | float)}
        for writer in self._writers:
            writer(numbers, int(line["step"]))

    def sizes(self) -> list[int]:
        """How long the files are, all of it on the disk."""
        found = []
        for path in self._paths:
            with path.open("ab") as file:
                os.fsync(file.fileno())
                found.append(file.tell())
        return found


def make_writer(name: str, folder: str | Path) -> Writer:
    """`tensorboard` (into the folder), `wandb` or `trackio` (a run named after it); ConfigError where it is missing."""
    try:
        if name != "tensorboard":
            run = import_module(name).init(project="r1-reward", name=Path(folder).name)
            return lambda numbers, step: run.log(dict(numbers), step=step)
        board = import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    except ImportError as error:
        raise ConfigError(f"the writer {name} is not installed ({error}): pip install {name}") from error

    def write(numbers: Mapping[str, float], step: int) -> None:
        for key, value in numbers.items():
            board.add_scalar(key, value, step)
        board.flush()

    return write
