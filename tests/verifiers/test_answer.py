"""Short answers: normalised, by value, in sets and in order, by F1; and wrong neighbours of each."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from r1_reward import verify
from r1_reward.verifiers import AnswerVerifier, Reason, Sample, Status

CASES: list[tuple[str, Any, dict[str, Any], bool]] = [
    ("$50", "£50", {}, False),
    ("$50", "50%", {}, False),
    ("$x^2$", "x^2", {}, True),
    ("O-", "O+", {}, False),
    ("O", "O+", {}, False),
    ("Na+", "Na+", {}, True),
    ("The Eiffel Tower", "eiffel tower", {}, True),
    ("Eiffel", "Eiffel Tower", {}, False),
    ("It is one of Paris, London and Rome.", "Paris", {}, False),
    ("<think>Rome? No.</think>Paris.", "Paris", {}, True),
    ("Some thoughts.\nThe answer is Paris.", "Paris", {}, True),
    ("The answer is London. The answer is Paris.", "Paris", {}, True),
    ("The answer is Paris or London.", "Paris", {}, False),
    (r"\boxed{Paris} \boxed{London}", "Paris", {}, False),
    ("<answer>\\text{Paris}</answer>", "Paris", {}, True),
    ("**Answer:** Paris", "Paris", {}, True),
    ("答案是北京。", "北京", {}, True),
    ("U.S.", "US", {}, True),
    ("São Paulo", "Sao Paulo", {}, True),
    ("der Rhein", "Rhein", {"language": "de"}, True),
    ("der Rhein", "Rhein", {}, False),
    ("well-known", "well known", {}, True),
    ("Sinatra", ["Frank Sinatra", "Sinatra"], {}, True),
    ("Frank", ["Frank Sinatra", "Sinatra"], {}, False),
    ("-5", "5", {}, False),
    ("3.5", "35", {}, False),
    ("35", "3.5", {}, False),
    ("1,000", "1000", {}, True),
    ("1000.0", "1000", {}, True),
    ("five", "5", {}, True),
    ("5 touchdowns", "5", {}, True),
    ("5 of 10", "5", {}, False),
    ("5 million", "5", {}, False),
    ("5 or 6", "5", {}, False),
    ("not 5", "5", {}, False),
    ("5%", "0.05", {}, False),
    ("five percent", "5%", {}, True),
    ("$5 million", "5,000,000 dollars", {}, True),
    ("€5 million", "$5 million", {}, False),
    ("50 cents", "$0.50", {}, True),
    ("$50", "$0.50", {}, False),
    ("4 July 1776", "July 4, 1776", {}, True),
    ("1776-07-04", "July 4, 1776", {}, True),
    ("7/4/1776", "July 4, 1776", {}, False),
    ("July 1776", "July 4, 1776", {}, False),
    ("July 4, 1776", "1776", {}, True),
    ("July 4, 1777", "1776", {}, False),
    ("July 5, 1776", ["July 4, 1776", "July 1776"], {}, False),
    ("July 1776", ["July 4, 1776", "July 1776"], {}, True),
    ("44 BC", "44", {}, False),
    ("150 minutes", "2.5 hours", {}, True),
    ("150", "2.5 hours", {}, False),
    ("two hours", "2 hours", {}, True),
    ("two minutes", "2 hours", {}, False),
    ("in 1945", "1945", {}, True),
    ("44 B.C.", "44 BC", {}, True),
    ("2.5 days", "2.5 hours", {}, False),
    ("1 year", "12 months", {}, True),
    ("yes, because it is so", "yes", {}, True),
    ("yes and no", "yes", {}, False),
    ("No", "yes", {}, False),
    ("unanswerable", "unanswerable", {}, True),
    ("Paris", "unanswerable", {}, False),
    ("France and Germany", ["Germany", "France"], {"match": "all"}, True),
    ("- France\n- Germany", ["Germany", "France"], {"match": "all"}, True),
    ("France, Germany, Italy", ["Germany", "France"], {"match": "all"}, False),
    ("France, France", ["Germany", "France"], {"match": "all"}, False),
    ("France", ["Germany", "France"], {"match": "all"}, False),
    ('["France", "Germany"]', '["Germany", "France"]', {"match": "all"}, True),
    ("Paris, Texas; Rome", ["Rome", "Paris, Texas"], {"match": "all"}, True),
    ("1. gold\n2. silver", ["gold", "silver"], {"match": "ordered"}, True),
    ("silver, gold", ["gold", "silver"], {"match": "ordered"}, False),
    ("Tom Brady and Randy Moss", None, {"golds": [["Randy Moss", "Tom Brady"]]}, True),
    ("Tom Brady", None, {"golds": [["Randy Moss", "Tom Brady"]]}, False),
    ("Tom Brady", None, {"golds": [["Randy Moss", "Tom Brady"], ["Tom Brady"]]}, True),
    ("Par\u200bis", "Paris", {}, True),
    ("The answer is Paris. No, London.", "Paris", {}, False),
    ("The answer is Paris. It is in France.", "Paris", {}, True),
    ("5 dozen", "5", {}, False),
    ("5 minutes", "5", {}, True),
    ("-$5", "$5", {}, False),
    ("Here they are:\ny\nx", ["x", "y"], {"match": "all"}, True),
    ("x\ny\nz", ["x", "y"], {"match": "all"}, False),
    ("C", "C++", {}, False),
    ("$5", "5", {}, True),
    ("€5", "$5", {}, False),
]


@pytest.mark.parametrize(("response", "reference", "row", "right"), CASES, ids=range(len(CASES)))
def test_an_answer_is_right_or_wrong(response: str, reference: Any, row: dict[str, Any], right: bool) -> None:
    language = row.get("language")
    meta = {key: value for key, value in row.items() if key != "language"}
    sample = Sample(response=response, reference=reference, language=language, kind="answer", meta=meta)
    verdict = AnswerVerifier()([sample])[0]
    assert verdict.correct is right, verdict


@pytest.mark.parametrize(
    ("response", "reference", "meta", "f1"),
    [
        ("the tall tower", "Eiffel Tower", {}, 0.5),
        ("red tower", ["blue", "big red tower"], {}, 0.8),
        ("5 dogs", "6 dogs", {}, 0.0),
        ("Tom Brady, Bob", None, {"golds": [["Tom Brady", "Randy Moss"]]}, 0.5),
        ("Eiffel Tower", "Eiffel Tower", {}, 1.0),
        ("nothing", "Eiffel Tower", {}, 0.0),
    ],
)
def test_f1_as_squad_and_drop_have_it(response: str, reference: Any, meta: dict[str, Any], f1: float) -> None:
    sample = Sample(response=response, reference=reference, kind="answer", meta=meta)
    assert AnswerVerifier(score="f1")([sample])[0].score == pytest.approx(f1)


def test_prose_that_marks_no_answer_is_undecided() -> None:
    response = "I have thought about it for long, and Paris seems to be where it all began."
    assert verify(response, "Paris", "answer").reason is Reason.UNDECIDED
    assert verify(response, "Paris", "answer", extraction="strict").reason is Reason.NO_ANSWER


def test_what_no_answer_can_meet_is_an_error() -> None:
    faults: list[tuple[Any, dict[str, Any], Reason]] = [
        (None, {}, Reason.REFERENCE_MISSING),
        ("", {}, Reason.REFERENCE_UNPARSEABLE),
        ("assert f(1) == 2", {}, Reason.REFERENCE_UNUSABLE),
        ("x", {"match": "some"}, Reason.REFERENCE_UNPARSEABLE),
    ]
    for reference, meta, reason in faults:
        verdict = AnswerVerifier()([Sample(response="x", reference=reference, kind="answer", meta=meta)])[0]
        assert (verdict.status, verdict.reason) == (Status.ERROR, reason)


def test_every_gold_is_met_by_itself() -> None:
    golds = [str(case[1]) for case in CASES if isinstance(case[1], str) and case[1][:1] != "["]
    for gold in golds:
        assert verify(AnswerVerifier().response_to(gold), gold, "answer").correct, gold


def test_never_raises_and_stays_quick() -> None:
    rng = random.Random(7)
    pieces = ["Paris", "5", ".", ",", " and ", "\n", "$", "%", "-", "July", "1776", "the ", "\\boxed{", "}"]
    pieces += ["answer is ", "的", "\ud800", "[", "'", "²", "٣"]
    golds = ["Paris", "5", "$5", "July 4, 1776", "yes", "2 hours"]
    for _ in range(600):
        text = "".join(rng.choices(pieces, k=rng.randrange(20)))
        for score in ("exact", "f1"):
            sample = Sample(response=text, reference=rng.choice(golds), kind="answer")
            assert AnswerVerifier(score=score)([sample])[0].status is Status.SCORED, text
    for unit in ("a ", "5,", "answer is ", "\\boxed{a}", "- a\n", "1 h ", "$1"):
        start = time.process_time()
        verify(unit * (100_000 // len(unit)), "Paris", "answer")
        assert time.process_time() - start < 2
