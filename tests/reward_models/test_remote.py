"""Reward models behind an address, as vLLM's endpoints answer: the head's own output, and no number without one."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from r1_reward.reward_models.verifier import HelpfulVerifier, SafetyVerifier
from r1_reward.verifiers import ConfigError, Sample, Status

pytestmark = pytest.mark.needs("torch")


class Server:
    """Answers as vLLM does, by what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self.failures = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body, self.headers.get("Authorization")))
                status, result = outer.answer(self.path, body)
                data = json.dumps(result).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "0.05")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if self.failures:
            self.failures -= 1
            return 429, {"error": "slow down"}
        said = body["messages"][-1]["content"]
        raw = float(len(said))
        if "broken" in said:
            return 200, {"data": []}
        if path == "/classify":
            shown = raw if body["use_activation"] is False else 1 / (1 + math.exp(-raw))
            values = [shown, -shown] if "two" in said else [shown]
            return 200, {"data": [{"index": 0, "label": "LABEL_0", "probs": values, "num_classes": len(values)}]}
        if path == "/pooling":
            return 200, {"data": [{"index": 0, "data": [[0.0], [raw if body["use_activation"] is False else 1.0]]}]}
        words = {"Yes": -0.1, " yes": -9.0, "No": -2.4} if "mute" not in said else {"Well": -0.1, "So": -3.0}
        top = [{"token": token, "logprob": value} for token, value in words.items()]
        first = {"token": "\n\n", "logprob": 0.0, "top_logprobs": [{"token": "\n\n", "logprob": 0.0}]}
        step = {"token": next(iter(words)), "logprob": -0.1, "top_logprobs": top}
        return 200, {"choices": [{"message": {"content": "Yes"}, "logprobs": {"content": [first, step]}}]}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


def sample(text: str) -> Sample:
    return Sample(prompt="Q", response=text, kind="general")


@pytest.mark.parametrize("endpoint", ["classify", "pooling"])
def test_the_head_is_asked_for_its_own_output(endpoint: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RM_KEY", "secret")
    verifier = HelpfulVerifier(model=server.url, served="rm", endpoint=endpoint, output="raw", key_env="RM_KEY")
    texts = ["no", "yes, so", "maybe"] * 20
    verdicts = verifier([sample(text) for text in texts])
    assert [one.score for one in verdicts] == [float(len(text)) for text in texts]
    path, body, key = server.asked[0]
    assert (path, key) == (f"/{endpoint}", "Bearer secret")
    assert body["messages"][0] == {"role": "user", "content": "Q"}
    assert body["messages"][1]["role"] == "assistant"
    assert (body["model"], body["use_activation"]) == ("rm", False)
    assert "secret" not in repr(verifier) + "".join(one.detail for one in verdicts)


def test_what_fails_for_a_while_is_asked_again_and_what_says_nothing_is_no_number(server: Server) -> None:
    server.failures = 3
    verifier = HelpfulVerifier(model=server.url, served="rm", output="raw")
    verdicts = verifier([sample("no"), sample("broken"), sample("two things")])
    assert [one.score for one in verdicts] == [2.0, None, None]
    assert "answered with no outputs of a head" in verdicts[1].detail
    assert "has 2 outputs; say which counts" in verdicts[2].detail
    (one,) = HelpfulVerifier(model=server.url, served="rm", output="raw", head="1")([sample("two")])
    (both,) = HelpfulVerifier(model=server.url, served="rm", output="raw", weights="1,0.5")([sample("two")])
    assert (one.score, both.score) == (-3.0, 1.5)


def test_a_server_that_is_not_there_makes_errors(server: Server) -> None:
    server.server.shutdown()
    server.server.server_close()
    (verdict,) = SafetyVerifier(model=server.url, served="rm", timeout=1.0)([Sample(prompt="Q", response="a")])
    assert (verdict.status, verdict.score) == (Status.ERROR, None)


def test_a_chat_model_is_read_at_the_word_that_it_answers(server: Server) -> None:
    question = "Is {response} a good answer to {prompt}?"
    verifier = HelpfulVerifier(model=server.url, served="chat", endpoint="chat", question=question, output="raw")
    good, mute = verifier([sample("it"), sample("mute")])
    assert good.score == pytest.approx(-0.1 + 2.4)
    assert "none of the words Yes, No" in mute.detail
    asked = [body for _, body, _ in server.asked]  # in no order, since the questions go out together
    assert [{"role": "user", "content": "Is it a good answer to Q?"}] in [body["messages"] for body in asked]
    assert {body["top_logprobs"] for body in asked} == {20}


def test_an_address_needs_a_model_and_an_endpoint() -> None:
    with pytest.raises(ConfigError, match=r"helpful\.served is not set"):
        HelpfulVerifier(model="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="endpoint"):
        HelpfulVerifier(model="http://127.0.0.1:9", served="m", endpoint="score")
