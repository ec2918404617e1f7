"""From a row to responses that are labelled safe or not, in the forms of public data sets.

A label is one of three things: a column whose name says what 1 means (`safe`, `is_safe`, `toxicity`), a word (`unsafe`,
`harmful`, `unharmful`), or a pair of columns of either kind for two responses. A number in a column called `label` says
nothing by itself and is an error: `--map safe=label` or `--map unsafe=label` says which it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ..verifiers.errors import ConfigError, SampleError
from . import preference_forms as forms
from .choices import number_of
from .dialogue import Turns, answers_of, last_answer, type_of
from .paths import get, parse_path
from .preferences import PreferenceReader
from .values import Row

SAFETY_FIELDS = ("prompt", "system", "response", "safe", "unsafe", "category", "source", "id")
"""What can be found under a name of one's own."""
RESPONSES = (
    *(
        "response",
        "model_output",
        "completion",
        "output",
        "generation",
        "answer",
        "assistant",
        "model_response",
        "text",
    ),
    *("bot_response", "agent_response", "reply"),
)
SAFE = ("safe", "is_safe", "is_response_safe", "response_safe", "safe_label", "harmless", "is_harmless")
UNSAFE = (
    *("unsafe", "is_unsafe", "toxicity", "toxic", "is_toxic", "harmful", "is_harmful", "response_harmful"),
    *("jailbroken", "is_jailbroken", "human_majority", "hazardous", "violation", "flagged"),
)
WORDS = (
    *("response_harm_label", "response_label", "response_safety", "response_harmfulness", "safety_label", "safety"),
    *("label", "harm_label", "output_label", "gold", "annotation", "final_label", "classification", "severity"),
)
"""Columns whose words are labels, of the response before any of the prompt."""
CATEGORIES = (
    *("category", "categories", "violated_categories", "harm_category", "subcategory", "hazard_category"),
    *("semantic_category", "risk_category", "harm_categories", "hazard"),
)
_SAFE_WORDS = frozenset(
    "safe|unharmful|harmless|benign|not harmful|non-harmful|no harm|not unsafe|acceptable|ok|non-toxic|not toxic"
    "|appropriate|compliant|no violation".split("|")
)
_UNSAFE_WORDS = frozenset(
    "unsafe|harmful|toxic|hateful|dangerous|inappropriate|violating|violation|not safe|malicious|jailbroken".split("|")
)
_NUMBERED = (("response_0", "is_response_0_safe"), ("response_1", "is_response_1_safe"))


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
    categories: tuple[str, ...] = ()
    """Of the harm, where the data names it."""


class SafetyLabels(NamedTuple):
    """What a row holds."""

    rated: list[Rated]
    left_out: Counter[str]
    """What has no label: `no_response`, `no_label`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyReader:
    """How rows become labelled responses.

    >>> SafetyReader().read({"user_input": "Hi", "model_output": "Hello!", "toxicity": 0}, "row 1").rated[0].safe
    True
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Which path holds which of SAFETY_FIELDS, where that is not its usual name; None leaves it out."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", {name: path or None for name, path in self.columns.items()})
        for name, path in self.columns.items():
            if name not in SAFETY_FIELDS:
                raise ConfigError(f"safety data has no field {name!r}; it has {', '.join(SAFETY_FIELDS)}")
            if path is not None:
                parse_path(path)

    def read(self, row: Row, place: str) -> SafetyLabels:
        """The labelled responses of a row. Raises SampleError, naming the column, where it cannot be read."""
        reading = _reader(tuple(self.columns.items())).reading(row)
        source, name = reading.text(forms.SOURCES, "source"), reading.text(forms.IDS, "id") or place
        left_out: Counter[str] = Counter()
        rated = []
        responses = self._responses(row)
        for number, (column, label_column) in enumerate(responses):
            value = get(row, column)
            if value is None:
                left_out["no_response"] += 1
                continue
            safe = self._label(row, label_column)
            if safe is None:
                left_out["no_label"] += 1
                continue
            reading.used.add(column)
            prompt = reading.prompt()
            if column in _CONVERSATIONS and isinstance(value, list):
                before, text = last_answer(value, column)
                system = reading.system()
                turns = before if before[: len(system)] == system else system + before
            else:
                turns, (text,) = answers_of([value], [column], prompt, reading.system())
            one_name = f"{name}/{number}" if len(responses) > 1 else name
            categories = self._categories(row, number if len(responses) > 1 else None)
            rated.append(
                Rated(prompt=turns, response=text, safe=safe, source=source, id=one_name, categories=categories)
            )
        return SafetyLabels(rated, left_out)

    def _responses(self, row: Row) -> list[tuple[str, str | None]]:
        """The columns of responses, each with that of its label; None for the label of the row."""
        if "response" not in self.columns:
            if all(name in row for pair in _NUMBERED for name in pair) and not {"safe", "unsafe"} & self.columns.keys():
                return list(_NUMBERED)
            names = (*RESPONSES, *_CONVERSATIONS)
            column = next((name for name in names if row.get(name) is not None), None)
            column = column or next((name for name in names if name in row), None)
        else:
            column = self.columns["response"]
        if column is None:
            has = ", ".join(sorted(map(str, row))) or "none"
            raise SampleError(
                "missing_field",
                "column 'response' is missing; a labelled response needs prompt, response and safe; the row's columns "
                f"are: {has}",
            )
        return [(column, None)]

    def _label(self, row: Row, column: str | None) -> bool | None:
        """Whether a response is safe; None where the row has the column and no value. Raises SampleError."""
        if column is not None:
            return _truth(row, column)
        for name, means in (("safe", True), ("unsafe", False)):
            if (path := self.columns.get(name)) is not None:
                value = get(row, path)
                return None if value is None else _read(value, path, means)
        empty = False
        for names, means in ((SAFE, True), (UNSAFE, False)):
            for name in names:
                if row.get(name) is not None:
                    return _read(row[name], name, means)
                empty = empty or name in row
        for name in WORDS:
            if name == "label" and {"focus", "type"} <= row.keys():  # XSTest's, which is of the prompt
                raise SampleError(
                    "wrong_type", "column 'label' of XSTest is of the prompt and not of the response; --map safe=COLUMN"
                )
            if row.get(name) is not None:
                return _read(row[name], name, None)
            empty = empty or name in row
        if empty:
            return None
        has = ", ".join(sorted(map(str, row))) or "none"
        raise SampleError("missing_field", f"column 'safe' is missing; the row's columns are: {has}")

    def _categories(self, row: Row, number: int | None) -> tuple[str, ...]:
        names = CATEGORIES if number is None else (f"response_{number}_harm_category", *CATEGORIES)
        column = (
            self.columns.get("category") if "category" in self.columns else next((c for c in names if row.get(c)), None)
        )
        value = None if column is None else get(row, column)
        if isinstance(value, Mapping):
            return tuple(str(name) for name, there in value.items() if there is True or there == 1)
        if isinstance(value, list):
            return tuple(str(one) for one in value if isinstance(one, str))
        if isinstance(value, str) and value.strip():
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return ()


@lru_cache(maxsize=16)
def _reader(columns: tuple[tuple[str, str | None], ...]) -> PreferenceReader:
    """What reads the prompt."""
    return PreferenceReader(
        columns={name: path for name, path in columns if name in ("prompt", "system", "source", "id")}
    )


_CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue")


def _truth(row: Row, column: str) -> bool | None:
    value = get(row, column)
    return None if value is None else _read(value, column, True)


def _read(value: Any, column: str, means: bool | None) -> bool:  # any: a JSON value
    """What a label says; `means` is what 1 means, None where the column's name does not say it."""
    if isinstance(value, str) and number_of(value) is None:
        word = " ".join(value.strip().lower().replace("_", " ").split())
        if word in ("true", "false"):
            value = word == "true"
        elif word in _SAFE_WORDS | _UNSAFE_WORDS:
            return word in _SAFE_WORDS
        elif word in ("yes", "no") and means is not None:
            return means == (word == "yes")
        else:
            raise _wrong(column, f"is {value!r}, which is neither safe nor unsafe by any word that is known")
    number = float(value) if isinstance(value, bool) else number_of(value)
    if number is None:
        raise _wrong(column, f"must be 0 or 1, or a word, got {type_of(value)}")
    if number not in (0.0, 1.0):
        raise _wrong(column, f"must be 0 or 1, got {value!r}")
    if means is None:
        raise _wrong(column, f"is {value!r}, which may mean either; --map safe={column} or unsafe={column} says which")
    return means == bool(number)


def _wrong(column: str, what: str) -> SampleError:
    return SampleError("wrong_type", f"column {column!r} {what}")
