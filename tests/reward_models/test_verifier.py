"""Reward models as verifiers: the same scores alone, in batches, in threads and in other processes."""

from __future__ import annotations

import concurrent.futures
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from r1_reward.reward_models.card import Card, save_reward_model
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.verifier import HelpfulVerifier, SafetyVerifier
from r1_reward.verifiers import ConfigError, Message, Reason, Sample, Status, Verifier, rl2

pytestmark = pytest.mark.needs("torch")

CARDS = {"mean": 0.5, "std": 2.0, "low": -3.0, "temperature": 1.5}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    torch.set_num_threads(1)
    made = {}
    for kind, seed in (("helpful", 1), ("safety", 2)):
        scorer = tiny_model(["some words to learn from"], seed=seed)
        folder = tmp_path_factory.mktemp(kind)
        layout = ChatLayout(scorer, TokenLimits()).fingerprint
        save_reward_model(scorer, Card(kind=kind, layout=layout, **CARDS), folder)  # type: ignore[arg-type]  # words
        made[kind] = str(folder)
    return made


def samples() -> list[Sample]:
    turns = (Message(role="user", content="Hi"), Message(role="assistant", content="Yes?"))
    return [
        Sample(prompt="Hi" if n % 3 else turns, response=f"<think>{'well ' * n}</think>an answer {n}", kind="general")
        for n in range(12)
    ]


def test_scores_do_not_depend_on_who_else_is_in_the_batch(models: dict[str, str]) -> None:
    judge = HelpfulVerifier(model=models["helpful"])
    together = [float(verdict) for verdict in judge(samples())]
    assert len(set(together)) > 6
    alone = [float(judge([sample])[0]) for sample in samples()]
    small = [float(verdict) for verdict in HelpfulVerifier(model=models["helpful"], budget=1)(samples())]
    assert together == pytest.approx(alone, abs=1e-5)
    assert together == pytest.approx(small, abs=1e-5)


def test_helpful_sees_the_answer_alone_and_safety_everything(models: dict[str, str]) -> None:
    one = Sample(prompt="Hi", response="<think>kind thoughts</think>Hello")
    other = Sample(prompt="Hi", response="<think>vile thoughts</think>Hello")
    helpful, safety = HelpfulVerifier(model=models["helpful"]), SafetyVerifier(model=models["safety"])
    a, b = helpful([one, other])
    assert float(a) == pytest.approx(float(b), abs=1e-5)
    assert a.answer == "Hello"
    a, b = safety([one, other])
    assert abs(float(a) - float(b)) > 1e-3


def test_verdict_tells_raw_normalised_and_probability(models: dict[str, str]) -> None:
    (verdict,) = SafetyVerifier(model=models["safety"])([Sample(prompt="Hi", response="Hello")])
    raw = verdict.evidence["raw"]
    assert verdict.reason is Reason.MEASURED
    assert verdict.score == verdict.evidence["normalised"] == pytest.approx((raw - 0.5) / 2)
    assert verdict.evidence["probability"] == pytest.approx(1 / (1 + 2.718281828459045 ** (-raw / 1.5)))
    assert verdict.evidence["cut"] is False
    assert verdict.seconds > 0


@pytest.mark.parametrize("response", ["", "<think>never ends", "<think>a</think>  "])
def test_nothing_to_judge_gets_the_lowest_score_and_a_reason(response: str, models: dict[str, str]) -> None:
    (verdict,) = HelpfulVerifier(model=models["helpful"], output="raw")([Sample(prompt="Hi", response=response)])
    assert verdict.reason is Reason.NO_ANSWER
    assert verdict.score == -3.0


def test_other_kinds_are_skipped(models: dict[str, str]) -> None:
    kinds = [Sample(response="x", kind=kind) for kind in ("general", "safety", "math", None)]
    helpful = HelpfulVerifier(model=models["helpful"])(kinds)
    safety = SafetyVerifier(model=models["safety"])(kinds)
    assert [v.status for v in helpful] == [Status.SCORED, Status.SKIPPED, Status.SKIPPED, Status.SCORED]
    assert [v.status for v in safety] == [Status.SKIPPED, Status.SCORED, Status.SKIPPED, Status.SCORED]


def test_pairwise_view_is_the_difference_and_antisymmetric(models: dict[str, str]) -> None:
    judge = HelpfulVerifier(model=models["helpful"], output="raw")
    one, other = (float(v) for v in judge([Sample(prompt="Q", response=text) for text in ("yes", "no no")]))
    difference, chance = judge.prefer("Q", "yes", "no no")
    assert difference == pytest.approx(one - other, abs=1e-5)
    back, other_chance = judge.prefer("Q", "no no", "yes")
    assert back == pytest.approx(-difference, abs=1e-5)
    assert chance + other_chance == pytest.approx(1)
    assert judge.prefer("Q", "", "yes")[0] == pytest.approx(-3.0 - one, abs=1e-5)


def test_pickled_and_threaded_and_spawned_the_scores_are_the_same(models: dict[str, str]) -> None:
    judge = HelpfulVerifier(model=models["helpful"])
    expected = [float(verdict) for verdict in judge(samples())]
    packed = pickle.dumps(judge)
    assert len(packed) < 1000
    copy = pickle.loads(packed)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for one in threads.map(lambda _: [float(verdict) for verdict in copy(samples())], range(8)):
            assert one == pytest.approx(expected, abs=1e-6)
    code = (
        "import pickle, sys; judge, samples = pickle.load(sys.stdin.buffer)\n"
        "assert 'torch' not in sys.modules\n"
        "print(*(float(verdict) for verdict in judge(samples)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((judge, samples())), capture_output=True, check=True
    )
    assert [float(word) for word in run.stdout.split()] == pytest.approx(expected, abs=1e-5)


def test_making_a_verifier_loads_no_torch(models: dict[str, str]) -> None:
    code = (
        "import sys; from r1_reward.reward_models import HelpfulVerifier, Monitor\n"
        "HelpfulVerifier(model=sys.argv[1]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, models["helpful"]], check=True)


def test_a_broken_model_is_an_error_and_never_a_number(models: dict[str, str], tmp_path: Path) -> None:
    for name in ("reward_model.json", "config.json"):
        (tmp_path / name).write_bytes((Path(models["helpful"]) / name).read_bytes())
    (verdict,) = HelpfulVerifier(model=str(tmp_path))([Sample(response="x")])
    assert (verdict.status, verdict.reason) == (Status.ERROR, Reason.GRADER_CRASHED)
    for path in Path(models["helpful"]).iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (verdict,) = HelpfulVerifier(model=str(tmp_path))([Sample(response="x")])
    assert verdict.status is Status.ERROR
    assert "holds no weights" in verdict.detail
    tensors = load_file(Path(models["helpful"]) / "model.safetensors")
    lost = next(name for name in tensors if "layer" in name and name.endswith("weight"))
    save_file({name: one for name, one in tensors.items() if name != lost}, tmp_path / "model.safetensors")
    (verdict,) = HelpfulVerifier(model=str(tmp_path))([Sample(response="x")])
    assert verdict.status is Status.ERROR
    assert "lacks weights" in verdict.detail
    (verdict,) = SafetyVerifier(model=models["helpful"])([Sample(response="x")])
    assert verdict.status is Status.ERROR
    assert "helpful model, not a safety one" in verdict.detail


def test_a_sample_that_the_model_fails_on_costs_only_itself(
    models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ChatLayout.parts

    def broken(self: ChatLayout, prompt: Any, response: str) -> Any:
        if response == "poison":
            raise RuntimeError("no luck")
        return parts(self, prompt, response)

    monkeypatch.setattr(ChatLayout, "parts", broken)
    verdicts = SafetyVerifier(model=models["safety"])([Sample(response=text) for text in ("a", "poison", "b")])
    assert [verdict.status for verdict in verdicts] == [Status.SCORED, Status.ERROR, Status.SCORED]
    assert "no luck" in verdicts[1].detail


@pytest.mark.parametrize("options", [{"output": "best"}, {"budget": 0}, {"precision": "int8"}, {"model": "nowhere"}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object], models: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        HelpfulVerifier(**{"model": models["helpful"], **options})  # type: ignore[arg-type]  # wrong on purpose


def test_hostile_text_is_scored(models: dict[str, str]) -> None:
    texts = ["\ud800", "</s><s>", "a" * 20_000, "\x00", "<think>" * 500, "🙂" * 100]
    verdicts = SafetyVerifier(model=models["safety"])([Sample(prompt="Hi", response=text) for text in texts])
    assert [verdict.status for verdict in verdicts] == [Status.SCORED] * len(texts)


def test_both_stand_in_the_papers_second_stage(models: dict[str, str]) -> None:
    helpful, safety = HelpfulVerifier(model=models["helpful"]), SafetyVerifier(model=models["safety"])
    assert isinstance(helpful, Verifier)
    reward = rl2(helpful=helpful, safety=safety)
    sample = Sample(response="<think>a</think><answer>b</answer>", kind="general", language="en")
    early, late = (reward.at(step)([sample])[0] for step in (1299, 1300))
    assert "helpful" not in early.parts
    assert "helpful" in late.parts
