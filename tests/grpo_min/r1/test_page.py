"""A folder of stages as a page: figures, tables, and every departure from the paper's shape told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.inspection.evaluation.test_prompts_and_languages import record

from r1_reward.cli import main
from r1_reward.grpo_min.r1.folders import FolderEntry, write_stages
from r1_reward.grpo_min.r1.page import figures, read_pipeline, write_pipeline
from r1_reward.grpo_min.r1.page.evaluations import benchmark_tables
from r1_reward.grpo_min.r1.page.shape import PaperFinding, findings
from r1_reward.verifiers.errors import RunError
from r1_reward.verifiers.files import write_rows

pytest.importorskip("matplotlib")
PNG = b"\x89PNG\r\n\x1a\n"
NAMES = (
    "base zero cold_start rl1 reject_sample sft2 reward_models rl2 distill no_language hacking small small_zero"
).split()
SMALL = ("small", "small_zero", "distill")


def _estimate(value: float, half: float = 0.02) -> dict[str, Any]:
    return {"value": value, "ci95": [value - half, value + half], "n": 512}


def _line(step: int, steps: int, *, down: bool) -> dict[str, Any]:
    share = step / steps
    accuracy = 0.8 - 0.3 * share if down else 0.3 + 0.5 * share
    return {
        "step": step, "accuracy": accuracy, "reward/math": accuracy, "language": 1 - 0.3 * share * down,
        "length": 20 + 20 * share, "reflective": 0.1 + share, "reflective/wait": share, "reflective/等等": share / 2,
        "reward/helpful": share, "reward/safety": share,
        "alarms": [{"name": "collapse", "detail": "x"}] if down and step == steps else [],
    }  # fmt: skip


def _stage(root: Path, name: str, accuracy: float | None, language: float = 0.99, **message: object) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    titles = {"zero": "R1-Zero", "cold_start": "Dev1", "distill": "distilled into it"}
    write_stages(root, [FolderEntry(one, titles.get(one, ""), "small" if one in SMALL else "base") for one in NAMES])
    report: dict[str, Any] = {"stage": name, **message}
    if accuracy is not None:
        metrics = {
            "unjudged": _estimate(0.0), "pass_at_1": _estimate(accuracy), "pass_at_16": _estimate(accuracy + 0.1),
            "cons_at_16": _estimate(accuracy + 0.08), "format": _estimate(0.98), "language": _estimate(language),
            "length": _estimate(31.5), "reflective": _estimate(0.1 if name == "base" else 0.6),
            "reflective/wait": _estimate(0.1 if name == "base" else 0.4),
        }  # fmt: skip
        report["evaluation"] = {"questions": 512, "k": 16, "metrics": metrics, "levels": {}}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    (folder / "cost.json").write_text(json.dumps({"cpu_seconds": 12.5, "seconds": 20.0}), encoding="utf-8")
    lines = [_line(step, 40, down=name in ("hacking", "no_language")) for step in range(1, 41)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


def _run(root: Path, **accuracy: float | None) -> Path:
    """A made-up run with the paper's shape, but for what is changed."""
    by_name: dict[str, dict[str, Any]] = {"rl2": {"alarms": []}, "hacking": {"alarms": ["it rises"]}}
    shaped = {"base": 0.15, "zero": 0.75, "cold_start": 0.6, "rl1": 0.7, "sft2": 0.78, "rl2": 0.82, "distill": 0.85}
    shaped |= {"no_language": 0.7, "hacking": 0.4, "small": 0.1, "small_zero": 0.75}
    for name, value in {**shaped, **accuracy}.items():
        language = {"base": 0.7, "zero": 0.6, "no_language": 0.8}.get(name, 0.99)
        _stage(root, name, value, language, **by_name.get(name, {}))
    return root


def test_records_of_the_checkpoints_become_the_papers_tables(tmp_path: Path) -> None:
    root = _run(tmp_path)
    for name, rights in (("zero", [True, False]), ("cold_start", [False, False])):
        record(root / name / "evaluation" / "aime_2024.jsonl", rights, model=name)
    record(root / "zero" / "evaluation" / "aime_2024.few_shot.jsonl", [False, False], model="zero")
    mixed = [("fr", "Une phrase entière en français, bien sûr."), ("de", "This is not German at all, is it?")]
    rows = [{"prompt": "x", "language": code, "response": text, "reward": 1, "verdicts": {}} for code, text in mixed]
    write_rows(root / "zero" / "evaluation" / "languages.jsonl", rows)
    share = {"value": 0.25, "ci95": [0.1, 0.5], "n": 4}
    line = {"responses": 4, "unsafe": share, "unsafe_shown": None, "refused_safe": None}
    safety = {"truth": "labels", "note": "unsafe by the labels", "all": line, "by": {"language": {"de": line}}}
    (root / "zero" / "evaluation" / "safety.json").write_text(json.dumps(safety))
    tables = {table["title"]: table for table in benchmark_tables(read_pipeline(root))}
    first = tables["The paper's benchmarks, stage by stage"]
    assert first["columns"] == ["benchmark (metric)", "ours: R1-Zero", "paper: R1-Zero", "ours: Dev1", "paper: R1 Dev1"]
    (aime,) = first["rows"]
    assert [cell.split(" (")[0] for cell in aime] == ["AIME 2024", "50.0", "77.9", "0.0", "59"]
    assert "another size" in first["note"]
    prompts = tables["How much it matters how one asks"]["rows"]
    assert [(row[2], row[3].split(" ")[0], row[4].split(" ")[0], row[5]) for row in prompts] == [
        ("the card's", "50.0", "", "50.0"), ("few_shot", "0.0", "-50.0", ""),
    ]  # fmt: skip
    languages = {row[1]: row for row in tables["Languages of prompts and of responses"]["rows"] if row[1] != "unknown"}
    assert {code: row[4].split(" ")[0] for code, row in languages.items() if code in ("fr", "de")} == {
        "fr": "0.0", "de": "100.0",
    }  # fmt: skip
    safe = tables["Safety, with and without the gate"]
    assert [row[1:4] for row in safe["rows"]] == [
        ["all", "4", "25.0 (10.0 to 50.0)"],
        ["language de", "4", "25.0 (10.0 to 50.0)"],
    ]
    page = tmp_path / "page.html"
    write_pipeline(root, page)
    assert all(title.replace("'", "&#39;") in page.read_text() for title in tables)
    (root / "zero" / "evaluation" / "broken.jsonl.run.json").write_text(
        json.dumps({"options": {"card": {"strange": 1}}})
    )
    (root / "zero" / "evaluation" / "broken.jsonl").write_text("{}")
    with pytest.raises(RunError):
        write_pipeline(root, page)


def test_tokens_by_difficulty_of_each_checkpoint(tmp_path: Path) -> None:
    root = _run(tmp_path)
    path = root / "zero" / "report.json"
    report = json.loads(path.read_text())
    report["evaluation"]["pass_rates"] = {"0 %": {"length": _estimate(90.0)}, "100 %": {"length": _estimate(30.0)}}
    path.write_text(json.dumps(report))
    write_pipeline(root, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "Tokens by difficulty" in text
    assert text.index("<td>90.0</td>") < text.index("<td>30.0</td>")


def _verdicts(root: Path) -> dict[str, PaperFinding]:
    return {one.what: one for one in findings(read_pipeline(root))}


def test_the_shape_of_the_paper_is_recognised(tmp_path: Path) -> None:
    result = _verdicts(_run(tmp_path))
    assert {one.verdict for one in result.values()} == {"holds"}
    assert len(result) >= 15
    assert result["reflective words grow"].here.endswith("times")


@pytest.mark.parametrize(
    ("changed", "what", "verdict"),
    [
        ({"cold_start": 0.9}, "cold start costs accuracy", "departs"),
        ({"rl1": 0.62}, "the first RL wins it back", "within noise"),
        ({"rl2": 0.7}, "R1 is at least R1-Zero", "departs"),
        ({"rl2": 0.7}, "and accuracy is not lost", "departs"),
        ({"distill": 0.5}, "distillation beats RL on a small model", "departs"),
        ({"small_zero": None}, "distillation beats RL on a small model", "not measured"),
        ({"zero": None}, "R1-Zero learns from rewards alone", "not measured"),
    ],
)
def test_departures_are_told(tmp_path: Path, changed: dict[str, float | None], what: str, verdict: str) -> None:
    assert _verdicts(_run(tmp_path, **changed))[what].verdict == verdict


def test_an_alarm_that_does_not_ring_or_rings_wrongly_departs(tmp_path: Path) -> None:
    root = _run(tmp_path)
    hacking, rl2 = root / "hacking" / "report.json", root / "rl2" / "report.json"
    hacking.write_text(json.dumps({"alarms": []}), encoding="utf-8")
    rl2.write_text(json.dumps({**json.loads(rl2.read_text("utf-8")), "alarms": ["why"]}), encoding="utf-8")
    result = _verdicts(root)
    assert result["the monitor's alarm reports it"].verdict == "departs"
    assert result["with preference in the last steps only the monitor's does not"].verdict == "departs"


def test_a_rise_that_prompts_alone_could_make_is_noise(tmp_path: Path) -> None:
    root = _run(tmp_path)
    for sign, verdict in ((-1, "departs"), (0, "within noise")):
        path = root / "rl2" / "metrics.jsonl"
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for line in lines:
            line["reward/safety"] = sign * line["step"] + line["step"] % 3
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        assert _verdicts(root)["the safety reward rises in RL2"].verdict == verdict


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    write_pipeline(_run(tmp_path / "run", cold_start=0.9), tmp_path / "page.html", title="<b>bold</b>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count('<td class="departs">departs</td>') == 2  # cold start gained, and the first RL lost it
    assert "&lt;b&gt;bold" in page
    assert "default-src 'none'; style-src 'sha256-" in page.replace("&#39;", "'")
    assert set(re.findall(r'(?:src|href)="([a-z:/]+)', page)) == {"data:image/png"}
    for one in (
        "The paper&#39;s checkpoints (Table 3)",
        "79.8",
        "R1-Zero (zero)",
        "ours: distilled into it",
        "75.0 (73.0 to 77.0)",
        "147K in all",
    ):
        assert one in page, one
    assert "(1) is 等等" in page


def test_figures_are_images_and_the_same_again(tmp_path: Path) -> None:
    root = _run(tmp_path)
    first, second = figures(root), figures(root)
    assert sorted(first) == ["figure_1", "figure_9", "figure_b5", "figure_b6"]
    assert first == second
    assert all(png.startswith(PNG) and len(png) > 5_000 for png in first.values())


def test_a_run_in_the_making_has_a_page(tmp_path: Path) -> None:
    _stage(tmp_path, "base", 0.15)
    _stage(tmp_path, "zero", None)
    (tmp_path / "zero" / "metrics.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "cold_start").mkdir()
    write_pipeline(tmp_path, tmp_path / "page.html")
    assert "not measured" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert list(read_pipeline(tmp_path).stages) == ["base", "zero"]


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"evaluation": 3}', '{"evaluation": {"metrics": {"pass_at_1": {"value": "x"}}}}']
)
def test_reports_are_checked_and_not_trusted(tmp_path: Path, text: str) -> None:
    _stage(tmp_path, "zero", None)
    (tmp_path / "zero" / "report.json").write_text(text, encoding="utf-8")
    if text.startswith('{"'):
        assert read_pipeline(tmp_path).stages["zero"].metrics == {}
    else:
        with pytest.raises(RunError, match=r"report\.json"):
            read_pipeline(tmp_path)


def test_by_hand(tmp_path: Path) -> None:
    root, page, images = _run(tmp_path / "run"), tmp_path / "o" / "page.html", tmp_path / "images"
    run = CliRunner().invoke(
        main, ["report", str(root), "-o", str(page), "--images", str(images)], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    assert page.is_file()
    assert {path.name for path in images.iterdir()} >= {"figure_1.png", "figure_b5.png"}
    one = CliRunner().invoke(main, ["report", str(root / "zero"), "-o", str(page), "--images", str(images)])
    assert one.exit_code == 2
    assert "--images needs" in one.output
