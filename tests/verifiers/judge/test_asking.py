"""Many questions to a judge that has faults: what is tried again, what is kept, what it costs, and where the key is."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.verifiers.judge.scripted import Asked, ScriptedServer, Told, verdict

from r1_reward.verifiers import ConfigError, Sample, Verdict
from r1_reward.verifiers.judge import ChatClient, JudgeVerifier, Recording, asking
from r1_reward.verifiers.judge.recording import Recorded


def right(asked: Asked) -> Told:
    """An honest judge: the response must be the reference."""
    return verdict(asked, verdict="correct" if asked.shown("response") == asked.shown("reference") else "incorrect")


def samples(count: int) -> list[Sample]:
    """Every other one is right."""
    return [Sample(prompt=f"{n}?", response=str(n), reference=str(n if n % 2 == 0 else -n)) for n in range(count)]


def judge(server: ScriptedServer, **options: Any) -> JudgeVerifier:
    return JudgeVerifier(**{"url": server.url, "model": "m", "timeout": 2.0, "patience": 5.0, **options})


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_PAUSE", 0.01)


FAULTS: dict[str, Callable[[Asked], Told]] = {
    "429": lambda _: Told(status=429),
    "429 with Retry-After": lambda _: Told(status=429, headers={"Retry-After": "0.05"}),
    "500": lambda _: Told(status=500),
    "a cut stream": lambda asked: Told(right(asked).text, cut=True),
    "wrong JSON": lambda _: Told(raw=b'{"choices": [{"mess'),
    "no JSON": lambda _: Told(raw=b"<html>busy</html>"),
    "no choices": lambda _: Told(raw=b'{"choices": []}'),
    "slow": lambda asked: Told(right(asked).text, after=0.6),
    "a refusal": lambda _: Told(None, refusal="I cannot judge people."),
    "a filter": lambda _: Told("", finish="content_filter"),
    "cut off": lambda asked: Told(right(asked).text, finish="length"),
    "prose": lambda _: Told("It is correct."),
    "a verdict without the code": lambda _: Told('{"verdict": "correct"}'),
    "two verdicts": lambda asked: Told(
        "".join(json.dumps({"code": asked.code, "verdict": word}) for word in ("correct", "incorrect"))
    ),
    "a word that is none": lambda asked: verdict(asked, verdict="fine"),
    "thinking without end": lambda asked: Told(f"<think>{right(asked).text}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_call_in_five_failing_changes_no_number(fault: str) -> None:
    asked_before: Counter[str] = Counter()

    def script(asked: Asked) -> Told:
        asked_before[asked.text] += 1
        return FAULTS[fault](asked) if asked.number % 5 == 2 and asked_before[asked.text] == 1 else right(asked)

    with ScriptedServer(script) as server:
        found = judge(server, timeout=0.3, concurrency=8)(samples(30))
    assert [one.score for one in found] == [1.0, 0.0] * 15
    assert len(server.asked) > 30


@pytest.mark.parametrize("fault", FAULTS)
def test_a_judge_that_only_fails_gives_no_number(fault: str) -> None:
    with ScriptedServer(FAULTS[fault]) as server:
        found = judge(server, timeout=0.2, retries=2, concurrency=3)(samples(3))
    assert {one.status.value for one in found} == {"error"}
    assert {one.reason.value for one in found} <= {"judge_unavailable", "judge_unclear"}
    assert len(server.asked) <= 9


def test_a_refused_key_ends_the_asking_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-hush")
    with ScriptedServer(lambda _: Told(raw=b"no: sk-hush is no key", status=401)) as server:
        found = judge(server, key_env="THE_KEY", concurrency=2)(samples(20))
    assert {one.reason.value for one in found} == {"judge_unavailable"}
    assert "status 401: no: *** is no key" in found[0].detail
    assert len(server.asked) <= 2
    assert server.asked[0].headers["authorization"] == "Bearer sk-hush"


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_nobody_asks_before_retry_after(form: str) -> None:
    times: list[float] = []

    def script(asked: Asked) -> Told:
        times.append(time.time())
        after = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
        return Told(status=429, headers={"Retry-After": after}) if asked.number == 0 else right(asked)

    with ScriptedServer(script) as server:
        found = judge(server, concurrency=1)(samples(3))
    assert [one.score for one in found] == [1.0, 0.0, 1.0]
    assert times[1] - times[0] > 0.9


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    with ScriptedServer(lambda _: Told(status=429, headers={"Retry-After": "3600"})) as server:
        begun = time.monotonic()
        found = judge(server, concurrency=2)(samples(10))
    assert time.monotonic() - begun < 4
    assert {one.reason.value for one in found} == {"judge_unavailable"}
    assert len(server.asked) <= 2


def test_a_server_that_is_down_costs_one_patience_and_not_one_a_row() -> None:
    begun = time.monotonic()
    found = JudgeVerifier(url="http://127.0.0.1:9/v1", model="m", timeout=1.0, patience=1.0, retries=50, concurrency=4)(
        samples(200)
    )
    assert time.monotonic() - begun < 10
    assert {one.reason.value for one in found} == {"judge_unavailable"}


def test_a_server_without_schemas_is_asked_without() -> None:
    def script(asked: Asked) -> Told:
        return Told(status=400, raw=b"no response_format") if "response_format" in asked.body else right(asked)

    with ScriptedServer(script) as server:
        found = judge(server, concurrency=1)(samples(6))
    assert [one.score for one in found] == [1.0, 0.0] * 3
    assert len(server.asked) == 7  # found out once
    with ScriptedServer(right) as server:
        judge(server, structured=False)(samples(1))
    assert "response_format" not in server.asked[0].body


def test_so_many_are_asked_at_once_as_may_be() -> None:
    with ScriptedServer(lambda asked: Told(right(asked).text, after=0.3)) as server:
        judge(server, concurrency=64)(samples(64))
    assert server.counted()["most"] == 64


def test_the_same_question_is_asked_once() -> None:
    with ScriptedServer(right) as server:
        found = judge(server)([samples(1)[0]] * 5)
    assert [one.score for one in found] == [1.0] * 5
    assert len(server.asked) == 1


# --- What is kept


def figures(found: list[Verdict]) -> list[object]:
    return [(one.score, one.reason, one.detail, one.evidence) for one in found]


def test_a_recording_changes_no_figure_and_is_not_asked_again(tmp_path: Path) -> None:
    path = str(tmp_path / "judge.jsonl")

    def script(asked: Asked) -> Told:
        return Told("no idea") if asked.shown("prompt") == "3?" else right(asked)

    with ScriptedServer(script) as server:
        plain = figures(judge(server)(samples(6)))
        recorded = figures(judge(server, record=path)(samples(6)))
        before = len(server.asked)
        again = figures(judge(server, record=path)(samples(6)))
        assert len(server.asked) == before + 2  # the unclear one, twice
    assert "[200, 20]" in str(plain[3])  # the tokens of both: both were paid for
    replayed = figures(JudgeVerifier(model="m", record=path, replay=True)(samples(6)))
    assert plain == recorded == again == replayed
    other = JudgeVerifier(model="another", record=path, replay=True)(samples(6))
    assert {one.detail for one in other} == {"the recording holds no reply to this question"}
    text = Path(path).read_text()
    assert "127.0.0.1" not in text
    assert "prompt>>>" not in text


@pytest.mark.parametrize("torn", [1, 2, 9, 10, 11, 35])
def test_a_torn_recording_is_read_and_written_on(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "judge.jsonl"
    first, second = Recording(path), Recording(path)
    first.add(["m"], "a", 0, Recorded("one", None, (5, 5), 0.25))
    with path.open("ab") as file:
        file.write(b'{"judge": ["m"], "asked": "b", "num'[:torn])
    second.add(["m"], "c", 0, Recorded("three", None, (5, 5), 0.5))
    for seen in (second, Recording(path)):
        assert (seen.get("a", 0), seen.get("b", 0)) == (Recorded("one", None, (5, 5), 0.25), None)
        assert (seen.cost, seen.judges) == (0.75, [["m"]])
    path.write_text('{"prompt": "not ours"}\n')
    with pytest.raises(ConfigError, match="no recording of a judge"):
        Recording(path)


def test_the_ceiling_is_never_exceeded_and_what_was_paid_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "judge.jsonl")
    options: dict[str, Any] = {"price": (1.0, 10.0), "max_tokens": 20, "record": path, "concurrency": 8}
    # A question costs 0.0003 at most, by its bytes and the longest reply, and 0.0002 in truth.
    with ScriptedServer(right) as server:
        found = judge(server, max_cost=0.0035, **options)(samples(100))
        scored = [one for one in found if one.score is not None]
        assert {one.reason.value for one in found if one.score is None} == {"judge_ceiling"}
        assert len(scored) == len(server.asked)
        assert sum(one.evidence["cost"] for one in scored) == pytest.approx(0.0002 * len(scored))
        assert 0.0005 < 0.0002 * len(scored) <= 0.0035
        more = judge(server, max_cost=1.0, **options)(samples(100))
        assert [one.score for one in more] == [1.0, 0.0] * 50
        assert len(server.asked) == 100
    assert Recording(path).cost == pytest.approx(0.02)


def test_a_server_that_does_not_count_is_taken_at_the_most(tmp_path: Path) -> None:
    with ScriptedServer(lambda asked: Told(right(asked).text, tokens=None)) as server:
        found = judge(server, price=(1.0, 1.0), max_cost=1.0)(samples(1))
    assert found[0].evidence["cost"] > 0.001


# --- Keys


def shown(error: BaseException) -> str:
    """A traceback with the variables of all frames below the test's own."""
    below = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.TracebackException(type(error), error, below, capture_locals=True).format())


def test_the_key_is_in_nothing_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = "sk-0123456789-hush"
    monkeypatch.setenv("THE_KEY", key)
    path = tmp_path / "judge.jsonl"
    caplog.set_level(logging.DEBUG)
    replies: list[Callable[[Asked], Told]] = [
        right,
        lambda _: Told(raw=f"bad key {key}".encode(), status=500),
        lambda _: Told(f"the key is {key}?"),
        lambda _: Told(None, refusal="no"),
    ]
    with ScriptedServer(lambda asked: replies[asked.number % 4](asked)) as server:
        one = judge(server, key_env="THE_KEY", record=str(path), retries=1)
        found = one(samples(12))
        client = ChatClient(url=server.url, model="m", key_env="THE_KEY")
        told = []
        for _ in range(4):
            try:
                told.append(client("a question"))
            except Exception as error:  # noqa: BLE001 - what it says is what is tested
                told.append(shown(error))
    written = [json.dumps([v.to_dict() for v in found]), caplog.text, repr(one), repr(client)]
    written += [text for text in told if "the key is" not in text]
    written.append(json.dumps([json.loads(line)["failed"] for line in path.read_text().splitlines()]))
    assert key not in "".join(written)
    monkeypatch.setenv("THE_KEY", f"{key}\nX: y")
    with pytest.raises(ConfigError, match="holds characters that no key has") as raised:
        judge(server, key_env="THE_KEY")
    assert key not in shown(raised.value)
