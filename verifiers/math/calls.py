"""Which letters before a bracket are applied to what stands in it, and which are factors of it; which are vectors."""

from __future__ import annotations

import itertools

from .spelling import GREEK
from .tree import Node

CALLED = frozenset({"f", "g", "h", "F", "G", "H", "\\phi", "\\psi", "\\delta", "\\Gamma", "\\zeta"})
OPENS, CLOSES = frozenset({"(", "[", "{", "\\{"}), frozenset({")", "]", "}", "\\}"})


def applies(tokens: list[str], at: int) -> bool:
    """Whether the bracket that opens at a sign holds one name, one number, or parts between commas."""
    if tokens[at + 2 : at + 3] == [")"]:
        inner = tokens[at + 1]
        return inner[0].isdigit() or (len(inner) == 1 and inner.isalpha()) or inner[1:] in GREEK
    if tokens[at + 1 : at + 2] == ["-"] and tokens[at + 3 : at + 4] == [")"]:
        return tokens[at + 2][0].isdigit()
    depth = 0
    for sign in itertools.islice(tokens, at, at + 40):
        depth += (sign in OPENS) - (sign in CLOSES)
        if not depth:
            return False
        if depth == 1 and sign in (",", ";", "\\mid", "|", "=", "<", ">", "<=", ">=", "\\cap", "\\cup"):
            return True
    return False


def called_letters(tokens: list[str]) -> frozenset[str]:
    """The names that are applied to something somewhere in an answer, and so are everywhere in it."""
    found = {
        tokens[at - 1]
        for at, sign in enumerate(tokens)
        if sign in ("(", "{") and at and _is_letter(tokens[at - 1]) and _call_at([*tokens, ""], at)
    }
    return CALLED | found if found else CALLED


def _call_at(tokens: list[str], at: int) -> bool:
    if tokens[at] == "{":
        return tokens[at + 1] == "(" and tokens[at - 1] not in ("^", "_") and applies(tokens, at + 1)
    return applies(tokens, at)


def _is_letter(sign: str) -> bool:
    return (len(sign) == 1 and sign.isalpha() and sign not in "ei") or sign[1:] in GREEK


def is_vector(node: Node) -> bool:
    """A vector by its arrow, or one of the names A and B, which may be sets."""
    name = str(node.value)
    return node.kind == "var" and (name.startswith(("vec:", "hat:")) or name in ("A", "B"))
