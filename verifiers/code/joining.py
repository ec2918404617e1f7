"""Joining a program to what its data set keeps in the prompt, or in the tests.

Python's functions are joined to their prompt as HumanEval wants it. MultiPL-E's tests begin with the brace that ends
the function, since they are written for completions; a program that is whole already gets them without.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...sandbox import ProgramTest
from ...sandbox.submission import Test

_LONGEST_PARSED = 100_000
"""Characters of a text that is parsed to see what it is; a longer one is judged by its lines."""


def complete(source: str, prompt: str, entry: str | None) -> str:
    """A Python program, joined to the prompt that begins it: to the whole of it where the program is only the body of
    the function, else to the imports and functions that stand before that function.

    >>> complete("    return a + b\\n", "def add(a, b):\\n", "add")
    'def add(a, b):\\n    return a + b\\n'
    >>> complete("def add(a, b): return a + b", "import math\\ndef add(a, b):\\n", "add")
    'import math\\ndef add(a, b): return a + b'
    """
    head = f"def {entry}("
    if entry is None or head not in prompt:
        return source
    start = max(prompt.rfind("\n```", 0, prompt.find(head)), 0)
    stub = prompt[start:]
    if start:
        stub = stub[stub.find("\n", 1) + 1 :]
        stub = stub[:end] if (end := stub.find("\n```")) >= 0 else stub
    line = stub.rfind("\n", 0, stub.find(head)) + 1
    before = stub[:line] if only_defines(stub[:line]) else ""
    if defines(source, entry) or not _is_body(source):
        return source if "__future__" in source else before + source
    first = next((line for line in source.splitlines() if line.strip()), "")
    if not first.startswith((" ", "\t")):
        source = "".join(f"    {line}" for line in source.splitlines(keepends=True))
    return before + stub[line:].rstrip("\n") + "\n" + source


def defines(source: str, name: str) -> bool:
    """Whether Python source defines a function, class or variable of that name."""
    name = re.escape(name)
    pattern = rf"^[ \t]*+(?:(?:async[ \t]++)?def|class)[ \t]++{name}\b|^{name}[ \t]*+[:=]"
    return re.search(pattern, source, re.MULTILINE) is not None


def only_defines(text: str) -> bool:
    """Whether this is Python that does nothing but import and define."""
    tree = parsed(text)
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return tree is not None and all(
        isinstance(node, kinds) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )


def _is_body(source: str) -> bool:
    """Whether this is what stands in a function: indented, or with a `return` outside of one."""
    first = next((line for line in source.splitlines() if line.strip()), "")
    if first.startswith((" ", "\t")):
        return True
    tree = parsed(source)
    todo: list[ast.AST] = [] if tree is None else [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return False


def parsed(text: str) -> ast.Module | None:
    """The tree of a Python text that is not too long; None where it is none."""
    if len(text) > _LONGEST_PARSED:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def complete_other(source: str, prompt: str, row: Mapping[str, Any]) -> str:  # any: JSON values
    r"""A program in another language than Python, after the prompt's code where it is only the body of the function.

    >>> complete_other("int f(int x) { return x; }", "// of a list (of x)\nint f(int x) {\n", {})
    'int f(int x) { return x; }'
    >>> complete_other("return 1 }", 'import (\n"fmt"\n)\nfunc f() (int, bool) {', {}).endswith("{\nreturn 1 }")
    True
    """
    declared = row.get("declaration")
    head = declared if isinstance(declared, str) and declared.strip() else prompt
    code = re.sub(r"^\s*#.*", "", _NOISE.sub(" ", head), flags=re.MULTILINE)
    named = re.findall(r"\b(?!import\b)(\w+)\s*\([^()]*\)[^{};]*\{\s*$", code.rstrip())
    if not named or re.search(rf"\b{re.escape(named[-1])}\s*\(", source) or "{" not in head:
        return source
    return f"{head.rstrip()}\n{source}"


def fit_program_tests(tests: Sequence[Test], source: str, language: str) -> tuple[list[Test], str]:
    """Tests that begin with the brace that ends a completion, and the program, made to fit each other.

    >>> tests, source = fit_program_tests([ProgramTest(code="}\\nint main() {}")], "int f() { return 1; }", "cpp")
    >>> tests[0].code
    'int main() {}'
    """
    fitted: list[Test] = []
    for test in tests:
        code = test.code.lstrip() if isinstance(test, ProgramTest) else ""
        if not code.startswith("}") or not isinstance(test, ProgramTest):
            fitted.append(test)
            continue
        depth = _depth(source)
        in_class = language == "java"
        if depth <= (1 if in_class else 0):
            test = replace(test, code=code[1:].lstrip())
        if in_class and depth == 0:
            source = source.rstrip()[: source.rstrip().rfind("}")]
        fitted.append(test)
    return fitted, source


_NOISE = re.compile(
    r'//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|"(?:[^"\\\n]|\\.)*+"|'
    r"'(?:[^'\\\n]|\\.)++'|`(?:[^`\\]|\\.)*+`",
    re.DOTALL,
)


def _depth(source: str) -> int:
    """How many braces are open at the end of a program."""
    plain = _NOISE.sub(" ", source)
    return plain.count("{") - plain.count("}")
