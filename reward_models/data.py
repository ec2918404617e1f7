r"""Rows of preference data, in the columns that people have them in.

Pairs (`Pair`), for helpfulness:
- TRL: `prompt`, `chosen`, `rejected` as text; conversational, with lists of messages; or without `prompt`, where what
  `chosen` and `rejected` begin with alike is the prompt
- hh-rlhf: `chosen` and `rejected` as text with `\n\nHuman:` and `\n\nAssistant:`
- UltraFeedback: `prompt` or `instruction` with `completions`, each with `response` and `overall_score`; the best and
  the worst make the pair; or the binarized form
- any of them with `margin`, `source` (or `subset`), `id`

Single responses (`Rated`), for safety: `prompt`, `response`, `safe` (0, 1, true, false), `source`, `category`.

The prompt may be called `prompt`, `instruction`, `question` or `query`; `input` is the rest of it (Alpaca), or all of
it where there is none of those; `system` (or `system_prompt`) is its first turn. A column that usually holds a
conversation in a shape that is not read here (`history`, `context`, `messages`, ...) is an error where there is no
prompt beside it, so that no pair loses its prompt.

What cannot be used is an error that names file, row and column. What can be read but teaches nothing (both responses
the same, an empty chosen one) is left out and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from ..rows.decode import decode_row
from ..rows.files import Input
from ..verifiers.errors import RunError, SampleError
from ..verifiers.sample import Message
from .errors import DataError
from .summary import summary_of

Kind = Literal["helpful", "safety"]
Row = Mapping[str, Any]  # any: a JSON object
Turns = tuple[Message, ...]

_MAX_LINE = 64 << 20
_PROMPTS = ("prompt", "instruction", "question", "query")
"""What data sets call the prompt; of several the first one counts."""
_SYSTEMS = ("system", "system_prompt")
_UNREAD = (
    "context",
    "conversation",
    "conversations",
    "dialogue",
    "history",
    "messages",
    "post",
    "problem",
    "user_input",
)
"""What else holds a prompt in data sets that are not read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two responses to one prompt, of which people preferred one."""

    prompt: Turns
    """The conversation so far."""
    chosen: str
    """The better response."""
    rejected: str
    """The other."""
    margin: float | None = None
    """By how much, where the data says."""
    source: str = ""
    """Where it is from; results are shown by it."""
    id: str = ""
    """Its own name, else file and row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One response that is safe or not."""

    prompt: Turns
    """The conversation so far."""
    response: str
    """Reasoning included."""
    safe: bool
    """The label."""
    source: str = ""
    """Where it is from."""
    id: str = ""
    """Its own name, else file and row."""


Example = TypeVar("Example", Pair, Rated)


@dataclass(slots=True)
class Pairs:
    """The pairs of some files."""

    rows: list[Pair]
    """Those that can be used, in order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why: `identical`, `empty_chosen`, `no_summary`, `tied`."""


@dataclass(slots=True)
class Ratings:
    """The rated responses of some files."""

    rows: list[Rated]
    """Those that can be used, in order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why: `empty`."""


class _Place:
    """Where a value stands, to say so when it is wrong."""

    def __init__(self, name: str) -> None:
        self.name = name

    def wrong(self, column: str, what: str) -> NoReturn:
        raise DataError(f"{self.name}: column {column!r} {what}")


def read_pairs(files: Sequence[str | Path], *, summaries: bool = True) -> Pairs:
    """Read pairs from JSONL (also .gz, .zst) or Parquet.

    With `summaries` each response is cut down to what follows its reasoning, since helpfulness is judged by that alone;
    a pair whose chosen response never gets there is left out. Raises DataError and RunError.
    """
    found = Pairs([])
    for place, row in _rows(files):
        pair = pair_of(row, place)
        if isinstance(pair, str):
            found.left_out[pair] += 1
            continue
        if summaries:
            chosen, rejected = (summary_of(text, pair.prompt) for text in (pair.chosen, pair.rejected))
            if chosen is None:
                found.left_out["no_summary"] += 1
                continue
            if chosen != pair.chosen or rejected != pair.rejected:
                pair = _with(pair, chosen, rejected or "")
        if pair.chosen == pair.rejected:
            found.left_out["identical"] += 1
        elif not pair.chosen.strip():
            found.left_out["empty_chosen"] += 1
        else:
            found.rows.append(pair)
    return found


def read_rated(files: Sequence[str | Path]) -> Ratings:
    """Read rated responses from JSONL (also .gz, .zst) or Parquet. Raises DataError and RunError."""
    found = Ratings([])
    for place, row in _rows(files):
        rated = rated_of(row, place)
        if rated.response.strip():
            found.rows.append(rated)
        else:
            found.left_out["empty"] += 1
    return found


def pair_of(row: Row, place: str = "row") -> Pair | str:
    """A pair of a row in any of the known columns; a word where the row holds a tie.

    >>> pair_of({"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}).prompt[0].role
    'user'
    """
    at = _Place(place)
    if "completions" in row:
        return _of_completions(row, at)
    for column in ("chosen", "rejected"):
        if row.get(column) is None:
            has = ", ".join(sorted(row)) or "none"
            at.wrong(column, f"is missing; a pair needs chosen and rejected, the row's columns are: {has}")
    margin = row.get("margin")
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, int | float)):
        at.wrong("margin", f"must be a number, got {_type(margin)}")
    prompt, chosen, rejected = _conversations(row, at)
    return Pair(
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        margin=margin,
        source=str(row.get("source") or row.get("subset") or ""),
        id=str(row.get("id", place)),
    )


def rated_of(row: Row, place: str = "row") -> Rated:
    """A rated response of a row.

    >>> rated_of({"prompt": "Hi", "response": "Hello!", "safe": 1}).safe
    True
    """
    at = _Place(place)
    prompt = _prompt(row, at)
    for column, value in (("prompt", prompt), ("response", row.get("response")), ("safe", row.get("safe"))):
        if value is None:
            has = ", ".join(sorted(row)) or "none"
            at.wrong(column, f"is missing; a rated response needs prompt, response, safe; the row's columns are: {has}")
    assert prompt is not None
    if row["safe"] not in (0, 1):
        at.wrong("safe", f"must be 0 or 1, got {row['safe']!r}")
    if not isinstance(row["response"], str):
        at.wrong("response", f"must be text, got {_type(row['response'])}")
    return Rated(
        prompt=prompt,
        response=row["response"],
        safe=bool(row["safe"]),
        source=str(row.get("source") or row.get("subset") or ""),
        id=str(row.get("id", place)),
    )


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
    """
    parts: tuple[list[Example], list[Example]] = ([], [])
    for row in rows:
        salt = purpose.encode() + seed.to_bytes(8, "little", signed=True)
        drawn = hashlib.sha256(salt + prompt_key(row.prompt)).digest()
        parts[int.from_bytes(drawn[:8], "little") < share * 2**64].append(row)
    return parts


def _with(pair: Pair, chosen: str, rejected: str) -> Pair:
    return Pair(
        prompt=pair.prompt, chosen=chosen, rejected=rejected, margin=pair.margin, source=pair.source, id=pair.id
    )


def _rows(files: Sequence[str | Path]) -> Iterator[tuple[str, Row]]:
    if not files:
        raise RunError("no file of data was named")
    if isinstance(files, str | Path):
        raise RunError(f"files is {str(files)!r}; it must be a list of files, as in [{str(files)!r}]")
    names = [str(name) for name in files]
    for raw in Input(names, _MAX_LINE):
        place = f"{names[raw.file]}, row {raw.line}"
        try:
            yield place, decode_row(raw)[0]
        except SampleError as error:
            raise DataError(f"{place}: {error}") from None


def _conversations(row: Row, at: _Place) -> tuple[Turns, str, str]:
    chosen, rejected = row["chosen"], row["rejected"]
    if isinstance(chosen, str) != isinstance(rejected, str):
        at.wrong("rejected", f"is {_type(rejected)} where chosen is {_type(chosen)}")
    prompt, system = _prompt(row, at), _system(row, at)
    if not isinstance(chosen, str):
        told, best = _answer(chosen, "chosen", at)
        other_told, other = _answer(rejected, "rejected", at)
        if told != other_told:
            at.wrong("rejected", "answers another conversation than chosen does")
        if not told and prompt is None:
            _check_columns(row, at)
        # Binarized UltraFeedback repeats the prompt as the first turn.
        before = system if prompt is None else prompt
        opening = before[len(system) :] if before[: len(system)] == system else before
        if told[: len(before)] == before:
            return told, best, other
        return (system + told if told[: len(opening)] == opening else before + told), best, other
    if prompt is not None:
        return prompt, chosen, rejected
    if "\n\nAssistant:" in chosen and "\n\nAssistant:" in rejected:
        turns, best, other = _of_transcripts(chosen, rejected, at)
        return system + turns, best, other
    _check_columns(row, at)
    length = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), 0)
    alike = chosen[:length]
    length = max(alike.rfind(" "), alike.rfind("\n")) + 1
    return system + _turns(chosen[:length].strip(), "chosen", at), chosen[length:], rejected[length:]


def _prompt(row: Row, at: _Place) -> Turns | None:
    """The prompt of a row's own columns, with its system message; None where it has no such column."""
    column = next((name for name in (*_PROMPTS, "input") if row.get(name) is not None), None)
    if column is None:
        return None
    value, more = row[column], row.get("input") if column != "input" else None
    if more is not None and not isinstance(more, str):
        at.wrong("input", f"must be text, got {_type(more)}")
    if more and more.strip():
        if not isinstance(value, str):
            at.wrong("input", f"stands beside {column!r}, which is no text; only one of them can be the prompt")
        value = value if more.strip() in value else f"{value}\n\n{more}"
    turns, system = _turns(value, column, at), _system(row, at)
    return turns if turns[: len(system)] == system else system + turns


def _system(row: Row, at: _Place) -> Turns:
    """The system message of a row's own column, or none."""
    column = next((name for name in _SYSTEMS if row.get(name) is not None), None)
    if column is None:
        return ()
    if not isinstance(row[column], str):
        at.wrong(column, f"must be text, got {_type(row[column])}")
    return (Message(role="system", content=row[column]),) if row[column].strip() else ()


def _check_columns(row: Row, at: _Place) -> None:
    """Refuse a pair whose prompt seems to stand in a column that is not read."""
    if unread := [name for name in _UNREAD if row.get(name)]:
        at.wrong(unread[0], f"may hold the prompt, and is not read; rename it, as to {' or '.join(_PROMPTS[:2])}")


def _of_transcripts(chosen: str, rejected: str, at: _Place) -> tuple[Turns, str, str]:
    before, _, best = chosen.rpartition("\n\nAssistant:")
    other_before, _, other = rejected.rpartition("\n\nAssistant:")
    if before != other_before:
        # A few hundred rows of hh-rlhf part ways earlier than the last turn: the prompt ends where they do.
        pairs = zip(_transcript(chosen), _transcript(rejected), strict=False)
        same = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        turns, others = _transcript(chosen), _transcript(rejected)
        if same is None or turns[same].role != "assistant" or others[same].role != "assistant":
            at.wrong("rejected", "answers another conversation than chosen does")
        return turns[:same], _as_text(turns[same:]), _as_text(others[same:])
    return _transcript(before), best.strip(), other.strip()


def _as_text(turns: Turns) -> str:
    roles = {"user": "Human", "assistant": "Assistant"}
    return "\n\n".join(f"{roles[turn.role]}: {turn.content}" for turn in turns).removeprefix("Assistant: ")


def _transcript(text: str) -> Turns:
    turns = []
    for piece in text.replace("\n\nHuman:", "\0Human:").replace("\n\nAssistant:", "\0Assistant:").split("\0"):
        speaker, colon, said = piece.partition(":")
        if colon and speaker.strip() in ("Human", "Assistant"):
            role = "user" if speaker.strip() == "Human" else "assistant"
            turns.append(Message(role=role, content=said.strip()))
        elif piece.strip():
            turns.append(Message(role="user", content=piece.strip()))
    return tuple(turns)


def _of_completions(row: Row, at: _Place) -> Pair | str:
    prompt = _prompt(row, at)
    if prompt is None:
        at.wrong("prompt", f"is missing, and so are {', '.join((*_PROMPTS[1:], 'input'))}")
    found = row["completions"]
    if not isinstance(found, list) or len(found) < 2:
        at.wrong("completions", "must be a list of at least two")
    rated = []
    for number, one in enumerate(found):
        said, score = (one.get("response"), one.get("overall_score")) if isinstance(one, Mapping) else (None, None)
        if not isinstance(said, str):
            at.wrong(f"completions[{number}].response", f"must be text, got {_type(said)}")
        if isinstance(score, bool) or not isinstance(score, int | float):
            at.wrong(f"completions[{number}].overall_score", f"must be a number, got {_type(score)}")
        rated.append((float(score), said))
    best, worst = max(rated, key=lambda one: one[0]), min(rated, key=lambda one: one[0])
    if best[0] == worst[0]:
        return "tied"
    return Pair(
        prompt=prompt,
        chosen=best[1],
        rejected=worst[1],
        source=str(row.get("source") or ""),
        id=str(row.get("id", at.name)),
    )


def _answer(value: object, column: str, at: _Place) -> tuple[Turns, str]:
    turns = _turns(value, column, at)
    if not turns or turns[-1].role != "assistant":
        at.wrong(column, "must end with what the assistant says")
    return turns[:-1], turns[-1].content


def _turns(value: object, column: str, at: _Place) -> Turns:
    if isinstance(value, str):
        if "\n\nHuman:" in f"\n\n{value.lstrip()}" and value.rstrip().endswith("Assistant:"):
            return _transcript("\n\n" + value.rstrip().removesuffix("Assistant:").strip())
        return (Message(role="user", content=value),) if value else ()
    if not isinstance(value, list):
        at.wrong(column, f"must be text or a list of messages, got {_type(value)}")
    turns = []
    for number, turn in enumerate(value):
        role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, Mapping) else (None, None)
        if not isinstance(role, str) or not isinstance(content, str):
            at.wrong(f"{column}[{number}]", "must be a message with the texts role and content")
        turns.append(Message(role=role, content=content))
    return tuple(turns)


def _type(value: object) -> str:
    return "null" if value is None else type(value).__name__
