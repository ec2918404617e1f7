"""What a report is asked to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...rows.paths import parse_path
from ...rows.reader import RowReader
from ...verifiers.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """The options of `r1-reward report`.

    >>> ReportOptions(sources=("scored.jsonl",)).max_rows
    100000
    """

    sources: Sequence[str]
    """Scored files, or the folder of one training run."""
    output: str = "report.html"
    """HTML file to write; replaced if it exists."""
    title: str | None = None
    """Heading; the name of the source if left out."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Which field of a row holds which field of a Sample; what the scoring run noted if left out."""
    group_by: str | None = None
    """Field of the row that groups responses to one problem."""
    by: Sequence[str] = ()
    """Fields whose values have figures of their own."""
    systems: Sequence[str] = ()
    """What each source is called in a comparison: the field `system` of its rows."""
    flips: Sequence[Mapping[str, str]] = ()
    """For each source the responses that the table holds, by name, with what the field `flip` says; all where empty."""
    max_rows: int = 100_000
    """Responses in the table; of more a sample is shown."""
    max_mb: float = 150.0
    """Size of the page's rows; of more a sample is shown."""
    seed: int = 0
    """Of the sample."""

    def __post_init__(self) -> None:
        if not self.sources or "" in self.sources or not self.output:
            raise ConfigError("a report needs a scored file or a run's folder, and an output")
        if not 1 <= self.max_rows <= 1_000_000:
            raise ConfigError(f"max_rows is {self.max_rows}; it must be from 1 to 1,000,000")
        if not 0 < self.max_mb <= 2_000:
            raise ConfigError(f"max_mb is {self.max_mb}; it must be more than 0 and at most 2,000")
        for path in self.by:
            parse_path(path)
        _ = self.reader  # which raises ConfigError for a field that there is not

    @property
    def reader(self) -> RowReader:
        """How rows become samples. Raises ConfigError."""
        return RowReader(columns=dict(self.names))
