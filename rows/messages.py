"""Messages as chat interfaces write them: the text of the last assistant turn, and the turns that asked for it.

What is read: OpenAI's `role` and `content`, ShareGPT's `from` and `value`, Gemini's `parts`, lists of blocks, thinking
that was parsed off (`reasoning_content`), and the items of an OpenAI Responses object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ..verifiers.errors import SampleError
from ..verifiers.reasoning import ends_in_think

REASONING = ("reasoning_content", "reasoning", "thinking")
_SPEAKERS = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant"}


REPLIES = (
    *("content", "text", "output_text", "generated_text", "continuation", "output", "response", "generation"),
    *("completion", "model_response", "prediction", "model_output"),
)
"""Under which an object that is no message keeps the text of a response."""
_SAID = frozenset((*REASONING, "content", "value", "parts", "tool_calls", "function_call", "refusal", "audio", "type"))
_SPOKEN = frozenset(("role", "from", "content"))


def response_text(completion: object, *, opened: bool = False) -> str:
    """What the model wrote last: the text itself, or the text of the last assistant message.

    `opened` says that the prompt gave the opening `<think>`, so that thinking which was parsed off gets none.
    Raises SampleError for what is neither.

    >>> response_text([{"role": "assistant", "content": "let me look"}, {"role": "tool", "content": "42"},
    ...                {"role": "assistant", "content": None}])
    ''
    """
    if completion is None:
        return ""
    if isinstance(completion, str):
        return str(completion)
    turns = [completion] if isinstance(completion, Mapping) else completion
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise SampleError("wrong_type", f"a completion must be text or messages, got {_type(completion)}")
    if any(turn.get("type") in ("message", "reasoning", "function_call") and "role" not in turn for turn in turns):
        turns = reply_of(turns)
    if turns and all(
        ("text" in turn or "thinking" in turn) and not turn.keys() & {"role", "from", "content"} for turn in turns
    ):
        turns = [{"role": "assistant", "content": turns}]  # the blocks of one message
    last = next((turn for turn in reversed(turns) if _role(turn, "assistant") == "assistant"), None)
    return "" if last is None else message_text(last, opened)


def is_message(value: object) -> bool:
    """Whether a value is one turn of a conversation."""
    return isinstance(value, Mapping) and (
        ("role" in value and ("content" in value or "tool_calls" in value or "reasoning_content" in value))
        or ("from" in value and "value" in value)
        or isinstance(value.get("parts"), list)
    )


def is_conversation(value: object) -> TypeGuard[list[Mapping[str, Any]]]:
    """Whether a value is a list of turns."""
    return isinstance(value, list) and bool(value) and all(map(is_message, value))


def split_conversation(turns: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The turns that asked, and the turns after the last one of a user, which are the model's.

    >>> split_conversation([{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}])[1]
    [{'role': 'assistant', 'content': '4'}]
    """
    plain = [as_message(turn) for turn in turns]
    end = max((at + 1 for at, turn in enumerate(plain) if turn["role"] in ("user", "system", "developer")), default=0)
    return plain[:end], plain[end:]


def as_message(turn: Mapping[str, Any]) -> dict[str, Any]:  # any: a message's fields
    """A turn with `role` and `content`, whatever its own names are."""
    if isinstance(turn.get("parts"), list):
        return {"role": _role(turn, "user"), "content": turn["parts"]}
    if "role" in turn:
        return dict(turn)
    return {"role": _role(turn, "user"), "content": turn.get("value")}


def reply_of(items: Sequence[object]) -> list[dict[str, Any]]:  # any: a message's fields
    """The last message of an OpenAI Responses object, with the reasoning that went before it; empty where a call
    comes after it, since what came before a call is not the answer."""
    message: dict[str, Any] | None = None
    thinking = ""
    for item in items:
        if not isinstance(item, Mapping):
            continue
        if item.get("type") == "reasoning":
            thinking = block_texts(item.get("content")) or block_texts(item.get("summary"))
        elif item.get("type") == "message" and item.get("role", "assistant") == "assistant":
            message = {"role": "assistant", "content": item.get("content"), "reasoning_content": thinking}
            thinking = ""
        elif item.get("type") == "function_call":
            message = None
    return [] if message is None else [message]


def _role(turn: Mapping[str, Any], default: str) -> str:
    role = turn.get("role")
    if role is None:
        role = turn.get("from", default)
    return str(_SPEAKERS.get(str(role).lower(), role))


def message_text(message: Mapping[str, object], opened: bool = False) -> str:
    """The text of a message, its blocks and its reasoning included. Raises SampleError for content that is none."""
    if not message.keys() & _SAID:
        name = next((name for name in REPLIES if isinstance(message.get(name), str)), None)
        if name is None and message.keys() - {"role", "from"}:
            shown = ", ".join(map(str, list(message)[:8]))
            raise SampleError("wrong_type", f"a message must have content, got one with the fields {shown}")
        return "" if name is None else str(message[name])
    content = message.get("content", message.get("value") if "from" in message else message.get("parts"))
    thinking = next((message[k] for k in REASONING if message.get(k)), None)
    if isinstance(content, str):
        text = content
    elif content is None:
        text = ""
    elif isinstance(content, Mapping | Sequence):
        blocks = [content] if isinstance(content, Mapping) else content
        text = "".join(block if isinstance(block, str) else _said(block) for block in blocks)
        thinking = thinking or "".join(map(_thought, blocks))
    else:
        raise SampleError("wrong_type", f"content must be text, blocks or None, got {_type(content)}")
    if isinstance(thinking, str) and thinking and "</think>" not in text:
        return f"{'' if opened else '<think>'}{thinking}</think>{text}"
    return text


def block_texts(blocks: object) -> str:
    """The text of a list of blocks; none of anything else."""
    return "".join(_block(block, "text") for block in blocks) if isinstance(blocks, list | tuple) else ""


def _said(block: object) -> str:
    return "" if _is_thought(block) else _block(block, "text")


def _thought(block: object) -> str:
    if _is_thought(block):
        return _block(block, "text")
    return _block(block, "thinking") or _block(block, "reasoning")


def _is_thought(block: object) -> bool:
    """Whether a part of Gemini's is thinking."""
    return isinstance(block, Mapping) and block.get("thought") is True


def _block(block: object, key: str) -> str:
    value = block.get(key) if isinstance(block, Mapping) else None
    return value if isinstance(value, str) else ""


def prefilled_by(tokenizer: Any, **template: Any) -> bool:  # any: a tokenizer, and its template's own arguments
    """Whether a tokenizer's chat template ends its prompts in `<think>`.

    Trainers that keep prompts as messages do not show what the template adds, so ask it once.

    Args:
        tokenizer: One of transformers, with `apply_chat_template`.
        **template: Arguments of the template, such as `enable_thinking=False`.

    Returns:
        What to pass as `prefilled`.
    """
    turns = [{"role": "user", "content": "?"}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **template)
    return ends_in_think(str(prompt))


def _type(value: object) -> str:
    return "null" if value is None else type(value).__name__
