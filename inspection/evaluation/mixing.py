"""Language mixing: which share of the responses is not in the language of its prompt, by that language.

The paper names it as a limit on prompts that are neither English nor Chinese. What a response should be in is the row's
`language`, else that of its prompt; how much of it is, is what `language` measures: the share of its words. Chain of
thought and answer are looked at together, since a question in French whose answer is in English is mixed either way.

What it does not do: say whether a response is right, or judge one whose prompt shows no language; those are counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rich.console import Console

from ...scoring.scored import ScoredFiles, ScoredRow
from ...scoring.show import figures_table
from ...scoring.stats import Clustered, interval_text
from ...verifiers.language import LanguageVerifier
from ...verifiers.sample import Sample
from ...verifiers.verdict import Reason, Status

MOSTLY = 0.5
"""Share of the words in the prompt's language below which a response is out of it."""
PURE = 0.97
"""Share from which on it keeps to it."""
_AT_ONCE = 64


@dataclass(slots=True)
class MixedLanguages:
    """Responses to prompts in one language; figures are clustered by question."""

    language: str
    responses: int = 0
    no_words: int = 0
    """Responses without a word, as `42`: they are in no figure."""
    share: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    """By question, summed shares of words in the language, and how many responses they are of."""
    out: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    """By question, responses that are mostly in others."""
    mixed: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    """By question, responses that are not wholly in it."""

    def add(self, question: bytes, score: float | None) -> None:
        """Count a response; None is one without words."""
        self.responses += 1
        if score is None:
            self.no_words += 1
            return
        for sums, value in ((self.share, score), (self.out, float(score < MOSTLY)), (self.mixed, float(score < PURE))):
            total, count = sums.get(question, (0.0, 0))
            sums[question] = total + value, count + 1

    def figures(self) -> dict[str, Clustered]:
        """Mean share of words, share of responses out of the language, and of mixed ones."""
        means = {}
        for name, sums in (("share", self.share), ("out", self.out), ("mixed", self.mixed)):
            mean = means[name] = Clustered()
            for total, count in sums.values():
                mean.add(total, count)
        return means

    def to_dict(self) -> dict[str, Any]:  # any: a JSON object
        """The JSON form."""
        means = {
            name: {"value": one.mean, "ci95": None if (bounds := one.share_interval) is None else list(bounds)}
            for name, one in self.figures().items()
        }
        counts = {"responses": self.responses, "no_words": self.no_words, "questions": len(self.share)}
        return {"language": self.language, **counts, **means}


def language_mixing(rows: Iterable[ScoredRow]) -> list[MixedLanguages]:
    """Responses of scored rows by the language of their prompts, the most frequent first; `unknown` last.

    Args:
        rows: Rows with prompts and responses, as `score` and `eval` write them.
    """
    verifier = LanguageVerifier(scope="all")
    languages: dict[str, MixedLanguages] = {}
    pairs = _samples(rows)
    while some := list(islice(pairs, _AT_ONCE)):
        for (question, _), verdict in zip(some, verifier([sample for _, sample in some]), strict=True):
            target = str(verdict.evidence.get("target", "unknown")) if verdict.status is Status.SCORED else "unknown"
            score = None if verdict.reason is Reason.NO_WORDS or target == "unknown" else verdict.score
            languages.setdefault(target, MixedLanguages(target)).add(question, score)
    return sorted(languages.values(), key=lambda one: (one.language == "unknown", -one.responses, one.language))


def _samples(rows: Iterable[ScoredRow]) -> Iterator[tuple[bytes, Sample]]:
    for row in rows:
        for response in row.responses:
            asked = row.sample
            prompt = "" if asked is None else asked.prompt
            language = None if asked is None else asked.language
            yield response.scored.problem, Sample(response=response.text, prompt=prompt, language=language)


def run_mixing(files: Sequence[str], *, as_json: bool = False) -> None:
    """Print which share of responses is out of its prompt's language, on standard output. Raises RunError."""
    languages = language_mixing(ScoredFiles(files))
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.file.write(json.dumps({"languages": [one.to_dict() for one in languages]}) + "\n")
        return
    heads = (
        "prompts in",
        "responses",
        "without words",
        "out of it",
        "95 % interval",
        "not wholly in it",
        "words in it",
    )
    table = figures_table(*heads)
    for one in languages:
        means = one.figures()
        shares = [_percent(means[name].mean) for name in ("out", "mixed", "share")]
        counts = (f"{one.responses:,}", f"{one.no_words:,}")
        table.add_row(one.language, *counts, shares[0], interval_text(means["out"].share_interval), *shares[1:])
    console.print(table)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
