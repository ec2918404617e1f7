"""What a word is: tokens of UAX #29 that hold a letter, by language."""

from __future__ import annotations

from itertools import pairwise

import pytest

from r1_reward.verifiers import Sample
from r1_reward.verifiers.language import LanguageVerifier
from r1_reward.verifiers.language.auto import DetectionPlan, pieces
from r1_reward.verifiers.language.scripts import BY_NAME, RUNS, SCRIPTS, counted_pattern

COUNTS = [
    ("the sum of two numbers", "en", {"en": 5}, "runs of letters"),
    ("it isn't the teacher's", "en", {"en": 4}, "an inner apostrophe joins"),
    ("it isn’t so", "en", {"en": 3}, "a typographic one too"),
    ("a well-known result", "en", {"en": 4}, "a hyphen does not join"),
    ("今天我们来看", "zh", {"zh": 6}, "a word for each Han character"),
    ("これはテストです", "ja", {"ja": 6}, "a word for each Hiragana, one for the Katakana run"),
    ("コンピューター", "ja", {"ja": 1}, "the long mark belongs to the Katakana run"),
    ("오늘은 날씨가 좋다", "ko", {"ko": 3}, "Hangul runs"),
    ("Сегодня хорошая погода", "ru", {"ru": 3}, "Cyrillic runs"),
    ("2024 and 3.14", "en", {"en": 1}, "numbers are no words"),
    ("let x be", "en", {"en": 2}, "a single letter is a variable"),
    ("a cat and I", "en", {"en": 4}, "unless it is a word"),
    ("il y a une idée", "fr", {"fr": 5}, "and each language has its own"),
    ("soit x = a + b", "fr", {"fr": 1}, "which count only beside a longer word"),
    ("这里 a+b=c", "zh", {"zh": 2}, "and never inside Chinese"),
    ("α + β = γ", "en", {}, "Greek letters are variables"),
    ("foo.bar", "en", {"en": 2}, "dots do not join, or dotted text would be one word"),
    ("ｈｅｌｌｏ ｗｏｒｌｄ", "en", {"en": 2}, "full width letters are letters"),
    ("𝐡𝐞𝐥𝐥𝐨 𝐰𝐨𝐫𝐥𝐝", "en", {"en": 2}, "and so are mathematical ones that spell words"),
    ("h\u200be\u200bl\u200bl\u200bo there", "en", {"en": 2}, "zero-width spaces do not cut a word up"),
    ("", "en", {}, "nothing"),
    ("\ud800 \x00 ok then", "en", {"en": 2}, "lone surrogates and NULs are nothing"),
]


@pytest.mark.parametrize(("text", "language", "counts", "why"), COUNTS)
def test_words_are_counted_by_language(text: str, language: str, counts: dict[str, int], why: str) -> None:
    verdict = LanguageVerifier(scope="all")([Sample(response=text, language=language)])[0]
    assert verdict.evidence["counts"] == counts, why
    assert verdict.evidence["unit"] == "word"


def test_letters_can_be_the_unit() -> None:
    verdict = LanguageVerifier(unit="letter")([Sample(response="It isn't 今天", language="en")])[0]
    assert verdict.evidence["counts"] == {"en": 6, "zh": 2}
    assert verdict.evidence["unit"] == "letter"


def test_every_letter_range_is_in_one_script() -> None:
    sets = {script.name: counted(script.letters) for script in SCRIPTS}
    names = list(sets)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            assert not sets[name] & sets[other], (name, other)


def counted(letters: str) -> set[int]:
    """Code points below the astral ones of a character class."""
    result: set[int] = set()
    index = 0
    while index < len(letters):
        if letters[index + 1 : index + 2] == "-":
            result.update(range(ord(letters[index]), min(ord(letters[index + 2]), 0xFFFF) + 1))
            index += 3
        else:
            result.add(ord(letters[index]))
            index += 1
    return result


def test_runs_cover_every_letter_of_a_mixed_text() -> None:
    text = "Hello 世界です。 Привет, x=3 мир हिन्दी ok"
    assert [m.lastgroup for m in RUNS.finditer(text)] == ["latn", "cjk", "cyrl", "latn", "cyrl", "deva", "latn"]


def test_pieces_slice_back_into_the_text() -> None:
    text = "First we add the numbers. Ensuite nous faisons la somme des carrés et puis c'est tout. "
    text += "然后我们得到答案。 Done now."
    result = pieces(text, DetectionPlan(None), "en", "word")
    assert [piece.language for piece in result] == ["en", "fr", "zh", "en"]
    assert text[result[1].start : result[1].end].startswith("Ensuite")
    assert all(before.end <= after.start for before, after in pairwise(result))


def test_a_long_word_costs_no_more_than_a_short_one() -> None:
    assert pieces("a" * 500_000, DetectionPlan(None), "en", "word")[0].words == 1


def test_single_letters_follow_the_language() -> None:
    assert counted_pattern("it", BY_NAME["latn"]).findall("Roma e Milano") == ["Roma", "e", "Milano"]
    assert counted_pattern("de", BY_NAME["latn"]).findall("Rom e Mailand") == ["Rom", "Mailand"]
