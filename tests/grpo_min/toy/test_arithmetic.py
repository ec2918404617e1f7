"""The toy world: text that goes through its tokenizer and comes back, and that the project's verifiers can judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from r1_reward.grpo_min.toy.arithmetic import (
    DemonstratorNoise,
    human_replies,
    in_language,
    noisy_corpus,
    sums,
    toy_model,
    toy_tokenizer,
)
from r1_reward.grpo_min.toy.chat import chats, harmful, harmless, preference_pairs, safety_labels
from r1_reward.verifiers import Sample
from r1_reward.verifiers.reward import rl1

PERFECT = DemonstratorNoise(guesses=0, second_thoughts=0.5, errors=0, second_errors=0, foreign=0, broken=0, chats=0)


def test_every_text_of_the_world_is_made_of_its_words() -> None:
    tokenizer = toy_tokenizer()
    texts = [
        text
        for question, answer in noisy_corpus(400, 0, DemonstratorNoise())
        for text in (question.prompt_text, answer)
    ]
    texts += [text for row in preference_pairs(200, 0) for text in (row["prompt"], row["chosen"], row["rejected"])]
    texts += [text for row in safety_labels(200, 0) for text in (row["prompt"], row["response"])]
    for text in texts:
        tokens = tokenizer.encode(text)
        assert tokenizer.unk_token_id not in tokens, text
        assert tokenizer.decode(tokens) == text


def test_a_saved_checkpoint_comes_back_with_the_same_words(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    toy_model(tokenizer, width=8, layers=1, seed=0).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    read = AutoTokenizer.from_pretrained(tmp_path)
    assert read.encode("加12和30, wait") == tokenizer.encode("加12和30, wait")


def test_perfect_reasoning_is_judged_perfect_by_the_projects_own_verifiers() -> None:
    samples = [replace(question, response=text) for question, text in noisy_corpus(200, 1, PERFECT)]
    assert {verdict.score for verdict in rl1()(samples)} == {3.0}
    assert {sample.language for sample in samples} == {"en", "zh"}


@pytest.mark.parametrize(
    ("habit", "part"), [("errors", "math"), ("guesses", "math"), ("broken", "format"), ("foreign", "language")]
)
def test_each_bad_habit_costs_its_own_part_of_the_reward(habit: str, part: str) -> None:
    corpus = noisy_corpus(200, 2, replace(PERFECT, **{habit: 0.5}))
    verdicts = rl1()([replace(question, response=text) for question, text in corpus])
    mean = {name: sum(verdict.parts[name] for verdict in verdicts) / 200 for name in ("math", "format", "language")}
    assert mean[part] < 0.9
    # A tag that is lost may take the answer with it; nothing else touches another part.
    assert all(value == 1.0 for name, value in mean.items() if name != part and (habit, name) != ("broken", "math"))


def test_the_rewriter_leaves_numbers_and_tags_alone_and_the_words_in_one_language() -> None:
    corpus = noisy_corpus(100, 3, replace(PERFECT, foreign=0.5))
    for question, text in corpus:
        assert question.language is not None
        rewritten = replace(question, response=in_language(text, question.language))
        assert rl1()([rewritten])[0].score == 3.0
        assert [c for c in rewritten.response if c.isdigit()] == [c for c in text if c.isdigit()]


def test_people_refuse_harm_most_of_the_time_and_nothing_else() -> None:
    replies = human_replies(800, 0)
    refused = {reply.id for reply in replies if "sorry" in reply.response or "抱歉" in reply.response}
    harm = {reply.id for reply in replies if harmful(reply)}
    assert refused < harm
    assert 0.7 < len(refused) / len(harm) < 0.9


def test_harmful_requests_alone_are_the_safety_models() -> None:
    asked = chats(400, 0)
    assert {chat.kind for chat in asked if harmful(chat)} == {"safety"}
    assert {chat.kind for chat in asked if not harmful(chat)} == {"general"}
    assert sum(map(harmful, asked)) in range(80, 120)
    assert sum(map(harmless, asked)) in range(80, 120)


def test_who_helps_is_preferred() -> None:
    pairs = preference_pairs(400, 0)
    requests = [row for row in pairs if harmless(Sample(response="", prompt=row["prompt"]))]
    assert 40 < len(requests) < len(pairs)
    for row in requests:
        assert row["prompt"] in row["chosen"]
        assert row["prompt"] not in row["rejected"]


def test_questions_and_prompts_of_two_seeds_differ_and_of_one_seed_do_not() -> None:
    assert sums(20, 1) == sums(20, 1) != sums(20, 2)
    assert chats(20, 1) == chats(20, 1) != chats(20, 2)
