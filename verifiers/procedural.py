"""Procedural tasks: answers to rows of reasoning-gym, and of anything that brings a scorer of its own.

Foreign scorers evaluate what a model wrote (reasoning-gym's by `eval` and by sympy), so they run in the sandbox with
its limits, never in a grader's process; the sandbox must have their package (docs/reference/capabilities.md). An answer
that holds code gets 0 before any scorer sees it: code that runs in a scorer's process could say whatever score it
likes. What the scorer returns is the score; right is 1.

A row has `question`, `answer` and `metadata` with `source_dataset`, as reasoning-gym makes it and `r1-reward make`
writes it, or `scorer`: `reasoning-gym/NAME`, or `package.module:function`, whose parameters are given by name
(`answer`, `completion`, `solution_str`, `action`, `ground_truth`, `info`, `extra_info` and others).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..sandbox.limits import Limits
from ..sandbox.outcome import Fault, Outcome
from ..sandbox.scripts import script
from .format.verifier import clean
from .instructions.text import without_hidden
from .reasoning import Prefilled, scan
from .references import literal
from .sample import Sample
from .settings import Amount, Count, check
from .verdict import Reason, Verdict
from .verifier import judge_grouped

_SCORER = re.compile(r"reasoning-gym/[a-z0-9_]+|[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_CODE = re.compile(
    r"__\w+__|\b(?:open|input|breakpoint|vars|dir|type|print|system|popen|exit|quit|source|preview)\s*\("
    r"|\b(?:eval|exec|getattr|setattr|delattr|globals|locals|sympify|parse_expr|lambdify|memoryview)\b"
    r"|\b(?:compile|lambda)\b[^\n]{0,40}[(:]|^\s*import\s+\w|\bfrom\s+\w+\s+import\b|;\s*import\s"
    r"|\bfor\s+\w+\s+in\b[^\n]{0,60}[\])}]|:=|\._|\bos\.|\bsys\.",
    re.MULTILINE,
)
_POLAR = ("true", "false", "yes", "no")
_LONGEST = 20_000
BOUNDS = {Outcome.TLE: Reason.TIMEOUT, Outcome.MLE: Reason.MEMORY_LIMIT, Outcome.OLE: Reason.OUTPUT_LIMIT}
_FAULTS = {Fault.MACHINE_BUSY: Reason.MACHINE_BUSY, Fault.SANDBOX: Reason.SANDBOX_UNAVAILABLE}
_WAY_OUT = "`r1-reward sandbox build python --packages` with its package adds it (docs/reference/capabilities.md)"


class _Task(NamedTuple):
    scorer: str
    answer: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProceduralVerifier:
    """What the row's own scorer gives for the answer, run in the sandbox: 1 where it says 1, else 0; or its score.

    Evidence: `scorer`, `said` (its score), `backend`, `environment`, and `trust`, which is weak: a scorer shares its
    process with what it evaluates.
    """

    name = "procedural"
    """The key of its verdicts."""
    scorer: str | None = None
    """The scorer of rows that name none."""
    score: Literal["all", "fraction"] = "all"
    """fraction: the scorer's own number from 0 to 1, part of which reasoning-gym gives for an answer that is wrong."""
    time_s: Amount = 20.0
    """Processor time of one scoring, seconds."""
    memory_mb: Count = 1_024
    """Its memory, MiB."""
    backend: str = "auto"
    """Where it runs: see `sandbox`."""
    slots: int | None = None
    """How many sandboxes there are at once; None: one a processor."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def response_to(self, reference: str) -> str:
        """A response whose answer is the reference."""
        return f"<answer>{reference}</answer>"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample; those of one package share a sandbox."""
        return judge_grouped(self._task, _package, self._score, samples)

    def _task(self, sample: Sample) -> _Task | Verdict:
        entry = entry_of(sample)
        source = entry["metadata"].get("source_dataset") if isinstance(entry["metadata"], Mapping) else None
        named = sample.meta.get("scorer", f"reasoning-gym/{source}" if source else self.scorer)
        if named is None:
            return Verdict.error(Reason.REFERENCE_MISSING, "the row names no scorer: it has no metadata.source_dataset")
        if not isinstance(named, str) or not _SCORER.fullmatch(named):
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"{named!r:.80} names no scorer")
        if entry["answer"] is None and not entry["metadata"]:
            return Verdict.error(Reason.REFERENCE_MISSING, "the row has neither an answer nor metadata")
        reasoning = scan(clean(without_hidden(sample.response)), sample.prompt, prefilled=self.prefilled)
        text = reasoning.answer.strip()
        if not reasoning.answers:
            boxes = reasoning.boxes_in(reasoning.final) if reasoning.final else []
            fences = scan(text).fences if "```" in text else ()
            text = boxes[-1] if boxes else fences[0].body.of(text) if len(fences) == 1 else text
        text = text.strip()
        if not text:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is no answer")
        if len(text) > _LONGEST:
            return Verdict.scored(0.0, Reason.WRONG, f"the answer has {len(text)} characters", answer=text[:400])
        question = " ".join(str(entry["question"] or "").split())
        said = " ".join(text.split())
        copied = question and (question in said or (said in question and len(said) >= 0.6 * len(question)))
        if copied and text != entry["answer"]:
            return Verdict.scored(0.0, Reason.WRONG, "the answer is the question", answer=text[:400])
        if str(entry["answer"]).strip().lower() in _POLAR and said.lower().strip(" .") not in _POLAR:
            detail = f"it says neither yes nor no: {text[:60]!r}"  # some scorers look for one word alone
            return Verdict.scored(0.0, Reason.WRONG, detail, answer=text[:400])
        if text != entry["answer"] and _CODE.search(text):
            return Verdict.scored(
                0.0, Reason.WRONG, "the answer holds code, which no scorer is given", answer=text[:400]
            )
        return _Task(named, text, json.dumps(entry))

    def _score(self, package: str, tasks: Sequence[_Task]) -> list[Verdict]:
        from ..sandbox.functions import call_function
        from ..sandbox.pool import Pool, shared

        limits = Limits(time_s=self.time_s, memory_mb=self.memory_mb, disk_mb=16)
        pool = shared(Pool(backend=self.backend, size=self.slots))
        calls = [tuple(task) for task in tasks]
        source = script("scoring", package)
        replies = call_function(pool, source, "score", calls, limits=limits)
        verdicts = []
        for task, reply in zip(tasks, replies, strict=True):
            evidence = {
                "scorer": task.scorer,
                "trust": "weak",
                "backend": reply.backend,
                "environment": reply.environment,
            }
            fault = fault_of(reply)
            if fault is None and reply.outcome is not Outcome.AC and reply.outcome not in BOUNDS:
                # A scorer that takes the gold, or where there is none plain words, fails at this answer: the model's.
                gold = json.loads(task.row)["answer"]
                other = "no answer" if gold is None else str(gold)
                (again,) = call_function(pool, source, "score", [(task.scorer, other, task.row)], limits=limits)
                if again.outcome is not Outcome.AC:
                    fault = Verdict.error(
                        Reason.GRADER_CRASHED, f"{task.scorer} fails on this row: {reply.detail[:300]}"
                    )
            verdicts.append(self._verdict(task, reply, evidence) if fault is None else fault)
        return verdicts

    def _verdict(self, task: _Task, reply: Any, evidence: dict[str, Any]) -> Verdict:  # any: a Reply; JSON values
        answer = task.answer[:400]
        if reply.outcome is not Outcome.AC:
            reason = BOUNDS.get(reply.outcome, Reason.RUNTIME_ERROR)
            return Verdict.scored(0.0, reason, f"scoring it: {reply.detail[:300]}", answer=answer, evidence=evidence)
        said = reply.value
        if not isinstance(said, int | float) or not math.isfinite(said) or not 0 <= said <= 1:
            return Verdict.error(
                Reason.GRADER_CRASHED, f"{task.scorer} gave {said!r:.80}, which is no score", answer=answer
            )
        evidence["said"] = said
        score = float(said) if self.score == "fraction" else float(said >= 1)
        reason = Reason.CORRECT if said >= 1 else Reason.PARTIAL if score else Reason.WRONG
        return Verdict.scored(score, reason, f"{task.scorer} gives {said:g}", answer=answer, evidence=evidence)


def _package(task: _Task) -> str:
    return "reasoning_gym" if task.scorer.startswith("reasoning-gym/") else task.scorer.partition(":")[0]


def entry_of(sample: Sample) -> dict[str, Any]:  # any: JSON values
    """The row as its scorer takes it."""
    held = sample.meta.get("entry")
    held = literal(held) if isinstance(held, str) else held
    entry: dict[str, Any] = dict(held) if isinstance(held, Mapping) else dict(sample.meta)  # any: JSON values
    metadata = entry.get("metadata")
    entry["metadata"] = (literal(metadata) if isinstance(metadata, str) else metadata) or {}
    entry.setdefault("question", sample.prompt_text)
    if entry.get("answer") is None:
        entry["answer"] = sample.references[0] if sample.references else None
    if (
        isinstance(entry["metadata"], Mapping)
        and "source_dataset" not in entry["metadata"]
        and sample.meta.get("dataset")
    ):
        entry["metadata"] = {**entry["metadata"], "source_dataset": sample.meta["dataset"]}
    return entry


def fault_of(reply: Any) -> Verdict | None:  # any: a Reply
    """The verdict on a call that says nothing about the answer; None on any other."""
    if reply.missing_module:
        detail = f"the sandbox has no module {reply.missing_module!r}; {_WAY_OUT}"
        return Verdict.error(Reason.MISSING_MODULE, detail, evidence={"missing_module": reply.missing_module})
    if reply.outcome is Outcome.INFRA:
        return Verdict.error(_FAULTS.get(reply.fault, Reason.SANDBOX_UNAVAILABLE), reply.detail[:500])
    return None
