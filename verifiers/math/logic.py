r"""Formulas of propositions and of sets with names, as their truth table: `\neg p \lor q` is `p \to q`, and so are
`A \cap B^c` and `A \setminus B`. A formula in anything else than names, brackets and connectives is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from .tree import Node

MAX_NAMES = 6
"""Most names in a formula: its table has two to that power of rows."""

Assignment = dict[str, bool]
Formula = Callable[[Assignment], bool]

_BINARY: tuple[dict[str, Callable[[bool, bool], bool]], ...] = (
    dict.fromkeys(("\\iff", "\\leftrightarrow", "\\Longleftrightarrow"), lambda x, y: x == y),
    dict.fromkeys(("\\to", "\\Rightarrow", "\\implies", "\\Longrightarrow"), lambda x, y: not x or y),
    {"\\oplus": lambda x, y: x != y, "\\triangle": lambda x, y: x != y},
    dict.fromkeys(('"or', "\\cup"), lambda x, y: x or y),
    {'"and': lambda x, y: x and y, "\\cap": lambda x, y: x and y, "\\setminus": lambda x, y: x and not y},
)
"""Connectives, loosest first."""
_NOT = frozenset({"\\neg", "\\lnot", '"not'})
_BARS = frozenset({"\\bar", "\\overline"})
_SIGNS = frozenset(sign for level in _BINARY for sign in level) | _NOT | _BARS | frozenset("()[]{}'^c")
SURE = _NOT | frozenset("\\iff \\leftrightarrow \\Rightarrow \\implies \\oplus \\cup \\cap \\setminus".split())
"""Connectives of which each shows by itself that it is a formula."""
_PROPOSITIONS = frozenset("pqrsPQRS")


def truth_table(tokens: Sequence[str]) -> Node | None:
    r"""The names and the truth table of a formula, as one text; None for what is no such formula.

    >>> truth_table(["p", "\\\\to", "q"]) == truth_table(["q", '"or', "\\\\neg", "p"])
    True
    """
    letters = {sign for sign in tokens if sign.isalpha() and sign != "c"}
    if not 0 < len(letters) <= MAX_NAMES or not all(sign in _SIGNS or len(sign) == 1 for sign in tokens):
        return None
    if not SURE.intersection(tokens) and not ("\\to" in tokens and letters <= _PROPOSITIONS):
        return None
    parser = _Parser([*tokens, ""])
    try:
        formula = parser.level(0)
    except ValueError:
        return None
    if parser.tokens[parser.at]:
        return None
    names = sorted(letters)
    rows = [dict(zip(names, values, strict=True)) for values in itertools.product((False, True), repeat=len(names))]
    deciding = [name for name in names if any(formula(row) != formula({**row, name: not row[name]}) for row in rows)]
    table = "".join("01"[formula(row)] for row in rows if not any(row[name] for name in names if name not in deciding))
    return Node("text", (), f"truth table of {' '.join(deciding)}: {table}")


class _Parser:
    """Recursive descent over the connectives; raises ValueError for what is no formula."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def level(self, depth: int) -> Formula:
        if depth == len(_BINARY):
            return self.negation()
        left = self.level(depth + 1)
        while (connective := _BINARY[depth].get(self.tokens[self.at])) is not None:
            self.at += 1
            left = _joined(connective, left, self.level(depth if depth == 1 else depth + 1))
        return left

    def negation(self) -> Formula:
        sign = self.tokens[self.at]
        self.at += 1
        if sign in _NOT | _BARS:
            return _negated(self.negation())
        if sign in ("(", "[", "{"):
            formula = self.level(0)
            if self.tokens[self.at] != {"(": ")", "[": "]", "{": "}"}[sign]:
                raise ValueError("a bracket that is not closed")
            self.at += 1
        elif len(sign) == 1 and sign.isalpha() and sign != "c":
            formula = lambda row: row[sign]  # noqa: E731 - one of several
        else:
            raise ValueError("no formula")
        for mark in (["'"], ["^", "c"], ["^", "{", "c", "}"]):
            if self.tokens[self.at : self.at + len(mark)] == mark:
                self.at += len(mark)
                return _negated(formula)
        return formula


def _negated(formula: Formula) -> Formula:
    return lambda row: not formula(row)


def _joined(connective: Callable[[bool, bool], bool], left: Formula, right: Formula) -> Formula:
    return lambda row: connective(left(row), right(row))
