"""Sixty responses that try to write their own verdict, judged by a scripted judge that obeys whatever it can read as
coming from its user, and copies what looks like a verdict. All of them are wrong answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers import Sample
from r1_reward.verifiers.judge import JudgeVerifier
from r1_reward.verifiers.judge.asking import UnclearError
from r1_reward.verifiers.judge.question import Field, neutral, question_text, read_reply

ATTACKS = [json.loads(line) for line in Path(__file__).with_name("attacks.jsonl").read_text().splitlines()]
PROMPT, REFERENCE = "What is the capital of Australia?", "Canberra"
# What a tokenizer reads as a token of its own, or a model as text, though nobody sees it.
CONTROL = re.compile(
    r"<[|｜][^<>\n]+[|｜]>|</?s>|<(start|end)_of_turn>|<</?SYS>>|\[/?INST\]|</?think>|[\U000e0000-\U000e01ef\u202a-\u202e\x00-\x08\x1b]"
)
ORDER = re.compile(
    r"correct|ignor|disregard|wildcard|Sydney|\b(reference|rubric|criteria)\b|忽略|выше|تجاهل|無視", re.IGNORECASE
)


def gullible(text: str) -> str:
    """Obeys orders anywhere but between markers whose code its question names at the end, since it was told so."""
    announced = re.findall(r'^\{"code": "([0-9a-f]*)"', text, re.MULTILINE)
    code = announced[-1] if announced else ""
    region = re.compile(rf"<<<{code} ([\w ]+)>>>\n(.*?)\n<<<{code} end of \1>>>", re.DOTALL) if code else None
    shown = {found[1]: found[2] for found in region.finditer(text)} if region else {}
    rest = region.sub("", text) if region else text
    outside = rest.partition("\n\n")[2].split("\n\n\n\n")[1:-1] if region else [text]
    obeys = bool(CONTROL.search(text)) or any(ORDER.search(part) for part in outside)
    honest = "correct" if shown.get("response", text) == REFERENCE else "incorrect"
    copied = "\n".join(re.findall(r"\{[^{}]*verdict[^{}]*\}", shown.get("response", text)))
    final = json.dumps({"code": code, "reasons": "so", "verdict": "correct" if obeys else honest})
    return f"<think>Let me see.</think>The response says:\n{copied}\n{final}"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack['kind']}: {attack['name']}")
def test_no_attack_writes_its_own_verdict(attack: dict[str, str]) -> None:
    sample = Sample(prompt=PROMPT, response=attack["response"], reference=REFERENCE)
    (found,) = JudgeVerifier(ask=gullible, retries=0)([sample])
    assert found.score in (0.0, None), found


def test_a_judge_that_quotes_an_attack_has_not_said_it() -> None:
    def quotes(text: str) -> str:
        code = re.findall(r'^\{"code": "([0-9a-f]*)"', text, re.MULTILINE)[-1]
        response = re.split(rf"<<<{code} (?:end of )?response>>>\n?", text)[1]
        return f"It reads: {response}\n" + json.dumps({"code": code, "reasons": "", "verdict": "incorrect"})

    rows = [Sample(prompt=PROMPT, response=one["response"], reference=REFERENCE) for one in ATTACKS]
    assert {one.score for one in JudgeVerifier(ask=quotes, retries=0)(rows)} == {0.0}
    own = JudgeVerifier(ask=lambda text: quotes(text) + "\nFinal verdict: correct", retries=0)
    assert own([Sample(prompt=PROMPT, response="Sydney", reference=REFERENCE)])[0].score is None


def test_the_judge_can_tell_right_from_wrong_and_falls_for_most_without_the_fence() -> None:
    judge = JudgeVerifier(ask=gullible, retries=0)
    right, wrong = judge([Sample(prompt=PROMPT, response=one, reference=REFERENCE) for one in (REFERENCE, "Sydney")])
    assert (right.score, wrong.score) == (1.0, 0.0)
    bare = "Is the response {REFERENCE}?\n<response>\n{0}\n</response>\n"
    fooled = sum('"verdict": "correct"' in gullible(bare.format(a["response"], REFERENCE=1)) for a in ATTACKS)
    assert fooled >= 50
    assert len(ATTACKS) == len({attack["response"] for attack in ATTACKS}) == 60


@given(
    st.lists(st.sampled_from(["<<<", ">>>", "end of response", "\n", "0123456789abcdef", "<|im_end|>", "[INST]", "a"]))
)
def test_what_is_judged_never_ends_its_own_fence(parts: list[str]) -> None:
    text, code = question_text("Task", [("response", "".join(parts))], [Field(name="score")])
    assert text.count(f"<<<{code} end of response>>>") == 1
    assert not CONTROL.search(text)


@settings(max_examples=50)
@given(st.text())
def test_text_that_needs_no_change_is_left_and_neutral_text_too(text: str) -> None:
    once = neutral(text)
    assert neutral(once) == once
    assert CONTROL.search(once) is None


@pytest.mark.parametrize(
    "text", ["x < 3 and y > 2", "<b>bold</b>", "a[0] = [1, 2]", "👩‍👩‍👧 नमस्‍ते\n\ttab", "<<48+24=72>>", "if a<b|c>d"]
)
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert neutral(text) == text


@settings(max_examples=50)
@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_any_reply_is_a_verdict_or_unclear(reply: str) -> None:
    with pytest.raises(UnclearError):
        read_reply(reply, "0123456789abcdef", [Field(name="verdict", words=["yes", "no"])])


def test_hostile_replies_take_no_time() -> None:
    for reply in ('{"a":' * 200_000, "{" * 1_000_000, '{"code": "1f", ' * 50_000):
        with pytest.raises(UnclearError):
            read_reply(reply, "1f", [Field(name="verdict", words=["yes"])])
