"""A base that adds badly, trained at too high a rate, learns the form and unlearns the sums; the loop says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1_reward.grpo_min.config import DataConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.r1.sft import SFTConfig, fine_tune, make_examples
from r1_reward.grpo_min.toy.arithmetic import DemonstratorNoise, noisy_corpus, sums, toy_model, toy_tokenizer
from r1_reward.verifiers import r1_zero

WEAK = DemonstratorNoise(guesses=0.3, second_thoughts=0.0, errors=0.3, foreign=0.0, chats=0.0)


@pytest.mark.slow
def test_a_weak_base_at_a_high_rate_collapses_to_format_with_an_alarm(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer)
    corpus = noisy_corpus(19_200, 0, WEAK)
    examples = make_examples(tokenizer, [(tokenizer.encode(asked.prompt_text), said) for asked, said in corpus])
    learned = SFTConfig(epochs=1, batch=64, optimizer=OptimizerConfig(lr=4e-3, schedule="cosine"))
    fine_tune(model, examples, learned, tmp_path / "base", seed=0, stage="base")
    config = TrainConfig(
        output=str(tmp_path / "run"),
        steps=20,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=16, samples=32, minibatches=1, max_tokens=((0, 40),)),
        optimizer=OptimizerConfig(lr=5e-4),
    )
    lines = list(Trainer(config, model, tokenizer, sums(2000, 5), r1_zero()).steps())
    results = [
        (line["step"], alarm["detail"]) for line in lines for alarm in line["alarms"] if "format" in alarm["name"]
    ]
    print([round(line["accuracy"], 3) for line in lines], [round(line["format"], 3) for line in lines], results)  # noqa: T201 - told with -s
    assert results
    assert lines[-1]["accuracy"] < 0.6 * lines[0]["accuracy"]
    assert lines[-1]["format"] > lines[0]["format"] + 0.1
