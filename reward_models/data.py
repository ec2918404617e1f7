"""Preference data from files: pairs for helpfulness, labelled responses for safety.

Which columns are read is the business of `rows/`: `preferences.py` for pairs and ratings, `safety_labels.py` for
labels. Here rows that cannot be read are counted and shown, ratings of one prompt's responses become pairs, and what
teaches nothing (both responses the same, an empty chosen one) is left out and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from ..rows.decode import decode_row
from ..rows.files import Input
from ..rows.hints import fields_of
from ..rows.preferences import Pair, Pairing, PreferenceReader, Rating, pairs_of_ratings
from ..rows.safety_labels import Rated, SafetyReader
from ..rows.values import Row
from ..verifiers.errors import RunError, SampleError
from ..verifiers.sample import Message
from .errors import DataError
from .summary import summary_of

__all__ = [
    "Pair",
    "Pairs",
    "Rated",
    "Ratings",
    "pair_of",
    "prompt_key",
    "rated_of",
    "read_pairs",
    "read_rated",
    "split_by_prompt",
]

Columns = Mapping[str, str | None]
_MAX_LINE = 64 << 20
_FIRST = 20
"""Rows after which a file of which none could be read is given up."""
_SHOWN = 5
"""Rows that could not be read and are kept to be shown."""

Example = TypeVar("Example", Pair, Rated)


@dataclass(slots=True)
class Pairs:
    """The pairs of some files."""

    rows: list[Pair]
    """Those that can be used, in order; those made of ratings come last."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why: `unreadable`, `identical`, `empty_chosen`, `no_summary`, `tied`, `unpaired`."""
    unreadable: list[str] = field(default_factory=list)
    """What was wrong with the first rows that could not be read."""


@dataclass(slots=True)
class Ratings:
    """The labelled responses of some files."""

    rows: list[Rated]
    """Those that can be used, in order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why: `unreadable`, `empty`, `no_response`, `no_label`."""
    unreadable: list[str] = field(default_factory=list)
    """What was wrong with the first rows that could not be read."""


def read_pairs(
    files: Sequence[str | Path],
    *,
    summaries: bool = True,
    columns: Columns | None = None,
    form: str = "auto",
    pairing: Pairing = "extremes",
) -> Pairs:
    """Read pairs from files of any kind that `score` reads.

    A row that cannot be read costs itself, and is counted and shown.

    Args:
        files: Their names.
        summaries: Cut each response down to what follows its reasoning, since helpfulness is judged by that alone; a
            pair whose chosen response never gets there is left out.
        columns: Which path holds which field (`rows.preferences.PREFERENCE_FIELDS`), where that is not a usual name.
        form: The form of the rows (`rows.preference_forms.FORM_CHOICES`).
        pairing: Which pairs are made of rated responses: the best and the worst, or all that differ.

    Returns:
        The pairs, and what was left out and why.
    Raises:
        DataError: Not one row can be read, or none of the first 20.
        RunError: A file cannot be opened.
        ConfigError: The columns or the form are unknown.
    """
    reader = PreferenceReader(columns=columns or {}, form=form, pairing=pairing)
    pairs = Pairs([])
    ratings: dict[bytes, list[Rating]] = {}

    def read(row: Row, place: str) -> None:
        preferences = reader.read(row, place)
        pairs.left_out.update(preferences.left_out)
        for pair in preferences.pairs:
            _keep(pairs, pair, summaries=summaries)
        for one in preferences.ratings:
            ratings.setdefault(prompt_key(one.prompt), []).append(one)

    _read(files, read, pairs)
    for of_prompt in ratings.values():
        for pair in _paired(of_prompt, pairing, pairs.left_out):
            _keep(pairs, pair, summaries=summaries)
    return pairs


def read_rated(files: Sequence[str | Path], *, columns: Columns | None = None) -> Ratings:
    """Read labelled responses from files of any kind that `score` reads.

    Args:
        files: Their names.
        columns: Which path holds which field (`rows.safety_labels.SAFETY_FIELDS`), where that is not a usual name.

    Returns:
        The labelled responses, and what was left out and why.

    Raises:
        DataError: As for `read_pairs`, and so are RunError and ConfigError.
    """
    reader = SafetyReader(columns=columns or {})
    ratings = Ratings([])

    def read(row: Row, place: str) -> None:
        labels = reader.read(row, place)
        ratings.left_out.update(labels.left_out)
        for one in labels.rated:
            if one.response.strip():
                ratings.rows.append(one)
            else:
                ratings.left_out["empty"] += 1

    _read(files, read, ratings)
    return ratings


def pair_of(row: Row, place: str = "row") -> Pair | str:
    """The pair of a row in any of the known forms; a word where the row holds a tie.

    Args:
        row: A JSON object.
        place: Where it stands, for messages.

    Returns:
        The pair, or a word such as `tie`.

    Raises:
        DataError: It cannot be read, or holds no pair by itself; the column is named.

    >>> pair_of({"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}).prompt[0].role
    'user'
    """
    try:
        preferences = PreferenceReader().read(row, place)
    except SampleError as error:
        raise DataError(f"{place}: {error}") from None
    if preferences.ratings:
        raise DataError(f"{place}: it holds one response with a rating; read_pairs makes pairs of several such rows")
    return preferences.pairs[0] if preferences.pairs else next(iter(preferences.left_out))


def rated_of(row: Row, place: str = "row") -> Rated:
    """The labelled response of a row; the first where it has several.

    Args:
        row: A JSON object.
        place: Where it stands, for messages.

    Returns:
        The response with its label.

    Raises:
        DataError: It cannot be read, or holds no labelled response.

    >>> rated_of({"prompt": "Hi", "response": "Hello!", "safe": 1}).safe
    True
    """
    try:
        labels = SafetyReader().read(row, place)
    except SampleError as error:
        raise DataError(f"{place}: {error}") from None
    if not labels.rated:
        raise DataError(f"{place}: it holds no labelled response ({', '.join(labels.left_out)})")
    return labels.rated[0]


def prompt_key(prompt: Sequence[Message]) -> bytes:
    """The same for prompts that differ in spaces and case alone; splits go by it."""
    text = "\0".join(f"{turn.role}\1{' '.join(turn.content.lower().split())}" for turn in prompt)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def split_by_prompt(
    rows: Sequence[Example], share: float, *, purpose: str, seed: int = 0
) -> tuple[list[Example], list[Example]]:
    """Two parts that have no prompt in common, about `share` of the prompts in the second.

    Where a prompt goes is decided by its own text, the purpose and the seed, so that it stays there when other rows
    come or go. The purpose keeps splits of splits apart: with the same numbers for both, what is left after a quarter
    went for testing would hold none of the tenth that is to go for calibration.

    Args:
        rows: Pairs or labelled responses.
        share: Of the prompts, from 0 to 1.
        purpose: A word that keeps this split apart from others.
        seed: Of the split.

    Returns:
        The rows of the first part, and those of the second.
    """
    parts: tuple[list[Example], list[Example]] = ([], [])
    for row in rows:
        salt = purpose.encode() + seed.to_bytes(8, "little", signed=True)
        drawn = hashlib.sha256(salt + prompt_key(row.prompt)).digest()
        parts[int.from_bytes(drawn[:8], "little") < share * 2**64].append(row)
    return parts


def rows_of(files: Sequence[str | Path]) -> Iterator[tuple[str, Row | SampleError]]:
    """Where each row of some files stands, and the row or why it is none. Raises RunError."""
    if not files:
        raise RunError("no file of data was named")
    if isinstance(files, str | Path):
        raise RunError(f"files is {str(files)!r}; it must be a list of files, as in [{str(files)!r}]")
    rows = Input([str(name) for name in files], _MAX_LINE)
    for raw in rows:
        place = f"{rows.files[raw.file]}, row {raw.line}"
        try:
            yield place, decode_row(raw)[0]
        except SampleError as error:
            yield place, error


def read_each(
    files: Sequence[str | Path], read: Callable[[Row, str], None], left_out: Counter[str], unreadable: list[str]
) -> None:
    """Give each row to `read`; those for which it raises SampleError are counted, and the first of them kept.

    Raises DataError where not one row can be read, or none of the first 20, and RunError.
    """
    rows = 0
    first: Row | None = None
    for place, row in rows_of(files):
        rows += 1
        try:
            if isinstance(row, SampleError):
                raise row
            first = row if first is None else first
            read(row, place)
        except SampleError as error:
            left_out["unreadable"] += 1
            if len(unreadable) < _SHOWN:
                unreadable.append(f"{place}: {error}")
        if rows == _FIRST == left_out["unreadable"]:
            break
    if rows and left_out["unreadable"] == rows:
        what = "its only row" if rows == 1 else f"any of the first {rows} rows"
        has = f"\nthe first has {fields_of(first)}" if first is not None else ""
        raise DataError(f"cannot read {what}: {unreadable[0]}{has}\n--map FIELD=COLUMN says where they hold what")


def _read(files: Sequence[str | Path], read: Callable[[Row, str], None], rows: Pairs | Ratings) -> None:
    read_each(files, read, rows.left_out, rows.unreadable)


def _keep(pairs: Pairs, pair: Pair, *, summaries: bool) -> None:
    """Take a pair up, or count why it teaches nothing."""
    if summaries:
        chosen, rejected = (summary_of(text, pair.prompt) for text in (pair.chosen, pair.rejected))
        if chosen is None:
            pairs.left_out["no_summary"] += 1
            return
        if chosen != pair.chosen or rejected != pair.rejected:
            pair = replace(pair, chosen=chosen, rejected=rejected or "")
    if pair.chosen == pair.rejected:
        pairs.left_out["identical"] += 1
    elif not pair.chosen.strip():
        pairs.left_out["empty_chosen"] += 1
    else:
        pairs.rows.append(pair)


def _paired(ratings: Sequence[Rating], pairing: Pairing, left_out: Counter[str]) -> list[Pair]:
    """The pairs of some rated responses to one prompt."""
    order = pairs_of_ratings(ratings, pairing)
    if not order:
        left_out["unpaired" if len(ratings) == 1 else "tied"] += len(ratings) if len(ratings) == 1 else 1
        return []
    return [
        Pair(
            prompt=ratings[best].prompt,
            chosen=ratings[best].response,
            rejected=ratings[worst].response,
            margin=by if ratings[best].margins else None,
            source=ratings[best].source,
            id=f"{ratings[best].id} over {ratings[worst].id}",
            group=ratings[0].id if len(order) > 1 else "",
        )
        for best, worst, by in order
    ]
