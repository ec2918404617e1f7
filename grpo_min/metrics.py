"""What a run tells of itself: one JSON line a step, some of its samples, and alarms.

Metrics are made from sums, so that ranks can add theirs up before anything is divided. Lines are appended; a resumed
run cuts the files back to where its checkpoint was, so that no step is told twice or not at all. Writers (TensorBoard,
wandb, trackio) get the same numbers and may hold a step twice after a crash, since they cannot be cut back.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ..verifiers.catalog import CATALOG
from .config import AlarmConfig
from .loss import LossOutputs
from .rollout import Group

Metrics = dict[str, Any]
"""A line of the metrics file (any: numbers, and lists of alarms)."""
Writer = Callable[[Mapping[str, float], int], None]
"""Takes a step's numbers and the step."""

REFLECTIVE = ("wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check")
"""The paper's ten words (extended data, figure 1)."""
_REFLECTIVE = re.compile(rf"\b(?:{'|'.join(REFLECTIVE)})\b", re.IGNORECASE)
_ACCURACY = frozenset(name for name, entry in CATALOG.items() if entry.accuracy) | {"accuracy"}


def tally_groups(groups: Iterable[Group]) -> dict[str, float]:
    """Sums over samples."""
    sums: dict[str, float] = {}

    def add(name: str, value: float) -> None:
        sums[name] = sums.get(name, 0.0) + value

    for group in groups:
        add("groups", 1)
        add("zero_variance", not group.informative)
        for row in group.rows:
            length = len(row.tokens)
            add("samples", 1)
            add("truncated", row.truncated)
            add("length", length)
            add("prompt_tokens", len(group.prompt))
            add("reflective", len(_REFLECTIVE.findall(row.text)))
            add("unjudged", row.reward is None)
            if row.reward is not None:
                for name, value in (("r", row.reward), ("rr", row.reward**2), ("l", length), ("ll", length**2)):
                    add(name, value)
                add("rl", row.reward * length)
            for name, value in row.parts.items():
                for key in {f"reward/{name}", "accuracy" if name in _ACCURACY else f"reward/{name}"}:
                    add(key, value)
                    add(f"count {key}", 1)
    return sums


def tally_tokens(out: LossOutputs, entropy_N: Tensor) -> dict[str, float]:
    """Sums over the tokens of a micro-batch."""
    values = {"kl": out.kl_N, "entropy": entropy_N, "clipped": out.clipped_N, "ratio/mean": out.ratio_N}
    sums = {name: float(value_N.double().sum()) for name, value_N in values.items()}
    return {**sums, "loss": float(out.loss.detach()), "tokens": float(len(entropy_N))}


def summarise(sums: Mapping[str, float]) -> Metrics:
    """A step's line from the sums of all its groups and micro-batches; a mean over nothing is left out."""
    of = {name: sums.get(name, 0.0) for name in ("samples", "groups", "tokens", "unjudged", "r", "l", "rr", "ll", "rl")}
    judged = of["samples"] - of["unjudged"]
    line: Metrics = {"samples": of["samples"], "tokens": of["tokens"], "loss": sums.get("loss", 0.0)}
    means = dict.fromkeys(("truncated", "length", "prompt_tokens", "reflective", "unjudged"), of["samples"])
    means |= {"zero_variance": of["groups"], **dict.fromkeys(("kl", "entropy", "clipped", "ratio/mean"), of["tokens"])}
    means |= {name.removeprefix("count "): count for name, count in sums.items() if name.startswith("count ")}
    line |= {name: sums.get(name, 0.0) / count for name, count in means.items() if count}
    if judged:
        line["reward"] = of["r"] / judged
        spread = [judged * of[square] - of[plain] ** 2 for square, plain in (("rr", "r"), ("ll", "l"))]
        line["reward_std"] = math.sqrt(max(spread[0], 0.0)) / judged
        if min(spread) > 1e-9 * judged:
            line["length_correlation"] = (judged * of["rl"] - of["r"] * of["l"]) / math.sqrt(spread[0] * spread[1])
    return line


def alarms(history: Sequence[Mapping[str, Any]], config: AlarmConfig) -> list[str]:
    """What is wrong at the last step of a history, in the words that docs/grpo_min.md explains."""
    last, window = history[-1], history[-config.window :]
    limits = {"unjudged": config.unjudged, "truncated": config.truncated, "kl": config.kl}
    found = [name for name, limit in limits.items() if last.get(name, 0.0) > limit]
    if abs(last.get("length_correlation", 0.0)) > config.length_correlation:
        found.append("length_correlation")
    told = [line for line in window if "accuracy" in line and "reward" in line]
    if len(told) == config.window and config.window >= 2:
        earlier, later = told[: len(told) // 2], told[len(told) // 2 :]
        accuracy, reward = (_mean(later, key) - _mean(earlier, key) for key in ("accuracy", "reward"))
        noise = 2 * math.sqrt(_variance(earlier, "accuracy") + _variance(later, "accuracy"))
        if reward > 0 and accuracy < -max(noise, 0.01):
            found.append("collapse")
    return found


def _mean(lines: Sequence[Mapping[str, Any]], key: str) -> float:
    return float(sum(line[key] for line in lines)) / len(lines)


def _variance(lines: Sequence[Mapping[str, Any]], key: str) -> float:
    """Of the mean."""
    mean = _mean(lines, key)
    return float(sum((line[key] - mean) ** 2 for line in lines)) / max(len(lines) - 1, 1) / len(lines)


class Clock:
    """Wall seconds of each phase of a step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count what runs inside to a phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


def sample_line(group: Group, step: int) -> Metrics:
    """A line of `samples.jsonl`: the first sample of a group."""
    row = group.rows[0]
    told = {"reward": row.reward, "parts": dict(row.parts), "reason": row.reason, "advantage": row.advantage}
    return {"step": step, "prompt": group.question, "response": row.text, **told}


class RunLog:
    """The files `metrics.jsonl` and `samples.jsonl` of a run's folder."""

    def __init__(self, folder: Path | None, sizes: Sequence[int] = (0, 0), writers: Sequence[Writer] = ()) -> None:
        """`sizes` are the files' lengths at the checkpoint; what is past them is cut off. Without a folder (on ranks
        but the first) nothing is written."""
        self._paths = [folder / name for name in ("metrics.jsonl", "samples.jsonl")] if folder else []
        for path, size in zip(self._paths, sizes, strict=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.truncate(path, size)
        self._writers = writers
        told = [line for path in self._paths[:1] for line in path.read_text(encoding="utf-8").splitlines()]
        self.history: list[Metrics] = [json.loads(line) for line in told]

    def write(self, line: Metrics, samples: Iterable[Mapping[str, Any]] = ()) -> None:
        """Append a step's line and samples."""
        self.history.append(line)
        for path, rows in zip(self._paths, ([line], samples), strict=False):
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
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


def tensorboard_writer(folder: str | Path) -> Writer:
    """Writes to TensorBoard; needs `tensorboard`."""
    from torch.utils.tensorboard import SummaryWriter

    board = SummaryWriter(str(folder))

    def write(numbers: Mapping[str, float], step: int) -> None:
        for name, value in numbers.items():
            board.add_scalar(name, value, step)

    return write


def tracker_writer(run: Any) -> Writer:  # any: wandb's run, trackio's, or a module of either
    """Writes to anything with wandb's `log(numbers, step=...)`: a run of wandb or of trackio."""
    return lambda numbers, step: run.log(dict(numbers), step=step)
