"""A training run read back: `metrics.jsonl` (docs/reference/metrics.md), as charts over steps with stages marked.

Rows are checked, not trusted: a line that is no step of the schema is counted and left out, and a value that is no
finite number is a gap in its line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...verifiers.errors import RunError

MOST_POINTS = 600
"""Points of one line on the page; of more, the lowest and the highest of each stretch are kept."""
MOST_STEPS = 200_000
MOST_LINES = 12
"""Lines in one chart."""

TITLES: Mapping[str, tuple[str, str, bool]] = {
    "reward": ("Reward", "mean per response", False),
    "accuracy": ("Accuracy", "share judged right", True),
    "format": ("Format", "mean format score", True),
    "language": ("Language", "share in the target language", True),
    "length": ("Response length", "tokens", False),
    "truncated": ("Truncated", "share of responses cut at the limit", True),
    "reflective": ("Reflective words", "per response", False),
    "kl": ("KL to the reference", "nats per token", False),
    "entropy": ("Entropy", "nats per token", False),
    "clip": ("Clipped", "share of tokens", True),
    "ratio": ("Ratio", "new over old probability", False),
    "zero_variance": ("Zero-variance groups", "share of groups", True),
    "unjudged": ("Not judged", "share of responses masked", True),
    "alarms": ("Alarms", "raised at the step", False),
    "loss": ("Loss", "", False),
    "grad_norm": ("Gradient norm", "before clipping", False),
    "lr": ("Learning rate", "", False),
    "speed": ("Speed", "tokens per second", False),
    "seconds": ("Time", "seconds", False),
    "eval": ("Evaluation", "share", True),
}
"""Charts in order: the part of a key before its first slash, with title, unit, and whether it is a share."""

_MAIN = {
    **dict.fromkeys(
        ("reward", "accuracy", "format", "language", "length", "reflective", "kl", "entropy", "ratio"), "mean"
    ),
    **dict.fromkeys(("truncated", "clip", "zero_variance", "unjudged"), "share"),
    "seconds": "whole step",
}
"""What the line of a key without a slash is called, by chart; `value` elsewhere."""


class Stage(NamedTuple):
    """A stretch of steps of one stage."""

    name: str
    first: int
    last: int


class Line(NamedTuple):
    """One key over steps."""

    key: str
    label: str
    points: list[tuple[int, float | None]]


class Chart(NamedTuple):
    """Keys that share axes."""

    title: str
    unit: str
    share: bool
    lines: list[Line]


class Run(NamedTuple):
    """A run as it stands in its folder."""

    folder: str
    steps: int
    stages: list[Stage]
    charts: list[Chart]
    last: Mapping[str, float]
    """The latest value of each key."""
    first: Mapping[str, float]
    """The first value of each key."""
    alarms: list[tuple[int, str]]
    skipped: int
    """Lines that are no step."""


def read_run(folder: str | Path) -> Run:
    """Read a run's metrics. Raises RunError where the folder holds none."""
    path = Path(folder) / "metrics.jsonl"
    if not path.is_file():
        raise RunError(f"{folder} holds no metrics.jsonl, so it is no training run; see docs/reference/metrics.md")
    steps: list[tuple[int, str]] = []
    series: dict[str, list[tuple[int, float | None]]] = {}
    alarms: list[tuple[int, str]] = []
    skipped = 0
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            parsed = _step(line, steps[-1][0] if steps else -1)
            if parsed is None or len(steps) >= MOST_STEPS:
                skipped += 1
                continue
            step, stage, metrics = parsed
            steps.append((step, stage))
            alarms += [(step, text) for text in _alarms(metrics.pop("alarms", None))]
            for key, value in metrics.items():
                if key in series or len(series) < 400:
                    series.setdefault(key, []).append((step, _finite(value)))
    series = {key: points for key, points in series.items() if any(value is not None for _, value in points)}
    if not steps:
        raise RunError(f"{path} holds no step; see docs/reference/metrics.md")
    known = {key: [value for _, value in points if value is not None] for key, points in series.items()}
    return Run(
        folder=str(folder),
        steps=len(steps),
        stages=_stages(steps),
        charts=_charts(series),
        last={key: values[-1] for key, values in known.items()},
        first={key: values[0] for key, values in known.items()},
        alarms=alarms,
        skipped=skipped,
    )


def _step(line: bytes, before: int) -> tuple[int, str, dict[str, Any]] | None:
    """Step, stage and values of a line; None for one that is no step, or does not come after the one before."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    step, stage = values.pop("step", None), values.pop("stage", "")
    if not isinstance(step, int) or isinstance(step, bool) or not before < step < 2**53 or not isinstance(stage, str):
        return None
    for key in ("stage_step", "time", "version"):
        values.pop(key, None)
    return step, stage[:40], values


def _alarms(value: object) -> list[str]:
    some = value if isinstance(value, list) else []
    named = [alarm for alarm in some if isinstance(alarm, Mapping) and isinstance(alarm.get("name"), str)]
    return [f"{alarm['name']}: {alarm.get('detail', '')}"[:300] for alarm in named]


def _finite(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if known and math.isfinite(value) else None  # type: ignore[arg-type]  # checked before


def _stages(steps: Sequence[tuple[int, str]]) -> list[Stage]:
    stages: list[Stage] = []
    for step, name in steps:
        if stages and stages[-1].name == name:
            stages[-1] = stages[-1]._replace(last=step)
        elif len(stages) < 100:
            stages.append(Stage(name, step, step))
    return stages


def _charts(series: Mapping[str, list[tuple[int, float | None]]]) -> list[Chart]:
    by_chart: dict[str, list[Line]] = {}
    for key, points in series.items():
        head, _, rest = key.partition("/")
        head = head if head in TITLES else f"other {head}"
        by_chart.setdefault(head, []).append(Line(key, rest or _MAIN.get(head, "value"), thin(points, MOST_POINTS)))
    order = [*TITLES, *(head for head in by_chart if head not in TITLES)]
    charts = []
    for head in order:
        if head in by_chart:
            title, unit, share = TITLES.get(head, (_titled(head.removeprefix("other ")), "", False))
            lines = sorted(by_chart[head], key=lambda line: "/" in line.key)
            charts.append(Chart(title, unit, share, lines[:MOST_LINES]))
    return charts


def _titled(key: str) -> str:
    """A key as a title: `prompt_tokens` is `Prompt tokens`."""
    words = key.replace("_", " ").strip() or key
    return words[:1].upper() + words[1:]


def thin(points: list[tuple[int, float | None]], most: int) -> list[tuple[int, float | None]]:
    """At most that many points: of each stretch its lowest and its highest, so that no peak is lost.

    >>> thin([(step, float(step == 5)) for step in range(10)], 4)
    [(0, 0.0), (5, 1.0), (6, 0.0)]
    """
    if len(points) <= most:
        return points
    stretch = -(-len(points) * 2 // most)
    kept: list[tuple[int, float | None]] = []
    for start in range(0, len(points), stretch):
        some = [point for point in points[start : start + stretch] if point[1] is not None]
        if not some:
            kept.append(points[start])
            continue
        ends = {min(some, key=lambda p: p[1] or 0.0), max(some, key=lambda p: p[1] or 0.0)}
        kept += sorted(ends)
    return kept
