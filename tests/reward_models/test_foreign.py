"""Reward models of others: transformers' own logits, whatever the architecture, template and number of outputs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.reward_models.batches import Asked, can_share
from r1_reward.reward_models.card import Card, load_reward_model, read_card
from r1_reward.reward_models.errors import ModelError, OverlongError
from r1_reward.reward_models.layout import layout_of
from r1_reward.reward_models.tiny import tiny_tokenizer
from r1_reward.reward_models.tokenizer import read_tokenizer
from r1_reward.reward_models.verifier import HelpfulVerifier, SafetyVerifier
from r1_reward.reward_models.windows import score_whole
from r1_reward.verifiers import ConfigError, Sample, Status

pytestmark = pytest.mark.needs("torch")

TEXTS = ["What is it? It is a cat, and 2 more.", "the quick brown fox jumps over the lazy dog"]
CHATML = (
    "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + "
    "'<|im_end|>' + '\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
RESPONSES = ["It is a cat, and 2 more.", "no", " spaced out ", "Two\n\nlines."]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4}
CAUSAL: dict[str, dict[str, Any]] = {
    "llama": SMALL,
    "qwen2": {**SMALL, "num_key_value_heads": 2},
    "mistral": {**SMALL, "num_key_value_heads": 2, "sliding_window": 6},
    "gemma2": {**SMALL, "num_key_value_heads": 2, "head_dim": 8},
    "gpt_neox": SMALL,
    "gpt2": GPT,
    "opt": {**SMALL, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 256},
}
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "roberta": {**SMALL, "max_position_embeddings": 260},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "deberta-v2": {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    "modernbert": {**SMALL, "global_attn_every_n_layers": 2, "local_attention": 8},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    torch.set_num_threads(1)
    with torch.no_grad():
        yield


def make(family: str, folder: Path, *, pad: str = "own", template: str | None = CHATML, **more: Any) -> Any:
    """A folder as `save_pretrained` writes it, and the model."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    tokenizer = tiny_tokenizer(TEXTS)
    tokenizer.chat_template = template
    if pad == "eos":
        tokenizer.pad_token = tokenizer.eos_token
    if family in ENCODERS:
        from tokenizers.processors import TemplateProcessing

        first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="[C] $A [S]", pair="[C] $A [S] $B:1 [S]:1", special_tokens=[("[C]", first), ("[S]", last)]
        )
    tokens = {"vocab_size": len(tokenizer), "pad_token_id": None if pad == "none" else tokenizer.pad_token_id}
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id}
    expected = {"num_labels": 1, **({**CAUSAL, **ENCODERS}[family]), **tokens, **ends, **more}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(family, **expected)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # or all scores would be near 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if family in ("bert", "xlnet"):
        content = json.loads((folder / "tokenizer_config.json").read_text())
        content["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
        (folder / "tokenizer_config.json").write_text(json.dumps(content))
        return model, read_tokenizer(folder)
    return model, tokenizer


def scores(folder: Path, prompt: Any, responses: list[str], **how: Any) -> list[float]:
    scorer, card = load_reward_model(folder, **{"kind": "helpful", **how})
    asked = [Asked(prompt, responses)]
    result = score_whole(scorer, layout_of(scorer, card.limits), asked, least=False, share=can_share(scorer))[0]
    assert not any(isinstance(one, OverlongError) for one in result)
    return [one.score for one in result if not isinstance(one, OverlongError)]


@pytest.mark.parametrize("family", CAUSAL)
def test_scores_are_the_logits_that_transformers_gives_on_its_own_chat_template(family: str, tmp_path: Path) -> None:
    model, tokenizer = make(family, tmp_path)
    theirs = []
    for response in RESPONSES:
        turns = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": response}]
        row = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)
        row.pop("token_type_ids", None)
        theirs.append(float(model(**row).logits))
    assert len({round(one, 4) for one in theirs}) > 1
    assert scores(tmp_path, "What is it?", RESPONSES) == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("family", ENCODERS)
def test_encoders_read_a_pair_of_texts_as_their_tokenizer_makes_it(family: str, tmp_path: Path) -> None:
    model, tokenizer = make(family, tmp_path, template=None)
    theirs = []
    for response in RESPONSES:
        row = tokenizer("What is it?", response, return_tensors="pt")
        theirs.append(float(model(**row).logits))
    assert scores(tmp_path, "What is it?", RESPONSES) == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("pad", ["eos", "none"])
def test_the_token_that_is_read_is_transformers_own_where_padding_is_the_end_of_text(pad: str, tmp_path: Path) -> None:
    template = CHATML.replace("'<|im_end|>' + '\\n'", "eos_token")
    model, tokenizer = make("llama", tmp_path, pad=pad, template=template)
    turns = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "no"}]
    row = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)
    assert row["input_ids"][0, -1] == tokenizer.eos_token_id
    assert scores(tmp_path, "What is it?", ["no"]) == pytest.approx([float(model(**row).logits)], abs=1e-5)


def test_without_a_template_prompt_response_and_end_follow_one_another(tmp_path: Path) -> None:
    model, tokenizer = make("llama", tmp_path, template=None)
    row = tokenizer("What is it?" + "no" + tokenizer.eos_token, return_tensors="pt")
    row.pop("token_type_ids", None)
    assert scores(tmp_path, "What is it?", ["no"]) == pytest.approx([float(model(**row).logits)], abs=1e-5)
    own = scores(tmp_path, "What is it?", ["no"], template=CHATML)
    assert own != pytest.approx(scores(tmp_path, "What is it?", ["no"]), abs=1e-3)


def test_a_response_that_spells_out_special_tokens_cannot_close_its_turn(tmp_path: Path) -> None:
    model, tokenizer = make("llama", tmp_path, template=CHATML.replace("'<|im_end|>'", "eos_token"))
    scorer, card = load_reward_model(tmp_path, kind="helpful")
    (encoded,) = layout_of(scorer, card.limits).encode("What is it?", [f"no{tokenizer.eos_token}\nyes"])
    assert [*encoded.prefix, *encoded.rest].count(tokenizer.eos_token_id) == 2
    assert model is not None


def test_of_several_outputs_one_is_named_or_all_are_added_up(tmp_path: Path) -> None:
    labels = {0: "helpfulness", 1: "verbosity", 2: "correctness"}
    model, tokenizer = make(
        "llama", tmp_path, num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "no"}]
    logits = model(**tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)).logits[0]
    with pytest.raises(ModelError, match=r"3 outputs: 0 \(helpfulness\), 1 \(verbosity\).*say which counts with head"):
        scores(tmp_path, "Q", ["no"])
    assert scores(tmp_path, "Q", ["no"], head="Correctness") == pytest.approx([float(logits[2])], abs=1e-5)
    assert scores(tmp_path, "Q", ["no"], head="1") == pytest.approx([float(logits[1])], abs=1e-5)
    total = float(logits @ torch.tensor([0.5, -0.25, 1.0]))
    assert scores(tmp_path, "Q", ["no"], weights=(0.5, -0.25, 1.0)) == pytest.approx([total], abs=1e-5)
    with pytest.raises(ModelError, match="2 weights for 3 outputs"):
        scores(tmp_path, "Q", ["no"], weights=(0.5, 1.0))
    with pytest.raises(ModelError, match="no output 'style'"):
        scores(tmp_path, "Q", ["no"], head="style")
    verifier = HelpfulVerifier(model=str(tmp_path), weights="0.5,-0.25,1", output="raw")
    (verdict,) = verifier([Sample(prompt="Q", response="no", kind="general")])
    assert verdict.score == pytest.approx(total, abs=1e-5)
    with pytest.raises(ConfigError, match="must be numbers with commas"):
        HelpfulVerifier(model=str(tmp_path), weights="much")


def test_a_classifier_of_safe_and_unsafe_is_a_safety_model(tmp_path: Path) -> None:
    labels = {0: "unsafe", 1: "safe"}
    model, tokenizer = make("bert", tmp_path, template=None, num_labels=2, id2label=labels,
                            label2id={v: k for k, v in labels.items()})  # fmt: skip
    logits = model(**tokenizer("Q", "no", return_tensors="pt")).logits[0]
    (verdict,) = SafetyVerifier(model=str(tmp_path), output="probability")([Sample(prompt="Q", response="no")])
    assert verdict.score == pytest.approx(float(logits.softmax(0)[1]), abs=1e-5)


def test_the_scale_is_that_of_a_card_or_of_the_configuration_or_none(tmp_path: Path) -> None:
    make("llama", tmp_path)
    sample = Sample(prompt="What is it?", response="no", kind="general")
    (raw,) = HelpfulVerifier(model=str(tmp_path), output="raw")([sample])
    assert HelpfulVerifier(model=str(tmp_path))([sample])[0].score == raw.score
    # OpenRLHF keeps mean and deviation in the configuration, and calls the head as it likes.
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "mean": 1.0, "std": 2.0, "architectures": ["RewardModel"]})
    )
    fresh = HelpfulVerifier(model=str(tmp_path), budget=999, precision="bf16")
    assert raw.score is not None
    assert fresh([sample])[0].score == pytest.approx((raw.score - 1) / 2, abs=0.05)
    (nothing,) = HelpfulVerifier(model=str(tmp_path), output="raw")([Sample(prompt="Q", response="<think>on")])
    assert (nothing.reason.value, nothing.status) == ("no_answer", Status.SCORED)
    assert nothing.score == pytest.approx(scores(tmp_path, "Q", [""])[0], abs=1e-5)


def test_a_head_by_another_name_is_found_as_openrlhf_saves_it(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    make("llama", tmp_path)
    before = scores(tmp_path, "Q", ["no"])
    weights = load_file(tmp_path / "model.safetensors")
    weights["value_head.weight"] = weights.pop("score.weight")
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (tmp_path / "config.json").write_text(json.dumps({**config, "value_head_prefix": "value_head"}))
    assert scores(tmp_path, "Q", ["no"]) == pytest.approx(before, abs=1e-6)


def test_what_would_run_code_or_is_no_reward_model_is_refused(tmp_path: Path) -> None:
    model, tokenizer = make("llama", tmp_path / "rm")
    with pytest.raises(ModelError, match=r"name it with --kind"):
        load_reward_model(tmp_path / "rm")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text((tmp_path / "rm" / "config.json").read_text())
    torch.save(model.state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"as a pickle \(pytorch_model.bin\), which runs code"):
        load_reward_model(tmp_path / "pickled", kind="helpful")
    coded = json.loads((tmp_path / "rm" / "config.json").read_text())
    coded |= {"model_type": "armo", "auto_map": {"AutoConfig": "evil.Config"}}
    (tmp_path / "rm" / "config.json").write_text(json.dumps(coded))
    (tmp_path / "rm" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(ModelError, match="without code of its own, which is not run"):
        load_reward_model(tmp_path / "rm", kind="helpful")
    assert not (tmp_path / "ran").exists()
    assert tokenizer is not None
    with pytest.raises(ConfigError, match="is no reward model"):
        HelpfulVerifier(model=str(tmp_path))


def test_eval_rm_takes_a_model_of_anyone_and_measures_its_scale(tmp_path: Path) -> None:
    make("llama", tmp_path / "rm")
    rows = [{"prompt": f"Q {n}", "chosen": f"It is {n}, and more.", "rejected": "no"} for n in range(30)]
    data = tmp_path / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ["eval-rm", "--model", str(tmp_path / "rm"), "--data", str(data)]
    refused = CliRunner().invoke(main, args)
    assert refused.exit_code == 2
    assert "name it with --kind" in refused.stderr
    card = tmp_path / "card.json"
    result = CliRunner().invoke(main, [*args, "--kind", "helpful", "--calibrate", str(card)])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["pairs"] == 30
    sample = Sample(prompt="Q 3", response="no", kind="general")
    (raw,), (scaled,) = (
        HelpfulVerifier(model=str(tmp_path / "rm"), **more)([sample])  # type: ignore[arg-type]  # words
        for more in ({"output": "raw"}, {"card": str(card)})
    )
    measured = json.loads(card.read_text())
    assert raw.score is not None
    assert scaled.score == pytest.approx((raw.score - measured["mean"]) / measured["std"], abs=1e-6)
    (nothing,) = HelpfulVerifier(model=str(tmp_path / "rm"), card=str(card), output="raw")(
        [Sample(prompt="Q", response="<think>on")]
    )
    assert nothing.score == measured["low"]
    (tmp_path / "rm" / "reward_model.json").write_text(card.read_text())
    assert CliRunner().invoke(main, args).exit_code == 0


def test_training_goes_on_from_a_model_of_others_with_its_head(tmp_path: Path) -> None:
    from r1_reward.reward_models.base import base_model
    from r1_reward.reward_models.data import pair_of
    from r1_reward.reward_models.options import options_of
    from r1_reward.reward_models.train import train_reward_model

    model, _ = make("llama", tmp_path / "rm")
    rows = [pair_of({"prompt": f"Q {n}", "chosen": f"It is {n}.", "rejected": "no"}) for n in range(24)]
    pairs = [row for row in rows if not isinstance(row, str)]
    options = options_of("helpful", "tiny", epochs=1, batch=8)
    scorer = base_model(tmp_path / "rm", pairs, options)
    assert not scorer.new_head
    torch.testing.assert_close(scorer.head.weight, model.score.weight)
    with torch.enable_grad():
        train_reward_model(scorer, pairs, options, tmp_path / "ours")
    assert load_reward_model(tmp_path / "ours")[1].layout != "foreign"
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text((tmp_path / "rm" / "config.json").read_text())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "pickled" / name).write_text((tmp_path / "rm" / name).read_text())
    torch.save(model.state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="a pickle, which runs code"):
        base_model(tmp_path / "pickled", pairs, options)


def test_a_card_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    card = Card(kind="safety", provenance={"version": "0.1.0"})
    fields = dataclasses.asdict(card)
    fields["told"] = fields.pop("provenance")
    file = tmp_path / "card.json"
    file.write_text(json.dumps(fields), encoding="utf-8")
    assert read_card(file) == card
