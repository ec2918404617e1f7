"""The server's own description: OpenAPI 3.1, and a page of it that loads nothing from anywhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from ...scoring.schemas import schema

_ERRORS = {
    "400": "the body cannot be read",
    "401": "the token is missing or wrong",
    "408": "the body came too slowly",
    "413": "too large, or too many rows",
    "415": "the body is not JSON, or packed otherwise than by gzip",
    "422": "a row cannot be judged for a reason in the row",
    "429": "there is no room now; Retry-After says when to come back",
    "503": "could not be judged; Retry-After",
}
_ASKED = {
    "/score": ("Rows as of `r1-reward score`: one object, or a list of them.", "score", ["response"]),
    "/get_reward": ("Queries in OpenRLHF's form.", "get_reward", ["query", "prompts", "labels"]),
    "/slime": ("One sample in slime's form.", "slime", ["response", "label"]),
    "/verify": ("A request in NeMo-Gym's form.", "verify", ["responses_create_params", "response"]),
    "/classify": ("A dialogue as vLLM's classifiers get it: messages, or input.", None, []),
    "/v1/classify": ("The same.", None, []),
    "/pooling": ("A dialogue as vLLM's pooling models get it: messages, or input.", None, []),
    "/v1/pooling": ("The same.", None, []),
    "/v1/embeddings": ("A dialogue as SGLang's reward models get it: messages, or input.", None, []),
}
_READ = {
    "/healthz": "The process answers: what is served.",
    "/health": "The same, under vLLM's name.",
    "/readyz": "Rows are taken; 503 once the server is ending.",
    "/metrics": "Counts and times as Prometheus reads them.",
    "/openapi.json": "This description.",
    "/docs": "This description as a page.",
}


def document(version: str, *, paths: frozenset[str], guarded: bool) -> dict[str, Any]:  # any: a JSON object
    """The OpenAPI document of a server.

    Args:
        version: Of the package.
        paths: Those that are served.
        guarded: Whether a token is asked for.
    """
    known = schema()
    errors = {status: _answer(what, "error") for status, what in _ERRORS.items() if guarded or status != "401"}
    described: dict[str, Any] = {}
    for path, (what, answer, needed) in _ASKED.items():
        if path not in paths:
            continue
        one = {"type": "object", "required": needed, "additionalProperties": True}
        body = {"anyOf": [one, {"type": "array", "items": {}}]} if path == "/score" else one
        described[path] = {
            "post": {
                "summary": what,
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {"200": _answer("what was found", answer), **errors},
            }
        }
    for path, what in _READ.items():
        described[path] = {"get": {"summary": what, "responses": {"200": {"description": "as it says"}}}}
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "r1-reward",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": described,
        "components": {"schemas": _components(known)},
    }
    if guarded:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"token": []}]
    return made


def page(made: dict[str, Any]) -> str:  # any: the OpenAPI document
    """The document as a page of HTML."""
    rows = []
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            needed = (body.get("anyOf") or [body])[0].get("required", [])
            statuses = ", ".join(operation["responses"])
            cells = (method.upper(), path, operation["summary"], ", ".join(needed), statuses)
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = "".join(f"<th>{head}</th>" for head in ("Method", "Path", "What", "Needs", "Answers"))
    statuses = "".join(f"<li>{status}: {escape(what)}</li>" for status, what in _ERRORS.items())
    version = escape(made["info"]["version"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>r1-reward {version}</title>'
        f"<h1>r1-reward {version}</h1>"
        f"<table border><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'<h2>Errors</h2><ul>{statuses}</ul><p><a href="openapi.json">openapi.json</a></p></html>\n'
    )


def _answer(what: str, name: str | None) -> dict[str, Any]:  # any: a JSON object
    if name is None:
        return {"description": what}
    return {
        "description": what,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


def _components(known: dict[str, Any]) -> dict[str, Any]:  # any: JSON objects
    """The schemas under the names by which an OpenAPI document refers to them."""
    text = json.dumps(known["$defs"]).replace('"#/$defs/', '"#/components/schemas/')
    return dict(json.loads(text))
