"""The page of a pipeline written: figures, tables and what departs from the paper, one HTML file without a script.

Its policy lets one style run, by its hash, and images that are inside the page; nothing else, and no network.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...._version import __version__
from ....scoring.thinking import FIGURES
from ....verifiers.escape import escape_unprintable
from ....verifiers.files import write_whole
from .evaluations import benchmark_tables
from .plots import Plot, draw
from .read import Estimate, Pipeline, Stage, read_pipeline
from .shape import findings

_SHARES = ("format", "language", "truncated", "unjudged")

Table = dict[str, Any]  # any: what the template reads


def figures(folder: str | Path) -> dict[str, bytes]:
    """The figures of a pipeline's folder as PNG, by name."""
    return {plot.name: plot.png for plot in draw(read_pipeline(folder))}


def write_pipeline(
    folder: str | Path, output: str | Path, *, title: str | None = None, images: str | Path | None = None
) -> int:
    """Write a pipeline's page, whole or not at all, and give its size; with `images` the figures there as PNG, too.

    Raises RunError for a folder that holds no stages, and where something cannot be read or written.
    """
    run = read_pipeline(folder)
    plots = draw(run)
    page = _render(run, plots, title).encode("utf-8", "replace")
    if images is not None:
        for plot in plots:
            write_whole(Path(images) / f"{plot.name}.png", plot.png)
    write_whole(Path(output), page)
    return len(page)


def _render(run: Pipeline, plots: list[Plot], title: str | None) -> str:
    import jinja2
    from markupsafe import Markup

    style = _resource("pipeline.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["visible"] = lambda text: escape_unprintable(str(text))
    paper = tomllib.loads(_resource("paper.toml"))
    benchmarks = benchmark_tables(run)
    tables = [
        _checkpoints(run),
        _thinking(run),
        *benchmarks,
        _table_3(paper),
        _distilled(run, paper),
        _cost(run, paper),
    ]
    return environment.from_string(_resource("pipeline.html")).render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'",
        style=Markup(style),  # noqa: S704 - our own file
        title=escape_unprintable(title or Path(run.folder).name or run.folder),
        version=__version__,
        findings=findings(run),
        plots=[(plot, base64.b64encode(plot.png).decode()) for plot in plots],
        tables=[table for table in tables if table["rows"]],
        folder=run.folder,
    )


def _checkpoints(run: Pipeline) -> Table:
    """Every checkpoint that was evaluated."""
    evaluated = {name: stage.metrics for name, stage in run.stages.items() if stage.metrics}
    known = dict.fromkeys(key for metrics in evaluated.values() for key in metrics)
    votes = [key for key in known if key.startswith(("pass_at_", "cons_at_"))]
    columns = [*votes, *(key for key in ("format", "language", "length", "reflective", "truncated") if key in known)]
    columns += [
        key
        for key in known
        if key.startswith("reflective/") and any(m[key].value for m in evaluated.values() if key in m)
    ]
    rows = [
        [run.stages[name].label, *(_cell(key, metrics.get(key)) for key in columns)]
        for name, metrics in evaluated.items()
    ]
    note = "Percent or counts, with 95 % intervals over questions; another seed of training is not in them."
    return {"title": "Our checkpoints", "columns": ["", *map(_heading, columns)], "rows": rows, "note": note}


def _thinking(run: Pipeline) -> Table:
    """Tokens by how many of a question's samples are right, of every checkpoint."""
    measured = {name: stage.bands for name, stage in run.stages.items() if stage.bands}
    rows = [
        [run.stages[name].label, band, *(_cell(key, metrics.get(key)) for key in FIGURES)]
        for name, bands in measured.items()
        for band, metrics in bands.items()
    ]
    note = (
        "Over-thinking: how many tokens a checkpoint spends on questions that it always, sometimes or never gets right."
    )
    columns = ["", "right samples of a question", *FIGURES.values()]
    return {"title": "Tokens by difficulty", "columns": columns, "rows": rows, "note": note}


def _table_3(paper: Mapping[str, Any]) -> Table:
    rows = [[name, *map(_plain, values)] for name, values in paper["table_3"].items()]
    note = (
        "The paper's own model, of another size than ours: its columns are to be compared by their order, not numbers."
    )
    return {
        "title": "The paper's checkpoints (Table 3)",
        "columns": ["", *paper["checkpoints"]],
        "rows": rows,
        "note": note,
    }


def _distilled(run: Pipeline, paper: Mapping[str, Any]) -> Table:
    theirs = paper["distilled"]
    rows = [[f"paper: {name}", *map(_plain, values)] for name, values in theirs["rows"].items()]
    ours = [_small_row(stage) for stage in run.stages.values() if stage.model == "small"]
    if not ours:
        return {"title": "", "columns": [], "rows": [], "note": ""}
    rows[:0] = ours
    note = "Ours on its own questions, with a vote of as many samples as it has; the paper's on AIME 2024 and others."
    return {"title": "Distillation", "columns": ["", *theirs["columns"]], "rows": rows, "note": note}


def _small_row(stage: Stage) -> list[str]:
    """A checkpoint of the smaller model, in the columns of the paper's table that it has."""
    vote = next((key for key in stage.metrics if key.startswith("cons_at_")), "")
    voted = _cell(vote, stage.metrics.get(vote))
    return [f"ours: {stage.title or stage.name}", _cell("pass_at_1", stage.metrics.get("pass_at_1")), voted, *[""] * 4]


def _cost(run: Pipeline, paper: Mapping[str, Any]) -> Table:
    keys = ("cpu_seconds", "seconds", "evaluation_cpu_seconds")
    known = {name: stage.cost for name, stage in run.stages.items() if stage.cost}
    rows = [[name, *(f"{cost[key]:,.1f}" if key in cost else "" for key in keys)] for name, cost in known.items()]
    if rows:
        rows.append(["in all", *(f"{sum(cost.get(key, 0.0) for cost in known.values()):,.1f}" for key in keys)])
    hours = ", ".join(f"{name} {count}K" for name, count in paper["cost"].items())
    total = sum(paper["cost"].values())
    note = f"The paper (Table 7), H800 hours: {hours}; {total}K in all, ${2 * total}K at $2 an hour."
    columns = ["stage", "CPU-seconds", "wall seconds", "CPU-seconds of evaluation"]
    return {"title": "Cost", "columns": columns, "rows": rows, "note": note}


def _cell(key: str, one: Estimate | None) -> str:
    if one is None:
        return ""
    scale = 100 if key in _SHARES or key.startswith(("pass_at_", "cons_at_")) else 1
    digits = 1 if scale == 100 or one.value >= 10 else 2
    value, low, high = (f"{scale * number:.{digits}f}" for number in one)
    return value if low == high == value else f"{value} ({low} to {high})"


def _heading(key: str) -> str:
    """A metric as a person reads it.

    >>> _heading("cons_at_16"), _heading("reflective/wait")
    ('cons@16', 'wait')
    """
    return key.rpartition("/")[2].replace("_at_", "@")


def _plain(value: float) -> str:
    return f"{value:g}" if isinstance(value, int) else f"{value:.1f}"


def _resource(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8").replace("\r\n", "\n")
