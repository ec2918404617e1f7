"""`r1-reward diff`: what flipped between two scorings, and what could not be compared."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.diff import compare, mcnemar
from r1_reward.verifiers.errors import RunError


def row(
    name: str | None, score: float | None, reason: str, response: str = "a", verifier: str = "math"
) -> dict[str, Any]:
    status = "scored" if score is not None else "error"
    told = {"score": score, "status": status, "reason": reason, "answer": None, "detail": "", "seconds": 0.1}
    made: dict[str, Any] = {"response": response, "reward": score, "verdicts": {verifier: told}}
    return made if name is None else {"id": name, **made}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


RIGHT, WRONG, NONE, ERROR = (1.0, "correct"), (0.0, "wrong"), (0.0, "no_answer"), (None, "grader_crashed")


def both(tmp_path: Path, pairs: list[tuple[Any, Any]], *, ids: bool = True) -> tuple[str, str]:
    files = []
    for side in (0, 1):
        rows = [row(f"r{n}" if ids else None, *pair[side]) for n, pair in enumerate(pairs)]
        files.append(write(tmp_path / f"{side}.jsonl", rows))
    return files[0], files[1]


PAIRS = [(RIGHT, RIGHT), (RIGHT, WRONG), (RIGHT, NONE), (WRONG, RIGHT), (WRONG, WRONG), (WRONG, NONE), (RIGHT, ERROR)]


@pytest.mark.parametrize("ids", [True, False])
def test_flips_are_counted_by_verifier_and_reason(tmp_path: Path, ids: bool) -> None:
    found = compare(*both(tmp_path, PAIRS, ids=ids))
    assert (found.pairs, found.flips, found.flipped_pairs) == (7, 4, 4)
    assert dict(found.groups) == {
        ("math", "correct", "wrong"): 1,
        ("math", "correct", "no_answer"): 1,
        ("math", "wrong", "correct"): 1,
        ("math", "correct", "grader_crashed"): 1,
    }
    table = found.tables["math"]
    assert (table.right, table.lost, table.won, table.wrong) == (1, 2, 1, 2)
    assert dict(found.renamed) == {("math", "wrong", "no_answer"): 1}
    assert found.matched_by == ("id" if ids else "line")
    assert found.unmatched == 0


def test_rows_are_found_by_id_in_any_order(tmp_path: Path) -> None:
    rows = [row(f"r{n}", *RIGHT) for n in range(50)]
    found = compare(write(tmp_path / "a", rows), write(tmp_path / "b", rows[::-1]))
    assert (found.pairs, found.flips, found.unmatched) == (50, 0, 0)
    assert found.same


def test_what_finds_no_partner_is_counted(tmp_path: Path) -> None:
    before = [row("a", *RIGHT), row("b", *RIGHT), row("c", *RIGHT, "this")]
    after = [row("a", *RIGHT), row("c", *RIGHT, "that"), row("d", *WRONG), {"error": {"reason": "not_json"}}]
    found = compare(write(tmp_path / "a", before), write(tmp_path / "b", after))
    assert (found.pairs, found.only, found.other_response, found.errors) == (1, (1, 1), 1, (0, 1))
    assert not found.same


def test_an_id_that_comes_twice_makes_the_place_count(tmp_path: Path) -> None:
    rows = [row("same", *RIGHT, f"response {n}") for n in range(5)]
    found = compare(write(tmp_path / "a", rows), write(tmp_path / "b", rows))
    assert (found.matched_by, found.pairs, found.unmatched) == ("line", 5, 0)


def test_a_verifier_of_one_scoring_only_is_no_flip_and_is_told(tmp_path: Path) -> None:
    files = (write(tmp_path / "a", [row("a", *RIGHT)]), write(tmp_path / "b", [row("a", *RIGHT, verifier="choice")]))
    found = compare(*files)
    assert found.flips == 0
    assert dict(found.one_sided) == {("math", "before"): 1, ("choice", "after"): 1}


def test_measured_scores_flip_beyond_the_tolerance(tmp_path: Path) -> None:
    files = both(tmp_path, [((0.5, "measured"), (0.5000001, "measured")), ((0.5, "measured"), (0.6, "measured"))])
    assert compare(*files).flips == 1
    assert compare(*files, tolerance=0.2).flips == 0
    assert not compare(*files).tables


def test_several_responses_to_a_row_are_compared_one_by_one(tmp_path: Path) -> None:
    told = [row("x", *RIGHT)["verdicts"], row("x", *WRONG)["verdicts"]]
    old = {"id": "x", "responses": ["a", "b"], "rewards": [1.0, 0.0], "reward": 0.5, "verdicts": told}
    new = {**old, "rewards": [1.0, 1.0], "verdicts": [told[0], told[0]]}
    found = compare(write(tmp_path / "a", [old]), write(tmp_path / "b", [new]))
    assert (found.pairs, found.flips, found.rows[0].row) == (2, 1, "x #2")


def test_unscored_and_missing_files_are_told(tmp_path: Path) -> None:
    plain = write(tmp_path / "a", [{"response": "a"}])
    with pytest.raises(RunError, match="score them first"):
        compare(plain, plain)
    with pytest.raises(RunError, match="no such file"):
        compare(plain, str(tmp_path / "nothing"))


def run(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["diff", *args])
    assert result.exit_code == code, result.output
    return result


def test_the_command_prints_tables_and_json_and_fails_on_request(tmp_path: Path) -> None:
    files = both(tmp_path, PAIRS)
    printed = run(*files).stdout
    assert "4 verdicts flipped, in 4 responses" in printed
    assert "right to wrong" in printed
    told = json.loads(run(*files, "--json").stdout)
    assert told["verifiers"]["math"]["mcnemar_p"] == 1.0
    assert len(told["rows"]) == 4
    assert run(*files, "--fail-on-flip", code=1)
    assert run(files[0], files[0], "--fail-on-flip")
    assert run(files[0], "nothing", code=2)
    assert run("-", files[0], code=2)


def test_a_gate_does_not_pass_rows_that_went_missing(tmp_path: Path) -> None:
    rows = [row(f"r{n}", *RIGHT) for n in range(4)]
    files = write(tmp_path / "a", rows), write(tmp_path / "b", rows[:2])
    assert "2 only in the first file" in run(*files, "--fail-on-flip", code=1).stdout


def test_hostile_names_print_as_escapes(tmp_path: Path) -> None:
    name = "\x1b[2J[red]\u202e"
    files = write(tmp_path / "a", [row(name, *RIGHT)]), write(tmp_path / "b", [row(name, *WRONG)])
    printed = run(*files).stdout
    assert r"\x1b[2J[red]\u202e" in printed
    assert all(one == "\n" or one.isprintable() for one in printed)


def test_as_a_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    files = both(tmp_path, PAIRS)
    command = [sys.executable, "-c", "from r1_reward.cli import main; main()", "diff", *files, "--fail-on-flip"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "McNemar" in ran.stdout


@given(st.integers(0, 300), st.integers(0, 300))
def test_p_is_the_binomial_tail_by_its_definition(lost: int, won: int) -> None:
    n = lost + won
    tail = sum(Fraction(math.comb(n, i)) for i in range(min(lost, won) + 1)) / 2**n
    assert mcnemar(lost, won) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-12)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    # 1, 2/2^5, 22/2^10 by hand; the others from the sum and from erfc, written out with exact fractions.
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),
        (1, 9, 0.021484375),
        (10, 25, 0.01667384780012071),
        (6000, 6300, 0.007017930840846829),
    ],
)
def test_p_at_known_points(lost: int, won: int, p: float) -> None:
    assert mcnemar(lost, won) == pytest.approx(p, rel=1e-9)
    assert mcnemar(won, lost) == mcnemar(lost, won)


def test_exact_and_approximate_p_meet() -> None:
    assert mcnemar(4900, 5100) == pytest.approx(mcnemar(4901, 5100), rel=0.05)
    assert mcnemar(0, 5000) == 0.0 or mcnemar(0, 5000) < 1e-300
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_a_page_shows_what_flipped_before_and_after(tmp_path: Path) -> None:
    files = both(tmp_path, PAIRS)
    page = tmp_path / "page.html"
    run = CliRunner().invoke(main, ["diff", *files, "--report", str(page)])
    assert run.exit_code == 0, run.output
    text = page.read_text(encoding="utf-8")
    assert "4 verdicts flipped among 7 responses, matched by id" in text
    assert "The table holds the 8 responses whose verdicts flipped, before and after." in text
    packed = re.search(r'id="index">([^<]+)<', text)
    assert packed
    index = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    fields = {one["name"]: [one["words"][code] for code in one["codes"]] for one in index["fields"]}
    assert (index["group"], index["system"]) == ("flip", "system")
    assert list(zip(index["columns"]["id"], fields["system"], fields["flip"], strict=True)) == [
        (name, side, flip)
        for side in ("before", "after")
        for name, flip in (
            ("r1", "math: correct to wrong"),
            ("r2", "math: correct to no_answer"),
            ("r3", "math: wrong to correct"),
            ("r6", "math: correct to grader_crashed"),
        )
    ]
    same = CliRunner().invoke(main, ["diff", files[0], files[0], "--report", str(page)])
    assert same.exit_code == 0, same.output
    assert "The table holds the 0 responses" in page.read_text(encoding="utf-8")
