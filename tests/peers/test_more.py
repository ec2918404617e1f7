"""tinker-cookbook, torchtitan, Trinity-RFT, OpenEnv, atropos and miles: their own code, calling our rewards."""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import math
import pickle
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters import atropos, openenv, slime, tinker, torchtitan, trinity
from r1_reward.verifiers import InstrumentDown, NotScoredError

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"
TEXTS = [RIGHT, r"\boxed{4}", r"\boxed{5}"]


def offered(name: str) -> Any:  # any: a module
    """A trainer's module; skipped where the trainer, or something that it needs, is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"needs {error.name}")


def without_init(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Import modules of a package without the package's own `__init__`, which imports what has no part here."""
    for name in names:
        first, *rest = name.split(".")
        spec = importlib.util.find_spec(first)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"needs {first}")
        stand_in = ModuleType(name)
        stand_in.__path__ = [str(Path(spec.submodule_search_locations[0]).joinpath(*rest))]
        monkeypatch.setitem(sys.modules, name, stand_in)


# tinker-cookbook: its rollouts of a group, its advantages and its training data


class Renderer:
    """What a ProblemEnv asks of tinker-cookbook's renderers, over texts by number."""

    def get_stop_sequences(self) -> list[str]:
        return ["<|im_end|>"]

    def build_generation_prompt(self, messages: list[Any]) -> Any:
        return offered("tinker").ModelInput.from_ints([1, 2, 3])

    def parse_response(self, action: list[int]) -> tuple[dict[str, Any], Any]:
        renderers = offered("tinker_cookbook.renderers.base")
        parts = [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": r"<answer>\boxed{4}</answer>"}]
        content: Any = parts if action[0] == 100 else TEXTS[action[0] - 100]
        return {"role": "assistant", "content": content}, renderers.ParseTermination.STOP_SEQUENCE


class Policy:
    """Says the texts one after the other."""

    def __init__(self) -> None:
        self.said = 0

    async def __call__(self, observation: Any, stop: Any) -> Any:
        completers = offered("tinker_cookbook.completers")
        self.said += 1
        return completers.TokensWithLogprobs(tokens=[99 + self.said, 7], maybe_logprobs=[-0.5, -0.5])


def test_tinker_cookbook_masks_what_could_not_be_judged_and_moves_no_other_advantage() -> None:
    problem = offered("tinker_cookbook.rl.problem_env")
    rollouts, processing = offered("tinker_cookbook.rl.rollouts"), offered("tinker_cookbook.rl.data_processing")
    made = tinker.environment("math", "format:0.1", base=problem.ProblemEnv)
    rows = [{"question": "2 + 2?", "answer": gold, "kind": "math"} for gold in ("4", "proof", "4")]

    class Group(tinker.group_builder(problem.ProblemGroupBuilder)):  # type: ignore[misc]  # rows of its own
        async def make_envs(self) -> list[Any]:
            return [made(Renderer(), row) for row in rows]

    group = Group(env_thunk=lambda: None, num_envs=3)
    result = asyncio.run(rollouts.do_group_rollout(group, Policy()))
    assert result.get_total_rewards() == pytest.approx([1.1, 0.55, 0.0])
    advantages = processing.compute_advantages([result])
    assert advantages[0].tolist() == pytest.approx([0.55, 0.0, -0.55])
    data, _ = processing.assemble_training_data([result], advantages)
    masks = [datum.loss_fn_inputs["mask"].to_torch().sum().item() for datum in data]
    assert [mask > 0 for mask in masks] == [True, False, True]
    metrics = result.trajectories_G[0].transitions[0].metrics
    assert metrics == {"valid": 1.0, "error": 0.0, "math_reward": 1.0, "format_reward": 1.0}


# torchtitan: a rubric scoring a group, and its advantages


@pytest.fixture
def titan(monkeypatch: pytest.MonkeyPatch) -> Any:
    """torchtitan's rubrics, without the package around them, which imports vLLM."""
    without_init(monkeypatch, "torchtitan.experiments.rl", "torchtitan.experiments.rl.rollout")
    return offered("torchtitan.experiments.rl.rubrics")


def titan_rollouts(texts: list[str]) -> list[Any]:
    types = offered("torchtitan.experiments.rl.rollout.types")
    made = []
    for at, text in enumerate(texts):
        turn = types.RolloutTurn(
            rollout_id=None,
            prompt_token_ids=[1],
            completion_token_ids=[2],
            completion_logprobs=[0.0],
            prompt_messages=[{"role": "user", "content": "2 + 2?"}],
            completion_message={"role": "assistant", "content": text},
        )
        status = types.RolloutStatus.COMPLETED if text else types.RolloutStatus.TRUNCATED_LENGTH
        made.append(types.Rollout(group_id=0, rollout_id=at, turns=[turn], status=status))
    return made


def test_torchtitan_scores_a_group_and_an_unjudged_row_has_no_advantage(titan: Any) -> None:
    made = torchtitan.rubric("math", "format:0.5", base=titan.Rubric, window=10)
    rubric = made.Config(truncation_reward=-1.0).build()
    assert isinstance(rubric, titan.Rubric)
    gold = SimpleNamespace(prompt="2 + 2?", ground_truth="4")
    outputs = asyncio.run(rubric.score_group(titan_rollouts([*TEXTS, ""]), gold))
    assert [output.reward for output in outputs] == [1.5, 1.0, 0.0, -1.0]
    assert outputs[0].reward_breakdown["format_reward"] == 1.0
    advantage = offered("torchtitan.experiments.rl.rollout.advantage").AdvantageEstimator.Config().build()
    types = offered("torchtitan.experiments.rl.rollout.types")
    rollouts = titan_rollouts(TEXTS)
    unjudged = asyncio.run(rubric.score_group(rollouts, SimpleNamespace(ground_truth=None, kind="math")))
    for rollout, output in zip(rollouts, unjudged, strict=True):
        rollout.reward = output.reward
    assert advantage(types.RolloutGroup(group_id=0, rollouts=rollouts)) == [0.0, 0.0, 0.0]
    assert [output.reward_breakdown["valid"] for output in unjudged] == [0.0] * 3
    with pytest.raises(InstrumentDown):
        asyncio.run(rubric.score_group(titan_rollouts(TEXTS * 2), SimpleNamespace(ground_truth="proof", kind="math")))


def test_torchtitan_drops_a_group_whose_reward_function_could_not_judge(titan: Any) -> None:
    made = torchtitan.reward_fn("math", base=titan.RewardFn)
    other = torchtitan.reward_fn("format", base=titan.RewardFn)
    rubric = titan.Rubric.Config(reward_fns=[made.Config(weight=3.0), other.Config(weight=1.0)]).build()
    outputs = asyncio.run(rubric.score_group(titan_rollouts(TEXTS), SimpleNamespace(ground_truth="4")))
    assert [output.reward for output in outputs] == [1.0, 0.75, 0.0]
    with pytest.raises(NotScoredError, match="no reference"):
        asyncio.run(rubric.score_group(titan_rollouts(TEXTS), SimpleNamespace(kind="math")))


# Trinity-RFT: the registry, and a workflow's run


def trinity_task(name: str, truth: str | None, **args: Any) -> Any:
    workflow = offered("trinity.common.workflows.workflow")
    fn = offered("trinity.common.rewards").REWARD_FUNCTIONS.get(name)
    config = offered("trinity.common.config")
    raw = {"question": "2 + 2?", "answer": truth}
    return workflow.Task(
        workflow=workflow.SimpleWorkflow,
        reward_fn=fn,
        reward_fn_args=args,
        raw_task=raw,
        format_args=config.FormatConfig(prompt_key="question", response_key="answer"),
    )


def trinity_run(task: Any) -> list[Any]:
    said = [
        SimpleNamespace(response_text=text, metrics=None, reward=None, eid=SimpleNamespace(run=0)) for text in TEXTS
    ]
    model = SimpleNamespace(chat=lambda _, **__: said, get_openai_client=lambda: None)
    flow = offered("trinity.common.workflows.workflow").SimpleWorkflow(task=task, model=model)
    flow.set_repeat_times(len(TEXTS), 0)
    return list(flow.run())


def test_trinity_takes_a_reward_by_its_path_and_its_arguments() -> None:
    ours = "r1_reward.adapters.trinity."
    assert [one.reward for one in trinity_run(trinity_task(f"{ours}math_format", "4"))] == [2.0, 1.0, 0.0]
    weighed = trinity_run(trinity_task(f"{ours}configured", "4", rewards=["math", "format:0.1"]))
    assert [one.reward for one in weighed] == pytest.approx([1.1, 1.0, 0.0])
    assert weighed[0].metrics == {"math": 1.0, "format": 0.1}
    with pytest.raises(NotScoredError):
        trinity_run(trinity_task(f"{ours}math", "proof", rewards=["math"]))
    assert [one.reward for one in trinity_run(trinity_task(f"{ours}math", "proof", on_error="zero"))] == [0.0] * 3
    made = trinity.configured
    assert pickle.loads(pickle.dumps(made)) is made


# OpenEnv: a rubric in an environment


def test_openenv_puts_the_reward_into_the_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    without_init(monkeypatch, "openenv.core", "openenv.core.env_server")
    rubrics, types = offered("openenv.core.rubrics"), offered("openenv.core.env_server.types")
    action: Any = types.Action
    environment: Any = offered("openenv.core.env_server.interfaces").Environment

    class Said(action):  # type: ignore[misc]
        message: str

    class Asked(environment):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(rubric=openenv.rubric("math", "format:0.1", base=rubrics.Rubric)())

        def reset(self, **_: Any) -> Any:
            return types.Observation()

        def step(self, action: Any, **_: Any) -> Any:
            seen = types.Observation(done=True, metadata={"answer": action.metadata.get("gold"), "kind": "math"})
            seen.reward = self._apply_rubric(action, seen)
            return seen

        @property
        def state(self) -> Any:
            return types.State()

    env = Asked()
    assert env.step(Said(message=RIGHT, metadata={"gold": "4"})).reward == 1.1
    assert env.step(Said(message="four", metadata={"gold": "4"})).reward == 0.0
    assert env.step(Said(message=RIGHT)).reward is None
    assert isinstance(openenv.math, type)
    assert issubclass(openenv.math, rubrics.Rubric)
    total = rubrics.WeightedSum([openenv.math(), openenv.format()], [0.5, 0.5])
    with pytest.raises(TypeError):  # no number of its own where a part has none
        total(Said(message=RIGHT), types.Observation(metadata={"kind": "math"}))


# atropos: the registry, a group, and what its own call hides


def test_atropos_gives_a_row_that_could_not_be_judged_the_mean_of_its_group() -> None:
    module = offered("atroposlib.envs.reward_fns.reward_function")
    registry = offered("atroposlib.envs.reward_fns.registry").registry
    cls = atropos.reward("math", "format:0.5", base=module.RewardFunction, window=8)
    registry.register(cls, name="r1_math")
    made = registry.create({"type": "r1_math", "weight": 2.0, "name": "ours"})
    assert isinstance(made, module.RewardFunction)
    assert (made.name, made(TEXTS, answer="4")) == ("ours", [3.0, 2.0, 0.0])
    one_each = made([*TEXTS, RIGHT], answer=["4", "4", "4", None], kind="math")
    assert one_each == pytest.approx([3.0, 2.0, 0.0, 5 / 3])
    with pytest.raises(InstrumentDown):
        made(TEXTS * 2, answer="proof", kind="math")
    assert issubclass(atropos.math_format, module.RewardFunction)
    normal = atropos.reward("math", "format", base=module.RewardFunction, normalize=True)()(TEXTS, answer="4")
    assert math.fsum(normal) == pytest.approx(0.0)
    assert normal[0] == pytest.approx(0.7071 + 1.4142, abs=1e-3)


# miles: slime's shape, called by its own code


def test_miles_calls_slimes_function_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, types = offered("miles.rollout.rm_hub"), offered("miles.utils.types")
    args = SimpleNamespace(custom_rm_path="r1_reward.adapters.slime.math_format", rm_type="", reward_key=None)

    def samples(*golds: str | None) -> list[Any]:
        asked = [{"role": "user", "content": "2 + 2?"}]
        return [
            types.Sample(prompt=asked, response=text, label=gold, metadata={"kind": "math"})
            for text, gold in zip(TEXTS, golds, strict=True)
        ]

    for sample, reward in zip(samples("4", "4", "4"), [2.0, 1.0, 0.0], strict=True):
        assert asyncio.run(hub.async_rm(args, sample)) == reward
    group = samples("4", None, "4")
    assert asyncio.run(hub.batched_async_rm(args, group)) == [2.0, 1.0, 0.0]
    assert [sample.remove_sample for sample in group] == [False, True, False]
    assert pickle.loads(pickle.dumps(slime.math_format)).plan == slime.math_format.plan
    assert functools.partial(slime.math_format, args).func is slime.math_format
