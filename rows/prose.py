r"""A gold that is prose: the answer that it states, or that it states none.

| gold | becomes |
| --- | --- |
| `6*7=42. The answer is 42.`, `6*7\n= 42\nAnswer: 42` | `42` |
| `#### 42` with `The answer is: 42` below it (MetaMathQA) | `42` |
| two answers that differ, an answer that is taken back, more working behind it | an error |
| a sentence without such a cue: `Tom ends up with 42 apples in his bags.` | an error |
| `all real numbers except 2 and 3`, `no real solutions`, `Yes. It is closed.` | itself |

Compared whole, working and all, it would make every right response wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_WORDY = re.compile(r"\n|(?<![^\W\d_])[^\W\d_]{2,}+[,:]?\s++\(?[^\W\d_]{2}")
"""What every prose has: a second line, or two words side by side. Each word is read once, however long it is."""
_CUE = re.compile(r"(?:answer|result)(?:\s+(?:is|equals|=)|\s*:)|\bans\s*:|答案|####", re.IGNORECASE)
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|mathbf)\s?\{[^{}]*\}|\\begin\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}")
_BREAK = re.compile(r"。|\d\.\s+[A-Z]|\n")
_LETTERS = re.compile(r"[^\W\d_]{2}")
_SO = re.compile(r"^(?:so|thus|hence|therefore|then|consequently|finally)\b", re.IGNORECASE)
_HENCE = re.compile(r"[,;]\s*(?:so|thus|hence|therefore|which (?:is|gives|makes)|making|giving)\b", re.IGNORECASE)
_SAID = re.compile(r"^\W*(?:yes|no|true|false)\b", re.IGNORECASE)
_WORDS = 5
"""Words from which on a sentence is no short answer."""
_LEAD = 24
"""Where at the latest a cue begins that mathematics takes off a gold by itself."""


class Prose(NamedTuple):
    """What a gold in prose says."""

    answer: str | None
    """The answer that it states."""
    why: str = ""
    """Why it states none."""


def may_be_prose(text: str) -> bool:
    """Whether a gold has two words side by side or two lines; quick, so that short golds cost nothing.

    >>> may_be_prose("x = 4"), may_be_prose("4 apples"), may_be_prose("The answer is 4.")
    (False, False, True)
    """
    return len(text) > 8 and _WORDY.search(text) is not None


@lru_cache(maxsize=4_096)
def prose(text: str) -> Prose | None:
    r"""What a gold says that is prose; None for one that is an answer as it stands.

    Args:
        text: A gold as its row has it.
    Returns:
        The answer behind its cue, or why there is none to take; None where the gold is to be compared as it is.

    >>> prose("6*7=42. The answer is 42.").answer, prose("The answer is 42."), prose("all real numbers")
    ('42', None, None)
    >>> prose("Tom ends up with 42 apples in his bags.").why
    'marks no answer'
    """
    if not may_be_prose(text):
        return None
    if "####" in text:
        return _hashes(text)
    if "boxed{" in text or "fbox{" in text:
        return None
    cues = list(_CUE.finditer(text))
    if not cues:
        return _sentence(text)
    from ..verifiers.math.lenient import lenient

    stated = lenient(text)
    if stated.answer is None or stated.rule not in ("answer_is", "last_line"):
        return _sentence(text) if stated.rule != "denied" else Prose(None, "takes its answer back")
    if cues[0].start() <= _LEAD and _reads_alike(text, stated.answer):
        return None
    if len(cues) > 1:
        earlier = lenient(text[: cues[-1].start()])
        if earlier.rule in ("answer_is", "last_line") and not _reads_alike(earlier.answer or "", stated.answer):
            return Prose(None, "states two answers")
    behind = text[cues[-1].end() :].partition(stated.answer)[2]
    if any(char.isdigit() for char in behind) or len(_WORD.findall(stated.answer)) >= _WORDS:
        return Prose(None, "says more behind its answer")
    return Prose(stated.answer)


def _hashes(text: str) -> Prose | None:
    """A solution that says its answer once more below `####`."""
    first, _, below = text.rpartition("####")[2].strip().partition("\n")
    if not below.strip():
        return None
    said = prose("So: " + below.strip()) if _CUE.search(below) else None
    from ..verifiers.math.lenient import lenient

    stated = said.answer if said is not None else lenient(below).answer
    if stated is None or not _reads_alike(first, stated):
        return Prose(None, "says something else below its ####")
    return Prose(first.strip())


def _sentence(text: str) -> Prose | None:
    """Why a text without a cue is no answer, where it is a sentence that mathematics does not read as one."""
    words = len(_WORD.findall(_TEXT.sub(" ", text)))
    if _SAID.match(text) or words < 3:
        return None
    numbers = any(char.isdigit() for char in text)
    concludes = numbers and (_SO.match(text) or (words >= _WORDS and _HENCE.search(text)))
    if not concludes and not (words >= _WORDS and _has_break(text)):
        return None
    from ..verifiers.math.reading import read

    kind = read(text).node.kind
    return Prose(None, "marks no answer") if kind in ("phrase", "bad", "text", "list") else None


def _has_break(text: str) -> bool:
    """Whether a sentence ends somewhere: at a line, or behind a word."""
    if _BREAK.search(text):
        return True
    bare = (word.rstrip("\"')*$") for word in text.split())
    return any(word[-1:] in (".", "!", "?") and _LETTERS.search(word) for word in bare)


def _reads_alike(one: str, other: str) -> bool:
    from .golds import same_answer

    return same_answer(one, other)
