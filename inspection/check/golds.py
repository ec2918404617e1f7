"""Does the gold of a row earn the full score from its own verifier? And, for code, does an empty program not?

The gold is put where an answer is looked for, and judged by the verifier that will judge the run. Programs are handed
over many at a time, since a sandbox runs several at once. What it does not do: say that a gold is true. One that
verifies against itself can still be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...rows.solutions import Solution, reference_solutions
from ...verifiers.errors import UnknownRewardError
from ...verifiers.references import unusable
from ...verifiers.registry import CHOICE, UNDECIDED_KINDS, Options, accuracy_verifiers, is_known, make, unknown_kind
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Status, Verdict
from ...verifiers.verifier import Responder, Verifier

MOST_SOLUTIONS = 3
"""Solutions of one row that are run: the first, those in Python before others."""
PROGRAMMING = frozenset("python py python3 cpp c++ c javascript js typescript java go rust".split())
"""What a code row's `language` may say of its program; Python otherwise."""


_OF_THE_ROW = frozenset(
    {Reason.REFERENCE_MISSING, Reason.REFERENCE_UNPARSEABLE, Reason.REFERENCE_UNUSABLE, Reason.TESTS_MISSING}
)
"""Errors that the row itself is to blame for."""


class GoldFault(NamedTuple):
    """What is wrong with a gold."""

    what: str
    """`gold_not_verified`, `gold_unreadable`, `gold_missing`, `gold_not_needed`, `empty_program_passes`, `not_judged`,
    `not_checked`, `unknown_kind`."""
    detail: str


class Golds:
    """Checks golds; verifiers are made once. `options` holds their keyword arguments by name.

    Raises ConfigError where two verifiers say that they decide one kind and the options choose none.
    """

    def __init__(self, options: Mapping[str, Options] | None = None) -> None:
        self._options = options or {}
        self._deciders = accuracy_verifiers(self._options.get(CHOICE))
        self._made: dict[str, Verifier | None] = {}

    def check(self, samples: Sequence[Sample]) -> list[list[GoldFault]]:
        """What is wrong with the gold of each row; empty where nothing is, or where its kind has none."""
        faults: list[list[GoldFault]] = [[] for _ in samples]
        programs: list[int] = []
        for place, sample in enumerate(samples):
            kind = sample.kind_or_guess
            if kind == "code" and self._verifier(kind) is not None:
                programs.append(place)
            elif kind is None:
                detail = "the row has no kind, no tests and no reference, so nothing can judge it"
                why = unusable(sample.references)
                faults[place].append(
                    GoldFault("gold_missing", detail) if why is None else GoldFault("gold_unreadable", why)
                )
            elif not is_known(kind) and kind not in self._deciders:
                faults[place].append(GoldFault("unknown_kind", unknown_kind(kind)))
            elif kind not in UNDECIDED_KINDS or kind in self._deciders:
                verifier = self._verifier(kind)
                unchecked = [GoldFault("not_checked", f"no verifier judges the kind {kind!r} here")]
                faults[place] += unchecked if verifier is None else _answers(verifier, sample)
        if programs:
            verifier = self._verifier("code")
            assert verifier is not None
            for place, wrong in zip(programs, _programs(verifier, [samples[n] for n in programs]), strict=True):
                faults[place] += wrong
        return faults

    def _verifier(self, kind: str) -> Verifier | None:
        if kind not in self._made:
            name = self._deciders.get(kind)
            try:
                self._made[kind] = None if name is None else make(name, self._options.get(name))
            except UnknownRewardError:
                self._made[kind] = None
        return self._made[kind]


def _answers(verifier: Verifier, sample: Sample) -> Iterator[GoldFault]:
    if sample.reference is None:
        # Nothing to verify; judging nonsense still shows whether the row itself can be judged.
        (verdict,) = verifier([replace(sample, response="<answer>null</answer>")])
        if sample.kind_or_guess == "procedural" and verdict.reason is not Reason.REFERENCE_MISSING:
            yield GoldFault("gold_not_needed", "the row has no gold: its own scorer judges answers without one")
        if verdict.status is Status.ERROR and verdict.reason is not Reason.REFERENCE_MISSING:
            yield _unjudged(verdict)
        elif verdict.status is Status.ERROR:
            yield GoldFault("gold_missing", verdict.detail)
        return
    write = verifier.response_to if isinstance(verifier, Responder) else str
    responses = {gold: write(gold) for gold in sample.references if gold.strip()}
    if not responses:
        yield GoldFault("gold_missing", "the row has no reference")
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


def _fault(verdict: Verdict, gold: str) -> GoldFault | None:
    shown = gold if len(gold) <= 80 else gold[:79] + "…"
    if verdict.status is Status.ERROR:
        return _unjudged(verdict, f"{shown!r}: ")
    if verdict.status is Status.SKIPPED:
        return GoldFault("not_checked", verdict.detail)
    if verdict.reason is not Reason.CORRECT:
        return GoldFault("gold_not_verified", f"{shown!r} does not verify against itself: {verdict.detail}")
    return None


def _unjudged(verdict: Verdict, about: str = "") -> GoldFault:
    """An error told apart: a fault of the row, which can be mended in the file, or one of the instrument."""
    return GoldFault("gold_unreadable" if verdict.reason in _OF_THE_ROW else "not_judged", about + verdict.detail)


class _Asked(NamedTuple):
    """What is run for a row of code."""

    solutions: list[Solution]
    """Its solutions that are run."""
    faults: list[GoldFault]
    """Why none is run, where that is so."""


def _programs(verifier: Verifier, samples: Sequence[Sample]) -> Iterator[list[GoldFault]]:
    """What is wrong with rows of code: reference solutions and an empty program for each, judged at once."""
    default = getattr(verifier, "language", None)
    rows = [_solutions(sample) for sample in samples]
    asked: list[Sample] = []
    for sample, row in zip(samples, rows, strict=True):
        if sample.tests:
            plain = replace(sample, prompt=_stub(sample))
            asked += [replace(plain, response=_fenced(sample, one, default)) for one in row.solutions]
            # Without what begins the function, which would fill the empty program.
            meta = {name: value for name, value in sample.meta.items() if name != "declaration"}
            empty = _fenced(sample, Solution("", None, ""), default)
            asked.append(replace(sample, prompt="", meta=meta, response=empty))
    verdicts = iter(verifier(asked) if asked else [])
    for sample, row in zip(samples, rows, strict=True):
        if not sample.tests:
            yield [GoldFault("gold_missing", "the row has no tests")]
            continue
        solved = [next(verdicts) for _ in row.solutions]
        yield [*row.faults, *_program(row.solutions, solved, next(verdicts))]


def _program(solutions: Sequence[Solution], solved: Sequence[Verdict], empty: Verdict) -> Iterator[GoldFault]:
    """What is wrong with one row of code, by the verdicts on its solutions and on an empty program."""
    unjudged = set()
    for number, (solution, verdict) in enumerate(zip(solutions, solved, strict=True), 1):
        which = "the reference solution"
        if len(solutions) > 1:
            which = f"solution {number} in `{solution.column}`"
        if verdict.status is Status.ERROR or verdict.reason is Reason.MISSING_MODULE:
            if verdict.detail not in unjudged:  # a fault of the row or of the sandbox is that of all its solutions
                yield _unjudged(verdict)
            unjudged.add(verdict.detail)
        elif verdict.reason is not Reason.CORRECT:
            yield GoldFault("gold_not_verified", f"{which} fails: {words(verdict.reason)}: {verdict.detail}")
    if empty.status is Status.ERROR:
        if empty.detail not in unjudged and not unjudged:
            yield _unjudged(empty)
    elif empty.score:
        yield GoldFault("empty_program_passes", f"an empty program scores {empty.score:g}, so the tests test nothing")


def words(reason: Reason) -> str:
    """A reason as a person writes it.

    >>> words(Reason.RUNTIME_ERROR)
    'runtime error'
    """
    return reason.value.replace("_", " ")


def _solutions(sample: Sample) -> _Asked:
    """The solutions of a row that are run, or why none is."""
    from ...sandbox.languages import language

    held = reference_solutions(sample)
    known = [one for one in held if one.language is None or language(one.language) is not None]
    if not held:
        return _Asked([], [GoldFault("not_checked", "no reference solution to run, in a column such as `solution`")])
    if not known:
        named = ", ".join(sorted({str(one.language) for one in held}))
        return _Asked([], [GoldFault("not_judged", f"the solutions are in languages that no sandbox knows: {named}")])
    known.sort(key=lambda one: one.language not in (None, "python", "python3", "py"))
    return _Asked(known[:MOST_SOLUTIONS], [])


def _stub(sample: Sample) -> Any:  # any: a prompt
    """What a solution that is only a function's body is joined to: BigCodeBench has a column for it."""
    stub = sample.meta.get("code_prompt") or sample.meta.get("complete_prompt")
    return stub if isinstance(stub, str) else _plain(sample)


_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


def _fenced(sample: Sample, solution: Solution, default: str | None) -> str:
    """A response with the program in it, tagged with its language, so that an empty one is run too."""
    from ...sandbox.languages import language
    from ...verifiers.code.verifier import named_language

    if _FENCE.search(solution.program):
        return solution.program
    # A row's `language` may be that of its thoughts, or of its program.
    named = sample.language if sample.language in PROGRAMMING else named_language(sample) or default or "python"
    own = language(solution.language) if solution.language else None
    return f"```{named if own is None else own.name}\n{solution.program}\n```"
