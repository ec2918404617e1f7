"""Many questions to one judge at once: tried again by rule, kept, paid up to a ceiling, and never a number for nothing.

Asked again are, after a pause that doubles, with chance in it, `retries` times and for `patience` seconds at most: no
connection, a cut stream, statuses 408, 409, 425, 429 and 5xx, what is no chat completion, and what came too late. A
refusal, a reply that is cut off and one without a clear verdict are asked once more, since a judge may do better; 400
with a JSON schema once without it.
After a `Retry-After` nobody asks before that. Nothing more is asked in a call after 401, 402, 403, 404 or the end of a
quota, where a server wants to be left alone for longer than the patience, where nobody had a reply for as long, and at
the ceiling of cost: what is under way then is waited for, and kept.

A question without an answer is a `Failure`, whose word is the reason of an error verdict. The cost of a call that is
not yet over counts by the longest reply, so that one process never spends more than the ceiling; several that share a
recording may exceed it by what they have under way.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ..errors import WriteError
from ..verdict import Reason
from .client import ChatClient, Connection, EndpointError, Reply, run_async
from .recording import Recorded, Recording, question_key

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two tries, at first and at most; a server may ask for more."""

CONCURRENCY = 32
"""Questions under way at once, where nothing else is said."""

Ask = Callable[[str], "str | Reply"]
"""A judge of one's own: from a question to a reply. Whatever it raises is a failure."""


class UnclearError(Exception):
    """A reply holds no clear verdict; the message says why."""


class Question(NamedTuple):
    """What a judge is asked."""

    text: str
    """All of it, as a user's message; or what stands for `messages` in the recording."""
    read: Callable[[str], Any]  # any: a verdict
    """What a reply says. Raises UnclearError."""
    schema: Mapping[str, Any] | None = None  # any: a JSON schema
    """What a reply must be, for servers that can keep to it."""
    number: int = 0
    """Which of several samples of the same question."""
    messages: Sequence[Mapping[str, str]] = ()
    """A dialogue, in place of the text, for a client."""
    fields: Mapping[str, Any] = MappingProxyType({})  # any: JSON values
    """Further fields of its request, such as a seed, for a client."""


class Failure(NamedTuple):
    """Why a question has no answer."""

    reason: Literal[Reason.JUDGE_UNAVAILABLE, Reason.JUDGE_UNCLEAR, Reason.JUDGE_CEILING]
    detail: str


class Answer(NamedTuple):
    """What came of a question."""

    value: Any = None  # any: what `Question.read` gives
    reply: str = ""
    tokens: tuple[int, int] = (0, 0)
    """Read and written, of all replies to the question that were paid for."""
    cost: float = 0.0
    """Of the same."""
    failure: Failure | None = None


@dataclass(slots=True)
class Spent:
    """What asking has taken so far; what a recording held is not in it."""

    calls: int = 0
    """Requests, those that failed and those tried again among them."""
    read: int = 0
    """Tokens."""
    written: int = 0
    """Tokens."""
    cost: float = 0.0
    """By the prices of the run."""

    def add(self, reply: Reply | None, cost: float) -> None:
        """Count one request."""
        self.calls += 1
        self.read += reply.prompt_tokens if reply else 0
        self.written += reply.completion_tokens if reply else 0
        self.cost += cost


@dataclass(slots=True)
class _Call:
    """What the tasks of one call share."""

    resume_at: float = 0.0
    """Nobody asks before."""
    success_at: float = field(default_factory=time.monotonic)
    """When a question last had a reply."""
    denied: Failure | None = None
    """Why nothing more is asked."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one whose turn it is to set money aside."""


class Asker:
    """Asks one judge: a client, or a callable. May be used from any thread and event loop."""

    def __init__(
        self,
        judge: ChatClient | Ask,
        settings: list[object] | None = None,
        *,
        concurrency: int = CONCURRENCY,
        retries: int = 5,
        patience: float = 300.0,
        schemas: bool = True,
        recording: Recording | None = None,
        replay: bool = False,
        price: tuple[float, float] = (0.0, 0.0),
        max_cost: float | None = None,
    ) -> None:
        """Make it.

        Args:
            judge: Who is asked.
            settings: What a callable's replies are known by in a recording; a client has its own.
            concurrency: Questions under way at once, in one call.
            retries: Further tries of a question.
            patience: Seconds after which a question is not tried again.
            schemas: Whether a server is asked to keep to a JSON schema.
            recording: Where replies are kept; None keeps none.
            replay: Ask nobody; what is not in the recording has failed.
            price: Of a million tokens read, and written.
            max_cost: The ceiling for all that the recording holds, in the money of the prices.
        """
        self._judge, self._schemas = judge, schemas
        self._settings = judge.settings if isinstance(judge, ChatClient) else settings or [repr(judge)]
        self._concurrency, self._retries, self._patience = concurrency, retries, patience
        self._recording, self._replay = recording or Recording(None), replay
        self._keep = recording is not None
        self._price, self._max_cost = price, max_cost
        self._lock = threading.Lock()
        self._reserved = 0.0
        self.spent: Spent = Spent()
        """Kept up to date while questions are under way."""
        self._broken: WriteError | None = None

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer each, in order. Raises WriteError where the recording cannot be written."""
        return run_async(self.ask_async(questions))

    async def ask_async(
        self, questions: Sequence[Question], answered: Callable[[Question, Answer], None] | None = None
    ) -> list[Answer]:
        """The same, awaited. With `answered`, it gets each answer as it comes, which is kept nowhere else."""
        if self._broken is not None:
            raise self._broken
        keys = [(question_key(self._settings, one.text), one.number) for one in questions]
        answers: dict[tuple[str, int], Answer] = {}
        waiting = []

        def settle(key: tuple[str, int], question: Question, answer: Answer) -> None:
            if answered is None:
                answers[key] = answer
            else:
                answered(question, answer)

        for key, question in dict(zip(keys, questions, strict=True)).items():
            held = self._held(key, question)
            if held is None:
                waiting.append((key, question))
            else:
                settle(key, question, held)
        call, left = _Call(), iter(waiting)

        async def work() -> None:
            async with AsyncExitStack() as stack:
                connection = None
                for key, question in left:
                    if connection is None and isinstance(self._judge, ChatClient):
                        connection = await stack.enter_async_context(self._judge.connection())
                    settle(key, question, await self._one(key, question, connection, call))

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(self._concurrency, len(waiting))):
                    tasks.create_task(work())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        return [] if answered else [answers[key] for key in keys]

    def _held(self, key: tuple[str, int], question: Question) -> Answer | None:
        """What the recording has; a question that failed is asked again, unless it is played back."""
        row = self._recording.get(*key)
        if row is not None and row.failed is None and row.reply is not None:
            with suppress(UnclearError):
                return Answer(question.read(row.reply), row.reply, row.tokens, row.cost)
        if not self._replay:
            return None
        if row is not None and row.failed is not None:
            failure = Failure(Reason(row.failed[0]), row.failed[1])  # type: ignore[arg-type]  # as written
            return Answer(failure=failure, tokens=row.tokens, cost=row.cost)
        return Answer(failure=Failure(Reason.JUDGE_UNAVAILABLE, "the recording holds no reply to this question"))

    async def _one(
        self, key: tuple[str, int], question: Question, connection: Connection | None, call: _Call
    ) -> Answer:
        begun = time.monotonic()
        tries, schemas, was_unclear, spent = 0, self._schemas, False, Spent()
        while True:
            await asyncio.sleep(max(0.0, call.resume_at - time.monotonic()))
            if call.denied is not None or not await self._reserve(question, call):
                assert call.denied is not None
                return self._with_cost(Answer(failure=call.denied), key, spent)
            try:
                answer = await self._try(key, question, connection, spent, with_schema=schemas)
                call.success_at = time.monotonic()
                self._schemas = schemas
                return self._with_cost(answer, key, spent)
            except UnclearError as error:
                failure, pause = Failure(Reason.JUDGE_UNCLEAR, str(error)), 0.0
                call.success_at = time.monotonic()  # it is there, if it is no use
            except EndpointError as error:
                if error.fault == "bad_request" and schemas and question.schema is not None:
                    schemas = False
                    continue
                failure = _failure(error)
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**tries) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                if error.retry_after is not None:
                    pause = error.retry_after
                    if pause <= self._patience:
                        call.resume_at = max(call.resume_at, time.monotonic() + pause)
                if error.fault == "denied" or pause > self._patience:
                    call.denied = failure
                if error.fault == "bad_request":
                    break
            finally:
                self._release(question)
            tries += 1
            now = time.monotonic()
            unclear = failure.reason is Reason.JUDGE_UNCLEAR
            if not unclear and now - call.success_at > self._patience:
                call.denied = call.denied or failure  # it is down, and a queue of questions need not find out each
            late = now + pause - begun > self._patience
            if call.denied or late or tries > self._retries or (unclear and was_unclear):
                break
            was_unclear = was_unclear or unclear
            await asyncio.sleep(pause)
        if self._keep:
            self._add(key, Recorded(None, (failure.reason.value, failure.detail)))
        return self._with_cost(Answer(failure=failure), key, spent)

    async def _try(
        self,
        key: tuple[str, int],
        question: Question,
        connection: Connection | None,
        spent: Spent,
        *,
        with_schema: bool,
    ) -> Answer:
        """One try; a reply that was paid for is kept, of use or not. Raises EndpointError, UnclearError."""
        reply, failed = None, None
        try:
            reply = await self._ask(question, connection, with_schema=with_schema)
            answer = Answer(question.read(reply.text), reply.text)
        except UnclearError as error:
            failed = (Reason.JUDGE_UNCLEAR.value, str(error))
            raise
        except EndpointError as error:
            reply, failed = error.reply, (_failure(error).reason.value, str(error))
            raise
        finally:
            cost = self._cost(question, reply)
            spent.add(reply, cost)
            with self._lock:
                self.spent.add(reply, cost)
            if reply is not None and (self._keep or cost):
                tokens = reply.prompt_tokens, reply.completion_tokens
                self._add(key, Recorded(reply.text, failed, tokens, cost))
        return answer

    def _with_cost(self, answer: Answer, key: tuple[str, int], spent: Spent) -> Answer:
        """An answer with what all tries took; those of earlier runs too, where a recording has them."""
        row = self._recording.get(*key) if self._keep else None
        tokens, cost = ((spent.read, spent.written), spent.cost) if row is None else (row.tokens, row.cost)
        return answer._replace(tokens=tokens, cost=cost)

    def _add(self, key: tuple[str, int], row: Recorded) -> None:
        try:
            self._recording.add(self._settings, *key, row)
        except WriteError as error:
            self._broken = error  # what cannot be kept must not be asked and paid for again and again
            raise

    async def _ask(self, question: Question, connection: Connection | None, *, with_schema: bool) -> Reply:
        """One try. Raises EndpointError."""
        if connection is not None:
            schema = question.schema if with_schema else None
            messages = question.messages or [{"role": "user", "content": question.text}]
            return await connection.complete(messages, schema, question.fields)
        assert not isinstance(self._judge, ChatClient)
        try:
            async with asyncio.timeout(self._patience):
                reply = await _in_thread(self._judge, question.text)
        except TimeoutError:
            raise EndpointError(f"the judge gave no reply within {self._patience:g} s", "late") from None
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a user's function raises is no reply
            raise EndpointError(f"the judge failed: {type(error).__name__}: {str(error)[:200]}", "server") from None
        if isinstance(reply, Reply):
            return reply
        if not isinstance(reply, str):
            raise EndpointError(f"the judge gave a {type(reply).__name__}, not text", "no_reply")
        return Reply(reply)

    def _worst(self, question: Question) -> float:
        """The most that a question can cost: a token is a byte at least."""
        longest = self._judge.max_tokens if isinstance(self._judge, ChatClient) else 0
        return self._priced(len(question.text.encode("utf-8", "replace")), longest)

    def _priced(self, read: int, written: int) -> float:
        return (read * self._price[0] + written * self._price[1]) / 1e6

    def _cost(self, question: Question, reply: Reply | None) -> float:
        """What a reply cost; the most it can where a server does not say how many tokens it counts."""
        if reply is None:
            return 0.0
        counted = reply.prompt_tokens or reply.completion_tokens
        return self._priced(reply.prompt_tokens, reply.completion_tokens) if counted else self._worst(question)

    async def _reserve(self, question: Question, call: _Call) -> bool:
        """Set aside what a question may cost; False where the ceiling leaves no room that calls under way will make."""
        async with call.turn:  # in the order of the questions, so that what is paid for is a run of first rows
            while self._max_cost is not None:
                worst = self._worst(question)
                with self._lock:
                    if self._recording.cost + self._reserved + worst <= self._max_cost:
                        self._reserved += worst
                        return True
                    if self._reserved <= 0:
                        detail = f"{self._recording.cost:.4g} of at most {self._max_cost:g} are spent (max_cost)"
                        call.denied = call.denied or Failure(Reason.JUDGE_CEILING, detail)
                    if call.denied is not None:
                        return False
                await asyncio.sleep(0.01)
        return True

    def _release(self, question: Question) -> None:
        if self._max_cost is not None:
            with self._lock:
                rest = self._reserved - self._worst(question)
                self._reserved = rest if rest > 1e-9 else 0.0


def _failure(error: EndpointError) -> Failure:
    unclear = error.fault in ("refused", "cut")
    return Failure(Reason.JUDGE_UNCLEAR if unclear else Reason.JUDGE_UNAVAILABLE, str(error))


async def _in_thread(ask: Ask, text: str) -> object:
    """Call a function in a thread of its own, that nobody waits for where the call is given up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: BaseException | None) -> None:
        if not done.done() and error is None:
            done.set_result(result)
        elif not done.done():
            assert error is not None
            done.set_exception(error)

    def work() -> None:
        result, failed = None, None
        try:
            result = ask(text)
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failed = error if isinstance(error, Exception) else RuntimeError(type(error).__name__)
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=work, daemon=True).start()
    return await done
