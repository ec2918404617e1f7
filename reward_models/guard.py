"""Generative models as judges: the log odds of one word against another, at the place where the model would write it.

A score is logit(safe) - logit(unsafe) at that place (of several words for one side their sum of probabilities), so that
`sigmoid(score)` is the probability of safe among those words, as transformers' own logits have it. Nothing is sampled.
Of several questions (policies, risks) the worst answer counts; the evidence has the probability of each category.

What it does not do: read in windows. A dialogue that is longer than the model was made for is not judged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..scoring.stats import sigmoid
from ..verifiers.files import read_json
from ..verifiers.sample import Message
from .batches import ResponseScore
from .card import Card
from .errors import ModelError, OverlongError
from .foreign import chat_template, head_outputs, reading_length
from .guard_forms import GUARDS, GuardForm, filled, form_of
from .stored import quiet
from .summary import Prompt
from .tokenizer import read_tokenizer

_log = logging.getLogger(__name__)


def is_generative(folder: str | Path) -> bool:
    """Whether a folder holds a language model without a head for scores. Raises ModelError for pickled weights."""
    folder = Path(folder)
    if (folder / "reward_model.json").is_file():
        return False
    named = read_json(folder / "config.json").get("architectures") or []
    return any(str(one).endswith(("ForCausalLM", "LMHeadModel")) for one in named) and head_outputs(folder) is None


@dataclass(slots=True)
class Guard:
    """A generative model and the form in which it is asked."""

    model: Any  # any: transformers' classes share no useful type
    tokenizer: Any  # any: as above
    form: GuardForm
    length: int | None
    """Tokens that it reads at most."""
    alone: bool = False
    """Whether rows are read one at a time, since padding would change what comes out."""

    def scores(
        self, asked: Sequence[tuple[Prompt, str]], *, most: int, budget: int = 16_384
    ) -> list[ResponseScore | OverlongError]:
        """The score of each response to its prompt; an error for one that is too long to read."""
        results: list[ResponseScore | OverlongError | None] = [None] * len(asked)
        texts: dict[tuple[int, str], str] = {}
        for at, (prompt, response) in enumerate(asked):
            length = sum(len(turn.content) for turn in prompt) if not isinstance(prompt, str) else len(prompt)
            if length + len(response) > most:
                results[at] = OverlongError(f"prompt and response have {length + len(response):,} characters")
                continue
            for name, more in self.form.runs.items():
                texts[at, name] = self._text(prompt, response, more)
        for lead, words in self.form.before:
            odds, _ = self._odds({key: text + lead for key, text in texts.items()}, words[:1], words[1:], budget)
            texts = {key: text + lead + words[0 if odds.get(key, 0) > 0 else 1] for key, text in texts.items()}
        lead = self.form.lead
        ready = {key: text if lead and text.endswith(lead) else text + lead for key, text in texts.items()}
        odds, lengths = self._odds(ready, self.form.safe, self.form.unsafe, budget)
        named = self._categories({at: text for (at, name), text in ready.items() if not name}, odds, budget)
        for at in range(len(asked)):
            if results[at] is not None:
                continue
            tokens = [lengths[at, name] for name in self.form.runs]
            if self.length is not None and max(tokens) > self.length:
                results[at] = OverlongError(f"it takes {max(tokens):,} tokens to read; the model reads {self.length:,}")
                continue
            scores = {name: odds[at, name] for name in self.form.runs}
            known = named.get(at) or {name: 1 - sigmoid(score) for name, score in scores.items() if name}
            results[at] = ResponseScore(min(scores.values()), sum(tokens), False, categories=known or None)
        return [one for one in results if one is not None]

    def _text(self, prompt: Prompt, response: str, more: Mapping[str, Any]) -> str:  # any: a template's arguments
        turns = [Message(role="user", content=prompt)] if isinstance(prompt, str) else list(prompt)
        if self.form.text or self.form.user:
            asked = "\n".join(turn.content for turn in turns)
            parts = {"prompt": self._plain(asked), "response": self._plain(response)}
            written = filled(self.form.text or self.form.user, parts)
            if self.form.text:
                return written
            if not self.tokenizer.chat_template:
                return written
            dialogue = [{"role": "user", "content": written}]
        else:
            dialogue = [{"role": turn.role, "content": self._plain(turn.content)} for turn in turns]
            dialogue.append({"role": "assistant", "content": self._plain(response)})
        try:
            text: str = self.tokenizer.apply_chat_template(
                dialogue, tokenize=False, add_generation_prompt=self.form.asked, **more
            )
        except Exception as error:  # a template raises what it likes, such as for a role that it does not know
            raise ModelError(f"the guard's chat template cannot render this dialogue: {str(error)[:200]}") from error
        return text

    def _plain(self, text: str) -> str:
        """Text in which no special token is spelled out, or a response could end its turn and answer for the model."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        added = self.tokenizer.added_tokens_decoder.values()
        for token in {*self.tokenizer.all_special_tokens, *(str(one) for one in added if one.special)}:
            if token and token in text:
                text = text.replace(token, token[0] + "\u200b" + token[1:])
        return text

    def _odds(
        self, texts: Mapping[Any, str], good: Sequence[str], bad: Sequence[str], budget: int
    ) -> tuple[dict[Any, float], dict[Any, int]]:  # any: whatever tells texts apart
        """The log odds of some words against others after each text that is not too long, and all lengths."""
        odds = {}
        rows = {key: self._split(text, (*good, *bad)) for key, text in texts.items()}
        lengths = {key: len(ids) for key, (ids, _) in rows.items()}
        for keys in self._batches(lengths, budget):
            logits_NV = self._last([rows[key][0] for key in keys])
            for key, logits_V in zip(keys, logits_NV, strict=True):
                first = torch.tensor([word[0] for word in rows[key][1]], device=logits_V.device)
                chosen = logits_V[first].double()
                odds[key] = float(chosen[: len(good)].logsumexp(0) - chosen[len(good) :].logsumexp(0))
        return odds, lengths

    def _categories(
        self, texts: Mapping[int, str], odds: Mapping[Any, float], budget: int
    ) -> dict[int, dict[str, float]]:
        """For each response how likely it is unsafe in which way, where the model names one after its answer."""
        names = self.form.categories
        if not names or not texts:
            return {}
        more = self.form.unsafe[0] + self.form.category_lead
        asked = {at: text + more for at, text in texts.items() if (at, "") in odds}
        rows = {at: self._split(text, names, distinct=False) for at, text in asked.items()}
        categories: dict[int, dict[str, float]] = {}
        for keys in self._batches({at: len(ids) for at, (ids, _) in rows.items()}, budget):
            for at, logits_V in zip(keys, self._last([rows[key][0] for key in keys]), strict=True):
                groups: dict[int, list[str]] = {}
                for name, word in zip(names, rows[at][1], strict=True):
                    groups.setdefault(word[0], []).append(name)
                share = logits_V[torch.tensor(list(groups), device=logits_V.device)].double().softmax(0)
                unsafe = 1 - sigmoid(odds[at, ""])
                categories[at] = {
                    "|".join(held): unsafe * float(p) for held, p in zip(groups.values(), share, strict=True)
                }
        return categories

    def _split(self, text: str, words: Sequence[str], *, distinct: bool = True) -> tuple[list[int], list[list[int]]]:
        """The tokens that a text has whichever word follows, and those of each word."""
        whole = [list(self.tokenizer(text + word, add_special_tokens=False)["input_ids"]) for word in words]
        alike = next((at for at, tokens in enumerate(zip(*whole, strict=False)) if len(set(tokens)) > 1), None)
        if alike is None or alike == 0:
            raise ModelError(f"the tokenizer cannot tell {' from '.join(words[:2])}")
        rest = [ids[alike:] for ids in whole]
        if distinct and len({one[0] for one in rest}) < len(rest):
            raise ModelError(f"{', '.join(words)} begin with one token, so that none of them says which is meant")
        return whole[0][:alike], rest

    def _batches(self, lengths: Mapping[Any, int], budget: int) -> list[list[Any]]:
        batches: list[list[Any]] = []
        for key in sorted(lengths, key=lambda one: -lengths[one]):
            if self.length is not None and lengths[key] > self.length:
                continue
            if batches and not self.alone and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
                batches[-1].append(key)
            else:
                batches.append([key])
        return batches

    def _last(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """The logits after the last token of each row, [N, V] in float32."""
        width = max(map(len, rows))
        device = next(self.model.parameters()).device
        ids_NT = torch.full((len(rows), width), self.tokenizer.pad_token_id or 0, dtype=torch.long)
        mask_NT = torch.zeros_like(ids_NT)
        for at, row in enumerate(rows):
            ids_NT[at, width - len(row) :], mask_NT[at, width - len(row) :] = torch.tensor(row), 1
        places_NT = (mask_NT.cumsum(1) - 1).clamp(min=0)
        with torch.inference_mode():
            logits_N1V: Tensor = self.model(
                input_ids=ids_NT.to(device),
                attention_mask=mask_NT.to(device),
                position_ids=places_NT.to(device),
                use_cache=False,
                logits_to_keep=1,
            ).logits
        return logits_N1V[:, -1].float()


def load_guard(
    folder: str | Path,
    kind: Literal["helpful", "safety"],
    *,
    form: str = "auto",
    question: str = "",
    yes: str = "Yes",
    no: str = "No",
    risks: str = "",
    template: str = "",
) -> tuple[Guard, Card]:
    """A generative model as a judge, from safetensors, without code of its own.

    Args:
        folder: With configuration, weights and tokenizer.
        kind: What it is to judge; guards judge safety.
        form: How it is asked: one of `guard_forms.FORMS`; `auto` decides by its chat template.
        question: Of a model that answers yes or no: a message with `{prompt}` and `{response}`.
        yes: Its word for a good response.
        no: Its word for a bad one.
        risks: Of Granite Guardian and ShieldGemma: which are asked about, with commas between them.
        template: A chat template, or a file with one, instead of the tokenizer's.

    Raises:
        ModelError: It cannot be read, or it is not known how it is asked.
    """
    from transformers import AutoModelForCausalLM

    folder = Path(folder)
    try:
        tokenizer = read_tokenizer(folder)
        with quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(  # any: as Guard.model
                folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{folder} cannot be read as a language model: {str(error)[:300]}") from error
    if template:
        tokenizer.chat_template = chat_template(template)
    shown = str(tokenizer.chat_template or "")
    known = form_of(form, shown, folder, question=question, yes=yes, no=no, risks=risks)
    model.eval()
    guard = Guard(model=model, tokenizer=tokenizer, form=known, length=reading_length(model.config, tokenizer))
    guard.alone = not _pads_well(guard)
    if known.name in GUARDS and kind == "helpful":
        raise ModelError(f"{folder} is a guard ({known.name}): it judges safety, not helpfulness")
    return guard, Card(kind=kind, low=None, provenance={"form": known.name, "scale_from": "none"})


def _pads_well(guard: Guard) -> bool:
    """Whether rows read together, padded at the left, give what each gives alone."""
    draw = torch.Generator().manual_seed(0)
    size = guard.model.get_input_embeddings().num_embeddings
    rows = [torch.randint(0, size, (length,), generator=draw).tolist() for length in (9, 5)]
    apart = torch.cat([guard._last([row]) for row in rows])
    try:
        together = guard._last(rows)
    except (TypeError, ValueError, RuntimeError) as error:
        _log.info("rows are read one by one: %s", error)
        return False
    return bool(torch.allclose(apart, together, atol=1e-5, rtol=1e-5))
