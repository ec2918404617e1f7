"""The root tree that programs run in: made once, imported as an image by docker, mounted read-only by `local`.

So that both backends judge alike, they see the same Python, compilers and packages. A tree lies in the user's cache
folder under its hash; the file `current` names the one that `local` takes. Nothing in it is ours but `ENVIRONMENT`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import golang
from ..errors import SandboxError
from ..languages import LANGUAGES
from . import ENVIRONMENT, PYTHON, SITE

_MINUTES = 30
_PLATFORMS = ("manylinux_2_41", "manylinux_2_28", "manylinux_2_17", "manylinux2014", "linux")
"""What glibc of the tree runs, newest first; `linux` are wheels that somebody built here, found by PIP_FIND_LINKS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A root tree on this machine."""

    path: Path
    """Its folder."""
    hash: str
    """Names what is in it."""
    recipes: Mapping[str, str]
    """The images that it has the programs of, with the fingerprints of their recipes."""
    modules: Sequence[str]
    """Python modules that its packages bring."""

    @property
    def images(self) -> list[str]:
        """The images that it has the programs of."""
        return list(self.recipes)


def folder() -> Path:
    """Where trees are kept: `R1_REWARD_SANDBOX`, else `r1-reward/sandbox` in the user's cache folder."""
    chosen = os.environ.get("R1_REWARD_SANDBOX")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(cache) / "r1-reward" / "sandbox"


def current() -> Tree | None:
    """The tree that `local` runs programs in; None where there is none that this user may trust."""
    try:
        path = (folder() / (folder() / "current").read_text(encoding="utf-8").strip()).resolve()
        if path.stat().st_uid not in (0, os.geteuid()) or not os.access(path / "usr/bin/python3", os.X_OK):
            return None
        recorded = json.loads((path / ENVIRONMENT).read_text(encoding="utf-8"))
        return Tree(path=path, hash=recorded["hash"], recipes=recorded["recipes"], modules=recorded["modules"])
    except (OSError, ValueError, KeyError, RuntimeError):
        return None


def read_requirements(text: str) -> list[str]:
    """The requirements that `--packages` names: a file of them, or their names between commas.

    Raises ValueError for what is no plain requirement: options and addresses are not for a root tree that is shared.

    >>> read_requirements("numpy==2.5.5, scipy")
    ['numpy==2.5.5', 'scipy']
    """
    path = Path(text)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else text.split(",")
    requirements = [line.partition("#")[0].strip() for line in lines]
    for requirement in filter(None, requirements):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?\s*([<>=!~]=?[^\s;@]*)*", requirement):
            raise ValueError(f"--packages: {requirement!r} is no file and no name of a package")
    return [requirement for requirement in requirements if requirement]


def install_packages(tree: Path, packages: Sequence[str]) -> None:
    """Put wheels of Python packages into a tree, with pip of this machine. Raises SandboxError."""
    if not packages:
        return
    target = tree / SITE
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="r1-reward-wheels-") as wheels:
        # Fetched for the tree's Python and unpacked here: pip installs for another Python only in its newest versions.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "-d", wheels]
        command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
        command += [f"--platform={name}_{os.uname().machine}" for name in _PLATFORMS]
        made = subprocess.run(  # noqa: S603 - names of packages, checked by read_requirements
            [*command, *packages], capture_output=True, text=True, timeout=_MINUTES * 60, check=False
        )
        if made.returncode:
            raise SandboxError(f"pip failed: {' '.join(made.stderr.strip().splitlines()[-3:])}")
        for wheel in sorted(Path(wheels).glob("*.whl")):
            _unpack(wheel, target)
    # Compiled by the tree's own Python where that can be run, since what is mounted read-only cannot be later.
    code = f"import compileall; compileall.compile_dir('/{SITE}', quiet=2)"
    inside = [*_chroot(tree), "/usr/bin/python3", "-I", "-S", "-c", code]
    subprocess.run(inside, capture_output=True, timeout=_MINUTES * 60, check=False)  # noqa: S603 - without it, it is slower


def _chroot(tree: Path) -> list[str]:
    """What goes before a command that runs in a tree; a plain user is root there in a user namespace."""
    return [*([] if os.geteuid() == 0 else ["unshare", "--map-root-user"]), "chroot", str(tree)]


def precompile_headers(tree: Path) -> None:
    """Compile the header that contest programs begin with, for the standards tried first: it takes two thirds of what
    compiling such a program takes. Where the tree's compiler cannot be run here, programs compile as well without."""
    for header in tree.glob("usr/include/*/c++/*/bits/stdc++.h"):
        place = header.relative_to(tree)
        for standard in LANGUAGES["cpp"].standards[:2]:
            made = Path("/") / f"{place}.gch" / standard
            (tree / f"{place}.gch").mkdir(exist_ok=True)
            flags = [f"-std={standard}", "-O2", "-w", "-pipe", "-pthread", "-x", "c++-header"]
            command = [*_chroot(tree), "g++", *flags, f"/{place}", "-o", f"{made}.gch"]
            subprocess.run(command, capture_output=True, timeout=_MINUTES * 60, check=False)  # noqa: S603 - see above


def precompile_go(tree: Path) -> None:
    """Compile Go's standard library and testify, as far as programs use them, into a cache of the tree: each program
    would have to do it anew. Where the tree's compiler cannot be run here, the machine's time limit may not do."""
    if not os.path.lexists(tree / "usr/bin/go"):
        return
    sample = "root/r1_reward.go"
    (tree / sample).write_text(golang.SAMPLE, encoding="utf-8")
    cache = tree / golang.CACHE.lstrip("/")
    cache.mkdir(parents=True, exist_ok=True)
    # There is no /proc, by which Go finds where it is; Debian's link to it is relative.
    home = str((tree / "usr/bin/go").resolve().parents[1]).removeprefix(str(tree.resolve()))
    command = [*_chroot(tree), "env", "HOME=/root", f"GOROOT={home}", *golang.BUILD, f"/{sample}"]
    subprocess.run(command, capture_output=True, timeout=_MINUTES * 60, check=False)  # noqa: S603 - see above
    for name in (sample, "main"):
        (tree / name).unlink(missing_ok=True)
    if not any(cache.iterdir()):  # an empty one would be taken for one that is filled, and is read-only
        cache.rmdir()


def _unpack(wheel: Path, target: Path) -> None:
    """What `pip install --target` does with a wheel, scripts aside, which nothing here would run."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            folder, _, rest = name.partition(".data/")
            place = name
            if rest and "/" not in folder:
                scheme, _, place = rest.partition("/")
                if scheme not in ("purelib", "platlib"):
                    continue
            if not place.endswith("/"):
                file = target / place
                if not file.resolve().is_relative_to(target.resolve()):
                    raise SandboxError(f"{wheel.name} has a file outside its folder: {name!r}")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))


def describe(tree: Path, recipes: Mapping[str, str]) -> str:
    """Write what a tree holds into it; its hash."""
    site = tree / SITE
    packages = sorted(info.name.removesuffix(".dist-info") for info in site.glob("*.dist-info"))
    modules = sorted(
        {path.name.partition(".")[0] for path in site.iterdir() if path.is_dir() or path.suffix in (".py", ".so")}
        - {path.name.partition(".")[0] for path in site.glob("*.dist-info")}
        - {"bin", "__pycache__"}
        if site.is_dir()
        else ()
    )
    status = tree / "var/lib/dpkg/status"
    debian = status.read_bytes() if status.is_file() else b""
    digest = hashlib.sha256(repr((sorted(recipes.items()), packages)).encode() + debian).hexdigest()[:16]
    environment = {"hash": digest, "python": PYTHON, "recipes": dict(recipes), "packages": packages, "modules": modules}
    (tree / ENVIRONMENT).write_text(json.dumps(environment, indent=1) + "\n", encoding="utf-8")
    return digest


def keep(tree: Path, digest: str) -> Path:
    """Give a finished tree its name, by which `local` finds it. Older ones stay: programs may be running in them."""
    home = folder()
    home.mkdir(parents=True, exist_ok=True)
    place = home / f"tree-{digest}"
    if place.exists():
        shutil.rmtree(tree, ignore_errors=True)
    else:
        tree.rename(place)
    fresh = home / f".current-{os.getpid()}"
    fresh.write_text(place.name + "\n", encoding="utf-8")
    fresh.replace(home / "current")
    return place
