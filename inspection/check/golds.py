"""Does the gold of a row earn the full score from its own verifier? And, for code, does an empty program not?

The gold is put where an answer is looked for, and judged by the verifier that will judge the run. Programs are handed
over many at a time, since a sandbox runs several at once. What it does not do: say that a gold is true. One that
verifies against itself can still be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...verifiers.errors import UnknownRewardError
from ...verifiers.references import unusable
from ...verifiers.registry import CHOICE, UNDECIDED_KINDS, Options, accuracy_verifiers, is_known, make, unknown_kind
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Status, Verdict
from ...verifiers.verifier import Responder, Verifier

SOLUTION_FIELDS = ("solution", "canonical_solution", "reference_solution")
"""Fields of a code row that may hold a program that passes, besides `reference`."""
PROGRAMMING = frozenset("python py python3 cpp c++ c javascript js typescript java go rust".split())
"""What a code row's `language` may say of its program; Python otherwise."""


_OF_THE_ROW = frozenset(
    {Reason.REFERENCE_MISSING, Reason.REFERENCE_UNPARSEABLE, Reason.REFERENCE_UNUSABLE, Reason.TESTS_MISSING}
)
"""Errors that the row itself is to blame for."""


class Fault(NamedTuple):
    """What is wrong with a gold."""

    what: str
    """`gold_not_verified`, `gold_unreadable`, `gold_missing`, `empty_program_passes`, `not_judged`, `not_checked`,
    `unknown_kind`."""
    detail: str


class Golds:
    """Checks golds; verifiers are made once. `options` holds their keyword arguments by name.

    Raises ConfigError where two verifiers say that they decide one kind and the options choose none.
    """

    def __init__(self, options: Mapping[str, Options] | None = None) -> None:
        self._options = options or {}
        self._deciders = accuracy_verifiers(self._options.get(CHOICE))
        self._made: dict[str, Verifier | None] = {}

    def check(self, samples: Sequence[Sample]) -> list[list[Fault]]:
        """What is wrong with the gold of each row; empty where nothing is, or where its kind has none."""
        faults: list[list[Fault]] = [[] for _ in samples]
        programs: list[int] = []
        for place, sample in enumerate(samples):
            kind = sample.kind_or_guess
            if kind == "code" and self._verifier(kind) is not None:
                programs.append(place)
            elif kind is None:
                told = "the row has no kind, no tests and no reference, so nothing can judge it"
                why = unusable(sample.references)
                faults[place].append(Fault("gold_missing", told) if why is None else Fault("gold_unreadable", why))
            elif not is_known(kind) and kind not in self._deciders:
                faults[place].append(Fault("unknown_kind", unknown_kind(kind)))
            elif kind not in UNDECIDED_KINDS or kind in self._deciders:
                verifier = self._verifier(kind)
                found = [Fault("not_checked", f"no verifier judges the kind {kind!r} here")]
                faults[place] += found if verifier is None else _answers(verifier, sample)
        if programs:
            verifier = self._verifier("code")
            assert verifier is not None
            for place, found in zip(programs, _programs(verifier, [samples[n] for n in programs]), strict=True):
                faults[place] += found
        return faults

    def _verifier(self, kind: str) -> Verifier | None:
        if kind not in self._made:
            name = self._deciders.get(kind)
            try:
                self._made[kind] = None if name is None else make(name, self._options.get(name))
            except UnknownRewardError:
                self._made[kind] = None
        return self._made[kind]


def _answers(verifier: Verifier, sample: Sample) -> Iterator[Fault]:
    if sample.reference is None:
        # Nothing to verify; judging nonsense still tells whether the row itself can be judged.
        (verdict,) = verifier([replace(sample, response="<answer>null</answer>")])
        if verdict.status is Status.ERROR and verdict.reason is not Reason.REFERENCE_MISSING:
            yield _unjudged(verdict)
        elif verdict.status is Status.ERROR:
            yield Fault("gold_missing", verdict.detail)
        return
    write = verifier.response_to if isinstance(verifier, Responder) else str
    responses = {gold: write(gold) for gold in sample.references if gold.strip()}
    if not responses:
        yield Fault("gold_missing", "the row has no reference")
    for gold, response in responses.items():
        # Each of several golds alone: one that cannot be read hides behind one that can.
        (verdict,) = verifier([replace(sample, response=response, reference=gold, prompt=_plain(sample))])
        fault = _fault(verdict, gold)
        if fault is not None:
            yield fault


def _plain(sample: Sample) -> Any:  # any: a prompt
    """The prompt without an opening `<think>` at its end, which would put the gold inside the thinking."""
    prompt = sample.prompt
    if isinstance(prompt, str) and prompt.rstrip().endswith("<think>"):
        return prompt.rstrip().removesuffix("<think>")
    if not isinstance(prompt, str) and prompt and prompt[-1].content.rstrip().endswith("<think>"):
        last = replace(prompt[-1], content=prompt[-1].content.rstrip().removesuffix("<think>"))
        return [*prompt[:-1], last]
    return prompt


def _fault(verdict: Verdict, gold: str) -> Fault | None:
    shown = gold if len(gold) <= 80 else gold[:79] + "…"
    if verdict.status is Status.ERROR:
        return _unjudged(verdict, f"{shown!r}: ")
    if verdict.status is Status.SKIPPED:
        return Fault("not_checked", verdict.detail)
    if verdict.reason is not Reason.CORRECT:
        return Fault("gold_not_verified", f"{shown!r} does not verify against itself: {verdict.detail}")
    return None


def _unjudged(verdict: Verdict, about: str = "") -> Fault:
    """An error told apart: a fault of the row, which can be mended in the file, or one of the instrument."""
    return Fault("gold_unreadable" if verdict.reason in _OF_THE_ROW else "not_judged", about + verdict.detail)


def _programs(verifier: Verifier, samples: Sequence[Sample]) -> Iterator[list[Fault]]:
    """What is wrong with rows of code: every reference solution and every empty program of them, judged at once."""
    solutions = [_solution(sample) for sample in samples]
    default = getattr(verifier, "language", None)
    asked: list[Sample] = []
    for sample, solution in zip(samples, solutions, strict=True):
        if sample.tests:
            plain = replace(sample, prompt=_plain(sample))
            asked += [] if solution is None else [replace(plain, response=_fenced(sample, solution, default))]
            # Without the prompt, since one that begins the function would fill the empty program.
            asked.append(replace(sample, prompt="", response=_fenced(sample, "", default)))
    verdicts = iter(verifier(asked) if asked else [])
    for sample, solution in zip(samples, solutions, strict=True):
        if not sample.tests:
            yield [Fault("gold_missing", "the row has no tests")]
            continue
        yield list(_program(None if solution is None else next(verdicts), next(verdicts)))


def _program(solved: Verdict | None, empty: Verdict) -> Iterator[Fault]:
    """What is wrong with one row of code, by the verdicts on its solution and on an empty program."""
    if solved is None:
        yield Fault("not_checked", "no reference solution to run, in a field such as `solution`")
    elif solved.status is Status.ERROR:
        yield _unjudged(solved)
        return
    elif solved.reason is not Reason.CORRECT:
        yield Fault("gold_not_verified", f"the reference solution fails: {words(solved.reason)}: {solved.detail}")
    if empty.status is Status.ERROR:
        yield _unjudged(empty)
    elif empty.score:
        yield Fault("empty_program_passes", f"an empty program scores {empty.score:g}, so the tests test nothing")


def words(reason: Reason) -> str:
    """A reason as a person writes it.

    >>> words(Reason.RUNTIME_ERROR)
    'runtime error'
    """
    return reason.value.replace("_", " ")


def _solution(sample: Sample) -> str | None:
    """A program that should pass."""
    named = next((sample.meta[f] for f in SOLUTION_FIELDS if isinstance(sample.meta.get(f), str)), None)
    return named or next(iter(sample.references), None)


def _fenced(sample: Sample, program: str, default: str | None) -> str:
    """A response with the program in it, tagged with its language, so that an empty one is run too."""
    from ...verifiers.code.verifier import named_language

    if "```" in program:
        return program
    # A row's `language` may be that of its thoughts, or of its program.
    language = sample.language if sample.language in PROGRAMMING else named_language(sample) or default or "python"
    return f"```{language}\n{program}\n```"
