"""From a row to preferences: pairs of which one response is preferred, or one response with a rating.

The forms of public data sets are in `preference_forms.py`, how a prompt and responses are read in `dialogue.py`. What a
row does not say in a form that is known is an error with a word and a sentence, never a guess: a number that could mean
either response, a prompt that is nowhere, a rating that is no number.

What it does not do: read files, or judge whether a pair teaches anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal, NamedTuple

from ..verifiers.errors import ConfigError, SampleError
from ..verifiers.sample import Message
from . import preference_forms as forms
from .choices import choice_of, number_of
from .dialogue import Turns, answers_of, is_turn, text_in, turns_of, type_of
from .paths import get, parse_path
from .preference_forms import FORM_BY_NAME, FORM_CHOICES, FORMS, Form
from .values import Row, read_text

Pairing = Literal["extremes", "all"]

PREFERENCE_FIELDS = (
    *("prompt", "system", "chosen", "rejected", "response_a", "response_b", "preferred", "responses", "ratings"),
    *("response", "rating", "margin", "source", "id"),
)
"""What can be found under a name of one's own."""
_RESPONSES: Mapping[str, str] = {
    "chosen": "chosen",
    "rejected": "rejected",
    "response_a": "first",
    "response_b": "second",
    "preferred": "preferred",
    "responses": "responses",
    "ratings": "ratings",
    "response": "response",
    "rating": "rating",
}
"""Names that say where responses are, and the field of a Form for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two responses to one prompt, of which people preferred one."""

    prompt: Turns
    """The conversation so far."""
    chosen: str
    """The better response."""
    rejected: str
    """The other."""
    margin: float | None = None
    """By how much, where the data says."""
    source: str = ""
    """Where it is from; results are shown by it."""
    id: str = ""
    """Its own name, else file and row."""
    group: str = ""
    """The same for all pairs of one prompt's responses; empty where there is one pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One response with its rating; pairs are made of those to one prompt."""

    prompt: Turns
    response: str
    rating: float
    """More is better."""
    margins: bool = True
    """Whether differences say by how much."""
    source: str = ""
    id: str = ""


class Preferences(NamedTuple):
    """What a row holds."""

    pairs: list[Pair]
    ratings: list[Rating]
    left_out: Counter[str]
    """What was read and is no preference: `tied`."""


class Responses(NamedTuple):
    """The responses of a row, whichever is the better one."""

    prompt: Turns
    texts: list[str]


class _Labelled(NamedTuple):
    """Responses, and numbers of the better and the worse of each pair with the margin."""

    prompt: Turns
    texts: list[str]
    order: list[tuple[int, int, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceReader:
    """How rows become preferences.

    >>> reader = PreferenceReader(columns={"rejected": "other"})
    >>> reader.read({"prompt": "Hi", "chosen": "Hello!", "other": "No."}, "row 1").pairs[0].rejected
    'No.'
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Which path holds which of PREFERENCE_FIELDS, where that is not its usual name; None leaves it out."""
    form: str = "auto"
    """The form of the rows: one of FORM_CHOICES."""
    pairing: Pairing = "extremes"
    """Which pairs are made of rated responses: the best and the worst, or all that differ."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", {name: path or None for name, path in self.columns.items()})
        if self.form not in FORM_CHOICES:
            raise ConfigError(f"{self.form!r} is no form of preference data: {', '.join(FORM_CHOICES)}")
        for name, path in self.columns.items():
            if name not in PREFERENCE_FIELDS:
                raise ConfigError(f"preference data has no field {name!r}; it has {', '.join(PREFERENCE_FIELDS)}")
            if path is not None:
                parse_path(path)

    def read(self, row: Row, place: str) -> Preferences:
        """The preferences of a row. Raises SampleError, naming the column, where it cannot be read."""
        reading = self.reading(row)
        source, name = reading.text(forms.SOURCES, "source"), reading.text(forms.IDS, "id") or place
        rated = reading.single()
        if rated is not None:
            response, rating = rated
            (text,) = response.texts
            margins = reading.form.margins
            one = Rating(prompt=response.prompt, response=text, rating=rating, margins=margins, source=source, id=name)
            return Preferences([], [one], Counter())
        labelled = reading.labelled()
        if not labelled.order:
            return Preferences([], [], Counter(tied=1))
        several = len(labelled.order) > 1
        pairs = [
            Pair(
                prompt=labelled.prompt,
                chosen=labelled.texts[best],
                rejected=labelled.texts[worst],
                margin=margin,
                source=source,
                id=f"{name}/{number}" if several else name,
                group=name if several or reading.several else "",
            )
            for number, (best, worst, margin) in enumerate(labelled.order)
        ]
        return Preferences(pairs, [], Counter())

    def responses(self, row: Row) -> Responses:
        """The prompt of a row and its responses, two or more. Raises SampleError where there are fewer."""
        reading = self.reading(row)
        columns, values = reading.all_responses()
        return Responses(*reading.answers(columns, values))

    def prompt(self, row: Row) -> Turns | None:
        """The prompt of a row; None where it has none. Raises SampleError."""
        return self.reading(row).prompt()

    def reading(self, row: Row) -> PreferenceReading:
        """A row of which each part can be asked for."""
        return PreferenceReading(row, self)


def pairs_of_ratings(ratings: Sequence[Rating], pairing: Pairing) -> list[tuple[int, int, float]]:
    """Which of some rated responses to one prompt are better than which, and by how much; none where all are equal."""
    return _order([one.rating for one in ratings], pairing)


def _order(ratings: Sequence[float], pairing: Pairing) -> list[tuple[int, int, float]]:
    if pairing == "extremes":
        best, worst = ratings.index(max(ratings)), ratings.index(min(ratings))
        return [(best, worst, ratings[best] - ratings[worst])] if ratings[best] > ratings[worst] else []
    indices = range(len(ratings))
    return [(a, b, ratings[a] - ratings[b]) for a in indices for b in indices if ratings[a] > ratings[b]]


class PreferenceReading:
    """One row as it is read."""

    def __init__(self, row: Row, reader: PreferenceReader) -> None:
        self.row, self.columns = row, reader.columns
        self.pairing: Pairing = reader.pairing
        self.form = _form_of(row, reader)
        self.used: set[str] = set()
        self.several = False
        """Whether the better and the worse response are lists, be it of one."""

    # -- the five ways ------------------------------------------------------------------------------------------------

    def single(self) -> tuple[Responses, float] | None:
        """The one response of a row and its rating; None where the row holds several."""
        if self.form.response is None:
            if self.form.name != "auto" or self._two() or self._list() or self._chosen() or self._half():
                return None
            response = self._named("response", forms.SINGLE)
            rating = self._named("rating", forms.SINGLE_RATINGS)
            if response is None or rating is None:
                return None
        else:
            response, rating = self.form.response, self.form.rating or self._named("rating", forms.SINGLE_RATINGS)
        value = get(self.row, response)
        held = get(self.row, rating) if rating else None
        if isinstance(held, str) and held.strip().lower() in ("true", "false"):
            held = held.strip().lower() == "true"
        number = float(held) if isinstance(held, bool) else number_of(held)
        if number is None:
            raise _wrong(rating or "rating", f"must be a number, got {type_of(held)}")
        self.used.update((response, str(rating)))
        return Responses(*self.answers([response], [value])), number

    def labelled(self) -> _Labelled:
        """The responses of a row and which are better."""
        if pair := self._chosen():
            return self._of_chosen(*pair)
        if two := self._two():
            return self._of_two(*two)
        if column := self._list():
            return self._of_list(column)
        if half := self._half():
            has, lacks = half
            raise SampleError(
                "missing_field", f"column {lacks!r} is missing beside {has!r}; the row's columns are: {self._has()}"
            )
        raise SampleError(
            "missing_field",
            "column 'chosen' is missing, and there are neither two responses with a preference nor a list of rated "
            f"ones; the row's columns are: {self._has()}",
        )

    def all_responses(self) -> tuple[list[str], list[Any]]:  # any: JSON values
        """Columns and values of all responses, without asking which is better."""
        column = self.columns.get("responses") or (self._list() or None)
        if column is not None:
            values = _listed(get(self.row, column))
            if values is None or len(values) < 2:
                raise _wrong(column, "must be a list of at least two texts")
            self.used.add(column)
            return [f"{column}[{place}]" for place in range(len(values))], [self._item(value) for value in values]
        columns = self._chosen() or self._two()
        if columns is None:
            raise SampleError("missing_field", f"column 'responses' is missing; the row's columns are: {self._has()}")
        self.used.update(columns)
        return list(columns), [get(self.row, name) for name in columns]

    # -- each of them -------------------------------------------------------------------------------------------------

    def _of_chosen(self, better: str, worse: str) -> _Labelled:
        self.used.update((better, worse))
        values = [get(self.row, name) for name in (better, worse)]
        one, other = map(_texts, values)
        self.several = any(isinstance(value, list) and not all(map(is_turn, value)) for value in values)
        columns = [f"{better}[{n}]" if len(one) > 1 else better for n in range(len(one))]
        columns += [f"{worse}[{n}]" if len(other) > 1 else worse for n in range(len(other))]
        prompt, texts = self.answers(columns, [*one, *other])
        margin = self._margin(better, worse)
        order = [(a, len(one) + b, margin) for a in range(len(one)) for b in range(len(other))]
        return _Labelled(prompt, texts, order)

    def _of_two(self, first: str, second: str) -> _Labelled:
        self.used.update((first, second))
        if isinstance(turns := _texts_of_turns(get(self.row, first)), list):
            return self._of_turn_lists(first, second, turns)
        prompt, texts = self.answers([first, second], [get(self.row, first), get(self.row, second)])
        return _Labelled(prompt, texts, self._two_order(first, second, texts))

    def _of_turn_lists(self, first: str, second: str, turns: list[str]) -> _Labelled:
        """Two conversations of which questions and answers stand in lists of their own, as Kaggle's arena has them."""
        asked = _texts_of_turns(next((get(self.row, path) for path in forms.PROMPTS if get(self.row, path)), None))
        others = _texts_of_turns(get(self.row, second))
        if asked is None or others is None or not len(asked) == len(turns) == len(others):
            raise _wrong(first, "is a list of turns, and there are not as many questions")
        both = [
            [{"role": role, "content": text} for pair in zip(asked, said, strict=True)
             for role, text in zip(("user", "assistant"), pair, strict=True)]
            for said in (turns, others)
        ]  # fmt: skip
        prompt, texts = answers_of(both, [first, second], None, self.system())
        return _Labelled(prompt, texts, self._two_order(first, second, texts))

    def _two_order(self, first: str, second: str, texts: Sequence[str]) -> list[tuple[int, int, float | None]]:
        choice = choice_of(self.row, self.form, (first, second), texts, self.columns)
        if choice.better is None:
            return []
        return [(choice.better, 1 - choice.better, choice.margin)]

    def _of_list(self, column: str) -> _Labelled:
        self.used.add(column)
        values = _listed(get(self.row, column))
        if values is None or len(values) < 2:
            raise _wrong(column, "must be a list of at least two")
        columns = [f"{column}[{place}]" for place in range(len(values))]
        prompt, texts = self.answers(columns, [self._item(value) for value in values])
        index = self.form.index
        if index is not None:
            best = number_of(get(self.row, index))
            if best is None or best != int(best) or not 0 <= best < len(values):
                raise _wrong(index, f"must be the number of one of {len(values)}, got {get(self.row, index)!r}")
            return _Labelled(prompt, texts, [(int(best), n, None) for n in range(len(values)) if n != best])
        ratings = self._ratings(column, values)
        rated = [place for place, rating in enumerate(ratings) if rating is not None]
        if len(rated) < 2:
            raise _wrong(f"{column}[0].{self.form.ratings or 'rating'}", "must be a number for two of them at least")
        order = _order([float(ratings[place] or 0) for place in rated], self.pairing)
        return _Labelled(prompt, texts, [(rated[a], rated[b], by if self.form.margins else None) for a, b, by in order])

    def _ratings(self, column: str, values: Sequence[Any]) -> list[float | None]:  # any: JSON values
        """The rating of each response of a list, more being better; None where it has none."""
        named = self.form.ratings
        for name in [named] if named and get(self.row, named) is not None else forms.RATING_LISTS:
            listed = _listed(get(self.row, name))
            if listed is not None and len(listed) == len(values):
                return [_signed(number_of(one), name) for one in listed]
        for key in [named] if named else forms.RATING_KEYS:
            ratings = [_rating_in(value, key) for value in values]
            if any(one is not None for one in ratings):
                lacking = next((n for n, one in enumerate(ratings) if one is None), None)
                if lacking is not None and key != "annotations":
                    value = values[lacking].get(key) if isinstance(values[lacking], Mapping) else None
                    raise _wrong(f"{column}[{lacking}].{key}", f"must be a number, got {type_of(value)}")
                return [_signed(one, key) for one in ratings]
        keys = " or ".join(forms.RATING_KEYS[:3])
        raise _wrong(
            f"{column}[0]", f"has no rating that is a number ({keys}, ...); --map ratings=NAME says where it is"
        )

    # -- where --------------------------------------------------------------------------------------------------------

    def _chosen(self) -> tuple[str, str] | None:
        form = self.form
        if form.chosen and form.rejected:
            rejected = form.rejected
            if form.name == "ms-swift" and get(self.row, rejected) is None:
                rejected = "rejected_messages"
            return (form.chosen, rejected) if self._holds(form.chosen) and self._holds(rejected) else None
        if form.chosen or form.rejected:  # one of them was named
            pairs = [(form.chosen or one, form.rejected or other) for one, other in forms.CHOSEN]
        elif form.first or form.responses or form.response:
            return None
        else:
            pairs = list(forms.CHOSEN)
        return next((pair for pair in pairs if all(map(self._holds, pair))), None)

    def _half(self) -> tuple[str, str] | None:
        """A column of the better response without the other, or the other way round."""
        pairs = [(self.form.chosen or "chosen", self.form.rejected or "rejected")]
        for one, other in (*pairs, *((b, a) for a, b in pairs)):
            if self._holds(one) and not self._holds(other):
                return one, other
        return None

    def _holds(self, column: str) -> bool:
        value = get(self.row, column)
        return isinstance(value, str | list | Mapping) and value != []

    def _two(self) -> tuple[str, str] | None:
        form = self.form
        if form.first and form.second:
            return form.first, form.second
        if form.responses or form.response:
            return None
        for stem in forms.STEMS:
            for one, other in forms.SUFFIXES:
                if self._holds(f"{stem}{one}") and self._holds(f"{stem}{other}"):
                    return f"{stem}{one}", f"{stem}{other}"
        return None

    def _list(self) -> str | None:
        if self.form.responses:
            return self.form.responses
        if self.form.first or self.form.response:
            return None
        return next((name for name in forms.LISTS if _listed(self.row.get(name))), None)

    def _named(self, name: str, paths: Iterable[str]) -> str | None:
        if name in self.columns:
            return self.columns[name]
        return next((path for path in paths if get(self.row, path) is not None and path not in self.used), None)

    def _item(self, value: Any) -> Any:  # any: a JSON value
        """A response of a list, without what else its object holds."""
        return text_in(value, "response") if isinstance(value, Mapping) and not is_turn(value) else value

    # -- the prompt ---------------------------------------------------------------------------------------------------

    def answers(self, columns: Sequence[str], values: Sequence[Any]) -> tuple[Turns, list[str]]:  # any: JSON values
        """The prompt of some responses, and the text of each."""
        return answers_of(values, columns, self.prompt(), self.system())

    def prompt(self) -> Turns | None:
        """The prompt of the row's own columns, with its system message; None where it has no such column."""
        if "prompt" in self.columns:
            column = self.columns["prompt"]
            value = None if column is None else get(self.row, column)
            if column is not None and value is None:
                raise SampleError("missing_field", f"column {column!r} is missing, which was named for the prompt")
        else:
            paths = (*self.form.prompt, *forms.PROMPTS)
            column = next((name for name in paths if name not in self.used and self._may_ask(name)), None)
            value = None if column is None else get(self.row, column)
        if column is None or value is None:
            return None
        turns = self._whole(value, column)
        system = self.system()
        return turns if turns[: len(system)] == system else system + turns

    def _may_ask(self, column: str) -> bool:
        """Whether a column holds something, and of the less usual ones something that is read."""
        value = get(self.row, column)
        if column in _SURE or column in self.form.prompt or not isinstance(value, list):
            return (
                bool(value) if not isinstance(value, Mapping) or column in self.form.prompt else _text_of(value) != ""
            )
        return bool(value) and all(map(is_turn, value))

    def _whole(self, value: Any, column: str) -> Turns:  # any: a JSON value
        """A prompt with what other columns add to it."""
        if isinstance(value, Mapping) and not is_turn(value):
            value = _text_of(value)
            if value == "":
                raise _wrong(column, "must be text or a list of messages, got dict")
        if column.startswith("info.") and isinstance(value, str):
            return turns_of(_post(self.row["info"], value), column)
        if "prompt" not in self.columns and column != "input" and (more := self.row.get("input")) is not None:
            if not isinstance(more, str):
                if not self.form.prompt:
                    raise _wrong("input", f"must be text, got {type_of(more)}")
            elif more.strip():
                if not isinstance(value, str):
                    raise _wrong("input", f"stands beside {column!r}, which is no text; only one can be the prompt")
                value = value if more.strip() in value else f"{value}\n\n{more}"
        turns = turns_of(value, column)
        while len(turns) > 1 and turns[-1].role == "assistant" and self._answered(column):
            turns = turns[:-1]
        return self._earlier(column) + turns

    def _answered(self, column: str) -> bool:
        """Whether a conversation's last turn is the response and not the prompt's."""
        return column in ("messages", "conversations", "conversation", "dialogue") and "prompt" not in self.columns

    def _earlier(self, column: str) -> Turns:
        """Earlier turns in a list of question and answer beside the prompt, as LLaMA-Factory's `history` has them."""
        history = self.row.get("history")
        if column == "history" or not isinstance(history, list) or not history:
            return ()
        pairs = [one for one in history if isinstance(one, list) and len(one) == 2]
        if len(pairs) != len(history):
            return ()
        roles = ("user", "assistant")
        return tuple(
            Message(role=role, content=str(text)) for one in pairs for role, text in zip(roles, one, strict=True)
        )

    def system(self) -> Turns:
        """The system message of a row's own column, or none."""
        column = self._named("system", forms.SYSTEMS)
        value = None if column is None else get(self.row, column)
        if value is None:
            return ()
        if not isinstance(value, str):
            raise _wrong(str(column), f"must be text, got {type_of(value)}")
        return (Message(role="system", content=value),) if value.strip() else ()

    def text(self, paths: Iterable[str], name: str) -> str:
        """What a row says of itself: its source, its id."""
        column = self._named(name, paths)
        value = None if column is None else get(self.row, column)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def _margin(self, better: str, worse: str) -> float | None:
        if "margin" in self.columns or self.row.get("margin") is not None:
            column = self.columns.get("margin", "margin")
            value = None if column is None else get(self.row, column)
            number = number_of(value)
            if column is not None and value is not None and number is None:
                raise _wrong(column, f"must be a number, got {type_of(value)}")
            return number
        names = {(better, worse), (better.partition("_")[0], worse.partition("_")[0])}
        for stem, sep, (one, other) in product(("score", "rating", "avg_rating", "reward"), "_-", sorted(names)):
            for first, second in ((one + sep + stem, other + sep + stem), (stem + sep + one, stem + sep + other)):
                a, b = number_of(self.row.get(first)), number_of(self.row.get(second))
                if a is not None and b is not None:
                    return a - b if a > b else None
        return None

    def _has(self) -> str:
        return ", ".join(sorted(map(str, self.row))) or "none"


def _form_of(row: Row, reader: PreferenceReader) -> Form:
    """The form that was named, that of the columns that were, or the first that the row has the columns of."""
    named = {_RESPONSES[name]: path for name, path in reader.columns.items() if name in _RESPONSES and path}
    if named:
        return replace(Form(name="map"), **named)  # type: ignore[arg-type]  # all of them are paths
    if reader.form != "auto":
        return FORM_BY_NAME[reader.form]
    return next(
        (
            form
            for form in _possible(tuple(row))
            if any(all(get(row, path) is not None for path in need) for need in form.needs)
        ),
        _ANY,
    )


_ANY = Form()


@lru_cache(maxsize=512)
def _possible(keys: tuple[str, ...]) -> tuple[Form, ...]:
    """The forms that a row with some columns may have, before its values are looked at."""
    there = frozenset(keys)
    starts = {path: str(parse_path(path)[0]) for form in FORMS for need in form.needs for path in need}
    return tuple(
        form for form in FORMS if any(all({path, starts[path]} & there for path in need) for need in form.needs)
    )


_SURE = ("prompt", "instruction", "question", "query", "input")
"""Columns that hold the prompt wherever they hold anything."""


def _text_of(value: Mapping[str, Any]) -> Any:  # any: a JSON value
    """What an object says of a prompt: its text or its messages; empty where it says none."""
    if is_turn(value):
        return [value]
    return next((value[key] for key in ("full_text", "messages", "text", "content") if value.get(key)), "")


def _listed(value: Any) -> list[Any] | None:  # any: JSON values
    """A list, also one that is written as JSON, or as a table of columns the way Arrow keeps a list of objects."""
    if isinstance(value, str):
        value = read_text(value) if value.lstrip()[:1] in ("[", "{") else None
    if isinstance(value, Mapping) and value and all(isinstance(column, list) for column in value.values()):
        if len({len(column) for column in value.values()}) == 1:
            return [dict(zip(value, items, strict=True)) for items in zip(*value.values(), strict=True)]
        return None
    return value if isinstance(value, list) else None


def _texts(value: Any) -> list[Any]:  # any: a JSON value
    """One response, or several that are equally good: a list of texts, or of objects that are no messages."""
    if isinstance(value, list) and value and not all(map(is_turn, value)):
        return list(value)
    return [value]


def _texts_of_turns(value: Any) -> list[str] | None:  # any: a JSON value
    """The texts of a list that is written as JSON; None of anything else."""
    texts = read_text(value) if isinstance(value, str) and value[:1] == "[" else value
    return texts if isinstance(texts, list) and texts and all(isinstance(one, str) for one in texts) else None


def _post(info: Mapping[str, Any], text: str) -> str:
    """A post as summaries of it are asked for."""
    parts = [("SUBREDDIT: r/", info.get("subreddit")), ("TITLE: ", info.get("title")), ("POST: ", text)]
    return "\n\n".join(f"{name}{value}" for name, value in parts if value) + "\n\nTL;DR:"


def _rating_in(value: Any, key: str) -> float | None:  # any: a JSON value
    """A rating in an object of a list; of several annotated aspects their mean."""
    rating = value.get(key) if isinstance(value, Mapping) else None
    if key == "annotations" and isinstance(rating, Mapping):
        aspects = [number_of(one.get("Rating") if isinstance(one, Mapping) else one) for one in rating.values()]
        known = [one for one in aspects if one is not None]
        return math.fsum(known) / len(known) if known else None
    return number_of(rating)


def _signed(rating: float | None, name: str) -> float | None:
    return None if rating is None else -rating if name in forms.RANKS else rating


def _wrong(column: str, what: str) -> SampleError:
    return SampleError("wrong_type", f"column {column!r} {what}")
