"""The page written: one HTML file with its style, its script and its rows inside.

The policy in its head lets run the one script and style whose hashes it names, and nothing else: no network, no inline
handler, no string turned into markup. Rows travel as packed blocks, which hold no character that HTML knows, and the
script makes text nodes of them; the template escapes what little it takes from them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..._version import __version__
from ...scoring.scored import options_of
from ...scoring.summary import Summary
from ...verifiers.errors import ConfigError, RunError, missing_extra
from ...verifiers.escape import escape_unprintable
from ...verifiers.files import write_whole
from .figures import agreement, breakdowns, cards, ladder, many, plain, plots, spread, thinking, verifiers
from .gather import Gathered, gather, index_of
from .metrics import Run, read_run
from .options import ReportOptions
from .pack import pack_json

_PAGE = Path(__file__).with_name("page")
RENDERER = "vendor/temml.min.js"
"""Draws formulas: Temml as released, its licence beside it."""
SAMPLES = "samples.jsonl"
"""Where a training run keeps its sample tables."""


class ComparisonTable(NamedTuple):
    """Figures of a comparison, as the page shows them."""

    field: str
    """Field of the rows that tells the systems apart."""
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = "Comparison, paired by problem"
    matrix: Sequence[Sequence[str]] = ()
    """Each system less each other; a row begins with its name."""


class Written(NamedTuple):
    """What became of a report."""

    output: str
    responses: int
    """In the sources."""
    shown: int
    """In the table."""
    bytes: int
    """Size of the page."""
    sampled: str | None
    """How the table's rows were chosen, where it does not hold them all."""
    mixed: str | None = None
    """What does not go together in the sources."""
    summary: Summary | None = None
    """The figures of all rows."""


def write_report(
    options: ReportOptions, *, allow_empty: bool = False, comparison: ComparisonTable | None = None
) -> Written:
    """Write a page about scored files, or about a training run. The file appears whole or not at all.

    Raises RunError where a source cannot be read or the page cannot be written, or where no row was scored, unless
    `allow_empty`. `comparison` stands above the rows, which are then grouped by its field.

    >>> write_report(ReportOptions(sources=("no/such/file.jsonl",)))
    Traceback (most recent call last):
    r1_reward.verifiers.errors.RunError: no such file: no/such/file.jsonl
    """
    check_extra()
    sources, run = _sources(options.sources)
    for source in sources:
        if Path(source).exists() and Path(options.output).exists() and Path(source).samefile(options.output):
            raise RunError(f"{source} is both source and page; write to another file")
    noted = options_of(sources) if sources else {}
    names = dict(options.names) or {str(k): str(v) for k, v in noted.get("map", {}).items()}
    gathered = gather(options, sources, names)
    try:
        if run is None and not (allow_empty or gathered.survey.judged or gathered.survey.in_error):
            _refuse_unscored(gathered, sources)
        hashes = zip(sources, gathered.files.input.sha256, strict=True)
        inputs = [{"path": path, "sha256": digest} for path, digest in hashes]
        summary = gathered.survey.summary(inputs=inputs)
        page = _render(options, gathered, run, noted, summary, comparison)
        size = _write(Path(options.output), page, gathered)
    finally:
        gathered.blocks.close()
        gathered.survey.tally.groups.close()
        gathered.survey.thoughts.close()
    responses = gathered.survey.responses
    mixed = _mixed(gathered, sources) if sources and comparison is None else None
    return Written(options.output, responses, gathered.columns.size, size, gathered.sampled, mixed, summary)


def check_extra() -> None:
    """Raise RunError where what a report needs is not installed."""
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        raise RunError(missing_extra("a report", "jinja2", "report"))


def _sources(paths: Sequence[str]) -> tuple[list[str], Run | None]:
    folders = [source for source in paths if Path(source).is_dir()]
    if not folders:
        return list(paths), None
    if len(paths) > 1:
        raise ConfigError(f"{folders[0]} is a folder; a report is of one training run, or of files")
    run = read_run(folders[0])
    samples = Path(folders[0]) / SAMPLES
    return [str(samples)] if samples.is_file() else [], run


def _refuse_unscored(gathered: Gathered, sources: Sequence[str]) -> None:
    where = ", ".join(sources)
    if not gathered.columns.size:
        raise RunError(f"{where} holds no row")
    if not gathered.survey.responses:
        raise RunError(f"{where} holds no scored row; the first is not one either: {gathered.columns.first_error}")
    raise RunError(f"{where} holds no verdict; score it first: r1-reward score {where} -o scored.jsonl")


def _mixed(gathered: Gathered, sources: Sequence[str]) -> str | None:
    """Why figures over all the files may mean nothing; None where they may be taken together."""
    if gathered.repeated:
        return (
            f"{many(gathered.repeated, 'response')} stand in more than one of the files and count twice in every "
            f"figure; r1-reward diff {' '.join(sources[:2])} compares two scorings."
        )
    made = {str(options_of([source]).get("fingerprint", "")) for source in sources} - {""}
    if len(made) > 1:
        return "The files were scored with different options, so that figures over all of them mix two measures."
    return None


def _render(
    options: ReportOptions,
    gathered: Gathered,
    run: Run | None,
    noted: dict[str, Any],  # any: JSON values
    summary: Summary,
    comparison: ComparisonTable | None,
) -> tuple[bytes, bytes, bytes]:
    """The page in three pieces: before the index, between it and the blocks, and after."""
    import jinja2
    from markupsafe import Markup

    style, script, renderer = part("css"), part("js"), page_source(RENDERER)
    index = index_of(gathered)
    if comparison:
        index["group"] = comparison.field
        index["system"] = "system" if options.systems else comparison.field
    drawn = plots(run) if run else []
    if run:
        index["charts"] = [
            {"first": plot["first"], "last": plot["last"], "lines": [line.points for line in chart.lines]}
            for plot, chart in zip(drawn, run.charts, strict=True)
        ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["visible"] = lambda text: escape_unprintable(str(text))
    spreads = [
        spread("Rewards", gathered.survey.rewards(), ""),
        spread("Lengths of responses", gathered.survey.lengths(), "characters"),
    ]
    # Where the data goes; no text of others can hold it.
    place = secrets.token_hex(16)
    name = Path(options.sources[0]).name or options.sources[0]
    page = environment.from_string(page_source("report.html")).render(
        policy=_policy(style, renderer, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        renderer=Markup(renderer),  # noqa: S704 - a released file, whose hash a test holds
        version=__version__,
        title=escape_unprintable(options.title or (name if name != "-" else "standard input")),
        sampled=gathered.sampled,
        mixed=_mixed(gathered, [one["path"] for one in summary.inputs]) if comparison is None else None,
        comparison=comparison,
        cards=_run_cards(run, gathered.survey.responses) if run else cards(summary),
        run=run,
        plots=drawn,
        verifiers=verifiers(summary),
        ladder=ladder(summary),
        agreement=agreement(summary),
        breakdowns=breakdowns(summary),
        thinking=None if run else thinking(gathered.survey.thinking()),
        spreads=[one for one in spreads if one],
        about=_about(options, noted, summary.inputs, run),
        entries=gathered.columns.size,
        entries_said=f"{gathered.columns.size:,} rows",
        kinds=[kind for kind in index["kinds"] if kind],
        stages=index["stages"],
        index=place,
        blocks=place,
    )
    before, between, after = page.encode("utf-8", "replace").split(place.encode())
    return before + pack_json(index), between, after


def _policy(style: str, *scripts: str) -> str:
    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {' '.join(map(source, scripts))}; style-src {source(style)}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def part(kind: str, leave_out: Sequence[str] = ()) -> str:
    """The page's own style or script: its files in order of their names."""
    names = sorted(entry.name for entry in _PAGE.iterdir() if entry.name not in leave_out)
    texts = [page_source(name) for name in names if name.endswith(f".{kind}")]
    joined = "\n".join(texts)
    return f'"use strict";\n(() => {{\n{joined}\n}})();\n' if kind == "js" else joined


@cache
def page_source(name: str, folder: Path = _PAGE) -> str:
    """A file of the page, or of another page in `folder`."""
    return (folder / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _run_cards(run: Run, samples: int) -> list[dict[str, Any]]:  # any: what the template reads
    made: list[dict[str, Any]] = [
        {"name": "Steps", "value": f"{run.steps:,}", "note": many(len(run.stages), "stage")},
    ]
    for key, name in (("reward", "Reward"), ("accuracy", "Accuracy"), ("length", "Tokens"), ("kl", "KL")):
        if key in run.last:
            made.append({"name": name, "value": plain(run.last[key]), "note": f"from {plain(run.first[key])}"})
    tone = "warn" if run.alarms else ""
    made.append({"name": "Alarms", "value": f"{len(run.alarms):,}", "note": "over the run", "tone": tone})
    return [*made, {"name": "Samples", "value": f"{samples:,}", "note": "in the table"}]


def _about(
    options: ReportOptions,
    noted: dict[str, Any],  # any: JSON values
    inputs: Sequence[Mapping[str, str]],
    run: Run | None,
) -> list[tuple[str, str]]:
    lines = []
    if run:
        lines.append(("run", run.folder))
        if run.skipped:
            lines.append(("lines left out", f"{run.skipped:,} of metrics.jsonl, which are no steps"))
    for one in inputs[:10]:
        lines += [("source", one["path"]), ("sha256", one["sha256"][:16])]
    rewards = noted.get("preset") or noted.get("rewards")
    if rewards:
        lines.append(("reward", rewards if isinstance(rewards, str) else ", ".join(map(str, rewards))))
    if noted.get("options"):
        lines.append(("options", str(noted["options"])[:300]))
    if noted.get("fingerprint"):
        lines.append(("fingerprint", str(noted["fingerprint"])[:40]))
    if options.group_by:
        lines.append(("grouped by", options.group_by))
    return [*lines, ("written by", f"r1-reward {__version__}")]


def _write(path: Path, page: tuple[bytes, bytes, bytes], gathered: Gathered) -> int:
    """Write the page's pieces with the blocks of rows between them; gives the size."""
    before, between, after = page
    inert = b'<script type="application/octet-stream" id="%s">%s</script>\n'
    size = 0

    def stream(file: IO[bytes]) -> None:
        nonlocal size
        size = file.write(before + between)
        for number, block in enumerate(gathered.blocks):
            size += file.write(inert % (b"rows-%d" % number, block))
        size += file.write(after)

    write_whole(path, stream)
    return size
