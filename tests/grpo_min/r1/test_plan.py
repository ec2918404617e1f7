"""`r1-reward train RECIPE --dry-run`: the paper's recipe says what the paper says, the arithmetic is that of models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode
from transformers import DynamicCache, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from r1_reward.cli import main
from r1_reward.grpo_min.config import TrainConfig
from r1_reward.grpo_min.logprobs import run_cached
from r1_reward.grpo_min.r1.cost import Assumptions, size_of
from r1_reward.grpo_min.r1.plan import plan
from r1_reward.grpo_min.r1.recipe import read_recipe, read_stages
from r1_reward.reward_models import options_of
from r1_reward.verifiers.errors import ConfigError

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
PAPER = RECIPES / "r1_paper.toml"


def test_the_recipe_has_the_numbers_of_the_paper() -> None:
    recipe = read_stages(PAPER)
    for stage in (recipe.zero, recipe.rl1, recipe.rl2):
        rollout = stage.rollout
        assert (stage.optimizer.lr, stage.loss.beta, stage.loss.kl) == (3e-6, 0.001, "k3")
        assert (rollout.questions, rollout.samples, rollout.minibatches) == (32, 16, 16)
        assert rollout.questions * rollout.samples * rollout.minibatches == 8_192
        assert stage.reference_every == 400
    assert (recipe.zero.steps, recipe.rl2.steps, recipe.preference_steps) == (10_400, 1_700, 400)
    assert recipe.zero.rollout.max_tokens == ((0, 32_768), (8_200, 65_536))
    assert recipe.rl1.rollout.max_tokens == recipe.rl2.rollout.max_tokens == ((0, 32_768),)
    assert [stage.rollout.temperature for stage in (recipe.zero, recipe.rl1, recipe.rl2)] == [
        ((0, 1.0),), ((0, 1.0),), ((0, 0.7),)
    ]  # fmt: skip
    assert [stage.loss.clip_high for stage in (recipe.rl1, recipe.rl2)] == [10, 10]
    assert [stage.reward.preset for stage in (recipe.zero, recipe.rl1, recipe.rl2)] == ["r1_zero", "rl1", "rl2"]
    for sft, lr, batch in ((recipe.cold_start.sft, 5e-5, 128), (recipe.sft2, 5e-5, 128), (recipe.distill, 1e-4, 64)):
        assert (sft.optimizer.lr, sft.optimizer.schedule, sft.optimizer.final, sft.batch) == (lr, "cosine", 0.1, batch)
        assert (sft.epochs in (2, 3), sft.max_tokens) == (True, 32_768)
    judge = options_of("helpful", recipe.reward_models.preset, **recipe.reward_models.options)
    assert (judge.batch, judge.lr, judge.epochs, judge.max_length) == (256, 6e-6, 1, 8_192)
    evaluation = recipe.evaluation
    assert (evaluation.temperature, evaluation.top_p, evaluation.k, evaluation.max_tokens) == (0.6, 0.95, 64, 32_768)
    assert recipe.cold_start.sample.temperature == 1.0
    assert {recipe.rl1.optimizer.rate(step, recipe.rl1.steps) for step in (0, 2_000)} == {3e-6}


def test_each_number_has_its_source_or_says_that_it_has_none() -> None:
    cited = re.compile(r"\[\?\]|Table \d|eq\.|eqs\.|Methods|[ABCD]\.\d")
    table = ""
    for number, line in enumerate(PAPER.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("["):
            table = line
        setting, _, comment = line.partition("#")
        match = re.match(r"(\w+) = (.+)", setting)
        if match and match[1] not in ("output", "final"):
            assert cited.search(comment), f"line {number}, {table}: {line}"


def test_the_plan_of_the_paper() -> None:
    stages = plan(str(PAPER), Assumptions())
    order = ["zero", "cold_start", "rl1", "reject_sample", "sft2", "reward_models", "rl2", "distill"]
    assert list(stages) == order
    zero, rl2 = stages["zero"].lines, stages["rl2"].lines
    assert zero["model"] == "DeepSeek-V3-Base, 671 G weights, 36.6 G of them for a token"
    assert zero["steps"] == "10,400 of 512 samples (32 questions x 16)"
    assert zero["rollouts"] == "650 of 8,192 samples, each 16 steps of 512"
    assert zero["reference"] == "the policy of each 400th step (25 of them), every 25 rollouts"
    assert zero["max_tokens"] == "32,768; 65,536 from step 8,200 (rollout of 8,208)"
    assert rl2["steps"].startswith("1,700 of 512")
    assert rl2["preference"] == "from step 1,300 of 1,700 on, with general prompts"
    assert stages["cold_start"].lines["rate"].startswith("cosine 5e-05 to 5e-06")
    assert "extend it first" in stages["distill"].lines["note"]
    # Within an order of magnitude of what the paper states for R1-Zero, from no number of its cost.
    assert 0.2 < stages["zero"].hours / 101_000 < 5


def test_an_experiment_that_is_named_is_planned(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('stages = ["no_language", "rl1"]\n' + PAPER.read_text(encoding="utf-8").replace("stages =", "#"))
    planned = plan(str(recipe), Assumptions())
    assert list(planned) == ["rl1", "no_language"]
    assert planned["no_language"].flops == planned["rl1"].flops


def test_what_is_assumed_moves_the_cost_as_it_should() -> None:
    recipe = str(RECIPES / "zero_gsm8k.toml")
    base, fast = plan(recipe, Assumptions())["run"], plan(recipe, Assumptions(train=0.7, decode=0.1))["run"]
    assert fast.hours == pytest.approx(base.hours / 2)
    longer = plan(recipe, Assumptions(length=0.5))["run"]
    assert 1.4 * base.flops < longer.flops < 2.1 * base.flops
    assert base.memory < 80e9  # one GPU, as the recipe says


def _saved(folder: Path, **options: object) -> PreTrainedModel:
    shape = {
        "vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 64, "attn_implementation": "eager", **options,
    }  # fmt: skip
    model: PreTrainedModel = Qwen2ForCausalLM(Qwen2Config(**shape)).eval()  # type: ignore[arg-type]  # by name
    model.config.save_pretrained(folder)
    return model


@pytest.mark.parametrize("tied", [True, False])
def test_forward_flops_are_those_that_torch_counts(tmp_path: Path, *, tied: bool) -> None:
    model, length = _saved(tmp_path, tie_word_embeddings=tied), 40
    size = size_of(str(tmp_path))
    assert size.weights == sum(weight.numel() for weight in model.parameters())
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        model(torch.zeros(1, length, dtype=torch.long))
    # torch counts the whole square of attention, and no biases or norms
    assert counted.get_total_flops() == pytest.approx(size.forward(length, 2 * length), rel=0.03)


def test_cache_bytes_are_those_of_a_cache(tmp_path: Path) -> None:
    model, cache = _saved(tmp_path), DynamicCache()
    with torch.no_grad():
        run_cached(model.base_model, cache, input_ids=torch.zeros(1, 10, dtype=torch.long))
    kept: list[Any] = list(cache.layers)  # any: layers of other kinds have no keys
    held = sum(layer.keys.numel() + layer.values.numel() for layer in kept)
    assert size_of(str(tmp_path)).cache == 2 * held / 10


def test_by_hand_without_weights_or_data(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["train", str(PAPER), "--dry-run", "--assume", "price=4"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert "10,400 of 512 samples" in run.stdout
    assert "price=4" in run.stdout
    recipe = tmp_path / "one.toml"
    _saved(tmp_path / "model")
    recipe.write_text(f"[model]\npath = {json.dumps(str(tmp_path / 'model'))}", encoding="utf-8")
    one = CliRunner().invoke(main, ["train", str(recipe), "--dry-run"], catch_exceptions=False)
    assert "100 of 512 samples" in one.stdout
    assert "do not fit the context of 64" in one.stdout


def test_what_cannot_be_planned_is_exit_status_two(tmp_path: Path) -> None:
    odd = CliRunner().invoke(main, ["train", str(PAPER), "--dry-run", "--assume", "prise=4"])
    assert odd.exit_code == 2
    assert "did you mean 'price'" in odd.output
    recipe = tmp_path / "one.toml"
    recipe.write_text(f"[model]\npath = {json.dumps(str(tmp_path / 'none'))}", encoding="utf-8")
    with pytest.raises(ConfigError, match="no configuration to plan with"):
        plan(str(recipe), Assumptions())


def test_the_small_recipe_is_one_run() -> None:
    config = read_recipe(RECIPES / "zero_gsm8k.toml")
    assert isinstance(config, TrainConfig)
    assert (config.optimizer.lr, config.loss.beta, config.rollout.samples) == (3e-6, 0.001, 16)
    assert config.steps * config.rollout.questions == pytest.approx(7_473, rel=0.05)
