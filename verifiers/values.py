"""Short answers by value: numbers, money, percentages, quantities with units, durations, dates, times and ranges.

A text is a value only as a whole, so that `Paris 2024` is none. Fractions hold every number exactly. What it does not
do: guess. `04/07/1776` may be a day of April or of July, and is no date; `1,23` may be a number or two; a number does
not stand for the same number with a unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .math.units import DIRECTIONS, unit
from .math.words import NUMBER_WORDS, spelled_number
from .wording import TABLES, digits_for_words, minus_in_words, plain

_NAMES = "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? aug(?:ust)? sept?(?:ember)? oct(?:ober)?"
_NAMES += " nov(?:ember)? dec(?:ember)?"
_MONTHS = {name[:3]: at for at, name in enumerate(_NAMES.split(), 1)}
_MONTH = rf"(?P<month>{'|'.join(_NAMES.split())})\.?"
_DAY = r"(?P<day>\d{1,2})(?:\s?(?:st|nd|rd|th))?"
_ERA = r"(?P<era>\s*(?:b\.?c\.?(?:e\.?)?|a\.?d\.?|c\.?e\.?))"
_YEAR = rf"(?P<year>\d{{3,4}}){_ERA}?"
_GAP = r"(?:\s*,\s*|\s+)"
_DATES = [
    re.compile(rf"(?:on |in )?(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?{pattern}")
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<number>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<year>\d{4})[-/](?P<number>0[1-9]|1[0-2])",
        r"(?P<number>0?[1-9]|1[0-2])/(?P<year>\d{4})",
        r"(?P<year>\d{4})\s*年(?:\s*(?P<number>\d{1,2})\s*月(?:\s*(?P<day>\d{1,2})\s*[日号])?)?",
        rf"{_MONTH}[\s-]+(?:the\s+)?{_DAY}(?:(?:{_GAP}|-){_YEAR})?",
        rf"(?:the\s+)?{_DAY}[\s-]+(?:of\s+)?{_MONTH}(?:(?:{_GAP}|-|\s+of\s+){_YEAR})?",
        rf"{_MONTH},?[\s-]+(?:of\s+)?{_YEAR}",
        rf"(?P<year>\d{{4}}){_GAP}{_MONTH}(?:\s+{_DAY})?",
        r"(?P<one>\d{1,2})[-/.](?P<two>\d{1,2})[-/.](?P<year>\d{4})",
        rf"(?:the\s+)?(?:year\s+)?(?P<year>\d{{1,4}}){_ERA}",
        r"(?:the\s+)?(?:year\s+)?(?P<before>ad|a\.d\.)\s*(?P<year>\d{1,4})",
    )
]
_CLOCK = re.compile(
    r"(?:at )?(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d)(?::[0-5]\d)?)?"
    r"(?:\s*(?P<half>[ap])\.?\s?m\.?|\s*(?P<clock>o'clock))?(?: \(?(?P<zone>[a-z][a-z ]*)\)?)?"
)
_ZONES = {
    one.strip(): line.split()[0]
    for line in TABLES["zones"]["names"].strip().split("\n")
    for one in (line.split()[0], *line.partition(" ")[2].split("|"))
}
_ENGLISH = [re.sub(r"\W", "", name.replace("(?:", "")) for name in _NAMES.split()]
_FOREIGN = {
    name: english
    for names in TABLES["months"].values()
    for name, english in zip(names.split(), _ENGLISH, strict=True)
    if name != english
}
_BEFORE_CHRIST = re.compile(r"(?<=\d) (?:v\. ?Chr\.?|av\. ?J\.-C\.?|a\. ?C\.|до н\. ?э)$")
_FOREIGN_DATE = re.compile(  # lower-case, or after a day: Mars 2020 is a rover, and März no other word
    r"(?:(?:am|im|den|le|en|el|il|em|op) )?(?:(?P<day>\d{1,2})(?:\.|er|º|°)?(?: de)? )?"
    rf"(?P<month>{'|'.join(_FOREIGN)})(?: del?)?(?: (?P<year>\d{{4}})(?: (?:года|г\.?|r\.|roku))?)?",
    re.IGNORECASE,
)
_SCALES: Mapping[str, int] = TABLES["scales"]
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}|\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?: \d{3}){2,}"
_NUMBER = re.compile(
    r"(?P<sign>[-+]|minus |negative )?\s?(?:(?P<whole>\d+)(?:\s|\s?-\s?|\s?and\s)(?=\d+/\d))?"
    rf"(?P<digits>{_DIGITS}|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s?/\s?(?P<over>\d+)|(?:\s?[x×*]\s?10\s?\^\s?|e)[({]?(?P<power>[-+]?\d{1,2})[)}]?)?(?:\s*-?(?P<scale>[a-z万亿]+))?"
)
_CODES = {name: code for code, names in TABLES["currencies"].items() for name in names.split("|")}
_SIGN = "|".join(map(re.escape, sorted(_CODES, key=len, reverse=True)))
_MONEY = re.compile(rf"(?P<before>{_SIGN})?\s*(?P<amount>[^$€£¥₹₩¢]+?)[\s-]*(?P<after>{_SIGN})?")
_AND_CENTS = re.compile(r"^(\d+) (dollars?|pounds?|euros?),? (?:and )?(\d\d) (?:cents|pence)$")
_PART = re.compile(
    r"\s*(?:,?\s*\band\s+|,\s*)?(?P<count>-?[\d.,/]*\d(?:\s?[x×*]\s?10\s?\^\s?-?\d+)?(?:\s(?:hundred|thousand|million|billion|trillion)\b)?)"
    r"[\s-]*(?P<unit>(?:[^\d\s,;.-]|\.(?=\w))(?:[^\d,;^]|\^-?\d)*?)\.?(?=\s*(?:,|\band\b)?\s*\d|$)"
)
_FEET = re.compile(r"(?<![\w'\"])(\d+)\s?'\s?(?:(\d{1,2}(?:\.\d+)?)\s?(?:\"|''|$))?(?!\w)")
_INCHES = re.compile(r"(\d+(?:\.\d+)?)\s?(?:\"|'')")
_DEGREES = re.compile(
    r"\s?(?:°|\bdeg(?:rees?)?\b)\s?([cf])(?:elsius|entigrade|ahrenheit)?\b|(?<=\d)\s?(°)", re.IGNORECASE
)
_PREFIXED = re.compile(  # what milli- and mega- are told from each other by
    r"\d[\s-]?([mM])(?=(?:g|Hz|W|V|A|Ω|ohms?|N|Pa|J|K|eV|Sv|F|C|Bq|cal|mol|T|L|s|S|m|H|Gy|Wh|Ah|Ci|rad|bar|pc|M)(?![a-zA-Z]))"
)
_ORDINAL = re.compile(r"\b\d+(?:st|nd|rd|th)\b")
_CUT = re.compile(r"\b((?:[kcmd]?m|ft|in|mi|yd))([23])\b")
_SPELT = re.compile(r"\b(?:yr|wk|hr|min|sec)s\b|\d kilos?\b|[a-z] an? |[a-z]\^-?[12]")
_SPELT_AS = (
    (re.compile(r"\b(yr|wk|hr|min|sec)s\b"), r"\1"),
    (re.compile(r"(?<=\d )kilos?\b"), "kg"),
    (re.compile(r"(?<=[a-z]) an? (?=hour\b|second\b|minute\b|day\b|year\b)"), " per "),
    (re.compile(r"(?<=[a-z]) s\^-([12])\b"), r"/s^\1"),
    (re.compile(r"(?<=s)\^1\b"), ""),
)
_SHORT = (
    (re.compile(r"(\d)\s?h(?:rs?|ours?)?\s?(\d+)\s?m(?:ins?)?$"), r"\1 h \2 min"),
    (re.compile(r"(\d) ?(?:ft|foot|feet) (\d+)$"), r"\1 ft \2 in"),
)
_AND_HALF = re.compile(r"^([\w-]+ and an? (?:half|quarter)) (?=[a-z])")
_HALF = re.compile(
    r"\b(an?|one|half an?|half) (hour|minute|day|week|month|year|century|decade|mile)( and a (half|quarter))?"
)
_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|circa|ca?\.|~|≈|the year|year|in|exactly|only)\s*"
)
_LABEL = re.compile(r"(?:no\.?|number|#)\s?(?=[\d,]+$)")
_COUNTS = "|".join(NUMBER_WORDS)
_BOUNDS = [
    (
        sign,
        re.compile(rf"(?:{'|'.join(re.escape(one.strip()) for one in names.split(' | '))})\s*(?=[-$€£.\d]|{_COUNTS})"),
    )
    for sign, names in reversed(TABLES["bounds"].items())
]
_AFTER = [
    (re.compile(r"\+|,? or (?:more|greater|above|higher|over)|,? and (?:above|over|up)"), "≥"),
    (re.compile(r",? or (?:less|fewer|below|under|lower)"), "≤"),
]
_OLDER = re.compile(
    r"\b(\d+) (?:years? (?:old|of age)(?: (?:or|and) (older|over|up|above|younger|under|below))?$"
    r"|(?:years? )?(?:or|and) (older|younger)$)"
)
_TO = re.compile(r"\s+(?:to|until|till|through|thru|and)\s+|\s*-\s*(?=[$€£¥]?[\da-z])")
_SCALED = re.compile(r"\d\s*([a-z]+)\b")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*(?::|-?to-?)\s*(\d+(?:\.\d+)?)")
_LONGEST = 80


class Value(NamedTuple):
    """What a text is worth."""

    kind: str
    """`number`, `percent`, `date`, `time` of a day, a currency, or the dimension of a unit."""
    value: Fraction
    """The amount; of a date its year, of a time its minute."""
    month: int = 0
    """Of a date; 0 where it says none."""
    day: int = 0

    def satisfies(self, gold: Value) -> bool:
        """Whether an answer of this value is right where the gold has another: what the gold says, it must say.

        >>> day, month = read_value("4 July 1776"), read_value("July 1776")
        >>> day.satisfies(month), month.satisfies(day)
        (True, False)
        """
        if gold.kind == "number" and self.kind == "date":
            return 1000 <= gold.value == self.value
        if gold.kind != "date":
            bare = "number" in (self.kind, gold.kind) and {self.kind, gold.kind} <= _MEASURED
            return (self.kind == gold.kind or bare) and self.value == gold.value
        if self.kind == "number":
            return not gold.month and self.value == gold.value
        pairs = ((gold.value, self.value), (gold.month, self.month), (gold.day, self.day))
        return self.kind == "date" and all(expected == said for expected, said in pairs if expected)


_MEASURED = frozenset((*TABLES["currencies"], "percent", "number"))
"""Kinds whose sign may be left out: `5` for `$5`."""
_NO_UNIT = "|".join(sorted({*TABLES["units"]["none"].split(), *map(re.escape, DIRECTIONS)}))
_MILLIONS = re.compile(r"(?<=^\d)M (?=[a-z])|(?<=\d\d)M (?=[a-z])|(?<=\.\d)M (?=[a-z])")
_THIN = re.compile(r"[1-9]\d{0,2} \d{3}")
_HALF_MILLION = re.compile(r"(.+ and an? (?:half|quarter)) (thousand|million|billion|trillion)")
_BEHIND = "in|on|at|from|by|with|for|after|before|since|during|until"  # a place or a time, and no unit
_COUNTED = re.compile(
    rf"(?:exactly )?(?P<count>[-+]?[\d,.]*\d(?:k(?= )| million(?= ))?|(?:an?|{_COUNTS}) dozen"
    rf"|(?:{_COUNTS})(?:[ -](?:{_COUNTS}))*)"
    rf"(?: in (?:total|all|number)|(?:\s+(?!(?:{_NO_UNIT}|{_BEHIND})(?![\w-]))[a-z][a-z'-]*){{1,3}})"
)


def same_value(said: str, gold: str, *, fuller: bool = True) -> bool:
    """Whether two texts are the same value; `fuller` says that a date may say more than its gold.

    >>> same_value("5000 m", "5 km"), same_value("6 feet 2 inches", "6'2\\""), same_value("5 points", "5")
    (True, True, True)
    >>> same_value("> 5", "< 5"), same_value("from 1861 to 1865", "1861-1865"), same_value("5", "5 km")
    (False, True, False)
    """
    if max(len(said), len(gold)) > 2 * _LONGEST:
        return False
    (bound, answer), (other, expected) = _bounded(said), _bounded(gold)
    if bound != other:
        return False
    value = read_value(expected)
    if value is not None:
        read = read_value(answer)
        if read is None and value.kind == "number" and _THIN.fullmatch(answer):
            read = read_value(answer.replace(" ", ""))  # 506 000, where the gold is one number
        if value.kind == "number" and (read is None or (read.kind not in _MEASURED and read.kind != "date")):
            counted = _COUNTED.fullmatch(
                (_MILLIONS.sub(" million ", answer) if "M " in answer else answer).lower().rstrip(".")
            )
            read = read_value(counted["count"]) if counted else read
        if "gbp" in (value.kind, read.kind if read else "") and "£" not in answer + expected:
            pounds = _quantity(answer), _quantity(expected)  # of weight
            if pounds[0] is not None and pounds[0] == pounds[1]:
                return True
        if "illion" in expected and answer[-1:] in "mb" and answer[:1].isdigit():
            amount = number(answer, letters=True)  # 18.8m, where millions are asked for
            read = read if amount is None or value.kind != "number" else Value("number", amount)
        if read is not None and read.satisfies(value):
            return fuller or read.kind != "date" or value.satisfies(read)
    if (ratio := _RATIO.fullmatch(expected)) and (match := _RATIO.fullmatch(answer)) and ":" in expected + answer:
        return match.groups() == ratio.groups()
    ends = _range(expected)
    return ends is not None and ends == _range(answer)


def same_case(said: str, gold: str) -> bool:
    """Whether two texts of the same words are no two values, as of 5 mW and 5 MW.

    >>> same_case("5 KM", "5 km"), same_case("5 mW", "5 MW")
    (True, False)
    """
    read, value = read_value(said), read_value(gold)
    if said == gold or (read is not None and value is not None):
        return said == gold or (read is not None and value is not None and read.satisfies(value))
    return _PREFIXED.findall(plain(said)) == _PREFIXED.findall(plain(gold))


def read_value(text: str) -> Value | None:
    """The value that a text is, or None.

    >>> read_value("$1.5 million"), read_value("2 hours and 30 minutes"), read_value("Room 5")
    (Value(kind='usd', value=Fraction(1500000, 1), month=0, day=0), Value(kind='s1', value=Fraction(9000, 1), month=0, day=0), None)
    """  # noqa: E501 - one result a line
    return _read(text) if 0 < len(text) <= _LONGEST else None


@lru_cache(maxsize=8_192)
def _read(text: str) -> Value | None:
    text = minus_in_words(_edged(text))
    while (
        (lead := _ABOUT.match(text.lower()))
        and lead.end() < len(text)
        and not text[lead.end() - 1 : lead.end()].isalpha()
    ):
        text = text[lead.end() :]
    low = _in_english(text).lower()
    label = _LABEL.match(low)
    read = _date(low) or _clock(low) or _percent(low) or _number_value(text[label.end() :] if label else text)
    return read or _money(low) or _quantity(text)


def _in_english(text: str) -> str:
    """A date in another language in English; any other text as it is."""
    if " " not in text:
        return text
    text = _BEFORE_CHRIST.sub(" bc", text) if text.endswith(("Chr", "C", "э", "C.", "Chr.")) else text
    match = _FOREIGN_DATE.fullmatch(text) if text[-1:].isdigit() or not text.isascii() or text[:1].isdigit() else None
    if match is None or not (match["day"] or (match["year"] and match["month"] not in ("Mars", "Mai"))):
        return text
    return " ".join(part for part in (match["day"], _FOREIGN[match["month"].lower()], match["year"]) if part)


def _bounded(text: str) -> tuple[str, str]:
    """The bound that a text says of a value, and the value's text."""
    text = _edged(text)
    text = _OLDER.sub(_age, text) if "old" in text or " of age" in text or "younger" in text else text
    low = text.lower()
    for sign, pattern in _BOUNDS:
        if match := pattern.match(low):
            return sign, text[match.end() :]
    if low[:1].isdigit() or low[:1] in "$€£":
        for pattern, sign in _AFTER:
            match = pattern.search(low)
            if match and match.end() == len(low):
                return sign, text[: match.start()]
            if match and low[match.end() : match.end() + 1] == " ":
                return sign, text[: match.start()] + text[match.end() :]
    return "", text


def _edged(text: str) -> str:
    """A text in plain characters, without what stands around it; the point of .05 stays."""
    text = " ".join(plain(text).split())
    if text[:1].isalnum() and text[-1:].isalnum():
        return text
    text = text.strip(" 。,;:!").rstrip(" .。,;:!")
    return text if text[:1] == "." and text[1:2].isdigit() else text.lstrip(" .")


def _age(match: re.Match[str]) -> str:
    """An age as a bound of years: 18 or older, 18 years old or over."""
    word = match[2] or match[3]
    side = "" if not word else " or more" if word in ("older", "over", "up", "above") else " or less"
    return f"{match[1]} years{side}"


def _range(text: str) -> tuple[Value, Value] | None:
    """The two ends of a range: 1861 to 1865, 1861-65, 5-10 km, between $5 and $10 million."""
    if len(text) > _LONGEST:
        return None
    low = re.sub(r"^(?:from|between) ", "", text)
    for match in _TO.finditer(low):
        if match[0].strip() == "and" and not text.startswith("between "):
            continue
        left, right = low[: match.start()], low[match.end() :]
        if re.fullmatch(r"\d{4}", left) and re.fullmatch(r"\d\d", right) and right > left[2:]:
            right = left[:2] + right
        scale = _SCALED.search(right.lower())
        if scale and scale[1] in _SCALES and left[-1:].isdigit():
            left = f"{left} {scale[1]}"  # five to ten million
        if left[:1] in "$€£¥" and right[:1].isdigit():
            right = left[:1] + right
        first, last = read_value(left), read_value(right)
        if first is not None and last is not None and first.kind == "number" != last.kind:
            amount = re.search(r"[\d.,]*\d", right)
            first = read_value(f"{right[: amount.start()]}{left}{right[amount.end() :]}") if amount else None
        if first is not None and last is not None and first.kind == last.kind:
            return first, last
    return None


def number(text: str, *, letters: bool = False) -> Fraction | None:
    """A number in digits or in English words, with a scale or not; `letters` says that k, m and b are scales.

    >>> number("1,234.5"), number("3 million"), number("twenty-one"), number("1,23"), number("minus 3 x 10^2")
    (Fraction(2469, 2), Fraction(3000000, 1), Fraction(21, 1), None, Fraction(-300, 1))
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _in_words(text) if text[:1].isalpha() and len(text) <= 60 else None
    scale = match["scale"] or ""
    power = 0 if not scale else _SCALES.get(scale) if len(scale) > 1 or letters or scale in "万亿" else None
    dozens = scale in ("dozen", "dozens")
    power = 0 if dozens else power
    over = int(match["over"] or 1)
    digits = match["digits"].replace(",", "").replace(" ", "")
    if power is None or not over or len(digits) > 40 or (digits[:2] == "00" and re.match(r"00+\d", digits)):
        return None
    digits = digits.replace(".", "") if digits.count(".") > 1 else digits
    amount = Fraction(digits)
    if over > 1 or match["whole"] or dozens:
        amount = (amount / over + int(match["whole"] or 0)) * (12 if dozens else 1)
    if power or match["power"]:
        amount *= Fraction(10) ** (power + int(match["power"] or 0))
    return -amount if match["sign"] not in (None, "+") else amount


def _in_words(text: str) -> Fraction | None:
    """A number in words: `minus five`, `half a million`, `two and a half`, `a dozen`."""
    for sign in ("minus ", "negative "):
        if text.startswith(sign):
            amount = _in_words(text.removeprefix(sign))
            return None if amount is None else -amount
    if " and a" in text and (match := _HALF_MILLION.fullmatch(text)):
        amount = _in_words(match[1])
        return None if amount is None else amount * 10 ** _SCALES[match[2]]
    if " " not in text:
        return Fraction(1, 2) if text == "half" else Fraction(12) if text == "dozen" else spelled_number(text)
    text = re.sub(r"^(?:half|one half of) an? (?=\w)", "half ", text)
    text = re.sub(r"^an? (?=half|quarter|third|dozen|hundred|thousand|million|billion|trillion)", "one ", text)
    whole, _, part = re.sub(r" and an? (half|quarter|third)$", r" & one \1", text).partition(" & ")
    half = whole.startswith("half ")
    whole = whole.removeprefix("half ")
    dozens = whole == "dozen" or whole.endswith(" dozen")
    whole = (whole.removesuffix("dozen").strip() or "one") if dozens else whole
    if half and " " not in whole and whole in ("hundred", "thousand", "million", "billion", "trillion"):
        whole = f"one {whole}"
    amount = Fraction(1, 2) if whole == "half" else spelled_number(whole)
    rest = spelled_number(part) if part else Fraction(0)
    if amount is None or rest is None:
        return None
    return (amount + rest) * (12 if dozens else 1) / (2 if half else 1)


def _number_value(text: str) -> Value | None:
    if text[-1:] == "N" and re.search(r"\d\s?[mM]N$", text):
        return None  # newtons
    letters = (
        text[-1:] in ("k", "K", "M", "B") and re.search(r"\d(?:[kK]|\s?[MB])$", text) is not None
    )  # 12K; `300 K` are kelvin
    amount = number(text.lower(), letters=letters)
    return None if amount is None else Value("number", amount)


def _percent(text: str) -> Value | None:
    for sign in ("%", "percent", "per cent", "pct"):
        if text.endswith(sign):
            amount = number(re.sub(r" (?:of )?an?$", "", text.removesuffix(sign).rstrip(" -")))
            return None if amount is None else Value("percent", amount)
    return None


def _money(text: str) -> Value | None:
    sign = text[:1] if text[:1] == "-" else ""
    text = _AND_CENTS.sub(r"\1.\3 \2", text) if text.endswith(("cents", "pence")) else text
    match = _MONEY.fullmatch(text.removeprefix(sign).strip())
    if match is None or not (match["before"] or match["after"]):
        return None
    kinds = {_CODES[one] for one in (match["before"], match["after"]) if one}
    amount = number(match["amount"], letters=True)
    if amount is None or len(kinds) > 1:
        return None
    (kind,) = kinds
    if kind in ("cents", "pence"):
        kind, amount = "usd" if kind == "cents" else "gbp", amount / 100
    return Value(kind, -amount if sign else amount)


def _quantity(text: str) -> Value | None:
    """A number with a unit, or several that are added up: 5 km, 6'2", 2 hours and 30 minutes."""
    if _ORDINAL.search(text):
        return None  # the 19th century lasts no 19 centuries
    negative = re.match(r"(?:minus |negative )", text, re.IGNORECASE)
    text = text[negative.end() :] if negative else text
    if text[:1].isalpha() or " and a " in text:
        text = digits_for_words(text)
        if match := _AND_HALF.match(text):
            amount = _in_words(match[1])
            text = f"{float(amount):g} {text[match.end() :]}" if amount is not None else text
        text = _HALF.sub(_half_amount, text)
    if _SPELT.search(text):
        for pattern, written in _SPELT_AS:
            text = pattern.sub(written, text)
    for pattern, written in _SHORT if text[-1:].isdigit() or text[-1:] in "mns" else ():
        text = pattern.sub(written, text)
    text = text.replace("Ω", "ohm").replace("kilohm", "kiloohm").replace("megohm", "megaohm")
    text = _FEET.sub(lambda match: f"{match[1]} ft {match[2] or 0} in", text) if "'" in text else text
    text = _INCHES.sub(r"\1 in", text) if '"' in text else text
    if "°" in text or "deg" in text.lower():
        text = _DEGREES.sub(lambda match: f" deg{match[1].upper()}" if match[1] else " arcdegree", text)
    text = _CUT.sub(r"\1^\2", text) if "2" in text or "3" in text else text
    at, total, kinds = 0, Fraction(0), set[str]()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or len(part["unit"]) > 40:
            return None
        amount = number(part["count"])
        size = unit(" ".join(re.sub(r"([/^])", r" \1 ", part["unit"].replace("-", " ")).split()))
        angle = part["unit"].lower() in ("arcdegree", "degree", "degrees")
        if amount is None or not (angle or (size.powers and not size.words and not size.directions)):
            return None
        kinds.add("arcdegree" if angle else " ".join(f"{base}{power}" for base, power in size.powers))
        total += abs(amount) * (1 if angle else size.factor)
        negative = negative or (part if amount < 0 and not at else None)
        at = part.end()
    return Value(kinds.pop(), -total if negative else total) if len(kinds) == 1 else None


def _half_amount(match: re.Match[str]) -> str:
    count = (0.5 if match[1].startswith("half") else 1) + {"half": 0.5, "quarter": 0.25}.get(match[4] or "", 0)
    return f"{count:g} {match[2]}"


def _clock(text: str) -> Value | None:
    """A time of the day; three o'clock in the afternoon is not known from three o'clock at night."""
    if text in ("noon", "midday", "midnight", "12 noon", "12 midnight"):
        return Value("time", Fraction(0 if text.endswith("midnight") else 720))
    match = _CLOCK.fullmatch(text)
    if match is None or not (match["half"] or match["clock"] or (match["minute"] and ":" in text)):
        return None
    zone = _ZONES.get(match["zone"] or "")
    if match["zone"] and zone is None:
        return None
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"] and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if match["half"] == "p" else 0) if match["half"] else hour
    return Value(f"time {zone}" if zone else "time", Fraction(60 * hour + minute))


def _date(text: str) -> Value | None:
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        if match is not None:
            return _checked(match.groupdict())
    return None


def _checked(parts: Mapping[str, str | None]) -> Value | None:
    month = _MONTHS[parts["month"][:3]] if parts.get("month") else int(parts.get("number") or 0)  # type: ignore[index]  # checked
    day, year = int(parts.get("day") or 0), int(parts.get("year") or 0)
    one, two = int(parts.get("one") or 0), int(parts.get("two") or 0)
    if one:
        if (one > 12) == (two > 12) and one != two:
            return None  # which of them is the month?
        month, day = (two, one) if one > 12 else (one, two)
    if month > 12 or day > 31 or (parts.get("one") and not day):
        return None
    return Value("date", Fraction(-year if "b" in (parts.get("era") or "") else year), month, day)
