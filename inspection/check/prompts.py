"""What can be wrong with prompts: none, the same twice, or the answer inside."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import NamedTuple

from ...verifiers.sample import Sample

LONG_GOLD = 12
"""Characters from which a gold found word for word in its prompt is worth a look."""

_SAYS = r"(?:answer|solution|result|答案)\s*(?:is|是|为|:|：|=)+\s*\$?(?:\\boxed\s*\{\s*)?\(?"


class Seen(NamedTuple):
    """Where a prompt was first seen."""

    row: str
    golds: str
    problem: str | None
    answered: bool
    """Whether that row holds a response, so that the same prompt again is another rollout."""


class Prompts:
    """Remembers prompts by their hash; memory grows by about 200 bytes a different one."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Seen] = {}

    def add(self, row: str, sample: Sample, answered: bool) -> tuple[str, str] | None:
        """What is wrong with this prompt beside those before: `duplicate_prompt`, `conflicting_golds`, or nothing.

        Several responses to one problem are no duplicates; one prompt with two different golds always is a conflict.
        """
        text = normal(sample.prompt_text)
        if not text:
            return None
        golds = "\n".join(sorted(map(normal, sample.references)))
        tests = repr(sample.tests) if sample.tests else ""
        others = repr(
            sorted((k, repr(v)) for k, v in sample.meta.items() if k in ("numbers", "nums", "target", "schema"))
        )
        digest = hashlib.blake2b(
            f"{golds}\0{tests}\0{others}".encode("utf-8", "surrogatepass"), digest_size=12
        ).hexdigest()
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        before = self._seen.setdefault(key, Seen(row, digest, sample.problem, answered))
        if before.row == row:
            return None
        if before.golds != digest:
            return "conflicting_golds", f"the prompt of {before.row} with another gold"
        if answered and before.answered and before.problem == sample.problem:
            return None
        return "duplicate_prompt", f"the prompt of {before.row}"


def leaked(sample: Sample) -> tuple[str, str] | None:
    r"""Whether the prompt holds the answer: `leaked_answer` where it says so, `gold_in_prompt` where a long gold stands
    in it word for word, which a question may do for good reason.

    >>> leaked(Sample(response="", prompt=r"Solve. Hint: the answer is 42.", reference="42"))[0]
    'leaked_answer'
    """
    prompt = normal(sample.prompt_text)
    if not prompt:
        return None
    for gold in sample.references:
        text = normal(gold)
        if not text or len(text) > 2_000:
            continue
        exact = re.escape(text)
        # `the answer is 42` but not `the answer is 420`, nor `is (A) or (B)`.
        said = _SAYS + exact + r"(?![\w.,]*\w)(?!\)?\s*(?:or|,))"
        if re.search(rf"\\boxed\s*\{{\s*{exact}\s*\}}", prompt) or re.search(said, prompt):
            return "leaked_answer", f"the prompt gives the answer {gold[:60]!r}"
        if len(text) >= LONG_GOLD and text in prompt and sample.kind_or_guess != "choice":
            return "gold_in_prompt", f"the gold {gold[:60]!r} stands in the prompt"
    return None


def normal(text: str) -> str:
    r"""A text for comparison: one case, one kind of space.

    >>> normal("How  MANY\n")
    'how many'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
