"""An answer as a list of elements: names and values told apart, ± spelled out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from .matrices import matrix_of
from .tree import IMAGINARY, E, Kind, Node, TooBig, add, kinds, mul, names, neg

_ASSIGNED: frozenset[Kind] = frozenset({"var", "call", "named"})


class Item(NamedTuple):
    """One element of an answer, with the name that it is given."""

    label: Node | None
    value: Node
    whole: Node


def items_of(node: Node) -> list[Item]:
    parts = node.args if node.kind == "list" else (node,)
    if len(parts) > 1 and parts[-1].value == "mod" and parts[0].value == "\\equiv":  # n = 1 or 4 (mod 5)
        name, modulus = parts[0].args[0], parts[-1].args[1]
        classes = (parts[0].args[1], *parts[1:-1], parts[-1].args[0])
        parts = tuple(Node("rel", (name, one, modulus), "\\equiv mod") for one in classes)
    items = [item for part in parts for item in spread(part)]
    if len(items) > 1 and items[0].label is None and items[0].whole.kind == "rel" and items[0].whole.value == "=":
        left = items[0].whole.args[0]  # 2x = 0, 3: both are values of 2x
        if all(item.whole.kind in ("num", "dec", "var", "add", "mul") for item in items[1:]) and not is_name(left):
            whole = [Node("rel", (left, item.value), "=") for item in items[1:]]
            items = [items[0], *(Item(None, one, one) for one in whole)]
    # x = 1, 2, 3: the name holds for all of them.
    if (
        len(items) > 1
        and items[0].label is not None
        and all(item.label is None and item.whole.kind != "rel" for item in items[1:])
    ):
        items = [items[0], *(item._replace(label=items[0].label) for item in items[1:])]
    return items


def spread(node: Node) -> list[Item]:
    """An element as items: ± spelled out, (x, y) = (1, 2) as x = 1 and y = 2."""
    label, value = unlabelled(node)
    if node.kind == "rel" and label is not None and label.kind in ("tuple", "list"):
        value = matrix_of(value) if value.kind in ("add", "mul") else value
        if value.kind in ("tuple", "list") and len(value.args) == len(label.args) and node.value == "=":
            return [Item(None, Node("tuple", value.args), Node("tuple", tuple(
                Node("rel", (name, part), "=") for name, part in zip(label.args, value.args, strict=True)
            )))]  # fmt: skip
        return [Item(None, value, node)]
    signed = _signs(value)
    if signed is None:
        return [Item(label, value, node)]
    if label is None or label.kind == "named":
        return [Item(label, part, part) for part in signed]
    return [Item(label, part, Node("rel", (label, part), "=")) for part in signed]


def links_of(items: list[Item], others: list[Item]) -> list[Item]:
    """a = b = 5 as a = 5 and b = 5, in a list or where the other side names all its elements; the rest as it is."""
    if len(items) == 1 and any(item.label is None or item.label.kind != "var" for item in others):
        return items
    links: list[Item] = []
    for item in items:
        *names_equal, last = item.whole.args or (item.value,)
        if (
            len(names_equal) > 1
            and set(str(item.whole.value).split()) == {"="}
            and all(name.kind == "var" for name in names_equal)
            and len(set(names_equal)) == len(names_equal)
            and not names(last)
        ):
            links += [Item(name, item.value, Node("rel", (name, item.value), "=")) for name in names_equal]
        else:
            links.append(item)
    return links


def unlabelled(node: Node) -> tuple[Node | None, Node]:
    """The name that is given a value, and the value."""
    if node.kind == "named":
        _, value = unlabelled(node.args[0])
        return node, value
    if node.kind == "approx":
        label, value = unlabelled(node.args[0])
        return label, Node("approx", (value, node.args[1]), None if label is None else "=")
    if node.kind != "rel":
        return None, node
    signs = str(node.value).split()
    if signs == ["\\in"] and (node.args[0].kind in _ASSIGNED or node.args[0].kind == "tuple"):
        name, values = node.args
        if name.kind == "var" and values.kind in ("tuple", "brackets") and len(values.args) == 2:
            return name, Node("interval", values.args, "()" if values.kind == "tuple" else "[]")
        return name, values
    if signs == ["\\sim"] and node.args[0].kind == "var" and node.args[1].kind == "call":
        return node.args[0], node.args[1]  # X ~ N(3, 4)
    if any(sign not in ("=", "\\equiv") for sign in signs):
        return None, node
    if all(is_name(side) for side in node.args[:-1]):
        label, value = node.args[0], node.args[-1]
        if label.kind in JOINED_SETS and value.kind == "var":
            return None, node
        if label.kind == "var" and value != label and label.value in names(value):
            return None, node  # x = x + 1 gives x no value
        if label.kind == "const" and label.value in kinds(value):
            return None, node  # e = e
        return label, value
    if (
        len(node.args) == 2
        and node.args[1].kind == "matrix"
        and node.args[0].kind == "pow"
        and (
            node.args[0].args[0].kind == "var"
            and (isinstance(node.args[0].args[1].value, int) or node.args[0].args[1].value == "T")
        )
    ):
        return node.args[0], node.args[1]  # A^{-1} = a matrix
    if len(node.args) == 2 and node.args[1].kind == "var" and node.args[0].kind in ("num", "dec"):
        return node.args[1], node.args[0]  # 2 = x
    return None, node


def is_name(node: Node) -> bool:
    """Whether a side of an equation can only be a name: x, x_1, f(x), F^{-1}, AB, (x, y), ∠ABC."""
    if node.kind == "var" or node in (E, IMAGINARY):  # an eccentricity, a current
        return True
    if node.kind in ("call", "big"):
        return True
    if node.kind == "add" and node.args[0].kind == "big":  # an integral of P dx + Q dy
        return all(any(len(name) == 2 and name[0] == "d" for name in names(term)) for term in node.args)
    if node.kind == "fn":
        return node.value in _MEASURED and len(node.args) == 1 and _is_unknown(node.args[0])
    if node.kind == "abs":
        return node.args[0].kind in ("mul", "var") and _is_segment(node.args[0])
    if node.kind == "tuple" or node.kind in JOINED_SETS:
        return all(is_name(arg) for arg in node.args)
    if node.kind == "pow":
        return node.args[0].kind == "var" and node.args[1].value == -1 and node.args[0].value in _INVERTED
    if node.kind == "mul":
        *head, last = node.args
        if last.kind == "pow" and last.args[1].value == -1:  # NO/BO
            return _is_segment(mul(*head)) and _is_segment(last.args[0])
        if all(part.kind == "var" and ":" in str(part.value) for part in node.args) or head[0].value == "nabla":
            return True  # a product of vectors; a gradient
        if all(part.kind == "var" and str(part.value).isupper() for part in node.args):
            return len(node.args) <= 3
        if len(head) == 1 and str(head[0].value).startswith("complement"):
            return is_name(last)
        if len(head) == 1 and head[0].kind == "pow":
            return is_name(head[0]) and last.kind == "var"
        return len(head) == 1 and head[0].kind == "var" and str(head[0].value)[0].isupper() and last.kind == "var"
    return False


JOINED_SETS: frozenset[Kind] = frozenset({"union", "inter", "minus"})
_MEASURED = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "norm", "det", "Re", "Im", "arg"})
"""Functions whose value for an unknown is asked for as it is: sin A = 1/2."""


def _is_unknown(node: Node) -> bool:
    return node.kind == "var" and node.value != "x"


_INVERTED = frozenset({"f", "g", "h", "F", "G", "H", "phi", "psi"})


def _is_segment(node: Node) -> bool:
    """One or two capitals, a point or a segment; or a complex number or a vector by its usual name."""
    parts = node.args if node.kind == "mul" else (node,)
    return len(parts) <= 2 and all(
        part.kind == "var" and (str(part.value)[:1].isupper() or part.value in ("z", "w") or ":" in str(part.value))
        for part in parts
    )


def _signs(node: Node) -> list[Node] | None:
    r"""The values of an expression with ±: each sign by itself, but ∓ against ±; None where there is none."""
    count = 0 if node.kind == "set" else _count_signs(node)  # the members of a set are spelled out there
    if not count:
        return None
    if count > 5:
        raise TooBig("too many ±")
    paired = _has_kind(node, "mp")
    choices = [(1,) * count, (-1,) * count] if paired else list(itertools.product((1, -1), repeat=count))
    values: list[Node] = []
    for choice in choices:
        chosen = iter(choice)
        value = _with_signs(node, chosen)
        if value not in values:
            values.append(value)
    return values


def _has_kind(node: Node, kind: Kind) -> bool:
    return node.kind == kind or any(_has_kind(arg, kind) for arg in node.args)


def _count_signs(node: Node) -> int:
    return (node.kind in ("pm", "mp")) + sum(_count_signs(arg) for arg in node.args)


def _with_signs(node: Node, signs: Iterator[int]) -> Node:
    if node.kind in ("pm", "mp"):
        sign = next(signs)
        inner = _with_signs(node.args[0], signs)
        return inner if (sign > 0) == (node.kind == "pm") else neg(inner)
    if not node.args:
        return node
    args = tuple(_with_signs(arg, signs) for arg in node.args)
    return add(*args) if node.kind == "add" else node._replace(args=args)
