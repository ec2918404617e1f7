"""`r1-reward doctor`: which sandboxes this machine has, what it takes to have the others, and what held when tried."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from .backends import BACKENDS, backend
from .conformance import ProbeFinding, check
from .errors import SandboxError
from .probes import PROBES
from .session import Backend

DEFAULT_BACKENDS = ("docker", "runsc", "local")
"""What is looked at when nothing is named; `unsafe` would fail by its nature."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One backend on this machine."""

    name: str
    """A name of `backends.BACKENDS`."""
    missing: str | None = None
    """Why it is not available here, and the way out; None where it is."""
    findings: Sequence[ProbeFinding] = ()
    """What came of each probe."""
    promises: Sequence[str] = ()
    """What it says it holds to."""
    caveats: Sequence[str] = ()
    """What it says it does not."""
    memory: str = ""
    """What bounds the memory of programs there."""
    images: dict[str, str] = field(default_factory=dict)
    """The state of each image: fresh, stale or missing; empty where there are no images."""

    @property
    def failed(self) -> int:
        """How many probes got through."""
        return sum(not finding.held for finding in self.findings)


def diagnose(name: str, *, image: str = "python") -> Diagnosis:
    """Try every probe on one backend. Raises KeyError for an unknown name."""
    made: Backend | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever asks what `unsafe` holds need not be warned of it
            made = backend(name)
        findings = check(made, image=image, probes=PROBES)
        return Diagnosis(
            name=name,
            findings=findings,
            promises=made.promises,
            caveats=made.caveats,
            memory=_memory(name),
            images=_images(name),
        )
    except SandboxError as error:
        return Diagnosis(name=name, missing=str(error), images=_images(name))
    finally:
        if made is not None:
            made.close()


def run_doctor(names: Sequence[str] = (), *, as_json: bool = False) -> int:
    """Diagnose and print; the exit status. Raises ValueError for an unknown name."""
    for name in names:
        if name not in BACKENDS:
            raise ValueError(f"unknown backend {name!r}; known: {', '.join(BACKENDS)}")
    diagnoses = []
    for name in dict.fromkeys(names or DEFAULT_BACKENDS):
        diagnosis = diagnose(name)
        diagnoses.append(diagnosis)
        if not as_json:
            _show(diagnosis)
    if as_json:
        json.dump({"backends": [_json(each) for each in diagnoses]}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    required_missing = any(each.missing for each in diagnoses) if names else all(each.missing for each in diagnoses)
    return 1 if required_missing or any(each.failed for each in diagnoses) else 0


def _memory(name: str) -> str:
    if name == "local":
        from .backends.local import bounds_memory

        return bounds_memory()
    if name == "unsafe":
        return "a look every 20 ms for each program"
    return "the control group of its container, and a look every 20 ms for each program"


def _images(name: str) -> dict[str, str]:
    if name not in ("docker", "runsc"):
        return {}
    from .backends.docker_engine import engine
    from .images import NAMES
    from .images.build import state

    try:
        with engine() as client:
            return {each: state(client, each) for each in NAMES}
    except SandboxError:
        return {}


def _json(diagnosis: Diagnosis) -> dict[str, object]:
    findings = [
        {"area": each.area, "probe": each.name, "held": each.held, "hole": each.hole, "seconds": round(each.seconds, 3)}
        for each in diagnosis.findings
    ]
    return {**asdict(diagnosis), "findings": findings, "failed": diagnosis.failed}


def _show(diagnosis: Diagnosis) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if diagnosis.missing:
        console.print(Text(f"{diagnosis.name}: not available here: {diagnosis.missing}"), soft_wrap=True)
    else:
        held = len(diagnosis.findings) - diagnosis.failed
        table = Table(box=box.SIMPLE_HEAD, title=f"{diagnosis.name}: {held} of {len(diagnosis.findings)} held")
        table.title_justify = "left"
        for heading in ("area", "tried", "", "seconds"):
            table.add_column(heading, justify="right" if heading == "seconds" else "left")
        for each in diagnosis.findings:
            mark = Text("PASS", "green") if each.held else Text("FAIL", "bold red")
            tried = Text(each.name if each.held else f"{each.name}: {each.hole}")
            table.add_row(each.area, tried, mark, f"{each.seconds:.1f}")
        console.print(table)
        console.print(Text(f"memory is bounded by {diagnosis.memory}"), soft_wrap=True)
    by_state: dict[str, list[str]] = {}
    for name, state in diagnosis.images.items():
        by_state.setdefault(state, []).append(name)
    if by_state:
        summary = "; ".join(f"{state}: {', '.join(names)}" for state, names in by_state.items())
        console.print(Text(f"images {summary} (`r1-reward sandbox build NAME` makes one)"), soft_wrap=True)
    console.print()
