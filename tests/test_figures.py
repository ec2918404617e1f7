"""Figures in README and docs/ are those that a benchmark wrote: each stands in a file of `benchmarks/results`.

Held are the numbers in tables behind the name of a script (`benchmarks/NAME.py`) in a section: each must be a number of
`benchmarks/results/NAME.json` or `NAME_*.json`, rounded as it is printed. Names of rows and columns are not held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")
SCRIPT = re.compile(r"`(?:python )?benchmarks/(\w+)\.py\b")


class Section(NamedTuple):
    """Tables between two headings, with the scripts that are named before them."""

    page: str
    title: str
    scripts: tuple[str, ...]
    numbers: tuple[str, ...]
    """As they are printed, in cells that are no names of rows or columns."""


def _numbers(text: str) -> list[str]:
    return [match[0] for match in NUMBER.finditer(re.sub(r"`[^`]*`", "", text))]


def _sections(path: Path) -> Iterator[Section]:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for part in re.split(r"^(?=#+ )", text, flags=re.M):
        numbers: list[str] = []
        scripts: dict[str, None] = {}
        end = 0
        for table in re.finditer(r"^\|.*\n\|[ -|]*\n((?:\|.*\n?)*)", part, re.M):
            scripts |= dict.fromkeys(SCRIPT.findall(part[end : table.start()]))
            end = table.end()
            for row in table[1].splitlines() if scripts else ():
                numbers += _numbers(" ; ".join(re.split(r"(?<!\\)\|", row)[2:]))
        if numbers:
            yield Section(path.relative_to(ROOT).as_posix(), part.partition("\n")[0], tuple(scripts), tuple(numbers))


SECTIONS = [section for page in PAGES for section in _sections(page)]


def _figures(value: Any) -> Iterator[float]:  # any: JSON values
    match value:
        case bool() | None:
            return
        case int() | float():
            yield float(value)
        case str():
            yield from (float(number.replace(",", "")) for number in _numbers(value))
        case list():
            for one in value:
                yield from _figures(one)
        case dict():
            for one in value.values():
                yield from _figures(one)


def _measured(script: str) -> list[float]:
    files = [RESULTS / f"{script}.json", *sorted(RESULTS.glob(f"{script}_*.json"))]
    return [
        number
        for path in files
        if path.exists()
        for number in _figures(json.loads(path.read_text(encoding="utf-8"))["figures"])
    ]


def _is_among(printed: str, figures: list[float]) -> bool:
    """Whether a figure prints so.

    >>> _is_among("0.99", [0.9935]), _is_among("99.4", [0.9935]), _is_among("5,585", [5584.8]), _is_among("2", [3.0])
    (True, True, True, False)
    """
    number = printed.replace(",", "")
    digits = len(number.partition(".")[2]) if "e" not in number else 12
    step = 0.5 * 10**-digits * (1 + 1e-9)
    return any(abs(float(number) - scale * figure) <= step for figure in figures for scale in (1, 100))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: f"{section.page}-{section.title}")
def test_figures_of_tables_are_on_record(section: Section) -> None:
    figures = [number for script in section.scripts for number in _measured(script)]
    assert figures, f"benchmarks/results has nothing of {section.scripts}"
    missing = [number for number in section.numbers if not _is_among(number, figures)]
    assert not missing, f"not in benchmarks/results/{'.json, '.join(section.scripts)}.json"


def test_a_figure_that_was_not_measured_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "a.md"
    page.write_text("# A\n\n`benchmarks/a.py`:\n\n| | 0.1 |\n| --- | --- |\n| 0.2 | 0.31 |\n", encoding="utf-8")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "RESULTS", tmp_path)
    (section,) = _sections(page)
    assert section.numbers == ("0.31",)
    for value, noticed in ((0.3052, False), (0.3201, True)):
        (tmp_path / "a.json").write_text(json.dumps({"figures": {"x": [value]}}), encoding="utf-8")
        assert _is_among("0.31", _measured("a")) != noticed


def test_results_say_what_was_measured_when_and_where() -> None:
    files = sorted(RESULTS.glob("*.json"))
    assert len(files) >= 10
    for path in files:
        held = json.loads(path.read_text(encoding="utf-8"))
        assert set(held) == {"benchmark", "date", "machine", "recorded", "figures"}, path.name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", held["date"])
        assert (ROOT / held["benchmark"]).is_file()
        assert path.stem.startswith(Path(held["benchmark"]).stem)


def test_recorded_figures_are_quoted_and_were_not_measured_since() -> None:
    """`NAME_recorded.json` is no copy of what `NAME.json` has or of what no page prints."""
    dead = []
    for path in sorted(RESULTS.glob("*_recorded.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        script = Path(content["benchmark"]).stem
        measured = list(_figures([json.loads(one.read_text(encoding="utf-8"))["figures"] for one in _newer(script)]))
        quoted = {number for section in SECTIONS if script in section.scripts for number in section.numbers}
        needed = [number for number in quoted if not _is_among(number, measured)]
        rows = [row for table in content["figures"].values() for row in table]
        dead += [f"{path.name}: {row[0]}" for row in rows if not any(_is_among(n, [*_figures(row)]) for n in needed)]
    assert dead == []


def _newer(script: str) -> list[Path]:
    return [path for path in RESULTS.glob(f"{script}*.json") if not path.stem.endswith("_recorded")]


def test_readme_quotes_figures() -> None:
    assert any(section.page == "README.md" and len(section.numbers) > 10 for section in SECTIONS)
