"""Names and words that the elements of an answer carry: which they are, and what they are compared by."""

from __future__ import annotations

from collections.abc import Sequence

from .items import Item, spread
from .normal import normal_form
from .tree import Node, div
from .words import same_label


def letters_of(items: Sequence[Item]) -> list[str]:
    """The labels, where every item has one that is a letter or the like, not a word."""
    labels = []
    for item in items:
        if item.label is None or item.label.kind == "named":
            return []
        labels.append(normal_form(item.label))
    return labels


def label_keys(items: Sequence[Item]) -> list[str]:
    """The labels, letters or words, where every item has one."""
    if any(item.label is None for item in items):
        return []
    return [
        str(item.label.value) if item.label.kind == "named" else normal_form(item.label)
        for item in items
        if item.label is not None
    ]


_NAME_FAMILIES = ("xyzw", "abcdef", "pqrs", "uvw", "mnk", "ijk")


def have_usual_order(labels: Sequence[str], families: Sequence[str] = _NAME_FAMILIES) -> bool:
    """Whether names have an order of their own: x, y, z; a, b, c."""
    return any(all(label in family for label in labels) for family in families)


def values_by_name(items: Sequence[Item], labels: Sequence[str]) -> list[Node]:
    """The values in the alphabetical order of their names, where they have names that differ; x, y, z, w is one too."""
    if len(set(labels)) < len(items) or "".join(labels) == "xyzw":
        return [item.value for item in items]
    return [item.value for _, item in sorted(zip(labels, items, strict=True), key=lambda pair: pair[0])]


def members_of(node: Node) -> list[Item]:
    """The members of a set, each once."""
    members: dict[str, Item] = {}
    for part in node.args:
        for item in spread(part):
            members.setdefault(normal_form(item.whole), item)
    return list(members.values())


def may_be_same(mine: Node, other: Node) -> bool:
    """Whether two labels may name one thing: x(t) and x, y and f(x), AB and |BA|, words and a name that is not in them.

    x and X, x_1, x' or T(10) and T(11) are not.
    """
    if "named" in (mine.kind, other.kind):
        return _may_name(mine, other)
    if {mine.kind, other.kind} == {"call", "var"}:
        call, name = (mine, other) if mine.kind == "call" else (other, mine)
        return all(arg.kind == "var" for arg in call.args) and (
            name.value == call.value or (str(call.value)[0].isalpha() and name.value in ("y", "z", "w"))
        )
    if {mine.kind, other.kind} == {"call", "mul"}:  # S_1:S_2 and S_1/S_2
        ratio, product = (mine, other) if mine.kind == "call" else (other, mine)
        return ratio.value == "ratio" and len(ratio.args) == 2 and normal_form(div(*ratio.args)) == normal_form(product)
    if mine.kind == other.kind == "call":
        return mine.value == other.value and _same_arguments(mine, other)
    if "/d" in str(mine.value) and "/d" in str(other.value):
        return mine == other  # dy/dx is not dy/dt
    return _plain_label(mine) == _plain_label(other)


def _may_name(mine: Node, other: Node) -> bool:
    """Whether words may name what is on the other side: tr(A) is not det(A), minimum y not x."""
    if mine.kind == other.kind:
        return same_label(str(mine.value), str(other.value))
    words, name = (mine, other) if mine.kind == "named" else (other, mine)
    if words.args[0].kind == "rel":  # l: y = 2x
        return may_be_same(words.args[0].args[0], name)
    said = str(words.value).split()
    if name.kind in ("call", "fn"):
        word, bracket, _ = str(words.value).partition("(")
        function = str(name.value).strip("'\\").lower()
        word = word if bracket else said[0] if any(len(one) == 1 for one in said) else function
        return word.lower() == function or {word.lower(), function} == {"var", "d"}  # D(X), the variance
    letters = [word for word in said if len(word) == 1 and word not in "aI"]
    return not letters or (str(name.value) in letters and all(len(word) == 1 or word in _EXTREMES for word in said))


_EXTREMES = frozenset("maximum minimum max min value largest smallest greatest least of".split())


def _plain_label(node: Node) -> str:
    """A label in one spelling: the segment in |BA| and \\overline{AB}, the angle in m∠ABC, y' for dy/dx."""
    if node.kind == "abs" and node.args[0].kind == "mul":
        node = node.args[0]
    elif node.kind == "abs" or node.value == "det":  # |A| may be a determinant
        return f"|{normal_form(node.args[0])}|"
    if node.kind == "mul":
        angles = [arg for arg in node.args if str(arg.value).startswith(("angle", "overarc"))]
        if len(angles) == 1 and len(node.args) == 2 and node.args[0].value == "m":
            return str(angles[0].value)
        return "*".join(sorted(map(_plain_label, node.args)))
    if node.kind != "var":
        return normal_form(node)
    name = str(node.value)
    style, _, bare = name.partition(":")
    if style in ("vec", "overline") and bare:
        return "*".join(sorted(bare)) if style == "overline" and len(bare) == 2 else bare if style == "vec" else name
    top, slash, _ = name.partition("/d")
    return f"{top[1:]}'" if slash and top[:1] == "d" and len(top) == 2 else name


def _same_arguments(mine: Node, other: Node) -> bool:
    """Whether two calls are of the same: f(x) is f(t), with another bound name, but P(A) is not P(B)."""
    return normal_form(mine) == normal_form(other) or (
        mine.value != "ratio"
        and len(mine.args) == len(other.args)
        and all(x.kind == "var" and x.value in _BOUND for x in (*mine.args, *other.args))
    )


_BOUND = frozenset((*"xyzwtsuvnmk", "theta"))


def sorted_letters(node: Node) -> Node:
    """A line by two of its points, in one order, with a bar over it or without."""
    style, _, points = str(node.value).partition(":")
    if node.kind == "var" and style in ("overline", "overleftrightarrow") and len(points) == 2:
        return Node("mul", tuple(Node("var", (), point) for point in sorted(points)))
    letters = node.kind == "mul" and all(arg.kind == "var" and str(arg.value).isupper() for arg in node.args)
    return Node("mul", tuple(sorted(node.args))) if letters else node


def is_figure(node: Node) -> bool:
    """Three capitals or more side by side: a triangle or an angle, in which the order counts."""
    return node.kind == "mul" and len(node.args) > 2 and all(
        arg.kind == "var" and str(arg.value).isupper() for arg in node.args
    )  # fmt: skip


def bound_name(mine: Node, other: Node) -> tuple[str, Node] | None:
    """f(x) = … against f(n) = …: the name to replace, and by what."""
    if not (mine.kind == other.kind == "call" and len(mine.args) == len(other.args) == 1):
        return None
    if mine.args[0].kind == other.args[0].kind == "var" and mine.args != other.args:
        return str(other.args[0].value), mine.args[0]
    return None


def in_usual_order(item: Item) -> Item:
    """(y, x) = (1, 2) as (2, 1), for a reference that names nothing: a pair of x and y is in that order."""
    parts = item.whole.args
    if item.whole.kind != "tuple" or item.whole == item.value or any(part.kind != "rel" for part in parts):
        return item
    labels = [str(part.args[0].value) for part in parts]
    if not have_usual_order(labels, _NAME_FAMILIES[:2]):
        return item
    values = values_by_name([Item(part.args[0], part.args[1], part) for part in parts], labels)
    return item._replace(value=Node("tuple", tuple(values)))
