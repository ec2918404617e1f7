"""Sharing prompts and fusing the head change neither a value nor a gradient."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)
from transformers.modeling_outputs import BaseModelOutput

from r1_reward.grpo_min.logprobs import (
    LogProbs,
    Policy,
    enable_checkpointing,
    head_logprobs,
    make_batch,
    plain_logprobs,
    run_cached,
)
from r1_reward.verifiers.errors import ConfigError

TinyModel = Callable[..., PreTrainedModel]
PROMPTS = [[1, 2, 3, 4, 5], [6], [7, 8, 9]]
COMPLETIONS = [[3, 0], [4, 5, 6, 0], [7], [8, 9, 10, 11, 12, 13], [], [1, 1], [2, 0]]
PROMPT_OF = [0, 0, 1, 1, 1, 2, 2]


def _gradients(model: PreTrainedModel, value: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    value.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _curved(logp_N: Tensor) -> Tensor:
    """Some loss, with another dloss_dlogp at every token."""
    return (torch.arange(1, len(logp_N) + 1) * logp_N.exp()).sum()


def _slope(logp_N: Tensor, start: int, stop: int) -> Tensor:
    return torch.arange(start + 1, stop + 1) * logp_N.exp()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize(("share", "chunk"), [(True, 4), (False, 4), (True, 1000), (True, 1)])
def test_equal_to_the_plain_forward(
    tiny_model: TinyModel, share: bool, chunk: int, temperature: float, attention: str, tied: bool
) -> None:
    model = tiny_model(attn_implementation=attention, tie_word_embeddings=tied)
    batch = make_batch(PROMPTS, COMPLETIONS, PROMPT_OF)
    plain = plain_logprobs(model, batch, temperature)
    expected = _gradients(model, _curved(plain.logp_N))
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for dloss_dlogp in (None, _slope):
        result = Policy(model, share_prompts=share, chunk=chunk)(batch, temperature, dloss_dlogp)
        torch.testing.assert_close(result.logp_N, plain.logp_N, atol=1e-9, rtol=0)
        torch.testing.assert_close(result.entropy_N, plain.entropy_N, atol=1e-9, rtol=0)
        gradients = _gradients(model, _curved(result.logp_N))
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            # Hugging Face's norms work in float32 whatever the model's type, so this is as far as equality goes.
            torch.testing.assert_close(gradient, expected[name], atol=2e-7 * largest, rtol=0, msg=name)


def test_the_plain_forward_is_that_of_each_row_alone(tiny_model: TinyModel) -> None:
    model = tiny_model()
    result = plain_logprobs(model, make_batch(PROMPTS, COMPLETIONS, PROMPT_OF)).logp_N
    alone = []
    for prompt, tokens in zip(PROMPT_OF, COMPLETIONS, strict=True):
        row = torch.tensor([PROMPTS[prompt] + tokens])
        logp = model(input_ids=row).logits[0].log_softmax(-1)
        begin = len(PROMPTS[prompt])
        alone += [logp[begin + place - 1, token] for place, token in enumerate(tokens)]
    torch.testing.assert_close(result, torch.stack(alone), atol=1e-9, rtol=0)


def test_another_family_of_models() -> None:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=23, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).double()
    batch = make_batch(PROMPTS, COMPLETIONS, PROMPT_OF)
    torch.testing.assert_close(Policy(model)(batch).logp_N, plain_logprobs(model, batch).logp_N, atol=1e-9, rtol=0)


def test_a_wrong_slope_costs_time_and_nothing_else() -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(9, 4, dtype=torch.float64), torch.randn(11, 4, dtype=torch.float64)
    hidden.requires_grad_()
    weight.requires_grad_()
    target = torch.randint(11, (9,))
    results = []
    for dloss_dlogp in (None, _slope, lambda logp, *_: torch.ones_like(logp)):
        loss = _curved(head_logprobs(hidden, weight, target, 0.9, 4, dloss_dlogp).logp_N)
        results.append(torch.autograd.grad(loss, (hidden, weight)))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], atol=1e-12, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("both", [True, False])
def test_the_entropy_has_the_plain_gradient(tiny_model: TinyModel, temperature: float, both: bool) -> None:
    model = tiny_model()
    batch = make_batch(PROMPTS, COMPLETIONS, PROMPT_OF)

    def loss(result: LogProbs) -> Tensor:
        entropy = (torch.arange(1, len(result.entropy_N) + 1) * result.entropy_N).sum()
        return entropy + _curved(result.logp_N) if both else entropy

    expected = _gradients(model, loss(plain_logprobs(model, batch, temperature)))
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for dloss_dlogp in (None, _slope):
        results = Policy(model, chunk=4)(batch, temperature, dloss_dlogp)
        for name, gradient in _gradients(model, loss(results)).items():
            torch.testing.assert_close(gradient, expected[name], atol=2e-7 * largest, rtol=0, msg=name)


def test_gradient_checkpointing_gives_the_same_gradients(tiny_model: TinyModel) -> None:
    model = tiny_model(dtype=torch.float32).train()
    batch = make_batch(PROMPTS, COMPLETIONS, PROMPT_OF)
    expected = _gradients(model, _curved(Policy(model)(batch).logp_N))
    enable_checkpointing(model)
    for name, gradient in _gradients(model, _curved(Policy(model)(batch).logp_N)).items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-4, rtol=1e-4, msg=name)


def test_nothing_to_say_is_nothing_said(tiny_model: TinyModel) -> None:
    model = tiny_model()
    padded = make_batch([[1, 2]], [[], [3]], [0, 0])
    assert Policy(model)(padded).logp_N.shape == (1,)


def test_models_whose_logits_are_more_than_a_product_are_refused() -> None:
    sliding = Qwen2Config(
        vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, use_sliding_window=True, sliding_window=4, max_window_layers=1,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="full attention"):
        Policy(Qwen2ForCausalLM(sliding))
    biased = Qwen2ForCausalLM(Qwen2Config(**{**sliding.to_dict(), "use_sliding_window": False, "layer_types": None}))
    biased.lm_head.bias = torch.nn.Parameter(torch.zeros(9))
    with pytest.raises(ConfigError, match=r"lm_head\.bias"):
        Policy(biased)


_MEMORY = """
import resource, sys, torch
from r1_reward.grpo_min.logprobs import head_logprobs
torch.set_num_threads(1)
dloss_dlogp = (lambda logp, *_: torch.ones_like(logp)) if sys.argv[1] == "told" else None
for vocab in (16_384, 32_768):
    hidden = torch.randn(1024, 8, requires_grad=True)
    weight = torch.randn(vocab, 8, requires_grad=True)
    target = torch.zeros(1024, dtype=torch.long)
    head_logprobs(hidden, weight, target, 1.0, 64, dloss_dlogp).logp_N.sum().backward()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.parametrize("dloss_dlogp", ["told", pytest.param("untold", marks=pytest.mark.slow)])
def test_memory_grows_by_chunk_times_vocabulary(dloss_dlogp: str) -> None:
    """Twice the vocabulary: some copies of 64 more rows of it, not one of 1,024 (67 MB)."""
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # what is freed is given back at once
    command = [sys.executable, "-c", _MEMORY, dloss_dlogp]
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    small, large = map(int, run.stdout.split())
    assert large - small < 64 * 16_384 * 4 * 8


class _EarlierBody(nn.Module):
    """A body as transformers 5.0 has them."""

    def forward(
        self, input_ids: Tensor, past_key_values: DynamicCache, use_cache: bool = False, **kwargs: object
    ) -> BaseModelOutput:
        assert use_cache
        past_key_values.update(input_ids[:, None, :, None].float(), input_ids[:, None, :, None].float(), 0)
        return BaseModelOutput(last_hidden_state=input_ids[..., None].float())


class _LaterBody(_EarlierBody):
    """The same as transformers 5.24 has them: an earlier name is accepted, with a warning that is an error here."""

    def forward(  # type: ignore[override]  # the renaming is the point
        self, input_ids: Tensor, cache: DynamicCache | None = None, use_cache: bool = False, **kwargs: object
    ) -> BaseModelOutput:
        assert cache is not None
        return super().forward(input_ids, cache, use_cache)


@pytest.mark.parametrize("body", [_EarlierBody(), _LaterBody()])
def test_cache_is_passed_by_the_name_that_the_forward_takes(body: nn.Module) -> None:
    cache = DynamicCache()
    assert run_cached(body, cache, input_ids=torch.tensor([[1, 2]])).shape == (1, 2, 1)
    assert cache.get_seq_length() == 2
