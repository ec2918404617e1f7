"""Rows of another file that go with those of the input: golds that a tool keeps apart from what a model wrote."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import Any

from ..verifiers.errors import ConfigError, RunError, SampleError
from .decode import decode_row
from .files import Input, RawRow
from .paths import get, parse_path


class Joined:
    """A left join: every row of the input, with the row of a file that has the same key.

    The file is held in memory. A row without a partner becomes one in error (`not_joined`), since its gold is not
    known; a field that both have is that of the input.
    """

    def __init__(self, source: Any, file: str, on: str, max_line: int) -> None:  # any: an Input, or rows in memory
        """Read the file. Raises RunError where it cannot be read, or has two different rows of one key."""
        left, equals, right = on.partition("=")
        self._left, self._right, self._file = left.strip(), (right if equals else left).strip(), file
        self._source = source
        for path in (self._left, self._right):
            parse_path(path)
        self._rows: dict[str, builtins.bytes] = {}
        for raw in Input([file], max_line):
            try:
                key = _key(decode_row(raw)[0], self._right)
            except SampleError as error:
                raise RunError(f"{file}, line {raw.line}: {error}") from None
            if key is None:
                raise RunError(f"{file}, line {raw.line}: the row has nothing at {self._right!r}, which --on joins by")
            if self._rows.get(key, raw.data) != raw.data:
                raise RunError(f"{file} has two different rows with the {self._right} {key!r}")
            self._rows[key] = raw.data

    @property
    def files(self) -> Sequence[str]:
        """Names of the input's files."""
        return list(self._source.files)

    @property
    def sha256(self) -> Sequence[str]:
        """Their hashes."""
        return list(self._source.sha256)

    @property
    def bytes_read(self) -> int:
        """How far the reading of the input is."""
        return int(self._source.bytes_read)

    @property
    def bytes(self) -> int | None:
        """How far it will get."""
        size: int | None = self._source.bytes
        return size

    def __iter__(self) -> Iterator[RawRow]:
        for raw in self._source:
            try:
                key = _key(decode_row(raw)[0], self._left)
            except SampleError:
                yield raw
                continue
            partner = None if key is None else self._rows.get(key)
            if partner is not None:
                yield raw._replace(joined=partner)
            else:
                what = f"nothing at {self._left!r}" if key is None else f"the {self._left} {key[:80]!r}"
                detail = f"the row has {what}, which no row of {self._file} has"
                yield raw._replace(joined=b"{}", reason="not_joined", detail=detail)


def check_on(on: str) -> None:
    """Raise ConfigError where it names no path."""
    if not on or on.startswith("=") or on.endswith("="):
        raise ConfigError(f"--on is {on!r}; it must be a field, or left=right where the names differ")


def _key(row: dict[str, Any], path: str) -> str | None:  # any: JSON values
    value = get(row, path)
    return None if value is None or isinstance(value, dict | list) else str(value)
