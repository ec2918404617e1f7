"""What clients send and get back, against a real server: the exact shapes of trainers, and input of every bad kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from r1_reward.adapters import openrlhf
from r1_reward.scoring import ScoreOptions, score

if TYPE_CHECKING:
    Server = Any

ROOT = Path(__file__).resolve().parents[3]
RIGHT = {"response": r"<think>2 + 2</think><answer>\boxed{4}</answer>", "reference": "4"}
WRONG = {**RIGHT, "reference": "5"}


def without_seconds(result: Any) -> Any:
    if isinstance(result, dict):
        return {key: without_seconds(value) for key, value in result.items() if key != "seconds"}
    return [without_seconds(item) for item in result] if isinstance(result, list) else result


def test_rows_are_judged_as_the_command_judges_them(server: Server, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (ROOT / "examples" / "rollouts.jsonl").read_text().splitlines()[:60]]
    rows += [{"response": "x"}, {"a": 1}, {"response": 5}, {"responses": ["4", r"\boxed{4}"], "reference": 4}]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    score(ScoreOptions(files=[str(source)], output=str(tmp_path / "out.jsonl"), rewards=["math", "format"], workers=1))
    expected = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    keys = ("reward", "rewards", "verdicts", "error")
    expected = [{key: row[key] for key in keys if key in row} for row in expected]
    answer = server.ask("/score", rows)
    assert answer.status == 200
    assert without_seconds(answer.json) == without_seconds(expected)


def test_one_row_is_answered_by_one_finding(server: Server) -> None:
    answer = server.ask("/score", RIGHT)
    assert (answer.status, answer.json["reward"]) == (200, 2.0)
    assert set(answer.json) == {"reward", "verdicts"}
    assert server.ask("/score", WRONG).json["reward"] == 1.0
    assert server.ask("/score", []).body == b"[]"


def test_rows_of_code_flow_with_their_fields_checked(server: Server) -> None:
    row = {"response": "print(5)", "tests": [{"type": "stdin", "input": "", "output": "5"}], "limits": {"time_s": 2}}
    assert set(server.ask("/score", row).json["verdicts"]) == {"format"}  # the one of its rewards that is for all kinds
    answer = server.ask("/score", {**row, "tests": [{"type": "magic"}]})
    assert (answer.status, answer.reason) == (422, "tests_unknown_form")
    assert server.ask("/score", {**row, "limits": {"time_s": -1}}).status == 422


CHAT = "<|im_start|>user\nWhat is \\boxed{2} + 2?<|im_end|>\n<|im_start|>assistant\n"


def test_openrlhf_gets_lists_of_numbers(server: Server) -> None:
    # openrlhf/utils/agent.py, _fetch_rewards_via_http of 0.11: lists of one, the query decoded with special tokens.
    body = {"query": [CHAT + RIGHT["response"] + "<|im_end|>\n"], "prompts": [CHAT], "labels": ["4"]}
    logs = {"valid": [1.0], "error": [0.0], "math_reward": [1.0], "format_reward": [1.0]}
    assert server.ask("/get_reward", body).json == {"rewards": [2.0], "scores": [1.0], "extra_logs": logs}
    body["query"] = [CHAT + "I give up.<|im_end|>"]
    assert server.ask("/get_reward", body).json["rewards"] == [0.0]
    both = {key: [value[0], value[0]] for key, value in body.items()}
    assert server.ask("/get_reward", {**both, "labels": ["4", 2]}).json["rewards"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("query", "prompt", "label"),
    [
        (CHAT + RIGHT["response"] + "<|im_end|>", CHAT, "4"),
        (CHAT + r"<think>a</think><answer>\boxed{5}</answer>", CHAT, "4"),  # the format is right, the answer is not
        (CHAT + "4", CHAT, "4"),
        (CHAT[5:] + RIGHT["response"], CHAT, "4"),  # cut at its beginning
        (RIGHT["response"], CHAT, "4"),  # no prompt
        (CHAT, CHAT, "Two and two.\n#### 4"),
        (CHAT + r"\boxed{4}", CHAT, "Two and two.\n#### 4"),
        ("ppass", "p", '{"tests": [{"type": "assert", "code": "assert True"}]}'),  # only the format concerns it
        (CHAT + "4", CHAT, '{"reference": null, "kind": "math"}'),
    ],
)
def test_openrlhf_is_told_the_same_over_http_and_by_the_file(
    server: Server, query: str, prompt: str, label: str
) -> None:
    result = openrlhf.reward("math", "format", breaker=None)([query], [prompt], [label])
    expected = {key: [float(value[0])] for key, value in result["extra_logs"].items()}
    answer = server.ask("/get_reward", {"query": [query], "prompts": [prompt], "labels": [label]})
    if expected["valid"] == [0.0]:
        assert answer.status == 422  # what the file gives as 0 that is marked, the server does not give
        return
    assert answer.json == {
        "rewards": [float(result["rewards"][0])],
        "scores": [float(result["scores"][0])],
        "extra_logs": expected,
    }


def test_slime_gets_a_number(server: Server) -> None:
    # slime/rollout/rm_hub/__init__.py, remote_rm: one sample; resp.json() is the reward.
    prompt = [{"role": "user", "content": "2 + 2?"}]
    assert server.ask("/slime", {"prompt": prompt, "response": RIGHT["response"], "label": "4"}).json == 2.0
    assert server.ask("/slime", {"prompt": "2 + 2?", "response": r"\boxed{3}", "label": 4}).json == 0.0


def test_an_answer_that_holds_its_solution_is_read_in_every_form(server: Server) -> None:
    gold = "She sold 48/2 = <<48/2=24>>24 clips in May.\n#### 72"
    for said, reward in (("72", 1.0), ("24", 0.0)):
        response = rf"\boxed{{{said}}}"
        assert server.ask("/score", {"response": response, "reference": gold}).json["reward"] == reward
        assert server.ask("/slime", {"prompt": "?", "response": response, "label": gold}).json == reward
        query = {"query": [CHAT + response], "prompts": [CHAT], "labels": [gold]}
        assert server.ask("/get_reward", query).json["rewards"] == [reward]
        output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": response}]}]
        asked = {"responses_create_params": {"input": []}, "response": {"output": output}, "answer": gold}
        assert server.ask("/verify", asked).json["reward"] == reward


def test_a_label_may_hold_the_fields_of_a_row(server: Server) -> None:
    label = json.dumps({"reference": "4", "kind": "math"})
    assert server.ask("/slime", {"prompt": "2 + 2?", "response": r"\boxed{4}", "label": label}).json == 1.0
    tests = {"tests": [{"type": "stdin", "input": "", "output": "5"}], "limits": {"time_s": 2}}
    body = {"query": ["pprint(5)"], "prompts": ["p"], "labels": [json.dumps(tests)]}
    assert server.ask("/get_reward", body).json["extra_logs"] == {
        "valid": [1.0],
        "error": [0.0],
        "math_reward": [0.0],  # code, which math leaves alone, under the keys of every other row
        "format_reward": [0.0],
    }
    body["labels"] = [json.dumps({"tests": [{"type": "magic"}]})]
    assert server.ask("/get_reward", body).status == 422


def test_nemo_gym_gets_its_request_back_with_the_reward(server: Server) -> None:
    # nemo_gym/base_resources_server.py: BaseVerifyRequest in, BaseVerifyResponse out.
    text = {"type": "output_text", "text": r"<answer>\boxed{4}</answer>", "annotations": []}
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "2 + 2"}]}
    reply = {"type": "message", "role": "assistant", "id": "m", "status": "completed", "content": [text]}
    body = {
        "responses_create_params": {"input": [{"role": "user", "content": "2 + 2?"}]},
        "response": {"id": "x", "output": [thought, reply]},
        "expected_answer": "4",
    }
    assert server.ask("/seed_session", {}).json == {}
    answer = server.ask("/verify", body).json
    assert answer == {**body, "reward": 2.0, "reward_components": {"math": 1.0, "format": 1.0}}
    # the same as the adapter: thinking in `content`, and nothing that came before a call is an answer
    body["response"] = {"output": [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "2"}]}, reply]}
    assert server.ask("/verify", body).json["reward"] == 2.0
    body["response"] = {"output": [thought, reply, {"type": "function_call", "name": "f", "arguments": "{}"}]}
    assert server.ask("/verify", body).json["reward"] == 0.0
    body["response"] = {"output": [thought, reply]}
    del body["expected_answer"]
    body["verifier_metadata"] = {"ground_truth": 5}
    assert server.ask("/verify", body).json["reward"] == 1.0


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/score", b"{", 400, "not_json"),
        ("/score", b"", 400, "not_json"),
        ("/score", b"[1, 2", 400, "not_json"),
        ("/score", b'{"response": "\xff"}', 400, "not_utf8"),
        ("/score", b'["\xff"]', 400, "not_utf8"),
        ("/score", b'{"response": "x", "n": NaN}', 422, "reference_missing"),
        ("/score", b'{"response": NaN}', 422, "missing_field"),
        ("/score", b'"text"', 400, "not_an_object"),
        ("/score", b"7" * 10_000, 400, "not_json"),
        ("/score", b"[" * 200_000, 400, "not_json"),
        ("/score", b'{"a":' * 100_000, 400, "not_json"),
        ("/score", {"reference": "4"}, 422, "missing_field"),
        ("/score", {"response": ["x"]}, 422, "reference_missing"),  # a list of one text is it
        ("/score", {"response": [5]}, 422, "wrong_type"),
        ("/score", {"response": "x"}, 422, "reference_missing"),
        ("/score", {"response": "x", "reference": "(("}, 422, "reference_unparseable"),
        ("/score", {"responses": []}, 422, "missing_field"),
        ("/score", [RIGHT] * 65, 413, "too_many_rows"),
        ("/get_reward", b"[]", 400, "not_an_object"),
        ("/get_reward", {"query": "x", "prompts": ["x"], "labels": ["x"]}, 422, "wrong_type"),
        ("/get_reward", {"query": ["x"], "prompts": ["x"]}, 422, "missing_field"),
        ("/get_reward", {"query": ["x"], "prompts": ["x"], "labels": []}, 422, "wrong_type"),
        ("/get_reward", {"query": [1], "prompts": ["x"], "labels": ["4"]}, 422, "wrong_type"),
        ("/get_reward", {"query": ["other"], "prompts": ["x"], "labels": ["4"]}, 422, "wrong_type"),
        ("/get_reward", {"query": ["p4"], "prompts": ["p"], "labels": [None]}, 422, "reference_missing"),
        ("/get_reward", b'{"query": [Infinity], "prompts": ["p"], "labels": ["4"]}', 422, "wrong_type"),
        ("/slime", {"response": "4"}, 422, "missing_field"),
        ("/slime", {"response": None, "label": "4"}, 422, "missing_field"),
        ("/slime", {"response": "4", "label": {"reference": {}}}, 422, "wrong_type"),
        ("/verify", {"response": {"output": []}}, 422, "missing_field"),
        ("/verify", {"responses_create_params": {}, "response": 5}, 422, "wrong_type"),
        ("/verify", {"responses_create_params": {}, "response": {"output": 5}}, 422, "wrong_type"),
        ("/verify", {"responses_create_params": {}, "response": {"output": [5, None, {}]}}, 422, "reference_missing"),
        ("/score?reward=helpful", RIGHT, 404, "unknown_reward"),
        ("/nothing", RIGHT, 404, "not_found"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(server: Server, path: str, body: Any, status: int, reason: str) -> None:
    answer = server.ask(path, body)
    assert (answer.status, answer.reason) == (status, reason), answer


def test_a_request_may_insist_on_the_reward_that_is_served(server: Server) -> None:
    assert server.ask("/score?reward=math,format", RIGHT).status == 200
    assert server.ask("/score?reward=math%2Bformat", RIGHT).status == 200


def test_methods_and_kinds_of_body_that_are_not_asked_for(server: Server) -> None:
    assert server.ask("/score", method="GET").status == 405
    assert server.ask("/score", method="OPTIONS").status == 405
    assert server.ask("/healthz", method="HEAD").status == 200
    assert server.ask("/metrics", RIGHT).status == 405
    answer = server.ask("/score", RIGHT, content_type="text/plain")
    assert (answer.status, answer.reason) == (415, "wrong_type")
    assert server.ask("/score", RIGHT, content_type="application/json; charset=utf-8").status == 200


def test_lone_surrogates_and_huge_numbers_are_judged_or_refused_by_row(server: Server) -> None:
    rows = rb'[{"response": "\\boxed{4} \ud800", "reference": "4"}, {"response": "x", "n": 1e999, "kind": "math"}, 5]'
    answer = server.ask("/score", rows)
    assert answer.status == 200
    assert [row["reward"] for row in answer.json] == [1.0, None, None]
    assert answer.json[1]["verdicts"]["math"]["reason"] == "reference_missing"
    body = rb'{"responses_create_params": {"x": 1e999}, "response": {"output": []}, "expected_answer": "4"}'
    assert server.ask("/verify", body).status == 400


def test_metrics_count_and_hold_no_text(server: Server) -> None:
    secret = "sesame-open-" + "x" * 8
    server.ask("/score", {"response": f"\\boxed{{{secret}}}", "reference": secret, "id": secret, secret: 1})
    server.ask(f"/{secret}", {})
    server.ask(f"/score?reward={secret}", RIGHT)
    text = server.ask("/metrics", method="GET").body.decode()
    assert secret not in text
    assert re.search(r'^r1_reward_info\{.*version="', text, re.MULTILINE)
    assert 'r1_reward_requests_total{path="other",status="404"}' in text
    names = set()
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            float(value)
            assert name not in names
            names.add(name)
