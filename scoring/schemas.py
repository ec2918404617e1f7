"""What is written as JSON, as JSON Schema (draft 2020-12): scored rows, verdicts, the summary, the server's answers.

`r1-reward schema` prints these. `SCHEMA_VERSION` stands in the summary, in `OUT.run.json`, in `/healthz` and in a
header of every answer of the server; docs/reference/schema.md says what may change with it and what without. Not in the
rows: those of one file all have one version, their fields are the user's, and a row would grow by it for nothing.

The schemas allow fields beyond those they name, as a reader should. They describe what is written without `--prefix`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..verifiers.errors import ConfigError
from ..verifiers.verdict import REASONS_OF, Status

SCHEMA_VERSION = 1
"""Counts the changes that break a reader."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]  # any: a JSON object

_TEXT: _Schema = {"type": "string"}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: _Schema = {"type": ["number", "null"]}
_SECONDS: _Schema = {"type": "number", "minimum": 0}
_SHARE: _Schema = {"type": "number", "minimum": 0, "maximum": 1}
_COUNTS: _Schema = {"type": "object", "additionalProperties": _COUNT}
_WORD: _Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_INTERVAL: _Schema = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_VERSION: _Schema = {"const": SCHEMA_VERSION}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _object(described: str, properties: Mapping[str, _Schema], optional: tuple[str, ...] = (), **more: Any) -> _Schema:
    required = [name for name in properties if name not in optional]
    return {"description": described, "type": "object", "required": required, "properties": dict(properties), **more}


def _status(status: Status) -> _Schema:
    reasons = sorted(reason.value for reason in REASONS_OF[status])
    score = {"type": "number"} if status is Status.SCORED else {"type": "null"}
    return {"properties": {"status": {"const": status.value}, "score": score, "reason": {"enum": reasons}}}


_SHARE_FIELDS: Mapping[str, _Schema] = {"value": _NUMBER_OR_NULL, "ci95": _INTERVAL, "n": _COUNT}
_MEAN_FIELDS: Mapping[str, _Schema] = {"mean": _NUMBER_OR_NULL, "ci95": _INTERVAL, "n": _COUNT}
_AT_K = _list(_object("An estimate for k samples.", {"k": _COUNT, **_SHARE_FIELDS}))
_FINDINGS: Mapping[str, _Schema] = {
    "reward": {
        **_NUMBER_OR_NULL,
        "description": "The total; the mean over several responses; null where there is none.",
    },
    "rewards": {**_list(_NUMBER_OR_NULL), "description": "Of several responses each one's total."},
    "verdicts": {"description": "Verdicts by verifier; of several responses a list of such objects."},
    "error": _ref("row_error"),
}

DEFINITIONS: Mapping[str, _Schema] = {
    "verdict": _object(
        "What one verifier found about one response.",
        {
            "score": {**_NUMBER_OR_NULL, "description": "A finite number when scored, else null."},
            "status": {"enum": [status.value for status in Status]},
            "reason": {**_WORD, "description": "Why, in a word of a fixed list."},
            "answer": {"type": ["string", "null"], "description": "What was judged, as found in the response."},
            "detail": {**_TEXT, "description": "A sentence for a person."},
            "seconds": {**_SECONDS, "description": "Wall time of judging."},
            "parts": {"type": "object", "additionalProperties": {"type": "number"}},
            "evidence": {"type": "object", "description": "What the finding rests on; keys differ by verifier."},
        },
        ("parts", "evidence"),
        oneOf=[_status(status) for status in Status],
    ),
    "verdicts": {
        "description": "Verdicts by the name of the verifier.",
        "type": "object",
        "additionalProperties": _ref("verdict"),
    },
    "row_error": _object(
        "Why a row is no sample.",
        {"line": {**_COUNT, "description": "Its line in the input, from 1."}, "reason": _WORD, "detail": _TEXT},
    ),
    "row": _object(
        "One scored row: the input's fields, and these.",
        _FINDINGS,
        ("rewards", "error"),
        oneOf=[
            {
                "title": "one response",
                "properties": {"verdicts": _ref("verdicts"), "rewards": False, "error": False},
            },
            {
                "title": "several responses",
                "required": ["rewards"],
                "properties": {"verdicts": _list(_ref("verdicts")), "error": False},
            },
            {
                "title": "no sample",
                "required": ["error"],
                "properties": {
                    "reward": {"type": "null"},
                    "verdicts": {"type": "object", "maxProperties": 0},
                    "rewards": False,
                },
            },
        ],
    ),
    "summary": _object(
        "A scoring run, as `score --summary` writes it.",
        {
            "schema_version": _VERSION,
            "version": _TEXT,
            "commit": {"type": ["string", "null"]},
            "options": {"type": "object"},
            "fingerprint": _TEXT,
            "inputs": _list(_object("A file that was read.", {"path": _TEXT, "sha256": _TEXT})),
            "rows": _COUNT,
            "responses": _COUNT,
            "scored": _COUNT,
            "skipped": _COUNT,
            "unjudged": _object(
                "What could not be judged.", {"count": _COUNT, "share": _SHARE, "rows": _COUNTS, "verdicts": _COUNTS}
            ),
            "reward": _ref("mean"),
            "accuracy": _ref("share"),
            "verifiers": {
                "type": "object",
                "additionalProperties": _object(
                    "One verifier over the run.",
                    {
                        **_MEAN_FIELDS,
                        "statuses": _COUNTS,
                        "reasons": {
                            "type": "object",
                            "additionalProperties": _object("How often.", {"count": _COUNT, "share": _SHARE}),
                        },
                    },
                ),
            },
            "problems": _object(
                "By problem.",
                {"count": _COUNT, "decided_responses": _COUNTS, "pass_at_k": _AT_K, "cons_at_k": _AT_K},
            ),
            "slowest": _list(_object("A row that took long.", {"row": _TEXT, "seconds": _SECONDS})),
            "seconds": _SECONDS,
            "readings": _list(
                _object(
                    "How rows were read that do not have our own names.",
                    {
                        "from": {"type": ["string", "null"], "description": "The tool whose shape they have."},
                        "fields": {"type": "object", "additionalProperties": _TEXT},
                        "left_alone": _list(_TEXT),
                        "rows": _COUNT,
                    },
                )
            ),
            "examples": {
                "description": "The first row of each reason, by verifier; of rows that are no sample under `row`.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": _object(
                        "A row that shows a reason.", {"row": _TEXT, "place": _TEXT, "detail": _TEXT}
                    ),
                },
            },
            "by": {
                "description": "The same figures by the values of fields (`--by`).",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": {"type": "object"}},
            },
            "agreement": {
                "description": "How far verdicts agree with a column of labels; null where there is none.",
                "type": ["object", "null"],
            },
            "notes": _list(_TEXT),
        },
    ),
    "mean": _object("A mean with its 95 % interval over n values.", _MEAN_FIELDS),
    "share": _object("A share with its 95 % interval over n values.", _SHARE_FIELDS),
    "run": _object(
        "`OUT.run.json`: the options with which OUT was made.",
        {"schema_version": _VERSION, "fingerprint": {"type": ["string", "null"]}, "options": {"type": "object"}},
    ),
    "healthz": _object(
        "The server's answer to GET /healthz.",
        {"status": {"const": "ok"}, "reward": _TEXT, "version": _TEXT, "schema_version": _VERSION},
    ),
    "score": {
        "description": "The server's answer to /score: the findings of one row without its fields, or a list of them.",
        "oneOf": [_ref("row"), _list(_ref("row"))],
    },
    "get_reward": _object(
        "The server's answer to /get_reward.",
        {
            "rewards": _list({"type": "number"}),
            "scores": _list({"type": "number"}),
            "extra_logs": {"type": "object", "additionalProperties": _list({"type": "number"})},
        },
    ),
    "slime": {"description": "The server's answer to /slime.", "type": "number"},
    "verify": _object(
        "The server's answer to /verify: the request, and these.",
        {
            "reward": {"type": "number"},
            "reward_components": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    ),
    "error": _object(
        "The server's answer where there is none: with status 400 or above. What was found all the same stands beside.",
        {
            "error": _object("Why.", {"reason": _WORD, "detail": _TEXT}),
            "reward": {"type": "null"},
            "rewards": _list(_NUMBER_OR_NULL),
            "verdicts": {"anyOf": [_ref("verdicts"), _list(_ref("verdicts"))]},
        },
        ("reward", "rewards", "verdicts"),
    ),
}
"""Every schema by name; they refer to each other as in the document that `schema` gives."""


def schema(name: str | None = None) -> dict[str, Any]:  # any: a JSON object
    """One schema with what it refers to, or all in one document. Raises ConfigError for a name that is none.

    >>> schema("verdict")["properties"]["status"]
    {'enum': ['scored', 'skipped', 'error']}
    """
    head = {"$schema": _DIALECT, "$id": ":".join(["urn:r1-reward:schema", str(SCHEMA_VERSION), name or "all"])}
    if name is None:
        return {**head, "$defs": dict(DEFINITIONS)}
    if name not in DEFINITIONS:
        raise ConfigError(f"there is no schema {name!r}; known: {', '.join(DEFINITIONS)}")
    needed, known = [name], set[str]()
    while needed:
        known |= {each := needed.pop()}
        referred = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(DEFINITIONS[each])))
        needed += referred - known
    inner = {each: DEFINITIONS[each] for each in DEFINITIONS if each in known and each != name}
    return {**head, **DEFINITIONS[name], **({"$defs": inner} if inner else {})}
