"""Which blocks a response should be made of, and how it deviates.

One state machine for every profile that is made of tags. It is given the tags that count, as `reasoning` finds them,
and follows them with a stack as deep as there are names, so that a megabyte of tags is read once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..reasoning import Block, Reasoning, Tag
from .violation import Violation, of_tag

Cardinality = Literal["1", "?", "*", "+"]
CARDINALITIES: tuple[Cardinality, ...] = ("1", "?", "*", "+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The blocks that a profile asks for."""

    tags: Mapping[str, Cardinality]
    """Names in order: `1` exactly once, `?` at most once, `+` at least once, `*` any number of times."""
    ordered: bool = True
    """Whether blocks must come in the order of `tags`."""
    tail: Literal["none", "some", "any"] = "none"
    """Text after the last block: none, some that is not blank, or either."""
    outside: bool = False
    """Whether text before and between the blocks is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutCheck:
    """How a response deviates, and what of it is as it should be."""

    violations: frozenset[Violation]
    requirements: Mapping[str, bool]
    """What is asked for, and whether it is there; what is only kept because nothing is there is not kept."""


def check(scanned: Reasoning, layout: Layout) -> LayoutCheck:
    """Compare a response with a layout."""
    names = tuple(layout.tags)
    tags = scanned.tags_of(names)
    blocks = scanned.blocks_of(names)
    violations = _stack_faults(scanned, tags, names)
    requirements: dict[str, bool] = {}
    for name, cardinality in layout.tags.items():
        mine = [block for block in blocks if block.name == name]
        faults = _faults(scanned, name, mine, cardinality)
        violations |= faults
        if cardinality in ("1", "+"):
            whole = {of_tag("unclosed", name), of_tag("unopened", name), of_tag("duplicate", name)}
            requirements[name] = bool(mine) and not violations & whole
            requirements[f"{name}_filled"] = requirements[name] and of_tag("empty", name) not in faults
    if layout.ordered and not _in_order(blocks, names):
        violations.add(Violation.WRONG_ORDER)
    violations |= _outside_faults(scanned, blocks, layout)
    complete = bool(requirements) and all(requirements.values())
    if len(layout.tags) > 1:
        requirements["order"] = complete and not violations & {Violation.WRONG_ORDER, Violation.NESTED}
    if layout.tail == "some":
        requirements["summary"] = complete and Violation.MISSING_SUMMARY not in violations
    if not layout.outside:
        requirements["nothing_outside"] = complete and Violation.TEXT_OUTSIDE not in violations
    return LayoutCheck(violations=frozenset(violations), requirements=requirements)


def _stack_faults(scanned: Reasoning, tags: Sequence[Tag], names: Sequence[str]) -> set[Violation]:
    """Opening and closing tags that do not alternate."""
    faults = set()
    opened = ["think"] if scanned.prefilled and "think" in names else []
    for tag in tags:
        name = tag.name
        if not tag.closing:
            if opened:
                faults.add(Violation.NESTED)
                if name == "answer" and "think" in opened:
                    faults.add(Violation.ANSWER_IN_THINK)
            if name not in opened:
                opened.append(name)
        elif name in opened:
            opened.remove(name)
        else:
            faults.add(of_tag("unopened", name))
    return faults | {of_tag("unclosed", name) for name in opened}


def _faults(scanned: Reasoning, name: str, blocks: Sequence[Block], cardinality: Cardinality) -> set[Violation]:
    faults = set()
    if not blocks and cardinality in ("1", "+"):
        faults.add(of_tag("missing", name))
    if len(blocks) > 1 and cardinality in ("1", "?"):
        faults.add(of_tag("duplicate", name))
    if any(blank(scanned.text, block.body.start, block.body.end) for block in blocks):
        faults.add(of_tag("empty", name))
    return faults


def _in_order(blocks: Sequence[Block], names: Sequence[str]) -> bool:
    rank = {name: place for place, name in enumerate(names)}
    return all(rank[before.name] <= rank[after.name] for before, after in pairwise(blocks))


def _outside_faults(scanned: Reasoning, blocks: Sequence[Block], layout: Layout) -> set[Violation]:
    faults = set()
    end = 0
    for block in blocks:
        if not layout.outside and not blank(scanned.text, end, block.span.start):
            faults.add(Violation.TEXT_OUTSIDE)
        end = max(end, block.span.end)
    tail = not blank(scanned.text, end, len(scanned.text))
    if tail and layout.tail == "none" and not layout.outside:
        faults.add(Violation.TEXT_OUTSIDE)
    if layout.tail == "some" and (not tail or not blocks):
        faults.add(Violation.MISSING_SUMMARY)
    return faults


# What has no ink and no width; a block of it is empty, whatever `str.strip` says.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u2028\u2029\u180e\x00"


def blank(text: str, start: int, end: int) -> bool:
    r"""Whether a piece of text shows nothing.

    >>> blank(" \u200b\n", 0, 3), blank("a", 0, 1), blank("a", 1, 0)
    (True, False, True)
    """
    piece = text[start:end].strip()
    return not piece or not piece.translate(_DROP).strip()


_DROP = dict.fromkeys(map(ord, _INVISIBLE))
