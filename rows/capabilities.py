"""Rows of instructions, short answers, tool calls, SQL and procedural tasks, as public data sets hold them.

| kind | known by |
| --- | --- |
| `instructions` | `instruction_id_list`, also in `doc`, `info`; a gold with `instruction_id` or `func_name` |
| `answer` | SQuAD's `answers`, DROP's `answers_spans` or `answer`, TriviaQA's `answer`, HotpotQA's `supporting_facts` |
| `tools` | BFCL's `function`, xLAM's `tools` with `answers`, NeMo-Gym's `expected_action` |
| `sql` | `db_id` with a query (Spider, BIRD), `sql_context`, a `context` of CREATE TABLE with an answer of SELECT |
| `procedural` | `metadata.source_dataset` (reasoning-gym) |

A row that says another kind of its own is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .messages import is_conversation, is_message, response_text
from .paths import get
from .values import Row, read_text

Fields = dict[str, Any]  # any: fields of a Sample, and of its meta

MARKERS = frozenset(
    "instruction_id_list function answers_spans answers aliases supporting_facts db_id sql_context expected_action"
    " item".split()
)
"""Columns of which a row may be one of these, though it has our own names besides."""
WHOLE = ("instructions", "tools", "procedural")
"""Kinds whose reference may be any JSON."""
_INNER = ("doc", "info", "extra_info", "metadata", "verification_info")
_GOLDS = ("ground_truth", "reward_model.ground_truth", "label", "answer", "reference", "gold", "info.ground_truth")
_INSTRUCTION = re.compile(r"""["'](?:instruction_id(?:_list)?|func_name)["']\s*:""")
_DATA = frozenset('[{" \n')
"""How a text begins that may be data."""
_SELECT = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)


def capability(row: Row, kind: str | None) -> Fields:
    """The kind of a row and the fields that its verifier asks for; empty where it is none of these, or says another.

    >>> capability({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}, None)["kind"]
    'instructions'
    >>> capability({"question": "Who?", "answers": {"text": ["Ann"], "answer_start": [3]}}, None)
    {'kind': 'answer', 'reference': ['Ann']}
    """
    for name in _possible(tuple(row)):
        if kind in (None, name):
            fields = _FINDERS[name](row)
            if fields is not None:
                return {"kind": name, **fields}
    return {}


@lru_cache(maxsize=512)
def _possible(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds that rows with these columns may be of."""
    return tuple(name for name, needed in _NEEDED.items() if not needed.isdisjoint(columns))


@lru_cache(maxsize=512)
def _gold_paths(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Where rows with these columns may hold instructions as their gold."""
    return tuple(path for path in _GOLDS if path.partition(".")[0] in columns)


def _instructions(row: Row) -> Fields | None:
    for place in (row, *(_mapping(row[name]) for name in _INNER if name in row)):
        if place.get("instruction_id_list"):
            return {"instruction_id_list": place["instruction_id_list"], "kwargs": place.get("kwargs")}
    for path in _gold_paths(tuple(row)):
        gold = get(row, path)
        if gold is None or (isinstance(gold, str) and gold[:1] not in _DATA):
            continue
        text = gold if isinstance(gold, str) else json.dumps(gold) if isinstance(gold, list | dict) else ""
        named = "instruction_id" in text or "func_name" in text
        if named and len(text) < 100_000 and _INSTRUCTION.search(text.replace("\\", "")):
            return _listed(gold) or {"reference": text}
    return None


def _listed(gold: Any) -> Fields | None:  # any: JSON values
    """Instructions of a gold as IFEval lists them, since they are no answer that a response could be."""
    call = _value(gold)
    while isinstance(call, list) and len(call) == 1:
        call = _value(call[0])
    if not isinstance(call, Mapping):
        return None
    if call.get("func_name"):
        arguments = {key: value for key, value in call.items() if key != "func_name"}
        return {"instruction_id_list": [call["func_name"]], "kwargs": [arguments]}
    name = next((key for key in ("instruction_id", "instruction_id_list") if call.get(key)), None)
    return None if name is None else {"instruction_id_list": call[name], "kwargs": call.get("kwargs")}


def _procedural(row: Row) -> Fields | None:
    for place in (row, *(_mapping(row[name]) for name in row.keys() & {"item", "entry", "extra_info", "info", "doc"})):
        inner = _mapping(place.get("entry", place))
        metadata = _mapping(inner.get("metadata"))
        if isinstance(metadata.get("source_dataset"), str) and "source_index" in metadata:
            fields = {key: inner[key] for key in ("question", "made") if key in inner}
            answer = inner.get("answer", inner.get("reference"))
            return {**fields, "metadata": metadata, **({} if answer is None else {"reference": str(answer)})}
    return None


def _tools(row: Row) -> Fields | None:
    functions = _value(row.get("function"))
    if _are_tools(functions):
        gold = next((row[name] for name in ("ground_truth", "possible_answer", "answer") if name in row), None)
        if gold is None and "irrelevance" in str(row.get("id")):
            gold = []
        return {"function": functions, **({} if gold is None else {"reference": _json(gold)}), **_asked(row)}
    tools = _value(row.get("tools", get(row, "responses_create_params.tools")))
    if not _are_tools(tools):
        return None
    action = _value(row.get("expected_action"))
    if isinstance(action, Mapping):
        return {"tools": tools, "reference": _json([action] if action.get("type") == "function_call" else [])}
    for name in ("answers", "expected_tool_calls", "expected_calls", "answer", "ground_truth", "tool_calls"):
        calls = _value(row.get(name))
        listed = calls if isinstance(calls, list) else [calls]
        if row.get(name) is not None and all(isinstance(one, Mapping) and _is_call(one) for one in listed):
            return {"tools": tools, "reference": _json(listed)}
    return None


def _are_tools(value: Any) -> bool:  # any: JSON values
    listed = value if isinstance(value, list) else [value]
    inner = [_mapping(one).get("function", one) for one in listed]
    return bool(listed) and all(isinstance(_mapping(one).get("name"), str) for one in inner)


def _is_call(value: Mapping[str, Any]) -> bool:  # any: JSON values
    inner = value.get("function") if isinstance(value.get("function"), Mapping) else value
    return (
        isinstance(inner, Mapping)
        and isinstance(inner.get("name"), str)
        and ("arguments" in inner or "parameters" in inner)
    )


def _asked(row: Row) -> Fields:
    """BFCL's question: a list of turns, each a list of messages."""
    turns = row.get("question")
    if isinstance(turns, list) and turns and all(map(is_conversation, turns)):
        return {"prompt": [message for turn in turns for message in turn]}
    return {}


def _sql(row: Row) -> Fields | None:
    names = ("SQL", "sql", "query", "gold_sql", "reference", "answer", "target", "ground_truth")
    gold = next((row[name] for name in names if isinstance(row.get(name), str) and _SELECT.match(row[name])), None)
    context = row.get("context")
    if gold is None or not (
        row.get("db_id") or row.get("sql_context") or (isinstance(context, str) and "CREATE TABLE" in context.upper())
    ):
        return None
    fields: Fields = {"reference": gold}
    if not row.get("sql_context") and isinstance(context, str):
        fields["schema"] = context
    asked = row.get("question", row.get("sql_prompt"))
    return fields | ({"prompt": asked} if asked is not None and row.get("prompt") is None else {})


def _answer(row: Row) -> Fields | None:
    answers = _mapping(row.get("answers"))
    texts = answers.get("text")
    if isinstance(texts, list) and "answer_start" in answers:
        return {"reference": [str(text) for text in texts] or ["unanswerable"]}
    spans = _mapping(row.get("answers_spans"))
    if isinstance(spans.get("spans"), list) and spans["spans"]:
        return _drop([spans])
    value = _mapping(row.get("answer"))
    if "spans" in value and ("number" in value or "date" in value):
        others = row.get("validated_answers")
        return _drop([value, *_table(others)])
    if "value" in value and isinstance(value.get("aliases"), list):
        names = [value["value"], *value["aliases"], *(value.get("normalized_aliases") or [])]
        return {"reference": list(dict.fromkeys(str(name) for name in names if name))}
    if isinstance(row.get("aliases"), list) and isinstance(row.get("answer"), str) and row["aliases"]:
        return {"reference": list(dict.fromkeys([row["answer"], *map(str, row["aliases"])]))}
    if "supporting_facts" in row and isinstance(row.get("answer"), str):
        return {"reference": row["answer"]}
    return None


def _drop(answers: Sequence[Row]) -> Fields | None:
    """DROP's answers, of several annotators: a number, a date, or spans, all of which are meant."""
    golds = []
    for answer in answers:
        date = [str(part) for name in ("day", "month", "year") if (part := _mapping(answer.get("date")).get(name))]
        if answer.get("number") not in (None, ""):
            golds.append([str(answer["number"])])
        elif date:
            golds.append([" ".join(date)])
        elif answer.get("spans"):
            golds.append([str(span) for span in answer["spans"]])
    golds = [gold for at, gold in enumerate(golds) if gold not in golds[:at]]
    return {"reference": [", ".join(gold) for gold in golds], "golds": golds} if golds else None


def _table(value: Any) -> Iterator[Row]:  # any: JSON values
    """Rows of a list, or of columns as Arrow keeps them."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, Mapping))
    elif isinstance(value, Mapping) and all(isinstance(column, list) for column in value.values()):
        for parts in zip(*value.values(), strict=False):
            yield dict(zip(value, parts, strict=True))


_NEEDED: Mapping[str, frozenset[str]] = {
    "instructions": frozenset(("instruction_id_list", *_INNER, *(path.partition(".")[0] for path in _GOLDS))),
    "procedural": frozenset(("metadata", "item", "entry", "extra_info", "info", "doc")),
    "tools": frozenset(("function", "tools", "responses_create_params")),
    "sql": frozenset(("db_id", "sql_context", "context")),
    "answer": frozenset(("answers", "answers_spans", "answer", "aliases", "supporting_facts")),
}
"""Columns of which a row of each kind has one."""
_FINDERS: Mapping[str, Callable[[Row], Fields | None]] = {
    "instructions": _instructions,
    "procedural": _procedural,
    "tools": _tools,
    "sql": _sql,
    "answer": _answer,
}


def _mapping(value: Any) -> Row:  # any: JSON values
    value_read = _value(value)
    return value_read if isinstance(value_read, Mapping) else {}


def _value(value: Any) -> Any:  # any: JSON values
    """What a text of JSON holds."""
    return read_text(value) if isinstance(value, str) and value and value[0] in "{[" else value


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- the calls of a conversation --------------------------------------------------------------------------------------


def calls_text(turns: object, *, opened: bool = False) -> str:
    """What a model wrote and called over its turns, each call as `<tool_call>`; one made again after an error once.

    >>> call = {"function": {"name": "f", "arguments": "{}"}}
    >>> calls_text({"role": "assistant", "content": None, "tool_calls": [call]})
    '<tool_call>{"name": "f", "arguments": "{}"}</tool_call>'
    """
    listed = [turns] if isinstance(turns, Mapping) else turns
    if not isinstance(listed, list) or not all(map(_is_turn, listed)):
        return response_text(turns, opened=opened)
    parts: list[str] = []
    failed = False
    for turn in listed:
        if turn.get("role") in ("tool", "function") or turn.get("type") == "function_call_output":
            failed = _is_error(turn)
            continue
        calls = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
        calls = [turn] if turn.get("type") in ("function_call", "tool_use") else calls
        if not calls and isinstance(turn.get("content"), list):
            calls = [block for block in turn["content"] if _mapping(block).get("type") == "tool_use"]
        if not calls and isinstance(turn.get("parts"), list):  # Gemini's
            calls = [
                _mapping(block).get("functionCall", _mapping(block).get("function_call")) for block in turn["parts"]
            ]
        written = [_call(call) for call in calls if isinstance(call, Mapping)]
        parts += [call for call in written if not (failed and call in parts)]
        if turn.get("role", "assistant") in ("assistant", "model") and turn.get("type") not in (
            "function_call",
            "tool_use",
        ):
            text = response_text(turn, opened=opened)
            parts.append(text)
        failed = False
    return "\n".join(part for part in parts if part)


def _is_turn(turn: object) -> bool:
    return is_message(turn) or (isinstance(turn, Mapping) and ("tool_calls" in turn or "type" in turn))


def _call(call: Row) -> str:
    inner = call.get("function") if isinstance(call.get("function"), Mapping) else call
    assert isinstance(inner, Mapping)
    arguments = next((inner[key] for key in ("arguments", "args", "input") if key in inner), None)
    return f"<tool_call>{json.dumps({'name': inner.get('name'), 'arguments': arguments})}</tool_call>"


def _is_error(turn: Row) -> bool:
    """Whether a tool says that it failed."""
    content = turn.get("content", turn.get("output"))
    text = content if isinstance(content, str) else json.dumps(content)
    return (
        turn.get("is_error") is True
        or turn.get("status") == "error"
        or bool(re.match(r"\W*(?:error|traceback|exception)\b", text, re.IGNORECASE))
    )
