"""A class of ours that extends a trainer's own, which is only there where the trainer is installed."""

from __future__ import annotations

from types import new_class
from typing import TypeVar

_Own = TypeVar("_Own")


def subclass(name: str, own: type[_Own], base: type, **body: object) -> type[_Own]:
    """A subclass of `own` and of the trainer's `base`, by the metaclass of `base`; of `own` alone for `object`.

    >>> subclass("X", dict, object, plan=1).plan
    1
    """
    bases = (own,) if base is object else (own, base)
    return new_class(name, bases, exec_body=lambda names: names.update(body, __module__=own.__module__))
