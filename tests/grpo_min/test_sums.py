"""Sums are learned: that is what all of this is for."""

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
from r1_reward.grpo_min.r1.sft import SFTConfig, fine_tune, make_examples
from r1_reward.grpo_min.sampling import Sampling
from r1_reward.grpo_min.toy.arithmetic import DemonstratorNoise, noisy_corpus, sums, toy_model, toy_tokenizer
from r1_reward.verifiers import MathVerifier, r1_zero

CARELESS = DemonstratorNoise(guesses=0.1, second_thoughts=0.0, errors=0.28, foreign=0.0, broken=0.2, chats=0.0)


def pass_at_1(model: PreTrainedModel, tokenizer: Any) -> float:  # any: tokenizers share no typed class
    questions = sums(500, 999_983)
    engine = HFEngine(model, stop_tokens=[tokenizer.eos_token_id])
    prompts = [tuple(tokenizer.encode(question.prompt_text)) for question in questions]
    completions = engine.generate(prompts, 1, Sampling(max_tokens=40), range(500))
    answers = [
        replace(question, response=tokenizer.decode(completion.tokens[:-1]))
        for question, (completion,) in zip(questions, completions, strict=True)
    ]
    return sum(verdict.score or 0.0 for verdict in MathVerifier()(answers)) / 500


@pytest.mark.slow
def test_sums_of_two_digits_are_learned(tmp_path: Path) -> None:
    """From under 40 % to at least 75 % right; the time is generous, since the processor may be shared."""
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer, width=88)
    corpus = noisy_corpus(35_200, 0, CARELESS)
    examples = make_examples(tokenizer, [(tokenizer.encode(asked.prompt_text), said) for asked, said in corpus])
    learned = SFTConfig(epochs=1, batch=64, optimizer=OptimizerConfig(lr=3e-3, schedule="cosine"))
    fine_tune(model, examples, learned, tmp_path / "base", seed=0, stage="base")
    before = pass_at_1(model, tokenizer)
    start = time.process_time()
    config = TrainConfig(
        output=str(tmp_path / "run"),
        steps=180,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=16, samples=8, minibatches=1, max_tokens=((0, 40),)),
        optimizer=OptimizerConfig(lr=3e-4, schedule="cosine"),
    )
    lines = list(Trainer(config, model, tokenizer, sums(2000, 5), r1_zero()).steps())
    seconds = time.process_time() - start
    after = pass_at_1(model, tokenizer)
    print(f"pass@1 {before:.3f} -> {after:.3f} in {seconds:.1f} CPU-s of reinforcement learning")  # noqa: T201 - told with -s
    assert 0.25 <= before <= 0.5
    assert after >= 0.75
    assert lines[-1]["reward/format"] >= 0.95
    assert seconds <= 600
