"""What any backend must pass: every probe, held against one backend.

    findings = check(DockerBackend())

Each probe gets a sandbox that is fit, and a fault of the sandbox is a failed probe like any other. In the end nothing
that the sessions started may be there any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .errors import SandboxError
from .probes import PROBES, Bench, Probe
from .session import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """What came of one probe."""

    area: str
    """What it was after."""
    name: str
    """What it tried."""
    hole: str | None
    """None where the sandbox held."""
    seconds: float
    """How long it took."""

    @property
    def held(self) -> bool:
        """Whether the sandbox held."""
        return self.hole is None


def check(
    backend: Backend,
    *,
    image: str = "python",
    probes: Sequence[Probe] = PROBES,
    report: Callable[[ProbeFinding], None] | None = None,
) -> list[ProbeFinding]:
    """Try every probe on a backend.

    Args:
        backend: What is tried.
        image: A name of `languages.py`.
        probes: Attempts to escape or to deceive.
        report: Called with each finding at once.

    Returns:
        What each probe found, in order; `held` where it had no effect.

    Raises:
        SandboxError: No sandbox is available.
    """
    bench = Bench(backend, image)
    findings = []
    try:
        bench.session()
        for finding in _findings(bench, probes):
            if report is not None:
                report(finding)
            findings.append(finding)
    finally:
        bench.drop()
    return findings


def _findings(bench: Bench, probes: Sequence[Probe]) -> Iterator[ProbeFinding]:
    for probe in probes:
        start = time.monotonic()
        try:
            hole = probe.attempt(bench)
        except SandboxError as error:
            hole = f"the sandbox failed: {error}"
        if hole is not None:
            bench.drop()
        yield ProbeFinding(area=probe.area, name=probe.name, hole=hole, seconds=time.monotonic() - start)
