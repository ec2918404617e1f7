"""Graders live as long as their process; each test begins with none, so that no breaker remembers another test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from r1_reward.adapters import grading, verl


@pytest.fixture(autouse=True)
def no_graders() -> None:
    grading._graders.clear()
    verl._cached.cache_clear()


@pytest.fixture(autouse=True)
def _no_siblings_of_other_tests() -> Iterator[None]:
    """Reward functions that other tests left behind, and that nobody called, would count as siblings."""
    from r1_reward.adapters import siblings

    siblings._start_clean()
    yield
    siblings._start_clean()
