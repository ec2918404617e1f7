"""Procedural tasks: foreign scorers run in the sandbox, and what a model wrote leaves no trace."""

from __future__ import annotations

import json
from collections import deque
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


BACKENDS = ["local", pytest.param("docker", marks=pytest.mark.needs("docker"))]


def rows_of_every_set(backend: str) -> dict[str, dict[str, Any]]:
    """A row of each data set of reasoning-gym."""
    source = script("scoring", "reasoning_gym")
    with Pool(backend=backend, size=2) as pool:
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
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_set_of_reasoning_gym(backend: str, tmp_path: Path) -> None:
    rows = rows_of_every_set(backend)
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
    verdicts = ProceduralVerifier(backend=backend)(samples)
    assert {verdict.evidence["backend"] for verdict in verdicts if "backend" in verdict.evidence} == {backend}
    failed = [(case, verdict) for case, verdict in zip(expected, verdicts, strict=True) if verdict.score != case[2]]
    assert not failed, failed[:5]
    assert not trace.exists()
    # And past the guard: the scorers themselves are given the code, and whatever they say, nothing of it gets out.
    with Pool(backend=backend, size=2) as pool:
        asked = [(f"reasoning-gym/{name}", text, json.dumps(row)) for name, row in rows.items() for text in code]
        call_function(
            pool, script("scoring", "reasoning_gym"), "score", asked, limits=Limits(time_s=20, memory_mb=1_024)
        )
    assert not trace.exists()


def colouring(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """A colouring by search, and one of a single colour."""
    puzzle = metadata["puzzle"]
    vertices, options = puzzle["vertices"], puzzle["color_options"]
    beside = [tuple(edge) for edge in puzzle["edges"]]

    def search(chosen: dict[int, int]) -> dict[int, int] | None:
        if len(chosen) == len(vertices):
            return chosen
        vertex = next(one for one in vertices if one not in chosen)
        near = {chosen.get(b if a == vertex else a) for a, b in beside if vertex in (a, b)}
        for colour in options:
            if colour not in near and (whole := search({**chosen, vertex: colour})):
                return whole
        return None

    solution = search({}) or {}
    return json.dumps({str(vertex): colour for vertex, colour in solution.items()}), json.dumps(
        {str(vertex): 1 for vertex in solution}
    )


def boxes_moved(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Every box moved square by square to its target, one a step; and the same without the last step."""
    squares = {tuple(map(float, name.split("_"))): items for name, items in metadata["initial_state"].items()}
    plan: list[dict[str, str]] = []
    for place, items in squares.items():
        for box in (item for item in items if item.startswith("box_")):
            target = f"target_{box[4:]}"
            (goal,) = [where for where, others in squares.items() if target in others]
            at = list(place)
            for axis in (0, 1):
                while at[axis] != goal[axis]:
                    before = list(at)
                    at[axis] += 1 if goal[axis] > at[axis] else -1
                    plan.append({f"Agent{before}": f"move({box}, square{at})"})
            plan.append({f"Agent{at}": f"move({box}, {target})"})
    return json.dumps(plan), json.dumps(plan[:-1])


def premise(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """A premise with an operator follows from the premises; what contradicts it does not."""
    compound = next(one for one in metadata["premises"] if any(sign in one for sign in "∨∧→↔"))
    return compound, f"({compound} ∧ ¬{compound})"


def unscrambled(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The scrambling moves backwards, and forwards once more."""
    moves = metadata["scramble_moves"].split()
    return " ".join(move[:-1] if move.endswith("'") else f"{move}'" for move in reversed(moves)), " ".join(moves)


def driven_out(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """The shortest way out for car A, by breadth-first search over boards of 6 by 6; and the way without its end."""
    board = metadata["board_config"]
    cars = sorted(set(board) - {"o", "x"})
    letters = {car: chr(ord("A") + at) for at, car in enumerate(cars)}  # the question names them without gaps
    start = "".join(letters.get(sign, sign) for sign in board)
    queue, before = deque([start]), {start: ("", "")}
    while queue:
        board = queue.popleft()
        if board[16:18] == "AA":
            moves: list[str] = []
            while before[board][1]:
                moves.insert(0, before[board][1])
                board = before[board][0]
            return " ".join(moves), " ".join(moves[:-1])
        for car in letters.values():
            cells = [at for at, sign in enumerate(board) if sign == car]
            step = cells[1] - cells[0]
            for sign, free, left in (("+", cells[-1] + step, cells[0]), ("-", cells[0] - step, cells[-1])):
                inside = 0 <= free < 36 and (step == 6 or free // 6 == cells[0] // 6)
                if inside and board[free] == "o":
                    signs = list(board)
                    signs[free], signs[left] = car, "o"
                    after = "".join(signs)
                    if after not in before:
                        before[after] = (board, f"{car}{sign}1")
                        queue.append(after)
    raise AssertionError(f"no way out of {start}")


SOLVERS = {
    "boxnet": boxes_moved,
    "graph_color": colouring,
    "propositional_logic": premise,
    "rubiks_cube": unscrambled,
    "rush_hour": driven_out,
}


@pytest.mark.slow
@pytest.mark.needs("reasoning-gym")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SOLVERS)
def test_a_set_without_gold_takes_a_constructed_solution(name: str, backend: str) -> None:
    assert SOLVERS.keys() == WITHOUT_GOLD
    for row in make_rows(f"reasoning-gym/{name}", 3, seed=4, backend=backend):
        if name == "propositional_logic" and not any(sign in "".join(row["metadata"]["premises"]) for sign in "∨∧→↔"):
            continue
        scores = []
        for answer in SOLVERS[name](row["metadata"]):
            (sample,) = RowReader().read_row({**row, "response": f"<answer>{answer}</answer>"}).samples
            scores.append(ProceduralVerifier(backend=backend)([sample])[0].score)
        assert scores == [1.0, 0.0]


@pytest.mark.slow
@pytest.mark.needs("reasoning-gym")
def test_an_answer_that_a_scorer_without_gold_cannot_take_is_wrong() -> None:
    row = next(make_rows("reasoning-gym/boxnet", 1, seed=4, backend="local"))
    for answer in ("null", "5", "[5]"):
        (sample,) = RowReader().read_row({**row, "response": answer}).samples
        verdict = ProceduralVerifier(backend="local")([sample])[0]
        assert (verdict.score, verdict.reason) == (0.0, Reason.RUNTIME_ERROR), verdict


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
