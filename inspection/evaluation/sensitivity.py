"""How much a benchmark's figure depends on how it is asked: one card's records under several prompts, by one model.

A prompt is a template, a card with other words (a file with the same `name`), or one with worked examples before the
question. The spread is the highest figure less the lowest; every prompt is compared with the first, paired by question,
so that what questions differ by is not taken for what prompts do. The paper names sensitivity to prompts as a limit.

What it does not do: tell a prompt that a model was trained with from one that it was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ...scoring.measure import Estimate
from ...scoring.show import figures_table
from ...verifiers.errors import ConfigError
from ...verifiers.escape import escape_unprintable
from ..compare.compare_command import PAIR_HEADS, pair_cells
from ..compare.paired import Comparison, SystemPair
from .cards import TaskCard
from .table import BenchmarkResult, Cell, read_result, system_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpread:
    """One model's results on one card, by prompt."""

    model: str
    card: TaskCard
    results: Mapping[str, BenchmarkResult]
    """By the prompt's name."""

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The card's figure by prompt; of a record without one there is none."""
        metric = self.card.metric
        return {
            name: one.figures.estimates[metric] for name, one in self.results.items() if metric in one.figures.estimates
        }

    @property
    def spread(self) -> float | None:
        """The highest figure less the lowest; None for fewer than two."""
        values = [one.value for one in self.estimates.values()]
        return max(values) - min(values) if len(values) > 1 else None

    def pairs(self) -> dict[str, SystemPair]:
        """Every prompt against the first, paired by question."""
        (first, one), *others = self.results.items()
        return {
            name: Comparison([system_of(first, one), system_of(name, two)]).pair(0, 1)
            for name, two in others
            if one.figures.questions and two.figures.questions
        }

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        estimates = {
            name: {"value": one.value, "ci95": one.ci95 and list(one.ci95), "n": one.n}
            for name, one in self.estimates.items()
        }
        pairs = {name: pair.to_dict() for name, pair in self.pairs().items()}
        shared = {"model": self.model, "benchmark": self.card.name, "metric": self.card.metric}
        return {**shared, "prompts": estimates, "spread": self.spread, "pairs": pairs}


def read_spreads(paths: Sequence[str]) -> list[PromptSpread]:
    """The records by model and card, in order of the records; a record is PATH or NAME=PATH.

    Raises:
        ConfigError: A path is no record of a task card, a model has one card under one prompt alone, or the records of
            one card ask other questions.
    """
    records: dict[tuple[str, str], dict[str, BenchmarkResult]] = {}
    for run in paths:
        label, equals, path = run.partition("=")
        label, path = (label, path) if equals and not Path(run).exists() else ("", run)
        result = read_result(path)
        results = records.setdefault((str(result.options.get("model", "")), result.card.name), {})
        name = label or Path(path).name.removesuffix(".jsonl")
        if name in results:
            raise ConfigError(f"{results[name].path} and {path} are both called {name}; NAME=PATH names a prompt")
        results[name] = result
    spreads = [
        PromptSpread(model=model, card=next(iter(results.values())).card, results=results)
        for (model, _), results in records.items()
    ]
    for one in spreads:
        if len(one.results) < 2:
            raise ConfigError(f"{one.model} has {one.card.title} under one prompt alone; name records of two or more")
        files = {
            json.dumps(sorted(each["sha256"] for each in r.options.get("files", []))) for r in one.results.values()
        }
        if len(files) > 1:
            raise ConfigError(f"the records of {one.card.title} by {one.model} were made of different files")
    return spreads


def run_spreads(paths: Sequence[str], *, as_json: bool = False) -> None:
    """Print how much figures depend on the prompt, on standard output. Raises ConfigError as `read_spreads` does."""
    spreads = read_spreads(paths)
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.file.write(json.dumps({"spreads": [one.to_dict() for one in spreads]}, ensure_ascii=False) + "\n")
        return
    for one in spreads:
        scale = scale_of(one.card)
        said = "" if one.spread is None else f", spread {one.spread * scale:.1f}"
        console.print(Text(f"{one.card.title}, {escape_unprintable(one.model)}: {len(one.results)} prompts{said}"))
        heads = ("prompt", one.card.metric, "questions")
        table = figures_table(*heads)
        for name, estimate in one.estimates.items():
            table.add_row(Text(escape_unprintable(name)), Cell(estimate, scale).text(), f"{estimate.n:,}")
        console.print(table)
        pairs = one.pairs()
        if pairs:
            first = next(iter(one.results))
            table = figures_table(*PAIR_HEADS)
            for name, pair in pairs.items():
                table.add_row(Text(escape_unprintable(name)), Text(escape_unprintable(first)), *pair_cells(pair))
            console.print(table)


def scale_of(card: TaskCard) -> float:
    """What a card's figure is multiplied by to be shown: 100 for shares, 1 for a rating."""
    return 1.0 if card.metric == "rating" else 100.0
