"""What `r1-reward prefs` does once its flags are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .._version import __version__
from ..inspection.judging.progress import judging_bar
from ..inspection.overlap import read_held_out
from ..verifiers.errors import ConfigError
from ..verifiers.files import write_json, write_rows
from ..verifiers.judge import Ask, Asker, ChatClient, Recording
from ..verifiers.verdict import Reason
from .candidates import GenerateOptions, Prompted, candidates_of, generate, read_prompts
from .data import Columns, Pair
from .preferences import PrefOptions, build, judge_all

JUDGED, GENERATED, CANDIDATES = "judged.jsonl", "generated.jsonl", "candidates.jsonl"
"""In the folder: the judge's replies, the server's, and the responses that were judged."""


def run_prefs(
    files: Sequence[str],
    output: str,
    judge: str,
    *,
    model: str | None = None,
    key_from: str | None = None,
    timeout: float = 120.0,
    workers: int = 32,
    record: str | None = None,
    against: Sequence[str] = (),
    generate_from: str | None = None,
    generator: str | None = None,
    generator_key_from: str | None = None,
    names: Columns | None = None,
    form: str = "auto",
    set_: Mapping[str, Any] | None = None,  # any: fields of PrefOptions and GenerateOptions
) -> int:
    """Judge candidates, write the pairs and a summary to a folder, and return the exit status: 0, 1 where
    no pair could be judged, 130 interrupted.

    `judge` is an address, `recorded:FILE`, or `package.module:callable`. With `generate_from`, the address of a server,
    its model `generator` first writes the candidates. Raises RewardError for what the user can mend.
    """
    options, drawing = _options(set_ or {}, generates=generate_from is not None)
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it must be at least 1")
    folder = Path(output)
    asker = _asker(judge, model, key_from, timeout, options, workers, record or folder / JUDGED)
    client = _generator(generate_from, generator, generator_key_from, timeout)
    read = read_prompts(files, generate=client is not None, columns=names, form=form)
    prompts = read.rows
    say_unreadable(read.left_out["unreadable"], read.unreadable)
    held = read_held_out(against) if against else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary: dict[str, Any] = {"version": __version__, "judge": judge, "model": model}
        if client is not None:
            recording = Recording(folder / GENERATED)
            with judging_bar("responding", len(prompts) * drawing.responses) as progress:
                prompts, missing = generate(prompts, client, drawing, recording, workers=workers, progress=progress)
            summary |= {
                "generator": generator,
                "responses_missing": dict(missing),
                "drawing": dataclasses.asdict(drawing),
            }
            write_rows(folder / CANDIDATES, map(_prompted, prompts))
        candidates, left_out = candidates_of(prompts, None if options.pairs == "all" else options.pairs, options.seed)
        with judging_bar("judging", len(candidates)) as progress:
            judged = judge_all(candidates, asker, options, progress=progress)
        if any(one.failed == Reason.JUDGE_CEILING for one in judged):
            say("stopped: the ceiling of cost is reached (max_cost); what was judged is kept: raise it and run again")
            return 1
        built = build(candidates, judged, options, held)
        for name, pairs in (("train.jsonl", built.train), ("test.jsonl", built.test)):
            write_rows(folder / name, map(_row, pairs))
        left_out += read.left_out
        summary |= {"prompts": len(prompts), "responses_left_out": dict(left_out), **built.summary}
        summary["spent"] = dataclasses.asdict(asker.spent)
        write_json(folder / "summary.json", summary)
    except KeyboardInterrupt:
        say(f"interrupted; what was judged is in {output}, run again to go on")
        return 130
    except OSError as error:
        raise ConfigError(f"cannot write to {output}: {error.strerror}; run again to go on") from error
    _show(summary, output)
    if candidates and all(one.failed for one in judged):
        say("failed: the judge gave no verdict on any pair")
        return 1
    return 0


def _options(set_: Mapping[str, Any], *, generates: bool) -> tuple[PrefOptions, GenerateOptions]:
    own = {f.name for f in dataclasses.fields(PrefOptions)}
    drawing = {f.name for f in dataclasses.fields(GenerateOptions)} - own
    for name in set_:
        if name not in own and not (generates and name in drawing):
            known = sorted(own | drawing if generates else own)
            raise ConfigError(f"prefs has no option {name!r}; it has {', '.join(known)}")
    options = PrefOptions(**{name: value for name, value in set_.items() if name in own})
    return options, GenerateOptions(**{name: value for name, value in set_.items() if name in drawing})


def _asker(
    judge: str,
    model: str | None,
    key_from: str | None,
    timeout: float,
    options: PrefOptions,
    workers: int,
    record: str | Path,
) -> Asker:
    """Who is asked, and where the replies are kept or come from."""
    asked: ChatClient | Ask
    settings: list[object] | None = None
    path = judge.removeprefix("recorded:")
    if path != judge:
        if not Path(path).is_file():
            raise ConfigError(f"there is no recording {path}")
        recording = Recording(path)
        return Asker(str, _recorded(recording, path, model), recording=recording, replay=True)
    if judge.startswith(("http://", "https://")):
        if model is None:
            raise ConfigError("an address needs --model, the name of the model that judges")
        asked = ChatClient(
            url=judge,
            model=model,
            key_env=key_from,
            timeout=timeout,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )
    else:
        asked, settings = _function(judge), [judge]
    return Asker(
        asked,
        settings,
        concurrency=workers,
        retries=options.retries,
        patience=max(300.0, 2 * timeout),
        recording=Recording(record),
        price=options.price,
        max_cost=options.max_cost,
    )


def _recorded(recording: Recording, path: str, model: str | None) -> list[object]:
    """The one judge whose replies are in a recording, or the one that is named."""
    matching = [one for one in recording.judges if model is None or one[0] == model]
    if len(matching) != 1:
        held = ", ".join(sorted({str(one[0]) for one in recording.judges})) or "nobody"
        which = "--model says which to take" if matching else f"it has none of {model!r}"
        raise ConfigError(f"{path} holds the replies of {held}; {which}")
    return matching[0]


def _function(judge: str) -> Ask:
    module, colon, name = judge.partition(":")
    if not colon:
        raise ConfigError(f"{judge!r} is no judge: an http address, recorded:FILE, or package.module:callable")
    try:
        ask = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"judge {judge!r} cannot be imported: {error}") from error
    if not callable(ask):
        raise ConfigError(f"judge {judge!r} is not callable")
    return ask  # type: ignore[no-any-return]  # from text to text is all that is asked


def _generator(url: str | None, model: str | None, key_from: str | None, timeout: float) -> ChatClient | None:
    if url is None:
        if model is not None:
            raise ConfigError("--generator names a model; --generate URL says where it is")
        return None
    if model is None:
        raise ConfigError("--generate needs --generator, the name of the model that responds")
    return ChatClient(url=url, model=model, key_env=key_from, timeout=timeout)


def _prompted(one: Prompted) -> dict[str, Any]:  # any: a JSON object
    prompt = [{"role": turn.role, "content": turn.content} for turn in one.prompt]
    return {"id": one.id, "prompt": prompt, "responses": list(one.responses), "source": one.source}


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


def _show(summary: Mapping[str, Any], output: str) -> None:
    def number(value: float | None) -> str:
        return "none" if value is None else f"{value:.3f}"

    left_out = ", ".join(f"{count} {why}" for why, count in summary["left_out"].items()) or "none"
    missing = summary.get("responses_missing")
    if missing:
        say("responses that did not come: " + ", ".join(f"{count} {why}" for why, count in missing.items()))
    wins = summary["longer_wins"]
    say(
        f"{summary['train']} pairs to train on and {summary['test']} to test with, of {summary['candidates']} "
        f"candidates, in {output}; left out: {left_out}\nposition bias {number(summary['position_bias'])}, "
        f"self-agreement {number(summary['self_agreement'])}; longer wins {number(wins['before'])} before matching, "
        f"{number(wins['after'])} after"
    )
