r"""The comparison ladder: text, exact value, form, parts, equations and sets, then points.

`compare` takes two readings and says whether they are the same answer, by which rule. It never guesses: what it
cannot decide is None. Of the two, one is the reference: it may be more precise than asked for, carry a unit that the
answer drops, or be a decimal that an exact answer rounds to. Nothing is ever picked out of a longer answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .domains import clash_of_domains, span_of
from .equations import end_of_chain, same_equation, same_inequality, solves, turned_upward
from .families import congruence, same_family
from .items import Item, items_of, spread, unlabelled
from .labels import (
    bound_name,
    have_usual_order,
    is_figure,
    label_keys,
    letters_of,
    may_be_same,
    members_of,
    named_parts,
    values_by_name,
)
from .matrices import as_tuple_or_matrix, entries_of, in_plain_type, matrix_of
from .normal import normal_form
from .numeric import fresh_budget
from .quantity import approximates, same_quantity, same_time
from .reading import KEPT_TEXT, Answer
from .reading import forget as forget_answers
from .scalar import is_scalar
from .sets import is_region, real_set, same_set, variable_of
from .tree import Kind, Node, TooBig, kinds, names, substitute
from .words import plain, same_label, same_words

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
    if (span := span_of(gold.text)) is not None:
        return Decision(span_of(answer.text, spelled=True) == span, "range")
    best = _compare(gold.node, answer.node)
    if not best.same and (plain := in_plain_type(gold.node, answer.node)) is not None:
        best = _compare(*plain)
    if best.same and clash_of_domains(gold.text, answer.text):
        return Decision(False, "domain")
    if best.same:
        return best
    for mine, other in itertools.product((gold.node, *gold.others), (answer.node, *answer.others)):
        if (mine, other) != (gold.node, answer.node):
            found = _compare(mine, other)
            if found.same:
                return found
    units = (one for one in gold.by_kind if one.kind == "unit")
    for mine, other in (*((gold.node, one) for one in answer.by_kind), *((one, answer.node) for one in units)):
        if mine.kind == other.kind:
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
    if answer.kind == "text" and gold.kind in ("phrase", "list") and gold.args[0].kind == "text":
        head = str(gold.args[0].value)  # "yes" for "yes, since x > 0"
        return Decision(same_words(f"{head} …", str(answer.value)), "words")
    mine, other = _as_words(gold), _as_words(answer)
    if mine is not None and other is not None and same_words(mine, other):
        return Decision(True, "words")
    return Decision(False, "words")


def _phrases(gold: Node, answer: Node) -> Decision:
    """Words and formulas in turn, part by part; a lone word may stand on the other side of its formula."""
    if gold.kind != answer.kind:
        mine, other = _without_domain(gold), _without_domain(answer)
        return _compare(mine, other) if (mine, other) != (gold, answer) else Decision(False, "phrase")
    if len(gold.args) != len(answer.args):
        return Decision(False, "phrase")
    decision = _all((_same_part(x, y) for x, y in zip(gold.args, answer.args, strict=True)), "phrase")
    if decision.same is False and len(gold.args) == 2:
        return _all((_same_part(x, y) for x, y in zip(gold.args, reversed(answer.args), strict=True)), "phrase")
    return decision


_DOMAIN = frozenset(
    "for all any every each with where positive natural nonnegative non-negative integer integers real reals rational"
    " numbers number arbitrary some constant constants is are on over and".split()
)


def _without_domain(node: Node) -> Node:
    """The value of `n for all positive integers n`: words that only say what a name may be."""
    if node.kind != "phrase" or node.args[0].kind == "text" or all(part.kind != "text" for part in node.args):
        return node
    for part in node.args[1:]:
        if part.kind == "text" and not all(word in _DOMAIN for word in str(part.value).split()):
            return node
        if part.kind == "rel" and part.value != "\\in":
            return node
        if part.kind not in ("text", "var", "rel"):
            return node
    return node.args[0]


def _same_part(gold: Node, answer: Node) -> Decision:
    if (gold.kind == "text") != (answer.kind == "text"):
        return Decision(False, "phrase")
    return _compare(gold, answer)


def _choices(gold: Node, answer: Node) -> Decision:
    """An option's letter with what it stands for: either alone is enough, but both must be right."""
    if gold.kind == answer.kind:
        return _compare(gold.args[0], answer.args[0]) if gold.value == answer.value else Decision(False, "label")
    choice, other = (gold, answer) if gold.kind == "choice" else (answer, gold)
    if other.kind == "var" and other.value == choice.value:
        return Decision(True, "label")
    return _compare(choice.args[0], other) if gold.kind == "choice" else _compare(other, choice.args[0])


def _as_words(node: Node) -> str | None:
    if node.kind == "text":
        return plain(str(node.value))
    if node.kind in ("named", "phrase", "choice", "unit", "list"):
        return None
    if node.kind == "set" and not node.args:
        return "no solutions"
    try:
        form = normal_form(node).replace("*", "")
    except TooBig:
        return None
    return plain(form) if form.isalnum() else None


# lists


def _same(gold: Node, answer: Node) -> Decision:
    if (gold.kind == "phrase") != (answer.kind == "phrase"):
        gold, answer = _without_domain(gold), _without_domain(answer)
    if "list" in (gold.kind, answer.kind):
        ordered = _order_of(gold), _order_of(answer)
        if (ordered[0] is None) != (ordered[1] is None):
            return _in_order(ordered[0] or gold.args, ordered[1] or answer.args, "relation")
    try:
        region = _regions(gold, answer)
        if region is not None:
            return region
        mine, other = items_of(gold), items_of(answer)
    except TooBig:
        return _OPEN
    if len(mine) == len(other) == 1:
        return _same_item(mine[0], other[0])
    return _same_lists(mine, other, (gold.value, answer.value))


_UNVALUED: frozenset[Kind] = frozenset({"text", "var", "call"})
"""What a list may hold of which "or" and "and" are not the same: names and words, not values."""


_DOTS = Node("var", (), "ldots")


def _says_several_things(items: list[Item]) -> bool:
    """Whether the elements are about several names, or are inequalities; values of one name are listed either way."""
    return len(set(letters_of(items))) > 1 or any(
        item.whole.kind == "rel" and set(str(item.whole.value).split()) & _INEQUALITIES for item in items
    )


_INEQUALITIES = frozenset({"<", ">", "<=", ">=", "!="})


def _order_of(node: Node) -> tuple[Node, ...] | None:
    """The sides of b < a < d, all names: an order, which may be written as a list."""
    if node.kind != "rel" or len(node.args) < 3 or not all(side.kind == "var" for side in node.args):
        return None
    return node.args if set(str(node.value).split()) in ({"<"}, {">"}) else None


def _same_lists(mine: list[Item], other: list[Item], signs: tuple[object, object]) -> Decision:
    if len(mine) == 1 and mine[0].value.kind in ("set", "tuple", "brackets", "matrix"):
        return _list_against(mine[0].value, other, gold_first=True)
    if len(other) == 1 and other[0].value.kind in ("set", "tuple", "brackets", "matrix"):
        return _list_against(other[0].value, mine, gold_first=False)
    if len(mine) != len(other):
        return _assignments(mine, other)
    if signs[0] and signs[1] and signs[0] != signs[1] and all(item.value.kind in _UNVALUED for item in mine):
        return Decision(False, "list")  # Alice or Bob is not both
    for items, sign in ((mine, signs[0]), (other, signs[1])):
        if sign == "or" and signs[0] != signs[1] and _says_several_things(items):
            return Decision(False, "list")  # x = 1 or y = 2 is not both
    if any(item.value == _DOTS for item in (*mine, *other)):
        return _in_order([item.whole for item in mine], [item.whole for item in other], "list")
    keys_mine, keys_other = label_keys(mine), label_keys(other)
    if keys_mine and keys_other and len(set(keys_mine)) == len(mine) and len(set(keys_other)) == len(other):
        if set(keys_mine) == set(keys_other):
            return _by_label(mine, other, keys_mine, keys_other)
        alike = [[key for key in keys_mine if same_label(key, other_key)] for other_key in keys_other]
        if all(len(keys) == 1 for keys in alike) and len({keys[0] for keys in alike}) == len(mine):
            return _by_label(mine, other, keys_mine, [keys[0] for keys in alike])
        if set(keys_mine) & set(keys_other):
            return Decision(False, "list")
        return _all((same_value(x.value, y.value) for x, y in zip(mine, other, strict=True)), "list")
    letters_mine, letters_other = letters_of(mine), letters_of(other)
    if letters_mine and letters_other and 1 in (len(set(letters_mine)), len(set(letters_other))):
        # x = 1 and x = 2 may be the roots x_1 and x_2, but not x = 1 and y = 2
        if {name.split("_")[0] for name in letters_mine} != {name.split("_")[0] for name in letters_other}:
            return Decision(False, "label")
        if letters_mine != letters_other:
            mine, other = ([item._replace(label=None) for item in items] for items in (mine, other))
        return _any_order(mine, other)
    if keys_mine and not letters_mine and not keys_other and len(set(keys_mine)) > 1:
        # Words in the reference only: their order is all there is.
        return _in_order([item.value for item in mine], [item.value for item in other], "list")
    if (letters_mine and len(set(letters_mine)) > 1) or (letters_other and len(set(letters_other)) > 1):
        # x = 1, y = 2 against 1, 2: the order of the names is all there is to tell them apart.
        values = values_by_name(other, letters_other)
        decision = _in_order(values_by_name(mine, letters_mine), values, "list")
        if decision.same:
            return decision
        written = [item.value for item in other]
        if values != written and have_usual_order(letters_other):
            written = values
        return _in_order([item.value for item in mine], written, "list")
    return _any_order(mine, other)


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
                return _by_label(pair[0], pair[1], letters_of(pair[0]), letters_of(pair[1]))
            return _in_order(values, others, "list") if gold_first else _in_order(others, values, "list")
    return Decision(False, "list")


def _by_label(mine: Sequence[Item], other: Sequence[Item], labels: list[str], others: list[str]) -> Decision:
    if sorted(labels) != sorted(others):
        return Decision(False, "list")
    by_label = dict(zip(others, other, strict=True))
    return _all((_same_item(item, by_label[label]) for item, label in zip(mine, labels, strict=True)), "list")


def _list_against(one: Node, items: list[Item], *, gold_first: bool) -> Decision:
    """A list without brackets against one object in brackets."""
    values = [item.value for item in items] if not gold_first else values_by_name(items, letters_of(items))
    if one.kind == "set":
        members = members_of(one)
        items = [item._replace(label=None) for item in items]
        return _any_order(members, items) if gold_first else _any_order(items, members)
    parts = list(entries_of(one) or ())
    if len(parts) != len(values):
        return Decision(False, "list")
    plain_parts = [unlabelled(part)[1] for part in parts]
    return _in_order(plain_parts, values, "list") if gold_first else _in_order(values, plain_parts, "list")


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


def _same_member(gold: Item, answer: Item) -> Decision:
    """Two members of sets: a set in a set is not its element."""
    if gold.value.kind != answer.value.kind and {gold.value.kind, answer.value.kind} & _BRACKET_KINDS:
        return Decision(False, "set")
    return _same_item(gold, answer)


def _any_order(mine: Sequence[Item], other: Sequence[Item]) -> Decision:
    """Whether two lists hold the same elements, each as often."""
    if len(mine) != len(other):
        return Decision(False, "list")
    left = list(other)
    open_pairs = False
    unmatched: list[Item] = []
    for item in mine:
        twin = next((index for index, candidate in enumerate(left) if candidate == item), None)
        if twin is None:
            unmatched.append(item)
        else:
            del left[twin]
    if len(unmatched) * len(left) > MAX_PAIRS:
        return _OPEN
    for item in unmatched:
        for index, candidate in enumerate(left):
            decision = _same_member(item, candidate)
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
    if gold.whole.kind == answer.whole.kind == "tuple":
        named_mine, named_other = named_parts(gold.whole), named_parts(answer.whole)
        if named_mine and named_other and len(named_mine) == len(named_other):
            keys = label_keys(named_mine), label_keys(named_other)
            if keys[0] != keys[1] and set(keys[0]) & set(keys[1]):
                return _by_label(named_mine, named_other, *keys)
    if answer.label is not None and gold.label is not None:
        renaming = bound_name(gold.label, answer.label)
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
    if mine is not None and mine == answer.value and other == gold.value:
        return Decision(True, "equation")  # AB = CD and CD = AB
    if mine is None or other is None or mine == other or may_be_same(mine, other):
        return None
    if gold.whole.kind == answer.whole.kind == "rel" and (names(gold.value) or names(answer.value)):
        whole = same_value(gold.whole, answer.whole)
        if whole.same:
            return whole
    return Decision(False, "label")


def same_value(gold: Node, answer: Node) -> Decision:
    """Whether two single values are the same."""
    if gold == answer:
        return Decision(True, "structure")
    both = {gold.kind, answer.kind}
    if "bad" in both:
        return _OPEN
    if "text" in both:
        return _text(gold, answer)
    if "phrase" in both:
        return _phrases(gold, answer)
    if "choice" in both:
        return _choices(gold, answer)
    if "time" in both:
        return Decision(same_time(gold, answer), "time")
    if "approx" in both:
        return _approximations(gold, answer)
    if both & {"list", "named"}:
        return _same(gold, answer)
    for kind_set, rule in ((_REGION_KINDS, _sets), ({"rel"}, _relations), ({"cases"}, _cases)):
        if both & kind_set:
            return rule(gold, answer)
    if is_figure(gold) and is_figure(answer) and gold.args != answer.args:
        return Decision(False, "label")
    if "call" in both:
        gold, answer = _without_point_name(gold, answer), _without_point_name(answer, gold)
    if both & _BRACKET_KINDS or ("pow" in both and any(_is_transpose(node) for node in (gold, answer))):
        gold, answer = as_tuple_or_matrix(gold), as_tuple_or_matrix(answer)
    if {gold.kind, answer.kind} & _BRACKET_KINDS:
        return _brackets(gold, answer)
    decision = same_quantity(gold, answer)
    if not decision.same and decision.rule != "unit" and names(gold) and names(answer) and same_family(gold, answer):
        return Decision(True, "family")
    return Decision(decision.same, decision.rule)


def _is_transpose(node: Node) -> bool:
    return node.kind == "pow" and node.args[0].kind == "matrix"


def _without_point_name(node: Node, other: Node) -> Node:
    """A(1, 2) beside a pair without a name: the point."""
    named = node.kind == "call" and len(node.args) > 1 and len(str(node.value)) == 1 and str(node.value).isupper()
    return Node("tuple", node.args) if named and other.kind == "tuple" else node


_REGION_KINDS: frozenset[Kind] = frozenset({"interval", "union", "inter", "minus", "builder"})
_BRACKET_KINDS: frozenset[Kind] = frozenset({"tuple", "brackets", "set", "matrix", "row"})


def _approximations(gold: Node, answer: Node) -> Decision:
    r"""The exact part counts; where both sides also give the approximation, it must be the same number."""
    if gold.kind == answer.kind == "approx":
        return _in_order(gold.args, answer.args, "approximation")
    if answer.kind == "approx":
        decision = _same(gold, answer.args[0])
        # x = 1/3 ≈ 0.3 gives x its value, whatever follows; 5 ≈ 6 says only that, and has to be true.
        holds = decision.same is not True or answer.value == "=" or approximates(*answer.args)
        return decision if holds else Decision(False, "approximation")
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
    if kinds(gold) & _CARRIED != kinds(answer) & _CARRIED:
        return Decision(False, "unit")
    classes = congruence(gold), congruence(answer)
    if classes[0] is not None and classes[1] is not None and "mod" in f"{gold.value} {answer.value}":
        named = classes[0][0] is not None and classes[1][0] is not None and classes[0][0] != classes[1][0]
        return Decision(not named and classes[0][1:] == classes[1][1:], "relation")
    mine, other = turned_upward(gold), turned_upward(answer)
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
        return Decision(same_inequality(mine, other), "relation")
    return Decision(False, "relation")


_CARRIED = frozenset({"unit", "pct"})


def _chains(gold: Node, answer: Node) -> Decision:
    """A chain of equal things against another: what it ends in counts, if the chain is true."""
    if set(f"{gold.value} {answer.value}".split()) != {"="}:
        return Decision(False, "relation")
    mine, other = end_of_chain(gold), end_of_chain(answer)
    if mine is None or other is None:
        return Decision(False, "relation")
    return _same(mine, other)


def _relation_against_value(relation: Node, value: Node, *, gold_first: bool) -> Decision:
    """An equation that is no `name = value` against a bare value."""
    if set(str(relation.value).split()) != {"="}:
        return _OPEN if value.kind in ("tuple", "brackets") else Decision(False, "relation")
    last = end_of_chain(relation)
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
    if ("pct" in kinds(gold)) != ("pct" in kinds(answer)):
        return Decision(False, "unit")
    if gold.kind == answer.kind == "set":
        return _any_order(members_of(gold), members_of(answer))
    gold, answer = matrix_of(gold), matrix_of(answer)
    mine, other = entries_of(gold), entries_of(answer)
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
