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


@pytest.mark.parametrize(
    ("question", "response", "reference", "right"),
    [
        ("What is the capital of France?", "Paris is the capital of France.", "Paris", True),
        ("When was it?", "12. Oktober 1492", "October 12, 1492", True),
        ("When was it?", "12 мая 1492 года", "October 12, 1492", False),
        ("When was it?", "Mars 2020", "March 2020", False),
        ("At what time?", "3 p.m. GMT", "15:00 UTC", True),
        ("At what time?", "3 p.m. EDT", "3:00 PM EST", False),
        ("In which century?", "19 centuries", "19th century", False),
        ("Which city?", "Oslo, not Bergen", "Oslo", True),
        ("Which city?", "Not Bergen but Oslo", "Oslo", True),
        ("Which city?", "Oslo? No, Bergen.", "Oslo", False),
        ("Which city?", "Oslo, not sure", "Oslo", False),
        ("Who was it?", "George Herbert Walker Bush", "George H. W. Bush", True),
        ("Who was it?", "George Walker Bush", "George H. W. Bush", False),
        ("How many points?", "20 - 6 = 14", "14", True),
        ("How many points?", "20 - 5 = 14", "14", False),
        ("How many points?", "14%", "14", False),
        ("How many points did District 10 win?", "District 10", "10", False),
        ("How many fouls were there?", "There were no fouls.", "0", True),
        ("What is its pH?", "pH 7.4", "7.4", True),
        ("日本の首都はどこですか？", "首都は東京です。", "東京", True),
        ("日本の首都はどこですか？", "東京ではないです", "東京", False),
        ("Столица?", "Это Москва", "Москва", True),
        ("Столица?", "Это не Москва", "Москва", False),
        ("Which city?", '{"answer": "Oslo"}', "Oslo", True),
        ("Which city?", '{"answer": "Oslo", "other": "Rome"}', "Oslo", False),
        ("Who may enter?", "18 or older", "at least 18 years old", True),
        ("Who may enter?", "18 or younger", "at least 18 years old", False),
        ("What is the capital of France?", "Paris is not the capital of France.", "Paris", False),
        ("Who wrote Emma?", "Emma was written by Jane Austen.", "Jane Austen", True),
        ("Who wrote Emma?", "Emma was written by Jane Austen or Lee.", "Jane Austen", False),
        ("Who directed the film?", "The director is Lee and the producer is Kim.", "Kim", False),
        ("Who directed the film?", "The film was directed by Lee and produced by Kim.", "Kim", False),
        ("Which is longer, the Nile or the Rhine?", "The Nile is longer than the Rhine.", "the Nile", True),
        ("Which is longer, the Nile or the Rhine?", "The Rhine is longer than the Nile.", "the Nile", False),
        ("Who did Rome defeat?", "Rome defeated Carthage.", "Carthage", True),
        ("Who did Rome defeat?", "Carthage defeated Rome.", "Carthage", False),
        ("How many apples does Ann have?", "Ann has five apples.", "5", True),
        ("How many apples does Ann have?", "Ann has 5 apples and 3 pears.", "5", False),
        ("How many apples does Ann have?", "Ann has 5 fewer apples than Bob.", "5", False),
        ("What year did the ship sink?", "The ship sank in 1912.", "1912", True),
        ("When did it happen?", "It took place in 1066.", "1066", True),
        ("What was the growth?", "0.07%", "0.07", False),
        ("What was the growth?", "0.7", "0.7%", False),
        ("What percentage is it?", "0.07", "0.07%", True),
        ("What percentage is it?", "7%", "7", True),
        ("What is the result?", "-.5%", "-0.5", False),
        ("What was the score of the final?", "4:2", "4-2", True),
        ("What was the score of the final?", "2:4", "4-2", False),
        ("By what score did they win?", "2-0", "2:0", True),
        ("At what time did it start?", "4-20", "4:20", False),
        ("In which decade was it?", "the '80s", "1980s", True),
        ("In which decade was it?", "the sixties", "the 1960s", True),
        ("In which decade was it?", "'80s", "1880s", False),
        ("In which decade was it?", "the eighties", "1990s", False),
        ("How old was he?", "the 1980s", "80s", False),
        ("How many people live there?", "3.4m", "3.4 million", True),
        ("How many people live there?", "3.4b", "3.4 million", False),
        ("How long is it?", "3.4m", "3,400,000", False),
        ("How many voted?", "3/4 of them", "3/4", True),
        ("How many voted?", "not 3/4 of them", "3/4", False),
        ("How many voted?", "3/4 of ten", "3/4", False),
        ("What is the capital of Peru?", "Lima, Peru", "Lima", True),
        ("What is the capital of Peru?", "Lima (Peru)", "Lima", True),
        ("Which is larger, Lima or Quito?", "Lima, Quito", "Lima", False),
        ("Which countries border the north of Peru?", "Chile, Peru", "Chile", False),
        ("Which town in Texas is it?", "Paris, Texas", "Paris", True),
        ("What is Peru's capital?", "Lima, Peru", "Lima", True),
        ("What was the ratio?", "4-2", "4:2", False),
        ("Which side lost the war?", "the war Greece", "Greece", False),
        ("Which city of the US is named so?", "Lima, Peru", "Lima", False),
        ("Which mission was first?", "Apollo 11 (1969)", "Apollo 11", True),
        ("Which film was it?", "Titanic (1953)", "Titanic", False),
        ("How many?", "11 (1969)", "11", False),
        ("Who wrote it?", "Clive Staples Lewis", "C. S. Lewis", True),
        ("Who wrote it?", "Clive Samuel Lewis", "C. T. Lewis", False),
        ("Who wrote it?", "Clive Lewis", "C. Lewis", False),
        ("What is the number?", "+44 20 7946 0958", "+44 (20) 7946-0958", True),
        ("What is the number?", "+44 20 7946 0985", "+44 (20) 7946-0958", False),
        ("What is the charge?", "-123", "+123", False),
        ("What is the change?", "-12 345 678", "+12 345 678", False),
        ("Where is it?", "51.5 N, 0.12 W", "51.5° N, 0.12° W", True),
        ("Where is it?", "51.5 N, 0.12 E", "51.5° N, 0.12° W", False),
        ("What is the best move?", "0-0", "O-O", True),
        ("What is the best move?", "0-0-0", "O-O", False),
        ("Which hormone?", "oestrogen", "estrogen", True),
        ("Was ist die Hauptstadt von Italien?", "Die Hauptstadt ist Rom.", "Rom", True),
        ("Was ist die Hauptstadt von Italien?", "Die Hauptstadt ist nicht Rom.", "Rom", False),
        ("¿Cuál es la capital de Italia?", "La capital no es Roma.", "Roma", False),
        ("Qual é a capital da Itália?", "A resposta é Roma.", "Roma", True),
        ("Wat is de hoofdstad?", "Het antwoord is niet Rome.", "Rome", False),
    ],
)
def test_a_sentence_about_the_question(question: str, response: str, reference: str, right: bool) -> None:
    sample = Sample(response=response, reference=reference, prompt=f"A passage.\n{question}", kind="answer")
    assert AnswerVerifier()([sample])[0].correct is right


SENTENCES: list[tuple[str, str, str, bool]] = [
    # A question without its sign: NQ, WebQuestions.
    (
        "where is the world's largest ice sheet located today",
        "The world's largest ice sheet is located in Antarctica.",
        "Antarctica",
        True,
    ),
    (
        "Which county located in the commonwealth of Kentucky is Kentucky Route 393 (KY 393) a state highway in",
        "KY 393 is located in Oldham County, Kentucky.",
        "Oldham County, Kentucky",
        True,
    ),
    (
        "who plays the doctor in dexter season 1",
        "Tony Goldwyn plays the doctor in Dexter season 1.",
        "Tony Goldwyn",
        True,
    ),
    ("who won the world cup in 2014", "Germany won the World Cup in 2014.", "Germany", True),
    ("who wrote the book of mormon", "Joseph Smith wrote the Book of Mormon.", "Joseph Smith", True),
    ("what year did the ship sink", "The ship sank in 1912.", "1912", True),
    (
        "where was the first battle of the war fought",
        "The first battle of the war was fought at Bull Run.",
        "Bull Run",
        True,
    ),
    ("who is the current king of england", "The current king of England is Charles III.", "Charles III", True),
    (
        "where is the world's largest ice sheet located today",
        "The world's smallest ice sheet is located in Antarctica.",
        "Antarctica",
        False,
    ),
    (
        "who plays the doctor in dexter season 1",
        "Tony Goldwyn plays the killer in Dexter season 1.",
        "Tony Goldwyn",
        False,
    ),
    (
        "who plays the doctor in dexter season 1",
        "Tony Goldwyn or Lee plays the doctor in Dexter season 1.",
        "Tony Goldwyn",
        False,
    ),
    ("who won the world cup in 2014", "Germany won the World Cup in 2015.", "Germany", False),
    ("who won the world cup in 2014", "Germany did not win the World Cup in 2014.", "Germany", False),
    ("who wrote the book of mormon", "Joseph Smith sold the Book of Mormon.", "Joseph Smith", False),
    ("who is the current king of england", "The former king of England is Charles III.", "Charles III", False),
    # The rest of the question after the answer.
    (
        "From which country did Angola achieve independence in 1975?",
        "Angola achieved independence from Portugal in 1975.",
        "Portugal",
        True,
    ),
    (
        "From which country did Angola gain independence in 1975?",
        "Angola gained independence from Portugal in 1975.",
        "Portugal",
        True,
    ),
    (
        "Which country did Angola gain independence from in 1975?",
        "Angola gained independence from Portugal in 1975.",
        "Portugal",
        True,
    ),
    ("Which team did Messi join in 2021?", "Messi joined PSG in 2021.", "PSG", True),
    ("which club did Barcelona sell Neymar to in 2017", "Barcelona sold Neymar to PSG in 2017.", "PSG", True),
    ("Where was Obama born in 1961?", "Obama was born in Honolulu in 1961.", "Honolulu", True),
    ("What year did Messi join PSG in France?", "Messi joined PSG in 2021 in France.", "2021", True),
    ("Which country did Germany invade after Poland?", "Germany invaded France after Poland.", "France", True),
    ("Who did Nadal beat in the final?", "Nadal beat Federer in the final.", "Federer", True),
    (
        "where is the world's largest ice sheet located today",
        "The world's largest ice sheet is located in Antarctica today.",
        "Antarctica",
        True,
    ),
    (
        "From which country did Angola achieve independence in 1975?",
        "Angola achieved independence for Portugal in 1975.",
        "Portugal",
        False,
    ),
    (
        "From which country did Angola achieve independence in 1975?",
        "Angola achieved independence from Portugal in 1976.",
        "Portugal",
        False,
    ),
    (
        "From which country did Angola achieve independence in 1975?",
        "Angola achieved independence from Spain and Portugal in 1975.",
        "Portugal",
        False,
    ),
    (
        "From which country did Angola achieve independence in 1975?",
        "Angola bought independence from Portugal in 1975.",
        "Portugal",
        False,
    ),
    (
        "From which country did Angola achieve independence in 1975?",
        "Portugal achieved independence from Angola in 1975.",
        "Portugal",
        False,
    ),
    ("Which team did Messi join in 2021?", "Messi left PSG in 2021.", "PSG", False),
    ("Which team did Messi join in 2021?", "Messi joined PSG Juniors in 2021.", "PSG", False),
    ("Which team did Messi join in 2021?", "Messi never joined PSG in 2021.", "PSG", False),
    ("Which team did Messi join in 2021?", "PSG joined Messi in 2021.", "PSG", False),
    ("Which country did Germany invade after Poland?", "Germany invaded Poland after France.", "France", False),
    ("Which country did Spain lose Cuba to in 1898?", "Spain lost the US to Cuba in 1898.", "US", False),
    ("Who did Nadal beat in the final?", "Federer beat Nadal in the final.", "Federer", False),
    ("Who did Nadal beat in the final?", "Nadal beat Federer in the semifinal.", "Federer", False),
    ("Who did Rome defeat?", "Rome was defeated by Carthage.", "Carthage", False),
    ("Which city did Austria attack in 1900?", "Australia attacked Rome in 1900.", "Rome", False),
    # The passive of the question, and verbs of its noun.
    ("who sings i just want to use your love tonight", "It is sung by The Outfield.", "The Outfield", True),
    ("Who wrote Emma?", "It was written by Jane Austen.", "Jane Austen", True),
    ("Who stole the painting?", "It was stolen by Lee.", "Lee", True),
    ("Who drew the map?", "The map was drawn by Ann Lee.", "Ann Lee", True),
    ("who threw the first stone", "The first stone was thrown by Kim.", "Kim", True),
    ("What is the target of imatinib?", "Imatinib targets BCR-ABL.", "BCR-ABL", True),
    ("What is the cause of death of Ann Lee's mother?", "She died of tuberculosis.", "tuberculosis", True),
    ("What was the cause of death of Ann Lee?", "Ann Lee died from tuberculosis.", "tuberculosis", True),
    ("What is the birthplace of Ann Lee?", "She was born in Oslo.", "Oslo", True),
    ("Who was the wife of Tom Ford?", "Tom Ford was married to Ann Lee.", "Ann Lee", True),
    ("What is the product of the factory?", "The factory produces glass.", "glass", True),
    ("What is the target of imatinib?", "BCR-ABL targets imatinib.", "BCR-ABL", False),
    ("What is the target of imatinib?", "Imatinib activates BCR-ABL.", "BCR-ABL", False),
    ("What is the target of imatinib?", "Imatinib targets KIT and BCR-ABL.", "BCR-ABL", False),
    ("What is the cause of death of Ann Lee's mother?", "Ann Lee died of tuberculosis.", "tuberculosis", False),
    ("What is the cause of death of Ann Lee's mother?", "She did not die of tuberculosis.", "tuberculosis", False),
    ("What is the cause of death of Ann Lee's mother?", "She nearly died of tuberculosis.", "tuberculosis", False),
    ("who sings i just want to use your love tonight", "It is covered by The Outfield.", "The Outfield", False),
    ("Who wrote Emma?", "It was read by Jane Austen.", "Jane Austen", False),
    ("Who stole the painting?", "It was sold by Lee.", "Lee", False),
    ("What is the birthplace of Ann Lee?", "She died in Oslo.", "Oslo", False),
    # Decades, where one is asked for.
    ("In which decade did it begin?", "The 1930s", "30s", True),
    ("In which decade did it begin?", "1930s", "30's", True),
    ("what decade was it", "the 1980s", "80s", True),
    ("In which decade was it?", "the nineties", "90s", True),
    ("In what decade was it?", "in the 1940s", "40s", True),
    ("Which decade was it?", "1960s", "'60s", True),
    ("In which decade did it begin?", "1830s", "30s", False),
    ("In which decade did it begin?", "1940s", "30s", False),
    ("In which decade did it begin?", "2030s", "30s", False),
    ("How old was he?", "the 1930s", "30s", False),
    ("In which decade did it begin?", "1930", "30s", False),
    ("In which decade of his life was he?", "the thirties or forties", "30s", False),
    # One text that lists items.
    (
        "What are the three core subjects in the tradition of education?",
        "Grammar, Logic, Rhetoric",
        "grammar, logic, and rhetoric",
        True,
    ),
    (
        "What are the three core subjects in the tradition of education?",
        "rhetoric, grammar and logic",
        "grammar, logic, and rhetoric",
        True,
    ),
    (
        "In which six Western European territories have Celtic languages survived?",
        "Ireland, Scotland, Isle of Man, Wales, Cornwall, Brittany.",
        "Brittany, Cornwall, Ireland, Isle of Man, Scotland and Wales.",
        True,
    ),
    (
        "Which countries found economic growth while cog-railways were built in the Alps?",
        "Prussia and the United Kingdom",
        "United Kingdom and Prussia",
        True,
    ),
    ("What are the three primary colors?", "blue, red and yellow", "red, yellow, blue", True),
    (
        "Which four states border Nevada's neighbour?",
        "Utah; Idaho; Oregon; Arizona",
        "Oregon, Idaho, Utah & Arizona",
        True,
    ),
    ("What two languages are spoken there?", "French and Dutch", "Dutch and French", True),
    ("Which band was it?", "Crosby, Stills, Nash", "Crosby, Stills and Nash", True),
    ("which countries border andorra", "Spain and France", "France and Spain", True),
    ("What are the three core subjects?", "grammar and logic", "grammar, logic, and rhetoric", False),
    ("What are the three core subjects?", "grammar, logic, rhetoric and music", "grammar, logic, and rhetoric", False),
    ("What are the three core subjects?", "grammar, logic, music", "grammar, logic, and rhetoric", False),
    ("What are the three core subjects?", "grammar, logic, logic", "grammar, logic, and rhetoric", False),
    ("What are the three core subjects?", "grammar, logic or rhetoric", "grammar, logic, and rhetoric", False),
    ("What are the three core subjects?", "grammar, logic, not rhetoric", "grammar, logic, and rhetoric", False),
    ("In what order are the three subjects taught?", "rhetoric, grammar, logic", "grammar, logic, and rhetoric", False),
    ("What are the first three planets?", "Venus, Mercury and Earth", "Mercury, Venus and Earth", False),
    ("Which country is it?", "Tobago and Trinidad", "Trinidad and Tobago", False),
    ("Which countries speak English?", "Tobago and Trinidad", "Trinidad and Tobago", False),
    ("Which band was it?", "Stills, Nash and Crosby", "Crosby, Stills and Nash", False),
    ("What are the names of the three-man band?", "Stills, Nash and Crosby", "Crosby, Stills and Nash", False),
    ("What novel did Tolstoy write?", "Peace and War", "War and Peace", False),
    ("What novels did Tolstoy write?", "Peace and War", "War and Peace", False),
    ("What day was it?", "1990, May 5", "May 5, 1991", False),
    ("Where is it?", "Texas, Paris", "Paris, Texas", False),
    ("What are the two cities?", "Texas, Paris, Lyon", "Paris, Texas", False),
    ("Which film was it?", "Barrels, Lock and Stock", "Lock, Stock and Barrels", False),
    ("Who founded the firm?", "Nash, Young", "Young and Nash", False),
    ("Which two countries were they?", "France and Spain", "France and Italy", False),
    ("Which countries border andorra?", "Spain or France", "France and Spain", False),
    # Relations turned around, and words that begin alike.
    ("Which river does the bridge cross in Rome?", "The bridge crosses the Tiber Valley in Rome.", "Tiber", False),
    ("Which river does the bridge cross in Rome?", "The bridge crosses no Tiber in Rome.", "Tiber", False),
    ("Who found gold?", "It was founded by Lee.", "Lee", False),
    ("Who founded the town?", "The town was found by Lee.", "Lee", False),
    ("When the ball is dropped from 5 m, find the speed.", "The speed is 5 m", "10 m/s", False),
    ("Who are the parents of Ann?", "Tom and Mary", "Tom and Maria", False),
    ("Who are the parents of Ann?", "Mary and Tom", "Tom and Mary", True),
    ("Which river does the bridge cross in Rome?", "The bridge crosses the Tiber in Rome.", "Tiber", True),
    ("When the ball is dropped from 5 m, find the speed.", "The speed is 10 m/s", "10 m/s", True),
    ("What ship did he sail to England in 1620?", "He sailed the Mayflower to England in 1620.", "Mayflower", True),
    ("Which country did Poland invade with Germany?", "Poland invaded Germany with Russia.", "Russia", False),
    ("Which country did Germany invade with Russia?", "Germany invaded Russia with Poland.", "Poland", False),
    ("Which country did Germany attack from France?", "Germany attacked France from Spain.", "Spain", False),
    ("To whom did Ann introduce Tom?", "Ann introduced Lee to Tom.", "Lee", False),
    ("Who did Ann introduce to Tom?", "Ann introduced Tom to Lee.", "Lee", False),
    ("who is the president of the club", "The presenter of the club is Lee.", "Lee", False),
    ("who is the grandmother of ann", "The grandfather of Ann is Lee.", "Lee", False),
    ("what is the capital of austria", "The capital of Australia is Vienna.", "Vienna", False),
    ("who produced the film", "The producer of the film was Lee.", "Lee", True),
    ("who stopped the war", "Lee stops the war", "Lee", True),
]


@pytest.mark.parametrize(("question", "response", "reference", "right"), SENTENCES, ids=range(len(SENTENCES)))
def test_a_sentence_and_nothing_but_its_question(question: str, response: str, reference: str, right: bool) -> None:
    sample = Sample(response=response, reference=reference, problem=question, kind="answer")
    assert AnswerVerifier()([sample])[0].correct is right


@pytest.mark.parametrize(
    ("question", "response", "reference", "undecided"),
    [
        ("Who covered the song?", "The Outfield played it.", "The Outfield", True),
        ("What is the target of imatinib?", "It inhibits BCR-ABL.", "BCR-ABL", True),
        ("What did she die of?", "She caught tuberculosis.", "tuberculosis", True),
        ("Where was he born?", "His parents lived in Oslo.", "Oslo", True),
        ("What novel did he write?", "Peace and War", "War and Peace", True),
        ("Which band was it?", "Stills, Nash and Crosby", "Crosby, Stills and Nash", True),
        ("What is the target of imatinib?", "It does not inhibit BCR-ABL.", "BCR-ABL", False),
        ("What is the target of imatinib?", "It inhibits KIT more than BCR-ABL.", "BCR-ABL", False),
        ("What did she die of?", "She nearly caught tuberculosis.", "tuberculosis", False),
        ("What did she die of?", "She caught cancer and tuberculosis.", "tuberculosis", False),
        ("Who discovered it?", "the teacher of Isaac Newton", "Isaac Newton", False),
        ("Who won the cup?", "It is unclear whether Brazil won.", "Brazil", False),
        ("Was ist die Hauptstadt?", "Es ist nicht Berlin.", "Berlin", False),
        ("Where was he born?", "Paris Hilton", "Paris", False),
        ("Where was he born?", "His parents left Bergen for Oslo.", "Oslo", False),
        ("Which country is it?", "Tobago and Trinidad", "Trinidad and Tobago", False),
        ("Which country is it?", "France", "Germany", False),
    ],
)
def test_what_no_rule_explains_is_undecided(question: str, response: str, reference: str, undecided: bool) -> None:
    verdict = AnswerVerifier()([Sample(response=response, reference=reference, problem=question, kind="answer")])[0]
    assert (verdict.score, verdict.reason) == (0.0, Reason.UNDECIDED if undecided else Reason.WRONG)


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
