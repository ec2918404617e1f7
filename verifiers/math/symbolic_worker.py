"""The process behind `symbolic`: reads pairs of trees, one JSON line each, and says whether sympy finds them equal.

Run as a program, never imported by the package. Trees are built node by node from sympy's own constructors; no text
is ever handed to sympy to parse.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

MEMORY_BYTES = 2 << 30
CPU_S = 10
"""CPU time for one pair; the parent's deadline comes first."""
_SPELLINGS = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "ln": "log", "log": "log", "floor": "floor",
    "ceil": "ceiling", "max": "Max", "min": "Min", "gcd": "gcd", "lcm": "lcm", "binom": "binomial", "sgn": "sign",
    "Re": "re", "Im": "im", "arg": "arg", "mod": "Mod",
}  # fmt: skip
_AS_THEY_ARE = frozenset("sin cos tan cot sec csc sinh cosh tanh coth sech csch".split())


def build(sympy: Any, tree: list[Any]) -> Any:  # any: sympy's own objects
    """The sympy expression of a tree; raises ValueError for what it has no constructor for."""
    kind, value, parts = tree
    args = [build(sympy, part) for part in parts]
    if kind in ("num", "dec"):
        top, _, bottom = value.partition("/")
        return sympy.Rational(int(top), int(bottom))
    if kind == "var":
        return sympy.Symbol(f"v_{value}")
    if kind == "const":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo}[value]
    if kind == "add":
        return sympy.Add(*args)
    if kind == "mul":
        return sympy.Mul(*args)
    if kind == "pow":
        return sympy.Pow(*args)
    if kind == "root":
        return sympy.Pow(args[0], 1 / args[1])
    if kind == "abs":
        return sympy.Abs(*args)
    if kind == "fact":
        return sympy.factorial(*args)
    if kind == "deg":
        return args[0] * sympy.pi / 180
    if kind == "pct":
        return args[0] / 100
    if kind == "log":
        return sympy.log(*args)
    if kind == "call":
        return sympy.Function(f"f_{value}")(*args)
    if kind == "fn" and (value in _SPELLINGS or value in _AS_THEY_ARE):
        return getattr(sympy, _SPELLINGS.get(value, value))(*args)
    raise ValueError(f"no constructor for {kind} {value}")


def judge(sympy: Any, request: list[Any]) -> bool | None:
    """Whether two trees are the same expression; None where sympy does not know."""
    difference = build(sympy, request[0]) - build(sympy, request[1])
    if difference == 0 or sympy.simplify(difference) == 0:
        return True
    found = difference.equals(0)
    return False if found is False else None


def main() -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    import sympy

    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    _say({"ready": True})
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
        try:
            answer: dict[str, Any] = {"same": judge(sympy, json.loads(line))}
        except Exception as error:  # noqa: BLE001 - the process boundary: whatever sympy raises is an answer
            answer = {"same": None, "error": type(error).__name__}
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
