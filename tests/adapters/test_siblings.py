"""Reward functions that a trainer calls one by one: a row that one could not judge is None in all of them."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from r1_reward.adapters import siblings, swift, trl
from r1_reward.adapters.plan import Plan

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"
WRONG = r"<think>2 + 2</think><answer>\boxed{5}</answer>"
BATCH: dict[str, Any] = {
    "prompts": ["2 + 2?"] * 4,
    "completions": [RIGHT, RIGHT, WRONG, RIGHT],
    "answer": ["4", None, "4", "N/A"],
    "language": ["en"] * 4,
}
LEFT_OUT = [False, True, False, True]


def nones(numbers: list[float | None]) -> list[bool]:
    return [number is None for number in numbers]


@pytest.mark.parametrize("order", list(itertools.permutations(("math", "format", "language"))))
def test_in_any_order_from_the_first_batch(order: tuple[str, ...]) -> None:
    functions = [trl.reward(name) for name in order]
    for _ in range(3):
        assert [nones(function(**BATCH)) for function in functions] == [LEFT_OUT] * 3


def test_what_one_function_could_judge_it_says_as_before() -> None:
    functions = {name: trl.reward(name) for name in ("format", "math")}
    by_name = {name: function(**BATCH) for name, function in functions.items()}
    assert by_name == {"format": [1.0, None, 1.0, None], "math": [1.0, None, 0.0, None]}


def test_copies_of_a_batch_are_the_same_batch() -> None:
    first, second = trl.reward("format"), trl.reward("math")
    assert nones(first(**BATCH)) == LEFT_OUT
    copied: dict[str, Any] = {key: list(value) for key, value in BATCH.items()}
    assert nones(second(**copied)) == LEFT_OUT


def test_a_function_that_is_called_with_other_batches_is_no_sibling() -> None:
    other = trl.reward("math")
    assert other(prompts=["1 + 1?"], completions=[RIGHT], answer=["4"]) == [1.0]
    alone = trl.reward("format")
    assert alone(**BATCH) == [1.0] * 4


def test_a_function_that_is_never_called_counts_for_a_few_batches_at_most() -> None:
    never = trl.reward("math")
    alone = trl.reward("format")
    batches = [{**BATCH, "prompts": [f"{number} + 2?"] * 4} for number in range(3 * siblings.KEPT)]
    results = [alone(**batch) for batch in batches]
    assert results[-1] == [1.0] * 4
    assert never.plan.name == "math"


def test_a_function_that_cannot_judge_the_data_at_all_is_no_sibling() -> None:
    other = trl.reward("math", columns={"reference": "gold"})
    unread = trl.reward("puzzle")
    assert trl.reward("format")(**BATCH) == [1.0] * 4
    assert other.plan.name != unread.plan.name


def test_functions_that_say_themselves_what_stands_for_such_a_row_are_none() -> None:
    zero = trl.reward("math", on_error="zero")
    form = trl.reward("format")
    assert zero(**BATCH) == [1.0, 0.0, 0.0, 0.0]
    assert form(**BATCH) == [1.0] * 4


def test_skipped_is_not_withheld() -> None:
    """A reward that does not apply to a row leaves it to the others."""
    batch = {**BATCH, "answer": ["4"] * 4, "kind": ["general", "math", "math", "math"]}
    functions = [trl.reward("format"), trl.reward("math")]
    form, math = (function(**batch) for function in functions)
    assert (form[0], math[0]) == (1.0, None)


@pytest.mark.parametrize("order", [("math", "format"), ("format", "math")])
def test_after_pickling_as_a_spawned_process_has_them(order: tuple[str, ...]) -> None:
    written = [pickle.dumps(trl.reward(name)) for name in order]
    siblings._start_clean()
    functions = [pickle.loads(text) for text in written]
    assert [nones(function(**BATCH)) for function in functions] == [LEFT_OUT] * 2


def test_from_many_threads_at_once() -> None:
    functions = [trl.reward(name) for name in ("format", "math", "language")]
    assert [nones(function(**BATCH)) for function in functions] == [LEFT_OUT] * 3  # the first batch, one by one
    barrier = threading.Barrier(6)

    def call(function: Any, number: int) -> list[bool]:
        barrier.wait()
        return nones(function(**{**BATCH, "prompts": [f"{number} + 2?"] * 4}))

    with ThreadPoolExecutor(6) as threads:
        for number in range(0, 40, 2):
            made = [threads.submit(call, f, n) for n in (number, number + 1) for f in functions]
            assert [future.result(timeout=60) for future in made] == [LEFT_OUT] * 6
    assert len(siblings._known.batches) <= siblings.KEPT


def test_coroutines_beside_plain_functions() -> None:
    sync, coroutine = trl.reward("format"), trl.async_reward("math")
    assert nones(sync(**BATCH)) == LEFT_OUT
    assert nones(asyncio.run(coroutine(**BATCH))) == LEFT_OUT


def test_a_batch_is_judged_once_by_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    find = Plan.find

    def counted(plan: Plan, turns: Any, step: int | None = None) -> Any:
        calls.append(plan.name)
        return find(plan, turns, step)

    monkeypatch.setattr(Plan, "find", counted)
    functions = [trl.reward(name) for name in ("format", "math", "language")]
    for function in functions:
        function(**BATCH)
    assert sorted(calls) == ["format", "language", "math"]


def test_the_log_says_why_a_number_is_withheld() -> None:
    math, form = trl.reward("math"), trl.reward("format")
    logged: dict[str, list[Any]] = {}
    metrics: dict[str, float] = {}
    form(**BATCH, log_extra=logged.__setitem__, log_metric=metrics.__setitem__)
    assert logged["format/reason"] == ["correct", "reference_missing", "correct", "reference_unusable"]
    assert (metrics["format/valid"], metrics["format/error"]) == (0.5, 0.5)
    assert math.plan.name == "math"


def test_swift_has_siblings_too() -> None:
    functions = [swift.orm("format")(), swift.orm("math")()]
    columns = {"messages": [[{"role": "user", "content": "2 + 2?"}]] * 4, "solution": BATCH["answer"]}
    assert [nones(function(BATCH["completions"], **columns)) for function in functions] == [LEFT_OUT] * 2
