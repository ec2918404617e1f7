r"""What follows a LaTeX command: the arguments of \\frac and \\sqrt, functions, sums and integrals, environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tokens import FUNCTIONS
from .tree import TWO, E, Node, Unreadable, div, inverse, mul, num

if TYPE_CHECKING:
    from .grammar import Parser

BIG = frozenset({"\\sum", "\\prod", "\\int", "\\iint", "\\iiint", "\\oint", "\\lim", "\\bigcup", "\\bigcap"})


def two_arguments(parser: Parser, name: str) -> Node:
    """A fraction or a binomial."""
    if name == "frac":
        name_of_it = derivative(parser)
        if name_of_it is not None:
            return name_of_it
    top = parser.argument()
    bottom = parser.argument()
    if name == "frac":
        return div(top, bottom)
    if name == "binom":
        return Node("fn", (top, bottom), "binom")
    raise Unreadable(f"the command \\{name} is not known")


def derivative(parser: Parser) -> Node | None:
    r"""\frac{dy}{dt} as one name."""
    if parser.head != "{" or parser.tokens[parser.at + 1] not in ("d", "\\partial"):
        return None
    start = parser.at
    top = parser.raw_index()
    if parser.head == "{" and parser.tokens[parser.at + 1] == top[0]:
        bottom = parser.raw_index()
        if len(top) + len(bottom) <= 40 and len(bottom) > 1:
            return Node("var", (), "".join(top) + "/" + "".join(bottom))
    parser.at = start
    return None


def root(parser: Parser) -> Node:
    """A root with its index."""
    index: Node = TWO
    if parser.take("["):
        index = parser.sum()
        parser.need("]")
    if parser.head == "(":  # plain text: sqrt(3)
        return Node("root", (parser.bracket(), index))
    return Node("root", (parser.argument(), index))


def function(parser: Parser, name: str) -> Node:
    """A function with its exponent, base and argument."""
    exponent: Node | None = None
    base: Node | None = None
    marks = 0
    while parser.head in ("^", "_"):
        mark = parser.head
        parser.at += 1
        if mark == "_":
            base = parser.argument()
        elif parser.head == "-":
            exponent = parser.signed_power()
        else:
            exponent = parser.argument()
        marks += 1
        if marks > 2:
            raise Unreadable("too many marks on a function")
    argument = function_argument(parser, name)
    args = argument.args if argument.kind in ("tuple", "list") else (argument,)
    if exponent is not None and exponent.value == -1 and "arc" + name in FUNCTIONS:
        name, exponent = "arc" + name, None
    node: Node
    if name == "abs":
        node = Node("abs", args)
    elif name in ("log", "lg") and base is not None:
        node = Node("log", (args[0], base))
    elif name == "lg":
        node = Node("log", (args[0], num(10)))
    elif name == "exp":
        node = Node("pow", (E, args[0]))
    elif base is not None:
        raise Unreadable(f"\\{name} with an index")
    else:
        node = Node("fn", args, name)
    return Node("pow", (node, exponent)) if exponent is not None else node


def function_argument(parser: Parser, name: str) -> Node:
    """What a function is applied to: a bracket, or the factors that follow."""
    if parser.head == "(" or (parser.head == "[" and name not in ("max", "min")):
        inner = parser.bracket()
        return inner.args[0] if inner.kind == "brackets" and len(inner.args) == 1 else inner
    if parser.head == "{" or parser.head == "\\{":
        inner = parser.primary()
        if inner.kind == "set":
            return Node("tuple", inner.args)
        if parser.head == "^":
            parser.at += 1
            inner = parser.exponent(inner)
        return inner
    factors = [parser.signed_power() if parser.head == "-" else parser.power()]
    while continues_argument(parser, parser.head, factors[-1]):
        factors.append(parser.power())
    if parser.head == "/" and factors[-1].kind == "const" and parser.tokens[parser.at + 1].isdigit():
        parser.at += 1  # \sin \pi/6
        factors.append(inverse(parser.power()))
    return mul(*factors)


def continues_argument(parser: Parser, head: str, last: Node) -> bool:
    """Whether \\sin a b goes on: to names, numbers and fractions, but not to functions and brackets."""
    if head in ("(", "[", "|", "\\{") or not head or not parser.begins_factor(head):
        return False
    if head[0] == "\\":
        name = head[1:]
        return name not in FUNCTIONS and head not in BIG and not name.startswith("begin")
    return last.kind != "text"


def big(parser: Parser, name: str) -> Node:
    """A sum, product, integral, limit or union with its bounds and body."""
    lower: Node | None = None
    upper: Node | None = None
    while parser.head in ("_", "^"):
        mark = parser.head
        parser.at += 1
        if parser.take("{"):
            bound = parser.listed("}")
            parser.need("}")
        else:
            bound = parser.argument()
        if mark == "_":
            lower = bound
        else:
            upper = bound
    parser.deeper()
    body = parser.product()
    parser.depth -= 1
    absent = Node("text", (), "")
    return Node("big", (lower or absent, upper or absent, body), name)


def decorated(parser: Parser, name: str) -> Node:
    """A name with a bar, an arrow, a dot: another name."""
    raw = parser.raw_index()
    word = "".join(raw)
    if name in ("overline", "bar") and word.isdigit():
        raise Unreadable("a bar over digits")
    if not word or len(word) > 40:
        raise Unreadable("a decoration of nothing")
    node = Node("var", (), f"{name}:{word}")
    return parser.call(node) if parser.head == "(" and name in ("dot", "ddot") else node


def environment(parser: Parser, name: str) -> Node:
    """A matrix, cases or aligned lines."""
    parser.deeper()
    if name == "array":
        if parser.head == "{":
            parser.raw_index()
    elif not name.endswith("matrix") and name not in ("cases", "aligned", "align", "gathered", "split", "dcases"):
        raise Unreadable(f"the environment {name} is not known")
    rows: list[Node] = []
    cells: list[Node] = []
    end = f"\\end{{{name}}}"
    while not parser.take(end):
        if parser.head == "":
            raise Unreadable("an environment that is never closed")
        if parser.take("&"):
            continue
        if parser.take("\\\\"):
            if cells:
                rows.append(Node("row", tuple(cells)))
            cells = []
            continue
        while parser.head in (",", ".") or parser.head[:1] == '"':
            parser.at += 1
        if parser.head not in ("&", "\\\\", end):
            cells.append(parser.relation())
    if cells:
        rows.append(Node("row", tuple(cells)))
    parser.depth -= 1
    if not rows:
        raise Unreadable("an empty environment")
    if name.endswith("cases"):
        return Node("cases", tuple(rows))
    if not name.endswith("matrix") and name != "array":
        return Node("list", tuple(cell for row in rows for cell in row.args))
    kind = {"vmatrix": "det"}.get(name, "matrix")
    return Node("fn", (Node("matrix", tuple(rows)),), "det") if kind == "det" else Node("matrix", tuple(rows))
