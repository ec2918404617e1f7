"""`r1-reward schema`: what every command writes keeps to the schemas, and holds nothing that they do not name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import r1_reward as r1
from r1_reward.cli import main
from r1_reward.scoring.schemas import DEFINITIONS, SCHEMA_VERSION, schema

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rollouts.jsonl"


def printed(*arguments: str) -> Any:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def check(value: Any, name: str) -> None:
    """Valid, and with every field that is ours named in the schema."""
    jsonschema.Draft202012Validator(printed("schema", name)).validate(value)
    unnamed = list(_unnamed(value, schema(name), {**schema()["$defs"]}))
    assert not unnamed, unnamed


def _unnamed(value: Any, described: Any, known: Mapping[str, Any]) -> Iterator[str]:
    """Fields of objects for which no schema has a name."""
    if "$ref" in described:
        described = known[described["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for item in value:
            yield from _unnamed(item, described.get("items", {}), known)
    elif isinstance(value, dict) and "properties" in described:
        for key, item in value.items():
            if key not in described["properties"]:
                yield key
            else:
                yield from _unnamed(item, described["properties"][key], known)
    elif isinstance(value, dict) and "additionalProperties" in described:
        for item in value.values():
            yield from _unnamed(item, described["additionalProperties"], known)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `score` writes about rows of all kinds, good and bad."""
    folder = tmp_path_factory.mktemp("scored")
    rows: list[Any] = [json.loads(line) for line in EXAMPLE.read_text("utf-8").splitlines()[::20]]
    rows += [
        {"responses": [r"\boxed{4}", "x", ""], "reference": 4},
        {"responses": [], "reference": 4},
        {"response": "x", "kind": "general"},
        {"response": r"\boxed{4}", "reference": "N/A"},
        {"response": "Answer: B", "reference": "B", "kind": "choice", "reward": "theirs", "error": "theirs"},
        {"a": 1},
        ["no object"],
        {"response": "x", "tests": [{"type": "magic"}]},
        {"response": "print(5)", "kind": "code"},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows) + "no JSON\n"
    (folder / "in.jsonl").write_text(text, "utf-8")
    command = ["score", str(folder / "in.jsonl"), "-o", str(folder / "out.jsonl"), "--summary", str(folder / "s.json")]
    assert CliRunner().invoke(main, [*command, "--preset", "rl1"]).exit_code == 1
    return folder


def test_schemas_are_schemas() -> None:
    assert printed("schema") == schema()
    jsonschema.Draft202012Validator.check_schema(schema())
    for name in DEFINITIONS:
        alone = printed("schema", name)
        assert alone["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema.Draft202012Validator.check_schema(alone)
        jsonschema.Draft202012Validator(alone).is_valid({})  # raises for a reference that leads nowhere


def test_an_unknown_name_is_a_usage_error_that_lists_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["schema", "rows"])
    assert result.exit_code == 2
    assert "there is no schema 'rows'; known: verdict" in " ".join(result.output.split())


def test_rows_keep_to_their_schema(scored: Path) -> None:
    lines = (scored / "out.jsonl").read_text("utf-8").splitlines()
    named = schema("row")["properties"]
    for line in lines:
        row = json.loads(line)
        check({key: value for key, value in row.items() if key in named}, "row")
        jsonschema.Draft202012Validator(schema("row")).validate(row)
    verdicts = [row["verdicts"] for row in map(json.loads, lines)]
    statuses = {v["status"] for each in verdicts if isinstance(each, dict) for v in each.values()}
    assert statuses == {"scored", "skipped", "error"}, "the rows here are meant to show them all"
    assert any(isinstance(each, list) for each in verdicts)
    for each in verdicts:
        for one in each if isinstance(each, list) else [each]:
            for verdict in one.values():
                check(verdict, "verdict")


def test_summary_and_record_keep_to_theirs(scored: Path) -> None:
    summary = json.loads((scored / "s.json").read_text("utf-8"))
    check({**summary, "options": {}}, "summary")
    record = json.loads((scored / "out.jsonl.run.json").read_text("utf-8"))
    check({**record, "options": {}}, "run")
    assert summary["schema_version"] == record["schema_version"] == SCHEMA_VERSION
    empty = r1.score([], workers=1).summary.to_dict()
    check({**empty, "options": {}}, "summary")


def test_explain_gives_a_verdict(scored: Path) -> None:
    check(printed("explain", "--response", r"\boxed{4}", "--reference", "4", "--json")["verdict"], "verdict")
    check(printed("explain", "--from", str(scored / "in.jsonl"), "--row", "1", "--json")["verdict"], "verdict")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", {"score": 0.0, "status": "error", "reason": "grader_crashed"}),
        ("verdict", {"score": None, "status": "scored", "reason": "wrong"}),
        ("verdict", {"score": 1.0, "status": "scored", "reason": "not_applicable"}),
        ("verdict", {"score": 1.0, "status": "scored", "reason": "fine"}),
        ("row", {"verdicts": {}}),
        ("row", {"reward": 1.0, "verdicts": {}, "error": {"line": 1, "reason": "not_json", "detail": ""}}),
        ("row", {"reward": 1.0, "verdicts": [{}]}),
        ("row", {"reward": 1.0, "rewards": [1.0], "verdicts": {}}),
        ("row", {"reward": "1", "verdicts": {}}),
        ("run", {"schema_version": SCHEMA_VERSION + 1, "fingerprint": "", "options": {}}),
        ("slime", None),
        ("verify", {"reward": None, "reward_components": {}}),
    ],
)
def test_schemas_refuse_what_is_never_written(name: str, value: Any) -> None:
    rest = {"answer": None, "detail": "", "seconds": 0.0} if name == "verdict" else {}
    value = {**rest, **value} if isinstance(value, dict) else value
    assert not jsonschema.Draft202012Validator(schema(name)).is_valid(value)


def test_a_field_that_nobody_described_is_found() -> None:
    (row,) = r1.score([{"response": r"\boxed{4}", "reference": "4"}], reward="math", workers=1).rows
    row["verdicts"]["math"]["more"] = 1
    with pytest.raises(AssertionError, match="more"):
        check(row["verdicts"], "verdicts")
