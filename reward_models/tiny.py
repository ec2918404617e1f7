"""A tiny transformer from its configuration, for tests and for machines without a backbone.

Its tokenizer is learned from the texts it is given, so that nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .model import Scorer, prepare
from .stored import seeded

PADDING, END, BEGIN, UNKNOWN, BREAK = "<pad>", "</s>", "<s>", "<unk>", "[SEP]"


def tiny_tokenizer(texts: Iterable[str], *, vocabulary: int = 4096) -> Any:  # any: transformers ships no types for it
    """Byte-pair tokens learned from texts; any text at all can be written in them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokens = Tokenizer(models.BPE(unk_token=None))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PADDING, END, BEGIN, BREAK],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokens.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token=PADDING, eos_token=END, bos_token=BEGIN, cls_token=BEGIN, sep_token=BREAK
    )


def tiny_model(
    texts: Iterable[str] = (),
    *,
    tokenizer: Any = None,  # any: as above
    family: Literal["llama", "gpt2", "bert"] = "llama",
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    vocabulary: int = 4096,
    positions: int = 4096,
    seed: int = 0,
) -> Scorer:
    """A Scorer with random weights; `llama` has rotary positions, `gpt2` learned ones, `bert` is an encoder.

    >>> scorer = tiny_model(["some words"], family="bert")
    >>> scorer.causal
    False
    """
    from transformers import AutoModelForSequenceClassification, BertConfig, GPT2Config, LlamaConfig

    tokenizer = tokenizer or tiny_tokenizer(texts, vocabulary=vocabulary)
    common = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "num_labels": 1,
    }
    config: Any  # any: one of three classes
    if family == "gpt2":
        config = GPT2Config(n_embd=hidden, n_layer=layers, n_head=heads, n_positions=positions, **common)
    elif family == "bert":
        config = BertConfig(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * hidden,
            max_position_embeddings=positions,
            **common,
        )
    else:
        config = LlamaConfig(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            intermediate_size=2 * hidden,
            max_position_embeddings=positions,
            **common,
        )
    with seeded(seed):
        model = AutoModelForSequenceClassification.from_config(config, attn_implementation="sdpa")
    return prepare(model, tokenizer, seed=seed)
