r"""Rewards by length: for over-long responses, for length against correctness, for repetition.

`overlong` is the soft penalty of DAPO (arXiv 2503.14476, eq. 13): 0 up to `limit - buffer`, then falling linearly to
-1 at `limit`, and -1 past it. `cosine` is the cosine-by-length reward of Yeo et al. (arXiv 2502.03373): a right answer
earns more when it is short, a wrong one loses less when it is long, and past `limit` there is a fixed penalty.
`repetition` is the share of n-grams that repeat an earlier one, as a penalty for the whole response (Yeo et al. set it
token by token, which a reward per response cannot).

Lengths are in tokens when a tokenizer is given, else in words: a run of letters and digits, a Han, Hiragana or
Katakana character, or another sign. Every verdict says which.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import ConfigError
from .format.verifier import clean
from .reasoning import Prefilled, scan
from .registry import make
from .sample import Sample
from .settings import check
from .verdict import Reason, Status, Verdict
from .verifier import Verifier, check_samples, judge_each

_PIECES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]")

Tokenizer = Callable[[str], Sequence[Any]]  # any: token ids or strings, whatever the tokenizer makes
"""A text in, its tokens out; an object with `encode` will do too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthVerifier:
    """A penalty or reward by length; the reason is `measured`.

    Evidence: `unit` (`tokens` or `words`), `length`, and for `repetition` the share `repeated`.

    >>> verifier = LengthVerifier(limit=10, buffer=4)
    >>> [float(v) for v in verifier([Sample(response="so " * n) for n in (6, 8, 10, 99)])]
    [0.0, -0.5, -1.0, -1.0]
    >>> float(LengthVerifier(mode="repetition", ngram=2)([Sample(response="a b a b a b")])[0])
    -0.6
    """

    name = "length"
    """The key of its verdicts."""
    mode: Literal["overlong", "cosine", "repetition"] = "overlong"
    """Which of the three."""
    limit: int = 20_480
    """overlong, cosine: the longest response; DAPO's 16,384 expected tokens and its buffer."""
    buffer: int = 4_096
    """overlong: over how much of it the penalty grows."""
    right: Sequence[float] = (2.0, 1.0)
    """cosine: what a right answer earns at length 0 and at the limit."""
    wrong: Sequence[float] = (-10.0, 0.0)
    """cosine: what a wrong answer earns at length 0 and at the limit."""
    exceeded: float = -10.0
    """cosine: what a response past the limit earns, right or wrong."""
    accuracy: str | Verifier | None = None
    """cosine: who says what is right, a verifier or the name of one; it must be given."""
    ngram: int = 20
    """repetition: words or tokens in one n-gram."""
    penalty: float = 1.0
    """repetition: what it costs if every n-gram repeats an earlier one."""
    scope: Literal["think", "all"] = "all"
    """What is measured: the chain of thought or everything."""
    tokenizer: Any = None  # any: a Tokenizer or an object with `encode`
    """Makes tokens; None counts words. To be used in other processes it must be picklable."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)
        for option in ("limit", "buffer", "ngram"):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"length.{option} is {value!r}; it must be a whole number from 1")
        if self.buffer > self.limit:
            raise ConfigError(f"length.buffer is {self.buffer}, more than length.limit, {self.limit}")
        for option in ("right", "wrong"):
            value = getattr(self, option)
            if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
                raise ConfigError(f"length.{option} is {value!r}; it must be two numbers")
            object.__setattr__(self, option, tuple(value))
        for number in (*self.right, *self.wrong, self.exceeded, self.penalty):
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise ConfigError(f"length: {number!r} is not a finite number")
        if self.penalty < 0:
            raise ConfigError(f"length.penalty is {self.penalty}; it is taken off, so it must not be below 0")
        if (self.accuracy is None) == (self.mode == "cosine"):
            raise ConfigError("length.accuracy goes with the mode 'cosine', which needs it: a verifier, or 'math'")
        if isinstance(self.accuracy, str):
            object.__setattr__(self, "accuracy", make(self.accuracy))
        if self.tokenizer is not None and not callable(getattr(self.tokenizer, "encode", self.tokenizer)):
            raise ConfigError("length.tokenizer must be callable, or have a method `encode`")

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        if self.mode != "cosine":
            return judge_each(self._overlong if self.mode == "overlong" else self._repetition, samples)
        assert isinstance(self.accuracy, Verifier)
        check_samples(samples)
        judged = {id(sample): verdict for sample, verdict in zip(samples, self.accuracy(samples), strict=True)}
        return judge_each(lambda sample: self._cosine(sample, judged[id(sample)]), samples)

    def _overlong(self, sample: Sample) -> Verdict:
        length = len(self._pieces(sample))
        over = length - (self.limit - self.buffer)
        score = -min(1.0, max(0, over) / self.buffer)
        return self._measured(0.0 if score == 0 else score, length, f"of {self.limit} allowed")

    def _cosine(self, sample: Sample, accuracy: Verdict) -> Verdict:
        if accuracy.status is not Status.SCORED:
            made = Verdict.error if accuracy.status is Status.ERROR else None
            if made is not None:
                return made(accuracy.reason, accuracy.detail)
            return Verdict.skipped(accuracy.detail)
        length = len(self._pieces(sample))
        if length > self.limit:
            return self._measured(self.exceeded, length, f"over the limit of {self.limit}")
        right = float(accuracy) >= 1.0
        short, long = self.right if right else self.wrong
        score = long + 0.5 * (short - long) * (1 + math.cos(math.pi * length / self.limit))
        return self._measured(score, length, f"of {self.limit}, and the answer is {'right' if right else 'wrong'}")

    def _repetition(self, sample: Sample) -> Verdict:
        pieces = self._pieces(sample)
        total = len(pieces) - self.ngram + 1
        if total < 1:
            return self._measured(0.0, len(pieces), f"too few for {self.ngram}-grams", repeated=0.0)
        shifted = [pieces[start : start + total] for start in range(self.ngram)]
        repeated = 1 - len(set(zip(*shifted, strict=True))) / total
        score = -self.penalty * repeated if repeated else 0.0
        return self._measured(score, len(pieces), f"{repeated:.1%} of {self.ngram}-grams repeated", repeated=repeated)

    def _measured(self, score: float, length: int, what: str, **more: float) -> Verdict:
        unit = "words" if self.tokenizer is None else "tokens"
        evidence = {"unit": unit, "length": length, **more}
        return Verdict.scored(score, Reason.MEASURED, f"{length} {unit}, {what}", evidence=evidence)

    def _pieces(self, sample: Sample) -> Sequence[Any]:  # any: words or tokens
        text = clean(sample.response)
        if self.scope == "think":
            span = scan(text, sample.prompt, prefilled=self.prefilled).chain_of_thought
            text = span.of(text) if span else text
        if self.tokenizer is None:
            return _PIECES.findall(text)
        made: Sequence[Any] = getattr(self.tokenizer, "encode", self.tokenizer)(text)  # any: token ids or strings
        return [piece if isinstance(piece, int | str) else str(piece) for piece in made]
