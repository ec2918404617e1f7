"""Training a reward model: steps over batches of like length, with everything needed to go on after any end.

Written to the output folder: `metrics.jsonl` (a line per step and per look at the kept prompts), `checkpoint.pt`, and
at the end weights, tokenizer and card. A run that is resumed takes the same steps as one that was never stopped, bit
for bit on the same machine. A loss or gradient that is no number ends the run at once, with the batch in
`nan_batch.json` as tokens.

Deviations from the paper: AdamW (betas 0.9, 0.95), warm-up, cosine and clipping are ours, since it states none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import __version__
from .batches import can_share, collate, cut, scores_of, units_of
from .card import Card, save_reward_model
from .checkpoint import load_state, save_state, write_whole
from .data import Pair, Rated, split_by_prompt
from .errors import NotFiniteError, TrainingError
from .infer import autocast, score_encoded
from .layout import Encoded, Layout, Limits
from .losses import bradley_terry, pointwise
from .measures import fit_temperature
from .model import Scorer
from .options import TrainOptions

METRICS = "metrics.jsonl"


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
    dev_rows: int
    overlong: int
    """Rows of which something was cut, or that were dropped."""
    dev_loss: float | None
    """Of the weights that were kept, on the kept prompts."""


class StoppedError(TrainingError):
    """The run was asked to stop; its checkpoint is written."""


class _Set(NamedTuple):
    """Examples as tokens, with what they should come to."""

    groups: list[list[Encoded]]
    target_N: Tensor
    """Margins, or 1 for safe."""
    ids: list[str]


def train_reward_model(
    scorer: Scorer,
    rows: Sequence[Pair] | Sequence[Rated],
    options: TrainOptions,
    folder: str | Path,
    *,
    resume: bool = False,
    told: dict[str, Any] | None = None,  # any: JSON values, kept on the card
    progress: Callable[[Step], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train and write the reward model to a folder.

    `scorer` is what `base_model` makes, or `prepare` of any model and tokenizer, and must be made the same way for a
    resumed run. Raises TrainingError where a run cannot start or go on, NotFiniteError for a loss that is no number,
    StoppedError after saving when `stop` says so.
    """
    _check(scorer, options)
    run = _Run(scorer, rows, options, Path(folder), progress, stop)
    run.start(resume=resume)
    with run.metrics:
        run.steps_to_the_end()
    card, dev_loss = run.card(told or {})
    save_reward_model(scorer, card, folder)
    return Trained(card, run.step, len(run.train.groups), len(run.dev.groups), run.overlong, dev_loss)


class _Run:
    def __init__(
        self,
        scorer: Scorer,
        rows: Sequence[Any],  # any: pairs or rated responses, all of one kind
        options: TrainOptions,
        folder: Path,
        progress: Callable[[Step], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self.scorer, self.options, self.folder = scorer, options, folder
        self._progress, self._stop = progress, stop
        self.overlong = 0
        kept, dev = split_by_prompt(rows, options.dev_share, purpose="dev", seed=options.seed)
        self.train, self.dev = self._encode(kept, training=True), self._encode(dev, training=False)
        if not self.train.groups:
            raise TrainingError(f"there is nothing to train on: {len(rows)} rows, {self.overlong} of them over-long")
        self.share = options.share and options.kind == "helpful" and can_share(scorer)
        self.per_epoch = math.ceil(len(self.train.groups) / options.batch)
        self.total = self.per_epoch * options.epochs
        self.step = 0
        self.best: float | None = None
        self.waited = 0
        self.finished = False
        self.weights = {name: weight for name, weight in scorer.model.named_parameters() if weight.requires_grad}
        self.optimizer = _optimizer(scorer, self.weights, options)
        self.frozen = {
            name: float(weight.double().sum())
            for name, weight in scorer.model.named_parameters()
            if not weight.requires_grad
        }
        self.metrics: io.FileIO

    def start(self, *, resume: bool) -> None:
        """Open the metrics, and take over what an earlier run left."""
        path = self.folder / METRICS
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if resume:
                state = load_state(self.folder)
                self._take_over(state)
                with path.open("r+b") as file:
                    file.truncate(state["metrics"])
            # Unbuffered, since what a full disk refuses would be refused once more on closing.
            self.metrics = path.open("ab" if resume else "wb", buffering=0)
        except OSError as error:
            raise TrainingError(f"{path} cannot be written: {error.strerror}") from error
        if not resume:
            torch.manual_seed(self.options.seed)

    def steps_to_the_end(self) -> None:
        """Take every step that is left."""
        try:
            while self.step < self.total and not self.finished:
                if self._stop():
                    raise StoppedError(f"stopped after step {self.step} of {self.total}; run with --resume to go on")
                self._take_step()
                every = self.options.eval_every or self.per_epoch
                if self.dev.groups and (self.step % every == 0 or self.step == self.total):
                    self._look()
                if self.step % self.options.checkpoint_every == 0:
                    self._save()
        except (StoppedError, KeyboardInterrupt):
            self._save()
            raise
        self._save()
        if self.options.patience and (self.folder / "best.pt").exists():
            self._put(torch.load(self.folder / "best.pt", map_location="cpu", weights_only=True))

    def card(self, told: dict[str, Any]) -> tuple[Card, float | None]:
        """The scale of the scores on the kept prompts (on some others where none were kept), and the loss there."""
        options = self.options
        measured = self.dev if self.dev.groups else _Set(self.train.groups[:500], self.train.target_N[:500], [])
        found = self._scores(measured)
        flat = torch.tensor([score for group in found for score in group], dtype=torch.float64)
        if options.kind == "helpful":
            temperature = fit_temperature([one - other for one, other in found], [True] * len(found))
        else:
            temperature = fit_temperature(flat.tolist(), (measured.target_N > 0.5).tolist())
        # Scores that are the same but for rounding have no scale to divide by.
        std = float(flat.std()) if len(flat) > 1 else 0.0
        std = std if std > 1e-6 * (1 + abs(float(flat.mean()))) else 1.0
        card = Card(
            kind=options.kind,
            mean=float(flat.mean()),
            std=std,
            low=float(flat.min()),
            temperature=temperature,
            limits=Limits(prompt=options.max_prompt, response=options.max_response),
            layout=Layout(self.scorer, Limits()).fingerprint,
            told={
                **told,
                "version": __version__,
                "options": dataclasses.asdict(options),
                "steps": self.step,
                "rows": {"train": len(self.train.groups), "dev": len(self.dev.groups), "overlong": self.overlong},
                "scale_from": "kept prompts" if self.dev.groups else "training prompts",
                "shared_prompts": self.share,
            },
        )
        return card, (self._loss_of(found)[0] if self.dev.groups else None)

    def _encode(self, rows: Sequence[Any], *, training: bool) -> _Set:  # any: as above
        options = self.options
        limits = Limits(
            length=options.max_length if training else None, prompt=options.max_prompt, response=options.max_response
        )
        layout = Layout(self.scorer, limits)
        groups, targets, ids = [], [], []
        for row in rows:
            pair = isinstance(row, Pair)
            group = layout.encode(row.prompt, [row.chosen, row.rejected] if pair else [row.response])
            if training and any(encoded.cut for encoded in group):
                self.overlong += 1
                if options.overlong == "drop":
                    continue
            groups.append(group)
            targets.append((row.margin or 0.0) if pair else float(row.safe))
            ids.append(row.id)
        return _Set(groups, torch.tensor(targets), ids)

    def _batch(self) -> list[int]:
        """The examples of the next step: of a random pool sorted by length, a random slice."""
        options, size = self.options, len(self.train.groups)
        epoch, place = divmod(self.step, self.per_epoch)
        draw = torch.Generator().manual_seed((options.seed * 1_000_003 + epoch) % 2**63)
        order = torch.randperm(size, generator=draw).tolist()
        pool = options.batch * options.pool
        batches = []
        for start in range(0, size, pool):
            near = sorted(
                order[start : start + pool], key=lambda index: sum(e.length for e in self.train.groups[index])
            )
            batches += [near[at : at + options.batch] for at in range(0, len(near), options.batch)]
        shuffled = torch.randperm(len(batches), generator=draw).tolist()
        return batches[shuffled[place]]

    def _take_step(self) -> None:
        options, began = self.options, time.perf_counter()
        chosen = self._batch()
        rate = rate_at(self.step, self.total, options)
        for group in self.optimizer.param_groups:
            group["lr"] = group["highest"] * rate
        self.scorer.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        units = units_of([self.train.groups[index] for index in chosen], share=self.share)
        loss, right, tokens = 0.0, 0.0, 0
        for piece in cut(units, options.budget):
            batch = collate(piece, self.scorer.tokenizer.pad_token_id)
            with autocast(self.scorer, options.precision):
                scores_N = scores_of(self.scorer, batch)
            loss_B, right_B = self._losses(scores_N, batch.owners, chosen)
            part = loss_B.sum() / len(chosen)
            if not bool(torch.isfinite(part)):
                self._not_finite("the loss", chosen)
            part.backward()
            loss += float(part.detach())
            right += float(right_B.sum())
            tokens += int(batch.mask_BT.sum())
        norm = float(torch.nn.utils.clip_grad_norm_(self.weights.values(), options.clip))
        if not math.isfinite(norm):
            self._not_finite("the gradient", chosen)
        self.optimizer.step()
        self.step += 1
        accuracy = right / len(chosen)
        self._tell(
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
            target_B if options.margin else None,
            centering=options.centering,
            smoothing=options.smoothing,
        )
        return loss_B, (one_B > other_B).float() + 0.5 * (one_B == other_B).float()

    def _scores(self, examples: _Set) -> list[list[float]]:
        options = self.options
        found = score_encoded(
            self.scorer, examples.groups, share=self.share, budget=options.budget, precision=options.precision
        )
        return [[one.score for one in group] for group in found]

    def _loss_of(self, found: Sequence[Sequence[float]]) -> tuple[float, float]:
        """Loss and accuracy on the kept prompts."""
        scores = torch.tensor(found)
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
        self._tell(step=self.step, dev_loss=loss, dev_accuracy=accuracy)
        if self.best is None or loss < self.best:
            self.best, self.waited = loss, 0
            if self.options.patience:
                kept = {name: weight.detach().cpu() for name, weight in self.weights.items()}
                write_whole(self.folder / "best.pt", lambda file: torch.save(kept, file))
        else:
            self.waited += 1
            self.finished = bool(self.options.patience) and self.waited >= self.options.patience

    def _tell(self, **values: float) -> None:
        try:
            self.metrics.write(json.dumps(values).encode() + b"\n")
        except OSError as error:
            raise TrainingError(f"{self.folder / METRICS} cannot be written: {error.strerror}") from error

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
        write_whole(path, lambda file: file.write(json.dumps(held).encode()))
        raise NotFiniteError(
            f"{what} of step {self.step + 1} is no number; the batch is in {path}, the last checkpoint is whole", path
        )

    def _fingerprint(self) -> str:
        """Of what decides the steps and is not in a checkpoint: options, data, weights that do not learn."""
        told = [dataclasses.asdict(self.options), self.frozen]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for group in (*self.train.groups, *self.dev.groups):
            digest.update(repr(group).encode())
        return digest.hexdigest()

    def _save(self) -> None:
        save_state(
            self.folder,
            {
                "fingerprint": self._fingerprint(),
                "weights": {name: weight.detach() for name, weight in self.weights.items()},
                "optimizer": self.optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
                "step": self.step,
                "best": self.best,
                "waited": self.waited,
                "finished": self.finished,
                "metrics": (self.folder / METRICS).stat().st_size,
            },
        )

    def _take_over(self, state: dict[str, Any]) -> None:  # any: what _save wrote
        if state["fingerprint"] != self._fingerprint():
            raise TrainingError(
                f"{self.folder} was trained with other options, data or base; give the same, or start anew without "
                "--resume"
            )
        self._put(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if state["cuda"]:
            torch.cuda.set_rng_state_all(state["cuda"])
        self.step, self.best, self.waited = state["step"], state["best"], state["waited"]
        self.finished = state["finished"]

    def _put(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])


def _check(scorer: Scorer, options: TrainOptions) -> None:
    """Options that are carried out when the model is made must have been, or they would be told and not done."""
    adapters = scorer.model is not scorer.plain
    if options.lora and not adapters:
        raise TrainingError(f"lora is {options.lora}, but the model has no adapters; make it with base_model")
    if options.freeze and all(weight.requires_grad for weight in scorer.plain.parameters()):
        raise TrainingError(f"freeze is {options.freeze}, but all of the model learns; make it with base_model")


def rate_at(step: int, steps: int, options: TrainOptions) -> float:
    """The learning rate at a step, counted from 0, as a share of the highest.

    >>> from r1_reward.reward_models.options import TrainOptions
    >>> [rate_at(step, 10, TrainOptions(kind="helpful", schedule="linear", warmup=0.2)) for step in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = math.ceil(options.warmup * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if options.schedule == "cosine":
        return 0.1 + 0.45 * (1 + math.cos(math.pi * done))
    return 1 - done if options.schedule == "linear" else 1.0


def _optimizer(scorer: Scorer, weights: dict[str, Tensor], options: TrainOptions) -> torch.optim.AdamW:
    heads = {id(weight) for weight in scorer.head.parameters()}
    groups = []
    for is_head in (False, True):
        for decays in (False, True):
            chosen = [
                weight
                for weight in weights.values()
                if (id(weight) in heads) == is_head and (weight.dim() > 1) == decays
            ]
            rate = options.head_lr if is_head and options.head_lr is not None else options.lr
            if chosen:
                decay = options.weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": rate, "highest": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=(0.9, 0.95))
