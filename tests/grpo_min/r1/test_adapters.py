"""Adapters from stage to stage: what one learned is in the weights that the next begins from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from r1_reward.grpo_min.r1.evaluate import load
from r1_reward.grpo_min.r1.recipe import read_stages
from r1_reward.grpo_min.r1.sft import SFTConfig, SFTExample, fine_tune
from r1_reward.grpo_min.r1.stages import run_recipe
from r1_reward.grpo_min.toy.arithmetic import toy_model, toy_tokenizer
from r1_reward.reward_models import StoppedError

from .test_stages import write_recipe

pytestmark = [
    pytest.mark.needs("peft"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks transformers for it
]


def test_stages_with_adapters_go_on_from_what_they_learned(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "rl.model.lora_rank": 2, "rl.optimizer.lr": 1e-2, "cold_start.sft.lora_rank": 2, "stages": ["rl1"],
    }  # fmt: skip
    recipe = read_stages(write_recipe(tmp_path), changes)
    fields = dict(run_recipe(recipe))
    assert list(fields) == ["base", "zero", "cold_start", "rl1"]
    models = {name: load(Path(recipe.output) / name / "checkpoint")[0] for name in fields}
    assert not any((Path(recipe.output) / name / "checkpoint" / "adapter_config.json").exists() for name in fields)
    base = models["base"].state_dict()
    for name in ("zero", "cold_start", "rl1"):
        start = models["cold_start"].state_dict() if name == "rl1" else base
        moved = {key for key, value in models[name].state_dict().items() if not torch.equal(value, start[key])}
        # All linear layers but the head, and nothing else: not the embeddings, not the norms.
        assert moved == {key for key in base if "proj" in key}, name


def test_fine_tuning_adapters_changes_the_model_given_and_resumes(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    examples = [SFTExample((5, 6, place % 9 + 10), (7, place % 5 + 20, 1)) for place in range(16)]
    config = SFTConfig(epochs=2, batch=4, lora_rank=2, checkpoint_every=3)
    weights = []
    for stop in (None, 3):
        model = toy_model(tokenizer, width=16, layers=1)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        folder = tmp_path / str(stop)
        if stop:
            left = [False, False, True]
            with pytest.raises(StoppedError, match="stopped after step 3"):
                fine_tune(model, examples, config, folder, seed=0, stage="sft", stopped=partial(left.pop, 0))
            model = toy_model(tokenizer, width=16, layers=1)
        result = fine_tune(model, examples, config, folder, seed=0, stage="sft")
        assert result.steps == 8
        after = model.state_dict()
        assert after.keys() == before.keys()
        assert any(not torch.equal(before[name], value) for name, value in after.items())
        assert all(weight.requires_grad for weight in model.parameters())
        weights.append(after)
    assert all(torch.equal(weights[1][name], value) for name, value in weights[0].items())
