"""A foreign engine: vLLM's call shapes with a stand-in for it (vLLM itself is not run here), and the correction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from r1_reward.grpo_min.config import DataConfig, ModelConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.learner import prepared
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.grpo_min.vllm_engine import VllmEngine
from r1_reward.verifiers import Reason, Verdict
from r1_reward.verifiers.errors import ConfigError


class Params(SimpleNamespace):
    """Takes what vllm.SamplingParams takes."""


class StandIn:
    """Answers vllm.LLM's calls with HFEngine, its log-probabilities off by a constant, as other kernels' might be."""

    def __init__(self, off: float) -> None:
        self.model = toy_model(toy_tokenizer(), width=16, layers=1, seed=9)
        self.off, self.resets = off, 0
        runner = SimpleNamespace(model=SimpleNamespace(load_weights=self.load))
        self.llm_engine = SimpleNamespace(
            model_executor=SimpleNamespace(driver_worker=SimpleNamespace(model_runner=runner))
        )

    def load(self, weights: Iterable[tuple[str, torch.Tensor]]) -> None:
        self.model.load_state_dict({name: weight.clone() for name, weight in weights})

    def reset_prefix_cache(self) -> None:
        self.resets += 1

    def generate(self, prompts: list[dict[str, list[int]]], params: list[Params], use_tqdm: bool) -> list[Any]:
        assert not use_tqdm
        engine, found = HFEngine(self.model, stop_tokens=[0]), []
        for prompt, wanted in zip(prompts, params, strict=True):
            sampling = Sampling(max_tokens=wanted.max_tokens, temperature=wanted.temperature)
            ((one,),) = engine.generate([tuple(prompt["prompt_token_ids"])], 1, sampling, [wanted.seed])
            told = [{t: SimpleNamespace(logprob=p + self.off)} for t, p in zip(one.tokens, one.logprobs, strict=True)]
            output = SimpleNamespace(token_ids=list(one.tokens), logprobs=told, finish_reason=one.finish)
            found.append(SimpleNamespace(outputs=[output]))
        return found


class Long:
    """Rewards length."""

    name = "long"

    def __call__(self, samples: Any) -> list[Verdict]:  # any: a sequence of samples
        return [Verdict.scored(float(len(sample.response)), Reason.MEASURED) for sample in samples]


def _gradient(folder: Path, off: float) -> torch.Tensor:
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer, width=16, layers=1)
    config = TrainConfig(
        output=str(folder),
        steps=1,
        data=DataConfig(template="plain"),
        optimizer=OptimizerConfig(clip=0.0),
        loss=LossConfig(kl="none", beta=0.0),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=1, max_tokens=((0, 6),)),
    )
    trainer = Trainer(config, model, tokenizer, sums(5, 0), Long(), engine=VllmEngine(StandIn(off), Params))
    found: list[torch.Tensor] = []

    def look(*_: Any) -> None:  # any: what torch passes to a hook
        found.extend(weight.grad.flatten().clone() for weight in model.parameters() if weight.grad is not None)

    trainer.learner.optimizer.register_step_pre_hook(look)
    (line,) = trainer.steps()
    # The old log-probabilities are the training forward's own, so the ratio is 1 whatever the engine told.
    assert line["ratio/max"] == pytest.approx(1, abs=1e-5)
    trainer.close()
    return torch.cat(found)


def test_tokens_are_weighed_by_the_truncated_ratio_of_the_two_engines(tmp_path: Path) -> None:
    exact, likelier, rarer = (_gradient(tmp_path / str(off), off) for off in (0.0, 0.5, -5.0))
    torch.testing.assert_close(likelier, exact * math.exp(-0.5), atol=1e-6, rtol=1e-3)
    torch.testing.assert_close(rarer, exact * 2.0, atol=1e-6, rtol=1e-3)


def test_what_vllm_would_tell_wrongly_is_refused() -> None:
    engine = VllmEngine(StandIn(0.0), Params)
    with pytest.raises(ConfigError, match="top_p"):
        engine.generate([(1,)], 1, Sampling(top_p=0.9), [1])


@pytest.mark.needs("peft")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
def test_an_engine_gets_adapters_merged_and_the_policy_keeps_them_apart() -> None:
    tokens = torch.tensor([[1, 5, 9, 12, 3]])
    policy = prepared(toy_model(toy_tokenizer(), width=16, layers=1), ModelConfig(lora_rank=2), 0)
    torch.manual_seed(0)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:  # zeros at the beginning, so that adapters do nothing
            torch.nn.init.normal_(weight)
    before = {name: weight.clone() for name, weight in policy.state_dict().items()}
    with torch.no_grad():
        wanted = policy(tokens).logits
        foreign, replica = StandIn(0.0), toy_model(toy_tokenizer(), width=16, layers=1, seed=8)
        VllmEngine(foreign, Params).sync(policy)
        HFEngine(policy, stop_tokens=[0], replica=replica).sync(policy)
        for copy in (foreign.model, replica):
            torch.testing.assert_close(copy(tokens).logits, wanted, atol=1e-5, rtol=1e-4)
        policy.disable_adapter_layers()  # type: ignore[operator]  # peft's wrapper
        assert (policy(tokens).logits - wanted).abs().max() > 0.1
    assert foreign.resets == 1
    assert all(torch.equal(before[name], weight) for name, weight in policy.state_dict().items())
