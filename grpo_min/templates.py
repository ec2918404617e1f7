"""How a question is put to a model and where its answer ends, the same for SFT, sampling, RL and evaluation.

Three kinds: Table 1 of the paper (`r1_zero`), the tokenizer's chat template (`chat`), the prompt as it is (`plain`).
What a chat template does is found by rendering a turn: which token ends it, and whether the template itself begins
the answer, as distills do with `<think>`. That beginning is part of the answer that is judged, and of none that is
generated or learned. Tags may be tokens of their own or text: nothing is skipped in decoding.

What it does not do: tools, images, or the loss on turns before the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from transformers import PreTrainedModel

from ..inspection.evaluation.prompts import R1_ZERO
from ..verifiers import Message, Sample
from ..verifiers.errors import ConfigError
from .config import DataConfig
from .questions import Question, stop_tokens

_PROBE = "zqxj"
"""A word that no template has."""


class Template:
    """A tokenizer with the way in which a run puts questions; see DataConfig."""

    def __init__(self, tokenizer: Any, data: DataConfig) -> None:  # any: Hugging Face's tokenizers share no class
        """Raises ConfigError for a chat template that is missing, or cannot render a question and its answer."""
        self.tokenizer: Any = tokenizer
        self.data: DataConfig = data
        self.opened: str = ""  # what the prompt already holds of the answer
        self.end: int | None = tokenizer.eos_token_id  # ends the answer that is learned
        if data.template == "chat":
            if not tokenizer.chat_template:
                raise ConfigError("data.template is 'chat', and the tokenizer has no chat template")
            self.opened, self.end = self._probe()
        elif data.system:
            raise ConfigError(f"data.system is a turn of a chat; data.template {data.template!r} has none")
        if data.prefix and data.template == "chat":
            raise ConfigError(
                "data.prefix stands before a prompt that is text; with data.template 'chat' use data.system"
            )
        self._added = "" if self.opened.strip().endswith(data.prefill.strip()) else data.prefill
        self.opened += self._added

    def questions(self, samples: Sequence[Sample], room: int) -> list[Question]:
        """Questions as tokens; ConfigError for none at all, for one without a prompt, or longer than `room` tokens."""
        if not samples:
            raise ConfigError("there are no questions: the data is empty")
        questions = []
        for place, sample in enumerate(samples):
            if not sample.prompt_text.strip():
                others = ", ".join(sorted(name for name, value in sample.meta.items() if isinstance(value, str | list)))
                raise ConfigError(
                    f"question {place} (id {sample.id!r}) has an empty prompt, or none; if another field of the row "
                    f"holds it ({others or 'it has none'}), say so with data.map.prompt"
                )
            tokens = self._encode(self._rendered(sample) + self._added)
            if not 1 <= len(tokens) <= room:
                raise ConfigError(
                    f"question {place} (id {sample.id!r}) has {len(tokens)} tokens; the model's context less "
                    f"max_tokens leaves room for 1 to {room}: remove it, or lower max_tokens"
                )
            questions.append(Question(tokens=tuple(tokens), sample=sample))
        return questions

    def example(self, sample: Sample) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tokens of a prompt, and of its response with the token that ends it.

        A response that does not begin as the prompt makes answers begin is put after a prompt without that.
        """
        prompt, response = self._rendered(sample) + self._added, sample.response
        opened = self.opened if response.startswith(self.opened) else self.opened.strip()
        if response.startswith(opened):
            response = response[len(opened) :]
        else:
            prompt = prompt.removesuffix(self.opened)
        end = () if self.end is None else (self.end,)
        tokens = self.tokenizer.encode(response, add_special_tokens=False)
        return tuple(self._encode(prompt)), (*tokens, *end)

    def text(self, tokens: Sequence[int], ends: Sequence[int]) -> str:
        """The whole answer: what the prompt holds of it, and a completion without the token that ended it."""
        # Only that one goes: tags like <think> may be special tokens, and they are judged.
        return self.opened + str(self.tokenizer.decode(list(tokens[:-1] if tokens and tokens[-1] in ends else tokens)))

    def stop_tokens(self, model: PreTrainedModel) -> list[int]:
        """What ends a completion: the EOS tokens of model and tokenizer, and the token that ends a turn."""
        turn = [] if self.end is None else [self.end]
        return sorted({*stop_tokens(model, self.tokenizer), *turn})

    def _rendered(self, sample: Sample) -> str:
        if self.data.template == "chat":
            asked = [Message(role="user", content=sample.prompt)] if isinstance(sample.prompt, str) else sample.prompt
            turns = [asdict(turn) for turn in asked]
            if self.data.system and turns[0]["role"] != "system":
                turns.insert(0, {"role": "system", "content": self.data.system})
            return self._render(turns, add_generation_prompt=True)
        text = sample.prompt_text
        return self.data.prefix + (R1_ZERO.format(prompt=text) if self.data.template == "r1_zero" else text)

    def _encode(self, text: str) -> list[int]:
        if self.data.template == "chat":  # it writes its own first token
            return list(self.tokenizer.encode(text, add_special_tokens=False))
        tokens, end = list(self.tokenizer.encode(text)), self.tokenizer.eos_token_id
        return tokens[:-1] if len(tokens) > 1 and tokens[-1] == end != self.tokenizer.bos_token_id else tokens

    def _render(self, turns: Sequence[dict[str, Any]], **options: Any) -> str:  # any: what templates take
        from jinja2 import TemplateError

        options |= self.data.template_options
        try:
            return str(self.tokenizer.apply_chat_template(list(turns), tokenize=False, **options))
        except (TemplateError, TypeError, ValueError) as error:
            roles = ", ".join(turn["role"] for turn in turns)
            raise ConfigError(f"the chat template cannot render turns of {roles}: {error}") from error

    def _probe(self) -> tuple[str, int | None]:
        """What the template begins an answer with, from `<think>` on, and the token that ends one."""
        asked = [{"role": "user", "content": "q"}]
        before = self._render(asked, add_generation_prompt=False)
        header = self._render(asked, add_generation_prompt=True).removeprefix(before)
        opened = header[header.index("<think>") :] if "<think>" in header else ""
        answer = {"role": "assistant", "content": _PROBE}
        _, probe, tail = self._render([*asked, answer], add_generation_prompt=False).rpartition(_PROBE)
        if not probe:
            raise ConfigError("the chat template leaves out what an assistant says, so that nothing can be learned")
        tokens = self.tokenizer.encode(tail, add_special_tokens=False)
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.added_tokens_decoder}
        return opened, tokens[0] if tokens and tokens[0] in special else self.tokenizer.eos_token_id
