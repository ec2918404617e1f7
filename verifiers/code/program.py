"""Where the program of a response stands, and in which language it is.

The program is the last fenced block after the thinking whose tag fits: one of the wanted language (of any known one,
where none is wanted; of Bash only where there is no other), else one without a tag. A block that defines what the tests
call goes before one that does not, as an example of its use. A response without a fence may be the program itself. A
think block left open has no program, and neither has a response whose only blocks are in other languages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ...sandbox.languages import language
from ..format.verifier import clean
from ..reasoning import Prefilled, scan
from ..sample import Message
from .joining import defines, parsed

# No step back in what repeats, here and below: responses must not decide how long their reading takes.
_OPENING = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)([^\n`]*+)\n", re.MULTILINE)
_DEEP = re.compile(r"^([ \t]++)(?:`{3}|~{3})", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`{3,}+[ \t]*+([\w+#.-]*+)[^\n`]*+\n")
_CODE_LINE = re.compile(
    r"^(?:def |class |import |from \w|#include|using |int main|public |package |func |fn |const |let |var |function "
    r"|#!/|print\(|for |while |if |@|async def )",
    re.MULTILINE,
)


_LONGEST_PARSED = 100_000
"""Characters of a text that is parsed to see what it is; a longer one is judged by its lines."""


class Program(NamedTuple):
    """A program found in a response."""

    source: str
    language: str
    """A name in `sandbox.languages.LANGUAGES`."""
    standard: str = ""
    """C and C++: the standard that its block was tagged with."""


def find_program(
    response: str,
    prompt: str | Sequence[Message] = "",
    *,
    required: str | None = None,
    fallback: str = "python",
    prefilled: Prefilled = "auto",
    bare: bool = True,
    names: Collection[str] = (),
) -> Program | None:
    r"""The program of a response; None where there is none.

    `required` is the language it must be in, `fallback` the one of a block without a tag where none is required; `bare`
    says whether a response without any fence may be a program. Of several blocks, the last that defines one of `names`
    is taken, where any does.

    >>> find_program("<think>```py\nx\n```</think>Here:\n```python\nprint(1)\n```\n").source
    'print(1)\n'
    >>> find_program("```cpp\nint main(){}\n```", required="python") is None
    True
    """
    scanned = scan(clean(response).lstrip("\ufeff"), prompt, prefilled=prefilled)
    if scanned.final is None:
        return None
    text = scanned.final.of(scanned.text)
    answers = [block.body.of(scanned.text) for block in scanned.answers if block.span.start >= scanned.final.start]
    if answers and ("```" in answers[-1] or "~~~" in answers[-1]):
        text = answers[-1]
    blocks = _blocks(text)
    tagged = [
        Program(body, known.name, tag if _NAMES_STANDARD.search(tag) else "")
        for tag, body in blocks
        if tag and (known := language(tag)) is not None
    ]
    fitting = [block for block in tagged if required in (None, block.language)]
    fitting = fitting or [Program(body, required or fallback) for tag, body in blocks if not tag and body.strip()]
    if fitting:
        return _chosen(fitting, names)
    if blocks or not bare:
        return None
    text = (answers[-1] if answers else text).lstrip("\ufeff")
    return Program(text.strip("\n") + "\n", required or fallback) if _looks_bare(text, required or fallback) else None


_NAMES_STANDARD = re.compile(r"^(?:c|c\+\+|cpp|cxx)\d\d$")


def foreign_language(response: str, prompt: str | Sequence[Message], prefilled: Prefilled) -> str | None:
    """The tag of the last code block, where that names a programming language that no sandbox has."""
    scanned = scan(clean(response).lstrip("\ufeff"), prompt, prefilled=prefilled)
    if scanned.final is None:
        return None
    tags = [tag.lower() for tag, body in _blocks(scanned.final.of(scanned.text)) if body.strip()]
    return tags[-1] if tags and tags[-1] in _FOREIGN else None


_FOREIGN = frozenset(
    "ada c# clojure cobol cs csharp crystal d dart elixir erlang f# fortran fsharp groovy haskell hs jl julia kotlin "
    "kt lisp lua matlab nim objective-c ocaml octave pascal perl php pl prolog r racket rb ruby scala scheme smalltalk "
    "swift ts typescript vb zig".split()
)


def _chosen(blocks: Sequence[Program], names: Collection[str]) -> Program:
    """The last, but rather one that holds something, that is not there to show how the other is started, and that
    defines what the tests call."""
    blocks = [block for block in blocks if block.source.strip()] or blocks
    blocks = [block for block in blocks if block.language != "bash"] or blocks
    best = next((b for b in reversed(blocks) if any(defines(b.source, name) for name in names)), blocks[-1])
    return best._replace(source=best.source.removeprefix("\ufeff"))


def _blocks(text: str) -> list[tuple[str, str]]:
    """Tag and body of every fenced block, with the last one where it is never closed.

    Without any, also fences that stand deeper than Markdown has it, as in lists, or after words on their line.
    """
    fenced = _fenced(text)
    if not fenced and (deep := _DEEP.search(text)):
        fenced = _fenced(_dedented(text, len(deep[1])))
    if not fenced and (inline := _INLINE.search(text)):
        body, _, _ = text[inline.end() :].partition("```")
        fenced = [(inline[1].lower(), body)]
    return [(re.split("[,:]", tag.strip("{}."))[0], body) for tag, body in fenced]


def _fenced(text: str) -> list[tuple[str, str]]:
    closed = scan(text, prefilled=False).fences
    blocks = []
    for fence in closed:
        line = text[text.rfind("\n", 0, fence.span.start) + 1 : fence.body.start]
        blocks.append((fence.language, _dedented(fence.body.of(text), len(line) - len(line.lstrip(" ")))))
    after = closed[-1].span.end if closed else 0
    left_open = _OPENING.search(text, after)
    if left_open and left_open[2].strip():
        blocks.append((left_open[2].split()[0].lower(), text[left_open.end() :]))
    elif left_open and not closed:
        blocks.append(("", text[left_open.end() :]))
    return blocks


def _dedented(text: str, width: int) -> str:
    """Without so many spaces at the start of each line, as far as they are there."""
    return re.sub(rf"^[ \t]{{1,{width}}}", "", text, flags=re.MULTILINE) if width else text


def _looks_bare(text: str, name: str) -> bool:
    """Whether a text without fences is a program and no prose: Python where it parses and does something."""
    tree = parsed(text) if name == "python" else None
    if tree is not None:
        return any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)
    if name == "python":
        return bool(_CODE_LINE.match(text.lstrip("\n"))) or text.startswith(("    ", "\t"))
    return text.startswith(("  ", "\t")) or bool(_CODE_LINE.match(text.lstrip()))  # a completion begins indented
