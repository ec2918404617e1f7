"""Whether a text is in a language: the answer of the `language` verifier's detector to IFEval's question."""

from __future__ import annotations

from collections import Counter

from ..language.auto import DetectionPlan, pieces
from ..language.backends import known
from ..language.neutral import mask

_LONGEST = 4_000
"""Characters that are looked at: the beginning and the end of a longer text."""
_MOST = 0.5
"""Share of the words that the language must have, and more than any other."""
_CODES = {"zh-cn": "zh", "zh-tw": "zh", "zh-hans": "zh", "zh-hant": "zh", "nb": "no", "nn": "no", "iw": "he"}


class UnknownLanguageError(ValueError):
    """The detector cannot tell that language."""


def spoken(text: str, language: str) -> bool:
    """Whether most words of a text are in a language, ISO 639-1. Raises UnknownLanguageError.

    >>> spoken("Das ist ein kurzer Satz über den Garten.", "de"), spoken("This is English.", "de")
    (True, False)
    """
    code = language.strip().lower().replace("_", "-")
    code = _CODES.get(code, code.partition("-")[0])
    if not known(code, "auto"):
        raise UnknownLanguageError(f"the language {language!r} cannot be identified")
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}\n{text[-_LONGEST // 2 :]}"
    counts: Counter[str] = Counter()
    for piece in pieces(mask(text), DetectionPlan(None), code, "word"):
        counts[piece.language] += piece.words
    total = sum(counts.values())
    return bool(total) and counts[code] > _MOST * total
