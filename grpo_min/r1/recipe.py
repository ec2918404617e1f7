"""What a run of all stages is, as frozen dataclasses that TOML fills in; the recipes are in `recipes/`.

    output = "out/r1"
    [source]           # the base, the smaller one, and data in files; or `[toy]` and `[small]`, which make them
    [decontamination]  # tests that training data must not hold
    [rl]               # what zero, rl1 and rl2 have in common
    [zero] [cold_start] [rl1] [reject_sample] [sft2] [reward_models] [rl2] [distill]

Numbers of the stages are not defaults here: `recipes/r1_paper.toml` has the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...verifiers.settings import Count, Share, Whole, from_table, read_table, set_values
from ..config import TrainConfig
from ..sampling import TopP
from ..toy.arithmetic import DemonstratorNoise
from .clean import DecontaminationConfig
from .rewrite import RewriteConfig
from .sft import SFTConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyConfig:
    """The toy, which makes models and data where a recipe names none."""

    width: Count = 64
    """Of the base."""
    layers: Count = 4
    """Of the base."""
    corpus: Count = 44_800
    """Noisy answers that it and the smaller base are pretrained on, once."""
    noise: DemonstratorNoise = field(default_factory=DemonstratorNoise)
    """How those answers are."""
    pretrain: SFTConfig = field(default_factory=SFTConfig)
    """How they are learned."""
    questions: Count = 20_000
    """Sums to train on."""
    chats: Whole = 2_000
    """Prompts that are no sums, and as many human replies to them."""
    preferences: Whole = 1_500
    """Preference pairs, and as many safety labels."""
    probe: Count = 512
    """Sums to evaluate on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallConfig:
    """The toy's smaller base, where `source.small` names none."""

    width: Count = 64
    """Its own."""
    layers: Count = 2
    """Its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """Models and data in files: checkpoints in Hugging Face's form, JSONL rows with a Sample's fields."""

    base: str = ""
    """What is trained from, several times."""
    small: str = ""
    """What is distilled into."""
    reasoning: str = ""
    """Questions with references."""
    general: str = ""
    """Prompts of the kinds `general` and `safety`."""
    replies: str = ""
    """Responses to prompts that need no reasoning, by people: `prompt`, `response`."""
    pairs: str = ""
    """Preference pairs; see docs/how-to/reward_models.md."""
    ratings: str = ""
    """Safety labels."""
    probe: str = ""
    """Questions to evaluate on."""
    helpful: str = ""
    """A reward model that is there already."""
    safety: str = ""
    """The same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    """Responses of a checkpoint, of which some are kept (B.3)."""

    questions: Count = 1_000
    """Questions that are asked: the first ones."""
    samples: Count = 4
    """Samples of each."""
    temperature: float = 1.0
    """The paper's for cold start."""
    max_tokens: Count = 32_768
    """Longest response."""
    keep: Count = 1
    """Responses of a question that are kept at most."""
    language: Share = 1.0
    """Least share of words in the question's language, after the rewriter."""
    repetition: Share = 0.2
    """Largest share of word sequences that repeat."""
    paragraph: Whole = 0
    """Longest paragraph of the chain of thought, in characters; 0 is any."""
    code: bool = True
    """Whether the chain of thought may hold code."""
    rewriter: str = ""
    """`module:function` that turns (text, language) into text in that language; none, and nothing is rewritten."""
    rewrite: RewriteConfig = field(default_factory=RewriteConfig)
    """A model on a server that does, in place of a function."""
    judge: Mapping[str, Any] = field(default_factory=dict)  # any: options of a judge
    """A model that decides, given the reference, what no rule can; none: such responses are left out."""
    marks: str = ""
    """File of a person's marks on what is kept; none: nobody looks."""
    replies: Whole = 0
    """Human replies, to prompts that need no reasoning, that are mixed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStartConfig:
    """Responses of R1-Zero, made readable, and the fine-tuning of the base on them."""

    sample: SampleConfig = field(default_factory=SampleConfig)
    """What is asked and kept."""
    sft: SFTConfig = field(default_factory=SFTConfig)
    """How it is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsConfig:
    """How the reward models are trained, from the first checkpoint that talks (`sft2`)."""

    preset: str = "paper"
    """See reward_models."""
    options: Mapping[str, Any] = field(default_factory=dict)  # any: fields of TrainOptions
    """Changes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """How each checkpoint is measured; 0.6 and 0.95 are the paper's."""

    questions: Count = 512
    """Questions of the probe: the first ones."""
    k: Count = 4
    """Samples of each."""
    max_tokens: Count = 32_768
    """Longest response."""
    temperature: float = 0.6
    """Of sampling."""
    top_p: TopP = 0.95
    """Of sampling."""
    cards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name or file of a task card its files: the checkpoints on the way to R1 are measured on these, too."""
    words: tuple[str, ...] = ("wait",)
    """What is counted as second thoughts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A run of all stages."""

    output: str = "out/r1"
    """Folder of the stages' folders."""
    seed: int = 0
    """Of everything drawn."""
    stages: tuple[str, ...] = ()
    """Those that are run, and what they need; none named is all but the experiments."""
    source: SourceConfig = field(default_factory=SourceConfig)
    """Models and data in files."""
    decontamination: DecontaminationConfig = field(default_factory=DecontaminationConfig)
    """Tests that no stage's training data may hold."""
    toy: ToyConfig = field(default_factory=ToyConfig)
    """Models and data of the toy, where the files are not named."""
    small: SmallConfig = field(default_factory=SmallConfig)
    """Makes the smaller base where `source.small` names none."""
    zero: TrainConfig = field(default_factory=TrainConfig)
    """R1-Zero: RL from the base, accuracy and format."""
    cold_start: ColdStartConfig = field(default_factory=ColdStartConfig)
    """Dev1: the base, fine-tuned on responses of R1-Zero."""
    rl1: TrainConfig = field(default_factory=TrainConfig)
    """Dev2: RL with the language reward."""
    reject_sample: SampleConfig = field(default_factory=SampleConfig)
    """Responses of Dev2, filtered."""
    sft2: SFTConfig = field(default_factory=SFTConfig)
    """Dev3: the base, fine-tuned on those and on human replies."""
    reward_models: ModelsConfig = field(default_factory=ModelsConfig)
    """Helpful and safety."""
    rl2: TrainConfig = field(default_factory=TrainConfig)
    """R1: RL with rules, language and, in the last steps, preference."""
    preference_steps: Whole = 400
    """The last steps of rl2, in which general prompts are asked and preference counts."""
    distill: SFTConfig = field(default_factory=SFTConfig)
    """The smaller base, fine-tuned on what sft2 learned from."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """How checkpoints are measured."""


def read_recipe(path: str | Path, changes: Mapping[str, object] | None = None) -> TrainConfig | Recipe:
    """What a TOML file describes: one run of the loop, or stages where it names any; ConfigError, naming the file.

    `changes` holds values by dotted key (`rollout.samples`), which count as if the file had them.
    """
    table = set_values(read_table(path), changes or {})
    of_stages = {field.name for field in fields(Recipe)} - {field.name for field in fields(TrainConfig)}
    return read_stages(path, changes) if table.keys() & of_stages else from_table(TrainConfig, table, path)


def read_stages(path: str | Path, changes: Mapping[str, object] | None = None) -> Recipe:
    """The stages that a TOML file describes, with `changes`; ConfigError, naming the file, for anything else."""
    table = set_values(read_table(path), changes or {})
    common = table.pop("rl", {})
    rl = [field.name for field in fields(Recipe) if field.default_factory is TrainConfig]
    return from_table(Recipe, table | {name: _merged(common, table.get(name, {})) for name in rl}, path)


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:  # any: tables of TOML
    """Both tables; where both have a key its own counts.

    >>> _merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    inner = {name: _merged(common[name], value) for name, value in own.items() if isinstance(common.get(name), dict)}
    return {**common, **own, **inner}
