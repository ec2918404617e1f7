"""Calls of tools in the forms in which models write them; nothing is evaluated.

| form | looks like |
| --- | --- |
| Hermes, Qwen | `<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>` |
| Qwen-Coder | `<function=f><parameter=a>1</parameter></function>` |
| Llama 3.1 | `<function=f>{"a": 1}</function>` |
| Llama 3 | `<|python_tag|>{"name": "f", "parameters": {"a": 1}}; {...}` |
| Mistral | `[TOOL_CALLS][{"name": "f", "arguments": {}}]`, `[TOOL_CALLS]f[ARGS]{}` |
| DeepSeek, Kimi | their own marks around a name and JSON |
| GLM | `<arg_key>a</arg_key><arg_value>1</arg_value>` |
| XML | `<invoke name="f"><parameter name="a">1</parameter></invoke>` |
| OpenAI and plain JSON | objects with `name` or `function`, bare or in one fence; `{"f": {"a": 1}}` |
| pythonic | `[f(a=1), g.h(b="x")]`, or a call a line; literals only |
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..json_answer import JsonError, read_json
from ..reasoning import scan

_LONGEST = 20_000
"""Characters of a pythonic list of calls."""
_MOST = 64
"""Calls that are read."""
_MARKED = re.compile(
    r"<tool_call>(?P<hermes>.*?)(?:</tool_call>|(?=<tool_call>)|\Z)"
    r"|<function=(?P<function>[\w.\-:]+)>(?P<body>.*?)(?:</function>|\Z)"
    r"|<invoke name=\"(?P<invoke>[\w.\-:]+)\">(?P<inside>.*?)(?:</invoke>|\Z)"
    r"|<\|python_tag\|>(?P<python>.*?)(?:<\|e\w+_id\|>|\Z)"
    r"|\[TOOL_CALLS\]\s*(?:(?P<name>[\w.\-]+)\s*(?:\[CALL_ID\][\w\-]*)?\[ARGS\])?(?P<mistral>.*?)(?=\[TOOL_CALLS\]|\Z)"
    r"|<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?(?P<deepseek>[\w.\-]+)(?:<｜tool▁sep｜>|\s)(?P<deep>.*?)(?:<｜tool▁call▁end｜>|\Z)"
    r"|<\|tool_call_begin\|>\s*(?:functions\.)?(?P<kimi>[\w.\-]+?)(?::\d+)?\s*<\|tool_call_argument_begin\|>(?P<kimi_body>.*?)(?:<\|tool_call_end\|>|\Z)"
    r"|<TOOLCALL>(?P<nemo>.*?)(?:</TOOLCALL>|\Z)|<\|tool_call\|>(?P<phi>.*?)(?:<\|/tool_call\|>|\Z)"
    r"|<tools>(?P<coder>.*?)(?:</tools>|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<parameter(?:=([\w.\-]+)| name=\"([\w.\-]+)\"[^>]*)>\n?(.*?)\n?(?:</parameter>|(?=<parameter)|\Z)", re.DOTALL
)
_GLM = re.compile(r"<arg_key>([^<]*)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|(?=<arg_key>)|\Z)", re.DOTALL)
_GAP = re.compile(r"[ ;,\n\t]*")
_OBJECT = re.compile(r"\s*\{")
_PLAIN = re.compile(r"\s*(?:\[\s*)?[A-Za-z_][\w.]*\(")


class Call(NamedTuple):
    """One call."""

    name: str
    arguments: Mapping[str, Any]  # any: JSON values
    positional: Sequence[Any] = ()
    """Arguments without names, of pythonic calls."""
    texts: bool = False
    """Whether every value is text, as in XML, and the tool's schema says what it stands for."""


class CallError(Exception):
    """What begins like a call is none; the message says why."""


def read_calls(text: str) -> list[Call]:
    """The calls in a text, in order; none where it holds none. Raises CallError.

    >>> [call.name for call in read_calls('<tool_call>{"name": "f", "arguments": {}}</tool_call>')]
    ['f']
    >>> read_calls("[f(a=1)]")[0].arguments, read_calls("I call nothing (yet).")
    ({'a': 1}, [])
    """
    calls: list[Call] = []
    at = 0
    for _ in range(_MOST):
        match = _MARKED.search(text, at)
        if match is None:
            return calls or _bare(text.strip())
        quoted = _quoted(text, match)
        calls += of_value(read_json(text[quoted[0] : quoted[1]])) if quoted else _marked(match)
        at = quoted[1] if quoted else match.end()
    raise CallError(f"there are more than {_MOST} calls")


def _quoted(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Where the JSON of `<tool_call>` stands, if a `</tool_call>` inside one of its texts cut it short."""
    opened = _OBJECT.match(text, match.start("hermes")) if match["hermes"] is not None else None
    if opened is None or '"' not in match["hermes"] or match["hermes"].rstrip().endswith("}"):
        return None
    try:
        end = json.JSONDecoder().raw_decode(text, opened.end() - 1)[1]
    except (ValueError, RecursionError):
        return None
    return (opened.end() - 1, end) if end > match.end("hermes") else None


def rest_of(text: str) -> str:
    """What a text says beside its marked calls."""
    return _MARKED.sub("", text).strip()


def _marked(match: re.Match[str]) -> list[Call]:
    kind = match.lastgroup or ""
    named = match["function"] or match["invoke"] or match["deepseek"] or match["kimi"] or match["name"]
    body = str(match[kind]).strip()
    if named is None:
        if kind == "hermes" and not body.startswith(("{", "[")):
            return _tagged(body)
        if kind == "python" and ";" in body:
            return [call for part in _objects(body) for call in of_value(part)]
        return _of_text(body)
    if _PARAMETER.search(body):
        return [Call(named, {m[1] or m[2]: m[3] for m in _PARAMETER.finditer(body)}, texts=True)]
    body = re.sub(r"^```(?:json)?\s*|\s*```$", "", body)
    return [Call(named, _arguments(body or "{}"))]


def _tagged(body: str) -> list[Call]:
    """A call in tags inside `<tool_call>`: Qwen-Coder's, GLM's, or a pythonic one."""
    inner = _MARKED.search(body)
    if inner:
        return _marked(inner)
    name = body.split("<arg_key>", 1)[0].strip()
    if "<arg_key>" in body or re.fullmatch(r"[\w.\-]+", name):
        return [Call(name, {key.strip(): value.strip() for key, value in _GLM.findall(body)}, texts=True)]
    return _of_text(body)


def _objects(text: str) -> Iterator[Any]:  # any: JSON values
    """JSON values that `;` or white space separates. Raises CallError."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_MOST):
        if at >= len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise CallError(f"a call is no JSON: {error}") from error
        yield value
        at = len(text) if (gap := _GAP.match(text, at)) is None else gap.end()
    raise CallError(f"there are more than {_MOST} calls")


def _of_text(body: str) -> list[Call]:
    """Calls in a text that must be calls. Raises CallError."""
    if body.startswith(("{", "[{", "[]")) or (body.startswith("[") and not _PLAIN.match(body)):
        try:
            return of_value(read_json(body))
        except JsonError as error:
            if body.startswith("{") and "}\n{" in body:
                return [call for part in _objects(body) for call in of_value(part)]
            raise CallError(f"a call is no JSON: {error}") from error
    calls = _pythonic(body)
    if calls is None:
        raise CallError("what is marked as a call is none")
    return calls


def _bare(text: str) -> list[Call]:
    """Calls in a text that need not hold any: JSON or pythonic ones, bare or in the one fence."""
    fences = scan(text).fences if "```" in text else ()
    if len(fences) == 1 and fences[0].language in ("json", "python", "tool_code", "tool_call", ""):
        text = fences[0].body.of(text).strip()
    if text[:1] == "{" or re.match(r"\[\s*[{\]]", text):
        try:
            value = read_json(text)
        except JsonError as error:
            if re.search(r"\"(?:name|function|tool_calls)\"\s*:", text[:400]):
                raise CallError(f"a call is no JSON: {error}") from error
            return []
        return of_value(value) if _is_call(value) else []
    return (_pythonic(text) or []) if _PLAIN.match(text) else []


def _is_call(value: Any) -> bool:  # any: a JSON value
    if isinstance(value, list):
        return bool(value) and all(map(_is_call, value))
    if not isinstance(value, dict):
        return False
    single = len(value) == 1 and isinstance(next(iter(value.values())), dict)
    return single or any(key in value for key in ("tool_calls", "function", "function_call")) or "name" in value


def of_value(value: Any) -> list[Call]:  # any: a JSON value
    """The calls that a JSON value is: an object, a list of them, an OpenAI message. Raises CallError."""
    if isinstance(value, list):
        return [call for one in value for call in of_value(one)]
    if isinstance(value, str):
        found = _pythonic(value)
        if found is None:
            raise CallError(f"{value[:60]!r} is no call")
        return found
    if not isinstance(value, dict):
        raise CallError(f"a call is a {type(value).__name__}")
    if isinstance(value.get("tool_calls"), list):
        return of_value(value["tool_calls"])
    inner = value.get("function", value.get("function_call"))
    if isinstance(inner, dict):
        return of_value(inner)
    name = value.get("name", inner if isinstance(inner, str) else value.get("tool_name", value.get("tool")))
    if isinstance(name, str):
        keys = ("arguments", "parameters", "args", "input", "kwargs", "tool_arguments")
        return [Call(name, _arguments(next((value[key] for key in keys if key in value), {})))]
    if len(value) == 1:
        ((name, arguments),) = value.items()
        if isinstance(arguments, dict):
            return [Call(name, arguments)]
    raise CallError(f"an object with the fields {', '.join(map(str, list(value)[:6]))} is no call")


def _arguments(value: Any) -> Mapping[str, Any]:  # any: JSON values
    if isinstance(value, str):
        try:
            value = read_json(value) if value.strip() else {}
        except JsonError as error:
            raise CallError(f"the arguments are no JSON: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CallError(f"the arguments are a {type(value).__name__}")
    return value


def _pythonic(text: str) -> list[Call] | None:
    """Calls as Python writes them, of literals alone; None where it is anything else."""
    if len(text) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
        nodes = [node.value for node in body if isinstance(node, ast.Expr)]
        if len(nodes) == 1 and isinstance(nodes[0], ast.List | ast.Tuple):
            nodes = nodes[0].elts
        if not body or len(nodes) < len(body) or not all(isinstance(node, ast.Call) for node in nodes):
            return None
        return [_call(node) for node in nodes if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        return None


def _call(node: ast.Call) -> Call:
    """Raises ValueError for what is no literal."""
    if any(keyword.arg is None for keyword in node.keywords):
        raise ValueError("** is no argument")
    arguments = {str(keyword.arg): _plain(ast.literal_eval(keyword.value)) for keyword in node.keywords}
    return Call(_dotted(node.func), arguments, [_plain(ast.literal_eval(one)) for one in node.args])


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ValueError("a call of what is no name")


def _plain(value: Any) -> Any:  # any: literals
    """A literal as JSON has it. Raises ValueError."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"{type(value).__name__} is no JSON")
