"""Training: it learns, it resumes bit for bit, and it ends plainly where it cannot go on."""

from __future__ import annotations

import dataclasses
import json
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.reward_models.card import load_reward_model
from r1_reward.reward_models.data import Pair, Rated
from r1_reward.reward_models.errors import ModelError, NotFiniteError, TrainingError
from r1_reward.reward_models.evaluate import report_on_pairs, report_on_rated, score_rows
from r1_reward.reward_models.options import TrainOptions, options_of
from r1_reward.reward_models.schedule import examples_at, optimizer_of, rate_at
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.train import StoppedError, train_reward_model
from r1_reward.verifiers import ConfigError, Message

pytestmark = pytest.mark.needs("torch")

WORDS = "stone river cloud lamp road tree house bread glass paper".split()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pairs(count: int, seed: int = 0) -> list[Pair]:
    """A planted rule without noise: the response with `please` in it is better; lengths tell nothing."""
    draw = random.Random(seed)

    def words(least: int) -> list[str]:
        return [draw.choice(WORDS) for _ in range(draw.randint(least, 9))]

    made = []
    for number in range(count):
        good, bad = words(2), words(2)
        good[draw.randrange(len(good))] = "please"
        prompt = (Message(role="user", content=f"{number} {' '.join(words(1))}"),)
        made.append(
            Pair(prompt=prompt, chosen=" ".join(good), rejected=" ".join(bad), source="planted", id=str(number))
        )
    return made


def rated(count: int) -> list[Rated]:
    made = []
    for pair in pairs(count, seed=1):
        made.append(Rated(prompt=pair.prompt, response=pair.chosen, safe=True, source="planted"))
        made.append(Rated(prompt=pair.prompt, response=pair.rejected, safe=False, source="planted"))
    return made


def model(**options: Any) -> Any:
    return tiny_model([" ".join(WORDS) + " please user assistant"], vocabulary=400, hidden=32, seed=1, **options)


def options(kind: Any = "helpful", **changes: Any) -> TrainOptions:
    small = {"lr": 3e-3, "batch": 16, "epochs": 3, "dev_share": 0.15, "max_length": 64, "pool": 4, "budget": 600}
    return TrainOptions(**{"kind": kind, **small, **changes})


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_a_planted_rule_is_learned_from_pairs(family: Any, tmp_path: Path) -> None:
    rate = {"lr": 5e-3, "epochs": 2} if family == "llama" else {"lr": 1e-3, "epochs": 4}
    trained = train_reward_model(model(family=family), pairs(400), options(**rate), tmp_path)
    scorer, card = load_reward_model(tmp_path)
    unseen = pairs(150, seed=77)
    report = report_on_pairs(unseen, score_rows(scorer, card, unseen, share=family == "llama"), card.temperature)
    assert report["accuracy"] >= 0.95
    assert report["chosen_shorter"]["accuracy"] >= 0.9
    assert abs(report["length_correlation"]) < 0.5
    assert report["by_source"]["planted"]["pairs"] == 150
    assert trained.train_rows + trained.dev_rows == 400
    assert trained.card == card
    result = lines(tmp_path)
    assert [line["step"] for line in result if "loss" in line] == list(range(1, trained.steps + 1))
    assert result[-1]["dev_accuracy"] > 0.9


def test_a_planted_rule_is_learned_from_single_responses(tmp_path: Path) -> None:
    train_reward_model(model(), rated(300), options("safety", pos_weight=1.2), tmp_path)
    scorer, card = load_reward_model(tmp_path)
    unseen = [row for row in rated(400) if int(row.prompt[0].content.split()[0]) >= 300]
    report = report_on_rated(unseen, score_rows(scorer, card, unseen, share=False), card.temperature)
    assert report["auc"] > 0.97
    assert report["calibration_error"]["after"] < 0.15
    assert card.probability(30.0) > 0.9


@pytest.mark.parametrize(
    "changes", [{}, {"lora": 4}, {"patience": 2, "eval_every": 5}], ids=["plain", "lora", "stopping"]
)
def test_resumed_run_takes_the_same_steps_bit_for_bit(changes: dict[str, Any], tmp_path: Path) -> None:
    from r1_reward.reward_models.stored import add_lora

    def fresh() -> Any:
        # Dropout, so that the random state matters too.
        scorer = model(family="bert")
        return add_lora(scorer, rank=changes["lora"], dropout=0.1) if "lora" in changes else scorer

    chosen = options(epochs=2, checkpoint_every=7, **changes)
    data = pairs(160)
    torch.manual_seed(123)
    train_reward_model(fresh(), data, chosen, tmp_path / "whole")
    for number, steps in enumerate((5, 4, 3)):
        asked = iter([False] * steps + [True])
        with pytest.raises(StoppedError):
            train_reward_model(fresh(), data, chosen, tmp_path / "parts", stop=lambda: next(asked), resume=number > 0)  # noqa: B023
        torch.manual_seed(steps)
    train_reward_model(fresh(), data, chosen, tmp_path / "parts", resume=True)
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts"))
    assert one == other
    assert [{k: v for k, v in line.items() if k != "seconds"} for line in lines(tmp_path / "whole")] == [
        {k: v for k, v in line.items() if k != "seconds"} for line in lines(tmp_path / "parts")
    ]


def test_other_options_or_data_cannot_be_resumed(tmp_path: Path) -> None:
    data = pairs(40)
    train_reward_model(model(), data, options(epochs=1), tmp_path)
    for rows, chosen in ((data, options(epochs=2)), (pairs(40, seed=2), options(epochs=1))):
        with pytest.raises(TrainingError, match="other options, data or base"):
            train_reward_model(model(), rows, chosen, tmp_path, resume=True)
    with pytest.raises(TrainingError, match=r"no checkpoint\.pt to resume"):
        train_reward_model(model(), data, options(), tmp_path / "new", resume=True)
    (tmp_path / "checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="damaged"):
        train_reward_model(model(), data, options(epochs=1), tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_with_the_batch_saved(tmp_path: Path) -> None:
    scorer = model()
    with torch.no_grad():
        scorer.head.weight.fill_(float("nan"))
    with pytest.raises(NotFiniteError, match="the loss of step 1 is no number") as caught:
        train_reward_model(scorer, pairs(48), options(dev_share=0), tmp_path)
    held = json.loads(caught.value.batch.read_text())
    assert len(held["rows"]) == 16
    assert all(len(row["tokens"]) == 2 for row in held["rows"])


def test_pieces_of_a_batch_have_the_gradient_of_the_whole(tmp_path: Path) -> None:
    results = []
    for name, budget in (("whole", 100_000), ("pieces", 40)):
        train_reward_model(model(), pairs(40), options(epochs=1, budget=budget, share=name == "whole"), tmp_path / name)
        results.append([(line["loss"], line["gradient"]) for line in lines(tmp_path / name) if "loss" in line])
    for one, other in zip(*results, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_early_stopping_keeps_the_best_weights(tmp_path: Path) -> None:
    # Labels at random: the loss on the kept prompts gets worse once the training prompts are learned by heart.
    draw = random.Random(5)
    noise = [
        Pair(prompt=pair.prompt, chosen=pair.rejected, rejected=pair.chosen) if draw.random() < 0.5 else pair
        for pair in pairs(80)
    ]
    trained = train_reward_model(model(), noise, options(epochs=30, patience=2, lr=1e-2), tmp_path)
    losses = [line["dev_loss"] for line in lines(tmp_path) if "dev_loss" in line]
    assert trained.steps < 30 * 5
    assert len(losses) >= 3
    assert losses.index(min(losses)) == len(losses) - 3
    assert trained.dev_loss == pytest.approx(min(losses), abs=1e-5)


def test_overlong_rows_are_cut_or_dropped_and_counted(tmp_path: Path) -> None:
    long = Pair(prompt=(Message(role="user", content="Q"),), chosen="please " * 100, rejected="no")
    cut = train_reward_model(model(), [*pairs(30), long], options(epochs=1, dev_share=0), tmp_path / "cut")
    dropped = train_reward_model(
        model(), [*pairs(30), long], options(epochs=1, dev_share=0, overlong="drop"), tmp_path / "drop"
    )
    assert (cut.overlong, cut.train_rows) == (1, 31)
    assert (dropped.overlong, dropped.train_rows) == (1, 30)
    assert json.loads((tmp_path / "drop" / "reward_model.json").read_text())["provenance"]["rows"]["overlong"] == 1


def test_a_full_disk_is_told_and_the_last_checkpoint_is_whole(tmp_path: Path) -> None:
    train_reward_model(model(), pairs(40), options(epochs=1), tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    code = (
        "import resource, sys, torch; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from r1_reward.reward_models.checkpoint import save_state\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "save_state(Path(sys.argv[1]), {'weights': torch.zeros(1_000_000)})\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), ""], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 1
    assert "TrainingError" in run.stderr
    assert "cannot write" in run.stderr
    assert (tmp_path / "checkpoint.pt").read_bytes() == whole
    assert not (tmp_path / "checkpoint.pt.new").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 50_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_metrics_on_a_full_disk_are_told(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match="No space left"):
        train_reward_model(model(), pairs(40), options(epochs=1), tmp_path)


def test_nothing_to_train_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to train on"):
        train_reward_model(model(), [], options(), tmp_path)


def test_a_changed_template_is_refused(tmp_path: Path) -> None:
    train_reward_model(model(), pairs(40), options(epochs=1), tmp_path)
    with pytest.raises(ModelError, match="no reward model of ours"):
        load_reward_model(tmp_path / "nowhere")
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    with pytest.raises(ModelError, match="chat template"):
        load_reward_model(tmp_path)


def test_presets_are_the_papers() -> None:
    paper = options_of("helpful")
    assert (paper.batch, paper.lr, paper.epochs, paper.max_length) == (256, 6e-6, 1, 8192)
    assert options_of("safety") == TrainOptions(kind="safety")
    with pytest.raises(ConfigError, match="unknown key 'speed'"):
        options_of("helpful", speed=1)
    for wrong in (
        {"batch": 0},
        {"lr": -1},
        {"lr": float("nan")},
        {"smoothing": 0.6},
        {"epochs": 1.5},
        {"share": "no"},
        {"beta2": 1},
        {"max_length": 0},
        {"max_prompt": "32"},
        {"length_control": 3},
        {"kind": "safety"},
        {"preset": "tiny"},
    ):
        with pytest.raises(ConfigError):
            options_of("helpful", **wrong)
    assert options_of("helpful", length_control=True).length_control == 1
    assert options_of("helpful", "small", head_lr=None, max_length=None).head_lr is None


def test_batches_are_of_like_length_or_random() -> None:
    lengths = [number % 50 for number in range(400)]

    def spread(**changes: Any) -> float:
        batches = [[lengths[at] for at in examples_at(step, lengths, options(**changes))] for step in range(25)]
        assert sorted(length for batch in batches for length in batch) == sorted(lengths)
        return sum(max(batch) - min(batch) for batch in batches) / len(batches)

    assert spread(pool=16) < 5
    assert spread(pool=options_of("safety", "small").pool) > 35


def test_memory_of_gradients_is_the_options() -> None:
    scorer = model()
    weights = dict(scorer.model.named_parameters())
    for chosen in (options(), options(beta2=0.999), options_of("safety", "small")):
        optimizer = optimizer_of(scorer, weights, chosen)
        assert {group["betas"] for group in optimizer.param_groups} == {(0.9, chosen.beta2)}
    assert options_of("safety").beta2 == 0.95


def test_rate_rises_then_falls() -> None:
    rates = [rate_at(step, 100, options(warmup=0.1)) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_what_length_explains_is_not_learned_under_length_control(tmp_path: Path) -> None:
    # The words say nothing; the longer response is preferred four times in five.
    draw = random.Random(3)

    def row(number: int, longer: float) -> Pair:
        texts = [" ".join(draw.choice(WORDS) for _ in range(length)) for length in (2, 9)]
        better = draw.random() < longer
        prompt = (Message(role="user", content=f"{number}"),)
        return Pair(prompt=prompt, chosen=texts[better], rejected=texts[not better])

    rows, unseen = [row(number, 0.8) for number in range(400)], [row(number, 1.0) for number in range(400, 500)]
    ahead = {}
    for control in (False, True):
        folder = tmp_path / str(control)
        train_reward_model(model(), rows, options(epochs=1, length_control=control), folder)
        scores = score_rows(*load_reward_model(folder), unseen, share=False).scores
        ahead[control] = sum(one - other for one, other in scores) / len(scores)
    assert ahead[False] > 0.7  # log(0.8 / 0.2) is 1.4
    assert abs(ahead[True]) < 0.5 * ahead[False]


def test_length_control_can_be_a_share_of_what_length_tells() -> None:
    from r1_reward.reward_models.examples import encode_rows

    longer = [dataclasses.replace(pair, chosen=f"{pair.chosen} {pair.rejected}") for pair in pairs(20)]
    by_name = {
        share: encode_rows(model(), longer, options(length_control=share), training=True).target_N
        for share in (False, 0.5, True)
    }
    assert not by_name[False].any()
    assert bool((by_name[True] < 0).all()), "the longer one was always preferred"
    assert torch.allclose(by_name[0.5], by_name[True] / 2)
    for wrong in (3.0, -1, "much"):
        with pytest.raises(ConfigError, match="length_control"):
            options(length_control=wrong)


def test_frozen_layers_have_no_dropout() -> None:
    from r1_reward.reward_models.model import freeze

    scorer = model(family="bert")
    freeze(scorer, 1)
    scorer.learn()
    layers = scorer.plain.base_model.encoder.layer
    assert not any(part.training for part in [*layers[0].modules(), scorer.plain.base_model.embeddings])
    assert all(part.training for part in [*layers[1].modules(), scorer.head])


def test_a_scale_is_not_taken_from_a_handful_and_nothing_to_judge_is_below_it(tmp_path: Path) -> None:
    trained = train_reward_model(model(), pairs(40), options(epochs=1, dev_share=0.05), tmp_path)
    assert 0 < trained.dev_rows < 20
    assert trained.card.provenance["scale_from"] == "kept and training prompts"
    scorer, card = load_reward_model(tmp_path)
    seen = [score for both in score_rows(scorer, card, pairs(40), share=True).scores for score in both]
    assert card.low is not None
    assert card.low <= min(seen) + 1e-4
    assert card.normalised(card.low) <= -3 + 1e-9
