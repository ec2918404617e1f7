"""What a run reports of its own accord: rows that all fail, fields that no row has, labels, parts, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from r1_reward.cli import main


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def score(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["score", "--workers", "1", *args])
    assert result.exit_code == code, result.stderr
    return result


def rows(count: int = 30, **more: Any) -> list[dict[str, Any]]:
    return [{"id": n, "text": rf"So \boxed{{{n % 3}}}.", "my_answer": "1", **more} for n in range(count)]


def test_first_rows_that_all_fail_alike_write_nothing_and_say_what_would_fit(tmp_path: Path) -> None:
    source, out = write(tmp_path / "in.jsonl", rows()), tmp_path / "out.jsonl"
    said = score(source, "-o", str(out), code=1).stderr
    assert "the first 20 rows all fail alike: missing_field" in said
    assert "text: 'So" in said
    assert "--map response=text,reference=my_answer" in said
    assert not out.exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "in.jsonl"]
    score(source, "-o", str(out), "--map", "response=text,reference=my_answer")
    assert len(out.read_text().splitlines()) == 30


def test_keep_going_writes_them_all_the_same(tmp_path: Path) -> None:
    source, out = write(tmp_path / "in.jsonl", rows()), tmp_path / "out.jsonl"
    score(source, "-o", str(out), "--keep-going", code=1)
    assert len(out.read_text().splitlines()) == 30


def test_one_row_that_can_be_read_lets_the_run_go_on(tmp_path: Path) -> None:
    mixed = [*rows(19), {"response": "4", "reference": "4"}, *rows(5)]
    out = tmp_path / "out.jsonl"
    said = score(write(tmp_path / "in.jsonl", mixed), "-o", str(out), code=1).stderr
    assert len(out.read_text().splitlines()) == 25
    assert "missing_field, first in 0: the row has no field 'response'" in said


def test_rows_that_no_reward_applies_to_are_a_failure(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"response": "4", "reference": "4"}] * 20)
    said = score(source, "-o", str(tmp_path / "out"), "--reward", "choice", code=1).stderr
    assert "no reward applies to these rows" in said


def test_a_mapped_field_that_no_row_has_is_reported(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"response": "4", "reference": "4"}] * 3)
    said = score(source, "-o", str(tmp_path / "out.jsonl"), "--map", "language=lang").stderr
    assert "none of the first 3 rows has what --map language=lang names" in said


def test_lenient_extraction_is_suggested_once_it_was_tried(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"response": "We find that x is 4", "reference": "4"}] * 30)
    said = score(source, "-o", str(tmp_path / "out.jsonl"), "--reward", "math").stderr
    assert "no answer in 100% of the responses" in said
    assert "--set math.extraction=lenient" in said
    said = score(source, "-o", str(tmp_path / "o2"), "--reward", "math", "--set", "math.extraction=lenient").stderr
    assert "lenient extraction finds" not in said


def test_the_language_of_the_other_prompts_is_suggested(tmp_path: Path) -> None:
    asked = ["What is the sum of the first ten odd numbers?"] * 25 + ["$2+2$"] * 5
    data = [{"response": "<think>We add.</think>", "prompt": prompt} for prompt in asked]
    source = write(tmp_path / "in.jsonl", data)
    said = " ".join(score(source, "-o", str(tmp_path / "o"), "--reward", "language").stderr.split())
    assert "language was not judged for 5 of 30 responses, whose prompts show none" in said
    assert "25 of 25 others are in en: --set language.default=en" in said
    named = ("--set", "language.default=en")
    assert "not judged" not in score(source, "-o", str(tmp_path / "o2"), "--reward", "language", *named).stderr
    mixed = [{**row, "prompt": "Combien de côtés a le polygone ?"} if n < 9 else row for n, row in enumerate(data)]
    said = score(write(tmp_path / "b.jsonl", mixed), "-o", str(tmp_path / "o3"), "--reward", "language").stderr
    assert "language.default" not in said


def test_auto_beside_other_names_says_which_preset_was_meant(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"response": "4", "reference": "4"}])
    assert "--preset r1_zero" in score(source, "--reward", "auto,format", code=2).stderr
    assert "--preset rl1" in score(source, "--reward", "auto,format,language", code=2).stderr


def test_figures_by_field_and_agreement_with_labels(tmp_path: Path) -> None:
    data = [
        {"response": rf"\boxed{{{n % 2}}}", "answer": "1", "label": n % 4 == 1, "level": n % 2, "prompt": f"q{n // 2}"}
        for n in range(24)
    ]
    summary = tmp_path / "s.json"
    said = score(
        *(write(tmp_path / "in.jsonl", data), "-o", str(tmp_path / "o"), "--by", "level", "--summary", str(summary))
    ).stderr
    content = json.loads(summary.read_text())
    assert [content["by"]["level"][value]["accuracy"]["value"] for value in ("0", "1")] == [0.0, 1.0]
    assert content["agreement"]["confusion"]["label_wrong"] == {"judged_right": 6, "judged_wrong": 12}
    assert content["agreement"]["accuracy"] == 0.75
    assert "agreement with the labels of 24 responses: 75.0%, kappa 0.500" in said
    assert content["readings"] == [{"from": None, "fields": {"reference": "answer"}, "left_alone": [], "rows": 24}]
    assert set(content["examples"]["math"]) == {"correct", "wrong"}


def test_pass_at_k_does_not_merge_steps(tmp_path: Path) -> None:
    data = [{"response": rf"\boxed{{{n}}}", "reference": "1", "prompt": "q", "step": n} for n in range(2)]
    summary = tmp_path / "s.json"
    score(write(tmp_path / "in.jsonl", data), "-o", str(tmp_path / "o"), "--summary", str(summary))
    assert json.loads(summary.read_text())["problems"]["count"] == 2


def test_intervals_stay_within_the_range_of_a_score(tmp_path: Path) -> None:
    data = [{"response": r"\boxed{1}", "reference": str(int(n < 29)), "prompt": f"q{n}"} for n in range(30)]
    summary = tmp_path / "s.json"
    score(write(tmp_path / "in.jsonl", data), "-o", str(tmp_path / "o"), "--summary", str(summary))
    low, high = json.loads(summary.read_text())["reward"]["ci95"]
    assert 0.8 < low < high <= 1.0


def test_golds_of_another_file_are_joined(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"custom_id": f"q{n}", "completion": rf"\boxed{{{n}}}"} for n in range(3)])
    gold = write(tmp_path / "gold.jsonl", [{"id": f"q{n}", "answer": n} for n in range(2)])
    out = tmp_path / "out.jsonl"
    score(source, "-o", str(out), "--join", gold, "--on", "custom_id=id", code=1)
    done = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["reward"] for row in done] == [1.0, 1.0, None]
    assert done[2]["error"]["reason"] == "not_joined"
    assert done[2]["custom_id"] == "q2"
    twice = write(tmp_path / "twice.jsonl", [{"id": "q0", "answer": 0}, {"id": "q0", "answer": 1}])
    assert "two different rows" in score(source, "--join", twice, "--on", "custom_id=id", code=2).stderr


def test_several_files_are_named_in_errors(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", [{"response": "4", "reference": "4"}])
    other = write(tmp_path / "b.jsonl", [{"reference": "4"}])
    out = tmp_path / "out.jsonl"
    score(one, other, "-o", str(out), code=1)
    assert json.loads(out.read_text().splitlines()[1])["error"]["file"] == other


def test_a_folder_as_output_takes_the_name_of_the_input(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"response": "4", "reference": "4"}])
    (tmp_path / "to").mkdir()
    score(source, "-o", str(tmp_path / "to"))
    assert (tmp_path / "to" / "in.jsonl").exists()


@pytest.mark.parametrize(
    "kinds",
    [
        ["jsonl.gz", "jsonl.zst", "jsonl.bz2", "jsonl.xz", "csv", "tsv"],
        pytest.param(["parquet", "arrow"], marks=pytest.mark.needs("pyarrow")),
    ],
    ids=["texts", "tables"],
)
def test_the_suffix_of_the_output_is_its_kind(tmp_path: Path, kinds: list[str]) -> None:
    data = [{"id": n, "response": rf"\boxed{{{n}}}ü", "reference": "1", "mixed": [n, "a"][n % 2]} for n in range(4)]
    source, names = write(tmp_path / "in.jsonl", data), ["in.jsonl"]
    for kind in kinds:
        score(source, "-o", str(tmp_path / f"out.{kind}"))
        names += [f"out.{kind}", f"out.{kind}.run.json"]
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
        assert "--overwrite" in score(source, "-o", str(tmp_path / f"out.{kind}"), code=2).stderr
    again = tmp_path / "again.jsonl"
    score(*(str(tmp_path / f"out.{kind}") for kind in kinds), "-o", str(again), "--prefix", "new_")
    done = [json.loads(line) for line in again.read_text().splitlines()]
    assert [row["new_reward"] for row in done] == [0.0, 1.0, 0.0, 0.0] * len(kinds)
    assert all("reward" in row for row in done)  # the old ones stay beside the new


def test_sigterm_saves_what_is_done_and_resume_goes_on(tmp_path: Path) -> None:
    data = [{"id": n, "response": rf"\boxed{{{n}}}", "reference": "1"} for n in range(20_000)]
    source, out = write(tmp_path / "in.jsonl", data), tmp_path / "out.jsonl.zst"
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "score", source, "-o", str(out)]
    run = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.PIPE)
    part = tmp_path / "out.jsonl.zst.part.jsonl"
    deadline = time.monotonic() + 60
    while (not part.exists() or not part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    said = run.communicate(timeout=60)[1].decode()
    assert run.returncode == 143, said
    kept = part.read_bytes().count(b"\n")
    assert f"ended: {kept:,} rows are in" in said
    assert 0 < kept < 20_000
    score(source, "-o", str(out), "--resume")
    assert not part.exists()
    assert out.exists()


def test_a_small_file_says_what_its_rows_have_and_what_would_fit(tmp_path: Path) -> None:
    said = score(write(tmp_path / "a.jsonl", rows(3)), "-o", str(tmp_path / "a"), code=1).stderr
    assert "text: 'So" in said
    assert "looked for: response in response or completion" in said
    assert "--map response=text,reference=my_answer" in said
    answers = [{"custom_id": f"q{n}", "response": r"\boxed{4}"} for n in range(3)]
    said = score(write(tmp_path / "b.jsonl", answers), "-o", str(tmp_path / "b"), code=1).stderr
    assert "golds in another file: --join FILE --on custom_id" in said
