"""Multiple choice: which option a response names."""

from __future__ import annotations

from typing import Any

import pytest

from r1_reward.verifiers import ChoiceVerifier, ConfigError, Reason, Sample, Status

OPTIONS = ["3", "5", "7", "9"]
CITIES = {"A": "Rome", "B": "Paris", "C": "Both Rome and Paris", "D": "A village"}

RIGHT: list[tuple[str, str]] = [
    (r"\boxed{B}", "a boxed letter"),
    (r"\boxed{(B)}", "in brackets"),
    (r"\boxed{\textbf{(B)}\ 5}", "dressed, with the option's text"),
    (r"\boxed{\text{B}}", "as text"),
    (r"\boxed{\mathrm{B}}.", "upright"),
    (r"\boxed{B. 5}", "with a full stop and the text"),
    (r"\boxed{5}", "the option's text"),
    ("<answer>B</answer>", "an answer block"),
    ("<answer> (B) </answer>", "with brackets"),
    ("<answer>\nB) 5\n</answer>", "with the text"),
    ("<answer>b</answer>", "a small letter"),
    ("<answer>Option B</answer>", "called an option"),
    ("<answer>The answer is B.</answer>", "a phrase in it"),
    ("The answer is B.", "a phrase"),
    ("The correct option is (B).", "another"),
    ("**Answer: B**", "emphasised"),
    ("The answer is **B**: 5", "emphasised letter"),
    ("So the final answer is $\\textbf{(B)}\\ 5$.", "dressed phrase"),
    ("A is too small and C too large.\n\nB", "a last line"),
    ("We see it.\n\n**(B) 5**", "a last line with the text"),
    ("答案是B。", "Chinese"),
    ("The correct answer is B, because A is too small.", "with reasons"),
    ("The answer is (B) 5, not (A) 3", "with a denial"),
    ("My choice: B", "another phrase"),
    ("故选：B", "Chinese, shorter"),
    (r"Option A gives 3, option C gives 7. The answer is \boxed{B}", "others are mentioned before"),
    ("<think>A? C? D?</think>The answer is B", "others in the thinking"),
    ("<answer>5</answer><|im_end|>", "the text in an answer block"),
]


@pytest.mark.parametrize(("response", "why"), RIGHT)
@pytest.mark.parametrize("gold", ["B", "(B)", "B.", "5", r"\textbf{(B)}\ 5", "B. 5"])
def test_the_right_option_is_recognised(response: str, why: str, gold: str) -> None:
    sample = Sample(response=response, reference=gold, kind="choice", meta={"options": OPTIONS})
    verdict = ChoiceVerifier()([sample])[0]
    assert (verdict.score, verdict.reason) == (1.0, Reason.CORRECT), why


WRONG: list[tuple[str, Reason, str]] = [
    (r"\boxed{C}", Reason.WRONG, "another letter"),
    (r"\boxed{7}", Reason.WRONG, "another option's text"),
    (r"\boxed{6}", Reason.WRONG, "no option's text"),
    (r"\boxed{A, B}", Reason.WRONG, "two letters"),
    (r"\boxed{AB}", Reason.WRONG, "two letters together"),
    (r"\boxed{B \text{ or } C}", Reason.WRONG, "hedged"),
    (r"\boxed{B} or \boxed{C}", Reason.WRONG, "two boxes"),
    ("<answer>(A) (B) (C) (D)</answer>", Reason.WRONG, "all of them"),
    ("<answer>A B C D</answer>", Reason.WRONG, "all of them, bare"),
    ("<answer>ABCD</answer>", Reason.WRONG, "all of them, together"),
    ("<answer>B/C</answer>", Reason.WRONG, "a slash"),
    ("<answer>B and C</answer>", Reason.WRONG, "and"),
    ("<answer>B. 7</answer>", Reason.WRONG, "a letter with another's text"),
    ("<answer>B</answer><answer>C</answer>", Reason.WRONG, "two answers"),
    ("The answer is A. The answer is B.", Reason.WRONG, "two phrases"),
    ("The answer is A, B, C, D.", Reason.WRONG, "all in one phrase"),
    ("答案是A或B", Reason.WRONG, "hedged in Chinese"),
    ("The answer is A or B or C", Reason.WRONG, "all with or"),
    ("A\nC\nD\nB", Reason.WRONG, "all on lines of their own"),
    ("(A)\n(B)", Reason.WRONG, "two on lines of their own"),
    ("The answer is a 5", Reason.NO_ANSWER, "an article is no letter"),
    ("The answer is not B", Reason.NO_ANSWER, "a denial"),
    ("I cannot tell.", Reason.NO_ANSWER, "no option"),
    ("", Reason.NO_ANSWER, "nothing"),
    ("<think>The answer is B", Reason.NO_ANSWER, "cut off while thinking"),
    ("<think>The answer is B</think>", Reason.NO_ANSWER, "only thought"),
]


@pytest.mark.parametrize(("response", "reason", "why"), WRONG)
def test_anything_else_is_not(response: str, reason: Reason, why: str) -> None:
    sample = Sample(response=response, reference="B", meta={"options": OPTIONS})
    verdict = ChoiceVerifier()([sample])[0]
    assert (verdict.score, verdict.reason) == (0.0, reason), why


TEXTS: list[tuple[str, str, float, str]] = [
    ("<answer>C. Both Rome and Paris</answer>", "C", 1.0, "an option that names two others"),
    ("<answer>both rome and paris</answer>", "C", 1.0, "the text, in small letters"),
    ("<answer>D. A village</answer>", "D", 1.0, "an option that begins with A"),
    ("<answer>A village</answer>", "D", 1.0, "and its text alone"),
    ("<answer>Paris</answer>", "Paris", 1.0, "the gold is a text"),
    ("<answer>B</answer>", "Paris", 1.0, "the gold is a text, the answer its letter"),
    ("<answer>Rome</answer>", "Paris", 0.0, "another text"),
    ("<answer>Paris, Rome</answer>", "Paris", 0.0, "two texts"),
]


@pytest.mark.parametrize(("response", "gold", "score", "why"), TEXTS)
def test_texts_of_options(response: str, gold: str, score: float, why: str) -> None:
    verdict = ChoiceVerifier()([Sample(response=response, reference=gold, meta={"choices": CITIES})])[0]
    assert verdict.score == score, why


def test_options_are_read_from_the_prompt() -> None:
    prompt = "Which is a prime?\nA. 4\nB. 5\nC. 6\n"
    verdict = ChoiceVerifier()([Sample(response=r"\boxed{5}", prompt=prompt, reference="B")])[0]
    assert verdict.score == 1.0


def test_without_options_letters_still_work() -> None:
    for response, score in (
        (r"\boxed{B}", 1.0),
        ("<answer>(B) the second law</answer>", 1.0),
        ("The answer is C", 0.0),
    ):
        assert ChoiceVerifier()([Sample(response=response, reference="B")])[0].score == score


def test_strict_reads_boxes_and_answer_blocks_only() -> None:
    strict = ChoiceVerifier(extraction="strict")
    assert strict([Sample(response="The answer is B", reference="B")])[0].reason is Reason.NO_ANSWER
    assert strict([Sample(response=r"\boxed{B}", reference="B")])[0].score == 1.0


def test_faults_of_the_data_are_errors() -> None:
    for reference, reason in ((None, Reason.REFERENCE_MISSING), ("  ", Reason.REFERENCE_UNPARSEABLE)):
        verdict = ChoiceVerifier()([Sample(response="B", reference=reference)])[0]
        assert (verdict.status, verdict.reason) == (Status.ERROR, reason)


@pytest.mark.parametrize("options", [{"extraction": "loose"}, {"prefilled": "yes"}])
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError, match="choice"):
        ChoiceVerifier(**options)
