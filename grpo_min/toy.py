"""A world small enough to train in: sums of two numbers, a tokenizer and a model made on the spot.

The model begins by imitating someone who adds column by column, units first, and errs in many a column; so it knows how
to add and does it badly, which is what reinforcement learning can mend.
"""

from __future__ import annotations

import random
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from ..verifiers import Sample
from .logprobs import Policy, make_batch

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_END = "<end>"


def toy_tokenizer() -> Any:  # any: Hugging Face's tokenizers share no typed class
    """Digits, signs and R1's tags, a token each.

    >>> tokenizer = toy_tokenizer()
    >>> tokenizer.decode(tokenizer.encode("<think>5,8</think>"))
    '<think>5,8</think>'
    """
    words = [_END, *"0123456789+=,", *_TAGS]
    inner = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=_END))
    inner.pre_tokenizer = Split(pattern=_split(), behavior="isolated")
    inner.decoder = Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=_END, clean_up_tokenization_spaces=False)


def _split() -> Any:  # any: a pattern of `tokenizers`
    from tokenizers import Regex

    return Regex(r"</?\w+>|[\d+=,]")


def toy_model(tokenizer: Any, *, width: int = 64, layers: int = 2, seed: int = 0) -> PreTrainedModel:  # any: as above
    """A Qwen2 of about a hundred thousand weights, at random."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    model: PreTrainedModel = Qwen2ForCausalLM(config)
    return model


def toy_sums(count: int, seed: int) -> list[Sample]:
    """Questions: sums of two numbers of two digits.

    >>> toy_sums(1, 0)[0].prompt, toy_sums(1, 0)[0].reference
    ('59+63=', '122')
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    pairs = [(draw.randint(10, 99), draw.randint(10, 99)) for _ in range(count)]
    return [Sample(response="", prompt=f"{a}+{b}=", reference=str(a + b), kind="math") for a, b in pairs]


def toy_answer(question: Sample, draw: random.Random, errors: float) -> str:
    """How the one who is imitated answers: column by column with the carry, each sum wrong by chance, then the number.

    >>> toy_answer(toy_sums(1, 0)[0], random.Random(0), 0.0)
    '<think>9+3=12,5+6+1=12</think><answer>122</answer><end>'
    """
    first, second = question.prompt_text.rstrip("=").split("+")
    columns, digits, carry = [], "", 0
    for a, b in zip(first[::-1], second[::-1], strict=True):
        total = draw.randint(0, 18) if draw.random() < errors else int(a) + int(b) + carry
        columns.append(f"{a}+{b}{'+1' if carry else ''}={total}")
        carry = total // 10
        digits = str(total % 10) + digits
    return f"<think>{','.join(columns)}</think><answer>{carry or ''}{digits}</answer>{_END}"


def imitate(model: PreTrainedModel, tokenizer: Any, *, steps: int, errors: float, seed: int, lr: float = 3e-3) -> None:
    """Train on noisy answers, 64 a step (any: as above)."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    policy = Policy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        questions = toy_sums(64, seed * 1_000_003 + step)
        prompts = [tokenizer.encode(question.prompt_text) for question in questions]
        answers = [tokenizer.encode(toy_answer(question, draw, errors)) for question in questions]
        loss = -policy(make_batch(prompts, answers, range(64))).logp_N.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
