"""Risk control behind a generator, or over responses that are there: what is stopped is replaced by a refusal.

A gate has stages (`stages.py`): words and patterns, a safety model's probability, a judge's review. Each sees what the
ones before it let through; what one stops, or cannot judge, does not pass: a gate that fails is closed. `stream` checks
a response while it is produced, and retracts what was shown. It judges each response once, and the prompt with it; it
reads no images, calls no tools, and does not see what a later turn makes of an answer.

What it does not promise: that what passes is safe. It misses what its stages miss, and `calibrate` bounds that only for
responses like those it was given. `stress` and `r1-reward safety-report` are for finding out about others: jailbreaks,
other languages.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ..rows.decode import decode_row
from ..rows.files import Input
from ..rows.reader import RowReader
from ..scoring.stats import Interval, wilson
from ..verifiers.errors import ConfigError
from ..verifiers.sample import Message, Sample
from ..verifiers.verdict import Verdict
from ..verifiers.verifier import Verifier
from .stages import ModelStage, Ruling, Stage, check_threshold, probability_of

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
    stage: str = ""
    """The stage that stopped it; empty where it passed."""
    categories: tuple[str, ...] = ()
    """Of the harm, where a stage names it."""


class Event(NamedTuple):
    """What to do while a response is produced."""

    kind: Literal["show", "retract", "end"]
    """Show more text; take back all that was shown and show `text` in its place; all of it passed."""
    text: str
    """What to show."""
    decision: Decision | None = None
    """The last check's."""


def decide(sample: Sample, verdict: Verdict, threshold: float, refusals: Mapping[str, str] | None = None) -> Decision:
    """Whether a response passes, by its safety verdict.

    >>> from r1_reward.verifiers import Reason
    >>> sure = Verdict.scored(0.9, Reason.MEASURED, evidence={"probability": 0.9})
    >>> [decide(Sample(response="Sure."), sure, threshold).text for threshold in (0.8, 0.95)]
    ['Sure.', "I can't help with that."]
    """
    refusal = _refusal(sample, refusals or REFUSALS)
    probability = probability_of(verdict)
    if probability is None:
        why = verdict.detail if verdict.score is None else "its evidence holds no `probability` from 0 to 1"
        return Decision(False, None, refusal, f"not judged, so not let through: {why}")
    if verdict.evidence.get("cut"):
        return Decision(False, probability, refusal, "not read whole, so not let through")
    if probability >= threshold:
        return Decision(
            True, probability, sample.response, f"safe with probability {probability:.3f}, at least {threshold:g}"
        )
    return Decision(False, probability, refusal, f"safe with probability {probability:.3f}, less than {threshold:g}")


def _refusal(sample: Sample, refusals: Mapping[str, str]) -> str:
    return refusals.get(sample.language or "en") or refusals.get("en") or REFUSALS["en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyGate:
    """Lets through what none of its stages stops.

    `SafetyGate(verifier=..., threshold=...)` is one with a `ModelStage` alone; with `stages` too, that one comes last.

    Raises:
        ConfigError: It has no stage, or two by one name.
    """

    verifier: Verifier | None = None
    """A SafetyVerifier, or one of your own whose evidence holds a `probability`, and `cut: true` of what it did not
    read whole."""
    threshold: float = 0.5
    """Least probability of being safe."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """By category: the least probability of being free of that harm."""
    stages: Sequence[Stage] = ()
    """What comes before it, in order: `PatternStage`, `ModelStage`, `JudgeStage`, or your own."""
    refusals: Mapping[str, str] = field(default_factory=lambda: REFUSALS)
    """What is said instead, by language."""

    def __post_init__(self) -> None:
        check_threshold("threshold", self.threshold)
        if self.verifier is None and not self.stages:
            raise ConfigError("a gate needs a verifier or stages")
        names = [stage.name for stage in self._all()]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise ConfigError(f"two stages are called {twice[0]!r}; give one of them another name")

    def _all(self) -> list[Stage]:
        last: list[Stage] = []
        if self.verifier is not None:
            last = [ModelStage(verifier=self.verifier, threshold=self.threshold, thresholds=self.thresholds)]
        return [*self.stages, *last]

    def __call__(self, samples: Sequence[Sample]) -> list[Decision]:
        """A decision for each response, whatever its kind."""
        decisions: list[Decision | None] = [None] * len(samples)
        last: dict[int, Ruling] = {}
        flagged: set[int] = set()
        for stage in self._all():
            rest = [at for at in range(len(samples)) if decisions[at] is None]
            if getattr(stage, "only_flagged", False):
                rest = [at for at in rest if at in flagged]
            for at, ruling in zip(rest, _rulings(stage, [samples[at] for at in rest]), strict=True):
                if not ruling.passed:
                    refusal = _refusal(samples[at], self.refusals)
                    stopped = Decision(False, ruling.probability, refusal, ruling.detail, stage.name, ruling.categories)
                    decisions[at] = stopped
                    continue
                last[at] = ruling if ruling.probability is not None or at not in last else last[at]
                if ruling.flagged:
                    flagged.add(at)
        return [
            decision
            or Decision(True, last[at].probability if at in last else None, sample.response, _passed(last.get(at)))
            for at, (sample, decision) in enumerate(zip(samples, decisions, strict=True))
        ]

    def stream(
        self, prompt: Prompt, chunks: Iterable[str], *, every: int = 200, language: str | None = None
    ) -> Iterator[Event]:
        """Check a response while it is produced: what to show of it, and whether to retract it.

        Nothing is shown before a check of all text so far has passed. A check is made whenever `every` characters
        have come since the last one, and at the end; the first that fails retracts everything and ends the stream, and
        no more of `chunks` is taken. Where the generator fails, what it gave is retracted before its exception goes on.

        Args:
            prompt: What was asked, as text or messages.
            chunks: The response as it is generated.
            every: Characters after which the text so far is checked.
            language: Of the refusal.

        Yields:
            What to show, in order; a `retract` is the last event.

        Raises:
            ConfigError: `every` is less than 1.

        >>> from r1_reward.reward_models.stages import PatternStage
        >>> gate = SafetyGate(stages=[PatternStage(words=["nerve gas"])])
        >>> [(event.kind, event.text) for event in gate.stream("Hi", ["Good day. ", "Take nerve ", "gas."], every=5)]
        [('show', 'Good day. '), ('show', 'Take nerve '), ('retract', "I can't help with that.")]
        """
        if every < 1:
            raise ConfigError(f"every is {every}; it must be at least 1")
        text, shown = "", 0

        def check() -> Decision:
            (decision,) = self([Sample(prompt=prompt, response=text, language=language)])
            return decision

        try:
            for chunk in chunks:
                text += chunk
                if len(text) - shown < every:
                    continue
                decision = check()
                if not decision.passed:
                    yield Event("retract", decision.text, decision)
                    return
                yield Event("show", text[shown:], decision)
                shown = len(text)
        except GeneratorExit:
            raise
        except BaseException:
            refusal = _refusal(Sample(prompt=prompt, response="", language=language), self.refusals)
            yield Event("retract", refusal, Decision(False, None, refusal, "the generator failed", "generator"))
            raise
        decision = check()
        if not decision.passed:
            yield Event("retract", decision.text, decision)
            return
        if len(text) > shown:
            yield Event("show", text[shown:], decision)
        yield Event("end", "", decision)

    def guard(self, generate: Generate) -> Callable[[Sequence[Prompt]], list[Decision]]:
        """The generator with this gate behind it: prompts in, decisions out.

        Args:
            generate: Takes B prompts and gives B responses.

        Returns:
            A function from B prompts to B decisions; it raises TypeError where the generator gives another number.
        """

        def answer(prompts: Sequence[Prompt]) -> list[Decision]:
            responses = list(generate(prompts))
            if len(responses) != len(prompts):
                raise TypeError(f"the generator gave {len(responses)} responses to {len(prompts)} prompts")
            pairs = zip(prompts, responses, strict=True)
            return self([Sample(prompt=prompt, response=response) for prompt, response in pairs])

        return answer


def _rulings(stage: Stage, samples: Sequence[Sample]) -> Sequence[Ruling]:
    """A stage's rulings; where it fails, it stops them all."""
    if not samples:
        return []
    try:
        rulings = list(stage(samples))
        if len(rulings) == len(samples):
            return rulings
        why = f"it gave {len(rulings)} rulings on {len(samples)} dialogues"
    except Exception as error:  # noqa: BLE001 - the boundary: a stage that fails has not judged
        why = type(error).__name__
    return [Ruling(False, f"the stage {stage.name!r} failed, so not let through: {why}")] * len(samples)


def _passed(ruling: Ruling | None) -> str:
    return (ruling.detail if ruling is not None and ruling.probability is not None else "") or "no stage stopped it"


def stopped_by(decisions: Iterable[Decision]) -> dict[str, int]:
    """How many responses each stage stopped.

    Args:
        decisions: What a gate returned.

    Returns:
        Counts by the name of the stage, the largest first.

    >>> stopped_by([Decision(False, None, "", "", "patterns"), Decision(True, 0.9, "", "")])
    {'patterns': 1}
    """
    return dict(Counter(one.stage for one in decisions if not one.passed).most_common())


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
    """The least threshold at which few enough unsafe responses pass, also among others of the same kind.

    Args:
        probabilities: How likely each response is safe, from 0 to 1.
        safe: Whether it is.
        missed: Most of the unsafe ones that may pass; the upper end of the share's 95 % interval is held to it.

    Returns:
        The threshold, and what it missed and refused.

    Raises:
        ConfigError: There are too few unsafe responses to tell, no threshold does it, or a number is no probability.

    >>> calibrated = calibrate([0.1] * 90 + [0.6] * 10 + [0.9] * 100, [False] * 100 + [True] * 100, missed=0.2)
    >>> 0.1 < calibrated.threshold <= 0.6, calibrated.missed.number, calibrated.refused.number
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
        raise ConfigError(f"more than {missed:g} of the unsafe responses are sure to be safe; no threshold stops them")
    passed = [p >= threshold for p in probabilities]
    return Calibrated(
        threshold,
        Share(sum(let_through for let_through, good in zip(passed, safe, strict=True) if not good), count),
        Share(
            sum(not let_through for let_through, good in zip(passed, safe, strict=True) if good), sum(map(bool, safe))
        ),
    )


def calibrate_categories(
    probabilities: Mapping[str, Sequence[float]], harms: Sequence[Sequence[str]], *, missed: float = 0.05
) -> dict[str, Calibrated]:
    """A threshold for each category, as `calibrate` finds one for all.

    Args:
        probabilities: By category, how likely each response is *free* of that harm.
        harms: The categories of harm in each response; none for a safe one.
        missed: Most of a category's responses that may pass.

    Returns:
        By category the threshold, and what it missed and refused.

    Raises:
        ConfigError: A category has too few responses to tell, or the numbers do not go together.
    """
    calibrated = {}
    for category, values in probabilities.items():
        if len(values) != len(harms):
            raise ConfigError(f"{category} has {len(values)} probabilities for {len(harms)} responses")
        chosen = [at for at, held in enumerate(harms) if not held or category in held]
        try:
            calibrated[category] = calibrate(
                [values[at] for at in chosen], [category not in harms[at] for at in chosen], missed=missed
            )
        except ConfigError as error:
            raise ConfigError(f"{category}: {error}") from None
    return calibrated


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
    """Try a gate on files of hard prompts.

    Args:
        gate: What is tried.
        files: Rows with `prompt`, and `response` unless `generate` answers them; `safe` (0 or 1), where it is there, is
            the truth about the response.
        generate: From prompts to responses.
        by: Fields whose values make groups.

    Returns:
        What the gate did, for `all` and for each `field=value`.

    Raises:
        ConfigError: A row has not what is needed; the message names file and line.
        TypeError: The generator gave another number of responses.
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
    samples, rows, reader = [], Input(files, 64 << 20), RowReader()
    for row in rows:
        try:
            fields, _ = decode_row(row)
            sample = reader.read_row(fields).samples[0] if answered else reader.read_question(fields)
            if not sample.prompt_text:
                raise ValueError("the row has no prompt")
            if sample.meta.get("safe") not in (None, 0, 1):
                raise ValueError(f"safe is {sample.meta['safe']!r}; it must be 0 or 1")
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"{rows.files[row.file]}, line {row.line}: {error}") from error
        samples.append(sample)
    return samples
