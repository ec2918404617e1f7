"""Stages run one after another: what is done is not done again, and what was cut off goes on.

A stage is done when its folder says so with the same inputs: its part of the recipe, what is in the files that the
recipe names, and the hashes of what it is made from. Where the inputs are others it begins anew. Killed at any moment
and started again, a run ends with the same weights and reports (one thread, one device).

`RUN/STAGE/` holds `checkpoint/` (Hugging Face's form), `metrics.jsonl`, `report.json`, and `cost.json` with what of
the run is not the same each time.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from ..._version import __version__
from ...inspection.evaluation.plan import EvaluationPlan, make_plan
from ...scoring.measure import Evaluation
from ...scoring.samples import read_samples
from ...training.distributed import processes
from ...verifiers import Reward, Sample
from ...verifiers.errors import ConfigError
from ...verifiers.files import hash_file, hash_of, read_json, write_json
from ...verifiers.reward import PRESETS
from ..config import DataConfig, TrainConfig
from ..rewards import build_reward, watch_language
from ..sampling import Sampling
from .cost import Assumptions, Planned, Sizes
from .evaluate import evaluate, load
from .folders import FolderEntry, stage_folder, write_stages
from .recipe import Recipe

Report = dict[str, Any]
"""What a stage says of itself (any: JSON values)."""


class Stage(NamedTuple):
    """One stage, all of it: nothing else names a stage."""

    name: str
    """Its name, and its folder's."""
    needs: tuple[str, ...]
    """Stages whose results it is made from."""
    parts: tuple[str, ...]
    """Fields of the recipe that decide what it does; dots lead into one."""
    work: Callable[[PipelineRun, Path], Report]
    """Does it, in a folder."""
    cost: Callable[[Recipe, Sizes, Assumptions], Planned] | None = None
    """What it would take; None where it takes nothing worth planning."""
    title: str = ""
    """What the paper calls its checkpoint."""
    model: str = "base"
    """Which model it trains: `base`, or `small`, which is distilled into."""
    data: str = "zero"
    """The part of the recipe whose `data` says how its checkpoint is asked: that of the RL it comes from or goes to."""
    source: str = ""
    """The field of `[source]` that may name its checkpoint."""
    experiment: bool = False
    """Whether it is beside the way to R1, and done only where the recipe names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """A recipe that is being run."""

    recipe: Recipe
    """What is to be done."""
    stages: Mapping[str, Stage]
    """All stages there are, by name."""
    stopped: Callable[[], bool] = lambda: False
    """Whether it should end."""

    def folder(self, name: str) -> Path:
        """A stage's folder."""
        return stage_folder(Path(self.recipe.output), name)

    def named_checkpoint(self, name: str) -> str:
        """The checkpoint that the recipe names in place of what a stage makes; empty where it names none."""
        source = self.stages[name].source
        return str(getattr(self.recipe.source, source)) if source else ""

    def checkpoint(self, name: str) -> Path:
        """A stage's model."""
        return Path(self.named_checkpoint(name) or self.folder(name) / "checkpoint")

    def source(self, name: str) -> Path:
        """A file that the recipe names, or the toy's in its place."""
        named = getattr(self.recipe.source, name)
        path = Path(named) if named else self.folder("base") / f"{name}.jsonl"
        if not path.is_file():
            raise ConfigError(f"source.{name} is {named!r}, which is no file; with a base of its own a recipe needs it")
        return path

    def questions(self, name: str) -> list[Sample]:
        """What the file asks."""
        return read_samples([str(self.source(name))])

    def data(self, name: str) -> DataConfig:
        """How a stage's checkpoint is asked, and what it learned to answer."""
        config: TrainConfig = getattr(self.recipe, self.stages[name].data)
        return config.data

    def ask(
        self,
        name: str,
        policy: PreTrainedModel | Path,
        questions: list[Sample],
        k: int,
        sampling: Sampling,
        **more: Any,
    ) -> Evaluation:
        """The answers of a stage's checkpoint, judged by accuracy, format and language (any: further keywords of
        `evaluate`)."""
        return evaluate(
            policy, questions, k=k, sampling=sampling, seed=self.recipe.seed, template=self.data(name),
            reward=judge_of(self.recipe), at_once=64, processes=processes(), **more,
        )  # fmt: skip


def run_stages(
    stages: Sequence[Stage], recipe: Recipe, stopped: Callable[[], bool] = lambda: False
) -> Iterator[tuple[str, Report]]:
    """Do what a recipe asks of the stages; yields each one's name and report, also of those that were done before.

    Raises StoppedError, with everything saved, when `stopped` says so; ConfigError for what cannot be done.
    """
    disable_progress_bar()
    together = processes()
    first = together.rank == 0
    run = PipelineRun(recipe=recipe, stages={stage.name: stage for stage in stages}, stopped=stopped)
    resolved, done = resolve_stages(stages, recipe), dict[str, str]()
    card_plans(recipe)  # which tells of a file that is not there before anything is trained
    if first:
        write_stages(Path(recipe.output), [FolderEntry(stage.name, stage.title, stage.model) for stage in stages])
    for stage in resolved:
        folder = run.folder(stage.name)
        inputs = hash_of({
            "version": __version__, "seed": recipe.seed, "recipe": {part: _plain(recipe, part) for part in stage.parts},
            "needs": {name: done[name] for name in stage.needs},
        })  # fmt: skip
        report: Report = together.all_gather_object(read_json(folder / "done.json"))[0]
        if report.get("inputs") != inputs:
            if first and read_json(folder / "begun.json").get("inputs") != inputs:
                shutil.rmtree(folder, ignore_errors=True)
                write_json(folder / "begun.json", {"inputs": inputs})
            together.all_gather_object(None)  # nobody writes into a folder that is being emptied
            began = time.process_time(), time.perf_counter()
            report = {"stage": stage.name, "inputs": inputs, **stage.work(run, folder)}
            spent = {"cpu_seconds": time.process_time() - began[0], "seconds": time.perf_counter() - began[1]}
            together.all_gather_object(None)  # all have written what they write
            if first:
                report["output"] = hash_of([inputs, *map(hash_file, _results(folder))])
                write_json(folder / "cost.json", spent)
                write_json(folder / "done.json", report)
            report = together.all_gather_object(report)[0]
        done[stage.name] = report["output"]
        yield stage.name, _evaluated(run, stage.name, report)


def resolve_stages(stages: Sequence[Stage], recipe: Recipe) -> list[Stage]:
    """The stages of a recipe and those that they need, in order; ConfigError for a name that is none.

    >>> needs = {"a": (), "b": ("a",), "c": ()}
    >>> stages = [Stage(name, needs[name], (), lambda run, folder: {}) for name in needs]
    >>> [stage.name for stage in resolve_stages(stages, Recipe(stages=("b",)))]
    ['a', 'b']
    """
    of = {stage.name: stage for stage in stages}
    for name in recipe.stages:
        if name not in of:
            raise ConfigError(f"stages names {name!r}; there are {', '.join(of)}")
    names = set(recipe.stages) or {stage.name for stage in stages if not stage.experiment}
    for stage in reversed(stages):
        names |= set(stage.needs) if stage.name in names else set()
    return [stage for stage in stages if stage.name in names]


def _evaluated(run: PipelineRun, name: str, report: Report) -> Report:
    """The report, with the evaluation of the checkpoint where there is one."""
    recipe, folder, together = run.recipe, run.folder(name), processes()
    path, options = run.checkpoint(name), recipe.evaluation
    files = [_content(file) for paths in options.cards.values() for file in paths]
    inputs = hash_of(
        [report["output"], asdict(options), recipe.seed, recipe.rl1.reward.options, asdict(run.data(name)), files]
    )
    earlier: Report = together.all_gather_object(read_json(folder / "report.json"))[0]
    if earlier.get("evaluated") == inputs:
        return earlier
    began = time.process_time()
    if path.is_dir() or run.named_checkpoint(name):
        sampling = Sampling(max_tokens=options.max_tokens, temperature=options.temperature, top_p=options.top_p)
        questions = run.questions("probe")[: options.questions]
        model, tokenizer = load(path)
        evaluation = run.ask(name, model, questions, options.k, sampling, tokenizer=tokenizer, words=options.words)
        report = {**report, "evaluation": evaluation.to_dict()}
        if run.stages[name].model == "base" and not run.stages[name].experiment:
            report |= _on_cards(run, name, folder, inputs, model, tokenizer)
    if together.rank == 0:
        write_json(folder / "report.json", {**report, "evaluated": inputs})
        spent = {**read_json(folder / "cost.json"), "evaluation_cpu_seconds": time.process_time() - began}
        write_json(folder / "cost.json", spent)
    together.all_gather_object(None)
    return read_json(folder / "report.json")


def _on_cards(
    run: PipelineRun, name: str, folder: Path, inputs: str, model: PreTrainedModel, tokenizer: Any
) -> Report:  # any: Hugging Face's tokenizers share no class
    """A checkpoint's figures on the recipe's task cards, with their records in `evaluation/`."""
    options, seed, records = run.recipe.evaluation, run.recipe.seed, folder / "evaluation"
    resume = processes().all_gather_object(read_json(records / "made.json").get("inputs") == inputs)[0]
    figures: Report = {}
    for plan in card_plans(run.recipe):
        output = records / f"{plan.benchmark}.jsonl"
        judge = plan.reward.build()
        assert isinstance(judge, Reward)  # a card names verifiers
        sampling = Sampling(
            max_tokens=min(plan.max_tokens, options.max_tokens), temperature=plan.temperature, top_p=plan.top_p
        )
        if processes().rank == 0:
            write_json(records / "made.json", {"inputs": inputs})
        evaluation = evaluate(
            model, plan.questions, k=plan.k, sampling=sampling, seed=seed, template=run.data(name), tokenizer=tokenizer,
            folder=run.checkpoint(name), reward=judge, level=plan.level, words=options.words, at_once=64,
            output=output, resume=resume, benchmark=plan.benchmark, summarise=plan.summarise, about=plan.about,
            processes=processes(),
        )  # fmt: skip
        figures[str(plan.benchmark)] = evaluation.to_dict()["metrics"]
    return {"benchmarks": figures} if figures else {}


def card_plans(recipe: Recipe) -> list[EvaluationPlan]:
    """What the recipe's task cards ask; ConfigError for what cannot be asked."""
    cards = recipe.evaluation.cards
    return [make_plan(files, card=card, seed=recipe.seed, partial_rows=True) for card, files in cards.items()]


def judge_of(recipe: Recipe, judge: Mapping[str, Any] | None = None) -> Reward:  # any: options of a judge
    """Who judges samples and evaluations: what `[rl1.reward]` names by verifiers, else accuracy and format; with the
    language in any case. `judge` is a model that decides what mathematics cannot."""
    chosen = recipe.rl1.reward
    if judge:
        math = {**chosen.options.get("math", {}), "judge": dict(judge)}
        chosen = replace(chosen, options={**chosen.options, "math": math})
    if chosen.verifiers:
        return watch_language(build_reward(chosen), chosen)
    return PRESETS["rl1"](chosen.options)


def _results(folder: Path) -> list[Path]:
    """The files that make up a stage's result."""
    # What says how long things took (candidates, metrics) is another each time; what was accepted of them is not.
    made = (*folder.rglob("*.safetensors"), *folder.glob("*.jsonl"))
    aside = ("metrics.jsonl", "samples.jsonl", "candidates.jsonl")
    # What was dropped names files by where they are.
    return sorted(path for path in made if path.name not in aside and not path.name.startswith("dropped_"))


def _plain(recipe: Recipe, part: str) -> Any:  # any: JSON values
    """A part of the recipe as it counts: of files what is in them, and not where they are."""
    value: Any = recipe
    for name in part.split("."):
        value = getattr(value, name)
    if part == "source":  # without the smaller base, which only distillation depends on
        return {name: _content(path) for name, path in asdict(value).items() if name != "small"}
    if part == "decontamination":
        return {**asdict(value), "against": [_content(name) for name in value.files(recipe.source.probe)]}
    if part == "small":
        return {**asdict(value), "given": _content(recipe.source.small)}
    return value if isinstance(value, int) else asdict(value)


def _content(name: str) -> Any:  # any: as above
    """A hash of each file of a folder, of one file, or a name that is on no disk."""
    path = Path(name)
    inside = sorted(path.iterdir()) if name and path.is_dir() else [path]
    return [(each.name, hash_file(each)) for each in inside if each.is_file()] or name
