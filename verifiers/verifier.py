"""What every verifier is, and the boundary at which its own failures become verdicts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from .sample import Sample
from .verdict import Reason, Verdict

_log = logging.getLogger(__name__)
_Task = TypeVar("_Task")
_Group = TypeVar("_Group", bound=Hashable)


@runtime_checkable
class Verifier(Protocol):
    """Anything with a name that maps samples to one verdict each, in order.

    It never raises for what a model wrote, uses no signals, gives the same result in any thread, event loop or
    process, and can be pickled.
    """

    @property
    def name(self) -> str:
        """The key under which its verdicts stand."""
        ...

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A verifier with something heavy to load, such as a model: worker processes let it before their first row, so that
    no row's time limit pays for it."""

    def prepare(self) -> None:
        """Load it. What cannot be loaded is left for the verdicts to report."""
        ...


@runtime_checkable
class Voter(Protocol):
    """A verifier that can tell which answers are the same, for a majority vote (cons@k)."""

    def classes(self, answers: Sequence[str]) -> list[int]:
        """A class number for each answer; equal numbers for answers that are verifiably the same."""
        ...


@runtime_checkable
class Responder(Protocol):
    """A verifier that can write a response, so that `check` can see whether a reference verifies against itself; of a
    verifier without it, the reference alone is the response."""

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        ...


def check_samples(samples: object) -> None:
    """Raise TypeError, with what to write instead, for what a verifier is called with and is no list of samples.

    >>> check_samples(Sample(response="4"))
    Traceback (most recent call last):
    ...
    TypeError: a verifier takes a list of samples, not a Sample; give a list: verifier([sample])
    """
    if isinstance(samples, list | tuple):
        for sample in samples:
            if not isinstance(sample, Sample):
                made = "; Sample.from_dict(row) makes one" if isinstance(sample, Mapping) else ""
                raise TypeError(f"a verifier takes a list of samples, and this one holds a {_kind(sample)}{made}")
    elif isinstance(samples, Sample):
        raise TypeError("a verifier takes a list of samples, not a Sample; give a list: verifier([sample])")
    elif isinstance(samples, Mapping):
        way = "give a list: verifier([Sample.from_dict(row)])"
        raise TypeError(f"a verifier takes a list of samples, not a {_kind(samples)}; {way}")
    elif isinstance(samples, str | bytes):
        way = "give a list: verifier([Sample(response=text, reference=...)]), or call r1_reward.verify(text, ...)"
        raise TypeError(f"a verifier takes a list of samples, not a {_kind(samples)}; {way}")


def _kind(value: object) -> str:
    return type(value).__name__


def judge_each(
    judge: Callable[[Sample], Verdict], samples: Sequence[Sample], *, accuracy: bool = False
) -> list[Verdict]:
    """Judge samples one by one: times each, and turns an exception into `error: grader_crashed`.

    Args:
        judge: The verdict of one sample.
        samples: What is judged.
        accuracy: Whether an accuracy verifier judges, so that its scores decide `Verdict.correct`.

    Returns:
        One verdict per sample, in order, with its `seconds`.

    Raises:
        TypeError: `samples` is no list of samples.

    >>> def broken(sample): raise ZeroDivisionError("no luck")
    >>> judge_each(broken, [Sample(response="x")])[0].detail
    'the verifier failed: ZeroDivisionError: no luck'
    """
    check_samples(samples)
    verdicts = []
    for sample in samples:
        start = time.perf_counter()
        try:
            verdict = judge(sample)
        except Exception as error:  # noqa: BLE001 - the boundary: our own failure is recorded as such
            _log.debug("a verifier failed on sample %s", sample.id, exc_info=True)
            verdict = Verdict.error(Reason.GRADER_CRASHED, failure(error))
        verdicts.append(verdict.timed(time.perf_counter() - start, accuracy=accuracy))
    return verdicts


def judge_grouped(
    read: Callable[[Sample], _Task | Verdict],
    group: Callable[[_Task], _Group],
    run: Callable[[_Group, list[_Task]], list[Verdict]],
    samples: Sequence[Sample],
) -> list[Verdict]:
    """Judge by an accuracy verifier whose samples of one group are run together: `read` gives a task, or at once a
    verdict. Raises TypeError for what is no list of samples."""
    check_samples(samples)
    tasks: dict[_Group, list[tuple[int, _Task]]] = {}
    verdicts: dict[int, Verdict] = {}
    for place, sample in enumerate(samples):
        try:
            task = read(sample)
        except Exception as error:  # noqa: BLE001 - the boundary: our own failure is recorded as such
            task = Verdict.error(Reason.GRADER_CRASHED, failure(error))
        if isinstance(task, Verdict):
            verdicts[place] = task
        else:
            tasks.setdefault(group(task), []).append((place, task))
    for key, placed in tasks.items():
        verdicts |= zip((place for place, _ in placed), run(key, [task for _, task in placed]), strict=True)
    return [verdicts[place].timed(verdicts[place].seconds, accuracy=True) for place in range(len(samples))]


def verdicts_of(verifier: Verifier, samples: Sequence[Sample]) -> list[Verdict]:
    """A verifier's verdicts; a TypeError where it does not keep to its contract, which would shift every row."""
    verdicts = list(verifier(samples)) if samples else []
    if len(verdicts) != len(samples) or not all(isinstance(verdict, Verdict) for verdict in verdicts):
        raise TypeError(f"{verifier.name} must give one Verdict for each of {len(samples)} samples")
    return verdicts


def verdicts_or_errors(verifier: Verifier, samples: Sequence[Sample]) -> list[Verdict]:
    """A verifier's verdicts, whatever it does: an error for each sample where it raises or does not keep to its
    contract, and for one whose score is no finite number."""
    try:
        verdicts = verdicts_of(verifier, samples)
    except Exception as error:  # noqa: BLE001 - the boundary: a verifier that breaks is no wrong answer
        _log.warning("the verifier %s failed", verifier.name, exc_info=True)
        return [Verdict.error(Reason.GRADER_CRASHED, failure(error)) for _ in samples]
    return [verdict if math.isfinite(verdict.score or 0) else _no_number(verdict) for verdict in verdicts]


def _no_number(verdict: Verdict) -> Verdict:
    return Verdict.error(Reason.GRADER_CRASHED, f"the score is {verdict.score}, which is no number to learn from")


def failure(error: Exception) -> str:
    """The sentence of a verdict about a verifier that raised."""
    try:
        text = str(error)[:200]
    except Exception:  # noqa: BLE001 - an exception whose text raises is still a failure to record
        text = "(its message cannot be read)"
    return f"the verifier failed: {type(error).__name__}: {text}"
