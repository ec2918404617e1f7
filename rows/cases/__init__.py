"""Reading tests from the forms in which data sets hold them (docs/reference/code.md has the table)."""

from .forms import find_tests, holds_tests, read_sample, read_tests

__all__ = ["find_tests", "holds_tests", "read_sample", "read_tests"]
