"""verl's own reward managers and loop, calling our functions by configuration on recorded data."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from r1_reward.verifiers import InstrumentDown

verl = pytest.importorskip("verl")

OURS = "pkg://r1_reward.adapters.verl"
SAID = [r"<think> 2 + 2 </think> <answer> \boxed{4} </answer>", r"\boxed{4}", r"\boxed{5}", ""]


def config(name: str = "compute_score", manager: str = "naive", **kwargs: Any) -> Any:  # any: a DictConfig
    from omegaconf import OmegaConf

    return OmegaConf.create(
        {
            "reward": {
                "num_workers": 1,
                "custom_reward_function": {"path": OURS, "name": name, "reward_kwargs": kwargs},
                "reward_manager": {"source": "register", "name": manager, "module": None},
                "reward_model": {"enable": False},
                "reward_kwargs": {},
            }
        }
    )


def batch(tokenizer: Any, truths: list[Any], extras: list[dict[str, Any]] | None = None) -> Any:  # any: a DataProto
    """A batch as verl's rollout leaves it: prompts padded on the left, responses on the right."""
    import numpy
    import torch
    from verl import DataProto

    def padded(texts: list[str], left: bool) -> Any:
        ids = [tokenizer(text)["input_ids"] for text in texts]
        width = max(map(len, ids))
        pads = [[tokenizer.pad_token_id] * (width - len(one)) for one in ids]
        return torch.tensor([pad + one if left else one + pad for pad, one in zip(pads, ids, strict=True)])

    prompts, responses = padded(["What is 2 + 2 ?"] * len(SAID), left=True), padded(SAID, left=False)
    tokens = torch.cat([prompts, responses], dim=1)
    return DataProto.from_dict(
        tensors={
            "prompts": prompts,
            "responses": responses,
            "input_ids": tokens,
            "attention_mask": (tokens != tokenizer.pad_token_id).long(),
        },
        non_tensors={
            "data_source": numpy.array(["openai/gsm8k"] * len(SAID), dtype=object),
            "reward_model": numpy.array([{"style": "rule", "ground_truth": truth} for truth in truths], dtype=object),
            "extra_info": numpy.array(extras or [{"index": i} for i in range(len(SAID))], dtype=object),
        },
    )


def run_loop(manager: Any, data: Any) -> list[dict[str, Any]]:
    async def all_of_them() -> list[dict[str, Any]]:
        manager.loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(manager.run_single(data[i : i + 1]) for i in range(len(data)))))

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", ["naive", "dapo"])
def test_reward_loop_reads_the_same_keys_from_every_sample(name: str, tokenizer: Any) -> None:
    import numpy
    from verl.trainer.ppo.reward import load_reward_manager

    made = load_reward_manager(config(manager=name, rewards=["math", "format"]), tokenizer)
    extras: list[dict[str, Any]] = [
        {"index": 0},
        {"index": 1, "kind": "math"},
        {"index": 2, "answer": "long …"},
        {"index": 3},
    ]
    result = run_loop(made, batch(tokenizer, ["4", "4", "4", None], extras))
    assert [one["reward_score"] for one in result] == [2.0, 1.0, 0.0, 0.0]
    infos = [one["reward_extra_info"] for one in result]
    # as RewardLoopManager.compute_rm_score does: keys of the first, values of all
    columns = {key: numpy.array([info[key] for info in infos]) for key in infos[0]}
    assert list(columns["valid"]) == [1.0, 1.0, 1.0, 0.0]
    assert list(columns["error"]) == [0.0, 0.0, 0.0, 1.0]
    assert list(columns["math_reward"]) == [1.0, 1.0, 0.0, 0.0]
    assert list(columns["format_reward"]) == [1.0, 0.0, 0.0, 0.0]
    assert all(column.dtype.kind == "f" and numpy.isfinite(column).all() for column in columns.values())


def test_reward_scores_stand_at_the_last_token(tokenizer: Any) -> None:
    from verl.trainer.ppo.reward import load_reward_manager

    made = load_reward_manager(config(rewards="math"), tokenizer)
    data = batch(tokenizer, ["4"] * 4)[:3]
    scores = type(made).assemble_rm_scores(data, [one["reward_score"] for one in run_loop(made, data)])
    assert scores.sum(dim=1).tolist() == [1.0, 1.0, 0.0]


def test_worker_of_the_reward_loop_judges_a_chunk(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
    from verl.trainer.ppo.reward import load_reward_manager

    made = load_reward_manager(config(rewards="math"), tokenizer)
    worker = object.__new__(RewardLoopWorker)  # its __init__ loads a tokenizer from disk, and nothing else
    worker.config, worker.reward_manager = config(rewards="math"), made

    async def judge() -> Any:
        made.loop = asyncio.get_running_loop()
        return await worker.compute_score_batch(batch(tokenizer, ["4"] * 4))

    assert [one["reward_score"] for one in asyncio.run(judge())] == [1.0, 1.0, 0.0, 0.0]


def test_batch_manager_fills_its_tensor(tokenizer: Any) -> None:
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.workers.reward_manager.batch import BatchRewardManager

    function = get_custom_reward_fn(config("compute_scores", rewards=["math", "format"]))
    made = BatchRewardManager(tokenizer, num_examine=0, compute_score=function)
    result = made(batch(tokenizer, ["4"] * 4)[:3], return_dict=True)
    assert result["reward_tensor"].sum(dim=1).tolist() == [2.0, 1.0, 0.0]
    assert result["reward_extra_info"]["format_reward"] == [1.0, 0.0, 0.0]


def test_prime_manager_pickles_the_float_twin_into_its_processes(tokenizer: Any) -> None:
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.workers.reward_manager.prime import run_reward_scoring

    function = get_custom_reward_fn(config("compute_float", rewards="math"))
    assert run_reward_scoring(function, SAID, ["4"] * 4, ["gsm8k"] * 4, None, num_processes=1) == [1.0, 1.0, 0.0, 0.0]


def test_main_eval_averages_floats(tokenizer: Any) -> None:
    from verl.trainer import main_eval

    process_item = main_eval.process_item._function  # what the Ray task runs
    source, mean = process_item(config("compute_float", rewards="math"), "gsm8k", SAID, {"ground_truth": "4"})
    assert (source, mean) == ("gsm8k", 0.5)


def test_options_of_every_kind_come_through_hydra(tokenizer: Any) -> None:
    from verl.trainer.ppo.reward import load_reward_manager

    kwargs: dict[str, Any] = {
        "rewards": ["math", "format"],
        "options": {"math": {"extraction": "lenient"}, "format": {"profile": "r1_chat"}},
        "prefilled": True,
        "on_error": "raise",
        "breaker": None,
    }
    made = load_reward_manager(config(**kwargs), tokenizer)
    result = made.compute_score(
        data_source="x", solution_str="2 + 2</think>The answer is 4.", ground_truth="4", extra_info={}
    )
    assert (result["math_reward"], result["format_reward"]) == (1.0, 1.0)
    with pytest.raises(Exception, match="no reference"):
        made.compute_score(data_source="x", solution_str="4", ground_truth=None, extra_info={"kind": "math"})


def test_breaker_ends_a_run_whose_instrument_is_down(tokenizer: Any) -> None:
    from verl.trainer.ppo.reward import load_reward_manager

    made = load_reward_manager(config(rewards="math", window=4), tokenizer)
    with pytest.raises(InstrumentDown):
        run_loop(made, batch(tokenizer, [None] * 4))
    assert math.isfinite(made.compute_score(data_source="x", solution_str="4", ground_truth="4")["score"])


# verl: RewardLoopManager, whose workers are Ray actors


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def manager(tokenizer: Any, folder: Path, **kwargs: Any) -> Any:
    from omegaconf import OmegaConf
    from verl.experimental.reward_loop.reward_loop import RewardLoopManager

    tokenizer.save_pretrained(folder)
    result = config(**kwargs)
    result.reward.num_workers = 2
    more = {"actor_rollout_ref": {"model": {"path": str(folder), "tokenizer_path": None}}, "data": {}}
    return RewardLoopManager(OmegaConf.merge(result, more))


def test_verl_judges_in_ray_actors_and_says_what_is_valid(cluster: Any, tokenizer: Any, tmp_path: Path) -> None:
    made = manager(tokenizer, tmp_path, rewards=["math", "format:0.5"])
    result = made.compute_rm_score(batch(tokenizer, ["4", "proof", "4", "4"]))
    assert result.batch["rm_scores"].sum(dim=1).tolist() == [1.5, 0.0, 0.0, 0.0]
    assert result.non_tensor_batch["valid"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert result.non_tensor_batch["error"].tolist() == [0.0, 1.0, 0.0, 0.0]
    for worker in made.reward_loop_workers:
        cluster.kill(worker)


def test_verl_ends_where_nothing_can_be_judged(cluster: Any, tokenizer: Any, tmp_path: Path) -> None:
    made = manager(tokenizer, tmp_path, rewards="math", window=4)
    bad = batch(tokenizer, ["proof"] * len(SAID))
    result = made.compute_rm_score(bad)  # two of four in each worker
    assert result.non_tensor_batch["valid"].tolist() == [0.0] * len(SAID)
    with pytest.raises(InstrumentDown, match="reference_unusable"):
        made.compute_rm_score(bad)
    for worker in made.reward_loop_workers:
        cluster.kill(worker)


def test_verl_ends_with_a_killed_worker_and_not_with_zeros(cluster: Any, tokenizer: Any, tmp_path: Path) -> None:
    made = manager(tokenizer, tmp_path, rewards="math")
    assert made.compute_rm_score(batch(tokenizer, ["4"] * 4)).batch["rm_scores"].sum().item() == 2.0
    cluster.kill(made.reward_loop_workers[0])
    with pytest.raises(cluster.exceptions.RayActorError):
        made.compute_rm_score(batch(tokenizer, ["4"] * 4))
    cluster.kill(made.reward_loop_workers[1])


def test_verls_gdpo_takes_the_parts(tokenizer: Any) -> None:
    import numpy
    import torch
    from omegaconf import OmegaConf
    from verl.trainer.ppo.core_algos import compute_gdpo_outcome_advantage
    from verl.trainer.ppo.reward import load_reward_manager

    made = load_reward_manager(config(rewards=["math", "format"]), tokenizer)
    data = batch(tokenizer, ["4"] * 4)[:3]
    infos = [one["reward_extra_info"] for one in run_loop(made, data)]
    width = data.batch["responses"].shape[1]
    advantages, _ = compute_gdpo_outcome_advantage(
        token_level_rewards=torch.zeros(3, width),
        response_mask=torch.ones(3, width),
        index=numpy.array(["one"] * 3, dtype=object),
        config=OmegaConf.create({"gdpo_reward_keys": ["math_reward", "format_reward"]}),
        non_tensor_batch={key: numpy.array([info[key] for info in infos]) for key in infos[0]},
        batch=data.batch,
    )
    both, right, wrong = advantages[:, 0].tolist()
    assert both > right > wrong
    assert both + right + wrong == pytest.approx(0.0, abs=1e-4)
