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
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ..reward_models import HelpfulVerifier, Monitor, SafetyVerifier, Window, options_of, train_reward_model
from ..reward_models.data import read_pairs, read_rated
from ..reward_models.model import load as load_scorer
from ..verifiers import Reward, Sample, Term, Verifier
from ..verifiers.catalog import make
from ..verifiers.errors import ConfigError, RunError
from ..verifiers.reward import PRESETS, rl2
from . import manners, world
from .accept import accept, read_rows, write_rows
from .command import make_trainer
from .config import Schedule, TrainConfig
from .evaluate import evaluate, load
from .pipeline import Run, Stage, Told, carry_out, judge_of
from .questions import prepare, read_questions
from .recipe import Recipe, SampleConfig
from .sampling import Sampling
from .sft import Lesson, SFTConfig, StoppedError, finetune, lessons_of


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
    for name, rows in samples.items():
        write_rows(folder / f"{name}.jsonl", rows)
    pairs, ratings = manners.preference_pairs(toy.preferences, seed), manners.safety_labels(toy.preferences, seed)
    for name, table in (("pairs", pairs), ("ratings", ratings)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
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
    lessons = _lessons(run, tokenizer, corpus, world.CONTEXT)
    model = world.world_model(tokenizer, width=width, layers=layers, seed=seed)
    taught = finetune(model, lessons, toy.pretrain, folder, seed=seed, stage="pretrain", stopped=run.stopped)
    _save(model, tokenizer, folder / "checkpoint")
    return {"weights": model.num_parameters(), **taught._asdict()}


def _zero(run: Run, folder: Path) -> Told:
    return _reinforce(run, folder, run.recipe.zero, run.checkpoint("base"))


def _cold_start(run: Run, folder: Path) -> Told:
    """Dev1: the base, taught by R1-Zero's responses as the rewriter has left them."""
    recipe = run.recipe
    kept, told = _accepted(run, folder, recipe.cold_start.sample, run.checkpoint("zero"))
    return {**told, **_teach(run, folder, recipe.cold_start.sft, run.checkpoint("base"), kept)}


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
    replies = list(read_rows(run.source("replies")))[: config.replies] if config.replies else []
    write_rows(folder / "accepted.jsonl", [*kept, *replies])
    return {**told, "replies": len(replies)}


def _sft2(run: Run, folder: Path) -> Told:
    kept = list(read_rows(run.folder("reject_sample") / "accepted.jsonl"))
    return _teach(run, folder, run.recipe.sft2, run.checkpoint("base"), kept)


def _distill(run: Run, folder: Path) -> Told:
    kept = list(read_rows(run.folder("reject_sample") / "accepted.jsonl"))
    return _teach(run, folder, run.recipe.distill, run.checkpoint("small"), kept)


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
        trained = train_reward_model(scorer, table.rows, options, work, resume=resume, stop=run.stopped)
        told[kind] = {"steps": trained.steps, "rows": trained.train_rows, "dev_loss": trained.dev_loss}
    return told


def _rl2(run: Run, folder: Path) -> Told:
    """R1: rules and language, and in the last steps general prompts and preference, eqs. (8) to (10)."""
    config, begins = run.recipe.rl2, run.recipe.rl2.steps - run.recipe.preference_steps
    helpful, safety = _preference(run)
    reward = rl2(config.reward.options, helpful=helpful, safety=safety, begins=begins)
    reasoning, general = (read_questions(run.source(name)) for name in ("reasoning", "general"))
    both = len(reasoning) + len(general)
    open_to: Schedule = ((0, len(reasoning)), (begins, both)) if begins > 0 else ((0, both),)
    told = _reinforce(
        run, folder, config, run.checkpoint("sft2"), reward=reward, samples=[*reasoning, *general], open_to=open_to
    )
    return {**told, **_watched(folder, begins)}


def _hacking(run: Run, folder: Path) -> Told:
    """B.5: the helpful model's word on everything from the first step, and no rule; accuracy is only looked at."""
    config = run.recipe.rl2
    helpful, _ = _preference(run)
    terms = [Term(verifier=helpful), Term(verifier=make("math", config.reward.options.get("math")), weight=0.0)]
    samples = [replace(sample, kind="general") for sample in read_questions(run.source("reasoning"))]
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
    Stage("sft2", ("base", "reject_sample"), ("sft2",), _sft2),
    Stage("reward_models", ("base", "sft2"), ("reward_models", "source"), _reward_models),
    Stage("rl2", ("base", "sft2", "reward_models"), ("rl2", "preference_steps"), _rl2),
    Stage("small", ("base",), ("world", "small"), _small),
    Stage("distill", ("small", "reject_sample"), ("distill",), _distill),
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
    open_to: Schedule | None = None,
) -> Told:
    """The loop, from a checkpoint to another."""
    if config.model.lora_rank:
        raise ConfigError("adapters cannot be handed from stage to stage; set model.lora_rank = 0")
    config = replace(config, output=str(folder), seed=run.recipe.seed)
    model, tokenizer = load(start)
    if samples is None:
        samples = read_questions(run.source("reasoning"))
    trainer = make_trainer(
        config, model, tokenizer, samples, reward or _preset(config), stopped=run.stopped, open_to=open_to
    )
    for _ in trainer.steps():
        pass
    trainer.close()
    if trainer.step < config.steps:
        raise StoppedError
    _save(trainer.learner.policy.model.eval(), tokenizer, folder / "checkpoint")
    return {"steps": trainer.step}


def _preset(config: TrainConfig) -> Reward:
    """The reward of a preset, which also looks at the language where it does not reward it."""
    reward = PRESETS[config.reward.preset](config.reward.options)
    if any(term.name == "language" for term in reward.terms):
        return reward
    language = make("language", config.reward.options.get("language"))
    return replace(reward, terms=[*reward.terms, Term(verifier=language, weight=0.0)])


def _preference(run: Run) -> list[Verifier]:
    there = {kind: getattr(run.recipe.source, kind) for kind in ("helpful", "safety")}
    folders = {kind: given or str(run.folder("reward_models") / kind) for kind, given in there.items()}
    return [HelpfulVerifier(model=folders["helpful"]), SafetyVerifier(model=folders["safety"])]


def _watched(folder: Path, begins: int) -> Told:
    """The monitor's alarms over fifths of the steps in which preference counted, and its scores in them.

    Scores differ much from prompt to prompt, so shorter windows of so few steps would tell of the prompts.
    """
    with (folder / "metrics.jsonl").open(encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if line["step"] > begins and "reward/helpful" in line]
    monitor, size, told = Monitor(), max(1, len(lines) // 5), list[Told]()
    for start in range(0, len(lines) - size + 1, size):
        part = lines[start : start + size]
        mean = {
            name: sum(values) / len(values)
            for name in ("reward/helpful", "reward/safety", "accuracy")
            if (values := [line[name] for line in part if name in line])
        }
        window = Window(step=part[-1]["step"], scores=[mean["reward/helpful"]], accuracy=mean.get("accuracy"))
        told.append({"step": window.step, **mean, "alarms": monitor.take(window)})
    return {"monitor": told, "alarms": [alarm for window in told for alarm in window["alarms"]]}


def _accepted(run: Run, folder: Path, config: SampleConfig, policy: Path) -> tuple[list[Sample], Told]:
    """What is kept of a checkpoint's responses."""
    recipe, output = run.recipe, folder / "candidates.jsonl"
    questions = read_questions(run.source("reasoning"))[: config.questions]
    sampling = Sampling(max_tokens=config.max_tokens, temperature=config.temperature)
    evaluate(
        policy, questions, k=config.samples, sampling=sampling, seed=recipe.seed, template=recipe.rl1.data.template,
        reward=judge_of(recipe), output=output, resume=output.with_name(f"{output.name}.run.json").exists(), at_once=64,
    )  # fmt: skip
    found = accept(read_rows(output), judge_of(recipe), config)
    asked = len(questions) * config.samples
    if not found.samples:
        raise RunError(f"none of {asked} responses of {policy} may be learned from: {found.left_out}")
    return found.samples, {"candidates": asked, "kept": len(found.samples), "left_out": found.left_out}


def _teach(run: Run, folder: Path, config: SFTConfig, start: Path, rows: Sequence[Sample]) -> Told:
    """Fine-tune a checkpoint on responses, and save it."""
    model, tokenizer = load(start)
    lessons = _lessons(run, tokenizer, rows, model.config.max_position_embeddings)
    stage = folder.name.partition("_")[2]
    taught = finetune(model, lessons, config, folder, seed=run.recipe.seed, stage=stage, stopped=run.stopped)
    _save(model, tokenizer, folder / "checkpoint")
    return {"taught": taught._asdict()}


def _lessons(run: Run, tokenizer: Any, rows: Sequence[Sample], room: int) -> list[Lesson]:  # any: as below
    """Prompts in the recipe's template, with their responses."""
    questions = prepare(rows, tokenizer, run.recipe.zero.data.template, room)
    return lessons_of(tokenizer, [(question.tokens, question.sample.response) for question in questions])


def _save(model: PreTrainedModel, tokenizer: Any, folder: Path) -> None:  # any: tokenizers share no class
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
