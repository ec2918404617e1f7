"""What `r1-reward train-rm` and `r1-reward eval-rm` do once their flags are read."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..rows.preferences import Pairing
from ..training.process import catch_signals, init_distributed, progress_bar
from ..verifiers.errors import ConfigError, WriteError
from ..verifiers.files import hash_file, write_json
from .base import base_model
from .card import kind_of
from .data import Columns, Pairs, Ratings, read_pairs, read_rated
from .errors import TrainingError
from .options import options_of
from .prefs_command import say_unreadable
from .train import Step, StoppedError, Trained, kept_in, train_reward_model
from .verifier import HelpfulVerifier, Loaded, SafetyVerifier

FINE, FAILED, INTERRUPTED, TERMINATED = 0, 1, 130, 143
"""Exit statuses; 2 is click's for usage."""


def run_train(
    kind: str,
    data: Sequence[str],
    base: str,
    output: str,
    *,
    preset: str = "paper",
    set_: Mapping[str, Any] | None = None,  # any: fields of TrainOptions
    resume: bool = False,
    overwrite: bool = False,
    names: Columns | None = None,
    form: str = "auto",
    pairing: Pairing = "extremes",
) -> int:
    """Train a reward model and return the exit status.

    `base` is a folder or hub name, a folder with a configuration alone, or `tiny` for a small transformer from scratch.
    Started by torchrun, all processes train one model (FSDP2) and the first writes and speaks. Raises RewardError for
    what the user can mend before a run begins.
    """
    options = options_of(kind, preset, **(set_ or {}))
    folder = Path(output)
    if resume and overwrite:
        raise ConfigError("--resume goes on with a run and --overwrite begins it anew; give one of them")
    first = os.environ.get("RANK", "0") == "0"
    if first and not resume and not overwrite and (kept := kept_in(folder)):
        raise ConfigError(
            f"{output} already holds {kept} of an earlier run; --resume goes on with it, --overwrite begins anew, or "
            "name another folder"
        )
    table = _read_table(kind, data, names, form, pairing)
    if first:
        say_unreadable(table.left_out["unreadable"], table.unreadable)
    if not table.rows:
        raise ConfigError(f"{', '.join(data)}: no row can be used; left out: {dict(table.left_out)}")
    scorer = base_model(base, table.rows, options)
    scorer.model.to(init_distributed())
    provenance = {"base": base, "data": {name: _hash(name) for name in data}, "left_out": dict(table.left_out)}
    with catch_signals() as ended, progress_bar("training", shown=first) as show:

        def progress(step: Step) -> None:
            description = f"loss {step.loss:.3f}, accuracy {step.accuracy:.2f}"
            show(completed=step.step, total=step.steps, description=description)

        try:
            trained = train_reward_model(
                scorer,
                table.rows,
                options,
                folder,
                resume=resume,
                overwrite=True,  # or it was refused above
                spread="RANK" in os.environ,
                provenance=provenance,
                progress=progress,
                stop=lambda: bool(ended),
            )
        except StoppedError as stopped:
            if first:
                _say(str(stopped))
            return TERMINATED if signal.SIGTERM in ended else INTERRUPTED
        except TrainingError as error:
            _say(f"error: {error}")
            return FAILED
    if first:
        _say_trained(trained, table, output)
    return FINE


def run_eval(
    model: str,
    data: Sequence[str],
    *,
    output: str | None = None,
    scores: str | None = None,
    budget: int = 16_384,
    precision: str = "fp32",
    names: Columns | None = None,
    form: str = "auto",
    pairing: Pairing = "extremes",
    kind: Literal["helpful", "safety"] | None = None,
    set_: Mapping[str, Any] | None = None,  # any: options of HelpfulVerifier and SafetyVerifier
    calibrate: str | None = None,
) -> int:
    """Evaluate a reward model on data, show and write the measures, and return the exit status.

    `kind` is for a model without a card, and `set_` holds options of its verifier, such as `head`; `calibrate` is a
    file that gets a card with the scale of the scores on the data. Raises RewardError.
    """
    from .evaluate import measured_card, report_on_pairs, report_on_rated, score_rows, write_scores

    known = kind or kind_of(model)
    loaded = _loaded(known, model, {**(set_ or {}), "budget": budget, "precision": precision})
    card = loaded.card
    table = _read_table(card.kind, data, names, form, pairing)
    say_unreadable(table.left_out["unreadable"], table.unreadable)
    if not table.rows:
        raise ConfigError(f"{', '.join(data)}: no row can be used; left out: {dict(table.left_out)}")
    share = loaded.share and card.kind == "helpful"
    scored = score_rows(loaded.scorer, card, table.rows, share=share, budget=budget, precision=precision)
    report = (
        report_on_pairs(table.rows, scored, card.temperature)
        if isinstance(table, Pairs)
        else report_on_rated(table.rows, scored, card.temperature)
    )
    report = {
        "model": model,
        "kind": card.kind,
        **report,
        "left_out": dict(table.left_out),
        "data": {name: _hash(name) for name in data},
        "version": card.provenance.get("version"),
    }
    _say(_headline(report))
    try:
        if calibrate is not None:
            measured = measured_card(card, table.rows, scored)
            measured = dataclasses.replace(measured, provenance={**measured.provenance, "scale_from": report["data"]})
            write_json(calibrate, dataclasses.asdict(measured))
        if scores is not None:
            write_scores(scores, table.rows, scored, card)
        write_json(output, report)
    except WriteError as error:
        _say(f"error: {error}")
        return FAILED
    return FINE


def _read_table(kind: str, data: Sequence[str], names: Columns | None, form: str, pairing: Pairing) -> Pairs | Ratings:
    if kind == "helpful":
        return read_pairs(data, columns=names, form=form, pairing=pairing)
    if form != "auto":
        raise ConfigError(f"--from {form} is a form of pairs; labelled responses are read by their columns, or --map")
    return read_rated(data, columns=names)


def _loaded(kind: Literal["helpful", "safety"], model: str, options: Mapping[str, Any]) -> Loaded:
    """The model, as its verifier reads it with some options (any: those of the command line)."""
    import torch

    verifier = HelpfulVerifier if kind == "helpful" else SafetyVerifier
    known = {one.name for one in dataclasses.fields(verifier)} - {"model", "gate", "output"}
    if unknown := [name for name in options if name not in known]:
        raise ConfigError(f"{kind} has no option {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return verifier(model=model, **options).load(kind, "cuda" if torch.cuda.is_available() else "cpu")


def _hash(name: str) -> str:
    return hash_file(name)[:16] if Path(name).is_file() else ""


def _say_trained(trained: Trained, table: Pairs | Ratings, output: str) -> None:
    left_out = ", ".join(f"{count} {why}" for why, count in sorted(table.left_out.items())) or "none"
    kept = "" if trained.dev_loss is None else f", loss {trained.dev_loss:.4f} on {trained.dev_rows} kept rows"
    _say(
        f"{trained.steps} steps on {trained.train_rows} rows{kept}, in {output}; "
        f"left out: {left_out}; over-long: {trained.overlong}"
    )


def _headline(report: Mapping[str, Any]) -> str:
    if report["kind"] == "helpful":
        shorter = report["chosen_shorter"]
        return (
            f"accuracy {_number(report['accuracy'])} on {report['pairs']} pairs, {_number(shorter['accuracy'])} on the "
            f"{shorter['pairs']} whose chosen response is shorter; correlation with length "
            f"{_number(report['length_correlation'])}; calibration error {report['calibration_error']['after']:.3f}"
        )
    return (
        f"AUC {_number(report['auc'])} on {report['responses']} responses; "
        f"calibration error {report['calibration_error']['after']:.3f}"
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _say(text: str) -> None:
    import click

    click.echo(text, err=True)
