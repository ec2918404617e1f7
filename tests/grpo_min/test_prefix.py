"""Prompts that begin alike, as worked examples make them, run their beginning once, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import PreTrainedModel

from r1_reward.grpo_min import logprobs
from r1_reward.grpo_min.engine import HFEngine
from r1_reward.grpo_min.logprobs import Policy, common_prefix, make_batch, plain_logprobs
from r1_reward.grpo_min.sampling import Sampling

TinyModel = Callable[..., PreTrainedModel]
EXAMPLES = [1 + place % 30 for place in range(70)]
PROMPTS = [[*EXAMPLES, 3, 4, 5], [*EXAMPLES, 3], [*EXAMPLES, 9, 9]]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_shared_prefix_changes_neither_value_nor_gradient(tiny_model: TinyModel, attention: str) -> None:
    model = tiny_model(attn_implementation=attention)
    batch = make_batch(PROMPTS, [[3, 0], [4, 5, 6, 0], [7], [1, 1]], [0, 0, 1, 2])
    assert batch.prefix == 69  # the prompts without their last tokens; the shortest keeps one
    plain = plain_logprobs(model, batch)
    result = Policy(model)(batch)
    torch.testing.assert_close(result.logp_N, plain.logp_N, atol=1e-6, rtol=0)  # eager softmax is in float32
    gradients = []
    for logp_N in (plain.logp_N, result.logp_N):
        model.zero_grad()
        (torch.arange(1, len(logp_N) + 1) * logp_N.exp()).sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(gradients[1], gradients[0], atol=2e-7 * float(gradients[0].abs().max()), rtol=0)


def test_a_shared_prefix_is_run_once_and_draws_the_same(tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, sampling = HFEngine(tiny_model(), stop_tokens=[0]), Sampling(max_tokens=6)
    prompts, seeds = [tuple(prompt) for prompt in PROMPTS], [1, 2, 3]
    together = engine.generate(prompts, 2, sampling, seeds)
    alone = [engine.generate([p], 2, sampling, [s])[0] for p, s in zip(prompts, seeds, strict=True)]
    assert [[one.tokens for one in group] for group in together] == [[one.tokens for one in group] for group in alone]
    for group, other in zip(together, alone, strict=True):
        for one, same in zip(group, other, strict=True):
            assert one.logprobs == pytest.approx(same.logprobs, abs=1e-9)
    ran: list[int] = []
    run = logprobs.run_cached

    def counted(body: torch.nn.Module, cache: object, **inputs: torch.Tensor | None) -> torch.Tensor:
        tokens = inputs["input_ids"]
        assert tokens is not None
        ran.append(tokens.numel())
        return run(body, cache, **inputs)  # type: ignore[arg-type]  # a cache

    monkeypatch.setattr(logprobs, "run_cached", counted)
    engine.generate(prompts, 2, Sampling(max_tokens=1), seeds)
    assert ran == [70, 9]


def test_short_or_lonely_beginnings_are_not_shared() -> None:
    assert common_prefix([[1, 2, 3], [1, 2, 4]]) == 0
    assert common_prefix([EXAMPLES]) == 0
    assert common_prefix([EXAMPLES, EXAMPLES]) == 69
    assert common_prefix([EXAMPLES, EXAMPLES, [2, *EXAMPLES]]) == 0
    assert make_batch([[5, 6], [5, 7]], [[1], [2]], [0, 1]).prefix == 0
