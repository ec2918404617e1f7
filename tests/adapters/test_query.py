"""Where the response begins in a query, by a table of queries; that no prompt is taken for one; bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.adapters.query import response_in

PROMPT = "<|user|>What is two plus two, and why?<|assistant|>"
LONG = "abcdefghijk" * 3000


@pytest.mark.parametrize(
    ("query", "response", "why"),
    [
        (PROMPT + "4", "4", ""),
        ("<s>" + PROMPT + "4</s>", "4", "a token that the tokenizer puts before it"),
        ("<|begin_of_text|>" + PROMPT + "4<|eot_id|>", "4", ""),
        (" <s> <|im_start|>" + PROMPT + "4", "4", "two of them"),
        (PROMPT + "4<|im_end|>\n<|endoftext|>", "4", "tokens that end the turn"),
        (PROMPT + "<think>x</think>4<｜end▁of▁sentence｜>", "<think>x</think>4", ""),
        (PROMPT + "a <|im_end|> b", "a <|im_end|> b", "a token that ends nothing"),
        (PROMPT[9:] + "4", "4", "OpenRLHF cuts a long prompt at its beginning"),
        ("User: " + PROMPT[8:] + "4", "4", "a beginning that came back different"),
        (PROMPT, "", ""),
        (PROMPT + PROMPT + "4", PROMPT + "4", "a response may repeat its prompt"),
        ("<s>" + PROMPT + PROMPT + ".", PROMPT + ".", ""),
        ("something else entirely", None, "no prompt"),
        ("", None, ""),
        (PROMPT[-15:] + "4", None, "so short an end may stand there by chance"),
        (r"It is \boxed{4}. " * 10 + PROMPT + "5", None, "not where a prompt lies"),
    ],
)
def test_the_response_is_told_from_the_prompt(query: str, response: str | None, why: str) -> None:
    assert response_in(query, PROMPT) == response, why


def test_short_and_empty_prompts_lead_or_are_not_there() -> None:
    assert response_in("pprint(5)", "p") == "print(5)"
    assert response_in("<s>p4", "p") == "4"
    assert response_in("other", "x") is None
    assert response_in("it is x", "x") is None
    assert response_in("anything", "") == "anything"
    assert response_in(LONG + "x", "z" + LONG) == "x"


@given(
    prompt=st.text("ab \\{<|>", min_size=16, max_size=60),
    cut=st.integers(0, 40),
    response=st.text("ab \\{<|>4", max_size=100),
)
def test_what_the_model_wrote_never_loses_its_end_nor_gains_of_the_prompt(prompt: str, cut: int, response: str) -> None:
    cut = min(cut, len(prompt) - 16)
    result = response_in(prompt[cut:] + response + "#", prompt)
    assert result is not None
    assert (response + "#").endswith(result)


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        (PROMPT + "</s>" * 500_000, PROMPT),
        (PROMPT + "</s>" + " " * 2_000_000, PROMPT),
        (PROMPT + "<|" * 1_000_000, PROMPT),
        ("<|x|>" * 400_000, PROMPT),
        ("a" * 2_000_000, "a" * 1_999_999 + "b"),
        ("a" * 2_000_000, "b" + "a" * 1_999_999),
        ("ab" * 1_000_000, "ba" * 999_999 + "b" + "ab" * 10),
    ],
    ids=["endings", "space", "openings", "beginnings", "last differs", "first differs", "periods"],
)
def test_hostile_queries_take_bounded_time(query: str, prompt: str) -> None:
    begun = time.perf_counter()
    response_in(query, prompt)
    assert time.perf_counter() - begun < 5
