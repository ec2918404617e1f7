"""Rows of procedural data sets, and the scores that foreign scorers give; runs inside an isolation.

reasoning-gym's scorers evaluate what a model wrote, by `eval` and by sympy, and so may others: that is why this runs
where nothing can be reached. Standard library, and the package that holds the scorer.
"""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any


def _gym(*names: str) -> Any:  # any: a module that is in the image alone
    return importlib.import_module(".".join(("reasoning_gym", *names)))


def _plain(value: Any) -> Any:  # any: whatever a data set holds, and JSON values
    """What JSON can hold of a value; texts of the rest."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def generate(name: str, size: int, seed: int, first: int, count: int, config: str) -> list[str]:
    """Some of the rows of a data set of reasoning-gym, as JSON."""
    made = _gym().create_dataset(name, size=size, seed=seed, **json.loads(config))
    rows = []
    for index in range(first, min(first + count, size)):
        entry = dict(made[index])
        entry["metadata"] = _plain({"source_dataset": name, "source_index": index, **entry.get("metadata", {})})
        rows.append(
            json.dumps({**_plain(entry), "made": {"size": size, "seed": seed, "index": index, "config": config}})
        )
    return rows


def names() -> list[str]:
    """The data sets that there are."""
    return sorted(_gym("factory").DATASETS)


def score(scorer: str, answer: str, row: str) -> float:
    """What a scorer gives for an answer: `reasoning-gym/NAME`, or `package.module:function`."""
    entry = json.loads(row)
    library, _, name = scorer.partition("/")
    if name and library == "reasoning-gym":
        entry = _original(name, entry)
        return float(_gym().get_score_answer_fn(name)(answer=answer, entry=entry))
    module, _, attribute = scorer.partition(":")
    function: Any = importlib.import_module(module)  # any: a module, then what is in it
    for part in attribute.split("."):
        function = getattr(function, part)
    if isinstance(function, type):
        function = function()
    value: Any = function(**_arguments(function, answer, entry))  # any: what a foreign scorer gives
    if inspect.isawaitable(value):
        import asyncio

        value = asyncio.run(_awaited(value))
    return float(_number(value))


def _number(value: Any) -> Any:  # any: what a foreign scorer gives
    return value.get("score", value.get("reward")) if isinstance(value, dict) else value


async def _awaited(value: Any) -> Any:  # any: an awaitable
    return await value


def _original(name: str, entry: dict[str, Any]) -> Any:  # any: JSON values, and a data set's own
    """The row as its data set makes it, where it says how: JSON has no tuples, sets or fractions."""
    made = entry.get("made")
    if isinstance(made, dict):
        config = json.loads(made.get("config") or "{}")
        data = _gym().create_dataset(name, size=made["size"], seed=made["seed"], **config)
        original = data[made["index"]]
        if original["question"] in str(entry.get("question")) or str(original["answer"]) == str(entry.get("answer")):
            return original
    return entry


def _arguments(function: Any, answer: str, entry: dict[str, Any]) -> dict[str, Any]:  # any: a callable, JSON values
    """What a scorer asks for by name, as verifiers, verl, OpenEnv and others call it."""
    reference, question = entry.get("answer"), entry.get("question")
    values: dict[str, Any] = dict.fromkeys(
        ("answer_text", "completion", "response", "prediction", "solution_str", "action", "output"), answer
    )
    values |= dict.fromkeys(("reference", "ground_truth", "target", "gold", "expected"), reference)
    values |= dict.fromkeys(("question", "prompt", "problem", "observation"), question)
    values |= {"entry": entry, "row": entry, "metadata": entry.get("metadata"), "info": entry.get("metadata")}
    values |= {"extra_info": entry.get("metadata"), "data_source": (entry.get("metadata") or {}).get("source_dataset")}
    known = inspect.signature(function).parameters
    # `answer` is the model's where nothing else is, and the gold beside a completion.
    others = {"completion", "response", "prediction", "solution_str", "action", "output", "answer_text"} & set(known)
    values["answer"] = reference if others else answer
    return {name: values[name] for name in known if name in values}
