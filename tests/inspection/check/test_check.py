"""`r1-reward check`: golds, prompts and leaks, each by a table of rows and what is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from r1_reward.cli import main
from r1_reward.inspection.check import check
from r1_reward.inspection.check import golds as golds_module
from r1_reward.sandbox import SandboxUnavailableError
from r1_reward.verifiers import Reason, Sample, Verdict
from r1_reward.verifiers.registry import make

ROOT = Path(__file__).resolve().parents[3]


def found(tmp_path: Path, *rows: Any) -> list[tuple[str, str]]:
    """What is found, as pairs of row and finding."""
    path = tmp_path / "data.jsonl"
    path.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows), encoding="utf-8"
    )
    return [(finding.row, finding.what) for finding in check([str(path)], languages=False).findings]


OPTIONS = {"kind": "choice", "prompt": "Which?\nA) 3\nB) 5\nC) 7"}

SCHEMA = {"kind": "schema", "prompt": "j", "reference": '{"a": 1}'}

TABLE = [
    ({"prompt": "1 + 1", "reference": "2"}, [], "an ordinary row"),
    ({"prompt": "1 + 1", "reference": 2}, [], "a number is taken"),
    ({"prompt": "Sets?", "reference": r"\{1, 2\}"}, [], "a set"),
    ({"prompt": "x?<think>\n", "reference": "2"}, [], "a prompt that opens the thinking"),
    ({"prompt": "x?", "reference": r"\frac{1"}, ["gold_unreadable"], "LaTeX that breaks off"),
    ({"prompt": "x?", "reference": ""}, ["gold_missing"], "an empty gold"),
    ({"prompt": "x?"}, ["gold_missing"], "nothing to judge by"),
    ({"prompt": "x?", "reference": ["2", r"\frac{1"]}, ["gold_unreadable"], "one of two golds cannot be read"),
    ({"prompt": " ", "reference": "2"}, ["empty_prompt"], "no prompt"),
    ({**OPTIONS, "reference": "B"}, [], "a letter"),
    ({**OPTIONS, "reference": "5"}, [], "an option's text"),
    ({"kind": "puzzle", "prompt": "24", "numbers": [3, 8, 8, 3], "target": 24}, [], "a game without a gold"),
    ({"kind": "puzzle", "prompt": "sort", "reference": "1 2 3"}, [], "an exact output"),
    ({"kind": "schema", "prompt": "j", "schema": {"type": "object"}, "reference": '{"a": 1}'}, [], "JSON"),
    ({**SCHEMA, "schema": {"type": "array"}}, ["gold_not_verified"], "gold against schema"),
    ({"kind": "schema", "prompt": "j", "schema": {"type": "nothing"}}, ["gold_unreadable"], "a schema that is none"),
    ({"kind": "general", "prompt": "Write a poem."}, [], "nothing to verify"),
    ({"prompt": "What is 6 * 7? The answer is 42.", "reference": "42"}, ["leaked_answer"], "told in words"),
    ({"prompt": r"Show that it is \boxed{42}.", "reference": "42"}, ["leaked_answer"], "told in a box"),
    ({"prompt": "Is the answer 420 or 42?", "reference": "42"}, [], "a number in the question"),
    ({"prompt": "How much is 42 + 0?", "reference": "42"}, [], "a number in the question"),
    ({"prompt": "Factor x^2 + 3x + 2 = 0", "reference": "x^2 + 3x + 2"}, ["gold_in_prompt"], "word for word"),
    ({"kind": "nothing", "prompt": "x"}, ["unknown_kind"], "an unknown kind"),
    ("{", ["unreadable_row"], "no JSON"),
    ("[1]", ["unreadable_row"], "no object"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "wanted", "why"), TABLE, ids=[why for _, _, why in TABLE])
def test_each_row_and_what_is_found(tmp_path: Path, row: Any, wanted: list[str], why: str) -> None:
    assert [what for _, what in found(tmp_path, row)] == wanted


def test_every_gold_of_the_example_verifies() -> None:
    checked = check([str(ROOT / "examples" / "rollouts.jsonl")], languages=False)
    # Where there is no sandbox the programs cannot be judged.
    assert (checked.rows, checked.failures - checked.counts["not_judged"]) == (220, 0)


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([{"prompt": "Q", "reference": "1"}, {"prompt": " q\n", "reference": "1"}], ["duplicate_prompt"]),
        ([{"prompt": "Q", "reference": "1"}, {"prompt": "Q", "reference": "2"}], ["conflicting_golds"]),
        ([{"prompt": "Q", "reference": "1"}, {"prompt": "R", "reference": "1"}], []),
        ([{"prompt": "Q", "reference": "1", "response": c, "problem": "p"} for c in "ab"], []),
        ([{"prompt": "Q", "reference": "1", "response": c, "problem": c} for c in "ab"], ["duplicate_prompt"]),
        ([{"prompt": "Q", "reference": c, "response": c, "problem": "p"} for c in "12"], ["conflicting_golds"]),
        ([{"kind": "puzzle", "prompt": "Q", "numbers": [c], "target": c} for c in (1, 2)], ["conflicting_golds"]),
    ],
)
def test_prompts_that_come_twice(tmp_path: Path, rows: list[Any], wanted: list[str]) -> None:
    assert [what for _, what in found(tmp_path, *rows)] == wanted


class _FakeCode:
    """Judges code by looking at it, as a sandbox would by running it: `pass` passes weak tests, `good` strong ones."""

    name = "code"

    def __call__(self, samples: Any) -> list[Verdict]:
        verdicts = []
        for sample in samples:
            weak = sample.tests[0].code == "weak"
            right = weak or "good" in sample.response
            reason = Reason.CORRECT if right else Reason.WRONG
            tests = {"tests": [{"outcome": "AC" if right else "WA"}]}
            verdicts.append(Verdict.scored(float(right), reason, "judged", evidence=tests))
        return verdicts


def test_code_rows_once_there_is_a_verifier_of_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golds_module, "make", lambda *_: _FakeCode())
    strong, weak = ([{"type": "assert", "code": code}] for code in ("strong", "weak"))
    rows = [
        {"id": "fine", "prompt": "a", "tests": strong, "solution": "good"},
        {"id": "fails", "prompt": "b", "tests": strong, "solution": "bad"},
        {"id": "weak", "prompt": "c", "tests": weak, "solution": "good"},
        {"id": "none", "prompt": "d", "tests": strong},
        {"id": "untested", "prompt": "e", "kind": "code", "solution": "good"},
    ]
    assert found(tmp_path, *rows) == [
        ("fails", "gold_not_verified"),
        ("weak", "empty_program_passes"),
        ("none", "not_checked"),
        ("untested", "gold_missing"),
    ]


SUM = [{"type": "function", "entry": "add", "args": "(2, 3)", "expected": "5"}]
READ = [{"type": "stdin", "input": "2 3", "output": "5"}]
NOTHING = [{"type": "stdin", "input": "2 3", "output": ""}]
GOOD = "def add(a, b):\n    return a + b"
BODY = {"prompt": "def add(a, b):\n", "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n"}


@pytest.mark.needs("userns")
def test_programs_are_run_by_the_real_verifier(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "fine", "prompt": "a", "tests": SUM, "solution": GOOD},
        {"id": "thinks", "prompt": "a <think>", "tests": SUM, "solution": GOOD},
        {"id": "wrong", "prompt": "b", "tests": SUM, "solution": "def add(a, b): return a - b"},
        {"id": "slow", "prompt": "c", "tests": SUM, "solution": "while True: pass", "limits": {"time_s": 0.3}},
        {"id": "weak", "prompt": "d", "tests": NOTHING, "solution": "print()"},
        {"id": "unread", "prompt": "e", "tests": [{**SUM[0], "args": "(2,"}], "solution": GOOD},
        {"id": "body", **BODY, "entry_point": "add", "canonical_solution": "    return a + b\n"},
        {"id": "reads", "prompt": "f", "tests": READ, "solution": "print(sum(map(int, input().split())))"},
        {"id": "klingon", "prompt": "g", "tests": READ, "solution": "x", "lang": "klingon"},
        {"id": "sum", "prompt": "1 + 1", "reference": "2"},
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    checked = check([str(path)], options={"code": {"backend": "local"}}, languages=False)
    assert [(finding.row, finding.what) for finding in checked.findings] == [
        ("wrong", "gold_not_verified"),
        ("slow", "gold_not_verified"),
        ("weak", "empty_program_passes"),
        ("unread", "gold_unreadable"),
        ("klingon", "not_judged"),
    ]
    wrong, slow, *_ = checked.findings
    told = "passed 0 of 1 tests; test 1: WA, returned -1 where 5 was expected"
    assert wrong.detail == f"the reference solution fails: wrong: {told}"
    assert slow.detail.startswith("the reference solution fails: timeout: ")


def test_a_row_whose_scorer_needs_no_gold_says_so_also_without_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise SandboxUnavailableError("no engine answers")

    monkeypatch.setattr("r1_reward.sandbox.pool.start", gone)
    row = {
        "id": "a",
        "question": "Solve it.",
        "answer": None,
        "metadata": {"source_dataset": "boxnet", "source_index": 0},
    }
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    checked = check([str(path)], options={"procedural": {"slots": 7}}, languages=False)
    assert [finding.what for finding in checked.findings] == ["gold_not_needed", "not_judged"]
    assert checked.failures == 1


def test_without_a_sandbox_no_program_is_called_right_or_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise SandboxUnavailableError("no engine answers")

    monkeypatch.setattr("r1_reward.sandbox.pool.start", gone)
    rows = [{"id": "a", "prompt": "a", "tests": SUM, "solution": GOOD}, {"id": "b", "prompt": "b", "tests": SUM}]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # Seven slots, since other tests may have left warm sandboxes in the pools of other sizes.
    checked = check([str(path)], options={"code": {"slots": 7}}, languages=False)
    findings = [(finding.row, finding.what) for finding in checked.findings]
    assert findings == [("a", "not_judged"), ("b", "not_checked"), ("b", "not_judged")]
    result = run(str(path), "--no-languages", "--set", "code.slots=7", code=1)
    assert "r1-reward doctor" in result.stdout
    assert "failed: 2 to fix" in result.stdout


def test_programs_are_handed_over_many_at_a_time_and_findings_stay_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    class Counting(_FakeCode):
        def __call__(self, samples: Any) -> list[Verdict]:
            sizes.append(len(samples))
            return super().__call__(samples)

    monkeypatch.setattr(golds_module, "make", lambda name, *_: Counting() if name == "code" else make(name))
    strong = [{"type": "assert", "code": "strong"}]
    rows: list[Any] = [{"id": f"r{n}", "prompt": f"{n}", "tests": strong, "solution": "bad"} for n in range(100)]
    rows[50] = {"id": "r50", "prompt": "x", "reference": r"\frac{"}
    rows[70] = "no JSON"
    names = [row for row, _ in found(tmp_path, *rows)]
    assert names == [*(f"r{n}" for n in range(70)), "line 71", *(f"r{n}" for n in range(71, 100))]
    assert max(sizes) > 100
    assert sum(sizes) == 2 * 98


def test_code_without_a_verifier_is_told_not_to_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golds_module, "accuracy_verifiers", lambda *_: {"math": "math"})
    row = {"prompt": "a", "tests": [{"type": "assert", "code": "x"}], "solution": "y"}
    assert found(tmp_path, row) == [("line 1", "not_checked")]


def run(*args: str, data: str | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["check", *args], input=data)
    assert result.exit_code == code, result.output
    return result


def test_the_command_lists_what_to_fix_and_exits_1(tmp_path: Path) -> None:
    lines = [
        {"id": "a", "prompt": "Wie viel?", "reference": "2"},
        {"id": "b\x1b[2J", "prompt": "Q", "reference": r"\frac{"},
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines)
    printed = run("-", data=data, code=1).stdout
    assert "failed: 1 to fix" in printed
    assert r"b\x1b[2J" in printed
    assert "respell the gold" in printed
    told = json.loads(run("-", "--json", data=data, code=1).stdout)
    assert told["counts"] == {"gold_unreadable": 1}
    assert told["findings"][0]["fails"] is True
    assert told["prompt_languages"]
    assert run("-", data=json.dumps(lines[0]), code=0).stdout.rstrip().endswith("nothing to fix")
    assert "there is no row" in run("-", data="", code=1).stdout


def test_usage_errors_exit_2(tmp_path: Path) -> None:
    assert "no such file" in run("nothing.jsonl", code=2).stderr
    (tmp_path / "a.jsonl").write_text('{"prompt": "1 + 1", "reference": "2"}\n')
    assert "no option" in run(str(tmp_path / "a.jsonl"), "--set", "math.speed=9", code=2).stderr


def test_names_of_fields_can_be_mapped(tmp_path: Path) -> None:
    data = json.dumps({"question": "1 + 1", "answer": "2"})
    assert run("-", "--map", "prompt=question,reference=answer", data=data)


def test_a_megabyte_is_no_trouble(tmp_path: Path) -> None:
    row = {"prompt": "the answer is " * 80_000, "reference": "x" * 1_000_000}
    assert ("line 1", "leaked_answer") not in found(tmp_path, row)


def test_as_a_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "Q", "reference": "2"}\n{"prompt": "Q", "reference": "3"}\n')
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "check", "a.jsonl", "--no-languages"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "conflicting golds" in ran.stdout


def test_samples_are_judged_without_their_own_response() -> None:
    assert golds_module.Golds().check([Sample(response=r"\boxed{9}", reference="2")]) == [[]]
