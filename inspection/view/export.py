"""The same folder as static pages, to publish: a list of runs, and a page of `r1-reward report` for each."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

from ...verifiers.errors import ConfigError, RewardError, RunError
from ...verifiers.files import write_whole
from ..report.options import ReportOptions
from ..report.pack import pack_json
from ..report.write import check_extra, write_report
from .html import page
from .runs import Runs


class WrittenFolder(NamedTuple):
    """What became of it."""

    pages: int
    bytes: int
    left_out: list[tuple[str, str]]
    """Names of entries without a page, and why."""


def write_folder(folder: str, output: str) -> WrittenFolder:
    """Write pages over `folder` into `output`, where pages of the same names are replaced.

    Raises:
        ConfigError: `output` is the folder itself or below it.
        RunError: the folder is none or holds nothing, `output` cannot be written, or the extra `report` is missing.
    """
    check_extra()
    source, target = Path(folder).resolve(), Path(output).resolve()
    if target == source or target.is_relative_to(source):
        raise ConfigError(f"{output} is in {folder}, which is only read; write to another folder")
    runs = Runs(folder)
    entries = runs.find()
    if not entries:
        raise RunError(f"{folder} holds no scored file and no training run")
    try:
        (target / "pages").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot write to {output}: {error.strerror}") from error
    listed: list[dict[str, Any]] = []  # any: JSON values
    left_out = []
    size = 0
    for entry in entries:
        name = f"pages/{_file_name(entry.name)}"
        title = source.name if entry.name == "." else entry.name
        options = ReportOptions(sources=(str(runs.path(entry.name)),), output=str(target / name), title=title)
        try:
            written = write_report(options, allow_empty=True)
        except RewardError as error:
            left_out.append((entry.name, str(error)))
            continue
        size += written.bytes
        figures = None
        if written.summary is not None and written.responses:
            problems = written.summary.problems
            means = {
                "entries": written.responses,
                "problems": problems.problems,
                "reward": [problems.reward.mean, problems.reward.bounded_interval],
                "accuracy": [problems.accuracy.mean, None],
            }
            figures = {"entries": written.responses, "done": 1, "outcomes": {}, "figures": means}
        listed.append({**entry._asdict(), "figures": figures, "page": name})
    index = page(pack_json({"folder": source.name, "entries": listed}).decode())
    write_whole(target / "index.html", lambda file: file.write(index))
    return WrittenFolder(len(listed) + 1, size + len(index), left_out)


def _file_name(name: str) -> str:
    """A name that every system and address can hold, of its own for each entry.

    >>> _file_name("a b/scored.jsonl")
    'a_b_scored.jsonl-49fd410e.html'
    """
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:80].strip('._') or 'run'}-{digest}.html"
