"""Chat templates in the forms of model families: prompts, turn ends, and answers that the template itself begins.

The templates are written here, each with the marks and the habits of its family; none is a family's own text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from r1_reward.grpo_min.config import DataConfig
from r1_reward.grpo_min.r1.evaluate import load
from r1_reward.grpo_min.r1.recipe import read_stages
from r1_reward.grpo_min.r1.stages import run_recipe
from r1_reward.grpo_min.templates import Template
from r1_reward.grpo_min.toy.arithmetic import sums
from r1_reward.verifiers import FormatVerifier, Message, Sample
from r1_reward.verifiers.errors import ConfigError


class Family(NamedTuple):
    """How models of a family write their turns."""

    template: str
    marks: tuple[str, ...]
    """Tokens of their own; the first ends a text."""
    end: str
    """Ends a turn."""
    prompt: str
    """What `What?` becomes."""
    opened: str = ""
    """What the template writes of the answer."""
    bos: str | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 - of a tuple


_CHATML = (
    "{% for m in messages %}"
    "{% if loop.first and m.role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}{{ m.content.split('</think>')[-1].lstrip() }}{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
_DISTILL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'user' %}<|User|>{{ m.content }}{% elif m.role == 'assistant' %}"
    "<|Assistant|>{{ m.content.split('</think>')[-1] }}{{ eos_token }}{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|Assistant|><think>\n{% endif %}"
)
_GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_IM = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CHATML_PROMPT = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
_QWEN3_PROMPT = "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
FAMILIES = {
    "Qwen2.5": Family(_CHATML, _IM, "<|im_end|>", _CHATML_PROMPT),
    "SmolLM2": Family(_CHATML, ("<|im_end|>", "<|im_start|>"), "<|im_end|>", _CHATML_PROMPT),
    "Qwen3": Family(_QWEN3, (*_IM, "<think>", "</think>"), "<|im_end|>", _QWEN3_PROMPT),
    "Qwen3, not thinking": Family(
        _QWEN3, (*_IM, "<think>", "</think>"), "<|im_end|>", _QWEN3_PROMPT + "<think>\n\n</think>\n\n",
        "<think>\n\n</think>\n\n", options={"enable_thinking": False},
    ),
    "Llama 3": Family(
        _LLAMA3, ("<|end_of_text|>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"),
        "<|eot_id|>", "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n", bos="<|begin_of_text|>",
    ),
    "DeepSeek's distills": Family(
        _DISTILL, ("<|end|>", "<|begin|>", "<|User|>", "<|Assistant|>"), "<|end|>",
        "<|begin|><|User|>What?<|Assistant|><think>\n", "<think>\n", bos="<|begin|>",
    ),
    "Gemma": Family(
        _GEMMA, ("<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"), "<end_of_turn>",
        "<bos><start_of_turn>user\nWhat?<end_of_turn>\n<start_of_turn>model\n", bos="<bos>",
    ),
}  # fmt: skip
ANSWER = "<think>\nIt is 2 + 2.\n</think>\n\n<answer>4</answer>"


def _tokenizer(family: Family) -> PreTrainedTokenizerFast:
    """Bytes, and the family's marks."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(family.marks))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=family.marks[0], bos_token=family.bos)
    tokenizer.chat_template = family.template
    return tokenizer


def _text(tokenizer: PreTrainedTokenizerFast, tokens: Sequence[int]) -> str:
    return str(tokenizer.decode(list(tokens)))


def _token(tokenizer: PreTrainedTokenizerFast, name: str) -> int:
    (token,) = list(map(int, tokenizer.encode(name)))
    return token


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_asked_ended_and_learned_as_it_speaks(name: str) -> None:
    family = FAMILIES[name]
    tokenizer = _tokenizer(family)
    template = Template(tokenizer, DataConfig(template="chat", template_options=family.options))
    sample = Sample(response=ANSWER, prompt="What?", reference="4")
    (question,) = template.questions([sample], 10_000)
    assert _text(tokenizer, question.tokens) == family.prompt
    assert question.tokens.count(tokenizer.bos_token_id) == (1 if family.bos else 0)
    end = _token(tokenizer, family.end)
    assert template.end == end
    assert template.opened == family.opened

    # What is learned is what was sampled: the prompt, the rest of the answer, and the token that ends the turn.
    opened = "" if family.opened.endswith("</think>\n\n") else family.opened
    prompt, response = template.example(sample)
    whole = family.prompt.removesuffix(family.opened) + ANSWER + family.end
    assert _text(tokenizer, [*prompt, *response]) == whole
    assert (prompt == question.tokens) is (opened == family.opened)
    assert response[-1] == end

    # What is judged is the whole answer, whoever began it, without what ended it.
    completion = [*tokenizer.encode(ANSWER[len(opened) :], add_special_tokens=False), end]
    result = template.text(completion, [end])
    assert result == family.opened * (not opened) + ANSWER
    if opened == family.opened:
        assert float(FormatVerifier()([Sample(response=result, prompt="What?")])[0]) == 1.0


def test_the_end_of_a_turn_stops_generation_beside_eos() -> None:
    tokenizer = _tokenizer(FAMILIES["Llama 3"])
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                         num_attention_heads=1, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
    model = LlamaForCausalLM(config)
    expected = sorted(_token(tokenizer, name) for name in ("<|end_of_text|>", "<|eot_id|>"))
    assert Template(tokenizer, DataConfig(template="chat")).stop_tokens(model) == expected
    assert Template(tokenizer, DataConfig(template="plain")).stop_tokens(model) == [tokenizer.eos_token_id]


@pytest.mark.parametrize("kind", ["chat", "r1_zero", "plain"])
def test_a_prefill_begins_every_answer(kind: Any) -> None:  # any: a Literal
    tokenizer = _tokenizer(FAMILIES["Qwen2.5"])
    template = Template(tokenizer, DataConfig(template=kind, prefill="<think>\n"))
    (question,) = template.questions([Sample(response="", prompt="What?")], 10_000)
    assert _text(tokenizer, question.tokens).endswith("<think>\n")
    assert template.text(tokenizer.encode("so</think>"), []) == "<think>\nso</think>"
    prompt, response = template.example(Sample(response=ANSWER, prompt="What?"))
    assert prompt == question.tokens
    assert _text(tokenizer, response).startswith("It is")
    # A response that does not think has a prompt that does not make it.
    prompt, response = template.example(Sample(response="Hi!", prompt="What?"))
    assert "<think>\n" not in _text(tokenizer, [*prompt, *response])[-20:]
    # Where the template does so already it is not put twice.
    distill = Template(_tokenizer(FAMILIES["DeepSeek's distills"]), DataConfig(template="chat", prefill="<think>\n"))
    assert distill.opened == "<think>\n"


def test_systems_turns_and_prefixes_stand_where_they_belong() -> None:
    tokenizer = _tokenizer(FAMILIES["Qwen3"])
    turns = [Message(role="user", content="Hi"), Message(role="assistant", content="Yes?"),
             Message(role="user", content="What?")]  # fmt: skip
    sample = Sample(response="", prompt=turns)
    (question,) = Template(tokenizer, DataConfig(template="chat", system="Be brief.")).questions([sample], 10_000)
    assert _text(tokenizer, question.tokens) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nYes?<|im_end|>\n"
        "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    )
    plain = Template(tokenizer, DataConfig(template="plain", prefix="Q: 1+1? A: 2\n"))
    (question,) = plain.questions([Sample(response="", prompt="Q: 2+2? A:")], 10_000)
    assert _text(tokenizer, question.tokens) == "Q: 1+1? A: 2\nQ: 2+2? A:"


def test_what_a_template_cannot_do_is_said() -> None:
    gemma, bare = _tokenizer(FAMILIES["Gemma"]), _tokenizer(FAMILIES["Qwen2.5"])
    bare.chat_template = None
    with pytest.raises(ConfigError, match="no chat template"):
        Template(bare, DataConfig(template="chat"))
    with pytest.raises(ConfigError, match="cannot render turns of system, user: no system turns"):
        Template(gemma, DataConfig(template="chat", system="Be kind.")).questions(
            [Sample(response="", prompt="What?")], 999
        )
    with pytest.raises(ConfigError, match=r"data\.system is a turn of a chat"):
        Template(bare, DataConfig(template="plain", system="Be kind."))
    with pytest.raises(ConfigError, match=r"data\.prefix stands before"):
        Template(gemma, DataConfig(template="chat", prefix="Q"))
    gemma.chat_template = "{% for m in messages %}{{ m.content if m.role == 'user' }}{% endfor %}"
    with pytest.raises(ConfigError, match="leaves out what an assistant says"):
        Template(gemma, DataConfig(template="chat"))


def test_stages_speak_each_in_its_own_template(tmp_path: Path) -> None:
    """R1-Zero in plain text, the cold start and what follows in the model's chat template."""
    tokenizer = _tokenizer(FAMILIES["Llama 3"])
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=512, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    for name, count, seed in (("rows", 4, 0), ("probe", 2, 1)):
        rows = [json.dumps(sample.to_dict()) for sample in sums(count, seed)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    (tmp_path / "recipe.toml").write_text(f"""
        output = "{tmp_path}/out"
        stages = ["rl1"]
        source = {{ base = "{tmp_path}/base", reasoning = "{tmp_path}/rows.jsonl", probe = "{tmp_path}/probe.jsonl" }}
        [rl]
        steps = 1
        rollout = {{ questions = 2, samples = 2, minibatches = 1, max_tokens = 4 }}
        reward = {{ verifiers = ["length"], options.length.limit = 4, options.length.buffer = 4 }}
        [zero.data]
        template = "plain"
        [rl1.data]
        template = "chat"
        [cold_start]
        sample = {{ questions = 4, samples = 4, max_tokens = 64, language = 0.0, repetition = 1.0 }}
        sft = {{ batch = 4, epochs = 1 }}
        [evaluation]
        questions = 2
        k = 1
        max_tokens = 4
    """)
    recipe = read_stages(tmp_path / "recipe.toml")
    fields = dict(run_recipe(recipe))
    assert {name: report["evaluation"]["template"] for name, report in fields.items()} == {
        "base": "plain", "zero": "plain", "cold_start": "chat", "rl1": "chat"
    }  # fmt: skip
    model, _ = load(tmp_path / "out" / "cold_start" / "checkpoint")
    assert model.generation_config is not None
    assert _token(tokenizer, "<|eot_id|>") in model.generation_config.eos_token_id
