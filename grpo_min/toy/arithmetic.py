"""Sums asked in English or Chinese, and a demonstrator who answers them badly.

Its tokenizer has a token for each word, digit and tag, and its text is real text: the project's own math, format and
language verifiers judge it. The corpus that a model is pretrained on holds reasoning of which little is any good: some
guess, some add column by column and err in many a column, and some then say "wait" and do it again with more care; the
languages are mixed and the tags often broken. That is what reinforcement learning has to work with.

What it is not: language. Nothing here says how a real model fares.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ...verifiers import Sample
from .chat import CHAT_WORDS, bad_reply, chats, good_reply

CONTEXT = 256
"""Tokens that its models have places for."""
END, PADDING, UNKNOWN = "<end>", "<pad>", "<unk>"
THINK, END_THINK, ANSWER, END_ANSWER = "<think>", "</think>", "<answer>", "</answer>"
REASONING_WORDS = (
    ("add ", "加"), (" and ", "和"), ("so ", "所以"), ("wait", "等等"), ("guess ", "猜"), ("politely", "礼貌"),
)  # fmt: skip
"""English and Chinese."""
_WORDS = (*REASONING_WORDS, *CHAT_WORDS)
_CHINESE = dict(_WORDS)
_ENGLISH = {chinese: english for english, chinese in _WORDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstratorNoise:
    """How the demonstrator answers; shares from 0 to 1."""

    guesses: float = 0.6
    """Answers without reasoning."""
    second_thoughts: float = 0.3
    """Answers that say wait, and add again."""
    errors: float = 0.5
    """Columns that are one off."""
    second_errors: float = 0.06
    """The same after a wait."""
    foreign: float = 0.3
    """Words in the other language."""
    broken: float = 0.2
    """Answers without some of their tags."""
    chats: float = 0.15
    """Questions that are no sums."""


def toy_tokenizer() -> Any:  # any: Hugging Face's tokenizers share no typed class
    """A token for each word, digit, sign and tag.

    Returns:
        A fast tokenizer of transformers.

    >>> tokenizer = toy_tokenizer()
    >>> tokenizer.decode(tokenizer.encode("<think>add 5+8=13, 所以13</think>"))
    '<think>add 5+8=13, 所以13</think>'
    """
    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    words = [*"0123456789+=", ", ", THINK, END_THINK, ANSWER, END_ANSWER, *(word for pair in _WORDS for word in pair)]
    vocabulary = {word: number for number, word in enumerate([PADDING, END, UNKNOWN, *words])}
    inner = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    inner.pre_tokenizer = Split(pattern=Regex(_any_of(words)), behavior="isolated")
    inner.decoder = Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token=END,
        pad_token=PADDING,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        chat_template="{% for turn in messages %}{{ turn.content }}{% endfor %}",
    )


def toy_model(tokenizer: Any, *, width: int = 64, layers: int = 2, seed: int = 0) -> PreTrainedModel:  # any: as above
    """A Llama of random weights. A Qwen2 would do, but beside one AutoTokenizer takes any tokenizer for Qwen's.

    Args:
        tokenizer: That of `toy_tokenizer`.
        width: Size of the hidden states.
        layers: Number of layers.
        seed: Of the weights.

    Returns:
        The model, on the CPU in float32.
    """
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: PreTrainedModel = LlamaForCausalLM(config)
    return model


def sums(count: int, seed: int) -> list[Sample]:
    """Questions, half of them in Chinese; the level is the number of carries.

    Args:
        count: How many.
        seed: Of the numbers.

    Returns:
        Samples without a response.

    >>> first, second = sums(2, 1)
    >>> first.prompt, first.reference, first.language, second.prompt
    ('add 91 and 84', '175', 'en', '加50和75')
    """
    draw = random.Random(f"sums {seed}")  # noqa: S311 - no secret
    samples = []
    for number in range(count):
        a, b = draw.randint(10, 99), draw.randint(10, 99)
        chinese = number % 2 == 1
        samples.append(
            Sample(
                response="",
                prompt=f"加{a}和{b}" if chinese else f"add {a} and {b}",
                reference=str(a + b),
                kind="math",
                language="zh" if chinese else "en",
                id=f"sum-{seed}-{number}",
                meta={"level": (a % 10 + b % 10 > 9) + (a + b > 99)},
            )
        )
    return samples


def noisy_corpus(count: int, seed: int, noise: DemonstratorNoise) -> list[tuple[Sample, str]]:
    """Questions with the answers of the demonstrator.

    Args:
        count: How many.
        seed: Of questions and answers.
        noise: How often the demonstrator errs, guesses, thinks again or talks.

    Returns:
        Sums and requests in random order, with a response each.
    """
    draw = random.Random(f"corpus {seed}")  # noqa: S311 - no secret
    talks = round(count * noise.chats)
    questions = [*sums(count - talks, seed), *chats(talks, seed)]
    draw.shuffle(questions)
    return [(question, _noisy(question, draw, noise)) for question in questions]


def human_replies(count: int, seed: int) -> list[Sample]:
    """Prompts that are no sums, with responses that people wrote: they refuse harm, and are as polite as people are."""
    draw = random.Random(f"replies {seed}")  # noqa: S311 - no secret
    replies = []
    for prompt in chats(count, seed):
        thought = in_language("politely", prompt.language or "en")
        text = f"{THINK}{thought}{END_THINK}{ANSWER}{good_reply(prompt, draw)}{END_ANSWER}"
        replies.append(replace(prompt, response=text))
    return replies


def _noisy(question: Sample, draw: random.Random, noise: DemonstratorNoise) -> str:
    if question.kind == "math":
        thought, answer = _reasoned(question, draw, noise)
    else:
        thought, answer = "politely", bad_reply(question, draw)
    thought = in_language(thought, question.language or "en")
    thought = _swapped(thought, _CHINESE | _ENGLISH, lambda: draw.random() < noise.foreign)
    text = f"{THINK}{thought}{END_THINK}{ANSWER}{answer}{END_ANSWER}"
    if draw.random() < noise.broken:
        lost = draw.choice([(THINK,), (END_THINK,), (ANSWER,), (END_ANSWER,), (ANSWER, END_ANSWER)])
        for tag in lost:
            text = text.replace(tag, "")
    return text


def _reasoned(question: Sample, draw: random.Random, noise: DemonstratorNoise) -> tuple[str, str]:
    """A thought in English, and its answer."""
    first, second = re.findall(r"\d+", question.prompt_text)
    kind = draw.random()
    if kind < noise.guesses:
        answer = str(draw.randrange(10 ** (len(first) - 1), 2 * 10 ** len(first)))
        return f"guess {answer}", answer
    thought, answer = _columns(first, second, draw, noise.errors)
    if kind > 1 - noise.second_thoughts:
        again, answer = _columns(first, second, draw, noise.second_errors)
        thought += f", wait, {again}"
    return thought, answer


def _columns(first: str, second: str, draw: random.Random, errors: float) -> tuple[str, str]:
    """Column by column, units first, with the carry; each sum is one off by chance.

    >>> _columns("58", "67", random.Random(0), 0.0)
    ('add 8+7=15, add 5+6+1=12, so 125', '125')
    """
    steps, digits, carry = [], "", 0
    for a, b in zip(first[::-1], second[::-1], strict=True):
        total = int(a) + int(b) + carry
        if draw.random() < errors:
            total = max(0, total + draw.choice((-1, 1)))
        steps.append(f"add {a}+{b}{'+1' if carry else ''}={total}")
        carry = total // 10
        digits = str(total % 10) + digits
    answer = f"{carry or ''}{digits}"
    return ", ".join([*steps, f"so {answer}"]), answer


def in_language(text: str, language: str) -> str:
    """A text with its words in one language: the toy's rewriter, a dictionary.

    >>> in_language("加3+4=7, so 7", "en"), in_language("加3+4=7, so 7", "zh")
    ('add 3+4=7, so 7', '加3+4=7, 所以7')
    """
    return _swapped(text, _CHINESE if language == "zh" else _ENGLISH)


def _swapped(text: str, words: dict[str, str], chance: Callable[[], bool] = lambda: True) -> str:
    """The text with its words in the other language, each as chance has it."""
    return re.sub(_any_of(words), lambda match: words[match[0]] if chance() else match[0], text)


def _any_of(words: Iterable[str]) -> str:
    """A pattern for any of some words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
