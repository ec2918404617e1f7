"""Reward functions of one trainer give no number together for a row that one of them could not judge.

TRL and ms-swift add the numbers of their reward functions by `nansum`: a row that is None in one of them is summed over
the others, and so `[reward("math"), reward("format")]` trained on a row without a gold as on a wrong answer. One summed
reward, `reward("math", "format")`, has no such gap. Where functions are apart all the same, each asks its siblings
before it answers, in whatever order they are called; every sibling judges a batch once, since what it found is kept.

How siblings know each other: by being called with the same batch, which is the same completions, prompts and columns.
Until two have been seen together, a function that exists in this process and was never called counts as a sibling where
it scores at least one row of the batch; one that was called with other batches only does not.

What it does not do: work across processes (each has its siblings, since a trainer calls all of them in one), or know
functions that are not of this package. A few batches are kept, never more than `KEPT`.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakKeyDictionary

from ..verifiers.reward import Judged
from ..verifiers.verdict import Status, Verdict
from .columns import as_turns
from .grading import key_of
from .plan import Plan

_log = logging.getLogger(__name__)

KEPT = 8
"""Batches that are remembered."""

Name = tuple[str, object]
"""Equal for plans that find the same."""


class Function(Protocol):
    """A reward function with a plan, which a trainer may call beside others."""

    @property
    def plan(self) -> Plan:
        """How it judges."""
        ...


@dataclass(eq=False, slots=True)
class _Batch:
    """One batch, and how it was judged."""

    completions: Sequence[object]
    prompts: Sequence[object] | None
    columns: Mapping[str, object]
    judged: dict[Name, Future[list[Judged]]] = field(default_factory=dict)
    callers: set[int] = field(default_factory=set)

    def is_same(
        self, completions: Sequence[object], prompts: Sequence[object] | None, columns: Mapping[str, object]
    ) -> bool:
        """Whether a call is about this batch. Trainers hand the same lists to every function, which is quick to see."""
        try:
            return bool(completions == self.completions and prompts == self.prompts and columns == self.columns)
        except Exception:  # noqa: BLE001 - the boundary: arrays and tensors have no one truth
            return completions is self.completions and all(columns.get(k) is v for k, v in self.columns.items())


class _Known:
    """What one process knows of its functions, each by a number that no other ever has."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.functions: WeakKeyDictionary[Function, int] = WeakKeyDictionary()
        self.batches: deque[_Batch] = deque()
        self.called: set[int] = set()
        self.together: set[frozenset[int]] = set()
        self.apart: Counter[tuple[int, int]] = Counter()

    def number(self, function: Function) -> int:
        """The number of a function; to be called with the lock."""
        number = self.functions.get(function)
        if number is None:
            number = self.functions[function] = next(self.numbers)
        return number

    def enter(
        self,
        function: Function,
        completions: Sequence[object],
        prompts: Sequence[object] | None,
        columns: Mapping[str, object],
    ) -> tuple[_Batch, list[tuple[Plan, bool]]]:
        """The batch of a call; and the plans of who may be its siblings, with whether that is certain."""
        with self.lock:
            me = self.number(function)
            batch = next(
                (b for b in self.batches if me not in b.callers and b.is_same(completions, prompts, columns)), None
            )
            if batch is None:
                batch = _Batch(completions, prompts, columns)
                self.batches.append(batch)
            self.together.update(frozenset((me, other)) for other in batch.callers)
            batch.callers.add(me)
            siblings = [
                (one.plan, sure)
                for one, other in list(self.functions.items())
                if other != me
                and (
                    (sure := frozenset((me, other)) in self.together)
                    or (other not in self.called and self.apart[me, other] < KEPT)
                )
            ]
            self.called.add(me)
            while len(self.batches) > KEPT:
                self._forget(self.batches.popleft())
            return batch, siblings

    def _forget(self, batch: _Batch) -> None:
        """Let go of a batch, and of what is known of functions that are gone."""
        alive = set(self.functions.values())
        self.apart.update((one, other) for one in batch.callers for other in alive - self.called)
        self.called &= alive
        self.together = {pair for pair in self.together if pair <= alive}
        for pair in [pair for pair in self.apart if not alive.issuperset(pair)]:
            del self.apart[pair]


_known = _Known()


def _start_clean() -> None:
    global _known
    _known = _Known()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_clean)


def step_of(trainer_state: object) -> int | None:
    """The training step that a transformers TrainerState says, where there is one."""
    step = getattr(trainer_state, "global_step", None)
    return step if isinstance(step, int) else None


def introduce(function: Function) -> None:
    """Make a function known to its siblings of this process."""
    with _known.lock:
        _known.number(function)


def judge_together(
    function: Function,
    completions: Sequence[object],
    prompts: Sequence[object] | None,
    columns: Mapping[str, object],
    step: int | None = None,
) -> list[Judged]:
    """What a function finds about a batch, with `error` for every row that a sibling of it could not judge.

    Only functions whose `on_error` is `none` are siblings: the others say themselves what stands for such a row.
    Raises as `as_turns` and `Plan.judge` do.
    """
    plan = function.plan
    turns = as_turns(plan, completions, prompts, columns)
    if plan.grading.on_error != "none":
        return plan.judge(turns, step)
    batch, siblings = _known.enter(function, completions, prompts, columns)
    own = _judged_once(batch, plan, step)
    plan.count(turns, own)
    for theirs, sure in siblings:
        if theirs.grading.on_error != "none":
            continue
        try:
            judged_by_theirs = _judged_once(batch, theirs, step)
        except Exception as error:  # noqa: BLE001 - the boundary: what cannot be asked about a batch says so when called
            _log.debug("%s cannot judge the batch of %s: %s", theirs.name, plan.name, error)
            continue
        if sure or any(judged.total.status is Status.SCORED for judged in judged_by_theirs):
            own = [_withheld(mine, its, theirs.name) for mine, its in zip(own, judged_by_theirs, strict=True)]
    return own


def _withheld(mine: Judged, its: Judged, name: str) -> Judged:
    total = its.total
    if total.status is not Status.ERROR or mine.total.status is Status.ERROR:
        return mine
    withheld = Verdict.error(total.reason, f"{name}, a reward beside this one, could not judge it: {total.detail}")
    return Judged(withheld.timed(mine.total.seconds), mine.verdicts)


def _judged_once(batch: _Batch, plan: Plan, step: int | None) -> list[Judged]:
    """The verdicts of a plan about a batch, made by the first thread that asks; the others wait for it.

    A thread waits only while it has nothing unfinished of its own, so that none waits in a circle.
    """
    key = plan.name, (key_of(plan.grading), plan.ends, repr(plan.reader))
    with _known.lock:
        future = batch.judged.get(key)
        mine = future is None
        if future is None:
            future = batch.judged[key] = Future()
    if mine:
        try:
            future.set_result(plan.find(as_turns(plan, batch.completions, batch.prompts, batch.columns), step))
        except BaseException as error:  # noqa: BLE001 - handed on to every thread that waits, this one among them
            with _known.lock:
                del batch.judged[key]
            future.set_exception(error)
    return future.result()
