"""What keeps the form and what breaks it, profile by profile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers import ConfigError, FormatVerifier, Sample
from r1_reward.verifiers.format import Violation
from r1_reward.verifiers.json_answer import json_text
from r1_reward.verifiers.reasoning import scan

R1_PROMPT = "<｜User｜>2 + 2?<｜Assistant｜><think>\n"
QWEN3_PROMPT = "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n<think>\n"
QWQ_PROMPT = "<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n<think>\n\n"
PLAIN_PROMPT = "User: 2 + 2? Assistant:"

R1_ZERO: list[tuple[str, str, list[str], str]] = [
    ("", "<think> reasoning process here </think> <answer> answer here </answer>", [], "the template's own one line"),
    ("", "<think>\n2 + 2\n</think>\n<answer>\n4\n</answer>", [], "newlines"),
    ("", "\n<think>a</think><answer>4</answer>", [], "a leading newline"),
    ("", "<think>a</think>\r\n<answer>4</answer>\r\n", [], "CRLF"),
    ("", "<think>a</think><answer>4</answer><|im_end|>", [], "an end-of-turn token"),
    ("", "<think>a</think><answer>4</answer>\n<｜end▁of▁sentence｜>\n</s>", [], "several of them"),
    (R1_PROMPT, "a</think><answer>4</answer>", [], "prefilled by R1's template"),
    (QWEN3_PROMPT, "a\n</think>\n\n<answer>4</answer>", [], "prefilled by Qwen3's"),
    (QWQ_PROMPT, "a</think><answer>4</answer>", [], "prefilled by QwQ's"),
    (R1_PROMPT, "<think>a</think><answer>4</answer>", ["nested"], "prefilled and opened again"),
    (PLAIN_PROMPT, "a</think><answer>4</answer>", ["missing_think", "unopened_think", "text_outside"], "never opened"),
    ("", "<think>a</think><think>b</think><answer>4</answer>", ["duplicate_think"], "two thinks"),
    ("", "<think>a<think>b</think></think><answer>4</answer>", ["unopened_think", "nested", "text_outside"], "nested"),
    ("", "<think>a</think><answer>4</answer><answer>5</answer>", ["duplicate_answer"], "two answers"),
    ("", "<think></think><answer>4</answer>", ["empty_think"], "an empty think"),
    ("", "<think> \n</think><answer>4</answer>", ["empty_think"], "a blank think"),
    ("", "<think>a</think><answer></answer>", ["empty_answer"], "an empty answer"),
    ("", "<think>a</think><answer>\u200b \n</answer>", ["empty_answer"], "an answer that shows nothing"),
    ("", "<think>a</think><answer>4</answer> Done.", ["text_outside"], "text after the answer"),
    ("", "Sure! <think>a</think><answer>4</answer>", ["text_outside"], "text before the think"),
    ("", "<think>a</think> so <answer>4</answer>", ["text_outside"], "text between"),
    ("", "<think>a<answer>4</answer></think>", ["nested", "answer_in_think"], "the answer inside the think"),
    ("", "<think>a</think></think><answer>4</answer>", ["unopened_think", "text_outside"], "</think> twice"),
    ("", "<think>a</think><answer>4</answer><think>b</think>", ["duplicate_think", "wrong_order"], "think again after"),
    ("", "<answer>4</answer><think>a</think>", ["wrong_order"], "the wrong way round"),
    ("", "<think>a and on and on", ["missing_answer", "unclosed_think"], "cut off while thinking"),
    ("", "<think>a</think><answer>4", ["unclosed_answer"], "cut off while answering"),
    ("", "4", ["missing_think", "missing_answer", "text_outside"], "no tags"),
    ("", "", ["missing_think", "missing_answer"], "nothing"),
    ("", "<think>write `</think>` then</think><answer>4</answer>", [], "a tag quoted in inline code"),
    ("", "<think>\n```\n<answer>5</answer>\n```\n</think><answer>4</answer>", [], "a tag quoted in a fence"),
    ("", "<THINK>a</THINK><answer>4</answer>", ["missing_think", "text_outside"], "tags are spelled just so"),
    ("", "<think>a</think><answer>4</answer>" * 2, ["duplicate_think", "duplicate_answer", "wrong_order"], "twice"),
]


@pytest.mark.parametrize(("prompt", "response", "violations", "why"), R1_ZERO)
def test_r1_zero(prompt: str, response: str, violations: list[str], why: str) -> None:
    verdict = FormatVerifier()([Sample(response=response, prompt=prompt)])[0]
    value = verdict.evidence.get("violations", [])
    # The words come in the order of the enum, whatever order the table has them in.
    assert sorted(value) == sorted(violations), why
    assert verdict.score == float(not violations)


CHAT: list[tuple[str, str, list[str], str]] = [
    ("", "<think>a</think>It is 4.", [], "think, then summary"),
    (R1_PROMPT, "a</think>\n\nIt is 4.", [], "prefilled"),
    ("", "<think>a</think>", ["missing_summary"], "no summary"),
    ("", "<think>a</think> \n<|im_end|>", ["missing_summary"], "a blank summary and an end-of-turn token"),
    ("", "It is 4.", ["missing_think", "missing_summary"], "no thinking"),
    ("", "<think>a</think>4<think>b</think>", ["duplicate_think", "text_outside", "missing_summary"], "thinking again"),
    ("", "<think>a", ["unclosed_think", "missing_summary"], "cut off"),
    ("", "<think>a</think>use <answer> tags", [], "answer tags mean nothing here"),
    ("", "Well, <think>a</think>4", ["text_outside"], "text before"),
]


@pytest.mark.parametrize(("prompt", "response", "violations", "why"), CHAT)
def test_r1_chat(prompt: str, response: str, violations: list[str], why: str) -> None:
    verdict = FormatVerifier(profile="r1_chat")([Sample(response=response, prompt=prompt)])[0]
    assert sorted(verdict.evidence.get("violations", [])) == sorted(violations), why


OTHERS: list[tuple[dict[str, Any], str, list[str], str]] = [
    ({"profile": "think_only"}, "<think>a</think>", [], "nothing need follow"),
    ({"profile": "think_only"}, "<think>a</think>4", [], "something may"),
    ({"profile": "think_only"}, "<think> </think>4", ["empty_think"], "but the think is not empty"),
    ({"profile": "boxed"}, r"It is \boxed{4}.", [], "one box"),
    ({"profile": "boxed"}, r"<think>\boxed{3}?</think>\boxed{4}", [], "boxes in the thinking do not count"),
    ({"profile": "boxed"}, r"\boxed{3} or \boxed{4}", ["duplicate_box"], "two boxes"),
    ({"profile": "boxed"}, r"\boxed{\frac{1}{2}}", [], "balanced braces"),
    ({"profile": "boxed"}, r"\boxed{\frac{1}{2}", ["unclosed_box"], "unbalanced ones"),
    ({"profile": "boxed"}, r"\boxed{ }", ["empty_box"], "an empty box"),
    ({"profile": "boxed"}, "4", ["missing_box"], "no box"),
    ({"profile": "boxed"}, r"<think>\boxed{4}", ["missing_box", "unclosed_think"], "cut off while thinking"),
    ({"profile": "json"}, '{"a": [1, 2]}', [], "JSON"),
    ({"profile": "json"}, '<think>x</think>\n```json\n{"a": 1}\n```', [], "in one fence"),
    ({"profile": "json"}, 'Here:\n```json\n{"a": 1}\n```', ["not_json"], "with prose around"),
    ({"profile": "json"}, '{"a": NaN}', ["not_json"], "NaN is not JSON"),
    ({"profile": "json"}, '{"a": 1, "a": 2}', ["not_json"], "a key twice"),
    ({"profile": "json"}, "{'a': 1}", ["not_json"], "Python is not JSON"),
    ({"profile": "json"}, "", ["not_json"], "nothing"),
    ({"profile": "json", "schema": {"required": ["a"]}}, "{}", ["schema_mismatch"], "not as the schema wants"),
    ({"profile": "json", "schema": {"required": ["a"]}}, '{"a": 0}', [], "as the schema wants"),
    ({"profile": "custom", "tags": ["plan", "do"]}, "<plan>a</plan><do>b</do>", [], "tags of one's own"),
    ({"profile": "custom", "tags": ["plan", "do"]}, "<do>b</do><plan>a</plan>", ["wrong_order"], "in order"),
    ({"profile": "custom", "tags": ["plan", "do"], "order": "any"}, "<do>b</do><plan>a</plan>", [], "or in any"),
    ({"profile": "custom", "tags": ["plan"]}, "<plan>a</plan>b", ["text_outside"], "nothing outside"),
    ({"profile": "custom", "tags": ["plan"], "outside": True}, "x<plan>a</plan>b", [], "unless allowed"),
    ({"profile": "custom", "tags": ["do"], "cardinality": {"do": "+"}}, "<do>a</do><do>b</do>", [], "one or more"),
    ({"profile": "custom", "tags": ["do"], "cardinality": {"do": "+"}}, "", ["missing_tag"], "but not none"),
    ({"profile": "custom", "tags": ["a", "do"], "cardinality": {"a": "?"}}, "<do>b</do>", [], "none or one"),
    ({"profile": "custom", "tags": ["do"], "cardinality": {"do": "?"}}, "<do>a</do>" * 2, ["duplicate_tag"], "not two"),
    ({"profile": "custom", "tags": ["do"]}, "<do>a", ["unclosed_tag"], "unclosed"),
    ({"profile": "custom", "tags": ["do"]}, "<do> </do>", ["empty_tag"], "empty"),
    ({"profile": "custom", "tags": ["do", "a"]}, "<do>x<a>y</a></do>", ["nested"], "nested"),
]


@pytest.mark.parametrize(("options", "response", "violations", "why"), OTHERS)
def test_other_profiles(options: dict[str, Any], response: str, violations: list[str], why: str) -> None:
    verdict = FormatVerifier(**options)([Sample(response=response)])[0]
    assert sorted(verdict.evidence.get("violations", [])) == sorted(violations), why


ONE_TAG = {"profile": "custom", "tags": ["plan"]}

PLACED = [
    ({}, "", "<think>a</think><answer>b</answer> bye", ["text_outside: bye"], "text after"),
    ({}, "", "hm <think>a</think>\n<answer>b</answer>", ["text_outside:hm"], "text before"),
    ({}, "", "<think>a</think><answer>b", ["unclosed_answer:<answer>"], "left open"),
    ({}, "", "<think>a<think>b</think><answer>c</answer>", ["nested:<think>"], "in one another"),
    ({}, "", "<think> </think><answer>c</answer>", ["empty_think:<think> </think>"], "empty"),
    ({}, "", "a</think><answer>c</answer>", ["text_outside:a</think>", "unopened_think:</think>"], "never opened"),
    ({}, "q<think>", "a</think><answer>c</answer><answer>d</answer>", ["duplicate_answer:<answer>"], "two answers"),
    ({}, "", "<answer>c</answer><think>a</think>", ["wrong_order:<think>"], "the answer first"),
    ({"profile": "think_only"}, "", "<think></think>x", ["empty_think:<think></think>"], "think only"),
    ({"profile": "boxed"}, "", r"\boxed{3} or \boxed{4}", [r"duplicate_box:\boxed{4}"], "two boxes"),
    ({"profile": "boxed"}, "", r"so \boxed{3", [r"unclosed_box:\boxed{3"], "an open box"),
    ({"profile": "boxed"}, "", r"<think>\boxed{3}", ["unclosed_think:<think>"], "cut off while thinking"),
    ({"profile": "json"}, "", "<think>a</think> {'a': 1}\n", ["not_json:{'a': 1}"], "no JSON"),
    ({"profile": "json"}, "", "<answer>{]</answer>", ["not_json:{]"], "in an answer"),
    ({"profile": "json", "schema": {"type": "array"}}, "", "{}", ["schema_mismatch:{}"], "another form"),
    ({"profile": "custom", "tags": ["plan", "do"]}, "", "<do>b</do><plan>a</plan>", ["wrong_order:<plan>"], "order"),
    (ONE_TAG, "", "a\r\n<plan>a\r\n</plan>\r\nb\r\n", ["text_outside:a", "text_outside:b"], "CRLF"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "prompt", "response", "expected", "why"), PLACED)
def test_where_the_form_is_broken(
    options: dict[str, Any], prompt: str, response: str, expected: list[str], why: str
) -> None:
    (verdict,) = FormatVerifier(**options)([Sample(response=response, prompt=prompt)])
    results = [f"{word}:{response[start:end]}" for start, end, word in verdict.evidence["places"]]
    assert [one.replace(": ", ":") for one in results] == [one.replace(": ", ":") for one in expected], why


_NOWHERE = ("missing_", "truncated")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<think>",
                "</think>",
                "<answer>",
                "</answer>",
                "<do>",
                "</do>",
                "a",
                " ",
                "\r\n",
                "`",
                "{}",
                r"\boxed{",
                "}",
            ]
        ),
        max_size=14,
    ).map("".join),
    st.sampled_from(
        [{}, {"profile": "r1_chat"}, {"profile": "think_only"}, {"profile": "boxed"}, {"profile": "json"}]
        + [{"profile": "custom", "tags": ["do", "think"], "cardinality": {"do": mark}} for mark in "1?*+"]
    ),
)
def test_what_is_broken_has_a_place_and_only_that(response: str, options: dict[str, Any]) -> None:
    (verdict,) = FormatVerifier(**options)([Sample(response=response)])
    violations = verdict.evidence.get("violations", [])
    places = verdict.evidence.get("places", [])
    assert all(0 <= start < end <= len(response) for start, end, _ in places)
    assert {word for _, _, word in places} <= set(violations)
    placed = {word for word in violations if not word.startswith(_NOWHERE)}
    if not json_text(scan(response)).strip():
        placed.discard("not_json")
    assert placed <= {word for _, _, word in places}


def test_a_megabyte_of_tags_has_few_places() -> None:
    (verdict,) = FormatVerifier()([Sample(response="<think>" * 150_000)])
    assert len(verdict.evidence["places"]) <= 100


def test_a_cut_response_is_truncated_whatever_it_looks_like() -> None:
    good = "<think>a</think><answer>4</answer>"
    for reason, violations in (("length", ["truncated"]), ("stop", []), (None, []), (["length"], [])):
        verdict = FormatVerifier()([Sample(response=good, meta={"finish_reason": reason})])[0]
        assert verdict.evidence.get("violations", []) == violations


def test_prefilled_can_be_said_instead_of_seen() -> None:
    sample = Sample(response="a</think><answer>4</answer>", prompt=PLAIN_PROMPT)
    assert float(FormatVerifier(prefilled=True)([sample])[0]) == 1.0
    assert float(FormatVerifier(prefilled=False)([sample])[0]) == 0.0


def graded(response: str, **options: Any) -> float:
    return float(FormatVerifier(mode="graded", **options)([Sample(response=response)])[0])


def test_graded_credit_grows_with_what_is_there() -> None:
    steps = ["4", "<think>a</think>", "<think>a</think><answer>4</answer> so", "<think>a</think><answer>4</answer>"]
    scores = [graded(step) for step in steps]
    assert scores == sorted(scores)
    assert scores[0] == 0.0
    assert scores[-1] == 1.0
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize("profile", ["r1_zero", "r1_chat", "think_only", "boxed", "json"])
def test_only_a_kept_form_has_full_marks(profile: Any) -> None:
    for prompt, response, _, _ in (*R1_ZERO, *CHAT):
        sample = Sample(response=response, prompt=prompt)
        strict = float(FormatVerifier(profile=profile)([sample])[0])
        partial = float(FormatVerifier(profile=profile, mode="graded")([sample])[0])
        assert (strict == 1.0) == (partial == 1.0)
        assert 0.0 <= partial <= 1.0


FARMS = [
    "<think>a</think>",
    "<answer>4</answer>",
    "<think></think>",
    "<think>a</think><answer>4</answer>",
    "<think>",
    "</answer>",
    r"\boxed{4}",
    "<think>a<answer>4</answer></think>",
]


@pytest.mark.parametrize("farm", FARMS)
@pytest.mark.parametrize("profile", ["r1_zero", "r1_chat", "think_only", "boxed"])
def test_repeating_tags_earns_nothing(farm: str, profile: Any) -> None:
    once = graded(farm, profile=profile)
    for times in (2, 3, 50):
        assert graded(farm * times, profile=profile) <= once


def test_nothing_earns_nothing() -> None:
    for response in ("", " ", "hello", "</think>", "</answer></think>"):
        for profile in ("r1_zero", "r1_chat", "think_only", "boxed", "json"):
            assert graded(response, profile=profile) == 0.0, (response, profile)


@pytest.mark.parametrize(
    "options",
    [
        {"profile": "xml"},
        {"mode": "soft"},
        {"profile": "custom"},
        {"tags": ["a"]},
        {"profile": "custom", "tags": "ab"},
        {"profile": "custom", "tags": ["a", "a"]},
        {"profile": "custom", "tags": ["a b"]},
        {"outside": True},
        {"profile": "custom", "tags": ["a"], "cardinality": {"b": "1"}},
        {"schema": {}},
        {"profile": "custom", "tags": ["a"], "cardinality": {"a": "2"}},
        {"profile": "json", "schema": {"type": "text"}},
        {"profile": "json", "schema": {"$ref": "https://example.org/s.json"}},
    ],
)
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError, match="format"):
        FormatVerifier(**options)


def test_violations_are_a_fixed_list() -> None:
    assert len(Violation) == 27
    assert all(violation.value == violation.name.lower() for violation in Violation)
