"""What `r1-reward report` does once its flags are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...verifiers.errors import ConfigError
from .options import ReportOptions
from .write import Written, check_extra, write_report

if TYPE_CHECKING:
    from ...scoring.options import ScoreOptions


class FolderPage(Protocol):
    """A page of its own for a kind of folder, such as the stages of a run."""

    def holds(self, folder: str) -> bool:
        """Whether the folder is of that kind."""
        ...

    def write(self, folder: str, output: str, *, title: str | None, images: str | None) -> int:
        """Write the page and return its bytes. Raises RunError."""
        ...


def run_report(
    pages: Sequence[FolderPage] = (),
    *,
    images: str | None = None,
    **flags: Any,  # any: fields of ReportOptions
) -> None:
    """Write a report and say where; of a folder that one of `pages` holds, that page.

    Raises ConfigError and RunError for what the user can mend.
    """
    sources = flags["sources"]
    for page in pages:
        if len(sources) == 1 and page.holds(sources[0]):
            check_extra()
            output = flags["output"] or "report.html"
            size = page.write(sources[0], output, title=flags["title"], images=images)
            _say(f"report of the stages in {sources[0]}, {size / 1e6:.1f} MB, in {output}")
            return
    if images:
        raise ConfigError("--images needs the folder of a run of stages; other reports hold no images")
    print_written(
        write_report(ReportOptions(**{name: value for name, value in flags.items() if value not in (None, (), {})}))
    )


class ScoringReporter:
    """The page that `score --report` asks for."""

    def check(self) -> None:
        """Raise RunError where what a page needs is not installed."""
        check_extra()

    def write(self, options: ScoreOptions) -> None:
        """Write the page about the rows that were scored. Raises RunError."""
        assert options.report is not None
        print_written(
            write_report(
                ReportOptions(
                    sources=(options.output,),
                    output=options.report,
                    names=options.names,
                    group_by=options.group_by,
                    by=options.by,
                ),
                allow_empty=True,
            )
        )


def print_written(written: Written) -> None:
    """Say on standard error what was written."""
    if written.mixed:
        _say(f"warning: {written.mixed}")
    if written.sampled:
        _say(f"more rows than a page can hold: {written.sampled}")
    _say(f"report of {written.responses:,} responses, {written.bytes / 1e6:.1f} MB, in {written.output}")


def _say(text: str) -> None:
    import click

    click.echo(text, err=True)
