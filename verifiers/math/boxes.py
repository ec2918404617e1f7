r"""Boxes at the end of a text: found from the back, so that a megabyte costs no more than its last lines.

A box is `\boxed{…}`, `\fbox{…}`, `\framebox{…}`, or `\boxed 5` as TeX takes one token; of nested ones the outermost
counts. The last one is the answer, together with those before it that "and", a comma or a semicolon join to it, in one
of several languages. "or" between boxes, and whatever else offers a choice, is a hedge.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .units import unit_behind

MAX_BOX = 12_000
"""Longest box that is looked through for its closing brace, and farthest back that an outer box begins."""
MAX_BOXES = 32
"""Most boxes that are looked at."""

MAX_TRIES = 1_000
"""Most box commands that are tried, with a brace or without."""

_OPENS = re.compile(r"\\(?:boxed|fbox|framebox)\s{0,8}(?:\{|(?P<token>\\[A-Za-z]+|[A-Za-z0-9]))")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_NAME = r"(?:[A-Za-z](?:_\{?\w{1,3}\}?)?(?:\([a-z]\))?\s*=\s*)?"
_SPACE = r"(?:\s|\\quad|\\qquad|\\[,;: ]|~)*"
_TEXT = r"(?:\\(?:text|textrm|mbox|mathrm|textbf)\s*\{\s*)?"
_AND = r"and|und|et|y|e|и|和|与|及|以及|、|，|；|及び|と"
_JOINED = re.compile(
    rf"{_SPACE}(?:\$\$?|\\\)|\\\])?{_SPACE}"
    rf"(?P<how>,?{_SPACE}{_TEXT},?\s*(?:{_AND})(?![A-Za-z])\s*\}}?|[,;&、，；]|)"
    rf"{_SPACE}(?:\$\$?|\\\(|\\\[)?{_SPACE}{_NAME}{_SPACE}\\{{0,2}}"
)
_HEDGE = re.compile(
    r"(?<![A-Za-z])(?:or|oder|ou|o|u|либо|или|alternatively|possibly|perhaps|maybe|guess|unless|otherwise)(?![A-Za-z])|或|可能|还是|또는|または|あるいは"
    r"|(?<=\s)[|/](?=\s)|^\s*\$?\s*(?:\||/|vs\.?)\s*\$?\s*$|\\(?:lor|vee|mid)(?![A-Za-z])|\?"
)
_SIGNS_ONLY = re.compile(r"[\s$]*[^\s\w$\\.,;:!。，；：！][^\w\n.。]{0,20}")
"""Signs between two boxes that nobody knows: they may offer a choice."""
_SENTENCE = re.compile(
    r"[.。!！;；:：\n]|\b(?:but|wait|no|actually|corrected|correction|instead|check)\b|不|错", re.IGNORECASE
)
_MAX_JOINT = 160
_CONTEXT = 120
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|cannot be|can't be|isn't|nicht|n'est pas|no es|non è"
    r"|answer is (?:less than|more than|greater than|at most|at least))|(?:不是|不等于|并非))\s*\$?\s*$",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"\s*\$?\s*(?:(?:is|was)\s+(?:wrong|incorrect|not\b|false|invalid|extraneous|rejected|impossible)|不对|不正确|错)",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][\w-]{0,20}\s?/?>|<\|[\w ]{0,30}\|>|<\|")
_IF = re.compile(
    r"\b(?:if|when|case|otherwise|else|suppose|assuming|wenn|falls|sonst|si|quand|sinon|cuando)\b"
    r"|(?:^|[,;:(]|\b(?:and|but|while)\b)\s*(?:for|für|pour|para|per|при)\b(?=[^.]{0,16}(?:\$|\\\(|\d|\b(?:even|odd)\b))"
    r"|\b(?:если|когда|иначе)\b|当|若|如果|否则|のとき|때",
    re.IGNORECASE,
)
_IF_AFTER = re.compile(rf"[\s$]*(?:,?\s*for\s+\$|,?\s*(?:{_IF.pattern}))", re.IGNORECASE)
_SENTENCES = re.compile(
    r"[.!?;。；！]\s|\n\s*\n|\n\s*(?:#|\*\*)|[。；]|\b(?:so|therefore|thus|hence|finally|overall|in all)\b"
)
_EITHER = re.compile(r"\beither\b[^.]{0,60}\bor\s*\$?\s*$", re.IGNORECASE)
_OR_ELSE = re.compile(r"\s*\$?\s*(?:or|oder|或者?)\s*\$?\s*[-\d\\]")
_GLUED_BEFORE = re.compile(
    r"(?:(?<=[\d)}=])\s*[-+/]|(?<![A-Za-z])[A-Za-z]\s*[-+/]|(?<=\$)\s*[-+|]|(?<![\w*])\d"
    r"|\^|\{|[\w)}\]|]\s*[<>≤≥≠]"
    r"|\\(?:times|cdot|div|[lg](?:t|eq?(?:slant|q)?)|neq?|pm|mp|sqrt|not|sin|cos|tan|log|ln|exp))\s*$"
)
_GLUE = frozenset("-+/|^{<>≤≥≠0123456789")
_GLUED_AFTER = re.compile(
    r"\s*(?:\^|\}|![$!]|[-+*/]\s*[\d\\(]|[-+*/][A-Za-z]|(?:[<>≤≥]|\\(?:[lg](?:t|eq?(?:slant|q)?)))\s*[A-Za-z]|\\(?:times|cdot|div|pm|mp|d?frac|sqrt|pi)(?![A-Za-z]))"
    r"|\.\d|[abdeinopqxyz](?![A-Za-z])"
)
_NUMBER = re.compile(r"(?:[-+\d.,/^_{}()\s!]|\\(?:[dt]?frac|sqrt|pi|cdot|times|,|!)(?![A-Za-z]))+")
"""A number and nothing else: a unit behind the box belongs to it."""
_COMPARED = re.compile(r"[\w)}\]|$]\s*[<>≤≥≠]\s*\$\s*$")
_FORMULA_HEAD = re.compile(r"(?:\$|\\\(|\\\[)((?:(?!\$|\\\(|\\\[).)*)$")
_FORMULA_TAIL = re.compile(r"((?:(?!\$|\\\)|\\\]).)*)(?:\$|\\\)|\\\])")
"""What touches a box inside of a formula, and where that begins and ends."""


class Boxed(NamedTuple):
    """What the boxes at the end of a text say."""

    content: str
    rule: str
    """boxed, boxes (several, joined), truncated_box, empty_box, hedge; or nothing where there is no box."""
    end: int = -1
    """Where the last box ends."""
    start: int = -1
    """Where the first of them begins."""


def last_boxes(text: str, start: int = 0, end: int | None = None) -> Boxed:
    r"""The answer that the last boxes between two places give.

    >>> last_boxes(r"First \\boxed{1}, no: \\boxed{2} and \\boxed{3}.")
    Boxed(content='2, 3', rule='boxes', end=47, start=23)
    """
    end = len(text) if end is None else end
    boxes = _boxes(text, start, end)
    if not boxes:
        return Boxed("", "")
    opens, body, close = boxes.pop()
    if close < 0:
        return Boxed(text[body : body + 200], "truncated_box")
    contents, last, first = [text[body:close].strip()], close + 1, opens
    if not contents[0]:
        return Boxed("", "empty_box")
    while boxes:
        before, body, close = boxes.pop()
        if close < 0 or opens - close > _MAX_JOINT:
            break
        joint = _JOINED.fullmatch(text, close + 1, opens)
        if joint is None or (not joint["how"] and joint[0]):
            between = text[close + 1 : opens]
            unread = _SIGNS_ONLY.fullmatch(between) is not None
            if text[body:close].strip() != contents[-1]:
                unread |= _are_cases(text, start, (before, close), opens, last)
            if unread or (_HEDGE.search(between) and not _SENTENCE.search(between)):
                return Boxed(text[body:end][:200], "hedge")
            break
        content = text[body:close].strip()
        if content and content != contents[-1]:
            contents.append(content)
        opens = first = before
    if len(contents) > 1:
        return Boxed(", ".join(reversed(contents)), "boxes", last, first)
    return _in_context(text, Boxed(contents[0], "boxed", last, first), start, end)


def _are_cases(text: str, start: int, earlier: tuple[int, int], opens: int, last: int) -> bool:
    """Whether two boxes each hold under a condition of their own: if n is even 2, if n is odd 3."""
    between = text[earlier[1] + 1 : opens]
    head = _SENTENCES.split(text[max(start, earlier[0] - _CONTEXT) : earlier[0]])[-1]
    if _IF.search(head) and _IF.search(_SENTENCES.split(between)[-1]):
        return True
    return bool(_IF_AFTER.match(between) and _IF_AFTER.match(text, last))


def _in_context(text: str, box: Boxed, start: int, end: int) -> Boxed:
    r"""A box with what stands around it: denied, one of two, or a part of a formula, which is then the answer."""
    before = text[max(start, box.start - _CONTEXT) : box.start].rsplit("\n", 1)[-1]
    after = text[box.end : min(end, box.end + _CONTEXT)].split("\n", 1)[0]
    if "<" in before or "<" in after:
        before, after = _TAG.sub("", before), _TAG.sub("", after)
    if _DENIED_BEFORE.search(before[-40:]) or _DENIED_AFTER.match(after):
        return Boxed(box.content, "denied")
    if ("either" in before and _EITHER.search(before)) or _OR_ELSE.match(after):
        return Boxed(box.content, "hedge")
    if before.endswith("$") and _COMPARED.search(before[-16:]):
        return Boxed(box.content, "part_of_formula")
    last = before.rstrip()[-1:]
    glued = (last in _GLUE or "\\" in before[-16:]) and _GLUED_BEFORE.search(before[-16:])
    if not glued and not _GLUED_AFTER.match(after):
        measure = unit_behind(after)[0] if after and _NUMBER.fullmatch(box.content) else ""
        return box._replace(content=f"{box.content}\\text{{ {measure}}}") if measure else box
    head, tail = _FORMULA_HEAD.search(before), _FORMULA_TAIL.match(after)
    if head is None or tail is None:
        return Boxed(box.content, "part_of_formula")
    content = box.content if box.content.isalnum() else f"{{{box.content}}}"
    return box._replace(content=f"{head[1].rsplit('=', 1)[-1]}{content}{tail[1]}".strip(), rule="formula")


def joined_boxes(text: str) -> str:
    """The content of a reference's boxes: the last ones, or nothing."""
    extracted = last_boxes(text)
    return extracted.content if extracted.rule in ("boxed", "boxes") else ""


def _boxes(text: str, start: int, end: int) -> list[tuple[int, int, int]]:
    """The last boxes that are in no other, in order: where each opens, where its body begins and ends (-1: never)."""
    opened: dict[int, int] = {}  # body -> start
    bare: list[tuple[int, int, int]] = []
    last = at = end
    words = [word for word in ("\\boxed", "\\fbox", "\\framebox") if text.rfind(word, start, end) >= 0]
    for _ in range(MAX_TRIES):
        if not words or len(opened) + len(bare) >= MAX_BOXES:
            break
        at = max(text.rfind(word, start, at) for word in words)
        if at < 0 or (opened and last - at > MAX_BOX):
            break
        match = _OPENS.match(text, at, end)
        if match is None:
            continue
        last = last if opened or bare else at
        if match["token"]:
            bare.append((at, match.start("token"), match.end()))
        else:
            opened[match.end()] = at
    if not opened:
        return bare[::-1]
    closes = _closings(text, min(opened), min(end, max(opened) + MAX_BOX), opened)
    boxes: list[tuple[int, int, int]] = []
    for opens, body, close in sorted([*bare, *((opens, body, closes.get(body, -1)) for body, opens in opened.items())]):
        if not boxes or boxes[-1][2] < opens:
            boxes.append((opens, body, close))
    return boxes


def _closings(text: str, body: int, end: int, opened: dict[int, int]) -> dict[int, int]:
    """Where each body ends, by one pass over the braces from the first body on."""
    closes: dict[int, int] = {}
    stack = [body]
    for brace in _BRACE.finditer(text, body, end):
        sign = brace[0]
        if sign == "{":
            stack.append(brace.end())
        elif sign == "}" and stack:
            begun = stack.pop()
            if begun in opened:
                closes[begun] = brace.start()
                if len(closes) == len(opened):
                    break
    return closes
