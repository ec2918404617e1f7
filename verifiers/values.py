"""Short answers by value: numbers, money, percentages, durations and dates as people write them.

A text is a value only as a whole, so that `Paris 2024` is none. Fractions hold every number exactly. What it does not
do: guess. `04/07/1776` may be a day of April or of July, and is no date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_NAMES = "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? aug(?:ust)? sept?(?:ember)? oct(?:ober)?"
_NAMES += " nov(?:ember)? dec(?:ember)?"
_MONTHS = {name[:3]: at for at, name in enumerate(_NAMES.split(), 1)}
_MONTH = rf"(?P<month>{'|'.join(_NAMES.split())})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{3,4})(?P<era>\s*(?:bce?|ad|ce))?"
_GAP = r"(?:\s*,\s*|\s+)"
_DATES = [
    re.compile(rf"(?:on |in )?{pattern}")
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<number>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<year>\d{4})年(?:(?P<number>\d{1,2})月(?:(?P<day>\d{1,2})[日号])?)?",
        rf"{_MONTH}\s+(?:the\s+)?{_DAY}(?:{_GAP}{_YEAR})?",
        rf"(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}(?:{_GAP}{_YEAR})?",
        rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}",
        r"(?P<one>\d{1,2})[-/.](?P<two>\d{1,2})[-/.](?P<year>\d{4})",
        r"(?:the\s+)?(?:year\s+)?(?P<year>\d{1,4})(?P<era>\s*(?:bce?|ad|ce))",
    )
]
_SCALES = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "mn": 6, "m": 6, "billion": 9, "bn": 9, "b": 9}
_SCALES |= {"trillion": 12, "tn": 12, "万": 4, "亿": 8}
_NUMBER = re.compile(
    r"(?P<sign>[-+−–]?)\s?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<over>/\d+)?\s*(?P<scale>[a-z万亿]+)?"
)
_CURRENCY_NAMES = {
    "usd": "$|us$|usd|dollar|dollars|us dollars|u.s. dollars",
    "eur": "€|eur|euro|euros",
    "gbp": "£|gbp|pound|pounds",
    "jpy": "¥|jpy|yen",
    "cny": "cny|rmb|yuan|元",
    "inr": "₹|inr|rs|rupee|rupees",
    "aud": "a$|aud",
    "cad": "c$|cad",
    "chf": "chf",
    "krw": "₩|krw|won",
    "cents": "cent|cents|¢",
}
_SIGNS = {name: code for code, names in _CURRENCY_NAMES.items() for name in names.split("|")}
_SIGN = "|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))
_MONEY = re.compile(rf"(?P<before>{_SIGN})?\s*(?P<amount>[^$€£¥₹₩¢]+?)\s*(?P<after>{_SIGN})?")
_SECONDS = {"second": 1, "sec": 1, "s": 1, "minute": 60, "min": 60, "hour": 3_600, "hr": 3_600, "h": 3_600}
_SECONDS |= {"day": 86_400, "week": 604_800, "秒": 1, "分钟": 60, "小时": 3_600, "天": 86_400}
_MONTH_COUNTS = {
    "month": 1,
    "year": 12,
    "yr": 12,
    "decade": 120,
    "century": 1_200,
    "centurie": 1_200,
    "个月": 1,
    "年": 12,
}
_UNITS = r"seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|yrs?|decades?|centur(?:y|ies)"
_SPAN = re.compile(
    r"\s*(?:and\s+|,\s*)?(?P<count>[\d.,/]+|[a-z]+(?:[\s-](?!and)[a-z]+)??(?=[\s-]))[\s-]*"
    rf"(?P<unit>(?:{_UNITS})\b|秒|分钟|小时|天|个月|年)\.?"
)
_LONGEST = 80


class Value(NamedTuple):
    """What a text comes to."""

    kind: str
    """`number`, `percent`, `date`, `seconds`, `months`, or a currency."""
    value: Fraction
    """The amount; of a date its year."""
    month: int = 0
    """Of a date; 0 where it says none."""
    day: int = 0

    def meets(self, gold: Value) -> bool:
        """Whether an answer of this value is right where the gold has another: what the gold says, it must say.

        >>> day, month = read_value("4 July 1776"), read_value("July 1776")
        >>> day.meets(month), month.meets(day)
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
        return self.kind == "date" and all(wanted == said for wanted, said in pairs if wanted)


_MEASURED = frozenset((*_CURRENCY_NAMES, "percent", "number"))
"""Kinds whose sign may be left out: `5` for `$5`."""


def read_value(text: str) -> Value | None:
    """The value that a text is, or None.

    >>> read_value("$1.5 million"), read_value("2 hours and 30 minutes"), read_value("Room 5")
    (Value(kind='usd', value=Fraction(1500000, 1), month=0, day=0), Value(kind='seconds', value=Fraction(9000, 1), month=0, day=0), None)
    """  # noqa: E501 - one result a line
    text = " ".join(text.lower().split()).strip(" .。,;:!")
    for lead in ("about ", "approximately ", "in ", "the year ", "year "):
        text = text.removeprefix(lead)
    return _read(text) if 0 < len(text) <= _LONGEST else None


@lru_cache(maxsize=4_096)
def _read(text: str) -> Value | None:
    return _date(text) or _percent(text) or _number_value(text) or _money(text) or _duration(text)


def number(text: str, *, letters: bool = False) -> Fraction | None:
    """A number in digits or in English words, with a scale or not; `letters` says that k, m and b are scales.

    >>> number("1,234.5"), number("3 million"), number("twenty-one"), number("1,23")
    (Fraction(2469, 2), Fraction(3000000, 1), Fraction(21, 1), None)
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        if not text[:1].isalpha() or len(text) > 60:
            return None
        from .math.words import spelled_number

        return spelled_number(text)
    scale = found["scale"] or ""
    power = _SCALES.get(scale) if len(scale) > 1 or letters or scale in "万亿" else None
    power = power if scale else 0
    over = int((found["over"] or "/1")[1:])
    if power is None or not over or len(found["digits"]) > 40:
        return None
    amount = Fraction(found["digits"].replace(",", "")) / over * Fraction(10) ** int(power)
    return -amount if found["sign"] not in ("", "+") else amount


def _number_value(text: str) -> Value | None:
    amount = number(text)
    return None if amount is None else Value("number", amount)


def _percent(text: str) -> Value | None:
    for sign in ("%", "percent", "per cent"):
        if text.endswith(sign):
            amount = number(text.removesuffix(sign).strip())
            return None if amount is None else Value("percent", amount)
    return None


def _money(text: str) -> Value | None:
    sign = text[:1] if text[:1] in "-−" else ""
    found = _MONEY.fullmatch(text.removeprefix(sign))
    if found is None or not (found["before"] or found["after"]):
        return None
    kinds = {_SIGNS[one] for one in (found["before"], found["after"]) if one}
    amount = number(found["amount"], letters=True)
    if amount is None or len(kinds) > 1:
        return None
    (kind,) = kinds
    if kind == "cents":
        kind, amount = "usd", amount / 100
    return Value(kind, -amount if sign else amount)


def _duration(text: str) -> Value | None:
    at, total, kinds = 0, Fraction(0), set()
    while at < len(text):
        part = _SPAN.match(text, at)
        if part is None:
            return None
        unit = part["unit"] if part["unit"] in ("s", "h") else part["unit"].removesuffix("s")
        amount = Fraction(1) if part["count"] in ("a", "an", "one") else number(part["count"])
        table: Mapping[str, int] = _SECONDS if unit in _SECONDS else _MONTH_COUNTS
        if amount is None or unit not in table:
            return None
        kinds.add("seconds" if table is _SECONDS else "months")
        total += amount * table[unit]
        at = part.end()
    return Value(kinds.pop(), total) if len(kinds) == 1 else None


def _date(text: str) -> Value | None:
    for pattern in _DATES:
        found = pattern.fullmatch(text)
        if found is not None:
            return _checked(found.groupdict())
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
