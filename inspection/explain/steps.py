"""The steps from a sample to a verdict, by verifier: JSON objects with `step`, `rule`, `result` and `data`.

Mathematics has its own (`mathematics.explain`). For the others the steps are read off the scanner and the
verdict's evidence, so they hold what the verifier says and nothing that it does not. Only the results of `program`,
`stdout` and `stderr` have more than one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...verifiers.cases import TestCase
from ...verifiers.math import MathVerifier
from ...verifiers.reasoning import scan
from ...verifiers.references import usable
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Verdict
from ...verifiers.verifier import Verifier
from .mathematics import explain as math_steps

Step = dict[str, Any]  # any: a JSON object

SHOWN = 400
"""Characters of a piece of text in a step's result."""
ASKED = 80
"""Characters of what a test asks."""


def steps_of(verifier: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    """How a verifier gets from a sample to its verdict."""
    return _BY_NAME.get(verifier.name, _general)(verifier, sample, verdict)


def _math(verifier: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    if not isinstance(verifier, MathVerifier):
        return _general(verifier, sample, verdict)
    if verdict.reason is Reason.REFERENCE_UNUSABLE:
        return [_step("reference", "unusable", verdict.detail)]
    return math_steps(
        sample.response,
        usable([reference for reference in sample.references if reference.strip()]),
        sample.prompt,
        extraction=verifier.extraction,
        prefilled=verifier.prefilled,
        symbolic=verifier.symbolic,
    )


def _format(verifier: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    profile = getattr(verifier, "profile", "")
    scanned = scan(sample.response, sample.prompt, prefilled=getattr(verifier, "prefilled", "auto"))
    steps = [_step("form", str(profile), "the form asked for")]
    if scanned.prefilled:
        steps.append(_step("think", "prefilled", "the prompt gave the opening <think>"))
    for block in scanned.blocks:
        data = {"start": block.span.start, "end": block.span.end, "closed": block.closed}
        rule = "closed" if block.closed else "left open"
        steps.append(_step(block.name, rule, _cut(block.body.of(scanned.text)), data))
    if not scanned.blocks:
        steps.append(_step("blocks", "none", "there is no <think> and no <answer>"))
    broken = [_step("violation", word, word.replace("_", " ")) for word in verdict.evidence.get("violations", ())]
    return steps + broken + _parts(verdict)


def _language(verifier: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    evidence = verdict.evidence
    if "target" not in evidence:
        return _general(verifier, sample, verdict)
    source = "given" if sample.language is not None else "the prompt's"
    steps = [_step("target", source, str(evidence["target"]))]
    for start, end, language in evidence["spans"]:
        data = {"start": start, "end": end}
        steps.append(_step("text", language, _cut(sample.response[start:end]), data))
    steps.append(_step("neutral", "masked", f"{evidence['neutral']:.1%} of the text counts nothing"))
    for language, count in evidence["counts"].items():
        steps.append(_step("count", language, f"{count} {evidence['unit']}s", {"count": count}))
    return steps


_TRUST = {
    "strong": "the program could not touch what decided",
    "weak": "test code ran in the program's own process, which can be cheated",
}


def _code(verifier: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    evidence = verdict.evidence
    tests = evidence.get("tests")
    if not isinstance(tests, list):
        return _general(verifier, sample, verdict)
    steps = []
    if verdict.answer is not None:
        steps.append(_step("program", str(evidence.get("language", "found")), verdict.answer))
    if "backend" in evidence:
        steps.append(_step("sandbox", str(evidence["backend"]), "where it ran"))
    if "trust" in evidence:
        steps.append(_step("trust", str(evidence["trust"]), _TRUST.get(str(evidence["trust"]), "")))
    # One test of the row may come to several, as the asserts of HumanEval's `check` do.
    questions = [_call_text(test) for test in sample.tests] if len(sample.tests) == len(tests) else [""] * len(tests)
    for number, (test, asked) in enumerate(zip(tests, questions, strict=True), 1):
        seconds = f"{test['seconds']:.2f} s" if isinstance(test.get("seconds"), int | float) else "not timed"
        memory = f", {test['memory_mb']:.0f} MB" if isinstance(test.get("memory_mb"), int | float) else ""
        results = ["not run"] if test.get("outcome") == "SKIPPED" else [seconds + memory]
        results += [_cut(str(test["detail"]))] if test.get("detail") else []
        result = f"{asked}: {', '.join(results)}" if asked else ", ".join(results)
        steps.append(_step(f"test {number}", str(test.get("outcome")), result, dict(test)))
        steps += [_step(stream, "wrote", str(test[stream])) for stream in ("stdout", "stderr") if test.get(stream)]
    others = {k: v for k, v in evidence.items() if k not in ("tests", "trust", "language", "backend")}
    return steps + [_step("evidence", key, _cut(str(value)), {key: value}) for key, value in others.items()]


def _call_text(test: TestCase) -> str:
    """What a test asks, on one short line."""
    if test.type == "function":
        args = (test.args or "()").strip()
        asked = f"{test.entry}{args.removesuffix(',)') + ')' if args.endswith(',)') else args}"
    else:
        asked = repr(test.input) if test.type == "stdin" else (test.code or "").strip().partition("\n")[0]
    return asked if len(asked) <= ASKED else f"{asked[: ASKED - 1]}…"


def _general(_: Verifier, sample: Sample, verdict: Verdict) -> list[Step]:
    steps = [_step("reference", "given", _cut(reference)) for reference in sample.references]
    if verdict.answer is not None:
        steps.append(_step("extraction", str(verdict.evidence.get("extraction", "found")), verdict.answer))
    steps += [_step("evidence", key, _cut(str(value)), {key: value}) for key, value in verdict.evidence.items()]
    return steps + _parts(verdict)


def _parts(verdict: Verdict) -> list[Step]:
    return [_step("part", name, f"{value:g}", {"value": value}) for name, value in verdict.parts.items()]


def _step(step: str, rule: str, result: str, data: Mapping[str, Any] | None = None) -> Step:
    return {"step": step, "rule": rule, "result": result, "data": dict(data or {})}


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


_BY_NAME: Mapping[str, Callable[[Verifier, Sample, Verdict], list[Step]]] = {
    "math": _math,
    "format": _format,
    "language": _language,
    "code": _code,
}
