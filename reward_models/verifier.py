"""Reward models as verifiers, eqs. (5) and (6): helpfulness of the final answer, safety of the whole response.

Importing this loads no torch. A model is loaded once per process, on first use, and shared by all verifiers of its
folder; a verifier itself is a small picklable value.

Each general prompt belongs to one of the two sets: samples of the kind `general` are the helpful model's, of the kind
`safety` the safety model's; others are skipped, and a sample without a kind is judged by whoever is asked.

The paper writes RM_helpful(A, B) though its head is scalar: `HelpfulVerifier.prefer` is that view, s(A) - s(B).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ..verifiers.errors import ConfigError, RewardError
from ..verifiers.judge.client import ChatClient
from ..verifiers.sample import Sample
from ..verifiers.settings import check_option
from ..verifiers.verdict import Reason, Verdict
from ..verifiers.verifier import check_samples
from .disguise import views
from .errors import OverlongError
from .gate import decide
from .guard_forms import FORMS, form_of
from .remote import ENDPOINTS, Endpoint, Remote
from .stages import check_threshold

if TYPE_CHECKING:
    from .batches import ResponseScore
    from .card import Card
    from .guard import Guard
    from .layout import ChatLayout
    from .model import Scorer

ModelKind = Literal["helpful", "safety"]
Output = Literal["normalised", "raw", "probability"]
_OUTPUTS = ("normalised", "raw", "probability")


class Loaded(NamedTuple):
    """A model that is ready to judge."""

    scorer: Scorer | Guard | Remote
    card: Card
    layout: ChatLayout | None
    """None for a guard, which has a form of its own."""
    share: bool
    lock: threading.Lock
    """One batch at a time: threads would only take each other's memory."""


# A process's models by folder. Keyed by process id too, so that a forked child does not use its parent's.
_models: dict[tuple[int, str, str, str, tuple[str, ...]], Loaded] = {}
_loading = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelVerifier:
    model: str = ""
    """Folder of a reward model: ours, any sequence-classification model or guard with safetensors; or the address of a
    server."""
    served: str = ""
    """At an address: the model's name there."""
    endpoint: str = "classify"
    """At an address: vLLM's `classify` or `pooling`, or `chat` of any server that gives log probabilities."""
    key_env: str = ""
    """At an address: environment variable with the key to it."""
    timeout: float = 60.0
    """At an address: seconds that a request may take."""
    head: str = ""
    """Of several outputs the one that counts, by its label or its number from 0."""
    weights: str = ""
    """Of several outputs, to add them up: `0.4,0.6`."""
    template: str = ""
    """A chat template in Jinja, or a file with one, instead of the tokenizer's; not for our own models."""
    card: str = ""
    """A file with the scale of the scores, instead of the folder's own (`eval-rm --calibrate`)."""
    form: str = "auto"
    """How a generative model is asked: `llama-guard`, `qwen3guard`, `shieldgemma`, `granite-guardian`, `wildguard`,
    `yes-no`; `auto` decides by its chat template."""
    question: str = ""
    """What a model is asked that answers yes or no: a message with `{prompt}` and `{response}`."""
    yes: str = "Yes"
    """Its word for a good response."""
    no: str = "No"
    """And for a bad one."""
    risks: str = ""
    """Of Granite Guardian and ShieldGemma: what is asked about, with commas between."""
    output: Output = "normalised"
    """The score: raw; in standard deviations from the mean on prompts kept from training; or a calibrated
    probability."""
    budget: int = 16_384
    """Tokens, padding included, that go through the model at once."""
    device: str = "auto"
    """`auto` is the GPU where there is one."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the multiplications."""
    most: int = 262_144
    """Tokens that are read for one response at most, over all its windows, and characters of it with its prompt; what
    is longer is an error."""

    def _check(self, kind: str) -> None:
        check_option(f"{kind}.output", self.output, _OUTPUTS)
        check_option(f"{kind}.precision", self.precision, ("fp32", "bf16"))
        if not isinstance(self.model, str) or not self.model:
            raise ConfigError(f"{kind}.model is {self.model!r}; it must be the folder of a reward model, as text")
        if _is_address(self.model):
            check_option(f"{kind}.endpoint", self.endpoint, ENDPOINTS)
            if not self.served:
                raise ConfigError(f"{kind}.served is not set; at an address it is the model's name")
        elif not any((Path(self.model) / name).is_file() for name in ("reward_model.json", "config.json")):
            raise ConfigError(f"{kind}.model: {self.model} is no reward model; train one with r1-reward train-rm")
        check_option(f"{kind}.form", self.form, FORMS)
        for name in ("head", "weights", "template", "card", "question", "yes", "no", "risks"):
            value = getattr(self, name)
            if not isinstance(value, str):  # --set head=1 comes as a number, and weights=1,2 as text
                object.__setattr__(
                    self, name, ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                )
        numbers(kind, self.weights)
        for name in ("budget", "most"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{kind}.{name} is {value!r}; it must be a whole number from 1")

    @property
    def _closely(self) -> bool:
        return False

    @property
    def _limit(self) -> str:
        return f"most={self.most}"

    def _loaded(self, kind: ModelKind) -> Loaded:
        import torch

        device = self.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        how = (self.head, self.weights, self.template, self.card)
        asked = (self.form, self.question, self.yes, self.no, self.risks)
        there = (self.served, self.endpoint, self.key_env, str(self.timeout))
        place = self.model if _is_address(self.model) else str(Path(self.model).resolve())
        key = (os.getpid(), place, device, self.precision, (*how, *asked, *there))
        with _loading:
            if key not in _models:
                _models[key] = self.load(kind, device)
            loaded = _models[key]
        if loaded.card.kind != kind:
            raise ConfigError(f"{self.model} is a {loaded.card.kind} model, not a {kind} one")
        return loaded

    def load(self, kind: ModelKind, device: str) -> Loaded:
        """The model, read anew."""
        from .batches import can_share
        from .card import FOREIGN, Card, load_reward_model, read_card
        from .guard import is_generative, load_guard
        from .layout import layout_of

        if _is_address(self.model):
            card = read_card(self.card) if self.card else Card(kind=kind, low=None, layout=FOREIGN)
            return Loaded(self._remote(kind), card, None, share=False, lock=threading.Lock())
        if is_generative(self.model):
            guard, card = load_guard(
                self.model,
                kind,
                form=self.form,
                question=self.question,
                yes=self.yes,
                no=self.no,
                risks=self.risks,
                template=self.template,
            )
            guard.model.to(device)
            return Loaded(guard, card, None, share=False, lock=threading.Lock())
        scorer, card = load_reward_model(
            self.model,
            kind=kind,
            head=self.head,
            weights=numbers(kind, self.weights),
            template=self.template,
            card=self.card,
        )
        scorer.model.to(device)
        return Loaded(scorer, card, layout_of(scorer, card.limits), can_share(scorer), threading.Lock())

    def _remote(self, kind: ModelKind) -> Remote:
        """The model at the address."""
        form = None
        if self.endpoint == "chat":
            more = {"question": self.question, "yes": self.yes, "no": self.no, "risks": self.risks}
            form = form_of(self.form, "", Path(self.served), **more)
            if form.text or len(form.runs) > 1 or form.before:
                raise ConfigError(
                    f"{kind}.form: {form.name} cannot be asked over chat; serve it here, or use its folder"
                )
        client = ChatClient(url=self.model, model=self.served, key_env=self.key_env or None, timeout=self.timeout)
        return Remote(client, cast(Endpoint, self.endpoint), form, self.head, numbers(kind, self.weights))

    def _prepare(self, kind: ModelKind) -> None:
        with contextlib.suppress(Exception):  # every verdict will say why
            self._loaded(kind)

    def _scores(
        self, loaded: Loaded, asked: Sequence[tuple[Any, str]]
    ) -> Sequence[ResponseScore | RewardError]:  # any: prompts
        """Raw scores of prompts with a response each; those with one prompt go through the model together."""
        from .batches import Asked, ResponseScore
        from .guard import Guard
        from .windows import score_whole

        if isinstance(loaded.scorer, Remote):
            answers = loaded.scorer.scores(asked, most=self.most)
            return [one if isinstance(one, RewardError) else ResponseScore(one, 0, False) for one in answers]
        if isinstance(loaded.scorer, Guard):
            with loaded.lock:
                return loaded.scorer.scores(asked, most=self.most, budget=self.budget)
        assert loaded.layout is not None
        by_prompt: dict[Any, list[int]] = {}
        for index, (prompt, _) in enumerate(asked):
            by_prompt.setdefault(prompt if isinstance(prompt, str) else tuple(prompt), []).append(index)
        groups = [Asked(prompt, [asked[index][1] for index in held]) for prompt, held in by_prompt.items()]
        with loaded.lock:
            grouped = score_whole(
                loaded.scorer,
                loaded.layout,
                groups,
                least=loaded.card.kind == "safety",
                closely=self._closely,
                most=self.most,
                share=loaded.share,
                budget=self.budget,
                precision=self.precision,
            )
        flat: dict[int, ResponseScore | RewardError] = {}
        for held, scores in zip(by_prompt.values(), grouped, strict=True):
            flat.update(zip(held, scores, strict=True))
        return [flat[index] for index in range(len(asked))]

    def _judge(
        self, kind: ModelKind, samples: Sequence[Sample], texts: Sequence[str | None], apart: Sequence[Verdict | None]
    ) -> list[Verdict]:
        """Verdicts for the samples that none was found for yet; a text that is None has nothing to judge."""
        began = time.perf_counter()
        chosen = [index for index, verdict in enumerate(apart) if verdict is None]
        verdicts = dict(zip(chosen, self._ask(kind, [(samples[i].prompt, texts[i]) for i in chosen]), strict=True))
        each = (time.perf_counter() - began) / max(1, len(chosen))
        return [verdicts[index].timed(each) if verdict is None else verdict for index, verdict in enumerate(apart)]

    def _ask(self, kind: ModelKind, asked: Sequence[tuple[Any, str | None]]) -> list[Verdict]:  # any: prompts
        """A verdict on each text; where the model fails on several, each is tried alone, so one costs only itself."""
        if not asked:
            return []
        loaded = None
        try:
            loaded = self._loaded(kind)
            blank = loaded.card.low is None
            there = [(prompt, text or "") for prompt, text in asked if text is not None or blank]
            scores = iter(self._scores(loaded, there))
            return [
                self._verdict(loaded.card, text, next(scores) if text is not None or blank else None)
                for _, text in asked
            ]
        except Exception as error:  # noqa: BLE001 - the boundary: a model that fails has not judged
            if loaded is not None and len(asked) > 1:
                return [verdict for one in asked for verdict in self._ask(kind, [one])]
            detail = f"the reward model failed: {type(error).__name__}: {str(error)[:300]}"
            return [Verdict.error(Reason.GRADER_CRASHED, detail)] * len(asked)

    def _verdict(self, card: Card, text: str | None, scored: ResponseScore | RewardError | None) -> Verdict:
        if isinstance(scored, RewardError) and not isinstance(scored, OverlongError):
            return Verdict.error(Reason.GRADER_CRASHED, f"the reward model gave no score: {scored}")
        if isinstance(scored, OverlongError):
            return Verdict.error(Reason.GRADER_TIMEOUT, f"not read, and so not judged: {scored} ({self._limit})")
        raw = (card.low or 0.0) if scored is None else scored.score
        views = {"raw": raw, "normalised": card.normalised(raw), "probability": card.probability(raw)}
        score = views[self.output]
        if scored is None:
            detail = "nothing to judge, so the lowest score that was seen when it was calibrated"
            nothing = {"tokens": 0, "windows": 0, "cut": False}
            return Verdict.scored(score, Reason.NO_ANSWER, detail, evidence={**views, **nothing})
        if text is None:
            read = {"tokens": scored.tokens, "windows": scored.windows, "cut": scored.cut}
            detail = "nothing to judge, so the score of an empty response"
            return Verdict.scored(score, Reason.NO_ANSWER, detail, evidence={**views, **read})
        evidence: dict[str, Any] = {**views, "tokens": scored.tokens, "windows": scored.windows, "cut": scored.cut}
        if scored.categories:
            evidence["categories"] = dict(scored.categories)
        detail = f"raw score {raw:.3f}" + (f", of {scored.windows} windows" if scored.windows > 1 else "")
        detail += ", of which the prompt's beginning was left out" if scored.cut else ""
        return Verdict.scored(score, Reason.MEASURED, detail, answer=text, evidence=evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpfulVerifier(_ModelVerifier):
    """Helpfulness of what follows the reasoning, eq. (5); the reason is `measured`.

    A response whose reasoning never ends, or with nothing after it, is scored `no_answer`, with the lowest score that
    was seen when the model was calibrated. The final answer is read whole: where it is longer than the model reads at
    once, in windows whose scores are averaged.

    Evidence: `raw`, `normalised`, `probability`, `tokens` read, `windows`, `cut` (the prompt's beginning was left out).
    """

    name = "helpful"
    """The key of its verdicts."""

    def __post_init__(self) -> None:
        self._check("helpful")

    def prepare(self) -> None:
        """Load the model, if it can be loaded."""
        self._prepare("helpful")

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        from .summary import summary_of

        check_samples(samples)
        apart = [_not_for(sample, ("general",), "helpful") for sample in samples]
        texts = [summary_of(sample.response, sample.prompt) or None for sample in samples]
        return self._judge("helpful", samples, texts, apart)

    def prefer(self, prompt: Any, one: str, other: str) -> tuple[float, float]:  # any: text or messages
        """RM_helpful(A, B): the difference of the raw scores, and the probability that the first is preferred.

        Args:
            prompt: What was asked, as text or messages.
            one: A response, its reasoning included.
            other: Another.

        Returns:
            The difference, and the probability from 0 to 1.

        Raises:
            OverlongError: One of them is too long to read.
        """
        from .summary import summary_of

        loaded = self._loaded("helpful")
        low = loaded.card.low
        texts = [summary_of(text, prompt) or (None if low is not None else "") for text in (one, other)]
        results = self._scores(loaded, [(prompt, text) for text in texts if text is not None])
        for each in results:
            if isinstance(each, RewardError):
                raise each
        scores = iter([each.score for each in results if not isinstance(each, RewardError)])
        first, second = (low or 0.0 if text is None else next(scores) for text in texts)
        return first - second, loaded.card.probability(first - second)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyVerifier(_ModelVerifier):
    """Safety of the whole response, its reasoning included, eq. (6); the reason is `measured`.

    What is longer than the model reads at once, prompt or response, is read in windows, of which the least safe counts;
    with a `gate` in shorter ones as well.
    An empty response is judged as it is. Evidence: as HelpfulVerifier; with a `gate` samples of every kind are judged,
    and the evidence also holds `gate`: `passed`, `threshold`, and the `response` to give (a refusal unless it passed).
    """

    name = "safety"
    """The key of its verdicts."""
    gate: float | None = None
    """Least probability of being safe with which a response passes; see gate.py."""

    def __post_init__(self) -> None:
        self._check("safety")
        if self.gate is not None:
            check_threshold("safety.gate", self.gate)

    def prepare(self) -> None:
        """Load the model, if it can be loaded."""
        self._prepare("safety")

    @property
    def _closely(self) -> bool:
        return self.gate is not None

    def closely(self) -> SafetyVerifier:
        """The same as a gate reads: of long responses shorter windows as well, so that padding hides nothing.

        Returns:
            A copy, or itself where a gate is set.
        """
        return self if self.gate is not None else replace(self, gate=0.0)

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        check_samples(samples)
        texts = [sample.response for sample in samples]
        if self.gate is None:
            return self._judge(
                "safety", samples, texts, [_not_for(sample, ("safety",), "safety") for sample in samples]
            )
        verdicts = self._judge("safety", samples, texts, [None] * len(samples))
        hidden = [(sample, text) for sample in samples for text in views(sample.response).values()]
        read = self._judge("safety", [one for one, _ in hidden], [text for _, text in hidden], [None] * len(hidden))
        under: dict[int, list[Verdict]] = {}
        for (sample, _), verdict in zip(hidden, read, strict=True):
            under.setdefault(id(sample), []).append(verdict)
        return [
            _gated(sample, verdict, under.get(id(sample), []), self.gate)
            for sample, verdict in zip(samples, verdicts, strict=True)
        ]


def _is_address(model: str) -> bool:
    return model.startswith(("http://", "https://"))


def numbers(kind: str, text: str) -> tuple[float, ...]:
    """The weights that a text lists. Raises ConfigError.

    >>> numbers("helpful", "0.5,1")
    (0.5, 1.0)
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(f"{kind}.weights is {text!r}; it must be numbers with commas between them") from None


def _gated(sample: Sample, verdict: Verdict, under: Sequence[Verdict], threshold: float) -> Verdict:
    """The verdict with what the gate decides: by the response, and by each reading of it under a disguise."""
    decisions = [decide(sample, one, threshold) for one in (verdict, *under)]
    decision = next((one for one in decisions if not one.passed), decisions[0])
    evidence = {"passed": decision.passed, "threshold": threshold, "response": decision.text}
    return replace(verdict, evidence={**verdict.evidence, "gate": evidence})


def _not_for(sample: Sample, kinds: Sequence[str], name: str) -> Verdict | None:
    kind = sample.kind_or_guess
    if kind is None or kind in kinds:
        return None
    return Verdict.skipped(f"the {name} model judges {', '.join(kinds)}, not {kind}")
