"""Verifiable instructions: rows as data sets hold them, each check by hand, and what models try."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from r1_reward import verify
from r1_reward.verifiers import InstructionsVerifier, Reason, Sample, Status, Verdict
from r1_reward.verifiers.instructions.tasks import CHECKS
from r1_reward.verifiers.instructions.text import is_verb, split_sentences, syllables, tokenize, without_hidden


def judge(response: str, name: str, prompt: str = "", how: dict[str, Any] | None = None, **kwargs: Any) -> Verdict:
    meta = {"instruction_id_list": [name], "kwargs": [kwargs]}
    return InstructionsVerifier(**how or {})([Sample(response=response, prompt=prompt, meta=meta)])[0]


ASK = "Write about the old bridge"
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("keywords:existence", {"keywords": ["C++", "river"]}, "I like C++ and the River.", "I like C and the river."),
    ("keywords:frequency", {"keyword": "a.b", "frequency": 2, "relation": "at least"}, "a.b A.B", "a.b axb"),
    ("keywords:frequency", {"keyword": "so", "frequency": 2, "relation": "less than"}, "so it is", "so so"),
    ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "concatenate", "a cat."),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "##", "#"),
    ("language:response_language", {"language": "de"}, "Das ist ein kurzer Satz im Garten.", "This is a short one."),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": "less than"},
        "Dr. A. Lee came. Yes.",
        "A bee. See dee. Eff gee.",
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        "今天很好。我去了。",
        "今天很好。",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n\nb"),
    ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "one two three", "one two"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        "A b.\n\nThen, c.",
        "A b.\n\nAnd c.",
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b]", "[a] and b"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Yes.\nP.S. milk", "Yes. PS milk"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", "* a"),
    ("detectable_format:constrained_response", {}, "My answer is no.", "No."),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "a *b* c", "a * c"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\na\nSection 2\nb",
        "Section 1\na",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_format:title", {}, "<<Joy>>\ntext", "<< >>"),
    ("combination:two_responses", {}, "a\n******\nb", "a\n******\na"),
    ("combination:repeat_prompt", {"prompt_to_repeat": ASK}, f"{ASK}. Fine.", "Fine."),
    (
        "startend:end_checker",
        {"end_phrase": "Any other questions?"},
        "Yes. Any other questions?",
        "Any other questions? No.",
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "NASA, FBI.",
        "NASA, Fbi.",
    ),
    ("change_case:english_capital", {}, "THIS IS AN ENGLISH SENTENCE OF MINE.", "DAS IST EIN SATZ IM GARTEN."),
    ("change_case:english_lowercase", {}, "this is an english sentence of mine.", "This is an english sentence."),
    ("punctuation:no_comma", {}, "yes and no", "yes， no"),
    ("startend:quotation", {}, '"yes"', '"yes'),
    ("words:start_verb", {}, "Consider the river.", "The river is wide."),
    ("words:start_verb", {}, "Running is fun.", "Morning has come."),
    ("words:odd_even_syllables", {}, "quick river runs slowly", "quick river slowly runs"),
    ("ratio:stop_words", {"percentage": 50}, "the river runs", "it is so"),
    ("format:emoji", {}, "It is fine 🙂. So it is 🎉.", "It is fine. So it is 🎉."),
    (
        "words:keywords_specific_position",
        {"keyword": "bridge", "n": 2, "m": 3},
        "One. The old bridge.",
        "One. The bridge old.",
    ),
    ("custom:date_format_list", {}, "1800-02-28, 1821-12-31", "1800-00-28"),
    ("count:person_names", {"N": 2}, "Emma met Liam.", "Miami and Available"),
    (
        "count:keywords_multiple",
        {f"keyword{at}": word for at, word in enumerate(("art", "sun", "sea", "sky", "ice"), 1)},
        "art sun sun" + " sea" * 3 + " sky" * 5 + " ice" * 7,
        "start sun sun" + " sea" * 3 + " sky" * 5 + " ice" * 7,
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        "One.\n\n\n\nThen two.",
        "Then one.\n\nTwo.",
    ),
    (
        "custom:sentence_alphabet",
        {},
        " ".join(f'"{chr(65 + at)}x is it."' for at in range(26)),
        " ".join(f"{chr(65 + at)}x is it." for at in range(25)),
    ),
    ("copy:repeat_phrase", {"phrase": "one two three", "small_n": 2}, "one two three, one big three", "one two three"),
    ("copy:copy", {"prompt_to_repeat": ASK}, ASK.upper(), "Fine."),
    ("copy:copying_simple", {"prompt_to_repeat": ASK}, ASK, f"{ASK} now"),
    ("copy:copying_multiple", {"prompt_to_repeat": ASK, "N": 2}, f"{ASK}\n******\n{ASK}", ASK),
    ("new:copy_span_idx", {"prompt_to_repeat": ASK, "n_start": 0, "n_end": 5}, "write", "write a"),
    ("detectable_format:sentence_hyphens", {}, "It is.-So be it.", "It is. So be it."),
    ("detectable_format:square_brackets", {}, "[so] [it]", "[so] it"),
    ("detectable_format:bigram_wrapping", {}, "<<I am>> <<at home>>", "<<I am>> at home"),
    ("keywords:no_adjacent_consecutive", {}, "a cat ate", "a big cat"),
    ("keywords:word_once", {"keyword": "cat"}, "a cat", "a cat cat"),
    (
        "keywords:word_count_different_numbers",
        {"keyword": "cat", "frequency": 2, "relation": "at least"},
        "cat cat",
        "cat",
    ),
    ("keywords:exclude_word_harder", {"keyword": "cat"}, "a dog", "a cat here"),
    ("keywords:palindrome", {}, "a level", "no one"),
    ("keywords:keyword_specific_position", {"keyword": "cat", "n": 1, "m": 2}, "A cat.", "Cat a."),
    ("keywords:start_end", {}, "So it is so", "So it is so."),
    ("paragraphs:paragraphs", {}, "a *** b", "a b"),
    ("paragraphs:paragraphs2", {}, "a\n\nb", "a\n\nb\n\nc"),
    ("first_word:first_word_sent", {"first_word": "so"}, "So it is. So be it.", "So it is. Be it."),
    ("first_word:first_word_answer", {"first_word": "So"}, "so it is", "it is so"),
    ("last_word:last_word_sent", {"last_word": "so"}, "It is so. Be it so!", "It is so. Be it!"),
    ("last_word:last_word_answer", {"last_word": "so"}, "It is so.", "So it is."),
    ("punctuation:punctuation_dot", {}, "so it is", "so it is."),
    ("punctuation:punctuation_exclamation", {}, "so it is", "so it is！"),
    ("count:lowercase_counting", {"N": 2}, "THE cat sat", "the cat sat"),
    ("count:counting_composition", {"n_sent": 1, "n_words": 3}, "It is. *** So be. *** We go.", "It is. *** So be."),
    ("count:count_unique", {}, "every word once", "every word every"),
    ("count:count_increment_word", {"keyword1": "cat", "keyword2": "dog"}, "cat dog dog", "cat dog"),
    ("letters:letter_counting", {"N": 4, "relation": "less than"}, "a1b2c3", "a1b2cd"),
    ("letters:letter_counting2", {"letter": "a", "let_frequency": 2, "let_relation": "at least"}, "Aa", "a"),
]


@pytest.mark.parametrize(
    ("name", "kwargs", "right", "wrong"), CASES, ids=[f"{at}-{c[0]}" for at, c in enumerate(CASES)]
)
def test_each_instruction(name: str, kwargs: dict[str, Any], right: str, wrong: str) -> None:
    assert judge(right, name, **kwargs).score == 1.0, right
    assert judge(wrong, name, **kwargs).score == 0.0, wrong


FUNCTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"func_name": "verify_keywords", "keyword_list": ["cat", "dog"]}, "Cat dog", "cat"),
    ({"func_name": "verify_keyword_frequency", "word": "cat", "N": 2}, "cat, cat", "cat cats"),
    ({"func_name": "validate_forbidden_words", "forbidden_words": ["cat"]}, "dog", "cats"),
    ({"func_name": "verify_letter_frequency", "letter": "a", "N": 1}, "aA", "aa"),
    (
        {"func_name": "validate_response_language", "language": "fr"},
        "Il est dans le jardin avec nous.",
        "He is in there.",
    ),
    ({"func_name": "verify_paragraph_count", "N": 2}, "a\n* * *\nb", "a\n* * *"),
    ({"func_name": "validate_word_constraint", "N": 10.0, "quantifier": "around"}, "a " * 11, "a " * 12),
    ({"func_name": "verify_sentence_constraint", "N": 1, "quantifier": "at most"}, "One.", "One. Two."),
    ({"func_name": "validate_paragraphs", "N": 2, "first_word": "So", "i": 2}, "a\n\nSo b", "a\n\nb"),
    ({"func_name": "verify_postscript", "postscript_marker": "P.S."}, "a P.S. b", "a P.S."),
    ({"func_name": "validate_placeholders", "N": 1}, "[a]", "a"),
    ({"func_name": "verify_bullet_points", "N": 2}, "* a\n- b", "* a"),
    ({"func_name": "validate_title"}, "<<a>>", "<a>"),
    ({"func_name": "validate_choice", "options": ["yes", "no"]}, "yes", "perhaps"),
    ({"func_name": "validate_highlighted_sections", "N": 2}, "*a* *b*", "*a*"),
    ({"func_name": "validate_sections", "N": 2, "section_splitter": "Section"}, "section 1 a section 2 b", "section 1"),
    ({"func_name": "validate_json_format"}, "[1]", "[1"),
    ({"func_name": "validate_repeat_prompt", "original_prompt": ASK}, f"{ASK} a", "a"),
    ({"func_name": "validate_two_responses"}, "a******b", "a******a"),
    ({"func_name": "validate_uppercase"}, "A B", "A b"),
    ({"func_name": "validate_lowercase", "N": None}, "a b", "A b"),
    ({"func_name": "validate_frequency_capital_words", "N": 1, "quantifier": "at least"}, "A b", "a b"),
    ({"func_name": "validate_end", "end_phrase": "Bye."}, "Hi. Bye.", "Bye. Hi."),
    ({"func_name": "validate_quotation"}, '"a"', "a"),
    ({"func_name": "validate_no_commas"}, "a b", "a, b"),
]


@pytest.mark.parametrize(("row", "right", "wrong"), FUNCTIONS, ids=[case[0]["func_name"] for case in FUNCTIONS])
def test_the_functions_of_rlvr_ifeval(row: dict[str, Any], right: str, wrong: str) -> None:
    for response, score in ((right, 1.0), (wrong, 0.0)):
        assert verify(response, json.dumps(row), "instructions").score == score, response


def test_every_instruction_has_a_case_here_or_in_the_benchmark() -> None:
    tried = {name for name, *_ in CASES} | {row["func_name"] for row, *_ in FUNCTIONS}
    assert {
        name
        for name in CHECKS
        if not name.startswith(("words:", "format:", "custom:", "count:", "ratio:", "sentence:", "repeat:"))
    } <= tried
    assert len(CHECKS) == 25 + 58 + 29 + 25


FORMS: list[Any] = [
    {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]},
    {"instruction_id_list": ["punctuation:no_comma"], "kwargs": ["{}"]},
    {"instruction_id_list": '["punctuation:no_comma"]', "kwargs": "[null]"},
    {"instruction_id_list": ["punctuation:no_comma"]},
    {"reference": '[{"instruction_id": ["punctuation:no_comma"], "kwargs": [null]}]'},
    {"reference": "[{'instruction_id': ['punctuation:no_comma'], 'kwargs': [None]}]"},
    {"reference": '{"func_name": "validate_no_commas", "N": null}'},
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_the_forms_of_data_sets(form: dict[str, Any]) -> None:
    for response, score in (("yes and no", 1.0), ("yes, no", 0.0)):
        sample = Sample.from_dict({"response": response, "kind": "instructions", **form})
        assert InstructionsVerifier()([sample])[0].score == score


FAULTS: list[tuple[dict[str, Any], Reason]] = [
    ({}, Reason.REFERENCE_MISSING),
    ({"instruction_id_list": []}, Reason.REFERENCE_MISSING),
    ({"instruction_id_list": ["no:such"]}, Reason.REFERENCE_UNPARSEABLE),
    ({"instruction_id_list": ["keywords:existence"], "kwargs": [{}]}, Reason.REFERENCE_UNPARSEABLE),
    ({"instruction_id_list": ["keywords:existence"], "kwargs": [{"keywords": []}]}, Reason.REFERENCE_UNPARSEABLE),
    ({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}, {}]}, Reason.REFERENCE_UNPARSEABLE),
    (
        {
            "instruction_id_list": ["length_constraints:number_words"],
            "kwargs": [{"num_words": "many", "relation": "at least"}],
        },
        Reason.REFERENCE_UNPARSEABLE,
    ),
    (
        {"instruction_id_list": ["length_constraints:number_words"], "kwargs": [{"num_words": 5, "relation": "about"}]},
        Reason.REFERENCE_UNPARSEABLE,
    ),
    (
        {"instruction_id_list": ["language:response_language"], "kwargs": [{"language": "tlh"}]},
        Reason.REFERENCE_UNPARSEABLE,
    ),
    ({"reference": "42"}, Reason.REFERENCE_UNPARSEABLE),
]


@pytest.mark.parametrize(("row", "reason"), FAULTS, ids=range(len(FAULTS)))
def test_a_row_that_cannot_be_read_is_an_error(row: dict[str, Any], reason: Reason) -> None:
    sample = Sample.from_dict({"response": "yes", "kind": "instructions", **row})
    verdict = InstructionsVerifier()([sample])[0]
    assert (verdict.status, verdict.reason) == (Status.ERROR, reason), verdict.detail


def test_what_models_try() -> None:
    forbidden: dict[str, Any] = {"forbidden_words": ["cat"]}
    assert judge("a c\u200bat", "keywords:forbidden_words", **forbidden).score == 0.0
    assert judge("a, b".replace(",", "،"), "punctuation:no_comma").score == 0.0
    for nothing in ("", " \n", "\u200b\u200b", "<think>all of it"):
        assert judge(nothing, "punctuation:no_comma").reason is Reason.NO_ANSWER
    prompt = "Write about a bridge. Include keywords [river, stone]."
    words: dict[str, Any] = {"keywords": ["river", "stone"]}
    for copy in (prompt, f"{prompt}\n{prompt}", "include keywords [river, stone]."):
        assert judge(copy, "keywords:existence", prompt, **words).score == 0.0
    assert judge("keywords river stone. Include a bridge about.", "keywords:existence", prompt, **words).score == 0.0
    assert judge("A river of stone.", "keywords:existence", prompt, **words).score == 1.0
    rewrite = "Rewrite this in capitals: The old bridge over the river was built of stone by a careful engineer."
    assert judge(rewrite.partition(": ")[2].upper(), "change_case:english_capital", rewrite).score == 1.0
    assert judge("a ｃａｔ", "keywords:forbidden_words", **forbidden).score == 0.0
    assert judge("NaN", "detectable_format:json_format").score == 0.0
    assert judge(f"{prompt} A river.", "combination:repeat_prompt", prompt, prompt_to_repeat=prompt).score == 1.0
    assert judge("a" * 70_000, "punctuation:no_comma").reason is Reason.UNDECIDED


def test_only_the_answer_is_checked() -> None:
    assert judge("<think>a, b</think>a b<|im_end|>", "punctuation:no_comma").score == 1.0
    assert judge("<think>a b</think><answer>a, b</answer>", "punctuation:no_comma").score == 0.0
    assert judge("<think>a, b</think> <answer>a b</answer>", "startend:end_checker", end_phrase="b").score == 1.0
    assert judge("<think>a b</think><answer>a b</answer>, c", "punctuation:no_comma").score == 0.0


def test_loose_and_fraction() -> None:
    text = "Sure, here it is:\n**a b**"
    assert judge(text, "punctuation:no_comma").score == 0.0
    assert judge(text, "punctuation:no_comma", how={"mode": "loose"}).score == 1.0
    meta = {"instruction_id_list": ["punctuation:no_comma", "startend:quotation"], "kwargs": [{}, {}]}
    verdict = InstructionsVerifier(score="fraction")([Sample(response="a b", meta=meta)])[0]
    assert (verdict.score, verdict.reason, verdict.correct) == (0.5, Reason.PARTIAL, False)
    assert verdict.evidence["followed"] == [["punctuation:no_comma", True], ["startend:quotation", False]]


def test_what_is_counted() -> None:
    assert split_sentences("He paid 1.50. (See example.com!) Really?") == [
        "He paid 1.50.",
        "(See example.com!",
        ") Really?",
    ]
    assert tokenize("Dr. Smith's 'book', isn't it?") == [
        "Dr.",
        "Smith",
        "'s",
        "'",
        "book",
        "'",
        ",",
        "is",
        "n't",
        "it",
        "?",
    ]
    assert [syllables(word) for word in ("I", "banana", "stopped", "little", "2nd")] == [1, 3, 1, 2, 0]
    assert [is_verb(word) for word in ("write", "Tested", "Nothing", "river", "is")] == [True, True, False, False, True]
    assert without_hidden("👨\u200d👩 a\u200db") == "👨\u200d👩 ab"


def test_never_raises() -> None:
    rng = random.Random(5)
    pieces = [
        "a",
        "The",
        ".",
        "?!",
        "\n",
        " ",
        '"',
        "'",
        "*",
        "<<",
        ">>",
        "[",
        "]",
        "***",
        "******",
        "1.5",
        "🙂",
        "的",
        "\x00",
        "\ud800",
        "P.S.",
        "A.B.",
        ",",
        "{",
        "<think>",
    ]
    arguments = {name: kwargs for name, kwargs, *_ in CASES} | {row["func_name"]: row for row, *_ in FUNCTIONS}
    from r1_reward.verifiers.instructions.tasks import _parameters

    fill: dict[str, Any] = {
        "int": 2,
        "str": "yes/no",
        "Sequence[str]": ["a"],
        "Relation": "at least",
        "Quantifier": "around",
    }
    for name in CHECKS:
        kwargs = arguments.get(name) or {key: fill[kind] for key, kind in _parameters(CHECKS[name]).items()}
        for _ in range(12):
            text = "".join(rng.choices(pieces, k=rng.randrange(25)))
            assert judge(text, name, **kwargs).status is Status.SCORED, (name, text)
