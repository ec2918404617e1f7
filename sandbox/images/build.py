"""Makes the images: from their Dockerfiles where a registry is in reach, from Debian's packages where none is.

All that are wanted become one root tree (tree.py), in which `local` runs programs, and which docker imports as one
image with a tag for each: they share Debian and Python, so that one tree of four languages takes little longer than the
largest of them alone. What is there and up to date is left alone. Not promised: the same bytes twice, since Debian's
packages get security fixes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..backends.docker_engine import answers, engine
from ..errors import SandboxError
from . import NAMES, RECIPES_LABEL, REPOSITORY, dockerfile, fingerprint, locked, matches, packages, recipes, tag, tree

if TYPE_CHECKING:
    from docker import APIClient

Way = Literal["debian", "dockerfile"]
_SUITE = "trixie"
_BASE = f"debian:{_SUITE}-slim"
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_MINUTES = 30
_PLAIN = (
    "a user who is not root needs newuidmap for it (`apt-get install uidmap`) and a range of ids in /etc/subuid and "
    "/etc/subgid; or root runs `R1_REWARD_SANDBOX=/srv/r1-reward r1-reward sandbox build`, and you set that variable"
)
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def _silent(line: str, /) -> None:
    """For a caller that wants no lines."""


def build(
    names: Sequence[str] = NAMES,
    *,
    python_packages: Sequence[str] | None = None,
    way: Way | None = None,
    force: bool = False,
    say: Callable[[str], None] = _silent,
) -> list[str]:
    """Make those of the images that are missing or out of date (all with `force`), and the root tree of the `local`
    backend; the names of those that were made.

    `python_packages` are what pip calls requirements; None stands for the default set. Without an engine the tree alone
    is made. Without a `way`, the one that looks more likely to work here is tried first, then the other. `say` gets a
    line about every step. Raises ValueError for an unknown name, SandboxError where no way worked.
    """
    for name in names:
        dockerfile(name)
    chosen = [name for name in dict.fromkeys(names) if force or not _is_there(name, python_packages)]
    for name in names:
        if name not in chosen:
            say(f"{tag(name)} is there and up to date")
    if not chosen:
        return []
    # One tree for all: what is there already would be missing from a tree of the others alone.
    have = tree.current()
    chosen = [*dict.fromkeys([*chosen, *names, *(have.images if have else ())])]
    failures = []
    for each in (way,) if way else _ways():
        start = time.monotonic()
        try:
            made = _from_debian if each == "debian" else _from_dockerfiles
            made(chosen, python_packages, say)
        except SandboxError as error:
            failures.append(f"from {each}: {error}")
            say(f"not built {failures[-1]}")
            continue
        say(f"built {', '.join(tag(name) for name in chosen)} in {time.monotonic() - start:.0f} s")
        return chosen
    raise SandboxError("; ".join(failures))


def _is_there(name: str, python_packages: Sequence[str] | None) -> bool:
    """Whether the engine, if there is one, has the image, and `local` has it in its tree, both from this recipe."""
    have = tree.current()
    if have is None or name not in have.images or not matches(name, have.recipes.get(name, ""), python_packages):
        return False
    if answers() is not None:
        return True
    with engine() as client:
        return is_fresh(client, name, python_packages)


def is_fresh(client: APIClient, name: str, python_packages: Sequence[str] | None = None) -> bool:
    """Whether the engine has the image, made from the recipe as it is now."""
    return state(client, name, python_packages) == "fresh"


def state(
    client: APIClient, name: str, python_packages: Sequence[str] | None = None
) -> Literal["fresh", "stale", "missing"]:
    """What the engine has of an image."""
    from docker.errors import ImageNotFound

    try:
        config = client.inspect_image(tag(name)).get("Config") or {}
    except ImageNotFound:
        return "missing"
    label = recipes(config.get("Labels")).get(name, "")
    return "fresh" if matches(name, label, python_packages) else "stale"


def _ways() -> tuple[Way, Way]:
    from docker.errors import ImageNotFound

    debian: tuple[Way, Way] = ("debian", "dockerfile")
    if answers() is not None:
        return debian
    with engine() as client:
        try:
            client.inspect_image(_BASE)
            return "dockerfile", "debian"
        except ImageNotFound:
            # A registry that is not there may take minutes to say so.
            return debian if shutil.which("mmdebstrap") and _sources() else ("dockerfile", "debian")


def _from_dockerfiles(names: Sequence[str], python_packages: Sequence[str] | None, say: Callable[[str], None]) -> None:
    """One image of all the packages that the recipes name, and the tree that is in it."""
    packages_needed = sorted({package for name in names for package in packages(name)})
    text = dockerfile(names[0]).replace(" ".join(packages(names[0])), " ".join(packages_needed))
    text = text.replace("RUN apt-get", "RUN mkdir -p /usr/share/man/man1 && apt-get")  # Java's packages want it
    say(f"building {', '.join(map(tag, names))} from {_BASE}: {' '.join(packages_needed)}")
    with engine(seconds=_MINUTES * 60) as client:
        image = ""
        for step in client.build(fileobj=io.BytesIO(text.encode()), rm=True, forcerm=True, decode=True):
            if "error" in step:
                raise SandboxError(f"{tag(names[0])}: {step['error']}")
            image = (step.get("aux") or {}).get("ID", image)
        container = client.create_container(image, ["true"])["Id"]
        try:
            with _new_tree() as root:
                unpack = ["tar", "-x", "-C", str(root), "--exclude=dev/*", "--exclude=proc/*", "--exclude=sys/*"]
                process = subprocess.Popen(unpack, stdin=subprocess.PIPE)  # noqa: S603 - our own words
                assert process.stdin is not None
                for chunk in client.export(container):
                    process.stdin.write(chunk)
                process.stdin.close()
                if process.wait(_MINUTES * 60):
                    raise SandboxError("the image could not be unpacked")
                _finish(root, names, python_packages, say)
        finally:
            client.remove_container(container, force=True)
            client.remove_image(image, force=True)


def _from_debian(names: Sequence[str], python_packages: Sequence[str] | None, say: Callable[[str], None]) -> None:
    if shutil.which("mmdebstrap") is None:
        raise SandboxError("mmdebstrap is not installed; `apt-get install mmdebstrap`")
    sources = _sources()
    if sources is None:
        raise SandboxError("this machine is not a Debian with sources of its own to take packages from")
    as_root = os.geteuid() == 0
    if not as_root and shutil.which("newuidmap") is None:
        raise SandboxError(_PLAIN)
    packages_needed = sorted({package for name in names for package in packages(name)})
    say(f"building {', '.join(map(tag, names))} as one tree from Debian {_SUITE}: {' '.join(packages_needed)}")
    with _new_tree() as root, tempfile.TemporaryDirectory(prefix="r1-reward-image-") as folder:
        # As a plain user it unpacks as others, who have to find this folder, and packs what is then unpacked as ours.
        Path(folder).chmod(0o755)
        packed = Path(folder) / "tree.tar"
        listed = Path(folder) / "debian.sources"
        listed.write_text(sources, encoding="utf-8")
        command = ["mmdebstrap", "--variant=essential", f"--include={','.join(packages_needed)}"]
        command += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
        command += [f"--dpkgopt=path-exclude={left_out}" for left_out in _LEFT_OUT]
        # Java's packages want this folder, and fail without it.
        command += ['--essential-hook=mkdir -p "$1/usr/share/man/man1"', _SUITE]
        command += [str(root if as_root else packed), str(listed), *([] if as_root else ["--mode=unshare"])]
        environment = {**os.environ, "TMPDIR": folder}
        made = subprocess.run(  # noqa: S603 - our own words, and package names of a fixed pattern
            command, env=environment, capture_output=True, text=True, timeout=_MINUTES * 60, check=False
        )
        if made.returncode:
            way_out = "" if as_root else f". {_PLAIN}"
            raise SandboxError(f"mmdebstrap failed: {' '.join(made.stderr.splitlines()[-3:])}{way_out}")
        if not as_root:
            unpack = ["tar", "-x", "-C", str(root), "--no-same-owner", "--exclude=./dev/*", "-f", str(packed)]
            if subprocess.run(unpack, timeout=_MINUTES * 60, check=False).returncode:  # noqa: S603 - our own words
                raise SandboxError("the tree could not be unpacked")
            packed.unlink()
        _finish(root, names, python_packages, say)


@contextlib.contextmanager
def _new_tree() -> Iterator[Path]:
    """A folder beside the other trees; removed unless it was given its name."""
    home = tree.folder()
    home.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _finish(
    root: Path, names: Sequence[str], python_packages: Sequence[str] | None, say: Callable[[str], None]
) -> None:
    """Add the Python packages, import the tree as an image where there is an engine, and let `local` have it."""
    chosen = locked() if python_packages is None else list(python_packages)
    say(f"adding Python packages: {' '.join(chosen) or 'none'}")
    tree.install_packages(root, chosen)
    tree.precompile_headers(root)
    tree.precompile_go(root)
    digest = tree.describe(root, {name: fingerprint(name, python_packages) for name in names})
    if answers() is None:
        owner = [] if os.geteuid() == 0 else ["--owner=0", "--group=0"]
        archive = ["tar", "-c", "--numeric-owner", *owner, "--exclude=./dev/*", "-C", str(root), "."]
        process = subprocess.Popen(archive, stdout=subprocess.PIPE)  # noqa: S603 - our own words
        assert process.stdout is not None
        try:
            image = _import(process.stdout, names, python_packages)
            status = process.wait(_MINUTES * 60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        with engine() as client:
            if status:
                client.remove_image(image, force=True)
                raise SandboxError("the tree could not be read")
            _tag(client, image, names)
    tree.keep(root, digest)


def _import(stream: object, names: Sequence[str], python_packages: Sequence[str] | None) -> str:
    """Import an archive without a tag, since what went in is known to be whole only afterwards."""
    labels = {RECIPES_LABEL: json.dumps({name: fingerprint(name, python_packages) for name in names})}
    changes = [f"LABEL {key}={json.dumps(value)}" for key, value in labels.items()]
    with engine(seconds=_MINUTES * 60) as client:
        answer = client.import_image_from_stream(stream, changes=["ENV LANG=C.UTF-8", *changes])
    last = json.loads(answer.strip().splitlines()[-1])
    if "status" not in last:
        raise SandboxError(f"the engine could not import the image: {last.get('error', answer)}")
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


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _sources() -> str | None:
    """Where this machine gets its own Debian packages from, for the suite of the images; None where it is no Debian."""
    if _release().get("ID") != "debian":
        return None
    new, old = Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")
    place = ""
    if new.is_file():
        match = re.search(r"^URIs:\s*(\S+)", new.read_text(encoding="utf-8"), re.MULTILINE)
        place = match[1] if match else ""
    elif old.is_file():
        match = re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", old.read_text(encoding="utf-8"), re.MULTILINE)
        place = match[1] if match else ""
    if not place:
        return None
    lines = ["Types: deb", f"URIs: {place}", f"Suites: {_SUITE} {_SUITE}-updates", "Components: main"]
    return "\n".join([*lines, f"Signed-By: {_KEYS}", ""])
