"""The code verifier from a response to its verdict, behind the local backend."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.rows import read_sample
from r1_reward.sandbox import Limits
from r1_reward.sandbox.limits import processors
from r1_reward.verifiers import CodeVerifier, ConfigError, Reason, Sample, Status, TestCase, Verdict
from r1_reward.verifiers.spec import RewardSpec, slots_of

LOCAL = CodeVerifier(backend="local")
ADD = [
    TestCase(type="function", entry="add", args="(2, 3)", expected="5"),
    TestCase(type="assert", code="assert add(1, 1) == 2"),
]
RIGHT, WRONG = "def add(a, b):\n    return a + b", "def add(a, b):\n    return 5"


def fenced(source: str, tag: str = "python") -> str:
    return f"<think>easy</think>\n```{tag}\n{source}\n```\n"


def judge(response: str, tests: list[TestCase] = ADD, verifier: CodeVerifier = LOCAL, **fields: Any) -> Verdict:
    (verdict,) = verifier([Sample(response=response, tests=tests, **fields)])
    return verdict


@pytest.mark.needs("userns")
@pytest.mark.parametrize(
    ("source", "score", "reason"),
    [
        (RIGHT, 1.0, Reason.CORRECT),
        (WRONG, 0.0, Reason.WRONG),
        ("def add(a, b):\n    while True: pass", 0.0, Reason.TIMEOUT),
        ("def add(a, b):\n    return a / 0", 0.0, Reason.RUNTIME_ERROR),
        ("def add(a, b:", 0.0, Reason.RUNTIME_ERROR),
        ("import sys\nwhile True: sys.stdout.write('x' * 10_000)", 0.0, Reason.OUTPUT_LIMIT),
        ("import os\nos._exit(0)", 0.0, Reason.RUNTIME_ERROR),
        ("class Solution:\n    def add(self, a, b): return a + b\nadd = Solution().add", 1.0, Reason.CORRECT),
    ],
)
def test_scores(source: str, score: float, reason: Reason) -> None:
    verdict = judge(fenced(source), limits=Limits(time_s=1, output_bytes=100_000))
    assert (verdict.score, verdict.reason) == (score, reason), verdict
    assert verdict.answer == source + "\n"
    assert verdict.evidence["language"] == "python"
    assert verdict.evidence["backend"] == "local"
    assert verdict.evidence["trust"] == "strong"
    for test in verdict.evidence["tests"]:
        assert set(test) - {"stdout", "stderr"} == {"outcome", "seconds", "cpu_seconds", "memory_mb", "detail"}
        assert test["outcome"] not in ("AC", "SKIPPED") or not set(test) & {"stdout", "stderr"}
    json.dumps(verdict.to_dict(), allow_nan=False)


@pytest.mark.needs("userns")
def test_the_first_failures_hold_what_they_wrote() -> None:
    source = "import sys\nprint('to the user')\nprint('x' * 5_000 + 'the end', file=sys.stderr)\n1 / 0"
    tests = [TestCase(type="stdin", input="", output=str(n)) for n in range(5)]
    (verdict,) = CodeVerifier(backend="local", score="fraction")([Sample(response=fenced(source), tests=tests)])
    result = verdict.evidence["tests"]
    assert [("stderr" in test, test.get("stdout")) for test in result] == [(True, "to the user\n")] * 3 + [
        (False, None)
    ] * 2
    assert len(result[0]["stderr"]) < 1_100
    assert "more characters]" in result[0]["stderr"]


@pytest.mark.needs("userns")
def test_fraction_runs_every_test_and_tells_the_share() -> None:
    verdict = judge(fenced(WRONG), verifier=CodeVerifier(backend="local", score="fraction"))
    assert (verdict.score, verdict.reason, dict(verdict.parts)) == (0.5, Reason.PARTIAL, {"passed": 0.5})
    assert [test["outcome"] for test in verdict.evidence["tests"]] == ["AC", "WA"]


@pytest.mark.needs("userns")
def test_fork_mode_gives_the_same_verdicts() -> None:
    verifier = CodeVerifier(backend="local", mode="fork")
    samples = [Sample(response=fenced(source), tests=ADD) for source in (RIGHT, WRONG, "import os\nos._exit(0)")]
    assert [verdict.score for verdict in verifier(samples)] == [1.0, 0.0, 0.0]


@pytest.mark.needs("userns")
def test_a_method_of_solution_is_found_by_its_name() -> None:
    tests = [TestCase(type="function", entry="twoSum", args="([2, 7], 9)", expected="[0, 1]", checker="json")]
    assert (
        judge(fenced("class Solution:\n    def twoSum(self, nums, target):\n        return (0, 1)"), tests).score == 1.0
    )


@pytest.mark.needs("userns")
def test_rows_of_the_usual_data_sets_are_judged() -> None:
    human = {
        "prompt": 'def inc(x):\n    """One more."""\n',
        "test": "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2\n    assert candidate(-1) == 0\n",
        "entry_point": "inc",
    }
    mbpp = {"test_list": ["assert inc(1) == 2", "assert inc(-1) == 0"], "test_setup_code": "", "kind": "code"}
    apps = {"input_output": json.dumps({"inputs": ["1\n", "-1\n"], "outputs": ["2\n", "0\n"]})}
    rows: list[tuple[dict[str, Any], float]] = [
        ({**human, "response": "```python\n    return x + 1\n```"}, 1.0),
        ({**human, "response": "    return x + 1\n"}, 1.0),
        ({**human, "response": "    return 2\n"}, 0.0),
        ({**mbpp, "response": "```python\ninc = lambda x: x + 1\n```"}, 1.0),
        ({**mbpp, "response": "```python\ninc = abs\n```"}, 0.0),
        ({**apps, "response": "```python\nprint(int(input()) + 1)\n```"}, 1.0),
        ({**apps, "response": "```python\nprint(2)\n```"}, 0.0),
    ]
    verdicts = LOCAL([read_sample(row) for row, _ in rows])
    assert [verdict.score for verdict in verdicts] == [score for _, score in rows]
    assert all(verdict.evidence["trust"] == "strong" for verdict in verdicts)


@pytest.mark.parametrize(
    ("sample", "status", "reason"),
    [
        (Sample(response=fenced(RIGHT), kind="code"), Status.ERROR, Reason.TESTS_MISSING),
        (Sample(response="no program", tests=ADD), Status.SCORED, Reason.NO_ANSWER),
        (Sample(response="<think>```python\nx\n```", tests=ADD), Status.SCORED, Reason.NO_ANSWER),
        (Sample(response=fenced("int f();", "cpp"), tests=ADD), Status.SCORED, Reason.NO_ANSWER),
        (Sample(response=fenced("x" * 2_000_000), tests=ADD), Status.SCORED, Reason.COMPILE_ERROR),
        (
            Sample(response=fenced(RIGHT), tests=[TestCase(type="assert", code="assert (")]),
            Status.ERROR,
            Reason.REFERENCE_UNPARSEABLE,
        ),
        (
            Sample(response=fenced(RIGHT), tests=[TestCase(type="function", entry="f", args="(", expected="1")]),
            Status.ERROR,
            Reason.REFERENCE_UNPARSEABLE,
        ),
        (
            Sample(response=fenced(RIGHT), tests=[TestCase(type="function", entry="f", args="()", expected="g()")]),
            Status.ERROR,
            Reason.REFERENCE_UNPARSEABLE,
        ),
        (
            Sample(response=fenced(RIGHT), tests=[TestCase(type="stdin", input="", output="", checker="own:magic")]),
            Status.ERROR,
            Reason.REFERENCE_UNPARSEABLE,
        ),
        (Sample(response=fenced(RIGHT), tests=ADD, meta={"lang": "java"}), Status.ERROR, Reason.TESTS_MISSING),
        (Sample(response=fenced(RIGHT), tests=ADD, meta={"lang": "cobol"}), Status.ERROR, Reason.LANGUAGE_UNKNOWN),
    ],
)
def test_what_needs_no_sandbox_asks_for_none(sample: Sample, status: Status, reason: Reason) -> None:
    # A backend that cannot be had would show itself.
    (verdict,) = CodeVerifier(backend="runsc")([sample])
    assert (verdict.status, verdict.reason) == (status, reason), verdict
    assert verdict.score == (0.0 if status is Status.SCORED else None)


def test_a_sandbox_that_cannot_be_had_is_an_error_and_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from r1_reward.sandbox import SandboxUnavailableError, backends

    def none(name: str) -> Any:
        raise SandboxUnavailableError(f"no {name} on this machine; install it")

    monkeypatch.setattr(backends, "backend", none)
    verifier = CodeVerifier(slots=processors() + 7)  # options of its own, and so a pool of its own
    verdicts = verifier([Sample(response=fenced(RIGHT), tests=ADD), Sample(response="prose", tests=ADD)])
    assert [verdict.reason for verdict in verdicts] == [Reason.SANDBOX_UNAVAILABLE, Reason.NO_ANSWER]
    assert verdicts[0].score is None
    assert "no docker on this machine" in verdicts[0].detail
    assert "no local on this machine" in verdicts[0].detail


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "podman"},
        {"score": "most"},
        {"mode": "thread"},
        {"isolation": "none"},
        {"time_s": 0},
        {"memory_mb": -1},
        {"slots": 1.5},
        {"language": "cobol"},
        {"checkers": {"mine": "tokens"}},
        {"time_s": float("nan")},
        {"memory_mb": float("inf")},
        {"processes": 2.5},
    ],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        CodeVerifier(**options)


@pytest.mark.needs("userns")
def test_a_checker_that_raises_costs_its_own_row() -> None:
    def picky(expected: object, got: object) -> str | None:
        raise LookupError("nothing of the kind")

    verifier = CodeVerifier(backend="local", checkers={"picky": picky})
    rows = [
        Sample(response=fenced("print(5)"), tests=[TestCase(type="stdin", input="", output="5", checker=checker)])
        for checker in ("tokens", "own:picky", "tokens")
    ]
    first, between, last = verifier(rows)
    assert (first.score, last.score) == (1.0, 1.0)
    assert (between.status, between.reason, between.score) == (Status.ERROR, Reason.GRADER_CRASHED, None)
    assert "LookupError: nothing of the kind" in between.detail


@pytest.mark.needs("userns")
def test_checkers_of_ones_own_are_called_by_name() -> None:
    def even(expected: object, got: object) -> str | None:
        return None if int(str(got)) % 2 == 0 else "odd"

    verifier = CodeVerifier(backend="local", checkers={"even": even})
    tests = [TestCase(type="stdin", input="", output="", checker="own:even")]
    assert [judge(fenced(f"print({n})"), tests, verifier).score for n in (2, 3)] == [1.0, 0.0]


@pytest.mark.needs("userns")
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_it_works_in_processes_of_either_kind(method: str) -> None:
    samples = [Sample(response=fenced(source), tests=ADD) for source in (RIGHT, WRONG)]

    def scores(verdicts: list[Verdict]) -> list[float | None]:
        return [verdict.score for verdict in verdicts]

    assert scores(LOCAL(samples)) == [1.0, 0.0]  # so that a fork inherits a pool that is not its own
    with multiprocessing.get_context(method).Pool(1) as processes:
        assert scores(processes.apply_async(LOCAL, (samples,)).get(60)) == [1.0, 0.0]
    assert scores(pickle.loads(pickle.dumps(LOCAL))(samples)) == [1.0, 0.0]


def test_workers_share_the_processors() -> None:
    cores = processors()
    for workers in (1, 2, cores, 4 * cores):
        judge = RewardSpec().with_slots(slots_of(workers)).build()
        (code,) = [v for kind, v in judge.verifiers.items() if kind == "code"]  # type: ignore[attr-defined]  # Auto has them
        assert code.slots == max(1, cores // workers)
    mine = RewardSpec(rewards=("code",), options={"code": {"slots": 3}})
    assert mine.with_slots(2).options == {"code": {"slots": 3}}
    assert RewardSpec(rewards=("math",)).with_slots(2).options == {}


def _without_measures(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        for verdict in row["verdicts"].values():
            del verdict["seconds"]
            verdict.get("evidence", {}).pop("cpu_seconds", None)
            for test in verdict.get("evidence", {}).get("tests", ()):
                del test["seconds"], test["cpu_seconds"], test["memory_mb"]
    return rows


@pytest.mark.needs("userns")
def test_score_judges_rows_of_code_alike_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tests = [{"type": "stdin", "input": "2 3", "output": "5"}]
    programs = ["print(5)", "print(6)", "print(sum(map(int, input().split())))", "1/0"] * 3
    rows = [{"id": n, "response": f"```python\n{source}\n```", "tests": tests} for n, source in enumerate(programs)]
    rows[4:4] = [{"id": "m", "response": r"\boxed{4}", "reference": "4"}] * 3
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for workers in ("1", "3"):
        args = ["score", "in.jsonl", "-o", f"{workers}.jsonl", "--workers", workers, "--set", "code.backend=local"]
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 0, result.stderr
    one, three = (_without_measures(tmp_path / f"{workers}.jsonl") for workers in (1, 3))
    assert one == three
    assert [row["reward"] for row in one if row["id"] != "m"] == [1.0, 0.0, 1.0, 0.0] * 3


def _agreement(rows: list[dict[str, Any]], backend: str) -> list[str]:
    """What the verdicts and the labels disagree about."""
    samples = [
        read_sample(
            {
                "response": fenced(row["solution"], row["language"]),
                "tests": row["tests"],
                "limits": row.get("limits"),
            }
        )
        for row in rows
    ]
    wrong = []
    for row, verdict in zip(rows, CodeVerifier(backend=backend)(samples), strict=True):
        first = next((test["outcome"] for test in verdict.evidence["tests"] if test["outcome"] != "AC"), "AC")
        accepted = row.get("verdicts", [first])
        if (verdict.score == 1.0) != (row["expected"] == "pass") or verdict.score is None or first not in accepted:
            wrong.append(f"{row['id']}: {row['expected']} {accepted}, {first} {verdict.detail}")
    return wrong


BACKENDS = [
    pytest.param("local", marks=pytest.mark.needs("userns")),
    pytest.param("docker", marks=pytest.mark.needs("docker")),
]
Rows = Callable[[str], list[dict[str, Any]]]


@pytest.mark.needs("data")
@pytest.mark.needs("userns")
def test_verdicts_agree_with_the_labels_of_a_sample(dev_rows: Rows) -> None:
    rows = [row for row in dev_rows("code_dev.jsonl") if row["language"] == "python"][::12]
    assert _agreement(rows, "local") == []


@pytest.mark.slow
@pytest.mark.needs("data")
@pytest.mark.needs("g++")
@pytest.mark.needs("node")
@pytest.mark.needs("javac")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["code_dev.jsonl", "code_adversarial_dev.jsonl"])
def test_verdicts_agree_with_every_label(dev_rows: Rows, backend: str, name: str) -> None:
    assert _agreement(dev_rows(name), backend) == []
