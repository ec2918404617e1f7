r"""LaTeX to MathML, at writing time and within bounds; the browser draws it.

latex2mathml does the conversion. What a model wrote is never trusted with it whole: only short spans go in, none that
defines commands (which can grow without end), links or styles, and of what comes out only the elements and attributes
on a list are kept, with small sizes. Whatever does not fit stays LaTeX on the page.

What it does not do: prove that a span is LaTeX; `$5 and $6` may come out in italics, and the raw text is one key away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LONGEST = 300
"""Characters of a span at most."""
DEEPEST = 24
"""Brackets, commands and environments in one another at most."""
MOST_NODES = 600
MOST_FORMULAS = 10_000
"""Different spans that one report typesets; later ones stay LaTeX."""
PER_TEXT = 60
"""Spans of one text."""

Tree = list[Any]  # any: name, attributes or 0, then texts and trees
"""An element as JSON: `["mfrac", 0, ["mi", 0, "x"], ["mn", 0, "2"]]`."""

ELEMENTS = frozenset(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts "
    "mprescripts mtable mtr mtd mstyle mpadded mphantom menclose merror none".split()
)
_WORDS = frozenset(
    "mathvariant stretchy fence form separator accent accentunder movablelimits columnalign displaystyle notation "
    "largeop symmetric".split()
)
_SIZES = frozenset("width height depth lspace rspace minsize maxsize linethickness scriptlevel".split())
_WORD = re.compile(r"[a-z][a-z -]{0,30}")
_SIZE = re.compile(r"[+-]?(?:\d(?:\.\d{1,4})?|\.\d{1,4})(?:em|ex|px|pt|mu)?")
_REFUSED = re.compile(
    r"\\(?:(?:re|provide)?newcommand|newenvironment|renewenvironment|renewcommand|providecommand|[gex]?def|let|"
    r"DeclareMathOperator|href|url|class|style|id|cssId|require|color|textcolor|colorbox|fcolorbox|input|include)"
    r"(?![A-Za-z])|&#|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPANS = re.compile(
    r"\\\((?P<round>.{1,300}?)\\\)|\\\[(?P<square>.{1,300}?)\\\]|\$\$(?P<display>[^$]{1,300})\$\$"
    r"|(?<![\\$\d])\$(?P<dollar>[^$\s](?:[^$\n]{0,298}[^$\s])?)\$(?![\d$])",
    re.DOTALL,
)
_NESTS = re.compile(r"[{(\[]|\\left|\\begin|\\[A-Za-z]+(?=\s*\\[A-Za-z])")
_LOOKS_LIKE_LATEX = re.compile(r"[\\^_]")


def spans(text: str) -> Iterator[str]:
    r"""What stands between mathematics delimiters, at most PER_TEXT of a text.

    >>> list(spans(r"so \(x^2\) is $4$, for $5 and $6"))
    ['x^2', '4']
    """
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return
    for count, found in enumerate(_SPANS.finditer(text), 1):
        yield (found[found.lastgroup or 0]).strip()
        if count == PER_TEXT:
            return


class Formulas:
    r"""The typeset spans of one report, each once.

    >>> formulas = Formulas()
    >>> formulas.add(r"\frac12"), formulas.add(r"\def\x{\x\x}\x")
    (True, False)
    >>> formulas.trees[r"\frac12"]
    ['math', 0, ['mrow', 0, ['mfrac', 0, ['mn', 0, '1'], ['mn', 0, '2']]]]
    """

    def __init__(self, most: int = MOST_FORMULAS) -> None:
        self._most = most
        self.trees: dict[str, Tree] = {}
        """By LaTeX; of spans that could be typeset."""
        self._refused: set[str] = set()
        self.left_out = 0
        """Spans, repeats counted, that stayed LaTeX because the report has enough."""

    def add(self, latex: str) -> bool:
        """Typeset a span if it can be; whether it was."""
        if latex in self.trees:
            return True
        if latex in self._refused:
            return False
        if len(self.trees) + len(self._refused) >= self._most:
            self.left_out += 1
            return False
        made = typeset(latex)
        if made is None:
            self._refused.add(latex)
            return False
        self.trees[latex] = made
        return True

    def add_answer(self, text: str) -> None:
        """The same for an answer or a reference, which is LaTeX without delimiters, or plain text."""
        if len(text) <= LONGEST and _LOOKS_LIKE_LATEX.search(text):
            self.add(text.strip())

    def add_text(self, text: str) -> None:
        """The spans of a text that people read."""
        for latex in spans(text):
            self.add(latex)


def typeset(latex: str) -> Tree | None:
    """The MathML of one span, or None where it has none within the bounds. Never raises."""
    if not latex or len(latex) > LONGEST or _REFUSED.search(latex) or len(_NESTS.findall(latex)) > DEEPEST:
        return None
    from latex2mathml.converter import convert_to_element

    try:
        element = convert_to_element(latex)
    except Exception:  # noqa: BLE001 - the boundary to another library: what it cannot convert stays LaTeX
        return None
    left = [MOST_NODES]
    made = _tree(element, left)
    return made if left[0] > 0 else None


def _tree(element: Any, left: list[int]) -> Tree | None:  # any: an xml.etree element
    """The element as JSON, without what is not on the lists; counts `left` down."""
    left[0] -= 1
    if left[0] <= 0 or element.tag not in ELEMENTS:
        left[0] = 0
        return None
    attributes = {
        name: value
        for name, value in element.attrib.items()
        if (name in _WORDS and _WORD.fullmatch(value)) or (name in _SIZES and _SIZE.fullmatch(value))
    }
    made: Tree = [element.tag, attributes or 0]
    if element.text and element.text.strip():
        made.append(_characters(element.text))
    for child in element:
        tree = _tree(child, left)
        if tree is None:
            return None
        made.append(tree)
    return made


def _characters(text: str) -> str:
    from html import unescape

    return unescape(text)
