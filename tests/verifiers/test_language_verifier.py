"""The language verifier: targets, scopes, edges, backends, and what must not move the ratio."""

from __future__ import annotations

import json
import pickle
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1_reward.verifiers import ConfigError, Message, Reason, Sample, Status
from r1_reward.verifiers.language import LanguageVerifier
from r1_reward.verifiers.language.verifier import SCOPES

ENGLISH = (
    "First we write down what is known about the two trains and when they leave. Then we look for the time at which "
    "they meet, because that is what the question asks for. The distance between the towns is given, so the sum of "
    "the speeds tells us how long it takes. After that we only have to check whether the answer makes sense at all."
)
GERMAN = (
    "Zuerst schreiben wir auf, was über die beiden Züge bekannt ist und wann sie abfahren. Dann suchen wir die Zeit, "
    "zu der sie sich treffen, denn danach ist gefragt. Der Abstand der Städte ist gegeben, also sagt uns die Summe der "
    "Geschwindigkeiten, wie lange es dauert. Danach müssen wir nur noch prüfen, ob die Antwort überhaupt sinnvoll ist."
)
CHINESE = "首先我们写下已知的条件，然后求出两列火车相遇的时间。因为距离是已知的，所以速度之和告诉我们需要多长时间。"
JAPANESE = "まず、二つの列車について分かっていることを書きます。次に、出会う時刻を求めます。"


def ratio(text: str, language: str, **options: Any) -> float:
    return float(LanguageVerifier(scope="all", **options)([Sample(response=text, language=language)])[0])


def test_a_text_in_the_target_language_is_one_and_in_another_zero() -> None:
    for text, language in ((ENGLISH, "en"), (GERMAN, "de"), (CHINESE, "zh"), (JAPANESE, "ja")):
        assert ratio(text, language) == 1.0
        assert ratio(text, "fr") == 0.0


def test_the_scope_cuts_the_response() -> None:
    response = f"<think>{ENGLISH}</think><answer>{GERMAN}</answer>"
    sample = Sample(response=response, language="en")
    assert float(LanguageVerifier()([sample])[0]) == 1.0
    assert float(LanguageVerifier(scope="answer")([sample])[0]) == 0.0
    assert 0.4 < float(LanguageVerifier(scope="all")([sample])[0]) < 0.6


@pytest.mark.parametrize("end", ["<|im_end|>", "<｜end▁of▁sentence｜>", "</s>\n<|eot_id|>", "[EOS]"])
@pytest.mark.parametrize("response", ["这是对的", "<think>x</think>这是对的"])
def test_end_of_turn_tokens_are_no_words(response: str, end: str) -> None:
    for scope in SCOPES:
        judged = [
            LanguageVerifier(scope=scope)([Sample(response=text, language="zh")])[0]
            for text in (response, response + end)
        ]
        assert judged[0].score == judged[1].score
        assert judged[0].evidence["counts"] == judged[1].evidence["counts"]


def test_spans_are_places_in_the_response() -> None:
    response = f"<think>{ENGLISH} {GERMAN}</think>four"
    verdict = LanguageVerifier()([Sample(response=response, language="en")])[0]
    spans = [(response[start:end], language) for start, end, language in verdict.evidence["spans"]]
    assert [language for _, language in spans] == ["en", "de"]
    assert spans[0][0].startswith("First we")
    assert spans[1][0].endswith("sinnvoll ist")


TARGETS: list[tuple[Any, str | None, str | None, str]] = [
    ("", "de", "de", "the sample's"),
    ("", "zh-CN", "zh", "with a region"),
    ("", "EN", "en", "in capitals"),
    ("Wie viele Äpfel hat Anna am Ende noch?", None, "de", "the prompt's"),
    ([Message(role="system", content="Help."), Message(role="user", content="小明有几个？")], None, "zh", "the user's"),
    ("A conversation between User and Assistant. User: Combien de pommes reste-t-il ? Assistant: <think>", None, "fr",
     "the question's, whatever the template is in"),
    ("<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nСколько яблок?<|im_end|>\n<|im_start|>assistant\n",
     None, "ru", "in a chat template"),
    ("$2 + 2 = ?$", None, None, "a formula has no language"),
    ("", None, None, "no prompt"),
    ("", "eu", None, "a language that auto does not know"),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "language", "target", "why"), TARGETS)
def test_the_target(prompt: Any, language: str | None, target: str | None, why: str) -> None:
    verdict = LanguageVerifier()([Sample(response=ENGLISH, prompt=prompt, language=language)])[0]
    if target is None:
        assert verdict.status is Status.SKIPPED, why
    else:
        assert verdict.evidence["target"] == target, why


def test_nothing_to_count_is_not_full_marks() -> None:
    nothing = Sample(response="<think>$x = 3$</think>3", language="en")
    verdict = LanguageVerifier()([nothing])[0]
    assert (verdict.score, verdict.reason) == (0.0, Reason.NO_WORDS)
    assert LanguageVerifier(empty_score=0.5)([nothing])[0].score == 0.5
    few = Sample(response="<think>two words</think>", language="en")
    assert LanguageVerifier(min_words=3)([few])[0].reason is Reason.NO_WORDS
    assert LanguageVerifier(min_words=2)([few])[0].reason is Reason.MEASURED


def test_the_measure_says_how_much_it_did_not_look_at() -> None:
    verdict = LanguageVerifier()([Sample(response="so $xxxxxx$", language="en")])[0]
    assert verdict.evidence["neutral"] == 0.8


@pytest.mark.parametrize(
    "text", [r"so $3 \text{ " + GERMAN + "}$", "so\n```\n" + GERMAN + "\n```", "so `" + GERMAN + "`"]
)
def test_strict_counts_what_hides(text: str) -> None:
    assert ratio(text, "en") == 1.0
    assert ratio(text, "en", strict=True) < 0.1


@pytest.mark.parametrize("backend", ["auto", "fasttext", "langdetect"])
def test_backends_agree_on_plain_texts(backend: Any) -> None:
    assert ratio(ENGLISH, "en", backend=backend) == 1.0
    assert ratio(GERMAN, "en", backend=backend) == 0.0
    assert ratio(CHINESE, "zh", backend=backend) == 1.0


def test_the_script_backend_knows_scripts_only() -> None:
    assert ratio(GERMAN, "en", backend="script") == 1.0
    assert ratio(ENGLISH + CHINESE, "en", backend="script") == ratio(ENGLISH + CHINESE, "en")


def test_backends_give_the_same_twice() -> None:
    for backend in ("auto", "fasttext", "langdetect"):
        assert ratio(ENGLISH + GERMAN, "en", backend=backend) == ratio(ENGLISH + GERMAN, "en", backend=backend)


def test_languages_limit_the_candidates() -> None:
    assert ratio(GERMAN, "en", languages=["en", "zh"]) == 1.0
    assert ratio(GERMAN, "de", languages=["en", "zh"]) > 0.95
    assert ratio(CHINESE + ENGLISH, "zh", languages=["en", "zh"]) == ratio(CHINESE + ENGLISH, "zh")


def test_a_dozen_foreign_words_are_found() -> None:
    mixed = ENGLISH.replace("the time at which they meet", "die Zeit, zu der sie sich treffen")
    verdict = LanguageVerifier()([Sample(response=mixed, language="en")])[0]
    assert 5 <= verdict.evidence["counts"].get("de", 0) <= 9


@pytest.mark.parametrize(
    "options",
    [{"scope": "thought"}, {"unit": "byte"}, {"backend": "cld3"}, {"min_words": 0}, {"min_words": True}, {"strict": 1},
     {"empty_score": float("nan")}, {"languages": "en"}, {"languages": []}, {"languages": ["xx"]}, {"model": "x"}],
)  # fmt: skip
def test_wrong_options_are_refused(options: Any) -> None:
    with pytest.raises(ConfigError, match="language"):
        LanguageVerifier(**options)


def test_a_missing_model_is_an_error_that_names_the_path() -> None:
    verdict = LanguageVerifier(backend="fasttext", model="/nowhere.bin")([Sample(response="so", language="en")])[0]
    assert verdict.status is Status.ERROR
    assert "/nowhere.bin" in verdict.detail


def test_no_backend_opens_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for backend in ("auto", "fasttext", "langdetect", "script"):
        assert ratio(ENGLISH, "en", backend=backend) == 1.0


def test_batches_threads_and_pickles_make_no_difference() -> None:
    verifier = LanguageVerifier()
    samples = [Sample(response=text, language="en") for text in (ENGLISH, GERMAN, CHINESE, ENGLISH + " " + GERMAN)] * 5
    whole = [verdict.score for verdict in verifier(samples)]
    assert [verifier([sample])[0].score for sample in samples] == whole
    assert [verdict.score for verdict in pickle.loads(pickle.dumps(verifier))(samples)] == whole
    results: list[list[float | None]] = []
    threads = [
        threading.Thread(target=lambda: results.append([v.score for v in LanguageVerifier()(samples)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [whole] * 4


PIECES = st.sampled_from(
    [*ENGLISH.replace("? ", ". ").split(". "), *GERMAN.split(". "), CHINESE, JAPANESE, "Ensuite on trouve la somme",
     "Luego sumamos los dos números", "Затем мы складываем числа", "그런 다음 두 수를 더합니다"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=8), st.integers(0, 3))
@settings(max_examples=60)
def test_more_of_the_target_never_lowers_the_ratio(extra: list[str], place: int) -> None:
    text = ". ".join([ENGLISH, *extra]) + "."
    sentences = [
        "We add the two numbers and find the total.",
        ENGLISH,
        "That is the answer to the question.",
        "So it goes.",
    ]
    assert ratio(text + " " + sentences[place], "en") >= ratio(text, "en") - 0.005


@given(
    st.lists(PIECES, min_size=1, max_size=5),
    st.sampled_from(
        ["$x^2 + y^2 = z^2$", r"\[ \sum_{i=1}^n i = \frac{n(n+1)}{2} \]", "`print(x)`", "https://example.org/a?b=c"]
    ),
    st.integers(0, 10_000),
)
@settings(max_examples=60)
def test_neutral_insertions_do_not_move_the_ratio(extra: list[str], neutral: str, place: int) -> None:
    words = ". ".join([ENGLISH, *extra]).split(" ")
    at = place % (len(words) + 1)
    changed = " ".join([*words[:at], neutral, *words[at:]])
    assert abs(ratio(changed, "en") - ratio(" ".join(words), "en")) <= 0.005


@given(st.text(max_size=300), st.sampled_from(["en", "zh", "ja", "ru", "ar", "hi", "th"]))
@settings(max_examples=150)
def test_any_text_gets_a_ratio_that_json_can_hold(text: str, language: str) -> None:
    verdict = LanguageVerifier()([Sample(response=text, language=language)])[0]
    assert verdict.score is not None
    assert 0 <= verdict.score <= 1
    json.dumps(verdict.to_dict(), allow_nan=False)
