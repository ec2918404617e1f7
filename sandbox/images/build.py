"""Makes the images: from their Dockerfiles where a registry is in reach, from Debian's packages where none is.

From packages (mmdebstrap, then the engine's import) all that are wanted become one image with a tag for each: they
share Debian and Python, so that one image of four languages takes little longer than the largest of them alone. What is
there and up to date is left alone. Not promised: the same bytes twice, since Debian's packages get security fixes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..backends.engine import engine
from ..errors import SandboxError
from . import NAMES, RECIPES_LABEL, REPOSITORY, dockerfile, fingerprint, packages, recipes, tag

if TYPE_CHECKING:
    from docker import APIClient

Way = Literal["debian", "dockerfile"]
_BASE = "debian:bookworm-slim"
_MINUTES = 30
_ROOM = 3 << 30
"""Bytes free in memory for unpacking there, which is much faster than on a disk."""
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def _silent(line: str, /) -> None:
    """For a caller that wants no lines."""


def build(
    names: Sequence[str] = NAMES,
    *,
    way: Way | None = None,
    force: bool = False,
    say: Callable[[str], None] = _silent,
) -> list[str]:
    """Make those of the images that are missing or out of date (all with `force`); the names of those that were made.

    Without a `way`, the one that looks more likely to work here is tried first, then the other. `say` gets a line about
    every step. Raises ValueError for an unknown name, SandboxError where no way worked.
    """
    with engine() as client:
        wanted = [name for name in dict.fromkeys(names) if force or not is_fresh(client, name)]
    for name in names:
        if name not in wanted:
            say(f"{tag(name)} is there and up to date")
    if not wanted:
        return []
    failures = []
    for each in (way,) if way else _ways():
        start = time.monotonic()
        try:
            _from_debian(wanted, say) if each == "debian" else _from_dockerfiles(wanted, say)
        except SandboxError as error:
            failures.append(f"from {each}: {error}")
            say(f"not built {failures[-1]}")
            continue
        say(f"built {', '.join(tag(name) for name in wanted)} in {time.monotonic() - start:.0f} s")
        return wanted
    raise SandboxError("; ".join(failures))


def is_fresh(client: APIClient, name: str) -> bool:
    """Whether the engine has the image, made from the recipe as it is now."""
    return state(client, name) == "fresh"


def state(client: APIClient, name: str) -> Literal["fresh", "stale", "missing"]:
    """What the engine has of an image."""
    from docker.errors import ImageNotFound

    wanted = fingerprint(name)
    try:
        config = client.inspect_image(tag(name)).get("Config") or {}
    except ImageNotFound:
        return "missing"
    return "fresh" if recipes(config.get("Labels")).get(name) == wanted else "stale"


def _ways() -> tuple[Way, Way]:
    from docker.errors import ImageNotFound

    with engine() as client:
        try:
            client.inspect_image(_BASE)
            return "dockerfile", "debian"
        except ImageNotFound:
            # A registry that is not there may take minutes to say so.
            return ("debian", "dockerfile") if shutil.which("mmdebstrap") and _sources() else ("dockerfile", "debian")


def _from_dockerfiles(names: Sequence[str], say: Callable[[str], None]) -> None:
    for name in names:
        say(f"building {tag(name)} from its Dockerfile")
        with engine(seconds=_MINUTES * 60) as client:
            steps = client.build(
                fileobj=io.BytesIO(dockerfile(name).encode()),
                tag=tag(name),
                labels=_labels([name]),
                rm=True,
                forcerm=True,
                decode=True,
            )
            for step in steps:
                if "error" in step:
                    raise SandboxError(f"{tag(name)}: {step['error']}")


def _from_debian(names: Sequence[str], say: Callable[[str], None]) -> None:
    if shutil.which("mmdebstrap") is None:
        raise SandboxError("mmdebstrap is not installed; `apt-get install mmdebstrap`")
    sources = _sources()
    if sources is None:
        raise SandboxError("this machine is not a Debian with sources of its own to take packages from")
    wanted = sorted({package for name in names for package in packages(name)})
    suite = _release()["VERSION_CODENAME"]
    say(f"building {', '.join(map(tag, names))} as one image from Debian {suite}: {' '.join(wanted)}")
    with tempfile.TemporaryDirectory(prefix="r1-reward-image-", dir=_roomy()) as folder:
        log = Path(folder) / "log"
        command = ["mmdebstrap", "--variant=essential", f"--include={','.join(wanted)}"]
        command += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
        command += [f"--dpkgopt=path-exclude={left_out}" for left_out in _LEFT_OUT]
        # Java's packages want this folder, and fail without it.
        command += ['--essential-hook=mkdir -p "$1/usr/share/man/man1"', suite, "-", str(sources)]
        with log.open("wb") as written:
            process = subprocess.Popen(  # noqa: S603 - our own words, and package names of a fixed pattern
                command, stdout=subprocess.PIPE, stderr=written, env={**os.environ, "TMPDIR": folder}
            )
        try:
            assert process.stdout is not None
            image = _import(process.stdout, names)
            status = process.wait(_MINUTES * 60)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        with engine() as client:
            if status:
                client.remove_image(image, force=True)
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise SandboxError(f"mmdebstrap failed: {' '.join(lines[-3:])}")
            _tag(client, image, names)


def _import(stream: object, names: Sequence[str]) -> str:
    """Import an archive without a tag, since what went in is known to be whole only afterwards."""
    changes = [f"LABEL {key}={json.dumps(value)}" for key, value in _labels(names).items()]
    with engine(seconds=_MINUTES * 60) as client:
        told = client.import_image_from_stream(stream, changes=["ENV LANG=C.UTF-8", *changes])
    last = json.loads(told.strip().splitlines()[-1])
    if "status" not in last:
        raise SandboxError(f"the engine could not import the image: {last.get('error', told)}")
    return str(last["status"])


def _tag(client: APIClient, image: str, names: Sequence[str]) -> None:
    from docker.errors import APIError, ImageNotFound

    for name in names:
        try:
            old = client.inspect_image(tag(name))
        except ImageNotFound:
            old = None
        client.tag(image, REPOSITORY, name)
        if old is not None and len(old.get("RepoTags") or []) <= 1 and old["Id"] != image:
            # Where a container still runs in it, it is now an image without a name; `docker image prune` ends those.
            with contextlib.suppress(APIError):
                client.remove_image(old["Id"])


def _labels(names: Sequence[str]) -> dict[str, str]:
    return {RECIPES_LABEL: json.dumps({name: fingerprint(name) for name in names})}


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _sources() -> Path | None:
    """Where this machine gets its own Debian packages from; None where it is not a Debian."""
    if _release().get("ID") != "debian" or "VERSION_CODENAME" not in _release():
        return None
    for name in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if Path(name).is_file() and Path(name).stat().st_size:
            return Path(name)
    return None


def _roomy() -> str | None:
    """A folder in memory where there is room, else the system's own for temporary files."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None
