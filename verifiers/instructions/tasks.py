"""The instructions of a row, in the forms in which data sets hold them.

| data set | form |
| --- | --- |
| IFEval, IFBench, Multi-IF, NeMo-Gym | `instruction_id_list` and `kwargs`: lists, or JSON text of them |
| IF-RLVR | a reference `[{"instruction_id": [...], "kwargs": [...]}]`, as JSON or as Python prints it |
| RLVR-IFeval | a reference `{"func_name": ..., "N": ..., ...}` |

Arguments that are null are not there. A check's own parameters say which it needs and of what type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

from ..references import literal
from ..sample import Sample
from ..verdict import Reason
from . import ifbench, ifeval, rlvr
from .ifeval import Check

CHECKS: Mapping[str, Check] = {**ifeval.CHECKS, **ifbench.CHECKS, **rlvr.TRAINING_CHECKS, **rlvr.FUNCTIONS}
"""Every instruction by its name."""


class TaskError(Exception):
    """The instructions of a row cannot be read; the message says why."""

    def __init__(self, message: str, reason: Reason = Reason.REFERENCE_UNPARSEABLE) -> None:
        super().__init__(message)
        self.reason = reason


class Task(NamedTuple):
    """One instruction of a row."""

    name: str
    check: Check
    arguments: Mapping[str, Any]  # any: as the check's parameters say


def tasks_of(sample: Sample) -> list[Task]:
    """The instructions of a sample. Raises TaskError for a row that has none, or one that cannot be read.

    >>> [task.name for task in tasks_of(Sample(response="", reference='{"func_name": "validate_no_commas"}'))]
    ['validate_no_commas']
    """
    names, kwargs = sample.meta.get("instruction_id_list"), sample.meta.get("kwargs")
    if names is None:
        if not sample.references:
            raise TaskError("the row has no instruction_id_list and no reference", Reason.REFERENCE_MISSING)
        names, kwargs = _of_reference(_value(sample.references[0]))
    names, kwargs = _listed(_value(names)), _listed(_value(kwargs))
    if not names:
        raise TaskError("the row's list of instructions is empty", Reason.REFERENCE_MISSING)
    kwargs = kwargs or [{}] * len(names)
    if len(kwargs) != len(names):
        raise TaskError(f"the row has {len(names)} instructions and {len(kwargs)} kwargs")
    return [_task(name, _value(arguments)) for name, arguments in zip(names, kwargs, strict=True)]


def _of_reference(reference: Any) -> tuple[Any, Any]:  # any: JSON values
    """Names and arguments that a reference holds."""
    while isinstance(reference, list) and len(reference) == 1:
        reference = _value(reference[0])
    if not isinstance(reference, Mapping):
        raise TaskError("the reference holds no instructions: it has no instruction_id and no func_name")
    if reference.get("func_name") is not None:
        return [reference["func_name"]], [{key: value for key, value in reference.items() if key != "func_name"}]
    for key in ("instruction_id_list", "instruction_id", "instruction_ids"):
        if reference.get(key) is not None:
            return reference[key], reference.get("kwargs")
    raise TaskError(f"the reference has the fields {', '.join(map(str, list(reference)[:8]))}, and no instruction_id")


def _task(name: object, kwargs: object) -> Task:
    check = CHECKS.get(name.strip()) if isinstance(name, str) else None
    if check is None:
        raise TaskError(f"no instruction is called {str(name)[:80]!r}")
    if kwargs is None:
        kwargs = {}
    if not isinstance(kwargs, Mapping):
        raise TaskError(f"the arguments of {name} are a {type(kwargs).__name__}, not an object")
    arguments = {}
    for parameter, kind in _parameters(check).items():
        value = kwargs.get(parameter)
        if value is None:
            raise TaskError(f"{name} has no argument {parameter!r}")
        arguments[parameter] = _typed(value, kind, f"{parameter} of {name}")
    return Task(str(name).strip(), check, arguments)


@cache
def _parameters(check: Check) -> Mapping[str, str]:
    """A check's arguments with their types, as they are written."""
    return {name: str(one.annotation) for name, one in list(signature(check).parameters.items())[1:]}


_CHOICES = {"Relation": ("less than", "at least"), "Quantifier": ("at least", "around", "at most")}


def _typed(value: Any, kind: str, what: str) -> Any:  # any: JSON values
    """An argument as its check takes it: Parquet makes 3.0 of 3. Raises TaskError."""
    if kind == "int" and not isinstance(value, bool):
        try:
            if int(value) == float(value):
                return int(value)
        except (TypeError, ValueError, OverflowError):
            pass
    elif kind == "Sequence[str]":
        listed = _value(value)
        listed = [listed] if isinstance(listed, str) else listed
        if isinstance(listed, Sequence) and listed and all(isinstance(one, str) and one.strip() for one in listed):
            return list(listed)
    elif kind == "str":
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str | int) and str(value).strip():
            return str(value)
    elif value in _CHOICES.get(kind, ()):
        return value
    raise TaskError(f"the argument {what} is {value!r:.80}, which is none")


def _value(value: Any) -> Any:  # any: JSON values
    """What JSON text or a Python literal holds; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        read = literal(value.strip())
        return value if read is None else read
    return value


def _listed(value: Any) -> list[Any]:  # any: as above
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
