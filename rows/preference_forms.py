"""The forms in which public data sets hold preferences: one table, a row per form.

A form says where a row holds its responses and which one is preferred, in one of five ways: two columns by name, two
columns and a word or a number that names the better one, two columns with a rating each, a list of rated responses, or
one response with its rating. Paths are those of `paths.py`; of several the first that holds something counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Paths = tuple[str, ...]

PROMPTS: Paths = (
    *("prompt", "instruction", "question", "query", "orig_instruction", "user_input", "input", "problem", "context"),
    *("history", "conversation_input", "messages", "conversations", "conversation", "dialogue", "post", "goal"),
    *("user_prompt", "user_query", "user", "prompt_text", "title", "Prompt", "Question", "Instruction"),
)
"""What data sets call the prompt, most often first; of several the first one counts."""
SYSTEMS: Paths = ("system", "system_prompt")
SOURCES: Paths = ("source", "subset", "domain", "dataset", "category", "data_source")
IDS: Paths = ("id", "uid", "pair_id", "prompt_id", "question_id")

CHOSEN: tuple[tuple[str, str], ...] = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("preferred_output", "non_preferred_output"),
    ("response_j", "response_k"),
    ("good_edited_response", "bad_edited_response"),
    ("better_response", "worse_response"),
    ("preferred_response", "dispreferred_response"),
    ("preferred", "dispreferred"),
    ("chosen_messages", "rejected_messages"),
    ("chosen_answer", "rejected_answer"),
    ("chosen_text", "rejected_text"),
    ("positive", "negative"),
    ("winner_response", "loser_response"),
    ("accepted", "rejected"),
    ("bon_best", "loser_list"),
    ("chosen", "reject"),
    ("win", "lose"),
    ("better", "worse"),
    ("pos", "neg"),
    ("y_w", "y_l"),
)
"""Columns of the better and the worse response."""
STEMS: Paths = (
    *("response", "answer", "output", "completion", "human_ref", "orig_response", "conversation", "generation"),
    *("summary", "text", "candidate", "reply", "model_output", "assistant", "res", "caption"),
)
SUFFIXES: tuple[tuple[str, str], ...] = (
    *(("_0", "_1"), ("_1", "_2"), ("_a", "_b"), ("_A", "_B"), ("0", "1"), ("1", "2"), ("A", "B"), ("a", "b")),
    ("_one", "_two"),
)
"""Two columns of responses are called by a stem and a pair of suffixes: `response_0` and `response_1`."""
PREFERRED: Paths = (
    *("better_response_id", "preference", "preferred", "preferred_response", "winner", "choice", "human_preference"),
    *("orig_preference", "overall_preference", "better", "best", "verdict", "judgment", "judgement", "label", "chosen"),
    *("better_response", "best_response", "selected", "preferred_index", "winner_index", "votes", "labels", "result"),
)
"""What says which of two responses is the better one."""
RATINGS: Paths = ("score", "rating", "overall_score", "reward", "votes", "upvotes", "quality")
LISTS: Paths = (
    *("completions", "responses", "answers", "generations", "candidates", "outputs", "generated_responses"),
    *("model_responses", "summaries", "all_responses"),
)
RATING_KEYS: Paths = (
    *("overall_score", "fine-grained_score", "score", "rating", "overall_rating", "reward", "pm_score"),
    *("helpfulness", "quality", "annotations", "rank", "ranking"),
)
"""A response's rating in a list of objects, or beside it in a column of its own."""
RATING_LISTS: Paths = ("ratings", "scores", "rating", "overall_scores", "rewards", "ranks", "rank", "ranking")
RANKS = frozenset(("rank", "ranking", "ranks"))
"""Ratings of which the least is best."""
SINGLE: Paths = ("response", "completion", "output", "answer", "orig_response", "text", "summary.text", "generation")
SINGLE_RATINGS: Paths = (
    *("helpfulness", "rating", "score", "overall_score", "reward", "orig_score", "summary.axes.overall", "overall"),
    *("label", "thumbs_up", "is_correct", "quality"),
)
_ANNOTATOR = re.compile(r"annotator_?\d+|annotation_?\d+|label_?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Where the rows of one data set, or of several alike, hold what is read of them."""

    name: str = "auto"
    needs: tuple[Paths, ...] = ()
    """Sets of paths; a row that holds all of one set is of this form."""
    prompt: Paths = ()
    """Of the prompt, before the usual names."""
    chosen: str | None = None
    rejected: str | None = None
    """Of the better and the worse response."""
    first: str | None = None
    second: str | None = None
    """Of two responses."""
    preferred: str | None = None
    """What says which of the two is better."""
    signed: bool = False
    """It is a number: less than 0 for the first, more for the second; its size is the margin."""
    values: Mapping[object, int] = field(default_factory=dict)
    """What its values mean: 0 the first, 1 the second."""
    rating_first: str | None = None
    rating_second: str | None = None
    responses: str | None = None
    """Of a list of responses."""
    index: str | None = None
    """Of the number of the best one among them, from 0."""
    ratings: str | None = None
    """Of the list of their ratings; in a list of objects the key of each one's."""
    response: str | None = None
    rating: str | None = None
    """Of one response and its rating."""
    margins: bool = True
    """Whether differences of ratings say by how much; votes do not."""


FORMS: tuple[Form, ...] = (
    Form(name="openai", needs=(("preferred_output", "non_preferred_output"),), prompt=("input.messages", "input"),
         chosen="preferred_output", rejected="non_preferred_output"),
    Form(name="tldr", needs=(("info", "summaries", "choice"),), prompt=("info.post", "info.article"),
         responses="summaries", index="choice"),
    Form(name="tldr-axis", needs=(("info", "summary.text", "summary.axes"),), prompt=("info.post", "info.article"),
         response="summary.text", rating="summary.axes.overall"),
    Form(name="shp", needs=(("human_ref_A", "human_ref_B", "labels"),), prompt=("history",), first="human_ref_A",
         second="human_ref_B", preferred="labels", values={1: 0, 0: 1}),
    Form(name="helpsteer3", needs=(("response1", "response2", "overall_preference"),), prompt=("context",),
         first="response1", second="response2", preferred="overall_preference", signed=True),
    Form(name="helpsteer2-preference", needs=(("response_1", "response_2", "preference_strength"),),
         first="response_1", second="response_2", preferred="preference_strength", signed=True),
    Form(name="helpsteer2", needs=(("response", "helpfulness", "correctness"),), response="response",
         rating="helpfulness"),
    Form(name="pku-saferlhf", needs=(("response_0", "response_1", "better_response_id"),), first="response_0",
         second="response_1", preferred="better_response_id"),
    Form(name="webgpt", needs=(("question.full_text", "answer_0", "answer_1"),), prompt=("question.full_text",),
         first="answer_0", second="answer_1", rating_first="score_0", rating_second="score_1"),
    Form(name="nectar", needs=(("answers[0].rank",),), responses="answers", ratings="rank", margins=False),
    Form(name="stack-exchange", needs=(("answers[0].pm_score",),), responses="answers", ratings="pm_score",
         margins=False),
    Form(name="arena", needs=(("conversation_a", "conversation_b", "winner"),), first="conversation_a",
         second="conversation_b", preferred="winner"),
    Form(name="arena-kaggle", needs=(("response_a", "response_b", "winner_model_a"),), first="response_a",
         second="response_b", preferred="winner_model_a"),
    Form(name="ultrafeedback",
         needs=(("completions[0].response",), ("completions.response", "completions.annotations")),
         responses="completions"),
    Form(name="hhh-alignment", needs=(("targets.choices", "targets.labels"),), responses="targets.choices",
         ratings="targets.labels", margins=False),
    Form(name="ms-swift", needs=(("messages", "rejected_response"), ("messages", "rejected_messages")),
         chosen="messages", rejected="rejected_response"),
    Form(name="judgebench", needs=(("response_A", "response_B", "label", "pair_id"),), first="response_A",
         second="response_B", preferred="label"),
    Form(name="rmb",
         needs=(("conversation_input", "bon_best", "loser_list"), ("conversation_input", "chosen", "reject")),
         prompt=("conversation_input",)),
    Form(name="pandalm", needs=(("response1", "response2", "annotator1"),), first="response1", second="response2"),
    Form(name="alpacafarm", needs=(("output_1", "output_2", "preference"),), first="output_1", second="output_2",
         preferred="preference"),
    Form(name="feedback-collection", needs=(("orig_instruction", "orig_response", "orig_score"),),
         response="orig_response", rating="orig_score"),
    Form(name="kto", needs=(("completion", "label"),), response="completion", rating="label", margins=False),
    Form(name="trl", chosen="chosen", rejected="rejected"),
)  # fmt: skip
"""In the order in which they are recognised; what fits none of them is read by the usual names."""
_ALSO: Mapping[str, str] = {
    **dict.fromkeys(("hh-rlhf", "skywork", "rewardbench", "rewardbench2", "rm-bench", "orca", "sharegpt"), "trl"),
    **dict.fromkeys(("helpsteer3-preference",), "helpsteer3"),
    **dict.fromkeys(("helpsteer",), "helpsteer2"),
    **dict.fromkeys(("shp-2",), "shp"),
}
FORM_BY_NAME: Mapping[str, Form] = MappingProxyType(
    {form.name: form for form in FORMS} | {name: next(f for f in FORMS if f.name == of) for name, of in _ALSO.items()}
)
FORM_CHOICES: Paths = ("auto", *sorted(FORM_BY_NAME))
"""What `--from` takes."""


def annotators(columns: Mapping[str, object]) -> list[str]:
    """Columns that hold what one of several people said.

    >>> annotators({"annotator1": 1, "annotator2": 0, "id": 3})
    ['annotator1', 'annotator2']
    """
    return sorted(name for name in columns if _ANNOTATOR.fullmatch(name))
