"""Preference data in the columns that people have, and plain words about the rows that cannot be used."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from r1_reward.reward_models.data import Pair, pair_of, prompt_key, rated_of, read_pairs, read_rated, split_by_prompt
from r1_reward.reward_models.errors import DataError
from r1_reward.verifiers import Message, RunError


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: "
SHAPES: list[tuple[str, dict[str, Any], list[tuple[str, str]], str, str]] = [
    ("TRL text", {"prompt": "Q", "chosen": "a", "rejected": "b"}, [("user", "Q")], "a", "b"),
    (
        "TRL conversational",
        {"prompt": [user("Q")], "chosen": [assistant("a")], "rejected": [assistant("b")]},
        [("user", "Q")],
        "a",
        "b",
    ),
    (
        "TRL without prompt, conversational",
        {"chosen": [user("Q"), assistant("a")], "rejected": [user("Q"), assistant("b")]},
        [("user", "Q")],
        "a",
        "b",
    ),
    (
        "hh-rlhf",
        {"chosen": HH + "a", "rejected": HH + "b"},
        [("user", "Hi"), ("assistant", "Hello"), ("user", "Why?")],
        "a",
        "b",
    ),
    (
        "hh-rlhf whose conversations part early",
        {
            "chosen": "\n\nHuman: Q\n\nAssistant: a\n\nHuman: R\n\nAssistant: c",
            "rejected": "\n\nHuman: Q\n\nAssistant: b",
        },
        [("user", "Q")],
        "a\n\nHuman: R\n\nAssistant: c",
        "b",
    ),
    (
        "UltraFeedback binarized",
        {"prompt": "Q", "chosen": [user("Q"), assistant("a")], "rejected": [user("Q"), assistant("b")]},
        [("user", "Q")],
        "a",
        "b",
    ),
    (
        "UltraFeedback",
        {
            "instruction": "Q",
            "completions": [
                {"response": "b", "overall_score": 3.5},
                {"response": "a", "overall_score": 8},
                {"response": "c", "overall_score": 5.0},
            ],
        },
        [("user", "Q")],
        "a",
        "b",
    ),
]


@pytest.mark.parametrize(("name", "row", "prompt", "chosen", "rejected"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_columns_that_people_have(
    name: str, row: dict[str, Any], prompt: list[tuple[str, str]], chosen: str, rejected: str
) -> None:
    pair = pair_of(row)
    assert isinstance(pair, Pair)
    assert [(turn.role, turn.content) for turn in pair.prompt] == prompt
    assert (pair.chosen, pair.rejected) == (chosen, rejected)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"prompt": "Q", "chosen": "a"}, "column 'rejected' is missing"),
    ({"prompt": "Q", "chosen": "a", "rejected": None}, "column 'rejected' is missing"),
    ({"prompt": 3, "chosen": "a", "rejected": "b"}, "column 'prompt' must be text or a list of messages, got int"),
    ({"prompt": [{"role": "user"}], "chosen": "a", "rejected": "b"}, r"column 'prompt\[0\]' must be a message"),
    ({"chosen": "a", "rejected": "ab"}, "no prompt was found; name its column with --map prompt=COLUMN"),
    ({"chosen": [user("Q")], "rejected": [user("Q")]}, "column 'chosen' must end with what the assistant says"),
    ({"chosen": [user("Q"), assistant("a")], "rejected": [user("R"), assistant("b")]}, "another conversation"),
    ({"prompt": "Q", "chosen": "a", "rejected": "b", "margin": "much"}, "column 'margin' must be a number, got str"),
    (
        {"prompt": "Q", "completions": [{"response": "a", "overall_score": None}] * 2},
        r"completions\[0\]' has no rating",
    ),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_a_row_that_cannot_be_read_costs_itself_and_is_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    good = {"prompt": "Q", "chosen": "a", "rejected": "b"}
    path.write_text(json.dumps(good) + "\n" + json.dumps(row) + "\n" + "{\n", encoding="utf-8")
    pairs = read_pairs([path])
    assert len(pairs.rows) == 1
    assert pairs.left_out == {"unreadable": 2}
    assert re.match(f".*pairs.jsonl, row 2: .*{message}", pairs.unreadable[0])
    assert "pairs.jsonl, row 3: the row is not JSON" in pairs.unreadable[1]
    with pytest.raises(DataError, match=message):
        pair_of(row)


def test_files_of_which_no_row_can_be_read_are_an_error_after_twenty(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    bad, good = '{"text": "a", "other": "b"}\n', '{"prompt": "Q", "chosen": "a", "rejected": "b"}\n'
    path.write_text(bad * 20 + good)
    with pytest.raises(
        DataError, match=r"any of the first 20 rows: .*row 1: (?s:.*)the first has text: 'a', other: 'b'"
    ):
        read_pairs([path])
    path.write_text(bad * 19 + good + bad * 30)
    pairs = read_pairs([path])
    assert (len(pairs.rows), pairs.left_out["unreadable"], len(pairs.unreadable)) == (1, 49, 5)


def test_ratings_of_one_prompt_in_several_rows_become_pairs(tmp_path: Path) -> None:
    def rated(prompt: str, response: str, rating: int) -> dict[str, Any]:
        return {"prompt": prompt, "response": response, "helpfulness": rating, "correctness": 1}

    rows = [rated("Q", "b", 1), rated("Q", "c", 2), rated("R", "x", 3), rated("Q", "a", 4), rated("S", "x", 1)]
    path = tmp_path / "rated.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rated("S", "y", 1)]))
    pairs = read_pairs([path])
    assert [(pair.chosen, pair.rejected, pair.margin) for pair in pairs.rows] == [("a", "b", 3.0)]
    assert pairs.left_out == {"unpaired": 1, "tied": 1}
    every = read_pairs([path], pairing="all").rows
    assert [(pair.chosen, pair.rejected, pair.margin) for pair in every] == [
        ("c", "b", 1.0),
        ("a", "b", 3.0),
        ("a", "c", 2.0),
    ]
    assert len({pair.group for pair in every}) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "Q", "response": "a", "safe": 2}, "column 'safe' must be 0 or 1, got 2"),
        ({"prompt": "Q", "response": "a", "safe": "maybe"}, "column 'safe' is 'maybe'"),
        ({"prompt": "Q", "response": "a"}, "column 'safe' is missing"),
        ({"prompt": "Q", "response": 3, "safe": 0}, "column 'response' must be text or a list of messages, got int"),
    ],
)
def test_labels_outside_0_and_1_are_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        rated_of(row)


def test_what_teaches_nothing_is_counted(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Q", "chosen": "a", "rejected": "b"},
        {"prompt": "Q", "chosen": "a", "rejected": "a"},
        {"prompt": "Q", "chosen": " ", "rejected": "b"},
        {"prompt": "Q", "chosen": "<think>never ends", "rejected": "b"},
        {"prompt": "Q", "chosen": "<think>x</think>same", "rejected": "<think>y</think>same"},
        {"prompt": "Q", "chosen": "<think>x</think>one", "rejected": "<think>never ends"},
        {"prompt": "Q", "completions": [{"response": "a", "overall_score": 1}, {"response": "b", "overall_score": 1}]},
    ]
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    pairs = read_pairs([path])
    assert [(pair.chosen, pair.rejected) for pair in pairs.rows] == [("a", "b"), ("one", "")]
    assert pairs.left_out == {"identical": 2, "empty_chosen": 1, "no_summary": 1, "tied": 1}
    rated = tmp_path / "rated.jsonl"
    rated.write_text('{"prompt": "Q", "response": "", "safe": 1}\n{"prompt": "Q", "response": "x", "safe": false}\n')
    ratings = read_rated([rated])
    assert (len(ratings.rows), ratings.left_out) == (1, {"empty": 1})
    assert ratings.rows[0].safe is False


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "Q"\n')
    with pytest.raises(DataError, match=r"cannot read its only row: .*row 1: the row is not JSON"):
        read_pairs([path])


def test_one_file_by_itself_is_told() -> None:
    with pytest.raises(RunError, match=r"it must be a list of files, as in \['pairs.jsonl'\]"):
        read_pairs("pairs.jsonl")


def test_splits_share_no_prompt_and_stay_where_they_are() -> None:
    def pair(number: int) -> Pair:
        return Pair(prompt=(Message(role="user", content=f"Q {number % 300}"),), chosen=str(number), rejected="")

    rows = [pair(number) for number in range(900)]
    train, dev = split_by_prompt(rows, 0.2, purpose="test", seed=1)
    assert len(train) + len(dev) == 900
    assert 0.12 < len(dev) / 900 < 0.28
    assert not {prompt_key(row.prompt) for row in train} & {prompt_key(row.prompt) for row in dev}
    assert split_by_prompt(rows[::3], 0.2, purpose="test", seed=1)[1] == [row for row in rows[::3] if row in dev]
    # A split of what a split left, with the same seed and another purpose, is not empty.
    assert 0.05 < len(split_by_prompt(train, 0.1, purpose="dev", seed=1)[1]) / len(train) < 0.16
    spaced = (Message(role="user", content="  q   7"),)
    assert prompt_key(spaced) == prompt_key((Message(role="user", content="Q 7"),))


@pytest.mark.needs("data")
def test_labelled_data_is_read_whole() -> None:
    data = Path(__file__).resolve().parents[3] / "shared" / "data"
    pairs = read_pairs([data / "pref_helpful_dev.jsonl.gz"])
    assert len(pairs.rows) + sum(pairs.left_out.values()) == 3964
    assert len(pairs.rows) > 3900
    rated = read_rated([data / "safety_dev.jsonl.gz"])
    assert len(rated.rows) + sum(rated.left_out.values()) == 13993


NAMED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"question": "Q"}, [("user", "Q")]),
    ({"query": "Q"}, [("user", "Q")]),
    ({"input": "Q"}, [("user", "Q")]),
    ({"instruction": "Sum up", "input": "the text"}, [("user", "Sum up\n\nthe text")]),
    ({"instruction": "Sum up", "input": ""}, [("user", "Sum up")]),
    ({"prompt": "Sum up the text", "input": "the text"}, [("user", "Sum up the text")]),
    ({"system": "Be brief", "question": "Q"}, [("system", "Be brief"), ("user", "Q")]),
    ({"system": "", "question": "Q"}, [("user", "Q")]),
    ({"system_prompt": "Be brief", "prompt": [user("Q")]}, [("system", "Be brief"), ("user", "Q")]),
    ({"prompt": "P", "question": "Q"}, [("user", "P")]),
]


@pytest.mark.parametrize(("columns", "prompt"), NAMED)
def test_a_row_keeps_its_prompt_under_any_usual_name(columns: dict[str, Any], prompt: list[tuple[str, str]]) -> None:
    pair = pair_of({**columns, "chosen": "Yes, a", "rejected": "Yes, b"})
    assert isinstance(pair, Pair)
    assert [(turn.role, turn.content) for turn in pair.prompt] == prompt
    assert (pair.chosen, pair.rejected) == ("Yes, a", "Yes, b")
    rated = rated_of({**columns, "response": "a", "safe": 1})
    assert [(turn.role, turn.content) for turn in rated.prompt] == prompt
    scores = [{"response": "a", "overall_score": 1}, {"response": "b", "overall_score": 2}]
    best = pair_of({**columns, "completions": scores})
    assert isinstance(best, Pair)
    assert best.prompt == pair.prompt


def test_a_conversation_gets_the_system_message_of_its_row_once() -> None:
    both = {"chosen": [user("Q"), assistant("a")], "rejected": [user("Q"), assistant("b")]}
    for more in ({}, {"prompt": "Q"}, {"question": "Q"}, {"prompt": [{"role": "system", "content": "S"}, user("Q")]}):
        pair = pair_of({"system": "S", **more, **both})
        assert isinstance(pair, Pair)
        assert [(turn.role, turn.content) for turn in pair.prompt] == [("system", "S"), ("user", "Q")]
    hh = pair_of({"system": "S", "chosen": HH + "a", "rejected": HH + "b"})
    assert isinstance(hh, Pair)
    assert [turn.role for turn in hh.prompt] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize("column", ["history", "context", "messages", "conversations", "post", "problem"])
def test_the_prompt_of_a_column_that_usually_holds_a_conversation_counts_where_there_is_no_other(column: str) -> None:
    for chosen, rejected in (("a", "b"), ([assistant("a")], [assistant("b")])):
        for value in ("Q", [user("Q")]):
            pair = pair_of({column: value, "chosen": chosen, "rejected": rejected})
            assert isinstance(pair, Pair)
            assert [(turn.role, turn.content) for turn in pair.prompt] == [("user", "Q")]
    pair = pair_of({column: "Q", "prompt": "P", "chosen": "a", "rejected": "b"})
    assert isinstance(pair, Pair)
    assert pair.prompt[0].content == "P"


@pytest.mark.parametrize(
    "columns",
    [{"system": ["S"], "prompt": "Q"}, {"prompt": [user("Q")], "input": "more"}, {"prompt": "Q", "input": {}}],
)
def test_a_prompt_that_cannot_be_put_together_is_an_error(columns: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"row: column '(system|input)'"):
        pair_of({**columns, "chosen": "a", "rejected": "b"})
