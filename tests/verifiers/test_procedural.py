"""Procedural tasks: foreign scorers run in the sandbox, and what a model wrote leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.rows.make import make_rows
from r1_reward.rows.reader import RowReader
from r1_reward.sandbox import Limits, Outcome, Pool
from r1_reward.sandbox.functions import call_function
from r1_reward.sandbox.scripts import script
from r1_reward.verifiers import ConfigError, ProceduralVerifier, Reason, Sample, Verdict

ENTRY = {"question": "1 + 1 =", "answer": "2", "metadata": {"source_dataset": "chain_sum", "source_index": 0}}


def judge(response: str, **row: Any) -> Verdict:
    sample = Sample(response=response, kind="procedural", meta={**ENTRY, **row})
    return ProceduralVerifier(backend="local")([sample])[0]


def test_what_needs_no_scorer_to_be_judged() -> None:
    cases: list[tuple[str, dict[str, Any], float | None, Reason]] = [
        ("", {}, 0.0, Reason.NO_ANSWER),
        ("<answer>__import__('os').system('id')</answer>", {}, 0.0, Reason.WRONG),
        ("<answer>(lambda: 2)()</answer>", {}, 0.0, Reason.WRONG),
        ("<answer>max(['import sys'], key=exec)</answer>", {}, 0.0, Reason.WRONG),
        ("<answer>[print for x in (1, 2)]</answer>", {}, 0.0, Reason.WRONG),
        (r"\boxed{1 + 1 =}", {}, 0.0, Reason.WRONG),
        ("perhaps", {"answer": "True"}, 0.0, Reason.WRONG),
        ("2", {"metadata": {}}, None, Reason.REFERENCE_MISSING),
        ("2", {"scorer": "rm -rf /"}, None, Reason.REFERENCE_UNPARSEABLE),
    ]
    for response, row, score, reason in cases:
        verdict = judge(response, **row)
        assert (verdict.score, verdict.reason) == (score, reason), (response, verdict)


@pytest.mark.needs("userns")
def test_a_module_that_the_sandbox_lacks_is_an_error_with_the_way_out() -> None:
    verdict = judge("2", scorer="no_such_package_at_all:score")
    assert (verdict.score, verdict.reason) == (None, Reason.MISSING_MODULE)
    assert "sandbox build" in verdict.detail


@pytest.mark.needs("userns")
def test_a_scorer_that_fails_on_the_gold_too_is_the_rows_fault() -> None:
    verdict = judge("2", scorer="operator:eq")
    assert (verdict.score, verdict.reason) == (None, Reason.GRADER_CRASHED)


@pytest.mark.needs("userns")
def test_functions_are_called_apart_from_each_other(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    source = "import time\nseen = []\ndef run(text):\n    seen.append(1)\n    return [len(seen), eval(text)]\n"
    asked = ["1 + 1", f"open({str(trace)!r}, 'w')", "time.sleep(60)", "[0] * 10**10", "seen.append(2)", "1 / 0"]
    with Pool(backend="local", size=1) as pool:
        limits = Limits(time_s=1, wall_s=3, memory_mb=128)
        replies = call_function(pool, source, "run", [(text,) for text in asked], limits=limits)
    assert [reply.value for reply in replies] == [[1, 2], None, None, None, [1, None], None]
    assert replies[2].outcome is Outcome.TLE
    assert replies[3].outcome in (Outcome.MLE, Outcome.RE)
    assert replies[5].outcome is Outcome.RE
    assert "ZeroDivisionError" in replies[5].detail
    assert not trace.exists()


def rows_of_every_set() -> dict[str, dict[str, Any]]:
    """A row of each data set of reasoning-gym."""
    source = script("scoring", "reasoning_gym")
    with Pool(backend="local", size=2) as pool:
        limits = Limits(time_s=60, memory_mb=2_048)
        names = call_function(pool, source, "names", [()], limits=limits)[0].value
        assert isinstance(names, list)
        made = call_function(pool, source, "generate", [(name, 1, 3, 0, 1, "{}") for name in names], limits=limits)
    return {
        name: json.loads(reply.value[0])
        for name, reply in zip(names, made, strict=True)
        if isinstance(reply.value, list)
    }


WITHOUT_GOLD = {"boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"}


@pytest.mark.slow
@pytest.mark.needs("reasoning-gym")
def test_every_set_of_reasoning_gym(tmp_path: Path) -> None:
    rows = rows_of_every_set()
    assert len(rows) >= 105
    trace = tmp_path / "trace"
    code = [
        f"__import__('os').system('touch {trace}')",
        f"open('{trace}','w').close()",
        f"[c for c in ().__class__.__base__.__subclasses__()] or open('{trace}','w')",
    ]
    samples, expected = [], []
    for name, row in rows.items():
        wrong = [f"\\boxed{{{row['question']}}}", "no idea", *code]
        right = [] if name in WITHOUT_GOLD else [f"<answer>{row['answer']}</answer>"]
        for response in [*right, *wrong]:
            (sample,) = RowReader().read_row({**row, "response": response}).samples
            samples.append(sample)
            expected.append((name, response, float(response in right)))
    verdicts = ProceduralVerifier(backend="local")(samples)
    failed = [(case, verdict) for case, verdict in zip(expected, verdicts, strict=True) if verdict.score != case[2]]
    assert not failed, failed[:5]
    assert not trace.exists()
    # And past the guard: the scorers themselves are given the code, and whatever they say, nothing of it gets out.
    with Pool(backend="local", size=2) as pool:
        asked = [(f"reasoning-gym/{name}", text, json.dumps(row)) for name, row in rows.items() for text in code]
        call_function(
            pool, script("scoring", "reasoning_gym"), "score", asked, limits=Limits(time_s=20, memory_mb=1_024)
        )
    assert not trace.exists()


def colouring(metadata: Mapping[str, Any]) -> dict[str, int]:
    """A colouring by search."""
    puzzle = metadata["puzzle"]
    vertices, options = puzzle["vertices"], puzzle["color_options"]
    beside = [tuple(edge) for edge in puzzle["edges"]]

    def search(found: dict[int, int]) -> dict[int, int] | None:
        if len(found) == len(vertices):
            return found
        vertex = next(one for one in vertices if one not in found)
        near = {
            found[b if a == vertex else a] for a, b in beside if vertex in (a, b) and (b if a == vertex else a) in found
        }
        for colour in options:
            if colour not in near and (whole := search({**found, vertex: colour})):
                return whole
        return None

    return {str(vertex): colour for vertex, colour in (search({}) or {}).items()}


@pytest.mark.slow
@pytest.mark.needs("reasoning-gym")
def test_a_set_without_gold_takes_a_solution() -> None:
    row = next(make_rows("reasoning-gym/graph_color", 1, seed=4, backend="local"))
    found = colouring(row["metadata"])
    bad = dict.fromkeys(found, 1)
    scores = []
    for answer in (found, bad):
        (sample,) = RowReader().read_row({**row, "response": json.dumps(answer)}).samples
        scores.append(ProceduralVerifier(backend="local")([sample])[0].score)
    assert scores == [1.0, 0.0]


@pytest.mark.slow
@pytest.mark.needs("reasoning-gym")
def test_make_writes_the_same_rows_for_the_same_seed(tmp_path: Path) -> None:
    command = ["make", "reasoning-gym/gcd", "-n", "3", "--seed", "2", "--backend", "local"]
    first, second = (
        CliRunner().invoke(main, command),
        CliRunner().invoke(main, [*command, "-o", str(tmp_path / "rows")]),
    )
    assert first.exit_code == second.exit_code == 0, first.output
    assert first.output == (tmp_path / "rows").read_text()
    again = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "rows")])
    assert (again.exit_code, "--overwrite" in again.output) == (2, True)
    with pytest.raises(ConfigError, match="has no data set"):
        next(make_rows("reasoning-gym/no_such_set", 1, backend="local"))


def test_make_says_what_it_knows() -> None:
    for source, size in (("other/thing", 1), ("reasoning-gym/gcd", 0)):
        assert CliRunner().invoke(main, ["make", source, "-n", str(size)]).exit_code == 2
