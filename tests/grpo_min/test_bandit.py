"""One decision a question: what the whole loop makes of it has a closed form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from r1_reward.grpo_min.config import AdvantageConfig, DataConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.toy.arithmetic import toy_model, toy_tokenizer
from r1_reward.verifiers import Reason, Sample, Verdict

ARM = "7"


class Bandit:
    """Pays for one arm, and remembers what was pulled."""

    name = "bandit"

    def __init__(self) -> None:
        self.pulled: list[list[str]] = []

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        self.pulled.append([sample.response for sample in samples])
        return [Verdict.scored(float(sample.response == ARM), Reason.MEASURED) for sample in samples]


@pytest.mark.parametrize("baseline", ["std", "mean"])
def test_a_step_is_the_closed_form(tmp_path: Path, baseline: str) -> None:
    """Only the head is trained: the gradient is the outer product of sum(A (onehot - chance)) and the hidden state."""
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer, width=16, layers=1).double().requires_grad_(False)
    head = torch.nn.Parameter(torch.randn(len(tokenizer), 16, dtype=torch.float64) * 0.3)
    model.lm_head.weight = head
    hidden = model.model(torch.tensor([tokenizer.encode("1+1=")])).last_hidden_state[0, -1]
    before = head.detach().clone()
    optimizer, samples = OptimizerConfig(lr=0.5, eps=0.1, clip=0.0), 64
    config = TrainConfig(
        output=str(tmp_path),
        steps=1,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=1, samples=samples, minibatches=1, max_tokens=((0, 1),)),
        advantage=AdvantageConfig(baseline=baseline, eps=1e-4),  # type: ignore[arg-type]  # a Literal
        loss=LossConfig(kl="none"),
        optimizer=optimizer,
    )
    bandit = Bandit()
    question = Sample(response="", prompt="1+1=", kind="math", reference=ARM)
    list(Trainer(config, model, tokenizer, [question], bandit).steps())

    (pulled,) = bandit.pulled
    tokens = [tokenizer.convert_tokens_to_ids(arm) if arm else tokenizer.eos_token_id for arm in pulled]
    wins = pulled.count(ARM) / samples
    assert 0 < wins < 1
    scale = (wins * (1 - wins)) ** 0.5 + 1e-4 if baseline == "std" else 1.0
    chance = (before @ hidden).softmax(0)
    push = torch.zeros(len(tokenizer), dtype=torch.float64)
    for token, arm in zip(tokens, pulled, strict=True):
        advantage = (float(arm == ARM) - wins) / scale
        push += advantage * (torch.nn.functional.one_hot(torch.tensor(token), len(tokenizer)) - chance) / samples
    gradient = -torch.outer(push, hidden)
    expected = before - optimizer.lr * gradient / (gradient.abs() + optimizer.eps)
    torch.testing.assert_close(head.detach(), expected, atol=1e-7, rtol=0)
    arm = tokenizer.convert_tokens_to_ids(ARM)
    assert (head.detach() @ hidden).softmax(0)[arm] > chance[arm]
