"""Rewards by length: over-long responses, length against correctness, repetition."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import ConfigError, LengthVerifier, Reason, Sample, Status


def words(count: int) -> Sample:
    return Sample(response="word " * count)


OVERLONG = [(0, 0.0), (60, 0.0), (61, -0.025), (80, -0.5), (99, -0.975), (100, -1.0), (101, -1.0), (10_000, -1.0)]


@pytest.mark.parametrize(("count", "score"), OVERLONG)
def test_the_soft_penalty_follows_the_equation(count: int, score: float) -> None:
    verdict = LengthVerifier(limit=100, buffer=40)([words(count)])[0]
    assert verdict.score == pytest.approx(score)
    assert verdict.reason is Reason.MEASURED
    assert (verdict.evidence["unit"], verdict.evidence["length"]) == ("words", count)


def test_the_defaults_are_those_of_dapo() -> None:
    verifier = LengthVerifier()
    assert (verifier.limit - verifier.buffer, verifier.limit) == (16_384, 20_480)


def test_tokens_are_counted_when_a_tokenizer_is_given() -> None:
    class Letters:
        def encode(self, text: str) -> list[int]:
            return [ord(letter) for letter in text]

    for tokenizer in (list, Letters()):
        verdict = LengthVerifier(limit=4, buffer=2, tokenizer=tokenizer)([Sample(response="abc")])[0]
        assert verdict.evidence == {"unit": "tokens", "length": 3}
        assert verdict.score == -0.5


def test_words_of_chinese_are_characters() -> None:
    assert LengthVerifier()([Sample(response="今天我们 see x^2")])[0].evidence["length"] == 8


def test_end_of_turn_tokens_are_not_counted() -> None:
    assert LengthVerifier()([Sample(response="four\n<|im_end|>")])[0].evidence["length"] == 1


def test_the_chain_of_thought_can_be_measured_alone() -> None:
    sample = Sample(response="<think>a b c</think>d e")
    assert LengthVerifier(scope="think")([sample])[0].evidence["length"] == 3


def cosine(count: int, right: bool) -> float:
    verifier = LengthVerifier(mode="cosine", limit=100, buffer=1, accuracy="puzzle")
    answer = "<answer>1</answer>" if right else "<answer>2</answer>"
    # The answer and its tags are nine words: < answer > 1 < / answer > and the digit's neighbours.
    shell = LengthVerifier()([Sample(response=answer)])[0].evidence["length"]
    sample = Sample(response="word " * (count - shell) + answer, reference="1")
    verdict = verifier([sample])[0]
    assert verdict.evidence["length"] == count
    return float(verdict)


def test_the_cosine_reward_prefers_short_right_answers_and_long_wrong_ones() -> None:
    assert cosine(100, True) == pytest.approx(1.0)
    assert cosine(100, False) == pytest.approx(0.0)
    assert cosine(50, True) == pytest.approx(1.5)
    assert cosine(50, False) == pytest.approx(-5.0)
    assert cosine(20, True) == pytest.approx(1 + 0.5 * (1 + math.cos(math.pi * 0.2)))
    assert cosine(101, True) == cosine(101, False) == -10.0


def test_the_cosine_reward_passes_on_what_could_not_be_judged() -> None:
    verifier = LengthVerifier(mode="cosine", accuracy="choice")
    assert verifier([Sample(response="B")])[0].status is Status.ERROR


REPETITION = [
    ("a b c d e f", 2, 0.0, "nothing repeats"),
    ("a a a a a a", 2, -0.8, "five bigrams, one of them new"),
    ("a b a b a b", 2, -0.6, "five bigrams, two of them new"),
    ("a b c", 5, 0.0, "too short for one"),
    ("", 1, 0.0, "nothing"),
]


@pytest.mark.parametrize(("response", "ngram", "score", "why"), REPETITION)
def test_repetition(response: str, ngram: int, score: float, why: str) -> None:
    verdict = LengthVerifier(mode="repetition", ngram=ngram)([Sample(response=response)])[0]
    assert verdict.score == pytest.approx(score), why


@given(st.text(max_size=200), st.integers(1, 30), st.integers(1, 5))
def test_penalties_stay_in_their_bounds(text: str, limit: int, ngram: int) -> None:
    sample = Sample(response=text)
    assert -1 <= float(LengthVerifier(limit=limit, buffer=limit)([sample])[0]) <= 0
    assert -1 <= float(LengthVerifier(mode="repetition", ngram=ngram)([sample])[0]) <= 0


@given(st.integers(0, 120))
def test_longer_is_never_better(count: int) -> None:
    verifier = LengthVerifier(limit=100, buffer=40)
    assert float(verifier([words(count + 1)])[0]) <= float(verifier([words(count)])[0])


def test_the_same_sample_twice_in_a_batch_is_judged_twice() -> None:
    sample = Sample(response="<answer>1</answer>", reference="1")
    verifier = LengthVerifier(mode="cosine", accuracy="puzzle")
    assert len(verifier([sample, sample])) == 2
    assert len(pickle.loads(pickle.dumps(verifier))([sample])) == 1


@pytest.mark.parametrize(
    "options",
    [{"mode": "short"}, {"limit": 0}, {"limit": True}, {"buffer": 10, "limit": 5}, {"penalty": float("nan")},
     {"penalty": -1.0}, {"right": (1.0,)}, {"right": "12"}, {"wrong": (0.0, float("inf"))}, {"exceeded": float("nan")},
     {"mode": "cosine"}, {"accuracy": "math"}, {"mode": "cosine", "accuracy": "nobody"}, {"tokenizer": 3}, {"ngram": 0},
     {"scope": "answer"}],
)  # fmt: skip
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError):
        LengthVerifier(**options)
