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
    # Signs that say something are no punctuation.
    ("1 2", "1/2", {}, False),
    ("1-2", "1/2", {}, False),
    ("1:2", "1/2", {}, False),
    ("1,2", "12", {}, False),
    ("No. 1", "no", {}, False),
    ("No: 5", "no", {}, False),
    ("No, 3 of them did", "no", {}, True),
    ("> 5", "< 5", {}, False),
    ("less than 5", "< 5", {}, True),
    ("5 or more", "at least 5", {}, True),
    ("5 or less", "at least 5", {}, False),
    ("x2", "x^2", {}, False),
    ("x²", "x^2", {}, True),
    ("x²", "x2", {}, False),
    ("5*3", "53", {}, False),
    ("x=y", "x≠y", {}, False),
    ("A", "A*", {}, False),
    ("Vitamin", "Vitamin A", {}, False),
    ("7", "007", {}, False),
    ("5 mW", "5 MW", {}, False),
    ("5 m s", "5 m/s", {}, False),
    ("й", "и", {}, False),
    # By value.
    ("5000 m", "5 km", {}, True),
    ("500 m", "5 km", {}, False),
    ("5", "5 km", {}, False),
    ("6 feet 2 inches", "6'2\"", {}, True),
    ("6 feet 3 inches", "6'2\"", {}, False),
    ("18 km/h", "5 m/s", {}, True),
    ("68 °F", "68 °C", {}, False),
    (r"\frac{1}{2}", "1/2", {}, True),
    (r"$1\frac12$", "1.5", {}, True),
    ("½", "0.5", {}, True),
    ("2½", "21/2", {}, False),
    ("minus 40", "-40", {}, True),
    ("minus 40", "40", {}, False),
    ("3 × 10⁸", "300,000,000", {}, True),
    ("half a million", "500,000", {}, True),
    ("$1.2m", "1.2 million dollars", {}, True),
    ("$1.2bn", "1.2 million dollars", {}, False),
    ("5 pounds", "5 lb", {}, True),
    ("2004-11", "November 2004", {}, True),
    ("2004-12", "November 2004", {}, False),
    ("Tuesday, March 12, 1912", "12 March 1912", {}, True),
    ("15:00", "3 pm", {}, True),
    ("3:00", "3 pm", {}, False),
    ("an hour and a half", "90 minutes", {}, True),
    ("1861 to 1865", "1861–1865", {}, True),
    ("1861-65", "from 1861 until 1865", {}, True),
    ("1861-1866", "1861–1865", {}, False),
    ("$5 million to $10 million", "$5-10 million", {}, True),
    ("2 to 1", "2:1", {}, True),
    ("1 to 2", "2:1", {}, False),
    # Spellings of the same words.
    ("Simon and Garfunkel", "Simon & Garfunkel", {}, True),
    ("second", "2nd", {}, True),
    ("twenty-first century", "21st century", {}, True),
    ("World War Two", "World War II", {}, True),
    ("World War I", "World War II", {}, False),
    ("Henry the Eighth", "Henry VIII", {}, True),
    ("Malcolm 10", "Malcolm X", {}, False),
    ("Friday the Thirteenth", "Friday the 13th", {}, True),
    ("Dwayne 'The Rock' Johnson", 'Dwayne "The Rock" Johnson', {}, True),
    ("2 gigabytes", "2 GB", {}, True),
    ("2 megabytes", "2 GB", {}, False),
    ("ages 5 to 7", "ages 5–7", {}, True),
    ("ages 5 and 7", "ages 5–7", {}, False),
    ("Saint Louis", "St. Louis", {}, True),
    ("Austin, TX", "Austin, Texas", {}, True),
    ("United States", "U.S.A.", {}, True),
    ("World Health Organization (WHO)", "WHO", {}, True),
    ("World Trade Organization (WTO)", "WHO", {}, False),
    ("Tolkien, J.R.R.", "J. R. R. Tolkien", {}, True),
    ("silver, gold", "gold, silver", {}, False),
    ("Sir Isaac Newton", "Isaac Newton", {}, True),
    ("King Edward VII", "Prince Edward VII", {}, False),
    ("Mueller", "Müller", {}, True),
    ("beta-carotene", "β-carotene", {}, True),
    ("C sharp", "C#", {}, True),
    # Sentences that say nothing but the question beside the answer.
    ("It is Paris.", "Paris", {}, True),
    ("It is not Paris.", "Paris", {}, False),
    ("The wrong answer is Paris.", "Paris", {}, False),
    ("The capital of France is Paris.", "Paris", {}, True),
    ("They are France and Germany.", ["Germany", "France"], {"match": "all"}, True),
    ("5 km (3.1 miles)", "5 km", {}, True),
    ("5 km (5 miles)", "5 km", {}, False),
    # The sign of a percentage.
    ("+5%", "-5%", {}, False),
    ("-5%", "5", {}, False),
    ("-34 percent", "34%", {}, False),
    (r"\boxed{-5\%}", "5%", {}, False),
    ("minus 34%", "-34%", {}, True),
    ("negative 34%", "-34%", {}, True),
    ("-5%, 3%", ["5%", "3%"], {"match": "ordered"}, False),
    # Zeros at the end of what is no decimal.
    ("10.0.0.1", "10.0.0.10", {}, False),
    ("1.2.3", "1.2.30", {}, False),
    ("Python 3.1", "Python 3.10", {}, False),
    ("It is Python (3.1)", "Python (3.10)", {}, False),
    ("v1.1", "v1.10", {}, False),
    ("#3.1", "#3.10", {}, False),
    ("Section §3.1", "Section §3.10", {}, False),
    ("the version is 3.1", "the version is 3.10", {}, False),
    ("-five percent", "five percent", {}, False),
    ("-five percent", "-5%", {}, True),
    ("Am 1", "Am I", {}, False),
    ("HTTP/1.1", "HTTP/1.10", {}, False),
    ("Python 3.10", "python 3.10", {}, True),
    ("magnitude 7.0", "magnitude 7", {}, True),
    ("3.50 km", "3.5 km", {}, True),
    # The case of units.
    ("8 MBps", "8 Mbps", {}, False),
    ("16 Gb", "16 GB", {}, False),
    ("5 kB", "5 kb", {}, False),
    ("16 gb", "16 GB", {}, True),
    ("8 Mbit/s", "8 megabits per second", {}, True),
    ("5 mΩ", "5 MΩ", {}, False),
    ("5 kΩ", "5 kilohms", {}, True),
    ("5 mN", "5 MN", {}, False),
    ("5 mN", "5 million", {}, False),
    ("5 mAh", "5 MAh", {}, False),
    ("5 milliampere hours", "5 mAh", {}, True),
    ("300 K", "300 kelvin", {}, True),
    ("300 K", "300,000", {}, False),
    ("12k", "12,000", {}, True),
    ("100k people", "100,000", {}, True),
    ("12k", "12", {}, False),
    ("nineteen hundred", "1900", {}, True),
    ("nineteen hundred", "19", {}, False),
    # The first in a series.
    ("WWI", "World War I", {}, True),
    ("World War One", "World War I", {}, True),
    ("Elizabeth the First", "Elizabeth I", {}, True),
    ("Charles 5", "Charles V", {}, True),
    ("Part 1", "Part I", {}, True),
    ("The King and 1", "The King and I", {}, False),
    ("Elizabeth", "Elizabeth I", {}, False),
    ("United States of America", "USA", {}, True),
    ("carbon-14", "C-14", {}, True),
    ("carbon-12", "C-14", {}, False),
    ("O negative", "O-", {}, True),
    ("O positive", "O-", {}, False),
    ("3:2", "3 to 2", {}, True),
    ("2:3", "3 to 2", {}, False),
    # Orders in prose.
    ("First gold, then silver, then bronze", ["gold", "silver", "bronze"], {"match": "ordered"}, True),
    ("gold > silver > bronze", ["gold", "silver", "bronze"], {"match": "ordered"}, True),
    ("bronze > silver > gold", ["gold", "silver", "bronze"], {"match": "ordered"}, False),
    ("First bronze, then silver, then gold", ["gold", "silver", "bronze"], {"match": "ordered"}, False),
    # Tokens of Llama 4 and GLM that end a turn.
    ("Paris<|eot|>", "Paris", {}, True),
    ("Paris<|observation|>", "Paris", {}, True),
    ("Paris<|user|>", "Paris", {}, True),
]


@pytest.mark.parametrize(("response", "reference", "row", "right"), CASES, ids=range(len(CASES)))
def test_an_answer_is_right_or_wrong(response: str, reference: Any, row: dict[str, Any], right: bool) -> None:
    language = row.get("language")
    meta = {key: value for key, value in row.items() if key != "language"}
    sample = Sample(response=response, reference=reference, language=language, kind="answer", meta=meta)
    verdict = AnswerVerifier()([sample])[0]
    assert verdict.correct is right, verdict


@pytest.mark.parametrize(
    ("response", "right"),
    [("First Ann, second Bob, third Cid", True), ("First Ann, third Bob, second Cid", False)],
)
def test_ordinals_that_a_list_has_out_of_order_are_no_order(response: str, right: bool) -> None:
    sample = Sample(response=response, reference=["Ann", "Bob", "Cid"], kind="answer", meta={"match": "ordered"})
    assert AnswerVerifier()([sample])[0].correct is right


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


BENCHMARKS: list[tuple[str, str, list[list[str]], float]] = [
    ("squad_em", "the Eiffel-Tower!", [["Eiffel Tower"]], 0.0),
    ("triviaqa_em", "the Eiffel-Tower!", [["Eiffel Tower"]], 1.0),
    ("squad_f1", "1/2 of it", [["12 of it"]], 1.0),
    ("squad_f1", "a tall tower", [["tower"], ["red tall tower"]], 0.8),
    ("hotpotqa_f1", "yes it is", [["yes"]], 0.0),
    ("hotpotqa_f1", "red tower", [["tower"]], 2 / 3),
    ("drop_em", "5.0", [["5"]], 1.0),
    ("drop_em", "five", [["5"]], 0.0),
    ("drop_f1", "5 red dogs", [["6 red dogs"]], 0.0),
    ("drop_f1", "well-known", [["known"]], 0.67),
    ("drop_f1", '["a b", "c"]', [["c", "b d"]], 0.83),
    ("drop_f1", "- c\n- d\n- e", [["e", "d", "c"]], 1.0),
    ("drop_f1", "c", [["e", "d", "c", "f"]], 0.25),
]


@pytest.mark.parametrize(("score", "response", "golds", "value"), BENCHMARKS, ids=range(len(BENCHMARKS)))
def test_what_the_scripts_of_benchmarks_give(score: Any, response: str, golds: list[list[str]], value: float) -> None:
    sample = Sample(response=f"<answer>{response}</answer>", kind="answer", meta={"golds": golds})
    assert AnswerVerifier(score=score)([sample])[0].score == pytest.approx(value)


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
    pieces += ["answer is ", "的", "\ud800", "[", "'", "²", "٣", " is ", " to ", "/", "(", "½", "km", "\\frac", "one "]
    golds = ["Paris", "5", "$5", "July 4, 1776", "yes", "2 hours", "5-10 km", "6'2\"", "< 5", "Dr. A. B. Lee (ABL)"]
    for _ in range(600):
        text = "".join(rng.choices(pieces, k=rng.randrange(20)))
        for score in ("exact", "f1"):
            sample = Sample(response=text, reference=rng.choice(golds), kind="answer")
            assert AnswerVerifier(score=score)([sample])[0].status is Status.SCORED, text
    for unit in ("one ", "5-", "is ", "(a", "a-", "**a", "a ", "5,", "answer is ", "\\boxed{a}", "- a\n", "1 h ", "$1"):
        start = time.process_time()
        verify(unit * (100_000 // len(unit)), "Paris", "answer")
        assert time.process_time() - start < 2
