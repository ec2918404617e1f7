"""The loop of R1: ask, judge, compare within groups, take a step; saved so that nothing is lost or done twice.

    questions -> engine -> rewards -> advantages -> frozen rollout -> minibatches -> micro-batches -> step

A run is a function of its configuration, its model and its questions: resumed from a checkpoint it goes on bit by bit
as if it had not been interrupted (one thread, one number of processes). What it does not promise: equal bits on another
machine, thread count or number of processes.
"""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from .._version import __version__
from ..reward_models import StoppedError
from ..training.distributed import processes
from ..verifiers import Reward, Sample, Verifier
from ..verifiers.errors import ConfigError, RunError
from ..verifiers.files import write_json
from . import checkpoint
from .config import Schedule, TrainConfig, as_json, at
from .engine import Engine, HFEngine
from .equality import check_equal
from .learner import Learner
from .logprobs import causal, context_of
from .metrics import alarms, merged, nonfinite_streak, sample_line, summarise, tally_groups
from .questions import Question, fingerprint, order
from .rollout import Group, collect, from_plain, with_kl_in_reward, with_whitening
from .runlog import Clock, Metrics, RunLog, make_writer
from .sampling import seed_of, shuffled
from .templates import Template

Validation = Callable[[PreTrainedModel, Engine], Mapping[str, float]]
"""Evaluates the policy, whose weights the engine has; gives figures by name, `pass_at_1` among them."""
BEST = "best"
"""The folder of the model with the best evaluation, within a run's own."""
_FREE_TO_CHANGE = ("output", "steps", "checkpoint", "alarms", "writers")
"""Parts of a configuration that a resumed run may have otherwise."""


class Trainer:
    """One run. `steps` yields each step's metrics; `stopped` ends it, saved, after the step at hand."""

    def __init__(
        self,
        config: TrainConfig,
        model: PreTrainedModel,
        tokenizer: Any,  # any: Hugging Face's tokenizers share no typed class
        samples: Sequence[Sample],
        reward: Verifier,
        *,
        engine: Engine | None = None,
        stopped: Callable[[], bool] = lambda: False,
        curriculum: Schedule | None = None,
        validate: Validation | None = None,
    ) -> None:
        """Go on from the latest checkpoint in the output folder, or begin; ConfigError for what cannot be run.

        `curriculum` says how many of the samples, from the first on, are asked at a step; all, where it is left out.
        `validate` gives the figures of `validation`, by name, with the engine; `pass_at_1` says which step is best.
        """
        self.config, self.tokenizer, self.reward, self._stopped = config, tokenizer, reward, stopped
        longest = int(max(value for _, value in config.rollout.max_tokens))
        template = Template(tokenizer, config.data)
        self.questions = template.questions(samples, context_of(model) - longest)
        ends = template.stop_tokens(model)
        self._text = partial(template.text, ends=ends)
        if not ends and not config.rollout.stop:
            raise ConfigError("neither model nor tokenizer has an EOS token, so nothing ends: set rollout.stop")
        if config.advantage.per_term and not isinstance(reward, Reward):
            raise ConfigError(f"advantage.per_term needs a Reward of terms; {reward.name} has none")
        if config.validation.every and validate is None:
            raise ConfigError("validation.every needs someone who evaluates: pass Trainer(validate=...)")
        self._validate = validate
        self._curriculum: Schedule = curriculum or ((0, len(self.questions)),)
        self.processes = processes()
        if engine is None:
            use_bf16, several = config.model.bf16 and torch.cuda.is_available(), self.processes.size > 1
            replica = copy.deepcopy(model).requires_grad_(False) if use_bf16 or several else None
            replica = replica.bfloat16() if replica and use_bf16 else replica
            engine = HFEngine(model, stop_tokens=ends, decode=tokenizer.decode, replica=replica)
        self.engine = engine
        prompts = [question.tokens for question in self.questions[:16]]
        check_equal(model, prompts, engine, share_prompts=config.memory.share_prompts)
        self.learner = Learner(config, model, self.processes)
        self.step, self.cursor = 0, 0
        self.rollout: list[list[Group]] = []  # minibatches that are still to be learned from
        self.drawn_at = 0  # the step at which it was made
        self.left_out = 0.0  # share of the groups drawn for it whose rewards were all equal
        self.best: tuple[float, int] | None = None  # pass@1 and step of the best evaluation so far
        self.output = Path(config.output) if self.processes.rank == 0 else None
        if self.output:
            checkpoint.claim(self.output)
        self.log = self._resume()

    def steps(self) -> Iterator[Metrics]:
        """Train to the end or until stopped, and yield each step's line of metrics; ends with a checkpoint."""
        saved = self.step
        while self.step < self.config.steps and not self._should_stop():
            clock = Clock()
            if not self.rollout and not self._roll_out(clock):
                break
            line = self._learn(self.rollout.pop(0), clock)
            if self.step % self.config.checkpoint.every == 0:
                self._save()
                saved = self.step
            yield line
        if saved < self.step or not self.step:
            self._save()

    def train(self, folder: Path, on_step: Callable[[Metrics], object] = lambda _: None) -> None:
        """Take all steps, hand each line to `on_step`, write the model to a folder.

        Raises StoppedError, with everything saved, where it was stopped.
        """
        try:
            for line in self.steps():
                on_step(line)
        finally:
            self.close()
        if self.step < self.config.steps:
            raise StoppedError(f"stopped after step {self.step}")
        if self.config.validation.use_best and self.best:
            if self.output:
                shutil.copytree(self.output / BEST, folder, dirs_exist_ok=True)
            return
        self.learner.save_model(folder, self.tokenizer)

    def close(self) -> None:
        """Let go of the engine; may be called twice."""
        self.engine.close()

    def _should_stop(self) -> bool:
        return any(self.processes.all_gather_object(self._stopped()))

    def _roll_out(self, clock: Clock) -> bool:
        """Make a frozen rollout; False, with nothing changed, where the run was stopped meanwhile.

        Each question has a place among the rollout's, which says its seed, its rank and its minibatch.
        """
        groups = self._answered(clock)
        if groups is None:
            return False
        with clock("logprobs"):
            self.learner.renew_reference(self.step)
            frozen = self.learner.freeze(list(groups.values()), self.step, exact=self.engine.exact)
            if self.config.loss.needs_reference and self.config.loss.kl_in == "reward":
                beta = self.config.loss.beta
                frozen = [with_kl_in_reward(group, self.config.advantage, beta) for group in frozen]
            if self.config.advantage.whiten:
                frozen = with_whitening(frozen, self.config.advantage, self.processes)
        groups, self.drawn_at = dict(zip(groups, frozen, strict=True)), self.step
        rollout = self.config.rollout
        places = shuffled(rollout.questions * rollout.minibatches, "split", self.config.seed, self.step)
        self.rollout = [
            [groups[place] for place in places[number :: rollout.minibatches] if place in groups]
            for number in range(rollout.minibatches)
        ]
        return True

    def _answered(self, clock: Clock) -> dict[int, Group] | None:
        """This rank's groups by place; None where the run was stopped.

        A group that teaches nothing leaves its place to another question (`refill`) or empty (`skip`).
        """
        config, cursor, answered, drawn = self.config, self.cursor, dict[int, Group](), 0
        missing = list(range(config.rollout.questions * config.rollout.minibatches))
        self.engine.sync(self.learner.policy.model)
        for attempt in range(1 + (config.advantage.refills if config.advantage.zero_variance == "refill" else 0)):
            asked = order(int(at(self._curriculum, self.step)), config.seed, cursor, cursor + len(missing))
            cursor += len(missing)
            mine = list(zip(missing, asked, strict=True))[self.processes.rank :: self.processes.size]
            seeds = [seed_of("rollout", config.seed, self.step, attempt, place) for place, _ in mine]
            groups = self._ask([self.questions[number] for _, number in mine], seeds, clock)
            if any(self.processes.all_gather_object(groups is None)):
                return None
            drawn += len(groups or ())
            for (place, _), group in zip(mine, groups or (), strict=True):
                if group.informative or config.advantage.zero_variance == "keep":
                    answered[place] = group
            missing = sorted(set(missing).difference(*self.processes.all_gather_object(list(answered))))
            if not missing:
                break
        self.cursor = cursor
        counts = self.processes.all_gather_object((drawn, len(answered)))
        whole, kept = (sum(part) for part in zip(*counts, strict=True))
        self.left_out = 1 - kept / whole
        return answered

    def _ask(self, questions: list[Question], seeds: list[int], clock: Clock) -> list[Group] | None:
        """The questions' groups, judged; RunError where too many could not be."""
        reward = self.reward.at(self.step) if isinstance(self.reward, Reward) else self.reward
        groups = collect(
            questions, seeds, self.engine, reward, self._text, self.config, self.step, clock, self._stopped
        )
        total = len(questions) * self.config.rollout.samples
        unjudged = [row.verdict["detail"] for group in groups or () for row in group.rows if row.reward is None]
        if len(unjudged) > self.config.reward.stop_above * total:
            raise RunError(f"{len(unjudged) / total:.0%} of a rollout could not be judged, such as: {unjudged[0]}")
        return groups

    def _learn(self, groups: list[Group], clock: Clock) -> Metrics:
        """One step, and its line of metrics."""
        with clock("update"):
            learned = self.learner.learn(groups, self.step, drawn_at=self.drawn_at)
        self.step += 1
        tally = merged(self.processes.all_gather_object({**tally_groups(groups), **learned}))
        line = {"step": self.step, "version": __version__, "time": round(time.time(), 3), **summarise(tally)}
        if self.config.advantage.zero_variance != "keep":
            line["left_out"] = self.left_out
        if self._validate and self.config.validation.every and self.step % self.config.validation.every == 0:
            with clock("eval"):
                line |= self._evaluate(self._validate)
        line["alarms"] = alarms([*self.log.history, line], self.config.alarms)
        line |= clock.summary(line.get("samples", 0) * (line.get("length", 0) + line.get("prompt_tokens", 0)))
        self.log.write(line, [sample_line(group, self.step) for group in groups[:1]])
        if (
            streak := max(self.processes.all_gather_object(nonfinite_streak(self.log.history)))
        ) >= self.config.optimizer.stop_after:
            raise RunError(
                f"the gradients of {streak} steps in a row were not finite (optimizer.stop_after); see the loss"
            )
        return line

    def _evaluate(self, validate: Validation) -> Metrics:
        """Figures of the policy as it is; it is kept where it is the best so far."""
        self.engine.sync(self.learner.policy.model)
        found = validate(causal(self.learner.policy.model), self.engine)
        value = found.get("pass_at_1")
        if value is not None and (self.best is None or value > self.best[0]):
            self.best = value, self.step
            folder = Path(self.config.output) / BEST
            self.learner.save_model(folder, self.tokenizer)
            if self.output:
                write_json(folder / "best.json", {"step": self.step, **found})
        return {f"eval/{name}": value for name, value in found.items()}

    def _save(self) -> None:
        """A checkpoint of all that the rest of the run depends on."""
        state = self.learner.state() | {
            "config": as_json(self.config),
            "questions": fingerprint(self.questions),
            "step": self.step,
            "cursor": self.cursor,
            "left_out": self.left_out,
            "best": self.best,
            "rollouts": self.processes.all_gather_object(
                [[asdict(group) for group in groups] for groups in self.rollout]
            ),
            "random": self.processes.all_gather_object(checkpoint.random_state()),
            "sizes": self.log.sizes(),
        }
        if self.output:
            checkpoint.save(self.output, self.step, state, keep=self.config.checkpoint.keep)
        self.processes.all_gather_object(None)  # no rank goes on before the checkpoint is there

    def _resume(self) -> RunLog:
        """Put back what `_save` wrote, if anything; ConfigError where that was another run."""
        config = self.config
        writers = [make_writer(name, self.output) for name in config.writers if self.output]
        state = checkpoint.latest(Path(config.output))
        if state is None:
            return RunLog(self.output, writers=writers)
        before, now = json.loads(state["config"]), json.loads(as_json(config))
        changed = [name for name in now if name not in _FREE_TO_CHANGE and before.get(name) != now[name]]
        if state.get("questions", asked := fingerprint(self.questions)) != asked:
            changed.append("set of questions")
        if changed or len(state["rollouts"]) != self.processes.size:
            raise ConfigError(
                f"{config.output} holds a run with another {' and '.join(changed) or 'number of processes'}; "
                "take another output folder, or the configuration that it was begun with"
            )
        self.learner.restore(state)
        self.step, self.cursor = state["step"], state["cursor"]
        self.left_out, self.best = state.get("left_out", 0.0), state.get("best")
        self.rollout = [from_plain(groups) for groups in state["rollouts"][self.processes.rank]]
        self.drawn_at = self.step - (config.rollout.minibatches - len(self.rollout))
        checkpoint.restore_random_state(state["random"][self.processes.rank])
        return RunLog(self.output, state["sizes"], writers)
