"""What a judge is to choose between: responses of a file's rows, or of a server that is asked prompt by prompt.

A server is asked as often as responses are wanted of a prompt, by turns with each temperature and each system message,
so that they differ. Its replies are kept in a recording: a run that ends early goes on where it was.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from ..rows.preference_forms import IDS, SOURCES
from ..rows.preferences import PreferenceReader
from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.judge import Asker, ChatClient, Recording
from ..verifiers.judge.asking import Question, UnclearError
from ..verifiers.sample import Message
from ..verifiers.settings import Count, Whole, check
from .data import Columns, read_each
from .summary import summary_of

BATCH = 512
"""Questions that are handed over at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """A prompt and the responses to it."""

    id: str
    prompt: tuple[Message, ...]
    responses: tuple[str, ...] = ()
    """Without their reasoning."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Two answers to one prompt, not yet judged."""

    id: str
    prompt: tuple[Message, ...]
    one: str
    other: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """How responses are drawn from a server."""

    responses: Count = 4
    """Of a prompt."""
    temperatures: Sequence[float] = (0.7, 1.0)
    """By turns."""
    systems: Sequence[str] = ("",)
    """System messages, by turns; empty for none."""
    length: Count = 4096
    """Longest response in tokens, reasoning included; one that is cut off is none."""
    retries: Whole = 5
    """Further tries of a request."""

    def __post_init__(self) -> None:
        check(self)
        if not self.temperatures or not self.systems or min(self.temperatures) < 0:
            raise ConfigError("temperatures and systems must name at least one, and no temperature below 0")


@dataclass(slots=True)
class Prompts:
    """The prompts of some files."""

    rows: list[Prompted]
    """Those that can be judged, in order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many rows were left out, by why: `unreadable`."""
    unreadable: list[str] = field(default_factory=list)
    """What was wrong with the first rows that could not be read."""


def read_prompts(
    files: Sequence[str | Path], *, generate: bool = False, columns: Columns | None = None, form: str = "auto"
) -> Prompts:
    """Rows with a prompt and two responses or more; with `generate` rows with a prompt, whatever else they hold.

    A row that cannot be read costs itself, and is counted. Helpfulness is judged by what follows the reasoning, so that
    is all that is kept.

    Args:
        files: Their names.
        generate: Whether responses are still to be written.
        columns: Which path holds which field, where that is not a usual name; `responses` is the list.
        form: The form of the rows; any of preference data, whose labels are left alone.

    Raises:
        DataError: Not one row can be read, or none of the first 20.
        RunError: A file cannot be opened.
    """
    reader = PreferenceReader(columns=columns or {}, form=form)
    prompts = Prompts([])

    def read(row: Mapping[str, Any], place: str) -> None:  # any: a JSON object
        reading = reader.reading(row)
        texts: Sequence[str] = ()
        if generate:
            prompt = reader.prompt(row)
            if prompt is None:
                raise SampleError("missing_field", "column 'prompt' is missing")
        else:
            prompt, texts = reader.responses(row)
        prompts.rows.append(
            Prompted(
                id=reading.text(IDS, "id") or place,
                prompt=prompt,
                responses=tuple(summary_of(one, prompt) or "" for one in texts),
                source=reading.text(SOURCES, "source"),
            )
        )

    read_each(files, read, prompts.left_out, prompts.unreadable)
    return prompts


def generate(
    prompts: Sequence[Prompted],
    client: ChatClient,
    options: GenerateOptions,
    recording: Recording,
    *,
    workers: int = 32,
    progress: Callable[[int, Asker], None] | None = None,
) -> tuple[list[Prompted], Counter[str]]:
    """The prompts with a server's responses, and why others are missing.

    Args:
        prompts: What is asked.
        client: The server; its temperature and length are those of `options`.
        options: How many responses, and how they differ.
        recording: Keeps the replies.
        workers: Requests under way at once.
        progress: Gets how many responses there are, and who asks, before and after each batch.
    """
    asked: dict[float, list[tuple[int, Question]]] = {}
    for place, one in enumerate(prompts):
        turns = [{"role": turn.role, "content": turn.content} for turn in one.prompt]
        drawn: Counter[tuple[float, str]] = Counter()
        for number in range(options.responses):
            temperature = options.temperatures[number % len(options.temperatures)]
            system = options.systems[number // len(options.temperatures) % len(options.systems)]
            messages = [{"role": "system", "content": system}, *turns] if system else turns
            question = Question(json.dumps(messages), _response, number=drawn[temperature, system], messages=messages)
            drawn[temperature, system] += 1
            asked.setdefault(temperature, []).append((place, question))
    texts_by_prompt: list[list[str]] = [[] for _ in prompts]
    missing: Counter[str] = Counter()
    done = 0
    for temperature, questions in asked.items():
        own = replace(client, temperature=temperature, max_tokens=options.length)
        asker = Asker(own, concurrency=workers, retries=options.retries, recording=recording, schemas=False)
        if progress is not None:
            progress(done, asker)
        for start in range(0, len(questions), BATCH):
            some = questions[start : start + BATCH]
            for (place, _), answer in zip(some, asker.ask([one for _, one in some]), strict=True):
                if answer.failure is not None:
                    missing[answer.failure.reason.value] += 1
                else:
                    texts_by_prompt[place].append(answer.value)
            done += len(some)
            if progress is not None:
                progress(done, asker)
    return [replace(one, responses=tuple(texts)) for one, texts in zip(prompts, texts_by_prompt, strict=True)], missing


def _response(text: str) -> str:
    """What follows the reasoning. Raises UnclearError where nothing does."""
    summary = summary_of(text)
    if not summary:
        raise UnclearError("the response has no text after its reasoning")
    return summary


def candidates_of(prompts: Sequence[Prompted], pairs: int | None, seed: int) -> tuple[list[Candidate], Counter[str]]:
    """All pairs of each prompt's responses, or `pairs` drawn ones, and how many responses or pairs are left out.

    >>> one = Prompted(id="7", prompt=(), responses=("a", "b", "b", ""))
    >>> pairs_drawn, left_out = candidates_of([one], None, 0)
    >>> [(pair.id, pair.one, pair.other) for pair in pairs_drawn], dict(left_out)
    ([('7', 'a', 'b')], {'empty response': 1, 'same response': 1})
    """
    candidates, left_out = [], Counter[str]()
    for one in prompts:
        texts = list(dict.fromkeys(text for text in one.responses if text.strip()))
        empty = sum(not text.strip() for text in one.responses)
        left_out["empty response"] += empty
        left_out["same response"] += len(one.responses) - empty - len(texts)
        chosen = list(combinations(range(len(texts)), 2))
        left_out["prompt without two responses"] += not chosen
        if pairs is not None and pairs < len(chosen):
            draw = random.Random(f"{seed} {one.id}")  # noqa: S311 - a choice of pairs, not a secret
            left_out["pair not drawn"] += len(chosen) - pairs
            chosen = sorted(draw.sample(chosen, pairs))
        for a, b in chosen:
            name = one.id if len(texts) == 2 else f"{one.id}/{a}-{b}"
            candidates.append(Candidate(id=name, prompt=one.prompt, one=texts[a], other=texts[b], source=one.source))
    return candidates, +left_out
