"""What the host asks the harness for, and what comes back, as values of the host.

value       the call returned this
passed      the test code ran to its end
raised      the call or the test raised: a text
unplain     something that is no plain value: a text, and where a call returned it, whether it is true
nothing     the test code ran to its end, and neither called nor asserted anything: a text
unfit       the test itself handed the program what no message can carry: a text
entry       the program has nothing of the wanted name: a text
arguments   the test's own arguments could not be evaluated: a text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .agent.codec import MalformedError, decode, encode

AnswerKind = Literal["value", "passed", "raised", "unplain", "nothing", "unfit", "entry", "arguments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a harness said: the program's own word, save what a test in a process of its own ended in."""

    kind: AnswerKind
    """Which of the above."""
    value: object = None
    """What the call returned; with `unplain` its truth."""
    text: str = ""
    """What went wrong."""
    error: str = ""
    """The name of the exception's type, where one was raised."""


def ask_calls(*, auto_imports: bool = False) -> bytes:
    """`Command.call` that loads a Python program and makes `Command.calls`; `auto_imports` as in `CallTest`."""
    return encode(("calls", auto_imports))


def ask_call(entry: str, args: str, *, last: bool = False) -> bytes:
    """One of `Command.calls`: a function of the program; `args` is the Python source of a tuple. The last of them needs
    no fork of its own."""
    return encode(("last" if last else "call", entry, args))


def ask_test(code: str, names: Sequence[str] | None, runner: str = "") -> tuple[bytes, bytes | None]:
    """`Command.call` and `Command.test` that run test code; apart from the program where `names` are given."""
    if names is None:
        return encode(("test", code, runner)), None
    return encode(("serve",)), encode(("separate", code, runner, list(names)))


def read_answer(data: bytes) -> Answer:
    """The answer in `Ran.value`; `raised` with a text that says so where the bytes are not the harness's.

    >>> read_answer(encode(("value", [1, 2])))
    Answer(kind='value', value=[1, 2], text='', error='')
    """
    try:
        decoded = decode(data)
    except MalformedError as error:
        return Answer(kind="raised", text=f"the program sent no value: {error}")
    match decoded:
        case ("value", value):
            return Answer(kind="value", value=value)
        case ("unplain", str(text), bool(truth)):
            return Answer(kind="unplain", value=truth, text=text)
        case ("passed",):
            return Answer(kind="passed")
        case (str(kind), str(text)) if kind in get_args(AnswerKind):
            return Answer(kind=kind, text=text)  # type: ignore[arg-type]  # just looked up
        case (str(kind), str(name), str(text)) if kind in get_args(AnswerKind):
            return Answer(kind=kind, text=text, error=name)  # type: ignore[arg-type]
    return Answer(kind="raised", text="the program sent no answer of the harness")
