"""Runs test code, and the tests that it defines for unittest or pytest; inside the process that the test is held in.

Code runs as a script would. With a runner, the tests that it has defined are then found and run: functions `test_*` and
classes `Test*` by pytest where the code imports it and by our own few lines where it does not (they take no fixtures),
cases of unittest by unittest. That none was found is an answer of its own, since a test that ran nothing must not pass.
"""

from __future__ import annotations

import os

from .script import code_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXT = 2000


def run(code: str, runner: str, names: dict[str, Any]) -> tuple[str, ...] | None:
    """None where everything passed, else what the harness answers; raises what the code raises."""
    if "unittest" in code:
        import unittest

        def main(*_: object, **__: object) -> None:
            answer = _unittest(names)
            if answer is not None:
                raise AssertionError(answer[-1])

        unittest.main = main  # type: ignore[assignment]  # which would leave the process
    if runner == "pytest" and "pytest" in code:
        return _pytest(code)
    exec(code_of(code, "<test>"), names)  # noqa: S102 - what it is for
    if runner == "unittest":
        return _unittest(names)
    return _functions(names) if runner else None


def _unittest(names: dict[str, Any]) -> tuple[str, ...] | None:
    import unittest

    suite = unittest.TestSuite()
    for value in list(names.values()):
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == "__main__":
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(value))
    if not suite.countTestCases():
        return "nothing", "no test case of unittest was found"
    outcome = unittest.TestResult(descriptions=False)
    outcome.failfast = True
    suite.run(outcome)
    for kind, failed in (("AssertionError", outcome.failures), ("Exception", outcome.errors)):
        if failed:
            text = failed[0][1].strip()
            last = text.splitlines()[-1] if text else ""
            return "raised", _kind(last, kind), text[-_TEXT:]
    if outcome.unexpectedSuccesses:
        return "raised", "AssertionError", "an expected failure passed"
    if len(outcome.skipped) == suite.countTestCases():
        return "nothing", "every test was skipped"
    return None


def _kind(line: str, otherwise: str) -> str:
    """The exception that the last line of a traceback names."""
    name = line.partition(":")[0].rpartition(".")[2].strip()
    return name if name.isidentifier() else otherwise


def _functions(names: dict[str, Any]) -> tuple[str, ...] | None:
    """The functions and classes that pytest would find, without fixtures."""
    count = 0
    for name, value in list(names.items()):
        owned = getattr(value, "__module__", None) == "__main__"
        if name.startswith("test") and callable(value) and not isinstance(value, type) and owned:
            value()
            count += 1
        elif name.startswith("Test") and isinstance(value, type) and owned:
            for method in [each for each in dir(value) if each.startswith("test")]:
                made = value()
                if hasattr(made, "setup_method"):
                    made.setup_method(getattr(made, method))
                getattr(made, method)()
                count += 1
    return None if count else ("nothing", "no test function was found")


def _pytest(code: str) -> tuple[str, ...] | None:
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    # A folder of our own, which nobody else can write to: pytest takes in what lies beside a test.
    folder = f"{os.getcwd()}/.tests-{os.urandom(8).hex()}"
    os.mkdir(folder, 0o700)
    path = f"{folder}/test_program.py"
    with open(path, "w", encoding="utf-8") as file:
        file.write(code)
    failed: list[tuple[str, str]] = []
    passed: list[str] = []

    class Plugin:
        """Hears how each test ended."""

        def pytest_runtest_logreport(self, report: Any) -> None:
            """One phase of one test."""
            if report.failed:
                failed.append(_crash(report))
            elif report.when == "call" and report.passed:
                passed.append(report.nodeid)

        def pytest_collectreport(self, report: Any) -> None:
            """The file was read, or not."""
            if report.failed:
                failed.append(_crash(report))

    options = ["-x", "-p", "no:cacheprovider", "--noconftest", "--assert=plain"]
    options += ["--import-mode=importlib", f"--rootdir={folder}", "-c", "/dev/null", "--capture=sys"]
    status = pytest.main([*options, path], plugins=[Plugin()])
    if failed:
        return "raised", failed[0][0], failed[0][1][-_TEXT:]
    if status == 5 or (not status and not passed):
        return "nothing", "pytest found no test that it could run"
    return ("raised", "Exception", f"pytest ended with status {int(status)}") if status else None


def _crash(report: Any) -> tuple[str, str]:
    text = str(report.longrepr).strip()
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash is not None else ""
    for line in [message, *reversed(text.splitlines())]:
        line = line.strip().removeprefix("E ").strip()
        if "ModuleNotFoundError" in line:
            return "ModuleNotFoundError", line
        if line.startswith("assert"):
            return "AssertionError", f"AssertionError: {line}"
        name = _kind(line, "")
        if name.endswith(("Error", "Exception", "Failed")) and ":" in line + ":":
            return ("AssertionError" if name == "Failed" else name), line
    return "Exception", text
