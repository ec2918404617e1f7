r"""Where a response states its answer.

Strict: after the last `</think>` (a think left open has no answer), inside `<answer>` where that is used, the
last `\boxed{}` or `\fbox{}` with those that are joined to it. A last box that is empty or cut off is no answer, even
after a good one; several boxes offered as alternatives are no answer either.
Lenient adds, in this order: a "final answer" behind the last box, `#### x`, a last line `A: x`, "the answer is x", the
last `**x**` with a digit, the last formula, the text itself where it is short, the last number.

Tags quoted in code are not tags, as in `reasoning`; a text with more tags, backticks or lines than any honest response
has is read as if nothing in it were quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..reasoning import Prefilled, ends_in_think, scan
from ..sample import Message
from .boxes import last_boxes
from .reading import read

Extraction = Literal["strict", "lenient"]

_MAX_MARKS = 4_000
"""Most tags, and most backticks, for which quoting is looked at."""
_MAX_LINES = 100_000
_TAIL = 4_000
"""Lenient rules look at this many last characters."""
_SHORT = 300
"""Longest response that is taken for an answer as it stands."""

_HASHES = re.compile(r"####[ \t]*([^\n]{1,400})")
_LAST_LINE = re.compile(r"^[ \t*]*(?:A|Answer|Final Answer|ANSWER)[ \t*]*:[ \t*]*([^\n]{1,400})\s*\Z", re.MULTILINE)
_ANSWER_IS = re.compile(
    r"\b(?:answer|result|solution)\b[^.\n:=]{0,60}?(?:\bis\b|\bare\b|:)\s{0,3}:?\s{0,3}([^\n]{1,400})", re.IGNORECASE
)
_FINAL = re.compile(r"[Ff]inal [Aa]nswer(?: is)?\s?:?\s{1,3}(?![^\n]{0,400}\\boxed)([^\n]{1,400})")
_LAST_WORD = re.compile(r"(?<![\w.,$])(-?\$?\d[\d,]*(?:\.\d+)?\s?\\?%?)[.!]?\s*\Z")
_SENTENCE_END = re.compile(r"<\||[.!]\s+[A-Z]|\.\s*$|\s+because\s|,\s+(?:which|so|since|as)\s")
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]{1,2000})\$\$|(?<!\\)\$(?P<b>[^$\n]{1,2000})\$|\\\((?P<c>.{1,2000}?)\\\)|\\\[(?P<d>.{1,2000}?)\\\]",
    re.DOTALL,
)
_IS = re.compile(r"\b(?:is|are|equals)\b:?")
_UNIT_AFTER = re.compile(r"\s?(?:%|\\%|percent\b|pct\b|°|degrees?\b)")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\\?\$?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:[.,]?\d+)(?:/\d+)?(?!\w)\s?\\?%?")


class Extracted(NamedTuple):
    """An answer as found, or why there is none."""

    answer: str | None
    rule: str
    """Which rule fired, or which failed."""
    detail: str = ""


_FAILED = {
    "truncated_box": "the last box is cut off",
    "empty_box": "the last box is empty",
    "hedge": "several boxes are offered as alternatives",
}


def extract(
    response: str,
    prompt: str | Sequence[Message] = "",
    *,
    extraction: Extraction = "strict",
    prefilled: Prefilled = "auto",
) -> Extracted:
    r"""The answer that a response gives.

    >>> extract(r"<think>\\boxed{3}?</think>It is \\boxed{4}.")
    Extracted(answer='4', rule='boxed', detail='')
    """
    start, end = 0, len(response)
    used = False
    if "<" in response or prefilled is not False:
        scope = _scope(response, prompt, prefilled)
        if scope is None:
            return Extracted(None, "unclosed_think", "the think block is never closed, so nothing was answered")
        start, end, used = scope
    boxed = last_boxes(response, start, end)
    if boxed.rule in _FAILED:
        return Extracted(None, boxed.rule, _FAILED[boxed.rule])
    if boxed.rule:
        later = _FINAL.findall(response, boxed.end, end) if extraction == "lenient" else ()
        if later:
            return Extracted(_without_prose(_SENTENCE_END.split(later[-1], maxsplit=1)[0].strip()), "final_answer")
        return Extracted(boxed.content, boxed.rule)
    if used:
        content = response[start:end].strip()
        if not content:
            return Extracted(None, "empty_answer", "the answer block is empty")
        if extraction == "strict" or len(content) <= _SHORT:
            return Extracted(content, "answer_tag")
    if extraction == "strict":
        return Extracted(None, "no_box", "no box was found")
    return _lenient(response, start, end)


def _scope(response: str, prompt: str | Sequence[Message], prefilled: Prefilled) -> tuple[int, int, bool] | None:
    """Where the final answer may stand, and whether that is an answer block; None inside an open think block."""
    given = ends_in_think(prompt) if prefilled == "auto" else bool(prefilled)
    if "think>" not in response and "answer>" not in response:
        return None if given else (0, len(response), False)
    quoted = ("`" in response or "~~~" in response) and _countable(response)
    if quoted:
        return _quoted_scope(response, given)
    opens, closes = response.rfind("<think>"), response.rfind("</think>")
    if opens > closes or (given and closes < 0):
        return None
    start = closes + len("</think>") if closes >= 0 else 0
    last = response.rfind("<answer>", start)
    if last < 0:
        return start, len(response), False
    end = response.find("</answer>", last)
    return last + len("<answer>"), end if end >= 0 else len(response), True


def _countable(response: str) -> bool:
    if response.count("\n") > _MAX_LINES:
        return False
    return response.count("`") <= _MAX_MARKS and response.count("think>") + response.count("answer>") <= _MAX_MARKS


def _quoted_scope(response: str, given: bool) -> tuple[int, int, bool] | None:
    found = scan(response, prefilled=given)
    final = found.final
    if final is None:
        return None
    tags = [tag for tag in found.tags if tag.name == "answer" and tag.start >= final.start]
    opening = [tag for tag in tags if not tag.closing]
    if not opening:
        return final.start, len(response), False
    last = opening[-1]
    end = next((tag.start for tag in tags if tag.closing and tag.start > last.start), len(response))
    return last.end, end, True


def _lenient(response: str, start: int, end: int) -> Extracted:
    whole = response[start:end].strip()
    tail = whole[-_TAIL:]
    for rule, pattern in (("hashes", _HASHES), ("last_line", _LAST_LINE), ("answer_is", _ANSWER_IS)):
        found = pattern.findall(tail)
        if found:
            content = _SENTENCE_END.split(found[-1], maxsplit=1)[0].strip(" \t*")
            if content:
                return Extracted(_without_prose(content), rule)
    bold = _BOLD.findall(tail)
    if bold and any(char.isdigit() for char in bold[-1]):
        return Extracted(bold[-1].strip(), "bold")
    formulas = list(_FORMULA.finditer(tail))
    if formulas:
        formula = formulas[-1]
        content = next(part for part in formula.groups() if part is not None).strip()
        unit = _UNIT_AFTER.match(tail, formula.end())
        number = _LAST_WORD.search(tail, formula.end())
        if number is not None:
            return Extracted(number[1], "last_number")
        if content:
            return Extracted(content + (unit[0] if unit else ""), "last_formula")
    if len(whole) <= _SHORT and "\n" not in whole and _looks_bare(whole):
        digits = any(char.isdigit() for char in whole)
        if not digits or read(whole).node.kind not in ("text", "bad"):
            return Extracted(whole, "whole_text")
    numbers = list(_NUMBER.finditer(tail))
    if numbers:
        return Extracted(numbers[-1][0].strip(), "last_number")
    return Extracted(None, "nothing", "no answer was found")


def _without_prose(content: str) -> str:
    """What a sentence such as "the volume of $ABCD$ is 120" comes to: after its last "is", its formula, its number."""
    if _looks_bare(content):
        return content
    after = _IS.split(content)[-1].strip()
    if after and _looks_bare(after):
        return after
    formulas = list(_FORMULA.finditer(after))
    if formulas:
        return next(part for part in formulas[-1].groups() if part is not None).strip()
    numbers = list(_NUMBER.finditer(after))
    return numbers[-1][0].strip() if len(numbers) == 1 else content


def _looks_bare(text: str) -> bool:
    """Whether a short text is an answer by itself: at most two words of prose."""
    words = len(_WORD.findall(text))
    return bool(text) and (not words or _FORMULA.fullmatch(text) is not None or (words <= 2 and "$" not in text))
