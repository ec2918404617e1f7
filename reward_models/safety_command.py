"""What `r1-reward safety-report` does once its flags are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..verifiers.errors import ConfigError, WriteError
from ..verifiers.files import write_json
from .data import Columns
from .gate import SafetyGate
from .prefs_command import say, say_unreadable
from .safety_report import BY, read_cases, safety_report, tables_of
from .stages import PatternStage, Stage
from .verifier import SafetyVerifier


def run_safety_report(
    files: Sequence[str],
    *,
    gate: str | None = None,
    threshold: float = 0.5,
    patterns: str | None = None,
    judge: str | None = None,
    names: Columns | None = None,
    by: Sequence[str] = (),
    output: str | None = None,
) -> int:
    """Report on responses with and without a gate, and return the exit status: 0, or 1 where it cannot be written.

    Args:
        files: Rows with prompt and response, and a label unless a judge is named.
        gate: Folder of the safety model that gates.
        threshold: Least probability of being safe with which it lets through.
        patterns: File of words and patterns that stop, before the model.
        judge: Folder of the safety model or guard that says what is unsafe.
        names: Which column holds which field.
        by: Further columns to group by.
        output: JSON file; the tables go to standard error, the JSON to standard output without it.

    Raises:
        RewardError: What the user can mend.
    """
    if judge is not None and gate is not None and Path(judge).resolve() == Path(gate).resolve():
        raise ConfigError("the gate's model cannot be the judge of what it let through; name another one")
    stages: list[Stage] = [PatternStage.from_file(patterns)] if patterns else []
    made = None
    if gate is not None or stages:
        verifier = SafetyVerifier(model=gate) if gate else None
        made = SafetyGate(verifier=verifier, threshold=threshold, stages=stages)
    truth = SafetyVerifier(model=judge) if judge else None
    cases = read_cases(files, columns=names, by=list(dict.fromkeys((*BY, *by))), judge=truth)
    say_unreadable(cases.left_out["unreadable"], cases.unreadable)
    report = {**safety_report(cases, made), "files": list(files), "model": gate, "threshold": threshold, "judge": judge}
    say(tables_of(report))
    try:
        write_json(output, report)
    except WriteError as error:
        say(f"error: {error}")
        return 1
    return 0
