"""A Python program is started as a script, at less cost: its code, the name of its file, what is not told to it."""

from __future__ import annotations

import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from r1_reward.sandbox import Outcome, StdinTest, Submission, boot, checkers
from r1_reward.sandbox.agent import script
from r1_reward.sandbox.boot import AGENT, pack, starters
from r1_reward.sandbox.pool import Pool


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("x = 1", 1),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'", "é"),
        (b"# -*- coding: cp1252 -*-\nx = '\x80'", "€"),
        (b"\xef\xbb\xbfx = 'mark'", "mark"),
        ("try:\n    pass\nexcept BaseException:\n    x = 2\nelse:\n    x = 3", 3),
        ("import sys\nx = sys._getframe().f_code.co_filename", "main.py"),
        ("def f():\n    def g(): pass\n    return g\nx = f().__code__.co_filename", "main.py"),
        ("def f(a: 1): pass\nx = f.__annotations__", {"a": 1}),  # no `from __future__ import annotations` of ours
    ],
)
def test_code_is_what_compile_gives(source: bytes | str, result: object) -> None:
    names: dict[str, object] = {}
    exec(script.code_of(source, "main.py"), names)
    assert names["x"] == result


def test_taking_the_code_does_not_run_it() -> None:
    ran: list[int] = []
    sys.modules["r1_witness"] = ran  # type: ignore[assignment]  # anything can be imported
    try:
        code = script.code_of("import r1_witness\nr1_witness.append(1)", "main.py")
        assert ran == []
        exec(code, {})
        assert ran == [1]
    finally:
        del sys.modules["r1_witness"]


def test_tracing_is_left_as_it_was() -> None:
    def trace(*_: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        script.code_of("x = 1", "main.py")
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("source", ["x = (", b"x = 1\0", b"x = '\xff'", "return", "(" * 1000])
def test_what_does_not_compile_is_told_as_compile_tells_it(source: bytes | str) -> None:
    with pytest.raises((SyntaxError, ValueError, MemoryError)) as plain:
        compile(source, "main.py", "exec")
    with pytest.raises(plain.type) as ours:
        script.code_of(source, "main.py")
    assert str(ours.value) == str(plain.value)


def test_no_path_of_this_machine_is_sent() -> None:
    here = str(Path(boot.__file__).resolve().parents[1]).encode()
    sent = pack(AGENT, starters(MAGIC_NUMBER), MAGIC_NUMBER)
    assert here not in sent
    assert b"src/r1_reward" not in sent


@pytest.mark.filterwarnings("ignore::r1_reward.sandbox.backends.unsafe.UnsafeWarning")
def test_an_interpreter_of_another_version_is_sent_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "MAGIC_NUMBER", b"else")
    program = "import sys\nprint(int(input()) + 1, __name__, len(sys.argv))"
    test = StdinTest(input="1", output="2 __main__ 1", checker=checkers.tokens)
    with Pool(backend="unsafe", size=1) as pool:
        assert pool.run(Submission(language="python", source=program, tests=[test])).outcome is Outcome.AC
