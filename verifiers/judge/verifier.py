"""A model's verdict: against a reference, by a rubric, by comparison or on a scale; or an error, and never a number for
nothing."""

from __future__ import annotations

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, ClassVar

from ..errors import ConfigError
from ..reasoning import scan
from ..sample import Sample
from ..settings import NOT_NEGATIVE, Amount, Count, Rule, Share, Whole, check
from ..verdict import Reason, Verdict
from ..verifier import check_samples
from .asking import CONCURRENCY, Answer, Ask, Asker, Failure, Question
from .client import ChatClient
from .pairing import Game, best_of, rounds
from .question import Field, question_text, read_reply, reply_schema
from .recording import Recording
from .rubric import Criterion, Mode, Rubric, RubricError, criteria_of, ready

_Price = Annotated[tuple[float, float], Rule("two numbers, at least 0", lambda value: min(value) >= 0)]
_Seconds = Annotated[float, Rule("more than 0, at most a day", lambda value: 0 < value <= 86_400)]
_Task = tuple[str, Sequence[tuple[str, str]], Sequence[Field]]
"""What is asked, the material, and the form of the reply."""

_GAMES: Mapping[int, Mapping[str, float]] = {
    3: {"A": 1.0, "tie": 0.0, "B": -1.0},
    5: {"A>>B": 2.0, "A>B": 1.0, "A=B": 0.0, "B>A": -1.0, "B>>A": -2.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeVerifier:
    """A model's verdict on each response, over an OpenAI-compatible endpoint or by a function.

    A judge that is down, late, rate-limited, refuses, is cut off or gives no clear verdict makes an `error`. Evidence:
    `rubric`, `model`, `verdict` (of each vote), `agreement`, `tokens` (read, written), `cost`.

    >>> judge = JudgeVerifier(ask=lambda question: "I would rather not say.", retries=0)
    >>> verdict, = judge([Sample(prompt="Capital of France?", response="Paris", reference="Paris")])
    >>> verdict.score, verdict.reason.value
    (None, 'judge_unclear')
    """

    name = "judge"
    """The key of its verdicts."""
    url: str = ""
    """Endpoint, as `http://127.0.0.1:8000/v1`."""
    model: str = ""
    """Name of the model at `url`."""
    ask: Callable[[str], Any] | str | None = None  # any: text, or a Reply
    """A function from a question to a reply, or its name as `package.module:function`, in place of `url`."""
    key_env: str | None = None
    """Environment variable that holds the key to `url`."""
    mode: Mode | None = None
    """In place of the rubric's: `reference`, `rubric`, `pairwise` or `scale`."""
    rubric: str | Rubric = ""
    """A rubric, its file, or the name of a ready one: `simpleqa`, `frames`, `arena_hard`, `alpaca_eval`."""
    votes: Count = 1
    """Samples of each verdict; the majority counts, of numbers the mean."""
    agreement: Share = 0.5
    """Share of the votes that must be for the verdict that most have; less is an error."""
    draw: Whole = 0
    """Counts samples of the same questions: another number asks anew what `record` holds of this one."""
    temperature: Amount | None = None
    """Of the judge's sampling; 0, or 0.7 where there are several votes."""
    max_tokens: Count = 2048
    """Longest reply, reasoning included."""
    timeout: _Seconds = 120.0
    """Seconds that a request may take."""
    patience: _Seconds = 300.0
    """Seconds after which a question is not tried again."""
    retries: Whole = 5
    """Further tries of a question."""
    concurrency: Count = CONCURRENCY
    """Questions under way at once; of a run, shared by its processes."""
    structured: bool = True
    """Whether the server is asked to keep to a JSON schema; one that cannot is asked without."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Further fields of each request."""
    record: str | None = None
    """File that keeps the replies; what it holds is not asked again."""
    replay: bool = False
    """Take everything from `record`, and ask nobody."""
    price: _Price = (0.0, 0.0)
    """Of a million tokens read, and written."""
    max_cost: Annotated[float, NOT_NEGATIVE] | None = None
    """Ceiling for the cost of all that `record` holds; reaching it ends a run, with what was paid for kept."""
    _made: tuple[int, Asker] | None = field(default=None, init=False, repr=False, compare=False)
    _rubric: Rubric = field(default_factory=Rubric, init=False, repr=False, compare=False)

    operational: ClassVar[frozenset[str]] = frozenset(
        "url key_env timeout patience retries concurrency record replay max_cost".split()
    )
    """Options that do not decide a verdict, so that a run can be resumed with others."""

    def __post_init__(self) -> None:
        check(self, self.name)
        object.__setattr__(self, "price", tuple(self.price))
        rubric = self.rubric if isinstance(self.rubric, Rubric) else ready(self.rubric) if self.rubric else Rubric()
        if self.mode is not None:
            rubric = replace(rubric, mode=self.mode)
        if not rubric.instructions:
            rubric = replace(rubric, instructions=ready(rubric.mode).instructions)
        object.__setattr__(self, "_rubric", rubric)
        if bool(self.url) == (self.ask is not None) and not (self.replay and self.model):
            raise ConfigError("judge needs a model to ask: url and model, or ask, a function; one of them")
        if self.url and not self.model:
            raise ConfigError("judge.url needs judge.model, the name of the model that judges")
        if self.replay and (self.record is None or not Path(self.record).is_file()):
            raise ConfigError(f"judge.replay needs judge.record, a file that is there; it is {self.record!r}")
        if self.patience < self.timeout:
            raise ConfigError(f"judge.patience is {self.patience:g}, less than judge.timeout, {self.timeout:g}")
        if self.max_cost is not None and not any(self.price):
            raise ConfigError("judge.max_cost needs judge.price, that of a million tokens read and written")
        if self.votes > 1 and self.temperature == 0 and self.url:
            raise ConfigError("judge.votes at a temperature of 0 are one vote said several times")
        if not self.replay:
            self._judge()

    def __reduce__(self) -> tuple[Callable[[], JudgeVerifier], tuple[()]]:
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return functools.partial(JudgeVerifier, **options), ()

    @property
    def used_rubric(self) -> Rubric:
        """The rubric, with mode and instructions as they are used."""
        return self._rubric

    @property
    def together(self) -> bool:
        """Whether the responses of a group must be judged in one call."""
        return self._rubric.mode == "pairwise" and not self._rubric.baseline

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample."""
        check_samples(samples)
        begun = time.perf_counter()
        if self.together:
            verdicts = self._compare(samples)
        else:
            tasks = [self._task(sample) for sample in samples]
            asked = [index for index, task in enumerate(tasks) if not isinstance(task, Verdict)]
            votes = self._votes([task for task in tasks if not isinstance(task, Verdict)])
            answers = dict(zip(asked, votes, strict=True))
            verdicts = [
                task if isinstance(task, Verdict) else self._decide(samples[index], answers[index])
                for index, task in enumerate(tasks)
            ]
        seconds = (time.perf_counter() - begun) / (len(samples) or 1)
        return [verdict.timed(seconds, accuracy=True) for verdict in verdicts]

    # --- What is asked

    def _task(self, sample: Sample) -> list[_Task] | Verdict:
        """What is asked about a sample alone, each question once; or the verdict that needs no question."""
        rubric = self._rubric
        references = [one for one in sample.references if one.strip()]
        if (rubric.mode == "reference" or self._rubric.baseline) and not references:
            return Verdict.error(Reason.REFERENCE_MISSING, "the sample has no reference to compare with")
        try:
            criteria = self._criteria(sample) if rubric.mode == "rubric" else ()
        except RubricError as error:
            return Verdict.error(Reason.RUBRIC_UNUSABLE, str(error))
        answer = _summary(sample)
        if not answer:
            return self._empty(references)
        prompt = _prompt(sample)
        if rubric.mode == "pairwise":
            return self._both_orders(prompt, answer, references[0])
        material = [*prompt, ("response", answer)]
        if rubric.mode == "reference":
            listed = "\n\nor:\n\n".join(references)
            material[-1:] = [("reference", listed), ("response", answer)]
            return [(self._rubric.instructions, material, [Field(name="verdict", words=list(rubric.labels))])]
        if rubric.mode == "scale":
            low, high = rubric.scale
            return [(self._rubric.instructions, material, [Field(name="score", low=low, high=high, whole=False)])]
        listed = "\n".join(f"c{n}: {one.text}{_grades(one)}" for n, one in enumerate(criteria, 1))
        asked = [
            Field(name=f"c{n}", words=("yes", "no") if one.levels == 1 else (), high=one.levels)
            for n, one in enumerate(criteria, 1)
        ]
        return [(self._rubric.instructions, [("criteria", listed), *material], asked)]

    def _criteria(self, sample: Sample) -> Sequence[Criterion]:
        if self._rubric.criteria:
            return self._rubric.criteria
        rubric = next((sample.meta[key] for key in ("rubric", "rubrics", "criteria") if sample.meta.get(key)), None)
        if rubric is None:
            raise RubricError("the sample has no rubric, and neither has the verifier")
        return criteria_of(rubric)

    def _both_orders(self, prompt: Sequence[tuple[str, str]], one: str, other: str) -> list[_Task]:
        asked = [Field(name="verdict", words=list(_GAMES[self._rubric.levels]))]
        orders = ((one, other), (other, one))
        return [(self._rubric.instructions, [*prompt, ("response A", a), ("response B", b)], asked) for a, b in orders]

    def _votes(self, tasks: Sequence[Sequence[_Task]]) -> list[list[Answer]]:
        """The answers to each task's questions, every question as often as there are votes, question by question."""
        questions = [self._question(one, vote) for task in tasks for one in task for vote in range(self.votes)]
        answers = iter(self.asker().ask(questions))
        return [[next(answers) for _ in range(len(task) * self.votes)] for task in tasks]

    def _question(self, task: _Task, vote: int) -> Question:
        text, code = question_text(*task)
        read = functools.partial(read_reply, code=code, fields=task[2], material=task[1])
        return Question(text, read, reply_schema(code, task[2]), self.draw * self.votes + vote)

    # --- The verdict

    def _empty(self, references: Sequence[str] = ()) -> Verdict:
        """Of a response without text after its reasoning; against a baseline it has lost all games, by much."""
        reason = Reason.NO_ANSWER if self._decides else Reason.MEASURED
        strong = self._rubric.strong if self._rubric.levels == 5 else 1.0
        lost = {"weight": 2 * self.votes * strong, "lengths": [0, len(references[0])]} if self._rubric.baseline else {}
        return Verdict.scored(0.0, reason, "the response has no text after its reasoning", evidence=lost)

    @property
    def _decides(self) -> bool:
        """Whether verdicts say right or wrong."""
        rubric = self._rubric
        return rubric.mode == "reference" or (rubric.mode == "rubric" and rubric.aggregate == "all")

    def _decide(self, sample: Sample, answers: Sequence[Answer]) -> Verdict:
        rubric = self._rubric
        evidence = self._evidence(answers)
        failed = [answer.failure for answer in answers if answer.failure is not None]
        if rubric.mode == "reference":
            return self._majority(answers, failed, evidence)
        if failed:
            return Verdict.error(failed[0].reason, failed[0].detail, evidence=evidence)
        detail = answers[0].value[1][:300]
        if rubric.mode == "pairwise":
            half = self.votes
            games = [Game(0, 1, self._game(a.value[0], swapped=n >= half)) for n, a in enumerate(answers)]
            strong = rubric.strong if rubric.levels == 5 else 1.0
            weights = [strong if abs(game.result) > 1 else 1.0 for game in games]
            won = sum(weight * game.points for weight, game in zip(weights, games, strict=True))
            lengths = [len(_summary(sample)), len(next(one for one in sample.references if one.strip()))]
            evidence |= {"games": [game.result for game in games], "weight": sum(weights), "lengths": lengths}
            return Verdict.scored(won / sum(weights), Reason.MEASURED, detail, evidence=evidence)
        values = [answer.value[0] for answer in answers]
        if rubric.mode == "scale":
            low, high = rubric.scale
            evidence |= {"raw": sum(value["score"] for value in values) / len(values)}
            scores = [(value["score"] - low) / (high - low) for value in values]
            return Verdict.scored(sum(scores) / len(scores), Reason.MEASURED, detail, evidence=evidence)
        criteria = self._criteria(sample)
        shares = [
            sum(_share(one, value[f"c{n}"]) for value in values) / len(values) for n, one in enumerate(criteria, 1)
        ]
        evidence["criteria"] = [
            {"name": one.name or one.text[:80], "weight": one.weight, "met": share}
            for one, share in zip(criteria, shares, strict=True)
        ]
        if rubric.aggregate == "all":
            met = all(share == (one.weight > 0) for one, share in zip(criteria, shares, strict=True))
            return Verdict.scored(met, Reason.CORRECT if met else Reason.WRONG, detail, evidence=evidence)
        most = sum(one.weight for one in criteria if one.weight > 0)
        total = sum(one.weight * share for one, share in zip(criteria, shares, strict=True)) / most
        return Verdict.scored(min(1.0, max(0.0, total)), Reason.MEASURED, detail, evidence=evidence)

    def _majority(self, answers: Sequence[Answer], failed: Sequence[Failure], evidence: dict[str, Any]) -> Verdict:
        counted = Counter(answer.value[0]["verdict"] for answer in answers if answer.failure is None)
        label, count = counted.most_common(1)[0] if counted else ("", 0)
        others = [other for word, other in counted.items() if word != label]
        # Votes that failed could have gone to the next best: only what they cannot change is a number.
        if failed and (count <= max(others, default=0) + len(failed) or count < self.agreement * self.votes):
            return Verdict.error(failed[0].reason, failed[0].detail, evidence=evidence)
        if count < self.agreement * self.votes or count in others:
            counts = ", ".join(f"{word} {number}" for word, number in sorted(counted.items()))
            return Verdict.error(Reason.JUDGE_UNCLEAR, f"the votes disagree: {counts}", evidence=evidence)
        evidence["agreement"] = count / self.votes
        detail = next(a.value[1] for a in answers if a.failure is None and a.value[0]["verdict"] == label)[:300]
        score = self._rubric.labels[label]
        reason = Reason.CORRECT if score == 1 else Reason.PARTIAL if score > 0 else Reason.WRONG
        if label == "not_attempted":
            reason = Reason.NO_ANSWER
        return Verdict.scored(score, reason, detail, evidence=evidence)

    def _evidence(self, answers: Sequence[Answer]) -> dict[str, Any]:  # any: JSON values
        said = [None if answer.failure else answer.value[0] for answer in answers]
        return {
            "rubric": self.rubric if isinstance(self.rubric, str) and self.rubric else self._rubric.mode,
            "model": self.model or self._judge_name,
            "verdict": [next(iter(one.values())) if one and len(one) == 1 else one for one in said],
            "tokens": [sum(answer.tokens[n] for answer in answers) for n in (0, 1)],
            "cost": sum(answer.cost for answer in answers),
        }

    def _game(self, value: Mapping[str, str | float], *, swapped: bool) -> float:
        result = _GAMES[self._rubric.levels][str(value["verdict"])]
        return -result if swapped else result

    # --- Comparison within a group

    def _compare(self, samples: Sequence[Sample]) -> list[Verdict]:
        """Each response's points per game against the others of its group; a group counts whole or not at all."""
        verdicts: dict[int, Verdict] = {}
        groups: dict[object, list[int]] = {}
        for index, sample in enumerate(samples):
            groups.setdefault(sample.group, []).append(index)
        players: dict[object, list[int]] = {}
        for group, members in groups.items():
            for index in members:
                if not _summary(samples[index]):
                    verdicts[index] = self._empty()
            players[group] = [index for index in members if index not in verdicts]
            if group is None or len(members) == 1:
                detail = "the sample has no other response to be compared with in this call"
                verdicts |= {index: Verdict.error(Reason.NO_OPPONENT, detail) for index in players.pop(group)}
            elif len(players[group]) == 1:
                (index,) = players.pop(group)
                verdicts[index] = Verdict.scored(1.0, Reason.MEASURED, "all other responses are empty")
        played: dict[object, list[Game]] = {group: [] for group in players}
        answered: dict[int, list[Answer]] = {index: [] for members in players.values() for index in members}
        failed: dict[object, Failure] = {}
        schedules = {group: rounds(len(members)) for group, members in players.items()}
        for number in range(max(map(len, schedules.values()), default=0)):
            pairs = []
            for group, plan in schedules.items():
                if number < len(plan) and group not in failed:
                    meetings = plan[number](played[group])
                    pairs += [(group, one, other) for one, other in meetings]
            tasks = []
            for group, one, other in pairs:
                left, right = (samples[players[group][place]] for place in (one, other))
                tasks.append(self._both_orders(_prompt(left), _summary(left) or "", _summary(right) or ""))
            for (group, one, other), answers in zip(pairs, self._votes(tasks), strict=True):
                for place in (one, other):
                    answered[players[group][place]] += answers
                for vote, answer in enumerate(answers):
                    if answer.failure is not None:
                        failed.setdefault(group, answer.failure)
                    else:
                        result = self._game(answer.value[0], swapped=vote >= self.votes)
                        played[group].append(Game(one, other, result))
        for group, members in players.items():
            points = best_of(len(members), played[group])
            for place, index in enumerate(members):
                evidence = self._evidence(answered[index])
                # Each game is two responses' to pay for.
                evidence |= {"tokens": [count // 2 for count in evidence["tokens"]], "cost": evidence["cost"] / 2}
                if group in failed:
                    verdicts[index] = Verdict.error(failed[group].reason, failed[group].detail, evidence=evidence)
                else:
                    games = len(evidence["verdict"])
                    evidence |= {"games": games, "group": len(members)}
                    detail = f"{points[place]:.2f} points a game of {games} against {len(members) - 1} others"
                    verdicts[index] = Verdict.scored(points[place], Reason.MEASURED, detail, evidence=evidence)
        return [verdicts[index] for index in range(len(samples))]

    # --- Who is asked

    def _judge(self) -> ChatClient | Ask:
        if self.ask is not None:
            return _function(self.ask)
        temperature = (0.0 if self.votes == 1 else 0.7) if self.temperature is None else self.temperature
        return ChatClient(
            url=self.url or "http://replayed.invalid",
            model=self.model,
            key_env=None if self.replay else self.key_env,
            timeout=self.timeout,
            temperature=temperature,
            max_tokens=self.max_tokens,
            extra=self.extra,
        )

    @property
    def _judge_name(self) -> str:
        ask = self.ask
        return ask if isinstance(ask, str) else f"{getattr(ask, '__module__', '')}:{getattr(ask, '__qualname__', ask)}"

    def asker(self) -> Asker:
        """Who asks.

        Returns:
            This process's own asker, with the recording; its `spent` says what asking has taken so far.
        """
        made = self._made
        if made is None or made[0] != os.getpid():
            asker = Asker(
                self._judge(),
                [self._judge_name],
                concurrency=self.concurrency,
                retries=self.retries,
                patience=self.patience,
                schemas=self.structured,
                recording=Recording(self.record) if self.record or self.max_cost is not None else None,
                replay=self.replay,
                price=self.price,
                max_cost=self.max_cost,
            )
            made = os.getpid(), asker
            object.__setattr__(self, "_made", made)
        return made[1]


def _function(ask: Callable[[str], Any] | str) -> Ask:  # any: as above
    if not isinstance(ask, str):
        return ask
    try:
        if ":" not in ask:
            raise ValueError("write package.module:function")
        function = resolve_name(ask)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"judge.ask is {ask!r}, which cannot be imported: {error}") from error
    if not callable(function):
        raise ConfigError(f"judge.ask is {ask!r}, which is not callable")
    return function  # type: ignore[no-any-return]  # from text to text is all that is asked


def _summary(sample: Sample) -> str:
    """What of a response is judged: what follows its reasoning; empty where that never ends."""
    final = scan(sample.response, sample.prompt).final
    return final.of(sample.response).strip() if final is not None else ""


def _prompt(sample: Sample) -> list[tuple[str, str]]:
    if isinstance(sample.prompt, str):
        return [("prompt", sample.prompt)] if sample.prompt else []
    return [("prompt", "\n\n".join(f"{turn.role}: {turn.content}" for turn in sample.prompt))]


def _grades(criterion: Criterion) -> str:
    return f" (0 to {criterion.levels})" if criterion.levels > 1 else ""


def _share(criterion: Criterion, value: str | float) -> float:
    return float(value) / criterion.levels if isinstance(value, float) else float(value == "yes")
