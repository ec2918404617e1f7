"""Every page against axe-core: no violation, from 320 px to 4K, light and dark, with and without an open row.

axe-core 4.14.1 lies beside these tests as its authors released it (npm, MPL-2.0); it is in no package of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.inspection.browser import Page
from tests.inspection.view.conftest import View, view
from tests.inspection.view.test_view_index import scored, write

from r1_reward.cli import main

__all__ = ["view"]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
pytestmark = pytest.mark.needs("chromium")
Sizes = tuple[tuple[int, int, bool], ...]
FEW: Sizes = ((320, 640, False), (1440, 900, True))
ALL: Sizes = tuple(
    (*size, dark) for size in ((320, 640), (768, 1024), (1440, 900), (3840, 2160)) for dark in (False, True)
)
each_size = pytest.mark.parametrize("sizes", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=["few", "all"])
"""Width, height, dark."""
MARKDOWN = (
    "<think>Nous sommes ici. Then **bold**.</think>\n# Head\n- one\n\n```python\ndef f(): return 'x'  # y\n```\n"
    "| a | b |\n| --- | --- |\n| 1 | $x^2$ |\n\n<answer>2</answer>"
)


def violations(page: Page) -> list[str]:
    """What axe finds, with where."""
    if not page.ask("Boolean(window.axe)"):
        page.driver.execute_script(AXE.read_text(encoding="utf-8"))
    outcome: dict[str, Any] = page.driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}).then("
        "(r) => done({rules: r.passes.length, bad: r.violations.map((v) => "
        "[v.id, v.nodes.map((n) => n.html.slice(0, 200))])}),"
        "(e) => done({bad: [[String(e), []]], rules: 0}))"
    )
    assert outcome["rules"] > 5, outcome
    return [f"{name}: {nodes[:3]}" for name, nodes in outcome["bad"]]


def rows() -> list[dict[str, Any]]:
    made = [scored(n, right=n % 3 != 0, response=MARKDOWN, prompt="What is **it**?\n\n1. $x$") for n in range(12)]
    language = {"status": "scored", "score": 0.5, "reason": "measured", "answer": None, "detail": "", "seconds": 0.0}
    evidence = {"target": "en", "unit": "word", "counts": {"en": 1, "fr": 3}, "spans": [[7, 23, "fr"], [24, 36, "en"]]}
    for row in made:
        row["label"] = row["reward"] > 1
        row["verdicts"] = {**row["verdicts"], "language": {**language, "evidence": evidence}}
    tests = [{"outcome": "AC", "seconds": 0.1, "memory_mb": 9}, {"outcome": "WA", "detail": "no", "stdout": "x"}]
    code = {
        **language,
        "score": 0.0,
        "reason": "wrong",
        "answer": "def f():\n    return 1",
        "evidence": {"tests": tests},
    }
    made[1]["verdicts"] = {"code": code}
    made[2] = {"id": "r2", "reward": None, "error": {"line": 3, "reason": "not_json", "detail": "no"}, "text": "{"}
    return made


def test_axe_is_the_one_that_was_released() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == SHA256


def test_axe_finds_what_is_wrong(tmp_path: Path, browser: Page) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!doctype html><title>x</title><body data-x><img src='data:,'><p style='color:#aaa'>pale</p>" + "<p>x" * 12
    )
    browser.driver.get(bad.as_uri())
    names = {one.partition(":")[0] for one in violations(browser)}
    assert {"image-alt", "html-has-lang", "color-contrast"} <= names


def pages(folder: Path) -> dict[str, Path]:
    """A page of each command."""
    one = write(folder / "a.jsonl", rows())
    other = write(folder / "b.jsonl", [scored(n, right=n % 2 != 0, response=MARKDOWN) for n in range(12)])
    before = write(folder / "c.jsonl", [scored(n, right=n % 2 != 0) for n in range(12)])
    after = write(folder / "d.jsonl", [scored(n) for n in range(12)])
    metrics = [{"step": n, "stage": "ab"[n // 5], "reward": n / 10, "reward/math": n / 20} for n in range(10)]
    metrics[3]["alarms"] = [{"name": "collapse", "detail": "x"}]
    run = write(folder / "run/metrics.jsonl", metrics).parent
    write(run / "samples.jsonl", rows())
    made = {name: folder / f"{name}.html" for name in ("report", "compare", "diff", "run")}
    for args in (
        ["report", str(one), "-o", str(made["report"]), "--by", "level"],
        ["report", str(run), "-o", str(made["run"])],
        ["compare", str(one), str(other), str(before), "--report", str(made["compare"])],
        ["diff", str(before), str(after), "--report", str(made["diff"])],
    ):
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 0, result.output
    return made


@each_size
def test_no_page_has_a_violation(tmp_path: Path, browser: Page, sizes: Sizes) -> None:
    faults: dict[str, list[str]] = {}
    for name, path in pages(tmp_path).items():
        for width, height, dark in sizes:
            browser.open(path, width=width, height=height, dark=dark)
            browser.wait("document.querySelectorAll('#body tr').length > 0")
            faults[f"{name} {width} {dark}"] = violations(browser)
            if name != "report" and sizes is FEW:
                continue
            # Every kind of row at one size, and one at each.
            for row in (0, 1, 2) if name == "report" and (dark or sizes is ALL) else (0,):
                before = browser.ask("document.querySelector('#panel h2')?.innerText ?? ''")
                browser.driver.execute_script(f"location.hash = '#row={row}'")
                browser.wait(f"(document.querySelector('#panel h2')?.innerText ?? '') !== {json.dumps(before)}")
                browser.panel()
                browser.driver.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
                faults[f"{name} {width} {dark} row {row}"] = violations(browser)
                assert browser.ask("document.documentElement.scrollWidth") <= width, (name, width)
        if name in ("diff", "run") and sizes is FEW:
            continue
        browser.open(path, hash_="#row=0")
        browser.panel()
        browser.press("c")
        browser.wait("document.querySelector('.abreast')")
        faults[f"{name} side by side"] = violations(browser)
        for dialog in ("help", "more", "save") if name == "report" or sizes is ALL else ():
            browser.driver.execute_script("document.querySelector('dialog[open]')?.close()")
            browser.click(f"#{dialog}")
            faults[f"{name} {dialog}"] = violations(browser)
    assert {name: bad for name, bad in faults.items() if bad} == {}, json.dumps(
        sorted({one for bad in faults.values() for one in bad}), indent=1
    )


@each_size
def test_view_has_no_violation(tmp_path: Path, browser: Page, view: Callable[[Path], View], sizes: Sizes) -> None:
    pages(tmp_path / "runs")
    server = view(tmp_path / "runs")
    faults: dict[str, list[str]] = {}
    for width, height, dark in sizes:
        for name, hash_ in (
            ("list", ""),
            ("file", "#name=a.jsonl"),
            ("row", "#name=a.jsonl&row=0"),
            ("run", "#name=run"),
        ):
            browser.visit(server.address + hash_, width=width, height=height, dark=dark)
            browser.wait("document.querySelectorAll(location.hash ? '#body tr' : '#runs tr').length > 0")
            if name == "row":
                browser.panel()
            faults[f"{name} {width} {dark}"] = violations(browser)
    browser.visit(f"{server.address}#name=a.jsonl&where={json.dumps(['level', '=', '7'])}")
    browser.wait("document.getElementById('count').innerText === '0 rows'")
    faults["nothing fits"] = violations(browser)
    out = tmp_path / "site"
    assert CliRunner().invoke(main, ["view", str(tmp_path / "runs"), "--write", str(out)]).exit_code == 0
    browser.open(out / "index.html")
    faults["static"] = violations(browser)
    assert {name: bad for name, bad in faults.items() if bad} == {}, json.dumps(
        sorted({one for bad in faults.values() for one in bad}), indent=1
    )
