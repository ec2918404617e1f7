"""The words of the code are the field's: no name that another has replaced, and one meaning for each public class."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "sandbox", "verifiers", "rows", "scoring", "adapters", "inspection", "training", "reward_models", "grpo_min",
)  # fmt: skip
SCRIPTS = ("benchmarks", "examples", ".ci")

PARTS = frozenset({"exam", "found", "given", "nought", "taught", "told", "took"})
"""Words that say nothing of what a value is, whatever stands beside them in the name."""
NAMES = frozenset(
    {
        "bends", "carry_out", "come_together", "descend", "doorkeeper", "examiner", "examtest", "habits", "halves",
        "hire", "kit", "lesson", "let_go", "manners", "meet", "open_to", "owes", "pace", "parting", "places", "seat",
        "share_of", "spread_of", "take_apart", "teach", "tell", "usual", "visible", "wanted", "whole_of", "world",
    }
)  # fmt: skip
"""Names for which the field has another word, without their case and underscores at the ends."""
PHRASES = re.compile(r"\b(?:comes\s+to|came\s+to|(?:to|cannot|can)\s+be\s+had|nought)\b")


def _sources() -> list[Path]:
    files = [ROOT / name for name in ("__init__.py", "_version.py")]
    return files + sorted(path for room in (*ROOMS, "cli") for path in (ROOT / room).rglob("*.py"))


def _defined(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a file defines, with its line: locals, parameters, fields, functions, classes, aliases."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def _is_old(name: str) -> bool:
    """Whether STYLE's table has another word for a name.

    >>> [name for name in ("found", "found_end", "_told", "Found", "founded", "fault_found") if _is_old(name)]
    ['found', 'found_end', '_told', 'Found', 'fault_found']
    """
    words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
    return bool(words & PARTS) or name.strip("_").lower() in NAMES


def _old_words(text: str) -> list[str]:
    """Old words in a file of Python: `line: name`, and `line: phrase` of docstrings, messages and comments."""
    old = [f"{line}: {name}" for name, line in _defined(ast.parse(text)) if _is_old(name)]
    return old + [f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]}" for match in PHRASES.finditer(text)]


def test_no_old_words_in_names_docstrings_or_messages() -> None:
    old = [
        f"{path.relative_to(ROOT)}:{word}"
        for path in [*_sources(), *(path for folder in SCRIPTS for path in sorted((ROOT / folder).rglob("*.py")))]
        for word in _old_words(path.read_text(encoding="utf-8"))
    ]
    assert old == []


def test_no_old_names_in_examples_of_the_documentation() -> None:
    old = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for code in re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
            old += [f"{page.name}: {name}" for name, _ in _defined(ast.parse(code)) if _is_old(name)]
    assert old == []


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("def f(rows):\n    found = [row for row in rows]\n    return found", ["2: found"]),
        ("class Told: pass", ["1: Told"]),
        ("match x:\n    case [given]: pass", ["2: given"]),
        ('def f(): "What it comes to."', ["1: comes to"]),
        ("def f(): raise ValueError('docker is not to be had here')", ["1: to be had"]),
        ("x = y.found", []),
        ("match = pattern.search(text)", []),
    ],
)
def test_old_words_are_seen(text: str, old: list[str]) -> None:
    assert _old_words(text) == old


def _top_level(path: Path) -> tuple[set[str], set[str]]:
    """The classes and aliases that a file defines at its top level, and the names that it makes public."""
    defined: set[str] = set()
    public: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name):
                defined.add(name)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                public.update(str(one.value) for one in ast.walk(value) if isinstance(one, ast.Constant))
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
            case ast.ImportFrom(names=names) if path.name == "__init__.py":
                public.update(alias.asname or alias.name for alias in names)
    return {name for name in defined if re.match("[A-Z][A-Z]*[a-z]", name)}, public


def test_a_public_class_name_has_one_meaning() -> None:
    public = {"Judge", "Judged", "Kind", "Layout", "Limits", "Plan", "Pool", "Row", "Run", "Scorer", "Verdict"}
    places: dict[str, list[str]] = defaultdict(list)
    for path in _sources():
        defined, exported = _top_level(path)
        public |= exported
        for name in defined:
            places[name].append(path.relative_to(ROOT).as_posix())
    twice = {name: files for name, files in places.items() if name in public and len(files) > 1}
    assert twice == {}


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_no_old_phrases_in_documentation(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [f"{number}: {line}" for number, line in enumerate(lines, 1) if PHRASES.search(line)] == []
