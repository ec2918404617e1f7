"""What `r1-reward compare` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from ...scoring.show import figures_table
from ...scoring.stats import interval_text
from ...verifiers.escape import escape_unprintable
from .paired import Comparison, SystemPair
from .systems import file_names, read_systems

SHOWN = 20
LONGEST_LABEL = 60
PAIR_HEADS = ("system", "against", "problems", "difference", "95 % interval", "better", "worse", "McNemar p")

MATRIX_HEAD = "row less column (* the interval leaves out 0)"


def run_compare(
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    by: str | None = None,
    on: str | None = None,
    metric: str = "accuracy",
    rows: int = SHOWN,
    as_json: bool = False,
    page: str | None = None,
) -> None:
    """Compare, print on standard output, write the page if one is asked for. Raises RunError and ConfigError."""
    comparison = Comparison(read_systems(files, names, by=by, on=on, metric=metric))
    if page is not None:
        _write_page(comparison, files, names, by, on, page)
    if as_json:
        sys.stdout.write(json.dumps(comparison.to_dict(rows), allow_nan=False) + "\n")
    else:
        _print(comparison, metric, rows)


def _write_page(
    comparison: Comparison,
    files: Sequence[str],
    names: Mapping[str, str] | None,
    by: str | None,
    on: str | None,
    page: str,
) -> None:
    from ..report.options import ReportOptions
    from ..report.report_command import print_written
    from ..report.write import ComparisonTable, write_report

    systems = comparison.systems
    rows = [
        (systems[second].name, systems[first].name, *pair_cells(comparison.pair(first, second)))
        for first in range(len(systems))
        for second in range(first + 1, len(systems))
    ]
    table = ComparisonTable(by or "system", PAIR_HEADS, rows, matrix=matrix_rows(comparison))
    labels = () if by else file_names(files)
    options = ReportOptions(sources=files, output=page, names=names or {}, group_by=on, systems=labels)
    print_written(write_report(options, comparison=table))


def _print(comparison: Comparison, metric: str, rows: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    systems = comparison.systems
    console.print(Text(f"{len(systems)} systems, {len(comparison.shared):,} problems in all of them"))
    table = figures_table("system", "problems", "responses", "not judged", metric, "95 % interval")
    for system in systems:
        mean = system.mean
        figures = (f"{len(system.problems):,}", f"{system.responses:,}", f"{system.unjudged:,}")
        table.add_row(
            Text(escape_unprintable(system.name)), *figures, _number(mean.mean), interval_text(mean.bounded_interval)
        )
    console.print(table)
    table = figures_table(*PAIR_HEADS)
    for first in range(len(systems)):
        for second in range(first + 1, len(systems)):
            pair = comparison.pair(first, second)
            table.add_row(
                Text(escape_unprintable(systems[second].name)),
                Text(escape_unprintable(systems[first].name)),
                *pair_cells(pair),
            )
    console.print(table)
    if matrix := matrix_rows(comparison):
        table = figures_table(MATRIX_HEAD, *(escape_unprintable(name) for name, *_ in matrix))
        for name, *cells in matrix:
            table.add_row(Text(escape_unprintable(name)), *cells)
        console.print(table)
    differing = comparison.differing()
    if differing and rows:
        table = figures_table("problem", *(escape_unprintable(system.name) for system in systems))
        for one in differing[:rows]:
            table.add_row(Text(escape_unprintable(one.problem[:LONGEST_LABEL])), *map(_number, one.values))
        console.print(table)
        if len(differing) > rows:
            console.print(Text(f"{len(differing) - rows:,} more problems differ; --rows N shows more", "dim"))


def matrix_rows(comparison: Comparison) -> list[list[str]]:
    """Each system less each other, by rows that begin with its name; of two systems there is none."""
    systems = comparison.systems
    if len(systems) < 3:
        return []
    cells = [["" for _ in systems] for _ in systems]
    for first in range(len(systems)):
        for second in range(first + 1, len(systems)):
            pair = comparison.pair(first, second)
            if pair.mean is not None:
                star = "*" if pair.interval is not None and not pair.interval[0] <= 0 <= pair.interval[1] else ""
                cells[second][first], cells[first][second] = f"{pair.mean:+.4f}{star}", f"{-pair.mean:+.4f}{star}"
    return [[system.name, *row] for system, row in zip(systems, cells, strict=True)]


def pair_cells(pair: SystemPair) -> tuple[str, ...]:
    """A pair's figures as a table shows them."""
    return (
        f"{pair.problems:,}",
        "none" if pair.mean is None else f"{pair.mean:+.4f}",
        interval_text(pair.interval),
        f"{pair.better:,}",
        f"{pair.worse:,}",
        "" if pair.mcnemar is None else f"{pair.mcnemar:.4g}",
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
