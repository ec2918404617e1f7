"""What is learned from: each filter alone, and the counts of what was left out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.grpo_min.r1.accept import accept, fault
from r1_reward.grpo_min.r1.pipeline import judge_of
from r1_reward.grpo_min.r1.recipe import Recipe, SampleConfig
from r1_reward.grpo_min.r1.rewrite import RewriteConfig
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


# --- Models on a server


def _text(asked: Asked) -> tuple[str, str]:
    """The code and the text that is to be rewritten."""
    found = re.search(r"<<<([0-9a-f]+) text>>>\n(.*)\n<<<\1 end of text>>>", asked.text, re.DOTALL)
    assert found
    return found[1], found[2]


def test_a_model_rewrites_and_what_it_does_not_return_whole_is_left_out(tmp_path: Path) -> None:
    other = said("We add three and four, 所以是七。")
    cut, changed = said("Three and four, 是七。"), said("Four and three, 是七。")

    def script(asked: Asked) -> Told:
        code, text = _text(asked)
        new = text.replace("所以是七。", "so seven.").replace("是七。", "seven.")
        if "Four" in text:
            new = new.replace("<answer>7", "<answer>8")
        end = "" if "Three" in text else f"<<<{code} end of text>>>"
        return Told(f"<think>hm</think>Here it is:\n<<<{code} text>>>\n{new}\n{end}")

    with ScriptedServer(script) as server:
        rewrite = RewriteConfig(url=server.url, model="m", retries=0, record=str(tmp_path / "rewritten.jsonl"))
        config = SampleConfig(keep=4, rewrite=rewrite)
        found = accept([other, cut, changed], rl1(), config)
        asked = len(server.asked)
        assert accept([other, changed], rl1(), config).samples == found.samples
        assert len(server.asked) == asked == 3
    assert [sample.response for sample in found.samples] == [said("We add three and four, so seven.").response]
    assert found.left_out == {"not_rewritten": 1, "wrong": 1}
    with pytest.raises(ConfigError, match="both name who rewrites"):
        accept([GOOD], rl1(), replace(config, rewriter="operator:add"))


def test_a_judge_decides_what_no_rule_can_in_one_go() -> None:
    hard = replace(
        GOOD, reference="x", response=r"<think>It is so.</think><answer>\boxed{x+\lfloor |x|/10^{15}\rfloor}</answer>"
    )
    samples = [replace(hard, problem=str(number), prompt=f"{number}?") for number in range(6)]

    def script(asked: Asked) -> Told:
        word = {"1?": "incorrect", "2?": "perhaps"}.get(asked.shown("prompt"), "correct")
        return Told(verdict(asked, verdict=word).text, after=0.1)

    with ScriptedServer(script) as server:
        # Of the sampling alone: the RL stages go by rules.
        judge = judge_of(Recipe(), {"url": server.url, "model": "m", "retries": 0})
        found = accept(samples, judge, SampleConfig())
    assert [sample.prompt for sample in found.samples] == ["0?", "3?", "4?", "5?"]
    assert found.left_out == {"unjudged": 1, "wrong": 1}
    assert server.counted()["most"] == 6
