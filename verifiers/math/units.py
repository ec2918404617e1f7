"""Units of measurement: what a phrase behind a number means, and how two of them compare."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_TABLE: dict[str, tuple[str, Fraction]] = {}


def _define(base: str, **units: str) -> None:
    for spellings, factor in units.items():
        for spelling in spellings.split("__"):
            _TABLE[spelling] = (base, Fraction(factor))


_define(
    "length", m__meter__metre="1", cm__centimeter__centimetre="1/100", mm__millimeter__millimetre="1/1000",
    km__kilometer__kilometre="1000", nm__nanometer="1/1000000000", inch="254/10000", ft__foot__feet="3048/10000",
    yd__yard="9144/10000", mile__mi="1609344/1000", dm__decimeter="1/10",
)  # fmt: skip
_define(
    "time", s__sec__second="1", min__minute="60", h__hr__hour="3600", day="86400", week="604800", ms="1/1000"
)  # fmt: skip
_define("years", year__yr="1")
_define("months", month="1")
_define("mass", kg__kilogram="1", g__gram="1/1000", mg__milligram="1/1000000", tonne="1000")
_define("pounds", lb__pound="1", oz__ounce="1/16")
_define("volume", l__liter__litre="1", ml__milliliter__millilitre="1/1000")
_define("volume-us", gallon__gal="1", quart__qt="1/4")
_define("dollar", dollar__usd__buck="1", cent="1/100", penny__pennie="1/100", dime="1/10", nickel="1/20")
_define("force", n__newton="1", kn="1000")
_define("energy", j__joule="1", kj="1000")
_define("power", w__watt="1", kw="1000")
_define("angle", radian__rad="1")
_define("frequency", hz__hertz="1", khz="1000")
_COMPOUND = {"mph": "mile / hour", "kph": "km / hour", "kmh": "km / hour", "fps": "feet / second"}
_IGNORED = frozenset(
    "unit the a an of in is total exactly approximately about old long tall wide high away per-unit each only"
    " whole more altogether left st nd rd th time".split()
)
_SQUARE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


class Unit(NamedTuple):
    """A product of powers of base units, the factor that carries it there, and words that are no known unit."""

    powers: tuple[tuple[str, int], ...]
    factor: Fraction
    words: frozenset[str]

    @property
    def says_nothing(self) -> bool:
        """Whether the phrase is void: "units", "in total"."""
        return not self.powers and not self.words


@lru_cache(maxsize=1024)
def unit(phrase: str) -> Unit:
    """Read a phrase of words, `/`, `^` and numbers, separated by spaces.

    >>> unit("miles / hour") == unit("mph")
    True
    """
    powers: dict[str, int] = {}
    factor = Fraction(1)
    words: set[str] = set()
    parts = _expanded(phrase)
    sign, prefix, index = 1, 1, 0
    while index < len(parts):
        part = parts[index]
        index += 1
        if part in ("/", "per"):
            sign = -1
            continue
        if part in _SQUARE:
            prefix = _SQUARE[part]
            continue
        if not part[0].isalpha():
            continue
        exponent = prefix * sign
        if index + 1 < len(parts) and parts[index] == "^" and parts[index + 1].lstrip("-").isdigit():
            exponent = int(parts[index + 1][:3]) * sign
            index += 2
        prefix = 1
        known = _lookup(part)
        if known is None:
            word = part.lower()
            word = word if len(word) < 4 or not word.endswith("s") else word[:-1]
            if word not in _IGNORED and part.lower() not in _IGNORED:
                words.add(word)
            continue
        base, scale = known
        if abs(exponent) <= 6:
            powers[base] = powers.get(base, 0) + exponent
            factor *= scale**exponent
    return Unit(tuple(sorted((base, power) for base, power in powers.items() if power)), factor, frozenset(words))


def _expanded(phrase: str) -> list[str]:
    parts: list[str] = []
    for part in phrase.split():
        parts.extend(_COMPOUND.get(part.lower(), part).split())
    return parts


def _lookup(word: str) -> tuple[str, Fraction] | None:
    low = word.lower().rstrip(".")
    if low == "in":
        return _TABLE["inch"]
    if low in _TABLE:
        return _TABLE[low]
    for ending, kept in (("es", 2), ("s", 1)):
        if low.endswith(ending) and low[:-kept] in _TABLE and len(low) > 2:
            return _TABLE[low[:-kept]]
    return None


def conversion(gold: str, answer: str) -> Fraction | None:
    """What to multiply the answer's number by to have it in the gold's unit; None where the units disagree.

    >>> conversion("m", "cm"), conversion("m", "seconds") is None, conversion("apples", "")
    (Fraction(1, 100), True, Fraction(1, 1))
    """
    mine, other = unit(gold), unit(answer)
    if mine.says_nothing or other.says_nothing:
        return Fraction(1)
    if mine.powers and other.powers:
        return other.factor / mine.factor if mine.powers == other.powers else None
    if mine.powers or other.powers:
        return None
    return Fraction(1) if mine.words <= other.words or other.words <= mine.words else None
