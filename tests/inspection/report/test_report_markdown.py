"""Markdown and code on the page: set as a reader expects, its source a key away, and nothing of it runs or loads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.inspection.browser import Page

from r1_reward.inspection.report import ReportOptions, write_report

pytestmark = pytest.mark.needs("chromium")

TEXT = """# A heading with $x^2$

Some **bold** and *leaning* words, `a ** b ** c`, 2 * 3 * 4 and snake_case_names.

- first
  - second, with [a link](javascript:window.bad=1) and ![a picture](http://127.0.0.1:9/x.png "t")
1. third
> quoted

| name | value |
| --- | ---: |
| **a** | $y$ |
| b \\| c | <b>2</b> |

---

```python
# comment <script>window.bad = 1</script>
def f(x): return "text" + str(12)
```

\\[
x
- y
\\]

<img src=x onerror="window.bad = 1"> <https://127.0.0.1:9/auto> https://127.0.0.1:9/bare
[ref]: javascript:window.bad=1
```
never closed **bold**
"""
HOSTILE = (
    "**" * 5000,
    "[" * 5000 + "](" * 5000,
    "|" * 3000 + "\n" + "|-" * 3000 + "|\n" + "|" * 3000,
    "> " * 3000 + "\n" + "- " * 3000 + "\n" + "#" * 5000,
    "*_" * 3000 + "_*" * 3000,
    "```\n" * 3000,
    "$" * 5000 + "\\[\n" * 2000,
    "| a |\n| --- |\n" * 2000,
    "'\"`" * 5000,
)


def page_of(folder: Path, responses: list[str]) -> Path:
    verdict = {"status": "scored", "score": 1.0, "reason": "correct", "answer": "2", "detail": "", "seconds": 0.0}
    rows: list[dict[str, Any]] = [
        {
            "id": f"r{n}",
            "response": text,
            "prompt": text,
            "reference": "2",
            "reward": 1.0,
            "verdicts": {"math": verdict},
        }
        for n, text in enumerate(responses)
    ]
    scored = folder / "rows.jsonl"
    scored.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    write_report(ReportOptions(sources=(str(scored),), output=str(folder / "page.html")))
    return folder / "page.html"


def test_markdown_is_set_and_its_source_a_key_away(tmp_path: Path, browser: Page) -> None:
    path = page_of(tmp_path, [TEXT])
    browser.open(path, hash_="#row=0")
    browser.panel()
    box = "[...document.querySelectorAll('#panel .text')].at(-1)"
    shown = browser.ask(
        f"""(() => {{ const box = {box}; const texts = (s) => [...box.querySelectorAll(s)].map((e) => e.innerText);
        return {{ heads: texts('[role=heading]'), bold: texts('.md-bold'), lean: texts('.md-lean'),
          items: texts('.md-li'), quotes: texts('.md-quote'), cells: texts('.md-table td'),
          code: texts('.md-lines'), keywords: texts('.tok-k'),
          links: texts('.md-link'), targets: texts('.md-target'), pictures: texts('.md-picture'),
          rules: box.querySelectorAll('.md-rule').length, maths: box.querySelectorAll('math').length,
          foreign: box.querySelectorAll('a, img, script, b, iframe, form').length, whole: box.textContent,
          shown: box.innerText }}; }})()"""
    )
    assert len(shown["heads"]) == 1
    assert shown["bold"] == ["bold", "a", "bold"]
    assert shown["lean"] == ["leaning"]
    assert [item.split(",")[0].strip() for item in shown["items"]] == ["- first", "- second", "1. third"]
    assert shown["quotes"] == ["quoted"]
    assert [cell.strip() for cell in shown["cells"]][0::2] == ["a", "b \\| c"]
    assert shown["cells"][3].strip() == "<b>2</b>"
    assert shown["code"][0].startswith("# comment <script>")
    assert shown["keywords"] == ["def", "return"]
    assert (shown["links"], shown["pictures"]) == (["a link"], ["a picture"])
    assert shown["targets"][0] == "(javascript:window.bad=1)"
    assert (shown["rules"], shown["foreign"]) == (1, 0)
    assert shown["maths"] == 3
    assert "**bold**" not in shown["shown"].split("never closed")[0]
    assert "never closed" in shown["shown"], "a fence that is never closed hides nothing"
    assert '<img src=x onerror="window.bad = 1">' in shown["shown"]
    assert browser.ask("window.bad") is None
    browser.shot("markdown")
    browser.press("s")
    browser.wait(f"!{box}.classList.contains('md') && {box}.innerText.includes('**bold**')")
    browser.press("s")
    browser.wait(f"{box}.classList.contains('md')")
    browser.silent(path)


def test_no_character_is_lost_and_no_text_holds_the_page_up(tmp_path: Path, browser: Page) -> None:
    texts = [*HOSTILE, "\n\n".join(HOSTILE)[:60_000]]
    path = page_of(tmp_path, texts)
    for number, text in enumerate(texts):
        browser.open(path, hash_=f"#row={number}")
        browser.panel()
        whole = browser.ask(
            "[...document.querySelectorAll('#panel .text')].at(-1).textContent.replace(/Show more.*$/, '')"
        )
        # Blank space between blocks, bars between cells and the marks of a fence are not set.
        signs = re.compile(r"[\s|`~:-]+")
        assert signs.sub("", whole) in signs.sub("", text), number
        assert len(signs.sub("", whole)) >= 0.95 * len(signs.sub("", text[:10_000])) - 4, number
    assert browser.ask("window.bad") is None
