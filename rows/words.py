"""Golds that are words, as data sets of questions and of classes hold them: short answers, and no mathematics.

One row cannot say it: `Tuesday` may be the answer of a sum, in a box. The first rows of a file may (`settled.py`):
where most golds are words, none holds a formula and no response has a box, mathematics would find no answer in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..verifiers.references import is_data
from ..verifiers.sample import Sample

_FORMULA = re.compile(r"[\\^$=<>{}_|~√π∞×÷±²³]|(?<![^\W\d])[a-zA-Z]\(|\d\s*[*/+]|[*/+]\s*\d|####")
"""What an answer in words does not hold."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_SYMBOL = re.compile(r"(?:pi|inf|infinity|infinite|dne|nan|sqrt|ln|log|sin|cos|tan|exp)", re.IGNORECASE)
"""Words that are mathematics."""
_NUMBER = re.compile(r"\d[\d,]{0,20}(?:\.\d{1,20})?")
_POLAR = re.compile(r"(?:^|answer\s*(?:is|:))\W{0,4}(?:yes|no|true|false)\b", re.IGNORECASE)
_LONGEST = 200
"""Longest answer in words, in characters."""
_LEAST = 2
"""Rows that show what a file holds."""


def words(fields: Mapping[str, Any]) -> dict[str, Any]:  # any: fields of a Sample
    """The fields with the kind `answer` where the gold is words, a number or a boolean, and the row says no other kind.

    >>> words({"reference": "Ottawa"}), words({"reference": False})
    ({'reference': 'Ottawa', 'kind': 'answer'}, {'reference': 'no', 'kind': 'answer'})
    >>> words({"reference": "x^2"})
    {'reference': 'x^2'}
    """
    gold = fields.get("reference")
    if fields.get("kind") is not None or fields.get("tests") or gold is None:
        return dict(fields)
    if isinstance(gold, bool):
        return {**fields, "reference": "yes" if gold else "no", "kind": "answer"}
    golds = gold if isinstance(gold, list) else [gold]
    return {**fields, "kind": "answer"} if golds and all(map(_weight, golds)) else dict(fields)


def are_words(samples: Sequence[Sample], booleans: int) -> bool:
    """Whether the samples of a file's first rows, read with `words`, are short answers throughout: most of their golds
    words, and no response with a box or an answer block. Where `booleans` of the golds are such, all are, and every
    response says yes or no."""
    if len(samples) < _LEAST or any(sample.kind != "answer" for sample in samples):
        return False
    if any("boxed" in sample.response or "<answer>" in sample.response for sample in samples):
        return False
    if booleans:
        said = (sample.response.rpartition("</think>")[2].strip()[-_LONGEST:] for sample in samples)
        return booleans == len(samples) and all(map(_POLAR.search, said))
    spoken = sum(all(_weight(gold) == _WORDS for gold in sample.references) for sample in samples)
    return 2 * spoken > len(samples)


_WORDS, _DIGITS, _NEITHER = 2, 1, 0


def _weight(gold: object) -> int:
    """What a gold is: words without a digit; a number, also with a word; or neither."""
    if isinstance(gold, bool):
        return _NEITHER
    text = str(gold).strip()
    if not text or len(text) > _LONGEST or "\n" in text or _FORMULA.search(text) or is_data([text]):
        return _NEITHER
    if _NUMBER.fullmatch(text):
        return _DIGITS
    spoken = _WORD.findall(text)
    if not spoken or any(map(_SYMBOL.fullmatch, spoken)):
        return _NEITHER
    return _DIGITS if any(map(str.isdigit, text)) else _WORDS
