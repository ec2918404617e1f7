"""The stages of R1, each from checkpoints and data to a checkpoint and a report.

    base -> zero -> cold_start -> rl1 -> reject_sample -> sft2 -> reward_models -> rl2;  reject_sample, small -> distill
    no_language (B.6), hacking (B.5) and small_zero (RL on what is distilled into) are experiments beside them

A stage is its entry in `STAGES` with the function beside it; how stages are skipped and resumed is in `pipeline`.
docs/explanation/r1.md holds them against the paper. Stages that train adapters hand them on merged. Under torchrun all
processes train and sample, but for reward models, which the first one trains alone; the first one writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ...reward_models import HelpfulVerifier, Monitor, SafetyVerifier, Window, options_of, train_reward_model
from ...reward_models.data import read_pairs, read_rated
from ...reward_models.stored import load as load_scorer
from ...scoring.samples import read_samples
from ...training.distributed import full_tensor, processes
from ...verifiers import Reward, Sample, Term, Verifier
from ...verifiers.errors import RunError
from ...verifiers.files import write_rows
from ...verifiers.registry import make
from ...verifiers.reward import rl2
from ..config import Schedule, TrainConfig
from ..logprobs import context_of
from ..loop import Trainer
from ..rewards import build_reward, watch_language
from ..sampling import Sampling
from ..templates import Template
from ..toy import arithmetic, chat
from .accept import accept
from .clean import Cleaner
from .cost import Assumptions, Planned, Sizes, reward_model_cost, rl_cost, sft_cost
from .evaluate import load, make_validation
from .human import check_by_hand
from .pipeline import PipelineRun, Report, Stage, judge_of, run_stages
from .recipe import Recipe, SampleConfig
from .sft import SFTConfig, SFTExample, fine_tune


def run_recipe(recipe: Recipe, *, stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, Report]]:
    """Run a recipe, stage by stage; yields each one's name and report, also of those that were done before.

    Raises StoppedError, with everything saved, when `stopped` says so; ConfigError for what cannot be done.
    """
    return run_stages(STAGES, recipe, stopped)


def _base(run: PipelineRun, folder: Path) -> Report:
    """The base: given, or pretrained on the toy's noise, with the toy's data beside it."""
    seed, toy = run.recipe.seed, run.recipe.toy
    if run.recipe.source.base:
        return {}
    samples = {
        "reasoning": arithmetic.sums(toy.questions, seed), "general": chat.chats(toy.chats, seed),
        "replies": arithmetic.human_replies(toy.chats, seed + 1), "probe": arithmetic.sums(toy.probe, 10_000 + seed),
    }  # fmt: skip
    tables = {name: [row.to_dict() for row in rows] for name, rows in samples.items()}
    tables["pairs"] = chat.preference_pairs(toy.preferences, seed)
    tables["ratings"] = chat.safety_labels(toy.preferences, seed)
    for name, rows in tables.items():
        _write_rows(folder / f"{name}.jsonl", rows)
    return {"checkpoint": _pretrain(run, folder, toy.width, toy.layers)}


def _small(run: PipelineRun, folder: Path) -> Report:
    """The base of distillation: given, or pretrained like the other."""
    if run.recipe.source.small:
        return {}
    return {"checkpoint": _pretrain(run, folder, run.recipe.small.width, run.recipe.small.layers)}


def _pretrain(run: PipelineRun, folder: Path, width: int, layers: int) -> Report:
    """A model that has read the toy's noise."""
    seed, toy, tokenizer = run.recipe.seed, run.recipe.toy, arithmetic.toy_tokenizer()
    corpus = [
        replace(asked, response=response) for asked, response in arithmetic.noisy_corpus(toy.corpus, seed, toy.noise)
    ]
    model = arithmetic.toy_model(tokenizer, width=width, layers=layers, seed=seed)
    result = _fine_tune(run, folder, toy.pretrain, model, tokenizer, corpus, "pretrain")
    return {"weights": model.num_parameters(), **result}


def _zero(run: PipelineRun, folder: Path) -> Report:
    return _reinforce(run, folder, run.recipe.zero, run.checkpoint("base"))


def _cold_start(run: PipelineRun, folder: Path) -> Report:
    """Dev1: the base, fine-tuned on R1-Zero's responses as the rewriter has left them."""
    recipe = run.recipe
    kept, counts = _accepted(run, folder, recipe.cold_start.sample, "zero")
    tuned = _fine_tune(run, folder, recipe.cold_start.sft, *load(run.checkpoint("base")), kept, "cold_start")
    return {**counts, "sft": tuned}


def _rl1(run: PipelineRun, folder: Path) -> Report:
    return _reinforce(run, folder, run.recipe.rl1, run.checkpoint("cold_start"))


def _no_language(run: PipelineRun, folder: Path) -> Report:
    """B.6: the same without the language reward, which is only looked at."""
    rl1 = run.recipe.rl1
    others = tuple(name for name in rl1.reward.verifiers if name.partition(":")[0] != "language")
    blind = replace(rl1, reward=replace(rl1.reward, preset="r1_zero", verifiers=others))
    return _reinforce(run, folder, blind, run.checkpoint("cold_start"))


def _reject_sample(run: PipelineRun, folder: Path) -> Report:
    """Dev2's responses that pass all filters, with human replies to what needs no reasoning."""
    config = run.recipe.reject_sample
    kept, counts = _accepted(run, folder, config, "rl1")
    replies, clean = list[Sample](), _cleaner(run, folder, counts)
    if config.replies:
        replies = clean("replies", read_samples([str(run.source("replies"))], responses=True)[: config.replies])
    _write_rows(folder / "accepted.jsonl", [sample.to_dict() for sample in (*kept, *replies)])
    return {**counts, **clean.report, "replies": len(replies)}


def _from_accepted(run: PipelineRun, folder: Path, name: str, start: str) -> Report:
    """A base, fine-tuned on what rejection sampling has kept."""
    rows = read_samples([str(run.folder("reject_sample") / "accepted.jsonl")], responses=True)
    return {"sft": _fine_tune(run, folder, getattr(run.recipe, name), *load(run.checkpoint(start)), rows, name)}


def _reward_models(run: PipelineRun, folder: Path) -> Report:
    """Helpful and safety, from Dev3 with a head, unless the recipe names some that are there; the first process trains
    them, and others wait."""
    if processes().rank > 0:
        return {}
    config, report = run.recipe.reward_models, dict[str, Any]()
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
        report[kind] = {"steps": trained.steps, "rows": trained.train_rows, "dev_loss": trained.dev_loss}
    return report


def _rl2(run: PipelineRun, folder: Path) -> Report:
    """R1: rules and language, and in the last steps general prompts and preference, eqs. (8) to (10)."""
    config, begins = run.recipe.rl2, _preference_begins(run.recipe)
    helpful, safety = _preference(run)
    if config.reward.verifiers:
        reward = _with_preference(build_reward(config.reward), helpful, safety, begins)
    else:
        reward = rl2(config.reward.options, helpful=helpful, safety=safety, begins=begins)
    clean = _cleaner(run, folder)
    reasoning, general = (clean(name, run.questions(name)) for name in ("reasoning", "general"))
    both = len(reasoning) + len(general)
    curriculum: Schedule = ((0, len(reasoning)), (begins, both)) if begins > 0 else ((0, both),)
    samples, start = [*reasoning, *general], run.checkpoint("sft2")
    report = _reinforce(run, folder, config, start, reward=reward, samples=samples, curriculum=curriculum)
    return {**report, **clean.report, **_watched(folder, begins)}


def _with_preference(reward: Reward, helpful: Verifier, safety: Verifier, begins: int) -> Reward:
    """Verifiers that a recipe names, with the reward models' terms of eq. (10)."""
    models = ((helpful, "general"), (safety, "safety"))
    terms = [Term(verifier=model, kinds=frozenset({kind}), begins=begins) for model, kind in models]
    return replace(reward, terms=[*reward.terms, *terms])


def _hacking(run: PipelineRun, folder: Path) -> Report:
    """B.5: the helpful model's word on everything from the first step, and no rule; accuracy is only looked at."""
    config = run.recipe.rl2
    helpful, _ = _preference(run)
    terms = [Term(verifier=helpful), Term(verifier=make("math", config.reward.options.get("math")), weight=0.0)]
    clean = _cleaner(run, folder)
    samples = [replace(sample, kind="general") for sample in clean("reasoning", run.questions("reasoning"))]
    reward = Reward(name="hacked", terms=terms)
    report = _reinforce(run, folder, config, run.checkpoint("sft2"), reward=reward, samples=samples)
    return {**report, **clean.report, **_watched(folder, 0)}


def _small_zero(run: PipelineRun, folder: Path) -> Report:
    """What distillation is held against: R1-Zero's training on the smaller base."""
    return _reinforce(run, folder, run.recipe.zero, run.checkpoint("small"))


def _preference_begins(recipe: Recipe) -> int:
    """The step of RL2 from which general prompts are asked and preference counts."""
    return recipe.rl2.steps - recipe.preference_steps


def _rl2_cost(recipe: Recipe, sizes: Sizes, assumed: Assumptions) -> Planned:
    begins = _preference_begins(recipe)
    preference = f"from step {begins:,} of {recipe.rl2.steps:,} on, with general prompts"
    return rl_cost(recipe.rl2, sizes.base, assumed, preference=preference)


def _cold_start_cost(recipe: Recipe, sizes: Sizes, assumed: Assumptions) -> Planned:
    sample = recipe.cold_start.sample
    return sft_cost(recipe.cold_start.sft, sample.questions * sample.keep, sizes.base, assumed, sample)


def _accepted_rows(recipe: Recipe) -> int:
    return recipe.reject_sample.questions * recipe.reject_sample.keep + recipe.reject_sample.replies


STAGES = (
    Stage("base", (), ("source", "toy", "zero.data"), _base, source="base"),
    Stage(
        "zero", ("base",), ("zero", "decontamination"), _zero, title="R1-Zero",
        cost=lambda recipe, sizes, assumed: rl_cost(recipe.zero, sizes.base, assumed, stated=101_000),
    ),
    Stage(
        "cold_start", ("base", "zero"), ("cold_start", "rl1", "decontamination"), _cold_start, title="Dev1", data="rl1",
        cost=_cold_start_cost,
    ),
    Stage(
        "rl1", ("base", "cold_start"), ("rl1", "decontamination"), _rl1, title="Dev2", data="rl1",
        cost=lambda recipe, sizes, assumed: rl_cost(recipe.rl1, sizes.base, assumed),
    ),
    Stage(
        "reject_sample", ("base", "rl1"), ("reject_sample", "rl1", "decontamination"), _reject_sample, data="rl1",
        cost=lambda recipe, sizes, assumed: sft_cost(
            None, _accepted_rows(recipe), sizes.base, assumed, recipe.reject_sample
        ),
    ),
    Stage(
        "sft2", ("base", "reject_sample"), ("sft2", "rl2.data"), partial(_from_accepted, name="sft2", start="base"),
        title="Dev3", data="rl2",
        cost=lambda recipe, sizes, assumed: sft_cost(recipe.sft2, _accepted_rows(recipe), sizes.base, assumed),
    ),
    Stage(
        "reward_models", ("base", "sft2"), ("reward_models", "source"), _reward_models,
        cost=lambda recipe, sizes, assumed: reward_model_cost(recipe.reward_models, sizes.base, assumed),
    ),
    Stage(
        "rl2", ("base", "sft2", "reward_models"), ("rl2", "preference_steps", "decontamination"), _rl2, title="R1",
        data="rl2", cost=_rl2_cost,
    ),
    Stage(
        "small", ("base",), ("toy", "small", "zero.data"), _small, title="the smaller base", model="small",
        source="small",
    ),
    Stage(
        "distill", ("small", "reject_sample"), ("distill", "rl2.data"),
        partial(_from_accepted, name="distill", start="small"), title="distilled into it", model="small", data="rl2",
        cost=lambda recipe, sizes, assumed: sft_cost(recipe.distill, _accepted_rows(recipe), sizes.small, assumed),
    ),
    Stage(
        "no_language", ("base", "cold_start"), ("rl1", "decontamination"), _no_language, experiment=True, data="rl1",
        cost=lambda recipe, sizes, assumed: rl_cost(recipe.rl1, sizes.base, assumed),
    ),
    Stage(
        "hacking", ("base", "sft2", "reward_models"), ("rl2", "decontamination"), _hacking, experiment=True, data="rl2",
        cost=lambda recipe, sizes, assumed: rl_cost(recipe.rl2, sizes.base, assumed),
    ),
    Stage(
        "small_zero", ("base", "small"), ("zero", "decontamination"), _small_zero, title="RL on it", model="small",
        experiment=True, cost=lambda recipe, sizes, assumed: rl_cost(recipe.zero, sizes.small, assumed),
    ),
)  # fmt: skip
"""In the order in which they are run."""


def _reinforce(
    run: PipelineRun,
    folder: Path,
    config: TrainConfig,
    start: Path,
    *,
    reward: Verifier | None = None,
    samples: Sequence[Sample] | None = None,
    curriculum: Schedule | None = None,
) -> Report:
    """The loop, from a checkpoint to another."""
    config = replace(config, output=str(folder), seed=run.recipe.seed)
    if config.model.lora_rank:  # so that the next stage goes on from what this one learned
        config = replace(config, model=replace(config.model, merge_adapters=True))
    if config.engine.kind == "vllm":
        config = replace(config, model=replace(config.model, path=str(start)))
    clean = _cleaner(run, folder)
    asked = clean("reasoning", run.questions("reasoning")) if samples is None else samples
    reward = reward or watch_language(build_reward(config.reward), config.reward)
    model, tokenizer = load(start)
    validate = make_validation(config, tokenizer, reward, processes())
    trainer = Trainer(
        config, model, tokenizer, asked, reward, stopped=run.stopped, curriculum=curriculum, validate=validate
    )
    trainer.train(folder / "checkpoint")
    return {"steps": trainer.step, **clean.report}


def _cleaner(run: PipelineRun, folder: Path, report: Report | None = None) -> Cleaner:
    """Drops from the data of a stage what it is tested with; goes on with a report, where there is one."""
    clean = Cleaner(run.recipe.decontamination, run.recipe.source.probe, folder, folder.name)
    clean.report.update({"decontaminated": report["decontaminated"]} if report and "decontaminated" in report else {})
    return clean


def _preference(run: PipelineRun) -> tuple[Verifier, Verifier]:
    """The helpful model and the safety model: those that the recipe names, or the run's own."""
    source, made = run.recipe.source, run.folder("reward_models")
    return (
        HelpfulVerifier(model=source.helpful or str(made / "helpful")),
        SafetyVerifier(model=source.safety or str(made / "safety")),
    )


def _watched(folder: Path, begins: int) -> Report:
    """The monitor's alarms in the steps in which preference counted."""
    with (folder / "metrics.jsonl").open(encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if line["step"] > begins and "reward/helpful" in line]
    monitor = Monitor()
    seen = (Window(step=one["step"], scores=[one["reward/helpful"]], accuracy=one.get("accuracy")) for one in lines)
    return {"alarms": [alarm for window in seen for alarm in monitor.take(window)]}


def _accepted(run: PipelineRun, folder: Path, config: SampleConfig, stage: str) -> tuple[list[Sample], Report]:
    """What is kept of the responses of a stage's checkpoint."""
    output = folder / "candidates.jsonl"
    clean = _cleaner(run, folder)
    questions = clean("reasoning", run.questions("reasoning"))[: config.questions]
    sampling = Sampling(max_tokens=config.max_tokens, temperature=config.temperature)
    resume = output.with_name(f"{output.name}.run.json").exists()
    policy = run.checkpoint(stage)
    run.ask(stage, policy, questions, config.samples, sampling, output=output, resume=resume)
    accepted = accept(read_samples([str(output)], responses=True), judge_of(run.recipe, config.judge), config)
    asked = len(questions) * config.samples
    if not accepted.samples:
        raise RunError(f"none of {asked} responses of {policy} may be learned from: {accepted.left_out}")
    checked = check_by_hand(clean("accepted", accepted.samples), folder, config.marks, folder.name)
    if not checked.samples:
        raise RunError(f"a person has accepted none of {len(accepted.samples)} responses of {policy}")
    left_out = {**accepted.left_out, **({"rejected": checked.rejected} if checked.rejected else {})}
    return checked.samples, {
        "candidates": asked, "kept": len(checked.samples), "left_out": left_out, **clean.report
    }  # fmt: skip


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:  # any: JSON values
    """Write rows, the first process for all, who go on when they are there."""
    together = processes()
    if together.rank == 0:
        write_rows(path, rows)
    together.all_gather_object(None)


def _fine_tune(
    run: PipelineRun,
    folder: Path,
    config: SFTConfig,
    model: PreTrainedModel,
    tokenizer: Any,
    rows: Sequence[Sample],
    name: str,
) -> Report:
    """Fine-tune a model on responses to prompts in its stage's template, and save it (any: a tokenizer)."""
    template = Template(tokenizer, run.data({"pretrain": "base"}.get(name, name)))
    template.questions(rows, context_of(model))  # which refuses what has no prompt, or too long a one
    examples = [SFTExample(*template.example(row)) for row in rows]
    result = fine_tune(model, examples, config, folder, seed=run.recipe.seed, stage=name, stopped=run.stopped)
    if template.data.template == "chat" and model.generation_config is not None:
        model.generation_config.eos_token_id = template.stop_tokens(model)  # so that other engines end turns too
    together = processes()
    whole = full_tensor(model.state_dict()) if together.size > 1 else None
    if together.rank == 0:
        model.save_pretrained(folder / "checkpoint", state_dict=whole)
        tokenizer.save_pretrained(folder / "checkpoint")
    together.all_gather_object(None)
    return result._asdict()
