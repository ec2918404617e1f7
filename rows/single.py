"""One response, one verdict: the shortest way from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..sandbox.limits import Limits
from ..verifiers.cases import TestCase
from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.registry import accuracy_verifiers, make
from ..verifiers.reward import Auto
from ..verifiers.sample import Message, Sample
from ..verifiers.verdict import Reason, Verdict
from .cases import read_sample
from .labels import check_solution


def verify(
    response: str,
    reference: str | float | Sequence[str | float] | None = None,
    kind: str = "math",
    *,
    tests: Sequence[TestCase | str | Mapping[str, Any]] | Mapping[str, Any] | str = (),
    prompt: str | Sequence[Message | Mapping[str, Any]] = "",
    limits: Limits | Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    **options: Any,
) -> Verdict:
    r"""Judge one response with the accuracy verifier of its kind.

    Args:
        response: What the model wrote, its chain of thought included.
        reference: The right answer; of several, any one will do.
        kind: Whose business it is: `math`, `code`, `choice`, `puzzle`, `schema`, `instructions`, `answer`, `tools`,
            `sql`, `procedural`, or a kind of an installed package.
        tests: Test cases, for code: `TestCase`s, or any form that a row may have (docs/reference/code.md).
        prompt: What the model was asked, as text or as messages.
        limits: What a program may use: `Limits`, or their names and values.
        meta: What else the verifier asks a row for: `options`, `numbers` and `target`, `schema`.
        options: Options of the verifier, as its class takes them.

    Returns:
        The verdict; `correct` is None where the response could not be judged.
    Raises:
        ConfigError: No verifier judges that kind, or it has no such option or value.
        SampleError: An argument is of the wrong type; a TypeError for a response that is a Sample or a row.

    >>> verify(r"\boxed{\frac12}", "0.5").correct
    True
    >>> verify("The answer is 7.", 7, extraction="lenient").reason.value
    'correct'
    >>> verify("I do not know.", "0.5").correct
    False
    >>> verify(r"\boxed{4}", "N/A").correct is None
    True
    >>> verify(r"\boxed{42}", "6*7=42. The answer is 42.").correct
    True
    >>> verify("Answer: B", "B", kind="choice").score
    1.0
    """
    if isinstance(response, Sample | Mapping):
        raise TypeError(
            f"response is a {type(response).__name__}; write verifier([sample]), or verify(text, reference)"
        )
    deciders = accuracy_verifiers()
    if kind not in deciders:
        raise ConfigError(f"no verifier judges the kind {kind!r}; known: {', '.join(sorted(deciders))}")
    row = {**(meta or {}), "response": response, "reference": _plain(reference), "kind": kind}
    made: dict[str, Any] = {}  # any: fields of Sample that need no reading
    for field, value, is_made in (
        ("tests", tests, _all(tests, TestCase)),
        ("prompt", prompt, _all(prompt, Message)),
        ("limits", limits, isinstance(limits, Limits)),
    ):
        if is_made:
            made[field] = value
        elif value:
            row[field] = list(value) if isinstance(value, tuple) else value
    if kind == "math":
        try:
            row |= check_solution({"reference": row["reference"], "kind": kind}, "reference")
        except SampleError as error:  # prose that marks no answer, which a file's row would be an error for, too
            return Verdict.error(Reason.REFERENCE_UNUSABLE, error.message.partition(": --map")[0])
    judge = Auto(verifiers={kind: make(deciders[kind], options)})
    (verdict,) = judge([replace(read_sample(row), **made)])
    return verdict


def _plain(reference: object) -> object:
    return list(reference) if isinstance(reference, tuple) else reference


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list | tuple) and bool(values) and all(isinstance(value, kind) for value in values)
