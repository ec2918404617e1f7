"""Call shapes of rLLM, ROLL and open-instruct (sources of 2026, none of which is on PyPI), and of those whose own code
`tests/peers` runs: Trinity-RFT 0.6.0, tinker-cookbook 0.6.1, torchtitan 0.3.0, OpenEnv 0.10.0, atroposlib 0.4.0.

Each fake names the place whose shape it copies.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from abc import ABC, abstractmethod
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters import atropos, open_instruct, openenv, ready, rllm, roll, tinker, torchtitan, trinity
from r1_reward.verifiers import ConfigError, InstrumentDown, NotScoredError

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"
TEXTS = [RIGHT, r"\boxed{4}", r"\boxed{5}"]


# rLLM: `rllm/engine/agentflow_engine.py::AgentFlowEngine._run_single` and `rllm/types.py`.


def rllm_run(evaluator: Any, task: Any, texts: list[str]) -> Any:
    steps = [SimpleNamespace(output=None, model_response=text) for text in texts]
    trajectory = SimpleNamespace(output=None, steps=steps, reward=None, signals={})
    episode = SimpleNamespace(artifacts={}, trajectories=[trajectory], metrics={}, is_correct=False)
    output = evaluator.evaluate(task, episode)
    for one in episode.trajectories:
        one.reward, one.signals = output.reward, {signal.name: signal.value for signal in output.signals}
    episode.is_correct = output.is_correct
    episode.metrics.update(output.metadata)
    return episode


def test_rllm_evaluator_leaves_out_what_it_could_not_judge() -> None:
    evaluator = rllm.reward("math", "format:0.1")
    training = {"question": "2 + 2?", "ground_truth": "4"}  # the raw row
    evaluation = SimpleNamespace(id="1", instruction="2 + 2?", metadata={"ground_truth": "4"})
    for task in (training, evaluation):
        episode = rllm_run(evaluator, task, [RIGHT])
        assert (episode.trajectories[0].reward, episode.is_correct) == (1.1, True)
        assert episode.trajectories[0].signals["math_reward"] == 1.0
    assert rllm_run(evaluator, training, [r"\boxed{5}", ""]).trajectories[0].reward == 0.0
    unjudged = rllm_run(evaluator, {"question": "2 + 2?", "ground_truth": "proof"}, [RIGHT])
    assert (unjudged.trajectories, unjudged.is_correct) == ([], False)
    assert unjudged.metrics["r1_reward_reason"] == "reference_unusable"
    kept = rllm_run(rllm.reward("math", on_error="zero"), {"ground_truth": "proof"}, [RIGHT])
    assert kept.trajectories[0].reward == 0.0
    strict = rllm.reward("math", window=4)
    for _ in range(2):
        rllm_run(strict, {"ground_truth": "proof"}, [RIGHT])
    with pytest.raises(InstrumentDown):
        rllm_run(strict, {"ground_truth": "proof"}, [RIGHT])


# ROLL: `roll/pipeline/rlvr/rewards/math_rule_reward_worker.py::MathRuleRewardWorker`.


@pytest.fixture
def roll_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ready._made.clear()
    modules: dict[str, dict[str, Any]] = {
        "roll.distributed.executor.worker": {"Worker": RollBase},
        "roll.distributed.scheduler.decorator": {
            "Dispatch": SimpleNamespace(ONE_TO_ALL="all", DP_MP_COMPUTE="dp"),
            "register": lambda **how: lambda function: (function.__dict__.update(how), function)[1],
        },
        "roll.distributed.scheduler.protocol": {"DataProto": DataProto},
        "roll.models.model_providers": {"default_tokenizer_provider": lambda **_: RollTokenizer()},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


class RollBase:
    def __init__(self, worker_config: Any) -> None:
        self.worker_config = worker_config
        self.rank_info = SimpleNamespace(rank=0, world_size=1)


class DataProto(SimpleNamespace):
    @classmethod
    def from_dict(cls, tensors: Any) -> DataProto:
        return cls(batch=tensors, meta_info={})


class RollTokenizer:
    all_special_tokens = ("<fin>",)

    def batch_decode(self, ids: Any, skip_special_tokens: bool) -> list[str]:
        assert not skip_special_tokens
        said = ["<fin>2 + 2?", *(f"{text}<|im_end|><fin><fin>" for text in TEXTS)]
        return [said[int(row[0])] for row in ids]


@pytest.mark.needs("torch")
def test_roll_worker_by_its_path(roll_package: None) -> None:
    import torch

    made: Any = roll.math_format
    worker = made(SimpleNamespace(model_args=None))
    assert issubclass(made, RollBase)
    assert vars(type(worker).compute_rewards) == {"dispatch_mode": "dp", "clear_cache": False}
    worker.initialize(None)
    batch = {"responses": torch.tensor([[1, 9], [2, 9], [3, 9], [1, 9]]), "prompts": torch.tensor([[0]] * 4)}
    columns = {"ground_truth": ["4", "4", "4", "proof"], "tag": ["math"] * 4, "prompt": ["2 + 2?"] * 4}
    result = worker.compute_rewards(SimpleNamespace(batch=batch, non_tensor_batch=columns))
    assert result.batch["response_level_rewards"].tolist() == [2.0, 1.0, 0.0, 0.0]
    assert result.batch["scores"].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert result.batch["token_level_rewards"].tolist() == [[0.0, 0.0]] * 4
    metrics = result.meta_info["metrics"]
    assert {key: metrics[f"math_format/{key}"] for key in ("valid", "error", "format_reward")} == {
        "valid": 0.75,
        "error": 0.25,
        "format_reward": 0.5,  # the format of the last could be judged, its reward could not
    }


# open-instruct: `open_instruct/ground_truth_utils.py::build_all_verifiers` and `apply_verifiable_reward`.


class VerifierFunction(ABC):
    def __init__(self, name: str, weight: float = 1.0, verifier_config: Any = None) -> None:
        raise AssertionError("the subclass sets these itself")

    @classmethod
    def get_config_class(cls) -> Any:
        return SimpleNamespace(from_args=lambda args: args)

    @abstractmethod
    def __call__(self, tokenized_prediction: Any, prediction: Any, label: Any, query: Any = None) -> Any: ...


def test_open_instruct_finds_the_verifier_by_its_name() -> None:
    made = open_instruct.verifier("math", name="r1_math", base=VerifierFunction)
    verifiers = {}
    for subclass in VerifierFunction.__subclasses__():
        instance: Any = subclass(subclass.get_config_class().from_args(None))
        verifiers[instance.name.lower()] = instance
    one = verifiers["r1_math"]
    assert type(one) is made

    async def reward(text: str, label: Any) -> Any:
        return await one.async_call(tokenized_prediction=[1], prediction=text, label=label, query="2 + 2?")

    results = [asyncio.run(reward(text, "4")) for text in TEXTS]
    assert [10 * result.score * one.weight for result in results] == [10.0, 10.0, 0.0]
    unjudged = asyncio.run(reward(RIGHT, "proof"))
    assert unjudged.score == 0.0
    assert unjudged.reasoning.startswith("reference_unusable: ")
    with pytest.raises(ConfigError, match="open-instruct cannot"):
        open_instruct.verifier("math", on_error="none")


# The following are run by their own packages in tests/peers; here their shapes alone.


def test_trinity_function_gives_weighted_terms() -> None:
    made = trinity.reward("math", "format:0.1")
    assert [sum(made()(response=text, truth="4").values()) for text in TEXTS] == pytest.approx([1.1, 1.0, 0.0])
    result = made(rewards=["format"], options={"format": {"profile": "boxed"}})(response=TEXTS[1], truth="4")
    assert result == {"format": 1.0}
    with pytest.raises(NotScoredError, match="reference_unusable"):
        made()(response=RIGHT, truth="proof")
    with pytest.raises(ConfigError, match="no option 'reward'"):
        made(reward="math")


def test_atropos_function_gives_a_group() -> None:
    made = atropos.reward("math", "format")(weight=0.5)
    said: list[Any] = [
        RIGHT,
        {"role": "assistant", "content": TEXTS[1]},
        {"message": {"role": "assistant", "content": TEXTS[2]}},
        [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": RIGHT}],
    ]
    assert made(said, answer="4") == [1.0, 0.5, 0.0, 1.0]
    assert made(said, answer=["4", "4", "4", "proof"], kind="math") == [1.0, 0.5, 0.0, 0.5]


def test_openenv_rubric_reads_actions_and_observations() -> None:
    rubric = openenv.rubric("math")()
    action = SimpleNamespace(message=RIGHT, metadata={"answer": "4"})
    seen = SimpleNamespace(done=True, reward=None, metadata={})
    assert rubric.forward(action, seen) == 1.0
    assert rubric.forward(SimpleNamespace(content=None), SimpleNamespace(metadata={"answer": "4"})) == 0.0
    assert rubric.forward(SimpleNamespace(message=RIGHT), SimpleNamespace(kind="math")) is None


@dataclasses.dataclass(kw_only=True, slots=True)
class TitanConfig:
    truncation_reward: float | None = None
    error_reward: float | None = None
    weight: float = 1.0


class TitanBase:
    """`torchtitan/experiments/rl/rubrics/rubric.py::Rubric` and `RewardFn` (0.3.0)."""

    Config = TitanConfig

    def __init__(self, config: TitanConfig) -> None:
        self.weight = config.weight


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class RubricOutput:
    reward: float
    reward_breakdown: dict[str, float]


def titan_rollout(text: str, status: str = "completed") -> Any:
    turn = SimpleNamespace(completion_message={"role": "assistant", "content": text}, prompt_messages=[])
    is_status = SimpleNamespace(is_truncated=lambda: status == "cut", is_error=lambda: status == "error")
    return SimpleNamespace(turns=[turn], status=is_status)


def test_torchtitan_rubric_and_function() -> None:
    made = torchtitan.rubric("math", "format:0.1", base=TitanBase)
    rubric = made(made.Config(truncation_reward=-1.0))
    rollouts = [*map(titan_rollout, TEXTS), titan_rollout(RIGHT, "cut")]
    outputs = asyncio.run(rubric.score_group(rollouts, SimpleNamespace(ground_truth="4")))
    assert [output.reward for output in outputs] == pytest.approx([1.1, 1.0, 0.0, -1.0])
    function = torchtitan.reward_fn("math", base=TitanBase)
    call = function(function.Config(weight=0.5))
    assert asyncio.run(call(rollouts[0], SimpleNamespace(ground_truth="4"))) == 1.0
    with pytest.raises(NotScoredError):
        asyncio.run(call(rollouts[0], SimpleNamespace(ground_truth="proof")))


class ProblemEnv:
    """`tinker_cookbook/rl/problem_env.py::ProblemEnv` (0.6.1)."""

    def __init__(self, renderer: Any, convo_prefix: Any = None) -> None:
        self.renderer, self.convo_prefix = renderer, convo_prefix or []


@dataclasses.dataclass(frozen=True)
class GroupBuilder:
    num_envs: int


def test_tinker_environment_and_group() -> None:
    env = tinker.environment("math", "format", base=ProblemEnv)(None, {"problem": "2 + 2?", "ground_truth": "4"})
    assert (env.get_question(), env.get_reference_answer()) == ("2 + 2?", "4")
    assert [(env.check_answer(text), env.check_format(text)) for text in TEXTS] == [(1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]
    result = SimpleNamespace(reward=0.0, metrics={tinker.UNJUDGED: 1.0})
    group = [SimpleNamespace(transitions=[SimpleNamespace(reward=r, metrics={})]) for r in (1.0, 0.0)]
    builder = tinker.group_builder(GroupBuilder)(num_envs=3)
    outcome = asyncio.run(builder.compute_group_rewards([*group, SimpleNamespace(transitions=[result])], []))
    assert [reward for reward, _ in outcome] == [0.0, 0.0, 0.5]
