"""`r1-reward score` called as a user calls it, and its rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zstandard
from click.testing import CliRunner, Result

from r1_reward.cli import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "rollouts.jsonl"
RIGHT = {"response": r"\boxed{4}", "reference": "4"}
WRONG = {"response": r"\boxed{5}", "reference": "4"}


def score(*args: str, data: str | bytes | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["score", "--workers", "1", *args], input=data)
    assert result.exit_code == code, result.stderr + str(result.exception)
    assert "Traceback" not in result.stderr
    return result


def write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(source: Path | str) -> list[dict[str, Any]]:
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in the output")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def pack(data: bytes, end: str) -> bytes:
    if end.endswith(".gz"):
        return gzip.compress(data)
    return zstandard.ZstdCompressor().compress(data) if end.endswith(".zst") else data


def without_seconds(row: dict[str, Any]) -> dict[str, Any]:
    def strip(verdicts: Any) -> Any:
        if isinstance(verdicts, list):
            return [strip(item) for item in verdicts]
        return {name: {k: v for k, v in verdict.items() if k != "seconds"} for name, verdict in verdicts.items()}

    return {**row, "verdicts": strip(row["verdicts"])}
