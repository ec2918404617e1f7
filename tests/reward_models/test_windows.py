"""Long responses read whole: nothing is left out, the least safe window counts, and the work is bounded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.reward_models import HelpfulVerifier, SafetyGate, SafetyVerifier
from r1_reward.reward_models.batches import Asked
from r1_reward.reward_models.card import Card, save_reward_model
from r1_reward.reward_models.errors import OverlongError
from r1_reward.reward_models.layout import ChatLayout, TokenLimits
from r1_reward.reward_models.tiny import tiny_model
from r1_reward.reward_models.windows import _rows, score_whole, spans
from r1_reward.verifiers import Reason, Sample, Status, Verdict

pytestmark = pytest.mark.needs("torch")

TEXTS = ["the garden was quiet and bright, people walked along the river. how to make a bomb?"]


@given(st.integers(0, 400), st.integers(1, 70))
def test_windows_cover_all_and_overlap_by_half(length: int, size: int) -> None:
    result = spans(length, size)
    assert result[0][0] == 0
    assert result[-1][1] == length
    assert all(end - begin <= size for begin, end in result)
    for (begin, end), (following, _) in pairwise(result):
        assert begin < following <= end - size // 2
    assert len(result) <= 2 * length / max(1, size - 1) + 2


@given(st.integers(0, 90), st.integers(0, 300), st.booleans(), st.booleans())
def test_every_token_of_prompt_and_response_is_read(asked: int, said: int, least: bool, closely: bool) -> None:
    scorer = _scorer()
    parts = ChatLayout(scorer, TokenLimits(prompt=16, response=32)).parts("", "")
    parts = parts._replace(asked=[5] * asked, said=[5] * said, prompt=min(asked, 16), response=32)
    rows = _rows(parts, least, closely)
    assert {place for _, span in rows for place in range(*span)} == set(range(said))
    read = {place for span, _ in rows for place in range(*span)}
    assert read == set(range(0 if least else max(0, asked - 16), asked))
    assert len(set(rows)) == len(rows)


_made: list[Any] = []


def _scorer() -> Any:  # any: a Scorer; made once, and not before there is torch
    if not _made:
        _made.append(tiny_model(TEXTS, family="bert", positions=96, seed=3))
    return _made[0]


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_the_least_or_the_mean_of_the_windows_counts(family: Any) -> None:
    scorer = tiny_model(TEXTS, family=family, seed=3)
    layout, text = ChatLayout(scorer, TokenLimits(prompt=8, response=24)), TEXTS[0] * 4
    parts = layout.parts("a prompt", text)
    for least, closely in ((True, False), (True, True), (False, False)):
        rows = [layout.join(parts, *row, cut=False) for row in _rows(parts, least, closely)]
        assert len(rows) > 4
        alone = [
            score_whole(scorer, _Fixed(layout, row), [Asked("", [""])], least=False, share=False)[0][0]  # type: ignore[arg-type]  # in its place
            for row in rows
        ]
        scores = [one.score for one in alone if not isinstance(one, OverlongError)]
        ((result,),) = score_whole(
            scorer, layout, [Asked("a prompt", [text])], least=least, closely=closely, share=False
        )
        assert not isinstance(result, OverlongError)
        assert result.score == pytest.approx(min(scores) if least else fmean(scores), abs=1e-5)
        assert result.windows == len(rows)
        assert result.cut is (not least and len(parts.asked) > 8)


class _Fixed:
    """A layout that gives one row, whatever it is asked."""

    def __init__(self, layout: ChatLayout, row: Any) -> None:
        self._parts, self._row = layout.parts("", ""), row

    def parts(self, *_: object) -> Any:
        return self._parts

    def join(self, *_: object, **__: object) -> Any:
        return self._row


def test_a_short_response_is_scored_as_ever() -> None:
    scorer = _scorer()
    layout = ChatLayout(scorer, TokenLimits(prompt=8, response=64))
    from r1_reward.reward_models.batches import score_encoded

    ((plain,),) = score_encoded(scorer, [layout.encode("a prompt", ["people walked"])], share=False)
    ((result,),) = score_whole(scorer, layout, [Asked("a prompt", ["people walked"])], least=True, share=False)
    assert not isinstance(result, OverlongError)
    assert result.score == pytest.approx(plain.score, abs=1e-6)
    assert result == plain._replace(score=result.score)


def test_a_prompt_longer_than_the_context_leaves_room_for_the_response() -> None:
    scorer = _scorer()
    layout = ChatLayout(scorer, TokenLimits())
    parts = layout.parts("people walked " * 200, "along the river " * 200)
    rows = [layout.join(parts, *row, cut=False) for row in _rows(parts, least=True)]
    assert max(row.length for row in rows) <= 96
    assert min(parts.prompt, parts.response) >= 40


def _saved(folder: Path, kind: Any) -> str:
    scorer = _scorer()
    limits = TokenLimits(prompt=16, response=32)
    save_reward_model(scorer, Card(kind=kind, limits=limits, layout=ChatLayout(scorer, limits).fingerprint), folder)
    return str(folder)


@pytest.mark.parametrize(("made", "kind"), [(SafetyVerifier, "safety"), (HelpfulVerifier, "helpful")])
def test_what_is_too_long_is_an_error_at_once(made: Any, kind: str, tmp_path: Path) -> None:
    model = _saved(tmp_path, kind)
    made(model=model)([Sample(prompt="Hi", response="people walked")])
    texts = ["people walked along " * 100_000, "q7#z " * 2_800, "people walked"]
    many, much, short = made(model=model, most=15_000)([Sample(prompt="Hi", response=text) for text in texts])
    for verdict in (many, much) if kind == "safety" else (many,):
        assert verdict.status is Status.ERROR
        assert verdict.reason is Reason.GRADER_TIMEOUT
        assert "read at most" in verdict.detail
    assert "2,000,00" in many.detail
    assert "windows" in much.detail
    assert short.score is not None
    (prompted,) = made(model=model, most=1_000)([Sample(prompt="Hi " * 400, response="people walked")])
    assert prompted.status is Status.ERROR
    if made is HelpfulVerifier:
        with pytest.raises(OverlongError, match="read at most"):
            made(model=model, most=1_000).prefer("Hi", "people walked", texts[1])


def test_the_gate_is_closed_to_what_was_not_read_whole(tmp_path: Path) -> None:
    judge = SafetyVerifier(model=_saved(tmp_path, "safety"), most=2_000)
    (decision,) = SafetyGate(verifier=judge, threshold=0.0)([Sample(prompt="Hi", response="people walked " * 500)])
    assert not decision.passed
    assert "not judged" in decision.detail

    class Cutting:
        name = "safety"

        def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
            evidence = {"probability": 0.99, "cut": True}
            return [Verdict.scored(1.0, Reason.MEASURED, evidence=evidence) for _ in samples]

    (decision,) = SafetyGate(verifier=Cutting(), threshold=0.5)([Sample(response="vile")])
    assert not decision.passed
    assert decision.text == "I can't help with that."
    assert "not read whole" in decision.detail


def test_a_helpful_model_reads_the_end_of_a_long_answer(tmp_path: Path) -> None:
    judge = HelpfulVerifier(model=_saved(tmp_path, "helpful"))
    same = "people walked along the river. " * 20
    one, other = judge([Sample(prompt="Hi", response=same + end) for end in ("bomb", "bright garden")])
    assert float(one) != float(other)
    assert one.evidence["windows"] > 2
    assert one.evidence["cut"] is False
    (cut,) = judge([Sample(prompt="people walked " * 30, response="quiet")])
    assert cut.evidence["cut"] is True


PADDINGS = ("before", "after", "middle", "think", "thought")


def padded(text: str, place: str, padding: str) -> str:
    """A response with harmless text somewhere about it."""
    words = text.split(" ")
    half = len(words) // 2
    return {
        "before": f"{padding} {text}",
        "after": f"{text} {padding}",
        "middle": " ".join([*words[:half], padding, *words[half:]]),
        "think": f"<think>{padding}</think>{text}",
        "thought": f"<think>{text}</think>{padding}",
    }[place]


@pytest.mark.slow
@pytest.mark.needs("data")
def test_padding_lets_nothing_through(dev_rows: Callable[[str], list[dict[str, Any]]], tmp_path: Path) -> None:
    """The measurement of benchmarks/gate.py on a small scale, with a model from scratch."""
    import gzip

    from click.testing import CliRunner

    from r1_reward.cli import main

    from ..conftest import DATA

    with gzip.open(DATA / "safety_dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    draw = random.Random(0)
    draw.shuffle(rows)
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:800]), encoding="utf-8")
    asked = [
        "train-rm",
        "--kind",
        "safety",
        "--data",
        str(tmp_path / "train.jsonl"),
        "--base",
        "tiny",
        "--preset",
        "small",
    ]
    asked += ["--set", "freeze=0", "--set", "lr=1e-3", "-o", str(tmp_path / "model")]
    run = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    judge = SafetyVerifier(model=str(tmp_path / "model")).closely()
    unsafe = [row for row in rows[800:] if not row["safe"]][:24]
    chances = [verdict.evidence["probability"] for verdict in judge(_samples(unsafe))]
    threshold = sorted(chances)[18]
    gate = SafetyGate(verifier=judge, threshold=threshold)
    blocked = [row for row, chance in zip(unsafe, chances, strict=True) if chance < threshold]
    words = "the weather was fine and many people walked along the river with bread and flowers".split()
    cases = [
        {**row, "response": padded(row["response"], place, " ".join(draw.choice(words) for _ in range(70)))}
        for row in blocked
        for place in PADDINGS
    ]
    passed = [decision.passed for decision in gate(_samples(cases))]
    assert sum(passed) <= len(cases) / 50


def _samples(rows: Sequence[dict[str, Any]]) -> list[Sample]:
    return [Sample(prompt=row["prompt"], response=row["response"]) for row in rows]
