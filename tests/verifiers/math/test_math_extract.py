"""Where an answer is found, and where it is not."""

from __future__ import annotations

import pytest

from r1_reward.verifiers import scan
from r1_reward.verifiers.math.extract import Extraction, extract

# response, answer (None: there is none), rule, why
STRICT = [
    (r"It is \boxed{4}.", "4", "boxed", "a box"),
    (r"It is \fbox{4}.", "4", "boxed", "the other box"),
    (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", "boxed", "braces in a box"),
    (r"\boxed{\{1,2\}}", r"\{1,2\}", "boxed", "escaped braces in a box"),
    (r"\boxed{3}, no, wait, \boxed{4}.", "4", "boxed", "the last box counts"),
    (r"\boxed{1} and \boxed{2}", "1, 2", "boxes", "joined by and"),
    (r"$\boxed{1}$, $\boxed{2}$", "1, 2", "boxes", "joined by a comma"),
    (r"\(y_1=\boxed{a}\) and \(y_2=\boxed{b}\)", "a, b", "boxes", "joined, each with its name"),
    (r"$\boxed{1}\quad\text{and}\quad\boxed{2}$", "1, 2", "boxes", "joined inside a formula"),
    (r"\boxed{1} no no no \boxed{2}", "2", "boxed", "prose joins nothing"),
    (r"\boxed{1} or \boxed{2}", None, "hedge", "alternatives are no answer"),
    (r"\boxed{x=\boxed{5}}", r"x=\boxed{5}", "boxed", "the outermost of nested boxes"),
    (r"\boxed{4} and then \boxed{}", None, "empty_box", "an empty last box"),
    (r"\boxed{4} and then \boxed{5", None, "truncated_box", "a last box that is cut off"),
    (r"<think>\boxed{4}</think> Done.", None, "no_box", "a box in the think block does not count"),
    (r"<think>3</think> \boxed{4}", "4", "boxed", "after the think block"),
    (r"<think>\boxed{4}", None, "unclosed_think", "a think block that is never closed"),
    (r"<think>a</think>\boxed{4}<think>b", None, "unclosed_think", "nor a second one"),
    (r"<think>a</think><answer>\boxed{4}</answer>", "4", "boxed", "a box in the answer block"),
    (r"<think>a</think>\boxed{3}<answer>4</answer>", "4", "answer_tag", "the answer block goes before a box outside"),
    ("<think>use <answer> tags</think><answer>4</answer>", "4", "answer_tag", "a tag in the think block is no matter"),
    ("<think>a</think><answer> </answer>", None, "empty_answer", "an empty answer block"),
    ("The answer is 4.", None, "no_box", "prose"),
    ("#### 4", None, "no_box", "other marks are for lenient"),
    ("", None, "no_box", "nothing"),
    (r"I write `<think>` in code. \boxed{4}", "4", "boxed", "a quoted tag is no tag"),
]
LENIENT = [
    ("#### 1,234", "1,234", "hashes"),
    ("Some steps.\nA: 12", "12", "last_line"),
    ("Final Answer: 12", "12", "last_line"),
    ("Therefore the answer is -3", "-3", "answer_is"),
    ("The answer is 3.5. That is all.", "3.5", "answer_is"),
    ("So we get **42**.", "42", "bold"),
    (r"We have $x=2$, so $y = \frac12$ follows.", r"y = \frac12", "last_formula"),
    (r"Hence \[ 9 \]", "9", "last_formula"),
    ("$28$ percent", "28 percent", "last_formula"),
    (r"-\frac{10}{9}", r"-\frac{10}{9}", "whole_text"),
    ("7,425,000", "7,425,000", "whole_text"),
    ("First there were 3 and later on there were 12 of them in the garden.", "12", "last_number"),
    (r"the answer is 3 but \boxed{4}", "4", "boxed"),
    ("There is nothing at all to be found in this text.", None, "nothing"),
]


@pytest.mark.parametrize(("response", "answer", "rule", "why"), STRICT)
def test_strict(response: str, answer: str | None, rule: str, why: str) -> None:
    found = extract(response)
    assert (found.answer, found.rule) == (answer, rule), why


@pytest.mark.parametrize(("response", "answer", "rule"), LENIENT)
def test_lenient(response: str, answer: str | None, rule: str) -> None:
    found = extract(response, extraction="lenient")
    assert (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize("extraction", ["strict", "lenient"])
def test_a_prefilled_think_block_must_be_closed(extraction: Extraction) -> None:
    prompt = "What is 2 + 2?\n<think>\n"
    assert extract(r"\boxed{4}", prompt, extraction=extraction).rule == "unclosed_think"
    assert extract(r"hm </think> \boxed{4}", prompt, extraction=extraction).answer == "4"
    assert extract(r"\boxed{4}", prompt, extraction=extraction, prefilled=False).answer == "4"


@pytest.mark.parametrize(
    "response",
    [
        r"a \boxed{1} b \boxed{2}",
        r"\boxed{\text{a } \boxed{3}} \boxed{4}",
        r"<think>x</think> \boxed{1}",
        "```\n<think>\n```\n\\boxed{2}",
        r"<think>a</think> b </think> \boxed{3}",
        r"\fbox {7}",
    ],
)
def test_the_last_box_is_the_scanners_last_box(response: str) -> None:
    found = scan(response)
    assert found.final is not None
    boxes = [box for box in found.boxes if box.span.start >= found.final.start]
    assert extract(response).answer == boxes[-1].body.of(response)
