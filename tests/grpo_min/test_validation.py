"""Evaluation while a run trains: on other questions, the best checkpoint kept, the same after a resume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from r1_reward.grpo_min.config import CheckpointConfig, TrainConfig, ValidationConfig
from r1_reward.grpo_min.engine import Engine
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.r1.evaluate import load, make_validation
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.grpo_min.train import run_train
from r1_reward.verifiers.errors import ConfigError

from .test_loop import Evens, _config, _same


def _run(folder: Path, scores: Sequence[float], **changes: Any) -> Trainer:  # any: fields of the configuration
    """A trainer whose evaluations come out as told; it records the weights that each saw."""
    validation = ValidationConfig(every=2, path="held-out.jsonl", use_best=True)
    config = replace(_config(folder, validation=validation, checkpoint=CheckpointConfig(every=1)), **changes)
    tokenizer, left = toy_tokenizer(), dict(zip((2, 4, 6), scores, strict=True))

    def validate(model: PreTrainedModel, engine: Engine) -> Mapping[str, float]:
        assert engine is trainer.engine
        torch.rand(3)  # as a model with some chance in it
        return {"pass_at_1": left[trainer.step], "length": 3.0}

    model = toy_model(tokenizer, width=16, layers=1)
    trainer = Trainer(config, model, tokenizer, sums(7, 0), Evens(), validate=validate)
    return trainer


def test_the_best_checkpoint_is_kept_and_may_be_the_result(tmp_path: Path) -> None:
    trainer, lines, weights = _run(tmp_path, [0.5, 0.75, 0.75]), [], {}
    for line in trainer.steps():
        lines.append(line)
        weights[line["step"]] = {k: v.clone() for k, v in trainer.learner.policy.model.state_dict().items()}
    assert [line.get("eval/pass_at_1") for line in lines] == [None, 0.5, None, 0.75, None, 0.75]
    assert lines[1]["eval/length"] == 3.0
    assert lines[1]["seconds/eval"] >= 0
    assert json.loads((tmp_path / "best" / "best.json").read_text())["step"] == 4
    trainer.train(tmp_path / "model")
    assert _same(dict(load(tmp_path / "model")[0].state_dict()), weights[4])
    trainer.config = replace(trainer.config, validation=replace(trainer.config.validation, use_best=False))
    trainer.train(tmp_path / "last")
    assert _same(dict(load(tmp_path / "last")[0].state_dict()), weights[6])


def test_a_resumed_run_remembers_the_best(tmp_path: Path) -> None:
    list(_run(tmp_path, [0.9, 0.1, 0.2], steps=3).steps())
    again = _run(tmp_path, [0.9, 0.1, 0.2])
    assert (again.step, again.best) == (3, (0.9, 2))
    list(again.steps())
    assert json.loads((tmp_path / "best" / "best.json").read_text())["step"] == 2


def test_validation_asks_questions_of_its_own_through_the_command(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    toy_model(tokenizer, width=16, layers=1).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    for name, seed in (("train", 0), ("held-out", 1)):
        rows = [json.dumps(sample.to_dict()) for sample in sums(6, seed)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    recipe = f"""
        output = "{tmp_path}/out"
        steps = 2
        model.path = "{tmp_path}/model"
        data = {{ path = "{tmp_path}/train.jsonl", template = "plain" }}
        reward = {{ verifiers = ["math", "format"], options.math.extraction = "lenient" }}
        rollout = {{ questions = 2, samples = 2, minibatches = 1, max_tokens = 8 }}
        validation = {{ every = 1, path = "{tmp_path}/held-out.jsonl", questions = 4, k = 2 }}
    """
    (tmp_path / "recipe.toml").write_text(recipe)
    assert run_train(str(tmp_path / "recipe.toml")) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert all({"eval/pass_at_1", "eval/format", "eval/length"} <= set(line) for line in lines)
    assert (tmp_path / "out" / "best" / "model.safetensors").is_file()


def test_what_cannot_be_evaluated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"validation\.every needs validation\.path"):
        ValidationConfig(every=1)
    assert make_validation(TrainConfig(), None, Evens()) is None
    config = _config(tmp_path, validation=ValidationConfig(every=1, path="x"))
    with pytest.raises(ConfigError, match="validate="):
        Trainer(config, toy_model(toy_tokenizer(), width=16, layers=1), toy_tokenizer(), sums(7, 0), Evens())
