"""Engines that are not the training model: the correction of what they sampled, and the weights they are given.

vLLM itself is in test_vllm.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from r1_reward.grpo_min.config import (
    DataConfig,
    EngineConfig,
    ModelConfig,
    OptimizerConfig,
    RolloutConfig,
    TrainConfig,
)
from r1_reward.grpo_min.engine import Completion, HFEngine, Tokens, checked, save_weights
from r1_reward.grpo_min.learner import prepared
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import Correction, LossConfig
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.verifiers import Reason, Verdict
from r1_reward.verifiers.errors import ConfigError


class OffEngine(HFEngine):
    """The training model's own samples, with log-probabilities off by a constant, as other kernels' might be."""

    exact = False

    def __init__(self, model: Any, off: float, **options: Any) -> None:  # any: HFEngine's
        super().__init__(model, **options)
        self._off = off

    def generate(
        self, prompts: Sequence[Tokens], n: int, sampling: Sampling, seeds: Sequence[int]
    ) -> list[list[Completion]]:
        """HFEngine's, off."""
        completions = super().generate(prompts, n, sampling, seeds)
        return [
            [replace(one, logprobs=tuple(p + self._off for p in one.logprobs)) for one in each] for each in completions
        ]


class Long:
    """Rewards length."""

    name = "long"

    def __call__(self, samples: Any) -> list[Verdict]:  # any: a sequence of samples
        return [Verdict.scored(float(len(sample.response)), Reason.MEASURED) for sample in samples]


def _gradient(folder: Path, off: float, correction: Correction, floor: float = 0.0) -> torch.Tensor:
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer, width=16, layers=1)
    config = TrainConfig(
        output=str(folder),
        steps=1,
        data=DataConfig(template="plain"),
        optimizer=OptimizerConfig(clip=0.0),
        loss=LossConfig(kl="none", beta=0.0, engine_correction=correction, engine_ratio_floor=floor),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=1, max_tokens=((0, 6),)),
    )
    engine = OffEngine(model, off, stop_tokens=[tokenizer.eos_token_id])
    trainer = Trainer(config, model, tokenizer, sums(5, 0), Long(), engine=engine)
    results: list[torch.Tensor] = []

    def look(*_: Any) -> None:  # any: what torch passes to a hook
        results.extend(weight.grad.flatten().clone() for weight in model.parameters() if weight.grad is not None)

    trainer.learner.optimizer.register_step_pre_hook(look)
    (line,) = trainer.steps()
    # The old log-probabilities are the training forward's own, so the ratio is 1 whatever the engine told.
    assert line["ratio/max"] == pytest.approx(1, abs=1e-5)
    assert line["engine/gap"] == pytest.approx(abs(off), abs=1e-5)
    outside = off == -5.0 or (floor > 0 and correction.startswith("sequence"))
    assert line.get("engine/cut", 0.0) == (correction != "none" and outside)
    assert ("engine_gap" in [alarm["name"] for alarm in line["alarms"]]) is (abs(off) > 0.1)
    trainer.close()
    return torch.cat(results)


@pytest.mark.parametrize(
    ("correction", "factors"),
    [
        ("token_truncate", (math.exp(-0.5), 2.0)),
        ("token_mask", (math.exp(-0.5), 0.0)),
        ("none", (1.0, 1.0)),
    ],
)
def test_tokens_are_weighed_by_the_ratio_of_the_two_engines(
    tmp_path: Path, correction: Correction, factors: tuple[float, float]
) -> None:
    exact, likelier, rarer = (_gradient(tmp_path / str(off), off, correction) for off in (0.0, 0.5, -5.0))
    torch.testing.assert_close(likelier, exact * factors[0], atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(rarer, exact * factors[1], atol=1e-6, rtol=1e-3)


def test_a_sequence_that_is_too_unlikely_is_left_out_whole(tmp_path: Path) -> None:
    """Six tokens at exp(-.2) each are below a floor of .5, one token is not."""
    masked = _gradient(tmp_path / "masked", 0.2, "sequence_mask", floor=0.5)
    token = _gradient(tmp_path / "token", 0.2, "token_mask", floor=0.5)
    assert not masked.any()
    assert token.any()


def test_what_an_engine_would_tell_wrongly_is_refused(tmp_path: Path) -> None:
    for sampling in (Sampling(top_p=0.9), Sampling(top_k=3), Sampling(temperature=0.0)):
        with pytest.raises(ConfigError, match="an engine's log-probabilities"):
            checked(sampling)
    with pytest.raises(ConfigError, match=r"engine\.url"):
        EngineConfig(kind="server")
    tokenizer = toy_tokenizer()
    config = TrainConfig(
        output=str(tmp_path), data=DataConfig(template="plain"), engine=EngineConfig(kind="vllm"),
        rollout=RolloutConfig(max_tokens=((0, 6),)),
    )  # fmt: skip
    model = toy_model(tokenizer, width=16, layers=1)
    top = replace(config, rollout=replace(config.rollout, top_p=0.9))
    with pytest.raises(ConfigError, match=r"needs rollout\.top_p = 1"):
        Trainer(top, model, tokenizer, sums(5, 0), Long())
    away = replace(config, engine=EngineConfig(kind="server", url="http://127.0.0.1:9"))
    with pytest.raises(ConfigError, match="does not answer as an OpenAI-compatible server"):
        Trainer(away, model, tokenizer, sums(5, 0), Long())


@pytest.mark.needs("peft")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
def test_an_engine_gets_adapters_merged_and_the_policy_keeps_them_apart(tmp_path: Path) -> None:
    tokens = torch.tensor([[1, 5, 9, 12, 3]])
    policy = prepared(toy_model(toy_tokenizer(), width=16, layers=1), ModelConfig(lora_rank=2), 0)
    torch.manual_seed(0)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:  # zeros at the beginning, so that adapters do nothing
            torch.nn.init.normal_(weight)
    before = {name: weight.clone() for name, weight in policy.state_dict().items()}
    with torch.no_grad():
        expected = policy(tokens).logits
        foreign, replica = (toy_model(toy_tokenizer(), width=16, layers=1, seed=seed) for seed in (9, 8))
        save_weights(policy, tmp_path)
        missing = foreign.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=False).missing_keys
        assert missing == ["lm_head.weight"]  # tied, and so written once
        HFEngine(policy, stop_tokens=[0], replica=replica).sync(policy)
        for copy in (foreign, replica):
            torch.testing.assert_close(copy(tokens).logits, expected, atol=1e-5, rtol=1e-4)
        policy.disable_adapter_layers()  # type: ignore[operator]  # peft's wrapper
        assert (policy(tokens).logits - expected).abs().max() > 0.1
    assert all(torch.equal(before[name], weight) for name, weight in policy.state_dict().items())
