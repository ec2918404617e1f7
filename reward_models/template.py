"""A chat template for others: text laid out by it is read where we read it, with the same score.

Whoever scores a dialogue with a saved model (transformers, TRL, OpenRLHF, vLLM, RewardBench) renders all of it by the
tokenizer's chat template and reads the last token. Templates end a turn with a newline, drop reasoning, add an empty
think block; we read at the end of text, and keep a response as it is. So what is saved is a template that renders a
dialogue which ends with the assistant as `layout.py` lays it out, and any other as the original does.

Equal are the texts. Tokens are, too, unless the tokenizer joins the end of a prompt with the beginning of a response
(`reads_alike` finds out on an example); a special token that a response spells out is text for us alone.
"""

from __future__ import annotations

from typing import Any

from .layout import PLAIN, ChatLayout, TokenLimits
from .model import Scorer

_MACRO = """{%- macro original(messages, add_generation_prompt) -%}
ORIGINAL
{%- endmacro -%}
"""
_TEMPLATE = """{#- A dialogue that ends with the assistant is laid out as the reward model reads it. -#}
MACRO{%- if messages[-1]['role'] == 'assistant' and not add_generation_prompt -%}
{%- set asked = original(messages[:-1], true) -%}
{%- set bare = asked.rstrip() -%}
{{- bare[:-7] if bare.endswith('<think>') else asked -}}{{- messages[-1]['content'] -}}{{- ENDING -}}
{%- else -%}
{{- original(messages, add_generation_prompt) -}}
{%- endif -%}
"""
_PLAIN_TEMPLATE = (
    PLAIN
    + """
{{- BEGIN -}}
{%- for message in messages -%}
{%- if loop.last and message['role'] == 'assistant' and not add_generation_prompt -%}
{{- 'Assistant:\\n' + message['content'] + ENDING -}}
{%- else -%}
{{- message['role'].capitalize() + ':\\n' + message['content'] + '\\n\\n' -}}
{%- endif -%}
{%- endfor -%}
{{- 'Assistant:\\n' if add_generation_prompt else '' -}}
"""
)
_ASKED, _SAID = [{"role": "user", "content": "What is it?"}], "It is a cat, and 2 more."


def portable(scorer: Scorer) -> str | None:
    """The chat template to save with a model; None for an encoder, which has none.

    >>> from r1_reward.reward_models.tiny import tiny_model
    >>> scorer = tiny_model(["a cat"])
    >>> scorer.tokenizer.chat_template = portable(scorer)
    >>> turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    >>> scorer.tokenizer.apply_chat_template(turns, tokenize=False)
    '<s>User:\\nHi\\n\\nAssistant:\\nYes?</s>'
    """
    if not scorer.causal:
        return None
    tokenizer = scorer.tokenizer
    layout = ChatLayout(scorer, TokenLimits())
    ending = tokenizer.decode(layout.ending, skip_special_tokens=False)
    original = layout.template
    if original is None:
        begin = tokenizer.bos_token or ""
        return _PLAIN_TEMPLATE.replace("BEGIN", _quoted(begin)).replace("ENDING", _quoted(ending))
    if original.startswith(_TEMPLATE.partition("MACRO")[0]):
        return original
    macro = _MACRO.replace("ORIGINAL", original)
    return _TEMPLATE.replace("MACRO", macro, 1).replace("{{- ENDING -}}", "{{- " + _quoted(ending) + " -}}")


def reads_alike(scorer: Scorer) -> bool:
    """Whether a dialogue gets the same tokens by its tokenizer's chat template as by our layout."""
    tokenizer: Any = scorer.tokenizer  # any: transformers ships no types for it
    (ours,) = ChatLayout(scorer, TokenLimits()).encode("What is it?", [_SAID])
    dialogue = [*_ASKED, {"role": "assistant", "content": _SAID}]
    text = tokenizer.apply_chat_template(dialogue, tokenize=False)
    theirs = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return list(theirs) == [*ours.prefix, *ours.rest]


def _quoted(text: str) -> str:
    """A text as Jinja writes one."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
