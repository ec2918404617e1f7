r"""Tuples and matrices: their entries, sums and multiples of matrices, transposes, sums of unit vectors."""

from __future__ import annotations

import re

from .calls import is_vector
from .families import components
from .scalar import is_scalar
from .tree import Kind, Node, add, kinds, mul, names, substitute

ORDERED: frozenset[Kind] = frozenset({"tuple", "brackets", "row"})


def in_plain_type(gold: Node, answer: Node) -> tuple[Node, Node] | None:
    r"""Two answers without arrows and bold type, where those tell nothing apart: \\mathbf{x} is x, unless x is there
    too, or a product of two vectors. None where nothing can be taken off."""
    styled = [{name for name in names(node) if name.startswith("vec:")} for node in (gold, answer)]
    if not any(styled) or (all(styled) and styled[0] != styled[1]):
        return None
    for node, own in zip((gold, answer), styled, strict=True):
        if {name[4:] for name in own} & names(node) or _multiplies_vectors(node):
            return None
    plain = _unstyled(gold), _unstyled(answer)
    ordered = any("product" in kinds(node) for node in (gold, answer))
    return plain if not ordered or plain[0] == plain[1] else None


def with_primes(gold: Node, answer: Node) -> tuple[Node, Node] | None:
    """Two answers of which one writes y'' and the other d^2y/dx^2, by one variable: both with primes."""
    for one, other in ((gold, answer), (answer, gold)):
        derivatives = {name: _DERIVATIVE.fullmatch(name) for name in names(other) if "/d" in name}
        by = {match[3] for match in derivatives.values() if match is not None}
        primed = any("'" in name or name.startswith(("dot:", "ddot:")) for name in names(one))
        if (
            not derivatives
            or None in derivatives.values()
            or len(by) != 1
            or not primed
            or any("/d" in n for n in names(one))
        ):
            continue
        for name, match in derivatives.items():
            assert match is not None
            order = int(match[1] or 1)
            dotted = "d" * (order - 1) + f"dot:{match[2]}"
            new = dotted if dotted in names(one) and by == {"t"} else match[2] + "'" * order
            other = substitute(other, name, Node("var", (), new))
        return (one, other) if one is gold else (other, one)
    return None


_DERIVATIVE = re.compile(r"d(?:\^\{?(\d)\}?)?([A-Za-z])/d([A-Za-z])(?:\^\{?\d\}?)?")


def _multiplies_vectors(node: Node) -> bool:
    if node.value == "cross" or (node.kind == "mul" and sum(is_vector(arg) for arg in node.args) > 1):
        return True
    return any(map(_multiplies_vectors, node.args))


def _unstyled(node: Node) -> Node:
    if node.kind == "var":
        return node._replace(value=str(node.value).removeprefix("vec:"))
    args = tuple(map(_unstyled, node.args))
    return mul(*args) if node.value == "product" else node._replace(args=args)


def entries_of(node: Node) -> tuple[Node, ...] | None:
    """The entries of a tuple or of a matrix that is one row or column."""
    if node.kind in ORDERED:
        return node.args
    if node.kind == "matrix":
        if len(node.args) == 1:
            return node.args[0].args
        if all(len(row.args) == 1 for row in node.args):
            return tuple(row.args[0] for row in node.args)
    return None


def as_tuple_or_matrix(node: Node) -> Node:
    r"""A transpose as a matrix, and 2\mathbf{i} + 3\mathbf{j} as (2, 3)."""
    if node.kind == "pow" and node.args[0].kind == "matrix" and node.args[1].kind in ("var", "text", "fn"):
        rows = node.args[0].args
        if node.args[1].value in ("T", "top", "intercal", "t") and len({len(row.args) for row in rows}) == 1:
            return Node("matrix", tuple(Node("row", cells) for cells in zip(*(row.args for row in rows), strict=True)))
    if node.kind == "pow" and node.args[0].kind in ("tuple", "brackets") and node.args[1].value in ("T", "top"):
        return Node("matrix", tuple(Node("row", (entry,)) for entry in node.args[0].args))
    if node.kind in ("add", "mul", "var"):
        parts = components(node)
        return node if parts is None else Node("tuple", parts)
    return node


def _parametric(node: Node) -> Node | None:
    """(1, 0) + t(2, 1) as (1 + 2t, t), where a name stands before each vector but one; None for anything else."""
    vectors: list[tuple[Node, ...]] = []
    for term in node.args:
        factors = mul(*term.args).args if term.kind == "mul" else (term,)
        vector = term if term.kind == "tuple" else _multiple(mul(*map(_with_factor, factors)))
        if vector is None or not all(map(is_scalar, vector.args)):
            return None
        vectors.append(vector.args)
    if len({len(parts) for parts in vectors}) > 1 or sum(term.kind == "tuple" for term in node.args) > 1:
        return None
    return Node("tuple", tuple(add(*parts) for parts in zip(*vectors, strict=True)))


def _multiple(node: Node) -> Node | None:
    """A multiple of one vector worked out; None for anything else."""
    tuples = [arg for arg in node.args if arg.kind == "tuple"] if node.kind == "mul" else []
    if len(tuples) != 1:
        return None
    rest = tuple(arg for arg in node.args if arg is not tuples[0])
    return Node("tuple", tuple(mul(*rest, part) for part in tuples[0].args)) if all(map(is_scalar, rest)) else None


def _with_factor(node: Node) -> Node:
    """t(2, 1), read as a function of two numbers, as t times a vector."""
    if node.kind == "call" and len(node.args) > 1 and node.value in _PARAMETERS and not names(node):
        return Node("mul", (Node("var", (), node.value), Node("tuple", node.args)))
    return node


_PARAMETERS = frozenset({"t", "s", "r", "k", "a", "b", "c", "lambda", "mu"})


def matrix_of(node: Node) -> Node:
    """A sum of matrices, or a multiple of one or of a vector, worked out; one expression in brackets as it is."""
    if node.kind == "brackets" and all(arg.kind == "brackets" for arg in node.args):
        return Node("matrix", tuple(Node("row", arg.args) for arg in node.args))  # [[1, 2], [3, 4]]
    if node.kind == "add" and all(matrix_of(arg).kind == "matrix" for arg in node.args):
        total = matrix_of(node.args[0])
        for arg in node.args[1:]:
            other = matrix_of(arg)
            if [len(row.args) for row in total.args] != [len(row.args) for row in other.args]:
                return node
            total = Node("matrix", tuple(
                Node("row", tuple(add(x, y) for x, y in zip(r.args, s.args, strict=True)))
                for r, s in zip(total.args, other.args, strict=True)
            ))  # fmt: skip
        return total
    if node.kind == "mul":
        node = mul(*node.args)  # a minus before a product stands outside of it
    if node.kind == "add" and (line := _parametric(node)) is not None:
        return line
    if (vector := _multiple(node)) is not None:
        return vector
    if node.kind == "mul" and sum(arg.kind in ("matrix", "add") for arg in node.args) == 1:
        index = next(i for i, arg in enumerate(node.args) if arg.kind in ("matrix", "add"))
        inner = matrix_of(node.args[index])
        rest = node.args[:index] + node.args[index + 1 :]
        if inner.kind == "matrix" and all(is_scalar(part) for part in rest):
            return Node("matrix", tuple(
                Node("row", tuple(mul(*rest, cell) for cell in row.args)) for row in inner.args
            ))  # fmt: skip
    return node
