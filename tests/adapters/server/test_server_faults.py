"""What the server survives and how it ends: broken graders, limits, tokens, hostile clients, signals."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1_reward.adapters.server import ServeOptions
from r1_reward.cli import main
from r1_reward.verifiers import ConfigError

Serve = Any  # a fixture's value; conftest.py has the types
Server = Any
RIGHT = {"response": r"<think>2 + 2</think><answer>\boxed{4}</answer>", "reference": "4"}
TOUCHY = ("--reward", "touchy_rewards:Touchy")


def read_all(connection: socket.socket) -> bytes:
    """What the server sends until it closes."""
    data = b""
    try:
        while chunk := connection.recv(65_536):
            data += chunk
    except ConnectionError:
        pass
    return data


def head(length: int | None = None, path: str = "/score", *lines: str) -> bytes:
    results = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines]
    if length is not None:
        results.append(f"Content-Length: {length}")
    return "\r\n".join(results).encode() + b"\r\n\r\n"


def whole(row: object, *lines: str) -> bytes:
    body = json.dumps(row).encode()
    return head(len(body), "/score", *lines) + body


def asked_by(path: str, word: str) -> dict[str, Any]:
    """The response as the clients of a path send it."""
    reply = {"type": "message", "content": [{"type": "output_text", "text": word}]}
    bodies: dict[str, dict[str, Any]] = {
        "/score": {"response": word},
        "/get_reward": {"query": ["p" + word], "prompts": ["p"], "labels": ["4"]},
        "/slime": {"prompt": "p", "response": word, "label": "4"},
        "/verify": {"responses_create_params": {"input": "p"}, "response": {"output": [reply]}},
    }
    return bodies[path]


def test_what_the_instrument_could_not_judge_is_503_and_never_a_number(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "2", "--row-timeout", "1", "--deadline", "20")
    cases = [(path, *case) for path in ("/score", "/get_reward", "/slime", "/verify") for case in BROKEN]
    for path, word, reason in [*cases, ("/slime", "hang", "grader_timeout")]:
        answer = server.ask(path, asked_by(path, word))
        assert (answer.status, answer.reason) == (503, reason), path
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json.get("reward") is None
        assert server.ask(path, asked_by(path, "fine")).status == 200
    assert server.end() == 0


BROKEN = [("die", "grader_crashed"), ("broken", "sandbox_unavailable")]


def test_a_row_that_ends_its_worker_costs_itself_alone(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "1", "--row-timeout", "2", "--deadline", "60")
    rows = [{"response": word} for word in ["fine", "die", "fine", "hang", "fine"]]
    answer = server.ask("/score", rows)
    assert answer.status == 200
    assert [row["reward"] for row in answer.json] == [0.5, None, 0.5, None, 0.5]
    reasons = [row["verdicts"]["touchy"]["reason"] for row in answer.json]
    assert (reasons[1], reasons[3]) == ("grader_crashed", "grader_timeout")
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        words = ["fine"] * 7 + ["die"] + ["fine"] * 8
        answers = list(clients.map(lambda word: server.ask("/score", {"response": word}), words))
    assert [answer.status for answer in answers] == [503 if word == "die" else 200 for word in words]
    text = server.ask("/metrics", method="GET").body.decode()
    assert 'r1_reward_worker_deaths_total{cause="timeout"} 0.0' not in text
    assert 'r1_reward_worker_deaths_total{cause="crash"} 0.0' not in text


def test_a_reward_that_does_not_apply_is_no_number(serve: Serve) -> None:
    server = serve("--workers", "1")
    answer = server.ask("/slime", {"response": "4", "label": "4", "kind": "general"})
    assert (answer.status, answer.reason) == (422, "not_applicable")
    assert server.ask("/score", {"response": "4", "kind": "general"}).json["reward"] is None


def test_workers_killed_from_outside_are_replaced(serve: Serve) -> None:
    server = serve("--workers", "2")
    for _ in range(3):
        threads = Path(f"/proc/{server.process.pid}/task").iterdir()
        children = [child for thread in threads for child in (thread / "children").read_text().split()]
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            result = list(clients.map(lambda _: server.ask("/score", RIGHT).json["reward"], range(8)))
        assert result == [1.0] * 8


def test_the_deadline_is_kept_while_rows_wait(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "1", "--row-timeout", "2", "--deadline", "4")
    rows = 20  # each holds the only worker for its two seconds, so that the last has its turn ten deadlines later
    answer = server.ask("/score", [{"response": "hang"}] * rows)
    assert (answer.status, answer.reason) == (503, "deadline")
    assert int(answer.headers["retry-after"]) > 0
    assert deaths(server, "timeout") < rows  # it was answered before they were judged
    while gauge(server, "queue_rows"):  # nobody waits for them, and they are not judged afterwards either
        time.sleep(0.05)
    assert deaths(server, "timeout") < rows
    # A worker is started anew, which may take longer than the deadline where processors are busy.
    statuses = itertools.takewhile(
        lambda status: status == 503, (server.ask("/score", {"response": "fine"}).status for _ in range(20))
    )
    assert len(list(statuses)) < 20


def deaths(server: Server, cause: str) -> int:
    text = server.ask("/metrics", method="GET").body.decode()
    match = re.search(rf'^r1_reward_worker_deaths_total\{{cause="{cause}"\}} (\S+)$', text, re.MULTILINE)
    return int(float(match[1])) if match else 0


def test_a_full_queue_is_429_with_a_time_to_come_back(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "1", "--max-queue", "4")
    with concurrent.futures.ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(lambda _: server.ask("/score", {"response": "sleep 0.5"}), range(10)))
    assert {answer.status for answer in answers} == {200, 429}
    busy = [answer for answer in answers if answer.status == 429]
    assert all(answer.reason == "busy" and int(answer.headers["retry-after"]) > 0 for answer in busy)
    assert server.ask("/score", {"response": "x"}).status == 200


def test_rows_of_a_client_that_hung_up_are_not_judged(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "1")
    with server.connect() as busy:
        busy.sendall(whole({"response": "sleep 3"}))
        time.sleep(0.3)
        for _ in range(20):
            with server.connect() as leaving:
                leaving.sendall(whole({"response": "sleep 30"}))
        begun = time.monotonic()
        assert server.ask("/score", {"response": "x"}).status == 200
        assert time.monotonic() - begun < 25


def test_bodies_and_memory_are_bounded(serve: Serve) -> None:
    server = serve("--workers", "1", "--max-body-mb", "0.5", "--max-memory-mb", "2")
    big = {"response": "x" * 600_000, "reference": "4"}
    for _ in range(5):  # told, and not cut off while it still sends
        answer = server.ask("/score", big)
        assert (answer.status, answer.reason) == (413, "too_large")
        assert server.ask("/score", big, content_type="text/plain").status == 415
    with server.connect() as liar:  # no length given: found out as it comes
        liar.sendall(head(None, "/score", "Transfer-Encoding: chunked"))
        chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
        with pytest.raises(ConnectionError):  # noqa: PT012 - it is one of many that fails
            for _ in range(200):
                liar.sendall(chunk)
    held = [server.connect() for _ in range(8)]
    for connection in held:  # each sends 400 kB and does not finish: five fit, three are sent away
        connection.sendall(head(500_000) + b"x" * 400_000)
    deadline = time.monotonic() + 15
    while gauge(server, "held_bytes") != 2_000_000:
        assert time.monotonic() < deadline
    answer = server.ask("/score", {"response": "x" * 450_000, "reference": "4"})
    assert (answer.status, answer.reason) == (429, "busy")
    assert server.ask("/score", RIGHT).status == 200
    for connection in held:
        connection.close()
    while gauge(server, "held_bytes"):
        assert time.monotonic() < deadline + 15


def gauge(server: Server, name: str) -> int:
    text = server.ask("/metrics", method="GET").body.decode()
    return next(int(float(line.split()[1])) for line in text.splitlines() if line.startswith(f"r1_reward_{name} "))


@pytest.mark.parametrize("where", ["file", "env"])
def test_the_token_is_asked_for(serve: Serve, tmp_path: Path, where: str) -> None:
    token = "correct-horse-battery"
    (tmp_path / "token").write_text(token + "\n")
    value = ("--token-file", "token") if where == "file" else ("--token-env", "REWARD_TOKEN")
    server = serve("--workers", "1", *value, environment={**os.environ, "REWARD_TOKEN": token})
    for wrong in ("", "Bearer", "Bearer wrong", f"Bearer {token}x", f"bearer\t{token}", token, "Basic !!!"):
        answer = server.ask("/score", RIGHT, authorization=wrong)
        assert (answer.status, answer.reason) == (401, "unauthorized"), wrong
    assert server.ask("/metrics", method="GET").status == 401
    assert server.ask("/nothing", RIGHT).status == 401
    assert server.ask("/healthz", method="GET").status == 200
    assert server.ask("/score", RIGHT, authorization=f"Bearer {token}").status == 200
    password = base64.b64encode(f"any:{token}".encode()).decode()  # what clients make of http://any:token@host
    assert server.ask("/score", RIGHT, authorization=f"Basic {password}").status == 200
    with server.connect() as twice:
        twice.sendall(whole(RIGHT, f"Authorization: Bearer {token}", "Authorization: Bearer x", "Connection: close"))
        assert read_all(twice).startswith(b"HTTP/1.1 401")
    server.end()
    assert token not in "".join(server.said)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1000,
        b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
        b"POST /score HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 300_000,
        b"GET / HTTP/1.1\r\n" + b"X-Junk: " + b"a" * 300_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60_000,
        b"GET /%ff%00\xc3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /score?reward=%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_end_their_connection_only(server: Server, sent: bytes) -> None:
    with server.connect() as connection:
        with contextlib.suppress(OSError):  # it may have been closed before all was sent
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in read_all(connection)
    assert server.ask("/score", RIGHT).json["reward"] == 2.0


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    rows = [{**RIGHT, "reference": str(n % 2 + 3)} for n in range(20)]
    with server.connect() as connection:
        connection.sendall(b"".join(map(whole, rows[:-1])) + whole(rows[-1], "Connection: close"))
        answers = read_all(connection)
    results = [json.loads(part.partition(b"\r\n\r\n")[2])["reward"] for part in answers.split(b"HTTP/1.1 200 OK")[1:]]
    assert results == [float(n % 2 + 1) for n in range(20)]


def test_a_client_that_hangs_up_in_mid_request_costs_nothing(server: Server) -> None:
    for sent in (head(100), head(100) + b"{", whole(RIGHT), head(None, "/score", "Transfer-Encoding: chunked") + b"5"):
        with server.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)  # half closed
            time.sleep(0.05)
    assert server.ask("/score", RIGHT).json["reward"] == 2.0


def test_slow_and_silent_clients_are_closed_and_others_served(serve: Serve) -> None:
    server = serve("--workers", "1", "--read-timeout", "2")
    slow = {
        "silent": b"",
        "line": b"POST /score",
        "header": b"POST /score HTTP/1.1\r\nHost: x\r\nX-a: ",
        "no body": head(100),
        "half a body": head(100) + b"{",
        "chunks": head(None, "/score", "Transfer-Encoding: chunked") + b"1\r\n{\r\n",
        "second": whole(RIGHT) + b"POST /sc",
    }
    ends: dict[str, float] = {}

    def trickle(name: str, sent: bytes) -> None:
        with server.connect() as connection:
            connection.sendall(sent)
            begun = time.monotonic()
            try:
                while time.monotonic() - begun < 40:
                    connection.settimeout(0.25)
                    try:
                        if not connection.recv(65_536):
                            break
                    except TimeoutError:
                        connection.sendall(b"1\r\na\r\n" if name == "chunks" else b"a" if sent else b"")
            except ConnectionError:
                pass
            ends[name] = time.monotonic() - begun

    threads = [threading.Thread(target=trickle, args=item) for item in slow.items()]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert server.ask("/score", RIGHT).status == 200
        time.sleep(0.05)
    for thread in threads:
        thread.join(60)
    assert set(ends) == set(slow)
    assert all(seconds < 35 for seconds in ends.values()), ends


def test_too_many_connections_close_the_silent_ones(serve: Serve) -> None:
    server = serve("--workers", "1", "--max-connections", "50")
    silent = [server.connect() for _ in range(200)]
    assert all(server.ask("/score", RIGHT).status == 200 for _ in range(5))
    assert gauge(server, "connections") <= 51
    for connection in silent:
        connection.close()


def test_sigterm_lets_open_requests_finish_and_takes_no_new_ones(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "2")
    idle = server.connect()
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(server.ask, "/score", {"response": "sleep 2"}) for _ in range(4)]
        deadline = time.monotonic() + 30
        while gauge(server, "queue_rows") < 4:
            assert time.monotonic() < deadline
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionError):
            server.connect()
        assert [future.result().json["reward"] for future in asked] == [0.5] * 4
    assert server.wait() == 0
    idle.close()
    assert not any("Traceback" in line for line in server.said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(serve: Serve, number: int) -> None:
    server = serve(*TOUCHY, "--workers", "1")
    with server.connect() as connection:
        connection.sendall(whole({"response": "hang"}))
        time.sleep(0.5)
        begun = time.monotonic()
        server.process.send_signal(number)
        time.sleep(0.3)
        assert server.end(number) == (130 if number == signal.SIGINT else 0)
        assert time.monotonic() - begun < 30


def test_no_worker_outlives_a_killed_server(serve: Serve) -> None:
    server = serve(*TOUCHY, "--workers", "2")
    threads = Path(f"/proc/{server.process.pid}/task").iterdir()
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    assert children
    server.end(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}/stat").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{child}/stat").exists() for child in children)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--reward", "nothing"], "unknown reward 'nothing'"),
        (["--row-timeout", "60"], "must be at least twice"),
        (["--token-file", "/nowhere"], "cannot read the token"),
        (["--token-env", "R1_REWARD_NO_SUCH"], "at least 16"),
        (["--host", "no.such.host.invalid"], "cannot listen on"),
        (["--port", "70000"], "from 0 to 65535"),
        (["--reward", "math", "--preset", "r1_zero"], "both name the reward"),
    ],
)
def test_usage_errors_are_told_before_anything_starts(args: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["serve", *args])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_options_are_read_from_a_file(tmp_path: Path) -> None:
    config = tmp_path / "serve.toml"
    config.write_text('reward = "math,format"\nport = 0\ndeadline = 50\nrow-timeout = 30.0\n[set.math]\n')
    result = CliRunner().invoke(main, ["serve", "--config", str(config)])
    assert "at least twice" in result.stderr
    with pytest.raises(ConfigError, match="both name the token"):
        ServeOptions(token_file="a", token_env="B")
