"""What `r1-reward report` does once its flags are read."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from .options import ReportOptions
from .pipeline import is_pipeline, write_pipeline
from .write import Written, check_extra, write_report


def run_report(*, images: str | None = None, **flags: Any) -> None:  # any: fields of ReportOptions
    """Write a report and say where; of a folder with stages the page of all of them.

    Raises ConfigError and RunError for what the user can mend.
    """
    sources = flags["sources"]
    if len(sources) == 1 and is_pipeline(sources[0]):
        _pipeline(sources[0], flags["output"] or "report.html", flags["title"], images)
        return
    if images:
        raise ConfigError("--images needs the folder of a run of stages; other reports hold no images")
    tell(write_report(ReportOptions(**{name: value for name, value in flags.items() if value not in (None, (), {})})))


def tell(written: Written) -> None:
    """Say on standard error what was written."""
    import click

    if written.sampled:
        click.echo(f"more rows than a page can hold: {written.sampled}", err=True)
    click.echo(
        f"report of {written.responses:,} responses, {written.bytes / 1e6:.1f} MB, in {written.output}", err=True
    )


def _pipeline(folder: str, output: str, title: str | None, images: str | None) -> None:
    import click

    check_extra()
    size = write_pipeline(folder, output, title=title, images=images)
    click.echo(f"report of the stages in {folder}, {size / 1e6:.1f} MB, in {output}", err=True)
