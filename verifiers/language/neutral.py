r"""What counts as no language at all: code, formulas, addresses, tags, commands.

`mask` blanks these out and keeps every other character in its place, so that what is found afterwards slices back
into the text. Each pass is linear in the length of the text.

A fence or formula that is never closed is neutral to the end; a lone `$` is money. In strict mode what reads as prose
inside neutral parts counts after all: the comments of a fence and all of a fence that names no programming language,
`\text{…}` and runs of plain words in a formula, long runs of words in inline code, and the words of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..reasoning import scan

_MATH = (
    *("equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign", "displaymath", "math", "split"),
    *("aligned", "gathered", "alignedat", "cases", "dcases", "array", "matrix", "pmatrix", "bmatrix", "vmatrix"),
    *("Vmatrix", "Bmatrix", "smallmatrix", "subarray", "tikzpicture", "asy", "verbatim", "lstlisting", "minted"),
)
_PROSE_FENCES = frozenset({"", "text", "txt", "plain", "plaintext", "markdown", "md", "none"})

_OPENED_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)
_ADDRESS = re.compile(
    r"(?:https?|ftp)://[!#-;=?-\[\]_a-~%]{1,2000}|\bwww\.[!#-;=?-\[\]_a-~%]{1,2000}"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    re.ASCII,
)
_HTML = re.compile(r"""</?[A-Za-z][\w:-]{0,40}(?:\s{1,4}[\w:-]{1,40}=(?:"[^"<>]{0,200}"|'[^'<>]{0,200}')){0,8}\s?/?>""")
_DOLLARS = re.compile(
    r"(?P<display>\$\$)"
    r"|(?P<inline>\$(?=\S)(?:[^$\\\n]|\\[^\n]|\n(?![ \t]*\n)){1,4000}?(?<=\S)\$(?!\d))"
    r"|(?P<spaced>\$ [^$\n]{0,200}[\\^_=+<>][^$\n]{0,200} \$)"
)
_COMMANDS = re.compile(
    r"(?P<escaped>\\[\\$%&#_{}])"
    r"|(?P<bracket>\\\[)|(?P<paren>\\\()"
    r"|\\begin[ ]?\{(?P<environment>[A-Za-z]{1,20}\*?)\}"
    r"|(?P<pointer>\\(?:begin|end|label|ref|eqref|cite|tag|usepackage|documentclass|includegraphics)\*?\{[^{}\n]{0,80}\})"
    r"|(?P<command>\\[A-Za-z]+\*?)"
)
_BEGINS = re.compile(r"[$\\]")
_CLOSERS = {"display": "$$", "bracket": "\\]", "paren": "\\)"}

_FAR = r"\u0400-\u1cff\u2c80-\ua6ff\ua800-\uabff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_PROSE_IN_FORMULA = re.compile(
    r"\\(?:text[a-z]{0,6}|mbox|hbox|intertext|shortintertext)\s?\{(?P<text>[^{}]{0,4000})\}?"
    r"|(?P<words>(?<![\\A-Za-z])[^\W\d_]{2,}(?:[ ~,.']{1,3}[^\W\d_]{2,}){2,})"
    rf"|(?P<far>[{_FAR}]+)"
)
_PROSE_IN_CODE = re.compile(
    r"(?:#|//|--|%|;;)(?P<line>[^\n]*)|/\*(?P<block>[^*]*(?:\*(?!/)[^*]*)*)|<!--(?P<html>[^-]*(?:-(?!->)[^-]*)*)"
    r'|"""(?P<double>[^"]*(?:"(?!"")[^"]*)*)(?:""")?|\'\'\'(?P<single>[^\']*(?:\'(?!\'\')[^\']*)*)(?:\'\'\')?'
    rf"|(?P<far>[{_FAR}]+)"
)
_PROSE_INLINE = re.compile(r"(?P<words>[^\W\d_]{2,}(?:[ ,.'’-]{1,3}[^\W\d_]+){3,})|(?P<far>[" + _FAR + "]+)")
_PROSE_IN_ADDRESS = re.compile(r"(?P<words>(?<=[/?=&#])[A-Za-z]{2,}(?:[-_+.][A-Za-z]{1,}|%20[A-Za-z]+){4,})")


def mask(text: str, *, strict: bool = False) -> str:
    r"""The text with everything neutral replaced by spaces, one for one.

    >>> mask(r"Let $x$ be 3: `x = 3` holds.")
    'Let     be 3:         holds.'
    >>> mask(r"$x = 3 \text{ because of this}$", strict=True).strip()
    'because of this'
    """
    if "`" in text or "~~~" in text:
        text = _blank(text, _code(text), strict)
    if "://" in text or "www." in text or "@" in text:
        text = _blank(text, ((m.start(), m.end(), _PROSE_IN_ADDRESS) for m in _ADDRESS.finditer(text)), strict)
    if "<" in text:
        text = _blank(text, ((m.start(), m.end(), _PROSE_INLINE) for m in _HTML.finditer(text)), strict)
    if "$" in text or "\\" in text:
        text = _blank(text, _formulas(text), strict)
    return text


_Neutral = tuple[int, int, re.Pattern[str] | None]
"""Start, end and what finds prose inside; None where all of it is prose."""


def _blank(text: str, neutral: Iterator[_Neutral], strict: bool) -> str:
    pieces = []
    done = 0
    for start, end, prose in neutral:
        pieces.append(text[done:start])
        done = start
        if strict:
            for prose_start, prose_end in _prose(text, start, end, prose):
                pieces.append(" " * (prose_start - done))
                pieces.append(text[prose_start:prose_end])
                done = prose_end
        pieces.append(" " * (end - done))
        done = end
    if not pieces:
        return text
    pieces.append(text[done:])
    return "".join(pieces)


def _prose(text: str, start: int, end: int, prose: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    if prose is None:
        yield start, end
        return
    for match in prose.finditer(text, start, end):
        yield match.span(match.lastgroup or 0)


def _code(text: str) -> Iterator[_Neutral]:
    scanned = scan(text)
    spans: list[_Neutral] = [
        (start, end, None if fence.language in _PROSE_FENCES else _PROSE_IN_CODE)
        for fence in scanned.fences
        for start, end in (fence.span,)
    ]
    end = spans[-1][1] if spans else 0
    for opened in _OPENED_FENCE.finditer(text, end):
        spans.append((opened.start(), len(text), _PROSE_IN_CODE if opened[2].strip() else None))
        break
    limit = spans[-1][0] if spans and spans[-1][1] == len(text) else len(text)
    spans += [(start, stop, _PROSE_INLINE) for start, stop in scanned.inline_code if stop <= limit]
    return iter(sorted(spans, key=lambda span: span[0]))


def _formulas(text: str) -> Iterator[_Neutral]:
    position = 0
    while begins := _BEGINS.search(text, position):
        match = (_DOLLARS if begins[0] == "$" else _COMMANDS).match(text, begins.start())
        if match is None:
            position = begins.end()
            continue
        kind = match.lastgroup
        start, position = match.span()
        if kind == "environment":
            name = match["environment"]
            if name.rstrip("*") in _MATH:
                position = _after(text, f"\\end{{{name}}}", position)
        elif kind in _CLOSERS:
            position = _after(text, _CLOSERS[kind], position)
        elif kind == "escaped":
            continue
        yield start, position, _PROSE_IN_FORMULA


def _after(text: str, closer: str, position: int) -> int:
    at = text.find(closer, position)
    return len(text) if at < 0 else at + len(closer)
