r"""Where in a response its form is broken: what a page or a terminal marks.

Looked for only once it is known what is broken, and never part of the score. Some faults have no place: what is missing
stands nowhere, and neither does the opening tag that the prompt gave.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice

from ..reasoning import Block, Reasoning, Span
from .layout import Layout, blank
from .violation import Violation, of_tag

MOST = 100
"""Places of one response at most."""

ViolationSpan = tuple[int, int, str]
"""Start, end and violation."""


def violation_spans(
    scanned: Reasoning, layout: Layout | None, violations: Collection[Violation]
) -> list[ViolationSpan]:
    """Where each of these violations stands in a response, by position; the first MOST of them.

    >>> from r1_reward.verifiers.reasoning import scan
    >>> form = Layout(tags={"think": "1", "answer": "1"})
    >>> violation_spans(scan("<think>a</think><answer>b</answer> c"), form, [Violation.TEXT_OUTSIDE])
    [(35, 36, 'text_outside')]
    """
    known = set(violations)
    finders = (
        (_of_content(scanned, known),) if layout is None else (_of_tags(scanned, layout), _of_blocks(scanned, layout))
    )
    spans = ((span.start, span.end, str(word)) for word, span in chain(*finders) if word in known)
    return sorted(islice((place for place in spans if place[0] < place[1]), MOST))


def _of_tags(scanned: Reasoning, layout: Layout) -> Iterator[tuple[Violation, Span]]:
    """Tags that do not alternate; the walk is that of `layout.check`."""
    names = tuple(layout.tags)
    opened: dict[str, Span] = {"think": Span(0, 0)} if scanned.prefilled and "think" in names else {}
    for tag in scanned.tags_of(names):
        span = Span(tag.start, tag.end)
        if tag.closing:
            if opened.pop(tag.name, None) is None:
                yield of_tag("unopened", tag.name), span
            continue
        if opened:
            yield Violation.NESTED, span
            if tag.name == "answer" and "think" in opened:
                yield Violation.ANSWER_IN_THINK, span
        opened.setdefault(tag.name, span)
    for name, span in opened.items():
        yield of_tag("unclosed", name), span


def _of_blocks(scanned: Reasoning, layout: Layout) -> Iterator[tuple[Violation, Span]]:
    """Blocks that are too many, empty or out of order, and text between them."""
    blocks = scanned.blocks_of(tuple(layout.tags))
    rank = {name: place for place, name in enumerate(layout.tags)}
    seen: set[str] = set()
    end = highest = 0
    for block in blocks:
        opening = Span(block.span.start, block.body.start)
        if not layout.outside and not blank(scanned.text, end, block.span.start):
            yield Violation.TEXT_OUTSIDE, _trimmed(scanned.text, end, block.span.start)
        if block.name in seen and layout.tags[block.name] in ("1", "?"):
            yield of_tag("duplicate", block.name), opening
        if layout.ordered and rank[block.name] < highest:
            yield Violation.WRONG_ORDER, opening
        if blank(scanned.text, block.body.start, block.body.end):
            yield of_tag("empty", block.name), block.span
        seen.add(block.name)
        highest = max(highest, rank[block.name])
        end = max(end, block.span.end)
    if layout.tail == "none" and not layout.outside:
        yield Violation.TEXT_OUTSIDE, _trimmed(scanned.text, end, len(scanned.text))


def _of_content(scanned: Reasoning, known: Collection[Violation]) -> Iterator[tuple[Violation, Span]]:
    """Faults of the profiles `boxed` and `json`, which are about the part that the user reads."""
    thinks: Sequence[Block] = scanned.thinks
    if thinks and not thinks[-1].closed:
        yield Violation.UNCLOSED_THINK, Span(thinks[-1].span.start, thinks[-1].body.start)
    final = scanned.final
    if final is None:
        return
    boxes = [box for box in scanned.boxes if final.start <= box.span.start and box.span.end <= final.end]
    for number, box in enumerate(boxes):
        if number:
            yield Violation.DUPLICATE_BOX, box.span
        if not box.closed:
            yield Violation.UNCLOSED_BOX, box.span
        if blank(scanned.text, box.body.start, box.body.end):
            yield Violation.EMPTY_BOX, box.span
    judged = scanned.answers[-1].body if scanned.answers else final
    for word in (Violation.NOT_JSON, Violation.SCHEMA_MISMATCH):
        if word in known:
            yield word, _trimmed(scanned.text, judged.start, judged.end)


def _trimmed(text: str, start: int, end: int) -> Span:
    """A piece without the white space around it."""
    piece = text[start:end]
    return Span(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))


def with_returns(spans: Sequence[ViolationSpan], response: str) -> list[ViolationSpan]:
    r"""Places in a response as it came, from those in its clean form, where `\r\n` is one character.

    >>> with_returns([(0, 1, "nested"), (2, 3, "empty_tag")], "a\r\nb")
    [(0, 1, 'nested'), (3, 4, 'empty_tag')]
    """
    returns: list[int] = []
    at = response.find("\r\n")
    while at >= 0:
        returns.append(at - len(returns))
        at = response.find("\r\n", at + 2)
    return [(a + bisect_left(returns, a), b + bisect_left(returns, b), word) for a, b, word in spans]
