"""Text laid out for a model that somebody else trained, token by token as transformers does for them.

- causal models: the whole dialogue by the tokenizer's chat template, to its last newline, read where transformers
  reads: at the last token that is not the padding token
- encoders: `tokenizer(prompt, response)`
- a causal model without a template: prompt, response and end of text, one after the other, as TRL lays out plain text

A response that spells out special tokens is text here too, so that it cannot close its turn; there and where a template
changes a response (reasoning that is dropped) our tokens are not transformers'.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..verifiers.sample import Message
from .errors import ModelError
from .layout import PROBE, ChatLayout, Encoded, Parts, TokenLimits
from .model import Scorer
from .summary import Prompt

_log = logging.getLogger(__name__)


class ForeignLayout(ChatLayout):
    """Turns text into tokens as a model's own users do."""

    def __init__(self, scorer: Scorer, limits: TokenLimits) -> None:
        self._skipped = scorer.plain.config.get_text_config().pad_token_id if scorer.causal else None
        super().__init__(scorer, limits)
        if self._encoder:
            self._around = self._pair("?", "?")

    def encode(self, prompt: Prompt, responses: Sequence[str]) -> list[Encoded]:
        """The tokens of each response to a prompt."""
        encoded = []
        for response in responses:
            parts = self.parts(prompt, response)
            asked = (max(0, len(parts.asked) - parts.prompt), len(parts.asked))
            cut = asked[0] > 0 or len(parts.said) > parts.response
            encoded.append(self.join(parts, asked, (0, parts.response), cut=cut))
        return encoded

    def parts(self, prompt: Prompt, response: str) -> Parts:
        """Prompt and response as tokens, nothing left out."""
        if self._encoder:
            start, self._middle, ending = self._around
            text = prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
            asked, said = self._tokens(text), self._tokens(response)
        else:
            start, (asked, said, ending) = [], self._whole(prompt, response)
        around = len(self._middle) + len(ending)
        if self._longest is None:
            return Parts(start, asked, said, len(asked), max(1, len(said)), around, ending)
        room = max(2, self._longest - len(start) - around)
        prompts = min(len(asked), max(room // 2, room - max(1, len(said))))
        return Parts(start, asked, said, prompts, room - prompts, around, ending)

    def _whole(self, prompt: Prompt, response: str) -> tuple[list[int], list[int], list[int]]:
        """The dialogue's tokens, as one text gives them, and which of them are the prompt's and the response's."""
        before, after, trims = self._rendered_around(prompt)
        if trims:
            response = response.strip()
        begin, end = self._tokens(before, ours=True), self._tokens(after, ours=True)
        if self.template is None and self._begins():
            begin = [self._tokenizer.bos_token_id, *begin]
        safe = self._tokens(response)
        if safe != self._tokens(response, ours=True):
            return begin, safe, self._read_to(end)
        whole = self._tokens(before + response + after, ours=True)
        if self.template is None and self._begins():
            whole = [self._tokenizer.bos_token_id, *whole]
        # A token may join the end of the prompt with the beginning of the response; it counts as the response's.
        alike = next((at for at, (a, b) in enumerate(zip(begin, whole, strict=False)) if a != b), len(begin))
        tail = len(end) if end and whole[-len(end) :] == end and alike + len(end) <= len(whole) else 0
        said = whole[alike : len(whole) - tail]
        return whole[:alike], *self._reading(said, whole[len(whole) - tail :])

    def _reading(self, said: list[int], ending: list[int]) -> tuple[list[int], list[int]]:
        """Without the tokens that transformers takes for padding, which no score is read at."""
        ending = self._read_to(ending)
        return (said, ending) if ending else (self._read_to(said) or said[:1], ending)

    def _read_to(self, tokens: list[int]) -> list[int]:
        while tokens and tokens[-1] == self._skipped:
            tokens = tokens[:-1]
        return tokens

    def _rendered_around(self, prompt: Prompt) -> tuple[str, str, bool]:
        """What stands before and after a response, and whether the template takes white space off it."""
        turns = [Message(role="user", content=prompt)] if isinstance(prompt, str) else list(prompt)
        if self.template is None:
            end = self._tokenizer.eos_token or ""
            return "\n".join(turn.content for turn in turns), end, False
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        spaced = [*messages, {"role": "assistant", "content": f" {PROBE} "}]
        try:
            text: str = self._tokenizer.apply_chat_template(spaced, tokenize=False)
        except Exception as error:  # a template raises what it likes, such as for a role that it does not know
            raise ModelError(f"the chat template cannot render this dialogue: {str(error)[:200]}") from error
        before, probe, after = text.rpartition(PROBE)
        if not probe:
            raise ModelError("the chat template leaves the assistant's last turn out, so there is nothing to score")
        if before.endswith(" ") and after.startswith(" "):
            return before[:-1], after[1:], False
        plain = [*messages, {"role": "assistant", "content": PROBE}]
        before, _, after = self._tokenizer.apply_chat_template(plain, tokenize=False).rpartition(PROBE)
        return before, after, True

    def _begins(self) -> bool:
        """Whether the tokenizer itself puts a first token before a text."""
        begin = self._tokenizer.bos_token_id
        return begin is not None and list(self._tokenizer("a")["input_ids"])[:1] == [begin]

    def _find_ending(self) -> list[int]:
        if self._encoder:
            return []
        if self.template is None:
            _log.warning("the tokenizer has no chat template; prompt, response and end of text follow one another")
        return []

    def _pair(self, one: str, other: str) -> tuple[list[int], list[int], list[int]]:
        """The special tokens that a tokenizer puts before, between and after two texts."""
        encoding = self._tokenizer(one, other)
        try:
            owners = encoding.sequence_ids(0)
        except ValueError as error:
            raise ModelError("the tokenizer is a slow one, which does not say where two texts begin") from error
        ids, first, last = encoding["input_ids"], owners.index(1), len(owners) - 1 - owners[::-1].index(1)
        begin, middle = owners.index(0), len(owners) - 1 - owners[::-1].index(0)
        return list(ids[:begin]), list(ids[middle + 1 : first]), list(ids[last + 1 :])
