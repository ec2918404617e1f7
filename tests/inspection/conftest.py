"""One browser for all tests that look at a page; starting it costs seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.inspection.browser import Page, chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in headless Chromium; use with `needs("chromium")`."""
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page
