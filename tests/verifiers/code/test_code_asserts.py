"""Assert tests taken apart: what is expected stays outside, and what is asked stays the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.sandbox import AssertTest, CallTest
from r1_reward.verifiers.code.asserts import split_asserts
from r1_reward.verifiers.code.constants import fold_text

APART = [
    # code, what the program gives, does it pass?
    ("assert f(1) == 5", 5, True),
    ("assert f(1) == 5", 5.0, True),
    ("assert f(1) == 5", "5", False),
    ("assert 5 == f(1)", 5, True),
    ("assert f(1) == [1, (2, 3)]", [1, (2, 3)], True),
    ("assert f(1) == [1, (2, 3)]", [1, [2, 3]], False),
    ("assert f(1) != 5", 6, True),
    ("assert f(1) != 5", 5, False),
    ("assert f(1) is None", None, True),
    ("assert f(1) is None", 0, False),
    ("assert f(1) is True", 1, False),
    ("assert f(1) is not None", 1, True),
    ("assert f(1) is not None", None, False),
    ("assert f(1)", [0], True),
    ("assert f(1)", [], False),
    ("assert not f(1)", "", True),
    ("assert not f(1)", "x", False),
    ("assert f(1) == 2 ** 10 - 3 * 8", 1000, True),
    ("assert f(1) in (1, 2)", 2, True),
    ("assert f(1) in (1, 2)", 3, False),
    ("assert f(1) not in [1, 2]", 3, True),
    ("assert abs(f(1) - 0.5) < 1e-6", 0.5000001, True),
    ("assert abs(f(1) - 0.5) < 1e-6", 0.6, False),
    ("assert abs(0.5 - f(1)) <= 0.5", 1.0, True),
    ("assert abs(f(1) - 0.5) < 0.5", 1.0, False),
    ("assert abs(f(1) - 0.5) < 1e-6", float("nan"), False),
    ("import math\nassert math.isclose(f(1), 0.5, rel_tol=0.01)", 0.501, True),
    ("import math\nassert math.isclose(f(1), 0.5)", 0.501, False),
    ("x = [1, 2]\nassert f(x) == x + [3]", [1, 2, 3], True),
    ("assert f(1) == set([1, 2])", {2, 1}, True),
    ("assert f(1) == 1, 'a message'", 1, True),
    ("def check(candidate):\n    assert candidate(1) == 2\n    assert True\ncheck(f)", 2, True),
    ("METADATA = {'a': 1}\n\ndef check(candidate):\n    'text'\n    assert candidate(1)\n\ncheck(f)\n", 0, False),
]


@pytest.mark.parametrize(("code", "value", "passes"), APART)
def test_taken_apart(code: str, value: object, passes: bool) -> None:
    (test,) = split_asserts(code)
    assert isinstance(test, CallTest)
    assert test.entry == "f"
    assert (test.checker(test.expected, value) is None) is passes
    # Nothing of what is expected goes in: only the call does.
    assert test.args in ("(1,)", "([1, 2],)")


@pytest.mark.parametrize(
    ("code", "entry", "args"),
    [
        ("assert set(f([1])) == {1}", "(lambda *_: set(f(*_)))", "([1],)"),
        ("assert sorted(f([2, 1])) == [1, 2]", "(lambda *_: sorted(f(*_)))", "([2, 1],)"),
        ("assert round(f(1), 2) == 0.33", "(lambda *_: round(f(*_), 2))", "(1,)"),
        ("assert f(1)[0] == 2", "(lambda *_: f(*_)[0])", "(1,)"),
        ("assert Solution().add(1, 2) == 3", "Solution().add", "(1, 2,)"),
        ("assert f() == 3", "f", "()"),
        ("assert f(-1, 'a' * 3) == 3", "f", "(-1, 'aaa',)"),
        ("assert f(1, b=2) == 3", "(lambda _a, _k: f(*_a, **_k))", "((1,), {'b': 2})"),
    ],
)
def test_what_is_asked(code: str, entry: str, args: str) -> None:
    (test,) = split_asserts(code)
    assert isinstance(test, CallTest)
    assert (test.entry, test.args) == (entry, args)
    compile(test.entry, "entry", "eval")
    compile(test.args, "args", "eval")


EXAMS = [
    # code, functions reached by message; None where the program's own process must run it
    ("for x in range(3): assert f(x) == x", ("f",), "a loop"),
    ("def check(c):\n    for x in range(3): assert c(x) == g(x)\ncheck(f)", ("f", "g"), "two functions"),
    ("import random\nx = random.random()\nassert f(x) == x", ("f",), "what is not constant"),
    ("assert f(g(1)) == 2", ("f", "g"), "a call in a call"),
    ("assert 1 < f(1) < 3", ("f",), "a chain"),
    ("assert all(f(x) for x in [1, 2])", ("f",), "a comprehension"),
    ("assert isinstance(f(1), int)", ("f",), "a type"),
    ("assert f(1) == 10 ** 10 ** 10", ("f",), "a constant too large to work out"),
    ("assert f('%999999999d' % 1)", ("f",), "a constant too large to work out"),
    ("assert (f(1) == 5) == True", ("f",), "a comparison that must not be the program's"),
    ("s = Stack()\ns.push(1)\nassert s.pop() == 1", None, "an object of the program's"),
    ("x = [2, 1]\nsort(x)\nassert x == [1, 2]", None, "changes its argument"),
    ("assert table[1] == 2", None, "no function"),
    ("assert f(1).name == 'x'", None, "an object of the program's"),
    ("assert f(2)(3) == 5", None, "calls what came back"),
    ("assert f(2)[0](3) == 5", None, "calls what came back in a list"),
    ("assert f.calls == 1", None, "looks into the function"),
    ("class T:\n    pass\nassert f(T()) == 1", None, "an object of the test's"),
]


@pytest.mark.parametrize(("code", "names", "why"), EXAMS)
def test_kept_as_code(code: str, names: tuple[str, ...] | None, why: str) -> None:
    (test,) = split_asserts(code)
    assert isinstance(test, AssertTest), why
    assert names is not None or test.code == code
    assert test.names == names, why


def test_a_list_that_a_call_has_had_is_no_constant_any_more() -> None:
    (test,) = split_asserts("x = [2, 1]\nassert f(x) == [1, 2]\nassert x == [2, 1]")
    assert isinstance(test, AssertTest)


def test_a_name_that_the_test_changes_is_left_to_python() -> None:
    for code in ("len = 3\nassert f(len) == 3", "x = 1\nx = f(x)\nassert x == 2", "f = 1\nassert f == 1"):
        assert all(isinstance(test, AssertTest) for test in split_asserts(code)), code


def test_several_asserts_are_several_tests() -> None:
    tests = split_asserts("def check(c):\n    assert c(1) == 1\n    assert c(2) == 2\ncheck(f)\nassert f(3) == 3")
    assert [test.args for test in tests if isinstance(test, CallTest)] == ["(1,)", "(2,)", "(3,)"]


@pytest.mark.parametrize("code", ["assert f(", "\0", "(" * 1_000 + ")" * 1_000, "def f(:"])
def test_what_is_no_python_is_said_to_be_none(code: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        split_asserts(code)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@given(plain, plain)
def test_arguments_and_expectations_survive(argument: object, expected: object) -> None:
    (test,) = split_asserts(f"assert f({argument!r}) == {expected!r}")
    assert isinstance(test, CallTest)
    assert fold_text(test.args) == (argument,)
    assert test.checker(expected, test.expected) is None


@given(st.text(alphabet="assertf()=[]{}12,.:+*-'\n \\x", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert split_asserts(text)
    except (SyntaxError, ValueError):
        return
