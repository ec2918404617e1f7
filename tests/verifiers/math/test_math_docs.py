"""The tables of docs/reference/math.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from r1_reward.verifiers import MathVerifier, Sample
from r1_reward.verifiers.math.extract import extract

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "math.md").read_text(encoding="utf-8")
_PAIR = re.compile(r"`([^`]+)` ← `([^`]+)`")


def _policies() -> list[tuple[str, str, bool]]:
    found = []
    for line in TEXT.splitlines():
        cells = line.split(" | ")
        if len(cells) == 3 and "←" in line:
            for cell, correct in ((cells[1], True), (cells[2], False)):
                found += [(gold, answer, correct) for gold, answer in _PAIR.findall(cell)]
    return found


@pytest.mark.parametrize(("gold", "answer", "correct"), _policies())
def test_the_policies(gold: str, answer: str, correct: bool) -> None:
    (verdict,) = MathVerifier()([Sample(response=rf"\boxed{{{answer}}}", reference=gold)])
    assert (verdict.score == 1.0) == correct, dict(verdict.evidence)


def test_there_are_policies_to_test() -> None:
    assert len(_policies()) >= 50


def test_the_table_of_extraction() -> None:
    rows = re.findall(r"^\| `([^|]+)` \| (none|`[^`]+`) \| `(\w+)`", TEXT, re.MULTILINE)
    assert len(rows) >= 7
    for responses, answer, rule in rows:
        for response in responses.split("`, `"):
            found = extract(response)
            assert found.rule == rule, response
            assert (found.answer or "none") == answer.strip("`")
