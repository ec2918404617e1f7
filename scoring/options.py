"""What a scoring run is asked to do, from Python, from flags or from a TOML file."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._version import __version__
from ..rows.join import check_on
from ..rows.paths import parse_path
from ..rows.reader import RowReader
from ..verifiers.errors import ConfigError
from ..verifiers.files import hash_of
from ..verifiers.settings import read_table, values_of
from ..verifiers.spec import RewardSpec

WRITTEN = ("reward", "rewards", "verdicts", "error")
"""Fields that scoring writes, after the prefix."""


_RAY = re.compile(r"auto|local|(ray://)?[^\s/:]+:\d+|(ray://)?\[[0-9a-f:]+\]:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """The options of `r1-reward score`.

    >>> ScoreOptions(files=("a.jsonl",), output="b.jsonl").max_errors
    0.01
    """

    files: Sequence[str] = ("-",)
    """JSONL (also .gz and .zst), Parquet, or `-` for standard input."""
    output: str = "-"
    """JSONL file to write, or `-` for standard output."""
    rewards: Sequence[str] = ("auto",)
    """Names of verifiers to sum, each with its weight and schedule: `format:0.1`, `helpful:0.5@1300+100`."""
    preset: str | None = None
    """A preset, in place of `rewards`."""
    set: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Options of verifiers by name."""
    begins: Mapping[str, int] = field(default_factory=dict)
    """The training step from which a term counts, by its name."""
    step: int | None = None
    """The training step whose reward is meant: what begins later does not count. None: everything counts in full."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Which path of a row holds which field of a Sample."""
    tool: str = "auto"
    """The tool that wrote the rows: one of `r1_reward.rows.aliases.CHOICES`."""
    group_by: str | None = None
    """Field of the row that groups responses to one problem; None leaves it to `Sample.group`."""
    by: Sequence[str] = ()
    """Paths of the row by whose values the summary is broken down."""
    join: str | None = None
    """A file whose rows go with those of the input, as golds do."""
    on: str = "id"
    """The path by which rows are joined; `left=right` where it has another name in the file that is joined."""
    keep_going: bool = False
    """Write the output even where the first rows all fail alike."""
    max_errors: float = 0.01
    """Share of responses that may go unjudged before the run counts as failed."""
    workers: int | None = None
    """Processes that judge; None is one per processor, of this machine or of the Ray cluster."""
    ray: str | None = None
    """A Ray cluster that judges in place of this machine: `auto`, `local`, `host:port` or `ray://host:port`."""
    prefix: str = ""
    """What is put before the names of the fields that scoring writes, where rows have fields of those names."""
    resume: bool = False
    """Go on with the output of an interrupted run."""
    overwrite: bool = False
    """Replace an output that is there, whatever it holds."""
    summary: str | None = None
    """JSON file to write the summary to."""
    report: str | None = None
    """HTML file to write a page about the output to."""
    row_timeout: float = 600.0
    """Seconds after which a row's judging is given up and its worker killed."""
    max_line_mb: float = 64.0
    """Longest line that is read, MiB."""

    def __post_init__(self) -> None:
        for name, texts in (("files", self.files), ("rewards", self.rewards)):
            if isinstance(texts, str | Path):
                raise ConfigError(f"{name} is {texts!r}, which is no list; write {name}=[{str(texts)!r}]")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"workers is {self.workers}; it must be at least 1")
        if not 0 <= self.max_errors <= 1:
            raise ConfigError(f"max_errors is {self.max_errors}; it is a share, from 0 to 1")
        for name, value, most in (("row_timeout", self.row_timeout, 1e6), ("max_line_mb", self.max_line_mb, 2**20)):
            if not 0 < value <= most:
                raise ConfigError(f"{name} is {value}; it must be more than 0 and at most {most:g}")
        if self.ray is not None and not _RAY.fullmatch(self.ray):
            raise ConfigError(
                f"{self.ray!r} is not the address of a Ray cluster: auto, local, host:port or ray://host:port; "
                "where it is a file, name the files before --ray"
            )
        if not self.output or "" in (self.summary, self.report) or "" in self.files:
            raise ConfigError("the name of a file is empty")
        if self.join is not None:
            check_on(self.on)
        for path in (*self.by, *([self.group_by] if self.group_by else [])):
            parse_path(path)
        _ = self.reader  # which raises ConfigError for a field or a tool that there is not
        if not isinstance(self.prefix, str) or not self.prefix.isprintable():
            raise ConfigError(f"prefix is {self.prefix!r}; it must be text such as 'r1_'")
        written = [self.prefix + name for name in WRITTEN]
        for target in self.names.values():
            if target in written:
                raise ConfigError(f"{target!r} cannot be read from, since scoring writes it: {', '.join(written)}")
        if self.resume and self.overwrite:
            raise ConfigError("--resume keeps the rows of the output and --overwrite does not; give one of them")
        if self.report is not None and self.output == "-":
            raise ConfigError("a report is written about an output file; name one with --output")
        if self.resume and self.output == "-":
            raise ConfigError("standard output cannot be resumed; name an output file")

    @property
    def reader(self) -> RowReader:
        """How rows become samples."""
        return RowReader(columns=dict(self.names), tool=self.tool)

    @property
    def is_open(self) -> bool:
        """Whether each row's kind chooses what judges it, and nothing is said of mathematics."""
        return self.preset is None and tuple(self.rewards) == ("auto",) and "math" not in self.set

    @property
    def spec(self) -> RewardSpec:
        """The reward that they ask for."""
        return RewardSpec(
            rewards=tuple(self.rewards), preset=self.preset, options=self.set, begins=self.begins, step=self.step
        )

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """What decides the content of the output rows.

        Returns:
            A JSON object; nothing else is in it, such as the number of workers.
        """
        return {**self.spec.to_dict(), "map": dict(sorted(self.names.items())), "max_line_mb": self.max_line_mb} | (
            ({"prefix": self.prefix} if self.prefix else {})
            | ({"from": self.tool} if self.tool != "auto" else {})
            | ({"join": self.join, "on": self.on} if self.join else {})
        )

    @property
    def fingerprint(self) -> str:
        """Hash of the version and of `to_dict`; runs with equal ones write equal rows."""
        return hash_of({"version": __version__, **self.to_dict()})


def parse_value(text: str) -> object:
    """A flag's value as TOML would read it, else the text itself.

    >>> parse_value("lenient"), parse_value("true"), parse_value("[1, 2]")
    ('lenient', True, [1, 2])
    """
    try:
        value: object = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    plain = isinstance(value, str | int | list | dict) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else text


def parse_settings(texts: Sequence[str]) -> dict[str, object]:
    """Values by key from texts of the form `key=value`; a dash in a key is an underscore. Raises ConfigError.

    >>> parse_settings(["rollout.samples=16", "model.path=my-model"])
    {'rollout.samples': 16, 'model.path': 'my-model'}
    """
    settings: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise ConfigError(f"{text!r} is not of the form option=value")
        settings[name.strip().replace("-", "_")] = parse_value(value.strip())
    return settings


def parse_share(text: str) -> float:
    """A share, as a number or in per cent.

    >>> parse_share("5%"), parse_share("0.01")
    (0.05, 0.01)
    """
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no share; write 0.01 or 1%") from None


def merge_options(kind: type, config: str | None, flags: Mapping[str, Any]) -> dict[str, Any]:  # any: field values
    """Keyword arguments for `kind`, ScoreOptions say, from a TOML file and from flags, where flags win. Raises
    ConfigError, naming file and key."""
    if "rewards" in flags and "preset" in flags:
        raise ConfigError("--reward and --preset both name the reward; give one of them")
    values = read_config(config, kind) if config else {}
    if "rewards" in flags or "preset" in flags:
        values = {key: value for key, value in values.items() if key not in ("rewards", "preset")}
    merged = {**values, **flags}
    merged["set"] = {
        name: {**values.get("set", {}).get(name, {}), **flags.get("set", {}).get(name, {})}
        for name in {**values.get("set", {}), **flags.get("set", {})}
    }
    merged["names"] = {**values.get("names", {}), **flags.get("names", {})}
    return merged


def read_config(path: str | Path, kind: type = ScoreOptions) -> dict[str, Any]:  # any: TOML values
    """The options that a TOML file gives, keyed like the dataclass `kind`. Raises ConfigError, naming file and key."""
    table = {}
    for key, value in read_table(path).items():
        name = {"reward": "rewards", "map": "names", "from": "tool"}.get(key, key).replace("-", "_")
        if name in ("rewards", "files", "by") and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        table[name] = parse_share(str(value)) if name == "max_errors" else value
    try:
        return values_of(kind, table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
