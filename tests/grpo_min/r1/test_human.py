"""A person's marks: what is asked for, what is read, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r1_reward.grpo_min.r1.human import check_by_hand, read_marks
from r1_reward.verifiers import Sample
from r1_reward.verifiers.errors import ConfigError, RunError

SAMPLES = [Sample(response=f"{n}", prompt="?", reference="1", kind="math") for n in range(3)]


def test_nobody_looks_where_no_file_is_named(tmp_path: Path) -> None:
    assert check_by_hand(SAMPLES, tmp_path, "", "cold_start") == (SAMPLES, 0)
    assert not list(tmp_path.iterdir())


def test_marks_as_a_person_and_as_the_page_writes_them(tmp_path: Path) -> None:
    marks = tmp_path / "marks.jsonl"
    with pytest.raises(RunError, match="3 of 3 rows"):
        check_by_hand(SAMPLES, tmp_path, str(marks), "cold_start")
    rows = [json.loads(line) for line in (tmp_path / "to_check.jsonl").read_text().splitlines()]
    assert [row["response"] for row in rows] == ["0", "1", "2"]
    marked = [{**rows[0], "accept": "Reject"}, {**rows[1], "label": True, "note": "fine"}, rows[2]]
    marks.write_text("".join(json.dumps(row) + "\n" for row in marked))
    with pytest.raises(RunError, match="1 of 3 rows"):
        check_by_hand(SAMPLES, tmp_path, str(marks), "cold_start")
    with marks.open("a") as file:
        file.write(json.dumps({"check": rows[2]["check"], "accept": True}) + "\n")
    assert check_by_hand(SAMPLES, tmp_path, str(marks), "cold_start") == (SAMPLES[1:], 1)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (['{"check": "a", "accept": "perhaps"}'], "line 1: a mark needs"),
        (['{"accept": true}'], "line 1: a mark needs"),
        (['{"check": "a", "accept": 1.5}'], "line 1: a mark needs"),
        (['{"check": "a", "accept": true}', '{"check": "a", "accept": false}'], "lines 1 and 2"),
        (["{"], "line 1"),
    ],
)
def test_a_mark_that_is_none_is_refused(tmp_path: Path, lines: list[str], word: str) -> None:
    path = tmp_path / "marks.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=word):
        read_marks(str(path))
