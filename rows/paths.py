"""Where a value stands in a row: `reward_model.ground_truth`, `completion[-1].content`, `outputs[*].text`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..verifiers.errors import ConfigError
from .values import read_text

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d{1,9}|\*)\]")

Step = str | int | None
"""A field, a place in a list from 0 or from its end, or None: every item of a list."""


@lru_cache(maxsize=1_024)
def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ConfigError.

    >>> parse_path("completion[-1].content"), parse_path("outputs[*].text")
    (('completion', -1, 'content'), ('outputs', None, 'text'))
    """
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (match[1] is None and not steps):
            raise ConfigError(f"{path!r} is no path; write field, field.inner, field[0], field[-1].inner or field[*]")
        steps.append(match[1] if match[1] is not None else None if match[2] == "*" else int(match[2]))
        at = match.end()
    if not steps:
        raise ConfigError("the path of a field is empty")
    return tuple(steps)


def get(row: Mapping[str, Any], path: str) -> Any:  # any: JSON values
    """What a row holds at a path; None where it holds nothing there. A field that is called so as a whole comes first.

    Text that holds JSON, as CSV and some data sets keep it, is looked through.

    >>> get({"a": {"b": [1, 2]}}, "a.b[-1]"), get({"a.b": 3}, "a.b"), get({"a": '{"b": 4}'}, "a.b"), get({}, "a.b")
    (2, 3, 4, None)
    """
    if path in row:
        return row[path]
    return _follow(row, parse_path(path))


def _follow(value: Any, steps: tuple[Step, ...]) -> Any:  # any: JSON values
    for place, step in enumerate(steps):
        if isinstance(value, str):
            value = read_text(value)
        if isinstance(step, str):
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        elif not isinstance(value, list):
            return None
        elif step is None:
            return [_follow(item, steps[place + 1 :]) for item in value]
        else:
            value = value[step] if -len(value) <= step < len(value) else None
        if value is None:
            return None
    return value
