"""JSON that a model wrote: where it stands in a response, reading it strictly, checking it against a schema.

Reading is stricter than Python's: no NaN or Infinity, no key twice, bounded depth. A schema is never fetched: a
`$ref` that leads outside it is a fault of the schema. Schemas hold regular expressions, which Python runs without a
deadline, so a check that may take long runs in a process of its own, which is killed in the end.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from .reasoning import Reasoning, scan

_DEPTH = 200
"""Nesting that is read; deeper is not JSON for our purposes."""
_SECONDS = 5.0
"""How long a check in its own process may take."""
_LARGE = 100_000
"""Characters of JSON from which on a check runs in its own process."""
_FENCE_LANGUAGES = frozenset({"json", "json5", "jsonc", ""})


class JsonError(Exception):
    """A text is not JSON; the message says why."""


class SchemaFaultError(Exception):
    """A schema cannot be used: not a schema, leads outside itself."""


class SchemaTimeoutError(Exception):
    """A check took too long and was killed."""


def json_text(scanned: Reasoning, *, lenient: bool = False) -> str:
    r"""Where the JSON of a response stands: its answer block, else what follows the thinking, without a fence around.

    Lenient, one fence with prose around it will do; of several none is taken, or a model could offer all it can
    think of.

    >>> json_text(scan("<think>easy</think>\n```json\n[1]\n```"))
    '[1]\n'
    """
    text = scanned.answer
    if "```" not in text and "~~~" not in text:
        return text
    fences = [fence for fence in scan(text).fences if fence.language in _FENCE_LANGUAGES]
    if len(fences) != 1:
        return text
    fence = fences[0]
    bare = not text[: fence.span.start].strip() and not text[fence.span.end :].strip()
    return fence.body.of(text) if bare or lenient else text


def read_json(text: str) -> Any:  # any: a JSON value
    """Read JSON strictly. Raises JsonError for anything else, whatever it is.

    >>> read_json('{"a": [1, null]}')
    {'a': [1, None]}
    """
    if _depth(text) > _DEPTH:
        raise JsonError(f"it is nested deeper than {_DEPTH} levels")
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)[:200]) from error


def _depth(text: str) -> int:
    """Levels of brackets outside strings, counted no further than a little past the limit."""
    depth = deepest = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEPTH:
                break
        elif token[0] in "]}":
            depth -= 1
    return deepest


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # any: JSON values
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def same_json(one: Any, other: Any) -> bool:  # any: JSON values
    """Whether two JSON values are equal: objects whatever the order of their keys, 1 and 1.0 the same, true not 1.

    >>> same_json({"a": 1, "b": [True]}, {"b": [True], "a": 1.0}), same_json([True], [1])
    (True, False)
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return type(one) is type(other) and one == other if isinstance(one, str) or one is None else one == other


class Schemas:
    """JSON Schema checks through jsonschema, with nothing fetched and a deadline."""

    @staticmethod
    def check(schema: Any) -> None:  # any: what claims to be a JSON Schema
        """Raise SchemaFaultError for what is no schema, or leads outside itself."""
        if not isinstance(schema, dict):
            raise SchemaFaultError(f"a JSON Schema is an object, this is a {type(schema).__name__}")
        for reference in _references(schema):
            if not reference.startswith("#"):
                raise SchemaFaultError(
                    f"$ref {reference[:100]!r} leads outside the schema, and nothing is ever fetched"
                )
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator, validator_for

        try:
            validator_for(schema, default=Draft202012Validator).check_schema(schema)
        except (SchemaError, RecursionError, re.error) as error:
            raise SchemaFaultError(f"not a JSON Schema: {str(error).splitlines()[0][:200]}") from error

    @staticmethod
    def faults(schema: Any, value: Any, size: int) -> str:  # any: a JSON Schema and a JSON value
        """How a value breaks a schema that `check` has passed, in one line; empty where it does not.

        `size` is the length of the value's text. Raises SchemaFaultError, for a `$ref` that leads nowhere, or
        SchemaTimeoutError.
        """
        if size <= _LARGE and not _may_take_long(schema, size):
            return first_fault(schema, value)
        request = json.dumps([schema, value])
        try:
            done = subprocess.run(  # noqa: S603 - our own program, with data on its standard input
                [sys.executable, "-P", "-c", _CHILD, *filter(None, sys.path)],
                input=request,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SchemaTimeoutError(f"the check against the schema took more than {_SECONDS:g} s") from error
        if done.returncode != 0:
            raise SchemaFaultError((done.stderr.strip().splitlines() or ["the check failed"])[-1][:200])
        return str(json.loads(done.stdout))


_CHILD = f"""
import json, sys
sys.path[:] = sys.argv[1:]
from {__name__} import first_fault
print(json.dumps(first_fault(*json.load(sys.stdin))))
"""


def first_fault(schema: Any, value: Any) -> str:  # any: a JSON Schema and a JSON value
    """How a value breaks a schema, in one line, checked here and now. Raises SchemaFaultError for a bad `$ref`."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # A registry of our own, since the default one fetches what it does not know.
    registry: Registry[Any] = Registry()
    try:
        validator = validator_for(schema, default=Draft202012Validator)(schema, registry=registry)
        error = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError, ArithmeticError, re.error) as fault:
        raise SchemaFaultError(f"the schema cannot be applied: {type(fault).__name__}: {str(fault)[:150]}") from fault
    if error is None:
        return ""
    return f"{error.json_path}: {error.message}".replace("\n", " ")[:300]


def _references(schema: Any) -> Iterator[str]:  # any: a piece of a schema
    for key, value in _entries(schema):
        if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
            yield value


def _entries(schema: Any) -> Iterator[tuple[str, Any]]:  # any: a piece of a schema
    """Every key with its value, at any depth, without recursion."""
    left = [schema]
    while left:
        piece = left.pop()
        if isinstance(piece, Mapping):
            yield from piece.items()
            left.extend(piece.values())
        elif isinstance(piece, list | tuple):
            left.extend(piece)


_QUANTIFIER = re.compile(r"(?<!\\)(?:\\\\)*[*+?{]")
_QUANTIFIED_GROUP = re.compile(r"\)[*+{]|\\[1-9]")


def _may_take_long(schema: Any, size: int) -> bool:  # any: a JSON Schema
    """Whether a check could take long: items compared with one another, or a pattern that could backtrack badly on a
    text of this size. Three quantifiers and no repeated group cost at most the cube of a short text."""
    for key, value in _entries(schema):
        if key == "uniqueItems" and size > 10_000:
            return True
        patterns = [value] if key == "pattern" else list(value) if key == "patternProperties" else []
        for pattern in patterns:
            if not isinstance(pattern, str) or _QUANTIFIED_GROUP.search(pattern):
                return True
            if len(_QUANTIFIER.findall(pattern)) > (3 if size <= 300 else 1) or size > 10_000:
                return True
    return False
