"""Writes the notebooks of the tutorials from their pages, so that the two say the same.

    python .ci/notebooks.py

Text becomes cells of Markdown, `python` blocks cells of code, `console` blocks cells of `%%bash`. What a block prints
is left out, since the notebook prints it. A test holds the notebooks against the pages.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
NAMES = ("rollouts", "r1_zero")
FENCE = re.compile(r"(?:^<!-- (?P<mark>[^>]*) -->\n)?^```(?P<language>\S*)\n(?P<text>.*?)^```\n", re.M | re.S)
BEGIN = (
    "*Written from `{name}.md` by `.ci/notebooks.py`. Start it in a folder that holds `examples/` and `recipes/`, with "
    "`r1-reward` on the PATH.*"
)


def notebook(text: str, name: str) -> dict[str, Any]:  # any: JSON values
    """The notebook of a page."""
    cells = [_cell("markdown", BEGIN.format(name=name))]
    end = 0
    for fence in FENCE.finditer(text):
        cells.append(_cell("markdown", text[end : fence.start()]))
        if fence["mark"]:
            cells.append(_cell("markdown", f"```bash\n{fence['text']}```"))
        elif fence["language"] == "console":
            cells.append(_cell("code", "%%bash\n" + fence["text"]))
        elif fence["language"] == "python":
            cells.append(_cell("code", fence["text"]))
        end = fence.end()
    cells.append(_cell("markdown", text[end:]))
    for number, cell in enumerate(cells := [cell for cell in cells if cell["source"]]):
        cell["id"] = f"{name}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, text: str) -> dict[str, Any]:  # any: JSON values
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.strip().splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def written(name: str) -> str:
    """The notebook's file as it must be, without the page's link to it."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(rf" This page is also a\s+\[notebook\]\({name}\.ipynb\)\.", "", text)
    return json.dumps(notebook(text, name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in NAMES:
        (FOLDER / f"{name}.ipynb").write_text(written(name), encoding="utf-8")
