"""`r1-reward score` as people type it: rows in, rows out, options, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.scoring.score_cli import EXAMPLE, RIGHT, WRONG, rows_of, score, without_seconds, write

from r1_reward.cli import main
from r1_reward.scoring import ScoreOptions
from r1_reward.scoring import score as score_files
from r1_reward.scoring.scored import ScoredFiles
from r1_reward.verifiers import RunError


def test_a_high_share_of_undecided_answers_is_said(tmp_path: Path) -> None:
    unread = {"response": "\\boxed{\\text{a strange } \\foo \\bar{x} 3}", "reference": "4"}
    right = {"response": "\\boxed{4}", "reference": "4"}
    for count, said in ((1, False), (2, True)):
        rows = [unread] * count + [right] * (20 - count)
        path = write(tmp_path / f"{count}.jsonl", rows)
        result = CliRunner().invoke(main, ["score", str(path), "-o", str(tmp_path / f"{count}.out"), "--workers", "1"])
        assert result.exit_code == 0, result.stderr
        assert ("math could not decide 2 of 20 scored responses (10.0%)" in " ".join(result.stderr.split())) is said


def test_a_row_comes_back_with_its_reward(here: Path) -> None:
    out = rows_of(score(str(write(here / "in.jsonl", [RIGHT, WRONG]))).stdout)
    assert [row["reward"] for row in out] == [1.0, 0.0]
    assert {key: out[0][key] for key in RIGHT} == RIGHT
    verdict = out[0]["verdicts"]["math"]
    assert {"score", "status", "reason", "answer", "detail", "seconds", "evidence"} == set(verdict)
    assert (verdict["score"], verdict["status"], verdict["reason"], verdict["answer"]) == (
        1.0,
        "scored",
        "correct",
        "4",
    )


def test_unknown_fields_pass_through_byte_for_byte(here: Path) -> None:
    line = r'{"response": "\\boxed{4}" ,"reference":"4", "x": 1.10, "y":1e2, "e": "\u00e9\ud800"}'
    (here / "in.jsonl").write_text(line + "\n", encoding="utf-8")
    out = score("in.jsonl").stdout
    assert out.startswith(line[:-1])
    assert rows_of(out)[0]["reward"] == 1.0


def test_scoring_an_output_again_keeps_what_it_held(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT, {"no": "response"}])
    score("in.jsonl", "-o", "once.jsonl", "--max-errors", "1")
    score("once.jsonl", "-o", "twice.jsonl", "--max-errors", "1")
    score("twice.jsonl", "-o", "thrice.jsonl", "--max-errors", "1")
    once, twice, thrice = (rows_of(here / f"{name}.jsonl") for name in ("once", "twice", "thrice"))
    for first, second, third in zip(once, twice, thrice, strict=True):
        for name in ("reward", "verdicts", "error"):
            assert second.get(f"input_{name}") == first.get(name)
            assert third.get(f"input_{name}") == first.get(name)
            assert third.get(f"input_input_{name}") == second.get(name)
        assert second["reward"] == first["reward"]
    result = score("once.jsonl", "-o", "twice.jsonl", "--max-errors", "1", "--resume")
    assert "2 rows" in result.stderr


OWN = {**RIGHT, "reward": 0.25, "verdicts": "mine", "error": None, "r1_error": 7}


def test_fields_of_the_input_are_kept_under_a_prefix(here: Path) -> None:
    write(here / "in.jsonl", [OWN, {"reward": 3}, WRONG])
    score("in.jsonl", "-o", "out.jsonl", "--prefix", "r1_", "--max-errors", "1")
    first, second, third = rows_of(here / "out.jsonl")
    assert {key: first[key] for key in OWN if key != "r1_error"} == {k: v for k, v in OWN.items() if k != "r1_error"}
    assert (first["r1_reward"], first["r1_verdicts"]["math"]["reason"], first["input_r1_error"]) == (1.0, "correct", 7)
    assert (second["reward"], second["r1_reward"], second["r1_error"]["reason"]) == (3, None, "missing_field")
    assert (third["r1_reward"], "reward" in third) == (0.0, False)
    whole = (here / "out.jsonl").read_bytes()
    (here / "out.jsonl").write_bytes(whole[: len(whole) // 2])
    score("in.jsonl", "-o", "out.jsonl", "--prefix", "r1_", "--max-errors", "1", "--resume")
    again = list(map(without_seconds, (row | {"verdicts": row["r1_verdicts"]} for row in rows_of(here / "out.jsonl"))))
    assert [row["r1_reward"] for row in again] == [1.0, None, 0.0]
    assert "prefix" in score("in.jsonl", "-o", "out.jsonl", "--resume", code=2).stderr
    read = list(ScoredFiles(["out.jsonl"]))
    assert [row.responses[0].scored.reward if row.responses else row.error for row in read] == [
        1.0,
        "missing_field",
        0.0,
    ]
    assert read[0].fields["input_reward"] == 0.25


def test_an_output_that_is_there_is_not_overwritten(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT] * 3)
    score("in.jsonl", "-o", "out.jsonl")
    kept = (here / "out.jsonl").read_bytes()
    refused = score("in.jsonl", "-o", "out.jsonl", code=2).stderr
    assert "holds 3 rows" in " ".join(refused.split())
    assert "--resume" in refused
    assert "--overwrite" in refused
    assert (here / "out.jsonl").read_bytes() == kept
    score("in.jsonl", "-o", "out.jsonl", "--resume")
    assert (here / "out.jsonl").read_bytes() == kept
    score("in.jsonl", "-o", "out.jsonl", "--reward", "format", "--overwrite")
    assert all(list(row["verdicts"]) == ["format"] for row in rows_of(here / "out.jsonl"))
    assert "give one" in score("in.jsonl", "-o", "out.jsonl", "--resume", "--overwrite", code=2).stderr
    with pytest.raises(RunError, match="holds 3 rows"):
        score_files(ScoreOptions(files=("in.jsonl",), output="out.jsonl", workers=1))


@pytest.mark.parametrize("held", ["the notes of a year", "a\nb\n", "a\nb\nc"])
def test_a_foreign_file_is_not_lost(here: Path, held: str) -> None:
    write(here / "in.jsonl", [RIGHT])
    (here / "notes.txt").write_text(held)
    lines = held.rstrip("\n").count("\n") + 1
    for flags in ([], ["--resume"]):
        refused = " ".join(score("in.jsonl", "-o", "notes.txt", *flags, code=2).stderr.split())
        assert f"holds {lines} lines" in refused or flags
        assert (here / "notes.txt").read_text() == held
    assert not (here / "notes.txt.run.json").exists()
    (here / "fresh.jsonl.run.json").write_text(held)
    score("in.jsonl", "-o", "fresh.jsonl", code=2)
    assert (here / "fresh.jsonl.run.json").read_text() == held
    assert not (here / "fresh.jsonl").exists()
    score("in.jsonl", "-o", "notes.txt", "--overwrite")
    assert len(rows_of(here / "notes.txt")) == 1


def test_an_empty_output_is_nothing_to_lose(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT])
    (here / "out.jsonl").touch()
    score("in.jsonl", "-o", "out.jsonl")


@pytest.mark.parametrize("flags", [[], ["--reward", "math"], ["--reward", "math,format"], ["--preset", "r1_zero"]])
def test_missing_reference_is_an_error_not_a_zero(here: Path, flags: list[str]) -> None:
    write(here / "in.jsonl", [{"response": r"\boxed{4}"}])
    result = score("in.jsonl", *flags, code=1)
    (row,) = rows_of(result.stdout)
    assert row["reward"] is None
    assert "reference_missing" in result.stderr


def test_kind_that_nobody_judges_is_skipped_not_failed(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT, {"response": "hello", "kind": "general"}])
    result = score("in.jsonl")
    out = rows_of(result.stdout)
    assert [row["reward"] for row in out] == [1.0, None]
    assert out[1]["verdicts"]["auto"]["status"] == "skipped"
    assert "1 skipped" in result.stderr


def test_responses_in_one_row_are_judged_each(here: Path) -> None:
    write(
        here / "in.jsonl",
        [{"responses": [r"\boxed{4}", r"\boxed{5}", "none"], "reference": "4"}, {"responses": [], "reference": "4"}],
    )
    result = score("in.jsonl", "--summary", "s.json")
    row, empty = rows_of(result.stdout)
    assert row["rewards"] == [1.0, 0.0, 0.0]
    assert row["reward"] == pytest.approx(1 / 3)
    assert [verdicts["math"]["reason"] for verdicts in row["verdicts"]] == ["correct", "wrong", "no_answer"]
    assert (empty["reward"], empty["rewards"], empty["verdicts"]) == (None, [], [])
    content = json.loads((here / "s.json").read_text())
    assert (content["rows"], content["responses"]) == (2, 3)


def test_map_reads_fields_under_other_names(here: Path) -> None:
    write(here / "in.jsonl", [{"completion": r"\boxed{4}", "answer": 4}])
    for flags in (
        ["--map", "response=completion", "--map", "reference=answer"],
        ["--map", "response=completion,reference=answer"],
    ):
        assert rows_of(score("in.jsonl", *flags).stdout)[0]["reward"] == 1.0


def test_rewards_are_summed_and_listed(here: Path) -> None:
    write(here / "in.jsonl", [{"response": r"<think>a</think><answer>\boxed{4}</answer>", "reference": "4"}])
    for flags in (["--reward", "math,format"], ["--preset", "r1_zero"]):
        (row,) = rows_of(score("in.jsonl", *flags).stdout)
        assert row["reward"] == 2.0
        assert list(row["verdicts"]) == ["math", "format"]


def test_set_reaches_the_verifier(here: Path) -> None:
    write(here / "in.jsonl", [{"response": "The answer is 4.", "reference": "4"}])
    assert rows_of(score("in.jsonl").stdout)[0]["reward"] == 0.0
    assert rows_of(score("in.jsonl", "--set", "math.extraction=lenient").stdout)[0]["reward"] == 1.0
    flags = ["--preset", "r1_zero", "--set", "format.prefilled=true"]
    write(here / "in.jsonl", [{"response": r"a</think><answer>\boxed{4}</answer>", "reference": "4"}])
    assert rows_of(score("in.jsonl", *flags).stdout)[0]["reward"] == 2.0


def test_config_file_gives_options_and_flags_win(here: Path) -> None:
    write(here / "in.jsonl", [{"completion": "The answer is 4.", "answer": "4"}])
    (here / "c.toml").write_text(
        'reward = "math"\nworkers = 1\nmax-errors = "1%"\n[map]\nresponse = "completion"\nreference = "answer"\n'
        '[set.math]\nextraction = "lenient"\n',
        encoding="utf-8",
    )
    assert rows_of(score("in.jsonl", "--config", "c.toml").stdout)[0]["reward"] == 1.0
    strict = score("in.jsonl", "--config", "c.toml", "--set", "math.extraction=strict")
    assert rows_of(strict.stdout)[0]["reward"] == 0.0
    assert "format" in rows_of(score("in.jsonl", "--config", "c.toml", "--preset", "r1_zero").stdout)[0]["verdicts"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--reward", "maths"], "known: "),
        (["--reward", "auto,math"], "auto stands alone"),
        (["--preset", "r9"], "known: r1_zero"),
        (["--set", "math.extraction=loose"], "'strict', 'lenient'"),
        (["--set", "math.depth=3"], "its options: extraction"),
        (["--set", "format.prefilled=true"], "not among the rewards"),
        (["--set", "extraction=strict"], "verifier.option"),
        (["--map", "completion"], "name=value"),
        (["--map", "completion=response"], "no field 'completion'"),
        (["--map", "response=reward"], "scoring writes it"),
        (["--workers", "0"], "at least 1"),
        (["--max-errors", "lots"], "no share"),
        (["--max-errors", "2"], "from 0 to 1"),
        (["--resume"], "name an output file"),
        (["--config", "none.toml"], "cannot read none.toml"),
        (["--config", "bad.toml"], "unknown key 'colour'"),
        (["--config", "type.toml"], "workers is 'two'"),
        (["missing.jsonl"], "no such file: missing.jsonl"),
        (["-o", "."], "both input and output"),
        (["-o", "none/"], "no folder that is there"),
        (["-", "-"], "more than once"),
        (["-o", "in.jsonl"], "both input and output"),
        (["-o", "link.jsonl"], "both input and output"),
        (["-o", "out.csv.gz"], "name it .jsonl.gz"),
        (["-o", "/proc/nothing/out.jsonl"], "cannot write"),
        (["-o", "in.jsonl/out.jsonl"], "cannot write"),
        (["--summary", "in.jsonl/s.json"], "cannot write"),
        (["--nothing"], "No such option"),
    ],
)
def test_usage_errors_say_what_and_the_way_out(here: Path, flags: list[str], message: str) -> None:
    write(here / "in.jsonl", [RIGHT])
    (here / "link.jsonl").symlink_to("in.jsonl")
    (here / "bad.toml").write_text("colour = 1\n", encoding="utf-8")
    (here / "type.toml").write_text('workers = "two"\n', encoding="utf-8")
    before = (here / "in.jsonl").read_bytes()
    result = score("in.jsonl", *flags, code=2)
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert (here / "in.jsonl").read_bytes() == before


def test_devices_and_pipes_are_outputs_too(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT])
    score("in.jsonl", "-o", "/dev/null")
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "score", "in.jsonl", "-o", "/dev/stdout"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert rows_of(run.stdout)[0]["reward"] == 1.0
    run = subprocess.run(["bash", "-c", '"$@" >&-', "bash", *command[:-2]], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "standard output is closed" in run.stderr


def test_errors_up_to_the_allowed_share_are_fine(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT] * 99 + [{}])
    score("in.jsonl", "-o", "out.jsonl")
    score("in.jsonl", "-o", "out.jsonl", "--max-errors", "0.5%", "--overwrite", code=1)


@pytest.mark.needs("userns")  # the examples hold programs
def test_summary_agrees_with_the_rows_labels(here: Path) -> None:
    result = score(str(EXAMPLE), "-o", "out.jsonl", "--summary", "s.json")
    out = rows_of(here / "out.jsonl")
    agree = sum((row["reward"] == 1.0) == row["label"] for row in out)
    assert agree / len(out) >= 0.99
    content = json.loads((here / "s.json").read_text())
    assert content["accuracy"]["value"] == pytest.approx(sum(row["reward"] for row in out) / len(out))
    assert content["problems"]["count"] == 35
    assert [entry["k"] for entry in content["problems"]["pass_at_k"]] == [1, 2, 4, 8]
    assert content["problems"]["cons_at_k"][0]["k"] == 8
    assert {"version", "options", "fingerprint", "inputs", "slowest", "unjudged", "seconds"} <= set(content)
    for word in ("pass@8", "cons@8", "correct", content["fingerprint"], content["inputs"][0]["sha256"][:12]):
        assert word in result.stderr


def test_group_by_takes_another_field(here: Path) -> None:
    write(here / "in.jsonl", [{**RIGHT, "set": n % 2} for n in range(6)])
    score("in.jsonl", "-o", "out.jsonl", "--summary", "s.json", "--group-by", "set")
    assert json.loads((here / "s.json").read_text())["problems"]["count"] == 2


def test_output_is_the_same_for_any_number_of_workers(here: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    lines[7], lines[80] = "{broken", '{"responses": ["a", "\\\\boxed{1}"], "reference": "1"}'
    (here / "in.jsonl").write_text("\n".join(lines * 3), encoding="utf-8")
    score("in.jsonl", "-o", "one.jsonl", "--reward", "math,format", "--max-errors", "1", "--summary", "one.json")
    one = list(map(without_seconds, rows_of(here / "one.jsonl")))
    assert len(one) == len(lines) * 3
    summary = json.loads((here / "one.json").read_text())
    for workers in ("2", "5"):
        flags = ["--reward", "math,format", "--max-errors", "1", "--summary", "many.json", "--workers", workers]
        score("in.jsonl", "-o", "many.jsonl", "--overwrite", *flags)
        assert list(map(without_seconds, rows_of(here / "many.jsonl"))) == one
        many = json.loads((here / "many.json").read_text())
        assert {**many, "seconds": 0, "slowest": []} == {**summary, "seconds": 0, "slowest": []}


def test_the_real_command_runs_in_a_process_of_its_own(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT])
    command = [str(Path(sys.executable).parent / "r1-reward"), "score", "in.jsonl"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert rows_of(run.stdout)[0]["reward"] == 1.0


def test_reader_that_goes_away_ends_the_run_quietly(here: Path) -> None:
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "score", str(EXAMPLE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        errors = run.stderr.read().decode()
        assert run.wait(timeout=60) == 141
    assert errors == ""


@pytest.mark.parametrize(
    "flags",
    [
        ["in.jsonl", "-o", "out.jsonl", "--summary", "in.jsonl"],
        ["in.jsonl", "-o", "out.jsonl", "--summary", "out.jsonl"],
        ["in.jsonl", "-o", "c.toml", "--config", "c.toml"],
        ["q.jsonl.run.json", "-o", "q.jsonl"],
        ["in.jsonl", "-o", "out.jsonl", "--reward", "math", "--preset", "r1_zero"],
        ["in.jsonl", "-o", "out.jsonl", "--max-line-mb", "nan"],
        ["in.jsonl", "-o", "out.jsonl", "--row-timeout", "inf"],
        ["in.jsonl", "-o", ""],
        ["in.jsonl", "-o", "out.jsonl", "--summary", "."],
        ["in.jsonl", "-o", "new.jsonl", "--summary", "earlier.json"],
        ["in.jsonl", "-o", "new.jsonl", "--report", "earlier.html"],
        ["in.jsonl", "-o", "new.jsonl", "--summary", "q.jsonl.run.json", "--resume"],
        ["in.jsonl", "-o", "out.jsonl", "--reward", "json:JSONDecoder"],
        ["in.jsonl", "-o", "out.jsonl", "--reward", "builtins:dict"],
        ["in.jsonl", "-o", "out.jsonl", "--reward", "broken_module:X"],
    ],
)
def test_files_of_the_user_are_left_as_they_were(here: Path, flags: list[str]) -> None:
    write(here / "in.jsonl", [RIGHT])
    write(here / "q.jsonl.run.json", [RIGHT])
    (here / "c.toml").write_text("workers = 1\n", encoding="utf-8")
    (here / "out.jsonl").write_text("earlier\n", encoding="utf-8")
    (here / "broken_module.py").write_text("def broken(:\n", encoding="utf-8")
    (here / "earlier.json").write_text('{"schema_version": 1}', encoding="utf-8")
    (here / "earlier.html").write_text("<!doctype html>", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
    score(*flags, code=2)
    assert {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()} == before


def test_standard_input_that_is_the_output_is_refused(here: Path) -> None:
    write(here / "in.jsonl", [RIGHT])
    before = (here / "in.jsonl").read_bytes()
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "score", "-", "-o", "in.jsonl"]
    with (here / "in.jsonl").open("rb") as file:
        run = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "both input and output" in run.stderr
    assert (here / "in.jsonl").read_bytes() == before


def test_an_explicit_map_of_responses_wins(here: Path) -> None:
    write(here / "in.jsonl", [{"response": "gold text", "samples": [r"\boxed{4}", "no"], "reference": "4"}])
    (row,) = rows_of(score("in.jsonl", "--map", "responses=samples").stdout)
    assert row["rewards"] == [1.0, 0.0]
