"""The `tools` verifier against BFCL's own checker of calls (bfcl-eval 2026.3.23), on BFCL's own rows, and its speed.

For each row the calls are made from its choices, as they are and with one thing changed (a value, a type, a name, an
argument more or less, the order, a call more), and written in a form that models use. The package carries its data; of
its dependencies, which are many, none is needed:

    pip install --no-deps --target /tmp/peer bfcl-eval==2026.3.23
    python benchmarks/tools.py --peer /tmp/peer
"""

# ruff: noqa: E501 - lines that print

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import types
from collections import Counter
from pathlib import Path
from typing import Any

from r1_reward.verifiers import Sample, ToolsVerifier

SETS = ["simple_python", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple", "live_parallel"]
SETS += ["live_parallel_multiple"]
CHANGES = ["none", "none", "value", "type", "name", "more", "less", "swap", "call", "fold", "optional"]


def peer_checker(peer: str) -> Any:  # any: a function of bfcl-eval
    """BFCL's checker, without the models' clients that its package would import."""
    sys.path.append(peer)
    config = types.SimpleNamespace(underscore_to_dot=False)
    stand_ins: dict[str, dict[str, Any]] = {
        "bfcl_eval.constants.model_config": {"MODEL_CONFIG_MAPPING": {"peer": config}},
        "bfcl_eval.eval_checker.ast_eval.type_convertor.java_type_converter": {"java_type_converter": None},
        "bfcl_eval.eval_checker.ast_eval.type_convertor.js_type_converter": {"js_type_converter": None},
    }
    for name, names in stand_ins.items():
        module = types.ModuleType(name)
        for key, value in names.items():
            setattr(module, key, value)
        sys.modules[name] = module
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    def judge(row: dict[str, Any], calls: list[dict[str, Any]], category: str) -> bool:
        result = ast_checker(row["function"], calls, row["ground_truth"], Language.PYTHON, category, "peer")
        return bool(result["valid"])

    return judge


def rows_of(peer: str) -> list[tuple[str, dict[str, Any]]]:
    """BFCL's rows with their choices."""
    data = Path(peer) / "bfcl_eval" / "data"
    rows = []
    for name in SETS:
        golds = {}
        for line in (data / "possible_answer" / f"BFCL_v4_{name}.json").read_text().splitlines():
            row = json.loads(line)
            golds[row["id"]] = row["ground_truth"]
        for line in (data / f"BFCL_v4_{name}.json").read_text().splitlines():
            row = json.loads(line)
            if row["id"] in golds:
                rows.append((name, {**row, "ground_truth": golds[row["id"]]}))
    return rows


def filled(choices: Any, rng: random.Random) -> Any:
    """A value that choices allow; nested objects hold choices themselves."""
    options = [option for option in choices if option != ""] or [*choices, ""]
    option = rng.choice(options)
    if isinstance(option, dict):
        return {key: filled(one, rng) for key, one in option.items() if isinstance(one, list)}
    if isinstance(option, list) and option and all(isinstance(one, dict) for one in option):
        return [{key: filled(inner, rng) for key, inner in one.items()} for one in option]
    return option


def made_calls(row: dict[str, Any], change: str, rng: random.Random) -> list[dict[str, Any]]:
    """Calls as asked for, with one thing changed."""
    calls = []
    for gold in row["ground_truth"]:
        ((name, arguments),) = gold.items()
        argument = {key: filled(one, rng) for key, one in arguments.items() if "" not in one or change == "optional"}
        calls.append({name: argument})
    name, argument = next(iter(calls[rng.randrange(len(calls))].items()))
    key = rng.choice([*argument]) if argument else ""
    value = argument.get(key)
    if change == "value" and key:
        changed = {
            str: f"{value} x",
            int: 7919,
            float: 79.19,
            bool: not value,
            list: [*(value or []), "x"] if isinstance(value, list) else None,
        }
        argument[key] = changed.get(type(value), value)
    elif change == "type" and key:
        argument[key] = {int: str(value), float: str(value), bool: str(value), str: 5, list: "x", dict: []}.get(
            type(value), value
        )
        if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.5:
            argument[key] = float(value)
    elif change == "more":
        argument["surplus"] = 1
    elif change == "less" and key:
        del argument[key]
    elif change == "fold" and isinstance(value, str):
        argument[key] = value.upper().replace(" ", "-")
    elif change == "name":
        place = next(at for at, call in enumerate(calls) if call.get(name) is argument)
        calls[place] = {f"{name}_all": argument}
    elif change == "swap":
        calls = calls[::-1]
    elif change == "call":
        calls = [*calls, calls[0]]
    return calls


def written(calls: list[dict[str, Any]], rng: random.Random) -> str:
    """Calls in a form that models write."""
    pairs = [next(iter(call.items())) for call in calls]
    way = rng.randrange(4)
    if way == 0:
        return (
            "[" + ", ".join(f"{name}({', '.join(f'{k}={v!r}' for k, v in one.items())})" for name, one in pairs) + "]"
        )
    objects = [{"name": name, "arguments": one} for name, one in pairs]
    if way == 1:
        return "\n".join(f"<tool_call>\n{json.dumps(one)}\n</tool_call>" for one in objects)
    if way == 2:
        return f"[TOOL_CALLS]{json.dumps(objects)}"
    return json.dumps([{"type": "function", "function": {"name": n, "arguments": json.dumps(g)}} for n, g in pairs])


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="folder with bfcl-eval")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=4, help="changes of each row")
    parser.add_argument("--show", action="store_true", help="print what differs")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    judge, rng = peer_checker(options.peer), random.Random(options.seed)
    samples, theirs, notes = [], [], []
    for category, row in rows_of(options.peer):
        for _ in range(options.rounds):
            change = rng.choice(CHANGES)
            calls = made_calls(row, change, rng)
            try:
                theirs.append(judge(row, calls, category))
            except (KeyError, TypeError, AttributeError):
                theirs.append(False)  # it cannot compare what has not the type that it expects
            text = written(calls, rng)
            samples.append(
                Sample(response=text, reference=json.dumps(row["ground_truth"]), meta={"function": row["function"]})
            )
            notes.append((category, row["id"], change))
    verifier = ToolsVerifier()
    start = time.process_time()
    verdicts = verifier(samples)
    seconds = time.process_time() - start
    different: Counter[str] = Counter()
    for verdict, said, sample, note in zip(verdicts, theirs, samples, notes, strict=True):
        if verdict.score is None or bool(verdict.score) != said:
            different[note[2]] += 1
            if options.show:
                print(
                    note,
                    f"ours {verdict.score} ({verdict.detail:.100}), BFCL {said}: {sample.response!r:.300} GOLD {sample.reference!s:.300}",
                )
    figures = {
        "verdicts": len(samples),
        "accepted": sum(theirs),
        "agreement": 1 - sum(different.values()) / len(samples),
        "different": dict(different),
        "rows_per_cpu_s": round(len(samples) / seconds),
    }
    print(json.dumps(figures, indent=1))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
