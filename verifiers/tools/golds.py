"""What a row asks of the calls: its tools with their schemas, and the calls that are right."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..json_answer import same_json
from ..references import literal
from ..sample import Sample
from .calls import Call, CallError, of_value

_FOLD = re.compile(r"[ ,./\-_*^]")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*%?")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "str": (str,), "integer": (int,), "int": (int,), "number": (int, float), "float": (int, float),
    "double": (int, float), "boolean": (bool,), "bool": (bool,), "array": (list,), "list": (list,), "tuple": (list,),
    "object": (dict,), "dict": (dict,), "null": (type(None),),
}  # fmt: skip
_DEEPEST = 12


class Tool(NamedTuple):
    """One tool that the model may call."""

    name: str
    properties: Mapping[str, Any]  # any: JSON Schemas
    required: Sequence[str]
    closed: bool
    """Whether no other argument may be given."""


class Gold(NamedTuple):
    """One call that is asked for."""

    name: str
    arguments: Mapping[str, Any]  # any: JSON values; of BFCL lists of the values that will do
    choices: bool
    """Whether arguments are BFCL's lists of choices, of which "" says that it may be left out."""


class GoldError(Exception):
    """The row's tools or calls cannot be read; the message says why."""


def tools_of(sample: Sample) -> dict[str, Tool] | None:
    """The tools by name; None where the row names none. Raises GoldError."""
    names = ("tools", "functions", "function", "available_tools")
    held = next((sample.meta[name] for name in names if sample.meta.get(name)), None)
    listed = _value(held)
    if listed is None:
        return None
    tools = {}
    for one in listed if isinstance(listed, list) else [listed]:
        tool = _value(one)
        tool = tool.get("function", tool) if isinstance(tool, Mapping) else tool
        if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
            raise GoldError(f"a tool is {str(one)[:80]!r}, which has no name")
        schema = _value(tool.get("parameters", tool.get("input_schema", tool.get("inputSchema")))) or {}
        if not isinstance(schema, Mapping):
            raise GoldError(f"the parameters of {tool['name']} are no object")
        inner = schema.get("properties")
        # xLAM writes the properties alone.
        properties = inner if isinstance(inner, Mapping) else {} if "type" in schema else schema
        required = schema.get("required")
        required = [name for name in required if name in properties] if isinstance(required, list) else []
        tools[tool["name"]] = Tool(tool["name"], properties, required, bool(properties) or inner is not None)
    return tools


def golds_of(sample: Sample) -> list[list[Gold]]:
    """Alternatives, each a list of calls; empty where the row says none. Raises GoldError."""
    values = [_value(reference) for reference in sample.references]
    if not values:
        return [] if sample.reference is None else [[]]
    if len(values) > 1 and all(isinstance(one, Mapping) for one in values):
        values = [values]  # a list of calls that became several references
    alternatives = []
    for one in values:
        nested = isinstance(one, list) and one and all(isinstance(inner, list) for inner in one)
        if nested and all(isinstance(call, str) for inner in one for call in inner):
            alternatives.append(_calls([call for inner in one for call in inner]))  # turns, of a trajectory
        else:
            alternatives += [_calls(inner) for inner in one] if nested else [_calls(one)]
    return alternatives


def _calls(value: Any) -> list[Gold]:  # any: JSON values
    golds = []
    for one in value if isinstance(value, list) else [value]:
        one = _value(one)
        if isinstance(one, Mapping) and len(one) == 1 and "name" not in one:
            ((name, arguments),) = one.items()
            if isinstance(arguments, Mapping) and all(isinstance(choice, list) for choice in arguments.values()):
                golds.append(Gold(str(name), arguments, choices=True))
                continue
        try:
            golds += [Gold(call.name, _all(call), choices=False) for call in of_value(one)]
        except CallError as error:
            raise GoldError(f"the reference: {error}") from error
    return golds


def _all(call: Call) -> Mapping[str, Any]:  # any: JSON values
    return {**{f"#{at}": value for at, value in enumerate(call.positional)}, **call.arguments}


def _value(value: Any) -> Any:  # any: JSON values
    """What JSON text holds, also where it was written twice."""
    for _ in range(2):
        if isinstance(value, str) and value.strip()[:1] in ("[", "{", '"') and not re.match(r"\[\s*[A-Za-z_]", value):
            read = literal(value.strip())
            value = value if read is None else read
    return value


def fault_of(schema: Any, value: Any, depth: int = 0) -> str:  # any: a JSON Schema and a JSON value
    """How a value breaks the schema of a tool's argument, in some words; empty where it does not."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return ""
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed and not any(same_json(value, one) for one in allowed):
        return f"{value!r:.60} is none of {allowed!r:.80}"
    names = schema.get("type")
    kinds = [kind for name in (names if isinstance(names, list) else [names]) for kind in _kinds(name)]
    if kinds and not (isinstance(value, tuple(kinds)) and (not isinstance(value, bool) or bool in kinds)):
        return f"{value!r:.60} is no {names}" if value is not None or not schema.get("nullable") else ""
    if isinstance(value, list):
        return next((fault for one in value if (fault := fault_of(schema.get("items"), one, depth + 1))), "")
    if isinstance(value, dict) and isinstance(schema.get("properties"), Mapping):
        missing = [name for name in schema.get("required") or [] if name not in value]
        inner = (fault_of(schema["properties"].get(name), one, depth + 1) for name, one in value.items())
        return f"{missing[0]} is missing" if missing else next((fault for fault in inner if fault), "")
    return ""


def _kinds(name: object) -> tuple[type, ...]:
    text = str(name).split(",")[0].strip().lower()  # xLAM writes `str, optional`
    return _TYPES.get(text.partition("[")[0], ())


def converted(text: str, schema: Any) -> Any:  # any: a JSON Schema, a JSON value
    """What a text in XML stands for, by the schema of its argument."""
    kinds = _kinds(schema.get("type")) if isinstance(schema, Mapping) else ()
    if str in kinds:
        return text
    value = {"True": True, "False": False, "None": None}.get(text.strip(), literal(text.strip()))
    return text if value is None and text.strip() not in ("null", "None") else value


def same_value(said: Any, gold: Any, *, fold: bool, choices: bool = False, depth: int = 0) -> bool:  # any: JSON values
    """Whether a value is the one asked for: 1 and 1.0 the same, true not 1; `fold` compares texts as BFCL does, without
    spaces, case and `,./-_*^`, but for numbers."""
    if depth > _DEEPEST:
        return False
    if isinstance(said, str) and isinstance(gold, str):
        return said == gold or (fold and _folded(said) == _folded(gold))
    if isinstance(said, list) and isinstance(gold, list):
        if len(said) != len(gold):
            return False
        return all(
            same_value(a, b, fold=fold, choices=choices, depth=depth + 1) for a, b in zip(said, gold, strict=True)
        )
    if isinstance(said, dict) and isinstance(gold, dict):
        if choices:
            return not set(said) - set(gold) and all(
                chosen(said[key], one, fold=fold, depth=depth + 1) if key in said else optional(one)
                for key, one in gold.items()
            )
        return said.keys() == gold.keys() and all(
            same_value(said[key], gold[key], fold=fold, depth=depth + 1) for key in said
        )
    if isinstance(said, float) and isinstance(gold, int | float) and not isinstance(gold, bool):
        return said == gold or math.isclose(said, gold, rel_tol=1e-12)
    return type(said) is type(gold) and said == gold if isinstance(said, str | bool) else same_json(said, gold)


def chosen(said: Any, choices: Any, *, fold: bool, depth: int = 0) -> bool:  # any: JSON values
    """Whether a value is one of BFCL's choices."""
    options = choices if isinstance(choices, list) else [choices]
    return any(same_value(said, option, fold=fold, choices=True, depth=depth) for option in options)


def optional(choices: Any) -> bool:  # any: a JSON value
    """Whether an argument of BFCL may be left out."""
    return isinstance(choices, list) and "" in choices


def example(gold: Gold) -> Mapping[str, Any]:  # any: JSON values
    """Arguments that meet a gold."""
    if not gold.choices:
        return gold.arguments
    return {name: _first(choices) for name, choices in gold.arguments.items() if not optional(choices)}


def _first(choices: Any) -> Any:  # any: JSON values
    options: list[Any] = choices if isinstance(choices, list) else [choices]  # any: JSON values
    option: Any = next((one for one in options if one != ""), "")  # any: a JSON value
    if isinstance(option, dict):
        return {key: _first(one) for key, one in option.items() if not optional(one)}
    nested = isinstance(option, list) and option and all(isinstance(one, dict) for one in option)
    return [{key: _first(inner) for key, inner in one.items()} for one in option] if nested else option


def _folded(text: str) -> str:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return text.lstrip("+").replace(",", "")
    return _FOLD.sub("", text).lower().replace("'", '"')
