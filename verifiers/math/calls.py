"""Which letters before a bracket are applied to what stands in it, and which are factors of it; which are vectors."""

from __future__ import annotations

import itertools

from .spelling import GREEK
from .tree import Node, kinds, mul, names

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
    called = {
        tokens[at - 1]
        for at, sign in enumerate(tokens)
        if sign in ("(", "{") and at and _is_letter(tokens[at - 1]) and _call_at([*tokens, ""], at)
    }
    return CALLED | called if called else CALLED


def differentials(tokens: list[str]) -> bool:
    """Whether every d stands before the name of a variable, so that dx is one name and not d times x."""
    after = [tokens[at + 1] if at + 1 < len(tokens) else "" for at, sign in enumerate(tokens) if sign == "d"]
    return all(sign in _VARIABLES or sign == "}" for sign in after) and any(sign != "}" for sign in after)


_VARIABLES = frozenset((*"xyztrsuvwpqASVNQUWTPX", "\\theta", "\\phi", "\\tau", "\\rho", "\\omega", "\\xi"))


def _call_at(tokens: list[str], at: int) -> bool:
    if tokens[at] == "{":
        return tokens[at + 1] == "(" and tokens[at - 1] not in ("^", "_") and applies(tokens, at + 1)
    return applies(tokens, at)


def _is_letter(sign: str) -> bool:
    return (len(sign) == 1 and sign.isalpha() and sign not in "ei") or sign[1:] in GREEK


def is_vector(node: Node) -> bool:
    """A vector or a matrix by its arrow or bold type, or what is made of them."""
    if node.kind == "var":
        return str(node.value).startswith(("vec:", "hat:", "ket:"))
    if node.kind == "add":
        return all(map(is_vector, node.args))
    return is_vector(node.args[0]) if node.kind == "pow" else node.value in ("product", "cross")


def has_order(node: Node) -> bool:
    r"""Whether `\times` beside it is no product of numbers: of vectors, of sets called A, B, X."""
    return is_vector(node) or (node.kind == "var" and str(node.value) in "ABCXYuvw")


def matrices_kept(factors: list[Node]) -> list[Node]:
    """Factors in which a product of matrices, which has an order, is one factor behind the numbers and small letters.

    B^{-1}A^{-1}, A^T A, P^{-1}AP and x^T Ax are of matrices: capitals of which two are inverted, one is transposed, or
    one stands at both ends. PV^{-1} may be of numbers, and ML^{-1}T^{-1} is a dimension.
    """
    inverted = transposed = 0
    letters: list[str] = []
    at = len(factors)
    for index, factor in enumerate(factors):
        turned = factor.kind == "pow" and factor.args[1].value in _TURNED
        base = factor.args[0] if turned else factor
        small = base.kind == "var" and len(str(base.value)) == 1
        if not (small or base.value in _MATRICES):
            if letters:
                return factors
            continue
        if letters or turned or base.value in _MATRICES or str(base.value).isupper():
            at = min(at, index)
            letters.append(str(base.value))
            inverted += turned and factor.args[1].value == -1
            transposed += turned and factor.args[1].value != -1
    capitals = [letter for letter in letters if letter in _MATRICES or letter.isupper()]
    if len(letters) < 2 or not capitals or not inverted + transposed:
        return factors
    both_ends = len(letters) > 2 and letters[0] == letters[-1]
    if transposed:
        ordered = len(capitals) == len(letters) or len(set(letters)) < len(letters) or "product" in letters
    elif len(capitals) < len(letters):
        ordered = "product" in letters
    else:
        usual_letters = len(set(letters)) > 1 and _MATRIX_LETTERS.issuperset(letters)
        ordered = not _DIMENSIONS.issuperset(letters) and (inverted > 1 or both_ends or usual_letters)
    return [*factors[:at], Node("fn", tuple(factors[at:]), "product")] if ordered else factors


def with_factors(gold: Node, answer: Node) -> list[tuple[Node, Node]]:
    r"""Two answers of which one has `g(\sin a - b)` and the other g without a bracket, which then is a factor in both.

    C(10, 3) is a number of choices where the other side has nothing of the kind; an answer that is only this may be a
    point. Empty where nothing changes. What is applied to one name or number stays applied: V(t) is not Vt.
    """
    chosen = [
        "call" not in kinds(other) and (one.kind != "call" or "binom" in kinds(other))
        for one, other in ((gold, answer), (answer, gold))
    ]
    turned = (
        _with_factors(gold, names(answer) & _QUANTITIES, choices=chosen[0]),
        _with_factors(answer, names(gold), choices=chosen[1]),
    )
    return [turned] if turned != (gold, answer) else []


_QUANTITIES = frozenset("ghGH")
"""Letters of functions that a reference may as well use for a number: weight and height."""


def _with_factors(node: Node, factors: frozenset[str], *, choices: bool) -> Node:
    if node.args:
        node = node._replace(args=tuple(_with_factors(arg, factors, choices=choices) for arg in node.args))
    if choices and node.kind == "call" and node.value in ("C", "P") and len(node.args) == 2:
        return Node("fn", node.args, "binom" if node.value == "C" else "permutations")
    if node.kind == "call" and len(node.args) == 1 and node.args[0].kind == "add" and node.value in factors:
        return mul(Node("var", (), node.value), node.args[0])
    return mul(*node.args) if node.kind == "mul" else node


def with_products_turned(node: Node) -> Node:
    """A tree with (AB)^{-1} as B^{-1}A^{-1}, and so with transposes."""
    node = node._replace(args=tuple(map(with_products_turned, node.args)))
    base = node.args[0] if node.kind == "pow" else node
    if node.kind != "pow" or base.kind != "mul" or node.args[1].value not in _TURNED:
        return node
    if not all(factor.kind == "var" and str(factor.value) in _MATRIX_LETTERS for factor in base.args):
        return node
    return Node("fn", tuple(Node("pow", (factor, node.args[1])) for factor in reversed(base.args)), "product")


_TURNED = frozenset({-1, "T", "top"})
_DIMENSIONS = frozenset("MLTIQ")
_MATRIX_LETTERS = frozenset("ABCDPQSUX") | {"product"}
_MATRICES = frozenset({"product", "Sigma", "Lambda", "\\Sigma", "\\Lambda"})
