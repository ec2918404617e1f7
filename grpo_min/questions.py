"""The questions of a run, in an order that a seed fixes; `templates` makes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..verifiers import Sample
from .logprobs import causal
from .sampling import shuffled


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, ready to be asked."""

    tokens: tuple[int, ...]
    """The prompt as the model sees it."""
    sample: Sample
    """What its responses are judged by; its response is empty."""


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
    """What ends a completion: the model's EOS tokens and the tokenizer's (any: Hugging Face's share no typed class)."""
    configured = getattr(causal(model).generation_config, "eos_token_id", None)
    candidates = [*(configured if isinstance(configured, list) else [configured]), tokenizer.eos_token_id]
    return sorted({token for token in candidates if token is not None})
