"""A chat model behind an OpenAI-compatible endpoint, for whoever needs one: preference judges, verifiers, evaluation.

A request ends by its deadline, whatever the server does: one that sends a byte now and then, in the head or in the
body, gains no time. A reply is bounded in size. Nothing is read from the environment: no proxy, no key.

What it does not do: try again, stream, keep connections between requests; a name server that hangs is not cut off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ConfigError, RewardError, missing_extra

if TYPE_CHECKING:
    import ssl

MOST_BYTES = 4 << 20
"""Longest reply that is read."""


class EndpointError(RewardError):
    """An endpoint gave no reply; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatClient:
    """A model behind `POST {url}/chat/completions`. Can be pickled; may be called from any thread and event loop.

    Calling it with a text gives the reply to that text as a user's message.

    Raises:
        ConfigError: The address or the timeout is none, or httpx is not installed.
    """

    url: str
    """As OpenAI's clients take it, say `http://127.0.0.1:8000/v1`."""
    model: str
    """Name of the model."""
    key: str | None = None
    """Sent as bearer token."""
    timeout: float = 120.0
    """Seconds a request may take in all."""
    temperature: float = 0.0
    """Of its sampling."""
    max_tokens: int = 1024
    """Longest reply."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"the endpoint's address {self.url!r} is no http address")
        if not 0 < self.timeout <= 86_400:
            raise ConfigError(f"the endpoint's timeout is {self.timeout}; it must be more than 0 and at most a day")
        if find_spec("httpx") is None:
            raise ConfigError(missing_extra("an endpoint", "httpx", "judge"))

    def __call__(self, text: str) -> str:
        """The reply to one message of a user. Raises EndpointError where there is none in time."""
        return self.complete([{"role": "user", "content": text}])

    def complete(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The reply to a dialogue. Raises EndpointError where there is none in time."""
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.acomplete(messages))
        # A loop runs in this thread, whose caller cannot await: another thread has a loop of its own.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self.acomplete(messages)).result()

    async def acomplete(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The same, awaited."""
        import asyncio

        import httpx

        payload = {
            "model": self.model,
            "messages": list(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        try:
            async with asyncio.timeout(self.timeout):
                status, data = await self._post(json.dumps(payload).encode())
        except (TimeoutError, httpx.TimeoutException):
            raise EndpointError(f"no reply from {self.url}: no whole reply within {self.timeout:g} s") from None
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise EndpointError(f"no reply from {self.url}: {type(error).__name__}: {error}") from error
        if status != 200:
            raise EndpointError(f"{self.url} answered with status {status}: {data[:200].decode('utf-8', 'replace')}")
        return self._content(data)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        import httpx

        # Not compressed, so that the bound on bytes is one on memory.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        address = f"{self.url.rstrip('/')}/chat/completions"
        verify = _certificates() if self.url.startswith("https") else False
        data = bytearray()
        async with (
            httpx.AsyncClient(verify=verify, timeout=self.timeout, trust_env=False) as client,
            client.stream("POST", address, content=body, headers=headers) as response,
        ):
            async for part in response.aiter_raw():
                data += part
                if len(data) > MOST_BYTES:
                    raise EndpointError(f"{self.url} answered with more than {MOST_BYTES:,} bytes")
        return response.status_code, bytes(data)

    def _content(self, data: bytes) -> str:
        try:
            reply: Any = json.loads(data)["choices"][0]["message"]["content"]  # any: a JSON value
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise EndpointError(f"{self.url} answered with no chat completion") from None
        if not isinstance(reply, str):
            raise EndpointError(f"{self.url} answered with no text")
        return reply


@cache
def _certificates() -> ssl.SSLContext:
    """Reading them takes longer than a request."""
    import ssl

    return ssl.create_default_context()
