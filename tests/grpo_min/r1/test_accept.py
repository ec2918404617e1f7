"""What is learned from: each filter alone, and the counts of what was left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from r1_reward.grpo_min.r1.accept import accept, fault
from r1_reward.grpo_min.r1.recipe import SampleConfig
from r1_reward.verifiers import Sample
from r1_reward.verifiers.errors import ConfigError
from r1_reward.verifiers.reward import rl1

GOOD = Sample(
    response="<think>We add three and four, so seven.</think><answer>7</answer>",
    prompt="add 3 and 4", reference="7", language="en", kind="math", id="one",
)  # fmt: skip
STRICT = SampleConfig(paragraph=80, code=False)


def said(thought: str, answer: str = "7") -> Sample:
    return replace(GOOD, response=f"<think>{thought}</think><answer>{answer}</answer>")


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (GOOD, None),
        (said("We add three and four, so eight.", "8"), "wrong"),
        (replace(GOOD, response="We add three and four.<answer>7</answer>"), "format"),
        (said("We add three and four, 所以是七。"), "language"),
        (said("so it goes and so it goes and so it goes and so it goes"), "repetition"),
        (
            said("We add three and four and get a number which is larger than both of them, and that number is seven."),
            "paragraph",
        ),
        (said("We add them here. ```print(3 + 4)``` So seven."), "code"),
        (replace(GOOD, meta={"finish_reason": "length"}), "truncated"),
    ],
)
def test_each_filter_names_itself(sample: Sample, why: str | None) -> None:
    assert fault(sample, rl1(), STRICT) == why


def test_a_question_keeps_its_first_different_responses() -> None:
    candidates = [GOOD, GOOD, said("Three and four are seven."), said("Seven it is.")]
    found = accept(candidates, rl1(), SampleConfig(keep=2))
    assert [sample.response for sample in found.samples] == [GOOD.response, candidates[2].response]
    assert found.left_out == {"duplicate": 1, "enough": 1}


def test_what_the_rewriter_spoils_is_not_kept() -> None:
    # It puts the language's name behind the text, where nothing may stand.
    assert accept([GOOD], rl1(), SampleConfig(rewriter="operator:add")).left_out == {"format": 1}


def test_what_was_said_of_a_response_is_not_kept_with_it() -> None:
    (kept,) = accept([replace(GOOD, meta={"verdicts": {"seconds": 0.1}})], rl1(), SampleConfig()).samples
    assert kept.meta == {}


def test_a_rewriter_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="nowhere:at_all"):
        accept([GOOD], rl1(), SampleConfig(rewriter="nowhere:at_all"))
