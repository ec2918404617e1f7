"""Call shapes of OpenRLHF 0.11.2, ms-swift 4.6.0, slime (August 2026), AReaL 1.0.4, skyrl-gym 0.4.0, verifiers 0.4.0
and 0.3, NeMo-RL and NeMo-Gym (August 2026). Each fake names the place whose shape it copies."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import multiprocessing
import pickle
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters import areal, nemo, openrlhf, skyrl, slime, swift, verifiers_hub
from r1_reward.verifiers import ConfigError, InstrumentDown, NotScoredError, SampleError

RIGHT, WRONG = r"<think>2 + 2</think><answer>\boxed{4}</answer>", r"\boxed{5}"
PROMPT = "<|user|>2 + 2?<|assistant|>"
TURNS = [{"role": "user", "content": "2 + 2?"}]
UNJUDGED = '{"reference": null, "kind": "math"}'


def number(value: Any) -> float:
    """A number out of a list of one or a tensor of shape (1,)."""
    return float(value[0])


# OpenRLHF: `openrlhf/utils/agent.py::SingleTurnAgentExecutor._fetch_rewards_via_func` (0.11.2) calls in a thread with
# lists of one; `query` is decoded with special tokens.


def fetch_rewards(function: Any, query: str, prompt: str, label: Any) -> dict[str, Any]:
    async def fetch() -> Any:
        return await asyncio.gather(asyncio.to_thread(function, [query], [prompt], [label]))

    return dict(asyncio.run(fetch())[0])


def test_openrlhf_function() -> None:
    function = openrlhf.reward("math", "format")
    result = fetch_rewards(function, PROMPT + RIGHT + "<|im_end|>", PROMPT, "4")
    assert (number(result["rewards"]), number(result["scores"])) == (2.0, 1.0)
    keys = ["valid", "error", "math_reward", "format_reward"]
    assert {key: number(value) for key, value in result["extra_logs"].items()} == dict.fromkeys(keys, 1.0) | {
        "error": 0.0
    }
    broken = fetch_rewards(function, PROMPT + RIGHT, PROMPT, UNJUDGED)
    assert list(broken["extra_logs"]) == keys
    assert (number(broken["rewards"]), number(broken["extra_logs"]["valid"])) == (0.0, 0.0)
    opened = PROMPT + "<think>\n"
    assert number(fetch_rewards(function, opened + RIGHT[7:], opened, "4")["rewards"]) == 2.0
    with pytest.raises(ValueError, match="argument"):
        function([RIGHT], [PROMPT, PROMPT], ["4"])
    with pytest.raises(ConfigError, match="OpenRLHF cannot"):
        openrlhf.reward("math", on_error="none")


@pytest.mark.needs("torch")
def test_openrlhf_gets_tensors_of_its_shapes() -> None:
    """`trainer/ppo_utils/samples_generator.py::_process_response_into_experience` (0.11.2) wraps what it gets."""
    import torch

    result = openrlhf.reward("math")([PROMPT + RIGHT], [PROMPT], ["4"])
    for value in (result["rewards"], result["scores"], *result["extra_logs"].values()):
        assert isinstance(value, torch.Tensor)
        assert value.shape == (1,)
        assert torch.tensor([value]).shape == (1,)
        assert value.flatten()[0].item() in (0.0, 1.0)


@pytest.mark.parametrize("query", [r"It is \boxed{4}.", "", r"\boxed{4}" + PROMPT[:9]])
def test_openrlhf_query_without_its_prompt_is_not_judged(query: str) -> None:
    # a box in what may be the prompt is nobody's answer
    result = fetch_rewards(openrlhf.reward("math"), query, PROMPT, "4")
    assert (number(result["rewards"]), number(result["scores"])) == (0.0, 0.0)
    assert {key: number(value) for key, value in result["extra_logs"].items()} == {
        "valid": 0.0,
        "error": 1.0,
        "math_reward": 0.0,
    }
    with pytest.raises(NotScoredError, match="does not begin with its prompt"):
        fetch_rewards(openrlhf.reward("math", on_error="raise"), query, PROMPT, "4")


SCORED = "scored"


@pytest.mark.parametrize(
    ("reward", "status", "scores", "expected", "why"),
    [
        (2.0, SCORED, {"math": 1.0, "format": 1.0}, 1.0, "right"),
        (1.0, SCORED, {"math": 0.0, "format": 1.0}, 0.0, "the accuracy alone filters"),
        (1.0, SCORED, {"format": 0.0, "code": 0.4, "language": 0.6}, 0.4, "a share of tests passed"),
        (1.5, SCORED, {"format": 1.0, "language": 0.5}, 0.75, "no accuracy: the share of the full reward"),
        (1.0, SCORED, {"math": None, "format": 1.0}, 1.0, "a term that does not apply"),
        (-0.5, SCORED, {"format": 0.0, "length": -0.5}, -0.5, "outside: the reward itself"),
        (2.5, SCORED, {"helpful": 2.5}, 2.5, ""),
        (0.0, "error", {"math": None, "format": 1.0}, 0.0, "not judged"),
        (0.0, "skipped", {}, 0.0, "not concerned"),
    ],
)
def test_openrlhf_filters_by_accuracy(
    reward: float, status: str, scores: dict[str, float | None], expected: float, why: str
) -> None:
    lists = openrlhf.lists([openrlhf.SampleReward(reward, status, scores)], ["math", "format"])
    assert lists["rewards"] == [reward]
    assert lists["scores"] == [pytest.approx(expected)], why
    # OpenRLHF takes the keys of the first sample for all
    assert list(lists["extra_logs"]) == ["valid", "error", "math_reward", "format_reward"]
    assert all(isinstance(value, float) for values in lists["extra_logs"].values() for value in values)


# ms-swift: `swift/rl_core/grpo_algorithm.py::compute_rewards_per_func` (4.6.0) calls instances by position.


def compute_rewards_per_func(classes: list[Any], samples: list[dict[str, Any]]) -> dict[str, list[Any]]:
    functions = [cls(args=SimpleNamespace()) for cls in classes]
    completions = [sample["messages"][-1]["content"] for sample in samples]
    kwargs: dict[str, Any] = {"trainer_state": None}
    kwargs.update({key: [sample[key] for sample in samples] for key in samples[0]})
    return {function.__class__.__name__: function(completions, **kwargs) for function in functions}


def test_swift_class() -> None:
    samples = [
        {"messages": [*TURNS, {"role": "assistant", "content": text}], "solution": gold, "kind": "math"}
        for text, gold in [(RIGHT, "4"), (WRONG, "4"), (RIGHT, None)]
    ]
    classes = [swift.orm("math"), swift.orm("format"), swift.orm("math", "format")]
    result = compute_rewards_per_func(classes, samples)
    assert result == {"math": [1.0, 0.0, None], "format": [1.0, 0.0, None], "math_format": [2.0, 0.0, None]}
    begun = [*TURNS, {"role": "assistant", "content": "<think>"}, {"role": "assistant", "content": RIGHT[7:]}]
    assert compute_rewards_per_func([swift.orm("format")], [{"messages": begun}]) == {"format": [1.0]}
    made = swift.orm("math")(args=None)
    assert pickle.loads(pickle.dumps(made))([RIGHT], solution=["4"]) == [1.0]
    with pytest.raises(ValueError, match="2 values for 1 completions"):
        made([RIGHT], solution=["4", "4"])


# slime: `slime/rollout/rm_hub/__init__.py::async_rm` and `batched_async_rm`; `utils/types.py::Sample.get_reward_value`.


def slime_sample(response: str, label: Any, **metadata: Any) -> SimpleNamespace:
    return SimpleNamespace(
        prompt=TURNS, response=response, label=label, metadata=metadata or None, remove_sample=False, reward=None
    )


def test_slime_function_for_one_and_for_a_group() -> None:
    function = slime.reward("math", "format")
    assert inspect.iscoroutinefunction(function)
    plain, keyed = SimpleNamespace(reward_key=None), SimpleNamespace(reward_key="score")
    assert asyncio.run(function(plain, slime_sample(RIGHT, "4"))) == 2.0
    group = [slime_sample(RIGHT, "4"), slime_sample(WRONG, "4"), slime_sample(RIGHT, None, kind="math")]
    assert asyncio.run(function(plain, group)) == [2.0, 0.0, 1.0]  # the mean of the others: no advantage
    assert [sample.remove_sample for sample in group] == [False, False, True]
    result: Any = asyncio.run(function(keyed, slime_sample(RIGHT, "4"), evaluation=False))
    assert result == {"score": 2.0, "valid": 1.0, "error": 0.0, "math_reward": 1.0, "format_reward": 1.0}
    assert result[keyed.reward_key] == 2.0
    kept = slime_sample(RIGHT, None, kind="math")
    assert asyncio.run(slime.reward("math", on_error="zero")(plain, kept)) == 0.0
    assert not kept.remove_sample
    with pytest.raises(NotScoredError):
        asyncio.run(slime.reward("math", on_error="raise")(plain, kept))
    general = slime_sample(RIGHT, None, kind="general")
    assert asyncio.run(slime.reward("math")(plain, general)) == 0.0  # does not apply, and is not removed
    assert not general.remove_sample


def test_slime_function_judges_many_at_once_in_one_loop() -> None:
    function = slime.reward("math")

    async def rollout() -> list[Any]:
        args = SimpleNamespace(reward_key="")
        return list(await asyncio.gather(*(function(args, slime_sample(RIGHT, "4")) for _ in range(200))))

    assert asyncio.run(rollout()) == [1.0] * 200


# AReaL: `areal/api/reward_api.py::AsyncRewardWrapper.__call__` (1.0.4): a partial, pickled for each call.


def test_areal_function_in_a_process_pool() -> None:
    function = areal.reward("math", "format", window=4)
    data = {"answer": "4", "query_id": "q1", "messages": TURNS}
    assert function(PROMPT, RIGHT + "<|im_end|>", [1], [2], **data) == 2.0
    assert function(prompt=PROMPT, completions=WRONG, prompt_ids=[1], completion_ids=[2], **data) == 0.0
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        call = functools.partial(function, PROMPT, RIGHT, [1], [2], **data)
        assert pool.submit(call).result(120) == 2.0
        # unpickled anew for every call, and the breaker remembers all the same
        unjudged = functools.partial(function, PROMPT, RIGHT, [1], [2], kind="math")
        raised = [type(pool.submit(unjudged).exception(60)) for _ in range(3)]
    assert raised == [NotScoredError, NotScoredError, InstrumentDown]
    assert areal.reward("math", on_error="zero")(PROMPT, RIGHT, kind="math") == 0.0
    assert areal.reward("math")(PROMPT, RIGHT, kind="general") == 0.0
    opened = PROMPT + "<think>\n"
    assert areal.reward("format")(opened, RIGHT[7:] + "<|im_end|>") == 1.0


# SkyRL: `skyrl_gym/envs/registration.py::make` and `envs/base_text_env.py` (0.4.0).


class Base:
    """`skyrl_gym/core.py::Env` (0.4.0), whose subclasses alone are taken."""

    def __init__(self) -> None:
        self.tool_groups: list[Any] = []


def test_skyrl_environment() -> None:
    made = skyrl.environment("math", "format", base=Base)
    extras = {
        "reward_spec": {"method": "rule", "ground_truth": "4"},
        "data_source": "gsm8k",
        "extra_info": {"index": 1},
    }
    env = made(env_config={}, extras=extras)
    assert isinstance(env, Base)
    prompt, _ = env.init(TURNS)
    assert prompt is TURNS
    output = env.step(RIGHT)
    assert {key: output[key] for key in ("observations", "reward", "done")} == {
        "observations": [],
        "reward": 2.0,
        "done": True,
    }
    assert (output["metadata"]["valid"], output["metadata"]["reason"]) == (1.0, "correct")
    assert made.aggregate_metrics([env.get_metrics(), {"valid": 0.0}])["valid"] == 0.5
    with pytest.raises(SampleError, match="reward_spec must be an object, got str"):
        made(extras={"reward_spec": "4"})
    unjudged = made(extras={"reward_spec": {"ground_truth": None}, "kind": "math"})
    output = unjudged.step(RIGHT)
    assert (output["reward"], output["metadata"]["valid"], output["metadata"]["error"]) == (0.0, 0.0, 1.0)
    env.close()
    with pytest.raises(ConfigError, match="SkyRL cannot"):
        skyrl.environment("math", on_error="none")


# verifiers: `verifiers/v1/task.py::Task.score` and `utils/decorators.py::invoke` (0.4.0).


def task_score(methods: Mapping[str, Any], data: Any, trace: Any) -> dict[str, Any]:
    task = type("Task", (), dict(methods))()
    task.data = data
    available = {"task": data, "trace": trace}
    rewards: dict[str, Any] = {}

    async def score() -> None:
        for name in methods:
            method = getattr(task, name)
            kwargs = {key: available[key] for key in inspect.signature(method).parameters if key in available}
            result = await method(**kwargs)
            rewards.update(result if isinstance(result, Mapping) else {method.__name__: result})

    asyncio.run(score())
    return rewards


class Message:
    """`verifiers/v1/types.py::AssistantMessage` (0.4.0), a pydantic model."""

    def __init__(self, **fields: Any) -> None:
        self.fields = {"role": "assistant", **fields}

    def model_dump(self) -> dict[str, Any]:
        return self.fields


def test_verifiers_methods() -> None:
    methods = {
        "correct": verifiers_hub.reward("math", name="correct"),
        "form": verifiers_hub.reward("format", name="form"),
    }
    assert all(inspect.iscoroutinefunction(method) for method in methods.values())
    data = Message(prompt="2 + 2?", answer="4", idx=3, id=None)
    content = r"<answer>\boxed{4}</answer>"
    trace = SimpleNamespace(
        assistant_messages=[Message(content=content, reasoning_content="2 + 2")], last_reply=content
    )
    assert task_score(methods, data, trace) == {"correct": 1.0, "form": 1.0}
    bare = SimpleNamespace(assistant_messages=[], last_reply=RIGHT)
    assert task_score(methods, data, bare) == {"correct": 1.0, "form": 1.0}
    with pytest.raises(AttributeError, match="last_reply"):  # another version's trace, which is no wrong answer
        task_score(methods, data, SimpleNamespace(replies=[RIGHT]))
    general = Message(prompt="Hi", kind="general")
    assert task_score({"correct": methods["correct"]}, general, trace) == {}
    with pytest.raises(NotScoredError, match="no reference"):
        task_score({"correct": methods["correct"]}, Message(prompt="Hi", kind="math"), trace)


class Listed(list[str]):
    """As numpy's arrays and torch's tensors, of which nobody can say whether they equal a text."""

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value is ambiguous")


def test_rubric_functions_are_matched_by_name_and_are_for_one_sample() -> None:
    """`verifiers/rubrics/rubric.py::Rubric` (0.3): plural names make a group function; arguments go by name."""
    function = verifiers_hub.rubric_function("math")
    names = set(inspect.signature(function).parameters)
    assert not names & {"completions", "prompts", "answers", "states", "tasks", "infos"}
    state: dict[str, Any] = {}
    merged: dict[str, Any] = {
        "prompt": TURNS,
        "completion": [{"role": "assistant", "content": RIGHT}],
        "answer": "4",
        "state": state,
    }
    merged |= {"task": "default", "info": {"index": 1}, "parser": object(), "client": object()}
    assert asyncio.run(function(**merged)) == 1.0
    assert state["r1_reward"]["math"]["valid"] == 1.0
    merged["answer"] = Listed(["4", "5"])
    assert asyncio.run(function(**merged)) == 1.0
    merged |= {"answer": "", "info": {"kind": "math"}}
    assert asyncio.run(function(**merged)) == 0.0
    assert state["r1_reward"]["math"] == {"valid": 0.0, "error": 1.0, "math_reward": 0.0}


# NeMo-RL: `nemo_rl/environments/interfaces.py` and `math_environment.py::MathEnvironment.step`.


def test_nemo_rl_environment() -> None:
    made = nemo.environment("math", "format", base=Base)({"num_workers": 1})
    log: list[dict[str, Any]] = [*TURNS, {"role": "assistant", "content": RIGHT, "token_ids": [1, 2]}]
    tools: list[dict[str, Any]] = [
        *TURNS,
        {"role": "assistant", "content": WRONG},
        {"role": "environment", "content": "no"},
        log[-1],
    ]
    batch, metadata = [log, tools, log], [{"ground_truth": "4"}, {"ground_truth": "4"}, {"kind": "math"}]
    step_result = made.step(batch, metadata, return_extracted_answer=True)
    observations, result, stops, rewards, terminateds, answers = step_result
    assert [float(reward) for reward in rewards] == [2.0, 2.0, 0.0]
    assert [float(done) for done in terminateds] == [1.0, 1.0, 1.0]
    assert [one["r1_reward"]["valid"] for one in result] == [1.0, 1.0, 0.0]
    assert metadata[0] == {"ground_truth": "4"}
    assert (len(observations), stops, answers) == (3, [None] * 3, ["4", "4", None])
    again = made.step(batch[:1], result[:1])  # metadata comes back on the next turn
    assert float(again.rewards[0]) == 2.0
    with pytest.raises(ValueError, match="argument"):
        made.step(batch, metadata[:1])


@pytest.mark.needs("torch")
def test_nemo_rl_gets_tensors() -> None:
    import torch

    made = nemo.environment("math")()
    step_result = made.step([[{"role": "assistant", "content": RIGHT}]], [{"ground_truth": "4"}])
    assert step_result.rewards.dtype is torch.float32
    batch = {"rewards": torch.tensor([1.0, 1.0]), "is_end": torch.tensor([1.0, 0.0])}
    after, metrics = made.global_post_process_and_metrics(batch)
    assert after["rewards"].tolist() == [1.0, 0.0]
    assert metrics == {"reward": 0.5, "properly_ended": 0.5}


# NeMo-Gym: `nemo_gym/base_resources_server.py::BaseVerifyRequest` and `BaseVerifyResponse`.


def gym_body(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    asked = {"input": TURNS, "model": "m"}
    return {"responses_create_params": asked, "response": {"id": "r", "output": list(output)}, **fields}


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def test_nemo_gym_verify() -> None:
    verify = nemo.gym_verify("math", "format")
    body = gym_body(message(RIGHT), expected_answer="4")
    answer = verify(body)
    json.dumps(answer, allow_nan=False)
    assert {key: answer[key] for key in body} == body
    assert (answer["reward"], answer["mask_sample"]) == (2.0, False)
    assert answer["reward_components"]["format_reward"] == 1.0
    thinking = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "2 + 2"}]}
    parsed = verify(gym_body(thinking, message(r"<answer>\boxed{4}</answer>"), verifier_metadata={"reference": "4"}))
    assert parsed["reward"] == 2.0
    unjudged = verify(gym_body(message(RIGHT), kind="math"))
    assert (unjudged["reward"], unjudged["mask_sample"]) == (0.0, True)
    assert unjudged["failure_kind"] == "r1_reward:reference_missing"
    assert nemo.gym_verify("math", on_error="zero")(gym_body(message(RIGHT), kind="math"))["mask_sample"] is False
    called = verify(gym_body(message(RIGHT), {"type": "function_call", "name": "f"}, expected_answer="4"))
    assert called["reward"] == 0.0  # what came before a call is no answer
    assert verify(gym_body(expected_answer="4"))["reward"] == 0.0
    for odd in ({"content": [{"text": None}]}, {"content": 5}, {"summary": "2 + 2"}):
        assert verify(gym_body({"type": "reasoning", **odd}, message(RIGHT), expected_answer="4"))["reward"] == 2.0


@pytest.mark.parametrize("response", [RIGHT, None, {}, {"output": RIGHT}])
def test_nemo_gym_request_without_a_response_is_no_wrong_answer(response: object) -> None:
    result = nemo.gym_verify("math")({"response": response, "expected_answer": "4"})
    assert (result["mask_sample"], result["reward_components"]["valid"]) == (True, 0.0)
    assert "response must be an object whose output is a list" in result["failure_reason"]


def test_nemo_rl_finds_the_flag_that_leaves_a_sample_out() -> None:
    def flag(result: dict[str, Any]) -> bool:
        """What NeMo-RL reads of a `/verify` response, see `_extract_mask_sample_flags` in its rollouts.py."""
        return bool((result.get("instance_config") or {}).get("mask_sample", False))

    verify = nemo.gym_verify("math")
    assert flag(verify(gym_body(message(RIGHT), kind="math")))
    assert flag(verify(gym_body(message(RIGHT), kind="general", reference="4")))  # does not apply: no 0.0 to train on
    assert not flag(verify(gym_body(message(RIGHT), expected_answer="4")))
    assert not flag(nemo.gym_verify("math", on_error="zero")(gym_body(message(RIGHT), kind="math")))
    kept = verify(gym_body(message(RIGHT), expected_answer="4", instance_config={"seed": 1, "mask_sample": True}))
    assert kept["instance_config"] == {"seed": 1, "mask_sample": False}
    assert flag(verify(gym_body(message(RIGHT), kind="math", instance_config=None)))


def test_no_adapter_imports_a_trainer() -> None:
    import subprocess
    import sys

    trainers = [
        "trl",
        "verl",
        "openrlhf",
        "verifiers",
        "nemo_rl",
        "swift",
        "skyrl_gym",
        "slime",
        "areal",
        "ray",
        "torch",
        "trinity",
        "tinker_cookbook",
        "torchtitan",
        "openenv",
        "atroposlib",
    ]
    program = (
        "import sys\n"
        "from r1_reward.adapters import areal, nemo, openrlhf, skyrl, slime, swift\n"
        "from r1_reward.adapters import atropos, open_instruct, openenv, rllm, roll, tinker, torchtitan, trinity\n"
        "from r1_reward.adapters import trl, verifiers_hub, verl\n"
        "trl.reward('math'), verl.compute_score('x', '4', '4')\n"
        f"print([name for name in {trainers} + ['numpy', 'sympy', 'docker'] if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"
