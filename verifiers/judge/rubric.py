"""What a judge is asked to look at: instructions, and labels, criteria or a scale; from a file, a row or by name.

A rubric file is TOML; `docs/how-to/judge.md` has its keys. Ready ones, by name, lie in `rubrics/` beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from ..settings import check, from_table, read_table

Mode = Literal["reference", "rubric", "pairwise", "scale"]
Aggregate = Literal["mean", "all"]
READY = Path(__file__).parent / "rubrics"
_TEXT = ("text", "criterion", "criteria", "description", "requirement", "rubric", "question")
_WEIGHT = ("weight", "points", "score")
_NAME = ("name", "title", "id")


class RubricError(Exception):
    """A row holds no rubric that can be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that a response has or lacks."""

    text: str
    """What is asked for."""
    weight: float = 1.0
    """What meeting it is worth; less than 0 for what a response should not have."""
    levels: int = 1
    """1: met or not; more: graded from 0 to so many."""
    name: str = ""
    """For the evidence."""

    def __post_init__(self) -> None:
        check(self, "criterion")
        if not self.text.strip() or not math.isfinite(self.weight) or not self.weight or self.levels < 1:
            raise ConfigError(f"a criterion needs a text, a weight other than 0 and levels from 1: {self!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """How a judge judges.

    >>> ready("simpleqa").labels
    {'correct': 1.0, 'incorrect': 0.0, 'not_attempted': 0.0}
    """

    mode: Mode = "reference"
    """`reference`: against the reference, by one of the labels; `rubric`: by criteria; `pairwise`: against the other
    responses of the group, or against the reference as a baseline; `scale`: a number."""
    instructions: str = ""
    """The task in words; empty for the mode's own."""
    labels: Mapping[str, float] = field(default_factory=lambda: {"correct": 1.0, "incorrect": 0.0})
    """Of mode `reference`: the verdicts and their scores."""
    criteria: Sequence[Criterion] = ()
    """Of mode `rubric`; empty: those of the row."""
    aggregate: Aggregate = "mean"
    """Of mode `rubric`. `mean`: the weights of what is met over the sum of those above 0, within 0 and 1; `all`: 1 if
    all is met that has a weight above 0 and nothing that has one below, else 0."""
    scale: tuple[float, float] = (1.0, 10.0)
    """Of mode `scale`: lowest and highest; the score is the place between them, from 0 to 1."""
    levels: Literal[3, 5] = 3
    """Of mode `pairwise`: better, same, worse; or also much better and much worse."""
    baseline: bool = False
    """Of mode `pairwise`: against the sample's reference, not against its group."""
    strong: float = 1.0
    """Of mode `pairwise` with five levels: how many times a game counts that is won or lost by much."""

    def __post_init__(self) -> None:
        check(self, "rubric")
        if not all(0 <= score <= 1 for score in self.labels.values()) or len(self.labels) < 2:
            raise ConfigError(f"labels are {dict(self.labels)}; they must be two or more, with scores from 0 to 1")
        if not (math.isfinite(self.scale[0]) and math.isfinite(self.scale[1]) and self.scale[0] < self.scale[1]):
            raise ConfigError(f"scale is {list(self.scale)}; it must be two numbers, the lower first")
        if not 1 <= self.strong < math.inf:
            raise ConfigError(f"strong is {self.strong}; it must be at least 1")
        if self.criteria:
            _check_criteria(self.criteria)


def ready(name: str) -> Rubric:
    """A rubric by name or by the path of its file. Raises ConfigError for what is neither, or is wrong."""
    path = READY / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in READY.glob("*.toml")))
        raise ConfigError(f"there is no rubric {name!r}: a TOML file, or one of {known}")
    return from_table(Rubric, read_table(path), path)


def criteria_of(rubric: object) -> tuple[Criterion, ...]:
    """The criteria in a row: a list of texts or of objects, as data sets have them. Raises RubricError.

    >>> criteria_of([{"criterion": "Says when to see a doctor.", "points": 5}, "Is kind."])[0].weight
    5.0
    """
    if isinstance(rubric, Mapping):
        rubric = next((rubric[key] for key in ("criteria", "rubrics", "rubric", "items") if key in rubric), rubric)
    if not isinstance(rubric, list | tuple) or not rubric:
        raise RubricError("the rubric of the row is no list of criteria")
    try:
        criteria = tuple(map(_criterion, rubric))
        _check_criteria(criteria)
    except (ConfigError, TypeError, ValueError) as error:
        raise RubricError(f"the rubric of the row cannot be read: {error}") from error
    return criteria


def _criterion(entry: Any) -> Criterion:  # any: a JSON value
    if isinstance(entry, str):
        return Criterion(text=entry)
    if not isinstance(entry, Mapping):
        raise ConfigError(f"a criterion is {str(entry)[:60]!r}")
    texts = [entry[key] for key in _TEXT if isinstance(entry.get(key), str)]
    weights = [entry[key] for key in _WEIGHT if entry.get(key) is not None]
    names = [str(entry[key]) for key in _NAME if entry.get(key) is not None]
    if len(texts) != 1 or len(weights) > 1:
        raise ConfigError(f"a criterion has the fields {sorted(entry)}; one text and at most one weight are wanted")
    levels = entry.get("levels", 1)
    if isinstance(levels, bool) or not isinstance(levels, int):
        raise ConfigError(f"levels is {levels!r}; it must be a whole number")
    weight = weights[0] if weights else 1.0
    if isinstance(weight, bool):
        raise ConfigError("a weight is a number")
    return Criterion(text=texts[0], weight=float(weight), levels=levels, name=names[0] if names else "")


def _check_criteria(criteria: Sequence[Criterion]) -> None:
    if not any(one.weight > 0 for one in criteria):
        raise ConfigError("no criterion has a weight above 0")
