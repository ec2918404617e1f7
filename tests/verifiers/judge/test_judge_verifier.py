"""What a judge's replies come to, mode by mode: by reference, by rubric, by comparison, on a scale."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import r1_reward
from r1_reward.verifiers import ConfigError, MathVerifier, Sample
from r1_reward.verifiers.judge import Criterion, JudgeVerifier, Rubric
from r1_reward.verifiers.judge.rubric import READY, RubricError, criteria_of, ready


def shown(text: str, name: str) -> str:
    found = re.search(rf"<<<(\w+) {name}>>>\n(.*?)\n<<<\1 end of {name}>>>", text, re.DOTALL)
    return found[2] if found else ""


def reply(text: str, **values: object) -> str:
    code = re.findall(r'^\{"code": "([0-9a-f]+)"', text, re.MULTILINE)[-1]
    return json.dumps({"code": code, "reasons": "because", **values})


def says(**values: object) -> Callable[[str], str]:
    return lambda text: reply(text, **values)


def exact(text: str) -> str:
    """Right is what is the reference."""
    return reply(
        text, verdict="correct" if shown(text, "response") in shown(text, "reference").split() else "incorrect"
    )


def longer(text: str) -> str:
    """Prefers the longer response, and neither of equal ones."""
    a, b = len(shown(text, "response A")), len(shown(text, "response B"))
    return reply(text, verdict="A" if a > b else "B" if b > a else "tie")


def sample(response: str = "Paris", **fields: Any) -> Sample:
    return Sample(**{"prompt": "Capital of France?", "response": response, "reference": "Paris", **fields})


def test_by_reference_any_of_several_will_do_and_reasoning_is_not_judged() -> None:
    judge = JudgeVerifier(ask=exact)
    found = judge([
        sample("<think>Rome?</think>Paris"), sample("Rome"), sample("Lutetia", reference=["Paris", "Lutetia"]),
        sample("<think>Paris"), sample(reference=None),
    ])  # fmt: skip
    assert [one.score for one in found] == [1.0, 0.0, 1.0, 0.0, None]
    assert [one.correct for one in found] == [True, False, True, False, None]
    assert [one.reason.value for one in found] == ["correct", "wrong", "correct", "no_answer", "reference_missing"]
    assert found[0].detail == "because"


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({}, {"verdict": "correct"}),
        ({"rubric": "simpleqa"}, {"verdict": "correct"}),
        ({"rubric": Rubric(mode="rubric", criteria=[Criterion(text="Names a city.")])}, {"c1": "yes"}),
        ({"mode": "scale"}, {"score": 7}),
        ({"mode": "pairwise"}, {"verdict": "A"}),
        ({"rubric": "arena_hard"}, {"verdict": "A>B"}),
    ],
)
def test_every_mode_takes_a_verdict_by_the_same_form(options: dict[str, Any], values: dict[str, object]) -> None:
    for tail, scored in (("", True), ("\nSorry, I flipped it.", False)):

        def ask(text: str, tail: str = tail) -> str:
            return reply(text, **values) + tail

        judge = JudgeVerifier(ask=ask, retries=0, **options)
        assert [one.score is not None for one in judge([sample(), sample("Rome")])] == [scored, scored]


@pytest.mark.parametrize(
    ("votes", "score", "agreement"),
    [("rrr", 1.0, 1.0), ("rrw", 1.0, 2 / 3), ("rww", 0.0, 2 / 3), ("rrx", 1.0, 2 / 3), ("rwx", None, None),
     ("rxx", None, None), ("xxx", None, None), ("rw", None, None), ("rrwx", None, None), ("rrrwx", 1.0, 3 / 5)],
)  # fmt: skip
def test_votes_decide_only_where_failed_ones_could_not_change_them(
    votes: str, score: float | None, agreement: float | None
) -> None:
    left = iter(votes)

    def ask(text: str) -> str:
        vote = next(left)
        return reply(text, verdict="correct" if vote == "r" else "incorrect") if vote != "x" else "?"

    (found,) = JudgeVerifier(ask=ask, votes=len(votes), retries=0, concurrency=1)([sample()])
    assert (found.score, found.evidence.get("agreement")) == (score, agreement)


def test_votes_must_agree_as_far_as_is_asked() -> None:
    left = iter("rrw")
    ask = lambda text: reply(text, verdict="correct" if next(left) == "r" else "incorrect")  # noqa: E731
    (found,) = JudgeVerifier(ask=ask, votes=3, agreement=0.9, concurrency=1)([sample()])
    assert (found.reason.value, found.detail) == ("judge_unclear", "the votes disagree: correct 2, incorrect 1")


CRITERIA = [{"criterion": "names the city", "points": 3}, {"criterion": "is rude", "points": -2}, "is short"]


@pytest.mark.parametrize(
    ("met", "mean", "both"),
    [("yes no yes", 1.0, 1.0), ("yes no no", 0.75, 0.0), ("yes yes yes", 0.5, 0.0), ("no yes no", 0.0, 0.0)],
)
def test_a_rubric_is_weighed_as_it_says(met: str, mean: float, both: float) -> None:
    ask = says(**dict(zip(("c1", "c2", "c3"), met.split(), strict=True)))
    row = sample(meta={"rubric": CRITERIA})
    (found,) = JudgeVerifier(ask=ask, mode="rubric")([row])
    assert (found.score, found.reason.value, found.correct) == (mean, "measured", None)
    assert [one["met"] for one in found.evidence["criteria"]] == [float(word == "yes") for word in met.split()]
    (found,) = JudgeVerifier(ask=ask, rubric=Rubric(mode="rubric", aggregate="all"))([row])
    assert (found.score, found.correct) == (both, both == 1)


def test_graded_criteria_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'mode = "rubric"\n[[criteria]]\ntext = "clear"\nlevels = 4\n[[criteria]]\ntext = "true"\nweight = 3\n'
    )
    (found,) = JudgeVerifier(ask=says(c1=2, c2="yes"), rubric=str(path))([sample()])
    assert found.score == pytest.approx((0.5 + 3) / 4)
    for said in ({"c1": 5, "c2": "yes"}, {"c1": 2}, {"c1": 2.5, "c2": "yes"}, {"c1": True, "c2": "yes"}):
        (found,) = JudgeVerifier(ask=says(**said), rubric=str(path), retries=0)([sample()])
        assert found.reason.value == "judge_unclear"


@pytest.mark.parametrize("told", [None, [], "be good", [{"weight": 2}], [{"text": "a", "points": "many"}], [3],
                                  [{"text": "a", "description": "b"}], [{"text": "a", "weight": -1}]])  # fmt: skip
def test_a_rubric_in_an_unknown_shape_is_an_error(told: object) -> None:
    (found,) = JudgeVerifier(ask=says(c1="yes"), mode="rubric")([sample(meta={"rubric": told})])
    assert found.reason.value == "rubric_unusable"


def test_rubrics_of_data_sets_are_read() -> None:
    healthbench = [{"criterion": "Says when to see a doctor.", "points": 5, "tags": ["level:example"]}]
    rar = {"rubrics": [{"title": "Units", "description": "States units.", "weight": 4}]}
    assert criteria_of(healthbench) == (Criterion(text="Says when to see a doctor.", weight=5.0),)
    assert criteria_of(rar) == (Criterion(text="States units.", weight=4.0, name="Units"),)
    with pytest.raises(RubricError):
        criteria_of([{"points": 1}])


@pytest.mark.parametrize(("said", "score"), [(1, 0.0), (10, 1.0), (5.5, 0.5), (11, None), ("7", None), (True, None)])
def test_on_a_scale_the_score_is_the_place_on_it(said: object, score: float | None) -> None:
    (found,) = JudgeVerifier(ask=says(score=said), mode="scale", retries=0)([sample()])
    assert found.score == score


def test_a_group_is_compared_in_both_orders() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return longer(text)

    group = [sample("a" * n) for n in (1, 3, 2)]
    other = [sample("b", prompt="other"), sample("b" * 2, prompt="other")]
    alone = [sample("c", prompt="alone")]
    found = JudgeVerifier(ask=ask, mode="pairwise")([*group, *other, *alone])
    assert [one.score for one in found] == [0.0, 1.0, 0.5, 0.0, 1.0, None]
    assert found[5].reason.value == "no_opponent"
    assert len(asked) == 2 * (3 + 1)
    (first, second) = JudgeVerifier(ask=says(verdict="A"), mode="pairwise")(other)
    assert first.score == second.score == 0.5  # a favourite place prefers nobody


def test_a_large_group_takes_n_log_n_questions_and_finds_the_best() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return longer(text)

    group = [sample("x" * (1 + 7 * n % 16)) for n in range(16)]
    found = JudgeVerifier(ask=ask, mode="pairwise")(group)
    assert len(asked) == 16 * 4
    scores = {len(one.response): two.score or 0.0 for one, two in zip(group, found, strict=True)}
    assert scores[16] == 1.0 == max(scores.values())
    assert scores[1] == 0.0
    assert sum(scores[n] for n in range(9, 17)) > 2 * sum(scores[n] for n in range(1, 9))


def test_a_group_counts_whole_or_not_at_all() -> None:
    def ask(text: str) -> str:
        return "?" if "x" * 5 in (shown(text, "response A"), shown(text, "response B")) else longer(text)

    found = JudgeVerifier(ask=ask, mode="pairwise", retries=0)([sample("x" * n) for n in range(1, 8)])
    assert {one.reason.value for one in found} == {"judge_unclear"}


def test_an_empty_response_loses_without_a_question() -> None:
    found = JudgeVerifier(ask=longer, mode="pairwise")([sample(""), sample("b"), sample("cc")])
    assert [one.score for one in found] == [0.0, 0.0, 1.0]
    assert [one.score for one in JudgeVerifier(ask=longer, mode="pairwise")([sample(""), sample("b")])] == [0.0, 1.0]


def test_arena_hard_counts_strong_verdicts_three_times() -> None:
    verdicts = iter(["A>>B", "A>B"])  # won by much as A; lost by little as B
    ask = lambda text: reply(text, verdict=next(verdicts))  # noqa: E731
    (found,) = JudgeVerifier(ask=ask, rubric="arena_hard", concurrency=1)([sample("Paris, on the Seine")])
    assert (found.score, found.evidence["weight"], found.evidence["games"]) == (0.75, 4.0, [2.0, -1.0])
    assert found.evidence["lengths"] == [19, 5]


def test_every_ready_rubric_is_read_and_asks() -> None:
    for path in READY.glob("*.toml"):
        rubric = ready(path.stem)
        assert rubric.instructions.strip()
        (found,) = JudgeVerifier(ask=lambda _: "?", rubric=path.stem, retries=0)([sample(meta={"rubric": ["a"]})])
        assert found.status.value == "error", path
    (held,) = JudgeVerifier(ask=says(verdict="not_attempted"), rubric="simpleqa")([sample()])
    assert (held.score, held.reason.value) == (0.0, "no_answer")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a model to ask"),
        ({"url": "http://x/v1"}, "needs judge.model"),
        ({"url": "http://x/v1", "ask": len, "model": "m"}, "one of them"),
        ({"ask": "no_such.module:ask"}, "cannot be imported"),
        ({"ask": len, "votes": 0}, "at least 1"),
        ({"ask": len, "rubric": "simple_qa"}, "there is no rubric 'simple_qa'"),
        ({"ask": len, "replay": True}, "needs judge.record"),
        ({"ask": len, "max_cost": 1.0}, "needs judge.price"),
        ({"ask": len, "timeout": 400.0}, "less than judge.timeout"),
        ({"url": "http://x/v1", "model": "m", "votes": 3, "temperature": 0.0}, "one vote said several times"),
        ({"url": "http://x/v1", "model": "m", "key": "sk-hush"}, "has no option 'key'"),
    ],
)
def test_options_that_cannot_be_carried_out_are_refused(options: dict[str, object], message: str) -> None:
    from r1_reward.verifiers.registry import make

    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        make("judge", options)
    assert "hush" not in str(raised.value)


def test_it_is_picklable_and_the_same_again() -> None:
    judge = JudgeVerifier(ask="tests.verifiers.judge.test_judge_verifier:exact")
    before = judge([sample(), sample("Rome")])
    copy = pickle.loads(pickle.dumps(judge))
    assert copy == judge
    assert [one.score for one in copy([sample(), sample("Rome")])] == [one.score for one in before] == [1.0, 0.0]


# --- Rule first, model second


def test_math_hands_over_only_what_it_left_undecided() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(shown(text, "response"))
        return reply(text, verdict="correct")

    rows = [
        Sample(response=r"\boxed{4}", reference="4"),
        Sample(response=r"\boxed{5}", reference="4"),
        Sample(response=r"\boxed{x+\lfloor |x|/10^{15}\rfloor}", reference="x"),
        Sample(response="no box", reference="4"),
    ]
    plain = MathVerifier()(rows)
    undecided = [index for index, one in enumerate(plain) if one.reason.value == "undecided"]
    assert undecided == [2]
    found = MathVerifier(judge=JudgeVerifier(ask=ask))(rows)
    assert len(asked) == 1
    assert [one.score for one in found] == [1.0, 0.0, 1.0, 0.0]
    assert found[2].evidence["rule"] == "judge"
    assert found[2].evidence["judge"]["verdict"] == ["correct"]
    assert found[2].correct is True
    for other in (lambda _: "?", lambda text: ask(text) + "\nSorry, I flipped it."):
        (failed,) = MathVerifier(judge=JudgeVerifier(ask=other, retries=0))([rows[2]])
        assert (failed.score, failed.reason.value) == (None, "judge_unclear")
    options = {"math": {"judge": {"url": "http://127.0.0.1:9/v1", "model": "m"}}}
    scored = r1_reward.score([{"response": r"\boxed{4}", "reference": "4"}], options=options, workers=1)
    assert scored.rows[0]["reward"] == 1.0
