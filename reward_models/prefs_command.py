"""What `r1-reward prefs` does once its flags are read."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .._version import __version__
from ..rows.preferences import PreferenceReader
from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.files import hash_file, write_json, write_rows
from ..verifiers.judge import ChatClient
from .data import Columns, Pair, rows_of
from .errors import DataError
from .judge import Judge, RecordedJudge
from .matching import Contamination
from .preferences import JUDGED, PrefOptions, build, judge_all, read_candidates


def run_prefs(
    files: Sequence[str],
    output: str,
    judge: str,
    *,
    model: str | None = None,
    key_from: str | None = None,
    timeout: float = 120.0,
    workers: int = 4,
    record: str | None = None,
    against: Sequence[str] = (),
    names: Columns | None = None,
    form: str = "auto",
    set_: Mapping[str, Any] | None = None,  # any: fields of PrefOptions
) -> int:
    """Judge candidates, write the pairs and a summary to a folder, and return the exit status: 0, 1 where
    no pair could be judged, 130 interrupted.

    `judge` is an address, `recorded:FILE`, or `package.module:callable`. Raises RewardError for what the user can mend.
    """
    known = {f.name for f in dataclasses.fields(PrefOptions)}
    for name in set_ or {}:
        if name not in known:
            raise ConfigError(f"prefs has no option {name!r}; it has {', '.join(sorted(known))}")
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it must be at least 1")
    options = PrefOptions(**(set_ or {}))
    asked, name = _judge(judge, model, key_from, timeout), _name(judge, model)
    if record is not None:
        asked = RecordedJudge(record, live=asked, name=name)
    read = read_candidates(files, columns=names, form=form)
    candidates = read.rows
    say_unreadable(read.left_out["unreadable"], read.unreadable)
    contamination = Contamination(_texts(against)) if against else None
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        judged = judge_all(candidates, asked, options, folder / JUDGED, name=name, workers=workers)
        built = build(candidates, judged, options, contamination)
        for name, pairs in (("train.jsonl", built.train), ("test.jsonl", built.test)):
            write_rows(folder / name, map(_row, pairs))
        left_out = {**{why: count for why, count in sorted(read.left_out.items()) if count}, **built.told["left_out"]}
        told = {"version": __version__, "judge": judge, "model": model, **built.told, "left_out": left_out}
        write_json(folder / "summary.json", told)
    except KeyboardInterrupt:
        say(f"interrupted; what was judged is in {output}, run again to go on")
        return 130
    except OSError as error:
        raise ConfigError(f"cannot write to {output}: {error.strerror}; run again to go on") from error
    _show(told, output)
    if judged and all(one.failed for one in judged):
        say("failed: the judge gave no verdict on any pair")
        return 1
    return 0


def _judge(judge: str, model: str | None, key_from: str | None, timeout: float) -> Judge:
    if judge.startswith(("http://", "https://")):
        if model is None:
            raise ConfigError("an address needs --model, the name of the model that judges")
        key = os.environ.get(key_from) if key_from else None
        if key_from and not key:
            raise ConfigError(f"the environment has no {key_from} to take the judge's key from")
        return ChatClient(url=judge, model=model, key=key, timeout=timeout)
    if judge.startswith("recorded:"):
        return RecordedJudge(judge.removeprefix("recorded:"), name=model)
    module, colon, name = judge.partition(":")
    if not colon:
        raise ConfigError(f"{judge!r} is no judge: an http address, recorded:FILE, or package.module:callable")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"judge {judge!r} cannot be imported: {error}") from error
    if not callable(found):
        raise ConfigError(f"judge {judge!r} is not callable")
    return found  # type: ignore[no-any-return]  # from text to text is all that is asked


def _name(judge: str, model: str | None) -> str:
    """What the judge's verdicts are known by: a recording by what is in it, since it may be another one tomorrow."""
    path = judge.removeprefix("recorded:")
    return " ".join(filter(None, [f"recorded:{hash_file(path)}" if path != judge else judge, model]))


def _texts(files: Sequence[str]) -> list[str]:
    """The prompts of files, whatever else their rows hold."""
    found, reader = [], PreferenceReader()
    for place, row in rows_of(files):
        try:
            if isinstance(row, SampleError):
                raise row
            prompt = reader.prompt(row)
        except SampleError as error:
            raise DataError(f"{place}: {error}") from None
        if prompt is not None:
            found.append("\n".join(turn.content for turn in prompt))
    if not found:
        raise ConfigError(f"no row of {', '.join(files)} has a prompt, problem or question to keep out")
    return found


def _row(pair: Pair) -> dict[str, Any]:  # any: a JSON object
    prompt = [{"role": turn.role, "content": turn.content} for turn in pair.prompt]
    return {
        "id": pair.id,
        "prompt": prompt,
        "chosen": pair.chosen,
        "rejected": pair.rejected,
        "margin": pair.margin,
        "source": pair.source,
    }


def say_unreadable(number: int, shown: Sequence[str]) -> None:
    """Say how many rows could not be read, and what was wrong with the first of them."""
    if number:
        say(f"{number} rows could not be read and were left out:" if number > 1 else "a row could not be read:")
        for line in shown:
            say(f"  {line}")


def say(text: str) -> None:
    """Print a line for a person."""
    import click

    click.echo(text, err=True)


def _show(told: Mapping[str, Any], output: str) -> None:
    def number(value: float | None) -> str:
        return "none" if value is None else f"{value:.3f}"

    left_out = ", ".join(f"{count} {why}" for why, count in told["left_out"].items()) or "none"
    wins = told["longer_wins"]
    say(
        f"{told['train']} pairs to train on and {told['test']} to test with, of {told['candidates']} candidates, in "
        f"{output}; left out: {left_out}\nposition bias {number(told['position_bias'])}, self-agreement "
        f"{number(told['self_agreement'])}; longer wins {number(wins['before'])} before matching, "
        f"{number(wins['after'])} after"
    )
