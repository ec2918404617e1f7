r"""LaTeX commands: names, the arguments of \\frac and \\sqrt, functions, sums and integrals, environments."""

from __future__ import annotations

import re
from fractions import Fraction

from .brackets import bracket, call, is_call
from .descent import ENDS_PRODUCT, RELATIONS, Descent
from .literals import index_in_order
from .spelling import GREEK
from .tokens import CURRENCIES, FUNCTIONS
from .tree import IMAGINARY, TWO, E, Node, Unreadable, add, div, inverse, mul, neg, num, substitute
from .words import words_of

BIG = frozenset({"\\sum", "\\prod", "\\int", "\\iint", "\\iiint", "\\oint", "\\lim", "\\bigcup", "\\bigcap"})
_NAMES = frozenset(
    "ldots vdots ddots prime hbar ell Re Im wp aleph beth complement square Box Diamond diamond star bigstar spadesuit"
    " heartsuit clubsuit diamondsuit checkmark top intercal dagger ddagger qed blacksquare S P dag eth Bbbk".split()
)
"""Commands that stand for a name. What else a command may be, as an operator between two terms, is no factor."""
_OPERATORS = frozenset({"ker", "dim", "deg", "hom"})
_DENIES = frozenset({"not", "neg", "lnot", "nexists", "nsim", "nmid", "nparallel", "cancel"})
_BEFORE_NAME = RELATIONS | frozenset({"", "(", "[", "{", ",", ";", "+", "-"})


def two_arguments(parser: Descent, name: str) -> Node:
    """A fraction or a binomial."""
    if name == "frac":
        name_of_it = derivative(parser)
        if name_of_it is not None:
            return name_of_it
    top = parser.argument()
    bottom = parser.argument()
    if name == "binom":
        return Node("fn", (top, bottom), "binom")
    parser.after_fraction = parser.at
    return div(top, bottom)


def derivative(parser: Descent) -> Node | None:
    r"""\frac{dy}{dt} as one name."""
    if parser.head != "{" or parser.tokens[parser.at + 1] not in ("d", "\\partial"):
        return None
    start = parser.at
    top = parser.raw_index()
    if parser.head == "{" and parser.tokens[parser.at + 1] == top[0]:
        bottom = parser.raw_index()
        if top[0] == "\\partial" and (partial := _partial("".join(top), "".join(bottom))):
            return Node("var", (), partial)
        if len(top) + len(bottom) <= 40 and len(bottom) > 1:
            name = "".join(top) + "/" + "".join(bottom)
            return _of_call(parser, bottom) if top == ["d"] and bottom[0] == "d" else Node("var", (), name)
    parser.at = start
    return None


_TOP = re.compile(r"\\partial(?:\^\{?(\d)\}?)?([A-Za-z])")
_BOTTOM = re.compile(r"\\partial([A-Za-z])(?:\^\{?(\d)\}?)?")


def _partial(top: str, bottom: str) -> str:
    r"""\\partial^2 u / \\partial x^2 as u_xx; nothing for a derivative of something longer."""
    of = _TOP.fullmatch(top)
    by = [name * int(power or 1) for name, power in _BOTTOM.findall(bottom)]
    order = sum(map(len, by))
    if of is None or _BOTTOM.sub("", bottom) or order != int(of[1] or 1):
        return ""
    return f"{of[2]}_{''.join(sorted(''.join(by)))}"


def _of_call(parser: Descent, bottom: list[str]) -> Node:
    r"""\\frac{d}{dx} f(x) as f'(x); of anything else, an operator by its name."""
    start = parser.at
    if parser.head.isalpha() and parser.tokens[parser.at + 1] == "(":
        of = parser.power()
        if of.kind == "call" and len(of.args) == 1 and of.args[0].value == "".join(bottom[1:]):
            return of._replace(value=f"{of.value}'")
    parser.at = start
    return Node("var", (), "d/" + "".join(bottom))


def root(parser: Descent) -> Node:
    """A root with its index."""
    index: Node = TWO
    if parser.take("["):
        index = parser.sum()
        parser.need("]")
    if parser.head == "(":  # plain text: sqrt(3)
        return Node("root", (bracket(parser), index))
    return Node("root", (parser.argument(), index))


def function(parser: Descent, name: str) -> Node:
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
    if name in ("max", "min") and base is not None and exponent is None:
        return Node("big", (base, Node("text", (), ""), argument), name)
    args = argument.args if argument.kind in ("tuple", "list") else (argument,)
    if args[1:] and name not in _OF_SEVERAL:
        raise Unreadable(f"\\{name} of several things")
    if exponent is not None and exponent.value == -1 and "arc" + name in FUNCTIONS:
        name, exponent = "arc" + name, None
    node: Node
    if name == "abs":
        node = Node("abs", args)
    elif name in ("log", "lg") and base is not None:
        node = Node("log", (args[0], base))
    elif name == "lg":
        node = Node("log", (args[0], num(10)))
    elif name == "cis":
        node = add(Node("fn", args, "cos"), mul(IMAGINARY, Node("fn", args, "sin")))
    elif name == "exp":
        node = Node("pow", (E, args[0]))
    elif base is not None:
        raise Unreadable(f"\\{name} with an index")
    else:
        node = Node("fn", args, name)
    return Node("pow", (node, exponent)) if exponent is not None else node


_OF_SEVERAL = frozenset({"max", "min", "gcd", "lcm"})


def function_argument(parser: Descent, name: str) -> Node:
    """What a function is applied to: a bracket, or the factors that follow."""
    if parser.head == "(" or (parser.head == "[" and name not in ("max", "min")):
        inner = bracket(parser)
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


def continues_argument(parser: Descent, head: str, last: Node) -> bool:
    """Whether \\sin a b goes on: to names, numbers and fractions, but not to functions and brackets."""
    if head in ("(", "[", "|", "\\{") or not head or not parser.begins_factor(head):
        return False
    if head == "d" and parser.differentials:
        return False
    if head[0] == "\\":
        name = head[1:]
        return name not in FUNCTIONS and head not in BIG and not name.startswith("begin")
    return last.kind != "text"


def big(parser: Descent, name: str) -> Node:
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
    if lower is not None and lower.kind == "rel" and lower.args[0] == IMAGINARY:  # the index i is no number
        index = Node("var", (), "i")
        lower = lower._replace(args=(index, *lower.args[1:]))
        body = _with_index(body, index)
    bound = Node("var", (), f"#{parser.depth}")  # whatever the index is called
    if name in ("sum", "prod", "lim") and lower is not None and lower.kind == "rel" and lower.args[0].kind == "var":
        body = _bind(body, str(lower.args[0].value), bound)
        lower = lower._replace(args=(bound, *lower.args[1:]))
    elif name == "int" and lower is not None and upper is not None and body.kind == "mul":
        last = str(body.args[-1].value)
        if body.args[-1].kind == "var" and last[:1] == "d" and len(last) > 1:
            body = substitute(substitute(body, last[1:], bound), last, Node("var", (), f"d#{parser.depth}"))
    return Node("big", (lower or absent, upper or absent, body), name)


def _bind(node: Node, name: str, bound: Node) -> Node:
    """A body with its index renamed, in the indices of names too: a_k, a_{k+1}, a_{ij}."""
    if node.kind == "var" and "_" in str(node.value):
        head, _, index = str(node.value).partition("_")
        if re.fullmatch(r"[i-n0-9+*-]{1,6}", index) and name in index:
            return node._replace(value=f"{head}_{index_in_order(index.replace(name, str(bound.value)))}")
    if node.kind == "var":
        return bound if node.value == name else node
    return node._replace(args=tuple(_bind(arg, name, bound) for arg in node.args)) if node.args else node


def _with_index(node: Node, index: Node) -> Node:
    if node == IMAGINARY:
        return index
    return node._replace(args=tuple(_with_index(arg, index) for arg in node.args)) if node.args else node


def decorated(parser: Descent, name: str) -> Node:
    """A name with a bar, an arrow, a dot: another name."""
    raw = parser.raw_index()
    word = "".join(raw)
    if name in ("overline", "bar") and word.isdigit():
        raise Unreadable("a bar over digits")
    if not word or len(word) > 40:
        raise Unreadable("a decoration of nothing")
    if "hat" in name and raw[0] == "\\vec":  # \hat{\mathbf r}
        word = "".join(raw[2:-1])
    if name == "overrightarrow":  # the long arrow
        name = "vec"
    if name in ("overline", "overleftrightarrow") and len(raw) == 2 and word.isupper():
        word = "".join(sorted(word))  # a segment or a line may be read from either end
    if name == "overline" and len(raw) == 1:
        name = "bar"
    if word.lstrip("\\").replace("math", "") in ("i", "j", "k") and name in ("hat", "vec", "widehat"):
        name, word = "hat", word[-1] if len(word) == 1 else word[1]
    node = Node("var", (), f"{name}:{word}")
    return call(parser, node) if (parser.head == "(" and name in ("dot", "ddot")) or is_call(parser) else node


def environment(parser: Descent, name: str) -> Node:
    """A matrix, cases or aligned lines."""
    parser.deeper()
    if name == "array":
        if parser.head == "{":
            parser.raw_index()
    elif not name.endswith("matrix") and name not in _LINES:
        raise Unreadable(f"the environment {name} is not known")
    lines = name in _LINES and not name.endswith("cases")
    matrix = not lines and not name.endswith("cases")
    end = f"\\end{{{name}}}"
    rows: list[Node] = []
    cells: list[Node] = []
    while not parser.take(end):
        if parser.head == "":
            raise Unreadable("an environment that is never closed")
        if parser.take("\\\\"):
            if cells:
                rows.append(Node("row", tuple(cells)))
            cells = []
        elif parser.take("&"):
            if matrix and (not cells or parser.head in ("&", "\\\\", end)):
                cells.append(Node("text", (), ""))
        else:
            cells.append(_cell(parser, end, through=lines))
    if cells:
        rows.append(Node("row", tuple(cells)))
    parser.depth -= 1
    if not rows:
        raise Unreadable("an empty environment")
    if name.endswith("cases"):
        if all(len(row.args) == 1 and row.args[0].kind == "rel" and row.args[0].value == "=" for row in rows):
            return Node("list", tuple(row.args[0] for row in rows))  # a system, not a choice
        return Node("cases", tuple(rows))
    if not name.endswith("matrix") and name != "array":
        return Node("list", tuple(cell for row in rows for cell in row.args))
    made = Node("matrix", tuple(rows))
    function = {"vmatrix": "det", "Vmatrix": "norm"}.get(name)
    return made if function is None else Node("fn", (made,), function)


_DECORATIONS = frozenset("ket bar overline hat vec overrightarrow tilde dot ddot widehat overleftrightarrow".split())
_LINES = frozenset({"cases", "dcases", "rcases", "aligned", "align", "alignedat", "gathered", "split", "eqnarray"})
_SKIPPED = frozenset({'"if', '"for', '"when', '"where', '"is', '"are', '"and', '"若', '"当', '"时', ",", ".", ";"})


def _cell(parser: Descent, end: str, *, through: bool) -> Node:
    """One cell: a relation, words, or both in turn, which is a phrase. `through`: an & in it only aligns."""
    parts: list[Node] = []
    if through:
        at = parser.at
        depth = 0
        while parser.tokens[at] not in ("", end) and (depth or parser.tokens[at] != "\\\\"):
            sign = parser.tokens[at]
            depth += sign.startswith("\\begin") - sign.startswith("\\end")
            if sign == "&":
                del parser.tokens[at]
            else:
                at += 1
    while parser.head not in ("&", "\\\\", end, ""):
        if parser.head in _SKIPPED:
            parser.at += 1
        elif parser.head[0] == '"':
            words: list[str] = []
            while parser.head[:1] == '"' and parser.head not in _SKIPPED:
                words.append(parser.head)
                parser.at += 1
            parts.append(Node("text", (), words_of(words)))
        else:
            parts.append(parser.relation())
    if not parts:
        return Node("text", (), "")
    return parts[0] if len(parts) == 1 else Node("phrase", tuple(parts))


def command(parser: Descent, head: str) -> Node:
    """What a command stands for, with what belongs to it."""
    name = head[1:]
    parser.at += 1
    if name in ("frac", "binom"):
        return two_arguments(parser, name)
    if name == "sqrt":
        return root(parser)
    if name in ("radical", "cuberoot", "cbrt", "surd"):
        return Node("root", (parser.power(), num(3) if name[0] == "c" else TWO))
    if name.startswith("mixed"):
        return num(Fraction(name[5:]))
    if name in FUNCTIONS or name in ("floor", "ceil", "abs"):
        return function(parser, name)
    if name in ("lfloor", "lceil"):
        parser.deeper()
        inner = parser.union()
        parser.depth -= 1
        parser.need("\\rfloor" if name == "lfloor" else "\\rceil")
        return Node("fn", (inner,), name[1:])
    if name == "|":
        inner = parser.sum()
        parser.need("\\|")
        return Node("fn", (inner,), "norm")
    if head in BIG:
        return big(parser, name)
    if name in _OPERATORS:
        inner = function_argument(parser, name)
        return Node("call", inner.args if inner.kind == "tuple" else (inner,), name)
    if name in _DECORATIONS:
        return decorated(parser, name)
    if name == "partial" and parser.head == "_":  # \partial_t u
        start = parser.at
        parser.at += 1
        by = "".join(parser.raw_index())
        if parser.head.isalpha() and by.isalpha():
            parser.at += 1
            return Node("var", (), f"{parser.tokens[parser.at - 1]}_{''.join(sorted(by))}")
        parser.at = start
    if name == "partial" and parser.head.isalpha():
        parser.at += 1
        return Node("var", (), f"∂{parser.tokens[parser.at - 1]}")
    if name in ("angle", "triangle", "Delta", "measuredangle", "odot"):
        if name == "Delta" and not parser.head.isalpha():
            return Node("var", (), "Delta")
        letters = "".join(_letters(parser))
        if name != "triangle" and len(letters) == 3:
            letters = min(letters, letters[::-1])  # an angle may be read from either side
        return Node("var", (), name + letters)
    if name in GREEK:
        node = Node("var", (), name)
        return call(parser, node) if head in parser.called or is_call(parser) else node
    if name.startswith("begin{"):
        return environment(parser, name[6:-1])
    if name.startswith("mathbb{"):
        return Node("text", (), name)
    if name in ("emptyset",):
        return Node("set")
    if name == "boxed":
        return parser.argument()
    if name in CURRENCIES:
        owed = parser.take("-")
        amount = parser.product()
        return Node("unit", (neg(amount) if owed else amount,), CURRENCIES[name])
    if name in ("forall", "exists"):
        raise Unreadable("a quantifier")
    if name in ("color", "textcolor"):
        parser.raw_index()
        return parser.argument()
    before = parser.tokens[parser.at - 2] if parser.at > 1 else ""
    if name in _NAMES or (
        name.isalpha() and before in _BEFORE_NAME and parser.head in ENDS_PRODUCT and name not in _DENIES
    ):
        return Node("var", (), name)
    raise Unreadable(f"the command {head} is not known")


def _letters(parser: Descent) -> list[str]:
    start = parser.at
    while parser.head.isalpha() and parser.at - start < 4:
        parser.at += 1
    return parser.tokens[start : parser.at]
