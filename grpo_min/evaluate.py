"""Evaluation as in the paper's D.1: k samples of each question at temperature 0.6 and top-p 0.95, judged and summed up.

`pass_at_1` is the mean of correctness over the k samples, `cons_at_k` a majority vote in which answers are one if they
verify as one, `pass_at_j` the unbiased estimate. Every mean is over questions; its interval is a percentile bootstrap
that draws whole questions, since samples of one question are not independent. What could not be judged is in no mean of
correctness; its share is `unjudged`.

A response is a function of model, question, place of the question and seed. What it does not promise: equal responses
on another machine, and intervals that hold for a handful of questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from .. import __version__
from ..verifiers import Reward, Sample
from ..verifiers.contract import Voter
from ..verifiers.errors import ConfigError
from ..verifiers.reward import rl1
from ..verifiers.scoring.measure import Values, measure
from ..verifiers.scoring.rows import RawRow
from ..verifiers.scoring.samples import SampleFile, fingerprint
from ..verifiers.scoring.scored import ScoredFiles
from ..verifiers.scoring.stats import wilson
from ..verifiers.scoring.work import Scorer, dump
from .engine import Completion, Engine, HFEngine
from .metrics import REFLECTIVE
from .questions import Question, prepare, stop_tokens
from .sampling import Sampling, seed_of

MAX_TOKENS = 32_768
"""The paper's longest response in evaluations."""
RESAMPLES = 1_000
"""Draws of the bootstrap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over questions."""

    value: float
    """The mean."""
    ci95: tuple[float, float] | None
    """Its 95 % interval; None for a single question."""
    n: int
    """Questions that have a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found."""

    about: Mapping[str, Any]  # any: JSON values
    """Model, files, sampling, seed and version: what it was found with."""
    questions: int
    """How many there were."""
    k: int
    """Samples of each."""
    metrics: Mapping[str, Estimate]
    """`pass_at_1`, `cons_at_16`, `format`, `language`, `length`, ... over all questions; see docs/evaluation.md."""
    levels: Mapping[str, Mapping[str, Estimate]]
    """The same by difficulty, where the questions have one."""

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form; equal evaluations have equal ones."""
        levels = {level: _plain(metrics) for level, metrics in self.levels.items()}
        told = {"questions": self.questions, "k": self.k, "metrics": _plain(self.metrics), "levels": levels}
        return {**self.about, **told}


def load(path: str | Path, *, bf16: bool = False) -> tuple[PreTrainedModel, Any]:  # any: tokenizers share no class
    """Model and tokenizer of a checkpoint in Hugging Face's form, on the GPU where there is one; or ConfigError."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype)  # any: its `to` is wrapped
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the model {str(path)!r} cannot be loaded: {error}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def default_sampling(model: PreTrainedModel, tokenizer: Any, questions: Sequence[Sample], template: str) -> Sampling:
    """The paper's sampling, with no more tokens than the longest question leaves in the context (any: as above)."""
    context = _context(model)
    longest = max(len(question.tokens) for question in prepare(questions, tokenizer, template, context - 1))
    return Sampling(max_tokens=min(MAX_TOKENS, context - longest), temperature=0.6, top_p=0.95)


def evaluate(
    policy: PreTrainedModel | str | Path,
    questions: Sequence[Sample],
    *,
    k: int = 16,
    sampling: Sampling | None = None,
    seed: int = 0,
    template: str = "r1_zero",
    tokenizer: Any = None,  # any: Hugging Face's tokenizers share no class
    folder: str | Path | None = None,
    reward: Reward | None = None,
    engine: Engine | None = None,
    level: str = "level",
    words: Sequence[str] = REFLECTIVE,
    at_once: int = 32,
    output: str | Path | None = None,
    resume: bool = False,
    about: Mapping[str, Any] | None = None,  # any: JSON values
    progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Ask every question k times and measure the answers; ConfigError for what cannot be asked.

    `policy` is a folder, or a model with its `tokenizer` and, to be told and for `resume`, the `folder` it came from.
    `sampling` is `default_sampling` where left out. `reward` names who judges (accuracy, format and language where left
    out), `level` the field of a row that holds its difficulty, `words` what is counted as reflective. `output` is a
    JSONL file for the samples, a line each as `score` writes them; with `resume` questions that it holds already are
    not asked again. `about` is added to what is told of the evaluation; `progress` hears how many questions are done.
    """
    if isinstance(policy, str | Path):
        (model, tokenizer), folder = load(policy), policy
    else:
        model = policy
    if tokenizer is None or k < 1 or at_once < 1:
        raise ConfigError("evaluate needs k and at_once of at least 1, and the tokenizer of a model that is no folder")
    judge = reward or rl1()
    sampling = sampling or default_sampling(model, tokenizer, questions, template)
    asked = prepare(questions, tokenizer, template, _context(model) - sampling.max_tokens)
    told = {"version": __version__, **({"model": str(folder)} if folder else {}), **(about or {})}
    told |= {"template": template, "seed": seed, "sampling": asdict(sampling)}
    ends = stop_tokens(model, tokenizer)
    engine = engine or HFEngine(model, stop_tokens=ends, decode=tokenizer.decode)
    judged_by = re.sub(r" at 0x\w+", "", repr(judge))
    made_by = fingerprint(folder, {**told, "k": k, "judge": judged_by}, questions) if folder else None
    with SampleFile(output, k, made_by, told, resume=resume) as kept:
        scorer = Scorer(judge, {}, None)
        for start in range(kept.questions, len(asked), at_once):
            part = asked[start : start + at_once]
            seeds = [seed_of("evaluate", seed, start + place) for place in range(len(part))]
            found = engine.generate([question.tokens for question in part], k, sampling, seeds)
            lines = _lines(part, found, start, lambda tokens: _text(tokens, tokenizer, ends))
            kept.write([done.output for done in scorer.judge([RawRow(0, 0, line) for line in lines])])
            progress(kept.questions)
        voters = {term.name: term.verifier for term in judge.terms if isinstance(term.verifier, Voter)}
        rows = (ScoredFiles([]).read(RawRow(0, 0, line)) for line in kept.lines())
        measured = measure(rows, k, voters, level, words)
    by_level: dict[str, list[Values]] = {}
    for of, values in measured:
        by_level.setdefault(of, []).append(values)
    return Evaluation(
        about=told,
        questions=len(asked),
        k=k,
        metrics=estimates([values for _, values in measured], seed),
        levels={one: estimates(by_level[one], seed) for one in sorted(filter(None, by_level))},
    )


def estimates(values: Sequence[Values], seed: int = 0) -> dict[str, Estimate]:
    """Means over questions with bootstrap intervals; a share that is 0 or 1 everywhere has Wilson's interval.

    >>> found = estimates([{"pass_at_1": 0.0}, {"pass_at_1": 1.0}, {"pass_at_1": 1.0}, {}])["pass_at_1"]
    >>> round(found.value, 2), found.n, found.ci95
    (0.67, 3, (0.0, 1.0))
    """
    names = list(dict.fromkeys(name for value in values for name in value))
    cells = [[value.get(name, torch.nan) for name in names] for value in values]
    table_QM = torch.tensor(cells, dtype=torch.float64)
    there_QM = ~table_QM.isnan()
    known_QM = table_QM.nan_to_num(0.0)
    random = torch.Generator().manual_seed(seed)
    means = []
    for _ in range(0, RESAMPLES, 100):  # a hundred at a time, so that memory does not grow with the draws
        drawn = torch.multinomial(torch.ones(100, max(len(values), 1)), len(values), replacement=True, generator=random)
        count_BQ = torch.zeros(100, len(values)).double().scatter_add_(1, drawn, torch.ones(drawn.shape).double())
        means.append((count_BQ @ known_QM) / (count_BQ @ there_QM.double()))
    mean_BM = torch.cat(means)
    found = {}
    for place, name in enumerate(names):
        own, n = table_QM[there_QM[:, place], place], int(there_QM[:, place].sum())
        value, mean_B = float(own.mean()), mean_BM[:, place]
        low, high = torch.quantile(mean_B[~mean_B.isnan()], torch.tensor([0.025, 0.975]).double()).tolist()
        if value in (0.0, 1.0) and float(own.min()) == float(own.max()) and name.split("/")[0] not in _COUNTS:
            low, high = wilson(value, n)
        found[name] = Estimate(value=value, ci95=(low, high) if n > 1 else None, n=n)
    return found


_COUNTS = ("length", "reflective")


def _lines(
    questions: Sequence[Question], found: Sequence[Sequence[Completion]], start: int, text: Callable[[Any], str]
) -> Iterator[bytes]:
    for place, (question, completions) in enumerate(zip(questions, found, strict=True), start):
        row = question.sample.to_dict()
        row["problem"] = question.sample.problem or question.sample.id or f"question {place + 1}"
        for completion in completions:
            told = {"tokens": len(completion.tokens), "finish_reason": completion.finish}
            yield dump({**row, "response": text(completion.tokens), **told})


def _text(tokens: Sequence[int], tokenizer: Any, ends: Sequence[int]) -> str:
    # Only the stop token goes: tags like <think> may be special tokens, and they are judged.
    return str(tokenizer.decode(list(tokens[:-1] if tokens and tokens[-1] in ends else tokens)))


def _context(model: PreTrainedModel) -> int:
    return getattr(model.config, "max_position_embeddings", None) or 2**31


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    return {
        name: {"value": one.value, "ci95": None if one.ci95 is None else list(one.ci95), "n": one.n}
        for name, one in metrics.items()
    }
