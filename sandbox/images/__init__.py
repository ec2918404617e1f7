"""The images that programs run in: one recipe for each, as a Dockerfile of fixed form.

A recipe names Debian packages and nothing else (`ARG PACKAGES="..."`), so that an image can be made both ways: from the
Dockerfile where a registry is in reach, and from Debian's packages alone where none is (build.py). Python packages come
on top, those of packages.toml or others that were asked for. An image carries the fingerprint of both, so that one made
from an older recipe is known.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

REPOSITORY = "r1-reward-sandbox"
RECIPES_LABEL = "r1-reward.recipes"
"""On every image; a JSON object, from the names of the recipes that it meets to their fingerprints."""
TESTED = ("python", "cpp", "javascript", "java")
"""Those that our own tests run programs in."""
_FILES = (entry.name.partition("Dockerfile.")[2] for entry in resources.files(__name__).iterdir())
NAMES = (*TESTED, *sorted(name for name in _FILES if name and name not in TESTED))
"""All that have a Dockerfile here; `python` has Bash as well, `cpp` is C and C++."""
PYTHON = "3.13"
"""The Python of the images, which is Debian's; wheels are chosen for it."""
SITE = f"usr/local/lib/python{PYTHON}/dist-packages"
"""Where Python packages lie in an image."""
ENVIRONMENT = "etc/r1-reward-environment.json"
"""In every image: its hash, the version of Python, the Python packages and the modules that they bring."""

_PACKAGES = re.compile(r'^ARG PACKAGES="([a-z0-9.+ -]+)"$', re.MULTILINE)


def tag(name: str) -> str:
    """What an image is called.

    >>> tag("cpp")
    'r1-reward-sandbox:cpp'
    """
    return f"{REPOSITORY}:{name}"


@cache
def dockerfile(name: str) -> str:
    """The text of a recipe. Raises ValueError for a name that is none of NAMES."""
    if name not in NAMES:
        raise ValueError(f"unknown image {name!r}; known: {', '.join(NAMES)}")
    return resources.files(__name__).joinpath(f"Dockerfile.{name}").read_text(encoding="utf-8")


DEFAULT_PACKAGES = ("numpy", "scipy", "pandas", "sympy", "networkx", "sortedcontainers", "more-itertools", "pytest")
"""What was asked for to make the default set of Python packages; the others of packages.toml come with these."""


def packages(name: str) -> list[str]:
    """The Debian packages that a recipe names.

    >>> packages("cpp")
    ['python3', 'g++']
    """
    match = _PACKAGES.search(dockerfile(name))
    assert match is not None, f"Dockerfile.{name} has no line ARG PACKAGES"
    return match[1].split()


def locked() -> list[str]:
    """The Python packages of the default set, `name==version` each."""
    text = resources.files(__name__).joinpath("packages.toml").read_text(encoding="utf-8")
    return [str(requirement) for requirement in tomllib.loads(text)["packages"]]


def fingerprint(name: str, python_packages: Sequence[str] | None = None) -> str:
    """Changes when the recipe does, or the set of Python packages (None: the default set)."""
    custom = python_packages is not None
    chosen = "\n".join(sorted(python_packages if python_packages is not None else locked()))
    recipe, set_ = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in (dockerfile(name), chosen))
    return f"{recipe}:{set_}{':custom' if custom else ''}"


def matches(name: str, label: str, python_packages: Sequence[str] | None = None) -> bool:
    """Whether an image with this fingerprint will do: without a wish for packages, one with packages of its user's own
    choice will."""
    current = fingerprint(name, python_packages)
    return label == current or (
        python_packages is None and label.endswith(":custom") and label.split(":")[0] == current.split(":")[0]
    )


def recipes(labels: Mapping[str, str] | None) -> dict[str, str]:
    """What the labels of an image say it was made from; empty where it is none of ours.

    >>> recipes({RECIPES_LABEL: '{"cpp": "12"}'}), recipes(None)
    ({'cpp': '12'}, {})
    """
    try:
        read = json.loads((labels or {}).get(RECIPES_LABEL, "{}"))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}
