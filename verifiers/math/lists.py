"""Lists of elements against each other: by their names, by their order, or in any order; all of them and no more.

Names decide where both sides give them: `x = 3, y = -2` is no `x = -2, y = 3`, nor `a = 3, b = -2`. Where only one side
gives names, their usual order or the order as written does. What has neither names nor brackets has no order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .items import Item, spread, unlabelled
from .labels import have_usual_order, label_keys, letters_of, members_of, values_by_name
from .matrices import entries_of
from .tree import Kind, Node
from .words import same_label

MAX_PAIRS = 400
"""Most comparisons of elements in one comparison of lists."""
BRACKETS: frozenset[Kind] = frozenset({"tuple", "brackets", "set", "matrix", "row"})
_UNVALUED: frozenset[Kind] = frozenset({"text", "var", "call", "phrase"})
"""What a list may hold of which "or" and "and" are not the same: names and words, not values."""
_TRUTH = frozenset({"yes", "no", "T", "F"})
"""Answers of which several are to several questions, in their order."""
_INEQUALITIES = frozenset({"<", ">", "<=", ">=", "!="})
_DOTS = Node("var", (), "ldots")


class Decision(NamedTuple):
    """Whether two answers are the same (None: not decided), and the rule that says so."""

    same: bool | None
    rule: str


OPEN = Decision(None, "none")
_OTHER = Decision(False, "list")


def all_of(decisions: Iterable[Decision], rule: str) -> Decision:
    """Same where all are, different where one is."""
    undecided = False
    for decision in decisions:
        if decision.same is False:
            return Decision(False, rule)
        undecided |= decision.same is None
    return OPEN if undecided else Decision(True, rule)


class Lists(NamedTuple):
    """How lists are compared, given how single elements and trees are."""

    same_item: Callable[[Item, Item], Decision]
    same_node: Callable[[Node, Node], Decision]

    def compare(self, mine: list[Item], other: list[Item], signs: tuple[object, object]) -> Decision:
        """Whether two lists of elements are the same; `signs` are the words that join them."""
        if signs[0] != signs[1] and "or" in signs:
            either, both = (mine, other) if signs[0] == "or" else (other, mine)
            if _are_several_things(either) or _are_several_things(both) or _are_ordered(both):
                return _OTHER  # x = 1 or y = 2 is not both, nor is the pair
            if signs[1] and any(item.value.kind in _UNVALUED for item in mine):
                return _OTHER  # Alice or Bob is not both
        mine, other = _named_parts(mine), _named_parts(other)
        for one, many, gold_first in ((mine, other, True), (other, mine, False)):
            if len(one) == 1 and one[0].value.kind in BRACKETS and len(many) > 1:
                return self._against_brackets(one[0].value, many, gold_first=gold_first)
        if len(mine) != len(other):
            return _OTHER if _progression(mine) is None else Decision(_progression(mine) == _progression(other), "list")
        keys_mine, keys_other = label_keys(mine), label_keys(other)
        if keys_mine and keys_other:
            return self._by_names(mine, other, keys_mine, keys_other)
        if len(set(keys_mine)) > 1 or len(set(letters_of(other))) > 1:
            return self._by_order(mine, other)
        if all(item.value.value in _TRUTH for item in mine):
            return self.in_order([item.value for item in mine], [item.value for item in other], "list")
        return self.any_order(mine, other)

    def _by_names(self, mine: list[Item], other: list[Item], keys_mine: list[str], keys_other: list[str]) -> Decision:
        """Both sides name all their elements."""
        if len(set(keys_mine)) == len(mine) and len(set(keys_other)) == len(other):
            for match in (str.__eq__, same_label):
                alike = [[at for at, key in enumerate(keys_other) if match(own, key)] for own in keys_mine]
                if all(len(indices) == 1 for indices in alike) and len({indices[0] for indices in alike}) == len(mine):
                    return all_of((self.same_item(x, other[at]) for x, (at,) in zip(mine, alike, strict=True)), "list")
            if bool(letters_of(mine)) == bool(letters_of(other)) or set(keys_mine) & set(keys_other):
                return Decision(False, "label")
            # Words on one side, letters on the other: their order is all there is.
            return self.in_order([item.value for item in mine], [item.value for item in other], "list")
        if len({*keys_mine, *keys_other}) == 1:
            return self.any_order(mine, other)
        # x = 1 and x = 2 may be the roots x_1 and x_2, but not x = 1 and y = 2.
        bases = [{key.split("_")[0] for key in keys} for keys in (keys_mine, keys_other)]
        if bases[0] != bases[1]:
            return Decision(False, "label")
        if bases[0] in (set(keys_mine), set(keys_other)):
            mine, other = ([item._replace(label=None) for item in items] for items in (mine, other))
        return self.any_order(mine, other)

    def _by_order(self, mine: list[Item], other: list[Item]) -> Decision:
        """x = 1, y = 2 against 1, 2: the order of the names, or as written, is all there is to tell them apart."""
        letters = letters_of(mine), letters_of(other)
        named = [values_by_name(items, own) for items, own in zip((mine, other), letters, strict=True)]
        decision = self.in_order(named[0], named[1], "list")
        if decision.same:
            return decision
        written = [[item.value for item in items] for items in (mine, other)]
        if named[1] != written[1] and have_usual_order(letters[1]):
            written[1] = named[1]
        return self.in_order(written[0], written[1], "list")

    def _against_brackets(self, one: Node, items: list[Item], *, gold_first: bool) -> Decision:
        """A list without brackets against one object in brackets."""
        if one.kind == "set":
            members = members_of(one)
            items = [item._replace(label=None) for item in items]
            return self.any_order(members, items) if gold_first else self.any_order(items, members)
        values = [item.value for item in items] if not gold_first else values_by_name(items, letters_of(items))
        parts = [unlabelled(part)[1] for part in entries_of(one) or ()]
        return self.in_order(parts, values, "list") if gold_first else self.in_order(values, parts, "list")

    def in_order(self, mine: Sequence[Node], other: Sequence[Node], rule: str) -> Decision:
        """Whether two sequences are the same, one by one."""
        if len(mine) != len(other):
            return Decision(False, rule)
        return all_of(map(self.same_node, mine, other), rule)

    def any_order(self, mine: Sequence[Item], other: Sequence[Item]) -> Decision:
        """Whether two lists hold the same elements, each as often; where dots stand among them, in their order."""
        if len(mine) != len(other):
            return _OTHER if _progression(mine) is None else Decision(_progression(mine) == _progression(other), "list")
        if any(item.value == _DOTS for item in (*mine, *other)):
            return all_of(map(self.same_item, mine, other), "list")
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
            return OPEN
        for item in unmatched:
            for index, candidate in enumerate(left):
                decision = self._same_member(item, candidate)
                if decision.same:
                    del left[index]
                    break
                open_pairs |= decision.same is None
            else:
                return OPEN if open_pairs else _OTHER
        return Decision(True, "list")

    def _same_member(self, gold: Item, answer: Item) -> Decision:
        """Two members: a set in a set is not its element."""
        if gold.value.kind != answer.value.kind and {gold.value.kind, answer.value.kind} & BRACKETS:
            return Decision(False, "set")
        return self.same_item(gold, answer)


def _progression(items: Sequence[Item]) -> tuple[object, ...] | None:
    """How 2, 4, 6, … and 1, 2, …, n go on: the first term, the step, and what stands behind the dots."""
    values = [item.value for item in items]
    if _DOTS not in values:
        return None
    at = values.index(_DOTS)
    terms = [value.value for value in values[:at] if isinstance(value.value, int)]
    if len(terms) != at or at < 2 or len(values) > at + 2:
        return None
    steps = {y - x for x, y in itertools.pairwise(terms)}
    return None if len(steps) != 1 else (terms[0], *steps, *values[at + 1 :])


def _named_parts(items: list[Item]) -> list[Item]:
    """The parts of (x, y) = (1, 2) with their names, and what else there is as it is."""
    if len(items) == 1 and items[0].whole.kind == "tuple":
        parts = items[0].whole.args
        if all(part.kind == "rel" and part.value == "=" for part in parts):
            return [item for part in parts for item in spread(part)]
    return items


def _are_several_things(items: list[Item]) -> bool:
    """Whether the elements are about several names, count several things, or are inequalities: of one name, values may
    be joined by either word."""
    units = {item.value.value for item in items if item.value.kind == "unit"}
    return (
        len({name.partition("_")[0] for name in label_keys(items)}) > 1
        or len(units) > 1
        or any(item.whole.kind == "rel" and set(str(item.whole.value).split()) & _INEQUALITIES for item in items)
    )


def _are_ordered(items: list[Item]) -> bool:
    return len(items) == 1 and items[0].value.kind in BRACKETS and items[0].value.kind != "set"
