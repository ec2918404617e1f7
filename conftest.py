"""The root of the checkout is the package, and its folder may have any name, such as one that no module can have.

pytest would import a folder with an `__init__.py` under its own name; the tests import `r1_reward`, as everybody does.
"""

from __future__ import annotations

from pathlib import Path

import pytest


class _RootIsAFolder:
    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if path != Path(__file__).resolve().parent:
            return None
        folder: pytest.Collector = pytest.Dir.from_parent(parent, path=path)
        return folder


def pytest_configure(config: pytest.Config) -> None:
    """Register a plugin: what a conftest itself defines is not asked about the folder that it stands in."""
    config.pluginmanager.register(_RootIsAFolder())
