"""The rows' own scalar fields, by columns: what the page can show, filter by and group by beside what we found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...scoring.options import WRITTEN
from ...verifiers.sample import SAMPLE_FIELDS

MOST_FIELDS = 40
"""Fields of a page; the others stay in the rows."""
LONGEST = 80
"""Characters of a text that are kept."""

MOST_EXACT = 2**53
"""Whole numbers above it a browser would round; they are kept as text."""

_OURS = frozenset({*SAMPLE_FIELDS, *WRITTEN, "responses"}) - {"meta"}

Scalar = str | int | float | bool


class Fields:
    """Collects fields entry by entry; those of an object in a row are named `meta.level`.

    >>> fields = Fields()
    >>> for number, row in enumerate([{"level": 3, "meta": {"source": "aime"}}, {"level": 5}]): fields.add(number, row)
    >>> fields.to_list(2)
    [{'name': 'level', 'values': [3, 5]}, {'name': 'meta.source', 'words': ['aime'], 'codes': [0, -1]}]
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Scalar | None]] = {}

    def add(self, entry: int, row: Mapping[str, Any]) -> None:  # any: JSON values
        """The fields of one entry."""
        for name, value in row.items():
            if name in _OURS:
                continue
            if isinstance(value, dict):
                for inner, one in value.items():
                    if isinstance(one, str | int | float):
                        self._put(entry, f"{name}.{inner}", one)
            elif isinstance(value, str | int | float):
                self._put(entry, name, value)

    def _put(self, entry: int, name: str, value: Scalar) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            return
        if isinstance(value, int) and abs(value) > MOST_EXACT:
            value = str(value)
        values = self._values.get(name)
        if values is None:
            if len(self._values) >= MOST_FIELDS:
                return
            values = self._values[name] = []
        values.extend([None] * (entry - len(values)))
        # A text of any length may be the only thing that tells two models apart; its beginning is enough for that.
        values.append(value if not isinstance(value, str) or len(value) <= LONGEST else value[: LONGEST - 1] + "…")

    def to_list(self, size: int) -> list[dict[str, Any]]:  # any: JSON objects
        """The fields as the page reads them: numbers as they are, other values by number in a list of words."""
        found = []
        for name, values in self._values.items():
            values.extend([None] * (size - len(values)))
            if all(value is None or _is_number(value) for value in values):
                found.append({"name": name, "values": values})
                continue
            words: dict[str, int] = {}
            codes = [-1 if value is None else words.setdefault(_word(value), len(words)) for value in values]
            found.append({"name": name, "words": list(words), "codes": codes})
        return found


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
