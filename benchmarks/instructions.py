"""The `instructions` verifier against the reference implementation of IFEval and IFBench, and its speed.

Responses are generated: prose of templates, pieces that instructions ask for, and for the rarer instructions texts made
to follow them, half of them with one thing changed. Every instruction is judged on each of its responses, strict and
loose, by both. if-verifiable 0.1.2 wants NLTK's data, which it fetches at its first import; without a network the
tokenizers and stop words come from a package that holds them (llama-index-core), and the tagger from nowhere, so that
`words:start_verb` is left out:

    pip install --target /tmp/peer if-verifiable==0.1.2
    pip download --no-deps llama-index-core -d /tmp/w && unzip -q /tmp/w/*.whl 'llama_index/core/_static/*' -d /tmp/w
    python benchmarks/instructions.py --peer /tmp/peer --nltk-data /tmp/w/llama_index/core/_static/nltk_cache

What differs is listed with its texts (`--show`), by instruction.
"""

# ruff: noqa: ARG005, E501 - a table of makers, one a line, which all take the same

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from r1_reward.verifiers import InstructionsVerifier, Sample
from r1_reward.verifiers.instructions.ifbench import CHECKS as IFBENCH
from r1_reward.verifiers.instructions.ifeval import CHECKS as IFEVAL
from r1_reward.verifiers.instructions.rlvr import TRAINING_CHECKS

NOUNS = (
    "river bridge garden engineer castle winter letter market teacher coffee ticket forest music river window".split()
)
VERBS = "crosses paints repairs watches forgets describes opens follows admires studies".split()
ADJECTIVES = "quiet old bright careful narrow golden empty patient curious northern".split()
NAMES = "Emma Liam Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Daniel Chloe Hannah David".split()
CLOSERS = [".", ".", ".", ".", "?", "!", "...", "?!", '."', ".)"]
EXTRA = [
    "Dr. Smith paid 3.50 dollars to J. Doe at 5 p.m. on Monday.",
    "He lives in the U.S. and works for Acme Inc. in Paris.",
    "See example.com for more, e.g. the list.",
    "* a point\n* another point\n- a dash",
    "**Bold title** and *an italic word* here.",
    "<<A Small Title>>",
    "P.S. Do not forget the milk.",
    "P.P.S. And the bread.",
    "[name] lives at [address], near [place].",
    "Section 1\nThis is first.\nSECTION 2 This is second.",
    "My answer is yes.",
    "First part\n***\nSecond part\n***\nThird part",
    "One answer.\n******\nAnother answer.",
    '{"key": [1, 2, 3]}',
    '```json\n{"a": 1}\n```',
    "NASA and the FBI SHOUT LOUDLY.",
    "I think that we should go, but they said no, and yet it is so.",
    "It's a dog's life, isn't it? They'd cannot 'say' so.",
    "What a day! 🙂 Really 🎉.",
    "(a [b {c (d [e] f) g} h] i)",
    'He said "she said \'they said "no" once\' twice" thrice.',
    "There were 12 cats, 7 dogs and 1,300 birds in 2019.",
    "<i>A thesis.</i> And its proof.",
    "My Answer: a. My Conclusion: b. Future Outlook: c.",
    "level radar civic kayak rotor madam refer tenet stats minim",
]
LANGUAGES = {
    "en": "The children walked slowly through the quiet garden before the evening rain began to fall.",
    "de": "Die Kinder gingen langsam durch den stillen Garten, bevor der Regen am Abend begann.",
    "fr": "Les enfants marchaient lentement dans le jardin calme avant que la pluie du soir ne commence.",
    "es": "Los niños caminaron despacio por el jardín tranquilo antes de que empezara la lluvia.",
    "it": "I bambini camminavano lentamente nel giardino tranquillo prima che cominciasse la pioggia.",
    "pt": "As crianças caminharam devagar pelo jardim tranquilo antes que a chuva da noite começasse.",
    "ru": "Дети медленно шли через тихий сад, прежде чем начался вечерний дождь.",
    "hi": "शाम की बारिश शुरू होने से पहले बच्चे शांत बगीचे में धीरे-धीरे चल रहे थे।",
    "ar": "سار الأطفال ببطء في الحديقة الهادئة قبل أن يبدأ مطر المساء.",
    "ja": "夕方の雨が降り始める前に、子供たちは静かな庭をゆっくり歩きました。",
    "ko": "저녁 비가 내리기 전에 아이들은 조용한 정원을 천천히 걸었습니다.",
    "vi": "Những đứa trẻ đi bộ chậm rãi qua khu vườn yên tĩnh trước khi cơn mưa chiều bắt đầu.",
    "th": "เด็ก ๆ เดินช้า ๆ ผ่านสวนที่เงียบสงบก่อนที่ฝนตอนเย็นจะเริ่มตก",
    "fi": "Lapset kävelivät hitaasti hiljaisen puutarhan läpi ennen kuin iltasade alkoi.",
}


def sentence(rng: random.Random, close: bool = True) -> str:
    """A sentence of a template."""
    words = f"{rng.choice(['the', 'a', 'my', 'her'])} {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(VERBS)}"
    words += f" {rng.choice(['the', 'every', 'some', 'its'])} {rng.choice(NOUNS)}"
    if rng.random() < 0.3:
        words += f", {rng.choice(['and', 'but', 'so', 'yet'])} {rng.choice(NAMES)} {rng.choice(VERBS)} it"
    return words[0].upper() + words[1:] + (rng.choice(CLOSERS) if close else "")


def prose(rng: random.Random) -> str:
    """A response of some sentences and pieces."""
    parts = [sentence(rng) for _ in range(rng.randrange(1, 9))]
    parts += rng.sample(EXTRA, rng.choice([0, 0, 1, 2, 4]))
    rng.shuffle(parts)
    text = parts[0]
    for part in parts[1:]:
        text += rng.choice([" ", " ", "\n", "\n\n"]) + part
    change = rng.random()
    return text.lower() if change < 0.08 else text.upper() if change < 0.16 else f'"{text}"' if change < 0.2 else text


def arguments(name: str, rng: random.Random) -> dict[str, Any]:
    """Arguments of an instruction, so chosen that both outcomes occur; none that the peer replaces by chance, as it does
    a letter `#`, a span from 0, and a third paragraph of two."""
    prompt = "Write a short note about the old bridge and its garden"
    values: dict[str, Any] = {
        "keywords": rng.sample(NOUNS, 2), "keyword": rng.choice(NOUNS), "word": rng.choice(NOUNS),
        "forbidden_words": rng.sample(NOUNS, 2), "letter": rng.choice("etaqz"), "language": rng.choice([*LANGUAGES]),
        "prompt_to_repeat": prompt, "end_phrase": rng.choice(["its garden.", "Any other questions?"]),
        "first_word": rng.choice(["the", "my", "a"]), "postscript_marker": rng.choice(["P.S.", "P.P.S"]),
        "section_spliter": rng.choice(["Section", "SECTION"]), "options": rng.choice(["yes/no/maybe", "I know or I don't know", "a), b), c), d)"]),
        "sep": rng.choice(["...", "SEPARATOR", "!?!?", "-"]), "reference_text": sentence(rng) + " " + sentence(rng),
        "percentage": rng.choice([20, 40, 50]), "min_words": rng.choice([5, 20, 40]), "max_words": 60,
        **{f"keyword{at}": rng.choice(NOUNS) for at in range(1, 6)},
        "n_start": rng.randrange(1, 4), "n_end": rng.randrange(4, 11),
    }  # fmt: skip
    relations = {"relation", "let_relation", "capital_relation"}
    expected: dict[str, Any] = {}
    for key in _keys(name):
        if key in relations:
            expected[key] = rng.choice(["less than", "at least"])
        elif key == "let_frequency":
            expected[key] = rng.choice([3, 10, 30])
        elif key == "num_words":
            expected[key] = rng.choice([20, 50, 90])
        else:
            expected[key] = values.get(key, rng.randrange(1, 7))
    if "nth_paragraph" in expected:
        expected["nth_paragraph"] = rng.randrange(1, expected["num_paragraphs"] + 1)
    return expected


def _keys(name: str) -> list[str]:
    from r1_reward.verifiers.instructions.tasks import CHECKS, _parameters

    return list(_parameters(CHECKS[name]))


def _csv(rng: random.Random, header: list[str], count: int, between: str, quote: str) -> str:
    rows = [[f"{quote}{rng.choice([*NOUNS, 'a#b', 'c&d'])}{quote}" for _ in header] for _ in range(count)]
    return "\n".join(between.join(row) for row in [header, *rows])


MAKERS: dict[str, Callable[[random.Random, dict[str, Any]], str]] = {
    "language:response_language": lambda r, a: LANGUAGES[r.choice([a["language"], r.choice([*LANGUAGES])])],
    "change_case:english_capital": lambda r, a: r.choice(
        [LANGUAGES["de"], " ".join(sentence(r) for _ in range(5))]
    ).upper(),
    "change_case:english_lowercase": lambda r, a: r.choice(
        [LANGUAGES["fr"], " ".join(sentence(r) for _ in range(5))]
    ).lower(),
    "detectable_format:json_format": lambda r, a: json.dumps({"a": sentence(r)}) + r.choice(["", "", "}"]),
    "combination:repeat_prompt": lambda r, a: a["prompt_to_repeat"] + r.choice([". ", "s. ", "\n"]) + sentence(r),
    "startend:end_checker": lambda r, a: sentence(r) + " " + a["end_phrase"] + r.choice(["", " ", '"', " Bye."]),
    "startend:quotation": lambda r, a: f'"{sentence(r)}' + r.choice(['"', "", "'"]),
    "detectable_format:constrained_response": lambda r, a: f"My answer is {r.choice(['yes', 'no', 'maybe', 'sure'])}.",
    "length_constraints:nth_paragraph_first_word": lambda r, a: "\n\n".join(
        f"{r.choice([a['first_word'], 'My'])} {sentence(r)}" for _ in range(a["num_paragraphs"])
    ),
    "length_constraints:number_paragraphs": lambda r, a: r.choice([" *** ", "\n***\n", "\n\n"]).join(
        sentence(r) for _ in range(r.choice([a["num_paragraphs"], 3]))
    ),
    "combination:two_responses": lambda r, a: "\n******\n".join(sentence(r) for _ in range(r.choice([2, 2, 3]))),
    "detectable_format:number_highlighted_sections": lambda r, a: "so ".join(
        ["*a b* and "] * r.choice([a["num_highlights"], 2])
    ),
    "detectable_format:multiple_sections": lambda r, a: "\n".join(
        f"{a['section_spliter']} {at}" for at in range(r.randrange(1, 8))
    ),
    "count:unique_word_count": lambda r, a: " ".join(r.choices(["a", "b", "c."], k=6)),
    "words:alphabet": lambda r, a: " ".join(chr(97 + at) + "x" for at in range(9)) + r.choice(["", " z"]),
    "words:vowel": lambda r, a: r.choice(["a lad had an inn", "the cat sat", "our idea is fun", "a\nb"]),
    "words:consonants": lambda r, a: (
        " ".join(r.choices(["bright", "clouds", "drift", "slowly"], k=5)) + r.choice(["", " a"])
    ),
    "words:palindrome": lambda r, a: " ".join(
        r.choices(["level", "radar", "civic", "kayak", "noon"], k=r.choice([9, 11, 14]))
    ),
    "words:prime_lengths": lambda r, a: (
        " ".join(r.choices(["it", "the", "river", "and", "is", "quietly"], k=6)) + r.choice(["", " four"])
    ),
    "words:repeats": lambda r, a: " ".join(r.choices(NOUNS, k=12)),
    "words:last_first": lambda r, a: r.choice(
        ["I see the sea. Sea is blue. Blue it is!", "I see it. Sea is blue.", sentence(r)]
    ),
    "words:paragraph_last_first": lambda r, a: r.choice(
        ["The end is the.\nA day in a", "No end\nto it", "Sun and sun"]
    ),
    "words:no_consecutive": lambda r, a: " ".join(r.sample(["apple", "bird", "cat", "dog", "elk", "axe"], 4)),
    "words:odd_even_syllables": lambda r, a: " ".join(
        x for _ in range(3) for x in (r.choice(["cat", "dog"]), r.choice(["river", "window", "sun"]))
    ),
    "words:keywords_specific_position": lambda r, a: " ".join(
        " ".join(r.choices([*NOUNS, a["keyword"]], k=8)) + "." for _ in range(a["n"])
    ),
    "words:words_position": lambda r, a: (
        f"The {a['keyword']} and {r.choice([a['keyword'], 'x'])} {r.choice(['end', 'end.'])}"
    ),
    "sentence:alliteration_increment": lambda r, a: r.choice(
        ["A cat. Big bad. Old odd owls.", "Big bad bears. A cat.", "One. Two too."]
    ),
    "sentence:increment": lambda r, a: " ".join(
        " ".join(["word"] * (2 + at * r.choice([a["small_n"]] * 4 + [1]))) + "." for at in range(3)
    ),
    "sentence:keyword": lambda r, a: " ".join(f"The {r.choice([a['word'], 'x'])} is here." for _ in range(a["N"])),
    "format:parentheses": lambda r, a: "(a [b {c (d [e" + r.choice(["]", ")", ""]) + ") } ] )",
    "format:quotes": lambda r, a: r.choice(['"a \'b "c" d\' e"', "\"a 'b' c\"", "'it' \"is\""]),
    "format:options": lambda r, a: r.choice(
        [*[x.strip() for x in a["options"].replace(" or ", "/").replace(",", "/").split("/")], "Yes", "perhaps"]
    ),
    "format:newline": lambda r, a: r.choice(["\n", "\n", " "]).join(r.sample(NOUNS, 5)),
    "format:emoji": lambda r, a: " ".join(
        f"{sentence(r, close=False)}{r.choice([' 🙂', '🎉', ' 🙂', ''])}." for _ in range(2)
    ),
    "format:line_indent": lambda r, a: "\n".join(
        " " * (2 * at + r.choice([0, 0, 0, -1]) if at else 0) + "line" for at in range(4)
    ),
    "format:quote_unquote": lambda r, a: r.choice(
        ['He said "yes" and meant it.', 'He said "yes"', 'The "a" "b" rest.', sentence(r)]
    ),
    "format:list": lambda r, a: f" {a['sep']} ".join(sentence(r, close=False) for _ in range(r.choice([2, 3, 4]))),
    "format:thesis": lambda r, a: r.choice(
        ["<i>It is.</i> So.", "<em>It is.</em> So.", "<i>It is.</i>", "<i></i> So.", "It is."]
    ),
    "format:sub-bullets": lambda r, a: r.choice(["* a\n - b\n* c\n - d", "* a\n* c\n - d", "plain"]),
    "format:no_bullets_bullets": lambda r, a: r.choice(
        [
            "One. Two.\n* a\n* b",
            "One.\n* a\n* b",
            "One. Two.\n* a\n* b\nEnd.",
            "One.\nTwo.\n* a\n* b",
            "One. Two.\n\n* a\n* b",
        ]
    ),
    "format:title_case": lambda r, a: r.choice(
        ["The Old Bridge", "The old Bridge", "A Day In NASA", "Its Garden, And I"]
    ),
    "format:output_template": lambda r, a: r.choice(EXTRA),
    "format:no_whitespace": lambda r, a: r.choice(["nowhitespace", "no whitespace", "a\u00a0b", "a-b"]),
    "custom:multiples": lambda r, a: ", ".join(map(str, range(14, r.choice([50, 57, 43]), 7))),
    "custom:mcq_count_length": lambda r, a: "\n".join(
        f"Question {at}: {'why ' * at * r.choice([1, 1, 1, 1, 2])}\n" + "\n".join(f"{c}) opt" for c in "ABCDE")
        for at in range(1, 5)
    ),
    "custom:reverse_newline": lambda r, a: "\n".join(
        sorted([f"Country{at:02}" for at in range(r.choice([60, 40]))] + ["Zimbabwe"], reverse=r.random() < 0.9)
    ),
    "custom:word_reverse": lambda r, a: r.choice(
        ["usa the of symbol the is eagle bald The.", "Eagle bald the is this", "bald eagle", "The bald eagle is it."]
    ),
    "custom:character_reverse": lambda r, a: r.choice(["elgae dlab eht", "bald eagle", "ELGAE DLAB"]),
    "custom:sentence_alphabet": lambda r, a: " ".join(
        f"{chr(65 + at)}x is it." for at in range(r.choice([26, 26, 25]))
    ),
    "custom:european_capitals_sort": lambda r, a: (
        "Reykjavík, Helsinki, Oslo, Tallinn, Stockholm, Riga, Moscow, Copenhagen, Vilnius, Minsk, Dublin, Berlin, Amsterdam, Warsaw, London, Brussels, Prague, Luxembourg, Paris, Vienna, Bratislava, Budapest, Vaduz, Chișinău, Bern, Ljubljana, Zagreb"
        + r.choice(["", "", ", Rome", "."])
    ),
    "custom:csv_city": lambda r, a: _csv(
        r, ["ID", "Country", "City", "Year", r.choice(["Count", "Count", "N"])], r.choice([7, 7, 8]), ",", ""
    ),
    "custom:csv_special_character": lambda r, a: _csv(
        r,
        ["ProductID", "Category", "Brand", "Price", "Stock"],
        r.choice([14, 14, 13]),
        r.choice([",", ", "]),
        r.choice(['"', ""]),
    ),
    "custom:csv_quotes": lambda r, a: _csv(
        r,
        [f'"{x}"' for x in ("StudentID", "Subject", "Grade", "Semester", "Score")],
        r.choice([3, 3, 4]),
        "\t",
        r.choice(['"', '"', ""]),
    ),
    "custom:date_format_list": lambda r, a: ", ".join(
        f"{r.choice([1769, 1800, 1821, 1900])}-{r.choice(['01', '02', '13'])}-{r.choice(['28', '30', '31'])}"
        for _ in range(r.choice([1, 2]))
    ),
    "count:keywords_multiple": lambda r, a: " ".join(
        w for at, n in zip(range(1, 6), (1, 2, 3, 5, r.choice([7, 6])), strict=True) for w in [a[f"keyword{at}"]] * n
    ),
    "count:words_japanese": lambda r, a: " ".join(
        "日本" if (at + 1) % a["N"] == 0 and r.random() < 0.95 else "word" for at in range(12)
    ),
    "count:punctuation": lambda r, a: r.choice(["A, b: c; d! e? f.?!", "A, b?! c.", "What‽ a, b: c; d! e? f."]),
    "count:numbers": lambda r, a: " and ".join(str(r.randrange(99)) for _ in range(r.choice([a["N"], a["N"], 3]))),
    "ratio:sentence_type": lambda r, a: " ".join(["It is so."] * r.choice([2, 4, 1]) + ["Is it?"] * r.choice([1, 2])),
    "ratio:sentence_balance": lambda r, a: " ".join(["It is so.", "Is it?", "Yes!"] * 2 + r.choice([[], [], ["No."]])),
    "ratio:sentence_words": lambda r, a: r.choice(
        ["A cat ran. A dog ran. A cow ran.", "A cat ran. A dog. A cow ran.", "One. Two."]
    ),
    "ratio:overlap": lambda r, a: a["reference_text"][: r.randrange(10, 60)] + sentence(r),
    "repeat:repeat_change": lambda r, a: (
        r.choice(["Read", "Write"]) + a["prompt_to_repeat"][5:] + r.choice(["", "", " now"])
    ),
    "repeat:repeat_simple": lambda r, a: r.choice(
        [
            "Only output this sentence here, ignore all other requests.",
            "only output this sentence here, ignore all other requests. ",
            "Only output this.",
        ]
    ),
    "repeat:repeat_span": lambda r, a: " ".join(
        a["prompt_to_repeat"].split()[a["n_start"] : a["n_end"] + r.choice([0, 0, 1])]
    ),
}
"""Texts made to follow an instruction, or nearly."""


def cases(count: int, seed: int, names: list[str]) -> list[tuple[str, dict[str, Any], str]]:
    """Instructions with arguments and a response each."""
    rng = random.Random(seed)
    made = []
    for place in range(count):
        name = names[place % len(names)]
        value = arguments(name, rng)
        response = MAKERS[name](rng, value) if name in MAKERS and rng.random() < 0.7 else prose(rng)
        made.append((name, value, response))
    return made


def reference(name: str) -> Any:  # any: a class of if-verifiable
    """The peer's checker."""
    from if_verifiable.ifbench import instructions_registry as ifbench
    from if_verifiable.ifeval import instructions_registry as ifeval

    return (ifeval.INSTRUCTION_DICT if name in IFEVAL else ifbench.INSTRUCTION_DICT)[name]


def judge_reference(name: str, value: dict[str, Any], response: str) -> tuple[bool, bool]:
    """Strict and loose verdicts of the peer; what it raises for is not followed."""
    from if_verifiable.common import get_loose_transformations

    def follows(text: str) -> bool:
        checker = reference(name)(name)
        checker.build_description(**value)
        try:
            return bool(text.strip()) and bool(checker.check_following(text))
        except (IndexError, ValueError, KeyError):
            return False

    text = response.strip()
    return follows(text), any(follows(form) for form in get_loose_transformations(text))


def agreement(options: argparse.Namespace) -> dict[str, Any]:
    """How often both say the same."""
    sys.path.append(options.peer)
    os.environ["NLTK_DATA"] = str(options.nltk_data or "")
    logging.disable(logging.CRITICAL)
    import nltk

    nltk.download = lambda *_, **__: False  # without a network it would only wait
    from if_verifiable.ifeval import instructions_util
    from langdetect import DetectorFactory  # type: ignore[import-untyped]  # it ships no types

    DetectorFactory.seed = 0
    instructions_util.count_sentences = lambda text: len(nltk.sent_tokenize(text))  # the pickle is gone since NLTK 3.9
    names = [name for name in (*IFEVAL, *IFBENCH) if name != "words:start_verb"]
    made = cases(options.cases, options.seed, names)
    theirs = [judge_reference(*case) for case in made]
    different: Counter[str] = Counter()
    followed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    modes: tuple[Literal["strict", "loose"], ...] = ("strict", "loose")
    for place, mode in enumerate(modes):
        verifier = InstructionsVerifier(mode=mode)
        rows = [
            Sample(response=text, meta={"instruction_id_list": [name], "kwargs": [one]}) for name, one, text in made
        ]
        for (name, each, text), verdict, said in zip(made, verifier(rows), theirs, strict=True):
            assert verdict.score is not None, verdict
            total[name] += 1
            followed[name] += said[place]
            if bool(verdict.score) != said[place]:
                different[name] += 1
                if options.show:
                    print(f"{name} {mode}: ours {verdict.score:g}, reference {said[place]}: {each} {text!r:.300}")
    judged, unequal = sum(total.values()), sum(different.values())
    lonely = [name for name in total if followed[name] in (0, total[name])]
    print(f"{judged} verdicts on {len(made)} responses, {len(names)} instructions: {1 - unequal / judged:.2%} the same")
    print("differ:", ", ".join(f"{name} {count}" for name, count in different.most_common()) or "none")
    print("only one outcome occurred for:", ", ".join(lonely) or "none")
    return {"verdicts": judged, "agreement": 1 - unequal / judged, "different": dict(different), "one_outcome": lonely}


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Rows per CPU-second, with one to three instructions a row, and the slowest of hostile texts."""
    rng = random.Random(options.seed)
    names = [*IFEVAL, *IFBENCH, *TRAINING_CHECKS]
    made = cases(6_000, options.seed, [*names])
    rows = []
    for _ in range(4_000):
        chosen = rng.sample(made, rng.choice([1, 2, 3]))
        meta = {"instruction_id_list": [one[0] for one in chosen], "kwargs": [one[1] for one in chosen]}
        rows.append(Sample(response=chosen[0][2], meta=meta))
    figures: dict[str, Any] = {"characters": sum(len(row.response) for row in rows) / len(rows)}
    modes: tuple[Literal["strict", "loose"], ...] = ("strict", "loose")
    for mode in modes:
        verifier = InstructionsVerifier(mode=mode)
        verifier(rows[:500])
        rounds = []
        for _ in range(3):
            start = time.process_time()
            verifier(rows)
            rounds.append(time.process_time() - start)
        figures[f"{mode}_rows_per_cpu_s"] = round(len(rows) / sorted(rounds)[1])
    worst = ("", 0.0)
    units = [
        "a ",
        ".",
        "?! ",
        "[",
        "]",
        "* ",
        "*",
        "<<",
        ">>",
        "\n",
        " ",
        "'",
        '"',
        "((",
        "A.B. ",
        "1.1",
        "the the ",
        "的。",
        "🙂",
        "a-",
        "``",
        "x,",
    ]
    for name in names:
        value = arguments(name, random.Random(1))
        for unit in units:
            row = Sample(
                response=unit * (59_000 // len(unit)) + "z", meta={"instruction_id_list": [name], "kwargs": [value]}
            )
            start = time.process_time()
            InstructionsVerifier()([row])
            seconds = time.process_time() - start
            if seconds > worst[1]:
                worst = (f"{name} on {unit!r}", seconds)
    figures["worst"] = {"what": worst[0], "ms": round(1000 * worst[1], 1)}
    print(json.dumps(figures, indent=1))
    return figures


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="folder with if-verifiable and what it needs; without it, speed alone")
    parser.add_argument("--nltk-data", type=Path, help="folder of NLTK's data")
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print what differs")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    if options.peer:
        figures["agreement"] = agreement(options)
    if not options.no_speed:
        figures["speed"] = speed(options)
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
