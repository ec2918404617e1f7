"""The open row in a real browser: what it shows, and that hostile rows do nothing to the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.inspection.browser import Page
from tests.inspection.report.page import CODE_ROW, COUNT, IDS, verdict, write

from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.scoring import ScoreOptions, score

pytestmark = pytest.mark.needs("chromium")


HOSTILE = [
    "<script>window.owned = 1</script>",
    "</script><script>window.owned = 2</script>",
    "<img src=x onerror='window.owned = 3'>",
    "<svg/onload=window.owned=4>",
    "{{ 7 * 7 }} {% raw %} ${window.owned = 5} #{6}",
    "<!--<script>",
    "]]><style>body { display: none }</style>",
    "javascript:window.owned=7",
    "\u202eabc\u2066def\u200b\ufeff\u0000\u001b[2J\ud800",
    r"$\href{javascript:window.owned=8}{x}$ \(\style{position:fixed}{y}\) $\class{panel}{z}$ $\hspace{9999em}$",
    "__proto__",
    "constructor",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "@index@ @blocks@",
]


def test_hostile_rows_run_nothing_and_are_shown_as_they_are(page: Page, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for number, text in enumerate(HOSTILE):
        told: dict[str, Any] = {
            "rule": text,
            "normal_forms": [text, text],
            "tests": [{"outcome": text, "detail": text}],
        }
        told |= {"violations": [text], "spans": [[0, 5, text], ["x", -1, 9]], "counts": {text: 3}, "target": text}
        verdicts = {text: verdict(0.0, "wrong", answer=text, detail=text, evidence=told, parts={text: 1.0})}
        for name in ("math", "language", "format", "code"):
            verdicts[name] = verdict(0.0, "wrong", answer=text, detail=text, evidence=told)
        row = {"id": f"{number} {text}", "prompt": text, "reference": text, "response": text * 3, "reward": 0.0}
        rows.append({**row, "verdicts": verdicts, text: text, "kind": "math", "__proto__": {"response": "no"}})
    rows.append(
        {
            "id": "long",
            "response": "a<b>" * 250_000,
            "prompt": "p",
            "reward": 1.0,
            "verdicts": {"math": verdict(1.0, "correct")},
        }
    )
    rows.append(
        {
            "id": "dots",
            "response": "\u202e" * 30_000,
            "prompt": [{"role": "<b>", "content": "<i>"}],
            "reward": 0.0,
            "verdicts": {},
        }
    )
    path = write(tmp_path, rows, title="<script>window.owned = 9</script>")
    page.open(path)
    assert page.ask(COUNT) == f"{len(rows)} rows"
    page.shot("hostile")
    for number in range(len(rows)):
        page.driver.execute_script(f"document.querySelectorAll('#body tr')[{number}].click()")
        page.wait(f"document.querySelector('#panel h2')?.textContent.includes('{number + 1} of {len(rows)}')")
        page.driver.execute_script("document.querySelectorAll('#panel details').forEach((one) => { one.open = true })")
        page.press("c")
        page.wait("document.querySelector('.abreast')")
        page.press("c")
        page.wait("!document.querySelector('.abreast')")
    page.search("<script>")
    page.wait(f"{COUNT} !== '{len(rows)} rows'")
    page.shot("hostile-open")
    assert page.ask("window.owned ?? null") is None
    assert (
        page.ask(
            "document.querySelectorAll('img, iframe, [onerror], [onload], [style*=fixed], a[href^=javascript]').length"
        )
        == 0
    )
    page.silent(path)


def test_what_cannot_be_seen_is_escaped(page: Page, tmp_path: Path) -> None:
    row = {
        "id": "r\u202ex",
        "prompt": "p",
        "response": "abc\u202edef\u200b",
        "reward": 1.0,
        "verdicts": {"math": verdict(1.0, "correct")},
    }
    page.open(write(tmp_path, [row]), hash_="#row=0")
    shown = page.panel()
    assert r"abc\u202edef\u200b" in shown
    assert "\u202e" not in page.ask("document.body.innerText")


def test_the_verdict_column_says_why_the_deciding_verifier_found_it_wrong(page: Page, tmp_path: Path) -> None:
    """In a mixed file, where the language verdict of a mathematical row comes before the code verdicts of others."""
    math_row = {
        "id": "sum", "prompt": "2 + 2?", "response": "<think>$4$</think><answer>5</answer>", "reference": "4",
        "reward": 0.0,
        "verdicts": {
            "math": verdict(0.0, "wrong", answer="5"),
            "format": verdict(0.0, "bad_format"),
            "language": verdict(0.0, "no_words"),
        },
    }  # fmt: skip
    program = {
        **CODE_ROW,
        "verdicts": {"code": verdict(0.0, "timeout"),
                     "format": verdict(0.0, "bad_format"), "language": verdict(0.0, "no_words")},
    }  # fmt: skip
    page.open(write(tmp_path, [math_row, program]))
    shown = "[...document.querySelectorAll('#body tr:not([hidden]) td:nth-child(1)')].map((cell) => cell.textContent)"
    assert page.ask(shown) == ["wrong", "timeout"]


def test_a_row_shows_tests_languages_and_where_the_form_breaks(page: Page, tmp_path: Path) -> None:
    path = write(tmp_path, [CODE_ROW])
    page.open(path, hash_="#row=0")
    shown = page.panel()
    assert "1 of 9 tests passed" in shown
    assert "TLE too slow" in shown
    page.driver.execute_script("document.querySelector('#panel details.thought').open = true")
    page.wait("document.querySelector('#panel .thought .text .l1')")
    assert page.ask("document.querySelector('#panel .thought .text .l1').textContent") == "很简单"
    outside = page.ask("[...document.querySelectorAll('#panel .outside')].map((one) => one.textContent)")
    assert any(" bye" in text for text in outside)
    page.shot("code-row")
    page.silent(path)


def fenced(source: str, tag: str = "python") -> str:
    return f"Here it is:\n\n```{tag}\n{source}\n```\nIt costs $5$ and `$x$`."


@pytest.mark.needs("userns")
def test_programs_that_were_really_run_show_what_came_of_them(page: Page, tmp_path: Path) -> None:
    call = [{"type": "function", "entry": "half", "args": f"({n},)", "expected": f"{n // 2}"} for n in range(12)]
    read = [{"type": "stdin", "input": "1 2\n" * 2_000, "output": "3"}, {"type": "stdin", "input": "4", "output": "4"}]
    humaneval = {"test": "def check(f):\n    assert f(2) == 1\n    assert f(5) == 3\n", "entry_point": "half"}
    noisy = "import sys\nprint('<b>so far</b>')\nprint('\\x1b[2J\\u202e' * 40, file=sys.stderr)\nraise ValueError('no')"
    rows: list[dict[str, Any]] = [
        {
            "id": "right",
            "tests": call,
            "response": fenced("def half(n):\n    price = '$x$ and $y$'\n    return n // 2"),
        },
        {"id": "wrong", "tests": call, "response": fenced("def half(n): return n - n // 3")},
        {"id": "noisy", "tests": read, "response": fenced(noisy)},
        {"id": "slow", "tests": read, "response": fenced("while True: pass"), "limits": {"time_s": 0.3}},
        {"id": "torn", "tests": call, "response": fenced("def half(n:\n    return n")},
        {"id": "parts", **humaneval, "prompt": "def half(n):\n", "response": fenced("def half(n): return n // 2")},
        {"id": "none", "tests": call, "response": "I cannot."},
    ]
    source, scored = tmp_path / "code.jsonl", tmp_path / "scored.jsonl"
    source.write_text("".join(json.dumps({"prompt": "Halve it.", **row}) + "\n" for row in rows), encoding="utf-8")
    score(ScoreOptions(files=(str(source),), output=str(scored), set={"code": {"backend": "local"}}, workers=1))
    path = tmp_path / "code.html"
    write_report(ReportOptions(sources=(str(scored),), output=str(path)))

    def table() -> list[str]:
        found = page.ask("[...document.querySelectorAll('#panel .tests tbody tr')].map((row) => row.innerText)")
        return [" ".join(text.split()) for text in found]

    page.open(path, hash_="#row=0")
    assert "passed 12 of 12 tests" in page.panel()
    assert [text.split()[:4] for text in table()[:2]] == [
        ["1", "AC", "passed", "half(0)"],
        ["2", "AC", "passed", "half(1)"],
    ]
    # A dollar in code is no formula; one beside it is.
    assert page.ask("document.querySelectorAll('#panel .fence math, #panel .program math').length") == 0
    assert page.ask("document.querySelectorAll('#panel .text math').length") == 1
    shots = {}
    for number, row in enumerate(rows):
        page.open(path, hash_=f"#row={number}")
        shots[row["id"]] = page.panel()
        shown = table()
        page.driver.execute_script(
            "document.querySelectorAll('#panel .tests details').forEach((one) => { one.open = true })"
        )
        if row["id"] == "wrong":
            assert shown[1].startswith("2 WA wrong half(1) returned 1 where 0 was expected")
            assert shown[2].startswith("3–12 SKIPPED not run an earlier test decided")
        if row["id"] == "noisy":
            written = page.wait("document.querySelector('#panel .tests td details > .text:last-child')?.innerText")
            assert "ValueError: no" in written
            opened = page.ask("document.querySelector('#panel .tests').innerText")
            assert "<b>so far</b>" in opened
            assert r"\u001b[2J\u202e" in opened
            # Two thousand lines of input stay short until they are asked for.
            assert "characters left" in opened
        page.shot(f"code-{row['id']}")
    assert "RE error" in shots["noisy"]
    assert "TLE too slow" in shots["slow"]
    assert "RE error" in shots["torn"]
    assert "test 2: WA, " in shots["parts"]
    assert "the response holds no program" in shots["none"]
    page.open(path, width=390, height=844, dark=True, hash_="#row=1")
    page.panel()
    assert page.ask("document.documentElement.scrollWidth") <= 390
    assert page.ask("document.querySelector('#panel').scrollWidth") <= 390
    page.shot("code-390-dark")
    page.silent(path)


def test_an_empty_file_of_errors_and_many_responses_per_row_are_shown(page: Page, tmp_path: Path) -> None:
    several = {
        "id": "q", "prompt": "1 + 1", "reference": 2, "responses": ["2", "3"], "reward": 0.5, "rewards": [1.0, 0.0],
        "verdicts": [{"math": verdict(1.0, "correct", answer="2")}, {"math": verdict(0.0, "wrong", answer="3")}],
    }  # fmt: skip
    broken = {
        "reward": None,
        "verdicts": {},
        "error": {"line": 2, "reason": "not_json", "detail": "no"},
        "note": "kept",
    }
    path = write(tmp_path, [several, broken])
    page.open(path)
    assert page.ask(IDS) == ["q #1", "q #2", "line 2"]
    page.click("#body tr:nth-child(3)")
    assert "This row could not be read" in page.panel()
    page.silent(path)


HOSTILE_LATEX = [
    r"\def\a{\b\b}\def\b{\a\a}\a",
    r"\newcommand{\x}{\x\x}\x",
    r"\href{javascript:window.owned=1}{x}",
    r"\style{position:fixed}{x}",
    r"\class{panel}{x}",
    r"\id{main}{x}",
    r"\color{url(http://x)}{y}",
    r"\includegraphics{http://x/y.png}",
    "{" * 200,
    r"\sqrt" * 70,
    r"\begin{matrix}" * 20,
    "x" * 5000,
    r"\text{<img src=x onerror=window.owned=1>}",
    r"\frac{1}{",
    r"\hspace{9999em}\rule{500em}{500em}x",
]


def test_formulas_are_drawn_and_hostile_ones_stay_text_or_small(page: Page, tmp_path: Path) -> None:
    good = [
        r"\begin{aligned} a &= b \\ &= c \end{aligned}", r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
        r"\frac12", r"\cancel{x}", r"x \mathrel{=} 5",
    ]  # fmt: skip
    bare = r"So \begin{align*} a &= b \\ &= c \end{align*} holds, and $5 or $6 is a price."
    texts = [f"$${one}$$" for one in good] + [bare] + [f"$${one}$$" for one in HOSTILE_LATEX]
    rows = [
        {"id": f"r{n}", "prompt": "p", "response": text, "reward": 1.0, "verdicts": {"math": verdict(1.0, "correct")}}
        for n, text in enumerate(texts)
    ]
    path = write(tmp_path, rows)
    page.open(path)
    for number, text in enumerate(texts):
        page.click(f"#body tr:nth-child({number + 1})")
        page.wait(f"document.querySelector('#panel h2')?.textContent.includes('r{number} ')")
        drawn = page.ask("document.querySelectorAll('#panel section > .text math').length")
        if number <= len(good):
            assert drawn == 1, text
        if number in (0, len(good)):  # columns of an alignment meet at the sign
            assert page.ask("getComputedStyle(document.querySelector('#panel .text mtd')).textAlign").endswith("right")
            page.shot(f"formula-{number}")
        if number in (6, 7, 8, 9, 10, 12, 13):
            assert drawn == 0, text
        assert page.ask("document.querySelector('#panel .text').getBoundingClientRect().height") < 12_000
        assert page.ask("document.documentElement.scrollWidth") <= 1440
    assert page.ask("window.owned ?? null") is None
    assert page.ask("document.querySelectorAll('#panel img, #panel a, math [href], math [id]').length") == 0
    page.silent(path)
