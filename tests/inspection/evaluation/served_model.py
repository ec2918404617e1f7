"""A served model whose every sample is a function of question and seed, and that can fail in all the usual ways."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.verifiers.judge.scripted import Asked, Told

Fault = Callable[[], Told]

FAULTS: tuple[Fault, ...] = (
    lambda: Told(status=500),
    lambda: Told(status=429, headers={"Retry-After": "0"}),
    lambda: Told(raw=b'{"choices": [{"message": {"content": "4"', cut=True),
    lambda: Told(raw=b"<html>bad gateway</html>"),
    lambda: Told(raw=b'{"choices": []}'),
    lambda: Told(raw=b'{"choices": [{"index": 0, "message": {"content": null}, "finish_reason": "stop"}]}'),
)
"""Ways in which a call fails that is asked again."""


def draw(asked: Asked, sample: int = 0) -> int:
    """A number that question and seed determine."""
    text = f"{asked.text}|{asked.body['seed']}|{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def choice(asked: Asked, text: str, sample: int = 0, finish: str = "stop") -> dict[str, Any]:
    """One sample as a server of chats or of completions gives it."""
    if "messages" in asked.body:
        return {"index": sample, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"index": sample, "text": text, "finish_reason": finish}


def reply(choices: list[dict[str, Any]], tokens: tuple[int, int] | None = (5, 9), after: float = 0.0) -> Told:
    """A whole reply."""
    payload: dict[str, Any] = {"choices": choices}
    if tokens:
        payload["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return Told(raw=json.dumps(payload).encode(), after=after)


def adder(asked: Asked) -> Told:
    """Answers `a+b`, two times in three rightly."""
    sum_ = sum(int(part) for part in asked.text.split("User: ")[-1].split(". Assistant")[0].split("+"))
    said = [sum_ if draw(asked, n) % 3 else sum_ + 1 for n in range(asked.body.get("n", 1))]
    return reply([choice(asked, f"<think>wait</think>It is \\boxed{{{one}}}.", n) for n, one in enumerate(said)])


class Faulty:
    """A model of whose calls one in five fails, each at its first try, in one way after another."""

    def __init__(self, model: Callable[[Asked], Told]) -> None:
        self._model = model
        self._tries: Counter[tuple[str, int]] = Counter()
        self.faults = 0

    def __call__(self, asked: Asked) -> Told:
        """The reply, or a fault."""
        key = asked.text, asked.body["seed"]
        self._tries[key] += 1
        if self._tries[key] == 1 and draw(asked, 99) % 5 == 0:
            self.faults += 1
            return FAULTS[self.faults % len(FAULTS)]()
        return self._model(asked)
