"""Building preference pairs: orders, verdicts, judges that fail, lengths, duplicates, and going on."""

from __future__ import annotations

import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from r1_reward.cli import main
from r1_reward.reward_models.data import Pair
from r1_reward.reward_models.judge import JudgeError, RecordedJudge, asked_key, verdict_of
from r1_reward.reward_models.matching import Contamination, match_lengths, near_duplicates
from r1_reward.reward_models.preferences import Candidate, PrefOptions, agreement, build, judge_all, judge_pair
from r1_reward.verifiers import ConfigError, Message
from r1_reward.verifiers.judge import ChatClient


def candidate(number: int, one: str = "a good answer", other: str = "a bad answer") -> Candidate:
    topics = "bread rivers stones lamps roads trees houses glass paper clouds".split()
    text = f"Question {number}: what of {topics[number % 10]} and {topics[number // 10 % 10]} number {number * 7919}?"
    return Candidate(id=str(number), prompt=(Message(role="user", content=text),), one=one, other=other)


def shown(text: str) -> tuple[str, str]:
    """The answers that a judge is shown as A and B."""
    a = text.partition("<answer_A>\n")[2].partition("\n</answer_A>")[0]
    return a, text.partition("<answer_B>\n")[2].partition("\n</answer_B>")[0]


def fair(text: str) -> str:
    """Likes what calls itself good, wherever it stands."""
    a, b = shown(text)
    better = ("good" in a) - ("good" in b)
    return f"Reasons. [[{ {1: 'A>>B', 0: 'A=B', -1: 'B>>A'}[better] }]]"


VERDICTS = [
    ("[[A>>B]]", 2),
    ("[[A>B]]", 1),
    ("[[A=B]]", 0),
    ("[[B>A]]", -1),
    ("[[B>>A]]", -2),
    ("I say [[ A>B ]].", 1),
    ("[[A>B]] as I said: [[A>B]]", 1),
    ("[[A>B]] no, [[B>A]]", None),
    ("A>B", None),
    ("[A>B]", None),
    ("[[A<B]]", None),
    ("[[A>A]]", None),
    ("I cannot judge that.", None),
    ("", None),
]


@pytest.mark.parametrize(("reply", "score"), VERDICTS)
def test_verdicts_are_read_strictly(reply: str, score: int | None) -> None:
    assert verdict_of(reply) == score


@given(st.text())
def test_any_reply_is_read(reply: str) -> None:
    assert verdict_of(reply) in (None, -2, -1, 0, 1, 2)


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
    judged = [judge_pair(candidate(n), lambda _: "[[A>>B]]", PrefOptions()) for n in range(5)]
    assert [one.mean for one in judged] == [0] * 5
    assert agreement(judged)["position_bias"] == 1.0
    assert agreement(judged)["self_agreement"] == pytest.approx(1 / 3)


def test_random_order_is_the_papers_and_the_same_again() -> None:
    options = PrefOptions(order="random", times=64)
    one, again = (judge_pair(candidate(1), fair, options) for _ in range(2))
    assert one == again
    assert 16 < sum(one.swapped) < 48
    assert one.mean == 2
    with pytest.raises(ConfigError, match="even"):
        PrefOptions(times=3)


def test_a_judge_that_fails_costs_that_pair_alone(tmp_path: Path) -> None:
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

    judged = judge_all([candidate(n) for n in range(4)], judge, PrefOptions(), tmp_path / "judged.jsonl", workers=2)
    assert [one.failed for one in judged] == [None, "failed (TimeoutError)", "no_verdict", None]
    assert asked["1"] == 3
    built = build([candidate(n) for n in range(4)], judged, PrefOptions(match=False, test_share=0))
    assert [pair.id for pair in built.train] == ["0", "3"]
    assert built.told["left_out"] == {"judge: failed (TimeoutError)": 1, "judge: no_verdict": 1}


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    candidates = [candidate(n) for n in range(20)]
    whole = judge_all(candidates, fair, PrefOptions(), tmp_path / "whole.jsonl")
    judge_all(candidates[:8], fair, PrefOptions(), path)
    with path.open("a") as file:
        file.write('{"key": "torn')
    asked: list[str] = []

    def counting(text: str) -> str:
        asked.append(text)
        return fair(text)

    assert judge_all(candidates, counting, PrefOptions(), path) == whole
    assert len(asked) == 12 * 4
    judge_all(candidates, counting, PrefOptions(), path)
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
        judged.append(judge_pair(candidate(number), lambda _, t=turns: f"[[{next(t)}]]", PrefOptions()))  # type: ignore[misc]
    assert [one.mean for one in judged] == [1.0, 1.25, -0.25]
    options = PrefOptions(match=False, test_share=0)
    built = build([candidate(n) for n in range(3)], judged, options)
    assert [(pair.id, pair.margin) for pair in built.train] == [("1", 1.25)]
    assert built.told["left_out"] == {"too close": 2}


def test_duplicates_and_other_datas_prompts_go() -> None:
    def asking(number: int, text: str) -> Candidate:
        return Candidate(id=str(number), prompt=(Message(role="user", content=text),), one="good", other="bad")

    long = "please tell me in a few words how a river finds its way down to the sea"
    candidates = [asking(0, long), asking(1, long.upper() + "!"), asking(2, "What is the capital of France?")]
    candidates.append(asking(3, "An altogether different thing"))
    judged = [judge_pair(one, fair, PrefOptions()) for one in candidates]
    known = Contamination(["what is the capital of france"])
    built = build(candidates, judged, PrefOptions(match=False, test_share=0), known)
    assert [pair.id for pair in built.train] == ["0", "3"]
    assert built.told["left_out"] == {"in other data": 1, "near-duplicate prompt": 1}


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


def test_near_duplicates_are_found_among_thousands() -> None:
    draw = random.Random(1)
    words = [f"word{n}" for n in range(500)]
    texts = [" ".join(draw.choice(words) for _ in range(30)) for _ in range(1500)]
    copies = [f"{text} indeed" for text in texts[:200]]
    found = near_duplicates(texts + copies)
    assert found[: len(texts)] == [None] * len(texts)
    assert found[len(texts) :] == list(range(200))


class _Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = fair(asked["messages"][0]["content"])
        body = json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_endpoint_judges(endpoint: str) -> None:
    judged = judge_pair(candidate(1), ChatClient(url=endpoint, model="fair", key="secret"), PrefOptions())
    assert judged.mean == 2


def test_an_endpoint_that_is_down_costs_every_pair_and_not_the_run(tmp_path: Path) -> None:
    judge = ChatClient(url="http://127.0.0.1:9/v1", model="none", timeout=5)
    judged = judge_all([candidate(n) for n in range(3)], judge, PrefOptions(), tmp_path / "judged.jsonl")
    assert [one.failed for one in judged] == ["failed (EndpointError)"] * 3


def test_the_command_does_not_end_well_where_nothing_was_judged(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": "why?", "responses": ["one", "other"]}) + "\n")
    flags = ["--judge", "http://127.0.0.1:9/v1", "--model", "m", "--timeout", "5"]
    told = CliRunner().invoke(main, ["prefs", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out"), *flags])
    assert told.exit_code == 1
    assert "no verdict on any pair" in told.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["left_out"] == {"judge: failed (EndpointError)": 1}


def test_recorded_replies_serve_again(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    live = RecordedJudge(path, live=fair)
    expected = judge_pair(candidate(1), live, PrefOptions())
    again = RecordedJudge(path)
    assert judge_pair(candidate(1), again, PrefOptions()) == expected
    with pytest.raises(JudgeError, match=asked_key("new")):
        again("new")
    with pytest.raises(ConfigError, match="no recording"):
        RecordedJudge(tmp_path / "nowhere")


class Sampling:
    """A judge that answers otherwise each time, by what it was asked and how often before."""

    def __init__(self, salt: str = "") -> None:
        self.asked: list[str] = []
        self.salt = salt

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        draw = random.Random(f"{self.salt}{asked_key(text)}{self.asked.count(text)}")
        return draw.choice(["[[A>>B]]", "[[A>B]]", "[[A=B]]", "[[B>A]]", "[[B>>A]]", "I cannot say."])


def test_a_recording_changes_no_judgement(tmp_path: Path) -> None:
    path, candidates = tmp_path / "replies.jsonl", [candidate(number) for number in range(40)]
    plain, recorded = Sampling(), Sampling()
    expected = [judge_pair(one, plain, PrefOptions()) for one in candidates]
    judge = RecordedJudge(path, live=recorded, name="sampling")
    assert [judge_pair(one, judge, PrefOptions()) for one in candidates] == expected
    assert recorded.asked == plain.asked
    assert any(one.scores[0] != one.scores[2] for one in expected if one.scores)
    again = RecordedJudge(path)
    assert [judge_pair(one, again, PrefOptions()) for one in candidates] == expected
    # A reply without a verdict is no reason not to ask again.
    more = Sampling("later ")
    judge = RecordedJudge(path, live=more, name="sampling")
    known = [judge_pair(one, judge, PrefOptions(retries=0)) for one in candidates]
    assert 0 < len(more.asked) < 40
    assert all(one.failed is None for one in known[:5] if one.scores)


def test_a_recording_keeps_judges_apart(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    one = RecordedJudge(path, live=lambda _: "[[A>B]]", name="http://x/v1 A>B")
    other = RecordedJudge(path, live=lambda _: "[[B>A]]", name="http://x/v1 B>A")
    assert (one("Q"), other("Q")) == ("[[A>B]]", "[[B>A]]")
    assert RecordedJudge(path, live=lambda _: "[[A=B]]", name="third")("Q") == "[[A=B]]"
    assert RecordedJudge(path, name="B>A")("Q") == "[[B>A]]"
    with pytest.raises(ConfigError, match=r"replies of 'http://x/v1 A>B', .* --model"):
        RecordedJudge(path)
    with pytest.raises(ConfigError, match="no replies of 'fourth'"):
        RecordedJudge(path, name="fourth")


def test_a_recording_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps({"asked": asked_key("Q"), "reply": "[[A>B]]"}) + "\n")
    judge = RecordedJudge(path)
    assert [judge("Q"), judge("Q")] == ["[[A>B]]", "[[A>B]]"]


def test_verdicts_of_another_judge_or_model_are_not_taken_over(endpoint: str, tmp_path: Path) -> None:
    source, out = tmp_path / "candidates.jsonl", tmp_path / "out"
    rows = [{"prompt": f"Q{n}", "responses": ["a good answer", "a bad answer"]} for n in range(4)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def judged(*flags: str) -> int:
        told = CliRunner().invoke(main, ["prefs", str(source), "-o", str(out), *flags])
        assert told.exit_code == 0, told.stderr
        return len((out / "judged.jsonl").read_text().splitlines())

    assert judged("--judge", endpoint, "--model", "fair") == 4
    assert judged("--judge", endpoint, "--model", "fair") == 4
    assert judged("--judge", endpoint, "--model", "fair-2") == 8
    replies = tmp_path / "replies.jsonl"
    assert judged("--judge", endpoint, "--model", "other", "--record", str(replies)) == 12
    assert judged("--judge", f"recorded:{replies}") == 16
    assert judged("--judge", f"recorded:{replies}") == 16
    replies.write_text(replies.read_text() + "\n".join(replies.read_text().splitlines()[:1]) + "\n")
    assert judged("--judge", f"recorded:{replies}") == 20


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
    ],
)
def test_the_command_says_what_is_wrong(args: list[str], message: str, tmp_path: Path) -> None:
    source = tmp_path / "candidates.jsonl"
    source.write_text('{"prompt": "Q", "responses": ["alone"]}\n')
    told = CliRunner().invoke(main, ["prefs", str(source), "-o", str(tmp_path / "out"), *args])
    assert told.exit_code == 2
    assert message in " ".join(told.stderr.split())
