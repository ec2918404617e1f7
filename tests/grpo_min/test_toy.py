"""The toy world is learned: that is what all of this is for."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

from r1_reward.grpo_min.config import DataConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy import imitate, toy_model, toy_sums, toy_tokenizer
from r1_reward.verifiers import MathVerifier, r1_zero


def _pass_at_1(model: PreTrainedModel, tokenizer: Any) -> float:  # any: tokenizers share no typed class
    questions = toy_sums(500, 999_983)
    engine = HFEngine(model, stop_tokens=[tokenizer.eos_token_id])
    prompts = [tuple(tokenizer.encode(question.prompt_text)) for question in questions]
    found = engine.generate(prompts, 1, Sampling(max_tokens=24), range(500))
    answers = [
        replace(question, response=tokenizer.decode(completion.tokens[:-1]))
        for question, (completion,) in zip(questions, found, strict=True)
    ]
    return sum(verdict.score or 0.0 for verdict in MathVerifier()(answers)) / 500


@pytest.mark.slow
def test_sums_of_two_digits_are_learned(tmp_path: Path) -> None:
    """From about 35 % to at least 75 % right; the time is generous, since the processor may be shared."""
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer)
    imitate(model, tokenizer, steps=550, errors=0.33, seed=1, lr=4e-3)
    before = _pass_at_1(model, tokenizer)
    start = time.process_time()
    config = TrainConfig(
        output=str(tmp_path),
        steps=200,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=16, samples=8, minibatches=1, max_tokens=((0, 24),)),
        optimizer=OptimizerConfig(lr=5e-4),
    )
    lines = list(Trainer(config, model, tokenizer, toy_sums(2000, 5), r1_zero()).steps())
    seconds = time.process_time() - start
    after = _pass_at_1(model, tokenizer)
    print(f"pass@1 {before:.3f} -> {after:.3f} in {seconds:.1f} CPU-s of reinforcement learning")  # noqa: T201 - told with -s
    assert 0.25 <= before <= 0.5
    assert after >= 0.75
    assert lines[-1]["reward/format"] >= 0.95
    assert seconds <= 600
