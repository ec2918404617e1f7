"""A safety model behind a generator, or over responses that are there: what it does not take for safe is replaced.

The threshold is a probability of being safe, best one from `calibrate`. A response that could not be judged does not
pass, nor does one that was not read whole (`cut` in the evidence): a gate that fails is closed. It judges each response
once, and the prompt with it; it reads no images, calls no tools, and does not see what a later turn makes of an answer.

What it does not promise: that what passes is safe. It misses what its model misses, and `calibrate` bounds that only
for responses like those it was given. `stress` is for finding out about others: jailbreaks, other languages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, NamedTuple

from ..rows.decode import decode_row
from ..rows.files import Input
from ..rows.reader import RowReader
from ..scoring.stats import Interval, wilson
from ..verifiers.errors import ConfigError
from ..verifiers.registry import check_verifier
from ..verifiers.sample import Message, Sample
from ..verifiers.verdict import Verdict
from ..verifiers.verifier import Verifier, verdicts_or_errors

Prompt = str | Sequence[Message]
Generate = Callable[[Sequence[Prompt]], Sequence[str]]
"""Whatever answers prompts, one response each."""

REFUSALS: Mapping[str, str] = {
    "en": "I can't help with that.",
    "zh": "抱歉，我无法帮助处理这个请求。",
}
"""What is said in place of a response, by the sample's language; English where there is none for it."""


class Decision(NamedTuple):
    """What became of one response."""

    passed: bool
    """Whether it is let through."""
    probability: float | None
    """That it is safe; None where it could not be judged."""
    text: str
    """The response, or the refusal in its place."""
    detail: str
    """Why, for a person."""


def decide(sample: Sample, verdict: Verdict, threshold: float, refusals: Mapping[str, str] | None = None) -> Decision:
    """Whether a response passes, by its safety verdict.

    >>> from r1_reward.verifiers import Reason
    >>> sure = Verdict.scored(0.9, Reason.MEASURED, evidence={"probability": 0.9})
    >>> [decide(Sample(response="Sure."), sure, threshold).text for threshold in (0.8, 0.95)]
    ['Sure.', "I can't help with that."]
    """
    refusals = refusals or REFUSALS
    told = verdict.evidence.get("probability")
    number = float(told) if isinstance(told, Real) and not isinstance(told, bool) else math.nan
    found = number if 0 <= number <= 1 else None  # a logit, say, would pass any threshold
    refusal = refusals.get(sample.language or "en") or refusals.get("en") or REFUSALS["en"]
    if verdict.score is None or found is None:
        why = verdict.detail if verdict.score is None else "its evidence holds no `probability` from 0 to 1"
        return Decision(False, None, refusal, f"not judged, so not let through: {why}")
    if verdict.evidence.get("cut"):
        return Decision(False, found, refusal, "not read whole, so not let through")
    if found >= threshold:
        return Decision(True, found, sample.response, f"safe with probability {found:.3f}, at least {threshold:g}")
    return Decision(False, found, refusal, f"safe with probability {found:.3f}, less than {threshold:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyGate:
    """Lets through what a safety model takes for safe."""

    verifier: Verifier
    """A SafetyVerifier, or one of your own whose evidence holds a `probability`, and `cut: true` of what it did not
    read whole."""
    threshold: float
    """Least probability of being safe."""
    refusals: Mapping[str, str] = field(default_factory=lambda: REFUSALS)
    """What is said instead, by language."""

    def __post_init__(self) -> None:
        check_verifier("the gate's verifier", self.verifier)
        check_threshold("threshold", self.threshold)

    def __call__(self, samples: Sequence[Sample]) -> list[Decision]:
        """A decision for each response, whatever its kind."""
        asked = [replace(sample, kind="safety") for sample in samples]
        closely = getattr(self.verifier, "closely", None)  # a SafetyVerifier reads otherwise behind a gate
        verdicts = verdicts_or_errors(closely() if closely else self.verifier, asked)
        return [
            decide(sample, verdict, self.threshold, self.refusals)
            for sample, verdict in zip(samples, verdicts, strict=True)
        ]

    def guard(self, generate: Generate) -> Callable[[Sequence[Prompt]], list[Decision]]:
        """The generator with this gate behind it: prompts in, decisions out.

        What it returns raises TypeError where the generator does not give one response for each prompt.
        """

        def answer(prompts: Sequence[Prompt]) -> list[Decision]:
            responses = list(generate(prompts))
            if len(responses) != len(prompts):
                raise TypeError(f"the generator gave {len(responses)} responses to {len(prompts)} prompts")
            pairs = zip(prompts, responses, strict=True)
            return self([Sample(prompt=prompt, response=response) for prompt, response in pairs])

        return answer


def check_threshold(name: str, value: object) -> None:
    """Raise ConfigError unless a threshold is a probability."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= 1:  # type: ignore[operator]  # a number by now
        raise ConfigError(f"{name} is {value!r}; it must be a probability from 0 to 1")


class Share(NamedTuple):
    """Some of all."""

    number: int
    of: int

    @property
    def interval(self) -> Interval | None:
        """95 % Wilson interval; None of nothing."""
        return wilson(self.number / self.of, self.of) if self.of else None

    def to_dict(self) -> dict[str, Any]:  # any: JSON values
        """The JSON form."""
        value = self.number / self.of if self.of else None
        return {"number": self.number, "of": self.of, "value": value, "ci95": self.interval}


class Calibrated(NamedTuple):
    """A threshold, and what it did on the responses that it was found on."""

    threshold: float
    missed: Share
    """Unsafe responses that pass."""
    refused: Share
    """Safe responses that do not."""


def calibrate(probabilities: Sequence[float], safe: Sequence[bool], *, missed: float = 0.05) -> Calibrated:
    """The least threshold at which the share of unsafe responses that pass is at most `missed`, its interval's upper
    end included; so that it also holds for other responses of the same kind.

    Raises ConfigError where there are too few unsafe responses to tell, where no threshold does it, and for what is no
    probability.

    >>> found = calibrate([0.1] * 90 + [0.6] * 10 + [0.9] * 100, [False] * 100 + [True] * 100, missed=0.2)
    >>> 0.1 < found.threshold <= 0.6, found.missed.number, found.refused.number
    (True, 10, 0)
    """
    if not 0 < missed < 1:
        raise ConfigError(f"missed is {missed}; it must be between 0 and 1")
    for probability in probabilities:
        if not 0 <= probability <= 1:
            raise ConfigError(f"one of the probabilities is {probability}; they must be from 0 to 1")
    unsafe = sorted((p for p, good in zip(probabilities, safe, strict=True) if not good), reverse=True)
    count = len(unsafe)
    allowed = [passing for passing in range(count + 1) if count and wilson(passing / count, count)[1] <= missed]
    if not allowed:
        needed = next(n for n in range(1, 1_000_000) if wilson(0.0, n)[1] <= missed)
        raise ConfigError(f"{count} unsafe responses cannot show that {missed:g} are missed at most; {needed} can")
    threshold = math.nextafter(unsafe[allowed[-1]], 2.0)
    if threshold > 1:
        raise ConfigError(f"more than {missed:g} of the unsafe responses are sure to be safe; no threshold tells them")
    passed = [p >= threshold for p in probabilities]
    return Calibrated(
        threshold,
        Share(sum(let for let, good in zip(passed, safe, strict=True) if not good), count),
        Share(sum(not let for let, good in zip(passed, safe, strict=True) if good), sum(map(bool, safe))),
    )


class Stress(NamedTuple):
    """What a gate did with one group of responses."""

    responses: int
    unjudged: int
    """Could not be judged, and so did not pass."""
    refused: Share
    """Of all."""
    passed_unsafe: Share
    """Of those labelled unsafe: let through."""
    refused_safe: Share
    """Of those labelled safe: not let through."""

    def to_dict(self) -> dict[str, Any]:  # any: JSON values
        """The JSON form."""
        return {name: value.to_dict() if isinstance(value, Share) else value for name, value in self._asdict().items()}


def stress(
    gate: SafetyGate,
    files: Sequence[str],
    *,
    generate: Generate | None = None,
    by: Sequence[str] = ("language", "category"),
) -> dict[str, Stress]:
    """Try a gate on files of hard prompts; a row of results for `all`, and for each value of each field of `by`.

    Rows have `prompt`, and `response` unless `generate` answers them; `safe` (0 or 1), where it is there, is the truth
    about the response. Raises ConfigError, naming file and line, for a row that has not what is needed.
    """
    samples = _rows(files, answered=generate is None)
    if generate is not None:
        responses = list(generate([sample.prompt for sample in samples]))
        if len(responses) != len(samples):
            raise TypeError(f"the generator gave {len(responses)} responses to {len(samples)} prompts")
        samples = [replace(sample, response=text) for sample, text in zip(samples, responses, strict=True)]
    judged = list(zip(samples, gate(samples), strict=True))
    groups: dict[str, list[tuple[Sample, Decision]]] = {"all": judged}
    for name in by:
        for sample, decision in judged:
            value = sample.language if name == "language" else sample.meta.get(name)
            if value is not None:
                groups.setdefault(f"{name}={value}", []).append((sample, decision))
    return {name: _stress(group) for name, group in groups.items()}


def _stress(group: Sequence[tuple[Sample, Decision]]) -> Stress:
    safe, unsafe = ([d for s, d in group if s.meta.get("safe") in labels] for labels in ((1, True), (0, False)))
    return Stress(
        responses=len(group),
        unjudged=sum(decision.probability is None for _, decision in group),
        refused=Share(sum(not decision.passed for _, decision in group), len(group)),
        passed_unsafe=Share(sum(decision.passed for decision in unsafe), len(unsafe)),
        refused_safe=Share(sum(not decision.passed for decision in safe), len(safe)),
    )


def _rows(files: Sequence[str], *, answered: bool) -> list[Sample]:
    found, rows, reader = [], Input(files, 64 << 20), RowReader()
    for row in rows:
        try:
            told, _ = decode_row(row)
            sample = reader.read_row(told).samples[0] if answered else reader.read_question(told)
            if not sample.prompt_text:
                raise ValueError("the row has no prompt")
            if sample.meta.get("safe") not in (None, 0, 1):
                raise ValueError(f"safe is {sample.meta['safe']!r}; it must be 0 or 1")
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{rows.files[row.file]}, line {row.line}: {error}") from error
        found.append(sample)
    return found
