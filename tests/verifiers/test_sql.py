"""Queries by what they return: rows as data sets hold them, several databases, and what a query may not do."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from r1_reward.verifiers import ConfigError, Reason, Sample, SqlVerifier, Verdict

pytestmark = pytest.mark.needs("userns")

SCHEMA = "CREATE TABLE cats (name TEXT, age INT, weight REAL)"
CATS = [["Tom", 3, 1.5], ["Kit", 1, 2.5], ["Bob", 3, 0.1]]
GOLD = "SELECT name FROM cats WHERE age = 3"
ORDERED = f"{GOLD} ORDER BY name"
LOOP = "n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"


def sample(response: str, gold: str | None = GOLD, **meta: Any) -> Sample:
    held = {"schema": SCHEMA, "data": {"cats": CATS}, **meta}
    return Sample(response=response, reference=gold, kind="sql", meta=held)


def judge(samples: list[Sample], **options: Any) -> list[Verdict]:
    return SqlVerifier(backend="local", **options)(samples)


CASES: list[tuple[Sample, float | None, Reason]] = [
    (sample("```sql\nSELECT name FROM cats WHERE age > 2;\n```"), 1.0, Reason.CORRECT),
    (sample("<think>all of them?</think>So:\nSELECT c.name FROM cats AS c WHERE c.age >= 2"), 1.0, Reason.CORRECT),
    (sample("SELECT name FROM cats"), 0.0, Reason.WRONG),
    (sample("SELECT name, age FROM cats WHERE age = 3"), 0.0, Reason.WRONG),
    (sample(f"{GOLD} UNION ALL {GOLD}"), 0.0, Reason.WRONG),
    (sample("VALUES ('Tom'), ('Bob')"), 0.0, Reason.WRONG),
    (sample(f"{GOLD} ORDER BY name DESC"), 1.0, Reason.CORRECT),
    (sample(GOLD, ORDERED), 0.0, Reason.WRONG),
    (sample(f"{GOLD} ORDER BY 1", ORDERED), 1.0, Reason.CORRECT),
    (sample(f"{GOLD} ORDER BY name DESC", ORDERED, order="any"), 1.0, Reason.CORRECT),
    (sample(f"{GOLD} ORDER BY name", GOLD, order="given"), 0.0, Reason.WRONG),
    # Rows that the reference's ORDER BY leaves tied may come in any order, and others may not.
    (
        sample("SELECT name FROM cats ORDER BY age DESC, name", "SELECT name FROM cats ORDER BY age DESC"),
        1.0,
        Reason.CORRECT,
    ),
    (sample("SELECT name FROM cats ORDER BY age, name", "SELECT name FROM cats ORDER BY age DESC"), 0.0, Reason.WRONG),
    (sample("SELECT name FROM cats ORDER BY name", "SELECT name FROM cats ORDER BY age DESC"), 0.0, Reason.WRONG),
    (
        sample(
            "SELECT name FROM cats ORDER BY age DESC, name LIMIT 1", "SELECT name FROM cats ORDER BY age DESC LIMIT 1"
        ),
        1.0,
        Reason.CORRECT,
    ),
    (
        sample("SELECT name FROM cats ORDER BY age LIMIT 1", "SELECT name FROM cats ORDER BY age DESC LIMIT 1"),
        0.0,
        Reason.WRONG,
    ),
    (
        sample(
            "SELECT name FROM cats ORDER BY age DESC, name", "SELECT name FROM cats ORDER BY age DESC", order="given"
        ),
        0.0,
        Reason.WRONG,
    ),
    (sample("SELECT avg(weight) FROM cats", "SELECT (0.1 + 2.5 + 1.5) / 3 FROM cats LIMIT 1"), 1.0, Reason.CORRECT),
    (sample("SELECT nme FROM cats"), 0.0, Reason.RUNTIME_ERROR),
    (sample(f"{GOLD}; DROP TABLE cats"), 0.0, Reason.RUNTIME_ERROR),
    (sample("SELECT load_extension('x')"), 0.0, Reason.RUNTIME_ERROR),
    (sample("SELECT randomblob(1000000000) FROM cats"), 0.0, Reason.RUNTIME_ERROR),
    (sample(f"WITH RECURSIVE {LOOP}) SELECT max(x) FROM n"), 0.0, Reason.TIMEOUT),
    (sample(f"WITH RECURSIVE {LOOP} LIMIT 99999) SELECT x FROM n"), 0.0, Reason.RUNTIME_ERROR),
    (sample("DELETE FROM cats"), 0.0, Reason.NO_ANSWER),
    (sample("ATTACH DATABASE '/etc/passwd' AS p"), 0.0, Reason.NO_ANSWER),
    (sample("I cannot say."), 0.0, Reason.NO_ANSWER),
    (sample(GOLD, None), None, Reason.REFERENCE_MISSING),
    (sample(GOLD, "42"), None, Reason.REFERENCE_UNUSABLE),
    (sample(GOLD, "SELECT name FROM dogs"), None, Reason.REFERENCE_UNUSABLE),
    (sample("SELECT name FROM cats WHERE 0", "SELECT name FROM cats WHERE age = 9"), None, Reason.REFERENCE_UNUSABLE),
    (sample(GOLD, data={}), None, Reason.REFERENCE_UNUSABLE),
    (sample(GOLD, schema="", data=None), None, Reason.TESTS_MISSING),
    (sample(GOLD, schema=f"{SCHEMA}; INSERT INTO cats VALUES ('Tom', 3, 1)", data=None), 1.0, Reason.CORRECT),
    (sample(GOLD, data=["INSERT INTO cats VALUES ('Tom', 3, 1)"]), 1.0, Reason.CORRECT),
    (sample(GOLD, data="INSERT INTO cats VALUES ('Tom', 3, 1)"), 1.0, Reason.CORRECT),
    (sample(GOLD, data=json.dumps({"cats": [{"name": "O'Hara", "age": 3}]})), 1.0, Reason.CORRECT),
]


def test_queries_are_judged_by_what_they_return() -> None:
    start = time.monotonic()
    verdicts = judge([case[0] for case in CASES], steps=2_000_000)
    for (asked, score, reason), verdict in zip(CASES, verdicts, strict=True):
        assert (verdict.score, verdict.reason) == (score, reason), (asked.response, verdict)
        assert verdict.correct is (None if score is None else bool(score))
    assert time.monotonic() - start < 60


def test_a_query_must_be_right_on_every_database() -> None:
    several = [{"cats": CATS}, {"data": {"cats": [["Zoe", 3, 1], ["Max", 2, 1]]}}]
    right, lucky = judge([sample(text, databases=several) for text in (GOLD, "SELECT name FROM cats WHERE age > 1")])
    assert (right.score, lucky.score) == (1.0, 0.0)


def test_duplicates_count_unless_told_otherwise() -> None:
    twice = sample("SELECT age FROM cats", "SELECT DISTINCT age FROM cats")
    assert [judge([twice], duplicates=counted)[0].score for counted in (True, False)] == [0.0, 1.0]


def test_columns_may_come_in_another_order_if_so_chosen() -> None:
    rows = [
        sample("SELECT age, name FROM cats", "SELECT name, age FROM cats"),
        sample("SELECT name, age FROM cats", "SELECT name, age FROM cats"),
        sample("SELECT age, weight FROM cats", "SELECT name, age FROM cats"),
        sample("SELECT age, name FROM cats ORDER BY name", "SELECT name, age FROM cats ORDER BY name DESC"),
    ]
    assert [verdict.score for verdict in judge(rows, columns="any")] == [1.0, 1.0, 0.0, 0.0]
    assert [verdict.score for verdict in judge(rows)] == [0.0, 1.0, 0.0, 0.0]


def test_database_files_by_their_name(tmp_path: Path) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    with sqlite3.connect(folder / "cats.sqlite") as file:
        file.execute(SCHEMA)
        file.executemany("INSERT INTO cats VALUES (?, ?, ?)", CATS)
    file.close()
    rows = [
        Sample(response=text, reference=GOLD, kind="sql", meta={"db_id": "cats"})
        for text in (GOLD, "SELECT name FROM cats")
    ]
    rows.append(Sample(response=GOLD, reference=GOLD, kind="sql", meta={"db_id": "../cats"}))
    rows.append(Sample(response=GOLD, reference=GOLD, kind="sql", meta={"db_id": "dogs"}))
    found = [(verdict.score, verdict.reason) for verdict in judge(rows, databases=str(tmp_path))]
    assert found == [
        (1.0, Reason.CORRECT),
        (0.0, Reason.WRONG),
        (None, Reason.TESTS_MISSING),
        (None, Reason.TESTS_MISSING),
    ]


def test_options_are_checked() -> None:
    for options in ({"steps": 0}, {"order": "some"}, {"time_s": -1.0}):
        with pytest.raises(ConfigError):
            SqlVerifier(**options)
