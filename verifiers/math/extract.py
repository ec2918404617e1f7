r"""Where a response states its answer.

Strict: after the last `</think>` (a think left open has no answer), inside `<answer>` where that is used, the
last `\boxed{}`, `\fbox{}` or `\framebox{}` with those that are joined to it. A last box that is empty or cut off is
no answer, even after a good one; several boxes offered as alternatives are no answer either.
Lenient adds a "final answer" behind the last box, and what `lenient.py` finds in plain text.

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
from .lenient import first_sentence, lenient, without_prose

Extraction = Literal["strict", "lenient"]

_MAX_MARKS = 4_000
"""Most tags, and most backticks, for which quoting is looked at."""
_MAX_LINES = 100_000
_SHORT = 300
"""Longest answer block without a box that lenient extraction takes as it stands."""

_FINAL = re.compile(r"[Ff]inal [Aa]nswer(?: is)?\s?:?\s{1,3}(?![^\n]{0,400}\\boxed)([^\n]{1,400})")


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
    "denied": "the text says that the last box is not the answer",
    "part_of_formula": "the last box is a part of a formula",
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
            return Extracted(without_prose(first_sentence(later[-1])), "final_answer")
        return Extracted(boxed.content, boxed.rule)
    if used:
        content = response[start:end].strip()
        if not content:
            return Extracted(None, "empty_answer", "the answer block is empty")
        if extraction == "strict" or len(content) <= _SHORT:
            return Extracted(content, "answer_tag")
    if extraction == "strict":
        return Extracted(None, "no_box", "no box was found")
    return Extracted(*lenient(response[start:end]))


def _scope(response: str, prompt: str | Sequence[Message], prefilled: Prefilled) -> tuple[int, int, bool] | None:
    """Where the final answer may stand, and whether that is an answer block; None inside an open think block."""
    opened = ends_in_think(prompt) if prefilled == "auto" else bool(prefilled)
    if "think>" not in response and "answer>" not in response:
        return None if opened else (0, len(response), False)
    quoted = ("`" in response or "~~~" in response) and _countable(response)
    if quoted:
        return _quoted_scope(response, opened)
    opens, closes = response.rfind("<think>"), response.rfind("</think>")
    if opens > closes or (opened and closes < 0):
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


def _quoted_scope(response: str, opened: bool) -> tuple[int, int, bool] | None:
    scanned = scan(response, prefilled=opened)
    final = scanned.final
    if final is None:
        return None
    tags = [tag for tag in scanned.tags if tag.name == "answer" and tag.start >= final.start]
    opening = [tag for tag in tags if not tag.closing]
    if not opening:
        return final.start, len(response), False
    last = opening[-1]
    end = next((tag.start for tag in tags if tag.closing and tag.start > last.start), len(response))
    return last.end, end, True
