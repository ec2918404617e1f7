"""Tests that are there and in no form that is known."""

from __future__ import annotations

from ...verifiers.errors import SampleError


def unknown_form(message: str) -> SampleError:
    """What is raised for them."""
    return SampleError("tests_unknown_form", message)
