"""Does the gold of a row earn the full score from its own verifier? And, for code, does an empty program not?

The gold is put where an answer is looked for, and judged by the verifier that will judge the run. What it does not do:
say that a gold is true. One that verifies against itself can still be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..catalog import CATALOG, Options, make
from ..contract import Verifier
from ..errors import UnknownRewardError
from ..sample import Sample
from ..verdict import Reason, Status, Verdict

SOLUTION_FIELDS = ("solution", "canonical_solution", "reference_solution")
"""Fields of a code row that may hold a program that passes, besides `reference`."""
PROGRAMMING = frozenset("python py python3 cpp c++ c javascript js typescript java go rust".split())
"""What a code row's `language` may say of its program; Python otherwise."""


class Fault(NamedTuple):
    """What is wrong with a gold."""

    what: str
    """`gold_not_verified`, `gold_unreadable`, `gold_missing`, `empty_program_passes`, `not_checked`."""
    detail: str


class Golds:
    """Checks golds; verifiers are made once. `options` holds their keyword arguments by name."""

    def __init__(self, options: Mapping[str, Options] | None = None) -> None:
        self._options = options or {}
        self._made: dict[str, Verifier | None] = {}

    def check(self, sample: Sample) -> list[Fault]:
        """What is wrong with the gold of a row; empty where nothing is, or where its kind has none."""
        kind = sample.kind_or_guess
        if kind is None:
            return [Fault("gold_missing", "the row has no kind, no tests and no reference, so nothing can judge it")]
        if kind in ("general", "safety"):
            return []
        verifier = self._verifier(kind)
        if verifier is None:
            return [Fault("not_checked", f"no verifier judges the kind {kind!r} here")]
        return list(_code(verifier, sample) if kind == "code" else _answers(verifier, kind, sample))

    def _verifier(self, kind: str) -> Verifier | None:
        if kind not in self._made:
            name = next((n for n, e in CATALOG.items() if e.accuracy and e.kinds and kind in e.kinds), None)
            try:
                self._made[kind] = None if name is None else make(name, self._options.get(name))
            except UnknownRewardError:
                self._made[kind] = None
        return self._made[kind]


def _answers(verifier: Verifier, kind: str, sample: Sample) -> Iterator[Fault]:
    responses = {gold: _respond(kind, gold) for gold in sample.references if gold.strip()}
    if not responses:
        if kind in ("schema", "puzzle") and sample.reference is None:
            # Nothing to verify; judging nonsense still tells whether the row itself can be judged.
            (verdict,) = verifier([replace(sample, response="<answer>null</answer>")])
            if verdict.status is Status.ERROR and verdict.reason is not Reason.REFERENCE_MISSING:
                yield Fault("gold_unreadable", verdict.detail)
            elif verdict.status is Status.ERROR:
                yield Fault("gold_missing", verdict.detail)
            return
        yield Fault("gold_missing", "the row has no reference")
        return
    for gold, response in responses.items():
        # Each of several golds alone: one that cannot be read hides behind one that can.
        (verdict,) = verifier([replace(sample, response=response, reference=gold, prompt=_plain(sample))])
        fault = _fault(verdict, gold)
        if fault is not None:
            yield fault


def _respond(kind: str, gold: str) -> str:
    """A response whose answer is the gold."""
    if kind in ("math", "choice"):
        return rf"The answer is \boxed{{{gold}}}."
    return f"<answer>{gold}</answer>" if kind == "puzzle" else gold


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
        return Fault("gold_unreadable", f"{shown!r}: {verdict.detail}")
    if verdict.status is Status.SKIPPED:
        return Fault("not_checked", verdict.detail)
    if verdict.reason is not Reason.CORRECT:
        return Fault("gold_not_verified", f"{shown!r} does not verify against itself: {verdict.detail}")
    return None


def _code(verifier: Verifier, sample: Sample) -> Iterator[Fault]:
    if not sample.tests:
        yield Fault("gold_missing", "the row has no tests")
        return
    solution = next((sample.meta[f] for f in SOLUTION_FIELDS if isinstance(sample.meta.get(f), str)), None)
    solution = solution or next(iter(sample.references), None)
    # A row's `language` may be that of its thoughts, or of its program.
    language = sample.language if sample.language in PROGRAMMING else "python"
    if solution is None:
        yield Fault("not_checked", f"no reference solution ({', '.join(SOLUTION_FIELDS)} or reference)")
    else:
        fenced = solution if "```" in solution else f"```{language}\n{solution}\n```"
        (verdict,) = verifier([replace(sample, response=fenced, prompt="")])
        if verdict.status is Status.ERROR:
            yield Fault("not_checked", verdict.detail)
            return
        if verdict.reason is not Reason.CORRECT:
            yield Fault("gold_not_verified", f"the reference solution fails: {verdict.reason}: {_outcomes(verdict)}")
    (empty,) = verifier([replace(sample, response=f"```{language}\n\n```", prompt="")])
    if empty.status is Status.SCORED and empty.score:
        yield Fault("empty_program_passes", f"an empty program scores {empty.score:g}, so the tests test nothing")


def _outcomes(verdict: Verdict) -> str:
    tests = verdict.evidence.get("tests")
    if not isinstance(tests, list):
        return verdict.detail
    failed = [f"test {n}: {test.get('outcome')}" for n, test in enumerate(tests, 1) if test.get("outcome") != "AC"]
    return f"{verdict.detail} ({json.dumps(failed[:3])})" if failed else verdict.detail
