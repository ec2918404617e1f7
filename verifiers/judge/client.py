"""A chat model behind an OpenAI-compatible endpoint, for whoever needs one: judges, preferences, rewriting, evaluation.

A request ends by its deadline, whatever the server does: one that sends a byte now and then, in the head or in the
body, gains no time. A reply is bounded in size. The key is read from the environment when a request is sent, and is
held nowhere else: not in the client, its pickle, its repr or an error, also where a server repeats it.

What it does not do: try again (`asking.py` does), stream; a name server that hangs is not cut off. No proxy of the
environment is used.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from ..errors import ConfigError, RewardError, missing_extra
from .transport import Transport, read_key

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
MOST_BYTES = 4 << 20
"""Longest reply that is read."""

ClientFault = Literal[
    "unreachable", "late", "rate_limited", "server", "denied", "bad_request", "no_reply", "refused", "cut"
]
"""Why there is no reply. `denied` (401, 402, 403, 404, no quota) will not change by asking again."""


class EndpointError(RewardError):
    """An endpoint gave no usable reply; the message says why."""

    def __init__(self, message: str, fault: ClientFault = "unreachable", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.fault: ClientFault = fault
        """Why."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again."""
        self.reply: Reply | None = None
        """What came and cannot be used, but was paid for."""


class Reply(NamedTuple):
    """What a model wrote, and what it took."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatClient:
    """A model behind `POST {url}/chat/completions`. Can be pickled; may be called from any thread and event loop.

    Calling it with a text gives the reply to that text as a user's message.

    Raises:
        ConfigError: The address or the timeout is none, or h11 is not installed.
    """

    url: str
    """As OpenAI's clients take it, say `http://127.0.0.1:8000/v1`."""
    model: str
    """Name of the model."""
    key_env: str | None = None
    """Environment variable that holds the key, sent as bearer token."""
    timeout: float = 120.0
    """Seconds a request may take in all."""
    temperature: float = 0.0
    """Of its sampling."""
    max_tokens: int = 1024
    """Longest reply, reasoning included."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Further fields of the request, such as `{"reasoning_effort": "low"}`."""
    _unsupported: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """`temperature`, `max_tokens`: what the model has refused to take."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            Transport(self.url, most_bytes=MOST_BYTES)
        except ValueError:  # a port or a host that is none
            raise ConfigError(f"the endpoint's address {self.url!r} is no http address") from None
        if parts.username or parts.password:
            raise ConfigError("the endpoint's address holds a user or password; name a variable for the key (key_env)")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"the endpoint's address {self.url!r} is no http address")
        if not 0 < self.timeout <= 86_400:
            raise ConfigError(f"the endpoint's timeout is {self.timeout}; it must be more than 0 and at most a day")
        if find_spec("h11") is None:
            raise ConfigError(missing_extra("an endpoint", "h11", "judge"))
        read_key(self.key_env)

    @property
    def settings(self) -> list[object]:
        """What decides its replies, beside the messages: the model and how it samples, not where it runs."""
        return [self.model, self.temperature, self.max_tokens, dict(self.extra)]

    def __call__(self, text: str) -> str:
        """The reply to one message of a user. Raises EndpointError where there is none in time."""
        return self.complete([{"role": "user", "content": text}]).text

    def complete(self, messages: Sequence[Mapping[str, str]]) -> Reply:
        """The reply to a dialogue. Raises EndpointError where there is none in time."""
        return run_async(self.acomplete(messages))

    async def acomplete(self, messages: Sequence[Mapping[str, str]]) -> Reply:
        """The same, awaited."""
        async with self.connection() as connection:
            return await connection.complete(messages)

    def connection(self) -> Connection:
        """One connection that is kept between requests; for one task at a time."""
        return Connection(self)


class Connection:
    """A connection to an endpoint, which is opened anew where the server closes it."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._transport = Transport(client.url, most_bytes=MOST_BYTES, key_env=client.key_env)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any] | None = None,  # any: a JSON schema
        fields: Mapping[str, Any] = MappingProxyType({}),  # any: JSON values
    ) -> Reply:
        """The reply to a dialogue, which a server that can keeps to a JSON schema; `fields` are added to the request.
        Raises EndpointError."""
        client = self._client
        payload: dict[str, Any] = {  # any: a JSON object
            "model": client.model,
            "messages": list(messages),
            "temperature": client.temperature,
            "max_tokens": client.max_tokens,
            **client.extra,
            **fields,
        }
        if schema is not None:
            named = {"name": "verdict", "strict": True, "schema": schema}
            payload["response_format"] = {"type": "json_schema", "json_schema": named}
        return self._read(await self.post_supported("chat/completions", payload))

    async def post_supported(self, path: str, payload: dict[str, Any]) -> bytes:  # any: a JSON object
        """What the server answers to a request without the settings that it takes none of. Raises EndpointError."""
        client = self._client
        while True:
            if "temperature" in client._unsupported:
                payload.pop("temperature", None)
            if "max_tokens" in client._unsupported and "max_tokens" in payload:
                payload["max_completion_tokens"] = payload.pop("max_tokens")
            try:
                return await self.post(path, payload)
            except EndpointError as error:
                names = _UNSUPPORTED.findall(str(error)) if error.fault == "bad_request" else []
                if not {*names} - client._unsupported:
                    raise
                client._unsupported.update(names)
                _log.warning("%s takes no %s, and is asked without", client.model, " and ".join(names))

    async def post(self, path: str, payload: Mapping[str, Any]) -> bytes:  # any: a JSON object
        """What the server answers to a request at a path below its address. Raises EndpointError."""
        import h11

        client, where = self._client, self._client.url
        try:
            async with asyncio.timeout(client.timeout):
                status, headers, data = await self._transport.post(path, json.dumps(payload).encode())
        except TimeoutError:
            message = f"no reply from {where}: no whole reply within {client.timeout:g} s"
            raise EndpointError(message, "late") from None
        except (OSError, h11.ProtocolError) as error:
            raise EndpointError(f"no reply from {where}: {type(error).__name__}: {error}") from None
        if data is None:
            raise EndpointError(f"{where} answered with more than {MOST_BYTES:,} bytes", "no_reply")
        data = _without_key(data, client.key_env)
        if status != 200:
            text = data[:2000].decode("utf-8", "replace")
            raise EndpointError(
                f"{where} answered with status {status}: {text[:200]}",
                _fault(status, text),
                retry_after=_retry_after(headers, text),
            )
        return data

    def _read(self, data: bytes) -> Reply:
        where = self._client.url
        try:
            payload: Any = json.loads(data)  # any: a JSON value
            if payload.get("error"):
                raise _error_in_reply(payload["error"], where)
            choice = payload["choices"][0]
            if choice.get("error"):
                raise _error_in_reply(choice["error"], where)
            text, refusal = _text_of(choice["message"].get("content"))
            refusal = choice["message"].get("refusal") or refusal
            used = payload.get("usage")
            used = used if isinstance(used, Mapping) else {}
            tokens = [max(0, int(used.get(name) or 0)) for name in ("prompt_tokens", "completion_tokens")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError):
            raise EndpointError(f"{where} answered with no chat completion", "no_reply") from None
        reply = Reply(text or "", *tokens)
        reason = choice.get("finish_reason")
        reason = "" if reason is None else reason
        native = choice.get("native_finish_reason")  # of a provider behind OpenRouter, whose word for it is vaguer
        ends = [_ENDS.fullmatch(one.strip()) if isinstance(one, str) else None for one in (native, reason)]
        end = ends[0] if ends[0] is not None and ends[0].lastgroup else ends[1]
        if refusal or (end is not None and end["refused"]):
            error = EndpointError(f"the model refused: {str(refusal or reason)[:200]}", "refused")
        elif end is not None and end["cut"]:
            error = EndpointError(f"the reply was cut after {self._client.max_tokens:,} tokens (max_tokens)", "cut")
        elif end is None or end["failed"]:
            error = EndpointError(f"the reply ended with {str(reason)[:60]!r}", "server" if end else "refused")
        elif text is None:
            error = EndpointError(f"{where} answered with no text", "no_reply")
        else:
            return reply
        error.reply = reply
        raise error


_UNSUPPORTED = re.compile(r"nsupported (?:parameter|value): '(temperature|max_tokens)'")
"""What OpenAI's reasoning models say; their longest reply is `max_completion_tokens`."""
_ENDS = re.compile(
    r"(?:stop(?:_sequence|_token)?|eos(?:_\w+)?|end(?:_turn)?|completed?|finish(?:ed)?|done)?"
    r"|(?P<cut>.*length|.*exceeded|max_.*|token_limit|incomplete|truncated)"
    r"|(?P<failed>.*error|abort(?:ed)?|cancell?ed|insufficient_system_resource)"
    r"|(?P<refused>content_filter(?:ed)?|guardrail\w*|moderation|safety|recitation|prohibited_content|blocklist|spii|refusal|sensitive)",
    re.IGNORECASE,
)
"""What servers give as `finish_reason`; another one, such as `tool_calls`, is no end of a reply."""


def _text_of(content: object) -> tuple[str | None, str | None]:
    """The text in a message's content, whose parts may be listed, without those that are reasoning; or a refusal."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else None), None
    parts = [{"text": part} if isinstance(part, str) else part for part in content if isinstance(part, Mapping | str)]
    kinds = ("text", "output_text")
    texts = [part["text"] for part in parts if part.get("type", "text") in kinds]
    refusal = next((str(part.get("refusal")) for part in parts if part.get("type") == "refusal"), None)
    return ("".join(texts) if texts else None), refusal


def _error_in_reply(error: object, where: str) -> EndpointError:
    """An error that a server sends with status 200, as those do that have begun to reply when another one fails."""
    code = str(error.get("code")) if isinstance(error, Mapping) else ""
    status = int(code) if re.fullmatch("[0-9]{3}", code) else 500
    text = json.dumps(error)
    return EndpointError(f"{where} answered with an error: {text[:200]}", _fault(status, text))


def run_async(work: Coroutine[Any, Any, _T]) -> _T:  # any: what a coroutine is sent, nothing
    """Run a coroutine to its end, also where a loop runs in this thread, whose caller cannot await."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _without_key(data: bytes, name: str | None) -> bytes:
    """What a server sent, without the key where it repeats it."""
    return data if name is None else data.replace(os.environ.get(name, "").strip().encode() or b"\0", b"***")


_FILTERED = re.compile(
    r"content_filter|content_policy|ContentPolicy|content management policy|ResponsibleAI|data_inspection_failed"
    r"|requires moderation|flagged|usage guidelines|safety system|guardrail"
)
"""What servers write where a filter refused a question; it is about that one alone."""


def _fault(status: int, body: str) -> ClientFault:
    if status == 429:
        return "denied" if "insufficient_quota" in body else "rate_limited"
    if status in (400, 403, 422) and _FILTERED.search(body):
        return "refused"
    if status in (401, 402, 403, 404):
        return "denied"
    if status in (408, 409, 425) or status >= 500:
        return "late" if status in (408, 504) else "server"
    return "bad_request"


def _retry_after(headers: Mapping[str, str], body: str) -> float | None:
    """Seconds that a server asks to wait: `Retry-After` as a number or a date, in milliseconds, or in its message."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", headers.get(name, "").strip()):
            return float(headers[name]) / 1000
    header = headers.get("retry-after", "").strip()
    seconds = re.fullmatch(_SECONDS + "(m?s)?", header)
    if not header:
        seconds = re.search(rf"(?i)(?:try again in|retry after|retryDelay\W{{1,4}})\s*{_SECONDS}\s*(m?s)", body)
    if seconds:
        return 60 * float(seconds[1] or 0) + float(seconds[2]) / (1000 if seconds[3] == "ms" else 1)
    try:
        when = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


_SECONDS = r"(?:(\d{1,6})m)?(\d{1,9}(?:\.\d{1,9})?)"
