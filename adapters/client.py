"""A typed client of `r1-reward serve`, for Python code that is none of a trainer: sync and async.

    with Client("http://127.0.0.1:8000") as client:
        for served in client.score(rows):
            ...

What could not be judged is `reward=None` with a reason, never a number; what the server refuses altogether is raised.
Judging a row has no effect but its answer, so a request is sent again after a lost connection or a status that says
`later` (408, 429, 502, 503, 504), when Retry-After says, else after a wait that doubles. Not covered: the forms of
trainers (`/get_reward`, `/slime`, ...), which have their own clients; several responses in one row.

ServerError is a RunError (see `verifiers/errors.py`).
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..scoring.work import decision
from ..verifiers.errors import ConfigError, NotScoredError, RunError, missing_extra
from ..verifiers.sample import Sample
from ..verifiers.verdict import Verdict

if TYPE_CHECKING:
    import httpx

LATER = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same request may succeed."""
MOST_ROWS, MOST_BYTES = 256, 4 << 20
"""Of one request; more rows are sent in several."""
FIRST_WAIT = 0.5
"""Seconds before the second try where the server does not say; it doubles with each."""

RowLike = Sample | Mapping[str, Any]  # any: JSON values
_Http = TypeVar("_Http", "httpx.Client", "httpx.AsyncClient")


class ServerError(RunError):
    """The server refused the request, or could not be reached, or answered what is no answer.

    Args:
        status: The HTTP status; 0 where none came.
        reason: A word of the server's (`unauthorized`, `too_large`, ...), or `unreachable` or `no_answer`.
        detail: The same as a sentence.
    """

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" + (f" (status {self.status})" if self.status else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedScore:
    """What a server found about one row.

    `float()` gives the reward, and raises NotScoredError where there is none.
    """

    reward: float | None
    """The total; None where it could not be judged or nothing applied."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """By the verifier's name."""
    correct: bool | None = None
    """What the accuracy verifier says; None where none decided."""
    reason: str | None = None
    """Of a row that is none: why, as a word."""
    detail: str = ""
    """The same as a sentence."""

    def __float__(self) -> float:
        if self.reward is None:
            why = next((f"{v.reason}: {v.detail}" for v in self.verdicts.values() if v.score is None), self.detail)
            raise NotScoredError(f"there is no reward: {why or self.reason or 'no verifier judges this row'}")
        return self.reward

    def __bool__(self) -> bool:
        raise TypeError("a score that is none and a wrong answer would both be false; ask for .reward or .correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """What a server says of itself."""

    ready: bool
    """Whether it takes rows; False while it is ending."""
    reward: str = ""
    """Name of the reward that it judges by."""
    version: str = ""
    """Of r1-reward."""


class _Settings:
    """What both clients are made from, and everything that does not wait."""

    def __init__(
        self, url: str, token: str | None, timeout: float, tries: int, max_wait: float, ca: str | None
    ) -> None:
        from importlib.util import find_spec

        if find_spec("httpx") is None:
            raise ConfigError(missing_extra("a client", "httpx", "client"))
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"{url!r} is no address of a server; write http://HOST:PORT")
        if not (timeout > 0 and max_wait >= 0 and tries >= 1):
            raise ConfigError("timeout must be above 0, max_wait at least 0, and tries at least 1")
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self.tries = tries
        self._max_wait = max_wait
        self._ca = ca

    def open(self, kind: type[_Http]) -> _Http:
        """The connections, which read no proxy or certificate from the environment."""
        import ssl

        headers = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
        verify: Any = True if self._ca is None else ssl.create_default_context(cafile=self._ca)  # any: as httpx has it
        return kind(base_url=self.url, headers=headers, timeout=self._timeout, verify=verify, trust_env=False)

    def wait(self, attempt: int, outcome: httpx.Response | Exception) -> float:
        """Seconds until the next try. Raises ServerError where there is to be none."""
        if isinstance(outcome, Exception):
            if attempt + 1 >= self.tries:
                detail = f"{self.url} cannot be reached, {self.tries} times: {str(outcome) or type(outcome).__name__}"
                raise ServerError(0, "unreachable", detail) from outcome
        elif outcome.status_code not in LATER or attempt + 1 >= self.tries:
            raise _refused(outcome)
        after = None if isinstance(outcome, Exception) else _retry_after(outcome)
        # A moment more or less, so that clients who were refused together do not come back together.
        wait = FIRST_WAIT * 2.0**attempt * random.uniform(0.75, 1.25) if after is None else after  # noqa: S311
        if wait > self._max_wait and after is not None:
            assert not isinstance(outcome, Exception)
            raise _refused(outcome)
        return min(wait, self._max_wait)


class Client:
    """Asks a server that runs `r1-reward serve`; a context manager. It may be used from several threads.

    Args:
        url: `http://HOST:PORT` or `https://HOST:PORT`.
        token: The server's token, where it asks for one.
        timeout: Seconds to wait for an answer; the server gives a request up after 100.
        tries: How often a request is sent at most.
        max_wait: Longest wait before a try, seconds; where the server asks for more its refusal is raised.
        ca_file: Certificates (PEM) that an HTTPS server of your own is known by.

    Raises:
        ConfigError: An argument is none, or httpx (extra `client`) is not installed.

    >>> Client("localhost:8000")
    Traceback (most recent call last):
    r1_reward.verifiers.errors.ConfigError: 'localhost:8000' is no address of a server; write http://HOST:PORT
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 120.0,
        tries: int = 5,
        max_wait: float = 60.0,
        ca_file: str | None = None,
    ) -> None:
        self._settings = _Settings(url, token, timeout, tries, max_wait, ca_file)
        import httpx

        self._http = self._settings.open(httpx.Client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def score(self, rows: Sequence[RowLike]) -> list[ServedScore]:
        """Judge rows, each with one response.

        Args:
            rows: Samples, or dicts with the fields of a row: `response`, `reference`, `prompt`, `tests`, ...

        Returns:
            One ServedScore a row, in order.

        Raises:
            ServerError: The server refused or could not be reached, `tries` times where that may pass.
            TypeError: `rows` is one row, or a row holds no one response.
        """
        return [served for body, count in _requests(rows) for served in _read(self._send(body), count)]

    def state(self) -> ServerState:
        """Ask once what the server says of itself.

        Returns:
            Whether it is ready, and what it judges by.

        Raises:
            ServerError: It cannot be reached, or what answers is no such server.
        """
        import httpx

        try:
            return _state(self._http.get("/readyz"))
        except (httpx.HTTPError, OSError) as error:
            raise ServerError(0, "unreachable", f"{self._settings.url}: {error}") from error

    def _send(self, body: bytes) -> httpx.Response:
        import httpx

        for attempt in range(self._settings.tries):
            try:
                response = self._http.post("/score", content=body, headers={"content-type": "application/json"})
            except (httpx.TransportError, OSError) as error:
                time.sleep(self._settings.wait(attempt, error))
                continue
            if response.status_code == 200:
                return response
            time.sleep(self._settings.wait(attempt, response))
        raise AssertionError("the last try either returns or raises")


class AsyncClient:
    """Client to be awaited; an asynchronous context manager. Requests of one call are sent at the same time.

    Args:
        url: `http://HOST:PORT` or `https://HOST:PORT`.
        token: The server's token, where it asks for one.
        timeout: Seconds to wait for an answer; the server gives a request up after 100.
        tries: How often a request is sent at most.
        max_wait: Longest wait before a try, seconds; where the server asks for more its refusal is raised.
        ca_file: Certificates (PEM) that an HTTPS server of your own is known by.
        concurrency: How many requests are under way at the same time at most.

    Raises:
        ConfigError: An argument is none, or httpx (extra `client`) is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 120.0,
        tries: int = 5,
        max_wait: float = 60.0,
        ca_file: str | None = None,
        concurrency: int = 8,
    ) -> None:
        self._settings = _Settings(url, token, timeout, tries, max_wait, ca_file)
        if concurrency < 1:
            raise ConfigError(f"concurrency is {concurrency}; it must be at least 1")
        import httpx

        self._http = self._settings.open(httpx.AsyncClient)
        self._room = asyncio.Semaphore(concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def score(self, rows: Sequence[RowLike]) -> list[ServedScore]:
        """Judge rows, each with one response.

        Args:
            rows: Samples, or dicts with the fields of a row, as of Client.score.

        Returns:
            One ServedScore a row, in order.

        Raises:
            ServerError: The server refused or could not be reached, `tries` times where that may pass.
            TypeError: `rows` is one row, or a row holds no one response.
        """
        asked = [(asyncio.ensure_future(self._send(body)), count) for body, count in _requests(rows)]
        try:
            return [served for task, count in asked for served in _read(await task, count)]
        finally:
            for task, _ in asked:
                task.cancel()
            await asyncio.gather(*(task for task, _ in asked), return_exceptions=True)

    async def state(self) -> ServerState:
        """Ask once what the server says of itself.

        Returns:
            Whether it is ready, and what it judges by.

        Raises:
            ServerError: It cannot be reached, or what answers is no such server.
        """
        import httpx

        try:
            return _state(await self._http.get("/readyz"))
        except (httpx.HTTPError, OSError) as error:
            raise ServerError(0, "unreachable", f"{self._settings.url}: {error}") from error

    async def _send(self, body: bytes) -> httpx.Response:
        import httpx

        for attempt in range(self._settings.tries):
            try:
                async with self._room:
                    content = {"content-type": "application/json"}
                    response = await self._http.post("/score", content=body, headers=content)
            except (httpx.TransportError, OSError) as error:
                await asyncio.sleep(self._settings.wait(attempt, error))
                continue
            if response.status_code == 200:
                return response
            await asyncio.sleep(self._settings.wait(attempt, response))
        raise AssertionError("the last try either returns or raises")


def _requests(rows: Sequence[RowLike]) -> Iterator[tuple[bytes, int]]:
    """Bodies, each with its number of rows."""
    if isinstance(rows, Sample | Mapping | str | bytes):
        raise TypeError("score takes a list of rows; write score([row])")
    held: list[bytes] = []
    weight = 0
    # All rows are read before any is sent.
    for text in [_text(row, number) for number, row in enumerate(rows)]:
        if held and (len(held) >= MOST_ROWS or weight + len(text) > MOST_BYTES):
            yield b"[" + b",".join(held) + b"]", len(held)
            held, weight = [], 0
        held.append(text)
        weight += len(text)
    if held:
        yield b"[" + b",".join(held) + b"]", len(held)


def _text(row: RowLike, number: int) -> bytes:
    fields = row.to_dict() if isinstance(row, Sample) else row
    if not isinstance(fields, Mapping) or not isinstance(fields.get("response"), str):
        raise TypeError(f"rows[{number}] must be a Sample, or a dict with the text `response`")
    try:
        return json.dumps(dict(fields), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"rows[{number}] cannot be sent as JSON: {error}") from None


def _read(response: httpx.Response, count: int) -> list[ServedScore]:
    try:
        scores = json.loads(response.content, parse_constant=_no_constant)
        if not isinstance(scores, list) or len(scores) != count:
            raise ValueError(f"{count} rows were sent, and the answer is no list of as many")
        return [_served(row) for row in scores]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ServerError(response.status_code, "no_answer", f"this is no answer of r1-reward: {error}") from error


def _served(row: Mapping[str, Any]) -> ServedScore:  # any: JSON values
    reward = row["reward"]
    if reward is not None and (isinstance(reward, bool) or not math.isfinite(reward)):
        raise ValueError(f"the reward is {reward!r}")
    if isinstance(row.get("error"), dict):
        if reward is not None:
            raise ValueError("a row in error has a reward")
        return ServedScore(reward=None, reason=str(row["error"]["reason"]), detail=str(row["error"]["detail"]))
    verdicts = {name: Verdict.from_dict(verdict) for name, verdict in row["verdicts"].items()}
    entries = [(name, v.status.value, v.reason.value, v.score) for name, v in verdicts.items()]
    return ServedScore(reward=reward, verdicts=verdicts, correct=decision(entries)[1])


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refused(response: httpx.Response) -> ServerError:
    try:
        error = response.json()["error"]
        return ServerError(response.status_code, str(error["reason"]), str(error["detail"]))
    except (ValueError, KeyError, TypeError):
        detail = f"{response.request.url} answered {response.text[:200]!r}"
        return ServerError(response.status_code, "no_answer", detail)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number or a date; None for anything else."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _state(response: httpx.Response) -> ServerState:
    if response.status_code == 503:
        return ServerState(ready=False)
    if response.status_code != 200:
        raise _refused(response)
    try:
        answer = response.json()
        return ServerState(ready=True, reward=str(answer["reward"]), version=str(answer["version"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ServerError(200, "no_answer", f"{response.request.url} is no server of r1-reward") from error
