"""Preference data in the forms in which public sets hold it: each is read as what it says, or is an error."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.rows.preference_forms import FORM_CHOICES
from r1_reward.rows.preferences import PreferenceReader
from r1_reward.rows.safety_labels import SafetyReader
from r1_reward.verifiers import ConfigError, SampleError


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def human(text: str) -> dict[str, str]:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": text}


Q = [("user", "Q")]
HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: "
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"x": 1}'}}]}
CALLED = '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>'
# name, row, prompt, [(chosen, rejected, margin)]
PAIRS: list[tuple[str, dict[str, Any], list[tuple[str, str]], list[tuple[str, str, float | None]]]] = [
    (
        "openai dpo",
        {
            "input": {"messages": [user("Q")], "tools": []},
            "preferred_output": [assistant("a")],
            "non_preferred_output": [assistant("b")],
        },
        Q,
        [("a", "b", None)],
    ),
    (
        "argilla ultrafeedback",
        {
            "instruction": "Q",
            "chosen_response": "a",
            "rejected_response": "b",
            "chosen_avg_rating": 4.5,
            "rejected_avg_rating": 4.0,
        },
        Q,
        [("a", "b", 0.5)],
    ),
    (
        "ultrafeedback_binarized with scores",
        {
            "prompt": "Q",
            "chosen": [user("Q"), assistant("a")],
            "rejected": [user("Q"), assistant("b")],
            "messages": [user("Q"), assistant("a")],
            "score_chosen": 8.5,
            "score_rejected": 8,
        },
        Q,
        [("a", "b", 0.5)],
    ),
    (
        "ultrafeedback by aspects alone",
        {
            "instruction": "Q",
            "completions": [
                {"response": "b", "annotations": {"honesty": {"Rating": "2"}, "truthfulness": {"Rating": "N/A"}}},
                {"response": "a", "annotations": {"honesty": {"Rating": "5"}, "truthfulness": {"Rating": "4"}}},
            ],
        },
        Q,
        [("a", "b", 2.5)],
    ),
    (
        "distilabel",
        {"instruction": "Q", "generations": ["b", "a", "c"], "ratings": [3, 5, 4]},
        Q,
        [("a", "b", 2.0)],
    ),
    (
        "nectar",
        {
            "prompt": "\n\nHuman: Q\n\nAssistant: ",
            "answers": [{"answer": "b", "model": "m", "rank": 7.0}, {"answer": "a", "model": "n", "rank": 1.0}],
        },
        Q,
        [("a", "b", None)],
    ),
    (
        "stack exchange",
        {"qid": 1, "question": "Q", "answers": [{"text": "b", "pm_score": 0}, {"text": "a", "pm_score": 3}]},
        Q,
        [("a", "b", None)],
    ),
    ("stack exchange paired", {"question": "Q", "response_j": "a", "response_k": "b"}, Q, [("a", "b", None)]),
    (
        "arena conversations",
        {
            "question_id": "x",
            "model_a": "m",
            "model_b": "n",
            "winner": "model_b",
            "conversation_a": [user("Q"), assistant("b")],
            "conversation_b": [user("Q"), assistant("a")],
            "turn": 1,
            "language": "English",
        },
        Q,
        [("a", "b", None)],
    ),
    (
        "arena with content parts",
        {
            "winner": "model_a",
            "conversation_a": [user([{"type": "text", "text": "Q"}]), assistant([{"type": "text", "text": "a"}])],
            "conversation_b": [user([{"type": "text", "text": "Q"}]), assistant([{"type": "text", "text": "b"}])],
        },
        Q,
        [("a", "b", None)],
    ),
    (
        "kaggle's arena",
        {
            "id": 3,
            "model_a": "m",
            "model_b": "n",
            "prompt": json.dumps(["Q", "R"]),
            "response_a": json.dumps(["x", "b"]),
            "response_b": json.dumps(["x", "a"]),
            "winner_model_a": 0,
            "winner_model_b": 1,
            "winner_tie": 0,
        },
        [("user", "Q"), ("assistant", "x"), ("user", "R")],
        [("a", "b", None)],
    ),
    (
        "helpsteer2 preference",
        {"prompt": "Q", "response_1": "a", "response_2": "b", "preference_strength": -3},
        Q,
        [("a", "b", 3.0)],
    ),
    (
        "helpsteer3 edits",
        {"context": [user("Q")], "good_edited_response": "a", "bad_edited_response": "b"},
        Q,
        [("a", "b", None)],
    ),
    ("alpaca farm", {"instruction": "Q", "input": "", "output_1": "b", "output_2": "a", "preference": 2}, Q,
     [("a", "b", None)]),
    ("alpaca eval", {"instruction": "Q", "output_1": "a", "output_2": "b", "preference": 1.2}, Q, [("a", "b", None)]),
    (
        "pandalm",
        {"instruction": "Q", "response1": "b", "response2": "a", "annotator1": 2, "annotator2": 0, "annotator3": 2},
        Q,
        [("a", "b", None)],
    ),
    (
        "preference collection",
        {"orig_instruction": "Q", "orig_response_A": "b", "orig_response_B": "a", "orig_preference": "B"},
        Q,
        [("a", "b", None)],
    ),
    (
        "judgebench",
        {"pair_id": "1", "question": "Q", "response_A": "b", "response_B": "a", "label": "B>A"},
        Q,
        [("a", "b", 1.0)],
    ),
    (
        "rm-bench",
        {"prompt": "Q", "chosen": ["a", "aa"], "rejected": ["b", "bb"], "domain": "chat"},
        Q,
        [("a", "b", None), ("a", "bb", None), ("aa", "b", None), ("aa", "bb", None)],
    ),
    (
        "rmb, best of several",
        {
            "conversation_input": [user("Q")],
            "bon_best": {"answer": "a", "llm_name": "m"},
            "loser_list": [{"answer": "b", "llm_name": "n"}, {"answer": "c", "llm_name": "o"}],
        },
        Q,
        [("a", "b", None), ("a", "c", None)],
    ),
    (
        "rmb, pairs",
        {"conversation_input": [user("Q")], "chosen": {"answer": "a"}, "reject": {"answer": "b"}},
        Q,
        [("a", "b", None)],
    ),
    ("ms-swift", {"messages": [user("Q"), assistant("a")], "rejected_response": "b"}, Q, [("a", "b", None)]),
    (
        "ms-swift, messages",
        {"messages": [user("Q"), assistant("a")], "rejected_messages": [user("Q"), assistant("b")]},
        Q,
        [("a", "b", None)],
    ),
    ("axolotl", {"conversation": [user("Q")], "chosen": assistant("a"), "rejected": assistant("b")}, Q,
     [("a", "b", None)]),
    (
        "llama-factory with history",
        {"instruction": "R", "input": "", "history": [["Q", "x"]], "chosen": "a", "rejected": "b"},
        [("user", "Q"), ("assistant", "x"), ("user", "R")],
        [("a", "b", None)],
    ),
    ("orca", {"system": "S", "question": "Q", "chosen": "a", "rejected": "b"}, [("system", "S"), *Q],
     [("a", "b", None)]),
    (
        "skywork",
        {"chosen": [user("Q"), assistant("a")], "rejected": [user("Q"), assistant("b")], "source": "magpie"},
        Q,
        [("a", "b", None)],
    ),
    (
        "full hh",
        {"prompt": "\n\nHuman: Q\n\nAssistant:", "response": "a", "chosen": "a", "rejected": "b"},
        Q,
        [("a", "b", None)],
    ),
    (
        "hh whose responses repeat the prompt",
        {"prompt": "Q", "chosen": "\n\nHuman: Q\n\nAssistant: a", "rejected": "\n\nHuman: Q\n\nAssistant: b"},
        Q,
        [("a", "b", None)],
    ),
    ("hh", {"chosen": HH + "a", "rejected": HH + "b"},
     [("user", "Hi"), ("assistant", "Hello"), ("user", "Why?")], [("a", "b", None)]),
    (
        "summaries of articles",
        {"info": {"article": "Long.", "id": "x"}, "summaries": [{"text": "b"}, {"text": "a"}], "choice": 1},
        [("user", "POST: Long.\n\nTL;DR:")],
        [("a", "b", None)],
    ),
    ("webgpt", {"question": {"full_text": "Q"}, "answer_0": "b", "answer_1": "a", "score_0": -0.5, "score_1": 0.5}, Q,
     [("a", "b", 1.0)]),
    ("shp, second", {"history": "Q", "human_ref_A": "b", "human_ref_B": "a", "labels": 0}, Q, [("a", "b", None)]),
    (
        "named by the model's name",
        {"prompt": "Q", "response_a": "a", "response_b": "b", "model_a": "x", "model_b": "y", "winner": "x"},
        Q,
        [("a", "b", None)],
    ),
    ("rated columns", {"prompt": "Q", "response_a": "a", "response_b": "b", "score_a": "7", "score_b": "4"}, Q,
     [("a", "b", 3.0)]),
    (
        "tool turns",
        {
            "chosen": [user("Q"), CALL, {"role": "tool", "content": "7"}, assistant("a")],
            "rejected": [user("Q"), CALL, {"role": "tool", "content": "7"}, assistant("b")],
        },
        [("user", "Q"), ("assistant", CALLED), ("tool", "7")],
        [("a", "b", None)],
    ),
    (
        "calls that differ",
        {"chosen": [user("Q"), CALL], "rejected": [user("Q"), assistant("b")]},
        Q,
        [(CALLED, "b", None)],
    ),
    (
        "messages as text",
        {
            "prompt": json.dumps([user("Q")]),
            "chosen": json.dumps([assistant("a")]),
            "rejected": json.dumps([assistant("b")]),
        },
        Q,
        [("a", "b", None)],
    ),
    (
        "sharegpt without prompt",
        {"chosen": [human("Q"), gpt("a")], "rejected": [human("Q"), gpt("b")]},
        Q,
        [("a", "b", None)],
    ),
    ("ultrafeedback as columns", {"instruction": "Q", "completions": {
        "response": ["b", "a"], "annotations": [{}, {}], "overall_score": [1, 3]}}, Q, [("a", "b", 2.0)]),
    ("ultrafeedback in a table of text", {"instruction": "Q", "completions": json.dumps(
        [{"response": "b", "overall_score": 1}, {"response": "a", "overall_score": 3}])}, Q, [("a", "b", 2.0)]),
    ("hhh alignment", {"input": "Q", "targets": {"choices": ["b", "a"], "labels": [0, 1]}}, Q, [("a", "b", None)]),
    ("llmbar", {"input": "Q", "output_1": "b", "output_2": "a", "label": 2}, Q, [("a", "b", None)]),
    ("capybara", {"source": "x", "conversation": [{"input": "Q", "output": "a"}], "rating_chosen": 5,
                  "rating_rejected": 3.5, "chosen": [user("Q"), assistant("a")],
                  "rejected": [user("Q"), assistant("b")]}, Q, [("a", "b", 1.5)]),
    ("code preferences", {"input": "Q", "accepted": "a", "rejected": "b"}, Q, [("a", "b", None)]),
    ("arena's newest", {"id": "1", "winner": "both_bad", "language": "en", "conversation_a": [
        user([{"type": "text", "text": "Q", "image": None}]), assistant([{"type": "text", "text": "a"}])],
        "conversation_b": [user([{"type": "text", "text": "Q", "image": None}]),
                           assistant([{"type": "text", "text": "b"}])]}, Q, []),
    ("a tie", {"prompt": "Q", "response_a": "a", "response_b": "b", "winner": "tie (bothbad)"}, Q, []),
    ("a tie of helpsteer3", {"context": [user("Q")], "response1": "a", "response2": "b", "overall_preference": 0}, Q,
     []),
    ("a tie of webgpt", {"question": {"full_text": "Q"}, "answer_0": "b", "answer_1": "a", "score_0": 0, "score_1": 0},
     Q, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "prompt", "pairs"), PAIRS, ids=[row[0] for row in PAIRS])
def test_public_forms_of_pairs(
    name: str, row: dict[str, Any], prompt: list[tuple[str, str]], pairs: list[tuple[str, str, float | None]]
) -> None:
    record = PreferenceReader().read(row, "row")
    assert [(pair.chosen, pair.rejected, pair.margin) for pair in record.pairs] == pairs
    assert record.left_out == ({} if pairs else {"tied": 1})
    for pair in record.pairs:
        assert [(turn.role, turn.content) for turn in pair.prompt] == prompt
        assert bool(pair.group) == (len(pairs) > 1)


RATINGS: list[tuple[str, dict[str, Any], float]] = [
    ("helpsteer", {"prompt": "Q", "response": "a", "helpfulness": 3, "correctness": 4, "verbosity": 1}, 3.0),
    ("kto", {"prompt": "Q", "completion": "a", "label": False}, 0.0),
    ("kto in a table of text", {"prompt": "Q", "completion": "a", "label": "True"}, 1.0),
    ("kto, messages", {"prompt": [user("Q")], "completion": [assistant("a")], "label": True}, 1.0),
    ("feedback collection", {"orig_instruction": "Q", "orig_response": "a", "orig_score": "4"}, 4.0),
    ("tldr axis", {"info": {"post": "P"}, "summary": {"text": "a", "axes": {"overall": 5}}}, 5.0),
    ("a rating of one's own", {"prompt": "Q", "response": "a", "rating": 2.5}, 2.5),
]


@pytest.mark.parametrize(("name", "row", "rating"), RATINGS, ids=[row[0] for row in RATINGS])
def test_single_responses_with_a_rating(name: str, row: dict[str, Any], rating: float) -> None:
    (one,) = PreferenceReader().read(row, "row").ratings
    assert (one.response, one.rating, bool(one.prompt)) == ("a", rating, True)


UNREAD: list[tuple[str, dict[str, Any], str]] = [
    ("texts that begin alike", {"chosen": "The sky is blue.", "rejected": "The sky is green."}, "no prompt was found"),
    ("no prompt", {"response_a": "a", "response_b": "b", "winner": "a"}, "no prompt was found"),
    ("a number that could mean either", {"prompt": "Q", "response_a": "a", "response_b": "b", "label": 1},
     "'label' is 1"),
    ("a word that means neither", {"prompt": "Q", "response_a": "a", "response_b": "b", "winner": "gpt-9"}, "'gpt-9'"),
    ("nobody preferred", {"prompt": "Q", "response_0": "a", "response_1": "b"}, "nothing says which"),
    ("no label of two", {"prompt": "Q", "response_0": "a", "response_1": "b", "better_response_id": 3}, "is 3"),
    ("a list without ratings", {"prompt": "Q", "responses": ["a", "b"]}, "has no rating"),
    ("a rating that is none", {"prompt": "Q", "completions": [{"response": "a", "overall_score": 1},
                                                               {"response": "b", "overall_score": None}]},
     r"completions\[1\].overall_score"),
    ("an image", {"prompt": [user([{"type": "image_url", "image_url": {"url": "x"}}])], "chosen": "a", "rejected": "b"},
     "part of the type 'image_url'"),
    ("a role nobody has", {"prompt": [{"role": "narrator", "content": "x"}], "chosen": "a", "rejected": "b"},
     "narrator"),
    ("other questions", {"chosen": [user("Q"), assistant("a")], "rejected": [user("R"), assistant("b")]},
     "another conversation"),
    ("a user's last word", {"chosen": [user("Q"), assistant("a"), user("R")], "rejected": [user("Q"), assistant("b")]},
     "must end with what the assistant says"),
    ("winners of which none won", {"prompt": "Q", "response_a": "a", "response_b": "b", "winner_model_a": 0,
                                   "winner_model_b": 0, "winner_tie": 0}, "a single 1"),
    ("a choice beyond the list", {"info": {"post": "P"}, "summaries": [{"text": "a"}, {"text": "b"}], "choice": 2},
     "'choice' must be the number of one of 2"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "row", "message"), UNREAD, ids=[row[0] for row in UNREAD])
def test_what_is_not_said_is_not_guessed(name: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        PreferenceReader().read(row, "row")


def test_conversations_that_part_early_have_the_prompt_they_share() -> None:
    row = {
        "chosen": [user("a"), assistant("b"), user("c"), assistant("d")],
        "rejected": [user("a"), assistant("B"), user("C"), assistant("e")],
    }
    (pair,) = PreferenceReader().read(row, "row").pairs
    assert [turn.content for turn in pair.prompt] == ["a"]
    assert (pair.chosen, pair.rejected) == ("b\n\nHuman: c\n\nAssistant: d", "B\n\nHuman: C\n\nAssistant: e")


def test_columns_of_ones_own() -> None:
    def read(columns: dict[str, str | None], row: dict[str, Any]) -> list[tuple[str, str]]:
        record = PreferenceReader(columns=columns).read({"prompt": "Q", **row}, "row")
        return [(pair.chosen, pair.rejected) for pair in record.pairs]

    assert read({"chosen": "x.good", "rejected": "x.bad"}, {"x": {"good": "a", "bad": "b"}}) == [("a", "b")]
    assert read({"rejected": "other"}, {"chosen": "a", "other": "b"}) == [("a", "b")]
    two: dict[str, str | None] = {"response_a": "left", "response_b": "right", "preferred": "who"}
    assert read(two, {"left": "b", "right": "a", "who": "second"}) == [("a", "b")]
    assert read({"responses": "texts", "ratings": "marks"}, {"texts": ["b", "a"], "marks": [1, 2]}) == [("a", "b")]
    assert read({"margin": ""}, {"chosen": "a", "rejected": "b", "margin": "much"}) == [("a", "b")]
    with pytest.raises(ConfigError, match="has no field 'choosen'"):
        PreferenceReader(columns={"choosen": "x"})
    with pytest.raises(ConfigError, match="'nonsense' is no form of preference data"):
        PreferenceReader(form="nonsense")
    with pytest.raises(SampleError, match="column 'q' is missing, which was named for the prompt"):
        read({"prompt": "q"}, {"chosen": "a", "rejected": "b"})


def test_a_form_that_is_named_reads_its_columns_alone() -> None:
    row = {"prompt": "Q", "chosen": "x", "rejected": "y", "response_0": "a", "response_1": "b", "better_response_id": 0}
    (pair,) = PreferenceReader(form="pku-saferlhf").read(row, "row").pairs
    assert (pair.chosen, pair.rejected) == ("a", "b")
    (pair,) = PreferenceReader(form="trl").read(row, "row").pairs
    assert (pair.chosen, pair.rejected) == ("x", "y")


def test_all_pairs_of_ratings() -> None:
    row = {"prompt": "Q", "responses": ["a", "b", "c"], "ratings": [1, 3, 3]}
    pairs = PreferenceReader(pairing="all").read(row, "row").pairs
    assert [(pair.chosen, pair.rejected, pair.margin) for pair in pairs] == [("b", "a", 2.0), ("c", "a", 2.0)]
    assert {pair.group for pair in pairs} == {"row"}


LABELS: list[tuple[str, dict[str, Any], list[bool]]] = [
    (
        "aegis",
        {"prompt": "Q", "response": "a", "response_label": "unsafe", "violated_categories": "Guns, Hate"},
        [False],
    ),
    ("xstest", {"prompt": "Q", "response": "a", "label": "harmful"}, [False]),
    ("polyguard", {"prompt": "Q", "response": "a", "response_safety": "safe"}, [True]),
    ("diasafety", {"context": "Q", "response": "a", "label": "Unsafe"}, [False]),
    ("flagged", {"prompt": "Q", "response": "a", "unsafe": True}, [False]),
    ("table's text", {"prompt": "Q", "response": "a", "safe": "1"}, [True]),
    ("sharegpt", {"conversations": [human("Q"), gpt("a")], "is_safe": "false"}, [False]),
    (
        "pku",
        {"prompt": "Q", "response_0": "a", "response_1": "b", "is_response_0_safe": True, "is_response_1_safe": False},
        [True, False],
    ),
    ("wildguard's prompts", {"prompt": "Q", "response": None, "response_harm_label": None}, []),
]


@pytest.mark.parametrize(("name", "row", "safe"), LABELS, ids=[row[0] for row in LABELS])
def test_public_forms_of_safety_labels(name: str, row: dict[str, Any], safe: list[bool]) -> None:
    record = SafetyReader().read(row, "row")
    assert [one.safe for one in record.rated] == safe
    assert all([turn.content for turn in one.prompt] == ["Q"] for one in record.rated)
    assert record.left_out == ({} if safe else {"no_response": 1})


def test_categories_of_harm_are_kept() -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "Q", "response": "a", "is_safe": False, "category": {"hate": True, "drugs": False}},
        {"prompt": "Q", "response": "a", "response_label": "unsafe", "violated_categories": "hate"},
    ]
    assert [SafetyReader().read(row, "row").rated[0].categories for row in rows] == [("hate",), ("hate",)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "Q", "response": "a", "label": 1}, "may mean either; --map safe=label or unsafe=label"),
        ({"prompt": "Q", "response": "a", "toxicity": 0.37}, "'toxicity' must be 0 or 1, got 0.37"),
        ({"prompt": "Q", "response": "a", "label": "meh"}, "neither safe nor unsafe"),
        ({"prompt": "Q", "safe": 1}, "'response' is missing"),
        ({"prompt": "Q", "completion": "a", "type": "homonyms", "label": "safe", "focus": "kill"}, "is of the prompt"),
        ({"response": "a", "safe": 1}, "no prompt was found"),
    ],
)
def test_a_label_that_says_nothing_is_an_error(row: dict[str, Any], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        SafetyReader().read(row, "row")


def test_a_label_is_read_as_it_was_named() -> None:
    row: dict[str, Any] = {"prompt": "Q", "response": "a", "label": 1}
    for name in ("safe", "unsafe"):
        assert SafetyReader(columns={name: "label"}).read(row, "").rated[0].safe is (name == "safe")


KEYS = st.sampled_from(["role", "content", "from", "value", "response", "rank", "text"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=8) | st.just(HH + "a")
NESTED = st.lists(LEAVES, max_size=3) | st.dictionaries(KEYS, LEAVES, max_size=3)
VALUES = LEAVES | st.lists(LEAVES | NESTED, max_size=3) | st.dictionaries(KEYS, LEAVES | NESTED, max_size=3)
NAMES = st.sampled_from(
    "prompt chosen rejected response_a response_b response_0 response_1 winner label messages completions answers "
    "system input history safe margin score_a score_b better_response_id info summaries choice conversations".split()
)


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.sampled_from(FORM_CHOICES))
def test_any_row_is_read_or_a_sample_error(row: dict[str, Any], form: str) -> None:
    readers = (PreferenceReader(form=form, pairing="all").read, PreferenceReader().read, SafetyReader().read)
    for read in readers:
        with contextlib.suppress(SampleError):
            read(row, "row")
    with contextlib.suppress(SampleError):
        assert len(PreferenceReader().responses(row).texts) > 1
