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
from ..training.distributed import Processes, processes
from ..verifiers import Reward, Sample, Verifier
from ..verifiers.errors import ConfigError, RunError
from ..verifiers.files import write_json
from . import checkpoint
from .config import Schedule, TrainConfig, as_json
from .engine import Engine, HFEngine
from .engines import make_engine
from .equality import check_equal
from .learner import Learner
from .logprobs import causal, context_of
from .metrics import alarms, merged, nonfinite_streak, sample_line, summarise, tally_groups
from .questions import Question, fingerprint
from .rollout import Group, from_plain, with_kl_in_reward, with_whitening
from .runlog import Clock, RunLog, StepMetrics, make_writer
from .sampler import Ahead, Drawn, Sampler
from .sampling import shuffled
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
        """Go on from the latest checkpoint in the output folder, or begin.

        Args:
            config: The whole run.
            model: A causal language model of Hugging Face, which is trained in place.
            tokenizer: Its tokenizer.
            samples: The questions; their responses are empty.
            reward: What judges the responses; with `advantage.per_term` a Reward.
            engine: What generates, in place of the one that `config.engine` names.
            stopped: Asked after each step; True ends the run, saved.
            curriculum: How many of the samples, from the first on, are asked at a step; all, where it is left out.
            validate: Gives the figures of `validation`, by name, with the engine; `pass_at_1` says which step is best.

        Raises:
            ConfigError: The run cannot be carried out: no EOS token, prompts that do not fit, an engine that computes
                otherwise.
        """
        self.config: TrainConfig = config
        self.tokenizer: Any = tokenizer
        self._stopped = stopped
        longest = int(max(value for _, value in config.rollout.max_tokens))
        template = Template(tokenizer, config.data)
        self.questions: list[Question] = template.questions(samples, context_of(model) - longest)
        ends = template.stop_tokens(model)
        self._text = partial(template.text, ends=ends)
        if not ends and not config.rollout.stop:
            raise ConfigError("neither model nor tokenizer has an EOS token, so nothing ends: set rollout.stop")
        if config.advantage.per_term and not isinstance(reward, Reward):
            raise ConfigError(f"advantage.per_term needs a Reward of terms; {reward.name} has none")
        if config.validation.every and validate is None:
            raise ConfigError("validation.every needs someone who evaluates: pass Trainer(validate=...)")
        self._validate = validate
        self.processes: Processes = processes()
        if config.rollout.staleness and self.processes.size > 1:
            raise ConfigError("rollout.staleness needs one process: several cannot gather weights and train at once")
        engine = engine or make_engine(config, ends, self.processes)
        if engine is None:
            use_bf16, apart = config.model.bf16 and torch.cuda.is_available(), self.processes.size > 1
            apart = apart or config.rollout.staleness > 0  # weights that do not change while it generates
            replica = copy.deepcopy(model).requires_grad_(False) if use_bf16 or apart else None
            replica = replica.bfloat16() if replica and use_bf16 else replica
            engine = HFEngine(model, stop_tokens=ends, decode=tokenizer.decode, replica=replica)
        self.engine: Engine = engine
        prompts = [question.tokens for question in self.questions[:16]]
        check_equal(model, prompts, engine, share_prompts=config.memory.share_prompts)
        self.learner: Learner = Learner(config, model, self.processes)
        self.step: int = 0
        self.cursor: int = 0
        self.rollout: list[list[Group]] = []  # minibatches that are still to be learned from
        self.drawn_at: int = 0  # the step at which it was made
        self.weights_of: int = 0  # that of the weights which made it
        self.left_out: float = 0.0  # share of the groups drawn for it whose rewards were all equal
        self.best: tuple[float, int] | None = None  # pass@1 and step of the best evaluation so far
        self.output: Path | None = Path(config.output) if self.processes.rank == 0 else None
        if self.output:
            checkpoint.claim(self.output)
        self.log: RunLog = self._resume()
        self._sampler = Sampler(
            config=config, questions=self.questions, curriculum=curriculum or ((0, len(self.questions)),),
            engine=engine, reward=reward, text=self._text, processes=self.processes, stopped=stopped,
        )  # fmt: skip
        self._ahead: Ahead | None = None

    def steps(self) -> Iterator[StepMetrics]:
        """Train to the end or until stopped, and yield each step's line of metrics; ends with a checkpoint.

        Yields:
            Each step's metrics by name, floats; what was not measured is left out.
        """
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

    def train(self, folder: Path, on_step: Callable[[StepMetrics], object] = lambda _: None) -> None:
        """Take all steps, and write the model to a folder.

        Args:
            folder: Where it is written, in Hugging Face's form.
            on_step: Gets each step's metrics.

        Raises:
            StoppedError: It was stopped; everything is saved.
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
        """Let go of the engine and end the writers; may be called twice."""
        self.log.close()
        if self._ahead:
            self._ahead.close()
        self.engine.close()

    def _should_stop(self) -> bool:
        return any(self.processes.all_gather_object(self._stopped()))

    def _roll_out(self, clock: Clock) -> bool:
        """Make a frozen rollout; False, with nothing changed, where the run was stopped meanwhile."""
        drawn = self._draw(clock)
        if drawn is None:
            return False
        groups, exact = drawn.groups, self.engine.exact and not self.config.rollout.staleness
        self.cursor, self.left_out, self.weights_of = drawn.cursor, drawn.left_out, drawn.weights_of
        with clock("logprobs"):
            self.learner.renew_reference(self.step)
            frozen = self.learner.freeze(list(groups.values()), self.step, exact=exact)
            if self.config.loss.needs_reference and self.config.loss.kl_in == "reward":
                beta = self.config.loss.beta
                frozen = [with_kl_in_reward(group, self.config.advantage, beta) for group in frozen]
            if self.config.advantage.whiten:
                frozen = with_whitening(frozen, self.config.advantage, self.processes)
        groups, self.drawn_at = dict(zip(groups, frozen, strict=True)), self.step
        rollout = self.config.rollout
        shuffled_groups = shuffled(rollout.questions * rollout.minibatches, "split", self.config.seed, self.step)
        self.rollout = [
            [groups[place] for place in shuffled_groups[number :: rollout.minibatches] if place in groups]
            for number in range(rollout.minibatches)
        ]
        return True

    def _draw(self, clock: Clock) -> Drawn | None:
        """The next rollout's groups; None where the run was stopped."""
        if self.config.rollout.staleness:
            if self._ahead is None:
                self._ahead = Ahead(self._sampler, self._sync, self.step, self.cursor)
            return self._ahead.next(clock)
        self._sync()
        return self._sampler.draw(self.step, self.cursor, clock, self.step)

    def _sync(self) -> int:
        """Give the engine the weights of the policy between two steps; returns which step they are of."""
        with self.learner.weights:
            self.engine.sync(self.learner.policy.model)
            return self.step

    def _learn(self, groups: list[Group], clock: Clock) -> StepMetrics:
        """One step, and its line of metrics."""
        with clock("update"):
            learned = self.learner.learn(groups, self.step, drawn_at=self.drawn_at)
        self.step += 1
        tally = merged(self.processes.all_gather_object({**tally_groups(groups), **learned}))
        line = {"step": self.step, "version": __version__, "time": round(time.time(), 3), **summarise(tally)}
        if self.config.rollout.staleness:
            line["staleness"] = self.step - 1 - self.weights_of
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

    def _evaluate(self, validate: Validation) -> StepMetrics:
        """Figures of the policy as it is; it is kept where it is the best so far."""
        if self._ahead:
            self._ahead.finish()
        self._sync()
        metrics = validate(causal(self.learner.policy.model), self.engine)
        value = metrics.get("pass_at_1")
        if value is not None and (self.best is None or value > self.best[0]):
            self.best = value, self.step
            folder = Path(self.config.output) / BEST
            self.learner.save_model(folder, self.tokenizer)
            if self.output:
                write_json(folder / "best.json", {"step": self.step, **metrics})
        return {f"eval/{name}": value for name, value in metrics.items()}

    def _save(self) -> None:
        """A checkpoint of all that the rest of the run depends on."""
        state = self.learner.state() | {
            "config": as_json(self.config),
            "questions": fingerprint(self.questions),
            "step": self.step,
            "cursor": self.cursor,
            "left_out": self.left_out,
            "weights_of": self.weights_of,
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
        self.weights_of = state.get("weights_of", self.step)
        self.rollout = [from_plain(groups) for groups in state["rollouts"][self.processes.rank]]
        self.drawn_at = self.step - (config.rollout.minibatches - len(self.rollout))
        checkpoint.restore_random_state(state["random"][self.processes.rank])
        return RunLog(self.output, state["sizes"], writers)
