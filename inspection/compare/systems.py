"""Scored files read as systems: one a file, or one a value of a field, or one a verifier."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...rows.paths import get
from ...scoring.scored import Response, ScoredFiles, ScoredRow
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.verdict import Status
from .paired import System

MOST_SYSTEMS = 40
BY_VERIFIER = "verifier"


def read_systems(
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    by: str | None = None,
    on: str | None = None,
    metric: str = "accuracy",
) -> list[System]:
    """Systems of scored files, by `metric`: `accuracy`, `reward`, or the score of a verifier.

    Each file is a system, or each value of field `by`, or each verifier where `by` is `verifier`. `on` names the field
    by which problems are matched, instead of `problem` or the prompt.

    Raises RunError for a file that is not there, holds nothing scored, or where fewer than two systems are found, and
    ConfigError where a name means nothing.
    """
    if by == BY_VERIFIER and metric != "accuracy":
        raise ConfigError("--by verifier compares the scores of verifiers; --metric does not go with it")
    systems: dict[str, System] = {}
    labels = file_names(files)
    for number, file in enumerate(files):
        for row in ScoredFiles([file], names):
            _add_row(systems, row, labels[number], by, on, metric)
            if len(systems) > MOST_SYSTEMS:
                raise ConfigError(f"{by or 'the files'} has more than {MOST_SYSTEMS} values; that is no comparison")
    with_values = [system for system in systems.values() if system.problems]
    if len(with_values) < 2:
        what = f"one value of {by}" if by else "one file"
        held = "nothing with a value" if not with_values else f"{what} with values"
        raise RunError(
            f"a comparison needs two systems, and {', '.join(files)} holds {held} of {metric}; "
            "name several scored files, or a field that tells the systems apart (--by model)"
        )
    return with_values


def _add_row(
    systems: dict[str, System], row: ScoredRow, file: str, by: str | None, on: str | None, metric: str
) -> None:
    if row.sample is None:
        return
    group = row.sample.group if on is None else get(row.fields, on)
    if group is None:
        group = row.sample.id
    if group is None:
        raise RunError(f"{file}, line {row.line}: nothing says which problem it is; --on names the field that does")
    problem = hashlib.blake2b(str(group).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    label = row.sample.problem or row.sample.id or " ".join(row.sample.prompt_text.split())[:80]
    for response in row.responses:
        if by == BY_VERIFIER:
            for name, status, _, score in response.scored.verdicts:
                value = score if status == Status.SCORED else None
                _system(systems, name).add(problem, label, value)
            continue
        name = file if by is None else _value(row, by)
        _system(systems, name).add(problem, label, _metric(response, metric))


def _system(systems: dict[str, System], name: str) -> System:
    return systems.setdefault(name, System(name))


def _value(row: ScoredRow, by: str) -> str:
    value = get(row.fields, by)
    return "(none)" if value is None else str(value)[:80]


def _metric(response: Response, metric: str) -> float | None:
    if metric == "accuracy":
        return None if response.scored.correct is None else float(response.scored.correct)
    if metric == "reward":
        return response.scored.reward
    return next((score for name, _, _, score in response.scored.verdicts if name == metric), None)


def file_names(files: Sequence[str]) -> list[str]:
    """Short names that tell the files apart. Raises ConfigError for a file that is named twice.

    >>> file_names(["runs/a/scored.jsonl", "runs/b/scored.jsonl"]), file_names(["base.jsonl", "rl.jsonl"])
    (['a/scored', 'b/scored'], ['base', 'rl'])
    """
    for parts in (1, 2, 3, 99):
        names = ["/".join([*Path(file).parts[-parts:-1], Path(file).name.split(".")[0]]) for file in files]
        if len(set(names)) == len(files):
            return names
    raise ConfigError(f"the same file twice: {', '.join(files)}")
