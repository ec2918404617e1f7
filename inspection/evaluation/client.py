"""The model that is evaluated, behind an OpenAI-compatible server: chat or completions, by the one client.

A reply is kept as JSON, a list with `text`, `finish` and `tokens` of each sample, so that a recording of it holds all
that an evaluation needs. Reasoning that the server parsed off (`reasoning_content`, `reasoning`) stands before the
text, in `<think>` tags. A sample that was cut at `max_tokens` is one; what a server's filter took away is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from ...rows.messages import response_text
from ...verifiers.errors import SampleError
from ...verifiers.judge.asking import UnclearError
from ...verifiers.judge.client import ChatClient, Connection, EndpointError, Reply
from ...verifiers.settings import Rule

Served = Literal["chat", "completions"]


class Completed(NamedTuple):
    """One sample of a model."""

    text: str
    """The whole response, its reasoning included."""
    finish: str
    """`stop`, or `length` where it was cut."""
    tokens: int | None
    """Of the response; None where the server does not say."""
    prompt_tokens: int | None = None
    """Of the prompt; None where the server does not say, and of further samples of the same request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClient(ChatClient):
    """A model to evaluate.

    >>> client = ModelClient(url="http://127.0.0.1:8000/v1", model="m", temperature=0.6, max_tokens=32_768)
    >>> client.request([{"role": "user", "content": "1+1?"}], {"seed": 7})["top_p"]
    0.95
    """

    served: Served = "chat"
    """The server's chat template, or its completions of a text."""
    top_p: Annotated[float, Rule("more than 0, at most 1", lambda value: 0 < value <= 1)] = 0.95
    """Share of the probability that is sampled from."""
    stop: Sequence[str] = ()
    """Texts that end a response."""

    @property
    def settings(self) -> list[object]:
        """What decides its replies, beside the question."""
        own = [self.model, self.temperature, self.max_tokens, dict(self.extra)]
        return [*own, self.served, self.top_p, list(self.stop)]

    def connection(self) -> Connection:
        """One connection that is kept between requests; for one task at a time."""
        return _ModelConnection(self)

    def request(self, messages: Sequence[Mapping[str, str]], fields: Mapping[str, Any]) -> dict[str, Any]:  # any: JSON
        """The body of a request; for completions the text of the one message."""
        asked: dict[str, Any] = {"messages": list(messages)}  # any: as above
        if self.served == "completions":
            asked = {"prompt": messages[0]["content"]}
        body = {"model": self.model, **asked, "temperature": self.temperature, "top_p": self.top_p}
        if "max_completion_tokens" not in self.extra:
            body["max_tokens"] = self.max_tokens
        if self.stop:
            body["stop"] = list(self.stop)
        return {**body, **self.extra, **fields}


class _ModelConnection(Connection):
    def __init__(self, client: ModelClient) -> None:
        super().__init__(client)
        self._model = client

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any] | None = None,  # any: a JSON schema, which no model that is evaluated gets
        fields: Mapping[str, Any] = MappingProxyType({}),  # any: JSON values
    ) -> Reply:
        """The samples that a request asks for, as JSON. Raises EndpointError."""
        assert schema is None
        model = self._model
        path = "chat/completions" if model.served == "chat" else "completions"
        return _read(await self.post_supported(path, model.request(messages, fields)), model.url)


def _read(data: bytes, where: str) -> Reply:
    try:
        payload: Any = json.loads(data)  # any: a JSON value
        choices = sorted(payload["choices"], key=lambda one: one.get("index") or 0)
        samples = [_sample(choice, where) for choice in choices]
        used = payload.get("usage") or {}
        counts = [None if (n := used.get(name)) is None else int(n) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, SampleError):
        raise EndpointError(f"{where} answered with no completion", "no_reply") from None
    if not samples:
        raise EndpointError(f"{where} answered with no completion", "no_reply")
    # Of several samples a server counts the tokens together, which says nothing of each.
    entries = [
        {
            "text": text,
            "finish": finish,
            "tokens": counts[1] if len(samples) == 1 else None,
            "prompt": counts[0] if place == 0 else None,
        }
        for place, (text, finish) in enumerate(samples)
    ]
    return Reply(json.dumps(entries, ensure_ascii=False), *(max(0, count or 0) for count in counts))


def _sample(choice: Mapping[str, Any], where: str) -> tuple[str, str]:  # any: JSON values
    finish = "length" if choice.get("finish_reason") == "length" else "stop"
    if choice.get("finish_reason") == "content_filter":
        raise EndpointError(f"a filter of {where} took the response away", "refused")
    if "message" not in choice:
        return str(choice["text"]), finish
    message = dict(choice["message"])
    if isinstance(message.get("refusal"), str) and not message.get("content"):
        message["content"] = message["refusal"]  # it is what the model said
    text = response_text({"role": "assistant", **message})
    if finish == "length" and not message.get("content"):
        text = text.removesuffix("</think>")  # it was cut while it thought
    if not text and message.get("content") is None:
        raise EndpointError(f"{where} answered with no text", "no_reply")
    return text, finish


def read_samples(reply: str, count: int) -> list[Completed]:
    """The samples in a reply. Raises UnclearError where there are not as many as were asked for.

    >>> read_samples('[{"text": "4", "finish": "stop", "tokens": 2, "prompt": 9}]', 1)[0].tokens
    2
    """
    try:
        samples = [Completed(one["text"], one["finish"], one["tokens"], one["prompt"]) for one in json.loads(reply)]
    except (ValueError, TypeError, KeyError) as error:
        raise UnclearError(f"the reply cannot be read: {error!r}") from None
    if len(samples) != count:
        raise UnclearError(f"the server gave {len(samples)} samples for {count}")
    return samples
