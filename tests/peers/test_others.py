"""OpenRLHF, verifiers, SkyRL, AReaL and ms-swift: their own code that calls a reward, calling ours."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from r1_reward.verifiers import InstrumentDown, NotScoredError

ENDLESS = "```python\nwhile True: pass\n```"
TESTS = [{"type": "stdin", "input": "", "output": "4"}]
PROMPT = "What is 2 + 2 ?"
RIGHT = r"<think> 2 + 2 </think> <answer> \boxed{4} </answer>"


def offered(name: str) -> Any:  # any: a module
    """A trainer's module; skipped where the trainer, or something that it needs, is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"needs {error.name}")


# OpenRLHF


class Engine:
    """The part of OpenRLHF's LLMRayActor that the executor calls."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens

    async def generate(self, *_: object, **__: object) -> Any:
        output = SimpleNamespace(token_ids=self.tokens, finish_reason="stop", logprobs=None, text="")
        return SimpleNamespace(outputs=[output])


def openrlhf_run(file: Path, text: str, label: str | None, tokenizer: Any, prompt: str = PROMPT, room: int = 64) -> Any:
    agent = offered("openrlhf.utils.agent")
    executor = agent.SingleTurnAgentExecutor(str(file))
    params = SimpleNamespace(max_tokens=32, logprobs=None)
    tokens = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
    return asyncio.run(executor.execute(prompt, label, params, room, tokenizer, Engine(tokens)))


@pytest.fixture
def reward_file(tmp_path: Path) -> Path:
    file = tmp_path / "my_rewards.py"
    file.write_text("from r1_reward.adapters.openrlhf import reward\nreward_func = reward('math', 'format')\n")
    return file


def test_openrlhf_calls_a_reward_file(reward_file: Path, tokenizer: Any) -> None:
    import torch

    result = openrlhf_run(reward_file, RIGHT, "4", tokenizer)
    # as SamplesGenerator._process_response_into_experience does with them
    reward = torch.tensor([result["reward"]])
    score = torch.tensor([result["scores"]])
    logs = {key: torch.tensor([value.flatten()[0].item()]) for key, value in result["extra_logs"].items()}
    assert (reward.tolist(), score.tolist()) == ([2.0], [1.0])
    assert {key: value.item() for key, value in logs.items()} == {
        "valid": 1.0,
        "error": 0.0,
        "math_reward": 1.0,
        "format_reward": 1.0,
    }
    wrong = openrlhf_run(reward_file, r"\boxed{5}", "4", tokenizer)
    assert (float(wrong["reward"]), float(wrong["scores"])) == (0.0, 0.0)
    unjudged = openrlhf_run(reward_file, RIGHT, '{"reference": null, "kind": "math"}', tokenizer)
    assert float(unjudged["reward"]) == 0.0
    assert float(unjudged["extra_logs"]["valid"]) == 0.0


def test_openrlhf_cuts_long_prompts_and_the_response_is_still_found(reward_file: Path, tokenizer: Any) -> None:
    # the prompt asks with an example that would be a right answer, were it taken for the response
    prompt = r"so \boxed{4} is the sum of two and two ? " * 8 + PROMPT
    result = openrlhf_run(reward_file, r"\boxed{5}", "4", tokenizer, prompt=prompt, room=56)
    assert float(result["reward"]) == 0.0
    assert float(result["extra_logs"]["valid"]) == 1.0


# OpenRLHF over HTTP: `SingleTurnAgentExecutor._fetch_rewards_via_http` with aiohttp, against our server.


@pytest.fixture
def experience(monkeypatch: pytest.MonkeyPatch) -> Any:
    """OpenRLHF's `_process_response_into_experience`, of a module that imports vLLM, which has no part in it."""
    if importlib.util.find_spec("vllm") is None:
        for name, member in (
            ("vllm", "SamplingParams"),
            ("openrlhf.trainer.ray.vllm_engine", "batch_vllm_engine_call"),
        ):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
            setattr(sys.modules[name], member, None)
    generator = offered("openrlhf.trainer.ppo_utils.samples_generator").SamplesGenerator
    return lambda response: generator._process_response_into_experience(None, response, max_len=256)


def openrlhf_runs(
    reward: Any, message: Sequence[tuple[str, str | None]], tokenizer: Any, prompt: str = PROMPT, room: int = 64
) -> list[Any]:
    """Rollouts with these responses and labels, all at once, as a rollout worker does."""
    agent = offered("openrlhf.utils.agent")
    executor = agent.SingleTurnAgentExecutor(reward)
    params = SimpleNamespace(max_tokens=32, logprobs=None)

    async def run() -> list[Any]:
        engines = [Engine([*tokenizer(text)["input_ids"], tokenizer.eos_token_id]) for text, _ in message]
        return await asyncio.gather(
            *(
                executor.execute(prompt, label, params, room, tokenizer, engine)
                for (_, label), engine in zip(message, engines, strict=True)
            )
        )

    return asyncio.run(run())


GROUP = [(RIGHT, "4"), (r"\boxed{5}", "4"), (r"\boxed{4}", "so 2 + 2\n#### 4"), ("four", "4")]


@pytest.mark.parametrize("way", ["http", "file"])
def test_openrlhf_makes_the_same_experience_over_http_and_by_file(
    way: str, reward_file: Path, experience: Any, serve: Callable[..., str], tokenizer: Any
) -> None:
    result = offered("openrlhf.trainer.ppo_utils.experience")
    address = f"http://{serve('--reward', 'math,format')}/get_reward" if way == "http" else str(reward_file)
    code = ("four", '{"tests": [{"type": "assert", "code": "assert f()"}]}')  # which math leaves alone
    group = [*GROUP, code]
    made = [experience(response) for response in openrlhf_runs(address, group, tokenizer)]
    assert [each.rewards.flatten().tolist() for each in made] == [[2.0], [0.0], [1.0], [0.0], [0.0]]
    # what dynamic filtering takes the mean of
    assert [each.scores[0].item() for each in made] == [1.0, 0.0, 1.0, 0.0, 0.0]
    batch = result.Experience.concat_experiences(made, pad_token_id=0)
    expected = {
        "valid": [1.0] * 5,
        "error": [0.0] * 5,
        "math_reward": [1.0, 0.0, 1.0, 0.0, 0.0],
        "format_reward": [1.0, 0.0, 0.0, 0.0, 0.0],
        "score": [1.0, 0.0, 1.0, 0.0, 0.0],
        "reward": [2.0, 0.0, 1.0, 0.0, 0.0],
    }
    assert {key: batch.info[key].flatten().tolist() for key in expected} == expected
    assert len(result.split_experience_batch(batch)) == 5  # refuses logs that not every sample has


def test_openrlhf_waits_for_many_rollouts_at_once(serve: Callable[..., str], tokenizer: Any) -> None:
    address = f"http://{serve('--reward', 'math,format', '--workers', '2')}/get_reward"
    result = openrlhf_runs(address, GROUP * 32, tokenizer)
    assert [one["reward"] for one in result] == [[2.0], [0.0], [1.0], [0.0]] * 32


def test_openrlhf_sends_the_token_of_its_address(serve: Callable[..., str], tokenizer: Any) -> None:
    address = serve("--reward", "math", "--token-env", "THE_TOKEN", THE_TOKEN="sesame-open-sesame")
    (result,) = openrlhf_runs(f"http://any:sesame-open-sesame@{address}/get_reward", GROUP[:1], tokenizer)
    assert result["reward"] == [1.0]
    (result,) = openrlhf_runs(f"http://any:guess@{address}/get_reward", GROUP[:1], tokenizer)
    assert result["reward"] is None


def test_openrlhf_gets_no_number_over_http_for_what_could_not_be_judged(
    serve: Callable[..., str], tokenizer: Any
) -> None:
    address = f"http://{serve('--reward', 'math')}/get_reward"
    results = [(RIGHT, '{"reference": null, "kind": "math"}'), (RIGHT, "4")]
    unjudged, judged = openrlhf_runs(address, results, tokenizer)
    assert (unjudged["reward"], unjudged["scores"], unjudged["extra_logs"]) == (None, None, {})
    assert judged["reward"] == [1.0]


def test_openrlhf_cuts_long_prompts_and_the_server_finds_the_response(
    serve: Callable[..., str], tokenizer: Any
) -> None:
    # the prompt asks with an example that would be a right answer, were it taken for the response
    prompt = r"so \boxed{4} is the sum of two and two ? " * 8 + PROMPT
    address = f"http://{serve('--reward', 'math')}/get_reward"
    results = [(r"\boxed{5}", "4"), (r"\boxed{4}", "4"), ("", "4")]
    result = openrlhf_runs(address, results, tokenizer, prompt=prompt, room=56)
    assert [one["reward"] for one in result] == [[0.0], [1.0], [0.0]]


# verifiers (PrimeIntellect)


def verifiers_score(vf: Any, answer: str | None, content: str, thinking: str | None, **settings: Any) -> Any:
    from r1_reward.adapters.verifiers_hub import reward

    class MathData(vf.TaskData):  # type: ignore[misc]  # verifiers may not be there for mypy
        answer: str | None = None
        kind: str = "math"

    class MathTask(vf.Task):  # type: ignore[misc]
        correct = vf.reward(weight=1.0)(reward("math", name="correct", **settings))
        form = vf.reward(weight=0.5)(reward("format", name="form"))

    data = MathData(prompt=PROMPT, answer=answer)
    message = vf.AssistantMessage(content=content, reasoning_content=thinking)
    rewards: dict[str, Any] = {}
    trace = SimpleNamespace(
        assistant_messages=[message],
        last_reply=content,
        rewards=rewards,
        metrics={},
        record_reward=lambda name, value, weight: rewards.update({name: float(value) * weight}),
    )
    asyncio.run(MathTask(data, vf.TaskConfig()).score(trace))
    return rewards


def test_verifiers_scores_a_task() -> None:
    vf = offered("verifiers.v1")
    answer = r"<answer>\boxed{4}</answer>"
    assert verifiers_score(vf, "4", answer, "2 + 2") == {"correct": 1.0, "form": 0.5}
    assert verifiers_score(vf, "5", answer, None) == {"correct": 0.0, "form": 0.0}


def test_verifiers_marks_a_trace_that_could_not_be_judged() -> None:
    vf = offered("verifiers.v1")
    with pytest.raises(vf.TaskError, match="no reference"):
        verifiers_score(vf, None, r"\boxed{4}", None)
    assert verifiers_score(vf, None, r"\boxed{4}", None, on_error="zero") == {"correct": 0.0, "form": 0.0}


# SkyRL


def test_skyrl_makes_and_steps_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skyrl_gym = offered("skyrl_gym")
    (tmp_path / "my_env.py").write_text(
        "from r1_reward.adapters.skyrl import environment\n"
        "from skyrl_gym.envs.base_text_env import BaseTextEnv\n"
        "R1Env = environment('math', 'format', base=BaseTextEnv)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    skyrl_gym.register(id="r1_reward", entry_point="my_env:R1Env")
    spec = {"method": "rule", "ground_truth": "4"}
    env = skyrl_gym.make("r1_reward", env_config={}, extras={"reward_spec": spec, "data_source": "x"})
    prompt, _ = env.init([{"role": "user", "content": PROMPT}])
    assert prompt == [{"role": "user", "content": PROMPT}]
    output = env.step(RIGHT)
    assert (output["reward"], output["done"], output["observations"]) == (2.0, True, [])
    assert output["metadata"]["valid"] == 1.0
    metrics = offered("skyrl_gym.metrics").default_aggregate_metrics([env.get_metrics()])
    assert metrics["format_reward"] == 1.0
    env.close()


# AReaL


def test_areal_sends_the_reward_to_its_processes() -> None:
    api = offered("areal.api.reward_api")
    from r1_reward.adapters.areal import reward

    async def judge() -> tuple[float, float]:
        wrapped = api.AsyncRewardWrapper(reward("math", "format"), max_workers=1, timeout_seconds=120)
        right = await wrapped(PROMPT, RIGHT + "<|im_end|>", [1], [2], answer="4", query_id="q")
        wrong = await wrapped(PROMPT, r"\boxed{5}", [1], [2], answer="4")
        with pytest.raises(NotScoredError, match="no reference"):
            await wrapped(PROMPT, RIGHT, [1], [2], kind="math")
        return right, wrong

    assert asyncio.run(judge()) == (2.0, 0.0)


# ms-swift


def test_swift_calls_a_registered_class() -> None:
    algorithm = offered("swift.rl_core.grpo_algorithm")
    import torch

    from r1_reward.adapters.swift import orm

    orms = offered("swift.rewards").orms
    orms["r1_math"], orms["r1_format"] = orm("math"), orm("format")
    functions = [orms["r1_math"](args=None), orms["r1_format"](args=None)]
    data = offered("swift.rl_core.data")
    results = [(RIGHT, "4"), (r"\boxed{5}", "4"), (RIGHT, None)]
    samples = []
    for text, answer in results:
        sample = object.__new__(data.GRPOSample)
        messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": text}]
        row = {"messages": messages, "solution": answer, "kind": "math"}
        object.__setattr__(sample, "messages", messages)
        object.__setattr__(sample, "to_reward_row", lambda row=row: row)
        samples.append(sample)
    result = algorithm.compute_rewards_per_func(samples, functions, [None, None], torch.device("cpu"))
    assert result[:2].tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert result[2].isnan().tolist() == [True, True]  # together: one without a number would count as a wrong answer


# AReaL: its process pool, of which a worker dies, and its patience, which ends in a zero


def test_areal_judges_again_after_a_worker_was_killed() -> None:
    api = offered("areal.api.reward_api")
    from r1_reward.adapters.areal import reward

    async def judge() -> tuple[float, float]:
        wrapped = api.AsyncRewardWrapper(reward("math"), max_workers=1, timeout_seconds=120)
        before = await wrapped(PROMPT, RIGHT, [1], [2], answer="4")
        (process,) = wrapped._executors[wrapped._executor_key]._processes
        os.kill(process, signal.SIGKILL)
        return before, await wrapped(PROMPT, RIGHT, [1], [2], answer="4")

    assert asyncio.run(judge()) == (1.0, 1.0)


@pytest.mark.needs("userns")
@pytest.mark.parametrize("deadline", [None, 1.0])
def test_areal_gives_zero_for_what_takes_too_long_and_we_answer_before(deadline: float | None) -> None:
    api = offered("areal.api.reward_api")
    from r1_reward.adapters.areal import reward

    made = reward("code", options={"code": {"backend": "local", "time_s": 60}}, deadline=deadline)

    async def judge() -> float:
        wrapped = api.AsyncRewardWrapper(made, max_workers=1, timeout_seconds=4, max_retries=0)
        return float(await wrapped(PROMPT, ENDLESS, [1], [2], tests=TESTS))

    began = time.monotonic()
    if deadline is None:
        assert asyncio.run(judge()) == 0.0  # AReaL's own: a false zero
    else:
        with pytest.raises(NotScoredError, match="grader_timeout"):
            asyncio.run(judge())
        assert time.monotonic() - began < 3.5
    for executor in api.AsyncRewardWrapper._executors.values():
        for process in list(executor._processes):
            os.kill(process, signal.SIGKILL)
    api.AsyncRewardWrapper._executors.clear()


# Trainers that cannot leave a row out: the number, `valid` in the logs, and the breaker that ends the run


def test_openrlhf_gets_zero_with_valid_zero_and_then_none(tmp_path: Path, tokenizer: Any) -> None:
    file = tmp_path / "my_rewards.py"
    file.write_text("from r1_reward.adapters.openrlhf import reward\nreward_func = reward('math', window=4)\n")
    result = openrlhf_run(file, RIGHT, "proof", tokenizer)
    assert (float(result["reward"]), float(result["extra_logs"]["valid"])) == (0.0, 0.0)
    openrlhf_run(file, RIGHT, "proof", tokenizer)
    assert openrlhf_run(file, RIGHT, "4", tokenizer)["reward"] is not None


def test_skyrl_gets_zero_with_valid_zero_and_then_an_exception() -> None:
    skyrl_gym = offered("skyrl_gym")
    from r1_reward.adapters import skyrl

    if "r1_path" not in skyrl_gym.registry:
        skyrl_gym.register(id="r1_path", entry_point="r1_reward.adapters.skyrl:math_format")
    env = skyrl_gym.make("r1_path", env_config={}, extras={"reward_spec": {"ground_truth": "proof"}})
    output = env.step(RIGHT)
    assert (output["reward"], output["metadata"]["valid"], output["metadata"]["error"]) == (0.0, 0.0, 1.0)
    assert env.step(RIGHT)["metadata"]["reason"] == "reference_unusable"
    base = offered("skyrl_gym.envs.base_text_env").BaseTextEnv
    strict = skyrl.environment("math", base=base, window=2)
    strict(extras={"reward_spec": {"ground_truth": "proof"}}).step(RIGHT)
    with pytest.raises(InstrumentDown):
        strict(extras={"reward_spec": {"ground_truth": "proof"}}).step(RIGHT)


@pytest.mark.parametrize("trainer", ["verl", "areal", "openrlhf", "skyrl"])
def test_a_sandbox_that_is_down_is_no_wrong_answer(
    trainer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from r1_reward.adapters import areal, openrlhf, skyrl, verl

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    dead: dict[str, Any] = {"options": {"code": {"backend": "docker"}}, "window": 2}
    program = "```python\nprint(4)\n```"

    def ask() -> Any:
        if trainer == "verl":
            return verl.compute_score("x", program, None, {"tests": TESTS}, rewards="code", **dead)
        if trainer == "areal":
            return areal.reward("code", **dead)(PROMPT, program, tests=TESTS)
        if trainer == "openrlhf":
            label = '{"tests": [{"type": "stdin", "input": "", "output": "4"}]}'
            return openrlhf.reward("code", **dead)([PROMPT + program], [PROMPT], [label])
        return skyrl.environment("code", **dead)(extras={"reward_spec": {}, "tests": TESTS}).step(program)

    def asked() -> Any:
        try:
            return ask()
        except NotScoredError as error:
            return error

    first = asked()
    if trainer == "areal":
        assert isinstance(first, NotScoredError)
    else:
        result = first if trainer == "verl" else first.get("metadata", first.get("extra_logs"))
        assert float(result["valid"]) == 0.0
    with pytest.raises(InstrumentDown, match="sandbox_unavailable"):
        asked()
