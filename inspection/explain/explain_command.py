"""What `r1-reward explain` does: how a verifier gets to its verdict, for a person or as JSON.

What a model wrote is shown and never obeyed: no markup is read, and characters that cannot be seen, or that move a
terminal's cursor, are printed as escapes (`\\x1b`). A backslash that was there before looks the same; `--json` does not
mix the two up. Answers are not cut off, so a long one is a long line; quoted pieces of a response are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from ...rows.decode import decode_row
from ...rows.files import Input
from ...rows.reader import RowReader
from ...verifiers.errors import ConfigError, RunError, SampleError, UnknownRewardError
from ...verifiers.escape import escape_unprintable
from ...verifiers.registry import CHOICE, accuracy_of, is_known, make, names, unknown_kind
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Status, Verdict
from .steps import steps_of

Options = Mapping[str, Mapping[str, object]]


class Explanation(NamedTuple):
    """A verdict with the steps that lead to it."""

    steps: Sequence[Mapping[str, Any]]  # any: JSON objects, see steps.py
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
    options: Options | None = None,
) -> Explanation:
    r"""Judge one answer of mathematics and tell how; `options` holds keyword arguments by verifier name.

    Raises ConfigError for an option that there is not.

    >>> steps, verdict = explain(r"\\boxed{0.5}", [r"\\frac12"])
    >>> [step["rule"] for step in steps], verdict.detail
    (['boxed', 'num', 'dec', 'exact'], 'equal by exact')
    """
    return explain_sample(Sample(response=response, prompt=prompt, reference=references), "math", options)


def explain_sample(sample: Sample, name: str, options: Options | None = None) -> Explanation:
    """Judge one sample by a named verifier and tell how.

    Raises UnknownRewardError for a verifier that is not there, ConfigError for an option that it does not have.

    >>> explanation = explain_sample(Sample(response="<think>a</think>"), "format")
    >>> [step["rule"] for step in explanation.steps]
    ['r1_zero', 'closed', 'missing_answer']
    """
    for other in options or {}:
        if other != name:
            raise ConfigError(f"options for {other!r}, which is not what is explained: {name}")
    verifier = make(name, (options or {}).get(name))
    (verdict,) = verifier([sample])
    if verdict.reason is Reason.GRADER_CRASHED:
        return Explanation([], verdict)
    return Explanation(steps_of(verifier, sample, verdict), verdict)


def run_explain(
    response: str | None,
    references: Sequence[str] = (),
    prompt: str = "",
    options: Options | None = None,
    *,
    verifier: str | None = None,
    source: str | None = None,
    row: str | None = None,
    names: Mapping[str, str] | None = None,
    language: str | None = None,
    as_json: bool = False,
) -> None:
    """Explain on standard output; a response `-` is read from standard input. Raises ConfigError or RunError.

    With `source` the sample is a row of that file, found by id or number; what else is given is put in its place.
    """
    if source is not None:
        sample = _find(source, row or "1", names or {}, response)
    elif response is None:
        raise ConfigError("--response is missing: what the model wrote, or --from FILE for a row of a file")
    else:
        sample = Sample(response=_read(response))
    if references:
        sample = replace(sample, reference=list(references))
    if prompt:
        sample = replace(sample, prompt=prompt)
    if language:
        sample = replace(sample, language=language)
    options = dict(options or {})
    name = verifier or _verifier_of(sample, options.pop(CHOICE, None))
    if name == "math" and sample.reference is None:
        raise ConfigError("--reference is missing: the right answer, which math compares with")
    explanation = explain_sample(sample, name, options)
    if as_json:
        # ASCII, so that no character of a response reaches a terminal as it is.
        sys.stdout.write(json.dumps(explanation.to_dict(), allow_nan=False) + "\n")
        return
    console = Console(highlight=False)
    for line in _lines(explanation, console.encoding):
        console.print(line, soft_wrap=True)


def _verifier_of(sample: Sample, chosen: Mapping[str, object] | None) -> str:
    """The accuracy verifier of the sample's kind; mathematics where nothing shows the kind."""
    kind = sample.kind_or_guess
    if kind is None:
        return "math"
    name = accuracy_of(kind, chosen)
    if name is None and not is_known(kind):
        raise UnknownRewardError(unknown_kind(kind))
    if name is None:
        raise UnknownRewardError(
            f"no verifier judges the kind {kind!r} here; name one with --verifier: {', '.join(names())}"
        )
    return name


def _find(source: str, row: str, names: Mapping[str, str], response: str | None) -> Sample:
    """A row of a file: by its id, else by its number from 1; `row#2` is the second of its `responses`."""
    name, _, part = row.partition("#")
    if part and not part.isdigit():
        raise ConfigError(f"{row!r} names no response; write ROW#2 for the second of a row")
    number = int(name) if name.isdigit() else None
    numbered: dict[str, Any] | None = None
    for place, raw in enumerate(Input([source], 64 << 20), 1):
        try:
            fields, _ = decode_row(raw)
        except SampleError:
            fields = None
        if isinstance(fields, dict) and str(fields.get(names.get("id", "id"))) == name:
            return _sample(fields, names, response, int(part or 1))
        if place == number:
            if not isinstance(fields, dict):
                raise RunError(f"row {number} of {source} is no JSON object")
            numbered = fields
    if numbered is None:
        raise RunError(f"{source} has no row with the id or the number {name!r}")
    return _sample(numbered, names, response, int(part or 1))


def _sample(fields: dict[str, Any], names: Mapping[str, str], response: str | None, part: int) -> Sample:
    reader = RowReader(columns=dict(names))
    try:
        if response is not None:
            return replace(reader.read_question(fields), response=_read(response))
        samples = reader.read_row(fields).samples
    except SampleError as error:
        raise RunError(f"the row is no sample: {error}") from error
    if not 1 <= part <= len(samples):
        raise RunError(f"the row has {len(samples)} responses, so no number {part}")
    return samples[part - 1]


def _read(response: str) -> str:
    if response != "-":
        return response
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"standard input is not UTF-8 at byte {error.start}") from None


_PASSED = frozenset({"AC", "closed", "given"})
_FAILED = frozenset("WA TLE MLE OLE RE CE".split())


_WHOLE = frozenset({"program", "stdout", "stderr"})
"""Steps whose results are shown line by line."""
_MOST_LINES = 60


def _lines(explanation: Explanation, encoding: str) -> Iterator[Text]:
    """One line for each step and one for the verdict, in columns; programs and outputs as they are."""
    rows = [("step", "rule", "result"), *map(_row, explanation.steps), _last(explanation.verdict)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for number, (step, rule, result) in enumerate(rows):
        first, *more = result.rstrip().splitlines() if step in _WHOLE and result.strip() else [result]
        if len(more) >= _MOST_LINES:
            more = [*more[: _MOST_LINES - 1], f"… {len(more) - _MOST_LINES + 1} more lines, all of them in --json"]
        line = f"{step:<{widths[0]}}  {rule:<{widths[1]}}  {escape_unprintable(first)}".rstrip()
        style = (
            "dim"
            if number == 0
            else _style(explanation.verdict)
            if number == len(rows) - 1
            else _colour(step, rule, explanation)
        )
        for text in (line, *(f"{'':{sum(widths) + 2}}  {escape_unprintable(one)}".rstrip() for one in more)):
            # Not every terminal can show every letter.
            yield Text(text.encode(encoding, "backslashreplace").decode(encoding), style)


def _style(verdict: Verdict) -> str:
    if verdict.status is not Status.SCORED or verdict.reason is Reason.UNDECIDED:
        return "bold yellow"
    return {Reason.CORRECT: "bold green", Reason.MEASURED: "bold cyan"}.get(verdict.reason, "bold red")


def _colour(step: str, rule: str, explanation: Explanation) -> str:
    """Colour of a step: what failed is red, and text of another language than the target's is yellow."""
    if step == "violation" or (step.startswith("test ") and rule in _FAILED):
        return "red"
    if step.startswith("test "):
        return "green" if rule in _PASSED else "yellow"
    if step in ("text", "count"):
        return "" if rule == explanation.verdict.evidence.get("target") else "yellow"
    return ""


def _row(step: Mapping[str, Any]) -> tuple[str, str, str]:  # any: JSON values
    trouble = step["data"].get("trouble")
    result = f"{step['result']} ({trouble})" if trouble else step["result"]
    return escape_unprintable(step["step"]), escape_unprintable(step["rule"]), result


def _last(verdict: Verdict) -> tuple[str, str, str]:
    score = "no score" if verdict.score is None else f"score {verdict.score:g}"
    return "verdict", verdict.reason.value, f"{score}, {verdict.detail}" if verdict.detail else score
