"""The safety gate: closed where it fails, calibrated with its interval, over files and before a generator."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.reward_models import SafetyGate, SafetyVerifier
from r1_reward.reward_models.card import Card, save_reward_model
from r1_reward.reward_models.gate import Calibrated, calibrate, stress
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.rows.files import RawRow
from r1_reward.rows.reader import RowReader
from r1_reward.scoring import ScoreOptions
from r1_reward.scoring.work import RowScorer
from r1_reward.verifiers import ConfigError, Reason, Sample, Verdict

pytestmark = pytest.mark.needs("torch")


class _Marked:
    """Takes a response for as safe as the number that it ends in; cannot judge one without."""

    name = "safety"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        assert all(sample.kind == "safety" for sample in samples)
        return [self._judge(sample.response) for sample in samples]

    def _judge(self, text: str) -> Verdict:
        try:
            chance = float(text.split()[-1])
        except (ValueError, IndexError):
            return Verdict.error(Reason.GRADER_CRASHED, "no number")
        return Verdict.scored(chance, Reason.MEASURED, evidence={"probability": chance})


GATE = SafetyGate(verifier=_Marked(), threshold=0.5)


def test_it_lets_through_what_is_safe_and_nothing_else() -> None:
    samples = [
        Sample(response="fine 0.9", kind="general"), Sample(response="just so 0.5", kind="math"),
        Sample(response="vile 0.4999"), Sample(response="坏 0.1", language="zh"),
        Sample(response="mal 0.1", language="fr"),
    ]  # fmt: skip
    result = GATE(samples)
    assert [decision.passed for decision in result] == [True, True, False, False, False]
    assert [decision.text for decision in result[:2]] == ["fine 0.9", "just so 0.5"]
    assert result[2].text == result[4].text == "I can't help with that."
    assert "无法" in result[3].text
    assert not any("vile" in decision.text + decision.detail for decision in result)


def test_it_is_closed_where_it_cannot_judge() -> None:
    (decision,) = GATE([Sample(response="who knows")])
    assert (decision.passed, decision.probability) == (False, None)
    assert "not judged" in decision.detail
    assert decision.text == "I can't help with that."
    anyone = SafetyGate(verifier=_Marked(), threshold=0.0)
    assert not anyone([Sample(response="who knows")])[0].passed


@pytest.mark.parametrize("chance", [5.0, -1.0, float("nan"), "0.9", None, True])
def test_it_is_closed_to_what_is_no_probability(chance: object) -> None:
    """A logit passes any threshold, a verifier of one's own that tells none is not heard."""

    class Strange(_Marked):
        def _judge(self, text: str) -> Verdict:
            return Verdict.scored(1.0, Reason.MEASURED, evidence={"probability": chance})

    (decision,) = SafetyGate(verifier=Strange(), threshold=0.5)([Sample(response="vile")])
    assert (decision.passed, decision.probability) == (False, None)
    assert "holds no `probability` from 0 to 1" in decision.detail


def test_it_is_closed_where_its_verifier_breaks() -> None:
    class Broken(_Marked):
        def _judge(self, text: str) -> Verdict:
            raise RuntimeError("out of memory")

    (decision,) = SafetyGate(verifier=Broken(), threshold=0.5)([Sample(response="fine 0.9")])
    assert not decision.passed
    assert "out of memory" in decision.detail
    with pytest.raises(ConfigError, match="the class _Marked, which is no verifier"):
        SafetyGate(verifier=_Marked, threshold=0.5)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("threshold", [-0.1, 1.1, True, float("nan"), "0.5"])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(ConfigError, match="from 0 to 1"):
        SafetyGate(verifier=_Marked(), threshold=threshold)


def test_before_a_generator() -> None:
    answer = GATE.guard(lambda prompts: [f"{prompt} 0.{9 - 8 * (prompt == 'bad')}" for prompt in prompts])
    good, bad = answer(["good", "bad"])
    assert (good.text, bad.text) == ("good 0.9", "I can't help with that.")
    with pytest.raises(TypeError, match="1 responses to 2 prompts"):
        GATE.guard(lambda _: ["x"])(["a", "b"])


def _drawn(count: int, seed: int) -> tuple[list[float], list[bool]]:
    draw = random.Random(seed)
    safe = [draw.random() < 0.5 for _ in range(count)]
    return [min(1, max(0, draw.gauss(0.65 if good else 0.35, 0.15))) for good in safe], safe


@pytest.mark.parametrize("missed", [0.02, 0.1, 0.3])
def test_what_is_promised_of_a_threshold_holds_on_other_responses(missed: float) -> None:
    kept = 0
    for seed in range(40):
        result = calibrate(*_drawn(1_000, seed), missed=missed)
        upper = result.missed.interval
        assert upper is not None
        assert upper[1] <= missed
        others, safe = _drawn(1_000, 1_000 + seed)
        passed = sum(p >= result.threshold for p, good in zip(others, safe, strict=True) if not good)
        kept += passed <= missed * (len(safe) - sum(safe))
    assert kept >= 34  # of 40; the upper end of a 95 % interval, and noise of the other draw


def test_no_lower_threshold_would_do() -> None:
    probabilities, safe = _drawn(400, 7)
    result = calibrate(probabilities, safe, missed=0.1)
    lower = max(p for p, good in zip(probabilities, safe, strict=True) if not good and p < result.threshold)
    count = sum(p >= lower for p, good in zip(probabilities, safe, strict=True) if not good)
    worse = Calibrated(lower, result.missed._replace(number=count), result.refused).missed.interval
    assert worse is not None
    assert worse[1] > 0.1


def test_too_few_unsafe_responses_are_told() -> None:
    with pytest.raises(ConfigError, match=r"10 unsafe responses cannot show .* 73 can"):
        calibrate([0.1] * 10 + [0.9] * 10, [False] * 10 + [True] * 10)
    with pytest.raises(ConfigError, match="no threshold"):
        calibrate([1.0] * 200, [False] * 200)


@pytest.mark.parametrize("odd", [float("nan"), -3.0, 1.5])
def test_a_threshold_is_found_among_probabilities_only(odd: float) -> None:
    with pytest.raises(ConfigError, match=f"one of the probabilities is {odd}"):
        calibrate([odd] + [0.1] * 199 + [0.9] * 100, [False] * 200 + [True] * 100)


def _file(path: Path, rows: Sequence[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_stress_tells_by_language_and_category(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"prompt": "a", "response": "0.9", "safe": 0, "language": "en", "category": "roleplay"},
        {"prompt": "b", "response": "0.1", "safe": 0, "language": "en"},
        {"prompt": "c", "response": "0.1", "safe": 1, "language": "zh"},
        {"prompt": "d", "response": "none", "language": "zh"},
    ]
    result = stress(GATE, [_file(tmp_path / "hard.jsonl", rows)])
    assert list(result) == ["all", "language=en", "language=zh", "category=roleplay"]
    assert (result["all"].responses, result["all"].unjudged, result["all"].refused.number) == (4, 1, 3)
    assert (result["all"].passed_unsafe.number, result["all"].passed_unsafe.of) == (1, 2)
    assert result["category=roleplay"].passed_unsafe.to_dict()["value"] == 1
    assert result["language=zh"].refused_safe.number == 1
    generated = stress(GATE, [str(tmp_path / "hard.jsonl")], generate=lambda prompts: ["0.9"] * len(prompts))
    assert generated["all"].refused.number == 0
    wrong: list[tuple[dict[str, object], str]] = [
        ({"response": "x"}, "no prompt"), ({"prompt": "x"}, "response"), ({**rows[0], "safe": 2}, "safe is 2")
    ]  # fmt: skip
    for row, said in wrong:
        with pytest.raises(ConfigError, match=rf"odd\.jsonl, line 1: .*{said}"):
            stress(GATE, [_file(tmp_path / "odd.jsonl", [row])])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    scorer = tiny_model(["some words to learn from"], seed=2)
    folder = tmp_path_factory.mktemp("safety")
    save_reward_model(scorer, Card(kind="safety", layout=ChatLayout(scorer, TokenLimits()).fingerprint), folder)
    return str(folder)


def test_over_rows_by_hand(model: str) -> None:
    """As a worker of `score --gate` judges them; in this process, which has loaded torch."""
    texts = [f"word {'learn ' * n}" for n in range(20)]
    rows: list[dict[str, object]] = [
        {"prompt": "Hi", "response": text, "kind": "math", "reference": "1"} for text in texts
    ]
    chances = [verdict.evidence["probability"] for verdict in SafetyVerifier(model=model, gate=0.0)(
        [Sample(prompt="Hi", response=text) for text in texts]
    )]  # fmt: skip
    threshold = sorted(chances)[10]
    options = ScoreOptions(rewards=["safety"], set={"safety": {"model": model, "gate": threshold}})
    lines = [RawRow(0, number, json.dumps(row).encode()) for number, row in enumerate(rows, 1)]
    done = RowScorer(options.spec.build(), RowReader(), None).judge(lines)
    results = [json.loads(each.output)["verdicts"]["safety"]["evidence"] for each in done]
    for row, evidence in zip(rows, results, strict=True):
        gate = evidence["gate"]
        assert gate["passed"] is (evidence["probability"] >= threshold)
        assert gate["response"] == (row["response"] if gate["passed"] else "I can't help with that.")
    assert {evidence["gate"]["passed"] for evidence in results} == {True, False}


def test_a_gate_without_its_model_is_a_usage_error(model: str, tmp_path: Path) -> None:
    source = _file(tmp_path / "in.jsonl", [{"prompt": "1", "response": "1", "reference": "1"}])
    lone = CliRunner().invoke(main, ["score", source, "--reward", "math", "--gate", "0.5"])
    assert lone.exit_code == 2
    assert "safety" in lone.output
    asked = ["score", source, "--reward", "safety", "--set", f"safety.model={model}", "--gate", "2"]
    assert "from 0 to 1" in CliRunner().invoke(main, asked).output


def test_a_model_that_fails_lets_nothing_through(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[object]:
        raise RuntimeError("no memory")

    judge = SafetyVerifier(model=model, gate=0.0)
    monkeypatch.setattr(SafetyVerifier, "_scores", broken)
    (verdict,) = judge([Sample(prompt="Hi", response="anything")])
    assert verdict.score is None
    assert verdict.evidence["gate"]["passed"] is False
    assert "anything" not in verdict.evidence["gate"]["response"]
