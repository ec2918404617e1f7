"""Evaluation as in the paper's D.1: k samples of each question at temperature 0.6 and top-p 0.95, judged and summed up.

Here models answer; their measures are those of `scoring/measure.py`. A response is a function of model, question,
place of the question and seed. What is not promised: equal responses on another machine.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from ..._version import __version__
from ...inspection.evaluation.client import Completed
from ...inspection.evaluation.record import Asked, Recorder
from ...reward_models import read_tokenizer
from ...scoring.measure import REFLECTIVE, Estimate, Evaluation, measure
from ...scoring.samples import SampleFile, fingerprint, read_samples
from ...scoring.scored import ScoredRow
from ...training.distributed import Processes
from ...verifiers import Reward, Sample
from ...verifiers.errors import ConfigError, missing_extra
from ...verifiers.reward import rl1
from ...verifiers.settings import from_table
from ...verifiers.verifier import Voter
from ..config import DataConfig, TrainConfig
from ..engine import Completion, Engine, HFEngine, Tokens
from ..logprobs import context_of
from ..loop import Validation
from ..questions import Question
from ..sampling import Sampling, seed_of
from ..templates import Template

_log = logging.getLogger(__name__)

_NOT_PUT = ("path", "map", "template")
"""Fields of a DataConfig that do not say how a question is put, or are named by themselves."""
MAX_TOKENS = 32_768
"""The paper's longest response in evaluations."""


def load(path: str | Path, *, bf16: bool = False) -> tuple[PreTrainedModel, Any]:  # any: tokenizers share no class
    """Model and tokenizer of a checkpoint in Hugging Face's form, on the GPU where there is one; or ConfigError.

    A folder of LoRA adapters is its base with the adapters merged into the weights, which is logged.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    try:
        model: Any  # any: its `to` is wrapped
        if (Path(path) / "adapter_config.json").is_file():
            from peft import AutoPeftModelForCausalLM

            model = AutoPeftModelForCausalLM.from_pretrained(path, dtype=dtype)
            base = model.active_peft_config.base_model_name_or_path
            model = model.merge_and_unload().requires_grad_(True)
            _log.warning("%s holds adapters; they are merged into the weights of %s", path, base)
        else:
            loaded: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, output_loading_info=True)
            model, info = loaded  # any above: its type does not know of the second
            if missing := sorted(info["missing_keys"]):  # transformers would draw them at random
                raise ValueError(f"it lacks weights for {', '.join(missing[:5])}")
        tokenizer = read_tokenizer(path)
    except ImportError as error:
        raise ConfigError(missing_extra(f"{str(path)!r}, which holds adapters,", "peft", "lora")) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"the model {str(path)!r} cannot be loaded: {error}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def default_sampling(
    model: PreTrainedModel, tokenizer: Any, questions: Sequence[Sample], template: str | DataConfig
) -> Sampling:
    """The paper's sampling, with no more tokens than the longest question leaves in the context (any: as above)."""
    context = context_of(model)
    asked = Template(tokenizer, _data_of(template)).questions(questions, context - 1)
    longest = max(len(question.tokens) for question in asked)
    return Sampling(max_tokens=min(MAX_TOKENS, context - longest), temperature=0.6, top_p=0.95)


def evaluate(
    policy: PreTrainedModel | str | Path,
    questions: Sequence[Sample],
    *,
    k: int = 16,
    sampling: Sampling | None = None,
    seed: int = 0,
    template: str | DataConfig = "r1_zero",
    tokenizer: Any = None,  # any: Hugging Face's tokenizers share no class
    folder: str | Path | None = None,
    reward: Reward | None = None,
    engine: Engine | None = None,
    level: str = "level",
    words: Sequence[str] = REFLECTIVE,
    at_once: int = 32,
    output: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = True,
    benchmark: str | None = None,
    summarise: Callable[[Iterable[ScoredRow]], Mapping[str, Estimate]] | None = None,
    about: Mapping[str, Any] | None = None,  # any: JSON values
    progress: Callable[[int], None] = lambda _: None,
    processes: Processes | None = None,
) -> Evaluation:
    """Ask every question k times and measure the answers; ConfigError for what cannot be asked.

    `policy` is a folder, or a model with its `tokenizer` and, for `about` and `resume`, the `folder` it came from.
    `template` may be a DataConfig, of which all that says how a question is put counts. `sampling` is
    `default_sampling` where left out. `reward` names who judges (accuracy, format and language where left
    out), `level` the field of a row that holds its difficulty, `words` what is counted as reflective. `output` is a
    JSONL file for the samples, a line each as `score` writes them; with `resume` questions that it holds already are
    not asked again; without it and without `overwrite` a file that is there is refused. `benchmark` names the task
    card, for the record, and `summarise` makes further figures of the record's rows. With several `processes`, all of
    which must call, each generates its share of the answers, and the first one alone writes `output`. `about` is added
    to the settings in the result; `progress` gets how many questions are done.
    """
    if isinstance(policy, str | Path):
        (model, tokenizer), folder = load(policy), policy
    else:
        model = policy
    if tokenizer is None or k < 1 or at_once < 1:
        raise ConfigError("evaluate needs k and at_once of at least 1, and the tokenizer of a model that is no folder")
    judge = reward or rl1()
    sampling = sampling or default_sampling(model, tokenizer, questions, template)
    data = _data_of(template)
    put = Template(tokenizer, data)
    asked = put.questions(questions, context_of(model) - sampling.max_tokens)
    settings = {"version": __version__, **({"model": str(folder)} if folder else {}), **(about or {})}
    settings |= {"template": data.template, "seed": seed, "sampling": asdict(sampling)}
    if changed := {name: value for name, value in asdict(data).items() if value and name not in _NOT_PUT}:
        settings["prompting"] = changed
    ends = put.stop_tokens(model)
    engine = engine or HFEngine(model, stop_tokens=ends, decode=tokenizer.decode)
    judged_by = re.sub(r" at 0x\w+", "", repr(judge))
    made_by = fingerprint(folder, {**settings, "k": k, "judge": judged_by}, questions) if folder else None
    together = processes or Processes()
    first = together.rank == 0
    with SampleFile(output if first else None, k, made_by, settings, resume=resume, overwrite=overwrite) as kept:
        recorder = Recorder(judge, benchmark)
        for start in range(together.all_gather_object(kept.questions)[0], len(asked), at_once):
            part = asked[start : start + at_once]
            seeds = [seed_of("evaluate", seed, start + place) for place in range(len(part))]
            answers = _answered(engine, [question.tokens for question in part], k, sampling, seeds, together)
            if first:
                kept.write(recorder.lines(_asked(part, answers, start, partial(put.text, ends=ends))))
                progress(kept.questions)
        voters = {term.name: term.verifier for term in judge.terms if isinstance(term.verifier, Voter)}
        measured = measure(kept.rows(), k, voters, about=settings, level=level, words=words) if first else None
        if measured is not None and summarise is not None:
            measured = replace(measured, metrics={**summarise(kept.rows()), **measured.metrics})
    evaluation: Evaluation = together.all_gather_object(measured)[0]
    return evaluation


def _data_of(template: str | DataConfig) -> DataConfig:
    return template if isinstance(template, DataConfig) else from_table(DataConfig, {"template": template})


def make_validation(
    config: TrainConfig, tokenizer: Any, reward: object, processes: Processes | None = None
) -> Validation | None:  # any: as above
    """What `Trainer` evaluates with every `validation.every` steps; None where the recipe asks for none.

    The reward judges, where it is a `Reward`; else accuracy, format and language do.
    """
    options = config.validation
    if not options.every:
        return None
    questions = read_samples([options.path], config.data.map)[: options.questions]
    longest = options.max_tokens or int(max(value for _, value in config.rollout.max_tokens))
    sampling = Sampling(
        max_tokens=longest, temperature=options.temperature, top_p=options.top_p, stop=config.rollout.stop
    )
    judge = reward if isinstance(reward, Reward) else None

    def validate(model: PreTrainedModel, engine: Engine) -> dict[str, float]:
        evaluation = evaluate(
            model, questions, k=options.k, sampling=sampling, seed=config.seed, template=config.data,
            tokenizer=tokenizer, reward=judge, engine=engine, at_once=config.rollout.prompts_at_once,
            processes=processes,
        )  # fmt: skip
        metrics = evaluation.to_dict()["metrics"]
        return {name: one["value"] for name, one in metrics.items() if one["value"] is not None}

    return validate


def _answered(
    engine: Engine, prompts: Sequence[Tokens], k: int, sampling: Sampling, seeds: Sequence[int], processes: Processes
) -> list[list[Completion]]:
    """The engine's answers, each process having generated its part of them."""
    mine = slice(processes.rank, None, processes.size)
    parts = processes.all_gather_object(engine.generate(prompts[mine], k, sampling, seeds[mine]))
    return [parts[place % processes.size][place // processes.size] for place in range(len(prompts))]


def _asked(
    questions: Sequence[Question], answers: Sequence[Sequence[Completion]], start: int, text: Callable[[Any], str]
) -> list[Asked]:
    return [
        Asked(place, question.sample, [Completed(text(one.tokens), one.finish, len(one.tokens)) for one in completions])
        for place, (question, completions) in enumerate(zip(questions, answers, strict=True), start)
    ]
