r"""Unicode, HTML and other people's spellings in the LaTeX that the tokenizer reads."""

from __future__ import annotations

import re
import unicodedata

from .tree import Unreadable
from .vocabulary import spellings

_CHARACTERS = spellings("characters") | {"\u00a0": " ", "\u200b": "", "\ufeff": "", "\u2061": ""}
_GREEK = spellings("greek")
GREEK = frozenset(_GREEK.values()) | {"ell", "hbar", "zeta", "partial", "nabla", "Pi", "imath", "jmath"}
_TRANSLATION = str.maketrans(_CHARACTERS | {letter: f"\\{name} " for letter, name in _GREEK.items()})
_UPPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ⁽⁾ⁱ"
_LOWER = "₀₁₂₃₄₅₆₇₈₉"
_UPPER_RUN = re.compile(f"[{_UPPER}]+")
_LOWER_RUN = re.compile(f"[{_LOWER}]+")
_UPPER_PLAIN = str.maketrans(_UPPER, "0123456789+-n()i")
_LOWER_PLAIN = str.maketrans(_LOWER, "0123456789")
_CIRCLED_RUN = re.compile("[①②③④⑤⑥⑦⑧⑨][①②③④⑤⑥⑦⑧⑨、, ]*")

_ORDINAL = re.compile(
    r"(?<=[0-9])\s*\^\s*\{?\s*(?:\\(?:text|mathrm|textrm|textsuperscript|rm)\s*\{?\s*)?(?:st|nd|rd|th)\s*\}{0,2}(?![A-Za-z])"
)
_PLAIN_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)(?![A-Za-z])")
_PROPORTION = re.compile(r"(?<=[\d)}])\s*比\s*(?=[\d(\\])")
_MICRO = re.compile(r"(?<=[\d}])(\s*)[µμ]([A-Za-z])(?![A-Za-z(])")
_TAG = re.compile(r"<(su[pb])>([^<>]{1,80})</\1>", re.IGNORECASE)
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d{0,3}){2,12}")
_FEET = re.compile(r"\s*(\d+)\s*['′]\s*(\d+(?:\.\d+)?)\s*(?:''|″|\")\s*")
_ANGSTROM = re.compile(r"\\mathring\s*\{?\s*(?:\\(?:mathrm|text)\s*\{\s*A\s*\}|A)\s*\}?")
_MODULO = re.compile(
    r"(?:\(\s*(?:\\(?:text|mathrm|operatorname)\s*\{\s*)?\\?b?mod(?![A-Za-z])(?:ulo)?\s*\}?\s*(\d+|[a-z])\s*\))"
)
_CONDITIONAL = re.compile(r"((?<![A-Za-z])(?:Pr?|p|E|\\Pr)\s*\([^()|]{1,40})\|([^()|]{1,40}\))")
_SIUNITX = re.compile(r"\\(?:SI|qty)\s*\{([^{}]{1,40})\}\s*\{([^{}\\]{1,40})\}")
_DIFFERENTIAL = r"(?:d|\\mathrm\s*\{\s*d\s*\})\s*[A-Za-z]"
_FORMS = re.compile(rf"((?<![A-Za-z\\]){_DIFFERENTIAL}\s*)\\(?:wedge|land)(?=\s*{_DIFFERENTIAL})")
_NOT = re.compile(r"\\not\s*(=|\\in(?![A-Za-z]))")
_QUOTIENT = re.compile(r"(?<=\\mathbb\{Z\})\s*/\s*\(?(\d+|[a-z])\s*\\mathbb\s*\{?Z\}?\)?")
_COMPOSED = re.compile(r"\(\s*([fghFGH])\s*\\circ\s*([fghFGH])\s*\)\s*\(([^()]{1,40})\)")
_CHOSEN = re.compile(r"^\s*(?:\{\s*\})?\s*[\^_]\s*\{?\s*(\d{1,4}|[a-z])\s*\}?\s*([CP])_\{?\s*(\d{1,4}|[a-z])\s*\}?")
_UNDERSCORES = re.compile(r"(?<![\w.])\d{1,3}(?:_\d{3})+(?![\w{])")
_EXPECTED = re.compile(
    r"(?:\\mathbb\s*\{?\s*([EP])\s*\}?|(?<![A-Za-z\\])(E)(?=\s*\[\s*[A-Z]))"
    r"\s*(?:\\left\s*)?[\[(]([^\[\]()]{1,200}?)(?:\\right\s*)?[\])]"
)
_AMBIGUOUS = re.compile(r"\^\s*(?:\{[^{}]*\}|\w)\s*\{\s*\}\s*\^")
_DATE = re.compile(r"(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})([/.-])(\d{1,2})\5(\d{4}))")
_UNIT_IN_BRACKETS = re.compile(
    r"(?<![\d_^.])(\d+(?:\.\d+)?)\s*\(\s*(\\(?:text|mathrm)\s*\{\s*[A-Za-z]\s*\}(?:\s*\^\s*\{?-?\d\}?)?)\s*\)$"
)
_UPRIGHT_UNIT = r"\{\s*\\(?:text|mathrm)\s*\{((?:[^{}\\]|\\[,;: ]|\\cdot)*)\}\s*\}"
_UNIT_PART = r"\\(?:text|mathrm)\s*\{[A-Za-z ]*\}(?:\^(?:\{-?\d\}|\d))?"
_UNIT_PRODUCT = rf"\{{\s*({_UNIT_PART}(?:(?:\s|\\cdot(?![A-Za-z])|\\,)*{_UNIT_PART})*)\s*\}}"
_UNITS_APART = re.compile(rf"(?<=[\d }},])\\[dt]?frac\s*{_UNIT_PRODUCT}\s*{_UNIT_PRODUCT}\s*$")
_UNIT_FRACTION = re.compile(rf"(?<=[\d }},])\\[dt]?frac\s*{_UPRIGHT_UNIT}\s*{_UPRIGHT_UNIT}\s*$")
_POWER_OF_TEN = re.compile(r"(\d)\s*\\(?:mathrm|text)\{E\}\s*\{?\s*([+-]?\d{1,3})\s*\}?")
_TIMES_TEN = re.compile(r"(?<=\d)\s*x\s*(?=10\s*\^)")
_SPELLED_CONSTANT = re.compile(r"\+\s*\\(?:text|mathrm)\s*\{\s*const(?:ant|\.)?\s*\}(?=\s*$)")
_CODES = frozenset({"USD", "EUR", "GBP", "RMB", "CNY", "JPY"})
_CODED = re.compile(r"^([A-Z]{3})\s*(-?\d[\d,.]*)$")
_SHORT = {"K": "thousand", "M": "million", "B": "billion"}
_SHORT_MONEY = re.compile(r"^(\\?\$\s*\d+(?:\.\d+)?)\s*([MBK])$")
_KET = re.compile(r"(?:\\left\s*)?\|\s*([^|(){}<>]{1,12}?)\s*(?:\\right\s*)?\\rangle(?![A-Za-z])")
_STARRED = re.compile(r"(?<![A-Za-z\\])([A-Z])\*(?=\s*(?:[=:,;)}]|and\b|or\b|$))")
_LAPLACE = re.compile(
    r"\\mathcal\s*\{?\s*L\s*\}?\s*(\^\{?-1\}?)?\s*(?:\\left\s*)?\\\{\s*([^{}]{1,40}?)\s*(?:\\right\s*)?\\\}"
)
_CLOCK_HALF = re.compile(r"(?<=\d)\s*(?:\\text\s*\{\s*)?\b([AaPp])\.?\s?[Mm]\b\.?(?:\s*\})?")
_CLOCK = re.compile(r"\d:\d\d|^\s*\d{1,2}\s*(?:\\text\s*\{\s*)?[AaPp]\.?\s?[Mm]")


def tidy(text: str) -> str:
    r"""Unicode spelled in LaTeX, so that what follows sees ASCII (letters of other scripts stay).

    >>> tidy("½ − √2 ≤ x²"), tidy("12^{\\mathrm{th}}"), tidy("x<sup>2</sup> ≤ 3")
    ('\\frac{1}{2} - \\radical 2 <= x^{2}', '12', 'x^{2} <= 3')
    """
    if "</" in text:
        text = _TAG.sub(lambda tag: f"{'^' if tag[1].lower() == 'sup' else '_'}{{{tag[2]}}}", text)
    if not text.isascii():
        text = _ascii(text)
    if "^" in text:
        text = _ORDINAL.sub("", text)
    elif "2" in text or "3" in text or "4" in text or "6" in text:
        bare = text.strip()
        if bare[:1].isalpha() and bare.isalnum() and _FORMULA.fullmatch(bare) and not bare.isalpha():
            text = re.sub(r"(\d+)", r"_{\1}", bare)  # H2SO4
    if "th" in text or "st" in text or "rd" in text or "nd" in text:
        text = _PLAIN_ORDINAL.sub("", text)
    if "'" in text and (feet := _FEET.fullmatch(text)):
        text = f"{feet[1]}\\text{{ ft }}{feet[2]}\\text{{ in}}"
    if "frac" in text and ("\\text" in text or "\\mathrm" in text):
        text = _UNIT_FRACTION.sub(r"\\mathrm{\1/(\2)}", text)
        text = _UNITS_APART.sub(r"\1/(\2)", text)
    if text.endswith(")") and "(" in text and "\\" in text:
        text = _UNIT_IN_BRACKETS.sub(r"\1\2", text)
    if "clock" in text:
        text = text.replace("o'clock", "oclock")
    if "ring" in text:
        text = _ANGSTROM.sub(r"\\AA ", text)
    if "|" in text and "(" in text:
        text = text.replace("\\left(", "(").replace("\\right)", ")")
        text = _CONDITIONAL.sub(r"\1\\mid \2", text)
    if "\\SI" in text or "\\qty" in text:
        text = _SIUNITX.sub(r"\1\\text{ \2}", text)
    if "/" in text and "\\mathbb" in text:
        text = _QUOTIENT.sub(r"_{\1}", text)
    if "\\mathbb" in text or "E[" in text:
        text = _EXPECTED.sub(lambda mean: f"{mean[1] or mean[2]}({mean[3]})", text)
    if "wedge" in text or "land" in text:
        text = _FORMS.sub(r"\1\\cross ", text)  # dx ∧ dy is not dy ∧ dx
    if "\\not" in text:
        text = _NOT.sub(lambda sign: "\\ne " if sign[1] == "=" else "\\notin ", text)
    if "\\mathcal" in text:
        text = _LAPLACE.sub(r"L\1(\2)", text)
    if "\\rangle" in text and "|" in text and "\\langle" not in text:
        text = _KET.sub(r"\\ket{\1}", text)
    if "only if" in text:
        text = text.replace("if and only if", "iff")
    if "10" in text and "x" in text:
        text = _TIMES_TEN.sub(r"\\times ", text)
    if text.startswith("\\left.") and text.endswith(("\\right", "\\right.")):
        text = text.removesuffix(".").removesuffix("\\right").removeprefix("\\left.")
    if "const" in text:
        text = _SPELLED_CONSTANT.sub("+C", text)
    if text[:3] in _CODES:
        text = _CODED.sub(r"\2\\text{ \1}", text)
    if text[-1:] in ("M", "B", "K") and "$" in text[:2]:
        text = _SHORT_MONEY.sub(lambda money: f"{money[1]}\\text{{ {_SHORT[money[2]]}}}", text)
    if "*" in text:
        text = _STARRED.sub(r"\1^*", text)
    if "{E}" in text:
        text = _POWER_OF_TEN.sub(r"\1e\2", text)
    if "{:}" in text:
        text = text.replace("{:}", ":")
    if "\\circ" in text:
        text = _COMPOSED.sub(r"\1(\2(\3))", text)
    if "circ}" in text:
        text = text.replace("^{\\circ}", "^\\circ ")
    if "_" in text and text[0] in "{^ 0123456789-":
        text = _UNDERSCORES.sub(lambda digits: digits[0].replace("_", ""), text)
        text = _CHOSEN.sub(r"\2_{\1}^{\3}", text)
    if ("{}" in text or "{ }" in text) and _AMBIGUOUS.search(text):
        raise Unreadable("an exponent behind an exponent")
    if "mod" in text and "\\pmod" not in text:
        text = _MODULO.sub(r"\\pmod{\1}", text)
    if ("m" in text or "M" in text) and _CLOCK.search(text):
        text = _CLOCK_HALF.sub(lambda half: f"\\text{{clock{half[1].lower()}m}}", text)
    return text


def _ascii(text: str) -> str:
    text = _CIRCLED_RUN.sub(_circled, text)
    text = _UPPER_RUN.sub(lambda run: "^{" + run[0].translate(_UPPER_PLAIN) + "}", text)
    text = _LOWER_RUN.sub(lambda run: "_{" + run[0].translate(_LOWER_PLAIN) + "}", text)
    text = _PROPORTION.sub(":", text)
    text = _MICRO.sub(r"\1\\text{u\2}", text)
    text = text.translate(_TRANSLATION)
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).translate(_TRANSLATION)


def _circled(run: re.Match[str]) -> str:
    return ",".join(str(ord(char) - 0x245F) for char in run[0] if "①" <= char <= "⑨")


def numeric_date(text: str) -> str | None:
    """2024-03-05 and 03/05/2024, which are neither differences nor quotients; None for anything else.

    >>> numeric_date("2024-03-05"), numeric_date("03/05/2024"), numeric_date("2024-30-05")
    ('mar. 5 2024', '3/5/2024', None)
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    if match[1]:
        month, day = int(match[2]), int(match[3])
        return f"{_MONTHS[month - 1]} {day} {match[1]}" if 0 < month < 13 and 0 < day < 32 else None
    first, second = int(match[4]), int(match[6])
    return f"{first}/{second}/{match[7]}" if 0 < first < 32 and 0 < second < 32 else None


_MONTHS = [f"{name}." for name in "jan feb mar apr may jun jul aug sep oct nov dec".split()]


def numbered_parts(text: str) -> list[str]:
    r"""What stands behind (1), (2), …, or behind (a), (b), …; nothing where the first is not followed by the second.

    >>> numbered_parts(r"(1) \\frac12; (2) 3"), numbered_parts("(1)(2)"), numbered_parts("(a)x+(b)y")
    (['\\\\frac12', '3'], [], [])
    """
    text = _MARK_AS_TEXT.sub(r"(\1) ", text) if text[0] == "\\" else text
    marks = next((marks for marks in _PART_MARKS if text.startswith(f"({marks[0]})")), ())
    parts: list[str] = []
    for mark in marks[1:]:
        head, sign, tail = text.partition(f"({mark})")
        if not sign or not _PART_ENDS.search(head):
            break
        parts.append(head)
        text = f"({mark}){tail}"
    if not parts:
        return []
    parts = [_PART_ENDS.sub("", part.partition(")")[2].lstrip(" .:~")).strip() for part in (*parts, text)]
    balanced = all(part.count(opening) == part.count(closing) for part in parts for opening, closing in ("()", "{}"))
    return parts if balanced and all(any(map(str.isalnum, part)) for part in parts) else []


_PART_MARKS = (tuple("12345678"), tuple("abcdefgh"), ("i", "ii", "iii", "iv", "v"), tuple("ⅠⅡⅢⅣ"))
_MARK_AS_TEXT = re.compile(r"\\text(?:bf)?\s*\{\s*\(([1-8a-h]|i{1,3}|iv|v)\)\s*\}")
_PART_ENDS = re.compile(r"(?:[;,.；，。\n]|\\\\|\\q?quad|\\[,; ]|(?<=[\w)}%])\s)(?:\s|\\q?quad|\\[,; ]|and(?=\s))*$")
