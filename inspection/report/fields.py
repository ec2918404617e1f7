"""The rows' own scalar fields, by columns: what the page can show, filter by and group by beside what we found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
        for name, value in own_fields(row):
            values = self._values.get(name)
            if values is None:
                if len(self._values) >= MOST_FIELDS:
                    continue
                values = self._values[name] = []
            values.extend([None] * (entry - len(values)))
            values.append(value)

    def to_list(self, size: int) -> list[dict[str, Any]]:  # any: JSON objects
        """The fields as the page reads them: numbers as they are, other values by number in a list of words."""
        columns = []
        for name, values in self._values.items():
            values.extend([None] * (size - len(values)))
            if all(value is None or _is_number(value) for value in values):
                columns.append({"name": name, "values": values})
                continue
            words: dict[str, int] = {}
            codes = [-1 if value is None else words.setdefault(_word(value), len(words)) for value in values]
            columns.append({"name": name, "words": list(words), "codes": codes})
        return columns


def own_fields(row: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:  # any: JSON values
    """A row's own scalar fields by their names, with what a page keeps of each.

    >>> list(own_fields({"response": "4", "level": 3, "meta": {"source": "aime"}}))
    [('level', 3), ('meta.source', 'aime')]
    """
    for name, value in row.items():
        if name in _OURS:
            continue
        inner = {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        for path, one in inner.items():
            if isinstance(one, float) and not math.isfinite(one):
                continue
            if isinstance(one, int) and abs(one) > MOST_EXACT:
                yield path, str(one)
            elif isinstance(one, str):
                # A text of any length may be the only thing that tells two models apart; its beginning is enough.
                yield path, one if len(one) <= LONGEST else one[: LONGEST - 1] + "…"
            elif isinstance(one, int | float):
                yield path, one


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
