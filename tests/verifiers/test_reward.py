"""Rewards: weights, kinds, errors that stay errors; making verifiers by name."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.verifiers import (
    Auto,
    ConfigError,
    FormatVerifier,
    MathVerifier,
    Reason,
    Reward,
    Sample,
    Status,
    Term,
    UnknownRewardError,
    Verdict,
    Verifier,
    auto,
    r1_zero,
)
from r1_reward.verifiers.registry import CATALOG, make


@dataclass(frozen=True)
class Fixed:
    """Gives every sample the same verdict."""

    name: str
    verdict: Verdict

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [self.verdict for _ in samples]


def scored(name: str, score: float, reason: Reason = Reason.MEASURED) -> Fixed:
    return Fixed(name, Verdict.scored(score, reason))


GOOD = Sample(response=r"<think>2 + 2</think><answer>\boxed{4}</answer>", reference="4")


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-10, 10)), min_size=1, max_size=5))
def test_total_is_the_weighted_sum_and_parts_hold_every_score(pairs: list[tuple[float, float]]) -> None:
    terms = [Term(verifier=scored(f"v{i}", score), weight=weight) for i, (score, weight) in enumerate(pairs)]
    (verdict,) = Reward(name="r", terms=terms)([GOOD])
    assert verdict.score == pytest.approx(sum(score * weight for score, weight in pairs))
    assert verdict.parts == {f"v{i}": score for i, (score, _) in enumerate(pairs)}


def test_one_term_in_error_makes_the_total_an_error() -> None:
    broken = Fixed("b", Verdict.error(Reason.SANDBOX_UNAVAILABLE, "no engine"))
    reward = Reward(name="r", terms=[Term(verifier=scored("a", 1)), Term(verifier=broken)])
    (verdict,) = reward([GOOD])
    assert verdict.status is Status.ERROR
    assert verdict.reason is Reason.SANDBOX_UNAVAILABLE
    assert verdict.score is None
    assert verdict.detail == "b: no engine"


def test_skipped_terms_add_nothing_and_all_skipped_is_skipped() -> None:
    skipping = Fixed("s", Verdict.skipped("not mine"))
    (verdict,) = Reward(name="r", terms=[Term(verifier=scored("a", 0.5)), Term(verifier=skipping)])([GOOD])
    assert (verdict.score, verdict.parts) == (0.5, {"a": 0.5})
    (verdict,) = Reward(name="r", terms=[Term(verifier=skipping)])([GOOD])
    assert verdict.status is Status.SKIPPED


def test_terms_apply_to_their_kinds_only_and_order_is_kept() -> None:
    reward = Reward(
        name="r",
        terms=[
            Term(verifier=MathVerifier(), kinds=frozenset({"math"})),
            Term(verifier=scored("c", 3), kinds=frozenset({"code"})),
        ],
    )
    samples = [GOOD, Sample(response="", kind="code"), GOOD, Sample(response="", kind="general")]
    assert [verdict.score for verdict in reward(samples)] == [1.0, 3.0, 1.0, None]
    judged = reward.judge(samples)
    assert [list(one.verdicts) for one in judged] == [["math"], ["c"], ["math"], ["math", "c"]]
    assert judged[3].verdicts["math"].detail == "math judges math; this sample is general"


def test_reason_is_the_first_that_is_not_correct() -> None:
    bad = Sample(response=r"\boxed{4}", reference="4")
    (verdict,) = r1_zero()([bad])
    assert (verdict.score, verdict.reason, verdict.answer) == (1.0, Reason.BAD_FORMAT, "4")


def test_terms_need_names_of_their_own() -> None:
    with pytest.raises(ConfigError, match="names of their own"):
        Reward(name="r", terms=[Term(verifier=MathVerifier()), Term(verifier=MathVerifier())])
    with pytest.raises(ConfigError, match="names of their own"):
        Reward(name="r", terms=[])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"weight": float("nan")}, "weight of math is nan"),
        ({"weight": float("inf")}, "weight of math is inf"),
        ({"weight": "1"}, "weight of math is '1'"),
        ({"kinds": "math"}, "kinds of math are 'math'"),
        ({"kinds": {"two words"}}, "kinds of math are {'two words'}"),
        ({"begins": "3"}, "math begins at '3'"),
        ({"ramp": -2}, "the ramp of math is -2"),
        ({"ramp": float("nan")}, "the ramp of math is nan"),
        ({"verifier": MathVerifier}, "the class MathVerifier, which is no verifier"),
        ({"verifier": "math"}, "a str, which is no verifier"),
        ({"verifier": len}, "a builtin_function_or_method, which is no verifier"),
    ],
)
def test_a_term_that_cannot_be_summed_is_told_at_once(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Term(**{"verifier": MathVerifier(), **value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"terms": [MathVerifier()]}, "made of Terms, not of MathVerifier"),
        ({"terms": {"math": 1.0}}, "made of Terms, not of 'math'"),
        ({"terms": Term(verifier=MathVerifier())}, "are a Term; a list of Terms is wanted"),
        ({"name": None}, "name of a reward is None"),
    ],
)
def test_a_reward_of_something_else_than_terms_is_told(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Reward(**{"name": "r", "terms": [Term(verifier=MathVerifier())], **value})


def test_terms_of_a_generator_are_all_there() -> None:
    reward = Reward(name="r", terms=(Term(verifier=one) for one in [MathVerifier(), FormatVerifier()]))  # type: ignore[arg-type]
    assert [float(verdict) for _ in range(2) for verdict in reward([GOOD])] == [2.0, 2.0]


def test_a_term_grows_to_its_weight_over_its_ramp() -> None:
    terms = [Term(verifier=MathVerifier(), weight=2.0, begins=10, ramp=5), Term(verifier=FormatVerifier())]
    reward = Reward(name="r", terms=terms)
    weights = [[term.weight for term in reward.at(step).terms] for step in range(9, 17)]
    assert weights[0] == [1.0]
    assert [one for one, _ in weights[1:]] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0, 2.0, 2.0])
    assert reward.at(11).at(11).terms[0].weight == pytest.approx(0.8)


def test_a_step_before_any_term_says_when_the_first_begins() -> None:
    with pytest.raises(ConfigError, match="no term of r counts at step 4; the first begins at 5"):
        Reward(name="r", terms=[Term(verifier=MathVerifier(), begins=5)]).at(4)


def test_an_error_that_spells_its_status_is_an_error() -> None:
    """A verifier of one's own may write the words of the lists as text."""
    word: Any = "error"
    broken = Fixed("b", Verdict(status=word, score=None, reason=Reason.GRADER_CRASHED, detail="no luck"))
    reward = Reward(name="r", terms=[Term(verifier=MathVerifier()), Term(verifier=broken)])
    (verdict,) = reward([GOOD])
    assert (verdict.status, verdict.score, verdict.detail) == (Status.ERROR, None, "b: no luck")


def test_verifier_that_loses_a_sample_is_told() -> None:
    class Loses:
        name = "loses"

        def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
            return [Verdict.skipped()] * (len(samples) - 1)

    with pytest.raises(TypeError, match="one Verdict for each of 1"):
        Reward(name="r", terms=[Term(verifier=Loses())])([GOOD])


@pytest.mark.parametrize(
    ("sample", "score"),
    [
        (GOOD, 2.0),
        (Sample(response=r"<think>a</think><answer>\boxed{5}</answer>", reference="4"), 1.0),
        (Sample(response=r"\boxed{4}", reference="4"), 1.0),
        (Sample(response="no", reference="4"), 0.0),
    ],
)
def test_r1_zero_is_accuracy_plus_format(sample: Sample, score: float) -> None:
    assert float(r1_zero()([sample])[0]) == score


def test_r1_zero_does_not_pay_format_where_nothing_can_judge_the_answer() -> None:
    general = Sample(response="<think>a</think><answer>b</answer>", kind="general")
    assert r1_zero()([general])[0].status is Status.SKIPPED


def test_auto_asks_the_verifier_of_the_kind() -> None:
    judged = auto().judge([GOOD, Sample(response="hello", kind="general"), Sample(response="hello")])
    assert [list(one.verdicts) for one in judged] == [["math"], ["auto"], ["auto"]]
    assert [one.total.status for one in judged] == [Status.SCORED, Status.SKIPPED, Status.ERROR]
    assert judged[2].total.reason is Reason.REFERENCE_MISSING


@pytest.mark.parametrize("reward", [r1_zero(), auto(), Reward(name="r", terms=[Term(verifier=FormatVerifier())])])
def test_rewards_are_verifiers_and_pickle(reward: Reward | Auto) -> None:
    assert isinstance(reward, Verifier)
    assert pickle.loads(pickle.dumps(reward))([GOOD])[0].score == reward([GOOD])[0].score


@pytest.mark.parametrize("name", CATALOG)
def test_every_verifier_of_the_catalog_can_be_made_and_keeps_its_name(name: str) -> None:
    verifier = make(name, {"ask": str} if name == "judge" else None)
    assert verifier.name == name
    assert verifier([]) == []


def test_unknown_reward_lists_the_known_ones() -> None:
    with pytest.raises(UnknownRewardError, match=r"unknown reward 'maths'; known: .*format.*math"):
        make("maths")


@pytest.mark.parametrize("name", ["no.such.module:x", "json:nothing", ":x", "json:"])
def test_own_reward_that_cannot_be_imported_is_told(name: str) -> None:
    with pytest.raises(UnknownRewardError, match="cannot be imported"):
        make(name)


def test_what_is_no_verifier_is_told() -> None:
    with pytest.raises(ConfigError, match="no verifier"):
        make("fractions:Fraction")
    with pytest.raises(ConfigError, match="not callable"):
        make("math:pi")


def test_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"no option 'extract'; did you mean 'extraction'\? Its options: extraction.*"
    ):
        make("math", {"extract": "lenient"})


@pytest.mark.parametrize(
    ("name", "options"),
    [("math", {"extraction": "loose"}), ("math", {"undecided": 1}), ("format", {"prefilled": 1})],
)
def test_bad_option_value_lists_the_allowed_ones(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be one of"):
        make(name, options)


def test_broken_verifier_is_an_error_verdict_not_a_zero() -> None:
    from r1_reward.verifiers.verifier import judge_each

    def broken(sample: Sample) -> Verdict:
        raise RecursionError("too deep")

    (verdict,) = judge_each(broken, [GOOD])
    assert verdict.reason is Reason.GRADER_CRASHED
    assert "RecursionError: too deep" in verdict.detail
