"""The logs of a run: `metrics.jsonl`, a line a step, and `samples.jsonl`, some of what was answered.

Lines are appended; a resumed run cuts the files back to where its checkpoint was, so that no step is logged twice
or not at all. Writers (TensorBoard, wandb, trackio) get the same numbers and may hold a step twice after a crash, since
they cannot be cut back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ..training.lines import Lines
from ..verifiers.errors import ConfigError

StepMetrics = dict[str, Any]
"""A line of the metrics file (any: numbers, words, and lists of alarms)."""


class Writer(NamedTuple):
    """What receives the numbers beside the run's own files."""

    write: Callable[[Mapping[str, float], int], object]
    """Takes a step's numbers and the step."""
    close: Callable[[], object]
    """Ends it, with everything written."""


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

    def summary(self, tokens: float) -> StepMetrics:
        """Seconds since it was made, and by phase, and how many of the tokens went by in one."""
        whole = time.perf_counter() - self._start
        phases = {f"seconds/{phase}": round(seconds, 4) for phase, seconds in self.seconds.items()}
        return {"seconds": round(whole, 4), **phases, "speed": round(tokens / whole, 1)}


class RunLog:
    """The files `metrics.jsonl` and `samples.jsonl` of a run's folder."""

    def __init__(self, folder: Path | None, sizes: Sequence[int] = (0, 0), writers: Sequence[Writer] = ()) -> None:
        """`sizes` are the files' lengths at the checkpoint; what is past them is cut off. Without a folder (on ranks
        but the first) nothing is written."""
        names = ("metrics.jsonl", "samples.jsonl")
        self._files = [Lines(folder / name, size) for name, size in zip(names, sizes, strict=True)] if folder else []
        self._writers = writers if folder else ()
        self.history: list[StepMetrics] = self._files[0].read() if folder else []

    def write(self, line: StepMetrics, samples: Iterable[Mapping[str, Any]] = ()) -> None:
        """Append a step's line and samples; WriteError where they cannot be written."""
        self.history.append(line)
        for file, rows in zip(self._files, ([line], samples), strict=False):
            file.write(rows)
        numbers = {name: value for name, value in line.items() if isinstance(value, int | float)}
        for writer in self._writers:
            writer.write(numbers, int(line["step"]))

    def close(self) -> None:
        """End the writers; may be called twice."""
        for writer in self._writers:
            writer.close()
        self._writers = ()

    def sizes(self) -> list[int]:
        """How long the files are, all of it on the disk."""
        return [file.size() for file in self._files]


def make_writer(name: str, folder: str | Path) -> Writer:
    """`tensorboard` (into the folder), `wandb` or `trackio` (a run named after it); ConfigError where it is missing."""
    try:
        if name != "tensorboard":
            run = import_module(name).init(project="r1-reward", name=Path(folder).name)
            return Writer(lambda numbers, step: run.log(dict(numbers), step=step), run.finish)
        board = import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
    except ImportError as error:
        raise ConfigError(f"the writer {name} is not installed ({error}): pip install {name}") from error

    def write(numbers: Mapping[str, float], step: int) -> None:
        for key, value in numbers.items():
            board.add_scalar(key, value, step)
        board.flush()

    return Writer(write, board.close)
