"""Test cases, and reading them from the forms in which data sets hold them (docs/code.md has the table)."""

from .case import OWN, TestCase
from .forms import find_tests, holds_tests, limits_of_row, read_tests

__all__ = ["OWN", "TestCase", "find_tests", "holds_tests", "limits_of_row", "read_tests"]
