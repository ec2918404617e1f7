"""`r1-reward view` in a real browser: live rows and charts, searches, hostile rows, and the static folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.inspection.browser import Page
from tests.inspection.view.conftest import View
from tests.inspection.view.test_view_index import scored, write

from r1_reward.cli import main

pytestmark = pytest.mark.needs("chromium")
HOSTILE = (
    "</script><script>window.bad = 1</script>",
    "<img src=x onerror='window.bad = 1'>",
    "javascript:window.bad=1",
    "$\\href{javascript:window.bad=1}{x}$",
    "[x](javascript:window.bad=1) ![y](http://127.0.0.1:9/z.png)",
    "\u202e\u0000\ud800 ${window.bad = 1} {{ 7 * 7 }}",
    "{{ data }}",
)


def test_rows_and_charts_are_live_and_nothing_runs(tmp_path: Path, browser: Page, view: Callable[[Path], View]) -> None:
    folder = tmp_path / "runs"
    odd = [
        scored(n, right=False, id=text, response=text, prompt=text, reference=text, **{text[:60]: text})
        for n, text in enumerate(HOSTILE)
    ]
    rows = [scored(n, right=n % 3 == 0, response=f"<think>{n}</think>{n} and $x^2$") for n in range(150)]
    path = write(folder / f"{HOSTILE[1].replace('/', '')}.jsonl", odd)
    path = write(folder / "a.jsonl", rows)
    metrics = write(folder / "run/metrics.jsonl", [{"step": n, "stage": "zero", "reward": n / 10} for n in range(5)])
    write(folder / "run/samples.jsonl", rows[:5])
    server = view(folder)
    browser.visit(server.address)
    browser.wait("document.querySelectorAll('#runs tr').length === 3")
    browser.search("a.js", "#find-text")
    browser.wait("document.querySelectorAll('#runs tr').length === 1")
    browser.wait("document.querySelector('#runs tr').innerText.includes('150')")
    browser.shot("view_home")
    browser.click("#runs a")
    browser.wait("document.getElementById('count').innerText === '1 to 100 of 150'")
    browser.click("#after")
    browser.wait("document.getElementById('count').innerText === '101 to 150 of 150'")
    assert "first=100" in browser.ask("location.hash")
    # What is written now appears by itself.
    with path.open("a") as file:
        file.write(json.dumps(scored(150)) + "\n")
    browser.wait("document.getElementById('count').innerText === '101 to 151 of 151'")
    browser.choose("#outcome", "wrong")
    browser.wait("document.getElementById('count').innerText === '1 to 100 of 100'")
    browser.search("r10")
    browser.wait("document.querySelectorAll('#body tr').length === 8")
    browser.click("#body tr:nth-child(2) button")
    assert "reward 0.5" in browser.panel()
    assert browser.ask("document.querySelector('#panel math') !== null")
    browser.press("j")
    browser.wait("document.querySelector('#panel h2').innerText.startsWith('r101')")
    browser.press("c")
    browser.wait("document.querySelectorAll('.abreast article').length === 4")
    browser.shot("view_row")
    browser.driver.refresh()
    assert "r101" in browser.wait("document.querySelector('#panel h2')?.innerText")
    browser.driver.back()
    browser.click("#home-link")
    browser.wait("!document.getElementById('home').hidden")

    browser.visit(f"{server.address}#name=run")
    browser.wait("document.querySelectorAll('.chart').length === 1")
    with metrics.open("a") as file:
        file.write('{"step": 5, "stage": "rl1", "reward": 9.5, "alarms": [{"name": "<b>", "detail": "x"}]}\n')
    browser.wait("document.querySelector('.chart .legend').innerText.includes('9.5')")
    assert browser.ask("document.querySelector('.alarms summary').innerText") == "1 alarm"

    browser.visit(f"{server.address}")
    browser.wait("document.querySelectorAll('#runs tr').length === 3")
    browser.driver.execute_script(
        "[...document.querySelectorAll('#runs a')].find((a) => a.innerText.startsWith('<img')).click()"
    )
    browser.wait("document.querySelectorAll('#body tr').length === 7")
    for number in range(1, 8):
        browser.click(f"#body tr:nth-child({number}) button")
        browser.wait(f"document.querySelector('#body tr:nth-child({number})').getAttribute('aria-current')")
        browser.panel()
    assert browser.ask("window.bad") is None
    console, asked = browser.logs()
    assert console == []
    assert {url.split("/")[2] for url in asked if url != "about:blank"} == {server.address.split("/")[2]}
    browser.visit(f"{server.address}#name=nothing")
    assert "nothing is called" in browser.wait("document.getElementById('fault').innerText")


def test_static_pages_open_from_disk(tmp_path: Path, browser: Page) -> None:
    folder, out = tmp_path / "runs", tmp_path / "site"
    write(folder / "deep/a.jsonl", [scored(n) for n in range(4)])
    write(folder / "run/metrics.jsonl", [{"step": n, "reward": n / 10} for n in range(5)])
    assert CliRunner().invoke(main, ["view", str(folder), "--write", str(out)]).exit_code == 0
    browser.open(out / "index.html")
    browser.wait("document.querySelectorAll('#runs tr').length === 2")
    browser.silent(out / "index.html")
    browser.search("deep", "#find-text")
    browser.wait("document.querySelectorAll('#runs tr').length === 1")
    browser.click("#runs a")
    assert browser.wait("document.querySelector('h1')?.innerText === 'deep/a.jsonl'")
    browser.wait("document.querySelectorAll('#body tr').length >= 4")


@pytest.mark.parametrize(("width", "dark"), [(320, False), (3840, True)])
def test_no_width_scrolls_the_page_sideways(
    tmp_path: Path, browser: Page, view: Callable[[Path], View], width: int, dark: bool
) -> None:
    write(tmp_path / "runs/long-name-of-a-file-that-does-not-fit.jsonl", [scored(n) for n in range(40)])
    server = view(tmp_path / "runs")
    browser.visit(server.address, width=width, height=700, dark=dark)
    browser.wait("document.querySelectorAll('#runs tr').length === 1")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    browser.click("#runs a")
    browser.wait("document.querySelectorAll('#body tr').length === 40")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("document.documentElement.dataset.theme") == ("dark" if dark else "light")
