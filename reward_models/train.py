"""Training a reward model: steps over batches of like length, with everything needed to go on after any end.

Written to the output folder: `metrics.jsonl` (a line per step and per look at the kept prompts), `checkpoint.pt`, and
at the end weights, tokenizer and card. A run that is resumed takes the same steps as one that was never stopped, bit
for bit on the same machine. A loss or gradient that is no number ends the run at once, with the batch in
`nan_batch.json` as tokens.

Deviations from the paper: AdamW (betas 0.9 and `beta2`), warm-up, cosine and clipping are ours, since it states none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._version import __version__
from ..training.distributed import Processes, full_tensor, load_optimizer, shard_like
from ..training.lines import Lines
from ..verifiers.errors import WriteError
from .batches import Asked, Unit, autocast, can_share, collate, cut, score_encoded, scores_of, units_of
from .card import FILE as CARD
from .card import Card, save_reward_model
from .checkpoint import STATE, load_state, save_state, write_whole
from .data import Pair, Rated, split_by_prompt
from .errors import NotFiniteError, OverlongError, TrainingError
from .examples import Examples, encode_rows
from .frozen import Frozen, worth_keeping
from .layout import ChatLayout, TokenLimits
from .losses import bradley_terry, pointwise
from .measures import scale_of
from .model import Scorer
from .options import TrainOptions
from .schedule import examples_at, optimizer_of, rate_at, steps_per_epoch
from .sharded import ShardedScorer
from .windows import score_whole

METRICS, BEST = "metrics.jsonl", "best.pt"
ENOUGH = 20
"""Kept examples from which the scale of the scores can be known."""


class Step(NamedTuple):
    """How far a run is."""

    step: int
    steps: int
    loss: float
    accuracy: float


class Trained(NamedTuple):
    """What came of a run."""

    card: Card
    """The scale of the scores, and how they were made."""
    steps: int
    """Steps taken in all."""
    train_rows: int
    """Rows trained on."""
    dev_rows: int
    """Rows kept for calibration."""
    overlong: int
    """Rows of which something was cut, or that were dropped."""
    dev_loss: float | None
    """Of the weights that were kept, on the kept prompts."""


class StoppedError(TrainingError):
    """The run was asked to stop; its checkpoint is written."""


def train_reward_model(
    scorer: Scorer,
    rows: Sequence[Pair] | Sequence[Rated],
    options: TrainOptions,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    spread: bool = False,
    provenance: dict[str, Any] | None = None,  # any: JSON values, kept on the card
    progress: Callable[[Step], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train, and write the reward model to a folder.

    Args:
        scorer: What `base_model` makes, or `prepare` of any model and tokenizer; made the same way for a resumed run.
            With `spread` it is of no use afterwards.
        rows: Pairs or labelled responses.
        options: Of the training.
        folder: Where the model, its card, checkpoints and metrics are written.
        resume: Go on with an earlier run in the folder.
        overwrite: Remove an earlier run in the folder.
        spread: Whether all processes of torch.distributed call this, and train one model of which each holds a share
            (FSDP2).
        provenance: JSON values to keep on the card.
        progress: Gets each step.
        stop: Asked after each step; True saves and ends the run.

    Returns:
        The card, and counts of steps and rows.

    Raises:
        TrainingError: The run cannot start or go on.
        NotFiniteError: A loss or gradient is no number.
        StoppedError: `stop` said so; the checkpoint is written.
    """
    _check(scorer, options)
    run = _Run(scorer, rows, options, Path(folder), progress, stop, Processes(together=spread))
    run.start(resume=resume, overwrite=overwrite)
    run.steps_to_the_end()
    card, dev_loss = run.card(provenance or {})
    run.write(card)
    return Trained(card, run.step, len(run.train.groups), len(run.dev.groups), run.overlong, dev_loss)


def kept_in(folder: Path) -> str:
    """What a folder holds of an earlier run that a new one would overwrite, in words; empty for nothing."""
    words = {CARD: "a reward model", STATE: "the checkpoint", METRICS: "the metrics"}
    held = [what for name, what in words.items() if (path := folder / name).is_file() and path.stat().st_size]
    return held[0] if held else ""


class _Run:
    def __init__(
        self,
        scorer: Scorer,
        rows: Sequence[Any],  # any: pairs or rated responses, all of one kind
        options: TrainOptions,
        folder: Path,
        progress: Callable[[Step], None] | None,
        stop: Callable[[], bool],
        processes: Processes,
    ) -> None:
        self.processes = processes
        self.scorer, self.options, self.folder = scorer, options, folder
        self._progress, self._stop = progress, stop
        kept, dev = split_by_prompt(rows, options.dev_share, purpose="dev", seed=options.seed)
        self.rows: tuple[list[Any], list[Any]] = kept, dev  # any: as above
        self.train, self.dev = (encode_rows(scorer, part, options, training=part is kept) for part in (kept, dev))
        self.overlong = self.train.overlong
        if not self.train.groups:
            raise TrainingError(f"there is nothing to train on: {len(rows)} rows, {self.overlong} of them over-long")
        self.share = options.share and options.kind == "helpful" and can_share(scorer)
        self.lengths = [sum(encoded.length for encoded in group) for group in self.train.groups]
        self.per_epoch = steps_per_epoch(len(self.lengths), options)
        self.total = self.per_epoch * options.epochs
        self.step = 0
        self.best: float | None = None
        self.waited = 0
        self.finished = False
        self.frozen = {
            name: float(weight.double().sum())
            for name, weight in scorer.model.named_parameters()
            if not weight.requires_grad
        }
        self.spread: ShardedScorer | None = ShardedScorer(scorer) if processes.size > 1 else None
        self.weights = {name: weight for name, weight in scorer.model.named_parameters() if weight.requires_grad}
        self.optimizer = optimizer_of(scorer, self.weights, options)
        self.known = self._known()
        self.metrics: Lines | None = None

    def start(self, *, resume: bool, overwrite: bool = False) -> None:
        """Open the metrics, and take over or remove what an earlier run left."""
        path = self.folder / METRICS
        kept = "" if resume or overwrite or self.processes.rank else kept_in(self.folder)
        if kept := next(filter(None, self.processes.all_gather_object(kept)), ""):
            raise TrainingError(f"{self.folder} already holds {kept} of an earlier run; resume it, or say overwrite")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            size = 0
            if resume:
                state = load_state(self.folder)
                self._take_over(state)
                size = state["metrics"]
            elif self.processes.rank == 0:
                for name in (CARD, STATE, BEST):  # or a later --resume would go on from them
                    (self.folder / name).unlink(missing_ok=True)
            self.metrics = Lines(path, size) if self.processes.rank == 0 else None
        except OSError as error:
            raise TrainingError(f"{path} cannot be written: {error.strerror}") from error
        if not resume:
            torch.manual_seed(self.options.seed + self.processes.rank)

    def steps_to_the_end(self) -> None:
        """Take every step that is left."""
        try:
            while self.step < self.total and not self.finished:
                if any(self.processes.all_gather_object(self._stop())):
                    raise StoppedError(f"stopped after step {self.step} of {self.total}; run with --resume to go on")
                self._take_step()
                every = self.options.eval_every or self.per_epoch
                if self.dev.groups and (self.step % every == 0 or self.step == self.total):
                    self._look()
                if self.step % self.options.checkpoint_every == 0:
                    self._save()
        except StoppedError:
            self._save()
            raise
        except KeyboardInterrupt:
            if self.spread is None:  # others may be elsewhere, and saving takes all
                self._save()
            raise
        self._save()
        if self.options.patience and (self.folder / BEST).exists():
            self._put(torch.load(self.folder / BEST, map_location="cpu", weights_only=True))

    def card(self, provenance: dict[str, Any]) -> tuple[Card, float | None]:
        """The scale of the scores on the kept prompts (and some others where those are few), and the loss there."""
        options = self.options
        # A scale from a handful of prompts would be the scale of those.
        enough = len(self.dev.groups) >= ENOUGH
        rows, scores = self._scored_whole(self.rows[1] if enough else [*self.rows[1], *self.rows[0][:500]])
        scale = scale_of(scores, None if options.kind == "helpful" else [row.safe for row in rows])
        card = Card(
            kind=options.kind,
            **scale._asdict(),
            limits=TokenLimits(prompt=options.max_prompt, response=options.max_response),
            layout=ChatLayout(self.scorer, TokenLimits()).fingerprint,
            provenance={
                **provenance,
                "version": __version__,
                "options": dataclasses.asdict(options),
                "steps": self.step,
                "rows": {"train": len(self.train.groups), "dev": len(self.dev.groups), "overlong": self.overlong},
                "scale_from": "kept prompts" if enough else "kept and training prompts",
                "shared_prompts": self.share,
            },
        )
        return card, (self._loss_of(self._scores(self.dev))[0] if self.dev.groups else None)

    def _take_step(self) -> None:
        options, processes, began = self.options, self.processes, time.perf_counter()
        chosen = examples_at(self.step, self.lengths, options)
        rate = rate_at(self.step, self.total, options)
        for group in self.optimizer.param_groups:
            group["lr"] = group["highest"] * rate
        self.scorer.learn()
        self.optimizer.zero_grad(set_to_none=True)
        units = units_of([self.train.groups[index] for index in chosen], share=self.share)
        tokens = sum(row.length for unit in units for row in unit)
        loss, right = 0.0, 0.0
        # No piece so large that a process would have none.
        for piece, counts in processes.partition(cut(units, min(options.budget, -(-tokens // processes.size)))):
            scores_N, owners = self._forward(piece)
            loss_B, right_B = self._losses(scores_N, owners, chosen)
            part = loss_B.sum() / len(chosen) * counts
            # Gradients of several processes are averaged, and what is wanted is their sum.
            (part * processes.size).backward()
            loss += float(part.detach())
            right += float(right_B.sum()) * counts
        loss, right = (sum(parts) for parts in zip(*processes.all_gather_object((loss, right)), strict=True))
        if not math.isfinite(loss):
            self._not_finite("the loss", chosen)
        norm = float(full_tensor(torch.nn.utils.clip_grad_norm_(self.weights.values(), options.clip)))
        if not math.isfinite(norm):
            self._not_finite("the gradient", chosen)
        self.optimizer.step()
        self.step += 1
        accuracy = right / len(chosen)
        self._log_metrics(
            step=self.step,
            loss=loss,
            accuracy=accuracy,
            lr=options.lr * rate,
            gradient=norm,
            tokens=tokens,
            seconds=round(time.perf_counter() - began, 4),
        )
        if self._progress is not None:
            self._progress(Step(self.step, self.total, loss, accuracy))

    def _known(self) -> Frozen | None:
        """What frozen layers give, where it is asked for more than once and can be kept."""
        options, groups = self.options, self.train.groups
        if options.epochs < 2 or self.share or self.spread is not None:
            return None
        if not worth_keeping(self.scorer, options.freeze, groups, precision=options.precision):
            return None
        return Frozen(self.scorer, options.freeze, groups, budget=options.budget, precision=options.precision)

    def _forward(self, units: Sequence[Unit]) -> tuple[Tensor, list[int]]:
        """Scores of some rows, and whose they are."""
        batch = collate(units, self.scorer.tokenizer.pad_token_id)
        with autocast(self.scorer, self.options.precision), self.known.instead(units) if self.known else nullcontext():
            scores: Tensor = scores_of(self.scorer, batch) if self.spread is None else self.spread(batch)
        return scores, batch.owners

    def _losses(self, scores_N: Tensor, owners: Sequence[int], chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Loss and success of each example whose scores these are; owners count through the batch's responses."""
        options = self.options
        order = torch.tensor(owners, device=scores_N.device).argsort()
        scores_N = scores_N[order]
        each = 2 if options.kind == "helpful" else 1
        which = [chosen[owner // each] for owner in sorted(owners)[::each]]
        target_B = self.train.target_N[which].to(scores_N.device)
        if options.kind == "safety":
            loss_B = pointwise(scores_N, target_B, pos_weight=options.pos_weight)
            return loss_B, ((scores_N > 0) == (target_B > 0.5)).float()
        one_B, other_B = scores_N[0::2], scores_N[1::2]
        loss_B = bradley_terry(
            one_B,
            other_B,
            target_B,
            centering=options.centering,
            smoothing=options.smoothing,
        )
        return loss_B, (one_B > other_B).float() + 0.5 * (one_B == other_B).float()

    def _scores(self, examples: Examples) -> list[list[float]]:
        options = self.options
        scored = score_encoded(
            self.scorer,
            examples.groups,
            share=self.share,
            budget=options.budget,
            precision=options.precision,
            spread=self.spread,
            processes=self.processes,
        )
        return [[one.score for one in group] for group in scored]

    def _scored_whole(self, rows: Sequence[Any]) -> tuple[list[Any], list[list[float]]]:  # any: as in __init__
        """Scores as a verifier gives them, of whole responses, and the rows whose responses are not too long for it."""
        options, pairs = self.options, self.options.kind == "helpful"
        layout = ChatLayout(self.scorer, TokenLimits(prompt=options.max_prompt, response=options.max_response))
        scored = score_whole(
            self.scorer,
            layout,
            [Asked(row.prompt, (row.chosen, row.rejected) if pairs else (row.response,)) for row in rows],
            least=not pairs,
            share=self.share,
            budget=options.budget,
            precision=options.precision,
            spread=self.spread,
            processes=self.processes,
        )
        scores = [[one.score for one in group if not isinstance(one, OverlongError)] for group in scored]
        whole = [place for place, group in enumerate(scores) if len(group) == len(scored[place])]
        return [rows[place] for place in whole], [scores[place] for place in whole]

    def _loss_of(self, rows: Sequence[Sequence[float]]) -> tuple[float, float]:
        """Loss and accuracy on the kept prompts."""
        scores = torch.tensor(rows)
        if self.options.kind == "safety":
            loss_B = pointwise(scores[:, 0], self.dev.target_N, pos_weight=self.options.pos_weight)
            right_B = (scores[:, 0] > 0) == (self.dev.target_N > 0.5)
        else:
            loss_B = bradley_terry(scores[:, 0], scores[:, 1])
            right_B = scores[:, 0] > scores[:, 1]
        return float(loss_B.mean()), float(right_B.float().mean())

    def _look(self) -> None:
        """Measure on the kept prompts, and stop where that has not become better for long enough."""
        loss, accuracy = self._loss_of(self._scores(self.dev))
        self._log_metrics(step=self.step, dev_loss=loss, dev_accuracy=accuracy)
        if self.best is None or loss < self.best:
            self.best, self.waited = loss, 0
            if self.options.patience:
                kept = {name: whole.cpu() for name, whole in self._whole_weights().items()}
                if self.processes.rank == 0:
                    write_whole(self.folder / BEST, lambda file: torch.save(kept, file))
        else:
            self.waited += 1
            self.finished = bool(self.options.patience) and self.waited >= self.options.patience

    def _log_metrics(self, **values: float) -> None:
        try:
            if self.metrics is not None:
                self.metrics.write([values])
        except WriteError as error:
            raise TrainingError(str(error)) from error

    def _not_finite(self, what: str, chosen: Sequence[int]) -> None:
        path = self.folder / "nan_batch.json"
        held = {
            "step": self.step + 1,
            "what": what,
            "rows": [
                {"id": self.train.ids[index], "tokens": [[*e.prefix, *e.rest] for e in self.train.groups[index]]}
                for index in chosen
            ],
        }
        if self.processes.rank == 0:
            write_whole(path, json.dumps(held).encode())
        raise NotFiniteError(
            f"{what} of step {self.step + 1} is no number; the batch is in {path}, the last checkpoint is whole", path
        )

    def _fingerprint(self) -> str:
        """Of what decides the steps and is not in a checkpoint: options, data, weights that do not learn."""
        settings = [dataclasses.asdict(self.options), self.frozen]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for group in (*self.train.groups, *self.dev.groups):
            digest.update(repr(group).encode())
        return digest.hexdigest()

    def _save(self) -> None:
        cuda = torch.cuda.is_available()
        random = (torch.get_rng_state(), torch.cuda.get_rng_state(self.scorer.device) if cuda else None)
        state = {
            "fingerprint": self._fingerprint(),
            "weights": self._whole_weights(),
            "optimizer": full_tensor(self.optimizer.state_dict()),
            "random": self.processes.all_gather_object(random),
            "step": self.step,
            "best": self.best,
            "waited": self.waited,
            "finished": self.finished,
        }
        if self.metrics is not None:
            save_state(self.folder, {**state, "metrics": self.metrics.size()})

    def _take_over(self, state: dict[str, Any]) -> None:  # any: what _save wrote
        if state["fingerprint"] != self._fingerprint():
            raise TrainingError(
                f"{self.folder} was trained with other options, data or base; give the same, or start anew without "
                "--resume"
            )
        if len(state["random"]) != self.processes.size:
            raise TrainingError(
                f"{self.folder} was trained by {len(state['random'])} processes; {self.processes.size} would take "
                "other steps"
            )
        self._put(state["weights"])
        load_optimizer(self.optimizer, state["optimizer"])
        random, cuda = state["random"][self.processes.rank]
        torch.set_rng_state(random)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda, self.scorer.device)
        self.step, self.best, self.waited = state["step"], state["best"], state["waited"]
        self.finished = state["finished"]

    def _whole_weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = full_tensor({name: weight.detach() for name, weight in self.weights.items()})
        return weights

    def _put(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(shard_like(weights[name], weight))

    def write(self, card: Card) -> None:
        """Write the reward model; with several processes the first does."""
        if self.spread is not None:
            self.spread.make_whole()
            if self.processes.rank == 0 and self.scorer.model is not self.scorer.plain:
                self.scorer.model = self.scorer.model.merge_and_unload()
        if self.processes.rank == 0:
            save_reward_model(self.scorer, card, self.folder)
        self.processes.all_gather_object(None)  # nobody is done before there is something to load


def _check(scorer: Scorer, options: TrainOptions) -> None:
    """Refuse options that take effect when the model is made, where it was made without them."""
    adapters = scorer.model is not scorer.plain
    if options.lora and not adapters:
        raise TrainingError(f"lora is {options.lora}, but the model has no adapters; make it with base_model")
    if options.freeze and all(weight.requires_grad for weight in scorer.plain.parameters()):
        raise TrainingError(f"freeze is {options.freeze}, but all of the model learns; make it with base_model")
