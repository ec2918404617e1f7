"""One test of a program, as data; `rows/cases/` reads the forms in which data sets hold tests."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .errors import SampleError


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCase:
    """One test of a program.

    `function` calls `entry(*args)` and compares with `expected`; `stdin` feeds `input` and compares standard
    output with `output`; `assert` runs `code` after the program; `program` appends `code` and asks for exit 0.

    >>> TestCase(type="stdin", input="2 3", output="5").checker
    'tokens'
    """

    __test__: ClassVar[bool] = False  # pytest takes classes called Test* for its own

    type: Literal["function", "stdin", "assert", "program"]
    """How the test is run."""
    entry: str | None = None
    """function: the name to call."""
    args: str | None = None
    """function: a Python tuple literal."""
    expected: str | None = None
    """function: a Python literal."""
    input: str | None = None
    """stdin: what the program reads."""
    output: str | None = None
    """stdin: what it should write."""
    checker: str = "tokens"
    """stdin: how outputs are compared; function: equal as in Python, or with `json`
    as JSON, where a tuple is a list (`json_wrapped`: or equal to the only item of a list); `own:NAME` is one of
    `CodeVerifier.checkers`."""
    code: str | None = None
    """assert, program: the code that tests."""
    runner: str | None = None
    """assert: what runs the tests that the code defines, `unittest` or `pytest`."""
    before: str | None = None
    """function, assert: Python that stands before the program, as the prompt of a data set has it."""
    checker_program: str | None = None
    """stdin: a program that decides. Python: given the files input, expected output and output it prints 1 or 0; C++
    that includes testlib.h: as its checkers do."""
    input_file: str | None = None
    """stdin: the file in which the program finds its input besides."""
    output_file: str | None = None
    """stdin: the file to which it writes instead of standard output."""
    subtasks: str | None = None
    """`NAME=POINTS` of the subtasks that it belongs to, between commas; one is worth its points where all its tests
    pass."""
    form: str | None = None
    """The data set's form that it was read from; evidence names it."""

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], name: str) -> TestCase:  # any: a JSON object
        """The test that `Sample.to_dict` wrote.

        Args:
            value: A JSON object.
            name: Where it stands, for messages.

        Returns:
            The test.

        Raises:
            SampleError: A field is missing, unknown or of the wrong type.
        """
        fields = {key: value[key] for key in TEST_FIELDS if value.get(key) is not None}
        try:
            return cls(**{"type": None, **fields})
        except SampleError as error:
            raise SampleError(error.reason, f"{name}.{error}") from error

    def __post_init__(self) -> None:
        if not isinstance(self.type, str) or self.type not in TEST_NEEDS:
            raise SampleError("wrong_type", f"type {self.type!r} is none of {', '.join(TEST_NEEDS)}")
        for need in TEST_NEEDS[self.type]:
            if getattr(self, need) is None:
                raise SampleError("missing_field", f"type {self.type!r} needs {need!r}")
        for name in TEST_FIELDS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise SampleError("wrong_type", f"{name} must be a string, got {type_name(value)}")
        if self.runner not in (None, "unittest", "pytest"):
            raise SampleError("wrong_type", f"runner {self.runner!r} is neither unittest nor pytest")
        for name in ("input_file", "output_file"):
            value = getattr(self, name)
            if value is not None and not value.replace(".", "").replace("_", "").replace("-", "").isalnum():
                raise SampleError("wrong_type", f"{name} must be the plain name of a file, got {value[:60]!r}")
        if self.subtasks is not None and not _SUBTASKS.fullmatch(self.subtasks):
            raise SampleError("wrong_type", f"subtasks must be NAME=POINTS between commas, got {self.subtasks[:60]!r}")
        if self.checker != "tokens":
            _check_checker(self.type, self.checker)


def _check_checker(kind: str, name: str) -> None:
    """Raise SampleError for a checker that no verifier would know."""
    from ..sandbox import checkers  # most tests name none, and need none of what it imports

    try:
        if kind == "stdin" and not name.startswith(OWN):
            checkers.checker(name)
        elif kind == "function" and not name.startswith(OWN):
            checkers.value_checker(name)
    except ValueError as error:
        raise SampleError("wrong_type", f"{error}, or {OWN}NAME for one of CodeVerifier(checkers=...)") from error


_SUBTASKS = re.compile(r"[^=,]++=[0-9]++(?:\.[0-9]++)?(?:,[^=,]++=[0-9]++(?:\.[0-9]++)?)*+")
OWN = "own:"
"""Begins the name of a checker that is given to the verifier, not one of the sandbox's."""
TEST_NEEDS: Mapping[str, tuple[str, ...]] = {
    "function": ("entry", "args", "expected"),
    "stdin": ("input", "output"),
    "assert": ("code",),
    "program": ("code",),
}
TEST_FIELDS = tuple(f.name for f in dataclasses.fields(TestCase))


def type_name(value: object) -> str:
    """The name of a value's type, as JSON has it for null."""
    return "null" if value is None else type(value).__name__
