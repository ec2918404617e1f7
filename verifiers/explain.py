"""What `r1-reward explain` does: how the mathematics verifier gets to its verdict, for a person or as JSON.

What a model wrote is shown and never obeyed: no markup is read, and characters that cannot be seen, or that move a
terminal's cursor, are printed as escapes (`\\x1b`). A backslash that was there before looks the same; `--json` does not
mix the two up. Nothing is cut off, so a long answer is a long line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from .catalog import make
from .errors import ConfigError
from .math import MathVerifier
from .math import explain as math_steps
from .sample import Sample
from .verdict import Reason, Verdict
from .visible import visible


class Explanation(NamedTuple):
    """A verdict with the steps that lead to it."""

    steps: Sequence[Mapping[str, Any]]  # any: JSON objects, see verifiers.math.explain
    """In order; empty where the verifier failed on the way."""
    verdict: Verdict
    """What came of them."""

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        return {"steps": list(self.steps), "verdict": self.verdict.to_dict()}


def explain(
    response: str,
    references: Sequence[str],
    prompt: str = "",
    options: Mapping[str, Mapping[str, object]] | None = None,
) -> Explanation:
    r"""Judge one response and tell how; `options` holds keyword arguments by verifier name, `math` alone.

    Raises ConfigError for an option that there is not.

    >>> steps, verdict = explain(r"\\boxed{0.5}", [r"\\frac12"])
    >>> [step["rule"] for step in steps], verdict.detail
    (['boxed', 'num', 'dec', 'exact'], 'equal by exact')
    """
    for name in options or {}:
        if name != "math":
            raise ConfigError(f"options for {name!r}, which cannot be explained; math can")
    verifier = make("math", (options or {}).get("math"))
    assert isinstance(verifier, MathVerifier)
    (verdict,) = verifier([Sample(response=response, prompt=prompt, reference=references)])
    if verdict.reason is Reason.GRADER_CRASHED:
        return Explanation([], verdict)
    steps = math_steps(
        response,
        [reference for reference in references if reference.strip()],
        prompt,
        extraction=verifier.extraction,
        prefilled=verifier.prefilled,
        symbolic=verifier.symbolic,
    )
    return Explanation(steps, verdict)


def run_explain(
    response: str,
    references: Sequence[str],
    prompt: str = "",
    options: Mapping[str, Mapping[str, object]] | None = None,
    *,
    as_json: bool = False,
) -> None:
    """Explain on standard output; a response `-` is read from standard input. Raises ConfigError."""
    found = explain(_standard_input() if response == "-" else response, references, prompt, options)
    if as_json:
        # ASCII, so that no character of a response reaches a terminal as it is.
        sys.stdout.write(json.dumps(found.to_dict(), allow_nan=False) + "\n")
        return
    console = Console(highlight=False)
    for line in _lines(found, console.encoding):
        console.print(line, soft_wrap=True)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"standard input is not UTF-8 at byte {error.start}") from None


def _lines(found: Explanation, encoding: str) -> Iterator[Text]:
    """One line for each step and one for the verdict, in columns."""
    rows = [("step", "rule", "result"), *map(_row, found.steps), _last(found.verdict)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for number, (step, rule, result) in enumerate(rows):
        line = f"{step:<{widths[0]}}  {rule:<{widths[1]}}  {visible(result)}".rstrip()
        style = "dim" if number == 0 else "bold" if number == len(rows) - 1 else ""
        # Not every terminal can show every letter.
        yield Text(line.encode(encoding, "backslashreplace").decode(encoding), style)


def _row(step: Mapping[str, Any]) -> tuple[str, str, str]:  # any: JSON values
    trouble = step["data"].get("trouble")
    return step["step"], step["rule"], f"{step['result']} ({trouble})" if trouble else step["result"]


def _last(verdict: Verdict) -> tuple[str, str, str]:
    score = "no score" if verdict.score is None else f"score {verdict.score:g}"
    return "verdict", verdict.reason.value, f"{score}, {verdict.detail}" if verdict.detail else score
