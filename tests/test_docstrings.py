"""Docstrings of the public face: each argument, result and field is described, as the API pages print it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import r1_reward
from r1_reward.verifiers.reward import Judge
from r1_reward.verifiers.verifier import Preparing, Responder, Verifier, Voter

pytestmark = pytest.mark.needs("torch")

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("sandbox", "verifiers", "rows", "scoring", "inspection", "training", "reward_models", "grpo_min")
ADAPTERS: dict[str, tuple[str, ...]] = {
    "areal": ("reward",),
    "atropos": ("reward",),
    "nemo": ("environment", "gym_verify"),
    "open_instruct": ("verifier",),
    "openenv": ("rubric",),
    "openrlhf": ("reward",),
    "rllm": ("reward",),
    "roll": ("worker",),
    "skyrl": ("environment",),
    "slime": ("reward",),
    "swift": ("orm",),
    "tinker": ("environment", "group_builder"),
    "torchtitan": ("reward_fn", "rubric"),
    "trinity": ("reward",),
    "trl": ("reward", "async_reward"),
    "verifiers_hub": ("reward", "rubric_function"),
    "verl": ("compute_score", "compute_float", "compute_scores"),
}
"""What a trainer is given, by the file of its adapter."""
CONTRACTS = {name for contract in (Judge, Preparing, Responder, Verifier, Voter) for name in vars(contract)}
"""Methods that are described once, where the protocol asks for them."""


def _named() -> dict[str, set[str]]:
    """By module, the names that docs and examples import from it, or print from their docstrings."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    modules: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        for module, names in re.findall(r"^(?:>>> )?from (r1_reward\.[\w.]+) import ([\w, ]+)$", text, re.M):
            modules[module] |= set(names.split(", "))
        for module, name in re.findall(r"^::: (r1_reward\.[\w.]+)\.(\w+)$", text, re.M):
            modules[module].add(name)
    return modules


def public() -> Iterator[tuple[str, Any]]:  # any: functions and classes
    """What CONTRIBUTING calls public: `__all__` of the package and its rooms, trainers, and what docs name."""
    names = _named()
    for module in ("r1_reward", *(f"r1_reward.{room}" for room in ROOMS)):
        names[module] = set()
    for file, functions in ADAPTERS.items():
        names[f"r1_reward.adapters.{file}"] |= set(functions)
    seen: set[int] = set()
    for module, some in sorted(names.items()):
        loaded = importlib.import_module(module)
        for name in sorted((some if module != "r1_reward.adapters" else set()) | set(getattr(loaded, "__all__", ()))):
            value = getattr(loaded, name)
            if id(value) not in seen:
                seen.add(id(value))
                yield f"{module}.{name}".removeprefix("r1_reward."), value


def _lacking(function: Callable[..., object], text: str) -> list[str]:
    """Arguments, and `Returns`, that a docstring does not describe."""
    signature = inspect.signature(function)
    stars: dict[object, str] = {inspect.Parameter.VAR_POSITIONAL: r"*", inspect.Parameter.VAR_KEYWORD: r"**"}
    lacking = []
    for parameter in signature.parameters.values():
        names = (parameter.name, stars.get(parameter.kind, "") + parameter.name)
        if parameter.name not in ("self", "cls") and not any(f"\n    {name}: " in text for name in names):
            lacking.append(parameter.name)
    if signature.return_annotation not in ("None", inspect.Signature.empty) and "Returns:\n" not in text:
        lacking += [] if "Yields:\n" in text else ["Returns"]
    return lacking


def _fields_without_text(kind: type) -> list[str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]  # a class
    return [
        node.target.id
        for node, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_"
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]


@pytest.mark.parametrize(("name", "value"), [pytest.param(*one, id=one[0]) for one in public()])
def test_every_argument_result_and_field_is_described(name: str, value: Any) -> None:
    text = inspect.getdoc(value) or ""
    assert text or not (inspect.isclass(value) or inspect.isfunction(value)), name
    assert not re.search(r"\bRaises? [A-Z]", text), "what is raised has a section of its own"
    if inspect.isfunction(value):
        assert _lacking(value, text) == []
    elif inspect.isclass(value) and not getattr(value, "_is_protocol", False):
        if dataclasses.is_dataclass(value) or issubclass(value, tuple):
            assert _fields_without_text(value) == []
        elif "__init__" in vars(value):
            assert _lacking(value.__init__, f"{text}\n{inspect.getdoc(value.__init__) or ''}") == []
        lacking = {
            method: _lacking(made, inspect.getdoc(made) or "")
            for method, one in vars(value).items()
            if inspect.isfunction(made := getattr(one, "__func__", one)) and method[0] != "_"
            if method not in CONTRACTS
        }
        assert {method: names for method, names in lacking.items() if names} == {}


def test_what_is_not_described_is_seen() -> None:
    def double(x: int, *more: int) -> int:
        """Twice.

        Args:
            x: A number.
        """
        return 2 * x * len(more)

    assert _lacking(double, inspect.getdoc(double) or "") == ["more", "Returns"]
    assert r1_reward.Verdict in [value for _, value in public()]


def test_untyped_public_names_are_seen() -> None:
    spec = importlib.util.spec_from_file_location("public_types", ROOT / ".ci" / "public_types.py")
    assert spec is not None
    assert spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    symbols = [
        {"name": "r1_reward.a.Known.run", "isTypeKnown": True, "diagnostics": []},
        {"name": "r1_reward.a.Known.part", "isTypeKnown": False, "diagnostics": [{"message": "Type is unknown"}]},
        {"name": "r1_reward.a.KnownNot", "isTypeKnown": False, "diagnostics": [{"message": "Type is unknown"}]},
    ]
    lines = list(check.faults(symbols, {"r1_reward.a.Known", "r1_reward.a.Missing"}))
    assert lines == [
        "r1_reward.a.Known: pyright did not find it",
        "r1_reward.a.Missing: pyright did not find it",
        "r1_reward.a.Known.part: Type is unknown",
    ]
