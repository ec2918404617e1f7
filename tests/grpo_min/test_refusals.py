"""What a run of the loop refuses, or does as it says: nothing that was not understood is trained on in silence."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MptConfig,
    MptForCausalLM,
)

from r1_reward.grpo_min.config import DataConfig, ModelConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.equality import check_equal
from r1_reward.grpo_min.learner import prepared
from r1_reward.grpo_min.logprobs import Policy
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.r1.evaluate import load
from r1_reward.grpo_min.r1.sft import SFTConfig, SFTExample, fine_tune
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.grpo_min.train import run_train
from r1_reward.verifiers import Reason, Sample, Verdict
from r1_reward.verifiers.errors import ConfigError, RunError

PEFT = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it


class Evens:
    """Rewards even digits."""

    name = "evens"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(sum(one.response.count(d) for d in "02468") / 10, Reason.MEASURED) for one in samples]


def _config(folder: Path, **changes: Any) -> TrainConfig:  # any: fields of the configuration
    config = TrainConfig(
        output=str(folder),
        steps=4,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=4, max_tokens=((0, 8),)),
        loss=LossConfig(beta=0.01),
        optimizer=OptimizerConfig(lr=1e-3),
    )
    return replace(config, **changes)


def _trainer(config: TrainConfig, samples: Sequence[Sample] | None = None) -> Trainer:
    tokenizer = toy_tokenizer()
    return Trainer(config, toy_model(tokenizer, width=16, layers=1), tokenizer, samples or sums(7, 0), Evens())


def _gpt2(**options: Any) -> GPT2LMHeadModel:  # any: of the configuration
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0, **options)
    )


def _llama(**options: Any) -> LlamaForCausalLM:  # any: as above
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, bos_token_id=0, eos_token_id=0, **options,
        )
    )  # fmt: skip


OFF = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}


@pytest.mark.parametrize("name", sorted(OFF))
def test_dropout_is_refused_wherever_it_is(name: str) -> None:
    with pytest.raises(ConfigError, match=r"has dropout \(.*0\.1"):
        Policy(_gpt2(**{**OFF, name: 0.1}))
    Policy(_gpt2(**OFF))


def test_dropout_of_a_function_is_refused_too() -> None:
    with pytest.raises(ConfigError, match=r"model\.layers\.\*\.self_attn\.attention_dropout 0\.1"):
        Policy(_llama(attention_dropout=0.1))


PROMPTS = [(1, 2, 3, 4, 5, 6, 7), (4, 5, 6, 1, 2, 4, 5, 6, 7, 8, 9, 11), (3,)]


@pytest.mark.parametrize("share", [True, False])
def test_an_architecture_is_tried_before_a_run(share: bool) -> None:
    for model in (_gpt2(**OFF), _llama()):
        model.train()
        check_equal(model, PROMPTS, HFEngine(model, stop_tokens=[0]), share_prompts=share)
        check_equal(model, [(3,)], HFEngine(model, stop_tokens=[0]), share_prompts=share)
        assert model.training
    torch.manual_seed(0)
    alibi = MptForCausalLM(MptConfig(vocab_size=50, d_model=32, n_layers=2, n_heads=2, max_seq_len=64))
    alibi.generation_config.eos_token_id = None
    with pytest.raises(ConfigError, match="MptForCausalLM does not give the same log-probabilities with"):
        check_equal(alibi, PROMPTS, HFEngine(alibi, stop_tokens=[0]), share_prompts=share)
    bloom = BloomForCausalLM(BloomConfig(vocab_size=50, hidden_size=16, n_layer=2, n_head=2))
    with pytest.raises(ConfigError, match=r"BloomForCausalLM (cannot be run with a cache|does not give)"):
        check_equal(bloom, PROMPTS, HFEngine(bloom, stop_tokens=[0]), share_prompts=True)


def test_a_run_tries_its_architecture(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    alibi = MptForCausalLM(MptConfig(vocab_size=len(tokenizer), d_model=32, n_layers=2, n_heads=2, max_seq_len=64))
    with pytest.raises(ConfigError, match="MptForCausalLM does not give"):
        Trainer(_config(tmp_path), alibi, tokenizer, sums(7, 0), Evens())


def test_the_temperature_of_a_rollout_holds_for_all_its_minibatches(tmp_path: Path) -> None:
    rollout = RolloutConfig(
        questions=2, samples=4, minibatches=4, max_tokens=((0, 8),), temperature=((0, 1.0), (2, 0.5))
    )
    config = _config(tmp_path, rollout=rollout, optimizer=OptimizerConfig(lr=0.0), steps=6)
    stopped: list[int] = []
    trainer = _trainer(config)
    trainer._stopped = lambda: len(stopped) >= 3
    lines = []
    for line in trainer.steps():
        lines.append(line)
        stopped += [line["step"]]
    # The fourth minibatch is that of a resumed run, the fifth of another rollout.
    lines += list(_trainer(config).steps())
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line in lines:
        assert line["ratio/min"] == pytest.approx(1, abs=1e-4)
        assert line["ratio/max"] == pytest.approx(1, abs=1e-4)
        assert line["kl"] == pytest.approx(0, abs=1e-6)


def test_a_resumed_run_asks_the_same_questions(tmp_path: Path) -> None:
    config = _config(tmp_path, steps=2)
    list(_trainer(config).steps())
    other = sums(7, 0)
    for samples in (sums(50, 0), sums(7, 1), [replace(other[0], reference="0"), *other[1:]]):
        with pytest.raises(ConfigError, match="holds a run with another set of questions"):
            _trainer(replace(config, steps=4), samples)
    assert _trainer(replace(config, steps=4)).step == 2


def test_rows_without_a_prompt_are_refused_or_mapped(tmp_path: Path) -> None:
    data, model = tmp_path / "data.jsonl", tmp_path / "model"
    rows = [{"exercise": one.prompt_text, "key": one.reference} for one in sums(4, 0)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tokenizer = toy_tokenizer()
    toy_model(tokenizer, width=16, layers=1).save_pretrained(model)
    tokenizer.save_pretrained(model)
    recipe = tmp_path / "recipe.toml"
    lines = [f'output = "{tmp_path}/out"', "steps = 1", "[model]", f'path = "{model}"', "[rollout]", "questions = 1"]
    lines += ["samples = 2", "minibatches = 1", "max_tokens = 4", "[data]", f'path = "{data}"', 'template = "plain"']
    recipe.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=r"question 0 .* empty prompt.*\(exercise, key\).*data\.map\.prompt"):
        run_train(str(recipe))
    recipe.write_text("\n".join([*lines, "[data.map]", 'prompt = "exercise"', 'reference = "key"']))
    assert run_train(str(recipe)) == 0
    sample = json.loads((tmp_path / "out" / "samples.jsonl").read_text().splitlines()[0])
    assert sample["prompt"] in {row["exercise"] for row in rows}


@pytest.mark.needs("peft")
@PEFT
def test_adapters_are_drawn_by_the_seed() -> None:
    made = []
    for noise, seed in ((1, 5), (2, 5), (1, 6)):
        model = toy_model(toy_tokenizer(), width=16, layers=1)
        torch.manual_seed(noise)
        model = prepared(model, ModelConfig(lora_rank=2), seed)
        made.append(torch.cat([w.flatten() for name, w in model.named_parameters() if "lora_A" in name]))
        assert torch.initial_seed() == noise
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


@pytest.mark.needs("peft")
@PEFT
def test_a_second_run_goes_on_from_the_adapters_of_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    base, tokenizer = tmp_path / "base", toy_tokenizer()
    toy_model(tokenizer, width=16, layers=1).save_pretrained(base)
    tokenizer.save_pretrained(base)
    config = _config(tmp_path / "one", model=ModelConfig(path=str(base), lora_rank=2), steps=2)
    config = replace(config, optimizer=OptimizerConfig(lr=0.1))
    first = Trainer(config, *load(base), sums(7, 0), Evens())
    first.train(tmp_path / "tuned")
    ids = torch.tensor([tokenizer.encode("1+1=")])
    with torch.no_grad():
        tuned, plain = first.learner.policy.model.eval()(ids).logits, load(base)[0](ids).logits
        with caplog.at_level(logging.WARNING):
            again, _ = load(tmp_path / "tuned")
        torch.testing.assert_close(again.eval()(ids).logits, tuned, atol=1e-5, rtol=0)
    assert float((tuned - plain).abs().max()) > 1e-3
    assert "tuned holds adapters; they are merged into the weights of" in caplog.text
    assert all(weight.requires_grad for weight in again.parameters())
    with pytest.raises(ConfigError, match="has adapters already"):
        prepared(first.learner.policy.model, ModelConfig(lora_rank=2), 0)


class _Poisoned:
    """Makes gradients infinite in some steps."""

    def __init__(self, trainer: Trainer, steps: Sequence[int]) -> None:
        def poison(gradient: torch.Tensor) -> torch.Tensor:
            return gradient * float("inf") if trainer.step + 1 in steps else gradient

        next(trainer.learner.policy.parameters()).register_hook(poison)


def test_steps_without_a_finite_gradient_are_counted_and_an_alarm(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path))
    _Poisoned(trainer, [2, 3])
    lines = list(trainer.steps())
    assert [line["nonfinite"] for line in lines] == [0, 1, 1, 0]
    assert ["grad_norm" in line for line in lines] == [True, False, False, True]
    results = [[alarm for alarm in line["alarms"] if alarm["name"] == "nonfinite_gradient"] for line in lines]
    assert [len(alarms) for alarms in results] == [0, 1, 1, 0]
    assert results[2][0]["detail"] == "no step was taken, 2 in a row"


def test_a_run_ends_after_some_steps_in_a_row_without_a_finite_gradient(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path, steps=8, optimizer=OptimizerConfig(stop_after=3)))
    _Poisoned(trainer, [2, 4, 5, 6, 7])
    with pytest.raises(RunError, match=r"the gradients of 3 steps in a row were not finite"):
        list(trainer.steps())
    assert trainer.step == 6


def test_fine_tuning_ends_likewise(tmp_path: Path) -> None:
    model = _llama()
    next(model.parameters()).register_hook(lambda gradient: gradient * float("nan"))
    examples = [SFTExample((1, 2), (3, 4, 0))] * 8
    config = SFTConfig(batch=1, optimizer=OptimizerConfig(stop_after=2))
    with pytest.raises(RunError, match=r"sft: the gradients of 2 steps"):
        fine_tune(model, examples, config, tmp_path, seed=0, stage="sft")
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["nonfinite"] for line in lines] == [1, 1]
