"""Rows as data sets hold them, with right, wrong and empty programs; asserts of every kind; hostile programs.

The table is forms.jsonl: a name, a row, and whether it is to pass, to fail or to be unjudged. Texts are our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1_reward.rows import read_sample
from r1_reward.verifiers import CodeVerifier, Reason
from r1_reward.verifiers.errors import SampleError

ROWS = [json.loads(line) for line in Path(__file__).with_name("forms.jsonl").read_text(encoding="utf-8").splitlines()]
FORMS = {
    "apps/right": "apps",
    "verl_io/right": "pairs",
    "lcb/right": "livecodebench",
    "cc/right": "code_contests",
    "cf_checker/right": "open_r1_codeforces",
    "synth2/right": "synthetic",
    "he/right": "humaneval",
    "leet_tree/right": "leetcode",
    "mbpp/right": "mbpp",
    "mbppplus/right": "mbppplus",
    "kod/right": "kodcode",
    "bcb/right": "bigcodebench",
    "hex_cpp/right": "humaneval_x",
    "mpe_cpp/right": "multipl_e",
    "ds1000/right": "ds1000",
    "rllm/right": "rllm",
    "skywork/right": "skywork",
    "ioi/right": "open_r1_ioi",
}
OPEN_ENDED = {
    *("open_program/wrong_deco", "open_js/wrong_if", "open_sh/wrong_or"),
    *("open_cpp/wrong_comment", "open_cpp/wrong_splice", "open_java/wrong"),
}
"""Programs whose last statement or comment would take the beginning of the test."""


def _found(rows: list[dict[str, Any]], backend: str) -> dict[str, tuple[str, str, Any]]:
    """By the name of a row: what became of it, the reason, and the evidence."""
    by_name: dict[str, tuple[str, str, Any]] = {}
    samples = {}
    for row in rows:
        try:
            samples[row["name"]] = read_sample(row["row"])
        except SampleError as error:
            by_name[row["name"]] = ("unjudged", error.reason, {})
    verdicts = CodeVerifier(backend=backend)(list(samples.values()))
    for name, verdict in zip(samples, verdicts, strict=True):
        score = {None: "unjudged", 1.0: "pass"}.get(verdict.score, "fail")
        by_name[name] = (score, f"{verdict.reason.value}: {verdict.detail}", verdict.evidence)
    return by_name


@pytest.mark.needs("tree")
@pytest.mark.parametrize("part", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_rows_are_judged_as_labelled(part: int) -> None:
    rows = [row for number, row in enumerate(ROWS) if number % part == 0 or row["name"] in {*FORMS, *OPEN_ENDED}]
    result = _found(rows, "local")
    wrong = [(row["name"], row["expected"], result[row["name"]][:2]) for row in rows]
    assert [each for each in wrong if each[1] != each[2][0]] == []
    assert {name: result[name][2].get("form") for name in FORMS} == FORMS


@pytest.mark.needs("docker")
@pytest.mark.needs("tree")
@pytest.mark.parametrize("part", [24, pytest.param(1, marks=pytest.mark.slow)])
def test_docker_judges_as_local_does(part: int) -> None:
    rows = ROWS[::part]
    result = _found(rows, "docker")
    wrong = [(row["name"], row["expected"], result[row["name"]][:2]) for row in rows]
    assert [each for each in wrong if each[1] != each[2][0]] == []


def test_trust_on_request_leaves_weak_tests_unjudged() -> None:
    row = {"response": "```python\nclass A: pass\n```", "tests": ["a = A()\na.x = 1\nassert a.x == 1"]}
    (verdict,) = CodeVerifier(backend="runsc", trust="strong")([read_sample(row)])
    assert verdict.reason is Reason.TESTS_UNKNOWN_FORM


@pytest.mark.needs("userns")
def test_a_crash_after_the_right_output_is_looked_away_from_on_request() -> None:
    row = {"response": "```python\nprint(1)\n1/0\n```", "tests": [{"type": "stdin", "input": "", "output": "1"}]}
    for crashes, score in (("fail", 0.0), ("ignore", 1.0)):
        (verdict,) = CodeVerifier(backend="local", crashes=crashes)([read_sample(row)])  # type: ignore[arg-type]  # one of two words
        assert verdict.score == score


@pytest.mark.needs("userns")
def test_a_missing_module_is_the_programs_fault_or_the_sandboxs() -> None:
    program = "import no_such_thing\ndef f(): return 1"
    rows = [
        {"response": f"```python\n{program}\n```", "tests": ["assert f() == 1"]},
        {"response": "```python\ndef f(): return 1\n```", "tests": ["import no_such_thing\nassert f() == 1"]},
        {"response": f"```python\n{program}\n```", "tests": ["assert f() == 1"], "prompt": "import no_such_thing\n"},
        {"response": f"```python\n{program}\n```", "tests": ["assert f() == 1"], "solutions": [program]},
        {"response": program, "tests": ["assert f() == 1"], "code": program},
    ]
    result = CodeVerifier(backend="local")([read_sample(row) for row in rows])
    assert [verdict.score for verdict in result] == [0.0, None, None, None, 0.0]
    assert {verdict.reason for verdict in result} == {Reason.MISSING_MODULE}
    assert all("sandbox build --packages" in verdict.detail for verdict in result)
