"""References that are none: what data sets write where there is no answer, and labels of another kind than an answer.

A reference `proof`, `N/A` or `tensor(2)` can be read letter by letter as mathematics, and so can JSON text that holds
tests; no response could then be right. Whoever judges by a reference asks here first, so that such a row is an error
with its reason everywhere, and never a wrong answer.

A list of texts that was turned into text, `['1/2', '0.5']`, is the alternatives that it holds.

What it does not do: read such labels. It says only that they are no answers, by their form; what it has never seen it
lets through.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

_NONE = frozenset(
    "none null nil nan n/a na #n/a <na> proof proofs notfound unknown tbd tba todo missing omitted empty unspecified "
    "? ?? ??? - -- --- — … ... answer solution reference".split()
) | frozenset(
    "not found|not available|not applicable|not provided|not given|no answer|no reference|no gold|no answer found"
    "|no answer provided|no final answer|to be determined|proof problem|proof question|the proof|proof omitted"
    "|proof required|proven|proved|q.e.d|qed".split("|")
)
"""What stands for no answer, in lower case, without a full stop."""
_ELSEWHERE = re.compile(r"(?:please\s+)?(?:see|refer to|cf\.?|as in|as shown in|given in)\s[a-z][a-z ]{0,60}")
"""See solution, refer to the text."""
_DRESS = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|boxed|fbox)\s?\{([^{}]*)\}")
_PRINTED = re.compile(
    r"(?:torch\.)?[Tt]ensor\(.*\)|(?:np\.|numpy\.|jnp\.)?(?:array|(?<=\.)(?:u?int|float|complex|longdouble|str|bool|bytes|object)\w*)\(.*\)"
    r"|(?:Decimal|Fraction|OrderedDict|defaultdict|datetime\.\w+)\(.*\)|<[\w.]+ (?:object )?at 0x[0-9a-fA-F]+>"
    r"|<class '.*'>",
    re.DOTALL,
)
"""Objects as Python prints them."""
_DATA = re.compile(
    r"""["']?\s*[\[{(][\s\[{(]*(?:\\?["']|(?:null|None|nan|NaN)\s*[,\])}])"""  # {"inputs": ..., ['assert ...'], [null]
    r"""|["']\s*[\[{]"""  # JSON in JSON
    r"""|```|\#!|\#include\b|>>>\s"""
    r"""|(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[:(]|import\s+\w+|from\s+[\w.]+\s+import\b"""
    r"""|assert\b\s*\(?\s*(?:not\s+)?[\w.]+\s*[(\[=]""",
)
"""How JSON, lists of text and programs begin."""
_TESTS = re.compile(r"^\s*assert\b.*[=<>(]", re.MULTILINE)
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}")
"""Compressed or pickled data as base64."""
_LIST = re.compile(r"\s*\[\s*r?['\"].*\]\s*", re.DOTALL)
"""A list of texts that was turned into text."""
_NUMBER = re.compile(r"[-+]?\d{1,300}(?:\.\d{1,300})?")
_MAX_LIST = 20_000
_KEPT = 2_000


def unusable(references: Sequence[str]) -> str | None:
    """Why none of some references is an answer, in a sentence; None where one is, or where there is none at all.

    >>> unusable(["proof"])
    "the reference 'proof' stands for no answer"
    >>> unusable(["N/A", "4"]) is None
    True
    """
    reasons = [_reason(one) for one in references]
    return None if not reasons or None in reasons else reasons[0]


def usable(references: Sequence[str]) -> list[str]:
    """The references that are answers by their form."""
    return [one for one in references if _reason(one) is None]


def is_data(references: Sequence[str]) -> bool:
    """Whether all references hold data or programs rather than answers, so that nothing shows the kind of their row.

    >>> is_data(['{"inputs": ["1"], "outputs": ["2"]}']), is_data(["[1, 2]"]), is_data(["assert f(1) == 2"])
    (True, False, True)
    """
    return bool(references) and all(map(_holds_data, references))


def alternatives(reference: str) -> list[str]:
    r"""The references that a text stands for: those in a list that was turned into text, else itself.

    One of numbers that differ is no list of alternatives, and stays one answer.

    >>> alternatives("['1/2', '0.5']"), alternatives(r"\\frac12")
    (['1/2', '0.5'], ['\\\\frac12'])
    """
    if "[" not in reference or len(reference) > _MAX_LIST or not _LIST.fullmatch(reference):
        return [reference]
    try:
        parts = ast.literal_eval(reference.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [reference]
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) and part.strip() for part in parts):
        return [reference]
    numbers = {float(part) for part in parts if _NUMBER.fullmatch(part.strip())}
    # Numbers that differ cannot be one answer spelled in several ways: they are one list, in order.
    return [f"[{', '.join(parts)}]"] if len(numbers) > 1 else [str(part) for part in parts]


def _reason(reference: str) -> str | None:
    return _reason_kept(reference) if len(reference) <= _KEPT else _reason_of(reference)


def _holds_data(reference: str) -> bool:
    # Most references begin with a digit or a backslash, and nothing of this does.
    if not reference or reference[0] in _PLAIN:
        return False
    return _data_kept(reference) if len(reference) <= _KEPT else _data(reference)


_PLAIN = frozenset("0123456789\\$")


def _data(reference: str) -> bool:
    text = reference.strip()
    parts = alternatives(text)
    if parts != [text]:
        return any(map(_data, parts))
    if text[:1] in ("[", "{") and len(text) <= _MAX_LIST:
        value = literal(text)
        if value is not None:
            return _holds_tests(value)
    if _DATA.match(text) or _TESTS.search(text):
        return True
    encoded = _ENCODED.fullmatch(text)
    return encoded is not None and any(map(str.islower, text)) and any(map(str.isupper, text))


def literal(text: str) -> object | None:
    """What JSON text or a Python literal stands for; None for what is neither, or nested too deep to be walked."""
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        return None  # Python 3.13 reads any depth, and who walks through it would run out of stack
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return value


def _depth(text: str) -> int:
    """How deep brackets nest, those within quotes included."""
    steps = (1 if char in "[{" else -1 for char in text if char in "[{]}")
    return max(accumulate(steps), default=0)


_DEEPEST = 200


def _holds_tests(value: object) -> bool:
    """Whether lists and objects hold tests or programs; words and numbers are an answer."""
    if isinstance(value, dict):
        return any(str(key).lower() in _TEST_FIELDS for key in value) or any(map(_holds_tests, value.values()))
    if isinstance(value, list):
        return value == [None] or any(map(_holds_tests, value))
    return isinstance(value, str) and (_DATA.match(value) is not None or _TESTS.search(value) is not None)


_TEST_FIELDS = frozenset(
    "inputs outputs input output fn_name tests test test_list test_cases testcases testtype stdin stdout"
    " expected_output expected assert_case public_tests private_tests code".split()
)
_data_kept = lru_cache(maxsize=4_096)(_data)


def _reason_of(reference: str) -> str | None:
    text = reference.strip()
    if not text:
        return None  # a blank one is missing, which is another fault
    shown = text if len(text) <= 60 else text[:59] + "…"
    if _holds_data(text):
        return f"the reference {shown!r} is data or a program, no answer; tests belong in a field of their own"
    if _PRINTED.fullmatch(text):
        return f"the reference {shown!r} is an object as Python prints it, no answer"
    if len(text) <= 80 and _says_none(text):
        return f"the reference {shown!r} stands for no answer"
    return None


_reason_kept = lru_cache(maxsize=4_096)(_reason_of)


def _says_none(text: str) -> bool:
    dressed = _DRESS.search(text) is not None
    plain = " ".join(_DRESS.sub(r" \1 ", text).strip("$*`\"' ").rstrip(".!:").split()).casefold() or text
    if plain == "none" and dressed:
        return False  # `\text{none}` was set by hand, for a question without solutions
    return plain in _NONE or text in _NONE or _ELSEWHERE.fullmatch(plain) is not None
