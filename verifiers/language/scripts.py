"""Which letters belong to which script, and which languages are written in it.

Ranges are whole blocks, written down by hand: `re` knows no scripts, and reading them off `unicodedata` would cost a
third of a second on import. What a block holds beside letters does no harm, since only what a response really
contains is counted, and digits and common punctuation stand in blocks of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Unit = Literal["word", "letter"]
UNITS: tuple[Unit, ...] = ("word", "letter")

UNKNOWN = "und"
"""ISO 639's code for a language that is not known."""

# What may stand inside a word without being a letter of it: combining accents, soft hyphen, joiners. Zero-width spaces
# are among them, or a word cut up with them would pass for single letters, which count nothing.
_INSIDE = "\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script, its letters and its languages."""

    name: str
    """ISO 15924 code, in lower case."""
    letters: str
    """The inside of a character class."""
    languages: tuple[str, ...]
    """Languages that `auto` can distinguish in it; the first is the one assumed where nothing speaks against it."""
    every_letter: bool = False
    """Whether each letter is a word of its own, as UAX #29 has it for Han and Hiragana."""


def _letters(ranges: str) -> str:
    """The inside of a character class, from code points in hexadecimal: combining marks do not survive being typed."""
    return "".join("-".join(chr(int(end, 16)) for end in piece.split("-")) for piece in ranges.split())


SCRIPTS: tuple[Script, ...] = (
    Script(
        name="latn",
        letters=_letters(
            "0041-005A 0061-007A 00AA 00BA 00C0-00D6 00D8-00F6 00F8-02B8 1D00-1DBF 1E00-1EFF 2071 207F 2C60-2C7F "
            "A722-A7FF AB30-AB64 FB00-FB06 FF21-FF3A FF41-FF5A 1D400-1D6A5 "
        ),
        languages=(
            *(
                "en",
                "fr",
                "de",
                "es",
                "pt",
                "it",
                "nl",
                "sv",
                "da",
                "no",
                "pl",
                "ro",
                "id",
                "tr",
                "ca",
                "cs",
                "fi",
                "hr",
            ),
            *("hu", "vi", "sk", "sl", "et", "lt", "lv", "af", "cy", "so", "sq", "sw", "tl"),
        ),
    ),
    Script(
        name="hani",
        letters=_letters("3005-3007 3400-4DBF 4E00-9FFF F900-FAFF 20000-3FFFF"),
        languages=("zh", "ja"),
        every_letter=True,
    ),
    Script(name="hira", letters=_letters("3041-3096 309D-309F"), languages=("ja",), every_letter=True),
    Script(name="kana", letters=_letters("30A1-30FA 30FC-30FF 31F0-31FF FF66-FF9F"), languages=("ja",)),
    Script(
        name="hang", letters=_letters("1100-11FF 3131-318E A960-A97F AC00-D7A3 D7B0-D7FF FFA0-FFDC"), languages=("ko",)
    ),
    Script(
        name="cyrl",
        letters=_letters("0400-0481 0483-052F 1C80-1C88 2DE0-2DFF A640-A66E A674-A67D A67F-A69F"),
        languages=("ru", "uk", "bg", "mk"),
    ),
    Script(
        name="arab",
        letters=_letters(
            "0610-061A 0620-065F 066E-06D3 06D5-06DC 06DF-06E8 06EA-06EF 06FA-06FC 06FF 0750-077F 08A0-08FF "
            "FB50-FBB1 FBD3-FD3D FD50-FDFB FE70-FEFC "
        ),
        languages=("ar", "fa", "ur"),
    ),
    Script(name="deva", letters=_letters("0900-0963 0971-097F A8E0-A8FF"), languages=("hi", "mr", "ne")),
    Script(
        name="grek",
        letters=_letters("0370-0373 0376-037D 037F 0386 0388-03F5 03F7-03FF 1F00-1FFC 1D6A8-1D7CB "),
        languages=("el",),
    ),
    Script(
        name="hebr", letters=_letters("0591-05BD 05BF 05C1-05C2 05C4-05C5 05C7 05D0-05F2 FB1D-FB4F"), languages=("he",)
    ),
    Script(name="thai", letters=_letters("0E01-0E3A 0E40-0E4E"), languages=("th",), every_letter=True),
    Script(name="beng", letters=_letters("0980-09E3"), languages=("bn",)),
    Script(name="guru", letters=_letters("0A01-0A63 0A70-0A75"), languages=("pa",)),
    Script(name="gujr", letters=_letters("0A81-0AE3"), languages=("gu",)),
    Script(name="taml", letters=_letters("0B82-0BE3"), languages=("ta",)),
    Script(name="telu", letters=_letters("0C00-0C63"), languages=("te",)),
    Script(name="knda", letters=_letters("0C80-0CE3"), languages=("kn",)),
    Script(name="mlym", letters=_letters("0D00-0D63"), languages=("ml",)),
    Script(name="armn", letters=_letters("0531-0556 0559 0560-0588"), languages=("hy",)),
    Script(name="geor", letters=_letters("10A0-10FA 10FC-10FF 1C90-1CBF 2D00-2D2D"), languages=("ka",)),
    Script(name="sinh", letters=_letters("0D81-0DDF"), languages=("si",)),
    Script(name="ethi", letters=_letters("1200-135A 1380-138F 2D80-2DDE"), languages=("am",)),
    Script(name="khmr", letters=_letters("1780-17D3"), languages=("km",), every_letter=True),
    Script(name="laoo", letters=_letters("0E81-0ECD"), languages=("lo",), every_letter=True),
    Script(name="mymr", letters=_letters("1000-103F 1050-108F"), languages=("my",), every_letter=True),
    Script(
        name="other",
        letters=_letters(
            "0710-074F 0780-07B1 07CA-07F5 0800-086A 0B01-0B63 0F00 0F40-0FBC 13A0-13FD 1401-166C 1681-169A "
            "16A0-16EA 1700-176C 1820-18F5 1900-192B 1950-19C9 1A00-1A1B 1B05-1B4B 1B83-1BEF 1C00-1C4F 2C00-2C5F "
            "2C80-2CEE 2D30-2D6F 3105-312F 31A0-31BF A000-A48C A4D0-A62B A6A0-A6EF A800-A827 A840-A873 A882-A8B3 "
            "A90A-A95F A984-AAFF AB01-AB2E AB70-ABE2 10000-16FFF 1E100-1E943 "
        ),
        languages=(UNKNOWN,),
    ),
)

BY_NAME: Mapping[str, Script] = {script.name: script for script in SCRIPTS}
SCRIPT_OF: Mapping[str, str] = {
    language: script.name for script in reversed(SCRIPTS) for language in script.languages if language != UNKNOWN
}
"""The script that a language is known by; for Japanese Han, since that is where it needs a decision."""

_CJK = ("hani", "hira", "kana")


def _run(script: Script) -> str:
    """A piece of text that begins with a letter of a script and ends before the first letter of another."""
    family = _CJK if script.name in _CJK else (script.name,)
    others = "".join(other.letters for other in SCRIPTS if other.name not in family)
    return f"(?P<{script.name}>[{script.letters}][^{others}]*)"


RUNS = re.compile(
    "(?P<cjk>["
    + "".join(BY_NAME[name].letters for name in _CJK)
    + "][^"
    + "".join(script.letters for script in SCRIPTS if script.name not in _CJK)
    + "]*)|"
    + "|".join(_run(script) for script in SCRIPTS if script.name not in _CJK)
)
"""Cuts a text into runs of one script; the group's name says which, `cjk` for Han and kana together."""


def word_pattern(script: Script) -> str:
    """A word of a script, as untailored UAX #29 finds it, but for one thing: a full stop, a colon or an underscore
    between letters ends the word, since a foreign text strung together with dots would else count as one word."""
    letters = script.letters
    if script.every_letter:
        return f"[{letters}][{_INSIDE}]*"
    return f"[{letters}][{letters}{_INSIDE}]*+(?:['’ʼ][{letters}{_INSIDE}]++)*+"


SINGLES: Mapping[str, str] = {
    "en": "aio",
    "fr": "aày",
    "es": "aeouy",
    "it": "aeèéiòo",
    "pt": "aeoéàó",
    "ca": "aeioày",
    "ro": "aoe",
    "pl": "aiowzu",
    "cs": "aikosuvz",
    "sk": "aikosuvz",
    "sl": "ahikosvz",
    "hr": "aiokus",
    "sv": "iåö",
    "da": "iåø",
    "no": "iåø",
    "nl": "u",
    "hu": "aésó",
    "sq": "eië",
    "cy": "aioyâ",
    "tl": "o",
    "tr": "o",
    "vi": "àôýơuvo",
}
"""Letters that are words by themselves, where a longer word stands next to them; any other single Latin or Greek letter
is taken for a variable."""


def counted_pattern(language: str, script: Script) -> re.Pattern[str]:
    """Finds the words of a script that count when they are taken for a language.

    >>> counted_pattern("en", BY_NAME["latn"]).findall("a line x of 3 cm isn't b")
    ['a', 'line', 'of', 'cm', "isn't"]
    """
    if script.name not in ("latn", "grek"):
        return re.compile(word_pattern(script))
    letter, more = f"[{script.letters}]", f"[{script.letters}{_INSIDE}]"
    tail = f"(?:['’ʼ]{more}++)"
    long = f"{letter}{more}++{tail}*+|{letter}{tail}++"
    singles = SINGLES.get(language, "") if script.name == "latn" else "ηοήὁἡ"
    if not singles:
        return re.compile(long)
    both = "".join(sorted({*singles, *singles.upper()}))
    return re.compile(f"{long}|[{both}](?= +{letter}{more})|(?<={letter}{letter} )[{both}]")
