"""Reward models behind an address: vLLM's `/classify` and `/pooling`, and chat servers that give log probabilities.

`classify` and `pooling` get the dialogue as messages, which the server lays out by the model's own chat template, and
are asked for what the head gives (`use_activation: false`): vLLM otherwise returns a sigmoid or softmax of it. `chat`
asks in a form of `guard_forms.py` and reads the log probabilities of its words at the first token that is one of them.

A request that fails in a way that may pass is tried again, as the server wants; what still fails is no number.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..verifiers.judge.client import ChatClient, Connection, EndpointError, run_async
from ..verifiers.sample import Message
from .errors import ModelError, OverlongError
from .guard_forms import GuardForm, filled
from .summary import Prompt

Endpoint = Literal["classify", "pooling", "chat"]
ENDPOINTS = ("classify", "pooling", "chat")
_AT_ONCE = 32
_TRIES = 4
_PASSING = ("rate_limited", "server", "late", "unreachable")
_TOP = 20
"""Words whose log probabilities a server gives at most."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A model behind an address. Can be used from any thread and event loop."""

    client: ChatClient
    endpoint: Endpoint
    form: GuardForm | None = None
    """How a chat model is asked."""
    head: str = ""
    """Of several outputs the number of the one that counts."""
    weights: tuple[float, ...] = ()
    """Of several outputs, to add them up."""

    def scores(
        self, asked: Sequence[tuple[Prompt, str]], *, most: int
    ) -> list[float | OverlongError | EndpointError | ModelError]:
        """The raw score of each response to its prompt, or why there is none."""
        return run_async(self._scores(asked, most))

    async def _scores(
        self, asked: Sequence[tuple[Prompt, str]], most: int
    ) -> list[float | OverlongError | EndpointError | ModelError]:
        results: list[float | OverlongError | EndpointError | ModelError] = [ModelError("not asked")] * len(asked)
        waiting = iter(range(len(asked)))

        async def work() -> None:
            async with self.client.connection() as connection:
                for at in waiting:
                    prompt, response = asked[at]
                    length = len(prompt) if isinstance(prompt, str) else sum(len(turn.content) for turn in prompt)
                    if length + len(response) > most:
                        results[at] = OverlongError(f"prompt and response have {length + len(response):,} characters")
                        continue
                    try:
                        results[at] = await self._score(connection, prompt, response)
                    except (EndpointError, ModelError) as error:
                        results[at] = error

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(asked)))))
        return results

    async def _score(self, connection: Connection, prompt: Prompt, response: str) -> float:
        payload = self._payload(prompt, response)
        path = "chat/completions" if self.endpoint == "chat" else self.endpoint
        tries = 1
        while True:
            try:
                reply = await connection.post(path, payload)
                break
            except EndpointError as error:
                if tries == _TRIES or error.fault not in _PASSING:
                    raise
                await asyncio.sleep(min(30.0, error.retry_after or 0.2 * 2**tries))
                tries += 1
        try:
            answer = json.loads(reply)
        except ValueError:
            raise ModelError(f"{self.client.url} answered with no JSON") from None
        return self._of_words(answer) if self.endpoint == "chat" else self._of_outputs(answer)

    def _payload(self, prompt: Prompt, response: str) -> dict[str, Any]:  # any: a JSON object
        turns = [Message(role="user", content=prompt)] if isinstance(prompt, str) else list(prompt)
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        if self.form is not None and self.form.user:
            asked = filled(self.form.user, {"prompt": "\n".join(turn.content for turn in turns), "response": response})
            messages = [{"role": "user", "content": asked}]
        else:
            messages.append({"role": "assistant", "content": response})
        payload: dict[str, Any] = {"model": self.client.model, "messages": messages}  # any: as above
        if self.endpoint == "chat":
            more = {"logprobs": True, "top_logprobs": _TOP, "max_tokens": 12, "temperature": 0.0}
            return {**payload, **more, **self.client.extra}
        return {**payload, "use_activation": False, "add_generation_prompt": False, **self.client.extra}

    def _of_outputs(self, answer: Any) -> float:  # any: a JSON value
        """The score of what a head gave."""
        where = self.client.url
        try:
            first = answer["data"][0]
            values = first["probs"] if self.endpoint == "classify" else first["data"]
            while isinstance(values, list) and values and isinstance(values[-1], list):
                values = values[-1]  # of one for each token the last
            values = [values] if isinstance(values, int | float) else values
            outputs = [float(value) for value in values]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ModelError(f"{where} answered with no outputs of a head") from None
        if not outputs or not all(map(math.isfinite, outputs)):
            raise ModelError(f"{where} answered with outputs that are no numbers")
        if self.weights:
            if len(self.weights) != len(outputs):
                raise ModelError(f"there are {len(self.weights)} weights for {len(outputs)} outputs")
            return math.fsum(weight * value for weight, value in zip(self.weights, outputs, strict=True))
        if self.head:
            if not self.head.isdecimal() or int(self.head) >= len(outputs):
                raise ModelError(f"of a served model head is a number from 0 to {len(outputs) - 1}, not {self.head!r}")
            return outputs[int(self.head)]
        if len(outputs) > 1:
            raise ModelError(f"the model has {len(outputs)} outputs; say which counts with head, or weights")
        return outputs[0]

    def _of_words(self, answer: Any) -> float:  # any: a JSON value
        """The log odds of the good words against the bad ones, where the model writes one of them."""
        assert self.form is not None
        good, bad = self.form.safe, self.form.unsafe
        try:
            steps = answer["choices"][0]["logprobs"]["content"]
            listed = [{str(one["token"]): float(one["logprob"]) for one in step["top_logprobs"]} for step in steps]
            written = [str(step["token"]) for step in steps]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ModelError(f"{self.client.url} answered without log probabilities") from None
        for token, top in zip(written, listed, strict=True):
            if not any(_begins(word, token) for word in (*good, *bad)):
                continue
            sides = [
                [lp for one, lp in top.items() if any(_begins(word, one) for word in words)] for words in (good, bad)
            ]
            least = min(top.values(), default=0.0)
            # A side that is not listed is at most as likely as the least that is.
            chances = [_logsumexp(side) if side else least for side in sides]
            return chances[0] - chances[1]
        raise ModelError(f"{self.client.url} answered with none of the words {', '.join((*good, *bad))}")


def _begins(word: str, token: str) -> bool:
    """Whether a token is a word or its beginning, spaces aside."""
    token = token.strip()
    return len(token) > 1 and word.startswith(token) if token != word else bool(token)


def _logsumexp(values: Sequence[float]) -> float:
    highest = max(values)
    return highest + math.log(math.fsum(math.exp(value - highest) for value in values))
