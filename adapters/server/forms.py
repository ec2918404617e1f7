"""The forms in which clients ask, each turned into rows of `r1-reward score` and the findings into its answer.

| path | asked as in | answer |
| --- | --- | --- |
| /score | rows of `r1-reward score`: one object, or a list of them | reward and verdicts, one object or a list |
| /get_reward | OpenRLHF 0.11 `openrlhf/utils/agent.py`, `_fetch_rewards_via_http` | `rewards`, `scores`, `extra_logs` |
| /slime | slime `slime/rollout/rm_hub/__init__.py`, `remote_rm` | one number |
| /verify | NeMo-Gym `nemo_gym/base_resources_server.py`, `BaseVerifyRequest` | the request with `reward` |

Where a form has room for a number only, one row that has none makes the whole request a Refusal: 422 where the row is
to blame, 503 where the instrument is; with `serve --on-error zero` it is 0.0 with `valid` 0.0, as from the adapters of
trainers that can do nothing else, until the breaker finds too many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...rows.decode import parse_row
from ...rows.files import RawRow
from ...rows.labels import label_row
from ...rows.messages import reply_of, response_text
from ...scoring.work import Done, ScoredResponse, dump
from ...verifiers.verdict import Reason, Status
from ..openrlhf import SampleReward, lists
from ..query import NO_PROMPT, response_in

DATA_REASONS = frozenset(
    {
        Reason.REFERENCE_MISSING,
        Reason.REFERENCE_UNPARSEABLE,
        Reason.REFERENCE_UNUSABLE,
        Reason.RUBRIC_UNUSABLE,
        Reason.TESTS_MISSING,
    }
)
"""Errors that are in the row; all others are the instrument's, and may be gone when it is asked again."""


_JSON_TYPES = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


class Refusal(Exception):  # noqa: N818 - not an error of ours: an answer
    """A request that gets no number: a status, a word, a sentence, and what was found all the same."""

    def __init__(self, status: int, reason: str, detail: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.body = body or {}


class Question(NamedTuple):
    """A request as rows, and how their findings answer it."""

    rows: list[RawRow]
    answer: Callable[[Sequence[Done]], bytes]
    """Raises Refusal."""


class Served(NamedTuple):
    """What a server judges by."""

    reward: str
    """Name of the reward."""
    terms: Sequence[str]
    """Names of its terms; none for `auto`."""
    names: Mapping[str, str]
    """Which field of a row holds which field of a Sample."""
    zero: bool = False
    """Whether a row without a number is 0.0 where a form has room for a number only, and not a Refusal."""


Form = Callable[[bytes, Served], Question]
"""Reads a body. Raises Refusal."""


def score_form(body: bytes, _: Served) -> Question:
    """One row as an object, or a list of rows. A list is answered whatever its rows hold: each says what is wrong."""
    start = body.lstrip(b" \t\r\n")[:1]
    if start != b"[":
        return Question([RawRow(0, 1, body.strip(b" \t\r\n"))], _only_finding)
    # Text of another kind than an object is left to the worker, which gives that row its error.
    rows = [RawRow(0, line, _text(row)) for line, row in enumerate(_load(body), 1)]
    return Question(rows, lambda done_rows: b"[" + b", ".join(done.output for done in done_rows) + b"]")


def openrlhf_form(body: bytes, served: Served) -> Question:
    """`{"query": [...], "prompts": [...], "labels": [...]}`: a query is a prompt with its response, a label a reference
    or, as in the adapters, an object with `reference` or `tests`."""
    fields = object_of(body)
    queries, prompts, labels = (_list(fields, key) for key in ("query", "prompts", "labels"))
    if not len(queries) == len(prompts) == len(labels):
        message = (
            f"query has {len(queries)}, prompts {len(prompts)} and labels {len(labels)} items; they must be as many"
        )
        raise Refusal(422, "wrong_type", message)
    rows = []
    for at, (query, prompt, label) in enumerate(zip(queries, prompts, labels, strict=True)):
        if not isinstance(query, str) or not isinstance(prompt, str):
            raise Refusal(422, "wrong_type", f"query[{at}] and prompts[{at}] must be strings")
        response = response_in(query, prompt)
        if response is None and not served.zero:
            raise Refusal(422, "wrong_type", f"query[{at}] {NO_PROMPT}")
        rows.append(row_of(served.names, at + 1, **{**label_row(label), "response": response, "prompt": prompt}))
    return Question(rows, lambda done_rows: _openrlhf_answer(done_rows, served))


def slime_form(body: bytes, served: Served) -> Question:
    """`{"prompt": ..., "response": ..., "label": ...}`; other fields go to the verifiers."""
    fields = object_of(body)
    for key in ("response", "label"):
        if key not in fields:
            raise Refusal(422, "missing_field", f"the body has no field {key!r}")
    rest = {key: value for key, value in fields.items() if key not in ("prompt", "response", "label")}
    asked = {"response": fields["response"], "prompt": fields.get("prompt")}
    row = row_of(served.names, 1, rest, **{**label_row(fields["label"]), **asked})
    return Question([row], lambda done_rows: dump(number_of(done_rows[0], served)))


def nemo_gym_form(body: bytes, served: Served) -> Question:
    """`{"responses_create_params": ..., "response": ...}` with what the row of the data set held."""
    fields = object_of(body)
    asked, response = fields.get("responses_create_params"), fields.get("response")
    for key, value in (("responses_create_params", asked), ("response", response)):
        if not isinstance(value, dict):
            raise Refusal(422, "wrong_type" if key in fields else "missing_field", f"{key} must be an object")
    assert isinstance(asked, dict)
    assert isinstance(response, dict)
    output = response.get("output")
    if not isinstance(output, list):
        raise Refusal(422, "wrong_type", "response.output must be a list")
    metadata = fields.get("verifier_metadata")
    rest = {**metadata} if isinstance(metadata, dict) else {}
    rest.update((key, value) for key, value in fields.items() if key not in ("responses_create_params", "response"))
    prompt = asked.get("input")
    if isinstance(prompt, list):
        prompt = [turn for turn in prompt if isinstance(turn, dict) and "role" in turn]
    row = row_of(served.names, 1, rest, response=response_text(reply_of(output)), prompt=prompt)

    def answer(done_rows: Sequence[Done]) -> bytes:
        reward = number_of(done_rows[0], served)
        judged = done_rows[0].responses[:1]
        parts = {name: score for each in judged for name, _, _, score in each.verdicts if score is not None}
        body_out = {**fields, "reward": reward, "reward_components": parts}
        if not judged or judged[0].reward is None:  # NeMo-RL leaves it out; see the adapter
            kept = fields.get("instance_config")
            body_out["instance_config"] = {**(kept if isinstance(kept, dict) else {}), "mask_sample": True}
        try:
            return dump(body_out)
        except ValueError:
            raise Refusal(400, "not_json", "a number in the body is too large to be written back") from None

    return Question([row], answer)


FORMS: Mapping[str, Form] = {
    "/score": score_form,
    "/get_reward": openrlhf_form,
    "/slime": slime_form,
    "/verify": nemo_gym_form,
}
"""Forms by path."""


def _only_finding(done_rows: Sequence[Done]) -> bytes:
    """The finding about one row; a row without any number is answered by what kept it from one."""
    done = done_rows[0]
    if done.error or all(response.status == Status.ERROR for response in done.responses):
        raise _refusal(done)
    return done.output


def _openrlhf_answer(done_rows: Sequence[Done], served: Served) -> bytes:
    rewards = [number_of(done, served) for done in done_rows]
    rewards_of = [
        SampleReward(reward, each.status, {name: score for name, _, _, score in each.verdicts})
        if each is not None
        else SampleReward(reward, Status.ERROR.value, {})
        for reward, each in zip(rewards, (next(iter(done.responses), None) for done in done_rows), strict=True)
    ]
    return dump(lists(rewards_of, served.terms))


def number_of(done: Done, served: Served) -> float:
    """The reward of a row with one response. Raises Refusal where there is none, unless it is then 0.0."""
    if len(done.responses) != 1 or done.responses[0].reward is None:
        if served.zero:
            return 0.0
        raise _refusal(done)
    return done.responses[0].reward


def _refusal(done: Done) -> Refusal:
    """Why a row has no number: the rows' own fault, or the instrument's."""
    row = json.loads(done.output)
    if done.error:
        error = row["error"]
        return Refusal(400 if error["reason"].startswith("not_") else 422, error["reason"], error["detail"])
    for at, response in enumerate(done.responses):
        if response.reward is None:
            verdicts = row["verdicts"][at] if isinstance(row["verdicts"], list) else row["verdicts"]
            reason, detail = _blame(response, verdicts)
            status = 422 if response.status == Status.SKIPPED or reason in DATA_REASONS else 503
            return Refusal(status, reason, detail, row)
    return Refusal(422, "missing_field", "the row has no response")


def _blame(response: ScoredResponse, verdicts: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """The first verdict that kept the total from being a number; the instrument's faults come before the row's."""
    guilty = [(name, reason) for name, status, reason, _ in response.verdicts if status == response.status]
    guilty.sort(key=lambda each: each[1] in DATA_REASONS)
    if not guilty:
        return Reason.NOT_APPLICABLE.value, "no reward applies to this row"
    name, reason = guilty[0]
    return reason, f"{name}: {verdicts[name]['detail']}"


def object_of(body: bytes) -> dict[str, Any]:  # any: JSON values
    """The object that a body is. Raises Refusal."""
    fields = _load(body)
    if not isinstance(fields, dict):
        raise Refusal(400, "not_an_object", f"the body is a JSON {_JSON_TYPES[type(fields)]}, not an object")
    return fields


def _load(body: bytes) -> Any:  # any: JSON values
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        detail = f"the body is not UTF-8: byte {error.start + 1} is {body[error.start]:#x}"
        raise Refusal(400, "not_utf8", detail) from None
    try:
        return parse_row(text)
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at character {error.pos + 1}"
        raise Refusal(400, "not_json", detail) from None
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "not_json", f"the body cannot be read as JSON: {str(error)[:100]}") from None


def _list(fields: Mapping[str, Any], key: str) -> list[Any]:  # any: JSON values
    if not isinstance(fields.get(key), list):
        raise Refusal(422, "wrong_type" if key in fields else "missing_field", f"{key} must be a list")
    return list(fields[key])


def row_of(names: Mapping[str, str], line: int, rest: Mapping[str, Any] | None = None, /, **sample: object) -> RawRow:
    """A row with the fields of a Sample under the names that this server reads; `rest` are its other fields."""
    fields = {names.get(key, key): value for key, value in sample.items() if value is not None}
    return RawRow(0, line, _text({**(rest or {}), **fields}))


def _text(value: object) -> bytes:
    """Text that the worker reads back to the same value."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value).encode()
    except RecursionError:
        raise Refusal(400, "not_json", "the body is nested too deeply") from None
