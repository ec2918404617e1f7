"""The page for everybody: contrast, screen readers, the keyboard alone, narrow windows, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys
from tests.inspection.browser import Page
from tests.inspection.report.page import CODE_ROW, write

pytestmark = pytest.mark.needs("chromium")


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
