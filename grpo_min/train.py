"""What `r1-reward train` and `r1-reward eval` do: everything made from their options, a bar, an exit status.

SIGTERM ends a training run after the step at hand, saved, with exit status 143; a rollout that is being generated is
dropped and made again by the run that goes on. Ctrl-C does the same with 130.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from transformers.utils.logging import disable_progress_bar

from ..inspection.evaluation.plan import EvaluationPlan, write_figures
from ..reward_models import StoppedError
from ..scoring.options import parse_settings
from ..scoring.samples import read_samples
from ..training.distributed import processes
from ..training.process import catch_signals, init_distributed, progress_bar
from ..verifiers import Reward
from ..verifiers.errors import ConfigError, RunError
from .config import TrainConfig
from .loop import Trainer
from .r1.evaluate import default_sampling, evaluate, load, make_validation
from .r1.recipe import Recipe, read_recipe
from .r1.stages import run_recipe
from .rewards import build_reward
from .runlog import StepMetrics
from .sampling import Sampling

_log = logging.getLogger(__name__)


def run_train(path: str, changes: Mapping[str, object] | None = None) -> int:
    """Train by a recipe, to the end or until stopped; gives the exit status.

    `changes` are values by dotted key that count as if the recipe had them. Raises ConfigError for a recipe that cannot
    be carried out.
    """
    recipe = read_recipe(path, changes)
    disable_progress_bar()  # it would be drawn where there is no terminal, too
    with catch_signals() as ended:
        try:
            if isinstance(recipe, Recipe):
                _train_stages(recipe, lambda: bool(ended))
            else:
                _train(recipe, lambda: bool(ended))
        except StoppedError:
            return 128 + (ended or [signal.SIGTERM])[0]  # sent to this process, or to another one
        except (OSError, RunError) as error:  # a full disk, a reward that judges nothing
            _log.error("%s", error)
            return 1
    return 0


def _train(config: TrainConfig, stopped: Callable[[], bool]) -> None:
    """One run of the loop."""
    reward = build_reward(config.reward)
    for name, path in (("model.path", config.model.path), ("data.path", config.data.path)):
        if not path:
            raise ConfigError(f"the recipe has no {name}")
    samples = read_samples([config.data.path], config.data.map)
    init_distributed()
    model, tokenizer = load(config.model.path)
    validate = make_validation(config, tokenizer, reward, processes())
    trainer = Trainer(config, model, tokenizer, samples, reward, stopped=stopped, validate=validate)
    with progress_bar("training", config.steps, shown=trainer.processes.rank == 0) as show:

        def on_step(line: StepMetrics) -> None:
            description = f"reward {line.get('reward', float('nan')):.3f}  length {line.get('length', 0):.0f}"
            show(completed=line["step"], description=description)
            for alarm in line["alarms"]:
                _log.warning("step %d: alarm: %s: %s", line["step"], alarm["name"], alarm["detail"])

        trainer.train(Path(config.output) / "model", on_step)


def _train_stages(recipe: Recipe, stopped: Callable[[], bool]) -> None:
    init_distributed()
    first = processes().rank == 0
    for name, report in run_recipe(recipe, stopped=stopped):
        accuracy = report.get("evaluation", {}).get("metrics", {}).get("pass_at_1", {}).get("value")
        if not first:
            continue
        click.echo(f"{name}: done" + ("" if accuracy is None else f", pass@1 {accuracy:.3f}"), err=True)


def run_eval(
    model: str,
    plan: EvaluationPlan,
    *,
    summary: str | None,
    max_tokens: int | None,
    stop: Sequence[str],
    bf16: bool,
    template: str,
    **options: Any,  # any: keywords of `evaluate`
) -> int:
    """Evaluate a checkpoint folder by a plan, its figures as JSON; gives the exit status.

    Raises ConfigError for what cannot be read, asked or written.
    """
    disable_progress_bar()
    policy, tokenizer = load(model, bf16=bf16)
    longest = max_tokens or default_sampling(policy, tokenizer, plan.questions, template).max_tokens
    longest = min(longest, plan.max_tokens)
    sampling = Sampling(max_tokens=longest, temperature=plan.temperature, top_p=plan.top_p, stop=tuple(stop))
    judge = plan.reward.build()
    assert isinstance(judge, Reward)  # a preset, or named verifiers
    try:
        with progress_bar("questions", len(plan.questions)) as show:
            evaluation = evaluate(
                policy, plan.questions, k=plan.k, folder=model, tokenizer=tokenizer, sampling=sampling, reward=judge,
                template=template, level=plan.level, benchmark=plan.benchmark, summarise=plan.summarise,
                about=plan.about, progress=lambda done: show(completed=done), **options,
            )  # fmt: skip
    except KeyboardInterrupt:
        return 130
    write_figures(evaluation, plan, summary, options.get("output"))
    return 0


@click.command()
@click.argument("recipe", metavar="RECIPE.toml")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="As if RECIPE had it; repeatable.")
def main(recipe: str, changes: tuple[str, ...]) -> None:
    """`torchrun -m r1_reward.grpo_min.train RECIPE.toml`: the same on several processes."""
    logging.basicConfig(level=logging.WARNING)
    sys.exit(run_train(recipe, parse_settings(changes)))


if __name__ == "__main__":
    main()
