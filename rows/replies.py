"""A response that is no text: objects with the text under a usual name, completions of OpenAI, lists of either.

| what stands there | becomes |
| --- | --- |
| `{"choices": [{"message": ...}]}`, a completion of OpenAI | the message; of several choices one response each |
| `{"text": "..."}`, `{"continuation": "..."}` and other usual names | the text (`messages.text_in`) |
| `{"0": {"content": ...}}`, as SkyThought has it | a response for each number |
| a list as JSON text | the list |

What is none of these is an error that names the `--map`; it is never judged as its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..verifiers.errors import SampleError
from .aliases import CONVERSATIONS, PAIRED, SHORT
from .messages import REASONING, REPLIES, is_conversation, is_message, response_text, split_conversation
from .options import prompt_options
from .values import Row, read_text

_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_LIKELIHOOD = re.compile(r"-?(?:\d{1,9}(?:\.\d{1,30})?(?:e[-+]?\d{1,3})?|inf)")
_BARE = 40
"""Longest text that may be an answer taken out of a response, in characters."""
_WRONG = ("Incorrect Answer 1", "incorrect_answer_1", "Incorrect Answer")
_LETTER = re.compile(
    r"(?:boxed\{\s*(?:\\\w+\{)?\(?([A-J])\)?\}|(?:^|answer\W+(?:is\W+)?)\(?([A-J])\)?\W*$)", re.IGNORECASE
)


def choices_of(value: Any) -> list[Any] | None:  # any: JSON values
    """The messages or texts of a completion's `choices`; None for what are no choices of a model.

    >>> choices_of([{"index": 0, "text": "4"}]), choices_of([{"label": "A", "text": "4"}])
    (['4'], None)
    """
    if not isinstance(value, list) or not value or not all(isinstance(choice, Mapping) for choice in value):
        return None
    if all(is_message(choice.get("message")) for choice in value):
        return [choice["message"] for choice in value]
    if all(isinstance(choice.get("text"), str) and {"index", "finish_reason"} & choice.keys() for choice in value):
        return [choice["text"] for choice in value]
    return None


def several_of(value: Any) -> Any:  # any: JSON values
    """Several responses as a list, where they stand as JSON text, under numbers or as choices; else what came."""
    if isinstance(value, str):
        read = read_text(value)
        return read if isinstance(read, list) and read else value
    if isinstance(value, list) and value and all(map(_is_likelihood, value)):
        raise SampleError(
            "wrong_type",
            "the row holds the log-likelihood of each option and no text that a model wrote: there is no response to "
            "judge; run the task with generated answers",
        )
    if isinstance(value, Mapping) and value:
        if all(_NUMBER.fullmatch(key) and isinstance(item, Mapping) for key, item in value.items()):
            texts = [item.get("content") for item in value.values()]
            return texts if all(isinstance(text, str) for text in texts) else value
        return choices_of(value.get("choices")) or value
    return value


def _is_likelihood(value: object) -> bool:
    """Whether a value is what lm-eval writes of an option: its log-likelihood, and whether it is the greedy one."""
    if not isinstance(value, list) or len(value) != 2 or str(value[1]) not in ("True", "False"):
        return False
    return isinstance(value[0], float) or (isinstance(value[0], str) and _LIKELIHOOD.fullmatch(value[0]) is not None)


def may_speak(value: object) -> bool:
    """Whether a value under a usual name of a response may be one: text, messages, an object with a text in it."""
    if isinstance(value, Mapping):
        return is_message(value) or not value.keys().isdisjoint(_SPEAKING)
    return isinstance(value, str | list)


def bare_message(row: Row) -> dict[str, Any] | None:  # any: a message's fields
    """The message whose fields a row has as columns: `content` beside `reasoning_content`.

    >>> bare_message({"content": "4", "reasoning_content": "2 + 2"}), bare_message({"content": "4"})
    ({'role': 'assistant', 'content': '4', 'reasoning_content': '2 + 2'}, None)
    """
    thinking = next((row[name] for name in REASONING if isinstance(row.get(name), str)), None)
    if thinking is None or not isinstance(row.get("content"), str):
        return None
    return {"role": "assistant", "content": row["content"], "reasoning_content": thinking}


def fuller(value: str, other: str) -> bool:
    """Whether a text is the response of which a short one is the answer.

    >>> fuller("42", "It is 42."), fuller(r"\\boxed{42}", r"So \\boxed{42}"), fuller("41", "It is 42.")
    (True, False, False)
    """
    return len(value) <= _BARE and value != other and value.strip() in other and "boxed" not in value


def of_number(row: Row, path: str, value: float, named: Mapping[str, str | None]) -> tuple[str, Any]:
    """The response where its usual name holds a number, which is one where the user named it. Raises SampleError where
    it is the answer alone.

    >>> of_number({"pred": 4}, "pred", 4, {"response": "pred"})
    ('pred', '4')
    """
    if isinstance(value, bool) or (path not in SHORT and path not in named.values()):
        return path, value
    if path in named.values():
        return path, str(value)
    other = "text" if isinstance(row.get("text"), str) and str(value) in row["text"].replace(",", "") else path
    raise SampleError(
        "ambiguous_response",
        f"{path} is the number of an answer, and the response that it was taken from has no usual name; "
        f"--map response={other} --set math.extraction=lenient takes {other} as the response",
    )


def check_letter(row: Row, gold: object, response: str) -> None:
    """Raise SampleError where a response names a letter of options whose order the row does not hold, as GPQA's, and
    where it names a letter of the prompt's options while the gold is the number of one."""
    named = None if _is_letter(gold) else _LETTER.search(response[-200:])
    if named is None:
        return
    options = prompt_options(row)
    letter = (named[1] or named[2]).upper()
    if letter in options and not isinstance(gold, list) and str(gold).strip() in options.values():
        raise SampleError(
            "ambiguous_label",
            "the response names a letter of the prompt's options, and the gold is the text of one: say its letter",
        )
    if any(isinstance(row.get(name), str) for name in _WRONG):
        raise SampleError(
            "ambiguous_label",
            "the response names a letter, and the row holds its options in no order: say the letter of the right one "
            "with --map reference=COLUMN",
        )


def check_turns(row: Row, column: str, turns: Any) -> None:  # any: messages
    """Raise SampleError where another column holds a conversation with another last turn: one of them may be the
    gold's, as OpenThoughts keeps the data set's solution in `messages` and the model's in `conversations`."""
    for other in CONVERSATIONS:
        if other == column or not is_conversation(row.get(other)):
            continue
        theirs = split_conversation(row[other])[1]
        if theirs and response_text(theirs) != response_text(turns):
            raise SampleError(
                "ambiguous_response",
                f"{column} and {other} both may hold the response; --map response={column} says so",
            )


def check_replies(
    responses: list[Any],  # any: texts or messages
    fields: Row,
    sources: Mapping[str, str],
    named: Mapping[str, str | None],
) -> None:
    """Raise SampleError where it is open whether each response has a gold of its own, and where an answer taken out of
    a response stands for it without the box that mathematics looks for. `sources` are where the row's fields stood,
    `named` those that the user named."""
    where, golds = sources.get("reference"), fields.get("reference")
    paired = where in PAIRED and "reference" not in named
    if paired and isinstance(golds, list) and len(golds) == len(responses) > 1:
        raise SampleError(
            "ambiguous_label",
            f"{where} holds as many golds as {sources.get('responses') or 'responses'} responses: one each, or any of "
            f"them for all? --map reference={where} says any; for one each give each response a row",
        )
    where, said = sources.get("response"), responses[0] if responses else None
    short = where in SHORT and "response" not in named and golds is not None
    if short and isinstance(said, str) and "boxed" not in said and fields.get("kind") in (None, "math"):
        raise SampleError(
            "ambiguous_response",
            f"{where} is an answer without a box, and the response that it was taken from is not there; "
            f"--map response={where} --set math.extraction=lenient takes it as the response",
        )


def _is_letter(gold: object) -> bool:
    return isinstance(gold, str) and re.fullmatch(r"\s*\(?[A-Ja-j]\)?\.?\s*", gold) is not None


def reply_text(response: Any, where: str, opened: bool) -> str:  # any: text or messages
    """The text of a response that is no string. Raises SampleError, with the `--map` where one may help."""
    if response == []:
        raise SampleError("missing_field", f"{where} is empty: no response was made")
    if response is None or not isinstance(response, Mapping | list):
        raise SampleError("wrong_type", f"{where} must be a string, got {_type(response)}")
    if isinstance(response, Mapping):
        return response_text(response, opened=opened) if is_message(response) else _said(response, where, opened)
    if not all(isinstance(turn, Mapping) for turn in response):
        inner = next(turn for turn in response if not isinstance(turn, Mapping))
        raise SampleError("wrong_type", f"{where} must be a string or messages, got a list with {_type(inner)}")
    if not any(turn.get("role", turn.get("from", "assistant")) not in _ASKING for turn in response):
        raise SampleError("missing_field", f"{where} has no turn of an assistant")
    bare = [turn for turn in response if not turn.keys() & _TURN]
    if bare and len(response) > 1:
        name = next((name for name in REPLIES if isinstance(bare[0].get(name), str)), None)
        way = "" if name is None else f"; --map responses={where}[*].{name} reads each as a response"
        raise SampleError("wrong_type", f"{where} is a list of {len(response)} objects that are no messages{way}")
    return _said(bare[0], f"{where}[0]", opened) if bare else response_text(response, opened=opened)


_SPEAKING = frozenset((*REPLIES, "choices", "message", "candidates", "items", "content", "parts"))
_ASKING = ("user", "system", "tool", "human")
_TURN = frozenset(("role", "from", "type", "parts", "content", "text", "thinking", "reasoning_content"))
"""Fields of which turns and blocks have one."""


def _said(value: Mapping[str, Any], where: str, opened: bool) -> str:
    texts = choices_of(value.get("choices"))
    if texts is not None and len(texts) == 1:
        return response_text(texts[0], opened=opened)
    if is_message(value.get("message")):
        return response_text(value["message"], opened=opened)
    names = [name for name in REPLIES if isinstance(value.get(name), str)]
    if len({value[name] for name in names}) > 1:
        raise SampleError(
            "ambiguous_response",
            f"{where}.{names[0]} and {where}.{names[1]} both may be the response; "
            f"--map response={where}.{names[0]} says so",
        )
    if names:
        return str(value[names[0]])
    for name in REPLIES:
        if isinstance(value.get(name), list | Mapping) and value[name]:
            return reply_text(value[name], f"{where}.{name}", opened)
    shown = ", ".join(map(str, list(value)[:8])) or "none"
    way = next((name for name, item in value.items() if isinstance(item, str)), None)
    hint = "" if way is None else f"; --map response={where}.{way} reads one of them"
    raise SampleError("wrong_type", f"{where} must be a string, got an object with the fields {shown}{hint}")


def _type(value: object) -> str:
    return "null" if value is None else type(value).__name__
