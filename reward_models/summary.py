"""What of a response the helpful model judges. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence

from ..verifiers.reasoning import scan
from ..verifiers.sample import Message

Prompt = str | Sequence[Message]


def summary_of(response: str, prompt: Prompt = "") -> str | None:
    """What a helpful model judges: the text after the reasoning; None where the reasoning never ends.

    >>> summary_of("<think>They greet me.</think> Hello!")
    'Hello!'
    """
    final = scan(response, prompt).final
    return None if final is None else final.of(response).strip()
