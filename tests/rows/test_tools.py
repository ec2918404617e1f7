"""Files that the tools' own writers made (`tools/write.py`) are read; the lines of docs/how-to/files.md score them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.cli import main
from r1_reward.rows.decode import decode_row
from r1_reward.rows.files import Input
from r1_reward.rows.reader import RowReader

TOOLS = Path(__file__).parent / "tools"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "files.md"
PROMPT, RIGHT, WRONG = "What is 2 + 2?", "<think>Two and two.</think>\\boxed{4}", "\\boxed{5}"
LINES = re.findall(r"\| `(r1-reward score [^`]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def made_by(package: str, suffix: str = ".jsonl") -> Path:
    (result,) = TOOLS.glob(f"{package}-*{suffix}")
    return result


@pytest.mark.parametrize(
    ("package", "suffix", "tool", "gold"),
    [
        ("verl", ".jsonl", "verl", True),
        ("verifiers", ".jsonl", "verifiers", True),
        ("lm_eval", ".jsonl", "lm-eval", True),
        ("inspect_ai", ".eval", "inspect", True),
        ("inspect_ai", ".json", "inspect", True),
        ("openai", ".jsonl", "openai", False),
        ("vllm", ".jsonl", "openai", False),
    ],
)
def test_what_a_tool_wrote_is_read(package: str, suffix: str, tool: str, gold: bool) -> None:
    reads = [RowReader().read_row(decode_row(row)[0]) for row in Input([str(made_by(package, suffix))], 1 << 24)]
    samples = [sample for read in reads for sample in read.samples]
    assert [sample.response for sample in samples] == [RIGHT, WRONG]
    assert all(read.reading is not None and read.reading.tool == tool for read in reads)
    assert [sample.references for sample in samples] == [("4",) if gold else ()] * 2
    assert not gold or all("2 + 2" in sample.prompt_text for sample in samples)


@pytest.mark.needs("pyarrow")
@pytest.mark.parametrize("prompts", ["text", "chat"])
def test_what_trl_wrote_is_read(prompts: str) -> None:
    for row in Input([str(made_by("trl", f"-{prompts}.parquet"))], 1 << 24):
        read = RowReader().read_row(decode_row(row)[0])
        (sample,) = read.samples
        assert read.reading is not None
        assert (read.reading.tool, sample.prompt_text, sample.references) == ("trl", PROMPT, ("4",))
        assert sample.response in (r"\boxed{4}", r"\boxed{5}")


def test_a_trace_of_several_agents_is_not_read_as_an_answer() -> None:
    row = json.loads(made_by("verifiers").read_text(encoding="utf-8").splitlines()[0])
    row["traces"] *= 2
    with pytest.raises(Exception, match="no field 'response'"):
        RowReader().read_row(row)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page names: of the tools' own writers where these can be had, else as they are documented."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    made = tmp_path_factory.mktemp("howto")
    kept = {
        "completions/completions_00001.parquet": made_by("trl", "-text.parquet"),
        "rollouts/1.jsonl": made_by("verl"),
        "traces.jsonl": made_by("verifiers"),
        "samples_sums.jsonl": made_by("lm_eval"),
        "logs/sums.eval": made_by("inspect_ai", ".eval"),
        "samples.jsonl": made_by("evalplus"),
        "out.jsonl": made_by("vllm"),
    }
    for name, source in kept.items():
        (made / name).parent.mkdir(exist_ok=True)
        shutil.copy(source, made / name)
    test = "def check(candidate):\n    assert candidate(1) == 1\n"
    chat = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": RIGHT}]
    dump = {"prompt": chat[:1], "data_source": "sums", "reward_model": {"style": "rule", "ground_truth": "4"}}
    parts = [{"text": RIGHT}]
    rows: dict[str, list[dict[str, Any]]] = {
        "gold.jsonl": [{"id": f"q{n}", "prompt": f"{PROMPT}{' again' * n}", "answer": "4"} for n in (0, 1)],
        "HumanEvalPlus.jsonl": [{"task_id": "HumanEval/0", "prompt": "def f(x):\n", "entry_point": "f", "test": test}],
        "results.jsonl": [{"example_id": 0, "task": "sums", "prompt": chat[:1], "completion": chat[1:], "answer": "4"}],
        "rewarded.jsonl": [{"input": PROMPT, "output": RIGHT, "label": "4"}],
        "chats.jsonl": [{"messages": chat, "answer": "4"}],
        "outputs.jsonl": [{"request_id": "0", "prompt": PROMPT, "outputs": [{"index": 0, "text": RIGHT}]}],
        "gemini.jsonl": [{"key": "q0", "response": {"candidates": [{"content": {"parts": parts, "role": "model"}}]}}],
        "data/a.jsonl": [{"question": PROMPT, "meta": {"answer": "4"}, "generations": [RIGHT, WRONG]}],
    }
    for name, held in rows.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text("".join(json.dumps(row) + "\n" for row in held), encoding="utf-8")
    parquet.write_table(pyarrow.Table.from_pylist([{**dump, "responses": [RIGHT, WRONG]}]), made / "generated.parquet")
    details = {"doc": {"query": PROMPT, "golds": ["4"], "id": "0"}, "model_response": {"text": [RIGHT]}}
    parquet.write_table(pyarrow.Table.from_pylist([details]), made / "details.parquet")
    tables = {"columns": ["prompt", "completion", "answer"], "data": [[PROMPT, RIGHT, "4"]]}
    (made / "completions.table.json").write_text(json.dumps(tables), encoding="utf-8")
    return made


@pytest.mark.parametrize(
    "line", [pytest.param(line, marks=pytest.mark.needs("userns") if "HumanEval" in line else ()) for line in LINES]
)
def test_a_line_of_the_page_scores_its_file(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    arguments = shlex.split(line)[1:]
    result = CliRunner().invoke(main, [*arguments, "--workers", "1", "--overwrite"])
    assert result.exit_code == 0, result.stderr
    out = Path(arguments[arguments.index("-o") + 1]) if "-o" in arguments else None
    if out is None or out.suffix == ".jsonl":
        text = result.stdout if out is None else out.read_text(encoding="utf-8")
        rewards = [json.loads(row)["reward"] for row in text.splitlines()]
        flat = [one for reward in rewards for one in (reward if isinstance(reward, list) else [reward])]
        assert 1.0 in flat
        assert set(flat) <= {0.0, 1.0}
    else:
        assert out.stat().st_size


def test_the_pages_of_tools_have_the_lines_that_are_run() -> None:
    pages = sorted((PAGE.parent / "tools").glob("*.md"))
    named = re.findall(r"\]\((tools/\w+\.md)\)", PAGE.read_text(encoding="utf-8"))
    assert {PAGE.parent / name for name in named} == set(pages)
    lines = [line for page in pages for line in re.findall(r"^r1-reward .*", page.read_text(encoding="utf-8"), re.M)]
    assert sorted(lines) == sorted(LINES)


def test_the_page_has_a_line_for_each_tool_that_it_names() -> None:
    rows = re.findall(r"^\| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[2:]
    assert len(rows) == len(LINES) >= 15
