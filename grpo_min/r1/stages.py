"""The stages of R1, each from checkpoints and data to a checkpoint and a report.

    base -> zero -> cold_start -> rl1 -> reject_sample -> sft2 -> reward_models -> rl2;  reject_sample, small -> distill
    no_language (B.6), hacking (B.5) and small_zero (RL on what is distilled into) are experiments beside them

How they are skipped, resumed and numbered is in `pipeline`; docs/r1.md holds them against the paper. What is not done:
fine-tuning and reward models on several processes, adapters that go from stage to stage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ...reward_models import HelpfulVerifier, Monitor, SafetyVerifier, Window, options_of, train_reward_model
from ...reward_models.data import read_pairs, read_rated
from ...reward_models.stored import load as load_scorer
from ...scoring.samples import read_samples
from ...verifiers import Reward, Sample, Term, Verifier
from ...verifiers.errors import ConfigError, RunError
from ...verifiers.files import write_rows
from ...verifiers.registry import make
from ...verifiers.reward import PRESETS, rl2
from ..config import Schedule, TrainConfig
from ..loop import Trainer
from ..questions import prepare
from ..sampling import Sampling
from ..toy import arithmetic as world
from ..toy import chat as manners
from .accept import accept
from .evaluate import load
from .pipeline import Run, Stage, Told, carry_out, judge_of
from .recipe import Recipe, SampleConfig
from .sft import SFTConfig, finetune, lessons_of


def run_stages(recipe: Recipe, *, stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, Told]]:
    """Carry a recipe out, stage by stage; yields each one's name and report, also of those that were done before.

    Raises StoppedError, with everything saved, when `stopped` says so; ConfigError for what cannot be done.
    """
    return carry_out(STAGES, recipe, stopped)


def _base(run: Run, folder: Path) -> Told:
    """The base: given, or pretrained on the toy's noise, with the toy's data beside it."""
    seed, toy = run.recipe.seed, run.recipe.world
    if run.recipe.source.base:
        return {}
    samples = {
        "reasoning": world.sums(toy.questions, seed), "general": manners.chats(toy.chats, seed),
        "replies": world.human_replies(toy.chats, seed + 1), "probe": world.sums(toy.probe, 10_000 + seed),
    }  # fmt: skip
    tables = {name: [row.to_dict() for row in rows] for name, rows in samples.items()}
    tables["pairs"] = manners.preference_pairs(toy.preferences, seed)
    tables["ratings"] = manners.safety_labels(toy.preferences, seed)
    for name, rows in tables.items():
        write_rows(folder / f"{name}.jsonl", rows)
    return {"checkpoint": _pretrain(run, folder, toy.width, toy.layers)}


def _small(run: Run, folder: Path) -> Told:
    """The base of distillation: given, or pretrained like the other."""
    if run.recipe.source.small:
        return {}
    return {"checkpoint": _pretrain(run, folder, run.recipe.small.width, run.recipe.small.layers)}


def _pretrain(run: Run, folder: Path, width: int, layers: int) -> Told:
    """A model that has read the toy's noise."""
    seed, toy, tokenizer = run.recipe.seed, run.recipe.world, world.world_tokenizer()
    corpus = [replace(asked, response=said) for asked, said in world.noisy_corpus(toy.corpus, seed, toy.habits)]
    model = world.world_model(tokenizer, width=width, layers=layers, seed=seed)
    taught = _fine_tune(run, folder, toy.pretrain, model, tokenizer, corpus, "pretrain")
    return {"weights": model.num_parameters(), **taught}


def _zero(run: Run, folder: Path) -> Told:
    return _reinforce(run, folder, run.recipe.zero, run.checkpoint("base"))


def _cold_start(run: Run, folder: Path) -> Told:
    """Dev1: the base, taught by R1-Zero's responses as the rewriter has left them."""
    recipe = run.recipe
    kept, told = _accepted(run, folder, recipe.cold_start.sample, run.checkpoint("zero"))
    taught = _fine_tune(run, folder, recipe.cold_start.sft, *load(run.checkpoint("base")), kept, "cold_start")
    return {**told, "taught": taught}


def _rl1(run: Run, folder: Path) -> Told:
    return _reinforce(run, folder, run.recipe.rl1, run.checkpoint("cold_start"))


def _no_language(run: Run, folder: Path) -> Told:
    """B.6: the same without the language reward, which is only looked at."""
    rl1 = run.recipe.rl1
    blind = replace(rl1, reward=replace(rl1.reward, preset="r1_zero"))
    return _reinforce(run, folder, blind, run.checkpoint("cold_start"))


def _reject_sample(run: Run, folder: Path) -> Told:
    """Dev2's responses that pass all filters, with human replies to what needs no reasoning."""
    config = run.recipe.reject_sample
    kept, told = _accepted(run, folder, config, run.checkpoint("rl1"))
    replies = read_samples([str(run.source("replies"))], responses=True)[: config.replies] if config.replies else []
    write_rows(folder / "accepted.jsonl", [sample.to_dict() for sample in (*kept, *replies)])
    return {**told, "replies": len(replies)}


def _from_accepted(run: Run, folder: Path, start: str) -> Told:
    """A base, taught by what rejection sampling came to."""
    rows = read_samples([str(run.folder("reject_sample") / "accepted.jsonl")], responses=True)
    name = folder.name.partition("_")[2]
    return {"taught": _fine_tune(run, folder, getattr(run.recipe, name), *load(run.checkpoint(start)), rows, name)}


def _reward_models(run: Run, folder: Path) -> Told:
    """Helpful and safety, from Dev3 with a head, unless the recipe names some that are there."""
    config, told = run.recipe.reward_models, dict[str, Any]()
    for kind in ("helpful", "safety"):
        if getattr(run.recipe.source, kind):
            continue
        options = options_of(kind, config.preset, **{"seed": run.recipe.seed, **config.options})
        scorer, work = load_scorer(run.checkpoint("sft2"), seed=options.seed), folder / kind
        table = read_pairs([run.source("pairs")]) if kind == "helpful" else read_rated([run.source("ratings")])
        resume = (work / "checkpoint.pt").exists()
        trained = train_reward_model(
            scorer, table.rows, options, work, resume=resume, overwrite=not resume, stop=run.stopped
        )
        told[kind] = {"steps": trained.steps, "rows": trained.train_rows, "dev_loss": trained.dev_loss}
    return told


def _rl2(run: Run, folder: Path) -> Told:
    """R1: rules and language, and in the last steps general prompts and preference, eqs. (8) to (10)."""
    config, begins = run.recipe.rl2, run.recipe.rl2.steps - run.recipe.preference_steps
    helpful, safety = _preference(run)
    reward = rl2(config.reward.options, helpful=helpful, safety=safety, begins=begins)
    reasoning, general = (run.questions(name) for name in ("reasoning", "general"))
    both = len(reasoning) + len(general)
    curriculum: Schedule = ((0, len(reasoning)), (begins, both)) if begins > 0 else ((0, both),)
    told = _reinforce(
        run,
        folder,
        config,
        run.checkpoint("sft2"),
        reward=reward,
        samples=[*reasoning, *general],
        curriculum=curriculum,
    )
    return {**told, **_watched(folder, begins)}


def _hacking(run: Run, folder: Path) -> Told:
    """B.5: the helpful model's word on everything from the first step, and no rule; accuracy is only looked at."""
    config = run.recipe.rl2
    helpful, _ = _preference(run)
    terms = [Term(verifier=helpful), Term(verifier=make("math", config.reward.options.get("math")), weight=0.0)]
    samples = [replace(sample, kind="general") for sample in run.questions("reasoning")]
    reward = Reward(name="hacked", terms=terms)
    told = _reinforce(run, folder, config, run.checkpoint("sft2"), reward=reward, samples=samples)
    return {**told, **_watched(folder, 0)}


def _small_zero(run: Run, folder: Path) -> Told:
    """What distillation is held against: R1-Zero's training on the smaller base."""
    return _reinforce(run, folder, run.recipe.zero, run.checkpoint("small"))


STAGES = (
    Stage("base", (), ("source", "world"), _base),
    Stage("zero", ("base",), ("zero",), _zero),
    Stage("cold_start", ("base", "zero"), ("cold_start", "rl1"), _cold_start),
    Stage("rl1", ("base", "cold_start"), ("rl1",), _rl1),
    Stage("reject_sample", ("base", "rl1"), ("reject_sample", "rl1"), _reject_sample),
    Stage("sft2", ("base", "reject_sample"), ("sft2",), partial(_from_accepted, start="base")),
    Stage("reward_models", ("base", "sft2"), ("reward_models", "source"), _reward_models),
    Stage("rl2", ("base", "sft2", "reward_models"), ("rl2", "preference_steps"), _rl2),
    Stage("small", ("base",), ("world", "small"), _small),
    Stage("distill", ("small", "reject_sample"), ("distill",), partial(_from_accepted, start="small")),
    Stage("no_language", ("base", "cold_start"), ("rl1",), _no_language, experiment=True),
    Stage("hacking", ("base", "sft2", "reward_models"), ("rl2",), _hacking, experiment=True),
    Stage("small_zero", ("base", "small"), ("zero",), _small_zero, experiment=True),
)
"""In the order in which they are run; the numbers of their folders."""


def _reinforce(
    run: Run,
    folder: Path,
    config: TrainConfig,
    start: Path,
    *,
    reward: Verifier | None = None,
    samples: Sequence[Sample] | None = None,
    curriculum: Schedule | None = None,
) -> Told:
    """The loop, from a checkpoint to another."""
    if config.model.lora_rank:
        raise ConfigError("adapters cannot be handed from stage to stage; set model.lora_rank = 0")
    config = replace(config, output=str(folder), seed=run.recipe.seed)
    asked = run.questions("reasoning") if samples is None else samples
    trainer = Trainer(
        config, *load(start), asked, reward or _preset(config), stopped=run.stopped, curriculum=curriculum
    )
    trainer.train(folder / "checkpoint")
    return {"steps": trainer.step}


def _preset(config: TrainConfig) -> Reward:
    """The reward of a preset, which also looks at the language where it does not reward it."""
    reward = PRESETS[config.reward.preset](config.reward.options)
    if any(term.name == "language" for term in reward.terms):
        return reward
    language = make("language", config.reward.options.get("language"))
    return replace(reward, terms=[*reward.terms, Term(verifier=language, weight=0.0)])


def _preference(run: Run) -> tuple[Verifier, Verifier]:
    """The helpful model and the safety model: those that the recipe names, or the run's own."""
    source, made = run.recipe.source, run.folder("reward_models")
    return (
        HelpfulVerifier(model=source.helpful or str(made / "helpful")),
        SafetyVerifier(model=source.safety or str(made / "safety")),
    )


def _watched(folder: Path, begins: int) -> Told:
    """The monitor's alarms in the steps in which preference counted."""
    with (folder / "metrics.jsonl").open(encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if line["step"] > begins and "reward/helpful" in line]
    monitor = Monitor()
    seen = (Window(step=one["step"], scores=[one["reward/helpful"]], accuracy=one.get("accuracy")) for one in lines)
    return {"alarms": [alarm for window in seen for alarm in monitor.take(window)]}


def _accepted(run: Run, folder: Path, config: SampleConfig, policy: Path) -> tuple[list[Sample], Told]:
    """What is kept of a checkpoint's responses."""
    output = folder / "candidates.jsonl"
    questions = run.questions("reasoning")[: config.questions]
    sampling = Sampling(max_tokens=config.max_tokens, temperature=config.temperature)
    resume = output.with_name(f"{output.name}.run.json").exists()
    run.ask(policy, questions, config.samples, sampling, output=output, resume=resume)
    found = accept(read_samples([str(output)], responses=True), judge_of(run.recipe), config)
    asked = len(questions) * config.samples
    if not found.samples:
        raise RunError(f"none of {asked} responses of {policy} may be learned from: {found.left_out}")
    return found.samples, {"candidates": asked, "kept": len(found.samples), "left_out": found.left_out}


def _fine_tune(
    run: Run, folder: Path, config: SFTConfig, model: PreTrainedModel, tokenizer: Any, rows: Sequence[Sample], name: str
) -> Told:
    """Fine-tune a model on responses to prompts in the recipe's template, and save it (any: a tokenizer)."""
    questions = prepare(rows, tokenizer, run.recipe.zero.data.template, model.config.max_position_embeddings)
    lessons = lessons_of(tokenizer, [(question.tokens, question.sample.response) for question in questions])
    taught = finetune(model, lessons, config, folder, seed=run.recipe.seed, stage=name, stopped=run.stopped)
    model.save_pretrained(folder / "checkpoint")
    tokenizer.save_pretrained(folder / "checkpoint")
    return taught._asdict()
