"""A page in headless Chromium, asked by script; screenshots end in out/, to be looked at."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "screenshots"
PATIENCE = 180.0
"""Seconds that a page may take on a machine that is busy with other things; it takes a fraction of one."""


class Page:
    """A page in the browser, asked by script."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, *, width: int = 1440, height: int = 900, dark: bool = False, hash_: str = "") -> None:
        """Open a page from disk."""
        self.visit(path.as_uri() + hash_, width=width, height=height, dark=dark)

    def visit(self, address: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """Open an address, and wait until its rows are there."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        self.logs()
        self.driver.get(address)
        self.wait("document.documentElement.dataset.ready")

    def ask(self, expression: str) -> Any:  # any: a JSON value
        """The value of an expression."""
        return self.driver.execute_script(f"return {expression}")

    def wait(self, expression: str) -> Any:  # any: a JSON value
        """The value of an expression, once it is a true one."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.ask(expression)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"never true: {expression}\n{self.ask('document.body.innerText.slice(0, 2000)')}")

    def press(self, *keys: str) -> None:
        """Keys, one after another, where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select."""
        self.driver.execute_script(
            "const one = document.querySelector(arguments[0]); one.value = arguments[1];"
            "one.dispatchEvent(new Event('change', {bubbles: true}))",
            selector,
            value,
        )

    def search(self, text: str, selector: str = "#search") -> None:
        """Write into the search box."""
        self.driver.execute_script(
            "const one = document.querySelector(arguments[1]); one.value = arguments[0];"
            "one.dispatchEvent(new Event('input', {bubbles: true}))",
            text,
            selector,
        )

    def click(self, selector: str) -> None:
        """Click what a selector finds first."""
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def panel(self) -> str:
        """The text of the open row."""
        text: str = self.wait(
            "!document.getElementById('panel').hidden && document.querySelector('#panel .inside')?.innerText"
        )
        return text

    def shot(self, name: str) -> Path:
        """A screenshot, in out/."""
        OUT.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(OUT / f"{name}.png"))
        return OUT / f"{name}.png"

    def logs(self) -> tuple[list[Any], list[str]]:
        """Console messages, and the addresses that were asked for, since the last call."""
        console = list(self.driver.get_log("browser"))  # type: ignore[no-untyped-call]
        asked = []
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return console, asked

    def silent(self, path: Path) -> None:
        """Nothing on the console, and nothing asked for but the file itself."""
        console, asked = self.logs()
        assert console == []
        assert {url.partition("#")[0] for url in asked} <= {path.as_uri(), "about:blank"}


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with a profile of its own, closed at the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else "chromium"
    for flag in ("headless=new", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    if hasattr(os, "getuid") and os.getuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    try:
        yield Page(driver)
    finally:
        driver.quit()
