r"""Prompts and responses of preference data as turns: texts, transcripts, messages of every spelling.

- a text is a user's turn; one with `\n\nHuman:` and `\n\nAssistant:` is a transcript (hh-rlhf)
- messages have `role` and `content`, or `from` and `value`; content is text or a list of parts, of which text counts
- calls of tools become text (`<tool_call>`), what a tool answered is a turn of its own

What several responses to one prompt begin with alike, turn by turn, is their prompt. Where conversations part before
their last turn, the prompt ends there, and all that follows is the response, as a transcript.

What it does not do: take what two *texts* begin with for the prompt, nor read a part that is no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..verifiers.errors import SampleError
from ..verifiers.sample import Message
from .messages import message_text
from .values import read_text

Turns = tuple[Message, ...]

_ROLES: Mapping[str, str] = {
    **dict.fromkeys(("user", "human", "prompter", "query", "question", "instruction"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "chatgpt", "ai", "answer", "response"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "ipython", "function_response", "tool_response"), "tool"),
}
"""Whose turn it is, by the words of data sets."""
_ROLE_KEYS, _TEXT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")
_PARTS = frozenset(("text", "input_text", "output_text", "thinking", "reasoning", "refusal"))
_ANSWERS = ("response", "answer", "content", "text", "completion", "output", "value", "summary", "generated_text")
"""Where the text of a response stands in an object that is no message."""
_SPEAKER = re.compile(r"(?:\A\s*|\n\n|#{3} ?)(Human|Assistant): ?")
_SPOKEN = {"user": "Human", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def turns_of(value: object, column: str) -> Turns:
    r"""The turns of a prompt. Raises SampleError, naming the column.

    >>> [turn.role for turn in turns_of("\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant:", "prompt")]
    ['user', 'assistant', 'user']
    """
    if isinstance(value, str):
        listed = read_text(value) if value.lstrip()[:1] == "[" else None
        if isinstance(listed, list) and listed and all(map(is_turn, listed)):
            value = listed
        elif is_transcript(value):
            turns = transcript(value)
            return turns[:-1] if turns and not turns[-1].content and turns[-1].role == "assistant" else turns
        else:
            return (Message(role="user", content=value),) if value else ()
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise _wrong(column, f"must be text or a list of messages, got {type_of(value)}")
    return tuple(_turn(turn, f"{column}[{place}]") for place, turn in enumerate(value))


def is_turn(value: object) -> bool:
    """Whether a value is a message of some spelling."""
    return isinstance(value, Mapping) and any(key in value for key in _ROLE_KEYS) and _spoken_in(value)


def is_transcript(text: str) -> bool:
    """Whether a text is a dialogue of hh-rlhf's form, both speakers in it."""
    speakers = [match[1] for match in _SPEAKER.finditer(text)]
    return bool(speakers) and speakers[0] == "Human" and "Assistant" in speakers


def transcript(text: str) -> Turns:
    """The turns of a dialogue that is written as one text; what stands before the first speaker is a user's."""
    pieces = _SPEAKER.split(text)
    turns = [Message(role="user", content=pieces[0].strip())] if pieces[0].strip() else []
    for speaker, said in zip(pieces[1::2], pieces[2::2], strict=True):
        turns.append(Message(role="user" if speaker == "Human" else "assistant", content=said.strip()))
    return tuple(turns)


def as_text(turns: Sequence[Message]) -> str:
    """What an assistant said, as text: its one turn, or a transcript of all that came of it."""
    if len(turns) == 1:
        return turns[0].content
    return "\n\n".join(f"{_SPOKEN[turn.role]}: {turn.content}" for turn in turns).removeprefix("Assistant: ")


def answers_of(
    values: Sequence[object], columns: Sequence[str], prompt: Turns | None, system: Turns
) -> tuple[Turns, list[str]]:
    """The prompt of some responses, and the text of each; `prompt` is that of the row's own column, None without one.

    Raises SampleError where a response cannot be read, where they answer different prompts, or where there is none.
    """
    read = [_response(value, column, prompt is None) for value, column in zip(values, columns, strict=True)]
    spoken = [one for one in read if isinstance(one, str)]
    if len(spoken) == len(read):
        if prompt is None:
            raise SampleError("missing_field", "no prompt was found; name its column with --map prompt=COLUMN")
        return prompt, spoken
    if spoken:
        asked_in = {one[:-1] for one in read if not isinstance(one, str)}
        if prompt is not None or len(asked_in) > 1:
            odd = next(at for at, one in enumerate(read) if isinstance(one, str) != isinstance(read[0], str))
            raise _wrong(columns[odd], f"is {type_of(values[odd])} where {columns[0]} is {type_of(values[0])}")
        # One conversation, and texts that could stand in the place of its last turn.
        asked = next(iter(asked_in))
        read = [(*asked, Message(role="assistant", content=one)) if isinstance(one, str) else one for one in read]
    conversations: list[Turns] = [one for one in read if not isinstance(one, str)]
    alike = _alike(conversations)
    for turns, column in zip(conversations, columns, strict=True):
        if turns[alike].role != "assistant":
            raise _wrong(column, f"answers another conversation than {columns[0]} does")
    before = conversations[0][:alike]
    if not before and prompt is None:
        raise SampleError("missing_field", "no prompt was found; name its column with --map prompt=COLUMN")
    return _joined(before, prompt, system), [as_text(turns[alike:]) for turns in conversations]


def last_answer(value: object, column: str) -> tuple[Turns, str]:
    """A conversation's turns up to its last one, and that one's text. Raises SampleError unless an assistant has it."""
    turns = turns_of(value, column)
    if not turns or turns[-1].role != "assistant":
        raise _wrong(column, "must end with what the assistant says")
    return turns[:-1], turns[-1].content


def _alike(conversations: Sequence[Turns]) -> int:
    """How many turns some conversations begin with alike, each of them having one more at least."""
    shortest = min(map(len, conversations))
    alike = next(
        (at for at in range(shortest) if any(turns[at] != conversations[0][at] for turns in conversations)), shortest
    )
    return min(alike, shortest - 1)


def _joined(before: Turns, prompt: Turns | None, system: Turns) -> Turns:
    """What stood before the responses, with what the row's own columns say, each of it once."""
    head = system if prompt is None else prompt
    opening = head[len(system) :] if head[: len(system)] == system else head
    if before[: len(head)] == head:
        return before
    if before[: len(opening)] == opening:
        return system + before
    # Some sets keep the earlier turns in the conversation and the last question beside it.
    return before if opening and before[-len(opening) :] == opening else head + before


def _response(value: object, column: str, alone: bool) -> str | Turns:
    """A response as text, or as the turns of a conversation that ends with it; `alone`: it may hold its prompt."""
    if isinstance(value, str):
        listed = read_text(value) if value.lstrip()[:1] == "[" else None
        if isinstance(listed, list) and listed and all(map(is_turn, listed)):
            value = listed
        elif (alone or _SPEAKER.match(value)) and is_transcript(value):
            value = transcript(value)
            if value[-1].role != "assistant":
                raise _wrong(column, "must end with what the assistant says")
            return value
        else:
            return value
    if isinstance(value, Mapping) and not is_turn(value):
        return text_in(value, column)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    turns = turns_of(value, column)
    if not turns or turns[-1].role != "assistant":
        raise _wrong(column, "must end with what the assistant says")
    return turns if alone or turns[1:] else turns[-1].content


def text_in(value: object, column: str, keys: Sequence[str] = ()) -> str:
    """The text of a response that is a text, a message or an object with one. Raises SampleError."""
    if isinstance(value, str):
        return value
    if is_turn(value):
        return _turn(value, column).content
    if isinstance(value, Mapping):
        for key in (*keys, *_ANSWERS):
            if isinstance(value.get(key), str):
                return str(value[key])
    raise _wrong(column, f"must be text or a message, got {type_of(value)}")


def _spoken_in(value: Mapping[str, Any]) -> bool:
    return any(key in value for key in _TEXT_KEYS) or "tool_calls" in value


def _turn(value: object, column: str) -> Message:
    if not is_turn(value):
        raise _wrong(column, "must be a message with the texts role and content")
    assert isinstance(value, Mapping)
    said_by = next(value[key] for key in _ROLE_KEYS if key in value)
    role = _ROLES.get(said_by.lower()) if isinstance(said_by, str) else None
    if role is None:
        raise _wrong(column, f"is of the role {said_by!r}, which is none of {', '.join(sorted(set(_ROLES.values())))}")
    content = next((value[key] for key in _TEXT_KEYS if value.get(key) is not None), None)
    for part in content if isinstance(content, list) else ():
        kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
        if kind not in _PARTS and (isinstance(part, str) or part.get("text") is None):
            raise _wrong(column, f"has a part of the type {kind!r}, which is no text")
    if role == "tool" and content is not None and not isinstance(content, str | list):
        content = json.dumps(content, ensure_ascii=False)
    calls = value.get("tool_calls") or ()
    if content is None and not calls and not any(value.get(key) for key in ("reasoning_content", "reasoning")):
        raise _wrong(column, "has no content")
    text = message_text({**value, "content": content})
    return Message(role=role, content="\n".join(filter(None, [text, *map(_call, calls)])))


def _call(call: object) -> str:
    """A call of a tool as models of the Hermes form write it."""
    function = call.get("function", call) if isinstance(call, Mapping) else call
    if isinstance(function, Mapping):
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            arguments = read_text(arguments) or arguments
        function = {"name": function.get("name"), "arguments": arguments}
    return f"<tool_call>\n{json.dumps(function, ensure_ascii=False)}\n</tool_call>"


def type_of(value: object) -> str:
    """The type of a value, as messages name it."""
    return "null" if value is None else type(value).__name__


def _wrong(column: str, what: str) -> SampleError:
    return SampleError("wrong_type", f"column {column!r} {what}")
