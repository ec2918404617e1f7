r"""From a prompt and a response to tokens, the same way in training, evaluation and scoring.

A prompt is rendered by the tokenizer's chat template up to where the assistant speaks; without a template each turn is
`Role:` with its text on the next line. The response follows as it is, never through the template: several templates
drop a chain of thought, which a safety model must see. A `<think>` that a template opens is taken off again. An end
of text closes it all. Encoders get `[CLS] prompt [SEP] response [SEP]`.

Prompt and response are made into tokens separately, so that all responses to one prompt share its tokens exactly.

Special tokens that a response spells out are text like any other. In a prompt that goes through a template they are
what the template's tokenizer takes them for, since prompts are ours.

Over-long text is cut in training, and counted, never dropped in silence: of a prompt the beginning goes, of a response
the end; the prompt is cut first. Scoring reads all of it; see windows.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..verifiers.errors import ConfigError
from ..verifiers.sample import Message
from .model import Scorer
from .summary import Prompt

PROBE = "\u2047"
"""A response that no template changes."""
_CHARACTERS, _MARGIN = 16, 64
"""How many characters are made into tokens for each that is read, and how many tokens more than are read: those next to
a cut may be others than in the whole text."""
PLAIN = "{#- r1-reward: each turn with its role above it -#}"
"""How a chat template begins that does no more than we do without one."""


class Encoded(NamedTuple):
    """One response to one prompt, as tokens."""

    prefix: tuple[int, ...]
    """The prompt's."""
    rest: tuple[int, ...]
    """The response's, the end of text among them."""
    cut: bool
    """Whether something had to be left out."""

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prefix) + len(self.rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """How long the parts may be that are read at once, in tokens; None means any length."""

    length: int | None = None
    """Prompt and response with all that stands around them."""
    prompt: int | None = None
    """The prompt alone; its end is kept."""
    response: int | None = None
    """The response alone; its beginning is kept."""

    def __post_init__(self) -> None:
        for name, least in (("length", 8), ("prompt", 0), ("response", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ConfigError(f"the limit of {name} is {value!r}; it must be a whole number from {least}")


class Parts(NamedTuple):
    """A prompt and a response as tokens, whole, and how much of each can be read at once."""

    start: list[int]
    """What every row begins with."""
    asked: list[int]
    """The prompt's tokens."""
    said: list[int]
    """The response's."""
    prompt: int
    """How many of the prompt's fit in a row."""
    response: int
    """How many of the response's fit beside them."""
    around: int
    """Tokens that stand between and after them."""
    ending: Sequence[int]
    """Those after them."""


def layout_of(scorer: Scorer, limits: TokenLimits) -> ChatLayout:
    """How text is laid out for a model: as we train ours, or as whoever trained it does."""
    if not scorer.foreign:
        return ChatLayout(scorer, limits)
    from .foreign_layout import ForeignLayout

    return ForeignLayout(scorer, limits)


class ChatLayout:
    """Turns text into tokens for one Scorer.

    >>> from r1_reward.reward_models.tiny import tiny_model
    >>> layout = ChatLayout(tiny_model(["What is it? A cat."]), TokenLimits())
    >>> encoded, = layout.encode("What is it?", ["A cat."])
    >>> layout.text(encoded)
    '<s>User:\\nWhat is it?\\n\\nAssistant:\\nA cat.</s>'
    """

    def __init__(self, scorer: Scorer, limits: TokenLimits) -> None:
        self._tokenizer = scorer.tokenizer
        self._encoder = not scorer.causal
        self.limits = limits
        bounds = [bound for bound in (limits.length, scorer.positions) if bound is not None]
        self._longest = min(bounds) if bounds else None
        self.ending: Sequence[int] = self._find_ending()
        self._middle = [self._tokenizer.sep_token_id] if self._encoder else []

    @property
    def fingerprint(self) -> str:
        """Hash of what decides how text is laid out, the limits aside."""
        description = f"{self._encoder} {self.template or 'plain'}"
        return hashlib.sha256(description.encode()).hexdigest()[:16]

    @property
    def template(self) -> str | None:
        """The chat template that renders prompts; None where each turn stands under its role."""
        template = None if self._encoder else self._tokenizer.chat_template
        if isinstance(template, dict):
            template = template.get("default") or str(sorted(template.items()))
        return None if template is None or template.startswith(PLAIN) else str(template)

    def encode(self, prompt: Prompt, responses: Sequence[str]) -> list[Encoded]:
        """The tokens of each response to a prompt, cut to the limits; of what goes, little is made into tokens."""
        longest = [bound for bound in (self.limits.prompt, self._longest) if bound is not None]
        start, asked, cut = self._prompt_end(prompt, min(longest, default=None))
        if self.limits.prompt is not None and len(asked) > self.limits.prompt:
            asked, cut = asked[len(asked) - self.limits.prompt :], True
        return [self._join(start, asked, *self._beginning(response, cut)) for response in responses]

    def parts(self, prompt: Prompt, response: str) -> Parts:
        """Prompt and response as tokens, nothing left out; where one row is too short for both, each gets half of it
        at least."""
        start, asked = self._prompt(prompt)
        said, around = self._tokens(response), len(self._middle) + len(self.ending)
        prompts = len(asked) if self.limits.prompt is None else min(len(asked), self.limits.prompt)
        responses = max(1, len(said)) if self.limits.response is None else self.limits.response
        if self._longest is not None:
            room = max(2, self._longest - len(start) - around)
            prompts = min(prompts, max(room // 2, room - min(responses, max(1, len(said)))))
            responses = min(responses, room - prompts)
        return Parts(start, asked, said, prompts, responses, around, self.ending)

    def join(self, parts: Parts, asked: tuple[int, int], said: tuple[int, int], *, cut: bool) -> Encoded:
        """A row of a piece of the prompt and a piece of the response."""
        prefix = (*parts.start, *parts.asked[slice(*asked)], *self._middle)
        return Encoded(prefix, (*parts.said[slice(*said)], *parts.ending), cut)

    def text(self, encoded: Encoded) -> str:
        """The text that tokens stand for, special ones included."""
        text: str = self._tokenizer.decode([*encoded.prefix, *encoded.rest], skip_special_tokens=False)
        return text

    def _join(self, start: list[int], asked: list[int], said: list[int], cut: bool) -> Encoded:
        if self.limits.response is not None and len(said) > self.limits.response:
            said, cut = said[: self.limits.response], True
        middle = self._middle
        over = 0
        if self._longest is not None:
            over = len(start) + len(asked) + len(middle) + len(said) + len(self.ending) - self._longest
        if over > 0:
            cut = True
            lost = min(over, len(asked))
            asked = asked[lost:]
            said = said[: len(said) - (over - lost)]
        return Encoded((*start, *asked, *middle), (*said, *self.ending), cut)

    def _beginning(self, response: str, cut: bool) -> tuple[list[int], bool]:
        """The first tokens of a response, as many as are read at most, and whether something was left out."""
        known = [bound for bound in (self.limits.response, self._longest) if bound is not None]
        if not known or len(response) <= (size := _CHARACTERS * (min(known) + _MARGIN)):
            return self._tokens(response), cut
        while size < len(response):
            tokens = self._tokens(response[:size])
            if len(tokens) > min(known) + _MARGIN:
                return tokens[: min(known)], True
            size *= 4
        return self._tokens(response), cut

    def _prompt_end(self, prompt: Prompt, bound: int | None) -> tuple[list[int], list[int], bool]:
        """What `_prompt` gives, of a prompt that is far too long without its beginning; and whether that is so."""
        turns = [Message(role="user", content=prompt)] if isinstance(prompt, str) else list(prompt)
        size = None if bound is None else _CHARACTERS * (bound + _MARGIN)
        whole = sum(len(turn.content) for turn in turns)
        while size is not None and size < whole:
            kept: list[Message] = []
            room = size
            for turn in reversed(turns):  # all of them, since templates want users and assistants to take turns
                said = turn.content[max(0, len(turn.content) - room) :] if room else ""
                kept.insert(0, Message(role=turn.role, content=said))
                room -= len(said)
            start, asked = self._prompt(kept)
            if len(asked) > (bound or 0) + _MARGIN:
                return start, asked[len(asked) - (bound or 0) :], True
            size *= 4
        return *self._prompt(turns), False

    def _prompt(self, prompt: Prompt) -> tuple[list[int], list[int]]:
        """The token that a text begins with, if there is one, and the prompt's."""
        turns = [Message(role="user", content=prompt)] if isinstance(prompt, str) else list(prompt)
        if self._encoder:
            text = "\n".join(turn.content for turn in turns)
            return [self._tokenizer.cls_token_id], self._tokens(text)
        if self.template is None:
            text = "".join(f"{turn.role.capitalize()}:\n{turn.content}\n\n" for turn in turns) + "Assistant:\n"
            begin = self._tokenizer.bos_token_id
            return ([] if begin is None else [begin]), self._tokens(text)
        tokens = self._tokens(self._rendered(turns), ours=True)
        begin = self._tokenizer.bos_token_id
        return (tokens[:1], tokens[1:]) if tokens[:1] == [begin] else ([], tokens)

    def _rendered(self, turns: Sequence[Message]) -> str:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        stripped = text.rstrip()
        return stripped.removesuffix("<think>") if stripped.endswith("<think>") else text

    def _find_ending(self) -> list[int]:
        """What closes a response: the template's own end of a turn, then the end of text."""
        if self._encoder:
            if self._tokenizer.cls_token_id is None or self._tokenizer.sep_token_id is None:
                raise ConfigError("an encoder's tokenizer must have a first token (cls) and one that separates (sep)")
            return [self._tokenizer.sep_token_id]
        ending: list[int] = []
        if self.template is not None:
            asked = [{"role": "user", "content": "?"}, {"role": "assistant", "content": PROBE}]
            whole: str = self._tokenizer.apply_chat_template(asked, tokenize=False)
            ending = self._tokens(whole.rpartition(PROBE)[2].rstrip("\n"), ours=True) if PROBE in whole else []
        end = self._tokenizer.eos_token_id
        return ending if end is None or ending[-1:] == [end] else [*ending, end]

    def _tokens(self, text: str, *, ours: bool = False) -> list[int]:
        """Its tokens. Special ones count only in text that a template made: `</s>` written by a model is five letters,
        or it could close its turn and speak as another."""
        # Half of a surrogate pair is no character, and tokenizers raise on it.
        whole = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._tokenizer(whole, add_special_tokens=False, split_special_tokens=not ours, verbose=False)[
            "input_ids"
        ]
        return ids
