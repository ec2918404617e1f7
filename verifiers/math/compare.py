r"""The comparison ladder: text, exact value, form, parts, equations and sets, then points.

`compare` takes two readings and says whether they are the same answer, by which rule. It never guesses: what it
cannot decide is None. Of the two, one is the reference: it may be more precise than asked for, carry a unit that the
answer drops, or be a decimal that an exact answer rounds to. Nothing is ever picked out of a longer answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .equations import renamed, residual, same_equation, solves
from .items import Item, is_name, items_of, spread, unlabelled
from .normal import normal_form
from .numeric import fresh_budget
from .quantity import same_quantity
from .reading import KEPT_TEXT, Answer
from .reading import forget as forget_answers
from .scalar import is_scalar, same_scalar
from .sets import is_region, real_set, same_set, variable_of
from .tree import Node, TooBig, add, mul, names, num, substitute
from .words import plain, same_words

MAX_PAIRS = 400
"""Most comparisons of elements in one comparison of lists."""


class Decision(NamedTuple):
    """Whether two answers are the same (None: not decided), and the rule that says so."""

    same: bool | None
    rule: str


_DIFFERENT = Decision(False, "none")
_OPEN = Decision(None, "none")
_ORDERED = frozenset({"tuple", "brackets", "row"})


def compare(gold: Answer, answer: Answer) -> Decision:
    """Whether an answer is the reference.

    >>> from .reading import read
    >>> compare(read("1,-3"), read("x = -3 or x = 1"))
    Decision(same=True, rule='list')
    """
    if gold.text == answer.text:
        return Decision(True, "string")
    fresh_budget()
    small = len(gold.text) <= KEPT_TEXT and len(answer.text) <= KEPT_TEXT
    try:
        return _best_kept(gold, answer) if small else _best(gold, answer)
    except (RecursionError, TooBig):  # a caller may have left us little stack
        return _OPEN


def _best(gold: Answer, answer: Answer) -> Decision:
    best = _compare(gold.node, answer.node)
    if best.same:
        return best
    for mine, other in itertools.product((gold.node, *gold.others), (answer.node, *answer.others)):
        if (mine, other) != (gold.node, answer.node):
            found = _compare(mine, other)
            if found.same:
                return found
    return best


# The responses to one problem mostly give the same few answers.
_best_kept = lru_cache(maxsize=512)(_best)


def forget() -> None:
    """Drop every answer and decision that is kept, for measurements from a cold start."""
    _best_kept.cache_clear()
    forget_answers()


def _compare(gold: Node, answer: Node) -> Decision:
    if "bad" in (gold.kind, answer.kind):
        return _OPEN
    if gold == answer:
        return Decision(True, "structure")
    if "text" in (gold.kind, answer.kind):
        return _regions(gold, answer) or _text(gold, answer)
    return _same(gold, answer)


def _text(gold: Node, answer: Node) -> Decision:
    mine, other = _as_words(gold), _as_words(answer)
    if mine is not None and other is not None and same_words(mine, other):
        return Decision(True, "words")
    return Decision(False, "words")


def _as_words(node: Node) -> str | None:
    if node.kind == "text":
        return plain(str(node.value))
    if node.kind == "named":
        return None
    if node.kind == "set" and not node.args:
        return "no solutions"
    try:
        return plain(normal_form(node).replace("*", ""))
    except TooBig:
        return None


# lists


def _same(gold: Node, answer: Node) -> Decision:
    try:
        region = _regions(gold, answer)
        if region is not None:
            return region
        mine, other = items_of(gold), items_of(answer)
    except TooBig:
        return _OPEN
    if len(mine) == len(other) == 1:
        return _same_item(mine[0], other[0])
    return _same_lists(mine, other)


def _same_lists(mine: list[Item], other: list[Item]) -> Decision:
    if len(mine) == 1 and mine[0].value.kind in ("set", "tuple", "brackets", "matrix"):
        return _list_against(mine[0].value, other, gold_first=True)
    if len(other) == 1 and other[0].value.kind in ("set", "tuple", "brackets", "matrix"):
        return _list_against(other[0].value, mine, gold_first=False)
    if len(mine) != len(other):
        return _assignments(mine, other)
    labels_mine, labels_other = _letters(mine), _letters(other)
    if labels_mine and labels_other and len(set(labels_mine)) == len(mine):
        return _by_label(mine, other, labels_mine, labels_other)
    if (labels_mine and len(set(labels_mine)) > 1) or (labels_other and len(set(labels_other)) > 1):
        # x = 1, y = 2 against 1, 2: the order of the names is all there is to tell them apart.
        values = _by_name(other, labels_other)
        decision = _in_order(_by_name(mine, labels_mine), values, "list")
        return decision if decision.same else _in_order([item.value for item in mine], values, "list")
    return _any_order(mine, other)


def _letters(items: Sequence[Item]) -> list[str]:
    """The labels, where every item has one that is a letter or the like, not a word."""
    labels = []
    for item in items:
        if item.label is None or item.label.kind == "named":
            return []
        labels.append(normal_form(item.label))
    return labels


def _by_name(items: Sequence[Item], labels: Sequence[str]) -> list[Node]:
    """The values in the alphabetical order of their names, where they have names that differ."""
    if len(set(labels)) < len(items):
        return [item.value for item in items]
    return [item.value for _, item in sorted(zip(labels, items, strict=True), key=lambda pair: pair[0])]


def _assignments(mine: list[Item], other: list[Item]) -> Decision:
    """f(n) = n, g(n) = 1 against (f(n), g(n)) = (n, 1)."""
    for few, many, gold_first in ((other, mine, False), (mine, other, True)):
        if len(few) == 1 and few[0].whole.kind == "tuple" and len(few[0].whole.args) == len(many):
            parts = few[0].whole.args
            values = [unlabelled(part)[1] for part in parts]
            others = [item.value for item in many]
            if all(part.kind == "rel" for part in parts) and all(item.label is not None for item in many):
                named = [spread(part)[0] for part in parts]
                pair = (named, many) if gold_first else (many, named)
                return _by_label(pair[0], pair[1], _letters(pair[0]), _letters(pair[1]))
            return _in_order(values, others, "list") if gold_first else _in_order(others, values, "list")
    return Decision(False, "list")


def _by_label(mine: Sequence[Item], other: Sequence[Item], labels: list[str], others: list[str]) -> Decision:
    if sorted(labels) != sorted(others):
        return Decision(False, "list")
    by_label = dict(zip(others, other, strict=True))
    return _all((_same_item(item, by_label[label]) for item, label in zip(mine, labels, strict=True)), "list")


def _list_against(one: Node, items: list[Item], *, gold_first: bool) -> Decision:
    """A list without brackets against one object in brackets."""
    values = [item.value for item in items] if not gold_first else _by_name(items, _letters(items))
    if one.kind == "set":
        members = [item for part in one.args for item in spread(part)]
        return _any_order(members, items) if gold_first else _any_order(items, members)
    parts = list(_entries(one) or ())
    if len(parts) != len(values):
        return Decision(False, "list")
    plain_parts = [unlabelled(part)[1] for part in parts]
    return _in_order(plain_parts, values, "list") if gold_first else _in_order(values, plain_parts, "list")


def _entries(node: Node) -> tuple[Node, ...] | None:
    """The entries of a tuple or of a matrix that is one row or column."""
    if node.kind in _ORDERED:
        return node.args
    if node.kind == "matrix":
        if len(node.args) == 1:
            return node.args[0].args
        if all(len(row.args) == 1 for row in node.args):
            return tuple(row.args[0] for row in node.args)
    return None


def _all(decisions: Iterable[Decision], rule: str) -> Decision:
    undecided = False
    for decision in decisions:
        if decision.same is False:
            return Decision(False, rule)
        undecided |= decision.same is None
    return _OPEN if undecided else Decision(True, rule)


def _in_order(mine: Sequence[Node], other: Sequence[Node], rule: str) -> Decision:
    if len(mine) != len(other):
        return Decision(False, rule)
    return _all((_same(x, y) for x, y in zip(mine, other, strict=True)), rule)


def _any_order(mine: Sequence[Item], other: Sequence[Item]) -> Decision:
    """Whether two lists hold the same elements, each as often."""
    if len(mine) != len(other):
        return Decision(False, "list")
    left = list(other)
    open_pairs = False
    unmatched: list[Item] = []
    for item in mine:
        twin = next((index for index, candidate in enumerate(left) if candidate.value == item.value), None)
        if twin is None:
            unmatched.append(item)
        else:
            del left[twin]
    if len(unmatched) * len(left) > MAX_PAIRS:
        return _OPEN
    for item in unmatched:
        for index, candidate in enumerate(left):
            decision = _same_item(item, candidate)
            if decision.same:
                del left[index]
                break
            open_pairs |= decision.same is None
        else:
            return _OPEN if open_pairs else Decision(False, "list")
    return Decision(True, "list")


# sets of real numbers


def _regions(gold: Node, answer: Node) -> Decision | None:
    """Compare as sets where one side can be nothing else; None where that does not apply."""
    if not (is_region(gold) or is_region(answer)):
        return None
    mine, other = real_set(gold), real_set(answer)
    if mine is None or other is None:
        return None
    a, b = _about(gold), _about(answer)
    if a is not None and b is not None and a != b:
        return Decision(False, "set")
    return Decision(same_set(mine, other), "set")


def _about(node: Node) -> str | None:
    return None if node.kind == "builder" else variable_of(node)


# single values


def _same_item(gold: Item, answer: Item) -> Decision:
    found = _labels_clash(gold, answer)
    if found is not None:
        return found
    if answer.label is not None and gold.label is not None:
        renaming = _bound_name(gold.label, answer.label)
        if renaming is not None:
            if str(renaming[1].value) in names(answer.value):
                return Decision(False, "label")  # f(y) = 2x is not f(x) = 2x
            answer = answer._replace(value=substitute(answer.value, *renaming))
    decision = same_value(gold.value, answer.value)
    if decision.same or (gold.whole == gold.value and answer.whole == answer.value):
        return decision
    if gold.whole.kind == answer.whole.kind == "rel" and gold.label != answer.label:
        whole = same_value(gold.whole, answer.whole)
        if whole.same:
            return whole
    solvable = gold.whole.kind == "rel" and gold.whole.value == "=" and answer.label is None
    if solvable and is_scalar(answer.value) and len(names(gold.whole)) > 1 and solves(gold.whole, answer.value):
        return Decision(True, "equation")
    return decision


def _labels_clash(gold: Item, answer: Item) -> Decision | None:
    mine, other = gold.label, answer.label
    if mine is None or other is None or "named" in (mine.kind, other.kind) or mine.kind != other.kind:
        return None
    if mine.kind == "var" and mine != other and str(mine.value).lower() != str(other.value).lower():
        whole = same_value(gold.whole, answer.whole) if names(gold.value) or names(answer.value) else _DIFFERENT
        return whole if whole.same else Decision(False, "label")
    if mine.kind == "call" and mine.value != other.value:
        return Decision(False, "label")
    if mine.kind == "mul" and sorted(map(normal_form, mine.args)) != sorted(map(normal_form, other.args)):
        return Decision(False, "label")  # segments: AB is BA but not AC
    return None


def _is_figure(node: Node) -> bool:
    """Three capitals or more side by side: a triangle or an angle, in which the order counts."""
    return node.kind == "mul" and len(node.args) > 2 and all(
        arg.kind == "var" and str(arg.value).isupper() for arg in node.args
    )  # fmt: skip


def _bound_name(mine: Node, other: Node) -> tuple[str, Node] | None:
    """f(x) = … against f(n) = …: the name to replace, and by what."""
    if not (mine.kind == other.kind == "call" and len(mine.args) == len(other.args) == 1):
        return None
    if mine.args[0].kind == other.args[0].kind == "var" and mine.args != other.args:
        return str(other.args[0].value), mine.args[0]
    return None


def same_value(gold: Node, answer: Node) -> Decision:
    """Whether two single values are the same."""
    if gold == answer:
        return Decision(True, "structure")
    kinds = {gold.kind, answer.kind}
    if "bad" in kinds:
        return _OPEN
    if "text" in kinds:
        return _text(gold, answer)
    if "approx" in kinds:
        return _approximations(gold, answer)
    if kinds & {"list", "named"}:
        return _same(gold, answer)
    for kind_set, rule in ((_REGION_KINDS, _sets), ({"rel"}, _relations), ({"cases"}, _cases)):
        if kinds & kind_set:
            return rule(gold, answer)
    if _is_figure(gold) and _is_figure(answer) and gold.args != answer.args:
        return Decision(False, "label")
    if kinds & _BRACKET_KINDS:
        return _brackets(gold, answer)
    decision = same_quantity(gold, answer)
    if not decision.same and decision.rule != "unit":
        twin = renamed(gold, answer) if is_scalar(gold) and is_scalar(answer) else None
        if twin is not None:
            again = same_quantity(gold, twin)
            decision = again if again.same else decision
    return Decision(decision.same, decision.rule)


_REGION_KINDS = frozenset({"interval", "union", "inter", "minus", "builder"})
_BRACKET_KINDS = frozenset({"tuple", "brackets", "set", "matrix", "row"})


def _approximations(gold: Node, answer: Node) -> Decision:
    r"""The exact part counts; where both sides also give the approximation, it must be the same number."""
    if gold.kind == answer.kind == "approx":
        return _in_order(gold.args, answer.args, "approximation")
    if answer.kind == "approx":
        return _same(gold, answer.args[0])
    decision = _same(gold.args[0], answer)
    return decision if decision.same else _same(gold.args[1], answer)


def _sets(gold: Node, answer: Node) -> Decision:
    region = _regions(gold, answer)
    if region is not None:
        return region
    if gold.kind != answer.kind or len(gold.args) != len(answer.args):
        return _OPEN if {gold.kind, answer.kind} & {"builder", "minus", "inter"} else Decision(False, "set")
    if gold.kind == "interval" and gold.value != answer.value:
        return Decision(False, "set")
    decision = _in_order(gold.args, answer.args, "set")
    if decision.same is False and gold.kind == "union":
        decision = _any_order([Item(None, arg, arg) for arg in gold.args], [Item(None, a, a) for a in answer.args])
    return decision if decision.same or gold.kind in ("interval", "union") else _OPEN


def _relations(gold: Node, answer: Node) -> Decision:
    if gold.kind != answer.kind:
        relation, value = (gold, answer) if gold.kind == "rel" else (answer, gold)
        return _relation_against_value(relation, value, gold_first=gold.kind == "rel")
    region = _regions(gold, answer)
    if region is not None:
        return region
    mine, other = _upward(gold), _upward(answer)
    if mine.value == other.value and len(mine.args) == len(other.args):
        decision = _in_order(mine.args, other.args, "relation")
        if decision.same or len(mine.args) != 2:
            return decision
    elif len(mine.args) != 2 or len(other.args) != 2:
        return _chains(mine, other)
    if mine.value != other.value:
        return Decision(False, "relation")
    if mine.value in ("=", "!="):
        return Decision(same_equation(mine, other), "equation")
    if mine.value in ("<", "<="):
        return Decision(_same_inequality(mine, other), "relation")
    return Decision(False, "relation")


def _chains(gold: Node, answer: Node) -> Decision:
    """A chain of equal things against another: what it ends in counts, if the chain is true."""
    if set(f"{gold.value} {answer.value}".split()) != {"="}:
        return Decision(False, "relation")
    mine, other = _end_of_chain(gold), _end_of_chain(answer)
    if mine is None or other is None:
        return Decision(False, "relation")
    return _same(mine, other)


def _end_of_chain(node: Node) -> Node | None:
    """The last side of an equation whose sides are all the same thing."""
    last = node.args[-1]
    for side in node.args[:-1]:
        if is_name(side):
            continue
        if not is_scalar(side) or not is_scalar(last) or same_scalar(side, last)[0] is not True:
            return _entries_equal(side, last)
    return last


def _entries_equal(side: Node, last: Node) -> Node | None:
    return last if side.kind == "pow" and last.kind == "matrix" else None


def _upward(node: Node) -> Node:
    """A chain of > turned round to <."""
    signs = str(node.value).split()
    if all(sign[0] == ">" for sign in signs):
        turned = " ".join(sign.replace(">", "<") for sign in reversed(signs))
        return Node("rel", tuple(reversed(node.args)), turned)
    return node


def _same_inequality(gold: Node, answer: Node) -> bool | None:
    a, b = residual(gold), residual(answer)
    if names(a) != names(b) or not is_scalar(a) or not is_scalar(b):
        return False
    for scale in _ratios(a, b):
        return same_scalar(mul(a, num(scale)), b)[0]
    return False


def _ratios(a: Node, b: Node) -> list[Fraction]:
    """The rational factor between two expressions at one point, where it is positive."""
    from .exact import rational

    for shift in range(3):
        x, y = a, b
        for index, name in enumerate(sorted(names(a))):
            value = num(Fraction(2 * index + 3 + shift, index + 2))
            x, y = substitute(x, name, value), substitute(y, name, value)
        u, v = rational(x), rational(y)
        if u and v:
            return [Fraction(v) / u] if (u > 0) == (v > 0) else []
    return []


def _relation_against_value(relation: Node, value: Node, *, gold_first: bool) -> Decision:
    """An equation that is no `name = value` against a bare value."""
    if set(str(relation.value).split()) != {"="}:
        return _OPEN if value.kind in ("tuple", "brackets") else Decision(False, "relation")
    last = _end_of_chain(relation)
    if last is None and gold_first and len(relation.args) > 2:
        last = relation.args[-1]  # the reference may call things equal as it likes
    if last is not None:
        return _same(last, value) if gold_first else _same(value, last)
    if gold_first and len(relation.args) == 2 and solves(relation, value):
        return Decision(True, "equation")
    return Decision(False, "relation")


def _cases(gold: Node, answer: Node) -> Decision:
    if gold.kind != answer.kind or len(gold.args) != len(answer.args):
        return _OPEN
    rows = [(Item(None, row, row)) for row in gold.args]
    decision = _any_order(rows, [Item(None, row, row) for row in answer.args])
    return decision if decision.same else _OPEN


def _brackets(gold: Node, answer: Node) -> Decision:
    if gold.kind == answer.kind == "set":
        return _any_order(
            [item for arg in gold.args for item in spread(arg)], [item for arg in answer.args for item in spread(arg)]
        )
    gold, answer = _folded(gold), _folded(answer)
    mine, other = _entries(gold), _entries(answer)
    if mine is not None and other is not None:
        if {gold.kind, answer.kind} == {"tuple", "brackets"} and len(mine) == 2:
            return Decision(False, "tuple")  # they may be intervals, and then differ
        if gold.kind == answer.kind == "matrix" and (len(gold.args) == 1) != (len(answer.args) == 1):
            return Decision(False, "matrix")
        return _in_order(mine, other, "tuple")
    if gold.kind == answer.kind == "matrix":
        return _in_order([Node("row", row.args) for row in gold.args], [*answer.args], "matrix")
    if "set" in (gold.kind, answer.kind):
        one, alone = (gold, answer) if gold.kind == "set" else (answer, gold)
        if len(one.args) == 1 and alone.kind not in _BRACKET_KINDS:
            return _same(one.args[0], alone) if gold.kind == "set" else _same(alone, one.args[0])
    if {gold.kind, answer.kind} & {"brackets"}:
        one, alone = (gold, answer) if gold.kind == "brackets" else (answer, gold)
        if len(one.args) == 1 and alone.kind not in _BRACKET_KINDS:
            return _same(one.args[0], alone) if gold.kind == "brackets" else _same(alone, one.args[0])
    return Decision(False, "tuple")


def _folded(node: Node) -> Node:
    """A sum of matrices, or a multiple of one, worked out; a bracket around one expression left as it is."""
    if node.kind == "add" and all(_folded(arg).kind == "matrix" for arg in node.args):
        total = _folded(node.args[0])
        for arg in node.args[1:]:
            other = _folded(arg)
            if [len(row.args) for row in total.args] != [len(row.args) for row in other.args]:
                return node
            total = Node("matrix", tuple(
                Node("row", tuple(add(x, y) for x, y in zip(r.args, s.args, strict=True)))
                for r, s in zip(total.args, other.args, strict=True)
            ))  # fmt: skip
        return total
    if node.kind == "mul" and sum(arg.kind in ("matrix", "add") for arg in node.args) == 1:
        index = next(i for i, arg in enumerate(node.args) if arg.kind in ("matrix", "add"))
        inner = _folded(node.args[index])
        rest = node.args[:index] + node.args[index + 1 :]
        if inner.kind == "matrix" and all(is_scalar(part) for part in rest):
            return Node("matrix", tuple(
                Node("row", tuple(mul(*rest, cell) for cell in row.args)) for row in inner.args
            ))  # fmt: skip
    return node
