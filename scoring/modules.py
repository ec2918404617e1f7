"""The note of a run about modules that programs or tests import and the sandbox lacks, with the command that adds them.

It does not know whether a package of that name exists, or is the one that is meant.
"""

from __future__ import annotations

from ..verifiers.escape import escape_unprintable
from .summary import Tally

MOST_NAMED = 12
"""Modules that are named, the most wanted first."""
_PACKAGES = {
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Packages that are not called as their module is."""


def modules_note(tally: Tally) -> str | None:
    """A sentence with the share of responses, the modules, and the command; None where none was missing."""
    from ..sandbox.images import DEFAULT_PACKAGES

    missing = tally.missing_modules
    if not missing:
        return None
    statuses = tally.by_verifier["code"][0] if "code" in tally.by_verifier else {}
    judged = statuses.get("scored", 0) + statuses.get("error", 0)
    count = missing.total()
    named = missing.most_common(MOST_NAMED)
    counts = ", ".join(f"{escape_unprintable(name)} {times:,}" for name, times in named)
    more = f", and {len(missing) - len(named)} more" if len(missing) > len(named) else ""
    packages = dict.fromkeys(
        [*DEFAULT_PACKAGES, *(_PACKAGES.get(name, name) for name, _ in named if name.isidentifier())]
    )
    return (
        f"missing_module in {count:,} of {judged or count:,} programs ({count / (judged or count):.1%}): {counts}{more}"
        f"; if these are the packages you mean: r1-reward sandbox build --packages {','.join(packages)}"
    )
