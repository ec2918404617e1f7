"""The site: its checker finds faults, its pages stand in the four parts, and its reference is complete."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest

import r1_reward as r1
from r1_reward.verifiers import AnswerVerifier, InstructionsVerifier, Reason, Sample, Status, ToolsVerifier
from r1_reward.verifiers.verdict import REASONS_OF

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
PARTS = ("tutorials", "how-to", "reference", "explanation")
API = "".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference" / "api").glob("*.md")))
TRAINERS = ("atropos", "nemo", "openenv", "roll", "skyrl", "trinity")
"""Adapters whose module makes classes of a trainer's on import."""


def _checker() -> Any:  # any: a module that is no part of the package
    spec = importlib.util.spec_from_file_location("check_site", ROOT / ".ci" / "check_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _faults(folder: Path, body: str, style: str = "") -> list[str]:
    (folder / "other.html").write_text('<h1 id="top">x</h1>', encoding="utf-8")
    (folder / "own.css").write_text(style, encoding="utf-8")
    (folder / "index.html").write_text(f'<body id="here">{body}</body>', encoding="utf-8")
    return list(_checker().faults(folder))


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
        '<img src="https://example.org/a.png">',
        '<img src="own.css" srcset="https://example.org/b.png">',
        '<p style="background: url(https://example.org/c.png)">',
        "<style>@import 'https://example.org/d.css';</style>",
        '<iframe src="https://example.org/"></iframe>',
        '<pre class="mermaid">graph LR</pre>',
        '<a href="missing.html">x</a>',
        '<a href="other.html#missing">x</a>',
        '<a href="#missing">x</a>',
    ],
)
def test_checker_of_the_site_finds_what_is_wrong(tmp_path: Path, body: str) -> None:
    assert len(_faults(tmp_path, body)) == 1


def test_checker_of_the_site_passes_what_is_right(tmp_path: Path) -> None:
    links = '<a href="https://example.org/">a</a><a href="other.html#top">b</a><a href="#here">c</a>'
    assert _faults(tmp_path, f'{links}<link rel="stylesheet" href="own.css"><img src="data:image/png;base64,AA">') == []
    assert len(_faults(tmp_path, links, style="@font-face { src: url(https://example.org/f.woff2) }")) == 1
    assert list(_checker().faults(tmp_path / "none")) == [f"{tmp_path / 'none'} holds no page"]


def test_every_page_stands_once_in_the_navigation_and_in_one_of_four_parts() -> None:
    named = re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", SITE, re.M)
    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
    assert {name.partition("/")[0] for name in named} == {"index.md", *PARTS}


def test_site_asks_for_no_font_and_is_strict() -> None:
    assert re.search(r"^  font: false$", SITE, re.M)
    assert re.search(r"^strict: true$", SITE, re.M)


@pytest.mark.parametrize(
    "module", ["r1_reward", "r1_reward.verifiers", "r1_reward.scoring", "r1_reward.rows", "r1_reward.adapters.trl"]
)
def test_api_pages_have_every_public_name(module: str) -> None:
    for name in importlib.import_module(module).__all__:
        if name != "__version__":
            assert re.search(rf"^::: r1_reward\.(?:\w+\.)*{name}$", API, re.M), f"{module}.{name} is on no page"


@pytest.mark.parametrize("module", ["grpo_min", "reward_models", "sandbox"])
def test_api_pages_have_rooms_as_a_whole(module: str) -> None:
    assert f"::: r1_reward.{module}\n" in API


def test_api_pages_name_what_is_there() -> None:
    for path in re.findall(r"^::: (r1_reward\.[\w.]+)$", API, re.M):
        module, _, name = path.rpartition(".")
        if path.split(".")[1] in ("grpo_min", "reward_models") or path.split(".")[-2] in TRAINERS:
            continue  # these import torch or a trainer; `make docs` reads them
        assert hasattr(importlib.import_module(module), name), path


def test_reasons_are_those_of_the_package() -> None:
    page = (DOCS / "reference" / "reasons.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for status in Status:
        words = re.findall(r"^\| `(\w+)` \|", parts[status.value.capitalize()], re.M)
        assert sorted(words) == sorted(reason.value for reason in REASONS_OF[status])


def _evidence() -> dict[str, set[str]]:
    page = (DOCS / "reference" / "evidence.md").read_text(encoding="utf-8")
    keys: dict[str, set[str]] = {}
    names: list[str] = []
    for first, second in re.findall(r"^\|([^|]*)\|( `[^|]*)\|[^|]*\|$", page, re.M):
        names = re.findall(r"`(\w+)`", first) or names
        for name in names:
            keys.setdefault(name, set()).update(re.findall(r"`(\w+)`", second))
    return keys


def _judge(mode: Literal["reference", "scale"], reply: dict[str, Any]) -> r1.JudgeVerifier:  # any: JSON values
    def ask(question: str) -> str:
        codes = re.findall(r'"code": "(\w+)"', question)
        return json.dumps({"code": codes[-1], "reasons": "so", **reply})

    return r1.JudgeVerifier(ask=ask, mode=mode, retries=0)


CASES = [
    (r1.MathVerifier(), Sample(response=r"\boxed{4}", reference="4")),
    (r1.ChoiceVerifier(), Sample(response=r"\boxed{B}", reference="B", kind="choice")),
    (r1.SchemaVerifier(schema={"type": "object"}), Sample(response="[1]", kind="schema")),
    (
        InstructionsVerifier(),
        Sample(
            response="a b",
            kind="instructions",
            meta={"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        ),
    ),
    (
        ToolsVerifier(),
        Sample(
            response='<tool_call>{"name": "g", "arguments": {"y": 1}}</tool_call>',
            reference='[{"name": "f", "arguments": {"x": 1}}]',
            kind="tools",
            meta={"tools": [{"name": "f", "parameters": {"properties": {"x": {"type": "integer"}}}}]},
        ),
    ),
    (r1.FormatVerifier(), Sample(response="<answer>4</answer>")),
    (r1.LanguageVerifier(), Sample(response="<think>we add the two numbers</think>", language="en")),
    (r1.LengthVerifier(mode="repetition"), Sample(response="a b a b a b")),
    (_judge("reference", {"verdict": "correct"}), Sample(prompt="?", response="Paris", reference="Paris")),
    (_judge("scale", {"score": 7}), Sample(prompt="?", response="Paris")),
]


@pytest.mark.parametrize(("verifier", "sample"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_evidence_has_the_keys_that_the_page_lists(verifier: r1.Verifier, sample: Sample) -> None:
    (verdict,) = verifier([sample])
    assert verdict.status is Status.SCORED, verdict.detail
    assert verdict.evidence
    assert set(verdict.evidence) <= _evidence()[verifier.name]


def test_evidence_of_answers_is_empty_as_the_page_says() -> None:
    (verdict,) = AnswerVerifier()([Sample(response="Paris", reference="Paris", kind="answer")])
    assert verdict.reason is Reason.CORRECT
    assert not verdict.evidence
    assert "answer" not in _evidence()
