r"""Short texts as they are compared: without case, articles, accents and the punctuation that says nothing.

A sign that may say something stays: operators, comparisons, currencies, percent and degree signs, exponents, the sign
of a number, and whatever stands between two digits (`1/2`, `1-2`, `1:2`, `1.2.3`). Two spellings of one word are the
same: numbers and ordinals in words or digits, Roman numerals, `&` for `and`, `St.` for `Saint`, `US` for
`United States`, `e-mail` for `email`. The tables stand in answer.toml.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

from .math.words import NUMBER_WORDS, spelled_number

TABLES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("answer.toml").read_text(encoding="utf-8"))
"""The tables of answer.toml."""
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_SIGNED = r"(?:(?<![\w.)])-(?=\.?\d))?"
_GROUPED = r"\d{1,3}(?:,\d{3})+(?![\d,])|\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])"
_WORD = re.compile(
    rf"(?P<number>{_SIGNED}(?:(?:{_GROUPED}|\d+)(?:\.\d+(?!\.?\d))?|(?<!\d)\.\d+))"
    rf"|(?P<letters>[{_CJK}]|[^\W\d_{_CJK}]+(?:\+\+|[#*](?!\w)|[+-](?!\w))?)"
    r"|(?P<between>(?<=\d)[-/:.'](?=\d)|(?<=\d)['\"]|(?<=\d),(?= ?-?\d)|(?<=\d )[-/:](?= -?\d))|(?P<sign>[^\w\s])"
)
_KEPT = frozenset("%#@/")
_BRACKETED = re.compile(r"[(\[]\s*[-+\d.∞]+\s*[,;]\s*[-+\d.∞]+\s*[)\]]")
_TONE = re.compile(r"\b([a-g])[\s-](sharp|flat)\b")
_ACCENT = re.compile("(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+")
_QUOTED = re.compile(r"(?<![\w'\"])(['\"])([^'\"]*)\1(?!\w)")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_MARK = re.compile("[™®©\u200d\ufe0f\u2702-\u27bf\U0001f000-\U0001faff]")
_MIXED = re.compile("(?<=\\d)\\s?(?=[¼-¾⅐-⅞])")
_GREEK = re.compile("(?<![\u0370-\u03ff\u1f00-\u1fff])[\u0391-\u03c9](?![\u0370-\u03ff\u1f00-\u1fff])")
_CHARACTERS = str.maketrans(
    dict.fromkeys("‐‑‒–—―−", "-") | {"⁄": "/", "’": "'", "‘": "'", "′": "'", "″": '"', "♯": "#"} | TABLES["letters"]
)
_MINUS = re.compile(r"-\s?([$€£¥₹₩])\s?(?=[\d.])")
_INITIALS = re.compile(r"(?<![^\W_])([^\W\d_])(?:\.\s?|\s)(?=[^\W\d_](?![^\W_]))")
_INNER = re.compile(r"(?<=[^\W\d])\.(?=[^\W\d])|(?<=[^\W\d_])['`](?=[^\W\d_])|(?<=\b[^\W\d_])\.(?=[\s,)]|$)")
_HYPHEN = re.compile(r"(?<=[^\W\d])-(?=[^\W\d])")
_JOINED = re.compile(r"(?<=[^\W\d]{2})-(?=[^\W\d])|(?<=[^\W\d])-(?=[^\W\d]{2})")
_DATA = re.compile(r"(?<=\d)[ -]?([kKMGTPmgtp]i?)(B|bit|b)(ps|/s(?:ec)?)?(?![\w/])")
_DATA_PREFIXES = {"k": "kilo", "m": "mega", "g": "giga", "t": "tera", "p": "peta"}
_DATA_PREFIXES |= {"ki": "kibi", "mi": "mebi", "gi": "gibi", "ti": "tebi", "pi": "pebi"}
_SLASH = re.compile(r"(?<=[^\W\d]{2})/(?=[^\W\d]{2})")
_ALGEBRA = re.compile(
    r"(?<![\w'])([a-z])\s?-\s?(?=\d)|(?<=\d)\s?-\s?([a-z])(?![\w'])|(?<![\w'])([a-z])-([a-z])(?![\w'])"
)
_ROMAN = re.compile(
    r"(?<=\w )(?=[IVXL]{2})(X[LX]|L?X{0,3})(I[XV]|V?I{0,3})(?![\w.'’])"
    r"|(?:(?<=[a-z] )|(?<=[A-Z]{2} ))(?<!\b[a-z] )(?P<lone>[IV])(?=$|[,;:)]| of )"
)
_BEFORE_ROMAN = re.compile(
    r"(?<!\w)(?!(?:Am|And|As|But|Can|Could|Did|Do|Had|Have|If|Is|May|Must|Or|Shall|Should|So|Than|Was|Will|Would) )"
    r"[A-Z]\w+ $"
)
_TENS = {"": 0, "X": 10, "XX": 20, "XXX": 30, "XL": 40, "L": 50, "LX": 60, "LXX": 70, "LXXX": 80}
_ONES = {"": 0, "I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9}
_STATES = dict(pair.replace("_", " ").split(":") for pair in TABLES["same"]["states"].split())
_STATE = re.compile(rf"(?<=, )(?:{'|'.join(_STATES)})(?!\w)")
_LABELS = "|".join(TABLES["units"]["labels"].split())
_NAMED = re.compile(
    rf"(?:\d\.|[§#]\s?|\b(?:{_LABELS})(?:\s+(?:is|was|number)\s+|\s?[:=]\s?)|(?<!\d)(?P<word>[^\W\d_]+)[\s/(-]{{0,2}})$"
)
_MEASURES = frozenset(TABLES["units"]["measures"].split())
_SAME = {word: line.split()[0] for line in TABLES["same"]["words"].strip().split("\n") for word in line.split()}
_PHRASES = {
    f" {one.strip()} ": f" {line.partition(':')[0]} "
    for line in TABLES["same"]["phrases"].strip().split("\n")
    for one in line.partition(":")[2].split("|")
}
_TITLES = frozenset(TABLES["same"]["titles"].split())
_ORDINALS = {word: at for at, word in enumerate(TABLES["same"]["ordinals"].split(), 1)}
_THE_EIGHTH = re.compile(r"(?<=\w )the ([A-Z][a-z]+th|First|Second|Third)(?=$|,| of )")
_TO = re.compile(r"(?<=\d) (?:to|until|through) (?=\d)")
_DECADE = re.compile(r"(?<=\b\d{3}0)['’]s\b")
_BLOOD = re.compile(
    r"(?:(?:blood )?(?:type|group) )?(A|B|AB|O)(?: ?(?:Rh|RhD))? ?([+-]|pos(?:itive)?|neg(?:ative)?)", re.IGNORECASE
)
_ELEMENTS = dict(pair.split(":") for pair in TABLES["same"]["elements"].split())
_ISOTOPE = re.compile(rf"(?<![\w-])({'|'.join(_ELEMENTS)})-(\d{{1,3}})(?![\w-])")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_ACRONYM = re.compile(r"(.+?)\s*\(([^()\s]{2,12})\)")
_LAST_FIRST = re.compile(r"([^\W\d][^\d,;]*), (?!(?:[JS]r|[JS]unior|I{2,3}|IV)\b)([^\W\d][^\d,;]*)")
_PHONE = re.compile(r"(?=(?:\D*\d){8})\+?(?:\d{1,5}|\(\d{1,5}\))(?:[ -]?(?:\d{1,5}|\(\d{1,5}\))){2,5}")
_COORDINATES = re.compile(r"(\d+(?:\.\d+)?)\s?°?\s?([NS]),?\s+(\d+(?:\.\d+)?)\s?°?\s?([EW])")
_CASTLING = re.compile(r"0-0(?:-0)?[+#]?")
_NAME_PART = re.compile(r"[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*\.?")


def normal(text: str, language: str = "en") -> tuple[str, ...]:
    """The words of a text, with the signs that say something.

    >>> normal("The U.S. Army's -5.0"), normal("東京 Tower"), normal("Der Café", "de")
    (('us', 'armys', '-5'), ('東', '京', 'tower'), ('cafe',))
    >>> normal("1/2"), normal("< 5"), normal("x²"), normal("Vitamin A")
    (('1', '/', '2'), ('<', '5'), ('x', '^', '2'), ('vitamin', 'a'))
    """
    return _normal(text, language)


@lru_cache(maxsize=8_192)
def _normal(text: str, language: str) -> tuple[str, ...]:
    return _words(_article(language).sub("", text)) or _words(text)


@lru_cache(maxsize=16)
def _article(language: str) -> re.Pattern[str]:
    """Articles before a word; a capital A within a text is a name, as of a vitamin."""
    articles = TABLES["articles"].get(language, "").split()
    written = [one for word in articles for one in (word, word.capitalize(), word.upper()) if one != "A"]
    first = r"|^\W*A" if "a" in articles else ""
    pattern = rf"(?:(?<![\w-])(?<!\w['’])(?:{'|'.join(written)}){first})(?:\s+|(?<=\b[ldLD])['’])(?=\S)"
    return re.compile(pattern if written else r"(?!)")


def plain(text: str) -> str:
    """A text in the characters of ASCII as far as they say the same, letters with their accents.

    >>> plain("10⁶ – 1½")
    '10^6 - 1 1/2'
    """
    if text.isascii():
        return text
    text = _SUPERSCRIPT.sub(_raised, _MARK.sub("", text))
    return unicodedata.normalize("NFKC", _MIXED.sub(" ", text)).translate(_CHARACTERS)


def _raised(match: re.Match[str]) -> str:
    """An exponent; a charge stands there as it is."""
    digits = unicodedata.normalize("NFKC", match[0]).replace("−", "-")
    return digits if digits[-1] in "+-" else f"^{digits}"


def _words(text: str) -> tuple[str, ...]:
    if not text.isascii():
        text = unicodedata.normalize("NFD", plain(text))
        text = unicodedata.normalize("NFC", _ACCENT.sub("", text))
        text = _GREEK.sub(_letter_name, text)
    # Each pattern is tried only where a sign of it stands: most texts hold none.
    dashed = "-" in text
    text = minus_in_words(_DATA.sub(_data_unit, text) if "b" in text or "B" in text else text)
    text = _QUOTED.sub(r"\2", text) if '"' in text or "'" in text else text
    text = (_ALGEBRA.sub(r"\1\3 − \2\4", text) if dashed else text).casefold().replace("&", " and ")
    if "sharp" in text or "flat" in text:
        text = _TONE.sub(lambda match: match[1] + ("#" if match[2] == "sharp" else "♭"), text)
    text = _INITIALS.sub(r"\1", _MINUS.sub(r"\1-", text) if dashed else text)
    text = _INNER.sub("", text) if "." in text or "'" in text or "`" in text else text
    text = _HYPHEN.sub(" ", text) if dashed else text
    text = _SLASH.sub(" ", text) if "/" in text else text
    brackets = "()[]" if ("(" in text or "[" in text) and _BRACKETED.search(text) else ""
    return tuple(
        _number(match) if match.lastgroup == "number" else match[0]
        for match in _WORD.finditer(text)
        if match.lastgroup != "sign" or match[0] in brackets or _says(match)
    )


def _data_unit(match: re.Match[str]) -> str:
    """Bits and bytes by the case of their b; in small letters alone, mb are bytes and mbps bits."""
    prefix, bits, rate = match[1].lower(), match[2], match[3] or ""
    small = match[1] != "k" and match[0].strip(" -").islower() and not rate
    name = "byte" if bits == "B" or (bits == "b" and small) else "bit"
    return f" {_DATA_PREFIXES[prefix]}{name}{' per second' if rate else ''}"


def _letter_name(match: re.Match[str]) -> str:
    return f" {unicodedata.name(match[0], 'A').rpartition(' ')[2].lower()} "


def _says(match: re.Match[str]) -> bool:
    """Whether a sign says something: signs of mathematics and currencies do, bars and stars only within a text."""
    sign, text = match[0], match.string
    if sign in "*|":
        before, after = text[: match.start()].rstrip()[-1:], text[match.end() :].lstrip()[:1]
        return before.isalnum() and after.isalnum()
    return sign in _KEPT or sign == "^" or unicodedata.category(sign) in ("Sm", "Sc", "So")


def _number(match: re.Match[str]) -> str:
    """A number in one spelling; of a version or a section, which are no decimals, as it stands there."""
    digits = match[0].replace(",", "")
    if "." not in digits:
        return digits
    digits = digits.replace(".", "0.", 1) if digits.lstrip("-")[:1] == "." else digits
    named = digits[-1] == "0" and digits[0] != "-" and _NAMED.search(match.string, 0, match.start())
    return digits if named and named["word"] not in _MEASURES else digits.rstrip("0").rstrip(".")


def same_wording(said: str, gold: str, language: str = "en") -> bool:
    """Whether two texts are two spellings of the same words.

    >>> same_wording("Henry the Eighth", "Henry VIII"), same_wording("Austin, TX", "Austin, Texas")
    (True, True)
    >>> same_wording("2nd", "second"), same_wording("Sir Isaac Newton", "Isaac Newton"), same_wording("Newton", "Ton")
    (True, True, False)
    """
    one, other = _spellings(said, language), _spellings(gold, language)
    if not one.isdisjoint(other) or _same_person(said, gold):
        return True
    if gold[:1] in "+(" and _PHONE.fullmatch(gold):
        return _PHONE.fullmatch(said) is not None and re.findall(r"\d+", said) == re.findall(r"\d+", gold)
    if (match := _LAST_FIRST.fullmatch(said)) and "," not in gold:
        return not _spellings(f"{match[2]} {match[1]}", language).isdisjoint(other)
    if (match := _LAST_FIRST.fullmatch(gold)) and "," not in said:
        return not _spellings(f"{match[2]} {match[1]}", language).isdisjoint(one)
    titled, bare = sorted((one, other), key=lambda spellings: min(words[0] not in _TITLES for words in spellings))
    return all(words[0] not in _TITLES for words in bare) and any(
        words[1:] in bare for words in titled if len(words) > 2 and words[0] in _TITLES
    )


def _same_person(one: str, other: str) -> bool:
    """Whether two names differ in middle names alone that one of them has as initials: John F. and John Fitzgerald.

    A first name may be an initial where another follows it: J. R. R. Tolkien."""
    if (". " not in one and ". " not in other) or max(len(one), len(other)) > 60:
        return False
    names = [text.strip().replace(".", ". ").split() for text in (one, other)]
    if len(names[0]) != len(names[1]) or len(names[0]) < 3 or not all(map(_NAME_PART.fullmatch, names[0] + names[1])):
        return False
    pairs = list(zip(*names, strict=True))
    initials = any(all(part[1:] == "." for part in parts[:-1]) for parts in names)
    return all(
        a == b or ((0 if initials else 1) <= at < len(pairs) - 1 and a[0] == b[0] and (a[1:] == ".") != (b[1:] == "."))
        for at, (a, b) in enumerate(pairs)
    ) and all(len(pairs[at][0].rstrip(".")) > 1 for at in ((-1,) if initials else (0, -1)))


@lru_cache(maxsize=8_192)
def _spellings(text: str, language: str) -> frozenset[tuple[str, ...]]:
    """The spellings of a text; none of them empty."""
    eighth = text
    if " the " in text:
        eighth = _THE_EIGHTH.sub(lambda match: str(_ORDINALS.get(match[1].lower(), match[0])), text)
    if blood := _BLOOD.fullmatch(text):
        text = eighth = f"{blood[1]}{'+' if blood[2][0] in '+pP' else '-'}"
    if text[-1:] in "EW" and (place := _COORDINATES.fullmatch(text)):
        text = eighth = " ".join(place.groups())
    if text[:3] == "0-0" and _CASTLING.fullmatch(text):
        text = eighth = text.replace("0", "O")
    text, eighth = (_ISOTOPE.sub(_isotope, one) if "-" in one else one for one in (text, eighth))
    joined = plain(text)
    texts = [text, eighth, _JOINED.sub("", joined) if "-" in joined else joined]
    texts += [] if text.isascii() else [text.translate(_UMLAUTS)]
    if text[-1:] == ")" and (
        ((match := _ACRONYM.fullmatch(text)) and _is_acronym(match[2], match[1]))
        or ((match := re.fullmatch(r"([^()\s]{2,12}) \((.+)\)", text)) and _is_acronym(match[1], match[2]))
    ):
        texts += match.groups()
    return frozenset({words for one in dict.fromkeys(texts) if (words := _spelled(one, language))} or {("",)})


def _isotope(match: re.Match[str]) -> str:
    return f"{_ELEMENTS[match[1]]} {match[2]}"


def _is_acronym(short: str, text: str) -> bool:
    """Whether capitals are the first letters of the words of a text, in order, small words left out or not."""
    words = re.findall(r"\w+", text)
    initials = [word[0] for word in words]
    capitals = [initial for initial in initials if initial.isupper()]
    letters = re.sub(r"\W", "", short)
    if len(letters) > 1 and letters.upper() in ("".join(initials).upper(), "".join(capitals)):
        return True
    # Each word by its first letter and letters within it: JMD, Jamaican dollar.
    if not 3 <= len(letters) <= 6 or not letters.isupper() or not letters.isalpha():
        return False
    at = 0
    for word in (word.upper() for word in words if word not in ("of", "the", "and", "for")):
        if letters[at : at + 1] != word[0]:
            return False
        for letter in word:
            at += letters[at : at + 1] == letter
    return at == len(letters)


def _spelled(text: str, language: str) -> tuple[str, ...]:
    """The words of a text, each in the first of its spellings."""
    text = _STATE.sub(lambda match: _STATES[match[0]], text) if ", " in text else text
    text = text if text.islower() else _ROMAN.sub(_roman, text)
    text = _DECADE.sub("s", text) if "0's" in text or "0’s" in text else text
    text = _TO.sub("-", text) if " t" in text or " until " in text else text
    words: list[str] = []
    for word in _normal(digits_for_words(text) if re.search("[a-z]{3}", text) else text, language):
        if word in _ORDINALS:
            number = _ORDINALS[word]
            if number < 10 and words and words[-1][-1:] == "0" and len(words[-1]) == 2:  # twenty-first
                number += int(words.pop())
            words += [
                str(number),
                {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number not in (11, 12, 13) else 0, "th"),
            ]
        else:
            ordinal = word == "st" and words and words[-1][-1:].isdigit()  # 21st, and no saint
            words.append(word if ordinal else _SAME.get(word, word))
    line = f" {' '.join(words)} "
    for phrase, short in _PHRASES.items():
        if phrase in line:
            line = line.replace(phrase, short)
    return tuple(line.split())


def _roman(match: re.Match[str]) -> str:
    """The number of a king or a part; one letter alone only after a name, or it may be a pronoun."""
    if match["lone"]:
        return str(_ONES[match["lone"]]) if _BEFORE_ROMAN.search(match.string[: match.start()]) else match[0]
    return str(_TENS.get(match[1], 0) + _ONES[match[2]])


_MINUS_WORD = re.compile(rf"^-(?=(?:{'|'.join(NUMBER_WORDS)})(?!\w))", re.IGNORECASE)


def minus_in_words(text: str) -> str:
    """A text with `minus` for a sign before a number in words.

    >>> minus_in_words("-five percent"), minus_in_words("- five")
    ('minus five percent', '- five')
    """
    return _MINUS_WORD.sub("minus ", text) if text[:1] == "-" else text


_NUMBER_WORDS = re.compile(
    rf"(?<![\w-])(?:{'|'.join(NUMBER_WORDS)})(?:[\s-]+(?:and\s+)?(?:{'|'.join(NUMBER_WORDS)}))*(?![\w])", re.IGNORECASE
)


def digits_for_words(text: str) -> str:
    """A text with its numbers in digits.

    >>> digits_for_words("Twelve Angry Men"), digits_for_words("two hours and thirty minutes")
    ('12 Angry Men', '2 hours and 30 minutes')
    """
    return _NUMBER_WORDS.sub(_in_digits, text)


def _in_digits(match: re.Match[str]) -> str:
    number = spelled_number(match[0].lower())
    return match[0] if number is None or number.denominator > 1 else str(number)
