"""The questions of a run: read, put into the template, cut into tokens, and drawn in an order that a seed fixes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..inspection.evaluation.prompts import R1_ZERO
from ..verifiers import Message, Sample
from ..verifiers.errors import ConfigError
from .logprobs import causal
from .sampling import shuffled


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, ready to be asked."""

    tokens: tuple[int, ...]
    """The prompt as the model sees it."""
    sample: Sample
    """What its responses are judged by; its response is empty."""


def prepare(samples: Sequence[Sample], tokenizer: Any, template: str, room: int) -> list[Question]:
    """Questions as tokens; ConfigError for none at all, for one without a prompt, or longer than `room` tokens.

    `tokenizer` is a Hugging Face one (any: they share no typed class).
    """
    if not samples:
        raise ConfigError("there are no questions: the data is empty")
    if template == "chat" and not tokenizer.chat_template:
        raise ConfigError("data.template is 'chat', and the tokenizer has no chat template")
    questions = []
    for place, sample in enumerate(samples):
        if not sample.prompt_text.strip():
            others = ", ".join(sorted(name for name, value in sample.meta.items() if isinstance(value, str | list)))
            raise ConfigError(
                f"question {place} (id {sample.id!r}) has an empty prompt, or none; if another field of the row holds "
                f"it ({others or 'it has none'}), say so with data.map.prompt"
            )
        if template == "chat":
            asked = [Message(role="user", content=sample.prompt)] if isinstance(sample.prompt, str) else sample.prompt
            turns = [asdict(turn) for turn in asked]
            text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            tokens = tokenizer.encode(text, add_special_tokens=False)
        else:
            text = sample.prompt_text
            tokens = tokenizer.encode(R1_ZERO.format(prompt=text) if template == "r1_zero" else text)
        if not 1 <= len(tokens) <= room:
            raise ConfigError(
                f"question {place} (id {sample.id!r}) has {len(tokens)} tokens; the model's context less max_tokens "
                f"leaves room for 1 to {room}: remove it, or lower max_tokens"
            )
        questions.append(Question(tokens=tuple(tokens), sample=sample))
    return questions


def fingerprint(questions: Sequence[Question]) -> str:
    """A hash of what is asked, and of all that the answers are judged by, in its order."""
    digest = hashlib.sha256()
    for question in questions:
        row = [question.tokens, question.sample.to_dict()]
        digest.update(json.dumps(row, sort_keys=True, default=repr).encode())
    return digest.hexdigest()[:16]


def order(count: int, seed: int, start: int, stop: int) -> list[int]:
    """Which questions are asked at places `start` to `stop` of the run; each pass over them has an order of its own.

    >>> sorted(order(5, 0, 0, 5)), sorted(order(5, 0, 5, 10)), order(5, 0, 3, 7) == order(5, 0, 0, 7)[3:]
    ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], True)
    """
    indices: list[int] = []
    for epoch in range(start // count, (max(stop, 1) - 1) // count + 1):
        indices += shuffled(count, "order", seed, epoch)
    skipped = start // count * count
    return indices[start - skipped : stop - skipped]


def stop_tokens(model: Any, tokenizer: Any) -> list[int]:
    """What ends a completion: the model's EOS tokens and the tokenizer's (any: as above)."""
    configured = getattr(causal(model).generation_config, "eos_token_id", None)
    candidates = [*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id]
    return sorted({token for token in candidates if token is not None})


def text_of(tokens: Sequence[int], tokenizer: Any, ends: Sequence[int]) -> str:
    """A completion as text, without the token that ended it (any: as above)."""
    # Only that one goes: tags like <think> may be special tokens, and they are judged.
    return str(tokenizer.decode(list(tokens[:-1] if tokens and tokens[-1] in ends else tokens)))
