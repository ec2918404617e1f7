"""The page in a real browser: what people do with it. Screenshots end in out/, to be looked at."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from tests.inspection.browser import PATIENCE, ROOT, Page
from tests.inspection.report.page import COUNT, IDS, add_filter, own_rows, verdict, write

from r1_reward.inspection.judging.labelled import read_labelled
from r1_reward.inspection.report import ReportOptions, write_report

pytestmark = pytest.mark.needs("chromium")


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
    assert [one.label for one in read_labelled([str(folder / f"marks-{stem}.jsonl")])] == [False]  # of judge-check
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
    page.wait(f"{IDS}.length < 60")  # the browser tells of the new height in its next frame


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
