"""The user's question inside a prompt, without what a template says around it.

R1-Zero's template is English whatever the question is in, so the language of the whole prompt would say little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..sample import Message

_USER = re.compile(
    r"<\|im_start\|>user\n|<｜User｜>|<\|User\|>|<\|start_header_id\|>user<\|end_header_id\|>\s|<start_of_turn>user\n"
    r"|\[INST\]|(?:^|[\n.]\s{0,3})(?:User|Human)\s?[:：]"
)
_ASSISTANT = re.compile(
    r"<\|im_end\|>|<｜Assistant｜>|<\|Assistant\|>|<\|eot_id\|>|<end_of_turn>|\[/INST\]|(?:^|[\n.?!]\s{0,3})Assistant\s?[:：]"
)


def question(prompt: str | Sequence[Message]) -> str:
    r"""What the user said last; the whole prompt where no template is recognised.

    >>> question("A conversation between User and Assistant. User: Combien font 2 + 2 ? Assistant: <think>")
    ' Combien font 2 + 2 ?'
    """
    if not isinstance(prompt, str):
        users = [message.content for message in prompt if message.role == "user"]
        return users[-1] if users else "\n".join(message.content for message in prompt)
    starts = [match.end() for match in _USER.finditer(prompt)] or [0]
    answer = _ASSISTANT.search(prompt, starts[-1])
    if answer is None:
        return prompt[starts[-1] :]
    return prompt[starts[-1] : answer.start() + (answer[0][0] in ".?!")]
