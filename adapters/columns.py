"""Datasets by the column, as TRL and ms-swift hand them over: one list per column, one value per completion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..rows.reader import read_columns
from ..verifiers.errors import ConfigError
from .plan import Plan, Turn


def as_turns(
    plan: Plan, completions: Sequence[object], prompts: Sequence[object] | None, columns: Mapping[str, object]
) -> list[Turn]:
    """One turn per completion.

    Raises ValueError where completions are one text or a column that is read has another length, ConfigError where one
    that was named is missing.
    Anything else that is no list of that length (a trainer may pass more than columns) is left out.
    """
    if isinstance(completions, str):
        raise ValueError(f"{plan.name}: completions is one text; it must be a list with one for each prompt")
    count = len(completions)
    named = {column for column in plan.reader.columns.values() if column is not None}
    for column in named:
        if column not in columns:
            there = ", ".join(sorted(columns)) or "none"
            raise ConfigError(f"{plan.name} got a column {column!r}; the columns are {there}")
    if prompts is not None and len(prompts) != count:
        raise ValueError(f"{plan.name}: {len(prompts)} prompts for {count} completions")
    read = named | read_columns(plan.reader.columns)
    kept: dict[str, Sequence[object]] = {}
    for column, values in columns.items():
        length = _length(values)
        if length == count:
            kept[column] = values  # type: ignore[assignment]  # it has a length and is no text
        elif length is not None and column in read:
            raise ValueError(f"{plan.name}: the column {column!r} has {length} values for {count} completions")
    return [
        Turn(
            completion,
            None if prompts is None else prompts[index],
            {column: values[index] for column, values in kept.items()},
        )
        for index, completion in enumerate(completions)
    ]


def _length(values: object) -> int | None:
    if isinstance(values, str | bytes | Mapping):
        return None
    try:
        return len(values)  # type: ignore[arg-type]  # that it may have none is what is asked
    except TypeError:
        return None
