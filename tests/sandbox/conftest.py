"""What all tests of the sandbox share."""

from __future__ import annotations

import pytest

from r1_reward.sandbox import pool


@pytest.fixture(autouse=True)
def no_other_sandboxes() -> None:
    """Sandboxes that other tests of this process keep for their next program would be counted with a test's own."""
    for kept in list(pool._SHARED):
        kept.close()
    pool._SHARED.clear()
