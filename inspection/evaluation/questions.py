"""The questions of a benchmark: its card's rows, read by the one reader, put into the card's words.

A row that cannot be asked, a file with another hash or another number of rows than the card says, ends it before
anything is asked, with its file and line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from ...rows.decode import decode_row, parse_row
from ...rows.files import Input, RawRow
from ...rows.join import Joined
from ...rows.paths import get
from ...rows.reader import RowReader
from ...rows.values import Row
from ...scoring.samples import MAX_LINE
from ...verifiers.errors import ConfigError, RunError, SampleError
from ...verifiers.sample import Sample
from .cards import Choices, TaskCard
from .prompts import fill

_LETTERS = "ABCDEFGHIJ"


class Benchmark(NamedTuple):
    """The questions of a card, and what they are from."""

    questions: list[Sample]
    files: list[dict[str, str]]
    """Path and SHA-256 of each file, that of `--join` the last."""
    rows: int
    """Rows that were read; those that the card leaves out among them."""
    joined: dict[str, Row]
    """By the key of a joined row its fields, for what is not of single questions, such as a contest's standings."""


def read_questions(
    card: TaskCard,
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    *,
    join: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    partial: bool = False,
) -> Benchmark:
    """The questions of files, by a card.

    Args:
        card: What they are.
        files: As `score` reads them.
        names: Which column holds which field, before what the card says.
        join: The file whose rows go with these, where the card asks for one.
        seed: Of the order of options, where the card says that it is drawn.
        limit: The first so many questions.
        partial: Whether another number of rows than the card says is fine.

    Raises:
        ConfigError: A file is not what the card says, or a row cannot be asked.
    """
    if bool(join) != bool(card.join_on):
        need = f"needs --join FILE, whose rows go with these by {card.join_on}" if card.join_on else "takes no --join"
        raise ConfigError(f"the card {card.name} {need}")
    columns: dict[str, str | None] = {**card.map, **(names or {})}
    if card.choices is not None and not card.choices.columns:
        columns["reference"] = None  # the options say it
    reader = RowReader(columns=columns)
    try:
        source: Input | Joined = Input(files, MAX_LINE)
        if join is not None:
            source = Joined(source, join, card.join_on, MAX_LINE)
        questions, joined, rows, seen = list[Sample](), dict[str, Row](), 0, set[str]()
        for raw in source:
            rows += 1
            row, partner = _fields(raw, source.files[raw.file])
            if any(row.get(name) != value for name, value in card.where.items()):
                continue
            if partner is not None:
                joined.setdefault(str(get(row, card.join_on.partition("=")[0].strip())), partner)
            if limit is None or len(questions) < limit:
                try:
                    question = _question(card, reader, row, len(questions), seed)
                except (SampleError, ConfigError) as error:
                    raise ConfigError(f"{source.files[raw.file]}, line {raw.line}: {error}") from error
                name = str(question.problem)
                if name in seen:  # C-Eval numbers each subject's questions from 0
                    question = replace(question, problem=f"{name} #{len(questions) + 1}")
                seen.add(name)
                questions.append(question)
    except RunError as error:
        raise ConfigError(str(error)) from error
    hashes = [{"path": path, "sha256": digest} for path, digest in zip(source.files, source.sha256, strict=True)]
    if join is not None:
        hashes.append({"path": join, "sha256": hashlib.sha256(Path(join).read_bytes()).hexdigest()})
    _check_files(card, hashes, rows, partial=partial)
    if not questions:
        raise ConfigError(
            f"there are no questions for the card {card.name}: the data is empty, or has none of its rows"
        )
    return Benchmark(questions, hashes, rows, joined)


def _fields(raw: RawRow, file: str) -> tuple[dict[str, Any], Row | None]:  # any: JSON values
    try:
        fields = decode_row(raw)[0]
    except SampleError as error:
        raise ConfigError(f"{file}, line {raw.line}: {error}") from error
    if raw.joined is None:
        return fields, None
    partner = parse_row(raw.joined)
    return {**fields, **{name: value for name, value in partner.items() if fields.get(name) is None}}, partner


def _check_files(card: TaskCard, hashes: Sequence[Mapping[str, str]], rows: int, *, partial: bool) -> None:
    if card.source.sha256:
        strange = [one["path"] for one in hashes if one["sha256"] not in card.source.sha256]
        if strange:
            raise ConfigError(
                f"{', '.join(strange)}: the SHA-256 is none of those of the card {card.name}; "
                f"{card.source.url} has its files"
            )
    if card.source.rows and rows != card.source.rows and not partial:
        raise ConfigError(
            f"{rows:,} rows, and the card {card.name} says {card.source.rows:,}: name all of its files "
            f"({', '.join(card.source.files)} of {card.source.url}), or say --partial"
        )


def _question(card: TaskCard, reader: RowReader, row: Row, place: int, seed: int) -> Sample:
    """Raises SampleError and ConfigError for a row that cannot be asked."""
    sample = reader.read_question(row)
    kept = [*card.columns, card.level, "golds", "match"]
    meta = {
        name: sample.meta[name] if name in sample.meta else row[name]
        for name in kept
        if name in row or name in sample.meta
    }
    kind = card.kind or sample.kind
    options, reference = (
        _options(card.choices, row, sample, place, seed) if kind == "choice" else ([], sample.reference)
    )
    if options:
        meta["options"] = options
    if kind != "instructions" and not (reference or sample.tests):
        raise SampleError("missing_field", "the row has no reference; --map reference=COLUMN says where it is")
    asked = replace(
        sample, kind=kind, language=card.language or sample.language, reference=reference, meta=meta,
        tests=sample.tests if kind == "code" else (), problem=sample.id or sample.problem or f"{card.name} {place + 1}",
    )  # fmt: skip
    if not sample.prompt_text.strip():
        raise SampleError("missing_field", "the row has no prompt; --map prompt=COLUMN says where it is")
    template = next((text for name, text in card.variants.items() if row.get(name)), card.prompt)
    if template == "{prompt}":
        return asked
    letters = _LETTERS[: len(options)]
    words = {
        "prompt": sample.prompt_text,
        "options": "\n".join(f"{letter}. {text}" for letter, text in zip(letters, options, strict=True)),
        "letters": ", ".join(letters),
    }

    def value(name: str) -> str | None:
        if name in words:
            return words[name]
        return None if name not in row else "" if row[name] is None else str(row[name])

    return replace(asked, prompt=fill(template, value).strip())


def _options(
    choices: Choices | None, row: Row, sample: Sample, place: int, seed: int
) -> tuple[list[str], str | Sequence[str] | None]:
    """The options' texts, in the order in which they are shown, and the reference. Raises SampleError."""
    if choices is None:
        return [], sample.reference
    if choices.list:
        listed, index = row.get(choices.list), row.get(choices.index)
        if not isinstance(listed, list) or not 2 <= len(listed) <= len(_LETTERS):
            raise SampleError("wrong_type", f"column {choices.list!r} is no list of 2 to {len(_LETTERS)} options")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(listed):
            raise SampleError(
                "wrong_type", f"column {choices.index!r} is {index!r}, no place among {len(listed)} options"
            )
        return [str(one) for one in listed], _LETTERS[index]
    names = choices.columns or [choices.right, *choices.wrong]
    texts = ["" if row.get(name) is None else str(row[name]).strip() for name in names]
    if not all(texts):
        raise SampleError("missing_field", f"the row has no {names[texts.index('')]!r}")
    if choices.columns:
        return texts, sample.reference
    order = list(range(len(texts)))
    Random(f"{seed} {place} {sample.prompt_text}").shuffle(order)  # noqa: S311 - no secret
    return [texts[one] for one in order], _LETTERS[order.index(0)]
