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

from .vocabulary import sizes, spellings

Powers = tuple[tuple[str, int], ...]


class Size(NamedTuple):
    """What a unit is: its dimension as powers of bases, and how many of those it holds."""

    powers: Powers
    factor: Fraction


_PREFIXES = sizes("prefixes")
_PREFIX_NAMES = sizes("prefix names")
_ALIASES = spellings("unit aliases")
CHINESE = spellings("chinese units")
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
    size = _by_symbol(word)
    if size is not None:
        return size
    low = word.lower().rstrip(".")
    for name in (low, low.removesuffix("s"), low.removesuffix("es")):
        size = _by_name(name)
        if size is not None:
            return size
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
