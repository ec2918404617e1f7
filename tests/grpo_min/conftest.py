"""Tiny models made on the spot, one thread for all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

TinyModel = Callable[..., PreTrainedModel]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tiny_model() -> TinyModel:
    """Makes a random Qwen2 with 2 layers; weights are spread out, so that distributions are far from uniform."""

    def make(*, vocab: int = 37, width: int = 16, seed: int = 0, **options: object) -> PreTrainedModel:
        dtype = options.pop("dtype", torch.float64)
        torch.manual_seed(seed)
        config = Qwen2Config(
            vocab_size=vocab,
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            initializer_range=0.3,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=None,
            **{"tie_word_embeddings": True, "attn_implementation": "sdpa", **options},  # type: ignore[arg-type]  # by name
        )
        model: PreTrainedModel = Qwen2ForCausalLM(config)
        return model.double() if dtype is torch.float64 else model.float()

    return make
