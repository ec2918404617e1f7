"""Sample, Verdict and their fellows: what they refuse, and that they survive pickle, copy and JSON."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.sandbox import Limits
from r1_reward.verifiers import (
    MathVerifier,
    Message,
    NotScoredError,
    Reason,
    Sample,
    SampleError,
    Status,
    TestCase,
    Verdict,
)
from r1_reward.verifiers.verdict import REASONS_OF

FULL = Sample(
    response="<think>a</think> b",
    prompt=[Message(role="user", content="why?")],
    reference=["4", "four"],
    tests=[TestCase(type="stdin", input="1", output="2"), TestCase(type="assert", code="assert f(1) == 2")],
    limits=Limits(time_s=2, memory_mb=64),
    kind="code",
    language="en",
    problem="p1",
    id="7",
    meta={"source": "somewhere", "n": [1, None]},
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("value", [FULL, Sample(response=""), Message(role="user", content=""), Limits()])
def test_values_survive_pickle_and_copy(value: object) -> None:
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert again == value


@pytest.mark.parametrize("cls", [Sample, Message, TestCase, Verdict, Limits])
def test_values_are_frozen_and_slotted(cls: type) -> None:
    assert "__slots__" in vars(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]  # every dataclass has it
    assert all(f.kw_only for f in dataclasses.fields(cls))


def test_sample_survives_json() -> None:
    again = Sample.from_dict(json.loads(json.dumps(FULL.to_dict())))
    assert again == FULL


@given(
    st.builds(
        Sample,
        response=st.text(),
        prompt=st.text(max_size=20),
        reference=st.none() | st.text(max_size=10) | st.lists(st.text(max_size=5), max_size=3),
        kind=st.sampled_from([None, "math", "code"]),
        id=st.none() | st.text(max_size=5),
        meta=st.dictionaries(st.sampled_from(["x", "score", "label"]), json_values, max_size=2),
    )
)
def test_any_sample_survives_json(sample: Sample) -> None:
    assert Sample.from_dict(json.loads(json.dumps(sample.to_dict()))) == sample


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        ({}, "missing_field", "'response'"),
        ({"response": None}, "missing_field", "'response'"),
        ({"response": 4}, "wrong_type", "response must be a string, got int"),
        ({"response": "x", "kind": "short answer"}, "wrong_type", "short answer"),
        ({"response": "x", "reference": {"a": 1}}, "wrong_type", "reference must be a string or a number, got dict"),
        ({"response": "x", "reference": True}, "wrong_type", "reference"),
        ({"response": "x", "reference": float("inf")}, "wrong_type", "reference is a number too large"),
        ({"response": "x", "reference": [None]}, "wrong_type", "reference[]"),
        ({"response": "x", "prompt": 3}, "wrong_type", "prompt"),
        ({"response": "x", "prompt": ["a"]}, "wrong_type", "prompt"),
        ({"response": "x", "prompt": [{"role": 1, "content": "a"}]}, "wrong_type", "prompt[].role"),
        ({"response": "x", "tests": {}}, "tests_unknown_form", "tests must be a list"),
        ({"response": "x", "tests": ["assert f()"]}, "tests_unknown_form", "tests[0] has no `type`; r1_reward.rows"),
        ({"response": "x", "tests": [{"type": "magic"}]}, "wrong_type", "tests[0].type 'magic' is none of"),
        ({"response": "x", "tests": [{"type": "stdin", "input": ""}]}, "missing_field", "'output'"),
        ({"response": "x", "limits": {"time": 1}}, "wrong_type", "limits.time"),
        ({"response": "x", "limits": {"time_s": -1}}, "wrong_type", "limits.time_s"),
        ({"response": "x", "limits": {"time_s": float("nan")}}, "wrong_type", "limits.time_s"),
        ({"response": "x", "limits": {"memory_mb": 1e18}}, "wrong_type", "limits.memory_mb must be a positive number"),
        ({"response": "x", "limits": {"processes": 0.5}}, "wrong_type", "limits.processes must be a whole number"),
        ({"response": "x", "language": 1}, "wrong_type", "language"),
    ],
)
def test_bad_row_is_told_by_field(row: dict[str, Any], reason: str, message: str) -> None:
    with pytest.raises(SampleError) as caught:
        Sample.from_dict(row)
    assert caught.value.reason == reason
    assert message in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_programmers_mistake_is_told_at_once() -> None:
    with pytest.raises(SampleError, match=r"reference must be a string .* got int; Sample.from_dict takes numbers"):
        Sample(response="4", reference=4)  # type: ignore[arg-type]
    with pytest.raises(SampleError, match=r"Sample.from_dict makes them from rows"):
        Sample(response="4", tests=[{"input": "2"}])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="response must be a string, got null"):
        Sample(response=None)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"prompt": [{"role": "user", "content": "2 + 2?"}]}, "prompt must be .* list of Message, got a list of dict"),
        ({"prompt": {"role": "user", "content": "2 + 2?"}}, "prompt must be .* got dict"),
        ({"prompt": Message(role="user", content="")}, "prompt must be .* got Message"),
        ({"prompt": None}, "prompt must be .* got null"),
        ({"reference": [4]}, "reference must be .* got a list of int"),
        ({"reference": [None, "4"]}, "reference must be .* got a list of null, str"),
        ({"tests": "assert f(1) == 2"}, "tests must be a list of TestCase, got str"),
        ({"tests": ["assert f(1) == 2"]}, "tests must be a list of TestCase, got a list of str"),
        ({"tests": TestCase(type="assert", code="")}, "tests must be .* got TestCase"),
        ({"tests": {"inputs": ["1"], "outputs": ["1"]}}, "tests must be .* got dict"),
        ({"kind": "short answer"}, "kind 'short answer' is no kind; a kind is a word such as 'math'"),
        ({"kind": ["math"]}, "kind .* is no kind"),
        ({"limits": {"time_s": 1}}, "limits must be Limits, got dict"),
        ({"language": 4}, "language must be a string, got int"),
        ({"meta": None}, "meta must be a mapping, got null"),
    ],
)
def test_a_field_of_the_wrong_type_is_told_by_name(value: dict[str, Any], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        Sample(**{"response": "4", **value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "asert", "code": ""}, "type 'asert' is none of function"),
        ({"type": "assert"}, "type 'assert' needs 'code'"),
        ({"type": "stdin", "input": ""}, "type 'stdin' needs 'output'"),
        ({"type": "stdin", "input": 1, "output": 2}, "input must be a string, got int"),
        ({"type": "function", "entry": "f", "args": (1,), "expected": "1"}, "args must be a string, got tuple"),
    ],
)
def test_a_test_case_that_could_not_be_run_is_told_at_once(value: dict[str, Any], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        TestCase(**value)


def test_a_message_holds_text() -> None:
    with pytest.raises(SampleError, match="content must be a string, got list"):
        Message(role="user", content=[{"type": "text", "text": "2 + 2?"}])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Limits)])
def test_limits_are_numbers_that_bound_something(name: str) -> None:
    for bound in (0, -1, float("nan"), float("inf"), 1e18, "5", True):
        with pytest.raises(ValueError, match=f"{name} must be a positive number"):
            Limits(**{name: bound})  # type: ignore[arg-type]  # what is tested


def test_whole_limits_from_tables_with_gaps_are_whole() -> None:
    limits = Sample.from_dict({"response": "x", "limits": {"processes": 8.0, "output_bytes": 1024.0}}).limits
    assert limits is not None
    assert (repr(limits.processes), repr(limits.output_bytes)) == ("8", "1024")


def test_messages_of_trainers_are_read() -> None:
    row = {
        "response": "x",
        "prompt": [
            {"role": "system", "content": None},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]},
        ],
    }
    assert Sample.from_dict(row).prompt_text == "\na"


def test_numbers_are_taken_where_data_sets_hold_them() -> None:
    sample = Sample.from_dict({"response": "x", "reference": [4, 0.5], "id": 3, "problem": 9})
    assert (sample.reference, sample.id, sample.problem) == (["4", "0.5"], "3", "9")


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (Sample(response="", kind="puzzle", reference="4"), "puzzle"),
        (Sample(response="", reference="4", tests=[TestCase(type="assert", code="")]), "code"),
        (Sample(response="", reference="4"), "math"),
        (Sample(response=""), None),
    ],
)
def test_kind_is_guessed_from_tests_then_reference(sample: Sample, kind: str | None) -> None:
    assert sample.kind_or_guess == kind


def test_group_is_problem_then_prompt_then_id() -> None:
    assert Sample(response="", problem="p", prompt="q", id="i").group == "p"
    assert Sample(response="", prompt="q", id="i").group == "q"
    assert Sample(response="", id="i").group == "i"
    assert Sample(response="").group is None


VERDICTS = [
    Verdict.scored(0.5, Reason.PARTIAL, "half", answer="4", parts={"a": 1.0}, evidence={"rule": "x", "n": [1]}),
    Verdict.scored(-1, Reason.WRONG),
    Verdict.skipped("not mine"),
    Verdict.error(Reason.REFERENCE_UNPARSEABLE, "no"),
    Verdict.error(Reason.UNDECIDED),
]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdict_survives_pickle_copy_and_json(verdict: Verdict) -> None:
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert copy.deepcopy(verdict) == verdict
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


@pytest.mark.parametrize("verdict", VERDICTS)
def test_float_is_the_score_or_raises(verdict: Verdict) -> None:
    if verdict.status is Status.SCORED:
        assert float(verdict) == verdict.score
    else:
        with pytest.raises(NotScoredError, match=verdict.reason):
            float(verdict)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf")])
def test_scores_are_finite(score: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Verdict.scored(score, Reason.MEASURED)


@pytest.mark.parametrize("score", [-1.0, 0.0, 1.0, 2.5, 1e300])
def test_scores_are_not_clamped(score: float) -> None:
    assert float(Verdict.scored(score, Reason.MEASURED)) == score


def test_words_and_numbers_of_other_kinds_become_those_of_the_lists() -> None:
    """What a verifier of one's own writes: words as text, numbers of numpy or of exact arithmetic."""
    status: Any = "scored"
    reason: Any = "measured"
    half: Any = Fraction(1, 2)
    verdict = Verdict(status=status, score=half, reason=reason, parts={"half": half})
    assert (verdict.status is Status.SCORED, verdict.reason is Reason.MEASURED) == (True, True)
    assert json.loads(json.dumps(verdict.to_dict()))["parts"] == {"half": 0.5}
    assert (type(verdict.score), Verdict.scored(1.0, reason).to_dict()["reason"]) == (float, "measured")
    with pytest.raises(ValueError, match="'fine' is not a valid Reason"):
        Verdict.scored(1.0, "fine")  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("reason", Reason)
def test_reason_and_score_belong_to_status(status: Status, reason: Reason) -> None:
    score = 0.0 if status is Status.SCORED else None
    if reason in REASONS_OF[status]:
        assert Verdict(status=status, score=score, reason=reason).reason is reason
        with pytest.raises(ValueError, match="cannot have the score"):
            Verdict(status=status, score=None if score == 0.0 else 0.0, reason=reason)
    else:
        with pytest.raises(ValueError, match="cannot have the reason"):
            Verdict(status=status, score=score, reason=reason)


def test_every_reason_has_a_status() -> None:
    assert frozenset(Reason) == frozenset().union(*REASONS_OF.values())


def test_instrument_faults_are_never_scored() -> None:
    instrument = {"reference_missing", "reference_unparseable", "reference_unusable", "tests_missing"}
    instrument |= {"sandbox_unavailable", "grader_crashed", "grader_timeout"}
    assert not instrument & {reason.value for reason in REASONS_OF[Status.SCORED]}


def test_fields_are_pinned() -> None:
    """What others build on: a change here is a change for every user."""
    assert [f.name for f in dataclasses.fields(Sample)] == [
        "response", "prompt", "reference", "tests", "limits", "kind", "language", "problem", "id", "meta",
    ]  # fmt: skip
    assert [f.name for f in dataclasses.fields(Verdict)] == [
        "status", "score", "reason", "answer", "parts", "evidence", "detail", "seconds", "correct",
    ]  # fmt: skip
    assert [f.name for f in dataclasses.fields(Limits)] == [
        "time_s", "wall_s", "memory_mb", "processes", "output_bytes", "disk_mb", "total_s",
    ]  # fmt: skip


GSM8K = "She sold 48/2 = <<48/2=24>>24 clips in May.\nThat makes 72.\n#### 72"


@pytest.mark.parametrize(
    ("reference", "kind", "read", "why"),
    [
        (GSM8K, None, "72", "GSM8K's answer holds the whole solution"),
        (GSM8K, "math", "72", ""),
        ("…\n#### 1,080 \n", None, "1,080", "a separator"),
        ("so 24 + 48. #### 72", None, "72", "lines that were joined"),
        ("first #### 5 then #### 72", None, "72", "the last mark counts"),
        ("#### B", "choice", "B", ""),
        ("#### heading\nthe text goes on", None, None, "no last line"),
        ("72 ####", None, None, "nothing follows"),
        ("####", None, None, ""),
        ("Title\n#### 4", "puzzle", None, "an output, which must be exact"),
        ("#### 4", "schema", None, ""),
        ("#### 4", "general", None, ""),
    ],
)
def test_the_final_answer_of_a_reference_with_its_solution_is_what_counts(
    reference: str, kind: Any, read: str | None, why: str
) -> None:
    for one in (reference, [reference, "x"]):
        sample = Sample(response="", reference=one, kind=kind)
        assert sample.references[0] == (reference if read is None else read), why
        assert sample.reference == one  # as it came, for whoever writes it back


def test_reading_a_hostile_reference_takes_linear_time() -> None:
    for text in ("#### " * 200_000, "#" * 1_000_000, "#### 4" + " " * 1_000_000, "####\n" * 200_000):
        begun = time.perf_counter()
        assert len(Sample(response="", reference=text).references) == 1
        assert time.perf_counter() - begun < 2


def test_a_solution_with_its_answer_verifies() -> None:
    right, wrong = MathVerifier()([Sample(response=rf"\boxed{{{n}}}", reference=GSM8K) for n in (72, 24)])
    assert (right.score, wrong.score) == (1.0, 0.0)
