"""Task cards: what a benchmark is, in one TOML file each: where its rows come from, how they are asked and judged.

Ready ones, by name, lie in `cards/` beside this file; a card of one's own is a file. Nothing is downloaded: who
evaluates supplies the files, and the card checks them, by their number of rows and, where it has any, by their SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from ...verifiers.errors import ConfigError
from ...verifiers.registry import CATALOG
from ...verifiers.settings import Amount, Count, Rule, Whole, check, from_table, read_table
from ...verifiers.spec import RewardSpec

READY = Path(__file__).parent / "cards"
Metric = Literal["pass_at_1", "score", "length_controlled", "arena_hard", "rating"]
Group = Literal["English", "Code", "Math", "Chinese"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the rows come from."""

    url: str
    """Where the data set is described."""
    files: Sequence[str] = ()
    """Its files, as they are called there."""
    licence: str = ""
    """As its authors state it."""
    rows: Whole = 0
    """How many rows are asked, in all files; 0: not known, or it changes by release."""
    sha256: Sequence[str] = ()
    """Of the files, in any order; empty: they are not checked."""
    note: str = ""
    """What else is to know of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Where the options of a multiple-choice question and the right one stand; one of three ways."""

    list: str = ""
    """Column that holds the options as a list."""
    index: str = ""
    """Column that holds the place of the right one in `list`, from 0."""
    columns: Sequence[str] = ()
    """Columns that hold one option each; the reference is a letter."""
    right: str = ""
    """Column that holds the right option's text."""
    wrong: Sequence[str] = ()
    """Columns that hold the others. The order is drawn, by the run's seed and the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """The benchmark's row in the paper's table of stages (Table 2 in Nature, Table 3 in arXiv v2)."""

    metric: str
    """As the table calls it."""
    values: Mapping[str, float] = field(default_factory=dict)
    """By stage: `R1-Zero`, `R1 Dev1`, `R1 Dev2`, `R1 Dev3`, `R1`."""
    percentile: Mapping[str, float] = field(default_factory=dict)
    """Of Codeforces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """A benchmark.

    >>> card = ready_card("gpqa_diamond")
    >>> card.k, card.verifier, card.source.rows
    (64, 'choice', 198)
    """

    name: str
    """A word."""
    title: str
    """As people know it."""
    group: Group
    """Part of the paper's table."""
    source: Source
    verifier: str
    """Who judges: a name that `score --reward` takes."""
    options: Mapping[str, Any] = field(default_factory=dict)  # any: values of TOML
    """The verifier's."""
    kind: str | None = None
    """Kind of the samples; None leaves it to the reader."""
    language: str | None = None
    """Language that the reasoning should be in."""
    map: Mapping[str, str] = field(default_factory=dict)
    """Which column holds which field of a Sample, where that is not its usual name."""
    where: Mapping[str, Any] = field(default_factory=dict)  # any: JSON values
    """Only rows whose columns hold these values are asked."""
    columns: Sequence[str] = ()
    """Further columns that are recorded, and that a prompt may name."""
    choices: Choices | None = None
    prompt: str = "{prompt}"
    """What is asked: `{prompt}`, `{options}` (a line for each, by letter), `{letters}`, and any column by name."""
    variants: Mapping[str, str] = field(default_factory=dict)
    """Another `prompt`, by the column that must hold something for it."""
    join_on: str = ""
    """Field by which rows of another file (`--join`) go with these, or `left=right`; empty: there is none."""
    k: Count = 1
    """Samples of each question."""
    temperature: Amount = 0.6
    top_p: Annotated[float, Rule("more than 0, at most 1", lambda value: 0 < value <= 1)] = 0.95
    max_tokens: Count = 32_768
    metric: Metric = "pass_at_1"
    """The benchmark's figure; `benchmarks.py` has the list."""
    level: str = "level"
    """Column by which figures are broken down."""
    paper: PaperRow | None = None

    def __post_init__(self) -> None:
        check(self, "card")
        if not self.name.isidentifier():
            raise ConfigError(f"card.name is {self.name!r}; it must be a word of letters, digits and _")
        if (choices := self.choices) and [
            bool(choices.columns), bool(choices.right and choices.wrong), bool(choices.list and choices.index)
        ].count(True) != 1:  # fmt: skip
            raise ConfigError("card.choices needs columns, or list and index, or right and wrong")

    def reward(self, options: Mapping[str, Mapping[str, object]] | None = None) -> RewardSpec:
        """Who judges, with further options by verifier, as `--set` has them."""
        others = dict(options or {})
        own = {**self.options, **others.pop(self.verifier, {})}
        if others:
            names = ", ".join(sorted(others))
            raise ConfigError(f"options for {names}; the card {self.name} is judged by {self.verifier} alone")
        return RewardSpec(rewards=(self.verifier,), options={self.verifier: own} if own else {})

    @property
    def judged_by_model(self) -> bool:
        """Whether a model judges, which must be named."""
        return self.verifier == "judge"

    def to_dict(self) -> dict[str, Any]:  # any: JSON values
        """It as a table, which `card_of` reads back."""
        return asdict(self)


def card_of(table: Mapping[str, Any]) -> TaskCard:  # any: JSON values
    """The card that a run's record holds. Raises ConfigError for what is none."""
    return from_table(TaskCard, table)


def ready_card(name: str) -> TaskCard:
    """A card by name or by the path of its file.

    Args:
        name: One of `card_names()`, or the path of a TOML file.

    Returns:
        The card.

    Raises:
        ConfigError: It is neither, or the card is wrong.
    """
    path = READY / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise ConfigError(f"there is no card {name!r}: a TOML file, or one of {', '.join(card_names())}")
    card = from_table(TaskCard, read_table(path), path)
    if card.verifier not in CATALOG and ":" not in card.verifier:
        raise ConfigError(f"{path}: card.verifier is {card.verifier!r}; known: {', '.join(CATALOG)}")
    return card


def card_names() -> list[str]:
    """The ready cards.

    >>> "aime_2024" in card_names()
    True
    """
    return sorted(path.stem for path in READY.glob("*.toml"))


def with_settings(card: TaskCard, **changes: object) -> TaskCard:
    """The card with other settings; those that are None are left."""
    return replace(card, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]  # checked by the card
