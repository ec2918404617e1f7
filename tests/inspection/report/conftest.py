"""The browser, and the page of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.inspection.browser import ROOT, Page

from r1_reward.inspection.report import ReportOptions, write_report
from r1_reward.scoring import ScoreOptions, score


@pytest.fixture
def page(browser: Page) -> Page:
    return browser


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    scored = folder / "scored.jsonl"
    rewards = ("math", "format", "language")
    score(
        ScoreOptions(files=(str(ROOT / "examples" / "rollouts.jsonl"),), output=str(scored), rewards=rewards, workers=1)
    )
    write_report(ReportOptions(sources=(str(scored),), output=str(folder / "demo.html")))
    return folder / "demo.html"
