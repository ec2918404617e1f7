"""The version, and the commit where the package runs from a checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

__version__ = "0.2.0"

_CHECKOUT = Path(__file__).resolve().parent


@cache
def commit() -> str | None:
    """The checkout's commit, `+` behind it where files differ from it; None for an installed package.

    >>> commit() is None or len(commit().rstrip("+")) == 12
    True
    """
    if not (_CHECKOUT / ".git").exists():
        return None
    git = ["git", "-C", str(_CHECKOUT)]
    try:
        asked = [[*git, "rev-parse", "--short=12", "HEAD"], [*git, "status", "--porcelain", "--untracked-files=no"]]
        head, changes = (
            subprocess.run(a, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - git, by its options
            for a in asked
        )
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout of another user's
        return None
    return head.stdout.strip() + ("+" if changes.stdout else "")


def version_string() -> str:
    """As `r1-reward --version` and a summary print it: `0.2.0`, or `0.2.0 (8f3c1a9b2d4e)`."""
    identity = commit()
    return f"{__version__} ({identity})" if identity else __version__
