"""Which of many answers are the same, for a majority vote (cons@k)."""

from __future__ import annotations

from collections.abc import Sequence

from .compare import compare
from .reading import Answer, read

MAX_LEADERS = 64
"""Most classes, the earliest first, that an answer is compared with one by one."""


def classes(answers: Sequence[str]) -> list[int]:
    r"""Class numbers of answers, in order of first appearance; equal numbers for the same answer.

    Answers with one normal form are one class at once. What is left is compared both ways with one member of each
    class, so that a rule that holds in one direction only (rounding, dropped units) joins nothing.

    >>> classes([r"\\frac12", "0.5", "1/3", r"x = \\frac{1}{2}", "0.33"])
    [0, 0, 1, 0, 2]
    """
    numbers: list[int] = []
    by_form: dict[str, int] = {}
    leaders: list[Answer] = []
    for raw in answers:
        answer = read(raw)
        number = by_form.get(answer.form)
        if number is None:
            number = _class_of(answer, leaders)
            if number == len(leaders):
                leaders.append(answer)
            by_form[answer.form] = number
        numbers.append(number)
    return numbers


def _class_of(answer: Answer, leaders: list[Answer]) -> int:
    for number, leader in enumerate(leaders[:MAX_LEADERS]):
        if compare(leader, answer).same and compare(answer, leader).same:
            return number
    return len(leaders)
