"""Units of measurement by their spellings: SI symbols with prefixes, names, and what has a fixed size in them.

A unit is a factor and the powers of base dimensions that it stands for. Symbols keep their case (mW is not MW, S is
not s); names do not. Sizes are exact where the SI or the US code defines them (BIPM, The International System of
Units, 9th edition; NIST SP 811); a unit without such a size (a currency, a year, a month) is a dimension of its own.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

Powers = tuple[tuple[str, int], ...]


class Size(NamedTuple):
    """What a unit is: its dimension as powers of bases, and how many of those it holds."""

    powers: Powers
    factor: Fraction


_PREFIXES = {
    "Q": 30, "R": 27, "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1,
    "c": -2, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_PREFIX_NAMES = {
    "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6, "kilo": 3, "hecto": 2, "deca": 1, "deci": -1,
    "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15, "atto": -18,
}  # fmt: skip
_ALIASES = {
    "Å": "angstrom", "AA": "angstrom", "Ω": "ohm", "Omega": "ohm", "kmol": "kmol", "KWh": "kWh", "kwh": "kWh",
    "Kg": "kg", "KG": "kg", "KM": "km", "Km": "km", "CM": "cm", "Hr": "hour", "hrs": "hour", "secs": "second",
    "mins": "minute", "kms": "km", "kgs": "kg", "cms": "cm", "ml": "ml", "°C": "degC",
    "°F": "degF", "inches": "inch", "moles": "mole", "KPa": "kPa", "kpa": "kPa", "hz": "Hz", "khz": "kHz",
    "kHZ": "kHz", "KHz": "kHz", "mhz": "MHz", "Mhz": "MHz", "ev": "eV", "tons": "ton", "usd": "USD", "rads": "rad",
    "Atm": "atm", "db": "dB", "DB": "dB", "Mph": "mph", "MPH": "mph", "RPM": "rpm",
}  # fmt: skip
CHINESE = {
    "元": "yuan", "美元": "dollar", "欧元": "euro", "分钟": "minute", "分": "fen", "小时": "hour", "秒": "second",
    "秒钟": "second", "天": "day", "周": "week", "个月": "month", "月": "month", "年": "year", "米": "m", "厘米": "cm",
    "毫米": "mm", "分米": "dm", "千米": "km", "公里": "km", "克": "g", "千克": "kg", "公斤": "kg", "毫克": "mg",
    "吨": "tonne", "升": "L", "毫升": "ml", "公顷": "ha", "平方米": "m^2", "平方厘米": "cm^2", "平方分米": "dm^2",
    "平方千米": "km^2", "平方公里": "km^2", "立方米": "m^3", "立方厘米": "cm^3", "立方分米": "dm^3", "牛": "N",
    "牛顿": "N", "焦": "J", "焦耳": "J", "瓦": "W", "千瓦": "kW", "伏": "V", "安": "A", "欧": "ohm", "度": "degrees",
    "弧度": "rad", "摄氏度": "degC", "米每秒": "m / s", "千米每小时": "km / h",
    "平方单位": "square-unit", "单位": "unit",
}  # fmt: skip
"""Units in Chinese, spelled as phrases of the others."""


def _read_table() -> tuple[dict[str, Size], dict[str, Size], frozenset[str], frozenset[str]]:
    symbols: dict[str, Size] = {}
    by_name: dict[str, Size] = {}
    prefixed: set[str] = set()
    prefixed_names: set[str] = set()
    for line in Path(__file__).with_name("units.txt").read_text(encoding="utf-8").splitlines()[1:]:
        spelled, called, factor, *dimension = line.split()
        powers: dict[str, int] = {}
        for part in dimension:
            base, _, power = part.partition("^")
            powers[base] = int(power or 1)
        size = Size(tuple(sorted(powers.items())), Fraction(factor))
        for symbol in spelled.rstrip("*").split(","):
            if symbol != "-":
                symbols[symbol] = size
                if spelled.endswith("*"):
                    prefixed.add(symbol)
        for name in called.split(","):
            if name != "-":
                by_name[name] = size
                if spelled.endswith("*"):
                    prefixed_names.add(name)
    return symbols, by_name, frozenset(prefixed), frozenset(prefixed_names)


_SYMBOLS, _NAMES, _PREFIXED, _PREFIXED_NAMES = _read_table()


@lru_cache(maxsize=2048)
def lookup(word: str) -> Size | None:
    """The unit that a word names, symbols by their case; None for what is no known unit.

    >>> lookup("mW").factor, lookup("MW").factor, lookup("kilometers").factor
    (Fraction(1, 1000), Fraction(1000000, 1), Fraction(1000, 1))
    """
    word = _ALIASES.get(word, word)
    found = _by_symbol(word)
    if found is not None:
        return found
    low = word.lower().rstrip(".")
    for name in (low, low.removesuffix("s"), low.removesuffix("es")):
        found = _by_name(name)
        if found is not None:
            return found
    return _by_symbol(word[:-1]) if word.endswith(".") else None


def _by_symbol(word: str) -> Size | None:
    if word in _SYMBOLS:
        return _SYMBOLS[word]
    for length in (1, 2):
        if word[length:] in _PREFIXED and word[:length] in _PREFIXES:
            powers, factor = _SYMBOLS[word[length:]]
            return Size(powers, factor * Fraction(10) ** _PREFIXES[word[:length]])
    return None


def _by_name(name: str) -> Size | None:
    if name in _NAMES:
        return _NAMES[name]
    for prefix, power in _PREFIX_NAMES.items():
        if name.startswith(prefix) and name[len(prefix) :] in _PREFIXED_NAMES:
            powers, factor = _NAMES[name[len(prefix) :]]
            return Size(powers, factor * Fraction(10) ** power)
    return None


def is_symbol(word: str) -> bool:
    """Whether a word is a unit's symbol, with its prefix, in this case."""
    return _by_symbol(_ALIASES.get(word, word)) is not None
