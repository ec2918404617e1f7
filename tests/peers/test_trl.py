"""TRL's own trainers, a few steps on a tiny random model, with our rewards."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from r1_reward.adapters.trl import async_reward, reward
from r1_reward.rows.messages import response_text
from r1_reward.sandbox import Limits
from r1_reward.verifiers import (
    CodeVerifier,
    FormatVerifier,
    InstrumentDown,
    LanguageVerifier,
    MathVerifier,
    Reason,
    Sample,
    TestCase,
    Verifier,
)

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

PROMPT = "What is 2 + 2 ?"
Turns = list[dict[str, str]]


def rows(conversational: bool) -> Any:  # any: a Dataset
    prompt: str | Turns = [{"role": "user", "content": PROMPT}] if conversational else PROMPT
    return datasets.Dataset.from_dict({"prompt": [prompt] * 8, "answer": ["4", "5"] * 4, "language": ["en"] * 8})


class Recorder:
    """A reward function of no weight that keeps what TRL hands over."""

    __name__ = "recorder"

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **value: Any) -> list[float]:
        self.calls.append(value)
        return [0.0] * len(value["completions"])


def train(trainer: str, rewards: list[Any], data: Any, model: Any, tokenizer: Any, folder: Path, **more: Any) -> Any:
    config = getattr(trl, f"{trainer}Config")(
        output_dir=str(folder),
        per_device_train_batch_size=8,
        num_generations=4,
        max_steps=3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        beta=0.0,  # no reference model, which RLOO would load by the model's name
        reward_weights=[1.0] * (len(rewards) - 1) + [0.0],
        **{"max_completion_length": 24, **more},
    )
    made = getattr(trl, f"{trainer}Trainer")(
        model=model, args=config, train_dataset=data, processing_class=tokenizer, reward_funcs=rewards
    )
    made.train()
    return made


def expected(verifier: Verifier, call: dict[str, Any]) -> float:
    samples = [
        Sample(response=response_text(completion), prompt=PROMPT, reference=answer, language="en")
        for completion, answer in zip(call["completions"], call["answer"], strict=True)
    ]
    scores = [verdict.score for verdict in verifier(samples)]
    return sum(score or 0.0 for score in scores) / len(scores)


@pytest.mark.parametrize("conversational", [False, True], ids=["text", "messages"])
@pytest.mark.parametrize("make", [reward, async_reward], ids=["sync", "async"])
@pytest.mark.parametrize("trainer", ["GRPO", "RLOO"])
def test_logged_means_are_those_of_the_verifiers(
    trainer: str,
    make: Callable[..., Any],
    conversational: bool,
    model: Callable[[], Any],
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    recorder = Recorder()
    rewards = [make("math"), make("format"), make("language"), recorder]
    made = train(trainer, rewards, rows(conversational), model(), tokenizer, tmp_path)
    logs = [log for log in made.state.log_history if "rewards/math/mean" in log]
    assert len(logs) == len(recorder.calls) == 3
    verifiers: dict[str, Verifier] = {
        "math": MathVerifier(),
        "format": FormatVerifier(),
        "language": LanguageVerifier(),
    }
    for log, call in zip(logs, recorder.calls, strict=True):
        for name, verifier in verifiers.items():
            assert log[f"rewards/{name}/mean"] == pytest.approx(expected(verifier, call), abs=1e-6)
            assert log[f"{name}/valid"] == 1.0
            assert log[f"{name}/error"] == 0.0
        assert all(math.isfinite(value) for value in log.values() if isinstance(value, float))
    assert any(log["rewards/language/mean"] > 0 for log in logs)  # or the comparison above would compare zeros
    assert any(log["rewards/math/mean"] > 0 for log in logs)


def test_what_cannot_be_judged_gets_no_advantage_and_is_told(
    model: Callable[[], Any], tokenizer: Any, tmp_path: Path
) -> None:
    recorder = Recorder()
    data = rows(False).remove_columns("answer").add_column("answer", ["4", None] * 4)
    made = train("GRPO", [reward("math", breaker=None), recorder], data, model(), tokenizer, tmp_path)
    logs = [log for log in made.state.log_history if "math/error" in log]
    for log, call in zip(logs, recorder.calls, strict=True):
        missing = sum(answer is None for answer in call["answer"]) / len(call["answer"])
        assert log["math/error"] == pytest.approx(missing)
        assert log["math/valid"] == pytest.approx(1 - missing)
        assert math.isfinite(log["loss"])
    assert any(None in call["answer"] for call in recorder.calls)


def test_a_dead_instrument_ends_the_run(model: Callable[[], Any], tokenizer: Any, tmp_path: Path) -> None:
    data = rows(False).remove_columns("answer").add_column("kind", ["math"] * 8)
    with pytest.raises(InstrumentDown, match="reference_missing"):
        train("GRPO", [reward("math", window=16), Recorder()], data, model(), tokenizer, tmp_path)


PROGRAMS = (
    *("print(2+2)", "print(4)", "print('4')", "print(5)", "print(1/0)", "print(4", "while True: pass", "four"),
    *("import os; os._exit(0)", "print(4, file=open('/etc/x', 'w'))", "import sys; sys.stdout.write('4')", "print()"),
)
TESTS = [{"type": "stdin", "input": "", "output": "4"}]
LIMITS = {"time_s": 1.0, "memory_mb": 256.0}


def program_rows() -> Any:  # any: a Dataset
    return datasets.Dataset.from_dict({"prompt": [PROMPT] * 8, "tests": [TESTS] * 8, "limits": [LIMITS] * 8})


@pytest.mark.needs("userns")
@pytest.mark.parametrize("make", [reward, async_reward], ids=["sync", "async"])
def test_programs_are_judged_in_the_sandbox(
    make: Callable[..., Any], model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path
) -> None:
    recorder = Recorder()
    words = make_tokenizer(PROGRAMS)
    rewards = [make("code", name="code", options={"code": {"backend": "local"}}), recorder]
    made = train("GRPO", rewards, program_rows(), model(words), words, tmp_path, max_completion_length=1)
    logs = [log for log in made.state.log_history if "rewards/code/mean" in log]
    assert len(logs) == len(recorder.calls) == 3
    verifier = CodeVerifier(backend="local")
    verdicts = []
    for log, call in zip(logs, recorder.calls, strict=True):
        tests = [TestCase(type="stdin", input="", output="4")]
        samples = [Sample(response=text, tests=tests, limits=Limits(time_s=1)) for text in call["completions"]]
        judged = verifier(samples)
        assert log["rewards/code/mean"] == pytest.approx(sum(map(float, judged)) / len(judged), abs=1e-6)
        assert (log["code/valid"], log["code/error"]) == (1.0, 0.0)
        verdicts += [verdict.reason for verdict in judged]
    assert {Reason.CORRECT, Reason.WRONG} <= set(verdicts)  # or the comparison above would compare zeros


def test_a_dead_sandbox_ends_the_run_and_is_no_wrong_answer(
    model: Callable[..., Any], make_tokenizer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    words = make_tokenizer(PROGRAMS)
    dead = reward("code", options={"code": {"backend": "docker"}}, window=16)
    with pytest.raises(InstrumentDown, match="sandbox_unavailable"):
        train("GRPO", [dead, Recorder()], program_rows(), model(words), words, tmp_path, max_completion_length=1)


def test_presets_and_extra_columns_of_the_completions_table(
    model: Callable[[], Any], tokenizer: Any, tmp_path: Path
) -> None:
    rewards = [reward(preset="rl1"), reward("format", options={"format": {"mode": "graded"}}), Recorder()]
    made = train("GRPO", rewards, rows(True), model(), tokenizer, tmp_path, log_completions=True)
    (log, *_) = [log for log in made.state.log_history if "rl1/math_reward" in log]
    parts = [log[f"rl1/{term}_reward"] for term in ("math", "format", "language")]
    assert log["rewards/rl1/mean"] == pytest.approx(sum(parts), abs=1e-6)
    assert "rewards/format_graded/mean" in log


def test_async_grpo_scores_groups_with_what_was_pickled() -> None:
    worker = pytest.importorskip("trl.experimental.async_grpo.async_rollout_worker")
    import pickle

    loop = next(cls for cls in vars(worker).values() if isinstance(cls, type) and hasattr(cls, "_score_group"))
    rewards = pickle.loads(pickle.dumps([reward("math"), async_reward("format")]))
    completions = [
        [{"role": "assistant", "content": "<think>a</think><answer>4</answer>"}],
        [{"role": "assistant", "content": r"\boxed{5}"}],
    ]
    group = SimpleNamespace(
        prompts=[[{"role": "user", "content": PROMPT}]] * 2,
        completions=completions,
        completions_ids=[[1], [2]],
        reward_kwargs={"answer": ["4", "4"]},
        tool_call_counts=[0, 0],
        tool_failure_counts=[0, 0],
        completions_sequences=[[SimpleNamespace(input_ids=[1], completion_mask=[1], old_log_probs=[0.0])]] * 2,
        model_version=0,
        group_id=0,
    )
    names = [worker.get_callable_name(function) for function in rewards]
    assert names == ["math", "format"]
    fake = SimpleNamespace(
        reward_funcs=rewards, reward_func_names=names, _env_reward_types=[], _provides_rollout_reward=False
    )
    scored = asyncio.run(loop._score_group(fake, group))
    assert [sample.metrics["rewards/format"] for sample in scored] == [1.0, 0.0]
    assert [sample.metrics["rewards/math"] for sample in scored] == [1.0, 0.0]
    assert [sample.metrics["reward"] for sample in scored] == [2.0, 0.0]


@pytest.mark.parametrize("order", [("math", "format"), ("format", "math")])
@pytest.mark.parametrize("make", [reward, async_reward], ids=["sync", "async"])
def test_a_row_that_one_function_cannot_judge_has_no_advantage(
    make: Callable[..., Any],
    order: tuple[str, str],
    model: Callable[[], Any],
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    """TRL adds functions by `nansum`: a row without a gold was trained on as a wrong answer, by its format alone."""
    said = [
        r"<think> the sum </think> <answer> \boxed{4} </answer>",
        r"<think> so </think> <answer> \boxed{5} </answer>",
    ]
    rewards = list(map(make, order))
    data = datasets.Dataset.from_dict({"prompt": [PROMPT] * 8, "answer": ["4"] * 8, "kind": ["math"] * 8})
    config = trl.GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=4, num_generations=4, max_steps=1, report_to=[],
        use_cpu=True, bf16=False, disable_tqdm=True, save_strategy="no", max_completion_length=8,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=model(), args=config, train_dataset=data, processing_class=tokenizer, reward_funcs=rewards
    )
    seen: list[Any] = []
    judge = trainer._calculate_rewards

    def judged(inputs: Any, prompts: Any, completions: Any, *rest: Any, **more: Any) -> Any:
        """TRL's own, about a group of four: right, without a gold, wrong, right."""
        golds = ["4", "proof", "4", "4"]
        rows = [{**row, "answer": gold} for row, gold in zip(inputs, golds, strict=True)]
        texts = [said[0], said[0], said[1], said[0]]
        verdict = judge(rows, prompts, texts, *rest, **more)
        seen.append(verdict)
        return verdict

    trainer._calculate_rewards = judged
    advantages: list[Any] = []
    generate = trainer._generate_and_score_completions

    def generated(inputs: Any) -> Any:
        completions = generate(inputs)
        advantages.append(completions["advantages"])
        return completions

    trainer._generate_and_score_completions = generated
    trainer.train()
    for column in (0, 1):
        assert [bool(value.isnan()) for value in seen[0][:, column]] == [False, True, False, False]
    right, unjudged, wrong, _ = (float(value) for value in advantages[0])
    assert wrong < -0.5 < 0 < right
    assert unjudged == pytest.approx(0.0, abs=1e-6)
