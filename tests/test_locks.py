"""What environments install stands in locks/, each resolved by itself, and nothing in it names a place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {"test": (["all"], ["lint", "test"]), "docs": (None, ["docs"]), "types": (None, ["types"])} | {
    "bench": (["all"], ["bench"]),
    "peers": (["serve"], ["peers"]),
    "swift": (["serve"], ["swift"]),
}
"""Extras and groups by lock; None where the package itself is not installed."""


def _locked(name: str) -> dict[str, set[Version]]:
    """The versions of each package; several where they differ by Python or platform."""
    versions: dict[str, set[Version]] = {}
    for line in (ROOT / "locks" / f"constraints-{name}.txt").read_text(encoding="utf-8").splitlines():
        exact = re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+)( ; .+)?", line)
        assert exact, f"locks/constraints-{name}.txt: {line!r} is not an exact version"
        versions.setdefault(canonicalize_name(exact[1]), set()).add(Version(exact[2]))
    return versions


def _extra(name: str) -> Iterator[Requirement]:
    for text in PROJECT["project"]["optional-dependencies"][name]:
        requirement = Requirement(text)
        if requirement.name == "r1-reward":
            for extra in sorted(requirement.extras):
                yield from _extra(extra)
        else:
            yield requirement


def _group(name: str) -> Iterator[Requirement]:
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, dict):
            yield from _group(entry["include-group"])
        else:
            yield Requirement(entry)


def _asked(name: str) -> list[Requirement]:
    extras, groups = LOCKS[name]
    asked = [requirement for group in groups for requirement in _group(group)]
    if extras is not None:
        asked += map(Requirement, PROJECT["project"]["dependencies"])
        asked += [requirement for extra in extras for requirement in _extra(extra)]
    return asked


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_what_the_project_asks_for(name: str) -> None:
    locked = _locked(name)
    for requirement in _asked(name):
        versions = locked.get(canonicalize_name(requirement.name))
        assert versions, f"locks/constraints-{name}.txt lacks {requirement}; `make lock` renews it"
        for version in versions:
            assert requirement.specifier.contains(version), (
                f"locks/constraints-{name}.txt: {version} is not {requirement}"
            )


def test_build_lock_holds_pip_and_what_a_build_needs() -> None:
    locked = _locked("build")
    for text in [*PROJECT["build-system"]["requires"], "pip", "uv"]:
        requirement = Requirement(text)
        (version,) = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version)


def test_every_dependency_has_a_lower_bound() -> None:
    lists = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    lists += PROJECT["dependency-groups"].values()
    texts = [entry for entries in lists for entry in entries if isinstance(entry, str)]
    for requirement in map(Requirement, texts):
        bounds = {bound.operator for bound in requirement.specifier}
        assert requirement.name == "r1-reward" or bounds & {">=", "=="}, requirement


def test_no_place_stands_in_a_lock() -> None:
    for path in (ROOT / "locks").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|file:|--index|--find-links|/", text), path
