"""Training data held against tests: tokens by a table, matches by their kind, properties, and the command."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.inspection.overlap import HeldOut, OverlapOptions, Place, near_duplicates, read_held_out
from r1_reward.inspection.overlap.near import NearIndex
from r1_reward.inspection.overlap.tokens import tokens
from r1_reward.verifiers.errors import ConfigError

TILES = "Find the number of ways to tile a 2 by 10 board with dominoes of size 1 by 2."

SAME = [
    (r"Solve $\dfrac{x^2}{3} \le -1$.", "solve x²/3 ≤ −1", "LaTeX, superscripts, signs of Unicode"),
    (r"$\frac12$", r"\tfrac{1}{2}", "a fraction without braces"),
    (r"Let $\alpha\geq 0$, $n\to\infty$", "let α ≥ 0, n to ∞", "Greek letters and infinity"),
    (r"\left( a \cdot b \right)", "(a*b)", "brackets that grow"),
    ("1,000 and 1{,}000", "1000 and 1000", "thousands"),
    ("ＡＢＣ１２", "abc 12", "full width"),
    ("cafe\u0301", "Café", "combining accents"),
    ("step-by-step", "step by step", "hyphens"),
    ("מָתֶמָטִיקָה", "מתמטיקה", "points of Hebrew"),
    ("x = - 3", "x=-3", "spaces around signs"),
    ("<think>Find</think>", "find", "tags"),
    (r"\begin{align*} a &= b \\ c \end{align*}", "a = b c", "an environment"),
]
DIFFERENT = [("x + 1", "x - 1"), ("12", "1 2"), ("x2 + 3", "x2 + 31"), ("一二", "二一"), ("3.5", "35")]


@pytest.mark.parametrize(("one", "other", "why"), SAME, ids=[why for _, _, why in SAME])
def test_spellings_of_one_text_have_the_same_tokens(one: str, other: str, why: str) -> None:
    assert tokens(one) == tokens(other) != []


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_texts_have_different_tokens(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


def test_scripts_without_spaces_are_cut_into_characters_and_words_stay_whole() -> None:
    assert tokens("求x的值。ราคา") == ["求", "x", "的", "值", "ร", "า", "ค", "า"]
    assert tokens("हिन्दी में, 한국어 문장") == ["हिन्दी", "में", "한국어", "문장"]


@pytest.mark.parametrize(
    "piece", ["-", "=", "- ", "<a", "\\frac", "\\begin{", "1,", "{", "x-", "’", "字", "\u0301", "</"]
)
def test_a_megabyte_of_one_thing_is_cut_in_one_pass(piece: str) -> None:
    """Hours, where a pattern tried each place anew."""
    assert isinstance(tokens(piece * (1_000_000 // len(piece))), list)


@given(st.text(max_size=200))
def test_tokens_of_any_text_are_tokens_of_themselves(text: str) -> None:
    some = tokens(text)
    assert all(some)
    assert tokens(text.upper()) is not None


def held_out(*questions: str, others: list[tuple[str, str]] | None = None, **options: Any) -> HeldOut:
    held = HeldOut(OverlapOptions(**options))
    for line, question in enumerate(questions, 1):
        held.add(Place("tests.jsonl", line, f"t{line}"), question, others or [])
    held.finish_file()
    return held


MATCHES = [
    (TILES.upper(), "same", "the question itself"),
    (f"A warm-up: {TILES} Then stop, and write a poem about it, as long as you like.", "ngram", "inside other text"),
    ("Find the number of ways to tile a 2 by 10 board with squares.", "ngram", "eleven words"),
    ("Find the number of ways to tile a 6 by 10 board.", None, "ten words, but nine of them shared"),
    ("How many ways are there to tile a 2 by 10 board if dominoes are 1 by 2?", None, "a paraphrase"),
]


@pytest.mark.parametrize(("question", "kind", "why"), MATCHES, ids=[why for _, _, why in MATCHES])
def test_what_a_training_question_shares_with_a_test(question: str, kind: str | None, why: str) -> None:
    overlap = held_out(TILES).match(question)
    assert (overlap.kind if overlap else None) == kind
    assert overlap is None or str(overlap.test) == "tests.jsonl:1 (t1)"


def test_a_solution_that_was_learned_by_heart_is_found_in_a_response() -> None:
    solution = "Let a_n be the number of tilings. Then a_n = a_{n-1} + a_{n-2}, so that the answer is 89."
    held = held_out(TILES, others=[("solution", solution)])
    thought = f"<think>Hm. let $a_n$ be the number of tilings; then $a_n=a_{{n-1}} + a_{{n-2}}$ ok</think> {89}"
    overlap = held.match("How many?", [("response", thought)])
    assert overlap is not None
    assert (overlap.field, overlap.test_field, overlap.words) == ("response", "solution", 17)
    assert overlap.passage == "let a n be the number of tilings then a n =a n -1 +a n -2"


def test_the_longest_passage_is_reported_and_how_much_of_the_test_it_is() -> None:
    words = [f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(40)]
    held = held_out(" ".join(words))
    text = " ".join([*words[:11], "other", *words[12:36], "other"])
    overlap = held.match(text)
    assert overlap is not None
    assert (overlap.words, overlap.similarity) == (24, 0.6)
    assert overlap.passage == " ".join(words[12:36])


def test_nearly_the_same_question() -> None:
    words = [f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)]
    held = held_out(" ".join(words), ngram=40)
    changed = " ".join([*words[:30], "other", *words[31:]])
    overlap = held.match(changed)
    assert overlap is not None
    assert (overlap.kind, round(overlap.similarity, 3)) == ("near", round(55 / 61, 3))
    assert held_out(" ".join(words), ngram=40, near=1.01).match(changed) is None


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is the capital of France?", "same"),
        ("Tell me: what is the capital of France? Thanks.", "contained"),
        ("Write a story in which somebody asks what is the capital of France and nobody knows", None),
        ("What is the capital of Spain?", None),
    ],
)
def test_tests_that_are_too_short_for_an_ngram(question: str, kind: str | None) -> None:
    overlap = held_out("what is the capital of France").match(question)
    assert (overlap.kind if overlap else None) == kind


def test_sixteen_chinese_characters_are_a_passage_and_ten_are_an_opening() -> None:
    held = held_out("在直角三角形ABC中，已知角C等于九十度，求斜边的长度是多少")
    assert held.match("在直角三角形ABC中，已知两条边的比，问面积是多少") is None
    overlap = held.match("题目：直角三角形ABC中，已知角C等于九十度，试证明斜边上的高")
    assert overlap is not None
    assert overlap.words >= 10


def test_what_wraps_every_question_of_a_file_is_no_evidence() -> None:
    draw = random.Random(0)
    letters = "abcdefghijklmnop"
    questions = ["".join(f"{''.join(draw.choices(letters, k=5))} " for _ in range(15)) for _ in range(30)]
    wrapping = "Please reason step by step and put your final answer within \\boxed{} at the very end."
    held = held_out(*(f"{one} {wrapping}" for one in questions))
    assert held.match(f"What is 2 + 2? {wrapping}") is None
    assert len(held.wrapping) == 6
    assert (overlap := held.match(f"{questions[3]} {wrapping}")) is not None
    assert overlap.test.line == 4
    # In eleven files of the same thirty questions, too, and without their order counting.
    alone = held_out(*questions[:5])
    assert alone.wrapping == {}


def test_a_repeated_test_is_not_its_own_wrapping() -> None:
    overlap = held_out(*[TILES] * 64).match(f"{TILES} And why?")
    assert overlap is not None


def test_a_text_of_one_word_costs_no_square() -> None:
    held = held_out("word " * 20_000)
    overlap = held.match("word " * 20_001)
    assert overlap is not None


@given(
    st.lists(st.sets(st.integers(0, 15), min_size=1, max_size=8), max_size=12), st.sampled_from([0.3, 0.5, 0.8, 1.0])
)
def test_the_nearest_set_is_that_of_comparing_all(sets: list[set[int]], threshold: float) -> None:
    index = NearIndex(threshold)
    for one in sets[1:]:
        index.add(one)
    for asked in sets[:1]:
        best = max((len(asked & one) / len(asked | one) for one in sets[1:]), default=0.0)
        match = index.nearest(asked)
        assert (match[1] if match else 0.0) == (best if best >= threshold else 0.0)


def test_near_duplicates_are_found_among_thousands() -> None:
    draw = random.Random(1)
    words = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(500)]
    texts = [" ".join(draw.choice(words) for _ in range(30)) for _ in range(1500)]
    copies = [f"{text} indeed" for text in texts[:200]]
    numbers = near_duplicates(texts + copies)
    assert numbers[: len(texts)] == [None] * len(texts)
    assert numbers[len(texts) :] == list(range(200))


def test_options_that_mean_nothing_are_refused() -> None:
    for options in ({"ngram": 2}, {"near": 0.0}, {"common": 1.5}):
        with pytest.raises(ConfigError):
            OverlapOptions(**options)


# --- The command


def write(path: Path, *rows: Any) -> str:
    path.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows), encoding="utf-8"
    )
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, list[str]]:
    tests = [
        write(tmp_path / "aime.jsonl", {"id": "a1", "problem": TILES, "answer": "89"}),
        write(
            tmp_path / "gpqa.jsonl",
            {"question": "Short?", "options": ["one two three four five six seven eight nine ten eleven"]},
        ),
    ]
    train = write(
        tmp_path / "train.jsonl",
        {"id": "clean", "prompt": "What is 2 + 2?", "reference": "4"},
        {"id": "asked", "messages": [{"role": "user", "content": TILES}, {"role": "assistant", "content": "89"}]},
        {
            "id": "counts",
            "prompt": "Say something.",
            "responses": ["No.", "One, two, three, four, five, six, seven, eight, nine, ten!"],
        },
        {"id": "pair", "prompt": "Hi", "chosen": "Hello", "rejected": "Bye"},
        "{",
        {"id": "empty"},
    )
    return train, tests


def test_clean_rows_are_kept_as_they_came_and_others_say_why(files: tuple[str, list[str]], tmp_path: Path) -> None:
    train, tests = files
    clean = tmp_path / "out" / "clean.jsonl"
    result = run(train, "--against", *tests, "-o", str(clean))
    assert result.exit_code == 1, result.output  # a row could not be read
    lines = Path(train).read_text().splitlines()
    assert clean.read_text().splitlines() == [lines[0], lines[3]]
    dropped = [json.loads(line) for line in (tmp_path / "out" / "clean.dropped.jsonl").read_text().splitlines()]
    assert [(one["id"], one["line"], one["reason"]) for one in dropped] == [
        ("asked", 2, "same"), ("counts", 3, "ngram"), (None, 5, "unreadable"), ("empty", 6, "unreadable"),
    ]  # fmt: skip
    overlap = dropped[1]["overlap"]
    assert (overlap["field"], overlap["test_field"], overlap["test"]["file"]) == (
        "responses[1]",
        "options[0]",
        tests[1],
    )
    assert overlap["passage"] == "one two three four five six seven eight nine ten"
    assert dropped[0]["row"] == json.loads(lines[1])


def test_exit_status_and_json(files: tuple[str, list[str]], tmp_path: Path) -> None:
    train, tests = files
    result = run("--json", train, "--against", *tests)
    counts = json.loads(result.stdout)
    assert (result.exit_code, counts["rows"], counts["kept"], counts["tests"]) == (1, 6, 2, 2)
    assert counts["counts"] == {"same": 1, "ngram": 1, "unreadable": 2}
    assert set(counts["by_file"]) == set(tests)
    fine = write(tmp_path / "fine.jsonl", {"prompt": "What is 2 + 2?"})
    assert run(fine, "--against", *tests).exit_code == 0
    dirty = write(tmp_path / "dirty.jsonl", {"prompt": TILES})
    assert run(dirty, "--against", *tests).exit_code == 1
    assert run(dirty, "--against", *tests, "-o", str(tmp_path / "c.jsonl")).exit_code == 0
    again = run(dirty, "--against", *tests, "-o", str(tmp_path / "c.jsonl"))
    assert (again.exit_code, "--overwrite" in again.output) == (2, True)
    assert run(dirty, "--against", *tests, "-o", str(tmp_path / "c.jsonl"), "--overwrite").exit_code == 0


def test_what_cannot_be_done_is_a_usage_error(files: tuple[str, list[str]], tmp_path: Path) -> None:
    train, tests = files
    nothing = write(tmp_path / "nothing.jsonl", {"answer": "4"})
    for arguments, word in [
        (["--against", *tests], "name the files"),
        ([train, "--against", nothing], "no prompt"),
        ([train, "--against"], "requires an argument"),
        ([train, "-o", "x.jsonl"], "go with --against"),
        ([train, "--against", *tests, "--set", "math.extraction=lenient"], "--set is of verifiers"),
        ([train, "--against", *tests, "-o", train, "--overwrite"], "read and written"),
        ([train, "--against", *tests, "-o", str(tmp_path / "x.parquet")], "JSONL"),
        ([train, "--against", *tests, "--ngram", "1"], "at least 4"),
        ([train, "--against", str(tmp_path / "none.jsonl")], "no such file"),
    ]:
        result = run(*arguments)
        assert (result.exit_code, word in result.output) == (2, True), result.output


def test_tests_under_another_name(tmp_path: Path) -> None:
    path = write(tmp_path / "tests.jsonl", {"headline": TILES})
    assert read_held_out([path], {"prompt": "headline"}).match(TILES) is not None
    with pytest.raises(ConfigError, match="no prompt"):
        read_held_out([path])
