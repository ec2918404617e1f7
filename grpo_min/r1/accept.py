"""Which responses of a checkpoint are learned from: the filters of cold start and of rejection sampling (B.3).

Kept is a response that is right, keeps to the form, came to an end, is in one language (after the rewriter, if there is
one), does not repeat itself, and whose chain of thought has neither long paragraphs nor code, as far as the recipe asks
for it. Why others were not is counted. A rewritten response is judged again, so that no rewriter can spoil an answer.

The paper also has people look at the cold start and DeepSeek-V3 judge what no rule can; neither is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pkgutil import resolve_name
from typing import NamedTuple

from ...reward_models.monitor import repetition
from ...verifiers import Reward, Sample
from ...verifiers.errors import ConfigError
from ...verifiers.reasoning import scan
from ...verifiers.registry import is_accuracy
from .recipe import SampleConfig

Rewriter = Callable[[str, str], str]
"""Text and a language, to the text in that language."""


class Accepted(NamedTuple):
    """What was kept."""

    samples: list[Sample]
    """The responses, by question."""
    left_out: dict[str, int]
    """How many others there were, by why."""


def accept(candidates: Iterable[Sample], judge: Reward, config: SampleConfig) -> Accepted:
    """Keep the first responses of each question that pass all filters."""
    rewrite = _rewriter(config.rewriter)
    kept: dict[str | None, list[Sample]] = {}
    left_out: Counter[str] = Counter()
    for sample in candidates:
        better = sample
        if rewrite is not None and sample.language is not None:
            better = replace(sample, response=rewrite(sample.response, sample.language))
        have = kept.setdefault(sample.group, [])
        why = "enough" if len(have) >= config.keep else fault(better, judge, config)
        if any(better.response == other.response for other in have):
            why = "duplicate"
        if why is None:
            have.append(replace(better, meta={}))  # not its verdicts, which say how long they took
        else:
            left_out[why] += 1
    return Accepted([sample for samples in kept.values() for sample in samples], dict(sorted(left_out.items())))


def fault(sample: Sample, judge: Reward, config: SampleConfig) -> str | None:
    """Why a response is not to be learned from; None where it is.

    >>> from r1_reward.verifiers.reward import rl1
    >>> text = "<think>so 4</think><answer>4</answer>"
    >>> right = Sample(response=text, reference="4", language="en", kind="math")
    >>> fault(right, rl1(), SampleConfig()), fault(replace(right, reference="5"), rl1(), SampleConfig())
    (None, 'wrong')
    """
    if sample.meta.get("finish_reason") == "length":
        return "truncated"
    (verdict,) = judge([sample])
    if verdict.score is None:
        return "unjudged"
    parts = verdict.parts
    if any(score < 1.0 for name, score in parts.items() if is_accuracy(name)):
        return "wrong"
    if parts.get("format", 1.0) < 1.0:
        return "format"
    if parts.get("language", 1.0) < config.language:
        return "language"
    span = scan(sample.response, sample.prompt).chain_of_thought
    thought = sample.response[span.start : span.end] if span else sample.response
    if repetition(thought) > config.repetition:
        return "repetition"
    if config.paragraph and max(map(len, thought.split("\n\n"))) > config.paragraph:
        return "paragraph"
    return "code" if not config.code and "```" in thought else None


def _rewriter(name: str) -> Rewriter | None:
    try:
        return resolve_name(name) if name else None  # whatever a recipe names
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"the rewriter {name!r} cannot be imported: {error}") from error
