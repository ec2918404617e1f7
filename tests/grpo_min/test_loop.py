"""The loop: what it refuses, what it computes, and that nothing is lost or done twice when it is cut off."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from r1_reward.grpo_min import checkpoint
from r1_reward.grpo_min.config import (
    AdvantageConfig,
    CheckpointConfig,
    DataConfig,
    MemoryConfig,
    OptimizerConfig,
    RewardConfig,
    RolloutConfig,
    TrainConfig,
)
from r1_reward.grpo_min.loop import Trainer
from r1_reward.grpo_min.loss import LossConfig
from r1_reward.grpo_min.runlog import StepMetrics
from r1_reward.grpo_min.toy.arithmetic import sums, toy_model, toy_tokenizer
from r1_reward.verifiers import Reason, Sample, Verdict, Verifier
from r1_reward.verifiers.errors import ConfigError, RunError


class Evens:
    """Rewards even digits: dense enough for a model at random to have something to learn from."""

    name = "evens"

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        return [self.one(sample.response) for sample in samples]

    @staticmethod
    def one(text: str) -> Verdict:
        score = sum(text.count(digit) for digit in "02468") / 10
        return Verdict.scored(score, Reason.MEASURED, parts={"evens": score})


def _config(folder: Path, **changes: Any) -> TrainConfig:  # any: fields of the configuration
    config = TrainConfig(
        output=str(folder),
        steps=6,
        reference_every=2,
        data=DataConfig(template="plain"),
        rollout=RolloutConfig(questions=2, samples=4, minibatches=2, prompts_at_once=3, max_tokens=((0, 8), (3, 6))),
        loss=LossConfig(beta=0.01),
        optimizer=OptimizerConfig(lr=1e-3, schedule="cosine", warmup=2),
        checkpoint=CheckpointConfig(every=2, keep=2),
    )
    return replace(config, **changes)


def _trainer(config: TrainConfig, reward: Verifier | None = None, **options: Any) -> Trainer:  # any: Trainer's
    tokenizer = toy_tokenizer()
    model = options.pop("model", None) or toy_model(tokenizer, width=16, layers=1)
    return Trainer(config, model, tokenizer, options.pop("samples", sums(7, 0)), reward or Evens(), **options)


def _timeless(lines: Sequence[StepMetrics]) -> list[StepMetrics]:
    """Without the numbers of the clock."""
    return [{k: v for k, v in line.items() if k.split("/")[0] not in ("seconds", "speed", "time")} for line in lines]


def _read(path: Path) -> list[StepMetrics]:
    return _timeless([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])


def _weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in trainer.learner.policy.state_dict().items()}


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_tells_each_step_and_changes_the_policy(tmp_path: Path) -> None:
    trainer = _trainer(_config(tmp_path))
    before = _weights(trainer)
    lines = list(trainer.steps())
    assert [line["step"] for line in lines] == list(range(1, 7))
    assert _read(tmp_path / "metrics.jsonl") == _timeless(lines)
    assert not _same(before, _weights(trainer))
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000004", "step-00000006"]
    first = lines[0]
    assert first["kl"] == pytest.approx(0, abs=1e-6)
    assert first["ratio"] == pytest.approx(1, abs=1e-4)
    assert first["samples"] == 8
    assert first["reward"] == pytest.approx(first["reward/evens"])
    assert lines[1]["kl"] > 0
    results = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in results] == list(range(1, 7))
    trainer.close()


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5])
def test_a_resumed_run_is_bit_equal(tmp_path: Path, stop_after: int) -> None:
    whole = _trainer(_config(tmp_path / "whole"))
    lines = list(whole.steps())
    seen: list[StepMetrics] = []
    cut = _trainer(_config(tmp_path / "cut"), stopped=lambda: len(seen) >= stop_after)
    for line in cut.steps():
        seen += [line]
    assert len(seen) == stop_after
    torch.manual_seed(123)
    resumed = _trainer(_config(tmp_path / "cut"))
    assert resumed.step == stop_after
    rest = list(resumed.steps())
    assert _timeless(seen + rest) == _timeless(lines)
    assert _read(tmp_path / "cut" / "metrics.jsonl") == _read(tmp_path / "whole" / "metrics.jsonl")
    assert (tmp_path / "cut" / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "samples.jsonl").read_bytes()
    assert _same(_weights(whole), _weights(resumed))
    one, other = whole.learner.optimizer.state_dict(), resumed.learner.optimizer.state_dict()
    assert all(torch.equal(one["state"][0][key], other["state"][0][key]) for key in ("step", "exp_avg", "exp_avg_sq"))


def _gradient_of(tmp_path: Path, name: str, memory: MemoryConfig, loss: LossConfig) -> torch.Tensor:
    """The gradient of one step of 16 samples, in float64."""
    config = _config(
        tmp_path / name, steps=1, memory=memory, loss=loss,
        rollout=RolloutConfig(questions=4, samples=4, minibatches=1, max_tokens=((0, 8),)),
        optimizer=OptimizerConfig(clip=0.0),
    )  # fmt: skip
    model = toy_model(toy_tokenizer(), width=16, layers=2).double()
    trainer = _trainer(config, model=model)
    results: list[torch.Tensor] = []

    def look(*_: Any) -> None:  # any: what torch passes to a hook
        results.extend(w.grad.flatten().clone() for w in trainer.learner.policy.parameters() if w.grad is not None)

    trainer.learner.optimizer.register_step_pre_hook(look)
    list(trainer.steps())
    return torch.cat(results)


@pytest.mark.parametrize("loss", [LossConfig(beta=0.04), LossConfig(ratio="sequence", aggregate="token_mean")])
def test_neither_micro_batches_nor_sharing_nor_fusing_change_a_gradient(tmp_path: Path, loss: LossConfig) -> None:
    expected = _gradient_of(tmp_path, "a", MemoryConfig(), loss)
    assert expected.abs().max() > 1e-3
    for number, memory in enumerate(
        (MemoryConfig(tokens=40), MemoryConfig(tokens=1), MemoryConfig(chunk=3), MemoryConfig(share_prompts=False))
    ):
        result = _gradient_of(tmp_path, str(number), memory, loss)
        torch.testing.assert_close(result, expected, atol=2e-7 * float(expected.abs().max()), rtol=0)


class Broken(Evens):
    """Fails in the way told for about a quarter of the samples, or for every call."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        verdicts = super().__call__(samples)
        if self.how == "raises":
            raise ZeroDivisionError("no luck")
        if self.how == "short":
            return verdicts[1:]
        if self.how == "error":
            verdicts[0] = Verdict.error(Reason.SANDBOX_UNAVAILABLE, "no sandbox")
        if self.how == "nan":
            object.__setattr__(verdicts[0], "score", float("nan"))
        return verdicts


@pytest.mark.parametrize("how", ["error", "nan"])
def test_what_could_not_be_judged_is_masked_and_counted(tmp_path: Path, how: str) -> None:
    trainer = _trainer(_config(tmp_path), Broken(how))
    lines = list(trainer.steps())
    assert all(line["unjudged"] == 0.25 and "unjudged" in [a["name"] for a in line["alarms"]] for line in lines)
    assert all(torch.isfinite(weight).all() for weight in _weights(trainer).values())
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(("how", "said"), [("raises", "no luck"), ("short", "one Verdict for each of 4")])
def test_a_reward_that_breaks_ends_the_run_and_says_why(tmp_path: Path, how: str, said: str) -> None:
    with pytest.raises(RunError, match=f"100% of a rollout could not be judged.*{said}"):
        list(_trainer(_config(tmp_path), Broken(how)).steps())
    tolerant = _config(tmp_path, reward=RewardConfig(stop_above=1.0))
    trainer = _trainer(tolerant, Broken(how))
    before = _weights(trainer)
    lines = list(trainer.steps())
    assert [line["unjudged"] for line in lines] == [1.0] * 6
    assert _same(before, _weights(trainer))


def test_what_cannot_be_run_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the data is empty"):
        _trainer(_config(tmp_path), samples=[])
    with pytest.raises(ConfigError, match=r"question 0 .* has 300 tokens"):
        _trainer(_config(tmp_path), samples=[Sample(response="", prompt="1" * 300)])
    tokenizer = toy_tokenizer()
    tokenizer.eos_token = None
    model = toy_model(toy_tokenizer(), width=16, layers=1)
    model.generation_config.eos_token_id = None
    with pytest.raises(ConfigError, match="EOS"):
        Trainer(_config(tmp_path), model, tokenizer, sums(3, 0), Evens())
    list(_trainer(_config(tmp_path, steps=1)).steps())
    with pytest.raises(ConfigError, match="another loss"):
        _trainer(_config(tmp_path, loss=LossConfig(beta=0.5)))


@pytest.mark.parametrize("zero_variance", ["skip", "refill"])
def test_groups_that_teach_nothing_are_left_out(tmp_path: Path, zero_variance: Any) -> None:  # any: a Literal
    class Seldom(Evens):
        def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
            return [Verdict.scored(1.0, Reason.CORRECT) if self.dull(s) else Evens.one(s.response) for s in samples]

        @staticmethod
        def dull(sample: Sample) -> bool:
            return sample.language == "en"  # four of seven, so that five questions hold one

    config = _config(tmp_path, advantage=AdvantageConfig(zero_variance=zero_variance, refills=5), steps=2)
    lines = list(_trainer(config, Seldom()).steps())
    assert all(line.get("zero_variance", 0.0) == 0 for line in lines)
    if zero_variance == "refill":
        assert [line["samples"] for line in lines] == [8, 8]
    else:
        assert 0 < sum(line.get("samples", 0) for line in lines) < 16


@pytest.mark.parametrize("kind", ["one sample", "all overlong"])
def test_nothing_to_learn_is_no_step_and_no_nan(tmp_path: Path, kind: str) -> None:
    rollout = RolloutConfig(questions=2, samples=1 if kind == "one sample" else 3, minibatches=1, max_tokens=((0, 1),))
    advantage = AdvantageConfig(mask_overlong=kind == "all overlong")
    trainer = _trainer(_config(tmp_path, rollout=rollout, advantage=advantage, loss=LossConfig(beta=0.0), steps=2))
    lines = list(trainer.steps())
    assert len(lines) == 2
    assert all(torch.isfinite(weight).all() for weight in _weights(trainer).values())


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    """A file may not grow past 4 kB: a real failed write, as of a full disk."""
    checkpoint.save(tmp_path, 1, {"step": 1}, keep=2)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(checkpoint.CheckpointError, match="cannot be written"):
            checkpoint.save(tmp_path, 2, {"step": 2, "big": torch.zeros(100_000)}, keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert checkpoint.latest(tmp_path) == {"step": 1}
    (tmp_path / "step-00000001" / "state.pt").write_bytes(b"torn")
    with pytest.raises(checkpoint.CheckpointError, match="cannot be read"):
        checkpoint.latest(tmp_path)


_KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
from test_loop import _config, _trainer

draw, steps = random.Random(4), int(sys.argv[3])
for _ in range(20):
    told, tell = os.pipe()
    child = os.fork()  # so that torch is loaded once
    if not child:
        for line in _trainer(_config(Path(sys.argv[1]), steps=steps)).steps():
            os.write(tell, b".")
        os._exit(0)
    os.close(tell)
    os.read(told, draw.randint(0, 4))
    time.sleep(draw.random() * 0.3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    last = sorted(Path(sys.argv[1]).glob("step-*"))
    print(last[-1].name if last else "none", flush=True)
"""


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_the_same(tmp_path: Path) -> None:
    """Each time another process goes on; nobody tells them where it was cut off."""
    steps, folder = 40, tmp_path / "killed"
    expected = list(_trainer(_config(tmp_path / "whole", steps=steps)).steps())
    command = [sys.executable, "-c", _KILLED, str(folder), str(Path(__file__).parent), str(steps)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    reached = run.stdout.split()
    assert len(reached) == 20
    assert len(set(reached)) > 3  # it was cut off at many a place
    last = _trainer(_config(folder, steps=steps))
    list(last.steps())
    assert _read(folder / "metrics.jsonl") == _timeless(expected)
    assert (folder / "samples.jsonl").read_bytes() == (tmp_path / "whole" / "samples.jsonl").read_bytes()
    state, other = checkpoint.latest(folder), checkpoint.latest(tmp_path / "whole")
    assert state is not None
    assert other is not None
    assert state["step"] == other["step"] == steps
    assert _same(state["model"], other["model"])
