"""A served model evaluated: many requests at once, samples judged as they come, a record that any kind of end leaves
usable.

Questions are recorded in their order, whatever order the replies come in. Replies that came before their turn stand in
`OUT.replies.jsonl` until the record is whole, so that nothing is asked or paid for twice. Equal replies make equal
records, byte by byte, however often a run was interrupted.

What it does not promise: that a server gives the same reply for the same seed after another load.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...scoring.measure import REFLECTIVE, Estimate, Evaluation, measure
from ...scoring.samples import SampleFile, fingerprint
from ...scoring.scored import ScoredRow
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.judge.asking import Answer, Asker, Question
from ...verifiers.judge.client import run_async
from ...verifiers.judge.recording import Recording
from ...verifiers.sample import Sample
from ...verifiers.spec import RewardSpec, verifiers_of
from ...verifiers.verdict import Reason
from ...verifiers.verifier import Voter
from .client import Completed, ModelClient, read_samples
from .prompts import PromptForm, as_messages
from .record import Asked, Failed, Recorder, is_unfinished

CONCURRENCY = 64
"""Requests under way at once, where nothing else is said."""
BATCH = 64
"""Questions judged in one call at most."""
_STOPS = 64
"""Requests that fail one after another before a run gives up: the server is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a server is asked; none of it decides what a sample is."""

    concurrency: int = CONCURRENCY
    """Requests under way at once."""
    per_request: int = 1
    """Samples that a request asks for (`n`); the server then counts their tokens together only."""
    retries: int = 5
    """Further tries of a request."""
    patience: float = 1_800.0
    """Seconds after which a request is not tried again; at least the client's timeout."""
    price: tuple[float, float] = (0.0, 0.0)
    """Of a million tokens read, and written."""
    max_cost: float | None = None
    """Ceiling for the cost of all requests; reaching it ends the run, which can be gone on with."""


def evaluate_served(
    client: ModelClient,
    questions: Sequence[Sample],
    reward: RewardSpec,
    *,
    k: int = 1,
    seed: int = 0,
    template: PromptForm = "chat",
    serving: Serving = Serving(),
    level: str = "level",
    words: Sequence[str] = REFLECTIVE,
    benchmark: str | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    summarise: Callable[[Iterable[ScoredRow]], Mapping[str, Estimate]] | None = None,
    about: Mapping[str, Any] | None = None,  # any: JSON values
    progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Ask a served model every question k times and measure its answers (the paper's D.1).

    Args:
        client: The model, with temperature, top-p and the longest response.
        questions: What is asked, and what the answers are judged by.
        reward: Who judges.
        k: Samples of each question.
        seed: Of all that is drawn; each request has one made of it and of its place.
        template: `chat` for a server's chat endpoint, else the text for its completions.
        serving: How many requests at once, how often one is tried again, and what they may cost.
        level: Field of a row that holds its difficulty.
        words: Counted in the responses.
        benchmark: Name of the task card, for the record.
        output: The record, a JSONL file; in memory where left out.
        resume: Go on with a record.
        overwrite: Begin anew where a record is there.
        summarise: Makes further figures of the record's rows, such as a benchmark's own.
        about: Added to the settings in the result.
        progress: Gets how many questions are done.

    Returns:
        The figures; a missing sample is in none of them but `unjudged`.

    Raises:
        ConfigError: What is asked cannot be asked, or the record cannot be gone on with.
        RunError: The server gives nothing, or the ceiling of cost is reached; the record can be gone on with.
    """
    if not questions:
        raise ConfigError("there are no questions: the data is empty")
    if k < 1 or not 1 <= serving.per_request <= 128:
        raise ConfigError("k must be at least 1, and samples a request from 1 to 128")
    if (client.served == "chat") != (template == "chat"):
        raise ConfigError(f"template {template!r} does not go with the server's {client.served}")
    judge = reward.build()
    sampling = {"max_tokens": client.max_tokens, "temperature": client.temperature, "top_p": client.top_p}
    settings: dict[str, Any] = {"version": __version__, "model": client.model, **(about or {})}  # any: JSON values
    settings |= {"template": template, "seed": seed, "sampling": {**sampling, "stop": list(client.stop)}}
    if client.extra:
        settings["request"] = dict(client.extra)
    decided = {**settings, "k": k, "judge": reward.to_dict(), "benchmark": benchmark, "n": serving.per_request}
    made_by = fingerprint(None, decided, questions)
    replies = Path(f"{output}.replies.jsonl") if output else None
    with SampleFile(
        output, k, made_by, settings, resume=resume, overwrite=overwrite, usable=lambda line: not is_unfinished(line)
    ) as kept:
        if replies is not None and not resume:
            replies.unlink(missing_ok=True)
        asker = Asker(
            client, concurrency=serving.concurrency, retries=serving.retries, patience=serving.patience, schemas=False,
            recording=Recording(replies), price=serving.price, max_cost=serving.max_cost,
        )  # fmt: skip
        run = _Run(questions, k, seed, template, serving.per_request, kept, Recorder(judge, benchmark), progress)
        run_async(run.all(asker))
        if replies is not None and not run.unfinished:
            replies.unlink(missing_ok=True)  # the record has all of it
        voters = {one.name: one for one in verifiers_of(judge) if isinstance(one, Voter)}
        evaluation = measure(kept.rows(), k, voters, about=settings, level=level, words=words)
        if summarise is not None:
            evaluation = replace(evaluation, metrics={**summarise(kept.rows()), **evaluation.metrics})
        used = _usage(kept.rows(), serving)
    about = {**evaluation.about, "usage": used}
    if client._unsupported:  # the model has samples of its own making where it takes no temperature
        about["unsupported"] = sorted(client._unsupported)
    return replace(evaluation, about=about)


def _usage(rows: Iterable[ScoredRow], serving: Serving) -> dict[str, float]:
    """Tokens of the samples that the record holds, as far as the server counted them, and what they cost."""
    read = written = 0
    for row in rows:
        read += row.fields.get("prompt_tokens") or 0
        written += row.fields.get("tokens") or 0
    cost = (read * serving.price[0] + written * serving.price[1]) / 1e6
    return {"prompt_tokens": read, "tokens": written, "cost": cost}


def seed_of(seed: int, place: int, number: int) -> int:
    """The seed of a request, below 2**31 as servers take it.

    >>> seed_of(0, 1, 2) == seed_of(0, 1, 2), seed_of(0, 1, 2) == seed_of(0, 2, 1)
    (True, False)
    """
    return int.from_bytes(hashlib.sha256(f"{seed} {place} {number}".encode()).digest()[:4], "big") >> 1


class _Run:
    """The questions of one run: asked in any order, recorded in theirs."""

    def __init__(
        self,
        questions: Sequence[Sample],
        k: int,
        seed: int,
        template: PromptForm,
        per_request: int,
        kept: SampleFile,
        recorder: Recorder,
        progress: Callable[[int], None],
    ) -> None:
        self._questions, self._k, self._kept, self._recorder = questions, k, kept, recorder
        self._seed, self._per_request, self._progress = seed, per_request, progress
        self._template: PromptForm = template
        self._came: dict[int, dict[int, list[Completed | Failed]]] = {}
        """By question, by request: samples that came and are not recorded yet."""
        self._where: dict[tuple[str, int], tuple[int, int]] = {}
        """By the text and number of a request: the place of its question, and how many samples it asks for."""
        self._ready = asyncio.Event()
        self._stopped: RunError | None = None
        self._in_a_row = 0
        self.unfinished = 0
        """Samples that are missing, or were not judged for want of a judge."""

    async def all(self, asker: Asker) -> None:
        """Ask and record them. Raises RunError where the server gives nothing."""
        asked = [one for place in range(self._kept.questions, len(self._questions)) for one in self._requests(place)]
        self._progress(self._kept.questions)
        asking = asyncio.create_task(asker.ask_async(asked, self._answered))
        recording = asyncio.create_task(self._record())
        try:
            await asyncio.wait({asking, recording}, return_when=asyncio.FIRST_COMPLETED)
            if recording.done():
                recording.result()  # it raises what ended it early
            await asking
            await recording
        finally:
            for task in (asking, recording):
                task.cancel()
                with suppress(asyncio.CancelledError, RunError):
                    await task

    def _requests(self, place: int) -> list[Question]:
        messages = as_messages(self._questions[place], self._template)
        text = json.dumps([self._seed, place, messages])
        requests = []
        for number, start in enumerate(range(0, self._k, self._per_request)):
            count = min(self._per_request, self._k - start)
            fields = {"seed": seed_of(self._seed, place, number), **({"n": count} if count > 1 else {})}
            self._where[text, number] = place, count
            requests.append(Question(text, partial(read_samples, count=count), None, number, messages, fields))
        return requests

    def _answered(self, question: Question, answer: Answer) -> None:
        place, count = self._where.pop((question.text, question.number))
        samples: list[Completed | Failed] = answer.value
        if answer.failure is not None:
            reason, detail = answer.failure
            if reason is Reason.JUDGE_CEILING:
                self._stop(RunError(f"the ceiling of cost is reached: {detail}; raise it and go on with --resume"))
                return
            self._in_a_row += reason is Reason.JUDGE_UNAVAILABLE
            word = "no_reply" if reason is Reason.JUDGE_UNAVAILABLE else "unusable_reply"
            samples = [Failed(word, detail)] * count
            if self._in_a_row >= min(_STOPS, len(self._questions) * self._k):
                self._stop(RunError(f"{self._in_a_row} requests in a row had no reply: {detail}; go on with --resume"))
        else:
            self._in_a_row = 0
        self._came.setdefault(place, {})[question.number] = samples
        self._ready.set()

    def _stop(self, error: RunError) -> None:
        self._stopped = self._stopped or error
        self._ready.set()

    async def _record(self) -> None:
        """Judge and record what has come, in order, until all is there."""
        while self._kept.questions < len(self._questions):
            await self._ready.wait()
            self._ready.clear()
            while batch := self._batch():
                lines = await asyncio.to_thread(self._recorder.lines, batch)
                self._kept.write(lines)
                self.unfinished += sum(map(is_unfinished, lines))
                self._progress(self._kept.questions)
            if self._stopped is not None:
                raise self._stopped

    def _batch(self) -> list[Asked]:
        """The next questions that have all their samples."""
        batch: list[Asked] = []
        requests = -(-self._k // self._per_request)
        place = self._kept.questions
        while self._stopped is None and len(batch) < BATCH and len(self._came.get(place, ())) == requests:
            if self._in_a_row and self._where and any(isinstance(one[0], Failed) for one in self._came[place].values()):
                break  # it may be the server that is gone, and not this question that fails
            parts = self._came.pop(place)
            batch.append(Asked(place, self._questions[place], [one for n in sorted(parts) for one in parts[n]]))
            place += 1
        return batch
