"""JSON answers: reading, schemas, references."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import ConfigError, Reason, Sample, SchemaVerifier, Status
from r1_reward.verifiers.json_answer import JsonError, read_json, same_json

PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
}

CASES: list[tuple[str, float, Reason, str]] = [
    ('{"name": "Ann", "age": 3}', 1.0, Reason.CORRECT, "bare"),
    ('<think>{"name": 1}</think>{"age": 3, "name": "Ann"}', 1.0, Reason.CORRECT, "after the thinking, in any order"),
    ('<answer>{"name": "Ann", "age": 3}</answer>', 1.0, Reason.CORRECT, "in an answer block"),
    (
        'Here it is:\n```json\n{"name": "Ann", "age": 3}\n```\nDone.',
        1.0,
        Reason.CORRECT,
        "in a fence with prose around",
    ),
    ('{"name": "Ann", "age": 3.0}', 1.0, Reason.CORRECT, "3.0 is an integer to JSON Schema"),
    ('{"name": "Ann", "age": -1}', 0.0, Reason.WRONG, "out of bounds"),
    ('{"name": "Ann"}', 0.0, Reason.WRONG, "a field is missing"),
    ('{"name": "Ann", "age": 3, "x": 0}', 0.0, Reason.WRONG, "a field too many"),
    ('{"name": "Ann", "age": NaN}', 0.0, Reason.BAD_FORMAT, "NaN"),
    ('{"name": "Ann", "age": 1e999}', 0.0, Reason.BAD_FORMAT, "a number that is none"),
    ('{"name": "Ann", "age": -1, "age": 3}', 0.0, Reason.BAD_FORMAT, "a key twice"),
    ('{"name": "Ann", "age": 3} {"name": "Bob", "age": 4}', 0.0, Reason.BAD_FORMAT, "two values"),
    (
        '```json\n{"name": "A", "age": 3}\n```\n```json\n{"name": "B", "age": 4}\n```',
        0.0,
        Reason.BAD_FORMAT,
        "two fences",
    ),
    ("{'name': 'Ann', 'age': 3}", 0.0, Reason.BAD_FORMAT, "Python"),
    ("[" * 100_000 + "]" * 100_000, 0.0, Reason.BAD_FORMAT, "nested too deep"),
    ('{"a":' * 100_000, 0.0, Reason.BAD_FORMAT, "nested too deep and left open"),
    ("1" * 10_000, 0.0, Reason.BAD_FORMAT, "an integer too long to read"),
    ("\ud800", 0.0, Reason.BAD_FORMAT, "a lone surrogate"),
    ('"\\ud800"', 0.0, Reason.WRONG, "an escaped one"),
    ("", 0.0, Reason.NO_ANSWER, "nothing"),
    ("<think>", 0.0, Reason.NO_ANSWER, "cut off"),
]


@pytest.mark.parametrize(("response", "score", "reason", "why"), CASES, ids=[case[3] for case in CASES])
def test_the_schema_decides(response: str, score: float, reason: Reason, why: str) -> None:
    verdict = SchemaVerifier(schema=PERSON)([Sample(response=response, kind="schema")])[0]
    assert (verdict.score, verdict.reason) == (score, reason), (why, verdict.detail)


def test_a_reference_must_be_met_too() -> None:
    for response, score in (('{"age": 3, "name": "Ann"}', 1.0), ('{"age": 4, "name": "Ann"}', 0.0)):
        sample = Sample(response=response, reference='{"name": "Ann", "age": 3.0}')
        assert SchemaVerifier()([sample])[0].score == score
        assert SchemaVerifier(compare=False, schema=PERSON)([sample])[0].score == 1.0


def test_a_sample_brings_its_own_schema() -> None:
    for schema in ({"type": "array"}, '{"type": "array"}'):
        sample = Sample(response="[1]", meta={"schema": schema})
        assert SchemaVerifier(schema=PERSON)([sample])[0].score == 1.0


FAULTS: list[tuple[Any, str]] = [
    ({"type": "text"}, "no such type"),
    ("{", "no JSON"),
    ([], "no object"),
    ({"$ref": "https://example.org/schema.json"}, "it leads outside"),
    ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "and so does this"),
    ({"$ref": "#/$defs/nowhere"}, "it leads nowhere"),
    ({"$ref": "#"}, "it leads to itself"),
    ({"pattern": "("}, "no pattern"),
]


@pytest.mark.parametrize(("schema", "why"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_a_bad_schema_is_an_error_and_fetches_nothing(schema: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    verdict = SchemaVerifier()([Sample(response='{"a": "x"}', meta={"schema": schema})])[0]
    assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.REFERENCE_UNPARSEABLE), (why, verdict.detail)


@pytest.mark.slow
def test_a_pattern_that_explodes_is_killed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    start = time.monotonic()
    verdict = SchemaVerifier(schema=schema)([Sample(response=json.dumps({"a": "a" * 50 + "!"}))])[0]
    assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.GRADER_TIMEOUT)
    assert time.monotonic() - start < 60


def test_a_repeated_group_is_still_judged() -> None:
    schema = {"type": "string", "pattern": "^(ab)+$"}
    assert SchemaVerifier(schema=schema)([Sample(response='"abab"')])[0].score == 1.0


def test_without_schema_and_reference_there_is_nothing_to_judge() -> None:
    assert SchemaVerifier()([Sample(response="{}")])[0].reason is Reason.REFERENCE_MISSING
    broken = Sample(response="{}", reference="{")
    assert SchemaVerifier()([broken])[0].reason is Reason.REFERENCE_UNPARSEABLE


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_what_json_writes_is_read_back_the_same(value: Any) -> None:
    assert same_json(read_json(json.dumps(value)), value)
    assert same_json(value, value)


@given(VALUES, VALUES)
def test_equality_goes_both_ways(one: Any, other: Any) -> None:
    assert same_json(one, other) == same_json(other, one)


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \n\ud800', max_size=80))
def test_any_text_is_json_or_not(text: str) -> None:
    try:
        value = read_json(text)
    except JsonError:
        return
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize("options", [{"schema": {"type": 3}}, {"extraction": "loose"}, {"compare": "yes"},
                                     {"schema": {"$ref": "https://example.org/s.json"}}])  # fmt: skip
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError, match="schema"):
        SchemaVerifier(**options)
