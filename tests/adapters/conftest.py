"""Graders live as long as their process; each test begins with none, so that no breaker remembers another test."""

from __future__ import annotations

import pytest

from r1_reward.adapters import grading, verl


@pytest.fixture(autouse=True)
def no_graders() -> None:
    grading._graders.clear()
    verl._cached.cache_clear()
