"""A Docker engine that may be slow, hung, restarted or not there: every call ends, and says why it failed.

A connection is made for each use and closed after it. That costs under a millisecond, is safe from any thread and
after a fork, and an engine that was restarted in between is not noticed at all.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import SandboxError, SandboxUnavailableError

if TYPE_CHECKING:
    from docker import APIClient

API = "1.41"
"""Docker 20.10 (2020) and newer, Podman 4 and newer."""
CALL_SECONDS = 20.0
"""After this an engine is taken to hang. A call takes milliseconds; starting a container on a busy machine, a few
seconds."""

WAY_OUT = "start Docker, set DOCKER_HOST, or choose the `local` backend; `r1-reward doctor` says what this machine has"


@contextlib.contextmanager
def engine(*, seconds: float = CALL_SECONDS) -> Iterator[APIClient]:
    """A connection on which no single call waits longer than `seconds`; every failure comes out as SandboxError."""
    import docker
    import docker.errors
    import requests
    import urllib3
    from docker.utils import kwargs_from_env

    try:
        where = kwargs_from_env()
        _knock(where.get("base_url") or "unix:///var/run/docker.sock", seconds)
        # the stubs want whole seconds; requests does not
        client = docker.APIClient(version=API, timeout=seconds, **where)  # type: ignore[arg-type]
    except (OSError, docker.errors.DockerException) as error:
        raise SandboxUnavailableError(f"no Docker engine answers: {_cause(error)}; {WAY_OUT}") from error
    try:
        yield client
    except docker.errors.APIError as error:
        raise SandboxError(f"the Docker engine refused: {error.explanation or error}") from error
    except (requests.exceptions.Timeout, TimeoutError) as error:
        raise SandboxError(f"the Docker engine did not answer within {seconds:g} s") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise SandboxUnavailableError(f"no Docker engine answers: {_cause(error)}; {WAY_OUT}") from error
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise SandboxError(f"the connection to the Docker engine broke: {_cause(error)}") from error
    finally:
        client.close()


def answers(*, seconds: float = 5.0) -> str | None:
    """None where an engine answers, else why not, and the way out."""
    try:
        with engine(seconds=seconds) as client:
            client.ping()
    except SandboxError as error:
        return str(error)
    return None


def _knock(url: str, seconds: float) -> None:
    """Raises OSError where nobody listens on a local socket; the SDK would leave its own end open then."""
    if url.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect("/" + url.removeprefix("unix:").lstrip("/"))


def _cause(error: BaseException) -> str:
    """The innermost message: urllib3 and requests wrap it several times over."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of them is there
    return str(error) or type(error).__name__
