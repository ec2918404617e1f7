"""Check that every public name of the package is typed, by `pyright --verifytypes`.

    .venv/bin/python .ci/public_types.py .venv-types/bin/pyright

Public is what tests/test_docstrings.py takes for it: `__all__` of the package and its rooms, what trainers are given,
and what docs and examples name. pyright looks at every module without an underscore; what else it finds is counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def public_names() -> set[str]:
    """The public names, each where it is defined."""
    sys.path.insert(0, str(ROOT / "tests"))
    from test_docstrings import public

    return {f"{value.__module__}.{value.__qualname__}" for _, value in public() if hasattr(value, "__qualname__")}


def symbols(pyright: str) -> list[dict[str, Any]]:
    """What pyright says of every symbol of the package, as this Python finds it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [pyright, "--verifytypes", "r1_reward", "--ignoreexternal", "--outputjson"]
    run = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    result: list[dict[str, Any]] = json.loads(run.stdout)["typeCompleteness"]["symbols"]
    return result


def faults(some: list[dict[str, Any]], public: set[str]) -> Iterator[str]:
    """A line for each public symbol whose type is not known, and for each public name that pyright did not find."""
    known = {symbol["name"] for symbol in some}
    yield from (f"{name}: pyright did not find it" for name in sorted(public - known))
    for symbol in some:
        parts = symbol["name"].split(".")
        if public & {".".join(parts[:end]) for end in range(1, len(parts) + 1)} and not symbol["isTypeKnown"]:
            yield from (f"{symbol['name']}: {one['message']}" for one in symbol["diagnostics"])


def main() -> int:
    """Print the faults; the exit status is 1 where there are any."""
    some, public = symbols(sys.argv[1]), public_names()
    lines = list(faults(some, public))
    typed = sum(symbol["isTypeKnown"] for symbol in some)
    print("\n".join([*lines, f"{len(public)} public names, {len(lines)} faults; {typed} of {len(some)} symbols typed"]))
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
