r"""The comparison ladder: text, exact value, form, parts, equations and sets, then points.

`compare` takes two readings and says whether they are the same answer, by which rule. It never guesses: what it
cannot decide is None. Of the two, one is the reference: it may be more precise than asked for, carry a unit that the
answer drops, or be a decimal that an exact answer rounds to. Nothing is ever picked out of a longer answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

from .calls import with_factors, with_products_turned
from .domains import clash_of_domains, span_of
from .equations import end_of_chain, same_equation, same_inequality, solves, turned_upward, value_of_chain
from .families import congruence, same_family, with_parameter_renamed
from .items import Item, is_name, items_of, links_of
from .labels import (
    bound_name,
    in_usual_order,
    is_figure,
    may_be_same,
    members_of,
    sorted_letters,
)
from .lists import BRACKETS, OPEN, Decision, Lists, all_of
from .matrices import as_tuple_or_matrix, entries_of, in_plain_type, matrix_of, with_primes
from .normal import normal_form
from .notation import same_notation
from .numeric import fresh_budget
from .quantity import approximates, same_quantity, same_time
from .reading import KEPT_TEXT, Answer
from .reading import forget as forget_answers
from .sets import is_region, real_set, same_set, variable_of, whole_numbers
from .tree import Kind, Node, TooBig, kinds, names, substitute
from .vocabulary import word_set
from .words import plain, same_words

_PADDED = 3
"""Digits to which a number is filled up with zeros (AIME: 033); in more, a zero in front is part of a string."""


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
        return OPEN


def _best(gold: Answer, answer: Answer) -> Decision:
    if gold.text[:1] == "0" and gold.text.isdigit() and len(gold.text) > _PADDED:
        return Decision(answer.text.rpartition("= ")[2] == gold.text, "digits")
    if "-" in gold.text and (span := span_of(gold.text)) is not None:
        return Decision(span_of(answer.text, spelled=True) == span, "range")
    first: Decision | None = None
    for mine, other in _readings(gold, answer):
        decision = _compare(mine, other)
        if decision.same:
            return Decision(False, "domain") if clash_of_domains(gold.text, answer.text) else decision
        first = first or decision
    assert first is not None
    return first


def _readings(gold: Answer, answer: Answer) -> Iterator[tuple[Node, Node]]:
    """The trees of two answers, then with spellings of one in those of the other, then their second readings."""
    yield gold.node, answer.node
    both = f"{gold.text} {answer.text}"
    if "\\vec" in both and (plain := in_plain_type(gold.node, answer.node)) is not None:
        yield plain
    if " d" in both and (primed := with_primes(gold.node, answer.node)) is not None:
        yield primed
    if "^" in both and ("product" in kinds(gold.node)) != ("product" in kinds(answer.node)):
        yield with_products_turned(gold.node), with_products_turned(answer.node)
    if "(" in both and "call" in kinds(gold.node) | kinds(answer.node):
        yield from with_factors(gold.node, answer.node)
    if answer.node.kind == "rel" and (value := _worked_out(answer)) is not None:
        yield gold.node, value
    if gold.node.kind == answer.node.kind and gold.node.kind in ("phrase", "list"):
        yield from with_parameter_renamed(gold.node, answer.node)
    for mine, other in itertools.product((gold.node, *gold.others), (answer.node, *answer.others)):
        if mine is not gold.node or other is not answer.node:
            yield mine, other
    read_as = gold.by_kind if gold.node.kind != "tuple" else ()  # a pair is no permutation, whatever the answer is
    for mine, other in (*((gold.node, one) for one in answer.by_kind), *((one, answer.node) for one in read_as)):
        if mine.kind == other.kind and (other is not answer.node or mine.kind in ("unit", "notation")):
            yield mine, other


def _worked_out(answer: Answer) -> Node | None:
    """5/9 for 10/18 = 5/9, whose sides are the same number by our reading, but not as they are written."""
    *sides, last = answer.node.args
    written = answer.text.split(" = ")
    if last.kind != "num" or any(side != last for side in sides) or len({*written}) < len(answer.node.args):
        return None
    return last


# The responses to one problem mostly give the same few answers.
_best_kept = lru_cache(maxsize=512)(_best)


def forget() -> None:
    """Drop every answer and decision that is kept, for measurements from a cold start."""
    _best_kept.cache_clear()
    forget_answers()


def _compare(gold: Node, answer: Node) -> Decision:
    if "bad" in (gold.kind, answer.kind):
        return OPEN
    if gold == answer:
        return Decision(True, "structure")
    if "text" in (gold.kind, answer.kind):
        return _regions(gold, answer) or _text(gold, answer)
    return _same(gold, value_of_chain(gold, answer))


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
        if gold.value == "remark":  # the reference may say more about it
            return _same(gold.args[0], answer)
        mine, other = _without_domain(gold), _without_domain(answer)
        return _compare(mine, other) if (mine, other) != (gold, answer) else Decision(False, "phrase")
    if len(gold.args) != len(answer.args):
        return Decision(False, "phrase")
    decision = all_of((_same_part(x, y) for x, y in zip(gold.args, answer.args, strict=True)), "phrase")
    if decision.same is False and len(gold.args) == 2:
        return all_of((_same_part(x, y) for x, y in zip(gold.args, reversed(answer.args), strict=True)), "phrase")
    return decision


_DOMAIN = word_set("domain words")


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
    if node.kind == "mul" and all(arg.kind == "var" or arg.value in ("e", "i") for arg in node.args):
        return plain("".join(str(arg.value) for arg in node.args))
    return plain(str(node.value)) if node.kind in ("var", "num", "const", "notation") else None


# lists


def _same(gold: Node, answer: Node) -> Decision:
    if (gold.kind == "phrase") != (answer.kind == "phrase"):
        gold, answer = _without_domain(gold), _without_domain(answer)
    if "list" in (gold.kind, answer.kind):
        chosen = _chosen(gold), _chosen(answer)
        if chosen[0] is not None and chosen[0] == chosen[1]:
            return Decision(True, "label")
        ordered = _order_of(gold), _order_of(answer)
        if (ordered[0] is None) != (ordered[1] is None):
            return _LISTS.in_order(ordered[0] or gold.args, ordered[1] or answer.args, "relation")
    try:
        region = _regions(gold, answer)
        if region is not None:
            return region
        mine, other = items_of(gold), items_of(answer)
    except TooBig:
        return OPEN
    if len(mine) == len(other) == 1:
        return _same_item(mine[0], other[0])
    decision = _LISTS.compare(mine, other, (gold.value, answer.value))
    if decision.same or (len(mine) == len(other) and decision.rule != "label"):
        return decision
    chains = links_of(mine, other), links_of(other, mine)
    if chains == (mine, other):
        return decision
    spread = _LISTS.compare(*chains, (gold.value, answer.value))
    return spread if spread.same else decision


def _chosen(node: Node) -> frozenset[object] | None:
    """The options of a question with several right ones, ACD or A, C, D; None for anything else."""
    if node.kind not in ("mul", "list") or node.value == "or" or any(arg.kind != "var" for arg in node.args):
        return None
    letters = [str(arg.value) for arg in node.args]
    return frozenset(letters) if letters == sorted(set(letters) & set("ABCDEFGH")) else None


def _order_of(node: Node) -> tuple[Node, ...] | None:
    """The sides of b < a < d, all names: an order, which may be written as a list."""
    if node.kind != "rel" or len(node.args) < 3 or not all(side.kind == "var" for side in node.args):
        return None
    return node.args if set(str(node.value).split()) in ({"<"}, {">"}) else None


# sets of real numbers


def _regions(gold: Node, answer: Node) -> Decision | None:
    """Compare as sets where one side can be nothing else; None where that does not apply."""
    if not (is_region(gold) or is_region(answer)):
        return None
    if "set" in (gold.kind, answer.kind):
        listed = [node if node.kind == "set" else whole_numbers(node) for node in (gold, answer)]
        if listed[0] is not None and listed[1] is not None:
            return _brackets(listed[0], listed[1])
    mine, other = real_set(gold), real_set(answer)
    if mine is None or other is None:
        return None
    a, b = _about(gold), _about(answer)
    if a is not None and b is not None and a != b:
        return Decision(False, "set")
    return Decision(same_set(mine, other), "set")


def _about(node: Node) -> str | None:
    if node.kind == "builder":
        return None
    if node.kind == "rel" and (calls := [side for side in node.args if side.kind == "call"]):
        return normal_form(calls[0])  # f(x) > 0 is not about x
    return variable_of(node)


# single values


def _same_item(gold: Item, answer: Item) -> Decision:
    clash = _labels_clash(gold, answer)
    if clash is not None:
        return clash
    if gold.whole.kind == answer.whole.kind == "tuple" and gold.whole != gold.value and answer.whole != answer.value:
        return _LISTS.compare([gold], [answer], (None, None))  # (x, y) = (1, 2) and (y, x) = (2, 1)
    if gold.whole == gold.value and gold.value.kind in BRACKETS:
        answer = in_usual_order(answer)
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
    return decision


def _labels_clash(gold: Item, answer: Item) -> Decision | None:
    mine, other = gold.label, answer.label
    if mine is not None and mine == answer.value and other == gold.value:
        return Decision(True, "equation")  # AB = CD and CD = AB
    if mine is None and other is not None and other.kind == "mul" and gold.whole.kind == "rel":
        return _whole(gold, answer)  # one product for another
    if mine is None or other is None:
        return None
    if mine.kind == "var" and {gold.whole.value, answer.whole.value} == {"=", "\\equiv"}:
        return Decision(False, "relation")
    others = _names_but_the_first(answer) - _names_but_the_first(gold)
    bound = bool(names(gold.value) & names(mine)) or mine.value in _FUNCTIONS
    if mine.kind == other.kind == "call" and not bound and normal_form(mine) != normal_form(other):
        return Decision(False, "label")  # phi(n) = 4 is not phi(m) = 4
    if (mine == other or may_be_same(mine, other)) and others <= {normal_form(other)}:
        return None
    if not others and {gold.whole.value, answer.whole.value} == {"="} and _is_solution_of(gold, answer):
        return None
    return _whole(gold, answer)


def _is_solution_of(gold: Item, answer: Item) -> bool:
    """Whether one is x = 2 and the other L = {2}: an unknown, and a set of solutions with one element."""
    one, alone = (gold, answer) if gold.value.kind == "set" else (answer, gold)
    return (
        one.label in _SOLUTIONS
        and one.value.kind == "set"
        and len(one.value.args) == 1
        and alone.label in _UNKNOWNS
        and alone.value.kind not in BRACKETS
        and not {str(label.value) for label in (one.label, alone.label) if label} & names(one.value)
    )


_SOLUTIONS = frozenset(Node("var", (), name) for name in "LS")
_UNKNOWNS = frozenset(Node("var", (), name) for name in "xyzt")


def _whole(gold: Item, answer: Item) -> Decision:
    """Two equations with other left sides, as a whole."""
    if gold.whole.kind == answer.whole.kind == "rel" and (names(gold.value) or names(answer.value)):
        whole = same_value(gold.whole, answer.whole)
        if whole.same:
            return whole
    return Decision(False, "label")


_FUNCTIONS = frozenset("fghFGHyu")


def _names_but_the_first(item: Item) -> set[str]:
    """The names in x = y = z = 5 but the first."""
    return {normal_form(side) for side in item.whole.args[1:-1]} if item.whole.kind == "rel" else set()


def same_value(gold: Node, answer: Node) -> Decision:
    """Whether two single values are the same."""
    if gold == answer:
        return Decision(True, "structure")
    both = {gold.kind, answer.kind}
    if "bad" in both:
        return OPEN
    if "text" in both:
        return _text(gold, answer)
    if "notation" in both:
        return Decision(same_notation(gold, answer), "notation")
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
    if both & BRACKETS or ("pow" in both and any(_is_transpose(node) for node in (gold, answer))):
        gold, answer = as_tuple_or_matrix(gold), as_tuple_or_matrix(answer)
    if {gold.kind, answer.kind} & BRACKETS:
        return _brackets(gold, answer)
    decision = same_quantity(gold, answer)
    if not decision.same and decision.rule != "unit" and names(gold) and names(answer) and same_family(gold, answer):
        return Decision(True, "family")
    return Decision(decision.same, decision.rule)


def _is_transpose(node: Node) -> bool:
    return node.kind == "pow" and node.args[0].kind in ("matrix", "tuple", "brackets")


def _without_point_name(node: Node, other: Node) -> Node:
    """A(1, 2) beside a pair without a name: the point."""
    named = node.kind == "call" and len(node.args) > 1 and str(node.value) in "ABCDEFGHIJKLMOPQRSTVWXYZ"
    return Node("tuple", node.args) if named and other.kind == "tuple" else node


_REGION_KINDS: frozenset[Kind] = frozenset({"interval", "union", "inter", "minus", "builder"})


def _approximations(gold: Node, answer: Node) -> Decision:
    r"""The exact part counts; where both sides also give the approximation, it must be the same number."""
    if gold.kind == answer.kind == "approx":
        return _LISTS.in_order(gold.args, answer.args, "approximation")
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
        return OPEN if {gold.kind, answer.kind} & {"builder", "minus", "inter"} else Decision(False, "set")
    if gold.kind == "interval" and gold.value != answer.value:
        return Decision(False, "set")
    decision = _LISTS.in_order(gold.args, answer.args, "set")
    if decision.same is False and gold.kind == "union":
        decision = _LISTS.any_order(
            [Item(None, arg, arg) for arg in gold.args], [Item(None, a, a) for a in answer.args]
        )
    return decision if decision.same or gold.kind in ("interval", "union") else OPEN


def _relations(gold: Node, answer: Node) -> Decision:
    if gold.kind != answer.kind:
        relation, value = (gold, answer) if gold.kind == "rel" else (answer, gold)
        return _relation_against_value(relation, value, gold_first=gold.kind == "rel")
    region = _regions(gold, answer)
    if region is not None:
        return region
    carried = kinds(gold) & _CARRIED ^ kinds(answer) & _CARRIED
    if carried and (carried != {"deg"} or "pi" not in kinds(gold) ^ kinds(answer)):
        return Decision(False, "unit")
    classes = congruence(gold), congruence(answer)
    if classes[0] is not None and classes[1] is not None and "mod" in f"{gold.value} {answer.value}":
        named = classes[0][0] is not None and classes[1][0] is not None and classes[0][0] != classes[1][0]
        return Decision(not named and classes[0][1:] == classes[1][1:], "relation")
    mine, other = turned_upward(gold), turned_upward(answer)
    if mine.value == other.value and mine.value in _SYMMETRIC:
        lines = mine.value in ("\\perp", "\\parallel")
        sides = [{normal_form(sorted_letters(side) if lines else side) for side in node.args} for node in (mine, other)]
        if sides[0] == sides[1]:
            return Decision(True, "relation")
    if mine.value == other.value and len(mine.args) == len(other.args):
        decision = _LISTS.in_order(mine.args, other.args, "relation")
        if decision.same or len(mine.args) != 2:
            equal = not decision.same and set(str(mine.value).split()) == {"="} and not is_name(mine.args[0])
            first, second = ([Item(None, side, side) for side in node.args] for node in (mine, other))
            return _LISTS.any_order(first, second) if equal else decision  # a = b = c is c = a = b
    elif len(mine.args) != 2 or len(other.args) != 2:
        return _chains(mine, other)
    if mine.value != other.value:
        return Decision(False, "relation")
    if mine.value in ("=", "!="):
        return Decision(same_equation(mine, other), "equation")
    if mine.value in ("<", "<="):
        return Decision(same_inequality(mine, other), "relation")
    return Decision(False, "relation")


_SYMMETRIC = frozenset({"\\perp", "\\parallel", "\\cong", "\\sim"})
_CARRIED = frozenset({"unit", "pct", "deg"})


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
        return OPEN if value.kind in ("tuple", "brackets") else Decision(False, "relation")
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
        return OPEN
    rows = [(Item(None, row, row)) for row in gold.args]
    decision = _LISTS.any_order(rows, [Item(None, row, row) for row in answer.args])
    return decision if decision.same else OPEN


def _brackets(gold: Node, answer: Node) -> Decision:
    marked = {"pct", "deg"} if "matrix" in (gold.kind, answer.kind) else {"pct"}
    if kinds(gold) & marked != kinds(answer) & marked:
        return Decision(False, "unit")
    if gold.kind == answer.kind == "set":
        return _LISTS.any_order(members_of(gold), members_of(answer))
    if "matrix" in (gold.kind, answer.kind) or "brackets" not in (gold.kind, answer.kind):
        gold, answer = matrix_of(gold), matrix_of(answer)
    mine, other = entries_of(gold), entries_of(answer)
    if mine is not None and other is not None:
        if {gold.kind, answer.kind} == {"tuple", "brackets"} and len(mine) == 2:
            return Decision(False, "tuple")  # they may be intervals, and then differ
        if gold.kind == answer.kind == "matrix" and (len(gold.args) == 1) != (len(answer.args) == 1):
            return Decision(False, "matrix")
        return _LISTS.in_order(mine, other, "tuple")
    if gold.kind == answer.kind == "matrix":
        return _LISTS.in_order([Node("row", row.args) for row in gold.args], [*answer.args], "matrix")
    if "set" in (gold.kind, answer.kind):
        one, alone = (gold, answer) if gold.kind == "set" else (answer, gold)
        if len(one.args) == 1 and alone.kind not in BRACKETS:
            return _same(one.args[0], alone) if gold.kind == "set" else _same(alone, one.args[0])
    if {gold.kind, answer.kind} & {"brackets"}:
        one, alone = (gold, answer) if gold.kind == "brackets" else (answer, gold)
        if len(one.args) == 1 and alone.kind not in BRACKETS:
            return _same(one.args[0], alone) if gold.kind == "brackets" else _same(alone, one.args[0])
    return Decision(False, "tuple")


_LISTS = Lists(_same_item, _same)
