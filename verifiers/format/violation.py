"""What can be wrong with the form: a fixed list of words."""

from __future__ import annotations

from enum import StrEnum
from functools import cache


class Violation(StrEnum):
    """What can be wrong with the form; `evidence["violations"]` holds these words."""

    __hash__ = str.__hash__  # Enum's own is Python code, and these go in and out of sets for every sample

    MISSING_THINK = "missing_think"
    MISSING_ANSWER = "missing_answer"
    MISSING_TAG = "missing_tag"
    MISSING_SUMMARY = "missing_summary"
    MISSING_BOX = "missing_box"
    DUPLICATE_THINK = "duplicate_think"
    DUPLICATE_ANSWER = "duplicate_answer"
    DUPLICATE_TAG = "duplicate_tag"
    DUPLICATE_BOX = "duplicate_box"
    UNCLOSED_THINK = "unclosed_think"
    UNCLOSED_ANSWER = "unclosed_answer"
    UNCLOSED_TAG = "unclosed_tag"
    UNCLOSED_BOX = "unclosed_box"
    UNOPENED_THINK = "unopened_think"
    UNOPENED_ANSWER = "unopened_answer"
    UNOPENED_TAG = "unopened_tag"
    NESTED = "nested"
    ANSWER_IN_THINK = "answer_in_think"
    WRONG_ORDER = "wrong_order"
    EMPTY_THINK = "empty_think"
    EMPTY_ANSWER = "empty_answer"
    EMPTY_TAG = "empty_tag"
    EMPTY_BOX = "empty_box"
    TEXT_OUTSIDE = "text_outside"
    NOT_JSON = "not_json"
    SCHEMA_MISMATCH = "schema_mismatch"
    TRUNCATED = "truncated"


@cache
def of_tag(what: str, name: str) -> Violation:
    """The word for a fault of a tag: `think` and `answer` have words of their own.

    >>> of_tag("empty", "think"), of_tag("empty", "plan")
    (<Violation.EMPTY_THINK: 'empty_think'>, <Violation.EMPTY_TAG: 'empty_tag'>)
    """
    return Violation(f"{what}_{name}" if name in ("think", "answer") else f"{what}_tag")
