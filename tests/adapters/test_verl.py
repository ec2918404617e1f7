"""verl's call shapes: `experimental/reward_loop/reward_manager/naive.py::run_single`, `trainer/ppo/reward.py::
_call_with_kwargs`, `workers/reward_manager/batch.py::verify`, `prime.py::single_compute_score` and
`trainer/main_eval.py::process_item` (0.9.1)."""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from r1_reward.adapters.verl import compute_float, compute_score, compute_scores
from r1_reward.verifiers import ConfigError, InstrumentDown, NotScoredError

RIGHT, WRONG = r"<think>2 + 2</think><answer>\boxed{4}</answer>", r"\boxed{5}"


def call_with_kwargs(function: Any, extra: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    """`trainer/ppo/reward.py::_call_with_kwargs` (0.9.1): what the configuration says wins."""
    return function(*args, **{**kwargs, **extra})


def run_single(function: Any, solution: str, truth: Any, extra_info: dict[str, Any], **more: Any) -> dict[str, Any]:
    """`naive.py::run_single` (0.9.1): extra_info is changed, the function runs in the loop's threads."""
    extra_info["num_turns"] = None
    extra_info["rollout_reward_scores"] = {}

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            None,
            lambda: function(
                data_source="gsm8k", solution_str=solution, ground_truth=truth, extra_info=extra_info, **more
            ),
        )

    result = asyncio.run(run())
    return {"reward_score": result["score"], "reward_extra_info": dict(result)}


def configured(**kwargs: Any) -> Any:
    return functools.partial(call_with_kwargs, compute_score, kwargs)


def test_keys_are_the_same_for_every_sample_and_all_numbers() -> None:
    function = configured(rewards=["math", "format", "language"])
    results = [
        run_single(function, RIGHT, "4", {"language": "en"}),
        run_single(function, WRONG, ["4", "5"], {"kind": "math"}),
        run_single(function, RIGHT, None, {"kind": "math"}),  # cannot be judged
        run_single(function, RIGHT, "4", {"kind": "general"}),  # math does not apply
        run_single(function, "", "4", {}),
        run_single(function, RIGHT, "4", {"tests": "[no tests"}),  # cannot be read
    ]
    keys = list(results[0]["reward_extra_info"])
    assert keys == ["score", "acc", "valid", "error", "math_reward", "format_reward", "language_reward"]
    for one in results:
        assert list(one["reward_extra_info"]) == keys
        assert all(type(value) is float for value in one["reward_extra_info"].values())
        json.dumps(one, allow_nan=False)
    assert [one["reward_extra_info"]["valid"] for one in results] == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    assert [one["reward_extra_info"]["error"] for one in results] == [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]


def test_auto_is_the_default_and_keeps_its_keys() -> None:
    right, wrong = compute_score("x", RIGHT, "4"), compute_score("x", "B", "A", {"kind": "choice"})
    assert right == {"score": 1.0, "acc": 1.0, "valid": 1.0, "error": 0.0}
    assert list(wrong) == list(right)
    assert wrong["score"] == 0.0


def test_positional_calls_and_the_float_twin() -> None:
    assert compute_score("gsm8k", RIGHT, "4")["score"] == 1.0
    scores = [compute_float("gsm8k", text, "4") for text in (RIGHT, WRONG)]  # main_eval.py::process_item
    assert scores == [1.0, 0.0]
    assert compute_float("gsm8k", RIGHT, "4", None) == 1.0  # prime.py::single_compute_score
    assert type(compute_float("gsm8k", RIGHT, None, {"kind": "math"})) is float


def test_prime_pickles_the_partial_into_processes() -> None:
    function = functools.partial(call_with_kwargs, compute_float, {"rewards": ["math"]})
    assert pickle.loads(pickle.dumps(functools.partial(compute_float, rewards="math")))("s", RIGHT, "4") == 1.0
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        call = functools.partial(function.func.__globals__["compute_float"], "task", RIGHT, "4", None, rewards="math")
        assert pool.submit(call).result(120) == 1.0


def test_batch_form_is_the_single_one_in_a_row() -> None:
    rows = [("s", RIGHT, "4", {"index": 0}), ("s", WRONG, "4", None), ("s", RIGHT, None, {"kind": "math"})]
    sources, solutions, truths, extras = map(list, zip(*rows, strict=True))
    result = compute_scores(
        data_sources=sources,
        solution_strs=solutions,
        ground_truths=truths,
        extra_infos=extras,
        rewards="math,format",
    )
    assert result == [compute_score(*row, rewards=["math", "format"]) for row in rows]
    with pytest.raises(ValueError, match="argument 2"):
        compute_scores(["s"], [RIGHT, WRONG], ["4", "4"])


def test_extra_info_is_neither_kept_nor_changed() -> None:
    extra = {"answer": "long text #### 5", "tools_kwargs": {"a": [1]}, "index": 3}
    before = json.dumps(extra)
    assert compute_score("x", RIGHT, "4", extra)["score"] == 1.0  # the ground truth, not the dataset's answer
    assert json.dumps(extra) == before


def test_only_what_verl_can_do_with_an_error_is_taken() -> None:
    with pytest.raises(ConfigError, match=r"verl cannot do on_error='none'; it can do 'zero', 'raise'"):
        compute_score("x", RIGHT, "4", on_error="none")
    with pytest.raises(NotScoredError):
        compute_score("x", RIGHT, None, {"kind": "math"}, on_error="raise")
    with pytest.raises(ConfigError, match="verl has no option 'reward'; its options: preset"):
        compute_score("x", RIGHT, "4", reward="math")  # type: ignore[call-arg]  # what is tested
    with pytest.raises(ConfigError, match="None is no name of a reward"):
        compute_score("x", RIGHT, "4", rewards=None)  # type: ignore[arg-type]  # `rewards:` with nothing after it
    with pytest.raises(ConfigError, match="such as can be pickled"):
        compute_score("x", RIGHT, "4", rewards="mine", factories={"mine": lambda: print})  # type: ignore[dict-item,return-value]
    router = {"reward_router_address": "127.0.0.1:1", "reward_model_tokenizer": object()}
    assert compute_score("x", RIGHT, "4", **router)["score"] == 1.0  # type: ignore[arg-type]


def test_breaker_counts_over_calls_of_one() -> None:
    def judge() -> dict[str, float]:
        return compute_score("x", RIGHT, None, {"kind": "math"}, rewards="math", window=10)

    assert [judge()["valid"] for _ in range(5)] == [0.0] * 5
    with pytest.raises(InstrumentDown, match="6 of the last 6"):
        judge()


def test_thinking_opened_by_the_template() -> None:
    text = r"2 + 2</think><answer>\boxed{4}</answer>"
    assert compute_score("x", text, "4", rewards="format")["score"] == 0.0
    assert compute_score("x", text, "4", rewards="format", prefilled=True)["score"] == 1.0
    shown: dict[str, Any] = {
        "prompt": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<think>\n"}]
    }
    assert compute_score("x", text, "4", shown, rewards="format")["score"] == 1.0


def test_ground_truth_that_is_a_row() -> None:
    """countdown and the like keep a struct there; code data sets keep tests."""
    puzzle = compute_score(
        "x", "<answer>(3 + 5) * 3</answer>", {"target": 24, "numbers": [3, 5, 3]}, {"kind": "puzzle"}
    )
    assert puzzle["score"] == 1.0
    tests = compute_score("x", "code", '{"tests": [{"type": "assert", "code": "f()"}]}', rewards="math")
    assert (tests["valid"], tests["error"]) == (0.0, 0.0)  # its kind is code, and math does not apply
