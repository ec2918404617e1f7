"""Who may ask and how: tokens with names and limits, packed bodies, HTTPS, ids and logs, what describes the server."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from r1_reward.adapters.server.clients import Clients, TokenClient, read_clients
from r1_reward.adapters.server.options import ServeOptions
from r1_reward.verifiers import ConfigError

if TYPE_CHECKING:
    Serve = Any
    Server = Any

RIGHT = {"response": r"<think>2 + 2</think><answer>\boxed{4}</answer>", "reference": "4"}
BODY = json.dumps(RIGHT).encode()


def test_a_packed_body_is_unpacked_within_the_limit(server: Server) -> None:
    answer = server.ask("/score", gzip.compress(BODY), content_encoding="gzip")
    assert (answer.status, answer.json["reward"]) == (200, 2.0)
    bomb = gzip.compress(b" " * (64 << 20) + BODY)
    assert len(bomb) < 1 << 20
    assert server.ask("/score", bomb, content_encoding="gzip").reason == "too_large"
    for broken in (BODY, gzip.compress(BODY)[:-9], gzip.compress(BODY) + b"x", b""):
        answer = server.ask("/score", broken, content_encoding="gzip")
        assert (answer.status, answer.reason) == (400, "not_gzip")
    assert server.ask("/score", BODY, content_encoding="br").status == 415


def test_no_redirect_repeats_what_a_client_claims(server: Server) -> None:
    answer = server.ask("/score/", RIGHT, host="evil.example")
    assert (answer.status, answer.reason) == (404, "not_found")
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["math,format", "format,math", "math+format", "format+math", "format%20math"])
def test_a_reward_is_known_by_its_terms_in_any_order(server: Server, name: str) -> None:
    assert server.ask(f"/score?reward={name}", RIGHT).status == 200
    assert server.ask(f"/score?reward={name},math", RIGHT).status == 404


def test_what_is_no_object_is_called_by_its_json_name(server: Server) -> None:
    for text, name in ((b"null", "null"), (b"[]", "array"), (b"1", "number"), (b"true", "boolean"), (b'""', "string")):
        assert f"JSON {name}," in server.ask("/slime", text).json["error"]["detail"]


def test_the_server_describes_itself_and_loads_nothing_for_it(server: Server) -> None:
    made = server.ask("/openapi.json", method="GET").json
    assert made["openapi"] == "3.1.0"
    assert {"/score", "/get_reward", "/slime", "/verify", "/healthz", "/readyz"} <= set(made["paths"])
    for path, methods in made["paths"].items():
        for method in methods:
            answer = server.ask(path, None if method == "get" else b"{}", method=method.upper())
            assert answer.status not in (404, 405), path
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(made)))
    assert references <= set(made["components"]["schemas"])
    result = server.ask("/score", RIGHT).json
    schema = {"$ref": "#/components/schemas/score", "components": made["components"]}
    jsonschema.Draft202012Validator(schema).validate(result)
    page = server.ask("/docs", method="GET")
    assert "text/html" in page.headers["content-type"]
    assert page.headers["content-security-policy"] == "default-src 'none'"
    assert not re.search(rb"<script|src=|https?://", page.body)
    assert b"/get_reward" in page.body


def test_every_answer_has_an_id_and_takes_the_clients_where_it_is_fit(server: Server) -> None:
    names = [server.ask("/score", RIGHT).headers["x-request-id"] for _ in range(3)]
    assert len(set(names)) == 3
    assert server.ask("/score", RIGHT, x_request_id="run-7:step.3").headers["x-request-id"] == "run-7:step.3"
    assert server.ask("/nowhere", RIGHT, x_request_id='x"}').headers["x-request-id"] != 'x"}'


def test_each_request_is_one_line_of_json_that_holds_nothing_of_its_body(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("# who\ntrainer 0123456789abcdef\n\neval fedcba9876543210 1\n")
    server = serve("--reward", "math", "--workers", "1", "--log-level", "info", "--token-file", "tokens")
    secret = {**RIGHT, "response": "SECRET \\boxed{4}"}
    server.ask("/score?x=SECRET", secret, authorization="Bearer 0123456789abcdef", x_request_id="one")
    server.ask("/score", [secret, secret], authorization="Bearer fedcba9876543210")
    assert server.ask("/score", secret, authorization="Bearer SECRET").status == 401
    assert server.ask("/SECRET", b"", authorization="Bearer fedcba9876543210").status == 404
    assert server.end() == 0
    lines = [json.loads(line) for line in server.said if line.startswith("{")]
    assert [(line.get("client"), line["path"], line["status"], line.get("rows")) for line in lines] == [
        ("trainer", "/score", 200, 1),
        ("eval", "/score", 200, 2),
        (None, "/score", 401, None),
        ("eval", "other", 404, None),
    ]
    assert lines[0]["request_id"] == "one"
    assert all(line["event"] == "request" and line["seconds"] >= 0 and line["level"] == "info" for line in lines)
    assert not [line for line in server.said if "SECRET" in line or "0123456789abcdef" in line]


def test_a_client_has_no_more_requests_under_way_than_it_may(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("slow 0123456789abcdef 1\nother fedcba9876543210\n")
    set_ = ("--reward", "touchy_rewards:Touchy", "--workers", "2", "--token-file", "tokens")
    server = serve(*set_)
    asked = threading.Thread(
        target=server.ask, args=("/score", {"response": "sleep 3"}), kwargs={"authorization": "Bearer 0123456789abcdef"}
    )
    asked.start()
    time.sleep(0.7)
    answer = server.ask("/score", {"response": "x"}, authorization="Bearer 0123456789abcdef")
    assert (answer.status, answer.reason) == (429, "busy")
    assert "retry-after" in answer.headers
    assert server.ask("/score", {"response": "x"}, authorization="Bearer fedcba9876543210").status == 200
    asked.join()
    assert server.ask("/score", {"response": "x"}, authorization="Bearer 0123456789abcdef").status == 200


def test_more_rows_than_the_queue_holds_can_never_be_taken(serve: Serve) -> None:
    server = serve("--reward", "math", "--workers", "1", "--max-queue", "4")
    answer = server.ask("/score", [RIGHT] * 5)
    assert (answer.status, answer.reason) == (413, "too_many_rows")
    assert "--max-queue" in answer.json["error"]["detail"]
    assert server.ask("/score", [RIGHT] * 4).status == 200


@pytest.mark.needs("openssl")
def test_https_by_flags(serve: Serve, tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    server = serve("--reward", "math", "--workers", "1", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    assert "https://127.0.0.1" in "".join(server.said)
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)
    connection.request("POST", "/score", BODY, {"content-type": "application/json"})
    assert json.loads(connection.getresponse().read())["reward"] == 1.0
    connection.close()
    assert server.end() == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no token"),
        ("short", "at least 16"),
        ("a 0123456789abcdef 0", "lines of NAME"),
        ("a 0123456789abcdef x", "lines of NAME"),
        ("a b c d", "lines of NAME"),
        ("a/b 0123456789abcdef", "a name is of letters"),
        ("a 0123456789abcdef\na fedcba9876543210", "same name twice"),
        ("a 0123456789abcdef\nb 0123456789abcdef", "same token twice"),
    ],
)
def test_an_unfit_token_file_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_clients(text, "tokens")


def test_a_request_with_two_tokens_is_of_nobody() -> None:
    clients = Clients([TokenClient(name="a", token=b"0123456789abcdef")])
    header = (b"authorization", b"Bearer 0123456789abcdef")
    result = clients.find([header])
    assert result is not None
    assert result.name == "a"
    assert clients.find([header, header]) is None
    assert clients.find([]) is None


@pytest.mark.parametrize("value", [{"tls_cert": "x"}, {"max_per_client": 0}, {"log_level": "loud"}])
def test_options_that_mean_nothing_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ServeOptions(**value)
