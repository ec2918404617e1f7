"""Structured output: the answer is JSON, valid under a JSON Schema, and optionally equal to a reference.

The schema is the verifier's option, or the sample's own: `schema` among its other fields, as an object or as text. The
reference, where there is one and `compare` is on, is JSON; objects are equal whatever the order of their keys. A fault
of the schema or the reference is an error, not a wrong answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import ConfigError
from .format.verifier import clean
from .json_answer import JsonError, SchemaFaultError, Schemas, SchemaTimeoutError, json_text, read_json, same_json
from .reasoning import Prefilled, scan
from .sample import Sample
from .settings import check
from .verdict import Reason, Verdict
from .verifier import judge_each


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVerifier:
    """1 if the answer is JSON that meets the schema and equals the reference (if there are any), else 0.

    The JSON stands in the answer block, else after the thinking, bare or in one code fence. Evidence: `fault`, how it
    breaks the schema.

    >>> point = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}
    >>> verifier = SchemaVerifier(schema=point)
    >>> [float(v) for v in verifier([Sample(response='{"x": 1}'), Sample(response='{"x": "1"}')])]
    [1.0, 0.0]
    """

    name = "schema"
    """The key of its verdicts."""
    schema: Mapping[str, Any] | None = None  # any: a JSON Schema
    """The schema for samples without one of their own."""
    extraction: Literal["strict", "lenient"] = "lenient"
    """Whether prose may stand around a code fence that holds the JSON."""
    compare: bool = True
    """Whether a sample's reference must be met, where it has one."""
    prefilled: Prefilled = "auto"
    """Whether the prompt gave the opening `<think>`."""

    def __post_init__(self) -> None:
        check(self, self.name)
        if self.schema is not None:
            try:
                Schemas.check(self.schema)
            except SchemaFaultError as fault:
                raise ConfigError(f"schema.schema: {fault}") from fault

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        return judge_each(self._judge, samples, accuracy=True)

    def _judge(self, sample: Sample) -> Verdict:
        references = sample.references if self.compare else ()
        try:
            schema = self._schema(sample)
            golds = [read_json(reference) for reference in references]
        except (JsonError, SchemaFaultError) as fault:
            return Verdict.error(Reason.REFERENCE_UNPARSEABLE, f"the schema or the reference: {fault}")
        if schema is None and not golds:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has neither a schema nor a reference")
        scanned = scan(clean(sample.response), sample.prompt, prefilled=self.prefilled)
        text = json_text(scanned, lenient=self.extraction == "lenient").strip()
        if not text:
            return Verdict.scored(0.0, Reason.NO_ANSWER, "there is no answer to read")
        answer = text[:2000]
        try:
            value = read_json(text)
        except JsonError as error:
            return Verdict.scored(0.0, Reason.BAD_FORMAT, f"the answer is not JSON: {error}", answer=answer)
        if schema is not None:
            try:
                fault_text = Schemas.faults(schema, value, len(text))
            except SchemaFaultError as fault:
                return Verdict.error(Reason.REFERENCE_UNPARSEABLE, str(fault), answer=answer)
            except SchemaTimeoutError as timeout:
                return Verdict.error(Reason.GRADER_TIMEOUT, str(timeout), answer=answer)
            if fault_text:
                evidence = {"fault": fault_text}
                detail = f"the JSON breaks the schema: {fault_text}"
                return Verdict.scored(0.0, Reason.WRONG, detail, answer=answer, evidence=evidence)
        if golds and not any(same_json(value, other) for other in golds):
            return Verdict.scored(0.0, Reason.WRONG, "the JSON is not the reference", answer=answer)
        return Verdict.scored(1.0, Reason.CORRECT, "the JSON is as asked for", answer=answer)

    def _schema(self, sample: Sample) -> Any:  # any: a JSON Schema
        own = sample.meta.get("schema", sample.meta.get("json_schema"))
        if own is None:
            return self.schema
        schema = read_json(own) if isinstance(own, str) else own
        Schemas.check(schema)
        return schema
