"""Which responses of a checkpoint are learned from: the filters of cold start and of rejection sampling (B.3).

Kept is a response that is right, keeps to the form, ended, is in one language (after the rewriter, if there is
one), does not repeat itself, and whose chain of thought has neither long paragraphs nor code, as far as the recipe asks
for it. Why others were not is counted. A rewritten response is judged again, so that no rewriter can spoil an answer.

As in the paper a model may judge what no rule can, `judge` of the recipe names it; people come after, in `human`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ...reward_models.monitor import repetition
from ...verifiers import Reward, Sample, Verdict
from ...verifiers.reasoning import scan
from ...verifiers.registry import is_accuracy
from .recipe import SampleConfig
from .rewrite import rewrite_all


class Accepted(NamedTuple):
    """What was kept."""

    samples: list[Sample]
    """The responses, by question."""
    left_out: dict[str, int]
    """How many others there were, by why."""


def accept(candidates: Iterable[Sample], judge: Reward, config: SampleConfig) -> Accepted:
    """Keep the first responses of each question that pass all filters."""
    samples = list(candidates)
    texts = rewrite_all(samples, config.rewriter, config.rewrite)
    better = [one if text is None else replace(one, response=text) for one, text in zip(samples, texts, strict=True)]
    verdicts: list[Verdict | None] = [None] * len(samples)
    if any(getattr(term.verifier, "concurrency", 0) for term in judge.terms):
        verdicts[:] = judge(better)  # all at once, since a model is waited for
    kept: dict[str | None, list[Sample]] = {}
    left_out: Counter[str] = Counter()
    for sample, text, verdict in zip(better, texts, verdicts, strict=True):
        have = kept.setdefault(sample.group, [])
        why = "enough" if len(have) >= config.keep else fault(sample, judge, config, verdict)
        if any(sample.response == other.response for other in have):
            why = "duplicate"
        if text is None:
            why = "not_rewritten"
        if why is None:
            have.append(replace(sample, meta={}))  # not its verdicts, which say how long they took
        else:
            left_out[why] += 1
    return Accepted([sample for samples in kept.values() for sample in samples], dict(sorted(left_out.items())))


def fault(sample: Sample, judge: Reward, config: SampleConfig, verdict: Verdict | None = None) -> str | None:
    """Why a response is not to be learned from; None where it is. `verdict` is the judge's, where it is there.

    >>> from r1_reward.verifiers.reward import rl1
    >>> text = "<think>so 4</think><answer>4</answer>"
    >>> right = Sample(response=text, reference="4", language="en", kind="math")
    >>> fault(right, rl1(), SampleConfig()), fault(replace(right, reference="5"), rl1(), SampleConfig())
    (None, 'wrong')
    """
    if sample.meta.get("finish_reason") == "length":
        return "truncated"
    if verdict is None:
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
