"""The folder of a pipeline read back: RUN/STAGE/ with report.json, metrics.jsonl and cost.json; `folders` says where.

Files are checked, not trusted: a report that is no JSON object ends the reading with its name, a number that is none is
left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ....inspection.report.metrics import read_run
from ....verifiers.errors import RunError
from ..folders import FolderEntry, read_stages, stage_folder

Points = list[tuple[int, float]]
"""Steps and values."""


class Estimate(NamedTuple):
    """A figure with its interval."""

    value: float
    low: float
    high: float


class Stage(NamedTuple):
    """What one stage left behind."""

    name: str
    """Its name."""
    title: str
    """What the paper calls its checkpoint."""
    model: str
    """Which model it trains: `base` or `small`."""
    report: Mapping[str, Any]  # any: JSON values
    """report.json."""
    metrics: Mapping[str, Estimate]
    """Its checkpoint's evaluation."""
    bands: Mapping[str, Mapping[str, Estimate]]
    """The same by how many of a question's samples are right."""
    lines: Mapping[str, Points]
    """metrics.jsonl by key."""
    alarms: list[tuple[int, str]]
    """Alarms of the training, by step."""
    cost: Mapping[str, float]
    """cost.json."""

    @property
    def label(self) -> str:
        """The name, with the paper's."""
        return f"{self.title} ({self.name})" if self.title and self.model == "base" else self.name


class Pipeline(NamedTuple):
    """All stages of a run."""

    folder: str
    stages: Mapping[str, Stage]
    """By name, in order."""


def is_pipeline(folder: str | Path) -> bool:
    """Whether a folder holds stages."""
    return any(_folders(Path(folder)))


def read_pipeline(folder: str | Path) -> Pipeline:
    """Read a pipeline's stages. Raises RunError for a folder without any, and for a report that cannot be read."""
    stages = {entry.name: _stage(entry, path) for entry, path in _folders(Path(folder))}
    if not stages:
        raise RunError(f"{folder} holds no stages: no folder of one with a report.json")
    return Pipeline(str(folder), stages)


def _folders(folder: Path) -> list[tuple[FolderEntry, Path]]:
    """The stages that have a report, in the run's order."""
    paths = [(entry, stage_folder(folder, entry.name)) for entry in read_stages(folder)]
    return [(entry, path) for entry, path in paths if (path / "report.json").is_file()]


def _stage(entry: FolderEntry, path: Path) -> Stage:
    report = _object(path / "report.json")
    evaluation = report.get("evaluation")
    metrics = evaluation.get("metrics") if isinstance(evaluation, dict) else None
    bands = evaluation.get("pass_rates") if isinstance(evaluation, dict) else None
    lines: dict[str, Points] = {}
    alarms: list[tuple[int, str]] = []
    if (path / "metrics.jsonl").is_file() and (path / "metrics.jsonl").stat().st_size:
        run = read_run(path)
        alarms = run.alarms
        for chart in run.charts:
            for line in chart.lines:
                lines[line.key] = [(step, value) for step, value in line.points if value is not None]
    cost = _object(path / "cost.json") if (path / "cost.json").is_file() else {}
    return Stage(
        **entry._asdict(),
        report=report,
        metrics=_estimates(metrics if isinstance(metrics, dict) else {}),
        bands={
            str(band): _estimates(figures)
            for band, figures in (bands.items() if isinstance(bands, dict) else ())
            if isinstance(figures, dict)
        },
        lines=lines,
        alarms=alarms,
        cost={key: float(value) for key, value in cost.items() if _is_number(value)},
    )


def _estimates(metrics: Mapping[str, Any]) -> dict[str, Estimate]:
    estimates = {}
    for name, one in metrics.items():
        if isinstance(one, dict) and _is_number(one.get("value")):
            bounds = one.get("ci95")
            if not (isinstance(bounds, list) and len(bounds) == 2 and all(map(_is_number, bounds))):
                bounds = [one["value"], one["value"]]
            low, high = bounds
            estimates[str(name)] = Estimate(one["value"], low, high)
    return estimates


def _object(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if not isinstance(report, dict):
        raise RunError(f"{path} holds no JSON object")
    return report


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
