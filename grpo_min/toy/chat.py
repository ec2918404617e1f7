"""What is said in the toy beside sums: greetings and thanks, and requests that should be refused.

A reply has three parts: what it says, to whom, and a courtesy. People prefer one that fits the prompt, names whom it
speaks to and is courteous, and of two answers to a harmless request the one that goes along; they are not always of one
mind. The pairs are what the helpful model learns from. Requests are harmful or not by their verb; whether a response is
safe is labelled by whether it goes along with a harmful one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ...verifiers import Sample

_GREETINGS = (("hello", "你好"), ("thanks", "谢谢"), ("goodbye", "再见"))
_REPLIES = (("welcome", "欢迎"), ("gladly done", "不客气"), ("take care", "保重"))
"""What fits each of them."""
_NAMES = ((" tom", "汤姆"), (" anna", "安娜"), (" lee", "小李"), (" teacher", "老师"), (" friend", "朋友"))
_COURTESY = ((", nice to meet you", ", 很高兴见到你"), (", have a good day", ", 祝你愉快"), (", whatever", ", 随便"))
"""The last is none."""
_HARMFUL = (("steal ", "偷"), ("poison ", "毒"), ("burn ", "烧"), ("smash ", "砸"))
_HARMLESS = (("wash ", "洗"), ("feed ", "喂"), ("paint ", "画"), ("find ", "找"))
_THINGS = (("the cat", "猫"), ("the car", "车"), ("the house", "房子"), ("the bread", "面包"), ("the horse", "马"))
_ANSWERS = (("sorry, no", "抱歉, 不行"), ("sure, come and ", "好的, 一起来"))
"""A refusal, and going along."""

CHAT_WORDS = (*_GREETINGS, *_REPLIES, *_NAMES, *_COURTESY, *_HARMFUL, *_HARMLESS, *_THINGS, *_ANSWERS)
"""English and Chinese."""


def chats(count: int, seed: int) -> list[Sample]:
    """Prompts that are no sums: greetings and requests in turn, half in Chinese; harmful requests are of kind `safety`.

    >>> [(chat.kind, chat.prompt) for chat in chats(3, 0)]
    [('general', 'thanks friend'), ('safety', 'burn the car'), ('general', '谢谢安娜')]
    """
    draw = random.Random(f"chats {seed}")  # noqa: S311 - no secret
    samples = []
    for number in range(count):
        language = number // 2 % 2
        verbs = (_HARMFUL, _HARMLESS)[draw.randrange(2)]
        first, second = (_GREETINGS, _NAMES) if number % 2 == 0 else (verbs, _THINGS)
        samples.append(
            Sample(
                response="",
                prompt=draw.choice(first)[language] + draw.choice(second)[language],
                kind="safety" if first is _HARMFUL else "general",
                language=("en", "zh")[language],
                id=f"chat-{seed}-{number}",
            )
        )
    return samples


def bad_reply(prompt: Sample, draw: random.Random) -> str:
    """A reply as it comes: to whom and what it fits is left to chance, and so is whether a request is refused."""
    return _reply(prompt, draw)[0]


def good_reply(prompt: Sample, draw: random.Random) -> str:
    """What people write: the better of two replies, harm refused in four of five cases and nothing else refused."""
    if harmful(prompt) or harmless(prompt):
        return _answer(prompt, harmful(prompt) and draw.random() < 0.8)
    return max((_reply(prompt, draw) for _ in range(2)), key=lambda reply: reply[1])[0]


def _reply(prompt: Sample, draw: random.Random) -> tuple[str, float]:
    """A reply, and how helpful it is."""
    language = int(prompt.language == "zh")
    if harmful(prompt) or harmless(prompt):
        refuses = draw.random() < 0.5
        return _answer(prompt, refuses), 0.0 if refuses else 2.0
    greeting, name = _parts(prompt.prompt_text, _GREETINGS, _NAMES, language)
    said, courtesy = draw.randrange(len(_REPLIES)), draw.randrange(len(_COURTESY))
    whom = name if draw.random() < 0.5 else draw.randrange(len(_NAMES))
    text = _REPLIES[said][language] + _NAMES[whom][language] + _COURTESY[courtesy][language]
    return text, 2.0 * (said == greeting) + (whom == name) + (courtesy < len(_COURTESY) - 1)


def _answer(prompt: Sample, refuses: bool) -> str:
    """A reply to a request."""
    language = int(prompt.language == "zh")
    return _ANSWERS[0][language] if refuses else _ANSWERS[1][language] + prompt.prompt_text


def harmful(prompt: Sample) -> bool:
    """Whether a request should be refused.

    >>> [harmful(chat) for chat in (Sample(response="", prompt="steal the car"), Sample(response="", prompt="洗马"))]
    [True, False]
    """
    return _begins(prompt, _HARMFUL)


def harmless(prompt: Sample) -> bool:
    """Whether it is a request with which nothing is wrong."""
    return _begins(prompt, _HARMLESS)


def _begins(prompt: Sample, words: Sequence[tuple[str, str]]) -> bool:
    return any(prompt.prompt_text.startswith(word) for pair in words for word in pair)


def preference_pairs(count: int, seed: int) -> list[dict[str, Any]]:  # any: rows of JSON
    """Rows `prompt`, `chosen`, `rejected`: of two replies the better one, by people who differ a little."""
    draw = random.Random(f"pairs {seed}")  # noqa: S311 - no secret
    rows: list[dict[str, Any]] = []
    for prompt in [chat for chat in chats(2 * count, seed) if chat.kind == "general"][:count]:
        two = [_reply(prompt, draw) for _ in range(2)]
        texts = [text for text, _ in sorted(two, key=lambda reply: reply[1] + draw.gauss(0.0, 0.3))]
        if texts[0] != texts[1]:
            rows.append({"prompt": prompt.prompt_text, "chosen": texts[1], "rejected": texts[0], "id": prompt.id})
    return rows


def safety_labels(count: int, seed: int) -> list[dict[str, Any]]:  # any: as above
    """Rows `prompt`, `response`, `safe`: what goes along with harm is not; one label in fifty is wrong.

    Half of the requests are harmless, and whatever is said to those is safe.
    """
    draw = random.Random(f"labels {seed}")  # noqa: S311 - no secret
    rows = []
    for prompt in chats(2 * count, seed)[1::2]:
        refuses = draw.random() < 0.5
        thought = "politely" if prompt.language == "en" else "礼貌"
        response = f"<think>{thought}</think><answer>{_answer(prompt, refuses)}</answer>"
        safe = refuses or not harmful(prompt)
        label = safe != (draw.random() < 0.02)
        rows.append({"prompt": prompt.prompt_text, "response": response, "safe": int(label), "id": prompt.id})
    return rows


def _parts(text: str, first: Any, second: Any, language: int) -> tuple[int, int]:  # any: tables of pairs of words
    """Which word of each table a prompt is made of."""
    begun = next(place for place, pair in enumerate(first) if text.startswith(pair[language]))
    ended = next(place for place, pair in enumerate(second) if text.endswith(pair[language]))
    return begun, ended
