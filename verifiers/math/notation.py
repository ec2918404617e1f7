r"""Notations that are no arithmetic: chemical formulas and reactions, isotopes, electron configurations, permutations.

In `\mathrm{CH_3COOH}` nothing is multiplied, the order of the atoms counts, a raised `2+` is a charge, and a `+` joins
what reacts. Each is read whole into one line in one spelling, and two are the same where these lines are; a state of
matter may be left out on one side. A text that is not such a notation from end to end is left to the grammar.
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from .spelling import tidy
from .tree import Node

_MAX_TEXT = 300
_HINT = re.compile(
    r"\\ce(?![A-Za-z])|[A-Z][a-z]?[)\]}]*\s*(?:[_^]|\d)|\^\s*\{?\s*\d+\s*\}?\s*(?:_\s*\{?-?\d+\}?)?\s*[\\{A-Z]"
)
_UPRIGHT = re.compile(r"\\(?:ce|mathrm|text|textrm|rm|mathsf)(?![A-Za-z])\s*\{?\s*[\d^_{} ]*[A-Z]")
_STYLE = re.compile(r"\\(?:(?:ce|mathrm|text|textrm|rm|mathsf|left|right|displaystyle)(?![A-Za-z])|[,;:! ])")
_CE = re.compile(r"\\ce\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_CE_RAISED = re.compile(r"\^(\d*[+-])")
_CE_CHARGE = re.compile(r"(?<=[A-Za-z0-9)\]])([+-])(?=\s|$|\()")
_CHARGE = re.compile(r"\^\s*(?:\{\s*(?:(\d{0,2})([+-])|([+])(\d{1,2}))\s*\}|([+-])(?!\s*\d))")
_ARROW = re.compile(
    r"\\(?:rightleftharpoons|leftrightarrows?|leftrightharpoons)(?![A-Za-z])|<-*=*>|⇌|⇄"
    r"|(?P<one_way>\\(?:to|rightarrow|longrightarrow)(?![A-Za-z])|-+>|→|=)"
)
_COEFFICIENT = re.compile(r"\s*(?:\\[dt]?frac\s*\{?(\d+)\}?\s*\{?(\d+)\}?|(\d+)(?:/(\d+))?)\s*(?![\^_])")
_RAISED, _LOWERED = r"\^\s*\{?\s*(\d{1,3})\s*\}?", r"_\s*\{?\s*(-?\d{1,3})\s*\}?"
_MASS = re.compile(rf"(?:{_RAISED}\s*(?:{_LOWERED})?|{_LOWERED}\s*{_RAISED})")
_PART = re.compile(
    r"[\s{}~]*(?:(?P<atom>[A-Z][a-z]?|\\(?:alpha|beta|gamma|nu)(?![a-z])|[npe](?![a-z]))"
    r"|(?P<count>_\s*\{\s*\d+\s*\}|_\s*\d|\d+)|(?P<opens>[(\[])|(?P<closes>[)\]])|(?P<water>(?:\\cdot|[*·.])\s*\d*))[\s{}~]*"
)
_STATE = re.compile(r"\s*\(\s*(aq|s|l|g)\s*\)[\s}]*$")
_PARTICLES = {"n": 0, "p": 1, "e": -1, "\\alpha": 2, "\\beta": -1, "\\gamma": 0, "\\nu": 0}
_HYBRID = re.compile(
    r"(?:\\(?:text|mathrm)\s*\{)?\s*sp\s*\}?\s*(?:\^?\s*\{?\s*([23])\s*\}?)?\s*(?:(?:\\(?:text|mathrm)\s*\{)?(d)\}?(?:\^?\{?(2)\}?)?)?\}?"
)
_COMPASS = r"\s*(?:\\(?:text|mathrm)\s*\{)?\s*"
_BEARING = re.compile(
    rf"{_COMPASS}([NS])[\s}}]*(\d{{1,2}}(?:\.\d+)?)\s*(?:\^\s*\{{?\s*\\circ\s*\}}?|°)?{_COMPASS}([EW])[\s}}]*"
)
_SHELL = re.compile(
    r"([1-7])([spdf])\s*\^?\s*\{?\s*(\d{1,2}?)\s*\}?(?=(?:\s|\\[,; ])*(?:[1-7][spdf]|$))(?:\s|\\[,; ])*"
)
_CONFIGURATION = re.compile(
    rf"(?:\[\s*(?:\\(?:mathrm|text)\s*\{{)?([A-Z][a-z])\}}?\s*\](?:\s|\\[,; ])*)?((?:{_SHELL.pattern})+)"
)
_CYCLE = re.compile(r"\(\s*(\d{1,3}(?:(?:\s|\\[,;: ]|~|\\quad|,)+\d{1,3})*)\s*\)(?:\s|\\[,;: ]|\\circ|\\cdot)*")


@lru_cache(maxsize=1)
def _periodic() -> tuple[dict[str, int], dict[str, str]]:
    """The atomic number of each symbol, and the shells of the noble gases."""
    lines = Path(__file__).with_name("periodic.txt").read_text(encoding="utf-8").split("\n#")
    cores = (line.partition(" ") for line in lines[1].splitlines()[1:])
    symbols = lines[0].partition("\n")[2].split()
    return {symbol: at + 1 for at, symbol in enumerate(symbols)}, {name: shells for name, _, shells in cores}


def notation(text: str) -> tuple[Node | None, bool]:
    r"""A text as a notation, and whether it can be nothing else; (None, False) for anything else.

    >>> notation(r"\mathrm{Ca^{2+}}")[0].value, notation(r"{}^{14}_{6}\text{C}")[0].value, notation("H_2O")[1]
    ('Ca^2+', '[14]C', False)
    """
    if len(text) > _MAX_TEXT:
        return None, False
    if not text.isascii():
        text = tidy(text)
    if text[:1] == "(" and re.fullmatch(f"(?:{_CYCLE.pattern})+", text):
        return _permutation(text)
    if text[:1] in "1234567[" and (shells := _CONFIGURATION.fullmatch(text)) is not None:
        return _configuration(shells)
    if "sp" in text and (hybrid := _HYBRID.fullmatch(text)) is not None:
        return Node("notation", (), f"sp{hybrid[1] or ''}{'d' if hybrid[2] else ''}{hybrid[3] or ''}"), "\\" in text
    if text[-1:] in "EW}" and (bearing := _BEARING.fullmatch(text)) is not None:
        return Node("notation", (), "".join(bearing.groups())), True
    if _HINT.search(text) is None:
        return None, False
    plain = _CHARGE.sub(_charge, _STYLE.sub(" ", _CE.sub(_from_ce, text)))
    parts = [_reaction(part) for part in plain.split(",")]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None, False
    sure = any(sign in str(part.value) for part in known for sign in "^[") or _UPRIGHT.search(text) is not None
    return known[0] if len(known) == 1 else Node("list", tuple(known)), sure


def same_notation(gold: Node, answer: Node) -> bool:
    """Whether two notations are the same: in one line, and in the states of matter where both give one."""
    return (
        gold.kind == answer.kind == "notation"
        and gold.value == answer.value
        and all(x.value == y.value or not x.value or not y.value for x, y in zip(gold.args, answer.args, strict=True))
    )


def _from_ce(ce: re.Match[str]) -> str:
    charged = r"^{\1}"
    return " " + _CE_CHARGE.sub(charged, _CE_RAISED.sub(charged, ce[1])) + " "


def _charge(match: re.Match[str]) -> str:
    """A charge without the signs that join formulas: 2+ as ^2p."""
    size, sign = match[1] or match[4] or "", match[2] or match[3] or match[5]
    return f"^{size if size != '1' else ''}{'p' if sign == '+' else 'm'} "


def _reaction(text: str) -> Node | None:
    """A formula, or a sum of them on each side of an arrow."""
    arrows = list(_ARROW.finditer(text))
    sides = [text[: arrows[0].start()], text[arrows[0].end() :]] if arrows else [text]
    read = [[_species(piece) for piece in side.split("+")] for side in sides]
    if len(arrows) > 1 or (not arrows and len(read[0]) > 1):
        return None
    sorted_sides = [sorted(one for one in side if one is not None) for side in read]
    if list(map(len, sorted_sides)) != list(map(len, read)):
        return None
    arrow = " -> " if arrows and arrows[0]["one_way"] else " <=> "
    line = arrow.join(" + ".join(name for name, _ in side) for side in sorted_sides)
    return Node("notation", tuple(Node("text", (), state) for side in sorted_sides for _, state in side), line)


def _species(text: str) -> tuple[str, str] | None:
    """A formula with its coefficient in one spelling, and its state; None where it is none."""
    state = _STATE.search(text)
    body, caret, charge = (text[: state.start()] if state else text).rpartition("^")
    if not caret or charge.strip(" {}0123456789") not in ("p", "m"):
        body, charge = f"{body}{caret}{charge}", ""
    amount, body = "", body.lstrip("{} ~")
    if (number := _COEFFICIENT.match(body)) is not None:
        top, bottom = number[1] or number[3], number[2] or number[4] or "1"
        if not int(top) or not int(bottom):
            return None
        amount, body = f"{Fraction(int(top), int(bottom))} ".removeprefix("1 "), body[number.end() :].lstrip("{} ~")
    mass = _MASS.match(body)
    out = _formula(body[mass.end() :] if mass else body, (mass[1] or mass[4], mass[2] or mass[3]) if mass else None)
    if not out or (out in _PARTICLES and not charge and not mass):
        return None
    charge = charge.strip(" {}").replace("p", "+").replace("m", "-")
    return f"{amount}{out}{'^' if charge else ''}{charge}", state[1] if state else ""


def _formula(text: str, mass: tuple[str, str | None] | None) -> str:
    """Atoms with their numbers, in their order; nothing for what is no formula."""
    symbols = _periodic()[0]
    out: list[str] = []
    at = depth = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or depth < 0:
            return ""
        at = part.end()
        if atom := part["atom"]:
            if atom not in symbols and atom not in _PARTICLES:  # of Nh and the like, N and what follows
                at, atom = part.start("atom") + 1, atom[0]
            if atom not in symbols and (out or atom not in _PARTICLES):
                return ""
            if mass and not out:  # the number of protons says nothing where it is that of the element
                proper = mass[1] in (None, str(symbols.get(atom, _PARTICLES.get(atom))))
                out.append(f"[{mass[0]}]" if proper else f"[{mass[0]},{mass[1]}]")
            out.append(atom)
        elif counted := part["count"]:
            count = counted.strip("_{} ")
            if mass and len(out) < 3:
                return ""  # a number of choices
            if not out or count in ("0", "1") or count[0] == "0" or out[-1] in "(." or out[-1].isdigit():
                return ""
            out.append(count)
        elif part["water"]:
            out += [".", re.sub(r"\D", "", part["water"])]
        else:
            depth += 1 if part["opens"] else -1
            out.append("(" if part["opens"] else ")")
    return "" if depth or not any(map(str.isalpha, "".join(out))) else "".join(out)


def _configuration(match: re.Match[str]) -> tuple[Node | None, bool]:
    """Shells in the order of their numbers, those of a noble gas in brackets written out."""
    core = _periodic()[1].get(match[1] or "", "")
    shells = _SHELL.findall(core) + _SHELL.findall(match[2])
    if bool(core) != bool(match[1]) or len(shells) < 2 or len({shell[:2] for shell in shells}) < len(shells):
        return None, False
    shells.sort(key=lambda shell: (shell[0], "spdf".index(shell[1])))
    return Node("notation", (), " ".join(f"{number}{letter}{int(count)}" for number, letter, count in shells)), True


def _permutation(text: str) -> tuple[Node | None, bool]:
    """Disjoint cycles, each from its smallest number on, in their order. `(1, 2)` is a pair beside another."""
    cycles = [[int(number) for number in re.findall(r"\d+", cycle[1])] for cycle in _CYCLE.finditer(text)]
    moved = list(itertools.chain.from_iterable(cycles))
    if len(set(moved)) < len(moved) or max(map(len, cycles)) < 2:
        return None, False
    starts = [(cycle.index(min(cycle)), cycle) for cycle in cycles if len(cycle) > 1]
    turned = sorted(cycle[at:] + cycle[:at] for at, cycle in starts)
    sure = "," not in text or (len(cycles) > 1 and len(starts) == len(cycles))
    return Node("notation", (), "".join(f"({' '.join(map(str, cycle))})" for cycle in turned)), sure
