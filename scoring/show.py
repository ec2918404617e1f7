"""The summary and the progress of a run, for a person: on standard error, with colour only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from ..rows.reader import Reading
from ..verifiers.escape import escape_unprintable
from ..verifiers.verdict import Status
from .agreement import Agreement
from .measure import Evaluation
from .run import Progress
from .stats import Clustered, Interval
from .summary import Summary
from .thinking import FIGURES


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error, or None where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("scoring"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("scoring", total=None, rows=0)

        def update(progress: Progress) -> None:
            bar.update(task, completed=progress.bytes_read, total=progress.bytes, rows=progress.rows)

        yield update


def figures_table(*heads: str) -> Table:
    """A table without lines, as every command prints figures."""
    return Table(*heads, box=None, pad_edge=False, padding=(0, 2, 0, 0))


def print_summary(summary: Summary, output: str) -> None:
    """Print the tables of a run to standard error; `output` is where its rows went."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(_head(summary, output))
    if summary.verifiers:
        console.print(_verifiers(summary))
    if summary.problems.pass_at:
        console.print(_problems(summary))
    for path, values in summary.by.items():
        console.print(_parts(path, values))
    if summary.agreement is not None:
        console.print(_agreement(summary.agreement))
    for reading, count in summary.readings[:3]:
        console.print(Text(_reading(reading, count), "dim"))
    if summary.unjudged:
        reasons = {**summary.row_errors, **summary.verdict_errors}
        counts = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        console.print(
            Text(f"could not be judged: {summary.unjudged:,} ({summary.unjudged_share:.2%}): {counts}", "red")
        )
        for name, by_reason in summary.examples.items():
            for reason, example in by_reason.items():
                if reason in reasons:
                    who = "" if name == "row" else f"{name}: "
                    console.print(
                        Text(f"  {reason}, first in {example.row}: {who}{escape_unprintable(example.detail)}", "red")
                    )
    for note in summary.notes:
        console.print(Text(escape_unprintable(note), "yellow"))
    slow = ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in summary.slowest[:3])
    if slow:
        console.print(Text(f"slowest rows: {slow}", "dim"))
    inputs = ", ".join(f"{counts['path']} sha256 {counts['sha256'][:12]}" for counts in summary.inputs)
    version = f"{summary.version} ({summary.commit})" if summary.commit else summary.version
    console.print(Text(f"r1-reward {version}, options {summary.fingerprint}, {inputs}", "dim"))


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the figures of an evaluation to standard error; words that never came are left out."""
    table = figures_table("", "value", "95 % interval", *evaluation.levels)
    for name, metric in evaluation.metrics.items():
        if "/" in name and not metric.value:
            continue
        by_level = [level.get(name) for level in evaluation.levels.values()]
        cells = [f"{one.value:.3f}" if one else "-" for one in (metric, *by_level)]
        table.add_row(name, cells[0], _bounds(metric.ci95), *cells[1:])
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{evaluation.questions:,} questions, {evaluation.k} samples each", table, sep="\n")
    if evaluation.bands:
        console.print(_thinking(evaluation))


def _thinking(evaluation: Evaluation) -> Table:
    heads = ("right samples of a question", "questions", *FIGURES.values())
    table = figures_table(*heads)
    for band, metrics in evaluation.bands.items():
        cells = [f"{metrics[name].value:,.1f}" if name in metrics else "-" for name in FIGURES]
        table.add_row(band, f"{metrics['length'].n:,}" if "length" in metrics else "-", *cells)
    return table


def _head(summary: Summary, output: str) -> Text:
    problems = f", {summary.problems.problems:,} problems" if summary.problems.problems else ""
    skipped = summary.statuses.get(Status.SKIPPED, 0)
    text = f"{summary.rows:,} rows, {summary.responses:,} responses{problems} scored in {summary.seconds:.1f} s"
    if output != "-":
        text += f", in {output}"
    if skipped:
        text += f"; {skipped:,} skipped, since no reward applies to them"
    return Text(text)


def _verifiers(summary: Summary) -> Table:
    table = figures_table("reward", "mean", "95 % interval", "reasons")
    if len(summary.verifiers) > 1:
        reward = summary.problems.reward
        table.add_row("total", _number(reward), _bounds(reward.bounded_interval), "")
    for name, statistics in summary.verifiers.items():
        total = sum(statistics.reasons.values())
        reasons = ", ".join(f"{reason} {count / total:.1%}" for reason, count in statistics.reasons.items())
        table.add_row(Text(name), _number(statistics.scores), _bounds(statistics.scores.bounded_interval), reasons)
    return table


def _problems(summary: Summary) -> Table:
    problems = summary.problems
    table = figures_table("by problem", "value", "95 % interval", "problems")
    for k, mean in problems.pass_at.items():
        table.add_row(f"pass@{k}", _number(mean), _bounds(mean.share_interval), f"{mean.n:,}")
    if problems.consensus:
        k, mean = problems.consensus
        table.add_row(f"cons@{k}", _number(mean), _bounds(mean.share_interval), f"{mean.n:,}")
    return table


def _parts(path: str, values: Mapping[str, Summary]) -> Table:
    names = list(dict.fromkeys(name for one in values.values() for name in one.verifiers))
    table = figures_table(path, "responses", *names, "pass@1", "95 % interval")
    for value, one in values.items():
        means = [_number(one.verifiers[name].scores) if name in one.verifiers else "-" for name in names]
        first = one.problems.pass_at.get(1)
        ends = (_number(first), _bounds(first.share_interval)) if first is not None else ("-", "-")
        table.add_row(Text(escape_unprintable(value)), f"{one.responses:,}", *means, *ends)
    return table


def _agreement(agreement: Agreement) -> Text:
    if agreement.accuracy is None:
        return Text(f"{agreement.n:,} responses have a label, none a verdict")
    kappa = "" if agreement.kappa is None else f", kappa {agreement.kappa:.3f}"
    text = f"agreement with the labels of {agreement.decided:,} responses: {agreement.accuracy:.1%}{kappa}"
    text += f"; labelled right and judged wrong {agreement.label_only:,}"
    text += f", labelled wrong and judged right {agreement.verdict_only:,}"
    return Text(
        text + (f", first {', '.join(map(escape_unprintable, agreement.differing[:3]))}" if agreement.differing else "")
    )


def _reading(reading: Reading, count: int) -> str:
    where = ", ".join(f"{name} from {path}" for name, path in reading.fields)
    text = f"{count:,} rows read{f' as of {reading.tool}' if reading.tool else ''}{f': {where}' if where else ''}"
    return text + (f"; left alone: {', '.join(map(escape_unprintable, reading.foreign))}" if reading.foreign else "")


def _number(mean: Clustered) -> str:
    return "-" if mean.mean is None else f"{mean.mean:.3f}"


def _bounds(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
