"""A Grading: one grader per process, errors kept apart, and the circuit breaker."""

from __future__ import annotations

import os
import pickle
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from r1_reward.adapters import trl, verl
from r1_reward.adapters.grading import Grading
from r1_reward.verifiers import (
    ConfigError,
    InstrumentDown,
    NotScoredError,
    Reason,
    RewardError,
    Sample,
    SampleError,
    Status,
    Verdict,
)
from r1_reward.verifiers.spec import RewardSpec

GOOD = Sample(response=r"\boxed{4}", reference="4")
WRONG = Sample(response=r"\boxed{5}", reference="4")
UNJUDGED = Sample(response=r"\boxed{4}", kind="math")
NOT_MINE = Sample(response="hello", kind="general")
MATH = RewardSpec(rewards=("math",))


@dataclass(frozen=True)
class Raises:
    """A verifier that raises on responses that say so."""

    name: str = "raises"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        if any(sample.response == "boom" for sample in samples):
            raise RuntimeError("no luck")
        return [Verdict.scored(1.0, Reason.CORRECT) for _ in samples]


RAISES = RewardSpec(rewards=("raises",), factories={"raises": Raises})


def grading(**fields: object) -> Grading:
    return Grading(**{"spec": MATH, **fields})  # type: ignore[arg-type]  # the fields under test


def test_three_outcomes_are_three_numbers() -> None:
    made = grading()
    verdicts = made.grader().judge([GOOD, WRONG, UNJUDGED, NOT_MINE])
    assert [made.number(verdict) for verdict in verdicts] == [1.0, 0.0, None, None]
    assert [verdict.status for verdict in verdicts] == [Status.SCORED, Status.SCORED, Status.ERROR, Status.SKIPPED]
    assert grading(on_error="zero").number(verdicts[2]) == 0.0
    assert grading(on_error="zero").number(verdicts[3]) is None  # what does not apply is no error
    with pytest.raises(NotScoredError, match="reference_missing"):
        grading(on_error="raise").number(verdicts[2])
    assert grading(on_error="raise").number(verdicts[3]) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"on_error": "nan"},
        {"on_error": None},
        {"breaker": 1.0},
        {"breaker": -0.1},
        {"breaker": True},
        {"breaker": "half"},
        {"window": 0},
        {"window": 1.5},
        {"window": True},
    ],
)
def test_options_that_cannot_be_are_told_at_once(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        grading(**fields)


def test_breaker_opens_once_more_than_its_share_of_the_window_failed() -> None:
    grader = grading(window=10).grader()
    for _ in range(5):
        assert grader.judge([UNJUDGED])[0].status is Status.ERROR
    with pytest.raises(InstrumentDown, match=r"6 of the last 6 .*reference_missing 6.*50%.*10"):
        grader.judge([UNJUDGED])
    assert issubclass(InstrumentDown, RewardError)


def test_breaker_forgets_what_left_the_window_and_stays_shut_below_its_share() -> None:
    grader = grading(window=10, breaker=0.2).grader()
    for _ in range(40):  # one in five, the whole time
        grader.judge([GOOD, GOOD, WRONG, GOOD, UNJUDGED])
    with pytest.raises(InstrumentDown, match="3 of the last 10"):
        grader.judge([UNJUDGED])
    grader.judge([GOOD] * 10)
    grader.judge([UNJUDGED, UNJUDGED])


def test_what_does_not_apply_neither_opens_nor_shuts_the_breaker() -> None:
    grader = grading(window=4).grader()
    grader.judge([NOT_MINE] * 100)
    grader.judge([UNJUDGED, NOT_MINE, UNJUDGED])
    with pytest.raises(InstrumentDown):
        grader.judge([NOT_MINE] * 50 + [UNJUDGED])


RESPONSE = r"\boxed{4}"
COLUMNS = r"columns that came: solution_text, topic; looked for: reference in reference or answer"


def test_a_reward_that_applies_to_no_row_is_told_and_raises(caplog: pytest.LogCaptureFixture) -> None:
    """300 rows of mathematics judged by `code` were 300 times 0.0, and nothing was said."""

    def judge() -> dict[str, float]:
        return verl.compute_score("math", RESPONSE, "4", {"topic": "sums"}, rewards="code")

    assert [judge()["valid"] for _ in range(255)] == [0.0] * 255
    with pytest.raises(InstrumentDown, match=r"code scored none of its first 256 samples.*breaker=None"):
        judge()
    assert "code scored none of its first 1 samples" in caplog.text
    assert "columns that came: data_source, reference, topic; looked for: reference" in caplog.text


def test_missing_columns_are_named_with_the_first_batch(caplog: pytest.LogCaptureFixture) -> None:
    math = trl.reward("math", window=8)
    columns: dict[str, Any] = {"solution_text": ["4"] * 4, "topic": ["sums"] * 4}
    assert math(prompts=["2 + 2?"] * 4, completions=[RESPONSE] * 4, **columns) == [None] * 4
    assert re.search(COLUMNS, caplog.text)
    with pytest.raises(InstrumentDown, match=COLUMNS):
        math(prompts=["2 + 2?"] * 4, completions=[RESPONSE] * 4, **columns)


def test_a_reward_that_applied_once_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    math = trl.reward("math", window=8)
    value: dict[str, Any] = {"prompts": ["2 + 2?"], "completions": [RESPONSE]}
    assert math(**value, answer=["4"]) == [1.0]
    for _ in range(30):
        assert math(**value, kind=["general"]) == [None]
    assert caplog.text.count("scored none of its last 8 samples") == 1
    silent = trl.reward("code", window=8, breaker=None)
    for _ in range(30):
        assert silent(**value, answer=["4"]) == [None]


def test_good_verdicts_pass_through_an_open_breaker() -> None:
    grader = grading(window=4, breaker=0.3).grader()
    with pytest.raises(InstrumentDown):
        grader.judge([UNJUDGED] * 4)
    assert grader.judge([GOOD])[0].score == 1.0
    with pytest.raises(InstrumentDown):
        grader.judge([GOOD, UNJUDGED])


def test_no_breaker_lets_everything_pass() -> None:
    assert len(grading(breaker=None, window=1).grader().judge([UNJUDGED] * 1000)) == 1000


def test_wrong_answers_never_open_the_breaker() -> None:
    grading(window=8, breaker=0.0).grader().judge([WRONG] * 100)


def test_row_that_could_not_be_read_is_an_error_in_its_place_and_counts() -> None:
    grader = grading(window=4).grader()
    unread = SampleError("wrong_type", "reference must be a string")
    first, second, third = grader.judge_full([GOOD, unread, WRONG])
    assert (first.total.score, second.total.status, third.total.score) == (1.0, Status.ERROR, 0.0)
    assert second.total.detail == "the row cannot be read: reference must be a string"
    with pytest.raises(InstrumentDown, match="reference must be a string"):
        grader.judge([unread, unread])


def test_verifier_that_raises_costs_its_samples_only() -> None:
    made = grading(spec=RAISES)
    verdicts = made.grader().judge([Sample(response="a"), Sample(response="boom"), Sample(response="b")])
    assert [verdict.score for verdict in verdicts] == [1.0, None, 1.0]
    assert "RuntimeError: no luck" in verdicts[1].detail


def test_equal_gradings_share_one_grader_also_when_unpickled_for_every_call() -> None:
    made = grading(window=123)
    again = [pickle.loads(pickle.dumps(made)) for _ in range(3)]
    assert {id(one.grader()) for one in [made, *again]} == {id(made.grader())}
    assert grading(window=124).grader() is not made.grader()
    # strings that are equal but not the same object must not make a difference
    parts = "ma", "th"
    assert grading(window=123, spec=RewardSpec(rewards=("".join(parts),))).grader() is made.grader()


def test_what_cannot_be_pickled_still_grades_here() -> None:
    made = grading(spec=RewardSpec(rewards=("raises",), factories={"raises": lambda: Raises()}))
    assert made.grader() is made.grader()
    assert made.grader().judge([Sample(response="a")])[0].score == 1.0


def test_threads_share_one_grader_and_count_every_verdict() -> None:
    made = grading(window=1000, breaker=0.9)
    barrier = threading.Barrier(8)

    def work(_: int) -> int:
        barrier.wait(timeout=30)
        for _ in range(25):
            made.grader().judge([UNJUDGED, GOOD])
        return id(made.grader())

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(work, range(8)))) == 1
    with pytest.raises(InstrumentDown, match="1000 of the last 1000"):
        made.grader().judge([UNJUDGED] * 1000)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_starts_clean_though_a_lock_was_held() -> None:
    from r1_reward.adapters import grading as module

    made = grading(window=4)
    made.grader().judge([UNJUDGED, UNJUDGED])
    reading, writing = os.pipe()
    with module._lock:  # as if another thread were making a grader
        child = os.fork()
        if child == 0:
            try:
                # two more would open the parent's breaker; the child has seen none
                verdicts = made.grader().judge([UNJUDGED, UNJUDGED, GOOD])
                os.write(writing, str(verdicts[2].score).encode())
            finally:
                os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"1.0"
    os.waitpid(child, 0)
