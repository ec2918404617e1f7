r"""The normal form of a tree: one line of text in which order and spelling that mean nothing are gone.

Two trees with the same normal form are the same answer: sums and products are sorted, rational parts folded,
`\frac ab`, `a/b` and `a b^{-1}` are one thing, and so are roots and fractional powers of the same base.
It proves equality only; trees with different forms may still be equal.
"""

from __future__ import annotations

from fractions import Fraction

from .exact import Rational, rational
from .tree import Node, TooBig

_LIST = {"tuple": "(%s)", "brackets": "[%s]", "set": "{%s}", "list": "%s", "row": "[%s]", "matrix": "matrix(%s)"}
_JOIN = {"union": " ∪ ", "inter": " ∩ ", "minus": " \\ ", "ratio": ":"}


def normal_form(node: Node) -> str:
    """The tree as one line.

    >>> from .reading import read
    >>> normal_form(read(r"\\frac{2x+1}{3}").node) == normal_form(read("(1+x*2)/3").node)
    True
    """
    kind = node.kind
    if kind in ("num", "dec"):
        assert isinstance(node.value, int | Fraction)
        return _number(node.value)
    if kind in ("var", "const", "text", "based", "notation"):
        return str(node.value)
    if kind == "add":
        return _sum(node)
    if kind == "mul":
        return _product([node])
    if kind in ("pow", "root"):
        return _power(node)
    if kind in _LIST:
        parts = [normal_form(arg) for arg in node.args]
        return _LIST[kind] % ", ".join(sorted(parts) if kind == "set" else parts)
    if kind == "phrase":
        return " ".join(normal_form(arg) for arg in node.args)
    if kind in _JOIN:
        parts = [normal_form(arg) for arg in node.args]
        return _JOIN[kind].join(sorted(parts) if kind in ("union", "inter") else parts)
    parts = [normal_form(arg) for arg in node.args]
    if kind == "interval":
        return f"{str(node.value)[0]}{parts[0]}, {parts[1]}{str(node.value)[1]}"
    if kind == "rel":
        signs = str(node.value).split()
        return parts[0] + "".join(f" {sign} {part}" for sign, part in zip(signs, parts[1:], strict=True))
    if kind == "fn" and node.value in ("max", "min", "gcd", "lcm"):
        parts.sort()
    if kind in ("deg", "pct"):
        return f"{_wrapped(parts[0])}{'°' if kind == 'deg' else '%'}"
    if kind == "unit":
        return f"{parts[0]} [{node.value}]"
    if kind == "choice":
        return f"{node.value}. {parts[0]}"
    if kind == "time":
        return f"time {node.value}"
    if kind == "named":
        return f"{node.value} = {parts[0]}"
    name = {"fn": "", "call": "'", "fact": "factorial", "pm": "±", "mp": "∓"}.get(kind, kind)
    return f"{name}{node.value or ''}({', '.join(parts)})"


_KEPT: dict[int, tuple[Node, str]] = {}
"""Forms of trees that were just asked for, by identity: the comparison and its evidence ask for the same ones."""
_MAX_KEPT = 1_000


def kept_form(node: Node) -> str:
    """The normal form of a tree that may be asked for again."""
    kept = _KEPT.get(id(node))
    if kept is not None and kept[0] is node:
        return kept[1]
    form = normal_form(node)
    if len(_KEPT) >= _MAX_KEPT:
        _KEPT.clear()
    if len(form) < _MAX_KEPT:
        _KEPT[id(node)] = node, form
    return form


def forget() -> None:
    """Drop every form that is kept."""
    _KEPT.clear()


def _number(value: Rational) -> str:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 12_000:
        raise TooBig("a number is too long to print")
    return str(value)


def _wrapped(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _exact(node: Node) -> Rational | None:
    try:
        return rational(node)
    except TooBig:
        return None


def _sum(node: Node) -> str:
    constant: Rational = 0
    terms: dict[str, Rational] = {}
    for arg in node.args:
        value = _exact(arg)
        if value is not None:
            constant += value
            continue
        factor, rest = _factors([arg])
        terms[rest] = terms.get(rest, 0) + factor
    # What has no value (∞, a division by zero) does not cancel.
    parts = sorted(_scaled(f, rest) for rest, f in terms.items() if f or "inf" in rest or "0^(-" in rest)
    if constant or not parts:
        parts.append(_number(constant))
    return parts[0] if len(parts) == 1 else " + ".join(parts)


def _scaled(factor: Rational, rest: str) -> str:
    return rest if factor == 1 else f"{_number(factor)}*{rest}"


def _product(nodes: list[Node]) -> str:
    factor, rest = _factors(nodes)
    return _scaled(factor, rest) if rest else _number(factor)


def _factors(nodes: list[Node]) -> tuple[Rational, str]:
    """The rational factor of a product and the normal form of what is left of it."""
    factor: Rational = 1
    powers: dict[str, Rational] = {}
    others: list[str] = []
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.kind == "mul":
            stack.extend(node.args)
            continue
        value = _exact(node)
        if value is not None:
            factor *= value
            continue
        base, exponent = _base_and_exponent(node)
        if exponent is None or "inf" in base:
            others.append(normal_form(node))
        else:
            powers[base] = powers.get(base, 0) + exponent
    for base, exponent in powers.items():
        if exponent:
            others.append(base if exponent == 1 else f"{base}^{_wrapped(_number(exponent))}")
    return factor, "*".join(sorted(others))


def _base_and_exponent(node: Node) -> tuple[str, Rational | None]:
    """A factor as base and rational exponent. Exponents of a base add up only where none is a fraction twice over:
    (x^2)^(1/2) keeps x^2 as its base, since it is not x."""
    if node.kind == "root":
        degree = _exact(node.args[1])
        if degree and node.args[0].kind not in ("pow", "root"):
            return _wrapped(normal_form(node.args[0])), Fraction(1) / degree
        return "", None
    if node.kind == "pow":
        exponent = _exact(node.args[1])
        if exponent is None:
            return "", None
        inner, inner_exponent = _base_and_exponent(node.args[0])
        if inner_exponent is not None and exponent.denominator == 1:
            return inner, inner_exponent * exponent
        return _wrapped(normal_form(node.args[0])), exponent
    return _wrapped(normal_form(node)), Fraction(1)


def _power(node: Node) -> str:
    value = _exact(node)
    if value is not None:
        return _number(value)
    base, exponent = _base_and_exponent(node)
    if exponent is not None:
        return base if exponent == 1 else "1" if not exponent else f"{base}^{_wrapped(_number(exponent))}"
    if node.kind == "root":
        return f"root{normal_form(node.args[1])}({normal_form(node.args[0])})"
    return f"{_wrapped(normal_form(node.args[0]))}^{_wrapped(normal_form(node.args[1]))}"
