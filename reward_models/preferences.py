"""Building preference pairs as the paper does: a judge sees each two answers several times, in both orders.

Each pair of candidates is judged `times` times, half as A and B, half as B and A (the paper places them at random,
which is the option `order="random"`); the mean of the un-swapped scores decides, and |mean| must be more than
`threshold`. Then, over the whole set: near-duplicate prompts go, prompts of other data go, lengths are matched, and
what is left is split by prompt.

A judge that fails, refuses or gives no clear verdict is asked again `retries` times and then costs that pair. Every
judged pair is written at once, so that a run that ends early goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Literal

from ..rows.preference_forms import IDS, SOURCES
from ..rows.preferences import PreferenceReader
from ..verifiers.errors import ConfigError
from ..verifiers.sample import Message
from ..verifiers.settings import check_option
from .data import Columns, Pair, read_each, split_by_prompt
from .judge import Judge, question, verdict_of
from .matching import Contamination, Matched, match_lengths, near_duplicates
from .summary import summary_of

JUDGED = "judged.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefOptions:
    """How pairs are judged and chosen; the defaults are the paper's where it says."""

    times: int = 4
    """Judgements per pair."""
    order: Literal["balanced", "random"] = "balanced"
    """Half in each order, or each order drawn."""
    threshold: float = 1.0
    """|mean| must be more than this."""
    retries: int = 2
    """Further questions where a reply holds no verdict."""
    match: bool = True
    """Leave pairs out until length does not tell which one was chosen."""
    near: float = 0.8
    """Prompts whose three-word sequences overlap by this much are the same; 1.01: none are."""
    test_share: float = 0.1
    """Share of the prompts in the second file."""
    seed: int = 0
    """Of order, matching and split."""

    def __post_init__(self) -> None:
        check_option("order", self.order, ("balanced", "random"))
        if self.times < 1 or self.retries < 0:
            raise ConfigError(f"times is {self.times} and retries {self.retries}; at least 1 and 0")
        if self.order == "balanced" and self.times % 2:
            raise ConfigError(f"times is {self.times}; in balanced order it must be even")
        if not (0 <= self.threshold < 2 and 0 <= self.test_share <= 0.5 and self.near > 0):
            raise ConfigError("threshold must be from 0 to below 2, test_share from 0 to 0.5, near above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Two answers to one prompt, not yet judged."""

    id: str
    prompt: tuple[Message, ...]
    one: str
    other: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """What the judge said of a candidate."""

    key: str
    """Hash of the candidate, of how it was judged and by whom."""
    scores: tuple[int, ...]
    """Of the first answer, un-swapped; empty where the judge failed."""
    swapped: tuple[bool, ...]
    """Whether the first answer was shown as B."""
    failed: str | None = None
    """Why there are no scores."""

    @property
    def mean(self) -> float | None:
        """Of the scores."""
        return sum(self.scores) / len(self.scores) if self.scores else None


@dataclass(slots=True)
class Candidates:
    """The candidates of some files."""

    rows: list[Candidate]
    """Those that can be judged, in order."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were left out, by why: `unreadable` rows, responses `without a partner`."""
    unreadable: list[str] = field(default_factory=list)
    """What was wrong with the first rows that could not be read."""


def read_candidates(files: Sequence[str | Path], *, columns: Columns | None = None, form: str = "auto") -> Candidates:
    """Rows with a prompt and two responses or more; of more, first and second, third and fourth and so on.

    A row that cannot be read costs itself, and is counted; so is a last response without a partner. Helpfulness is
    judged by what follows the reasoning, so that is all that is kept.

    Args:
        files: Their names.
        columns: Which path holds which field, where that is not a usual name; `responses` is the list.
        form: The form of the rows; any of preference data, whose labels are left alone.

    Raises:
        DataError: Not one row can be read, or none of the first 20.
        RunError: A file cannot be opened.
    """
    reader = PreferenceReader(columns=columns or {}, form=form)
    found = Candidates([])

    def read(row: Mapping[str, Any], place: str) -> None:  # any: a JSON object
        prompt, responses = reader.responses(row)
        parts = reader.reading(row)
        texts = [summary_of(one, prompt) or "" for one in responses]
        name, source = parts.text(IDS, "id") or place, parts.text(SOURCES, "source")
        for number in range(0, len(texts) - 1, 2):
            one_name = name + (f"/{number // 2}" if len(texts) > 3 else "")
            one, other = texts[number : number + 2]
            found.rows.append(Candidate(id=one_name, prompt=prompt, one=one, other=other, source=source))
        if len(texts) % 2:
            found.left_out["without a partner"] += 1

    read_each(files, read, found.left_out, found.unreadable)
    return found


def judge_pair(candidate: Candidate, judge: Judge, options: PrefOptions, *, name: str = "") -> JudgedPair:
    """Ask the judge, called `name`, about one candidate. Never raises for what the judge does."""
    key = _key(candidate, options, name)
    draw = random.Random(_key(candidate, options, ""))  # noqa: S311 - an order, not a secret
    if options.order == "random":
        orders = [draw.random() < 0.5 for _ in range(options.times)]
    else:
        orders = [number % 2 == 1 for number in range(options.times)]
    if not (candidate.one.strip() and candidate.other.strip()):
        return JudgedPair(key=key, scores=(), swapped=(), failed="empty_response")
    prompt = "\n\n".join(f"{turn.role}: {turn.content}" for turn in candidate.prompt)
    scores = []
    for swapped in orders:
        a, b = (candidate.other, candidate.one) if swapped else (candidate.one, candidate.other)
        score, why = _ask(judge, question(prompt, a, b), options.retries)
        if score is None:
            return JudgedPair(key=key, scores=(), swapped=(), failed=why)
        scores.append(-score if swapped else score)
    return JudgedPair(key=key, scores=tuple(scores), swapped=tuple(orders))


def judge_all(
    candidates: Sequence[Candidate],
    judge: Judge,
    options: PrefOptions,
    path: Path,
    *,
    name: str = "",
    workers: int = 4,
    progress: Callable[[int], None] | None = None,
) -> list[JudgedPair]:
    """Judge all candidates, in order; what `path` holds of the judge `name` is taken from there, failures aside.

    `name` must tell judges apart: it stands for whatever decides the verdicts, such as an address and a model.
    """
    held = {judged.key: judged for judged in _read_judged(path) if judged.failed is None}
    keys = [_key(candidate, options, name) for candidate in candidates]
    missing = iter({key: one for key, one in zip(keys, candidates, strict=True) if key not in held}.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for done, judged in enumerate(_judged(missing, judge, options, name, workers), 1):
            held[judged.key] = judged
            file.write(json.dumps(asdict(judged)) + "\n")
            file.flush()
            if progress is not None:
                progress(done)
    return [held[key] for key in keys]


def _judged(
    candidates: Iterator[Candidate], judge: Judge, options: PrefOptions, name: str, workers: int
) -> Iterator[JudgedPair]:
    """Judge in threads, in the order in which the judge is done. Daemons, since whoever interrupts a run must not wait
    for a judge that hangs."""
    asked: SimpleQueue[Candidate | None] = SimpleQueue()
    answered: SimpleQueue[JudgedPair | BaseException] = SimpleQueue()

    def work() -> None:
        try:
            while (candidate := asked.get()) is not None and not ended.is_set():
                answered.put(judge_pair(candidate, judge, options, name=name))
        except BaseException as error:  # noqa: BLE001 - a judge that wants to end the process; raised where it is read
            answered.put(error)

    ended = Event()
    for _ in range(workers):
        Thread(target=work, daemon=True).start()
    under_way = 0
    try:
        for candidate in candidates:
            asked.put(candidate)
            under_way += 1
            if under_way >= 2 * workers:
                yield _given(answered)
                under_way -= 1
        for _ in range(under_way):
            yield _given(answered)
    finally:
        ended.set()
        for _ in range(workers):
            asked.put(None)


def _given(answered: SimpleQueue[JudgedPair | BaseException]) -> JudgedPair:
    found = answered.get()
    if isinstance(found, BaseException):
        raise found
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Preference pairs, and how they came about."""

    train: list[Pair]
    test: list[Pair]
    told: dict[str, Any]  # any: JSON values
    """Counts, position bias, agreement, lengths before and after matching."""


def build(
    candidates: Sequence[Candidate],
    judged: Sequence[JudgedPair],
    options: PrefOptions,
    contamination: Contamination | None = None,
) -> Built:
    """Choose, clean, match and split judged pairs."""
    left_out: Counter[str] = Counter()
    pairs = []
    for candidate, one in zip(candidates, judged, strict=True):
        mean = one.mean
        if mean is None:
            left_out[f"judge: {one.failed}"] += 1
        elif abs(mean) <= options.threshold:
            left_out["too close"] += 1
        elif contamination is not None and contamination.holds(_text(candidate.prompt)):
            left_out["in other data"] += 1
        else:
            texts = (candidate.one, candidate.other) if mean > 0 else (candidate.other, candidate.one)
            pairs.append(
                Pair(
                    prompt=candidate.prompt,
                    chosen=texts[0],
                    rejected=texts[1],
                    margin=abs(mean),
                    source=candidate.source,
                    id=candidate.id,
                )
            )
    # Of one prompt all pairs stay; of prompts that are nearly the same those of the first.
    prompts = list(dict.fromkeys(_text(pair.prompt) for pair in pairs))
    copies = near_duplicates(prompts, threshold=options.near)
    same = {text for text, other in zip(prompts, copies, strict=True) if other is not None}
    left_out["near-duplicate prompt"] = sum(_text(pair.prompt) in same for pair in pairs)
    pairs = [pair for pair in pairs if _text(pair.prompt) not in same]
    matched: Matched = match_lengths(pairs, seed=options.seed)
    if options.match:
        left_out["length matching"] = len(pairs) - len(matched.rows)
        pairs = matched.rows
    train, test = split_by_prompt(pairs, options.test_share, purpose="test", seed=options.seed)
    told = {
        "candidates": len(candidates),
        "left_out": {why: count for why, count in sorted(left_out.items()) if count},
        "train": len(train),
        "test": len(test),
        **agreement(judged),
        "longer_wins": {"before": matched.before, "after": matched.after if options.match else matched.before},
        "length_correlation": {
            "before": matched.correlation_before,
            "after": matched.correlation_after if options.match else matched.correlation_before,
        },
        "options": asdict(options),
    }
    return Built(train=train, test=test, told=told)


def agreement(judged: Sequence[JudgedPair]) -> dict[str, float | None]:
    """How far the judge contradicts itself.

    `position_bias`: share of verdicts for A less that for B, 0 for a fair judge. `self_agreement`: share of pairs of
    verdicts on the same answers that name the same winner, ties among them.

    >>> one = JudgedPair(key="", scores=(1, 1), swapped=(False, True))
    >>> agreement([one])
    {'position_bias': 0.0, 'self_agreement': 1.0}
    """
    as_a = [(-s if swapped else s) for one in judged for s, swapped in zip(one.scores, one.swapped, strict=True)]
    decided = [score for score in as_a if score]
    same = both = 0
    for one in judged:
        signs = [(score > 0) - (score < 0) for score in one.scores]
        for index, sign in enumerate(signs):
            for other in signs[index + 1 :]:
                both += 1
                same += sign == other
    return {
        "position_bias": sum(1 if score > 0 else -1 for score in decided) / len(decided) if decided else None,
        "self_agreement": same / both if both else None,
    }


def _ask(judge: Judge, text: str, retries: int) -> tuple[int | None, str]:
    why = "no_verdict"
    for _ in range(1 + retries):
        try:
            score = verdict_of(judge(text))
        except Exception as error:  # noqa: BLE001 - the boundary: a judge that fails costs this pair
            why = f"failed ({type(error).__name__})"
            continue
        if score is not None:
            return score, ""
        why = "no_verdict"
    return None, why


def _key(candidate: Candidate, options: PrefOptions, name: str) -> str:
    told = [
        *([name] if name else []),
        [[turn.role, turn.content] for turn in candidate.prompt],
        candidate.one,
        candidate.other,
        options.times,
        options.order,
        options.seed,
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _text(prompt: Sequence[Message]) -> str:
    return "\n".join(turn.content for turn in prompt)


def _read_judged(path: Path) -> Iterator[JudgedPair]:
    """What an earlier run wrote; a torn last line is passed over."""
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        data = data[: data.rfind(b"\n") + 1]
        path.write_bytes(data)
    for line in data.splitlines():
        try:
            row = json.loads(line)
            yield JudgedPair(
                key=row["key"], scores=tuple(row["scores"]), swapped=tuple(row["swapped"]), failed=row["failed"]
            )
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"{path} holds a line that is no judged pair; name another folder") from None
