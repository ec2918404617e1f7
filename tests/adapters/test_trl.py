"""TRL's call shapes. The fake trainers copy the shape of `trl/trainer/grpo_trainer.py::_calculate_rewards` (1.16.0; the
asynchronous half also as 1.15 tells coroutine functions) and `experimental/async_grpo/async_rollout_worker.py`."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import multiprocessing
import pickle
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from r1_reward.adapters.trl import async_reward, reward
from r1_reward.verifiers import ConfigError, InstrumentDown, NotScoredError, UnknownRewardError

RIGHT, WRONG = r"<think>2 + 2</think><answer>\boxed{4}</answer>", r"\boxed{5}"


def callable_name(function: Any) -> str:
    """`trl/trainer/utils.py::get_callable_name` (1.16.0)."""
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def awaits_1_16(function: Any) -> bool:
    """`trl/trainer/utils.py::is_async_callable` (1.16.0)."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__call__)


class FakeTrainer:
    """What GRPOTrainer and RLOOTrainer do with reward functions (1.16.0)."""

    def __init__(self, functions: list[Any], awaits: Callable[[Any], bool] = awaits_1_16) -> None:
        self.functions = functions
        self.awaits = awaits
        self.extra: dict[str, list[Any]] = defaultdict(list)
        self.metrics: dict[str, list[float]] = defaultdict(list)

    def log_extra(self, column: str, values: list[Any]) -> None:
        self.extra[column].extend(values)

    def log_metric(self, name: str, value: float) -> None:
        self.metrics[name].append(value)

    def rewards(self, prompts: list[Any], completions: list[Any], **columns: Any) -> dict[str, list[float]]:
        argument = dict(
            prompts=prompts,
            completions=completions,
            completion_ids=[[1, 2]] * len(completions),
            trainer_state=object(),
            log_extra=self.log_extra,
            log_metric=self.log_metric,
            **columns,
        )
        by_name = {}
        for function in self.functions:
            out = self.in_a_daemon_loop(function, argument) if self.awaits(function) else function(**argument)
            numbers = [math.nan if value is None else value for value in out]
            assert len(numbers) == len(prompts)
            by_name[callable_name(function)] = numbers
        return by_name

    @staticmethod
    def in_a_daemon_loop(function: Any, value: dict[str, Any]) -> list[float | None]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()

        async def gathered() -> list[list[float | None]]:
            return list(await asyncio.gather(function(**value)))

        try:
            return asyncio.run_coroutine_threadsafe(gathered(), loop).result(60)[0]
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


@pytest.mark.parametrize("awaits", [awaits_1_16, inspect.iscoroutinefunction], ids=["1.16", "1.15"])
@pytest.mark.parametrize("make", [reward, async_reward])
@pytest.mark.parametrize("messages", [False, True])
def test_text_and_messages_sync_and_async(make: Any, messages: bool, awaits: Any) -> None:
    completions: list[Any] = [RIGHT, WRONG, None, ""]
    prompts: list[Any] = ["2 + 2?"] * 4
    if messages:
        completions = [[{"role": "assistant", "content": text}] for text in completions]
        prompts = [[{"role": "user", "content": text}] for text in prompts]
    trainer = FakeTrainer([make("math"), make("format"), make("math", "format")], awaits)
    result = trainer.rewards(prompts, completions, answer=["4", 4, "4", "4"])
    assert result["math"] == [1.0, 0.0, 0.0, 0.0]
    assert result["format"] == [1.0, 0.0, 0.0, 0.0]
    assert result["math_format"] == [2.0, 0.0, 0.0, 0.0]


def test_coroutine_functions_are_told_by_every_way_of_asking() -> None:
    made = async_reward("math")
    assert inspect.iscoroutinefunction(made)
    assert asyncio.iscoroutinefunction(made) if hasattr(asyncio, "iscoroutinefunction") else True
    assert awaits_1_16(functools.partial(made))
    assert awaits_1_16(pickle.loads(pickle.dumps(made)))
    assert not awaits_1_16(reward("math"))
    assert not inspect.iscoroutinefunction(reward("math"))
    assert "completions" not in str(inspect.signature(reward("math")).return_annotation)


def test_what_does_not_apply_or_cannot_be_judged_is_none_and_never_nan() -> None:
    trainer = FakeTrainer([made := reward("math")])
    value: dict[str, Any] = {"answer": ["4", None, "4"], "kind": ["math", "math", "general"]}
    assert made(prompts=["p"] * 3, completions=[RIGHT] * 3, **value) == [1.0, None, None]
    numbers = trainer.rewards(["p"] * 3, [RIGHT] * 3, **value)["math"]
    assert [math.isnan(number) for number in numbers] == [False, True, True]  # TRL's own, for None
    assert trainer.extra["math/reason"] == ["correct", "reference_missing", "not_applicable"]
    assert trainer.metrics["math/valid"] == [pytest.approx(1 / 3)]
    assert trainer.metrics["math/error"] == [pytest.approx(1 / 3)]


def test_on_error_is_said_and_done() -> None:
    value: dict[str, Any] = {"completions": [RIGHT, RIGHT], "kind": ["math", "general"]}
    assert reward("math")(**value) == [None, None]
    assert reward("math", on_error="zero")(**value) == [0.0, None]
    with pytest.raises(NotScoredError, match="reference_missing"):
        reward("math", on_error="raise")(**value)


def test_logs_are_prefixed_and_complete_on_every_call() -> None:
    trainer = FakeTrainer([reward("math"), reward("format"), reward(preset="r1_zero")])
    for count in (3, 1):
        trainer.rewards(["p"] * count, [RIGHT] * count, answer=["4"] * count)
    assert set(trainer.extra) == {
        f"{name}/{what}" for name in ("math", "format", "r1_zero") for what in ("reason", "answer")
    }
    assert {len(values) for values in trainer.extra.values()} == {4}
    assert {len(values) for values in trainer.metrics.values()} == {2}
    before = set(trainer.metrics)
    trainer.rewards(["p"], [RIGHT], answer=[None], kind=["math"])  # an error: the same names all the same
    assert set(trainer.metrics) == before
    assert all(math.isfinite(value) for values in trainer.metrics.values() for value in values)
    assert {"r1_zero/math_reward", "r1_zero/format_reward", "r1_zero/valid"} <= before


def test_no_completions_are_no_rewards() -> None:
    trainer = FakeTrainer([reward("math")])
    assert trainer.rewards([], []) == {"math": []}
    assert trainer.metrics["math/valid"] == [0.0]


def test_without_logs_and_state_as_async_grpo_calls() -> None:
    """`async_rollout_worker.py::_score_group` (1.16.0): no trainer_state, log_extra, log_metric."""
    value = {"completions": [RIGHT], "prompts": ["p"], "completion_ids": [[1]], "answer": ["4"]}

    async def score_group() -> list[Any]:
        functions = pickle.loads(pickle.dumps([reward("math"), async_reward("format")]))
        return await asyncio.gather(
            *(f(**value) if awaits_1_16(f) else asyncio.to_thread(f, **value) for f in functions)
        )

    assert asyncio.run(score_group()) == [[1.0], [1.0]]


def test_names_are_unique_where_rewards_differ() -> None:
    made = [
        reward("math"),
        reward("format"),
        reward("math", "format"),
        reward("math", options={"math": {"extraction": "lenient"}}),
        reward("format", options={"format": {"mode": "graded"}}),
        reward("format", options={"format": {"profile": "r1_chat"}}),
        reward("language", options={"language": {"strict": True}}),
        reward("language", options={"language": {"min_words": 5}}),
        reward("language", options={"language": {"languages": ["en", "zh"]}}),
        reward("language", options={"language": {"languages": ["en", "de"]}}),
        reward("math", columns={"reference": "gold"}),
        reward("math", on_error="zero"),
        reward("format", prefilled=True),
        reward(preset="r1_zero"),
        reward(preset="rl1"),
        reward(),
        reward("math", name="mine"),
    ]
    names = [callable_name(function) for function in made]
    assert len(set(names)) == len(names), names
    assert names[:5] == ["math", "format", "math_format", "math_lenient", "format_graded"]
    assert [callable_name(pickle.loads(pickle.dumps(function))) for function in made] == names
    assert [callable_name(functools.partial(function)) for function in made] == names


def test_mistakes_are_told_when_the_reward_is_made() -> None:
    with pytest.raises(UnknownRewardError, match="maths"):
        reward("maths")
    with pytest.raises(ConfigError, match="extraction"):
        reward("math", options={"math": {"extraction": "loose"}})
    with pytest.raises(ConfigError, match="both name the reward"):
        reward("math", preset="r1_zero")
    with pytest.raises(ConfigError, match="no field 'refrence'"):
        reward("math", columns={"refrence": "answer"})
    with pytest.raises(ConfigError, match="on_error"):
        reward("math", on_error="nan")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ConfigError, match="prefilled"):
        reward("math", prefilled="yes")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"TRL has no option 'on_eror'; did you mean 'on_error'\?"):
        reward("math", on_eror="zero")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="no name of a reward"):
        reward(["math", "format"])  # type: ignore[arg-type]
    with pytest.raises(UnknownRewardError, match="r2"):
        reward(preset="r2")


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (["math"], {"options": None}, "options is None; it must be a mapping"),
        (["math"], {"options": {"math": "lenient"}}, "options of math are 'lenient'"),
        (["math"], {"columns": "gold"}, "columns is 'gold'; it must be a mapping"),
        (["math"], {"columns": {"reference": 3}}, "column of reference is 3"),
        (["math"], {"name": 3}, "name is 3; it must be text"),
        (["tests"], {"factories": None}, "factories is None; it must be a mapping"),
        ([], {"factories": {"tests": dict}}, "a factory for 'tests', which is not among the rewards: auto"),
        (["auto", "tests"], {"factories": {"tests": dict}}, "auto stands alone"),
        (["maths", "tests"], {"factories": {"tests": dict}}, "unknown reward 'maths'"),
        (["math", "tests"], {"factories": {"tests": dict}, "options": {"math": {"a": 1}}}, "math has no option 'a'"),
        ([], {"factories": {"tests": dict}, "preset": "r1_zero"}, "a factory for 'tests', which is not among"),
    ],
)
def test_mistakes_in_settings_are_told_when_the_reward_is_made(names: Any, settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reward(*names, **settings)


class Liked:
    """A reward model's stand-in, which likes everything."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, samples: Any) -> list[Any]:
        from r1_reward.verifiers import Reason, Verdict

        return [Verdict.scored(10.0, Reason.MEASURED) for _ in samples]


def test_a_preset_with_reward_models_of_ones_own_is_that_preset() -> None:
    models = {name: functools.partial(Liked, name) for name in ("helpful", "safety")}
    made = reward(preset="rl2", factories=models)
    text = "<think>The sky is blue because of the air.</think><answer>It is the air.</answer>"
    assert made(completions=[text], kind=["general"], language=["en"]) == [12.0]


def test_columns_of_wrong_lengths_are_told() -> None:
    made = reward("math")
    with pytest.raises(ValueError, match="completions is one text"):
        made(completions=RIGHT, answer=["4"] * len(RIGHT))
    with pytest.raises(ValueError, match="'answer' has 3 values for 2 completions"):
        made(completions=[RIGHT, WRONG], answer=["4", "4", "4"])
    with pytest.raises(ValueError, match="1 prompts for 2 completions"):
        made(completions=[RIGHT, WRONG], prompts=["p"], answer=["4", "4"])
    with pytest.raises(ConfigError, match=r"column 'gold'; the columns are answer"):
        reward("math", columns={"reference": "gold"})(completions=[RIGHT], answer=["4"])
    # what a later TRL may pass beside the columns is let be
    assert made(completions=[RIGHT], answer=["4"], future=object(), other=[1, 2, 3], word="text") == [1.0]


@pytest.mark.parametrize("opened", [True, False])
def test_thinking_that_the_template_opened(opened: bool) -> None:
    text = r"2 + 2</think><answer>\boxed{4}</answer>" if opened else RIGHT
    turns = [{"role": "user", "content": "2 + 2?"}]
    value: dict[str, Any] = {"prompts": [turns], "completions": [[{"role": "assistant", "content": text}]]}
    made = reward("format", prefilled=opened)
    assert made(**value) == [1.0]
    assert reward("format", prefilled=not opened)(**value) == [0.0]
    # a conversation whose last turn was begun for the model shows it by itself, and so does a text
    begun = [*turns, {"role": "assistant", "content": "<think>\n"}]
    assert reward("format")(prompts=[begun], completions=value["completions"]) == [1.0 if opened else 0.0]
    assert reward("format")(prompts=["2 + 2?<think>"], completions=[text]) == [1.0 if opened else 0.0]
    preset = reward(preset="r1_zero", prefilled=opened)
    assert preset(**value, answer=["4"]) == [2.0]


def test_dead_instrument_raises_into_the_trainer() -> None:
    made = reward("math", window=8)
    with pytest.raises(InstrumentDown, match="reference_missing"):
        made(completions=[RIGHT] * 8, kind=["math"] * 8)


def test_threads_event_loops_and_processes_give_the_same() -> None:
    made = reward("math", "format")
    value: dict[str, Any] = {"completions": [RIGHT, WRONG], "answer": ["4", "4"]}
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(lambda: made(**value)) for _ in range(16)]
        assert all(call.result(60) == [2.0, 0.0] for call in calls)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(made, **value).result(120) == [2.0, 0.0]
    with context.Pool(1) as daemons:  # workers of multiprocessing's own pool are daemonic
        assert daemons.apply(made, kwds=value) == [2.0, 0.0]


def test_code_rewards_need_nothing_here() -> None:
    """A verifier that judges by tests gets them from columns, whatever its name will be."""
    made = reward("tests", factories={"tests": Counts})
    tests = [[{"type": "assert", "code": "f()"}], [{"type": "assert", "code": "f()"}] * 2, []]
    value: dict[str, Any] = {"tests": tests, "limits": [{"time_s": 1}, None, None], "problem": ["p1", "p2", "p3"]}
    assert made(completions=["def f(): ..."] * 3, **value) == [1.0, 2.0, 0.0]


class Counts:
    """A verifier of one's own: the number of tests that reached it."""

    name = "tests"

    def __call__(self, samples: Any) -> list[Any]:
        from r1_reward.verifiers import Reason, Verdict

        assert [sample.problem for sample in samples] == ["p1", "p2", "p3"]
        assert samples[0].limits.time_s == 1
        return [Verdict.scored(len(sample.tests), Reason.MEASURED) for sample in samples]


def test_rewards_outside_zero_and_one_are_not_clamped() -> None:
    class Floor(Counts):
        def __call__(self, samples: Any) -> list[Any]:
            from r1_reward.verifiers import Reason, Verdict

            return [Verdict.scored(-7.5, Reason.MEASURED) for _ in samples]

    assert reward("tests", factories={"tests": Floor})(completions=["x"]) == [-7.5]


def test_a_large_batch_is_judged_whole() -> None:
    count = 20_000
    result = reward("math")(completions=[RIGHT, WRONG] * (count // 2), answer=["4"] * count)
    assert (len(result), sum(number or 0.0 for number in result)) == (count, count / 2)
