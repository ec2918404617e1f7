"""What is judged: one response to one prompt, with what is known about the right answer.

`Sample.from_dict` is the edge where JSON becomes a Sample; past it there are no dicts.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..sandbox.limits import Limits
from .cases import TestCase
from .errors import SampleError
from .references import is_data

_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def is_kind(word: object) -> bool:
    """Whether something can name a kind: a word of ASCII letters, digits, `_` and `-`.

    >>> is_kind("sql"), is_kind("short answer")
    (True, False)
    """
    return isinstance(word, str) and _KIND.fullmatch(word) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user`, `assistant` or `tool`."""
    content: str
    """Its text."""

    def __post_init__(self) -> None:
        for name in ("role", "content"):
            if not isinstance(getattr(self, name), str):
                raise SampleError("wrong_type", f"{name} must be a string, got {_type(getattr(self, name))}")


_LIMIT_FIELDS = tuple(f.name for f in dataclasses.fields(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One response to judge.

    >>> Sample(response=r"It is \\boxed{4}.", prompt="2 + 2 = ?", reference="4").kind_or_guess
    'math'
    """

    response: str
    """What the model wrote, its chain of thought included."""
    prompt: str | Sequence[Message] = ""
    """What it was asked."""
    reference: str | Sequence[str] | None = None
    """The right answer; of several, any one will do."""
    tests: Sequence[TestCase] = ()
    """Test cases, for code."""
    limits: Limits | None = None
    """What a submitted program may use."""
    kind: str | None = None
    """Which verifiers judge it: a word that one of them names, such as `math`; None leaves it to `kind_or_guess`."""
    language: str | None = None
    """Language the chain of thought should be in, ISO 639-1; None means the prompt's."""
    problem: str | None = None
    """Groups the responses to one question; None leaves it to `group`."""
    id: str | None = None
    """The row's own name."""
    meta: Mapping[str, Any] = field(default_factory=dict)  # any: the row's other fields, as they came
    """Everything else that the row held."""

    def __post_init__(self) -> None:
        if not isinstance(self.response, str):
            raise SampleError("wrong_type", f"response must be a string, got {_type(self.response)}")
        if not isinstance(self.prompt, str) and not _all(self.prompt, Message):
            message = f"prompt must be a string or a list of Message, got {_items(self.prompt)}"
            raise SampleError("wrong_type", f"{message}; Sample.from_dict takes rows")
        if self.reference is not None and not isinstance(self.reference, str) and not _all(self.reference, str):
            message = f"reference must be a string or a list of strings, got {_items(self.reference)}"
            raise SampleError("wrong_type", f"{message}; Sample.from_dict takes numbers")
        if self.tests and not _all(self.tests, TestCase):
            message = f"tests must be a list of TestCase, got {_items(self.tests)}"
            raise SampleError("wrong_type", f"{message}; Sample.from_dict makes them from rows")
        if self.kind is not None and not is_kind(self.kind):
            raise SampleError("wrong_type", f"kind {self.kind!r} is no kind; a kind is a word such as 'math'")
        for name, (kind, words) in _OTHERS.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise SampleError("wrong_type", f"{name} must be {words}, got {_type(value)}")

    @property
    def kind_or_guess(self) -> str | None:
        """`kind`, else `code` where there are tests, else `math` where there is a reference, else None; a reference
        that holds data or a program shows no kind."""
        if self.kind is not None:
            return self.kind
        if self.tests:
            return "code"
        return "math" if self.reference is not None and not is_data(self._references) else None

    @property
    def prompt_text(self) -> str:
        """The prompt as one string: a conversation's contents, joined by newlines."""
        if isinstance(self.prompt, str):
            return self.prompt
        return "\n".join(message.content for message in self.prompt)

    @property
    def references(self) -> tuple[str, ...]:
        r"""The references as a tuple, empty where there is none.

        Those of mathematics and choice that hold a whole solution, as GSM8K's do, are what follows `####` in its last
        line; `reference` is left as it came.

        >>> Sample(response="72", reference="48 + 24 = <<48+24=72>>72 clips\n#### 72").references
        ('72',)
        """
        return tuple(map(_final, self._references)) if self.kind_or_guess in ("math", "choice") else self._references

    @property
    def _references(self) -> tuple[str, ...]:
        if self.reference is None:
            return ()
        return (self.reference,) if isinstance(self.reference, str) else tuple(self.reference)

    @property
    def group(self) -> str | None:
        """What the sample is grouped by: its problem, else its prompt, else its id, else None."""
        return self.problem or self.prompt_text or self.id

    @classmethod
    def from_dict(cls, row: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Sample:
        """Make a Sample of a JSON object.

        It reads what `to_dict` writes; `r1_reward.rows.read_sample` also reads tests in the forms of data sets. Numbers
        are taken for `reference`, `id` and `problem`, since data sets hold them; NaN is null.

        Args:
            row: The object; fields that no Sample has end in `meta`.
            names: Which field of the row holds which field of the Sample, where it has another name.

        Returns:
            The sample.

        Raises:
            SampleError: A field is of the wrong type, or there is no response; it names the field.

        >>> row = {"completion": "4", "answer": 4}
        >>> Sample.from_dict(row, {"response": "completion", "reference": "answer"}).reference
        '4'
        """
        if any(isinstance(value, float) and value != value for value in row.values()):  # NaN is null, as in tables
            row = {key: None if isinstance(value, float) and value != value else value for key, value in row.items()}
        of = {key: names.get(key, key) for key in SAMPLE_FIELDS} if names else _SAME_NAMES
        taken = of.values() if names else SAMPLE_FIELDS
        if row.get(of["response"]) is None:
            raise SampleError("missing_field", f"the row has no field {of['response']!r}")
        return cls(
            response=_text(row, of["response"]) or "",
            prompt=_prompt(row.get(of["prompt"]), of["prompt"]),
            reference=_reference(row.get(of["reference"]), of["reference"]),
            tests=_tests(row.get(of["tests"]), of["tests"]),
            limits=_limits(row.get(of["limits"]), of["limits"]),
            kind=row.get(of["kind"]),
            language=_text(row, of["language"]),
            problem=_text(row, of["problem"], numbers=True),
            id=_text(row, of["id"], numbers=True),
            meta={key: value for key, value in row.items() if key not in taken},
        )

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form, which `from_dict` reads back; fields left at their default are left out.

        Returns:
            A JSON object.
        """
        row: dict[str, Any] = dict(self.meta)
        row["response"] = self.response
        if self.prompt:
            row["prompt"] = self.prompt if isinstance(self.prompt, str) else _plain(self.prompt)
        if self.reference is not None:
            row["reference"] = self.reference if isinstance(self.reference, str) else list(self.reference)
        if self.tests:
            row["tests"] = _plain(self.tests)
        if self.limits is not None:
            row["limits"] = _plain([self.limits])[0]
        for key in ("kind", "language", "problem", "id"):
            if getattr(self, key) is not None:
                row[key] = getattr(self, key)
        return row


_OTHERS = {"limits": (Limits | None, "Limits"), "language": (str | None, "a string"), "meta": (Mapping, "a mapping")}
SAMPLE_FIELDS = tuple(f.name for f in dataclasses.fields(Sample) if f.name != "meta")
_SAME_NAMES = {name: name for name in SAMPLE_FIELDS}


def _final(reference: str) -> str:
    if "####" not in reference:
        return reference
    final = reference.rpartition("####")[2].strip()
    return final if final and "\n" not in final else reference


def _type(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _all(values: object, kind: type) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, kind) for value in values)


def _items(values: object) -> str:
    """The type of a value, and of what it holds."""
    if not isinstance(values, list | tuple):
        return _type(values)
    return f"a {_type(values)} of {', '.join(sorted({_type(value) for value in values}))}"


def _plain(values: Sequence[Any]) -> list[dict[str, Any]]:  # any: dataclasses in, JSON objects out
    return [{k: v for k, v in dataclasses.asdict(value).items() if v is not None} for value in values]


def _as_text(value: object, name: str, *, numbers: bool) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise SampleError("wrong_type", f"{name} is a number too large to be read")  # 1e999 is JSON, and infinite here
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        return format(Decimal(repr(value)), "f")  # not 1e-05, which is no way to write an answer
    kind = "a string or a number" if numbers else "a string"
    raise SampleError("wrong_type", f"{name} must be {kind}, got {_type(value)}")


def _text(row: Mapping[str, Any], name: str, *, numbers: bool = False) -> str | None:
    value = row.get(name)
    return None if value is None else _as_text(value, name, numbers=numbers)


def _content(value: object, name: str) -> str:
    """The text of a message: a string, null, or a list of blocks of which the text ones count."""
    if value is None:
        return ""
    if isinstance(value, list):
        blocks = [block.get("text") for block in value if isinstance(block, Mapping)]
        return "".join(text for text in blocks if isinstance(text, str))
    return _as_text(value, f"{name}[].content", numbers=False)


def _prompt(value: object, name: str) -> str | list[Message]:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(isinstance(turn, Mapping) for turn in value):
        raise SampleError("wrong_type", f"{name} must be a string or a list of messages, got {_type(value)}")
    return [
        Message(
            role=_as_text(turn.get("role", "user"), f"{name}[].role", numbers=False),
            content=_content(turn.get("content"), name),
        )
        for turn in value
    ]


def _reference(value: object, name: str) -> str | list[str] | None:
    if value is None:
        return None
    if isinstance(value, list):
        return [_as_text(item, f"{name}[]", numbers=True) for item in value]
    return _as_text(value, name, numbers=True)


def _tests(value: object, name: str) -> Sequence[TestCase]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise SampleError("tests_unknown_form", f"{name} must be a list of tests, got {_type(value)}; {_OTHER_FORMS}")
    tests = []
    for place, test in enumerate(value):
        if not isinstance(test, TestCase):
            if not isinstance(test, Mapping) or "type" not in test:
                raise SampleError("tests_unknown_form", f"{name}[{place}] has no `type`; {_OTHER_FORMS}")
            test = TestCase.from_dict(test, f"{name}[{place}]")
        tests.append(test)
    return tests


_OTHER_FORMS = "r1_reward.rows.read_sample reads the forms of data sets"


def _limits(value: object, name: str) -> Limits | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise SampleError("wrong_type", f"{name} must be an object, got {_type(value)}")
    for key in value:
        if key not in _LIMIT_FIELDS:
            raise SampleError("wrong_type", f"{name}.{key} is none of {', '.join(_LIMIT_FIELDS)}")
    try:
        return Limits(**value)
    except ValueError as error:
        raise SampleError("wrong_type", f"{name}.{error}") from error
