"""The process behind `symbolic`: reads pairs of trees, one JSON line each, and says whether sympy finds them equal.

Run as a program, never imported by the package. Trees are built node by node from sympy's own constructors. A text,
which holds single letters, numbers, signs and commands only, is read by the grammar of latex2sympy2_extended, where it
is installed; one that it does not read in full gives no decision.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import resource
import sys
from typing import Any

MEMORY_BYTES = 2 << 30
CPU_S = 10
"""CPU time for one pair; the parent's deadline comes first."""
_READER = "latex2sympy2_extended"
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


def read(sympy: Any, text: str) -> Any:  # any: sympy's own objects
    """A formula as latex2sympy2_extended reads it; raises ValueError where it left something out."""
    expression = importlib.import_module(_READER).latex2sympy(text)
    if not isinstance(expression, sympy.Expr):
        raise ValueError("no expression")
    letters = re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", text))
    if not set(letters) - set("dei") <= {str(symbol)[:1] for symbol in expression.atoms(sympy.Symbol)}:
        raise ValueError("a name was left out")
    value = expression.doit()
    return value.xreplace({symbol: sympy.Symbol(f"v_{symbol}") for symbol in value.free_symbols})


def judge(sympy: Any, request: list[Any]) -> bool | None:
    """Whether two sides, trees or texts, are the same expression; None where sympy does not know."""
    first, second = (read(sympy, side) if isinstance(side, str) else build(sympy, side) for side in request)
    difference = first - second
    if difference.has(sympy.Integral, sympy.Sum, sympy.Limit, sympy.nan, sympy.zoo):
        return None
    if difference == 0 or sympy.simplify(difference) == 0:
        return True
    return False if difference.equals(0) is False else None


def main() -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    import sympy

    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if importlib.util.find_spec(_READER) is not None:
        importlib.import_module(_READER)  # takes a second, which is not part of a pair's time
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
