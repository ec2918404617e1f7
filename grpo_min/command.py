"""What `r1-reward train` does: a recipe read, everything made from it, the loop run under a progress bar.

SIGTERM ends the run after the step at hand, saved, with exit status 143; a rollout that is being generated is dropped
and made again by the run that goes on. Ctrl-C does the same with 130.
"""

from __future__ import annotations

import copy
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
import torch.distributed as dist
from transformers import AutoModelForCausalLM, PreTrainedModel

from ..reward_models import read_tokenizer
from ..verifiers import Reward, Sample, Term, Verifier
from ..verifiers.catalog import kinds_of, make
from ..verifiers.errors import ConfigError, RunError
from ..verifiers.reward import PRESETS
from . import distributed
from .config import Schedule, TrainConfig
from .engine import HFEngine
from .logprobs import enable_checkpointing
from .loop import Trainer
from .questions import read_questions, stop_tokens
from .recipe import Recipe, read_recipe
from .runlog import make_writer
from .sft import StoppedError

_log = logging.getLogger(__name__)


def run_train(recipe: str) -> int:
    """Train by a recipe, to the end or until told to stop; gives the exit status.

    Raises ConfigError for a recipe that cannot be carried out.
    """
    config = read_recipe(recipe)
    if isinstance(config, Recipe):
        return _run_stages(config)
    samples = _from_file(lambda: read_questions(config.data.path), "data.path", config.data.path)
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if torch.cuda.is_available() else "cpu"
    path = config.model.path
    tokenizer = _from_file(lambda: read_tokenizer(path), "model.path", path)
    model = _from_file(lambda: AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32), "model.path", path)
    with _signals() as caught:
        trainer = make_trainer(
            config, model.to(device), tokenizer, samples, reward_of(config), stopped=lambda: bool(caught)
        )
        try:
            _run(trainer)
        except (OSError, RunError) as error:  # a full disk, a reward that judges nothing
            _log.error("%s", error)
            return 1
        finally:
            trainer.close()
    if trainer.step >= config.steps:
        _export(trainer, Path(config.output) / "model")
        return 0
    return 128 + (caught or [signal.SIGTERM])[0]  # on this process, or on another one


def make_trainer(
    config: TrainConfig,
    model: PreTrainedModel,
    tokenizer: Any,  # any: Hugging Face's tokenizers share no typed class
    samples: Sequence[Sample],
    reward: Verifier,
    *,
    stopped: Callable[[], bool] = lambda: False,
    open_to: Schedule | None = None,
) -> Trainer:
    """The loop with everything that the configuration says of the model and that this process is one of."""
    several = dist.is_available() and dist.is_initialized()
    model = prepared(model, config)
    halved = config.model.bf16 and torch.cuda.is_available()
    engine = None
    if several or halved:
        replica = copy.deepcopy(model).requires_grad_(False)
        replica = replica.bfloat16() if halved else replica
        engine = HFEngine(model, stop_tokens=stop_tokens(model, tokenizer), decode=tokenizer.decode, replica=replica)
    shard = partial(distributed.shard, bf16=halved) if several else None
    first = not several or dist.get_rank() == 0
    return Trainer(
        config,
        model,
        tokenizer,
        samples,
        reward,
        engine=engine,
        writers=[make_writer(name, config.output) for name in config.writers if first],
        stopped=stopped,
        shard=shard,
        open_to=open_to,
    )


def _run_stages(recipe: Recipe) -> int:
    from .stages import run_stages

    with _signals() as caught:
        try:
            for name, report in run_stages(recipe, stopped=lambda: bool(caught)):
                found = report.get("evaluation", {}).get("metrics", {}).get("pass_at_1", {}).get("value")
                click.echo(f"{name}: done" + ("" if found is None else f", pass@1 {found:.3f}"), err=True)
        except StoppedError:
            return 128 + caught[0]
        except RunError as error:
            _log.error("%s", error)
            return 1
    return 0


def reward_of(config: TrainConfig) -> Verifier:
    """The reward that a configuration names; ConfigError where there is none of that name."""
    options = config.reward.options
    if config.reward.verifiers:
        names = config.reward.verifiers
        terms = [Term(verifier=make(name, options.get(name)), kinds=kinds_of(name)) for name in names]
        return Reward(name="reward", terms=terms)
    if config.reward.preset not in PRESETS:
        raise ConfigError(f"reward.preset is {config.reward.preset!r}; known: {', '.join(sorted(PRESETS))}")
    return PRESETS[config.reward.preset](options)


def prepared(model: PreTrainedModel, config: TrainConfig) -> PreTrainedModel:
    """The model with what the configuration adds to it: adapters, and activations computed again."""
    if config.model.lora_rank:
        from peft import LoraConfig, get_peft_model

        rank = config.model.lora_rank
        adapters = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapters)  # type: ignore[assignment]  # peft wraps what it was given
    if config.model.gradient_checkpointing:
        enable_checkpointing(model)
    return model


def _run(trainer: Trainer) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    console = Console(stderr=True)
    shown = console.is_terminal and trainer.world.rank == 0
    with Progress(*columns, console=console, disable=not shown) as progress:
        task = progress.add_task("training", total=trainer.config.steps, completed=trainer.step)
        for line in trainer.steps():
            told = f"reward {line.get('reward', float('nan')):.3f}  length {line.get('length', 0):.0f}"
            progress.update(task, completed=line["step"], description=told)
            for alarm in line["alarms"]:
                _log.warning("step %d: alarm: %s: %s", line["step"], alarm["name"], alarm["detail"])


def _export(trainer: Trainer, folder: Path) -> None:
    """The model as a folder in Hugging Face's form; gathered first where it is spread over processes."""
    model, tokenizer, world = trainer.learner.policy.model, trainer.tokenizer, trainer.world
    state = None
    if world.size > 1:
        whole, _ = distributed.training_state(trainer.learner.policy, None, world)
        state = {name.removeprefix("model."): value for name, value in whole.items()}
    if world.rank == 0:
        model.save_pretrained(folder, state_dict=state)
        tokenizer.save_pretrained(folder)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGTERM and SIGINT instead of dying of them; a second SIGINT is let through."""
    caught: list[int] = []

    def note(number: int, _: Any) -> None:  # any: a frame
        caught.append(number)
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _from_file(read: Callable[[], Any], name: str, path: str) -> Any:  # any: what a library reads from a folder
    if not path:
        raise ConfigError(f"the recipe has no {name}")
    try:
        return read()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} {path!r} cannot be read: {error}") from error


def main() -> None:
    """`torchrun -m r1_reward.grpo_min.command RECIPE.toml`: the same on several processes."""
    logging.basicConfig(level=logging.WARNING)
    sys.exit(run_train(sys.argv[1]))


if __name__ == "__main__":
    main()
