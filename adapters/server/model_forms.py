"""Forms in which reward models are asked elsewhere, so that this server can stand where such a server does.

| path | asked as in | answer |
| --- | --- | --- |
| /classify | vLLM; verl 0.9 `reward_loop.py`, `compute_score_disrm`, engine vllm | `data[-1].probs[-1]` |
| /pooling | vLLM; OpenRLHF's and our own `endpoint="pooling"` | `data[-1].data[-1]` |
| /v1/embeddings | SGLang; verl, engine sglang | `data[-1].embedding[-1]` |

Each is also below `/v1`. A dialogue comes as `messages` that end with the assistant, or as `input`: a text, or several,
laid out by a chat template. A text is read back into its turns only where one turn alone is the assistant's: of several
it is not known where the response begins, and what a model wrote could pass for the beginning. The number is the reward
as it is; who asks for its sigmoid (`use_activation: true`) is refused. Tokens are not counted, so there is no `usage`.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...scoring.work import Done, dump
from .forms import Form, Question, Refusal, Served, number_of, object_of, row_of

Turn = dict[str, str]


class _Layout(NamedTuple):
    """How a chat template lays turns out."""

    turn: re.Pattern[str]
    """A whole turn, with its role and its text."""
    assistant: str
    """What begins the assistant's turn."""
    ends: tuple[str, ...]
    """What ends a turn."""


_LAYOUTS = (
    # Qwen and others (ChatML); Llama 3; what `train-rm` saves with a model that has no template of its own.
    _Layout(
        re.compile(r"<\|im_start\|>(system|user)\n(.*?)<\|im_end\|>\n?", re.S),
        "<|im_start|>assistant\n",
        ("<|im_end|>", "<|endoftext|>"),
    ),
    _Layout(
        re.compile(r"<\|start_header_id\|>(system|user)<\|end_header_id\|>\n\n(.*?)<\|eot_id\|>", re.S),
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ("<|eot_id|>", "<|end_of_text|>"),
    ),
    _Layout(
        re.compile(r"(System|User):\n(.*?)\n\n(?=System:\n|User:\n|\Z)", re.S),
        "Assistant:\n",
        ("</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>"),
    ),
)
_BEGINNINGS = ("<|begin_of_text|>", "<|endoftext|>", "<s>", "<bos>")


def turns_of(text: str) -> tuple[list[Turn], str] | None:
    r"""The prompt's turns and the response of a laid-out text; None where they are not certain.

    >>> turns_of("<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n")
    ([{'role': 'user', 'content': '2 + 2?'}], '4')
    >>> turns_of("User:\nHi\n\nAssistant:\nYes\n\nAssistant:\nNo") is None
    True
    """
    for beginning in _BEGINNINGS:
        text = text.removeprefix(beginning)
    layouts = [layout for layout in _LAYOUTS if layout.assistant in text]
    # One layout's marks inside another's are a text that pretends.
    if len(layouts) != 1 or text.count(layouts[0].assistant) != 1:
        return None
    layout = layouts[0]
    before, _, response = text.partition(layout.assistant)
    turns, at = [], 0
    while at < len(before):
        turn = layout.turn.match(before, at)
        if turn is None:
            return None
        turns.append({"role": turn[1].lower(), "content": turn[2]})
        at = turn.end()
    if not turns or turns[-1]["role"] != "user":
        return None
    for end in (f"{end}{newline}" for end in layout.ends for newline in ("\n", "")):
        if response.endswith(end):
            response = response.removesuffix(end)
            break
    return None if layout.turn.search(response) else (turns, response)


def _asked(fields: Mapping[str, Any]) -> list[tuple[list[Turn], str]]:  # any: JSON values
    """The dialogues of a request. Raises Refusal."""
    for name in ("use_activation", "activation", "softmax"):
        if fields.get(name) is True:
            raise Refusal(422, "wrong_type", f"{name} is true; the reward is given as it is, so send {name}: false")
    if "messages" in fields:
        messages = fields["messages"]
        if not isinstance(messages, list) or not all(isinstance(turn, dict) for turn in messages):
            raise Refusal(422, "wrong_type", "messages must be a list of objects with role and content")
        last = messages[-1] if messages else {}
        if last.get("role") != "assistant" or not isinstance(last.get("content"), str):
            raise Refusal(422, "wrong_type", "messages must end with the assistant's text, which is what is judged")
        return [(messages[:-1], last["content"])]
    texts = fields.get("input", fields.get("text"))
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refusal(422, "missing_field", "send messages, or input: a text, or a list of texts")
    dialogues = []
    for at, text in enumerate(texts):
        turns = turns_of(text)
        if turns is None:
            raise Refusal(
                422,
                "wrong_type",
                f"input[{at}] is not laid out as ChatML, Llama 3 or by train-rm, or holds the beginning of more than "
                "one turn of the assistant, so that it is not known where the response begins; send messages",
            )
        dialogues.append(turns)
    return dialogues


def _form(prefix: str, item: Callable[[int, float], dict[str, Any]]) -> Form:  # any: JSON values
    def form(body: bytes, served: Served) -> Question:
        fields = object_of(body)
        dialogues = _asked(fields)
        rows = [
            row_of(served.names, at + 1, response=response, prompt=prompt)
            for at, (prompt, response) in enumerate(dialogues)
        ]
        model = fields.get("model")

        def answer(done: Sequence[Done]) -> bytes:
            data = [item(at, number_of(each, served)) for at, each in enumerate(done)]
            about = {"id": f"{prefix}-{secrets.token_hex(8)}", "object": "list", "created": int(time.time())}
            return dump({**about, "model": model if isinstance(model, str) else served.reward, "data": data})

        return Question(rows, answer)

    return form


classify_form = _form(
    "classify", lambda at, reward: {"index": at, "label": "LABEL_0", "probs": [reward], "num_classes": 1}
)
pooling_form = _form("pool", lambda at, reward: {"index": at, "object": "pooling", "data": [reward]})
embeddings_form = _form("embd", lambda at, reward: {"index": at, "object": "embedding", "embedding": [reward]})

MODEL_FORMS: Mapping[str, Form] = {
    "/classify": classify_form,
    "/pooling": pooling_form,
    "/v1/classify": classify_form,
    "/v1/pooling": pooling_form,
    "/v1/embeddings": embeddings_form,
}
"""Forms by path."""
