"""`r1-reward explain` as people type it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.explain import explain
from r1_reward.verifiers import ConfigError
from r1_reward.verifiers.escape import escape_unprintable

ROOT = Path(__file__).resolve().parents[2]


def run(*args: str, data: str | bytes | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["explain", *args], input=data)
    assert result.exit_code == code, result.output
    return result


def lines(*args: str, data: str | bytes | None = None) -> list[list[str]]:
    """The columns of each printed line, without the heading."""
    printed = run(*args, data=data).stdout.splitlines()
    assert printed[0].split() == ["step", "rule", "result"]
    return [line.split(maxsplit=2) for line in printed[1:]]


def told(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*args, "--json").stdout)
    return found


def test_it_prints_each_step_and_then_the_verdict() -> None:
    assert lines("--response", r"So it is \boxed{\frac12}.", "--reference", "0.5") == [
        ["extraction", "boxed", r"\frac12"],
        ["reference", "dec", "1/2"],
        ["answer", "num", "1/2"],
        ["comparison", "exact", "same"],
        ["verdict", "correct", "score 1, equal by exact"],
    ]


@pytest.mark.parametrize(
    ("response", "reference", "reason", "score"),
    [
        (r"\boxed{5}", "4", "wrong", 0.0),
        ("no box", "4", "no_answer", 0.0),
        (r"\boxed{4}", " ", "reference_missing", None),
        (r"\boxed{4}", r"\frac{", "reference_unparseable", None),
        ("", "4", "no_answer", 0.0),
    ],
)
def test_the_exit_status_is_0_whatever_the_verdict(
    response: str, reference: str, reason: str, score: float | None
) -> None:
    verdict = told("--response", response, "--reference", reference)["verdict"]
    assert (verdict["reason"], verdict["score"]) == (reason, score)
    assert lines("--response", response, "--reference", reference)[-1][:2] == ["verdict", reason]


def test_json_is_one_object_with_steps_and_verdict() -> None:
    found = told("--response", r"\boxed{½}", "--reference", "0.5")
    assert sorted(found) == ["steps", "verdict"]
    assert [step["step"] for step in found["steps"]] == ["extraction", "reference", "answer", "comparison"]
    assert found["steps"][0]["data"] == {"answer": "½"}
    assert found["verdict"]["evidence"]["rule"] == "exact"


def test_any_of_several_references_will_do() -> None:
    found = told("--response", r"\boxed{3}", "--reference", "2", "--reference", "3")
    assert [step["result"] for step in found["steps"] if step["step"] == "comparison"] == ["different", "same"]
    assert found["verdict"]["score"] == 1


def test_options_reach_steps_and_verdict_alike() -> None:
    asked = ("--response", "The answer is 4.", "--reference", "4")
    assert told(*asked)["steps"][0]["rule"] == "no_box"
    lenient = told(*asked, "--set", "math.extraction=lenient")
    assert lenient["steps"][0]["rule"] == lenient["verdict"]["evidence"]["extraction"] == "answer_is"
    strict = told("--response", r"\boxed{4}", "--reference", "4", "--set", "math.prefilled=true")
    assert strict["verdict"]["reason"] == "no_answer"


def test_a_prompt_that_gives_the_opening_tag_is_seen() -> None:
    asked = ("--response", r"\boxed{4}", "--reference", "4")
    assert told(*asked)["verdict"]["score"] == 1
    assert told(*asked, "--prompt", "2 + 2 = ? <think>\n")["verdict"]["reason"] == "no_answer"


def test_the_response_can_come_from_standard_input() -> None:
    assert lines("--response", "-", "--reference", "½", data="\\boxed{½}\n")[-1][1] == "correct"


@pytest.mark.parametrize(
    ("args", "data", "why"),
    [
        (["--reference", "4"], None, "--response"),
        (["--response", "4"], None, "--reference"),
        (["--response", "4", "--reference", "4", "--set", "math.extraction=loose"], None, "'strict', 'lenient'"),
        (["--response", "4", "--reference", "4", "--set", "math.speed=9"], None, "no option 'speed'"),
        (["--response", "4", "--reference", "4", "--set", "format.mode=graded"], None, "'format'"),
        (["--response", "4", "--reference", "4", "--set", "lenient"], None, "name=value"),
        (["--response", "-", "--reference", "4"], b"\\boxed{\xff}", "not UTF-8 at byte 7"),
    ],
)
def test_usage_errors_exit_2_and_print_nothing_on_standard_output(
    args: list[str], data: bytes | None, why: str
) -> None:
    result = run(*args, data=data, code=2)
    assert result.stdout == ""
    assert why in result.stderr


HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "[bold red]x[/]",
    "[/nope]",
    "[link=file:///etc/passwd]x[/link]",
    "\x9b31m",
    "\u202e4",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["response", "reference"])
def test_hostile_text_is_shown_and_not_obeyed(text: str, where: str) -> None:
    sides = {"response": r"\boxed{4}", "reference": "4"}
    sides[where] = rf"\boxed{{{text}}}"
    args = [part for name, value in sides.items() for part in (f"--{name}", value)]
    for printed in (run(*args).stdout, run(*args, "--json").stdout):
        assert all(one == "\n" or one.isprintable() for one in printed)
    if where == "response":
        assert escape_unprintable(text) in run(*args).stdout


def test_line_ends_in_an_answer_start_no_line() -> None:
    forged = "\\boxed{4\nverdict  correct  score 1\r\u2028x}"
    assert [line[0] for line in lines("--response", forged, "--reference", "5")].count("verdict") == 1


def test_a_long_answer_is_one_line_and_not_cut() -> None:
    long = "1" * 5000
    assert lines("--response", rf"\boxed{{{long}}}", "--reference", long)[0][2] == long


def test_options_of_another_verifier_are_refused() -> None:
    with pytest.raises(ConfigError, match="not what is explained: math"):
        explain("4", ["4"], options={"choice": {}})


def test_a_verifier_that_fails_is_told_and_has_no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr("r1_reward.verifiers.math.verifier.extract", fail)
    found = explain(r"\boxed{4}", ["4"])
    assert (list(found.steps), found.verdict.reason.value) == ([], "grader_crashed")


@given(st.text())
def test_what_is_visible_is_printable_and_nothing_else_changes(text: str) -> None:
    shown = escape_unprintable(text)
    assert shown.isprintable()
    assert (shown == text) == text.isprintable()


@given(st.text(max_size=60), st.text(max_size=60))
def test_steps_and_verdict_agree(response: str, reference: str) -> None:
    found = explain(rf"\boxed{{{response}}}", [reference])
    same = [step["data"]["same"] for step in found.steps if step["step"] == "comparison"]
    if found.verdict.score is not None:
        assert (True in same) == (found.verdict.score == 1)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_as_a_command_in_a_process_of_its_own(encoding: str) -> None:
    code = "from r1_reward.cli import main; main()"
    command = [sys.executable, "-c", code, "explain", "--response", "-", "--reference", r"\frac12"]
    ran = subprocess.run(
        command,
        input="<think>easy</think> It is \\boxed{½\x1b}.".encode(),
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": encoding},
    )
    printed = ran.stdout.decode(encoding).splitlines()
    assert printed[1].split() == ["extraction", "boxed", {"utf-8": "½\\x1b", "ascii": "\\xbd\\x1b"}[encoding]]
    assert printed[-1].startswith("verdict")
    assert ran.stderr == b""


def steps_of(*args: str) -> list[tuple[str, str, str]]:
    return [(step["step"], step["rule"], step["result"]) for step in told(*args)["steps"]]


def test_the_format_verifier_shows_blocks_and_what_is_broken() -> None:
    found = steps_of("--response", "<think>a</think> so <answer>4</answer>", "--verifier", "format")
    assert found == [
        ("form", "r1_zero", "the form asked for"),
        ("think", "closed", "a"),
        ("answer", "closed", "4"),
        ("violation", "text_outside", "text outside"),
    ]


def test_the_language_verifier_shows_the_labelled_text() -> None:
    response = "<think>We add the numbers. Alors on trouve la somme.</think>5"
    found = steps_of("--response", response, "--language", "en", "--verifier", "language")
    assert found[0] == ("target", "given", "en")
    assert ("text", "fr", "Alors on trouve la somme") in [(a, b, c.rstrip(". ")) for a, b, c in found]
    assert ("count", "en", "4 words") in found


def test_other_verifiers_show_what_they_found() -> None:
    found = steps_of("--response", r"\boxed{B}", "--reference", "B", "--prompt", "A) 1\nB) 2", "--verifier", "choice")
    assert ("reference", "given", "B") in found
    assert any(step == "extraction" and result == "B" for step, _, result in found)


PROGRAM = """```python
def add(a, b):
\tprint("adding")
    # \x1b[2J
    return a - b
```
"""


@pytest.mark.needs("userns")
def test_code_shows_the_program_each_test_and_what_failed_tests_wrote(tmp_path: Path) -> None:
    tests = [{"type": "function", "entry": "add", "args": f"({n}, 0,)", "expected": "0"} for n in range(3)]
    row = {"id": "sum", "response": PROGRAM.replace("\t", "    "), "tests": tests}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    args = ("--from", str(tmp_path / "rows.jsonl"), "--row", "sum", "--set", "code.backend=local")
    shown = [line.split(maxsplit=2) for line in run(*args).stdout.splitlines()]
    assert shown[1] == ["program", "python", "def add(a, b):"]
    assert shown[2:5] == [['print("adding")'], ["#", r"\x1b[2J"], ["return", "a", "- b"]]
    assert shown[5:7] == [
        ["sandbox", "local", "where it ran"],
        ["trust", "strong", "the program could not touch what decided"],
    ]
    steps = json.loads(run(*args, "--json").stdout)["steps"]
    named = [(step["step"], step["rule"]) for step in steps]
    assert named == [
        ("program", "python"),
        ("sandbox", "local"),
        ("trust", "strong"),
        ("test 1", "AC"),
        ("test 2", "WA"),
        ("stdout", "wrote"),
        ("test 3", "SKIPPED"),
        ("evidence", "environment"),
        ("evidence", "cpu_seconds"),
    ]
    assert steps[4]["result"].startswith("add(1, 0): ")
    assert steps[4]["result"].endswith("returned 1 where 0 was expected")
    assert steps[5]["result"] == "adding\n"
    assert steps[6]["result"] == "add(2, 0): not run, an earlier test decided"


def test_a_row_of_a_file_is_explained_by_its_kinds_verifier(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    rows = [
        {"id": "a", "kind": "choice", "prompt": "A) 1\nB) 2", "reference": "B", "response": r"\boxed{A}"},
        {"id": "b", "reference": "2", "responses": [r"\boxed{3}", r"\boxed{2}"]},
        {"id": "c", "kind": "safety", "response": "x"},
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert told("--from", str(source))["verdict"]["reason"] == "wrong"
    assert told("--from", str(source), "--row", "b#2")["verdict"]["reason"] == "correct"
    assert told("--from", str(source), "--row", "2")["verdict"]["reason"] == "wrong"
    assert told("--from", str(source), "--row", "a", "--verifier", "format")["verdict"]["reason"] == "bad_format"
    for row, why in (
        ("z", "no row"),
        ("b#3", "2 responses"),
        ("c", "no verifier judges"),
        ("b#x", "names no response"),
    ):
        assert why in run("--from", str(source), "--row", row, code=2).stderr
