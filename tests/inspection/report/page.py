"""Rows made into a page, and where a browser finds things on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.inspection.browser import Page

from r1_reward.inspection.report import ReportOptions, write_report


def write(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    scored = folder / "rows.jsonl"
    scored.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write_report(ReportOptions(sources=(str(scored),), output=str(folder / "page.html"), **options))
    return folder / "page.html"


def verdict(score: float | None, reason: str, **more: Any) -> dict[str, Any]:
    status = "scored" if score is not None else "error"
    return {"score": score, "status": status, "reason": reason, "answer": None, "detail": "", "seconds": 0.001, **more}


FIRST = "document.querySelector('#body tr td:nth-child(3)').textContent"
IDS = "[...document.querySelectorAll('#body tr:not([hidden]) td:nth-child(3)')].map((cell) => cell.textContent)"
COUNT = "document.getElementById('count').textContent"


def own_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{n}", "problem": f"p{n // 2}", "prompt": "p", "response": f"text {n}", "reward": float(n % 2),
            "level": n % 3, "meta": {"source": "aime" if n < 6 else "=math"}, "verdicts": {"math": verdict(float(n % 2),
            "correct" if n % 2 else "wrong", answer=str(n))},
        }
        for n in range(12)
    ]  # fmt: skip


def add_filter(page: Page, field: str, how: str, value: str) -> None:
    page.choose("#where-field", field)
    page.choose("#where-how", how)
    page.driver.execute_script("document.getElementById('where-value').value = arguments[0]", value)
    page.click("#where-add")


CODE_ROW = {
    "id": "two-sum",
    "kind": "code",
    "prompt": "Write a function that adds two numbers.",
    "response": "<think>Easy. 很简单。</think>```python\ndef add(a, b):\n    return a - b\n```<answer>x</answer> bye",
    "tests": [{"type": "function", "entry": "add", "args": f"({n}, {n})", "expected": f"{2 * n}"} for n in range(9)],
    "reward": 0.0,
    "verdicts": {
        "code": verdict(
            0.0,
            "wrong",
            answer="def add(a, b):\n    return a - b",
            detail="1 of 9 tests passed",
            evidence={
                "trust": "docker",
                "tests": [
                    {"outcome": word, "seconds": 0.01 * n, "memory_mb": 9.5, "detail": f"test {n}"}
                    for n, word in enumerate("AC WA TLE MLE OLE RE CE SKIPPED INFRA".split())
                ],
            },
        ),
        "format": verdict(0.0, "bad_format", evidence={"violations": ["text_outside"]}),
        "language": verdict(
            0.25,
            "measured",
            evidence={
                "target": "en", "counts": {"en": 1, "zh": 3}, "unit": "word", "neutral": 0.1,
                "spans": [[7, 12, "en"], [13, 16, "zh"]],
            },
        ),
    },
}  # fmt: skip
