"""A served model evaluated: faults and ends change nothing of the record, and a failed call is never a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.inspection.evaluation.served_model import Faulty, adder, choice, reply
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told

from r1_reward.cli import main
from r1_reward.inspection.evaluation.client import ModelClient
from r1_reward.inspection.evaluation.served import Serving, evaluate_served
from r1_reward.scoring.measure import Evaluation
from r1_reward.verifiers import Sample
from r1_reward.verifiers.errors import ConfigError, RunError
from r1_reward.verifiers.judge import asking
from r1_reward.verifiers.spec import RewardSpec

SUMS = [Sample(response="", prompt=f"{n}+{n}", reference=str(2 * n), meta={"level": n % 2}) for n in range(12)]
MATH = RewardSpec(rewards=("math",))
DEFAULT = Serving()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.001)


def _evaluate(
    script: Callable[[Asked], Told], output: Path | None = None, serving: Serving = DEFAULT, **options: Any
) -> tuple[Evaluation, list[Asked]]:
    questions = options.pop("questions", SUMS)
    client = {"max_tokens": 64, "timeout": 30.0, **options.pop("client", {})}
    with ScriptedServer(script) as server:
        made = ModelClient(url=server.url, model="m", temperature=0.6, **client)
        result = evaluate_served(
            made, questions, MATH, k=options.pop("k", 4), output=output, serving=serving, **options
        )
        return result, server.asked


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_one_call_in_five_that_fails_changes_nothing(tmp_path: Path) -> None:
    whole, faulty = tmp_path / "whole.jsonl", tmp_path / "faulty.jsonl"
    expected, _ = _evaluate(adder, whole)
    model = Faulty(adder)
    result, asked = _evaluate(model, faulty)
    assert model.faults >= 6  # each way at least once
    assert len(asked) == 48 + model.faults
    assert faulty.read_bytes() == whole.read_bytes()
    assert result == expected
    assert 0.4 < result.metrics["pass_at_1"].value < 0.9
    assert not Path(f"{faulty}.replies.jsonl").exists()  # the record has all of it


def test_a_call_that_keeps_failing_is_an_error_and_is_asked_again_later(tmp_path: Path) -> None:
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"

    def broken(asked: Asked) -> Told:
        return Told(status=500) if asked.text == "3+3" else adder(asked)

    result, _ = _evaluate(broken, out, Serving(retries=1))
    failed = [row for row in _rows(out) if "error" in row]
    assert [row["problem"] for row in failed] == ["question 4"] * 4
    assert all(row["reward"] is None and row["verdicts"] == {} and "response" not in row for row in failed)
    assert failed[0]["error"]["reason"] == "no_reply"
    assert "status 500" in failed[0]["error"]["detail"]
    assert result.metrics["unjudged"].value == pytest.approx(1 / 12)
    assert result.metrics["pass_at_1"].n == 11
    expected, _ = _evaluate(adder, whole)
    again, asked = _evaluate(adder, out, resume=True)
    assert {one.text for one in asked} == {"3+3"}  # all other replies were kept
    assert out.read_bytes() == whole.read_bytes()
    assert again == expected


def test_interrupted_anywhere_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    expected, _ = _evaluate(adder, whole)
    data = whole.read_bytes()

    class EndError(Exception):
        pass

    def end(done: int) -> None:
        if done >= 3:
            raise EndError

    with pytest.raises(EndError):
        _evaluate(adder, out, progress=end)
    replies = Path(f"{out}.replies.jsonl")
    kept = replies.read_bytes()
    note = Path(f"{out}.run.json").read_bytes()
    for size, torn in ((0, len(kept) - 7), (len(data) // 2, 0), (len(data) - 1, len(kept)), (len(data), 0)):
        out.write_bytes(data[:size])
        replies.write_bytes(kept[:torn])
        Path(f"{out}.run.json").write_bytes(note)
        result, _ = _evaluate(adder, out, Serving(concurrency=3), resume=True)
        assert out.read_bytes() == data
        assert result == expected


def test_going_on_with_something_else_and_writing_over_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    _evaluate(adder, out, k=1)
    kept = out.read_bytes()
    changes: list[dict[str, Any]] = [{"k": 2}, {"seed": 1}, {"questions": SUMS[:3]}, {"client": {"top_p": 0.5}}]
    for change in changes:
        options: dict[str, Any] = {"k": 1, "resume": True, **change}
        with pytest.raises(ConfigError, match="was made with another model"):
            _evaluate(adder, out, **options)
    with pytest.raises(ConfigError, match="is there"):
        _evaluate(adder, out, k=1)
    assert out.read_bytes() == kept
    _evaluate(adder, out, k=1, seed=1, overwrite=True)
    assert out.read_bytes() != kept


def test_completions_get_the_text_and_several_samples_a_request(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    client = {"served": "completions", "stop": ("\n\n",), "extra": {"top_k": 20}}
    serving = Serving(per_request=3)
    result, asked = _evaluate(adder, out, serving, k=4, template="r1_zero", client=client)
    body = asked[0].body
    assert body["prompt"].startswith("A conversation between User and Assistant.")
    assert body["prompt"].endswith(f"User: {asked[0].text.split('User: ')[1]}")
    settings = {name: body[name] for name in ("model", "temperature", "top_p", "max_tokens", "stop", "top_k")}
    sampling = {"temperature": 0.6, "top_p": 0.95, "max_tokens": 64, "stop": ["\n\n"]}
    assert settings == {"model": "m", **sampling, "top_k": 20}
    assert sorted(one.body.get("n", 1) for one in asked) == [1] * 12 + [3] * 12
    assert len({one.body["seed"] for one in asked}) == 24
    rows = _rows(out)
    assert len(rows) == 48
    assert [row["tokens"] for row in rows[:4]] == [None, None, None, 9]  # of three together a server counts the sum
    assert result.metrics["pass_at_4"].n == 12


def test_reasoning_cut_replies_and_refusals_are_samples_and_filtered_ones_are_not(tmp_path: Path) -> None:
    said = {
        "1+1": {"message": {"content": "It is \\boxed{2}.", "reasoning_content": "add"}, "finish_reason": "stop"},
        "2+2": {"message": {"content": "It is \\boxed{4}.", "reasoning": "add"}, "finish_reason": "stop"},
        "3+3": {"message": {"content": None, "reasoning_content": "so long"}, "finish_reason": "length"},
        "4+4": {"message": {"content": None, "refusal": "I will not add."}, "finish_reason": "stop"},
        "5+5": {"message": {"content": "x"}, "finish_reason": "content_filter"},
    }
    out = tmp_path / "out.jsonl"
    result, asked = _evaluate(
        lambda asked: reply([said[asked.text]]), out, questions=SUMS[1:6], k=1, client={"max_tokens": 9}
    )
    rows = _rows(out)
    sums = [f"<think>add</think>It is \\boxed{{{n}}}." for n in (2, 4)]
    assert [row.get("response") for row in rows] == [*sums, "<think>so long", "I will not add.", None]
    assert [row.get("finish_reason") for row in rows] == ["stop", "stop", "length", "stop", None]
    assert rows[4]["error"]["reason"] == "unusable_reply"
    assert [row["reward"] for row in rows] == [1.0, 1.0, 0.0, 0.0, None]
    assert len(asked) == 6  # what cannot be used is asked for once more
    assert result.metrics["truncated"].value == pytest.approx(1 / 4)


def test_tokens_that_a_server_does_not_count_are_in_no_figure(tmp_path: Path) -> None:
    result, _ = _evaluate(lambda asked: reply([choice(asked, "4")], tokens=None), k=1)
    assert "length" not in result.metrics
    assert result.about["usage"] == {"prompt_tokens": 0, "tokens": 0, "cost": 0.0}


def test_a_server_that_gives_nothing_ends_the_run(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(RunError, match=r"status 401.*go on with --resume"):
        _evaluate(lambda _: Told(status=401), out)
    assert not _rows(out)
    result, _ = _evaluate(adder, out, resume=True)
    assert result.metrics["unjudged"].value == 0


def test_the_ceiling_of_cost_ends_the_run_which_goes_on_with_more(tmp_path: Path) -> None:
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    expected, _ = _evaluate(adder, whole, Serving(price=(1e3, 1e4)))
    assert expected.about["usage"]["cost"] == pytest.approx(48 * (5 * 1e3 + 9 * 1e4) / 1e6)
    with pytest.raises(RunError, match="ceiling of cost"):
        _evaluate(adder, out, Serving(price=(1e3, 1e4), max_cost=3.0))
    _evaluate(adder, out, Serving(price=(1e3, 1e4), max_cost=1e4), resume=True)
    assert out.read_bytes() == whole.read_bytes()


def test_the_command_asks_a_server_and_says_what_it_found(tmp_path: Path) -> None:
    bench, out, path = tmp_path / "b.jsonl", tmp_path / "o" / "out.jsonl", tmp_path / "figures.json"
    rows = [{"prompt": one.prompt, "gold": one.reference} for one in SUMS]
    bench.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with ScriptedServer(adder) as server:
        asked = ["eval", str(bench), "--server", server.url, "--model", "m", "-k", "2", "--map", "reference=gold"]
        asked += ["-o", str(out), "--request", "top_k=20", "--concurrency", "8", "--limit", "10"]
        run = CliRunner().invoke(main, [*asked, "--summary", str(path)], catch_exceptions=False)
        assert run.exit_code == 0, run.output
        summary = json.loads(path.read_text(encoding="utf-8"))
        assert (summary["model"], summary["questions"], summary["k"]) == ("m", 10, 2)
        assert summary["request"] == {"top_k": 20}
        again = CliRunner().invoke(main, [*asked, "--resume"], catch_exceptions=False)
        assert json.loads(again.stdout) == summary
        assert len(server.asked) == 20
        refused = CliRunner().invoke(main, asked, catch_exceptions=False)
        assert refused.exit_code == 2
        assert "is there" in refused.output
    page = CliRunner().invoke(main, ["report", str(out), "-o", str(tmp_path / "p.html")], catch_exceptions=False)
    assert page.exit_code == 0, page.output
    gone = CliRunner().invoke(main, [*asked, "--overwrite", "--retries", "0"], catch_exceptions=False)
    assert gone.exit_code == 1
    assert "had no reply" in gone.output


def test_flags_that_do_not_go_together_are_usage_errors(tmp_path: Path) -> None:
    for flags, said in (
        (["x.jsonl", "--server", "http://127.0.0.1:1/v1"], "--server URL and --model NAME go together"),
        (["x.jsonl"], "name the benchmark's FILES"),
        (["x.jsonl", "--server", "nowhere", "--model", "m"], "no such file"),
        (["m", "x.jsonl", "--max-cost", "3"], "--max-cost needs --price"),
        (["m", "x.jsonl", "--paper", "R1"], "goes with --table"),
        (["m", "x.jsonl", "--card", "none"], "there is no card 'none'"),
        ([str(tmp_path), "--table"], "holds no record"),
    ):
        run = CliRunner().invoke(main, ["eval", *flags])
        assert run.exit_code == 2, (flags, run.output)
        assert said in " ".join(run.output.split()), flags
