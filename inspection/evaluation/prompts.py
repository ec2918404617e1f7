"""How a question is put to a model: Table 1 of the paper, and the texts of task cards filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from ...verifiers.errors import ConfigError
from ...verifiers.sample import Sample

PromptForm = Literal["chat", "r1_zero", "plain"]
"""A chat's messages, Table 1 of the paper, or the text as it is."""

R1_ZERO = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., "
    "<think> reasoning process here </think> <answer> answer here </answer>. User: {prompt}. Assistant:"
)
"""Table 1 of the paper."""

_FIELD = re.compile(r"\{([A-Za-z_][\w .\-\[\]]*)\}")


def as_messages(question: Sample, form: PromptForm) -> list[dict[str, str]]:
    """A question as messages; for `r1_zero` and `plain` the one that holds the text.

    >>> as_messages(Sample(response="", prompt="1+1?"), "chat")
    [{'role': 'user', 'content': '1+1?'}]
    """
    if form == "chat" and not isinstance(question.prompt, str):
        return [asdict(turn) for turn in question.prompt]
    text = question.prompt_text
    return [{"role": "user", "content": R1_ZERO.format(prompt=text) if form == "r1_zero" else text}]


def fill(template: str, value: Callable[[str], str | None]) -> str:
    r"""A text with what its `{names}` stand for; other braces are left as they are.

    Raises ConfigError for a name that stands for nothing.

    >>> fill(r"{prompt} Put it in \boxed{}.", {"prompt": "1+1?"}.get)
    '1+1? Put it in \\boxed{}.'
    """

    def replaced(match: re.Match[str]) -> str:
        text = value(match[1])
        if text is None:
            raise ConfigError(f"the row has no {match[1]!r}, which the card's prompt asks for")
        return text

    return _FIELD.sub(replaced, template)
