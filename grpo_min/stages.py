"""The stages of R1, each from checkpoints and data to a checkpoint and a report, in a folder of its own.

    base -> zero -> cold_start -> rl1 -> reject_sample -> sft2 -> reward_models -> rl2;  reject_sample -> distill
    no_language (B.6) and hacking (B.5) are experiments beside them

A stage is skipped when it was done with the same inputs: its part of the recipe and the hashes of what it is made from.
One that was cut off goes on where it can (every kind of training, and sampling), and one whose inputs changed begins
anew. Killed at any moment and started again, a run ends with the same weights and reports (one thread, one device).

`RUN/NN_stage/` holds `checkpoint/` (Hugging Face's form), `metrics.jsonl`, `report.json`, and `cost.json` with what of
the run is not the same each time. What it does not do: run its SFT or its reward models on several processes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from .. import __version__
from ..reward_models import HelpfulVerifier, Monitor, SafetyVerifier, Window, options_of
from ..reward_models.data import read_pairs, read_rated
from ..reward_models.model import load as load_scorer
from ..reward_models.train import train as train_model
from ..verifiers import Reward, Sample, Term, Verifier
from ..verifiers.catalog import make
from ..verifiers.errors import ConfigError
from ..verifiers.reward import PRESETS, rl2
from . import manners, world
from .accept import accept, read_rows, write_rows
from .config import Schedule, TrainConfig
from .evaluate import evaluate, load
from .loop import Trainer
from .questions import prepare, read_questions
from .recipe import Recipe, SampleConfig
from .sampling import Sampling
from .sft import SFTConfig, StoppedError, finetune, lessons_of

Told = dict[str, Any]
"""What a stage says in its report (any: JSON values)."""


class Stage(NamedTuple):
    """One stage."""

    name: str
    """Its name."""
    needs: tuple[str, ...]
    """Stages whose results it is made from."""
    parts: tuple[str, ...]
    """Parts of the recipe that decide what it does."""
    work: Callable[[Run, Path], Told]
    """Does it, in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A recipe being carried out."""

    recipe: Recipe
    """What is to be done."""
    stopped: Callable[[], bool] = lambda: False
    """Whether it should end."""

    def folder(self, name: str) -> Path:
        """A stage's folder."""
        number = [stage.name for stage in STAGES].index(name)
        return Path(self.recipe.output) / f"{number:02d}_{name}"

    def checkpoint(self, name: str) -> Path:
        """A stage's model."""
        given = self.recipe.source.base
        return Path(given) if given and name == "base" else self.folder(name) / "checkpoint"

    def source(self, name: str) -> Path:
        """A file or folder that the recipe names, or the toy's in its place."""
        given = getattr(self.recipe.source, name)
        return Path(given) if given else self.folder("base") / (name if name == "small" else f"{name}.jsonl")


def run_stages(recipe: Recipe, *, stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, Told]]:
    """Carry a recipe out, stage by stage; yields each one's name and report, also of those that were done before.

    Raises StoppedError, with everything saved, when `stopped` says so; ConfigError for what cannot be done.
    """
    disable_progress_bar()
    run, done = Run(recipe=recipe, stopped=stopped), dict[str, str]()
    for stage in wanted(recipe):
        folder = run.folder(stage.name)
        inputs = _hash_of({
            "version": __version__, "seed": recipe.seed, "recipe": {part: _plain(recipe, part) for part in stage.parts},
            "needs": {name: done[name] for name in stage.needs},
        })  # fmt: skip
        told = _read(folder / "done.json")
        if told.get("inputs") != inputs:
            if _read(folder / "begun.json").get("inputs") != inputs:
                shutil.rmtree(folder, ignore_errors=True)
                _write(folder / "begun.json", {"inputs": inputs})
            began = time.process_time(), time.perf_counter()
            told = {"stage": stage.name, "inputs": inputs, **stage.work(run, folder)}
            spent = {"cpu_seconds": time.process_time() - began[0], "seconds": time.perf_counter() - began[1]}
            told["output"] = _hash_of([inputs, *map(_hash_file, _results(folder))])
            _write(folder / "cost.json", spent)
            _write(folder / "done.json", told)
        done[stage.name] = told["output"]
        yield stage.name, _report(run, stage.name, told)


def wanted(recipe: Recipe) -> list[Stage]:
    """The stages of a recipe and those that they need, in order; ConfigError for a name that is none.

    >>> [stage.name for stage in wanted(Recipe(stages=("zero",)))]
    ['base', 'zero']
    """
    of = {stage.name: stage for stage in STAGES}
    for name in recipe.stages:
        if name not in of:
            raise ConfigError(f"stages names {name!r}; there are {', '.join(of)}")
    names = set(recipe.stages) or set(of) - {"no_language", "hacking"}
    for stage in reversed(STAGES):
        names |= set(stage.needs) if stage.name in names else set()
    return [stage for stage in STAGES if stage.name in names]


def _report(run: Run, name: str, told: Told) -> Told:
    """The report, with the evaluation of the checkpoint where there is one."""
    recipe, folder = run.recipe, run.folder(name)
    path, options = run.checkpoint(name), recipe.evaluation
    wants = _hash_of([told["output"], asdict(options), recipe.seed, recipe.rl1.reward.options])
    report = _read(folder / "report.json")
    if report.get("evaluated") == wants:
        return report
    began = time.process_time()
    if path.is_dir() or name == "base":
        model, tokenizer = load(path)
        found = evaluate(
            model, read_questions(run.source("probe"))[: options.questions], k=options.k, tokenizer=tokenizer,
            sampling=Sampling(max_tokens=options.max_tokens, temperature=options.temperature, top_p=options.top_p),
            seed=recipe.seed, template=recipe.zero.data.template, words=options.words, reward=_judge(recipe),
            at_once=64,
        )  # fmt: skip
        told = {**told, "evaluation": found.to_dict()}
    _write(folder / "report.json", {**told, "evaluated": wants})
    _write(folder / "cost.json", {**_read(folder / "cost.json"), "evaluation_cpu_seconds": time.process_time() - began})
    return _read(folder / "report.json")


def _base(run: Run, folder: Path) -> Told:
    """The base and the smaller one: given, or pretrained on the toy's noise together with its data."""
    recipe, told = run.recipe, dict[str, Any]()
    seed, toy, source = recipe.seed, recipe.world, recipe.source
    if source.base and source.small:
        return told
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
    tokenizer = world.world_tokenizer()
    corpus = world.noisy_corpus(toy.corpus, seed, toy.habits)
    lessons = lessons_of(tokenizer, [(tokenizer.encode(question.prompt_text), text) for question, text in corpus])
    shapes = {"checkpoint": (toy.width, toy.layers), "small": (toy.small_width, toy.small_layers)}
    for name, (width, layers) in shapes.items():
        if name == "small" and shapes["small"] == shapes["checkpoint"]:
            shutil.copytree(folder / "checkpoint", folder / "small", dirs_exist_ok=True)
            continue
        if name == "small" and "distill" not in {stage.name for stage in wanted(recipe)}:
            continue
        model = world.world_model(tokenizer, width=width, layers=layers, seed=seed)
        work = folder if name == "checkpoint" else folder / "pretrain_small"
        taught = finetune(model, lessons, toy.pretrain, work, seed=seed, stage="pretrain", stopped=run.stopped)
        told[name] = {"weights": model.num_parameters(), **taught._asdict()}
        _save(model, tokenizer, folder / name)
    return told


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
    return _teach(run, folder, run.recipe.distill, run.source("small"), kept)


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
        trained = train_model(scorer, table.rows, options, work, resume=resume, stop=run.stopped)
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


STAGES = (
    Stage("base", (), ("source", "world"), _base),
    Stage("zero", ("base",), ("zero",), _zero),
    Stage("cold_start", ("base", "zero"), ("cold_start", "rl1"), _cold_start),
    Stage("rl1", ("base", "cold_start"), ("rl1",), _rl1),
    Stage("reject_sample", ("base", "rl1"), ("reject_sample", "rl1"), _reject_sample),
    Stage("sft2", ("base", "reject_sample"), ("sft2",), _sft2),
    Stage("reward_models", ("base", "sft2"), ("reward_models", "source"), _reward_models),
    Stage("rl2", ("base", "sft2", "reward_models"), ("rl2", "preference_steps"), _rl2),
    Stage("distill", ("base", "reject_sample"), ("distill", "source"), _distill),
    Stage("no_language", ("base", "cold_start"), ("rl1",), _no_language),
    Stage("hacking", ("base", "sft2", "reward_models"), ("rl2",), _hacking),
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
    config = replace(config, output=str(folder), seed=run.recipe.seed)
    model, tokenizer = load(start)
    if samples is None:
        samples = read_questions(run.source("reasoning"))
    trainer = Trainer(
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


def _judge(recipe: Recipe) -> Reward:
    return PRESETS["rl1"](recipe.rl1.reward.options)


def _preference(run: Run) -> list[Verifier]:
    there = {kind: getattr(run.recipe.source, kind) for kind in ("helpful", "safety")}
    folders = {kind: given or str(run.folder("reward_models") / kind) for kind, given in there.items()}
    return [HelpfulVerifier(model=folders["helpful"]), SafetyVerifier(model=folders["safety"])]


def _watched(folder: Path, begins: int) -> Told:
    """The monitor's alarms over tenths of the steps in which preference counted, and its scores in them."""
    with (folder / "metrics.jsonl").open(encoding="utf-8") as file:
        lines = [line for line in map(json.loads, file) if line["step"] > begins and "reward/helpful" in line]
    monitor, size, told = Monitor(), max(1, len(lines) // 10), list[Told]()
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
        reward=_judge(recipe), output=output, resume=output.with_name(f"{output.name}.run.json").exists(), at_once=64,
    )  # fmt: skip
    found = accept(read_rows(output), _judge(recipe), config)
    asked = min(config.questions, len(questions)) * config.samples
    return found.samples, {"candidates": asked, "kept": len(found.samples), "left_out": found.left_out}


def _teach(run: Run, folder: Path, config: SFTConfig, start: Path, rows: Sequence[Sample]) -> Told:
    """Fine-tune a checkpoint on responses, and save it."""
    model, tokenizer = load(start)
    questions = prepare(rows, tokenizer, run.recipe.rl1.data.template, model.config.max_position_embeddings)
    lessons = lessons_of(tokenizer, [(question.tokens, question.sample.response) for question in questions])
    stage = folder.name.partition("_")[2]
    taught = finetune(model, lessons, config, folder, seed=run.recipe.seed, stage=stage, stopped=run.stopped)
    _save(model, tokenizer, folder / "checkpoint")
    return {"taught": taught._asdict()}


def _save(model: PreTrainedModel, tokenizer: Any, folder: Path) -> None:  # any: tokenizers share no class
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _results(folder: Path) -> list[Path]:
    """The files that make up what a stage came to."""
    # What says how long things took (candidates, metrics) is another each time; what was accepted of them is not.
    made = (*folder.rglob("*.safetensors"), *folder.glob("*.jsonl"))
    return sorted(path for path in made if path.name not in ("metrics.jsonl", "samples.jsonl", "candidates.jsonl"))


def _plain(recipe: Recipe, part: str) -> Any:  # any: JSON values
    """A part of the recipe as it counts: of files what is in them, and not where they are."""
    found = getattr(recipe, part)
    if part == "source":
        return {name: _content(value) for name, value in asdict(found).items()}
    return found if isinstance(found, int) else asdict(found)


def _content(name: str) -> Any:  # any: as above
    """A hash of each file of a folder, of one file, or a name that is on no disk."""
    path = Path(name)
    inside = sorted(path.iterdir()) if name and path.is_dir() else [path]
    return [(each.name, _hash_file(each)) for each in inside if each.is_file()] or name


def _hash_of(value: Any) -> str:  # any: JSON values
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Told:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _write(path: Path, told: Told) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(path)
