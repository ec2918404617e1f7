"""What stands in brackets: one expression, tuples, intervals, sets, and what a name is applied to."""

from __future__ import annotations

from .calls import applies
from .descent import Descent
from .tree import Node, Unreadable, names, substitute


def bracket(parser: Descent) -> Node:
    """What stands in ( ) or [ ]: one expression, a tuple, brackets, or a half-open interval."""
    opening = parser.head
    parser.deeper()
    parser.at += 1
    inner = parser.listed(")")
    closing = parser.head
    if closing not in (")", "]"):
        raise Unreadable(f"a bracket closed by {closing!r}")
    parser.at += 1
    parser.depth -= 1
    parts = inner.args if inner.kind == "list" else (inner,)
    if len(parts) == 1 and inner.kind == "matrix":
        return inner
    if opening + closing == "()":
        return Node("tuple", parts) if len(parts) > 1 else inner
    if opening + closing == "[]":
        return Node("brackets", parts)
    if len(parts) != 2:
        raise Unreadable("a half-open interval needs two ends")
    return Node("interval", parts, opening + closing)


def braced_set(parser: Descent) -> Node:
    r"""A set in \{ \}: its elements, or a name with the conditions on it."""
    parser.deeper()
    parser.at += 1
    if parser.take("\\}"):
        return Node("set")
    parser.bars += 1
    parts = [parser.relation()]
    conditions: list[Node] = []
    joins: list[str] = []
    while not parser.take("\\}"):
        if parser.head in ("|", "\\mid", ":") and not conditions:
            parser.at += 1
            parser.bars -= 1
            conditions.append(parser.relation())
            parser.bars += 1
        elif parser.head in (",", ";", '"and', '"or'):
            if parser.head == '"or' and not conditions and parts[-1].kind != "rel":
                raise Unreadable("a set of one or the other")
            joins += [parser.head] if conditions else []
            parser.at += 1
            (conditions or parts).append(parser.relation())
        elif parser.head in _SAYS_NOTHING and conditions:
            parser.at += 1
        else:
            raise Unreadable("a set that is never closed")
    parser.bars -= 1
    parser.depth -= 1
    if '"or' in joins:
        domains = [one for one in conditions[1:] if one.value == "\\in"]  # x < 1 or x > 2, x in R
        either = [one for one in conditions if one not in domains]
        if joins != ['"or'] * (len(either) - 1) + [","] * len(domains):
            raise Unreadable("conditions joined by both words")
        conditions = [Node("list", tuple(either), "or"), *domains]
    if conditions and parts[0].kind == "var" and not any(parts[0].value in names(one) for one in conditions):
        raise Unreadable("a set of names that its conditions do not say")
    if conditions and conditions[0].value == "=" and conditions[0].args[0] == parts[0] and conditions[1:]:
        parts = [conditions.pop(0).args[1]]  # {x : x = 2k, k in Z} is {2k : k in Z}
    if conditions and parts[0].kind not in ("rel", "var") and len(names(parts[0])) == 1:
        (name,) = names(parts[0])
        if any(name in names(one) for one in conditions):  # whatever the bound name is called
            bound = Node("var", (), "#")
            parts, conditions = ([substitute(one, name, bound) for one in some] for some in (parts, conditions))
    if conditions:
        return Node("builder", (parts[0], *conditions))
    return Node("set", tuple(parts))


_SAYS_NOTHING = frozenset({'"is', '"are', '"a', '"an', '"for', '"where', '"with', '"number', '"numbers'})


def is_call(parser: Descent) -> bool:
    """Whether a bracket behind a name can only hold what it is applied to: one name, a number, several parts."""
    return parser.head == "(" and applies(parser.tokens, parser.at)


def call(parser: Descent, node: Node) -> Node:
    """f(x): an unknown function of what stands in the bracket."""
    if parser.head == "^" and parser.tokens[parser.at + 1 : parser.at + 5] == ["{", "-", "1", "}"]:
        if parser.tokens[parser.at + 5] != "(":
            return node
        parser.at += 5
        node = node._replace(value=f"{node.value}^-1")
    if parser.tokens[parser.at : parser.at + 3] == ["^", "{", "("] and parser.tokens[parser.at + 4 : parser.at + 6] == [
        ")",
        "}",
    ]:
        node = node._replace(value=f"{node.value}^({parser.tokens[parser.at + 3]})")
        parser.at += 6
    marks = ""
    while parser.head[:1] == "'" or (parser.head == "^" and parser.tokens[parser.at + 1] == "\\prime"):
        primes = parser.head if parser.head[:1] == "'" else "'"
        parser.at += 1 if parser.head[:1] == "'" else 2
        marks += primes
    name = f"{node.value}{marks}".lstrip("\\")
    braced = parser.head == "{" and parser.tokens[parser.at + 1] == "("  # f{\left(x \right)}
    parser.at += braced
    if parser.head == "_" or parser.head != "(":
        return Node("var", (), name)
    parser.at += 1
    parser.deeper()
    inner = parser.listed(")")
    parser.depth -= 1
    parser.need(")")
    if braced:
        parser.need("}")
    return Node("call", inner.args if inner.kind == "list" else (inner,), name)
