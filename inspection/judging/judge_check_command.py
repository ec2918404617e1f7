"""What `r1-reward judge-check` does once its flags are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from ...scoring.judging import CeilingError
from ...scoring.stats import Interval
from ...verifiers.errors import ConfigError
from ...verifiers.judge import JudgeVerifier
from ...verifiers.registry import Options, make
from .calibrate import AgreementBounds, JudgeCheck, check_judge
from .labelled import read_labelled
from .progress import judging_bar

FINE, FAILED, INTERRUPTED = 0, 1, 130


def run_judge_check(
    files: Sequence[str],
    names: Mapping[str, str] | None = None,
    options: Mapping[str, Options] | None = None,
    *,
    bounds: Mapping[str, Any] | None = None,  # any: fields of Bounds
    threshold: float = 0.5,
    once: bool = False,
    as_json: bool = False,
) -> int:
    """Check a judge, print on standard output, return the exit status: 0 usable, 1 not, 130 interrupted.

    Raises RewardError for what the user can mend.
    """
    for name in options or {}:
        if name != "judge":
            raise ConfigError(f"options for {name!r}; this is about judge: --set judge.url=...")
    judge = make("judge", (options or {}).get("judge"))
    assert isinstance(judge, JudgeVerifier)
    labelled = read_labelled(files, names)
    try:
        with judging_bar("judging", len(labelled) * (1 if once else 2)) as progress:
            check = check_judge(
                judge,
                labelled,
                bounds=AgreementBounds(**(bounds or {})),
                threshold=threshold,
                again=not once,
                progress=progress,
            )
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted; with judge.record what was asked is kept")
        return INTERRUPTED
    except CeilingError as error:
        Console(stderr=True).print(f"stopped: {error}", soft_wrap=True)
        return FAILED
    if as_json:
        sys.stdout.write(json.dumps(check.to_dict(), allow_nan=False) + "\n")
    else:
        _print(check)
    return FINE if check.usable else FAILED


def _print(check: JudgeCheck) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table = Table("", "value", "95 % interval", box=None, header_style="dim")
    for name in ("accuracy", "kappa", "position_bias", "self_agreement", "refusal_rate"):
        value: tuple[float, Interval | None] | None = getattr(check, name)
        if value is not None:
            interval = f"{value[1][0]:.3f} to {value[1][1]:.3f}" if value[1] else ""
            table.add_row(name.replace("_", " "), f"{value[0]:.3f}", interval)
    console.print(table)
    why = ", ".join(f"{reason} {count}" for reason, count in check.refusals.items())
    kind = "pairs" if check.pairs else "responses"
    ties = f"; ties {check.ties}" if check.pairs else ""
    console.print(f"{check.n:,} labelled {kind}; without a verdict: {why or 'none'}{ties}")
    if sum(check.tokens):
        cost = f", cost {check.cost:.4g}" if check.cost else ""
        console.print(f"{check.tokens[0]:,} tokens read and {check.tokens[1]:,} written{cost}")
    bounds = ", ".join(f"{name} {value:g}" for name, value in asdict(check.bounds).items())
    verdict = "usable" if check.usable else "not usable: " + "; ".join(check.faults)
    console.print(f"{verdict} (bounds: {bounds})")
