"""Signs of a reward that cannot work, deadlines, and tokens that pad a response."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters import areal, trl, verl
from r1_reward.adapters.ends import ends_of, without_ends
from r1_reward.adapters.query import response_in
from r1_reward.verifiers import ConfigError, InstrumentDown, NotScoredError, Reason, Sample, Verdict

RIGHT = r"<think>2 + 2</think><answer>\boxed{4}</answer>"
TURNS = [{"role": "user", "content": "2 + 2?"}]


def test_thinking_that_nothing_opened_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    reward = trl.reward("math", "format")
    said = [[{"role": "assistant", "content": RIGHT[7:]}]] * 4
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            reward(completions=said, prompts=[TURNS] * 4, answer=["4"] * 4)
    results = [record.message for record in caplog.records if "prefilled=True" in record.message]
    results = [line for line in results if line.startswith("math+format:")]  # rewards of other tests may be siblings
    assert len(results) == 1
    assert results[0].startswith("math+format: all of the last 4 responses close a <think> that none opens")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        trl.reward("math", "format", prefilled=True)(completions=said, prompts=[TURNS] * 4, answer=["4"] * 4)
        trl.reward("math", "format", name="b")(completions=[*said[:1], RIGHT], answer=["4"] * 2)
        for _ in range(7):
            verl.compute_score("x", RIGHT[7:], "4", rewards="format")
    assert not [record for record in caplog.records if record.message.startswith(("math+format:", "format:"))]
    with caplog.at_level(logging.WARNING):
        verl.compute_score("x", RIGHT[7:], "4", rewards="format")
    assert "all of the last 8 responses close" in caplog.text


def test_answers_that_are_never_found_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        trl.reward("math")(completions=["The answer is 4."] * 40, answer=["4"] * 40)
    assert 'options={"math": {"extraction": "lenient"}}' in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        trl.reward("math", name="b")(completions=["four"] * 30 + [RIGHT] * 10, answer=["4"] * 40)
    assert not caplog.records


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "arithmetic"), ("language", "Klingon"), ("limits", "500 words")]
)
def test_columns_of_another_meaning_are_told(column: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            columns: dict[str, Any] = {"answer": ["4"], column: [value]}
            result = trl.reward("math")(completions=[RIGHT], **columns)
    assert result == [1.0]
    assert [f"the column {column!r}" in record.message for record in caplog.records] == [True]


def test_columns_that_trl_took_away_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        trl.reward("math")(completions=[RIGHT], prompts=[TURNS])
    assert "remove_unused_columns=False" in caplog.text


@dataclass(frozen=True)
class Slow:
    """A verifier that takes its time."""

    name: str = "slow"
    seconds: float = 1.0

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        time.sleep(self.seconds)
        return [Verdict.scored(1.0, Reason.CORRECT) for _ in samples]


def test_a_call_is_answered_before_its_trainer_gives_up() -> None:
    slow: dict[str, Any] = {"factories": {"slow": Slow}}
    began = time.monotonic()
    with pytest.raises(NotScoredError, match=r"grader_timeout: judging took longer than the 0.1 s"):
        areal.reward("slow", deadline=0.1, **slow)("2 + 2?", RIGHT, answer="4")
    assert time.monotonic() - began < 0.9
    assert areal.reward("slow", **slow)("2 + 2?", RIGHT, answer="4") == 1.0
    assert areal.reward("math").plan.grading.deadline == 12.0  # AReaL: 15 s
    late = {"rewards": "slow", "window": 4, "deadline": 0.01, **slow}
    assert [verl.compute_float("x", RIGHT, "4", **late) for _ in range(2)] == [0.0, 0.0]
    with pytest.raises(InstrumentDown):
        verl.compute_float("x", RIGHT, "4", **late)
    with pytest.raises(ConfigError, match="deadline is 0"):
        areal.reward("math", deadline=0)


@pytest.mark.parametrize("end", ["[PAD][PAD]", "<|pad|>", "<|endoftext|>" * 5, "<|im_end|>\n<pad><pad>", "</s> [PAD]"])
@pytest.mark.parametrize("start", ["", "<|endoftext|>" * 5])
def test_padding_is_no_part_of_a_response(end: str, start: str) -> None:
    text = start + RIGHT + end
    assert without_ends(text) == RIGHT
    assert trl.reward("math", "format")(completions=[text], answer=["4"]) == [2.0]
    assert verl.compute_score("x", text, "4", rewards=["math", "format"])["score"] == 2.0
    assert response_in(f"{start}2 + 2?{RIGHT}{end}", "2 + 2?") == RIGHT


def test_a_tokenizer_says_its_own_ends() -> None:
    tokenizer = SimpleNamespace(all_special_tokens=["[SEP]", "</answer>", "<fin>"])
    assert ends_of(tokenizer) == ("[SEP]", "<fin>")
    text = RIGHT + "<fin><fin>[SEP]"
    assert trl.reward("format")(completions=[text], answer=["4"]) == [0.0]
    assert trl.reward("format", ends=tokenizer)(completions=[text], answer=["4"]) == [1.0]
    with pytest.raises(ConfigError, match="ends is '<fin>'"):
        trl.reward("format", ends="<fin>")
