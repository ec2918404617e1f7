"""A training run's folder as a page: the reader of docs/reference/metrics.md, and the charts."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.inspection.report.figures import plots
from r1_reward.inspection.report.metrics import TITLES, read_run, thin
from r1_reward.verifiers.errors import RunError

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")


def example(steps: int = 60) -> list[dict[str, Any]]:
    """A made-up run with every chart of the schema."""
    made = []
    for step in range(steps):
        share = step / steps
        stage = "zero" if step < steps // 2 else "cold_start" if step < steps // 2 + 5 else "rl1"
        made.append(
            {
                "step": step, "stage": stage, "stage_step": step, "time": 1.7e9 + step,
                "reward": 2 * share, "reward/math": share, "reward/format": share ** 0.5, "accuracy": share,
                "format": share ** 0.5, "language": 1 - 0.3 * share, "length": 200 + 400 * share, "length/max": 900,
                "truncated": 0.02, "reflective": 5 * share, "reflective/wait": 3 * share, "kl": 0.01 * share,
                "entropy": 2 - share, "clip": 0.003, "clip/low": 0.001, "clip/high": 0.002, "ratio": 1.0,
                "ratio/max": 1 + share, "zero_variance": 0.4 * (1 - share), "unjudged": 0.0, "loss": -0.01 * share,
                "grad_norm": 0.5 + math.sin(step) / 4, "lr": 3e-6, "speed": 1234.5, "seconds": 9.0,
                "seconds/generate": 6.0, "eval/pass_at_1": share if step % 10 == 0 else None,
                "alarms": [{"name": "truncation", "detail": "12 % of responses were cut"}] if step == 40 else [],
            }
        )  # fmt: skip
    return made


def folder(path: Path, steps: list[Any], samples: bool = True) -> Path:
    path.mkdir(exist_ok=True)
    lines = [step if isinstance(step, str) else json.dumps(step) for step in steps]
    (path / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if samples:
        told = {"score": 1.0, "status": "scored", "reason": "correct", "answer": "2", "detail": "", "seconds": 0.0}
        rows = [
            {"id": f"s{n}", "step": n // 2 * 10, "stage": "zero" if n < 6 else "rl1", "prompt": "1 + 1",
             "reference": "2",
             "response": "<think>1 + 1</think><answer>2</answer>", "reward": 1.0, "verdicts": {"math": told}}
            for n in range(12)
        ]  # fmt: skip
        (path / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_every_chart_has_its_lines_and_every_stage_its_steps(tmp_path: Path) -> None:
    run = read_run(folder(tmp_path / "run", example()))
    assert [(stage.name, stage.first, stage.last) for stage in run.stages] == [
        ("zero", 0, 29), ("cold_start", 30, 34), ("rl1", 35, 59),
    ]  # fmt: skip
    drawn = {chart.title: [line.label for line in chart.lines] for chart in run.charts}
    assert drawn["Reward"] == ["mean", "math", "format"]
    assert drawn["Clipped"] == ["share", "low", "high"]
    for title, _, _ in TITLES.values():
        assert title in drawn or title == "Alarms", title
    assert run.alarms == [(40, "truncation: 12 % of responses were cut")]
    assert run.last["accuracy"] == pytest.approx(59 / 60)


def test_every_chart_is_in_the_docs_and_every_key_of_the_docs_is_read(tmp_path: Path) -> None:
    named = {key.partition("/")[0] for key in re.findall(r"^\| `([a-z_/<>]+)`", DOCS, re.MULTILINE)}
    assert set(TITLES) <= named
    (line,) = re.findall(r"^\{\"step\".*\}$", DOCS, re.MULTILINE)
    run = read_run(folder(tmp_path / "run", [line], samples=False))
    assert len(run.charts) >= 10


def test_lines_that_are_no_steps_are_counted_and_left_out(tmp_path: Path) -> None:
    bad = ["{torn", "[]", '{"step": "1"}', '{"step": true}', '{"step": 0, "stage": 3}', '{"stage": "x"}']
    steps = [
        {"step": 0, "reward": 1},
        *bad,
        {"step": 2, "reward": 2},
        {"step": 1, "reward": 9},
        {"step": 2, "reward": 9},
    ]
    run = read_run(folder(tmp_path / "run", steps))
    assert (run.steps, run.skipped) == (2, len(bad) + 2)
    assert run.last == {"reward": 2.0}


def test_what_is_no_number_is_a_gap(tmp_path: Path) -> None:
    values: list[Any] = [1, None, "x", True, [1], 1e308 * 10, 2]
    steps = [json.dumps({"step": n, "reward": value, "note": "text"}) for n, value in enumerate(values)]
    (chart,) = read_run(folder(tmp_path / "run", steps)).charts
    assert [value for _, value in chart.lines[0].points] == [1.0, None, None, None, None, None, 2.0]


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"docs/reference/metrics\.md"):
        read_run(tmp_path)
    with pytest.raises(RunError, match="no step"):
        read_run(folder(tmp_path / "run", ["{"]))


def test_the_page_of_a_run_with_and_without_samples(tmp_path: Path) -> None:
    for samples in (True, False):
        source = folder(tmp_path / f"run{samples}", example(), samples)
        out = tmp_path / "page.html"
        written = write_report(ReportOptions(sources=(str(source),), output=str(out)))
        page = out.read_text(encoding="utf-8")
        assert written.shown == (12 if samples else 0)
        assert ('id="table"' in page) == samples
        assert page.count('<figure class="chart"') >= 15
        assert "1 alarm<" in page.replace("\n", "")
        assert "training run" in page


def test_hostile_names_of_keys_and_stages_stay_text(tmp_path: Path) -> None:
    text = "</script><script>alert(1)</script>"
    steps = [{"step": n, "stage": text, text: n, f"reward/{text}": n, "alarms": [{"name": text}]} for n in range(3)]
    out = tmp_path / "page.html"
    write_report(ReportOptions(sources=(str(folder(tmp_path / "run", steps)),), output=str(out)))
    assert "<script>alert" not in out.read_text(encoding="utf-8")


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=60), st.integers(2, 20))
def test_thinning_keeps_order_and_extremes(values: list[float | None], most: int) -> None:
    points = list(enumerate(values))
    kept = thin(points, most)
    assert [step for step, _ in kept] == sorted({step for step, _ in kept})
    known = [value for value in values if value is not None]
    if known:
        assert {min(known), max(known)} <= {value for _, value in kept}


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30))
def test_lines_stay_inside_their_box(values: list[float]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as path:
        steps = [{"step": n, "loss": value} for n, value in enumerate(values)]
        (plot,) = plots(read_run(folder(Path(path) / "run", steps, samples=False)))
    for x, y in re.findall(r"[ML](\S+) ([-\d.e]+)", plot["lines"][0]["path"]):
        assert 0 <= float(x) <= 1000
        assert 0 <= float(y) <= 300
