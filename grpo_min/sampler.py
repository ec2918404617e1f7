"""Which questions a rollout asks, and their judged groups: now, or ahead of the learner with weights some steps old.

Ahead, one thread generates and judges while the learner works. At most `rollout.staleness` rollouts are finished or
begun beyond the one that is learned from, each with the weights that there are when it begins: so what is learned from
was sampled by a policy at most so many rollouts old. What it does not promise: the same run twice, since how new those
weights are depends on who is faster. A resumed run draws again what had not been learned from.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from ..training.distributed import Processes
from ..verifiers import Reward, Verifier
from ..verifiers.errors import RunError
from .config import Schedule, TrainConfig, at
from .engine import Engine
from .questions import Question, order
from .rollout import Group, collect
from .runlog import Clock
from .sampling import seed_of


class Drawn(NamedTuple):
    """The groups of a rollout."""

    groups: dict[int, Group]
    """This process's, by place."""
    cursor: int
    """How many questions of the run were asked after it."""
    left_out: float
    """Share of the groups drawn whose rewards were all equal, so that they were left out or replaced."""
    weights_of: int
    """The step whose weights sampled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """What a rollout is made with."""

    config: TrainConfig
    """The run's."""
    questions: Sequence[Question]
    """All that may be asked."""
    curriculum: Schedule
    """How many of them are, by step."""
    engine: Engine
    """What generates; has the weights."""
    reward: Verifier
    """What judges."""
    text: Callable[[Sequence[int]], str]
    """A completion as what is judged."""
    processes: Processes
    """Those that share the places of a rollout."""
    stopped: Callable[[], bool]
    """Whether to end early."""

    def draw(self, step: int, cursor: int, clock: Clock, weights_of: int) -> Drawn | None:
        """A rollout to be learned from at a step; None where the run was stopped. All processes must call.

        Each question has a place among the rollout's, which says its seed, its rank and its minibatch. A group that
        teaches nothing leaves its place to another question (`refill`) or empty (`skip`).
        """
        config, answered, drawn = self.config, dict[int, Group](), 0
        missing = list(range(config.rollout.questions * config.rollout.minibatches))
        for attempt in range(1 + (config.advantage.refills if config.advantage.zero_variance == "refill" else 0)):
            asked = order(int(at(self.curriculum, step)), config.seed, cursor, cursor + len(missing))
            cursor += len(missing)
            mine = list(zip(missing, asked, strict=True))[self.processes.rank :: self.processes.size]
            seeds = [seed_of("rollout", config.seed, step, attempt, place) for place, _ in mine]
            groups = self._ask([self.questions[number] for _, number in mine], seeds, step, clock)
            if any(self.processes.all_gather_object(groups is None)):
                return None
            drawn += len(groups or ())
            for (place, _), group in zip(mine, groups or (), strict=True):
                if group.informative or config.advantage.zero_variance == "keep":
                    answered[place] = group
            missing = sorted(set(missing).difference(*self.processes.all_gather_object(list(answered))))
            if not missing:
                break
        counts = self.processes.all_gather_object((drawn, len(answered)))
        whole, kept = (sum(part) for part in zip(*counts, strict=True))
        return Drawn(answered, cursor, 1 - kept / whole, weights_of)

    def _ask(self, questions: list[Question], seeds: list[int], step: int, clock: Clock) -> list[Group] | None:
        """The questions' groups, judged; RunError where too many could not be."""
        reward = self.reward.at(step) if isinstance(self.reward, Reward) else self.reward
        groups = collect(questions, seeds, self.engine, reward, self.text, self.config, step, clock, self.stopped)
        total = len(questions) * self.config.rollout.samples
        unjudged = [row.verdict["detail"] for group in groups or () for row in group.rows if row.reward is None]
        if len(unjudged) > self.config.reward.stop_above * total:
            raise RunError(f"{len(unjudged) / total:.0%} of a rollout could not be judged, such as: {unjudged[0]}")
        return groups


class Ahead:
    """Rollouts drawn in a thread of their own, in order."""

    def __init__(self, sampler: Sampler, sync: Callable[[], int], step: int, cursor: int) -> None:
        """`sync` gives the engine the weights of the policy, when they are whole, and returns their step; the first
        rollout is for `step`."""
        self._sampler, self._sync, self._step, self._cursor = sampler, sync, step, cursor
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rollouts")
        self._waiting: deque[Future[Drawn | None]] = deque()
        self._closing = threading.Event()

    def next(self, clock: Clock) -> Drawn | None:
        """The next rollout, when it is there; None where the run was stopped."""
        rollout = self._sampler.config.rollout
        with clock("wait"):
            while len(self._waiting) <= rollout.staleness:
                step = self._step + len(self._waiting) * rollout.minibatches
                self._waiting.append(self._pool.submit(self._draw, step))
            drawn = self._waiting.popleft().result()
        self._step += rollout.minibatches
        return drawn

    def finish(self) -> None:
        """Wait until nothing is being generated."""
        for each in self._waiting:
            each.exception()

    def close(self) -> None:
        """Drop what was drawn and not taken."""
        self._closing.set()
        self._pool.shutdown(cancel_futures=True)

    def _draw(self, step: int) -> Drawn | None:
        if self._closing.is_set() or step >= self._sampler.config.steps:
            return None
        drawn = self._sampler.draw(step, self._cursor, Clock(), self._sync())
        self._cursor = drawn.cursor if drawn else self._cursor
        return drawn
