"""What the trainers' own code needs: a tiny random model and a tokenizer, made on the spot. Nothing is downloaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "disabled")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

WORDS = (
    *("<think>", "</think>", "<answer>", "</answer>", r"\boxed{4}", r"\boxed{5}", "the", "sum", "of", "two", "and"),
    *("is", "four", "What", "2", "+", "?", "und", "die", "Summe", "ist", "vier", "we", "add", "them", "so"),
)
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|> {{ message.content }} {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> {% endif %}"
)


@pytest.fixture(autouse=True)
def no_graders() -> None:
    """Graders live as long as their process; each test begins with none, so that no breaker remembers another test."""
    from r1_reward.adapters import grading

    grading._graders.clear()


@pytest.fixture(scope="session")
def tokenizer() -> Any:  # any: a transformers tokenizer
    return tokenizer_of(WORDS)


@pytest.fixture(scope="session")
def make_tokenizer() -> Callable[..., Any]:
    """Makes a tokenizer whose tokens are the words given."""
    return tokenizer_of


def tokenizer_of(words: tuple[str, ...]) -> Any:  # any: a transformers tokenizer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<eos>", "<unk>", "<|user|>", "<|system|>", "<|assistant|>"]
    vocabulary = {word: index for index, word in enumerate([*special, *words])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


@pytest.fixture
def model(tokenizer: Any) -> Callable[..., Any]:  # any: a transformers model
    """Makes a language model of a few thousand parameters, always the same for a tokenizer."""
    return lambda words=tokenizer: make_model(words)


def make_model(tokenizer: Any) -> Any:  # any: a transformers model
    """A language model of a few thousand parameters, always the same for a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts `r1-reward serve` with some options, gives its address, and ends it with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str, **environment: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-c", "from r1_reward.cli import main; main()", "serve", "--port", "0", *args],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        assert process.stderr is not None
        said = process.stderr.readline()
        match = re.search(r"http://(127\.0\.0\.1:\d+)", said)
        assert match, said + process.stderr.read()
        return match[1]

    yield start
    for process in started:
        process.terminate()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "Traceback" not in said, said
