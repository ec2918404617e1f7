r"""From a row to Samples: the one reader for files, commands, the server and what trainers hand over.

Datasets call one thing by many names, tools write rows of their own shapes, and trainers wrap values in numpy, torch or
OmegaConf; all of that ends here. Nothing of the trainer's is kept: containers are copied, so that a dict which it
changes later changes no sample.

What is read, each in its own file:
- which field holds what: paths that the user names, then our own names, then those of the tool and the usual ones
  (`aliases.py`, the one table);
- the response: a string, or messages, of which the **last assistant** one counts (`messages.py`);
- the gold, or tests in its place (`labels.py`); columns that only look like ours (`columns.py`).

What it does not do: guess. A row that cannot be read is an error with its reason, not a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.reasoning import Prefilled, ends_in_think
from ..verifiers.registry import is_known
from ..verifiers.sample import SAMPLE_FIELDS, Sample
from . import capabilities
from .aliases import ALIASES, CHOICES, CONVERSATIONS, SHORT, VERDICTS, Tool
from .cases.forms import FORM_COLUMNS, read_sample
from .columns import is_outcome, kind_of, language_of, own_limits, program_language_of
from .golds import choose, golds_in, is_tokens, is_verdict
from .labels import HARMLESS, check_solution, label_fields
from .layout import MAPPABLE, RowColumns, layout_of
from .messages import as_message, is_conversation, is_message, response_text, split_conversation
from .options import choice_fields
from .paths import get, parse_path
from .prose import may_be_prose
from .replies import (
    bare_message,
    check_letter,
    check_replies,
    check_turns,
    choices_of,
    fuller,
    may_speak,
    of_number,
    reply_text,
    several_of,
)
from .values import Row, plain, read_text
from .words import words

_PLAIN_LANGUAGES = frozenset(("en", "zh", None))
_SHOWN = 4
"""Usual names of a field that a message lists."""


class Reading(NamedTuple):
    """How a row was read, where that is not by our own names. Rows of one file share few of these."""

    tool: str | None
    """The tool whose shape it has."""
    fields: tuple[tuple[str, str], ...]
    """Fields of the Sample with where they were found."""
    foreign: tuple[str, ...]
    """Columns that are called as ours are, and were left alone."""


class Read(NamedTuple):
    """A row as Samples."""

    samples: list[Sample]
    plural: bool
    """Whether it has a list of responses."""
    reading: Reading | None
    """None where every field has our own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    r"""How rows become samples.

    >>> reader = RowReader(columns={"reference": "gold"})
    >>> reader.read([{"role": "assistant", "content": "It is 4."}], "2 + 2?", {"gold": 4}).reference
    '4'
    >>> reader.read_row({"completion": [{"role": "assistant", "content": "It is 4."}], "gold": 4}).samples[0].response
    'It is 4.'
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Which path holds which field of a Sample, where that is not its usual name; None leaves the field out."""
    tool: str = "auto"
    """The tool that wrote the rows: one of `names.CHOICES`."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""
    aside: tuple[tuple[str, str], ...] = ()
    """Columns that are called as a gold is, and are none in rows that have the other one of the pair; in all rows where
    that is empty (`settled.py`)."""
    words: bool = False
    """Whether golds that are words are short answers, which a file's first rows decide (`settled.py`)."""
    cop: int | None = None
    """The number of the first option in MedMCQA's column `cop`."""

    def __post_init__(self) -> None:
        if "" in self.columns.values():  # as `--map kind=` says it
            object.__setattr__(self, "columns", {name: path or None for name, path in self.columns.items()})
        if self.tool not in CHOICES:
            raise ConfigError(f"{self.tool!r} is no tool whose rows are known: {', '.join(CHOICES)}")
        for name, path in self.columns.items():
            if name not in MAPPABLE:
                raise ConfigError(f"a Sample has no field {name!r}; it has {', '.join(MAPPABLE)}")
            if path is not None:
                if not isinstance(path, str):
                    raise ConfigError(f"the column of {name} is {path!r}; it must be a name, or None for none")
                parse_path(path)

    # -- rows of files ------------------------------------------------------------------------------------------------

    def read_row(self, row: Row, *, question: bool = False) -> Read:
        """The samples of a row of a file; with `question` it needs no response, and what it has is left empty.

        Raises SampleError, naming the field, for a row that cannot be read.
        """
        layout = layout_of(tuple(row), tuple(self.columns.items()), self.tool)
        if layout.plain and not question and not self.words and _is_plain(row):
            return Read([read_sample(row) if layout.tests else Sample.from_dict(row)], False, None)
        return self._row(row, layout, question).read()

    def candidates(self, row: Row) -> tuple[str | None, list[tuple[str, Any]]]:  # any: JSON values
        """The response of a row where it has one, and what stands under the usual names of a gold."""
        layout = layout_of(tuple(row), tuple(self.columns.items()), self.tool)
        return (None, []) if layout.plain else self._row(row, layout, False).candidates()

    def _row(self, row: Row, layout: RowColumns, question: bool) -> _Row:
        return _Row(row, self, layout, question=question)

    def read_question(self, row: Row) -> Sample:
        """The row as a question: its response is empty, whatever it holds. Raises SampleError."""
        return self.read_row(row, question=True).samples[0]

    def absent(self, row: Row) -> list[str]:
        """Paths that the user named and that a row does not have."""
        return [f"{name}={path}" for name, path in self.columns.items() if path is not None and get(row, path) is None]

    # -- rows of trainers ---------------------------------------------------------------------------------------------

    def read(self, completion: object, prompt: object, row: Mapping[str, object]) -> Sample | SampleError:
        """The sample, or why the row cannot be read."""
        try:
            fields = {str(key): plain(value) for key, value in row.items()}
            layout = layout_of(tuple(fields), tuple(self.columns.items()), self.tool)
            read = self._row(fields, layout, True)
            asked = plain(prompt)
            (sample,) = read.read(prompt=asked or None).samples
            opened = ends_in_think(sample.prompt) if self.prefilled == "auto" else self.prefilled
            as_text = capabilities.calls_text if sample.kind == "tools" else response_text
            return replace(sample, response=as_text(_copied(completion), opened=opened))
        except SampleError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a row holds, it costs that row
            return SampleError("wrong_type", f"{type(error).__name__}: {str(error)[:200]}")

    def looked_for(self, rows: Iterable[Mapping[str, object]], *, response: bool = False) -> str:
        """Which columns some rows have, and which were looked for, in a sentence."""
        came = sorted({str(key) for row in rows for key, value in row.items() if value is not None})
        looked = []
        for name in SAMPLE_FIELDS:
            if (name in ("response", "prompt") and not response) or self.columns.get(name, "") is None:
                continue
            names = ALIASES.get(name, (name,))
            more = f" or {len(names) - _SHOWN} more names" if len(names) > _SHOWN else ""
            looked.append(f"{name} in {self.columns.get(name) or ' or '.join(names[:_SHOWN]) + more}")
        return f"columns that came: {', '.join(came[:50]) or 'none'}; looked for: {', '.join(looked)}"


def read_columns(columns: Mapping[str, str | None]) -> frozenset[str]:
    """Names of top-level columns that a reader may look at."""
    named = {str(parse_path(path)[0]) for path in columns.values() if path is not None}
    first_steps = {str(parse_path(path)[0]) for paths in ALIASES.values() for path in paths}
    return frozenset({*SAMPLE_FIELDS, *named, *first_steps})


def _is_plain(row: Row) -> bool:
    """Whether a row with our own names also has values of our own, so that nothing is left to find out."""
    reference, kind = row.get("reference"), row.get("kind")
    if type(row["response"]) is not str or (kind is not None and not (type(kind) is str and is_known(kind))):
        return False
    if reference is not None and (
        type(reference) is not str or (reference and reference[0] not in HARMLESS) or may_be_prose(reference)
    ):
        return False
    tests, limits = row.get("tests"), row.get("limits")
    return (
        (tests is None or isinstance(tests, list))
        and (limits is None or isinstance(limits, dict))
        and row.get("language") in _PLAIN_LANGUAGES
        and isinstance(row.get("id"), str | int | None)
        and isinstance(row.get("problem"), str | int | None)
        and type(row.get("prompt")) in _PROMPTS
    )


_PROMPTS = (str, type(None))
_TESTS = FORM_COLUMNS - {"ground_truth", "reward_model", "verification_info"}
"""Columns of tests that hold no golds besides."""
_OWN_ANSWER = ("reference", "match", "golds", "answers", "answers_spans")
"""Fields beside which `kind: answer` is the kind of short answers."""


class _Row:
    """One row that is not plain, as it is read."""

    def __init__(self, row: Row, reader: RowReader, layout: RowColumns, *, question: bool) -> None:
        self._row = row
        self._reader = reader
        self._columns = reader.columns
        self._question = question
        self._prefilled = reader.prefilled
        self._tool = next((tool for tool in layout.tools if _is_of(tool, row)), None)
        self._layout = layout
        self._paths = layout.paths
        self._columns_read: list[tuple[str, str]] = []
        self._foreign: list[str] = []

    def read(self, prompt: Any = None) -> Read:  # any: text or messages, where a trainer gives it
        """Raises SampleError."""
        fields: dict[str, Any] = {key: value for key, value in self._row.items() if key not in SAMPLE_FIELDS}
        for name in ("id", "problem"):  # neither is judged by, so that no row is lost for them
            path, value = self._first(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                fields[name] = value
                self._note(name, path)
        responses, plural = ([""], False) if self._question else self._responses()
        asked, turns = self._prompt(responses)
        fields["prompt"] = prompt if prompt is not None else asked
        if turns is not None and not self._question:
            responses = [turns]
        self._kind(fields)
        self._language(fields)
        self._limits(fields)
        shape = {} if "reference" in self._columns else capabilities.capability(self._row, fields.get("kind"))
        if prompt is not None:
            shape.pop("prompt", None)  # a trainer's own goes before
        fields.update(shape or self._label(fields))
        if not self._question:
            check_replies(responses, fields, dict(self._columns_read), self._columns)
        if self._tool is not None and "finish_reason" in self._tool.fields and "finish_reason" not in fields:
            reason = self._of_tool("finish_reason")[1]
            if reason is not None:
                fields["finish_reason"] = reason
        for name in ("reference", "prompt", "tests"):
            if fields.get(name) is None:
                fields.pop(name, None)
        samples: list[Sample] = []
        opened: bool | None = None
        for place, response in enumerate(responses):
            if not isinstance(response, str):
                where = f"responses[{place}]" if plural else self._where("response")
                if opened is None:
                    asked_with = samples[-1] if samples else read_sample({**fields, "response": ""})
                    opened = ends_in_think(asked_with.prompt) if isinstance(self._prefilled, str) else self._prefilled
                tools = fields.get("kind") == "tools"
                response = (
                    capabilities.calls_text(response, opened=opened) if tools else reply_text(response, where, opened)
                )
            if not self._question and fields.get("kind") is None:
                check_letter(self._row, fields.get("reference"), response)
            if samples:
                samples.append(replace(samples[-1], response=response))
            else:
                samples.append(read_sample({**fields, "response": response}))
        return Read(samples, plural, self._reading())

    # -- fields -------------------------------------------------------------------------------------------------------

    def _responses(self) -> tuple[list[Any], bool]:  # any: texts or messages
        """What the model wrote, as it stands in the row."""
        if self._columns.get("responses"):
            path = self._columns["responses"]
            value = get(self._row, str(path))
            if isinstance(value, list):
                return value, True
        own = self._row.get("response")
        if self._tool is not None and "response" not in self._columns and not isinstance(own, str):
            place, several = self._of_tool("responses")
            several = several_of(several)
            if several and all(one is None for one in several):
                several = None
            if several == []:
                raise SampleError("missing_field", f"{place} is empty: no response was made")
            if isinstance(several, list):
                self._note("responses", place)
                return several, not (self._tool.single and len(several) == 1)
        path, value = self._first("response")
        if value is None and "response" not in self._columns:
            place, several = self._several()
            if isinstance(several, list):
                self._note("responses", place)
                return several, True
            if isinstance(several, str) and several.strip():
                self._note("response", place)
                return [several], False
            if spoken := bare_message(self._row):
                self._note("response", "content")
                return [spoken], False
        if value is None and not self._has_conversation():
            looked = self._columns.get("response") or "response"
            if self._tool is not None and "response" not in self._columns:
                paths = (*self._tool.fields.get("responses", ()), *self._tool.fields.get("response", ()))
                looked = " or ".join(paths) or looked
            raise SampleError("missing_field", f"the row has no field {looked!r}")
        if isinstance(value, int | float):
            path, value = of_number(self._row, path, value, self._columns)
        if value is not None:
            path, value = self._agree(path, value)
            self._note("response", path)
            if isinstance(value, Mapping) and (several := choices_of(value.get("choices"))):
                return several, len(several) > 1
            if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
                return value, len(value) > 1
        return [value], False

    def _several(self) -> tuple[str, Any]:  # any: texts or messages
        """Several responses: under a usual name, as a completion's choices, or one a column."""
        path, value = self._first("responses")
        paths = (path, *self._paths["responses"]) if value is not None else ()
        for place in paths:
            several = several_of(value if place == path else get(self._row, place))
            if (several == [] and place == "responses") or (isinstance(several, list | str) and several):
                return place, several
        if several := choices_of(self._row.get("choices")):
            return "choices", several
        texts = [self._row[name] for name in self._layout.numbered]
        if texts and all(isinstance(text, str) for text in texts):
            return ", ".join(self._layout.numbered), texts
        return "", None

    def _agree(self, path: str, value: Any) -> tuple[str, Any]:  # any: text or messages
        """Where the response stands, and it: of an answer and the text that it was taken from the text.

        Raises SampleError where another usual name of a response holds another text: neither can be preferred.
        """
        if not isinstance(value, str) or path == "response" or path in self._columns.values():
            return path, value
        if self._tool is not None and path in self._tool.fields.get("response", ()):
            return path, value
        whole = path, value
        for other in self._paths["response"]:
            text = None if other in SHORT and path not in SHORT else get(self._row, other)
            if other != path and isinstance(text, str) and text.strip() and text not in value and value not in text:
                raise SampleError(
                    "ambiguous_response", f"{path} and {other} both may be the response; --map response={path} says so"
                )
            if other != path and isinstance(text, str) and fuller(whole[1], text):
                whole = other, text
        return whole

    def _has_conversation(self) -> bool:
        return any(is_conversation(self._row.get(name)) for name in CONVERSATIONS)

    def _prompt(self, responses: list[Any]) -> tuple[Any, Any]:  # any: texts or messages
        """The prompt, and the turns that answer it where the row keeps both in one conversation."""
        path, asked = self._first("prompt")
        turns = None
        column = next((name for name in CONVERSATIONS if is_conversation(self._row.get(name))), None)
        if column is not None:
            before, after = split_conversation(self._row[column])
            if responses == [None]:
                if not after:
                    raise SampleError("missing_field", f"{column} ends with a user's turn, so the row has no response")
                check_turns(self._row, column, after)
                turns = after
                self._note("response", column)
                asked, path = before, column
            elif asked is None:
                asked, path = before, column
        if asked is None and not responses:
            return None, turns
        if isinstance(asked, str) and asked[:1] == "[":
            read = read_text(asked)
            asked = read if is_conversation(read) else asked
        if isinstance(asked, Mapping) and isinstance(asked.get("raw"), str):
            asked = asked["raw"]  # promptfoo keeps a label beside it
        if is_message(asked):
            asked = [asked]
        if is_conversation(asked):
            asked = [as_message(turn) for turn in asked]
        if responses and is_conversation(responses[0]) and asked is None and len(responses[0]) > 1:
            asked = split_conversation(responses[0])[0] or None
        if asked is not None and not isinstance(asked, str | list):
            if path == "prompt" or path in self._columns.values():
                return asked, turns
            return None, turns
        if asked is not None:
            self._note("prompt", path)
        return asked, turns

    def _kind(self, fields: dict[str, Any]) -> None:
        path, value = self._first("kind")
        if value is None:
            return
        kind = kind_of(value)
        if kind == "answer" and not any(self._row.get(name) is not None for name in _OWN_ANSWER):
            kind = None  # `answer`, `response`: what data sets call a part of a row
        if kind is not None:
            fields["kind"] = kind
        elif path in self._columns.values():
            raise SampleError("wrong_type", f"{path} is {_short(value)}, which names no kind")
        else:
            self._foreign.append(f"kind={_short(value)}")

    def _language(self, fields: dict[str, Any]) -> None:
        path, value = self._first("language")
        if value is None:
            return
        code = language_of(value)
        if code is not None:
            fields["language"] = code
        elif program_language_of(value) is not None:
            fields.setdefault("code_language", value)
        elif path in self._columns.values():
            raise SampleError("wrong_type", f"{path} is {_short(value)}, which is no language's code or English name")
        else:
            self._foreign.append(f"language={_short(value)}")

    def _limits(self, fields: dict[str, Any]) -> None:
        path, value = self._first("limits")
        if value is None:
            return
        limits = own_limits(value)
        if limits is not None:
            fields["limits"] = limits
        elif path in self._columns.values():
            fields["limits"] = value
        else:
            self._foreign.append(f"limits={_short(value)}")

    def _label(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The gold or the tests. Raises SampleError."""
        kind = fields.get("kind")
        seen = {**self._row, **fields}
        fields_read: dict[str, Any] = {}
        path, tests = self._first("tests")
        named = path in self._columns.values()
        if tests is not None and (named or not is_outcome(tests)):
            fields_read["tests"] = _table(tests) if kind in (None, "code") or named else None
            if fields_read["tests"] is None:
                self._foreign.append(f"tests={_short(tests)}")
        elif tests is not None:
            self._foreign.append(f"tests={_short(tests)}")
        name, gold = self._gold(fields)
        if gold is None:
            return fields_read
        self._note("reference", name)
        if fields_read.get("tests") is not None:
            if isinstance(gold, Mapping) or (
                isinstance(gold, list) and any(isinstance(g, Mapping | list) for g in gold)
            ):
                return fields_read
            return {**fields_read, "reference": gold}
        inner = self._row.get("doc") if self._tool is not None else None
        if isinstance(inner, Mapping):  # lm-eval keeps the row of the data set there, with its options
            for column in ("choices", "options"):
                if isinstance(inner.get(column), list | dict) and column not in seen and len(inner[column]) > 1:
                    fields[column] = seen[column] = inner[column]
        label = label_fields(gold, name, seen, kind)
        label = label if kind is not None else choice_fields(label, seen)
        filled = {key: value for key, value in fields_read.items() if value is not None}
        # Beside tests a solution is a program.
        tested = not _TESTS.isdisjoint(self._row)
        if kind in (None, "math") and name not in self._columns.values() and not filled and not tested:
            read = check_solution(label, name)
            label = read if read is label or kind is not None else choice_fields(read, seen)
        return {**(words(label) if self._reader.words and kind is None else label), **filled}

    def _gold(self, fields: dict[str, Any]) -> tuple[str, Any]:
        kind = fields.get("kind")
        if "reference" in self._columns:
            path = self._columns["reference"]
            return ("", None) if path is None else (path, get(self._row, path))
        own = self._row.get("reference")
        if own not in (None, "", []) or (own == [] and kind == "tools"):  # no call is right
            return "reference", own
        chosen = choose(self._golds(kind), {**self._row, **fields}, answered=not self._question)
        return ("", None) if chosen is None else chosen

    def _golds(self, kind: str | None) -> list[tuple[str, Any]]:  # any: JSON values
        used = {path for name, path in self._columns_read if name in ("response", "responses")}
        used.update(path for path in self._columns.values() if path is not None)
        used.update(name for name, sure in self._reader.aside if not sure or get(self._row, sure) not in (None, "", []))
        return golds_in(self._row, kind, self._layout, self._tool, used, self._reader.cop)

    def candidates(self) -> tuple[str | None, list[tuple[str, Any]]]:  # any: JSON values
        """The response where it can be read as one, and what may be the gold."""
        try:
            responses, _ = self._responses()
            said = responses[0] if isinstance(responses[0], str) else reply_text(responses[0], "response", False)
        except (SampleError, IndexError):
            said = None
        return said, self._golds(None)

    # -- where --------------------------------------------------------------------------------------------------------

    def _first(self, name: str) -> tuple[str, Any]:  # any: JSON values
        """Where a field stands, and what is there; None where it is nowhere."""
        if name in self._columns:
            path = self._columns[name]
            return ("", None) if path is None else (path, get(self._row, path))
        own = self._row.get(name)
        if own is not None and not (self._tool is not None and name in self._tool.fields and isinstance(own, Mapping)):
            return name, own
        path, value = self._of_tool(name)
        if value is not None:
            return path, value
        unlike: tuple[str, Any] = "", None  # any: a JSON value
        for path in self._paths[name]:
            value = get(self._row, path)
            if value is None or path == name or (isinstance(value, list) and is_tokens(value)):
                continue
            if name != "response" or may_speak(value):
                return path, value
            unlike = unlike if unlike[0] else (path, value)
        for path in self._layout.inner.get(name, ()):
            value = get(self._row, path)
            if isinstance(value, str) or (value and name == "response"):
                return path, value
        return unlike

    def _of_tool(self, name: str) -> tuple[str, Any]:  # any: JSON values
        for path in () if self._tool is None else self._tool.fields.get(name, ()):
            value = get(self._row, path)
            if value is not None:
                return path, value
        return "", None

    def _where(self, name: str) -> str:
        return next((path for field, path in self._columns_read if field == name), name)

    def _note(self, name: str, path: str) -> None:
        if path and path != name:
            self._columns_read.append((name, path))

    def _reading(self) -> Reading | None:
        tool = None if self._tool is None else self._tool.name
        if tool is None and not self._columns_read and not self._foreign:
            return None
        return Reading(tool, tuple(self._columns_read), tuple(self._foreign))


def _is_of(tool: Tool, row: Row) -> bool:
    """Whether a row holds what the tool's own writer gives it."""
    if not tool.needs:
        return True
    if tool.name == "gemini" and isinstance(row.get("response"), str):
        return False  # without looking for JSON in it
    if tool.name == "evalplus":
        name = row.get("task_id")
        return (
            isinstance(name, str) and "/" in name and not any(row.get(n) is not None for n in ("response", "responses"))
        )
    if tool.name == "verifiers" and isinstance(row.get("traces"), list) and len(row["traces"]) != 1:
        return False  # of several agents, one of which may judge the others
    if tool.name == "openai" and "custom_id" in row:
        return isinstance(row.get("response"), Mapping)
    if tool.name == "openai" and not any(get(row, path) for path in ("choices", "output", "response")):
        return False
    return any(all(get(row, path) is not None for path in need) for need in tool.needs)


def _copied(completion: object) -> object:
    return completion if completion is None or isinstance(completion, str | Mapping) else plain(completion)


def _table(tests: Any) -> Any:  # any: JSON values
    """Tests as a list where they are a table of columns, the way Arrow keeps a list of structs."""
    parsed = read_text(tests) if isinstance(tests, str) else tests
    if not isinstance(parsed, dict) or "inputs" in parsed:
        return tests if parsed is None else parsed
    lengths = {len(column) for column in parsed.values() if isinstance(column, list)}
    if len(lengths) != 1 or not all(isinstance(column, list) for column in parsed.values()):
        return parsed
    rows = [dict(zip(parsed, values, strict=True)) for values in zip(*parsed.values(), strict=True)]
    return [{"type": "stdin", **row} if "input" in row and row.get("type") is None else row for row in rows]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


__all__ = ["ALIASES", "MAPPABLE", "VERDICTS", "Read", "Reading", "RowReader", "is_verdict", "read_columns"]
