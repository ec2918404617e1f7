"""The texts of rows: of a training row all that it says, of a test what must not be learned.

A test's question and reference solutions count, as in the paper, and its options; not what a model has responded. A
question is found as `score` finds it, else as `prefs` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...rows.aliases import ALIASES, GOLDS
from ...rows.decode import decode_row
from ...rows.files import Input
from ...rows.paths import get
from ...rows.preferences import PreferenceReader
from ...rows.reader import RowReader
from ...rows.values import Row
from ...verifiers.code.modules import SOLUTION_COLUMNS
from ...verifiers.errors import ConfigError, SampleError
from .held_out import HeldOut, OverlapOptions, Place, Text

MAX_LINE = 64 << 20
"""Longest line, in bytes."""
_HELD = ("choices", "options", "solution", "solutions", "rationale", "explanation")
_TEST_FIELDS = tuple(dict.fromkeys((*GOLDS, *SOLUTION_COLUMNS, *_HELD)))
"""Fields of a test that must not be learned, beside its question."""
_LABELS = dict.fromkeys(("reference", "tests", "limits", "kind", "language"), None)
_NAMES = ("problem_id", "source", "model", *ALIASES["id"])
"""Fields that name a row, and say nothing."""
_DEEPEST = 20


class Texts:
    """Reads the texts of rows; `names` says which path holds the prompt, where that is not its usual name."""

    def __init__(self, names: Mapping[str, str | None] | None = None) -> None:
        named = {name: path for name, path in (names or {}).items() if name in ("prompt", "id")}
        self._reader = RowReader(columns={**_LABELS, **named})
        self._preferences = PreferenceReader(columns={name: path for name, path in named.items() if name == "prompt"})

    def question(self, row: Row) -> tuple[str, str | None]:
        """What a row asks, empty where it asks nothing, and the row's id. Raises SampleError."""
        sample = self._reader.read_question(row)
        text = sample.prompt_text
        if not text.strip():
            turns = self._preferences.prompt(row)
            text = "\n".join(turn.content for turn in turns or ())
        return text, sample.id

    def training(self, row: Row) -> tuple[str, str | None, list[Text]]:
        """A training row's question, id and all of its texts that the question does not hold. Raises SampleError."""
        question, name = self.question(row)
        said = {key: value for key, value in row.items() if key not in _NAMES}
        return question, name, [one for one in _leaves(said, "") if one[1] not in question]

    def test(self, row: Row) -> tuple[str, str | None, list[Text]]:
        """A test's question, id, and the other texts that must not be learned. Raises SampleError."""
        question, name = self.question(row)
        values = ((path, get(row, path)) for path in _TEST_FIELDS)
        return question, name, [one for path, value in values for one in _leaves(value, path) if one[1] not in question]


def _leaves(value: Any, path: str, depth: int = 0) -> Iterator[Text]:  # any: a JSON value
    """All texts in a JSON value, with their paths."""
    if isinstance(value, str):
        yield path, value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]", depth + 1)


def read_held_out(
    files: Sequence[str],
    names: Mapping[str, str | None] | None = None,
    options: OverlapOptions | None = None,
    *,
    progress: Callable[[int], None] | None = None,
) -> HeldOut:
    """An index of the tests in some files.

    Args:
        files: Files, folders or patterns of rows.
        names: Which path holds `prompt`, where that is not its usual name.
        options: What counts as overlap.
        progress: Gets the number of tests that were read.

    Returns:
        The index, which `match` asks.

    Raises:
        ConfigError: A row cannot be read or asks nothing: what is not known of a test cannot be kept out.
        RunError: A file is not there.
    """
    held, texts, file = HeldOut(options), Texts(names), 0
    rows = Input(files, MAX_LINE)
    for raw in rows:
        if raw.file != file:
            held.finish_file()
            file = raw.file
        where = Place(rows.files[raw.file], raw.line, None)
        try:
            question, name, others = texts.test(decode_row(raw)[0])
        except SampleError as error:
            raise ConfigError(f"{where}: {error}") from None
        if not question.strip():
            raise ConfigError(f"{where}: the row has no prompt, problem or question to keep out; --map prompt=FIELD")
        held.add(where._replace(id=name), question, others)
        if progress is not None and held.rows % 1_000 == 0:
            progress(held.rows)
    held.finish_file()
    if not held.rows:
        raise ConfigError(f"no row in {', '.join(files)}")
    return held
