"""Building preference pairs: orders, verdicts, judges that fail, lengths, duplicates, and going on."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told

from r1_reward.cli import main
from r1_reward.inspection.overlap import HeldOut, Place
from r1_reward.reward_models.candidates import Candidate, Prompted, candidates_of
from r1_reward.reward_models.data import Pair
from r1_reward.reward_models.matching import match_lengths
from r1_reward.reward_models.preferences import JudgedPair, PrefOptions, agreement, build, judge_all
from r1_reward.verifiers import ConfigError, Message
from r1_reward.verifiers.judge import Asker, Recording


def candidate(number: int, one: str = "a good answer", other: str = "a bad answer") -> Candidate:
    topics = "bread rivers stones lamps roads trees houses glass paper clouds".split()
    text = f"Question {number}: what of {topics[number % 10]} and {topics[number // 10 % 10]} number {number * 7919}?"
    return Candidate(id=str(number), prompt=(Message(role="user", content=text),), one=one, other=other)


def shown(text: str) -> tuple[str, str]:
    """The answers that a judge is shown as A and B."""
    return section(text, "response A"), section(text, "response B")


def section(text: str, name: str) -> str:
    found = re.search(rf"<<<(\w+) {name}>>>\n(.*?)\n<<<\1 end of {name}>>>", text, re.DOTALL)
    return found[2] if found else ""


def says(text: str, verdict: str) -> str:
    code = re.findall(r'^\{"code": "([0-9a-f]+)"', text, re.MULTILINE)[-1]
    return json.dumps({"code": code, "reasons": "so", "verdict": verdict})


def fair(text: str) -> str:
    """Likes what calls itself good, wherever it stands."""
    a, b = shown(text)
    better = ("good" in a) - ("good" in b)
    return says(text, {1: "A>>B", 0: "A=B", -1: "B>>A"}[better])


def judge_pair(one: Candidate, judge: Callable[[str], str], options: PrefOptions) -> JudgedPair:
    return judge_all([one], Asker(judge, concurrency=1, retries=0), options)[0]


def test_half_the_judgements_see_each_order_and_scores_are_unswapped() -> None:
    firsts: list[str] = []

    def judge(text: str) -> str:
        firsts.append(shown(text)[0])
        return fair(text)

    judged = judge_pair(candidate(1), judge, PrefOptions())
    assert sorted(firsts) == ["a bad answer"] * 2 + ["a good answer"] * 2
    assert judged.scores == (2, 2, 2, 2)
    assert judge_pair(candidate(1, "a bad one", "a good one"), fair, PrefOptions()).mean == -2


def test_a_judge_with_a_favourite_place_prefers_nobody() -> None:
    judged = [judge_pair(candidate(n), lambda text: says(text, "A>>B"), PrefOptions()) for n in range(5)]
    assert [one.mean for one in judged] == [0] * 5
    assert agreement(judged)["position_bias"] == 1.0
    assert agreement(judged)["self_agreement"] == pytest.approx(1 / 3)


def test_a_judgement_that_goes_on_after_its_verdict_is_none() -> None:
    judged = judge_pair(candidate(0), lambda text: fair(text) + "\nSorry, I mixed up the two.", PrefOptions())
    assert (judged.scores, judged.failed) == ((), "judge_unclear")


def test_random_order_is_the_papers_and_the_same_again() -> None:
    options = PrefOptions(order="random", times=64)
    one, again = (judge_pair(candidate(1), fair, options) for _ in range(2))
    assert one == again
    assert 16 < sum(one.swapped) < 48
    assert one.mean == 2
    with pytest.raises(ConfigError, match="even"):
        PrefOptions(times=3)


def test_a_judge_that_fails_costs_that_pair_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1_reward.verifiers.judge.asking.FIRST_PAUSE", 0.01)
    asked = dict.fromkeys("0123", 0)

    def judge(text: str) -> str:
        number = text.partition("Question ")[2][0]
        asked[number] += 1
        if number == "1":
            raise TimeoutError("too slow")
        if number == "2":
            return "I would rather talk about the weather."
        if number == "3" and asked[number] == 1:
            raise ConnectionError("down for a moment")
        return fair(text)

    judged = judge_all([candidate(n) for n in range(4)], Asker(judge, retries=2), PrefOptions())
    assert [one.failed for one in judged] == [None, "judge_unavailable", "judge_unclear", None]
    assert (asked["1"], asked["2"]) == (12, 8)
    built = build([candidate(n) for n in range(4)], judged, PrefOptions(match=False, test_share=0))
    assert [pair.id for pair in built.train] == ["0", "3"]
    assert built.summary["left_out"] == {"judge: judge_unavailable": 1, "judge: judge_unclear": 1}


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    candidates = [candidate(n) for n in range(20)]
    whole = judge_all(candidates, Asker(fair), PrefOptions())
    judge_all(candidates[:8], Asker(fair, ["fair"], recording=Recording(path)), PrefOptions())
    with path.open("a") as file:
        file.write('{"judge": "torn')
    asked: list[str] = []

    def counting(text: str) -> str:
        asked.append(text)
        return fair(text)

    for _ in range(2):
        asker = Asker(counting, ["fair"], recording=Recording(path))
        assert judge_all(candidates, asker, PrefOptions()) == whole
        assert len(asked) == 12 * 4


def test_nobody_waits_for_a_judge_that_hangs_when_interrupted(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nfrom pathlib import Path\n"
        f"def judge(text):\n    Path({str(tmp_path / 'asked')!r}).touch()\n    time.sleep(900)\n"
    )
    rows = [{"prompt": f"question {n}", "responses": ["one", "other"]} for n in range(9)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from r1_reward.cli import main; main()"
    command = [sys.executable, "-c", code, "prefs", "in.jsonl", "-o", "out", "--judge", "slow:judge"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    try:
        deadline = time.monotonic() + 300
        while not (tmp_path / "asked").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, told.decode()
    assert b"run again to go on" in told


def test_only_clear_preferences_are_kept() -> None:
    replies = {0: ["A>B", "B>A", "A>B", "B>A"], 1: ["A>>B", "B>A", "A>B", "B>A"], 2: ["B>A", "A=B", "A=B", "A=B"]}
    judged = []
    for number, told in replies.items():
        turns = iter(told)
        judged.append(judge_pair(candidate(number), lambda text, t=turns: says(text, next(t)), PrefOptions()))  # type: ignore[misc]
    assert [one.mean for one in judged] == [1.0, 1.25, -0.25]
    options = PrefOptions(match=False, test_share=0)
    built = build([candidate(n) for n in range(3)], judged, options)
    assert [(pair.id, pair.margin) for pair in built.train] == [("1", 1.25)]
    assert built.summary["left_out"] == {"too close": 2}


def test_duplicates_and_other_datas_prompts_go() -> None:
    def asking(number: int, text: str) -> Candidate:
        return Candidate(id=str(number), prompt=(Message(role="user", content=text),), one="good", other="bad")

    long = "please tell me in a few words how a river finds its way down to the sea"
    candidates = [asking(0, long), asking(1, long.upper() + "!"), asking(2, "What is the capital of France?")]
    candidates.append(asking(3, "An altogether different thing"))
    judged = [judge_pair(one, fair, PrefOptions()) for one in candidates]
    held = HeldOut()
    held.add(Place("tests.jsonl", 3, None), "what is the capital of france", [])
    held.finish_file()
    built = build(candidates, judged, PrefOptions(match=False, test_share=0), held)
    assert [pair.id for pair in built.train] == ["0", "3"]
    assert built.summary["left_out"] == {"in other data": 1, "near-duplicate prompt": 1}
    assert "tests.jsonl:3" in built.summary["in_other_data"]["2"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=80), st.integers(0, 3))
def test_matching_leaves_no_preference_for_length(lengths: list[tuple[int, int]], seed: int) -> None:
    rows = [Pair(prompt=(), chosen="c" * a, rejected="r" * b, id=str(n)) for n, (a, b) in enumerate(lengths)]
    found = match_lengths(rows, seed=seed)
    assert found.after in (None, 0.5)
    assert {row.id for row in found.rows} <= {row.id for row in rows}
    equal = sum(a == b for a, b in lengths)
    assert sum(len(row.chosen) == len(row.rejected) for row in found.rows) == equal


def test_matching_brings_the_correlation_down() -> None:
    draw = random.Random(0)
    rows = []
    for number in range(4000):
        one, other = sorted((draw.randint(20, 400), draw.randint(20, 400)))
        if draw.random() < 0.7:
            one, other = other, one
        rows.append(Pair(prompt=(), chosen="c" * one, rejected="r" * other, id=str(number)))
    found = match_lengths(rows)
    assert found.before is not None
    assert found.before > 0.68
    assert abs(found.correlation_before or 0) > 0.3
    assert abs(found.correlation_after or 1) < 0.1
    assert len(found.rows) > 2000


@pytest.fixture
def endpoint() -> Iterator[str]:
    with ScriptedServer(lambda asked: Told(fair(asked.text))) as server:
        yield server.url


def test_the_command_does_not_end_well_where_nothing_was_judged(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": "why?", "responses": ["one", "other"]}) + "\n")
    flags = ["--judge", "http://127.0.0.1:9/v1", "--model", "m", "--timeout", "5", "--set", "retries=0"]
    told = CliRunner().invoke(main, ["prefs", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out"), *flags])
    assert told.exit_code == 1
    assert "no verdict on any pair" in told.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["left_out"] == {"judge: judge_unavailable": 1}


class Sampling:
    """A judge that answers otherwise each time, by what it was asked and how often before."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        draw = random.Random(f"{text}{self.asked.count(text)}")
        return says(text, draw.choice(["A>>B", "A>B", "A=B", "B>A", "B>>A", "neither"]))


def test_a_recording_changes_no_judgement(tmp_path: Path) -> None:
    path, candidates = tmp_path / "replies.jsonl", [candidate(number) for number in range(40)]
    plain, recorded = Sampling(), Sampling()
    expected = judge_all(candidates, Asker(plain, concurrency=1, retries=0), PrefOptions())
    asker = Asker(recorded, ["sampling"], concurrency=1, retries=0, recording=Recording(path))
    assert judge_all(candidates, asker, PrefOptions()) == expected
    assert recorded.asked == plain.asked
    assert any(one.scores[0] != one.scores[2] for one in expected if one.scores)
    assert 5 < sum(one.failed is not None for one in expected) < 35
    again = Asker(str, ["sampling"], recording=Recording(path), replay=True)
    assert judge_all(candidates, again, PrefOptions()) == expected


def test_verdicts_of_another_judge_or_model_are_not_taken_over(endpoint: str, tmp_path: Path) -> None:
    source, out = tmp_path / "candidates.jsonl", tmp_path / "out"
    rows = [{"prompt": f"Q{n}", "responses": ["a good answer", "a bad answer"]} for n in range(4)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def judged(*flags: str, code: int = 0) -> int:
        told = CliRunner().invoke(main, ["prefs", str(source), "-o", str(out), *flags])
        assert told.exit_code == code, told.stderr
        return len((out / "judged.jsonl").read_text().splitlines())

    assert judged("--judge", endpoint, "--model", "fair") == 16
    assert judged("--judge", endpoint, "--model", "fair") == 16
    assert judged("--judge", endpoint, "--model", "fair-2") == 32
    assert judged("--judge", endpoint, "--model", "fair", "--set", "temperature=1.0") == 48
    replies = tmp_path / "replies.jsonl"
    assert judged("--judge", endpoint, "--model", "other", "--record", str(replies)) == 48
    assert judged("--judge", f"recorded:{replies}") == 48
    assert judged("--judge", f"recorded:{out / 'judged.jsonl'}", code=2) == 48
    assert judged("--judge", f"recorded:{out / 'judged.jsonl'}", "--model", "fair-2") == 48


def test_the_command_builds_pairs_and_goes_on(endpoint: str, tmp_path: Path) -> None:
    source = tmp_path / "candidates.jsonl"
    rows: list[dict[str, Any]] = []
    for number in range(30):
        # Longer wins as often as shorter, by the same ratio.
        one, other = ("<think>secret</think>a good answer", "a bad answer".ljust(20, "."))
        if number % 2:
            one, other = ("a good answer".ljust(20, "."), "a bad answer.")
        rows.append({"id": str(number), "prompt": candidate(number).prompt[0].content, "responses": [one, other]})
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out"
    flags = ["prefs", str(source), "-o", str(out), "--judge", endpoint, "--model", "fair", "--set", "test_share=0.2"]
    told = CliRunner().invoke(main, [*flags, "--record", str(tmp_path / "replies.jsonl")])
    assert told.exit_code == 0, told.stderr + str(told.exception)
    assert "position bias 0.000, self-agreement 1.000" in told.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert summary["candidates"] == 30
    assert abs(summary["longer_wins"]["after"] - 0.5) <= 0.01
    pairs = [
        json.loads(line) for name in ("train", "test") for line in (out / f"{name}.jsonl").read_text().splitlines()
    ]
    assert len(pairs) == summary["train"] + summary["test"] >= 28
    assert len(pairs) % 2 == 0
    assert all("good" in pair["chosen"] and "secret" not in pair["chosen"] for pair in pairs)
    recorded = ["--judge", f"recorded:{tmp_path / 'replies.jsonl'}", "--set", "test_share=0.2"]
    again = CliRunner().invoke(main, ["prefs", str(source), "-o", str(tmp_path / "again"), *recorded])
    assert again.exit_code == 0, again.stderr
    assert (tmp_path / "again" / "train.jsonl").read_bytes() == (out / "train.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--judge", "nobody"], "is no judge"),
        (["--judge", "http://127.0.0.1:9/v1"], "needs --model"),
        (["--judge", "os.path:nothing"], "cannot be imported"),
        (["--judge", "os.path:join", "--set", "speed=1"], "no option 'speed'"),
        (["--judge", "os.path:join"], "column 'responses' must be a list"),
        (["--judge", "os.path:join", "--set", "rubric=simpleqa"], "its mode must be pairwise"),
        (["--judge", "os.path:join", "--generate", "http://x/v1"], "needs --generator"),
        (["--judge", "os.path:join", "--set", "responses=3"], "no option 'responses'"),
        (["--judge", "recorded:nowhere"], "there is no recording nowhere"),
    ],
)
def test_the_command_says_what_is_wrong(args: list[str], message: str, tmp_path: Path) -> None:
    source = tmp_path / "candidates.jsonl"
    source.write_text('{"prompt": "Q", "responses": ["alone"]}\n')
    told = CliRunner().invoke(main, ["prefs", str(source), "-o", str(tmp_path / "out"), *args])
    assert told.exit_code == 2
    assert message in " ".join(told.stderr.split())


def test_every_pair_of_n_responses_is_judged_or_counted() -> None:
    one = Prompted(id="7", prompt=(Message(role="user", content="Q"),), responses=("a", "b", "c", "a", " "))
    found, left_out = candidates_of([one], None, 0)
    assert [(pair.one, pair.other) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert left_out == {"same response": 1, "empty response": 1}
    drawn, left_out = candidates_of([one], 2, 0)
    assert len(drawn) == 2
    assert left_out["pair not drawn"] == 1
    assert drawn == candidates_of([one], 2, 0)[0]


def test_pairs_come_from_prompts_alone_and_a_killed_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r1_reward.verifiers.judge.asking.FIRST_PAUSE", 0.01)
    prompts = [{"id": str(n), "prompt": candidate(n).prompt[0].content} for n in range(10)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))

    def write(asked: Asked) -> Told:
        if asked.number % 5 == 3:
            return Told(status=500)
        cold = asked.body["temperature"] == 0.5
        told = "good" if asked.body["messages"][0]["role"] == "system" else "bad"
        return Told(f"<think>hm</think>a {told} {'answer' if cold else 'reply'}")

    def judge(asked: Asked) -> Told:
        if asked.number % 5 == 1:
            return Told(status=503)
        assert asked.body["temperature"] == 0.7
        return Told(f"<think>{'x' * 50}</think>{fair(asked.text)}")

    options = ["temperatures=[0.5, 1.0]", 'systems=["", "Be good."]', "responses=4", "match=false", "retries=20"]
    flags = [flag for option in options for flag in ("--set", option)]
    with ScriptedServer(write) as writer, ScriptedServer(judge) as judging:
        servers = ["--generate", writer.url, "--generator", "w", "--judge", judging.url, "--model", "j"]
        command = ["prefs", str(tmp_path / "prompts.jsonl"), "-o", str(tmp_path / "out"), *servers, *flags]
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 0, told.stderr + str(told.exception)
        first = (tmp_path / "out" / "train.jsonl").read_bytes()
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        written, judged = len(writer.asked), len(judging.asked)
        for name in ("generated.jsonl", "judged.jsonl"):  # as if the run had been killed half way
            path = tmp_path / "out" / name
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        told = CliRunner().invoke(main, command)
        assert told.exit_code == 0, told.stderr
    assert (tmp_path / "out" / "train.jsonl").read_bytes() == first
    assert written < len(writer.asked) < 2 * written
    assert judged < len(judging.asked) < 2 * judged
    # Of each prompt's four responses two are good: four of the six pairs are clear, and two are ties.
    assert (summary["candidates"], summary["train"] + summary["test"]) == (60, 40)
    assert summary["left_out"] == {"too close": 20}
    rows = [json.loads(line) for line in (tmp_path / "out" / "candidates.jsonl").read_text().splitlines()]
    assert sorted(rows[0]["responses"]) == ["a bad answer", "a bad reply", "a good answer", "a good reply"]


def test_a_terminal_shows_what_was_spent_and_the_ceiling_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("r1_reward.reward_models.preferences.BATCH", 8)
    prompts = [{"id": str(n), "prompt": candidate(n).prompt[0].content} for n in range(10)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))

    def write(asked: Asked) -> Told:
        return Told("a good answer" if asked.body["temperature"] == 0.7 else "a bad answer")

    out = tmp_path / "out"
    with ScriptedServer(write) as writer, ScriptedServer(lambda asked: Told(fair(asked.text))) as judging:
        command = [
            "prefs", str(tmp_path / "prompts.jsonl"), "-o", str(out), "--generate", writer.url, "--generator", "w",
            "--judge", judging.url, "--model", "j", "--set", "responses=2", "--set", "match=false",
            "--set", "price=[10.0, 100.0]", "--set", "max_tokens=50",
        ]  # fmt: skip
        plain = CliRunner().invoke(main, [*command, "--set", "max_cost=0.05"])
        assert (plain.exit_code, "the ceiling of cost is reached" in plain.stderr) == (1, True), plain.stderr
        assert "calls" not in plain.stderr
        assert not (out / "train.jsonl").exists()
        paid = len(judging.asked)
        assert 0 < paid < 25
        told = CliRunner().invoke(main, command, env={"FORCE_COLOR": "1", "COLUMNS": "80"})
        assert told.exit_code == 0, told.stderr
        assert (len(writer.asked), len(judging.asked)) == (20, 40)
    left = 40 - paid
    shown = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", told.stderr)
    assert "20/20 0 calls, 0 + 0 tokens" in shown  # of the responses, which were there
    assert f"{left} calls, {left / 10:.1f}k + {left * 10} tokens, cost {left * 0.002:.4g}" in shown
    spent = json.loads((out / "summary.json").read_text())["spent"]
    assert spent == {"calls": left, "read": left * 100, "written": left * 10, "cost": pytest.approx(left * 0.002)}
