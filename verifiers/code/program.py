"""Where the program of a response stands, and in which language it is.

The program is the last fenced block after the thinking whose tag fits: one of the wanted language (of any known one,
where none is wanted), else one without a tag. A response without a fence may be the program itself. A think block left
open has no program, and neither has a response whose only blocks are in other languages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import NamedTuple

from ...sandbox.languages import language
from ..format.verifier import clean
from ..reasoning import Prefilled, scan
from ..sample import Message

# No step back in what repeats, here and below: responses must not decide how long their reading takes.
_OPENING = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)([^\n`]*+)\n", re.MULTILINE)
_CODE_LINE = re.compile(
    r"^(?:def |class |import |from \w|#include|using |int main|public |package |func |fn |const |let |var |function "
    r"|#!/|print\(|for |while |if |@|async def )",
    re.MULTILINE,
)


_LONGEST_PARSED = 100_000
"""Characters of a text without fences that is parsed to see whether it is Python; a longer one is judged by its lines."""


class Program(NamedTuple):
    """A program found in a response."""

    source: str
    language: str
    """A name in `sandbox.languages.LANGUAGES`."""


def find_program(
    response: str,
    prompt: str | Sequence[Message] = "",
    *,
    wanted: str | None = None,
    fallback: str = "python",
    prefilled: Prefilled = "auto",
    bare: bool = True,
) -> Program | None:
    r"""The program of a response; None where there is none.

    `wanted` is the language it must be in, `fallback` the one of a block without a tag where none is wanted; `bare`
    says whether a response without any fence may be a program.

    >>> find_program("<think>```py\nx\n```</think>Here:\n```python\nprint(1)\n```\n").source
    'print(1)\n'
    >>> find_program("```cpp\nint main(){}\n```", wanted="python") is None
    True
    """
    found = scan(clean(response), prompt, prefilled=prefilled)
    if found.final is None:
        return None
    text = found.final.of(found.text)
    answers = [block.body.of(found.text) for block in found.answers if block.span.start >= found.final.start]
    if answers and ("```" in answers[-1] or "~~~" in answers[-1]):
        text = answers[-1]
    blocks = _blocks(text)
    for tagged in (True, False):
        for tag, body in reversed(blocks):
            known = language(tag) if tag else None
            if tagged and known is not None and wanted in (None, known.name):
                return Program(body, known.name)
            if not tagged and known is None and not tag and body.strip():
                return Program(body, wanted or fallback)
    if blocks or not bare:
        return None
    text = answers[-1] if answers else text
    return Program(text.strip("\n") + "\n", wanted or fallback) if _looks_bare(text, wanted or fallback) else None


def complete(source: str, prompt: str, entry: str | None) -> str:
    """A Python program, joined to its prompt where it is only the body of the function that the prompt begins.

    >>> complete("    return a + b\\n", "def add(a, b):\\n", "add")
    'def add(a, b):\\n    return a + b\\n'
    >>> complete("def add(a, b): return a + b", "def add(a, b):\\n", "add")
    'def add(a, b): return a + b'
    """
    head = f"def {entry}("
    if entry is None or head not in prompt or _defines(source, entry):
        return source
    start = max(prompt.rfind("\n```", 0, prompt.find(head)), 0)
    stub = prompt[start:]
    if start:
        stub = stub[stub.find("\n", 1) + 1 :]
        stub = stub[:end] if (end := stub.find("\n```")) >= 0 else stub
    first = next((line for line in source.splitlines() if line.strip()), "")
    if not first.startswith((" ", "\t")):
        source = "".join(f"    {line}" for line in source.splitlines(keepends=True))
    return stub.rstrip("\n") + "\n" + source


def _defines(source: str, name: str) -> bool:
    return re.search(rf"^[ \t]*+(?:async[ \t]++)?def[ \t]++{re.escape(name)}\b", source, re.MULTILINE) is not None


def _blocks(text: str) -> list[tuple[str, str]]:
    """Tag and body of every fenced block, with the last one where it is never closed."""
    closed = scan(text, prefilled=False).fences
    blocks = [(fence.language, fence.body.of(text)) for fence in closed]
    after = closed[-1].span.end if closed else 0
    left_open = list(_OPENING.finditer(text, after))
    if left_open and left_open[0][2].strip():
        words = left_open[0][2].split()
        blocks.append((words[0].lower() if words else "", text[left_open[0].end() :]))
    elif left_open and not closed:
        blocks.append(("", text[left_open[0].end() :]))
    return [(tag.strip("{}.").partition(",")[0], body) for tag, body in blocks]


def _looks_bare(text: str, name: str) -> bool:
    """Whether a text without fences is a program and no prose: Python where it parses and does something."""
    if name == "python" and len(text) <= _LONGEST_PARSED:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return bool(_CODE_LINE.match(text.lstrip("\n"))) or text.startswith(("    ", "\t"))
        return any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)
    return bool(_CODE_LINE.match(text.lstrip()))
