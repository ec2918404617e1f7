"""Knobs of a recipe that other tests do not turn: each does what it says, through the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from r1_reward.grpo_min.config import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    RolloutConfig,
    TrainConfig,
)
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.runlog import StepMetrics
from r1_reward.grpo_min.templates import Template
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.verifiers import Reason, Sample, Term, Verdict
from r1_reward.verifiers.reward import Reward


class Evens:
    """Rewards even digits."""

    name = "evens"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        counts = [sum(sample.response.count(digit) for digit in "02468") for sample in samples]
        return [Verdict.scored(count / 10, Reason.MEASURED) for count in counts]


def _trainer(folder: Path, reward: Any = None, **changes: Any) -> Trainer:  # any: a verifier; fields of the config
    config = TrainConfig(
        output=str(folder),
        steps=4,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=1, max_tokens=((0, 8),)),
        loss=LossConfig(beta=0.01),
        optimizer=OptimizerConfig(lr=1e-2),
    )
    config = replace(config, **changes)
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer, width=16, layers=1)
    return Trainer(config, model, tokenizer, sums(7, 0), reward or Evens())


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in trainer.learner.policy.state_dict().items()}


@pytest.mark.needs("peft")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
def test_lora_trains_adapters_alone_and_resumes(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"model": ModelConfig(lora_rank=2)}  # any: as above
    trainer = _trainer(tmp_path / "whole", **changes)
    before = _weights(trainer)
    lines = list(trainer.steps())
    after = _weights(trainer)
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    assert lines[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert lines[-1]["kl"] > 0
    # The engine samples with the adapters: old and new log-probabilities agree at each rollout's first step.
    assert all(line["ratio"] == pytest.approx(1, abs=1e-4) for line in lines)

    list(_trainer(tmp_path / "cut", steps=2, **changes).steps())
    resumed = _trainer(tmp_path / "cut", **changes)
    assert resumed.step == 2
    list(resumed.steps())
    assert all(torch.equal(after[name], weight) for name, weight in _weights(resumed).items())


def test_gradient_checkpointing_changes_no_step(tmp_path: Path) -> None:
    plain = _trainer(tmp_path / "plain")
    thrifty = _trainer(tmp_path / "thrifty", model=ModelConfig(gradient_checkpointing=True))
    lines, others = list(plain.steps()), list(thrifty.steps())
    for line, other in zip(lines, others, strict=True):
        assert other["grad_norm"] == pytest.approx(line["grad_norm"], rel=1e-3)
        assert other["reward"] == line["reward"]


def test_the_reference_is_renewed_where_it_is_due(tmp_path: Path) -> None:
    kl = [line["kl"] for line in _trainer(tmp_path, reference_every=2).steps()]
    assert kl[0] == pytest.approx(0, abs=1e-6)
    assert kl[2] == pytest.approx(0, abs=1e-6)
    assert min(kl[1], kl[3]) > 1e-5


def test_the_learning_rate_follows_its_schedule(tmp_path: Path) -> None:
    optimizer = OptimizerConfig(lr=1.0, schedule="cosine", warmup=2, final=0.1)
    rates = [line["lr"] for line in _trainer(tmp_path, optimizer=optimizer).steps()]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.1])


def test_the_gradient_is_clipped_to_its_norm(tmp_path: Path) -> None:
    trainer, norms = _trainer(tmp_path, optimizer=OptimizerConfig(clip=1e-3)), []

    def look(*_: Any) -> None:  # any: what torch passes to a hook
        grads = [weight.grad for weight in trainer.learner.policy.parameters() if weight.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))

    trainer.learner.optimizer.register_step_pre_hook(look)
    lines = list(trainer.steps())
    assert all(line["grad_norm"] > 1e-3 for line in lines)
    assert norms == pytest.approx([1e-3] * 4, rel=1e-2)


def test_max_tokens_temperature_and_terms_follow_their_schedules(tmp_path: Path) -> None:
    class Late(Evens):
        name = "late"

    rollout = RolloutConfig(
        questions=2, samples=16, minibatches=1, max_tokens=((0, 2), (2, 6)), temperature=((0, 1.0), (1, 0.01))
    )
    reward = Reward(name="both", terms=[Term(verifier=Evens()), Term(verifier=Late(), begins=3)])
    trainer = _trainer(tmp_path, reward, rollout=rollout, optimizer=OptimizerConfig(lr=0.0))
    lines: list[StepMetrics] = list(trainer.steps())
    assert [line["length/max"] for line in lines] == [2, 2, 6, 6]
    assert lines[0]["entropy"] > 1 > lines[1]["entropy"]
    assert ["reward/late" in line for line in lines] == [False, False, False, True]


def test_seeds_make_the_run(tmp_path: Path) -> None:
    one, same, other = (
        [line["loss"] for line in _trainer(tmp_path / name, seed=seed).steps()]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == same != other


def test_top_k_and_stop_strings_reach_the_engine(tmp_path: Path) -> None:
    rollout = RolloutConfig(questions=2, samples=4, minibatches=1, max_tokens=((0, 8),), top_k=1)
    (line, *_) = _trainer(tmp_path / "k", rollout=rollout).steps()
    assert line["reward/std"] >= 0
    assert line["zero_variance"] == 1  # all samples of a group are its likeliest one
    words = [word for word in toy_tokenizer().get_vocab() if word != "<end>"]
    stops = replace(rollout, top_k=0, stop=tuple(words))
    (line, *_) = _trainer(tmp_path / "stop", rollout=stops).steps()
    assert line["length/max"] == 1
    assert line["truncated"] == 0


def test_templates_are_what_the_model_sees() -> None:
    class Words:
        chat_template = "yes"
        eos_token_id = bos_token_id = None
        all_special_ids: tuple[int, ...] = ()
        added_tokens_decoder: dict[int, str] = {}  # noqa: RUF012 - as tokenizers have it

        def encode(self, text: str, **_: object) -> list[str]:
            return text.split(" ")

        def apply_chat_template(self, turns: list[dict[str, str]], *, add_generation_prompt: bool, **_: object) -> str:
            text = " ".join(f"<{turn['role']}> {turn['content']}" for turn in turns)
            return text + " <assistant>" * add_generation_prompt

    sample = Sample(response="", prompt="What is {x}?")

    def seen(template: Any) -> str:  # any: a Literal
        (question,) = Template(Words(), DataConfig(template=template)).questions([sample], 999)
        return " ".join(map(str, question.tokens))

    assert seen("plain") == "What is {x}?"
    assert seen("chat") == "<user> What is {x}? <assistant>"
    assert seen("r1_zero").endswith("</answer>. User: What is {x}?. Assistant:")
