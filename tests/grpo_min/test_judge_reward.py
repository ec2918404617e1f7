"""Training by a model that judges: rows on which it fails have no part in any weight."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from r1_reward.grpo_min.config import DataConfig, OptimizerConfig, RolloutConfig, TrainConfig
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.verifiers import JudgeVerifier, Reason, Sample, Status, Verdict


def _response(text: str) -> str:
    match = re.search(r"<<<(\w+) response>>>\n(.*?)\n<<<\1 end of response>>>", text, re.DOTALL)
    return match[2] if match else ""


def _evens(text: str) -> str:
    """Rates a response by its even digits."""
    score = min(1.0, sum(_response(text).count(digit) for digit in "02468") / 10)
    return json.dumps({"code": re.findall(r'"code": "(\w+)"', text)[-1], "reasons": "", "score": 1 + 9 * score})


def _failing(text: str) -> str:
    if zlib.crc32(_response(text).encode()) % 5 == 0:
        raise TimeoutError("the judge is late")
    return _evens(text)


class Replaced:
    """The judge, with another verdict for the rows on which it fails."""

    name = "judge"

    def __init__(self, verdict: Callable[[], Verdict]) -> None:
        self._judge, self._verdict = JudgeVerifier(ask=_failing, mode="scale", retries=0), verdict
        self.replaced = self.seen = 0

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        result = self._judge(samples)
        lost = [one.status is Status.ERROR for one in result]
        self.replaced, self.seen = self.replaced + sum(lost), self.seen + len(lost)
        return [self._verdict() if gone else one for gone, one in zip(lost, result, strict=True)]


def _train(folder: Path, reward: JudgeVerifier | Replaced) -> tuple[dict[str, torch.Tensor], list[float]]:
    tokenizer = toy_tokenizer()
    config = TrainConfig(
        output=str(folder),
        steps=4,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=2, samples=8, max_tokens=((0, 8),)),
        optimizer=OptimizerConfig(lr=1e-3),
    )
    trainer = Trainer(config, toy_model(tokenizer, width=16, layers=1), tokenizer, sums(7, 0), reward)
    unjudged = [line["unjudged"] for line in trainer.steps()]
    return {name: weight.clone() for name, weight in trainer.learner.policy.state_dict().items()}, unjudged


def test_rows_on_which_the_judge_fails_change_no_weight(tmp_path: Path) -> None:
    judge = JudgeVerifier(ask=_failing, mode="scale", retries=0)
    weights, unjudged = _train(tmp_path / "failing", judge)
    masked = Replaced(lambda: Verdict.error(Reason.SANDBOX_UNAVAILABLE, "left out"))
    without, _ = _train(tmp_path / "masked", masked)
    zeros, _ = _train(tmp_path / "zeros", Replaced(lambda: Verdict.scored(0.0, Reason.MEASURED)))
    assert 0.05 < masked.replaced / masked.seen < 0.4
    assert all(0 < share < 0.5 for share in unjudged)
    assert all(torch.equal(weights[name], without[name]) for name in weights)
    assert not all(torch.equal(weights[name], zeros[name]) for name in weights)
