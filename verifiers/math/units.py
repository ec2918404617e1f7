"""What a phrase behind a number means as a unit, and how two of them compare.

A unit that is known is a factor and a dimension; one that is not (apples, people) must be equal, with its exponent and
in any order of the factors. Words that turn a number round or aside (loss, below, late, west) are part of what it
says: they are never dropped.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .unit_table import CHINESE, Powers, lookup
from .vocabulary import spellings, word_set

_VOID = word_set("void")
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_AFTERWARDS = frozenset({"squared", "cubed"})
DIRECTIONS = word_set("directions")
"""Words that change what a number says: one side may not drop them."""
_SAME_DIRECTION = spellings("same directions")
_PLURALS = {"people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "feet": "foot"}
_ONLY_SEVERAL = frozenset("roots zeros factors divisors multiples squares cubes powers".split())
"""Things that are counted in the plural; in the singular they are what is done to a number."""
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_POWER = r"(?:\}?\s?\$?\^\s?\{?-?\d\}?|[²³]|\s(?:squared|cubed)\b)?"
_MEASURE = rf"(?:(?:square|cubic|sq|cu)\.?\s)?(?:[A-Za-zµ]+|[\u4e00-\u9fff]+){_POWER}"
_BEHIND = re.compile(
    r"(?:\\[,;:! )\]]|[ \t$~*]){0,12}(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*)?"
    rf"(?P<unit>\\?%|{_MEASURE}(?:(?:\s?/\s?|\sper\s|\s?(?:·|\\cdot)\s?){_MEASURE}){{0,2}})"
)
_WORD = re.compile(r"[A-Za-zµ\u4e00-\u9fff]+")
_ENDS = re.compile(r"\s*(?:[.,;:!?)\]}*$。\uff0c\uff1b]|\\[)\]]|$)")
_GOES_ON = re.compile(r"[\s$}]*(?:(?:per|a|an|each|every)\b|[/^\d]|and \$?\d)")
_JOINS = frozenset("square cubic sq cu per squared cubed cdot".split())
_TIMES = frozenset("hundred thousand million billion trillion dozen lakh crore 百 千 万 亿".split())
"""Words that multiply the number before them."""
_NO_MEASURE = frozenset("in as am us mo pm second units unit bar mole cal gal rad 分 度 角 单位".split())
"""Words that mostly mean something else behind a number, though a unit is spelled so."""
_PART = re.compile(r"\^|/|\*|\(|\)|-?\d+|[^\s^/*()]+")


def unit_behind(text: str, at: int = 0) -> tuple[str, int]:
    r"""The unit of measurement behind a number in prose, and where it ends; nothing where more than that is said.

    Only known units and multipliers ("million") count: "apples" do not, and neither does "dollars per ticket".

    >>> unit_behind("$ square feet."), unit_behind(" dollars per ticket"), unit_behind(r"\text{ km/h}")
    (('square feet', 13), ('', 0), ('km/h', 11))
    """
    match = _BEHIND.match(text, at)
    if match is None:
        return "", at
    phrase = match["unit"]
    words = [word for word in _WORD.findall(phrase) if word not in _JOINS]
    if not (words or "%" in phrase) or any(
        word in _NO_MEASURE or not (lookup(word) or word in CHINESE or word in _TIMES) for word in words
    ):
        return "", at
    short = len(words) == 1 and len(words[0]) == 1 and words[0].isascii()  # m may be a name, or a word
    if _GOES_ON.match(text, match.end()) or (short and not _ENDS.match(text, match.end())):
        return "", at
    return phrase.replace("$", "").replace("}^", "^").replace("\\cdot", "*"), match.end()


class Unit(NamedTuple):
    """A product of powers of base units, the factor that carries it there, and words that are no known unit."""

    powers: Powers
    factor: Fraction
    words: Powers
    """Words that are no known unit, with their exponents."""
    directions: frozenset[str]
    """Words that the number must have."""
    ambiguous: bool = False
    """Whether a factor stands behind a denominator without brackets: J/kg·K."""

    @property
    def says_nothing(self) -> bool:
        """Whether the phrase is void: "in total"."""
        return not self.powers and not self.words and not self.directions


@lru_cache(maxsize=2048)
def unit(phrase: str) -> Unit:
    """Read a phrase of words, `/`, `^` and numbers, separated by spaces.

    >>> unit("miles / hour").factor == unit("mph").factor, unit("kJ / K").words
    (True, ())
    """
    known: dict[str, int] = {}
    words: dict[str, int] = {}
    directions: set[str] = set()
    factor = Fraction(1)
    parts = _parts(phrase)
    sign, prefix, index = 1, 1, 0
    below, grouped, ambiguous = 0, False, False
    last: tuple[str, int] | None = None
    while index < len(parts):
        part = parts[index]
        index += 1
        if part in ("/", "per", "each/"):
            sign, below = -1, 0 if part == "/" else -99
            continue
        if part in ("(", ")"):
            grouped, sign = part == "(", sign if part == "(" else 1
            continue
        if part == "*":
            continue
        low = part.lower().rstrip(".") if len(part) > 2 else part
        if low in _AFTERWARDS and last is not None and last[0] in words:
            words[last[0]] += last[1] * (_POWERS[low] - 1)
            continue
        if low in _AFTERWARDS:
            directions.add(low)  # 5 squared: it is not 5
            continue
        if low in _POWERS:
            prefix = _POWERS[low]
            continue
        if not part[0].isalpha() and part[0] not in "°µ":
            words[part] = words.get(part, 0) + 1  # a sign that nobody reads: it must be on both sides
            continue
        exponent = prefix * sign
        if index + 1 < len(parts) and parts[index] == "^" and parts[index + 1].lstrip("-").isdigit():
            exponent = int(parts[index + 1][:3]) * sign
            index += 2
        elif index < len(parts) and parts[index].lower() in _AFTERWARDS:
            exponent = _POWERS[parts[index].lower()] * sign
            index += 1
        prefix = 1
        if low.lower() in DIRECTIONS:
            directions.add(_SAME_DIRECTION.get(low.lower(), low.lower()))
            continue
        size = lookup(part) if abs(exponent) <= 12 else None
        if size is None or (part == "in" and exponent == 1 and index < len(parts)) or (part == "a" and len(parts) > 1):
            word = _singular(part)
            if word not in _VOID:
                words[word] = words.get(word, 0) + exponent
                last = (word, exponent)
            continue
        below += sign < 0
        ambiguous |= below > 1 and not grouped
        for base, power in size.powers:
            known[base] = known.get(base, 0) + power * exponent
        factor *= size.factor**exponent
    if prefix != 1:
        words["square"] = prefix  # of nothing
    return Unit(_sorted(known), factor, _sorted(words), frozenset(directions), ambiguous)


def _sorted(powers: dict[str, int]) -> Powers:
    return tuple(sorted((base, power) for base, power in powers.items() if power))


def _singular(word: str) -> str:
    low = word.lower().rstrip(".") if len(word) > 2 else word
    low = _PLURALS.get(low, low)
    if low in _ONLY_SEVERAL:
        return low
    if len(low) > 3 and low.endswith("ies"):
        return low[:-3] + "y"
    if len(low) > 4 and low.endswith(("ches", "shes", "xes", "sses")):
        return low[:-2]
    return low[:-1] if len(low) > 3 and low.endswith("s") and not low.endswith("ss") else low


def _parts(phrase: str) -> list[str]:
    parts: list[str] = []
    for part in _PART.findall(phrase):
        if _HAN.fullmatch(part):
            part = part.removeprefix("个") if part != "个月" else part
            if not part:
                continue
            parts.extend(_PART.findall(CHINESE.get(part, part)))
        else:
            parts.append(part)
    return parts


def conversion(gold: str, answer: str) -> Fraction | None:
    """What to multiply the answer's number by to have it in the gold's unit; None where the units disagree.

    >>> conversion("m", "cm"), conversion("m", "seconds") is None, conversion("apples", "")
    (Fraction(1, 100), True, Fraction(1, 1))
    >>> conversion("kJ / mol", "kJ / K") is None, conversion("dollars profit", "dollars") is None
    (True, True)
    """
    mine, other = unit(gold), unit(answer)
    if mine.directions != other.directions or (other.ambiguous and gold and not mine.ambiguous):
        return None
    if mine.says_nothing or other.says_nothing or not gold or not answer:
        # An answer may say what it counts where the reference does not, but no word that nobody knows.
        return Fraction(1) if other.says_nothing or _counts(other) else None
    if mine.words == other.words and mine.powers == other.powers:
        return other.factor / mine.factor
    if _only_counts(mine) or _only_counts(other):  # `5 units` is a number without a unit, `5 units^2` is an area
        loose, firm = (mine, other) if _only_counts(mine) else (other, mine)
        degree = dict(loose.powers)["unit"]
        if _degree(firm) == degree:
            return Fraction(1)
    return None


@lru_cache(maxsize=1)
def _nouns() -> frozenset[str]:
    lines = Path(__file__).with_name("nouns.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if line[0] != "#" for word in line.split())


def _counts(one: Unit) -> bool:
    """Whether the words of a phrase only say what is counted."""
    return all(abs(power) == 1 and word in _nouns() for word, power in one.words)


def is_counted(word: str) -> bool:
    """Whether a word only says what is counted."""
    return _singular(word) in _nouns()


def _only_counts(one: Unit) -> bool:
    return len(one.powers) == 1 and one.powers[0][0] == "unit" and not one.words


def _degree(one: Unit) -> int | None:
    """The exponent of a unit that is a power of a length; None for any other."""
    if one.words or len(one.powers) != 1 or one.powers[0][0] not in ("m", "unit"):
        return None
    return one.powers[0][1]
