"""What was measured of a run's checkpoints on benchmarks: tables from the records in `RUN/STAGE/evaluation/`.

| file | becomes |
| --- | --- |
| `CARD.jsonl`, a record of `r1-reward eval --card CARD -o` | the paper's table of stages, its own column beside ours |
| `CARD.PROMPT.jsonl`, a record of the same card asked otherwise | how far the prompts are apart |
| any record with prompts in several languages | the share of responses out of the prompt's language |
| `safety.json`, of `r1-reward safety-report -o` | the rows of the safety report |

The paper's model is DeepSeek-V3-Base, of another size: its columns stand beside ours to be compared by their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....inspection.evaluation.mixing import language_mixing
from ....inspection.evaluation.sensitivity import PromptSpread, scale_of
from ....inspection.evaluation.table import BenchmarkResult, Cell, PaperTable, read_result
from ....scoring.scored import ScoredFiles
from ....scoring.stats import Clustered
from ....verifiers.errors import ConfigError, RunError
from ....verifiers.files import read_json
from ..folders import stage_folder
from .read import Pipeline

FOLDER = "evaluation"
"""Of a stage's folder: where records of its checkpoint lie."""
_PAPER = {"R1-Zero": "R1-Zero", "Dev1": "R1 Dev1", "Dev2": "R1 Dev2", "Dev3": "R1 Dev3", "R1": "R1"}
"""Our titles of stages, and the names that task cards have for the paper's."""

Table = dict[str, Any]  # any: what the template reads


def benchmark_tables(run: Pipeline) -> list[Table]:
    """The tables of all that lies in the stages' folders of evaluations; none where there is nothing.

    Raises:
        RunError: A record cannot be read.
    """
    records = {name: _records(Path(run.folder), name) for name in run.stages}
    try:
        results = {name: {path: _result(path) for path in paths} for name, paths in records.items()}
    except ConfigError as error:
        raise RunError(str(error)) from error
    tables = [_table_3(run, results), _prompts(run, results), _languages(run, records), _safety(run)]
    return [table for table in tables if table is not None]


def _records(folder: Path, stage: str) -> list[Path]:
    return sorted((stage_folder(folder, stage) / FOLDER).glob("*.jsonl"))


def _result(path: Path) -> BenchmarkResult | None:
    """A record's figures; None where it was made without a card."""
    return read_result(str(path)) if "card" in read_json(Path(f"{path}.run.json")).get("options", {}) else None


Results = Mapping[str, Mapping[Path, BenchmarkResult | None]]


def _table_3(run: Pipeline, results: Results) -> Table | None:
    """The paper's table with ours: of each stage one column, and the paper's beside it where it has one."""
    columns: dict[str, dict[str, BenchmarkResult]] = {}
    for name, some in results.items():
        for path, result in some.items():
            if result is not None and "." not in path.stem:
                columns.setdefault(run.stages[name].title or name, {})[result.card.name] = result
    if not columns:
        return None
    heads, made = ["benchmark (metric)"], PaperTable(columns=columns)
    stages = [_PAPER.get(title, "") for title in columns]
    for title, stage in zip(columns, stages, strict=True):
        heads += [f"ours: {title}", f"paper: {stage}"] if stage else [f"ours: {title}"]
    rows = []
    for _, label, texts in made.rows([stage for stage in stages if stage]):
        ours, theirs = texts[: len(columns)], iter(texts[len(columns) :])
        cells = [label]
        for text, stage in zip(ours, stages, strict=True):
            cells += [text, next(theirs)] if stage else [text]
        rows.append(cells)
    notes = [
        "Percent or ratings, ours with 95 % intervals over questions.",
        "The paper's columns are of its own model, DeepSeek-V3-Base, another size than ours: compare by their order.",
        *(f"{one}." for one in made.notes()),
    ]
    return {"title": "The paper's benchmarks, stage by stage", "columns": heads, "rows": rows, "note": " ".join(notes)}


def _prompts(run: Pipeline, results: Results) -> Table | None:
    """The same card under several prompts."""
    rows = []
    for name, some in results.items():
        cards: dict[str, dict[str, BenchmarkResult]] = {}
        for path, result in some.items():
            if result is not None:
                first, _, prompt = path.stem.partition(".")
                cards.setdefault(first, {})[prompt or "the card's"] = result
        for by_prompt in cards.values():
            if len(by_prompt) > 1:
                ordered = {key: by_prompt[key] for key in sorted(by_prompt, key=lambda key: key != "the card's")}
                rows += _prompt_rows(run, name, ordered)
    if not rows:
        return None
    heads = ["stage", "benchmark", "prompt", "figure", "less the first, paired", "spread"]
    note = (
        "One checkpoint, one card, several prompts; differences are paired by question, the spread is the highest "
        "figure less the lowest. The paper names sensitivity to prompts as a limit."
    )
    return {"title": "How much it matters how one asks", "columns": heads, "rows": rows, "note": note}


def _prompt_rows(run: Pipeline, stage: str, results: Mapping[str, BenchmarkResult]) -> list[list[str]]:
    card = next(iter(results.values())).card
    one = PromptSpread(model=stage, card=card, results=results)
    pairs, scale = one.pairs(), scale_of(card)
    rows: list[list[str]] = []
    for prompt, estimate in one.estimates.items():
        pair = pairs.get(prompt)
        apart = ""
        if pair is not None and pair.mean is not None:
            bounds = pair.interval
            apart = f"{pair.mean * scale:+.1f}"
            apart += f" ({bounds[0] * scale:+.1f} to {bounds[1] * scale:+.1f})" if bounds else ""
        spread = "" if one.spread is None or rows else f"{one.spread * scale:.1f}"
        rows.append([run.stages[stage].label, card.title, prompt, Cell(estimate, scale).text(), apart, spread])
    return rows


def _languages(run: Pipeline, records: Mapping[str, list[Path]]) -> Table | None:
    """Responses out of the language of their prompts."""
    rows, several = [], False
    for name, paths in records.items():
        languages = language_mixing(ScoredFiles([str(path) for path in paths])) if paths else []
        several = several or len([one for one in languages if one.language != "unknown"]) > 1
        for one in languages:
            means = one.figures()
            shares = [_share(means[figure]) for figure in ("out", "mixed", "share")]
            rows.append([run.stages[name].label, one.language, f"{one.responses:,}", f"{one.no_words:,}", *shares])
    if not several:
        return None
    heads = ["stage", "prompts in", "responses", "without words", "out of it", "not wholly in it", "words in it"]
    note = (
        "Percent, with 95 % intervals over questions: responses of which less than half the words, and less than 97 %, "
        "are in the prompt's language. The paper names mixing beyond English and Chinese as a limit."
    )
    return {"title": "Languages of prompts and of responses", "columns": heads, "rows": rows, "note": note}


def _safety(run: Pipeline) -> Table | None:
    """The rows of the safety reports."""
    rows, notes = [], dict[str, None]()
    for name, stage in run.stages.items():
        report = read_json(stage_folder(Path(run.folder), name) / FOLDER / "safety.json")
        if not isinstance(report.get("all"), Mapping) or not isinstance(report.get("by"), Mapping):
            continue
        notes[str(report.get("note", ""))] = None
        groups = {"all": {"": report["all"]}, **report["by"]}
        for group, values in groups.items():
            for value, row in values.items():
                shares = [_reported(row.get(figure)) for figure in ("unsafe", "unsafe_shown", "refused_safe")]
                rows.append([stage.label, f"{group} {value}".strip(), str(row.get("responses", "")), *shares])
    if not rows:
        return None
    heads = ["stage", "responses to", "responses", "unsafe", "unsafe and shown", "safe and refused"]
    note = f"Percent, with 95 % intervals; {'; '.join(filter(None, notes))}."
    return {"title": "Safety, with and without the gate", "columns": heads, "rows": rows, "note": note}


def _reported(share: object) -> str:
    """A share as the safety report writes it."""
    if not isinstance(share, Mapping) or not isinstance(share.get("value"), int | float):
        return ""
    text, bounds = f"{100 * share['value']:.1f}", share.get("ci95")
    if isinstance(bounds, list) and len(bounds) == 2:
        text += f" ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})"
    return text


def _share(mean: Clustered) -> str:
    if mean.mean is None:
        return ""
    text, bounds = f"{100 * mean.mean:.1f}", mean.share_interval
    return text if bounds is None else f"{text} ({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})"
