"""Assert tests, taken apart so that what they expect never reaches the program.

`assert f(2, 3) == 5` becomes a call of `f(2, 3)`, whose value comes back and is compared with 5 here. So do the
straight-line asserts of HumanEval's `check(candidate)`. What can be taken apart:

    CALL == CONSTANT, !=, is None/True/False, CALL, not CALL, CALL in CONSTANT (equality the other way round, too)
    abs(CALL - CONSTANT) < CONSTANT (also <=), math.isclose(CALL, CONSTANT, ...)

where a CALL is the program's function called with constants, or that in list, tuple, set, sorted, len, str, ... or an
index of it; and a CONSTANT is worked out here, with bounds. Equality is Python's, on exact plain values.

Anything else stays code, and the whole text is run as an exam: in a process of its own, which reaches the program's
functions by message, where the code only calls functions with values; else in the program's process, which is weak.
Only the test's text decides; the program's is not looked at.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from typing import NamedTuple

from ...sandbox import AssertTest, CallTest, checkers
from ...sandbox.submission import Checker, Runner
from .constants import NotConstantError, fold
from .crossing import Guard, called_names, runs_text

_LONGEST = 1 << 20
"""Characters of test code that is taken apart; longer code is run as it is."""
_MOST = 2_000
"""Calls that one text of tests is taken apart into."""
_WRAPPERS = frozenset("list tuple set frozenset sorted len str round dict bool int float sum min max repr".split())
"""Built-in functions that may stand around a call; they run where the program does, as they would in an assert."""


class _Call(NamedTuple):
    """The program's function with its arguments, and what is done with the value."""

    entry: str
    args: str


PROGRAM_MODULES = frozenset(("solution", "main", "program", "your_module", "submission"))
"""What tests import the program as (sandbox/agent/harness.py knows them, too)."""


def split_asserts(code: str, *, runner: Runner = "", before: str = "") -> list[CallTest | AssertTest]:
    """The tests in a text of Python asserts. Raises SyntaxError or ValueError where it is no Python, and
    `ChecksNothingError` where running it would neither call nor assert anything.

    `runner` runs the tests that the text defines; where it is empty, a text that names pytest or imports the program
    as a module gets pytest. `before` stands before the text in every case.

    >>> [(test.entry, test.args, test.expected) for test in split_asserts("assert add(2, 3) == 5")]
    [('add', '(2, 3,)', 5)]
    >>> split_asserts("for x in range(3): assert add(x, x) == 2 * x")[0].names
    ('add',)
    """
    code = f"{before}\n{code}" if before else code
    tree = _parsed(code)
    runner = runner or _wanted_runner(tree)
    if not runner and not _does_something(tree):
        raise ChecksNothingError("the test code only defines things, and nothing calls them")
    if not any(isinstance(node, ast.Call | ast.Name | ast.ImportFrom) for node in ast.walk(tree)):
        raise ChecksNothingError("the test code asserts constants alone")
    if len(code) <= _LONGEST:
        try:
            calls = _Straight(runner).read(tree.body)
            if calls and not _counts_calls(calls):
                return list(calls)
        except (NotConstantError, RecursionError):
            pass
    names = called_names(tree)
    runs_answers = names is not None and runs_text(tree)
    if names is not None:
        guarded = Guard(names, runs_answers).visit(tree)
        if guarded is not None and (runs_answers or Guard.changed(guarded)):
            code = ast.unparse(ast.fix_missing_locations(guarded))
    return [AssertTest(code=code, names=names, runner=runner, weak=runs_answers)]


def _counts_calls(tests: Sequence[CallTest]) -> bool:
    """Whether the same call is to give one thing and then another: the tests are about what is kept between them."""
    by_call: dict[tuple[str, str], list[CallTest]] = {}
    for test in tests:
        by_call.setdefault((test.entry, test.args), []).append(test)
    return any(
        test.checker is first.checker is checkers.equal and not checkers.same(first.expected, test.expected)
        for first, *others in by_call.values()
        for test in others
    )


class ChecksNothingError(ValueError):
    """A test that no program can fail."""


def _wanted_runner(tree: ast.Module) -> Runner:
    """Tests that are written for pytest say so, or import the program; bare functions might be anything."""
    imported = {name for node in ast.walk(tree) for name in _imported(node)}
    defines = any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)
    if not defines or _does_something(tree):
        return ""
    bases = [ast.unparse(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
    if any("TestCase" in base for base in bases):
        return "unittest" if imported & PROGRAM_MODULES else ""
    return "pytest" if imported & {"pytest", *PROGRAM_MODULES} else ""


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names] if isinstance(node, ast.Import) else []


def _does_something(tree: ast.Module) -> bool:
    """Whether running the text calls or asserts anything."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            continue
        if any(isinstance(node, ast.Call | ast.Assert | ast.Raise) for node in ast.walk(statement)):
            return True
    return False


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except (RecursionError, MemoryError) as error:
        raise ValueError(f"the test code cannot be read: {type(error).__name__}") from error


class _Straight:
    """Reads statements that run one after the other; raises NotConstantError at the first that it does not know."""

    def __init__(self, runner: Runner = "") -> None:
        self._runner = runner
        self._constants: dict[str, object] = {}
        self._aliases: dict[str, str] = {}
        self._checks: dict[str, tuple[str, list[ast.stmt]]] = {}
        self._tests: list[CallTest] = []
        self._modules: set[str] = set()
        self._spent: set[str] = set()
        self._handed: set[str] = set()

    def read(self, body: Sequence[ast.stmt]) -> list[CallTest]:
        for statement in body:
            self._statement(statement)
            if len(self._tests) > _MOST:
                raise NotConstantError
        return self._tests

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assert(test=test):
                self._assert(test)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._forget(name)
                self._constants[name] = self._constant(value)
            case ast.FunctionDef(name=name, body=body, decorator_list=[]) if self._runner == "pytest":
                if not name.startswith("test") or ast.unparse(statement.args):
                    raise NotConstantError
                self._test_function(body)
            case ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[]):
                if len(arguments.args) != 1 or len(arguments.args) != len(ast.unparse(arguments).split(",")):
                    raise NotConstantError
                self._forget(name)
                self._checks[name] = (arguments.args[0].arg, body)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=[ast.Name(id=argument)], keywords=[])) if (
                name in self._checks and argument not in self._constants and argument not in self._checks
            ):
                self._check(name, argument)
            case ast.ImportFrom(module=str(module), names=names) if module in PROGRAM_MODULES:
                if any(alias.asname is not None for alias in names):
                    raise NotConstantError
            case ast.Import(names=[ast.alias(name="pytest", asname=None)]):
                self._modules.add("pytest")
            case ast.Import(names=names) if all(alias.name == "math" and alias.asname is None for alias in names):
                self._modules.add("math")
            case _:
                raise NotConstantError

    def _forget(self, name: str) -> None:
        """A name that the test gives a meaning of its own is none of the program's; one of Python's stays Python's."""
        if name in self._aliases or name in self._checks or name in self._constants or hasattr(builtins, name):
            raise NotConstantError

    def _test_function(self, body: Sequence[ast.stmt]) -> None:
        """What pytest would call."""
        inner = _Straight()
        inner._constants, inner._modules, inner._tests = dict(self._constants), set(self._modules), self._tests
        inner.read(body)

    def _check(self, name: str, argument: str) -> None:
        parameter, body = self._checks[name]
        inner = _Straight()
        inner._constants = {key: value for key, value in self._constants.items() if key != parameter}
        inner._aliases = {parameter: argument}
        inner._modules = set(self._modules)
        inner._spent = self._spent
        inner._tests = self._tests
        inner.read(body)

    def _assert(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare) or len(test.ops) == 1:
            try:
                if self._constant(test):
                    return  # `assert True`
            except NotConstantError:
                pass
        match test:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                self._compare(left, op, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._add(self._call(operand), False, checkers.truthy)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr="isclose")) if "math" in self._modules:
                self._isclose(test)
            case ast.BoolOp(op=ast.And(), values=values):
                for value in values:
                    self._assert(value)
            case _:
                self._add(self._call(test), True, checkers.truthy)

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        if isinstance(op, ast.Lt | ast.LtE):
            return self._near(left, op, right)
        if isinstance(op, ast.In | ast.NotIn):
            container = self._constant(right)
            if not isinstance(container, list | tuple | set | frozenset | dict):
                raise NotConstantError
            return self._add(self._call(left), list(container), _one_of if isinstance(op, ast.In) else _none_of)
        try:
            expected, call = self._constant(right), left
        except NotConstantError:
            expected, call = self._constant(left), right
        match op:
            case ast.Eq():
                checker = checkers.equal
            case ast.NotEq():
                checker = checkers.unequal
            case ast.Is() if expected is None or expected is True or expected is False:
                checker = checkers.identical
            case ast.IsNot() if expected is None or expected is True or expected is False:
                checker = checkers.not_identical
            case _:
                raise NotConstantError
        return self._add(self._call(call), expected, checker)

    def _near(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        """`abs(f(x) - y) < eps`."""
        match left:
            case ast.Call(
                func=ast.Name(id="abs"),
                args=[ast.BinOp(left=one, op=ast.Sub(), right=other)],
                keywords=[],
            ):
                bound = self._constant(right)
                try:
                    expected, call = self._constant(other), one
                except NotConstantError:
                    expected, call = self._constant(one), other
                if not _number(bound) or not _number(expected):
                    raise NotConstantError
                checker = checkers.close(float(bound), 0.0, strict=isinstance(op, ast.Lt))  # type: ignore[arg-type]
                self._add(self._call(call), expected, checker)
            case _:
                raise NotConstantError

    def _isclose(self, test: ast.Call) -> None:
        options = {keyword.arg: self._constant(keyword.value) for keyword in test.keywords}
        if (
            len(test.args) != 2
            or not options.keys() <= {"rel_tol", "abs_tol"}
            or not all(map(_number, options.values()))
        ):
            raise NotConstantError
        one, other = test.args
        try:
            expected, call = self._constant(other), one
        except NotConstantError:
            expected, call = self._constant(one), other
        if not _number(expected):
            raise NotConstantError
        absolute, relative = options.get("abs_tol", 0.0), options.get("rel_tol", 1e-9)
        assert isinstance(absolute, int | float)
        assert isinstance(relative, int | float)
        self._add(self._call(call), expected, checkers.close(float(absolute), float(relative)))

    def _add(self, call: _Call, expected: object, checker: Checker) -> None:
        self._spent |= {
            name for name in self._handed if isinstance(self._constants.get(name), list | dict | set | tuple)
        }
        self._handed.clear()
        self._tests.append(CallTest(entry=call.entry, args=call.args, expected=expected, checker=checker))

    def _call(self, node: ast.expr) -> _Call:
        """A call of the program, bare or in something that Python itself does with its value."""
        inner = self._bare_call(node)
        if inner is not None:
            return inner
        held: list[_Call] = []

        def dressed(piece: ast.expr) -> str:
            bare = self._bare_call(piece)
            if bare is not None:
                if held:
                    raise NotConstantError
                held.append(bare)
                return f"{bare.entry}(*_)"
            match piece:
                case ast.Call(func=ast.Name(id=name), args=[first, *rest], keywords=keywords) if (
                    name in _WRAPPERS and all(keyword.arg is not None for keyword in keywords)
                ):
                    more = [self._source(part) for part in rest]
                    more += [f"{keyword.arg}={self._source(keyword.value)}" for keyword in keywords]
                    return f"{name}({', '.join([dressed(first), *more])})"
                case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                    return f"{dressed(value)}[{self._source(index)}]"
            raise NotConstantError

        text = dressed(node)
        return _Call(f"(lambda *_: {text})", held[0].args)

    def _bare_call(self, node: ast.expr) -> _Call | None:
        if not isinstance(node, ast.Call):
            return None
        entry = self._entry(node.func)
        if entry is None:
            return None
        args = [self._source(argument) for argument in node.args]
        if not node.keywords:
            return _Call(entry, f"({', '.join(args)},)" if args else "()")
        keywords = [(keyword.arg, self._source(keyword.value)) for keyword in node.keywords]
        if any(name is None for name, _ in keywords):
            raise NotConstantError
        named = ", ".join(f"{name!r}: {value}" for name, value in keywords)
        return _Call(f"(lambda _a, _k: {entry}(*_a, **_k))", f"(({', '.join(args)}{',' if args else ''}), {{{named}}})")

    def _entry(self, node: ast.expr) -> str | None:
        """A function of the program, or a method of a fresh object of it: `f`, `Solution().f`."""
        match node:
            case ast.Name(id=name):
                if name in self._aliases:
                    return self._aliases[name]
                known = name in self._constants or name in self._checks or hasattr(builtins, name)
                return None if known or name in self._modules else name
            case ast.Attribute(value=ast.Call(func=ast.Name(id=name), args=[], keywords=[]), attr=method):
                owner = self._entry(node.value.func)  # type: ignore[attr-defined]  # matched just above
                return None if owner is None or method.startswith("_") else f"{owner}().{method}"
        return None

    def _source(self, node: ast.expr) -> str:
        """Python source of a constant argument."""
        value = self._constant(node)
        self._handed |= {piece.id for piece in ast.walk(node) if isinstance(piece, ast.Name)}
        return _written(value)

    def _constant(self, node: ast.expr) -> object:
        """A constant's value; none is a name whose list a call has had, which it may have changed."""
        return fold(node, {name: value for name, value in self._constants.items() if name not in self._spent})


def _written(value: object) -> str:
    text = repr(value)
    if "inf" in text or "nan" in text:
        try:
            if not checkers.equal(ast.literal_eval(text), value):
                return text  # the letters stood in a string
        except (ValueError, SyntaxError):
            pass
        raise NotConstantError
    return text


def _number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300


def _one_of(expected: object, got: object) -> str | None:
    assert isinstance(expected, list)
    if any(checkers.same(item, got) for item in expected):
        return None
    return f"returned {checkers.show(got)}, which is none of {checkers.show(expected)}"


def _none_of(expected: object, got: object) -> str | None:
    return f"returned {checkers.show(got)}, which it should not" if _one_of(expected, got) is None else None
