r"""One scanner for what a response is made of: think and answer blocks, boxes, code.

Linear in the length of the text, never raises, changes nothing: every span slices back into the text exactly.

Tags are `<think>`, `</think>`, `<answer>`, `</answer>`, spelled just so. A tag quoted in a closed code fence, or in
inline code on one line, is text and not a tag. A fence that is never closed hides nothing, and neither does one
that a new fence with a language cuts short: a stray ``` in a chain of thought must not make the answer vanish.

What it does not do: judge. Whether two think blocks are a fault is `format`'s business; which box is the answer is
`math`'s.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from .sample import Message

Prefilled = Literal["auto"] | bool
PREFILLED: tuple[Prefilled, ...] = ("auto", True, False)

# Past the constructors of named tuples, which cost as much again as the tuple.
_new = tuple.__new__

_INLINE_CODE_MAX = 256
"""Longest inline code that can hide a tag, in characters: two stray backticks on one long line are no quotation."""

_TAGS = {f"<{slash}{name}>": (name, bool(slash)) for name in ("think", "answer") for slash in ("", "/")}
_TAG = re.compile("|".join(_TAGS))
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_BACKTICKS = re.compile(r"`+")
_BOX_OPENS = re.compile(r"\\(boxed|fbox)[ \t\n]*\{")
# Only a few backslashes are tried before the name, so that a long run of them stays linear.
_BOX_TOKEN = re.compile(
    r"(?P<box>\\{1,3}(?:boxed|fbox)[ \t\n]*\{)|\\[^<]"
    r"|(?:\{[^\\{}<]*\})+|(?P<open>\{+)|(?P<close>\}+)|(?P<tag></?(?:think|answer)>)",
    re.DOTALL,
)


# Named tuples, since a hostile response can hold a hundred thousand of these and they are built four times faster
# than frozen dataclasses.
class Span(NamedTuple):
    """A piece of the text: `text[span.start:span.end]`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The piece itself."""
        return text[self.start : self.end]


class Tag(NamedTuple):
    """One tag that counts."""

    name: str
    """`think` or `answer`."""
    closing: bool
    """True for `</…>`."""
    start: int
    end: int


class Block(NamedTuple):
    """What stands between an opening tag and the next closing tag of the same name."""

    name: str
    """`think` or `answer`."""
    span: Span
    """With its tags."""
    body: Span
    """Without its tags."""
    closed: bool
    """False for a block that runs to the end of the text."""


class Box(NamedTuple):
    r"""A `\boxed{…}` or `\fbox{…}`; of nested ones the outermost."""

    span: Span
    """With its command and braces."""
    body: Span
    """Without them."""
    closed: bool
    """False where the brace is never closed before the end of the text or the next tag."""


class Fence(NamedTuple):
    """A closed fenced code block."""

    span: Span
    """With its fences."""
    body: Span
    """Without them."""
    language: str
    """First word after the opening fence, in lower case, or an empty string."""


@dataclass(frozen=True)
class Reasoning:
    """What a response is made of, all in order of appearance; what nobody asks for is not looked for."""

    text: str
    """The response."""
    prefilled: bool
    """Whether the opening `<think>` stood in the prompt, so that the text begins inside it."""

    @cached_property
    def fences(self) -> tuple[Fence, ...]:
        """The closed fenced code blocks."""
        return tuple(_fences(self.text)) if "```" in self.text or "~~~" in self.text else ()

    @cached_property
    def inline_code(self) -> tuple[Span, ...]:
        """Code between equal runs of backticks on one line, outside fences; with its backticks."""
        return tuple(map(Span._make, _inline_code(self.text, self.fences)))

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that count: those not quoted in code."""
        return self._unquoted([_new(Tag, (*_TAGS[tag[0]], *tag.span())) for tag in _TAG.finditer(self.text)])

    def tags_of(self, names: Sequence[str]) -> tuple[Tag, ...]:
        """The tags of some names that count: those not quoted in code.

        Args:
            names: Such as `think`, `answer` or `plan`.

        Returns:
            Opening and closing tags in order.

        >>> [tag.name for tag in scan("<plan>a</plan><think>b</think>`<plan>`").tags_of(["plan"])]
        ['plan', 'plan']
        """
        if set(names) == {"think", "answer"}:
            return self.tags
        if set(names) < {"think", "answer"}:
            return tuple(tag for tag in self.tags if tag.name in names)
        pattern = re.compile(f"<(/?)({'|'.join(map(re.escape, names))})>")
        return self._unquoted([Tag(tag[2], bool(tag[1]), *tag.span()) for tag in pattern.finditer(self.text)])

    def blocks_of(self, names: Sequence[str]) -> tuple[Block, ...]:
        """The blocks that tags of some names make.

        Args:
            names: Such as `think`, `answer` or `plan`.

        Returns:
            The blocks in order; a prefilled think block is among them if `think` is in `names`.
        """
        if set(names) == {"think", "answer"}:
            return self.blocks
        return tuple(_blocks(self.text, self.tags_of(names), self.prefilled and "think" in names))

    def _unquoted(self, tags: list[Tag]) -> tuple[Tag, ...]:
        """Leave out the tags that stand in a fence, or in inline code; only lines that hold a tag are read for that."""
        text = self.text
        if not tags or ("`" not in text and "~~~" not in text):
            return tuple(tags)
        quoting: list[tuple[int, int]] = [fence.span for fence in self.fences]
        if "`" in text:
            line_end = -1
            for tag in tags:
                if tag.start < line_end:
                    continue
                line_start = text.rfind("\n", line_end + 1, tag.start) + 1 or line_end + 1
                line_end = text.find("\n", tag.start)
                line_end = len(text) if line_end < 0 else line_end
                if text.find("`", line_start, line_end) >= 0:
                    code = _inline_code(text, self.fences, line_start, line_end)
                    quoting += [(a, b) for a, b in code if b - a <= _INLINE_CODE_MAX]
        quoting.sort()
        starts = [start for start, _ in quoting]
        ends = [0, *(end for _, end in quoting)]
        return tuple(tag for tag in tags if ends[bisect_right(starts, tag.start)] <= tag.start)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Think and answer blocks; a prefilled think block begins at 0."""
        return tuple(_blocks(self.text, self.tags, self.prefilled))

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        r"""Every `\boxed{` and `\fbox{`, in code too; of those left open before a tag or the end, the last."""
        return tuple(_boxes(self.text, self.tags))

    @property
    def thinks(self) -> tuple[Block, ...]:
        """The think blocks."""
        return tuple(block for block in self.blocks if block.name == "think")

    @property
    def answers(self) -> tuple[Block, ...]:
        """The answer blocks."""
        return tuple(block for block in self.blocks if block.name == "answer")

    @property
    def final(self) -> Span | None:
        """What follows the last `</think>`; the whole text without think tags; None while a think is left open.

        >>> response = "<think>2 + 2</think> It is 4."
        >>> scan(response).final.of(response)
        ' It is 4.'
        """
        start, opened = 0, self.prefilled
        for tag in self.tags:
            if tag.name == "think":
                opened = not tag.closing
                start = tag.end if tag.closing else start
        return None if opened else Span(start, len(self.text))

    @property
    def answer_spans(self) -> tuple[Span, ...]:
        """Where the answer stands: in the answer blocks, or else in what follows the thinking; nowhere while a think is
        left open. What several answer blocks mean is each verifier's own rule.

        >>> response = "<think>2 + 2</think> So: <answer>4</answer>"
        >>> [span.of(response) for span in scan(response).answer_spans]
        ['4']
        """
        if self.answers:
            return tuple(block.body for block in self.answers)
        return () if self.final is None else (self.final,)

    @property
    def answer(self) -> str:
        """The text of the last of `answer_spans`; empty where there is none."""
        spans = self.answer_spans
        return spans[-1].of(self.text) if spans else ""

    def boxes_in(self, span: Span) -> list[str]:
        """What the closed boxes inside a span hold.

        Args:
            span: Where to look, such as one of `answer_spans`.

        Returns:
            Their texts in order.
        """
        inside = (box for box in self.boxes if span.start <= box.span.start and box.span.end <= span.end)
        return [box.body.of(self.text) for box in inside if box.closed]

    @property
    def chain_of_thought(self) -> Span | None:
        """From the first `<think>` (or 0, if prefilled or never opened) to the last `</think>` or the end; None
        without think tags."""
        tags = [tag for tag in self.tags if tag.name == "think"]
        if not tags:
            return Span(0, len(self.text)) if self.prefilled else None
        start = 0 if self.prefilled or tags[0].closing else tags[0].end
        closings = [tag.start for tag in tags if tag.closing]
        left_open = not tags[-1].closing
        return Span(start, len(self.text) if left_open or not closings else closings[-1])


def scan(response: str, prompt: str | Sequence[Message] = "", *, prefilled: Prefilled = "auto") -> Reasoning:
    r"""Scan a response.

    Args:
        response: What the model wrote.
        prompt: What it was asked: text, or messages.
        prefilled: Whether the prompt gave the opening `<think>`. `"auto"` looks whether the prompt ends with it, as the
            chat templates of R1, R1-Distill, Qwen3 and QwQ make it.

    Returns:
        Its thinking, answers, boxes and code, each looked for when it is asked for.

    >>> scanned = scan(r"4 = 2 + 2</think>\nIt is \boxed{4}.", "What is 2 + 2?<think>\n")
    >>> scanned.prefilled, scanned.boxes[0].body.of(scanned.text)
    (True, '4')
    """
    opened = ends_in_think(prompt) if prefilled == "auto" else prefilled
    return Reasoning(response, opened)


def ends_in_think(prompt: str | Sequence[Message]) -> bool:
    r"""Whether a prompt leaves the response inside a think block: its last non-blank text is `<think>`.

    >>> ends_in_think("<|Assistant|><think>\n")
    True
    """
    if isinstance(prompt, str):
        last = prompt
    elif prompt and prompt[-1].role == "assistant":
        last = prompt[-1].content
    else:
        return False
    return last[-64:].rstrip().endswith("<think>")


def _fences(text: str) -> Iterator[Fence]:
    opened: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        mark, info = line.groups()
        info = info.strip()
        if "`" in info and mark[0] == "`":
            continue  # inline code that begins a line
        if opened is None:
            opened = line
        elif mark[0] == opened[1][0] and len(mark) >= len(opened[1]):
            if info:
                opened = line
                continue
            words = opened[2].split(maxsplit=1)
            yield Fence(
                Span(opened.start(), line.end()),
                Span(min(opened.end() + 1, line.start()), line.start()),
                words[0].lower() if words else "",
            )
            opened = None


def _inline_code(text: str, fences: Sequence[Fence], start: int = 0, stop: int | None = None) -> list[tuple[int, int]]:
    """Pairs of equal backtick runs on one line, outside fences, as CommonMark pairs them."""
    runs = [run.span() for run in _BACKTICKS.finditer(text, start, len(text) if stop is None else stop)]
    if fences:
        starts = [fence.span.start for fence in fences]
        ends = [0, *(fence.span.end for fence in fences)]
        runs = [run for run in runs if ends[bisect_right(starts, run[0])] <= run[0]]
    code: list[tuple[int, int]] = []
    first = 0
    while first < len(runs):
        line_end = text.find("\n", runs[first][0])
        after = len(runs) if line_end < 0 else bisect_left(runs, (line_end, 0), first)
        _pair(runs, first, after, code)
        first = after
    return code


def _pair(runs: list[tuple[int, int]], first: int, after: int, code: list[tuple[int, int]]) -> None:
    """Add to `code` the pairs among the runs of one line."""
    if after - first < 2:
        return
    following: dict[int, int] = {}
    partner = [0] * (after - first)
    for index in range(after - 1, first - 1, -1):
        start, end = runs[index]
        partner[index - first] = following.get(end - start, 0)
        following[end - start] = index
    index = first
    while index < after:
        other = partner[index - first]
        if other:
            code.append((runs[index][0], runs[other][1]))
            index = other
        index += 1


def _blocks(text: str, tags: Sequence[Tag], prefilled: bool) -> list[Block]:
    opened: dict[str, tuple[int, int]] = {"think": (0, 0)} if prefilled else {}
    blocks = []
    for tag in tags:
        if not tag.closing:
            opened.setdefault(tag.name, (tag.start, tag.end))
        elif tag.name in opened:
            start, body = opened.pop(tag.name)
            span, inside = _new(Span, (start, tag.end)), _new(Span, (body, tag.start))
            blocks.append(_new(Block, (tag.name, span, inside, True)))
    for name, (start, body) in opened.items():
        blocks.append(Block(name, Span(start, len(text)), Span(body, len(text)), False))
    return sorted(blocks, key=lambda block: block.span.start)


def _boxes(text: str, tags: Sequence[Tag]) -> list[Box]:
    first = _BOX_OPENS.search(text)
    if first is None:
        return []
    tag_starts = {tag.start for tag in tags}
    boxes: list[Box] = []
    opened: list[tuple[int, int, int]] = []  # start, body start, brace depth inside
    depth = 0

    def leave_open(end: int) -> None:
        if opened:
            start, body, _ = opened[-1]
            boxes.append(Box(Span(start, end), Span(body, end), False))
            opened.clear()

    for token in _BOX_TOKEN.finditer(text, max(0, first.start() - 2)):
        kind = token.lastgroup
        if kind == "open":
            depth += token.end() - token.start()
        elif kind == "close":
            for offset in range(token.end() - token.start()):
                if opened and opened[-1][2] == depth:
                    start, body, _ = opened.pop()
                    while boxes and boxes[-1].span.start > start:
                        boxes.pop()  # nested in this one
                    end = token.start() + offset
                    boxes.append(Box(Span(start, end + 1), Span(body, end), True))
                depth = max(0, depth - 1)
        elif kind == "box":
            depth += 1
            opened.append((token.start(), token.end(), depth))
        elif kind == "tag" and token.start() in tag_starts:
            leave_open(token.start())
            depth = 0
    leave_open(len(text))
    return sorted(boxes, key=lambda box: box.span.start)
