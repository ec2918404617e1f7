"""The backends by name, and which one `auto` takes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from importlib import import_module
from typing import NamedTuple

from ..errors import SandboxUnavailableError
from ..session import AgentSession, Backend, Session


class _Entry(NamedTuple):
    module: str
    cls: str
    options: Mapping[str, object] = {}


BACKENDS: Mapping[str, _Entry] = {
    "docker": _Entry(".docker", "DockerBackend"),
    "runsc": _Entry(".docker", "DockerBackend", {"runtime": "runsc"}),
    "local": _Entry(".local", "LocalBackend"),
    "unsafe": _Entry(".unsafe", "UnsafeBackend"),
}
"""Where each backend lives; it is imported when it is first asked for."""
_making = threading.Lock()
AUTOMATIC = ("docker", "local")
"""What `auto` tries, in this order; never one without isolation."""


def backend(name: str) -> Backend:
    """Make a backend. Raises SandboxUnavailableError where this machine cannot have it, KeyError for no such name."""
    entry = BACKENDS[name]
    try:
        made = getattr(import_module(entry.module, __package__), entry.cls)(**entry.options)
    except ImportError as error:
        raise SandboxUnavailableError(f"the backend {name} cannot be loaded: {error}") from error
    return made  # type: ignore[no-any-return]  # the table's half of the contract


def start(name: str, image: str, made: MutableMapping[str, Backend], chosen: Backend | None) -> tuple[Session, Backend]:
    """A session with a fresh agent in an image, and the backend that gave it.

    `made` keeps backends by name. `chosen` is what has worked for this image before, and is then the only one tried: an
    engine that is gone for a moment must not change how programs are isolated. Raises SandboxError.
    """
    if chosen is not None:
        return _open(chosen, image), chosen
    reasons = []
    for candidate in AUTOMATIC if name == "auto" else (name,):
        try:
            with _making:  # or two threads make one each, and nobody closes the first
                if candidate not in made:
                    made[candidate] = backend(candidate)
            return _open(made[candidate], image), made[candidate]
        except SandboxUnavailableError as error:
            if name != "auto":
                raise
            reasons.append(f"{candidate}: {error}")
    raise SandboxUnavailableError("; ".join(reasons))


def _open(of: Backend, image: str) -> Session:
    return AgentSession(of.open(image), of.settings)
