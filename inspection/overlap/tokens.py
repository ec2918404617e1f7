r"""Texts as tokens for comparison: words, numbers with their signs, and single characters where no spaces are written.

Two spellings of one text give the same tokens: upper and lower case, forms that Unicode holds compatible (NFKC),
points of Hebrew and Arabic, LaTeX's markup of a formula or plain characters for it (`\dfrac{x^2}{3} \le -1`,
`x²/3 ≤ −1`). Punctuation, brackets, `^`, `_` and signs of multiplication and division are no tokens; `+`, `-`, `=`,
`<` and `>` belong to the token that follows, so that `x + 1` is not `x - 1`.

What it does not do: see that two texts mean the same. A paraphrase, a translation, `x+1` for `1+x` stay different.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

CHARACTER_WEIGHT = 5 / 8
"""What a character of a script without spaces counts, in words: 16 of them are a run of 10 words."""

# Han, kana, and the scripts of Thai, Lao, Tibetan, Burmese and Khmer; Korean has spaces.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\u0e01-\u0e4f\u0e5a-\u0ecf\u0eda-\u0fff\u1000-\u103f\u104a-\u109f\u1780-\u17df\U00020000-\U0003134f"
)
# Vowel signs of India's scripts are marks, which `\w` leaves out; their blocks are alike, with digits in one place.
_INDIC = "".join(f"{chr(at)}-{chr(at + 0x63)}{chr(at + 0x70)}-{chr(at + 0x7F)}" for at in range(0x900, 0xE00, 0x80))
_NUMBER = r"\d+(?:\.\d+)?"
_ASCII = re.compile(rf"[-+=<>]{{0,3}}(?:[a-z]+|{_NUMBER})")
_ANY = re.compile(
    rf"[-+=<>]{{0,3}}(?:[{_UNSPACED}]|(?:[^\W\d_{_UNSPACED}{_INDIC}]|[{_INDIC}\u0300-\u036f])+|{_NUMBER})"
)
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]$")

_GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega varepsilon vartheta varphi varrho".split(),
        "αβγδεζηθικλμνξπρστυφχψωεθφρ",
        strict=True,
    )
)
_WORDS = {
    **_GREEK,
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    "lt": "<",
    "gt": ">",
    "infty": "infinity",
    "circ": "degree",
}
"""Commands that plain text has a character or another word for."""
_MARKUP = frozenset(
    "left right big bigl bigr bigg biggl biggr displaystyle textstyle limits text textbf textit textrm textsf mathrm "
    "mathbf mathit mathsf mathbb mathcal boldsymbol operatorname quad qquad frac dfrac tfrac cfrac cdot times div "
    "boxed rm bf it begin end label nonumber emph underline overline ldots dots cdots".split()
)
"""Commands that say how something looks, or that have no counterpart in plain text."""
_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑‒―", "-"),
        **dict.fromkeys("×·⋅∙∗", " "),
        "≤": "<=",
        "⩽": "<=",
        "≥": ">=",
        "⩾": ">=",
        "√": " sqrt ",
        "∑": " sum ",
        "∏": " prod ",
        "∫": " int ",
        "∞": " infinity ",
        "°": " degree ",
        "ϵ": "ε",
        "ϕ": "φ",
        "ϑ": "θ",
        "\u2061": " ",
    }
)
_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670\u00ad\u200b-\u200f\u2060]")
# NFKC sorts marks, in squared time; the standard's own bound is 30 in a row.
_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a]{30})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a]+"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-z*]+\}")
_COMMAND = re.compile(r"\\([a-z]+)\*?|\\.", re.DOTALL)
_COMMA = re.compile(r"(?<=\d)(?:,|\{,\}|\\[,!])(?=\d{3}(?!\d))")
_TAG = re.compile(r"</?[a-z]\w*>")
_HYPHEN = re.compile(r"(?<!-)-+(?=\s*[^\W\d_]{2})")
_AFTER_SIGN = re.compile(r"(?<=[-+=<>])\s+")


def tokens(text: str) -> list[str]:
    r"""The tokens of a text.

    >>> tokens(r"Solve $\dfrac{x^2}{3} \le -1$ for $x$.") == tokens("solve x²/3 ≤ −1 for X")
    True
    >>> tokens("1,000 − 3x=0"), tokens("求x的值")
    (['1000', '-3', 'x', '=0'], ['求', 'x', '的', '值'])
    """
    ascii_only = text.isascii()
    if not ascii_only:
        text = _MARKS.sub(r"\1", _POINTS.sub("", text)).translate(_CHARACTERS)
        text = unicodedata.normalize("NFKC", text).casefold().translate(_CHARACTERS)
    else:
        text = text.lower()
    if "," in text:
        text = _COMMA.sub("", text)
    if "\\" in text:
        text = _COMMAND.sub(_command, _ENVIRONMENT.sub(" ", _FRACTION.sub(r" \1 \2 ", text)))
        ascii_only = text.isascii()  # a command may be a Greek letter
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "-" in text:
        text = _HYPHEN.sub(" ", text)
    if "=" in text or "-" in text or "+" in text or "<" in text or ">" in text:
        text = _AFTER_SIGN.sub("", text)
    return (_ASCII if ascii_only else _ANY).findall(text)


def _command(match: re.Match[str]) -> str:
    name = match[1]
    return " " if name is None or name in _MARKUP else f" {_WORDS.get(name, name)} "


def weight(some: Sequence[str]) -> float:
    """The length of a run of tokens in words, a character of a script without spaces counting 5/8.

    >>> weight(["two", "words"]), weight(list("八个字共五个词长"))
    (2.0, 5.0)
    """
    if all(map(str.isascii, some)):
        return float(len(some))
    characters = sum(_IS_UNSPACED.search(token) is not None for token in some)
    return len(some) - characters * (1 - CHARACTER_WEIGHT)
