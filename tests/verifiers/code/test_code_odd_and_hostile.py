"""Cheats that must never pass and honest oddities that must never fail, in every format of tests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from r1_reward.rows import read_sample
from r1_reward.sandbox import Limits
from r1_reward.verifiers import CodeVerifier, Verdict

BACKENDS = [
    pytest.param("local", marks=pytest.mark.needs("userns")),
    pytest.param("docker", marks=pytest.mark.needs("docker")),
]
CHECK = "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-7, 7) == 0, 'no'\n"
FORMATS: dict[str, dict[str, Any]] = {
    "function": {
        "tests": [
            {"type": "function", "entry": "add", "args": args, "expected": expected}
            for args, expected in (("(2, 3)", "5"), ("(-7, 7)", "0"))
        ]
    },
    "exam": {"tests": [{"type": "assert", "code": "for i in range(4):\n    assert add(i, 3) == i + 3"}]},
    "loop": {"tests": ["def ok(p): return add(*p) == sum(p)\nassert all(map(ok, [(2, 3), (1, 1)]))"]},
    "HumanEval": {"prompt": 'import math\n\ndef add(a, b):\n    """Sum."""\n', "test": CHECK, "entry_point": "add"},
    "MBPP": {"test_list": ["assert add(2, 3) == 5", "assert add(-7, 7) == 0"], "kind": "code"},
    "LiveCodeBench": {
        "public_test_cases": json.dumps(
            [{"input": f"{a}\n{b}", "output": str(a + b), "testtype": "functional"} for a, b in ((2, 3), (-7, 7))]
        ),
        "metadata": json.dumps({"func_name": "add"}),
    },
}
_STEAL = """
import gc, os, re, sys
def texts():
    frame = sys._getframe()
    while frame:
        yield repr(frame.f_locals); yield repr(frame.f_globals); frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) in (tuple, list, dict): yield repr(thing)[:10000]
    for pid in os.listdir('/proc'):
        for part in ('mem', 'environ', 'cmdline', 'fd/3', 'fd/4'):
            try: yield open(f'/proc/{pid}/{part}', 'rb').read(1 << 16).decode('latin-1')
            except (OSError, ValueError): pass
    for line in open('/proc/self/maps'):
        low, high = (int(n, 16) for n in line.split()[0].split('-'))
        if ' rw' in line:
            try:
                with open('/proc/self/mem', 'rb', 0) as file:
                    file.seek(low); yield file.read(min(high - low, 1 << 24)).decode('latin-1')
            except OSError: pass
def add(a, b):
    for text in texts():
        found = re.search(r'add\\(i, 3\\) == i \\+ ([3])', text)
        if found: return a + int(found[1])
    return 99
"""
CHEATS = {
    "equal to everything": "class A:\n    __eq__ = lambda s, o: True\ndef add(a, b): return A()",
    "an int that lies": "class I(int):\n    __eq__ = lambda s, o: True\n    __index__ = __pos__ = lambda s: 5\n"
    "def add(a, b): return I(9)",
    "a fraction that lies": "from fractions import Fraction\nclass F(Fraction):\n    __eq__ = lambda s, o: True\n"
    "    __hash__ = Fraction.__hash__\ndef add(a, b): return F(99)",
    "an index that lies": "class A:\n    __eq__ = lambda s, o: True\n    __index__ = lambda s: 99\n"
    "def add(a, b): return A()",
    "a mock": "from unittest.mock import ANY\nadd = lambda a, b: ANY",
    "ends the test's loop": "def add(a, b): raise StopIteration",
    "exits": "def add(a, b): raise SystemExit(0)",
    "answers from a child": "import os\ndef add(a, b):\n    for guess in range(9):\n"
    "        if not os.fork(): return guess\n    return 99",
    "counts its calls in a file": "import os\ndef add(a, b):\n    open('/tmp/n', 'a').write('x')\n"
    "    return {1: 5, 2: 0}.get(os.path.getsize('/tmp/n'))",
    "forges the protocol": "import sys\ndef add(a, b):\n    f = sys._getframe(1)\n    g, l = f.f_globals, f.f_locals\n"
    "    for name in ('link', 'result'):\n        try: g['_send'](l[name], g['_frame'](g['encode'](('passed',))))\n"
    "        except Exception: pass\n    return 99",
    "replaces the harness": "import sys\nf = sys._getframe()\nwhile f:\n"
    "    f.f_globals['encode'] = lambda *a, **k: b'U\\0\\0\\0\\1S\\0\\0\\0\\6passed'\n    f = f.f_back\nadd = None",
    "steals what is expected": _STEAL,
}
ODDITIES = {
    "a lambda": "add = lambda a, b: a + b",
    "an import": "from operator import add",
    "made by exec": "exec('def add(a, b): return a + b')",
    "a class": "class add(int):\n    def __new__(cls, a, b): return int.__new__(cls, a + b)",
    "a byte order mark": "\ufeffdef add(a, b): return a + b",
    "noise": "def add(a, b):\n    print('x' * 70000); return a + b\nprint(add(2, 3))\nassert add(1, 1) == 2",
    "a fraction": "from fractions import Fraction\ndef add(a, b): return Fraction(a) + b",
    "a decimal": "from decimal import Decimal\ndef add(a, b): return Decimal(a) + b",
    "an index": "class N:\n    def __init__(s, v): s.v = v\n    def __index__(s): return s.v\n"
    "def add(a, b): return N(a + b)",
    "a larger stack": "import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, (-1, -1))\n"
    "sys.setrecursionlimit(10**6)\ndef add(a, b): return a + b",
    "builtins of its own": "list = str = len = type = isinstance = None\ndef add(a, b): return a + b",
    "the class of LeetCode": "class Solution:\n    def add(self, a, b): return a + b\nadd = Solution().add",
    "child and thread left": "import os, threading, time\nif not os.fork(): time.sleep(99)\n"
    "threading.Thread(target=time.sleep, args=(99,)).start()\ndef add(a, b): return a + b",
}
TESTS = [
    # program, test, right?, trust, why
    (
        "import re\ndef f(s): return re.search('a', s)",
        "assert f('a')\nassert not f('b')",
        True,
        "strong",
        "any object is true",
    ),
    ("import re\ndef f(s): return re.search('a', s)", "assert f('a') is not None", True, "strong", "and not None"),
    (
        "import re\ndef f(s): return re.search('a', s)",
        "assert f('a') is None",
        False,
        "strong",
        "any object is not None",
    ),
    (
        "class F:\n    __bool__ = lambda s: False\ndef f(): return F()",
        "assert f()",
        False,
        "strong",
        "but for those that say no",
    ),
    ("def f(r): return sum(r)", "assert f(range(5)) == 10", True, "strong", "a range, which is sent as its parts"),
    (
        "def f(g, x): return g(x)",
        "def sq(x): return x * x\nassert f(sq, 3) == 9",
        True,
        "weak",
        "a function for an argument",
    ),
    (
        "def f(c): return c.most_common(1)",
        "from collections import Counter\nassert f(Counter('aab')) == [('a', 2)]",
        True,
        "strong",
        "a Counter, which is sent as its parts",
    ),
    ("root = [1]\ndef f(x): return x[0]", "assert f(root) == 1", True, "weak", "a variable of the program"),
    (
        "from collections import namedtuple\nP = namedtuple('P', 'x')\ndef f(): return P(1)",
        "r = f()\nassert r.x == 1",
        True,
        "weak",
        "an attribute of what is returned",
    ),
    ("def f(n): yield from range(n)", "for n, x in enumerate(f(3)): assert n == x", True, "strong", "an iterator"),
    (
        "def f(n): yield from range(n)",
        "for n in range(3): assert list(f(n)) == [0, 1, 2][:n]",
        True,
        "strong",
        "iterators",
    ),
    ("def f(n):\n    while True: yield n", "g = f(3)\nassert next(g) == 4", False, "strong", "an endless iterator"),
    (
        "from decimal import Decimal\ndef f(): return Decimal('0.5')",
        "from decimal import Decimal\nassert f() == Decimal('.50')",
        True,
        "strong",
        "decimals on both sides",
    ),
    (
        "def f(x): raise StopIteration",
        "for x in map(f, [1, 2]): assert x == 1",
        False,
        "strong",
        "no loop is ended early",
    ),
    ("def f(): return {1: 2}.keys()", "assert f() == {1}", True, "strong", "the keys of a dict"),
]


def judged(backend: str, rows: list[dict[str, Any]], mode: str = "exec") -> list[Verdict]:
    limits = Limits(time_s=10, memory_mb=256, processes=32)
    samples = [read_sample({"limits": None, **row}) for row in rows]
    verifier = CodeVerifier(backend=backend, mode=mode, time_s=limits.time_s, memory_mb=256, processes=32)  # type: ignore[arg-type]  # one of two words
    return verifier(samples)


def in_every_format(programs: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}, {shape}", {"response": f"```python\n{source}\n```", **fields})
        for name, source in programs.items()
        for shape, fields in FORMATS.items()
    ]


# Behind docker every fifth, which takes turns through the formats: the rest is the same code.
@pytest.mark.parametrize("mode", ["exec", "fork"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_cheat_passes(backend: str, mode: str) -> None:
    rows = in_every_format(CHEATS)[:: 5 if backend == "docker" else 1]
    result = zip(rows, judged(backend, [row for _, row in rows], mode), strict=True)
    assert [(name, verdict) for (name, _), verdict in result if verdict.score != 0.0] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_honest_oddity_fails(backend: str) -> None:
    rows = in_every_format(ODDITIES)[:: 5 if backend == "docker" else 1]
    result = zip(rows, judged(backend, [row for _, row in rows]), strict=True)
    assert [(name, verdict) for (name, _), verdict in result if verdict.score != 1.0] == []


@pytest.mark.needs("userns")
def test_asserts_are_judged_as_python_would() -> None:
    rows = [{"response": f"```python\n{source}\n```", "tests": [test]} for source, test, *_ in TESTS]
    for (*_, right, trust, why), verdict in zip(TESTS, judged("local", rows), strict=True):
        assert (verdict.score, verdict.evidence["trust"]) == (float(right), trust), (why, verdict)


@pytest.mark.needs("userns")
def test_leetcodes_names_are_there_for_its_tests_alone() -> None:
    source = "class Solution:\n    def add(self, a: List[int], b: Optional[int]) -> int:\n"
    source += "        return Counter(a).total() and heapq.nlargest(1, a)[0] + b"
    tests = {"inputs": [[[2], 3]], "outputs": [5], "fn_name": "add"}
    plain = [{"type": "function", "entry": "add", "args": "([2], 3)", "expected": "5"}]
    rows = [{"response": f"```python\n{source}\n```", "tests": each} for each in (tests, plain)]
    assert [verdict.score for verdict in judged("local", rows)] == [1.0, 0.0]


@pytest.mark.needs("userns")
def test_what_a_program_says_is_shown_without_its_control_characters() -> None:
    row = {"response": "```python\ndef add(a, b): raise ValueError('\\ud800\\x1b[2J')\n```", **FORMATS["function"]}
    (verdict,) = judged("local", [row])
    assert verdict.detail.isprintable()
    assert verdict.detail.encode()


@pytest.mark.needs("userns")
@pytest.mark.needs("node")
@pytest.mark.parametrize(
    ("source", "score"),
    [
        ("const add = (a, b) => a + b; console.error('Note')", 1.0),
        ("const add = (a, b) => 1;", 0.0),
        ("console.assert = () => {}; const add = () => 1;", 0.0),
        ("console.error = console.warn = process.stderr.write = () => true; const add = () => 1;", 0.0),
        ("const console = {assert() {}}; const add = () => 1;", 0.0),
        ("globalThis.console = {assert() {}}; const add = () => 1;", 0.0),
        ("process.on('exit', () => process.reallyExit(0)); const add = () => 1;", 0.0),
    ],
)
def test_javascript_keeps_its_assert(source: str, score: float) -> None:
    tests = [{"type": "program", "code": "console.assert(add(2, 3) === 5)"}]
    (verdict,) = judged("local", [{"response": f"```js\n{source}\n```", "tests": tests}])
    assert verdict.score == score, verdict
