"""The page in a real browser: what people do with it, and that hostile rows do nothing to it.

Screenshots end in out/, to be looked at.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.scoring import ScoreOptions, score

ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "out" / "screenshots"
PATIENCE = 180.0
"""Seconds that a page may take on a machine that is busy with other things; it takes a fraction of one."""

pytestmark = pytest.mark.needs("chromium")


class Page:
    """A page in the browser, asked by script."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, *, width: int = 1440, height: int = 900, dark: bool = False, hash_: str = "") -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        self.logs()
        self.driver.get(path.as_uri() + hash_)
        self.wait("document.documentElement.dataset.ready")

    def ask(self, expression: str) -> Any:  # any: a JSON value
        return self.driver.execute_script(f"return {expression}")

    def wait(self, expression: str) -> Any:  # any: a JSON value
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.ask(expression)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"never true: {expression}\n{self.ask('document.body.innerText.slice(0, 2000)')}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, selector: str, value: str) -> None:
        self.driver.execute_script(
            "const one = document.querySelector(arguments[0]); one.value = arguments[1];"
            "one.dispatchEvent(new Event('change', {bubbles: true}))",
            selector,
            value,
        )

    def search(self, text: str) -> None:
        self.driver.execute_script(
            "const one = document.getElementById('search'); one.value = arguments[0];"
            "one.dispatchEvent(new Event('input', {bubbles: true}))",
            text,
        )

    def click(self, selector: str) -> None:
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def panel(self) -> str:
        found: str = self.wait(
            "!document.getElementById('panel').hidden && document.querySelector('#panel .inside')?.innerText"
        )
        return found

    def shot(self, name: str) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(OUT / f"{name}.png"))

    def logs(self) -> tuple[list[Any], list[str]]:
        """Console messages, and the addresses that were asked for, since the last call."""
        console = list(self.driver.get_log("browser"))  # type: ignore[no-untyped-call]
        asked = []
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return console, asked

    def silent(self, path: Path) -> None:
        """Nothing on the console, and nothing asked for but the file itself."""
        console, asked = self.logs()
        assert console == []
        assert {url.partition("#")[0] for url in asked} <= {path.as_uri(), "about:blank"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else "chromium"
    profile = tmp_path_factory.mktemp("profile")
    for flag in ("headless=new", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    if hasattr(os, "getuid") and os.getuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield Page(driver)
    driver.quit()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    scored = folder / "scored.jsonl"
    rewards = ("math", "format", "language")
    score(
        ScoreOptions(files=(str(ROOT / "examples" / "rollouts.jsonl"),), output=str(scored), rewards=rewards, workers=1)
    )
    write_report(ReportOptions(sources=(str(scored),), output=str(folder / "demo.html")))
    return folder / "demo.html"


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


def test_the_demo_opens_filters_sorts_and_shows_rows(page: Page, demo: Path) -> None:
    page.open(demo)
    assert page.ask(COUNT) == "220 rows"
    assert page.ask("document.querySelector('#table').getAttribute('aria-rowcount')") == "221"
    page.shot("demo-light")
    page.choose("#outcome", "wrong")
    page.wait(f"{COUNT} === '44 of 220'")  # 24 of mathematics, and 20 programs, which only `format` judged here
    page.choose("#outcome", "")
    page.search("twenty-sided")
    page.wait(f"{COUNT} === '8 of 220'")
    page.search("")
    page.wait(f"{COUNT} === '220 rows'")
    page.click(".reason[data-verifier=math][data-reason=wrong]")
    page.wait(f"{COUNT} === '24 of 220'")
    assert page.ask("document.querySelector('.reason[data-reason=wrong]').getAttribute('aria-pressed')") == "true"
    page.click("#clear")
    page.wait(f"{COUNT} === '220 rows'")
    page.click("#head th:last-child button")
    assert page.ask("document.querySelector('#head th:last-child').getAttribute('aria-sort')") == "descending"
    lengths = page.ask(
        "[...document.querySelectorAll('#body tr:not([hidden]) td:last-child')].map((cell) => Number(cell.textContent))"
    )
    assert lengths == sorted(lengths, reverse=True)
    page.click("#body tr")
    assert "Answer against reference" in page.panel()
    page.silent(demo)


def test_keys_lead_through_rows(page: Page, demo: Path) -> None:
    page.open(demo)
    page.driver.execute_script("document.querySelector('#body tr').focus()")
    page.press("j", "j", Keys.ARROW_DOWN, "k")
    assert page.ask("document.activeElement.getAttribute('aria-rowindex')") == "4"
    page.press(Keys.END)
    assert page.ask("document.activeElement.getAttribute('aria-rowindex')") == "221"
    page.press(Keys.HOME, Keys.ENTER)
    assert page.wait("document.querySelector('#panel h2')?.textContent").startswith("math-2-0")
    page.press("j")
    page.wait("document.querySelector('#panel h2')?.textContent.startsWith('math-2-1')")
    page.press("c")
    page.wait("document.querySelectorAll('.abreast article').length === 8")
    page.shot("demo-side-by-side")
    page.press("c")
    page.wait(
        "document.querySelectorAll('.abreast').length === 0 && document.querySelectorAll('#panel math').length > 3"
    )
    page.press("m")
    page.wait("document.querySelectorAll('#panel math').length === 0")
    page.press("m", Keys.ESCAPE)
    page.wait("document.getElementById('panel').hidden")
    assert page.ask("document.activeElement.tagName") == "TR"
    page.press("/")
    assert page.ask("document.activeElement.id") == "search"
    page.press("1", "5", "-")
    page.wait(f"{COUNT} !== '220 rows'")
    page.press(Keys.ESCAPE)
    page.press("?")
    page.wait("document.getElementById('keys').open")
    page.silent(demo)


def test_whole_texts_can_be_searched(page: Page, demo: Path) -> None:
    page.open(demo)
    page.search("therefore, there are 20 possible outcomes")
    page.wait(f"{COUNT} === '0 of 220'")
    page.click("#whole")
    page.wait("/^[1-9] of 220$/.test(document.getElementById('count').textContent)")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_it_fits_its_window_in_light_and_dark_and_does_not_jump(page: Page, demo: Path, width: int, dark: bool) -> None:
    page.open(demo, width=width, height=844 if width < 500 else 900, dark=dark)
    shifted = page.driver.execute_async_script(
        "const done = arguments[0]; let sum = 0;"
        "new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })"
        ".observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 300)"
    )
    assert shifted < 0.01
    assert page.ask("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert page.ask("document.documentElement.scrollWidth") <= width
    name = f"demo-{width}-{'dark' if dark else 'light'}"
    page.shot(name)
    page.click("#body tr:nth-child(4)")
    page.panel()
    assert page.ask("document.documentElement.scrollWidth") <= width
    page.shot(f"{name}-open")
    page.silent(demo)


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


# Every text that is on the page, against what is painted behind it: the colours that the browser came to.
UNREADABLE = """
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const parse = (text) => [...numbers(text).slice(0, 3), numbers(text)[3] ?? 1];
const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = (colour) => colour.slice(0, 3).map((c) => linear(c / 255))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  const layers = [];
  for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const bad = [];
let seen = 0;
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || element.closest('script, style, noscript, option') || !element.checkVisibility()) continue;
  seen += 1;
  const back = behind(element);
  const [one, two] = [light(over(parse(getComputedStyle(element).color), back)), light(back)].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (two + 0.05);
  if (ratio < 4.5) bad.push(`${element.className || element.tagName} ${ratio.toFixed(2)} ${node.data.slice(0, 40)}`);
}
return [seen, bad];
"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_on_the_page_has_the_contrast_of_wcag_aa(page: Page, demo: Path, tmp_path: Path, dark: bool) -> None:
    def check(least: int) -> None:
        seen, bad = page.driver.execute_script(UNREADABLE)
        assert bad == []
        assert seen > least  # it looked at something

    page.open(demo, dark=dark)
    check(150)
    page.click("#body tr:nth-child(3)")
    page.panel()
    page.driver.execute_script("document.querySelectorAll('#panel details').forEach((one) => { one.open = true })")
    page.wait("document.querySelectorAll('#panel .text').length > 2")  # prompt, response, the row as JSON
    check(100)
    page.press("c")
    page.wait("document.querySelector('.abreast')")
    check(100)
    page.open(write(tmp_path, [CODE_ROW]), dark=dark, hash_="#row=0")
    page.panel()
    page.driver.execute_script("document.querySelectorAll('#panel details').forEach((one) => { one.open = true })")
    page.wait("document.querySelector('#panel .thought .text .l1')")
    check(60)


def test_a_screen_reader_is_told_of_a_grid_its_rows_and_how_they_are_sorted(page: Page, demo: Path) -> None:
    page.open(demo)
    page.click("#head th:last-child button")
    page.driver.execute_script("document.querySelector('#body tr').focus()")
    page.press(Keys.ARROW_DOWN, Keys.ENTER)
    page.panel()
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"] and "role" in node
    ]
    roles = [role for role, _ in told]
    assert ("grid", "Responses") in told
    assert roles.count("row") > 10
    assert roles.count("gridcell") > 30
    heads = [name for role, name in told if role == "columnheader"]
    assert heads[:2] == ["Verdict", "Reward"]
    assert ("complementary", "The row that is open") in told
    assert ("search", "") in told
    assert ("status", "220 rows") in told or "status" in roles
    grid = page.ask(
        "[...document.querySelectorAll('#body tr:not([hidden])')].map((row) => [row.getAttribute('aria-rowindex'),"
        " row.getAttribute('aria-selected'), row.tabIndex])"
    )
    assert [row[1] for row in grid].count("true") == 1
    assert [row[2] for row in grid].count(0) == 1  # one stop of the Tab key, moved by arrows
    # Nothing that can be pressed is without a name.
    assert [told for told in told if told[0] in ("button", "checkbox", "combobox", "searchbox") and not told[1]] == []


def test_the_keyboard_alone_filters_opens_and_leaves_a_row(page: Page, demo: Path) -> None:
    page.open(demo)
    page.press(Keys.TAB)
    assert page.ask("document.activeElement.className") == "skip"
    page.press(Keys.ENTER)
    for _ in range(30):
        page.press(Keys.TAB)
        if page.ask("document.activeElement.closest('#body') !== null"):
            break
    assert page.ask("document.activeElement.getAttribute('aria-rowindex')") == "2"
    page.press(Keys.ENTER)
    page.panel()
    page.press(Keys.TAB)
    assert page.ask("document.activeElement.closest('#panel') !== null")
    page.press(Keys.ESCAPE)
    page.wait("document.getElementById('panel').hidden")
    assert page.ask("document.activeElement.tagName") == "TR"
    page.silent(demo)


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


def test_own_fields_are_columns_filters_and_groups_and_the_address_keeps_them(page: Page, tmp_path: Path) -> None:
    path = write(tmp_path, own_rows())
    page.open(path)
    page.press("f")
    page.wait("document.getElementById('fields').open")
    page.click("#fields-columns input[value=level]")
    page.shot("fields")
    add_filter(page, "meta.source", "=", "aime")
    page.wait(f"{COUNT} === '6 of 12'")
    add_filter(page, "level", ">", "0")
    page.wait(f"{COUNT} === '4 of 12'")
    add_filter(page, "level", ">", "much")
    assert "is none" in page.ask("document.getElementById('where-fault').textContent")
    add_filter(page, "meta.source", "re", "(")
    assert page.ask("document.getElementById('where-fault').textContent")
    page.choose("#group-field", "level")
    groups = "[...document.querySelectorAll('#groups tbody tr')].map((row) => row.innerText.split(/\\s+/).slice(0, 3))"
    assert page.wait(groups) == [["1", "2", "0.500"], ["2", "2", "0.500"]]
    page.press(Keys.ESCAPE)
    heads = "[...document.querySelectorAll('#head th')].map((one) => one.textContent)"
    assert "level" in page.ask(heads)
    page.click("#head th:last-child button")
    page.click("#body tr:nth-child(2)")
    page.panel()
    shown, address = page.ask(IDS), page.ask("location.hash")
    page.open(path, hash_=address)  # a link shows what I see
    page.panel()
    assert page.ask(IDS) == shown
    assert page.ask(COUNT) == "4 of 12"
    assert "level" in page.ask(heads)
    assert page.ask("document.querySelector('#head th:last-child').getAttribute('aria-sort')") == "descending"
    page.click(".chip")
    page.wait(f"{COUNT} === '8 of 12'")
    page.click("#clear")
    page.wait(f"{COUNT} === '12 rows'")
    page.open(path, hash_="#where=%5B1%5D&where=nonsense&columns=none&group=none&sort=none&by=x:y&outcome=none&row=99")
    assert page.ask(COUNT) == "12 rows"
    page.silent(path)


def test_back_closes_a_row_and_escape_empties_the_search(page: Page, tmp_path: Path) -> None:
    path = write(tmp_path, own_rows())
    page.open(path)
    page.search("nothing like it")
    page.wait(f"{COUNT} === '0 of 12'")
    page.driver.execute_script("document.activeElement.blur()")
    page.press(Keys.ENTER)  # there is no row to open
    assert page.ask("document.getElementById('panel').hidden")
    page.driver.execute_script("document.getElementById('search').focus()")
    page.press(Keys.ESCAPE)
    page.wait(f"{COUNT} === '12 rows'")
    assert page.ask("document.getElementById('search').value") == ""
    page.choose("#outcome", "right")
    page.click("#body tr:nth-child(2)")
    page.panel()
    page.click("#body tr:nth-child(3)")
    page.wait("document.querySelector('#panel h2')?.textContent.startsWith('r5')")
    page.driver.back()
    page.wait("document.getElementById('panel').hidden")
    assert page.ask(COUNT) == "6 of 12"
    page.driver.forward()
    page.wait("document.querySelector('#panel h2')?.textContent.startsWith('r5')")
    page.press(Keys.ESCAPE)
    page.wait("document.getElementById('panel').hidden")
    assert page.ask("location.href").startswith(path.as_uri())
    page.silent(path)


def test_rows_and_marks_are_saved_as_files(page: Page, tmp_path: Path) -> None:
    rows = own_rows()
    rows[3] |= {"big": 2**60, "part": 1.0}
    rows[2]["meta"]["source"] = "=1+1"
    path = write(tmp_path, rows)
    folder = tmp_path / "saved"
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    page.open(path)
    page.driver.execute_script("localStorage.clear()")
    page.click("#body tr:nth-child(4)")
    page.panel()
    page.press("w")
    page.wait("document.querySelector('.mark-wrong[aria-pressed=true]')")
    page.driver.execute_script(
        "const note = document.querySelector('.remark'); note.value = 'off by one';"
        "note.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    page.choose("#outcome", "right")

    def saved(kind: str, name: str) -> list[str]:
        page.click(f"[data-save={kind}]")
        end = time.monotonic() + PATIENCE
        while not (folder / name).exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        return (folder / name).read_text(encoding="utf-8").splitlines()

    stem = page.ask("document.title.split(' · ')[0].replace(/[^\\w.-]+/g, '_')")
    shown = saved("jsonl", f"{stem}.jsonl")
    assert [json.loads(line) for line in shown] == rows[1::2]
    assert '"big":1152921504606846976,"part":1.0' in shown[1]
    assert json.loads(saved("marks", f"marks-{stem}.jsonl")[0]) == {**rows[3], "label": False, "note": "off by one"}
    page.choose("#outcome", "")
    lines = saved("csv", f"{stem}.csv")
    assert len(lines) == 13
    assert "meta.source" in lines[0]
    assert "'=1+1" in lines[3]
    page.open(path, hash_="#row=3")  # marks are still there
    page.panel()
    assert page.ask("document.querySelector('.remark').value") == "off by one"


def test_printing_keeps_the_table_and_the_open_row(page: Page, tmp_path: Path) -> None:
    rows = [{**own_rows()[n % 12], "id": f"n{n:03}"} for n in range(150)]
    page.open(write(tmp_path, rows), hash_="#row=7")
    page.panel()
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert len(page.ask(IDS)) == 150
    assert page.ask("document.querySelector('#panel').getBoundingClientRect().height") > 100
    assert page.ask("getComputedStyle(document.querySelector('.scroll')).overflow") == "visible"
    page.driver.execute_script("window.dispatchEvent(new Event('afterprint'))")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert len(page.ask(IDS)) < 60


@pytest.mark.slow
def test_a_hundred_thousand_rows_stay_quick(page: Page, tmp_path: Path) -> None:
    lines = (ROOT / "examples" / "rollouts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    scored = tmp_path / "big.jsonl"
    with scored.open("w", encoding="utf-8") as file:
        for number in range(100_000):
            row = rows[number % len(rows)]
            right = number % 7 != 0
            told = {"math": verdict(float(right), "correct" if right else "wrong", answer=str(number))}
            made = {**row, "id": f"r{number}", "problem": f"p{number // 8}", "reward": float(right), "verdicts": told}
            file.write(json.dumps(made) + "\n")
    path = tmp_path / "big.html"
    write_report(ReportOptions(sources=(str(scored),), output=str(path)))
    page.open(path)
    page.wait(f"{COUNT} === '100,000 rows'")

    def took(act: str) -> float:
        return float(
            page.driver.execute_script(
                f"const start = performance.now(); {act}; document.body.offsetHeight; return performance.now() - start"
            )
        )

    filtering = took(
        "document.getElementById('outcome').value = 'wrong'; document.getElementById('bar').requestSubmit()"
    )
    assert page.ask(COUNT) == "14,286 of 100,000"
    sorting = took("document.querySelector('#head th:last-child button').click()")
    page.click("#clear")
    page.wait(f"{COUNT} === '100,000 rows'")
    page.driver.execute_script("document.querySelector('#body tr').focus()")
    page.press(Keys.END)
    page.wait("document.activeElement.getAttribute('aria-rowindex') === '100001'")
    page.press(Keys.ENTER)
    assert page.panel()
    page.shot("hundred-thousand")
    # Ten times what benchmarks/report.py holds it to: here it must only not be slow in another order of size.
    assert max(filtering, sorting) < 5_000
    page.silent(path)


def test_a_page_opens_at_the_row_that_its_address_names(page: Page, demo: Path) -> None:
    page.open(demo, hash_="#row=43")
    assert page.wait("document.querySelector('#panel h2')?.textContent").startswith("math-12-3")
    assert "math-12-3" in page.ask(IDS)


def test_a_training_run_shows_its_lines_and_their_values(page: Page, tmp_path: Path) -> None:
    steps = [
        {"step": n, "stage": "zero" if n < 20 else "rl1", "reward": n / 10, "accuracy": n / 40, "kl": n * 1e-5}
        for n in range(40)
    ]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    path = tmp_path / "run.html"
    write_report(ReportOptions(sources=(str(tmp_path / "run"),), output=str(path)))
    page.driver.get("about:blank")
    page.logs()
    page.driver.get(path.as_uri())
    page.wait("document.readyState === 'complete' && document.querySelectorAll('.chart path.line').length === 3")
    # The listeners come once the index is unpacked.
    end = time.monotonic() + PATIENCE
    while "at 20" not in page.ask("document.querySelector('.chart output').textContent"):
        assert time.monotonic() < end
        page.driver.execute_script(
            "const plot = document.querySelector('.chart svg'); const box = plot.getBoundingClientRect();"
            "plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width * 20 / 39}))"
        )
        time.sleep(0.02)
    assert page.ask("document.querySelector('.chart output').textContent") == "2 at 20"
    page.shot("run")
    page.silent(path)
