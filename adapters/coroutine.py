"""Instances that `inspect` takes for coroutine functions, and that can be pickled, which a closure cannot."""

from __future__ import annotations

import inspect
from types import CodeType


class CoroutineFunction:
    """Base of classes with an `async def __call__`.

    `inspect.iscoroutinefunction` says no to an instance with such a method, and older trainers ask it; it says yes to
    what looks like a function and has a coroutine's code.
    """

    __name__: str
    __defaults__ = None
    __kwdefaults__ = None

    @property
    def __code__(self) -> CodeType:
        code: CodeType = vars(type(self))["__call__"].__code__
        return code

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(vars(type(self))["__call__"].__get__(self))
