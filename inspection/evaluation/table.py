"""The paper's table of results from records: benchmarks down, models across, each figure with its interval.

A column is a record, or a folder of records, one for each benchmark; records of one model share a column. Columns are
compared with the first, paired by question, as `compare` does it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from ...scoring.measure import Estimate
from ...scoring.scored import ScoredFiles, ScoredRow
from ...scoring.show import figures_table
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.escape import escape_unprintable
from ...verifiers.files import read_json
from ..compare.compare_command import PAIR_HEADS, pair_cells
from ..compare.paired import Comparison, System, SystemPair
from .benchmarks import Figures, figures
from .cards import Group, TaskCard, card_of, ready_card
from .codeforces import CONTESTS, read_contest

_GROUPS: Sequence[Group] = ("English", "Code", "Math", "Chinese")
_NOTE = ".run.json"
_WIDTH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkResult:
    """A record's benchmark and figures."""

    path: str
    card: TaskCard
    options: Mapping[str, Any]  # any: JSON values
    """What the record was made with."""
    figures: Figures
    unjudged: float
    """Share of the samples that are missing or could not be judged."""


class Cell(NamedTuple):
    """A figure as a table shows it."""

    estimate: Estimate
    scale: float
    """What it is multiplied by: 100 for shares, 1 for ratings."""

    def text(self) -> str:
        """Its value, and its interval in brackets."""
        value, bounds = self.estimate.value * self.scale, self.estimate.ci95
        if bounds is None:
            return f"{value:.1f}"
        return f"{value:.1f} ({bounds[0] * self.scale:.1f} to {bounds[1] * self.scale:.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """Columns by name, each with its results by the card's name."""

    columns: Mapping[str, Mapping[str, BenchmarkResult]]

    @property
    def cards(self) -> list[TaskCard]:
        """The benchmarks in the order of the paper's table."""
        known = {one.card.name: one.card for results in self.columns.values() for one in results.values()}
        names = [*_ORDER, *sorted(set(known) - set(_ORDER))]
        ordered = [known[name] for name in names if name in known]
        return [card for group in _GROUPS for card in ordered if card.group == group]

    def rows(self, paper: Sequence[str] = ()) -> list[tuple[Group, str, list[str]]]:
        """A line for each figure: the part of the table, the benchmark with its metric, and the columns' texts; behind
        them those that the paper has for the stages named."""
        lines = []
        for card in self.cards:
            names = ("rating", "percentile") if card.metric == "rating" else (card.metric,)
            for name in names:
                texts = []
                for results in self.columns.values():
                    result = results.get(card.name)
                    estimate = None if result is None else result.figures.estimates.get(name)
                    texts.append("" if estimate is None else Cell(estimate, 1.0 if name == "rating" else 100.0).text())
                metric = card.paper.metric if card.paper else card.metric
                values: Mapping[str, float] = {}
                if card.paper:
                    values = card.paper.percentile if name == "percentile" else card.paper.values
                texts += [f"{values[stage]:g}" if stage in values else "" for stage in paper]
                label = f"{card.title} ({'Percentile' if name == 'percentile' else metric})"
                lines.append((card.group, label, texts))
        return lines

    def pairs(self) -> list[tuple[TaskCard, str, str, SystemPair]]:
        """Every column against the first, by benchmark, where both have figures of single questions."""
        first, *others = self.columns
        lines = []
        for card in self.cards:
            one = self.columns[first].get(card.name)
            for name in others:
                two = self.columns[name].get(card.name)
                if one is not None and two is not None and one.figures.questions and two.figures.questions:
                    pair = Comparison([system_of(first, one), system_of(name, two)]).pair(0, 1)
                    lines.append((card, name, first, pair))
        return lines

    def notes(self) -> list[str]:
        """Where columns are not made alike, and what could not be judged."""
        lines = []
        for card in self.cards:
            results = {name: column[card.name] for name, column in self.columns.items() if card.name in column}
            for what, key in (("files", "files"), ("samples a question", "k"), ("sampling", "sampling")):
                if len({json.dumps(_alike(key, one.options), sort_keys=True) for one in results.values()}) > 1:
                    lines.append(f"{card.title}: the columns differ in their {what}")
            lines += [
                f"{card.title}: {100 * one.unjudged:.1f} % of {name}'s samples are missing or could not be judged"
                for name, one in results.items()
                if one.unjudged > 0
            ]
        return lines

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {
            "columns": {
                name: {
                    result.card.name: {
                        metric: {"value": one.value, "ci95": one.ci95 and list(one.ci95), "n": one.n}
                        for metric, one in result.figures.estimates.items()
                    }
                    for result in results.values()
                }
                for name, results in self.columns.items()
            },
            "pairs": [
                {"benchmark": card.name, "system": name, "against": first, **pair.to_dict()}
                for card, name, first, pair in self.pairs()
            ],
            "notes": self.notes(),
        }


_ORDER = (
    *("mmlu", "mmlu_redux", "mmlu_pro", "drop", "ifeval", "gpqa_diamond", "simpleqa", "frames", "alpaca_eval"),
    *("arena_hard", "livecodebench", "codeforces", "aime_2024", "math_500", "cnmo_2024", "c_eval", "c_simpleqa"),
)
"""Of the paper's table; other cards stand last in their part."""


def read_table(runs: Sequence[str]) -> PaperTable:
    """The table of some runs: records, or folders of them, each as PATH or NAME=PATH.

    Raises:
        ConfigError: A path is no record of a task card, or a column has two records of one card.
    """
    columns: dict[str, dict[str, BenchmarkResult]] = {}
    for run in runs:
        label, equals, path = run.partition("=")
        label, path = (label, path) if equals and not Path(run).exists() else ("", run)
        for record in _records(path):
            result = read_result(record)
            name = label or (Path(path).name if Path(path).is_dir() else str(result.options.get("model", path)))
            column = columns.setdefault(name, {})
            if result.card.name in column:
                both = f"{column[result.card.name].path} and {record}"
                raise ConfigError(f"{both} are both {result.card.title} of {name}; NAME=PATH gives a column its name")
            column[result.card.name] = result
    return PaperTable(columns=columns)


def read_result(path: str) -> BenchmarkResult:
    """The figures of one record. Raises ConfigError where it is none of a task card."""
    note = read_json(Path(path + _NOTE))
    options = note.get("options", {})
    if not isinstance(options, Mapping) or not isinstance(options.get("card"), Mapping):
        raise ConfigError(f"{path} is no record of a task card: {path}{_NOTE} names none")
    card = card_of(options["card"])
    standings = read_json(Path(path + CONTESTS))
    contests = [read_contest(name, row) for name, row in standings.items()]
    lost: list[bool] = []

    def rows() -> Iterator[ScoredRow]:
        for row in ScoredFiles([path]):
            lost.append(not row.responses or row.responses[0].scored.status == "error")
            yield row

    try:
        made = figures(card, rows(), contests)
    except RunError:
        made = Figures({}, {})
    return BenchmarkResult(path=path, card=card, options=options, figures=made, unjudged=sum(lost) / (len(lost) or 1))


def _records(path: str) -> list[str]:
    if not Path(path).is_dir():
        if not Path(path).is_file():
            raise ConfigError(f"no such file: {path}")
        return [path]
    notes = sorted(Path(path).glob(f"*{_NOTE}"))
    records = [str(note)[: -len(_NOTE)] for note in notes if "card" in read_json(note).get("options", {})]
    if not records:
        raise ConfigError(f"{path} holds no record of a task card")
    return records


def system_of(name: str, result: BenchmarkResult) -> System:
    """A result's questions, to be paired with another's."""
    system = System(name)
    for problem, value in result.figures.questions.items():
        system.add(problem.encode("utf-8", "surrogatepass"), problem, value)
    return system


def _alike(key: str, options: Mapping[str, Any]) -> Any:  # any: JSON values
    if key == "files":
        return sorted(one["sha256"] for one in options.get("files", []))
    return options.get(key)


def stages() -> list[str]:
    """The stages that the paper's table has.

    >>> stages()[0], stages()[-1]
    ('R1-Zero', 'R1')
    """
    card = ready_card(_ORDER[0])
    return [] if card.paper is None else list(card.paper.values)


def run_table(runs: Sequence[str], *, paper: Sequence[str] = (), as_json: bool = False) -> None:
    """Print the table of some runs on standard output. Raises ConfigError for what is no record."""
    strange = [stage for stage in paper if stage not in stages()]
    if strange:
        raise ConfigError(f"the paper has no stage {strange[0]!r}; it has {', '.join(stages())}")
    results = read_table(runs)
    # A file or a pipe has no width to keep to.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH)
    if as_json:
        console.file.write(json.dumps(results.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
        return
    table = figures_table(
        "", "benchmark (metric)", *map(escape_unprintable, results.columns), *(f"paper: {stage}" for stage in paper)
    )
    before = ""
    for group, label, texts in results.rows(paper):
        table.add_row("" if group == before else group, Text(label), *texts)
        before = group
    console.print(table)
    if pairs := results.pairs():
        table = figures_table("benchmark", *("questions" if head == "problems" else head for head in PAIR_HEADS))
        for card, name, first, pair in pairs:
            table.add_row(
                Text(card.title), Text(escape_unprintable(name)), Text(escape_unprintable(first)), *pair_cells(pair)
            )
        console.print(table)
    for note in results.notes():
        Console(stderr=True, highlight=False, soft_wrap=True).print(note, markup=False)
