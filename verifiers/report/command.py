"""What `r1-reward report` does once its flags are read."""

from __future__ import annotations

from typing import Any

from .options import ReportOptions
from .write import Written, write_report


def run_report(**flags: Any) -> None:  # any: fields of ReportOptions
    """Write a report and say where. Raises ConfigError and RunError for what the user can mend."""
    tell(write_report(ReportOptions(**{name: value for name, value in flags.items() if value not in (None, (), {})})))


def tell(written: Written) -> None:
    """Say on standard error what was written."""
    import click

    if written.sampled:
        click.echo(f"more rows than a page can hold: {written.sampled}", err=True)
    click.echo(
        f"report of {written.responses:,} responses, {written.bytes / 1e6:.1f} MB, in {written.output}", err=True
    )
