r"""How an answer is written: worked out, in the form of the reference, or the question said again.

`evaluated` asks that no operation is left that plain arithmetic would carry out, where the reference has none: `58+47`
is no answer where the reference is 105. What graders do with `2^{10}` for 1024: the string comparison of MATH
(Hendrycks et al., 2021) rejects it; AIME's own answers are whole numbers below 1,000, written out; OlympiadBench's
judge and math-verify compare values and accept it, as they accept `58+47`. Here a power, a factorial, a root or a
binomial is left open where its value is a number below a million, which a reference of digits has carried out; above,
nobody writes the digits, and it stands. A fraction is a number, reduced or not, unless it is whole; so is `a*10^n`.

`same` asks besides that a formula is factored, expanded and reduced as the reference is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from .exact import rational
from .normal import normal_form
from .reading import Answer
from .tree import MINUS_ONE, Node, TooBig, names

Form = Literal["any", "evaluated", "same"]

MAX_CARRIED_OUT = 10**6
"""Largest value of a power, a factorial, a root or a binomial that is taken to be left open."""
_QUOTIENT = re.compile(
    r"(?<![\w.^)}\]] )(?<!\^ \{ )(?<![\w.])(?P<top>\d+(?:\.\d+)?) / (?P<bottom>\d+(?:\.\d+)?)(?= |$)(?! [\^!])"
    r"|\\frac \{ (?P<over>\d+(?:\.\d+)?) \} \{ (?P<under>\d+(?:\.\d+)?) \}"
)
_BIG_IS_OPEN = frozenset({"pow", "fact", "root", "log", "fn"})
_LATEX = re.compile(r"\\(?:left|right|,|;|!|:|quad|displaystyle)(?![A-Za-z])|\$|[\s{}]|\\[()\[\]]")
_SPELLED = {
    "\\times": "*", "\\cdot": "*", "×": "*", "·": "*", "÷": "/", "\\div": "/",
    "−": "-", "\\dfrac": "\\frac", "\\tfrac": "\\frac", "**": "^",
}  # fmt: skip
_RESPELL = re.compile("|".join(map(re.escape, sorted(_SPELLED, key=len, reverse=True))))
_OPERATION = re.compile(r"(?<=[\w)!}\]])[-+*/^!]|\\(?:sqrt|binom|sum|prod|int|lim|frac|log|ln|sin|cos|tan)|[²³√]|\d!")
_PLAIN_FRACTION = re.compile(r"-?(?:\\frac)?\(?\d+/?\d*\)?")


def is_open(gold: Answer, answer: Answer) -> bool:
    """Whether an operation is left in the answer that the reference has carried out."""
    return _left_open(answer) and not _left_open(gold)


def has_other_form(gold: Answer, answer: Answer) -> bool:
    """Whether an answer is factored, expanded or reduced otherwise than the reference."""
    if is_open(gold, answer):
        return True
    mine, other = _value(gold.node), _value(answer.node)
    if not _reduced(answer) and _reduced(gold):
        return True
    return _is_formula(mine) and _is_formula(other) and _shape(mine) != _shape(other)


def _is_formula(node: Node) -> bool:
    """Whether it has a form at all: lists, sets and intervals may be written in several ways."""
    return node.kind in ("add", "mul", "pow") and bool(names(node))


def _left_open(answer: Answer) -> bool:
    if answer.node.kind in ("num", "dec", "bad", "text"):
        return _has_whole_quotient(answer.text)
    try:
        return any(_is_open(part) for part in _parts(_value(answer.node))) or _has_whole_quotient(answer.text)
    except TooBig:
        return False


def _has_whole_quotient(text: str) -> bool:
    """6/2, 3.5/2: a quotient that is no fraction."""
    if "/" not in text and "\\frac" not in text:
        return False
    for match in _QUOTIENT.finditer(text):
        top, bottom = match["top"] or match["over"], match["bottom"] or match["under"]
        if "." in top or "." in bottom or (int(bottom) and int(top) % int(bottom) == 0):
            return True
    return False


def _reduced(answer: Answer) -> bool:
    for match in _QUOTIENT.finditer(answer.text):
        top, bottom = match["top"] or match["over"], match["bottom"] or match["under"]
        if "." in top or "." in bottom or math.gcd(int(top), int(bottom)) > 1:
            return False
    return True


def _value(node: Node) -> Node:
    """What a relation gives a value to; the last side of a chain."""
    while node.kind in ("rel", "named", "choice", "approx"):
        node = node.args[0] if node.kind in ("approx", "choice", "named") else node.args[-1]
    return node


def _parts(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        if here.kind == "pow" and here.args[0].value == 10 and _is_scientific(here):
            continue
        stack.extend(here.args)


def _is_scientific(node: Node) -> bool:
    return node.args[0].kind == "num" and isinstance(node.args[1].value, int)


def _is_open(node: Node) -> bool:
    if node.kind == "add":
        return sum(_number(arg) is not None for arg in node.args) > 1
    if node.kind == "mul":
        if _is_power_of_ten(node):
            return False
        factors = [
            arg for arg in node.args if arg != MINUS_ONE and not (arg.kind == "pow" and arg.args[1] == MINUS_ONE)
        ]
        return sum(_number(arg) is not None for arg in factors) > 1
    if node.kind == "pow" and (node.args[1] == MINUS_ONE or node.args[0].value == 10):
        return False
    if node.kind in _BIG_IS_OPEN:
        value = _number(node)
        return value is not None and value.denominator * abs(value.numerator) < MAX_CARRIED_OUT
    return node.kind == "big" and not names(node) - _bound(node)


def _bound(node: Node) -> frozenset[str]:
    return names(node.args[0])


def _is_power_of_ten(node: Node) -> bool:
    factors = [arg for arg in node.args if arg != MINUS_ONE]
    return (
        len(factors) == 2
        and factors[1].kind == "pow"
        and factors[1].args[0].value == 10
        and factors[0].kind in ("num", "dec")
    )


def _number(node: Node) -> int | Fraction | None:
    if node.kind in ("num", "dec"):
        return node.value if isinstance(node.value, int | Fraction) else None
    return None if names(node) else rational(node)


def _shape(node: Node) -> tuple[str, object]:
    """Whether a formula is a sum of so many terms, a product of so many factors with names, or something else."""
    if node.kind == "add":
        return "sum", len(normal_form(node).split(" + "))
    if node.kind == "mul":
        factors = [arg for arg in node.args if names(arg)]
        sums = sorted(
            _shape(base)
            for base in (arg.args[0] if arg.kind == "pow" else arg for arg in factors)
            if base.kind == "add"
        )
        return ("product", tuple(sums)) if sums else ("product", ())
    if node.kind == "pow" and node.args[0].kind == "add":
        return "product", (_shape(node.args[0]),)
    return ("product", ()) if names(node) else ("number", ())


def restates(prompt: str, raw: str, reference: str) -> bool:
    """Whether an answer with an operation stands in the question as it is, and the reference does not.

    >>> restates("What is 58 + 47?", "58+47", "105"), restates("Which is larger, $2^5$ or 31?", "2^5", "2^5")
    (True, False)
    """
    said = _squashed(raw)
    if not 2 < len(said) <= 400 or not _OPERATION.search(said) or _PLAIN_FRACTION.fullmatch(said):
        return False
    question = _squashed_prompt(prompt)
    return _stands_in(said, question) and not _stands_in(_squashed(reference), question)


def _squashed(text: str) -> str:
    return _RESPELL.sub(lambda match: _SPELLED[match[0]], _LATEX.sub("", text)).strip(".")


_squashed_prompt = lru_cache(maxsize=256)(_squashed)


def _stands_in(said: str, question: str) -> bool:
    """Whether a formula stands in a question by itself, not as a piece of a longer one."""
    at = question.find(said)
    while at >= 0:
        before, after = question[at - 1 : at], question[at + len(said) : at + len(said) + 1]
        inside = (before and before in "+-*/^._\\") or (after and after in "+-*/^_!")
        if not inside and not (before.isdigit() and said[0].isdigit()) and not (after.isdigit() and said[-1].isdigit()):
            return True
        at = question.find(said, at + 1)
    return False
