"""Programs of our own that run inside an isolation on data that nobody trusts; sent as source, never imported here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_SINGLE = (
    "import os\nos.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1'))\n"
)
_CLEAN = "import shutil\nfor _ in ('.cache', '.config'):\n    shutil.rmtree(_, ignore_errors=True)\n"
"""One thread and no files (matplotlib makes folders): what has more is not forked but loaded anew for each call."""


@cache
def script(name: str, imports: str = "") -> str:
    """The source of a script, with a module that it is to have loaded before it is forked."""
    text = (_FOLDER / f"{name}.py").read_text(encoding="utf-8").replace("from __future__ import annotations\n", "")
    before = f"{_SINGLE}import {imports}\n{_CLEAN}" if imports else ""
    return f"{before}{text}"
