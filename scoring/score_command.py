"""What `r1-reward score` does once its flags are read: run, show, and say how it ended by an exit status."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ..verifiers.errors import RunError, WriteError
from ..verifiers.files import write_json
from .first import NothingScoredError
from .judging import CeilingError
from .options import ScoreOptions, merge_options
from .run import Interrupted, score
from .show import print_summary, progress_bar

FINE, FAILED, INTERRUPTED, READER_GONE, TERMINATED = 0, 1, 130, 141, 143
"""Exit statuses; 2 is click's for usage."""


class Reporter(Protocol):
    """Writes a page about what was scored, where `--report` asks for one."""

    def check(self) -> None:
        """Raise RunError before anything is scored where no page could be written."""

    def write(self, options: ScoreOptions) -> None:
        """Write the page of `options.report` about `options.output`. Raises RunError."""


def run_score(
    config: str | None,
    flags: Mapping[str, Any],  # any: fields of ScoreOptions
    reporter: Reporter,
) -> int:
    """Score with the options of a TOML file and of flags, where flags win, and return the exit status.

    Raises ConfigError and RunError for what the user can mend.
    """
    ended: list[int] = []
    with _orderly_end(ended):
        try:
            return _run(config, flags, reporter, ended)
        except KeyboardInterrupt:
            _say("ended" if ended else "interrupted")
            return TERMINATED if ended else INTERRUPTED


@contextlib.contextmanager
def _orderly_end(ended: list[int]) -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does, its rows saved; it is noted in `ended`."""

    def end(number: int, _: object) -> None:
        ended.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(config: str | None, flags: Mapping[str, Any], reporter: Reporter, ended: Sequence[int]) -> int:
    options = ScoreOptions(**merge_options(ScoreOptions, config, flags))
    options = replace(options, output=_output_of(options))
    if config and any(
        Path(path).exists() and Path(path).samefile(config)
        for path in (options.output, options.summary or "-", options.report or "-")
    ):
        raise RunError(f"{config} holds the options; write to another file")
    for path, mark in ((options.summary, _SUMMARY), (options.report, _PAGE)):
        if path is not None:
            _check_writable(path)
            # Where OUT is there, that is the reason to report, with its own way out.
            if not options.overwrite and (options.resume or not _holds(Path(options.output))):
                _refuse_to_overwrite(path, mark if options.resume else None)
    if options.report is not None:
        reporter.check()
    try:
        with progress_bar() as progress:
            summary = score(options, progress)
    except Interrupted as interrupted:
        where = f"{options.output}; run again with --resume" if options.output != "-" else "standard output"
        _say(f"{'ended' if ended else 'interrupted'}: {interrupted.rows:,} rows are in {where}")
        return TERMINATED if ended else INTERRUPTED
    except NothingScoredError as error:
        _say(f"failed: {error}")
        return FAILED
    except CeilingError as error:
        _say(f"stopped: {error}")
        return FAILED
    except BrokenPipeError:
        # The interpreter flushes standard output once more on its way out, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except WriteError as error:
        _say(f"error: {error}; free the way and run with --resume")
        return FAILED
    except OSError as error:
        _say(f"error: {error}")
        return FAILED
    if options.summary is not None:
        write_json(options.summary, summary.to_dict())
    print_summary(summary, options.output)
    if options.report is not None:
        reporter.write(options)
    if "unreadable_input" in summary.row_errors:
        _say("failed: an input broke off, so rows are missing; see the row with the reason unreadable_input")
        return FAILED
    if summary.unjudged_share > options.max_errors:
        _say(f"failed: {summary.unjudged_share:.2%} could not be judged; --max-errors allows {options.max_errors:.2%}")
        return FAILED
    return FINE


def _output_of(options: ScoreOptions) -> str:
    """The output file: in a folder that is named, one that is called as the input. Raises RunError."""
    name = options.output
    if name == "-":
        return name
    if not Path(name).is_dir():
        if name.endswith(("/", os.sep)):
            raise RunError(f"{name} is no folder that is there; make it, or name a file")
        return name
    if len(options.files) != 1 or options.files[0] == "-":
        raise RunError(f"{name} is a folder; name a file in it, since there is no one input file to name it after")
    stem = re.sub(
        r"(\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|eval))?(\.(gz|zst|bz2|xz))?$", "", Path(options.files[0]).name
    )
    kept = re.search(r"\.(jsonl|parquet|csv|tsv)(\.(gz|zst|bz2|xz))?$", options.files[0])
    return str(Path(name) / (stem + (kept[0] if kept else ".jsonl")))


def _check_writable(path: str) -> None:
    """Find out before the run, not after it; a file that was not there is not left behind empty."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise RunError(f"cannot write {path}: it is a folder")
        there = target.exists() or target.is_symlink()
        target.touch()
        if not there:
            target.unlink()
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error


_SUMMARY, _PAGE = b'"schema_version"', b'content="r1-reward'
"""What stands near the beginning of a summary and of a page."""


def _refuse_to_overwrite(path: str, mark: bytes | None) -> None:
    """Raise RunError for a file that holds anything, but for one with `mark`, which an earlier run wrote."""
    target = Path(path)
    if not _holds(target):
        return
    with target.open("rb") as file:
        ours = mark is not None and mark in file.read(2_000)
    if not ours:
        raise RunError(f"{path} is there; --overwrite replaces it, or write to another file")


def _holds(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _say(text: str) -> None:
    import click

    click.echo(text, err=True)
