"""What a trainer's own object holds, as a row: a mapping, a pydantic model, a dataclass, or attributes; and numbers as
a trainer takes them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

from ..rows.values import plain


def fields_of(data: object) -> dict[str, Any]:  # any: the fields' values
    """The fields of an object by name; none where it has none.

    >>> from types import SimpleNamespace
    >>> fields_of(SimpleNamespace(answer="4", _hidden=1)), fields_of(None)
    ({'answer': '4'}, {})
    """
    dumped = getattr(data, "model_dump", None)
    if callable(dumped):
        data = dumped()
    if isinstance(data, Mapping):
        values: Mapping[Any, object] = data
    elif dataclasses.is_dataclass(data) and not isinstance(data, type):
        values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    else:
        values = getattr(data, "__dict__", None) or {}
    return dict(plain({key: value for key, value in values.items() if not str(key).startswith("_")}))


def tensor_of(values: list[float]) -> Any:  # any: a tensor where torch is loaded, as it always is inside a trainer
    """Numbers as a tensor of float32, `[B]`; the list where torch is not loaded."""
    torch = sys.modules.get("torch")
    return values if torch is None else torch.tensor(values, dtype=torch.float32)
