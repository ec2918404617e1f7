"""Whether a response follows instructions that a program can check: IFEval's, IFBench's and those of IF-RLVR.

The instructions stand in the row as the data sets hold them: `instruction_id_list` with `kwargs`, a `ground_truth` of
`instruction_id` and `kwargs`, or one of `func_name` (`tasks.py`). An instruction that is not known, or an argument that
is missing, is an error of the row. What is checked is the answer: without thinking, end-of-turn tokens, white space at
its ends and hidden characters.

What it does not do: judge what the response says. So a response that is nothing but its own prompt follows nothing,
unless an instruction asks for a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..format.verifier import clean
from ..reasoning import Prefilled, Reasoning, scan
from ..sample import Sample
from ..settings import check
from ..verdict import Reason, Verdict
from ..verifier import judge_each
from .language import UnknownLanguageError
from .tasks import Task, TaskError, tasks_of
from .text import Text, without_hidden

_LONGEST = 60_000
"""Characters that are read; a longer response is left undecided."""
_DEMANDS = frozenset(
    "include keyword keywords response sentences paragraphs words letter letters least exactly must should format wrap"
    " highlight refrain commas placeholders bullet your".split()
)
"""Words of which demands are made."""
_COPIES = ("repeat", "copy", "copying")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionsVerifier:
    """1 if every instruction is followed, else 0; or the share that is.

    Parts: `followed`, the share. Evidence: `followed`, each instruction's name with whether it is followed, and `mode`.

    >>> row = {"instruction_id_list": ["punctuation:no_comma", "startend:quotation"], "kwargs": [{}, {}]}
    >>> said = ['"Yes and no."', '"Yes, and no."']
    >>> [float(v) for v in InstructionsVerifier(score="fraction")([Sample(response=s, meta=row) for s in said])]
    [1.0, 0.5]
    """

    name = "instructions"
    """The key of its verdicts."""
    mode: Literal["strict", "loose"] = "strict"
    """loose: also without the first line, the last line, both, and asterisks, as IFEval has it."""
    score: Literal["all", "fraction"] = "all"
    """Whether all must be followed (prompt level), or the share counts (instruction level)."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples, accuracy=True)

    def _judge(self, sample: Sample) -> Verdict:
        try:
            tasks = tasks_of(sample)
        except TaskError as error:
            return Verdict.error(error.reason, str(error))
        scanned = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        raw = without_hidden(_answer(scanned)).strip()
        if not raw:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is no answer to check")
        answer = raw[:200]
        if len(raw) > _LONGEST:
            detail = f"the answer has {len(raw)} characters; {_LONGEST} are read"
            return Verdict.scored(0.0, Reason.UNDECIDED, detail, answer=answer)
        if _is_copy(raw, sample.prompt_text) and not any(word in task.name for task in tasks for word in _COPIES):
            return Verdict.scored(0.0, Reason.WRONG, "the response is a copy of its prompt", answer=answer)
        texts = [Text(raw)] if self.mode == "strict" else [Text(variant) for variant in loose(raw)]
        try:
            followed = [any(task.check(text, **task.arguments) for text in texts) for task in tasks]
        except UnknownLanguageError as error:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, str(error), answer=answer)
        return self._verdict(tasks, followed, answer)

    def _verdict(self, tasks: Sequence[Task], followed: Sequence[bool], answer: str) -> Verdict:
        share = sum(followed) / len(followed)
        evidence = {
            "followed": [[task.name, kept] for task, kept in zip(tasks, followed, strict=True)],
            "mode": self.mode,
        }
        broken = [task.name for task, kept in zip(tasks, followed, strict=True) if not kept]
        detail = f"not followed: {', '.join(broken)}" if broken else "every instruction is followed"
        score = share if self.score == "fraction" else float(not broken)
        reason = Reason.CORRECT if not broken else Reason.PARTIAL if score else Reason.WRONG
        return Verdict.scored(score, reason, detail, answer=answer, parts={"followed": share}, evidence=evidence)


def loose(text: str) -> list[str]:
    """The forms of a response that IFEval's loose rule tries, without empty ones.

    >>> loose("Sure!\\n*Yes*")
    ['Sure!\\n*Yes*', 'Sure!\\nYes', '*Yes*', 'Yes', 'Sure!']
    """
    lines = text.split("\n")
    forms = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys(form for one in forms for form in (one, one.replace("*", "")) if form.strip()))


def _is_copy(text: str, prompt: str) -> bool:
    """Whether a response says nothing that its prompt does not, in any order, and its demands among it: a text that the
    prompt gives to be written anew has none of them."""
    if not prompt or len(text) < len(prompt) / 4:
        return False
    said, asked = (set(Text(one.lower()).words) for one in (text, prompt))
    return said <= asked and (len(said) >= 0.9 * len(asked) or len(said & _DEMANDS) > 1)


def _answer(scanned: Reasoning) -> str:
    """What follows the thinking; of an answer block its body, where nothing stands beside it."""
    if scanned.final is None:
        return ""
    text = scanned.final.of(scanned.text).strip()
    inside = [block for block in scanned.answers if block.span.of(scanned.text) == text and block.closed]
    return inside[0].body.of(scanned.text) if inside else text
