"""Calls of tools in the forms in which models write them; nothing is evaluated.

| form | looks like |
| --- | --- |
| Hermes, Qwen | `<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>`; its data as Python's dicts too |
| Qwen-Coder | `<function=f><parameter=a>1</parameter></function>` |
| Llama | `<|python_tag|>{"name": "f", "parameters": {"a": 1}}; {...}`, or without the tag |
| Harmony (gpt-oss) | `<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>` |
| Mistral | `[TOOL_CALLS][{"name": "f", "arguments": {}}]`, `[TOOL_CALLS]f[ARGS]{}` |
| GLM | `<arg_key>a</arg_key><arg_value>1</arg_value>`; GLM 4 9B: a tool's name on a line, JSON on the next |
| XML | `<invoke name="f"><parameter name="a">1</parameter></invoke>` |
| marks of others | DeepSeek, Kimi, MiniMax, Command, Granite, Phi, Nemotron and more: `marks.toml` |
| OpenAI and plain JSON | objects with `name` or `function`, bare, after prose or in fences; `{"f": {"a": 1}}` |
| pythonic | `[f(a=1), g.h(b="x")]`, or a call a line; literals only; in Gemma's `print(...)` |
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ..json_answer import JsonError, read_json
from ..reasoning import scan

_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs", "tool_arguments")
_LONGEST = 20_000
"""Characters of a pythonic list of calls."""
_MOST = 64
"""Calls that are read."""
_MARKS = tomllib.loads(Path(__file__).with_name("marks.toml").read_text(encoding="utf-8"))
_MARKED = re.compile(
    "|".join(
        [
            *(f"(?:{opens})(?P<body{at}>.*?)(?:{closes}|\\Z)" for at, (opens, closes) in enumerate(_MARKS["wrapped"])),
            *(one.replace("(?P<", f"(?P<n{at}_") for at, one in enumerate(_MARKS["named"])),
        ]
    ),
    re.DOTALL,
)
_THOUGHT = re.compile(r"<\|channel\|>analysis<\|message\|>.*?(?:<\|end\|>|\Z)", re.DOTALL)
_HEADER = re.compile(
    r"<\|(?:header_start|start_header_id)\|>assistant<\|(?:header_end|end_header_id)\|>\s*|\A\s*<\|assistant\|>\s*"
    r"|<\|(?:eot|eom|eot_id|eom_id)\|>(?=\s*<\|(?:header_start|start_header_id)\|>)"
)
"""Whose turn it is, in Llama's and GLM's templates."""
_NAMED_LINE = re.compile(r"\s*([A-Za-z_][\w.\-]*)[ \t]*\n\s*(\{.*\})\s*", re.DOTALL)
_PARAMETER = re.compile(
    r"<parameter(?:=([\w.\-]+)| name=\"([\w.\-]+)\"[^>]*)>\n?(.*?)\n?(?:</parameter>|(?=<parameter)|\Z)", re.DOTALL
)
_GLM = re.compile(r"<arg_key>([^<]*)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|(?=<arg_key>)|\Z)", re.DOTALL)
_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)\s*:")
_GAP = re.compile(r"[ ;,\n\t]*")
_AT_END = re.compile(r"\n\s*\{(?=\s*\"(?:name|type|function)\")")
"""Calls in JSON after prose, as Llama writes them."""
_IN_QUOTES = re.compile(r"(\"arguments\":\s*)'(\{.*\})'(?=\s*\}$)", re.DOTALL)
"""Arguments as Glaive's data has them."""
_OBJECT = re.compile(r"\s*\{")
_SINGLE = re.compile(r"\[?\s*\{\s*'")
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


def read_calls(text: str, names: Collection[str] = ()) -> list[Call]:
    """The calls in a text, in order; none where it holds none. Raises CallError.

    `names` are the tools that a line may name before its arguments.

    >>> [call.name for call in read_calls('<tool_call>{"name": "f", "arguments": {}}</tool_call>')]
    ['f']
    >>> read_calls("[f(a=1)]")[0].arguments, read_calls("I call nothing (yet).")
    ({'a': 1}, [])
    """
    calls: list[Call] = []
    at = 0
    text = _plain_marks(text)
    for _ in range(_MOST):
        match = _MARKED.search(text, at)
        if match is None:
            return calls or _named_lines(text, names) or _bare(text.strip())
        quoted = _quoted(text, match)
        calls += list(_calls_in(text[quoted[0] : quoted[1]])) if quoted else _marked(match)
        at = quoted[1] if quoted else match.end()
    raise CallError(f"there are more than {_MOST} calls")


def _plain_marks(text: str) -> str:
    """A text with DeepSeek 3.2's marks as others write them, and without what Harmony's analysis channel thinks."""
    text = text.replace("｜DSML｜", "") if "｜DSML｜" in text else text
    text = _HEADER.sub("", text) if "<|" in text else text
    return _THOUGHT.sub("", text) if "<|channel|>" in text else text


def _named_lines(text: str, names: Collection[str]) -> list[Call]:
    """GLM 4's calls: a known tool's name, and its arguments on the next line; several with `<|assistant|>` between."""
    lines = [_NAMED_LINE.fullmatch(part) for part in text.split("<|assistant|>")] if names else []
    named = [match for match in lines if match is not None and match[1] in names]
    return [Call(match[1], _arguments(match[2])) for match in named] if len(named) == len(lines) else []


def _calls_in(text: str) -> Iterator[Call]:
    """The calls in JSON values one after the other. Raises CallError."""
    for value in _objects(text):
        yield from of_value(value)


def _quoted(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Where the JSON of `<tool_call>` stands, if a `</tool_call>` inside one of its texts cut it short."""
    body = match["body0"]
    opened = _OBJECT.match(text, match.start("body0")) if body is not None else None
    if body is None or opened is None or '"' not in body or body.rstrip().endswith("}"):
        return None
    try:
        end = json.JSONDecoder().raw_decode(text, opened.end() - 1)[1]
    except (ValueError, RecursionError):
        return None
    return (opened.end() - 1, end) if end > match.end("body0") else None


def rest_of(text: str) -> str:
    """What a text says beside its marked calls."""
    return _MARKED.sub("", _plain_marks(text)).strip()


def _marked(match: re.Match[str]) -> list[Call]:
    kind = str(match.lastgroup)
    body = str(match[kind]).strip()
    if kind.startswith("body"):
        # What a JSON text quotes is no call.
        inner = list(islice(_MARKED.finditer(body), _MOST)) if "<" in body and body[:1] != "{" else []
        if inner:
            return [call for one in inner for call in _marked(one)]
        return _tagged(body) if kind == "body0" and not body.startswith(("{", "[")) else _of_text(body)
    name = str(match[kind.replace("body", "name")])
    if _PARAMETER.search(body):
        return [Call(name, {m[1] or m[2]: m[3] for m in _PARAMETER.finditer(body)}, texts=True)]
    if "call:" in match[0][:32]:
        parts = body.replace('<|"|>', "<escape>").split("<escape>")
        parts = [json.dumps(part) if at % 2 else _KEY.sub(r'\1"\2":', part) for at, part in enumerate(parts)]
        body = "".join(parts)
    return [Call(name, _arguments(_unfenced(body) or "{}"))]


def _unfenced(body: str) -> str:
    return re.sub(r"^```(?:json)?\s*|\s*```$", "", body)


def _tagged(body: str) -> list[Call]:
    """A call in `<tool_call>` that is no JSON: GLM's, Hunyuan's, or a pythonic one."""
    name = body.split("<arg_key>", 1)[0].strip()
    if "<arg_key>" in body or re.fullmatch(r"[\w.\-]+", name):
        return [Call(name, {key.strip(): value.strip() for key, value in _GLM.findall(body)}, texts=True)]
    named = re.fullmatch(r"([\w.\-]+)\s*(```(?:json)?\s*\{.*\}\s*```|\{.*\})", body, re.DOTALL)
    return [Call(named[1], _arguments(_unfenced(named[2])))] if named else _of_text(body)


def _objects(text: str, *, then_prose: bool = False) -> Iterator[Any]:  # any: JSON values
    """JSON values that `;` or white space separates; prose may follow them on another line. Raises CallError."""
    decoder, at, end = json.JSONDecoder(), 0, 0
    for _ in range(_MOST):
        if at >= len(text) or (then_prose and at and text[at] != "{" and "\n" in text[end:at]):
            return
        try:
            end = decoder.raw_decode(text, at)[1]
            yield read_json(text[at:end])
        except (ValueError, RecursionError, JsonError) as error:
            raise CallError(f"a call is no JSON: {error}") from error
        at = end
        at = len(text) if (gap := _GAP.match(text, at)) is None else gap.end()
    raise CallError(f"there are more than {_MOST} calls")


def _of_text(body: str) -> list[Call]:
    """Calls in a text that must be calls. Raises CallError."""
    if body.startswith(("{", "[{", "[]")) or (body.startswith("[") and not _PLAIN.match(body)):
        try:
            return of_value(read_json(_IN_QUOTES.sub(r"\1\2", body) if "'{" in body else body))
        except JsonError as error:
            if _SINGLE.match(body) and (value := _literal(body)) is not None:
                return of_value(value)
            if body.startswith("{"):
                return list(_calls_in(body))
            raise CallError(f"a call is no JSON: {error}") from error
    calls = _pythonic(body)
    if calls is None:
        raise CallError("what is marked as a call is none")
    return calls


def _bare(text: str) -> list[Call]:
    """Calls in a text that need not hold any: JSON or pythonic ones, bare, at its end, or in its fences."""
    fences = scan(text).fences if "```" in text else ()
    if fences and all(fence.language in ("json", "python", "tool_code", "tool_call", "") for fence in fences):
        bodies = [fence.body.of(text).strip() for fence in fences]
        if len(bodies) > 1:
            calls = [_plain_calls(body) for body in bodies[:_MOST]]
            return [call for some in calls for call in some] if all(calls) else []
        text = bodies[0]
    return _plain_calls(text)


def _plain_calls(text: str) -> list[Call]:
    start = 0 if text[:1] == "{" else _AT_END.search(text)
    if isinstance(start, re.Match):
        start = start.end() - 1 if text[:1] != "[" and text.endswith("}") else None
    if start is not None:
        try:
            values = list(_objects(text[start:], then_prose=True))
        except CallError:
            if re.search(r"\"(?:name|function|tool_calls)\"\s*:", text[start : start + 400]):
                raise
            return []
        # Beside prose an object with a name alone may be anything.
        named = start == 0 and text.endswith("}")
        named = named or all(isinstance(one, dict) and {*_ARGUMENTS} & one.keys() for one in values)
        return of_value(values) if named and all(map(_is_call, values)) else []
    if re.match(r"\[\s*[{\]]", text):
        try:
            value = read_json(text)
        except JsonError as error:
            if re.search(r"\"(?:name|function|tool_calls)\"\s*:", text[:400]):
                raise CallError(f"a call is no JSON: {error}") from error
            return []
        return of_value(value) if _is_call(value) else []
    return (_pythonic(text) or []) if _PLAIN.match(text) else []


def _is_text(value: Any) -> bool:  # any: a JSON value
    """Whether a value is a block of a message that says something and calls nothing, as Anthropic has them."""
    return isinstance(value, dict) and value.get("type") in ("text", "thinking") and value["type"] in value


def _is_call(value: Any) -> bool:  # any: a JSON value
    if isinstance(value, list):
        blocks = [one for one in value if not _is_text(one)]
        return bool(blocks) and all(map(_is_call, blocks))
    if not isinstance(value, dict):
        return False
    if "role" in value and isinstance(value.get("content"), list):
        return _is_call(value["content"])
    single = len(value) == 1 and isinstance(next(iter(value.values())), dict)
    return single or any(key in value for key in ("tool_calls", "function", "function_call")) or "name" in value


def of_value(value: Any) -> list[Call]:  # any: a JSON value
    """The calls that a JSON value is: an object, a list of them, an OpenAI message. Raises CallError."""
    if isinstance(value, list):
        return [call for one in value if not _is_text(one) for call in of_value(one)]
    if isinstance(value, str):
        calls = _pythonic(value)
        if calls is None:
            raise CallError(f"{value[:60]!r} is no call")
        return calls
    if not isinstance(value, dict):
        raise CallError(f"a call is a {type(value).__name__}")
    if isinstance(value.get("tool_calls"), list):
        return of_value(value["tool_calls"])
    if "role" in value and isinstance(value.get("content"), list):
        return of_value([one for one in value["content"] if not _is_text(one)])
    inner = value.get("function", value.get("function_call"))
    if isinstance(inner, dict):
        return of_value(inner)
    name = value.get("name", inner if isinstance(inner, str) else value.get("tool_name", value.get("tool")))
    if isinstance(name, str):
        return [Call(name, _arguments(next((value[key] for key in _ARGUMENTS if key in value), {})))]
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


def _literal(text: str) -> Any:  # any: literals
    """A dict or a list as Python prints it, as Hermes' data has calls, of what JSON can say too; else None."""
    if len(text) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
            value = ast.literal_eval(tree)
        for node in ast.walk(tree):
            keys = [ast.literal_eval(key) for key in node.keys if key] if isinstance(node, ast.Dict) else []
            if len({*keys}) < len(keys) or not all(isinstance(key, str) for key in keys):
                return None  # which of two values is meant, no one can say
        return read_json(json.dumps(_plain(value), allow_nan=False))
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, JsonError):
        return None


def _pythonic(text: str) -> list[Call] | None:
    """Calls as Python writes them, of literals alone; None where it is anything else."""
    if len(text) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip()).body
        nodes = [_printed(node.value) for node in body if isinstance(node, ast.Expr)]
        if len(nodes) == 1 and isinstance(nodes[0], ast.List | ast.Tuple):
            nodes = nodes[0].elts
        if not body or len(nodes) < len(body) or not all(isinstance(node, ast.Call) for node in nodes):
            return None
        return [_call(node) for node in nodes if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        return None


def _printed(node: ast.expr) -> ast.expr:
    """The call that is printed, as Gemma 3 writes it; else the expression itself."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"):
        return node
    if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Call):
        return node.args[0]
    return node


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
