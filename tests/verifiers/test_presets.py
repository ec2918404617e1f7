"""The paper's rewards: eqs. (4) and (7) to (10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from r1_reward.verifiers import ConfigError, Reason, Sample, Verdict, r1_zero, rl1, rl2
from r1_reward.verifiers.reward import PRESETS, RL2_PREFERENCE_STEPS, RL2_STEPS

GOOD = "<think>We add the two numbers and get four.</think><answer>4</answer>"
OPTIONS = {"math": {"extraction": "lenient"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A reward model that likes everything the same."""

    name: str
    score: float

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [Verdict.scored(self.score, Reason.MEASURED) for _ in samples]


HELPFUL, SAFETY = Fixed(name="helpful", score=0.5), Fixed(name="safety", score=0.25)


def test_r1_zero_is_accuracy_plus_format() -> None:
    verdict = r1_zero(OPTIONS)([Sample(response=GOOD, reference="4")])[0]
    assert (verdict.score, set(verdict.parts)) == (2.0, {"math", "format"})


@pytest.mark.parametrize(
    ("kind", "sample"),
    [
        ("choice", Sample(response=GOOD.replace("4<", "B<"), reference="B", kind="choice")),
        ("puzzle", Sample(response=GOOD, reference="4", kind="puzzle")),
        ("schema", Sample(response=GOOD, reference="4", kind="schema")),
    ],
)
def test_every_verifiable_kind_has_its_accuracy(kind: str, sample: Sample) -> None:
    verdict = r1_zero()([sample])[0]
    assert (verdict.score, set(verdict.parts)) == (2.0, {kind, "format"})


def test_rl1_adds_the_language_to_every_kind() -> None:
    english, french = (
        Sample(response=GOOD, reference="4", language="en"),
        Sample(response=GOOD, reference="4", language="fr"),
    )
    assert [verdict.score for verdict in rl1(OPTIONS)([english, french])] == [3.0, 2.0]
    general = rl1()([Sample(response=GOOD, kind="general", language="en")])[0]
    assert (general.score, set(general.parts)) == (1.0, {"language"})


def test_rl2_is_reasoning_plus_general_plus_language() -> None:
    reward = rl2(OPTIONS, helpful=HELPFUL, safety=SAFETY)
    reasoning, general, safety = reward(
        [
            Sample(response=GOOD, reference="4", language="en"),
            Sample(response=GOOD, kind="general", language="en"),
            Sample(response=GOOD, kind="safety", language="en"),
        ]
    )
    assert (reasoning.score, set(reasoning.parts)) == (3.0, {"math", "format", "language"})
    assert (general.score, set(general.parts)) == (2.5, {"helpful", "format", "language"})
    assert (safety.score, set(safety.parts)) == (2.25, {"safety", "format", "language"})


def test_preference_counts_in_the_last_400_of_1700_steps_only() -> None:
    assert (RL2_STEPS, RL2_PREFERENCE_STEPS) == (1_700, 400)
    reward = rl2(helpful=HELPFUL, safety=SAFETY)
    sample = Sample(response=GOOD, kind="general", language="en")
    assert [reward.at(step)([sample])[0].score for step in (0, 1_299, 1_300, 1_699)] == [2.0, 2.0, 2.5, 2.5]


@pytest.mark.parametrize(
    ("value", "missing"),
    [({}, "helpful and no safety"), ({"helpful": HELPFUL}, "safety"), ({"safety": SAFETY}, "helpful")],
)
def test_rl2_says_plainly_that_it_needs_reward_models(value: dict[str, Fixed], missing: str) -> None:
    with pytest.raises(ConfigError, match=f"was given no {missing}:"):
        PRESETS["rl2"](**value)


def test_presets_take_options_by_name() -> None:
    lenient = PRESETS["rl1"]({**OPTIONS, "language": {"scope": "all"}, "format": {"profile": "r1_chat"}})
    sample = Sample(response="<think>We add the two numbers.</think>It is 4", reference="4", language="en")
    assert lenient([sample])[0].score == 3.0
    with pytest.raises(ConfigError, match="no option"):
        PRESETS["rl1"]({"language": {"colour": "red"}})
