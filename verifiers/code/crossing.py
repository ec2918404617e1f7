"""Whether test code can be held in a process of its own, which reaches the program's functions by message.

The text alone decides, never the program. It can where all that it does to the program is to call its functions with
plain values and to look at plain values that come back. It cannot where it changes what its own process and the
program's share (standard output, the environment, time, files, a seeded generator of random numbers), asks for
identity, or makes objects of the program's classes: such code runs in the program's process, which is weak.

What crosses is copied. Where an assert looks once more at an argument that the program had, it looks at its own copy;
and where the test runs text that the program returned, values are compared as plain ones only, and the result is weak.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

_PURE = frozenset(
    "math cmath itertools collections functools operator string re copy json typing datetime decimal fractions heapq "
    "bisect statistics numbers random time numpy uuid calendar hashlib base64 textwrap difflib array struct zlib "
    "sortedcontainers dateutil pytest solution main program your_module submission __future__".split()
)
"""Modules whose use in a test has no part in what the program sees."""
_SHARED = frozenset(
    "id hash input open globals locals vars setattr delattr breakpoint __import__ compile super __builtins__".split()
)
"""Functions of Python that ask what only the program's own process can answer."""
_FIXTURES = frozenset(
    "capfd capfdbinary caplog capsys capsysbinary monkeypatch tmp_path tmp_path_factory tmpdir".split()
)
"""Of pytest's fixtures, those that change or look at the process and its files."""
_PLAIN_METHODS = frozenset(
    name for kind in (int, float, complex, str, bytes, list, tuple, dict, set) for name in dir(kind)
)


def called_names(tree: ast.Module) -> tuple[str, ...] | None:
    """The program's functions that test code uses, if calling them with values is all that it does to the program."""
    nodes = list(ast.walk(tree))
    if not all(_is_apart(node) for node in nodes) or _seeds_for_the_program(nodes):
        return None
    bound: set[str] = set(dir(builtins))
    of_program: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                bound.add(name)
            case ast.Import(names=names):
                bound.update((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.ImportFrom(module=module, names=names) if module in _AS_MODULES:
                if any(alias.asname not in (None, alias.name) for alias in names):
                    return None
                of_program.update(alias.name for alias in names if alias.name != "*")
            case ast.ImportFrom(names=names):
                bound.update(alias.asname or alias.name for alias in names)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
    free = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} - bound
    free |= of_program
    if not free or any(name[:1].isupper() for name in free):
        return None  # a class gives objects that no message can carry
    expecting = {id(inner) for node in nodes if isinstance(node, ast.With | ast.Try) for inner in ast.walk(node)}
    called: set[str] = set()
    for node in nodes:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in free and id(node) not in expecting:
                return None
            case ast.Call(func=ast.Name(id=name), args=arguments):
                # A function that is handed on, as to `check`, is called there; the program's own may want it itself.
                called.add(name)
                called.update(
                    argument.id for argument in arguments if isinstance(argument, ast.Name) and name not in free
                )
    return tuple(sorted(free)) if free <= called | of_program and not _looks_inside(nodes, free) else None


_AS_MODULES = ("solution", "main", "program", "your_module", "submission")


def _is_apart(node: ast.AST) -> bool:
    """Whether a piece of a test means the same in another process than the program's."""
    match node:
        case ast.ClassDef() | ast.Global() | ast.Nonlocal() | ast.AsyncFunctionDef() | ast.Await() | ast.Lambda():
            return False
        case ast.Import(names=names):
            return all(alias.name.partition(".")[0] in _PURE and alias.name not in _AS_MODULES for alias in names)
        case ast.ImportFrom(module=module):
            return (module or "").partition(".")[0] in _PURE
        case ast.arg(arg=name):
            return name not in _FIXTURES
        case ast.Name(id=name):
            return name not in _SHARED
        case ast.Compare(ops=ops, comparators=comparators):
            return not any(
                isinstance(op, ast.Is | ast.IsNot)
                and not (isinstance(side, ast.Constant) and (side.value is None or isinstance(side.value, bool)))
                for op, side in zip(ops, comparators, strict=True)
            )
    return True


def _seeds_for_the_program(nodes: Sequence[ast.AST]) -> bool:
    """Whether random numbers are seeded that the test itself does not draw."""
    drawn = {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_random(node.value)}
    return bool(drawn) and drawn <= {"seed", "setstate", "random"} and bool(drawn & {"seed", "setstate"})


def _is_random(node: ast.expr) -> bool:
    return ast.unparse(node) in ("random", "np.random", "numpy.random")


def _looks_inside(nodes: Sequence[ast.AST], free: set[str]) -> bool:
    """Whether attributes are asked for of what the program gave that plain values have not got."""
    tainted = set(free)

    def is_tainted(node: ast.AST) -> bool:
        return any(isinstance(inner, ast.Name) and inner.id in tainted for inner in ast.walk(node))

    for _ in range(3):  # names given to names given to names
        for node in nodes:
            match node:
                case ast.Assign(targets=targets, value=value) if is_tainted(value):
                    tainted |= {
                        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
                    }
                case (
                    ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                    | ast.NamedExpr(target=target, value=value)
                ) if is_tainted(value):
                    tainted |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
    answers = tainted - free
    return any(
        (isinstance(node, ast.Attribute) and node.attr not in _PLAIN_METHODS and is_tainted(node.value))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in answers)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Call | ast.Subscript) and is_tainted(node.func))
        or (isinstance(node, ast.withitem) and _first_call(node.context_expr) in tainted)
        for node in nodes
    )


def _first_call(node: ast.expr) -> str:
    """The name that is called to make a context."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def runs_text(tree: ast.Module) -> bool:
    """Whether test code runs text, which may be the program's."""
    return any(isinstance(node, ast.Name) and node.id in ("eval", "exec") for node in ast.walk(tree))


class Guard(ast.NodeTransformer):
    """Puts copies where an assert looks twice at an argument, plain comparisons where text of the program is run."""

    def __init__(self, names: Sequence[str], plain: bool) -> None:
        self._names, self._plain = frozenset(names), plain

    @staticmethod
    def changed(tree: ast.AST) -> bool:
        """Whether anything was put in."""
        return any(isinstance(node, ast.Name) and node.id == "__r1_copy__" for node in ast.walk(tree))

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """One comparison."""
        sides = [node.left, *node.comparators]
        looked_at = [{inner.id for inner in ast.walk(side) if isinstance(inner, ast.Name)} for side in sides]
        for index, side in enumerate(sides):
            others = set().union(*(names for at, names in enumerate(looked_at) if at != index))
            for call in ast.walk(side):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self._names:
                    call.args = [self._copied(argument, others) for argument in call.args]
                    for keyword in call.keywords:
                        keyword.value = self._copied(keyword.value, others)
        if self._plain and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            same = ast.Call(ast.Name("__r1_same__", ast.Load()), [node.left, node.comparators[0]], [])
            return same if isinstance(node.ops[0], ast.Eq) else ast.UnaryOp(ast.Not(), same)
        return node

    @staticmethod
    def _copied(argument: ast.expr, others: set[str]) -> ast.expr:
        if isinstance(argument, ast.Name) and argument.id in others:
            return ast.Call(ast.Name("__r1_copy__", ast.Load()), [argument], [])
        return argument
