"""Commands about sandboxes: `doctor`, `sandbox build`."""

from __future__ import annotations

import sys
from typing import Literal

import click


@click.group()
def sandbox() -> None:
    """Where submitted programs run."""


@sandbox.command()
@click.argument("names", nargs=-1, metavar="[NAMES]")
@click.option(
    "--from-debian", "way", flag_value="debian", help="From Debian's packages; needs mmdebstrap, no registry."
)
@click.option("--from-dockerfile", "way", flag_value="dockerfile", help="From the Dockerfiles; needs a registry.")
@click.option(
    "--packages",
    metavar="NAMES|FILE",
    help="Python packages, comma-separated, or a requirements file; without it numpy, scipy, pandas, sympy, ...",
)
@click.option("--force", is_flag=True, help="Also those that are there and up to date.")
def build(
    names: tuple[str, ...], way: Literal["debian", "dockerfile"] | None, packages: str | None, *, force: bool
) -> None:
    """Make what programs run in, on docker and local: python, cpp (C and C++), javascript, java, go, rust.

    None named: the first four. Those that are up to date are left alone. Without a way, what looks more likely to work
    is tried first.

    Exit status: 0 all are there, 1 not, 2 usage.
    """
    from ..sandbox.errors import SandboxError
    from ..sandbox.images import TESTED
    from ..sandbox.images.build import build as make
    from ..sandbox.images.tree import read_requirements

    try:
        requirements = None if packages is None else read_requirements(packages)
        make(
            names or TESTED,
            python_packages=requirements,
            way=way,
            force=force,
            say=lambda line: click.echo(line, err=True),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except SandboxError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option("--backend", "names", multiple=True, metavar="NAME", help="docker, runsc, local or unsafe; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, on standard output.")
def doctor(names: tuple[str, ...], *, as_json: bool) -> None:
    """Try to escape from each sandbox of this machine, and print the results.

    Exit status: 0 nothing failed, 1 something did, or a backend that was named is not available, 2 usage.
    """
    from ..sandbox.doctor import run_doctor

    try:
        sys.exit(run_doctor(names, as_json=as_json))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
