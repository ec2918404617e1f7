"""Both reward models from Python, through public names alone, on a policy's own checkpoint with its own tokenizer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from r1_reward import reward_models
from r1_reward.reward_models import (
    HelpfulVerifier,
    ModelError,
    Pair,
    Rated,
    SafetyVerifier,
    TrainingError,
    base_model,
    options_of,
    pair_of,
    prepare,
    rated_of,
    read_tokenizer,
    train_reward_model,
)
from r1_reward.verifiers import Sample

pytestmark = pytest.mark.needs("torch")

WORDS = "stone river cloud lamp road tree house bread glass".split()
TAGS = ["<think>", "</think>"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 with a causal head, and a tokenizer of whole words without padding token or chat template."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("policy")
    words = ["<end>", "<unk>", *TAGS, "please", "danger", *WORDS]
    inner = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", unk_token="<unk>")
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def some(draw: random.Random) -> list[str]:
    return [draw.choice(WORDS) for _ in range(draw.randint(2, 8))]


def planted(count: int) -> tuple[list[Pair], list[Rated]]:
    """`please` is what helps, `danger` what is not safe."""
    draw = random.Random(0)
    pairs, rated = [], []
    for number in range(count):
        prompt, good, said = " ".join(some(draw)), some(draw), some(draw)
        good[draw.randrange(len(good))] = "please"
        if number % 2:
            said[draw.randrange(len(said))] = "danger"
        pair = pair_of({"prompt": prompt, "chosen": " ".join(good), "rejected": " ".join(some(draw))})
        assert isinstance(pair, Pair)
        pairs.append(pair)
        rated.append(rated_of({"prompt": prompt, "response": " ".join(said), "safe": 1 - number % 2}))
    return pairs, rated


def test_both_models_are_trained_and_serve_as_rewards(checkpoint: Path, tmp_path: Path) -> None:
    pairs, rated = planted(300)
    rows: Any
    for kind, rows in (("helpful", pairs), ("safety", rated)):
        options = options_of(kind, "tiny", lr=3e-3, epochs=4)
        trained = train_reward_model(base_model(checkpoint, rows, options), rows, options, tmp_path / kind)
        assert trained.dev_loss is not None
        assert trained.dev_loss < 0.3
    helpful = HelpfulVerifier(model=str(tmp_path / "helpful"))
    safety = SafetyVerifier(model=str(tmp_path / "safety"), output="probability")
    kind_, plain = helpful(
        [Sample(prompt="river", response=f"<think> stone </think> {text}") for text in ("please road", "tree road")]
    )
    assert float(kind_) > float(plain) + 1
    well, ill = safety(
        [Sample(prompt="river", response=text) for text in ("tree road", "<think> danger </think> tree")]
    )
    assert float(well) > 0.8
    assert float(ill) < 0.2


def test_a_tokenizer_is_what_its_folder_says(checkpoint: Path) -> None:
    assert read_tokenizer(checkpoint)("stone river please")["input_ids"] == [6, 7, 4]


def test_a_tokenizer_that_cannot_see_is_refused(checkpoint: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

    inner = Tokenizer(WordLevel({"<end>": 0, "stone": 1}, unk_token="<none>"))
    inner.pre_tokenizer = WhitespaceSplit()
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=1)
    with pytest.raises(ModelError, match="give it an unknown token"):
        prepare(model, PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>"))


@pytest.mark.parametrize("changes", [{"lora": 4}, {"freeze": 1}])
def test_options_that_the_model_was_not_made_with_are_refused(
    changes: dict[str, int], checkpoint: Path, tmp_path: Path
) -> None:
    pairs, _ = planted(20)
    plain = base_model(checkpoint, pairs, options_of("helpful", "tiny"))
    with pytest.raises(TrainingError, match="base_model"):
        train_reward_model(plain, pairs, options_of("helpful", "tiny", **changes), tmp_path)


def test_public_names_are_there_and_stay_what_they_are() -> None:
    for _ in range(2):
        for name in reward_models.__all__:
            result = getattr(reward_models, name)
            assert result.__module__.startswith(("r1_reward.reward_models.", "r1_reward.rows.")), name
    assert sorted(reward_models.__all__) == reward_models.__all__
