"""What an agent does for honest programs, and what it says of others; behind the local backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from r1_reward.sandbox.answer import Answer, ask_call, ask_calls, ask_test, read_answer
from r1_reward.sandbox.backends.local import LocalBackend
from r1_reward.sandbox.errors import SandboxError
from r1_reward.sandbox.limits import DEFAULT_LIMITS, Limits
from r1_reward.sandbox.session import AgentSession, Command, Ran

pytestmark = pytest.mark.needs("userns")

PYTHON = ("python3", "-I", "-S", "{work}/main.py")


@pytest.fixture(scope="module")
def session() -> Iterator[AgentSession]:
    backend = LocalBackend()
    session = AgentSession(backend.open("python"), backend.settings)
    yield session
    session.close()


@pytest.fixture(params=[False, True], ids=["exec", "fork"])
def fork(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def _script(session: AgentSession, source: str, stdin: str = "", *, fork: bool = False) -> Ran:
    session.load({"main.py": source.encode()}, None)
    return session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS, stdin=stdin.encode(), fork=fork))


def _call(
    session: AgentSession, source: str, entry: str, args: str, *, fork: bool = False, limits: Limits = DEFAULT_LIMITS
) -> tuple[Ran, Answer | None]:
    session.load({"main.py": source.encode()}, None)
    asked = Command(argv=PYTHON, limits=limits, call=ask_calls(), calls=[ask_call(entry, args)], fork=fork)
    (ran,) = session.run_calls(asked)
    return ran, None if ran.value is None else read_answer(ran.value)


def _separate_test(
    session: AgentSession, source: str, code: str, names: list[str] | None, *, fork: bool = False
) -> tuple[Ran, Answer | None]:
    session.load({"main.py": source.encode()}, None)
    call, test = ask_test(code, names)
    ran = session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS, call=call, test=test, fork=fork))
    return ran, None if ran.value is None else read_answer(ran.value)


SCRIPTS: dict[str, tuple[str, str, int, str]] = {
    # why: (source, input, exit status, output)
    "reads and prints": ("print(sum(map(int, input().split())))", "1 2 3\n", 0, "6\n"),
    "has a main guard": ("if __name__ == '__main__':\n    print('ran')", "", 0, "ran\n"),
    "opens descriptor 0": ("print(open(0).read().upper())", "abc", 0, "ABC\n"),
    "prints at exit": ("import atexit\natexit.register(print, 'bye')", "", 0, "bye\n"),
    "exits with a status": ("import sys\nsys.exit(3)", "", 3, ""),
    "exits with nothing": ("import sys\nprint('x')\nsys.exit()", "", 0, "x\n"),
    "exits hard after a flush": ("import os, sys\nprint('x', flush=True)\nos._exit(0)", "", 0, "x\n"),
    "raises": ("raise ValueError('no')", "", 1, ""),
    "leaves a thread to the end": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
        "",
        0,
        "late\n",
    ),
    "writes a file of its own": (
        "open('a.txt', 'w').write('x')\nimport tempfile\ntempfile.mkdtemp()\nprint(open('a.txt').read())",
        "",
        0,
        "x\n",
    ),
    "uses dataclasses": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 1\nprint(A())",
        "",
        0,
        "A(x=1)\n",
    ),
    "starts processes": (
        """
import multiprocessing
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(square, [1, 2, 3]))
""",
        "",
        0,
        "[1, 4, 9]\n",
    ),
    "knows its arguments": ("import sys\nprint(len(sys.argv), sys.argv[0].endswith('main.py'))", "", 0, "1 True\n"),
    "prints in other scripts": (
        "print(input()[::-1], '\\udcff'.encode('utf-8', 'surrogateescape'))",
        "äß日",
        0,
        "日ßä b'\\xff'\n",
    ),
    "recurses deep": (
        "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(50000))",
        "",
        0,
        "50000\n",
    ),
}


@pytest.mark.parametrize("why", SCRIPTS)
def test_script_runs_as_python_would_run_it(session: AgentSession, why: str, fork: bool) -> None:
    source, stdin, status, output = SCRIPTS[why]
    ran = _script(session, source, stdin, fork=fork)
    assert (ran.ended, ran.status, ran.stdout.decode(), ran.stray) == ("exit", status, output, 0), ran


def test_input_larger_than_a_pipe_arrives_whole(session: AgentSession, fork: bool) -> None:
    ran = _script(session, "import sys\nprint(len(sys.stdin.read()))", "x" * 3_000_000, fork=fork)
    assert ran.stdout == b"3000000\n"


def test_input_that_is_not_read_is_no_fault(session: AgentSession) -> None:
    ran = _script(session, "print(1)", "x" * 3_000_000)
    assert (ran.ended, ran.status, ran.stdout) == ("exit", 0, b"1\n")


def test_output_is_kept_up_to_the_bound_and_marked(session: AgentSession) -> None:
    session.load({"main.py": b"print('x' * 1000)"}, None)
    for bound, ended in ((1001, "exit"), (1000, "output")):
        ran = session.run(Command(argv=PYTHON, limits=Limits(output_bytes=bound).over(DEFAULT_LIMITS)))
        assert (ran.ended, len(ran.stdout), ran.cut) == (ended, bound, ended == "output")


CALLS: dict[str, tuple[str, str, str, object]] = {
    # why: (source, entry, args, value)
    "a sum": ("def add(a, b): return a + b", "add", "(2, 3,)", 5),
    "a method": ("class Solution:\n    def add(self, a, b): return a + b", "Solution().add", "(2, 3)", 5),
    "a guarded main": ("def f(): return 1\nif __name__ == '__main__': print(int(input()))", "f", "()", 1),
    "odd names": ("result=None; expected=5; passed=False\ndef f(): return {1: (2, [3])}", "f", "()", {1: (2, [3])}),
    "prints on the way": ("def f():\n    print('x' * 1000)\n    return 1", "f", "()", 1),
    "a counter": ("from collections import Counter\ndef f(s): return Counter(s)", "f", "('aab',)", {"a": 2, "b": 1}),
    "a subclass that lies": ("class S(str):\n    def __repr__(s): return '5'\ndef f(): return S('x')", "f", "()", "x"),
    "its own class as an argument": ("class P:\n    x = 4\ndef f(p): return p.x", "f", "(P(),)", 4),
    "patched builtins": (
        "import builtins as b\nb.tuple = b.len = b.type = None\ndef f(a): return a", "f", "((1,),)", (1,)
    ),
    "replaced output": (
        "import sys, io\nsys.stdout = io.StringIO()\nsys.stdout.close()\ndef f(): return 1", "f", "()", 1
    ),
    "closed output": ("import os\nos.close(1)\ndef f(): return 1", "f", "()", 1),
    "threads that stay": (
        "import threading as t, time\nt.Thread(target=time.sleep, args=(60,)).start()\ndef f(): return 1", "f", "()", 1
    ),
    "exits after the value": ("import atexit, os\natexit.register(os._exit, 9)\ndef f(): return 1", "f", "()", 1),
    "a value of a megabyte": ("def f(): return 'x' * (1 << 20)", "f", "()", "x" * (1 << 20)),
}  # fmt: skip


@pytest.mark.parametrize("why", CALLS)
def test_call_gives_the_value(session: AgentSession, why: str, fork: bool) -> None:
    source, entry, args, value = CALLS[why]
    ran, answer = _call(session, source, entry, args, fork=fork)
    assert answer == Answer(kind="value", value=value), ran
    assert type(answer.value) is type(value)
    assert (ran.ended, ran.status) == ("exit", 0)


FAULTS: dict[str, tuple[str, str, str, str, str]] = {
    # why: (source, entry, args, kind of answer, part of its text)
    "raises": ("def f(): raise KeyError('gone')", "f", "()", "raised", "gone"),
    "exits in the call": ("import sys\ndef f(): sys.exit(0)", "f", "()", "raised", "SystemExit"),
    "has no such function": ("def g(): pass", "f", "()", "entry", "NameError"),
    "gives an object": ("def f(): return object()", "f", "()", "unplain", "type object"),
    "gives a cycle": ("def f():\n    x = []\n    x.append(x)\n    return x", "f", "()", "unplain", "deep"),
    "gives too much": ("def f(): return ['x' * 1000] * 100000", "f", "()", "unplain", "bytes"),
    "arguments make no sense": ("def f(): return 1", "f", "(nothing,)", "arguments", "nothing"),
    "arguments are no tuple": ("def f(): return 1", "f", "1", "arguments", "tuple"),
    "raises what cannot be shown": (
        "class E(Exception):\n    def __str__(s): raise s\ndef f(): raise E", "f", "()", "raised", "cannot be shown"
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", FAULTS)
def test_call_that_fails_says_why(session: AgentSession, why: str, fork: bool) -> None:
    source, entry, args, kind, text = FAULTS[why]
    ran, answer = _call(session, source, entry, args, fork=fork)
    assert answer is not None, ran
    assert answer.kind == kind
    assert text in answer.text


NO_VALUE: dict[str, tuple[str, str]] = {
    # why: (source, what its standard error says)
    "exits while loading": ("import sys\nsys.exit(0)", ""),
    "exits hard while loading": ("import os\nprint('passed')\nos._exit(0)", ""),
    "exits hard in the call": ("import os\ndef f(): os._exit(0)", ""),
    "does not compile": ("def f(:", "SyntaxError"),
    "raises while loading": ("1 / 0", "ZeroDivisionError"),
    "answers early, without the nonce": (
        "import os\nfor d in range(3, 20):\n    try: os.write(d, b'L' * 100)\n    except OSError: pass", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", NO_VALUE)
def test_no_value_without_a_call_that_returned(session: AgentSession, why: str, fork: bool) -> None:
    source, text = NO_VALUE[why]
    ran, answer = _call(session, source, "f", "()", fork=fork, limits=Limits(time_s=1).over(DEFAULT_LIMITS))
    assert answer is None or answer.kind == "entry"
    assert text in ran.stderr.decode()


EXAMS: dict[str, tuple[str, str, str]] = {
    # why: (source, test, kind of answer)
    "passes": ("def f(x): return x + 1", "for i in range(50): assert f(i) == i + 1", "passed"),
    "fails": ("def f(x): return x", "assert f(1) == 2", "raised"),
    "expects an exception": (
        "def f(x): raise ValueError('no')",
        "try: f(1)\nexcept ValueError as e: assert 'no' in str(e)\nelse: assert False",
        "passed",
    ),
    "changes its argument": ("def f(x): x.sort()", "x = [3, 1, 2]\nf(x)\nassert x == [1, 2, 3]", "passed"),
    "changes a dictionary": ("def f(x): x['a'] = 1", "x = {}\nf(x)\nassert x == {'a': 1}", "passed"),
    "takes keywords": ("def f(*, a=1, b=2): return a - b", "assert f(b=1, a=3) == 2", "passed"),
    "exits": ("import sys\ndef f(x): sys.exit(0)", "assert f(1) == 2", "raised"),
    "exits hard": ("import os\ndef f(x): os._exit(0)", "assert f(1) == 2", "raised"),
    "equals everything": (
        "class I(int):\n    def __eq__(s, o): return True\n    __hash__ = int.__hash__\ndef f(x): return I(0)",
        "assert f(1) == 2",
        "raised",
    ),
    "patches what judges": (
        """
import builtins, sys
class Q(BaseException):
    def __new__(c, *a): raise SystemExit(0)
builtins.AssertionError = Q
sys._getframe(1).f_globals["f"] = lambda x: 2
def f(x): return 0
""",
        "assert f(1) == 2",
        "raised",
    ),
}


@pytest.mark.parametrize("why", EXAMS)
def test_separate_test_in_a_process_of_its_own(session: AgentSession, why: str, fork: bool) -> None:
    source, code, kind = EXAMS[why]
    ran, answer = _separate_test(session, source, code, ["f"], fork=fork)
    assert answer is not None, ran
    assert answer.kind == kind


def test_separate_test_with_a_value_that_is_not_plain_does_not_pass(session: AgentSession) -> None:
    _, answer = _separate_test(session, "def f(): return object()", "try: f()\nexcept Exception: pass", ["f"])
    assert answer is not None
    assert (answer.kind, "object" in answer.text) == ("unplain", True)


def test_separate_test_finds_neither_the_program_nor_its_files(session: AgentSession) -> None:
    # The test process may read the program's folder, as anyone may; it has none of its code in memory.
    _, answer = _separate_test(
        session,
        "def f(): return 1\nSECRET = 2",
        "import sys\nassert f() == 1 and 'SECRET' not in vars(sys.modules['program'])",
        ["f"],
    )
    assert answer == Answer(kind="passed")


def test_separate_test_that_ends_the_test_process_does_not_pass(session: AgentSession) -> None:
    ran, answer = _separate_test(session, "def f(): return 1", "import os\nos._exit(0)", ["f"])
    assert answer is None
    assert ran.ended == "exit"


def test_separate_test_in_the_program_itself(session: AgentSession, fork: bool) -> None:
    assert _separate_test(session, "class A: x = 1", "assert A().x == 1", None, fork=fork)[1] == Answer(kind="passed")
    failed = _separate_test(session, "class A: x = 1", "assert A().x == 2", None, fork=fork)[1]
    assert failed is not None
    assert failed.kind == "raised"


def test_separate_test_that_hangs_ends_at_the_limit(session: AgentSession) -> None:
    session.load({"main.py": b"def f():\n    while True: pass"}, None)
    call, test = ask_test("f()", ["f"])
    ran = session.run(Command(argv=PYTHON, limits=Limits(time_s=0.5).over(DEFAULT_LIMITS), call=call, test=test))
    assert (ran.ended, ran.value, ran.clean) == ("time", None, True)


def test_compiler_leaves_its_products_and_programs_cannot_change_them(session: AgentSession) -> None:
    compiler = Command(
        argv=("python3", "-I", "-S", "-c", "import shutil; shutil.copy('{work}/a.py', '{work}/main.py')"),
        limits=DEFAULT_LIMITS,
    )
    ran = session.load({"a.py": b"try: open(__file__, 'a').write('#')\nexcept OSError: print('kept')"}, compiler)
    assert ran is not None
    assert (ran.ended, ran.status) == ("exit", 0)
    assert session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS)).stdout == b"kept\n"
    products = session.products()
    assert set(products) == {"a.py", "main.py"}
    session.load(products, None)
    assert session.run(Command(argv=PYTHON, limits=DEFAULT_LIMITS)).stdout == b"kept\n"
    session.load({"b.py": b""}, None)
    assert set(session.products()) == {"b.py"}


@pytest.mark.parametrize(
    ("files", "argv"),
    [
        ({"../outside.py": b""}, None),
        ({"main.py": b""}, ("no-such-program",)),
    ],
)
def test_what_the_agent_cannot_do_is_the_sandbox_s_fault(files: dict[str, bytes], argv: tuple[str, ...] | None) -> None:
    backend = LocalBackend()
    session = AgentSession(backend.open("python"), backend.settings)
    try:
        with pytest.raises(SandboxError):  # noqa: PT012 - either may be the one that fails
            session.load(files, None)
            session.run(Command(argv=argv or PYTHON, limits=DEFAULT_LIMITS))
        with pytest.raises(SandboxError, match="ended"):
            session.load({}, None)
    finally:
        session.close()


LEFTOVERS: dict[str, str] = {
    "modules for the next": """
for name in ("random", "json", "os"):
    for folder in ("/tmp", ".", "/dev/shm"): open(f"{folder}/{name}.py", "w").write("1/0")
""",
    "a deep folder": "import os\nfor _ in range(1500):\n    os.mkdir('d'); os.chdir('d')",
    "a closed folder": """
import os
os.makedirs("d/e"); open("d/f", "w").close(); os.chmod("d/e", 0); os.chmod("d", 0)
""",
    "odd names": """
import os
for name in (b"-rf", b"\\xff\\n", b" ", b"..a", b"x" * 255): os.mkdir(b"/tmp/" + name)
""",
    "links and pipes": """
import os
os.symlink("/usr", "l"); os.mkfifo("p"); os.link("p", "q"); os.symlink("nowhere", "/tmp/l")
""",
    "a socket": "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('/tmp/s')",
}  # fmt: skip


@pytest.mark.parametrize("why", LEFTOVERS)
def test_nothing_is_left_for_the_next_program(session: AgentSession, why: str) -> None:
    first = _script(session, LEFTOVERS[why])
    assert (first.ended, first.status, first.clean) == ("exit", 0, True), first
    look = "import os, random, json\nprint([n for d in ('.', '/tmp', '/dev/shm') for n in os.listdir(d)])"
    assert _script(session, look).stdout == b"[]\n"
