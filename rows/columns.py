"""Columns of a row that are called as ours are and may mean something else: `kind`, `language`, `tests`, `limits`.

A value that means what ours does is read, whatever its spelling (`English`, `Math`); another is left alone and named in
`Reading.foreign`, so that the summary says it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ..sandbox.languages import language as programming_language
from ..sandbox.limits import Limits
from ..verifiers.registry import is_known
from .values import read_text

_KINDS: Mapping[str, str] = {
    "mathematics": "math",
    "maths": "math",
    "coding": "code",
    "programming": "code",
    "program": "code",
    "multiple-choice": "choice",
    "multiple choice": "choice",
    "mcq": "choice",
    "puzzles": "puzzle",
    "json schema": "schema",
}
_SUBJECTS = frozenset(
    "algebra|prealgebra|precalculus|geometry|number theory|counting & probability|counting and probability|probability"
    "|intermediate algebra|calculus|combinatorics|statistics|arithmetic|trigonometry|analysis|linear algebra|logic"
    "|topology|inequalities|functions|physics|chemistry|biology|science|reasoning|word problem|word problems|other"
    "|easy|medium|hard|basic|advanced|train|test|dev|validation|response|question|answer|problem|proof|open|open ended"
    "|open-ended|numeric|numerical|integer|string|text|expression|rule|model|free form|free-form|short answer|qa|cot"
    "|instruct|rollout|sample|synthetic|original"
    "|limit|limits|series|sequence|sequences|integral|integrals|integration"
    "|derivative|derivatives|differentiation|differential equations|optimization|polynomials|matrices|vectors|sets"
    "|complex numbers|equation|equations|inequality|percentages|fractions|ratios|discrete|finance|economics|history|law"
    "|medicine|psychology|philosophy|engineering|business|health|computer science|short|long|final|chat|completion"
    "|standard|hard level|unknown|general knowledge|commonsense|knowledge|reading|word".split("|")
)
"""What data sets put into a column of that name and is no kind: subjects, difficulties, parts, forms of answers."""
_LIMITS = frozenset(field.name for field in dataclasses.fields(Limits))
_ISO = frozenset(
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja jv ka "
    "kk km kn ko ku ky la lb lo lt lv mg mi mk ml mn mr ms mt my nb ne nl nn no or pa pl ps pt ro ru rw sa sd si sk sl "
    "sn so sq sr su sv sw ta te tg th ti tk tl tn tr tt ug uk ur uz vi wo xh yi yo zh zu "
    "cmn yue zho eng jpn kor iw".split()
)
_CODES = (
    "afrikaans=af albanian=sq amharic=am arabic=ar armenian=hy azerbaijani=az basque=eu belarusian=be bengali=bn "
    "bosnian=bs bulgarian=bg burmese=my catalan=ca chinese=zh mandarin=zh cantonese=zh croatian=hr czech=cs "
    "danish=da dutch=nl english=en esperanto=eo estonian=et filipino=tl finnish=fi french=fr galician=gl "
    "georgian=ka german=de greek=el gujarati=gu hebrew=he hindi=hi hungarian=hu icelandic=is indonesian=id "
    "irish=ga italian=it japanese=ja kannada=kn kazakh=kk khmer=km korean=ko kurdish=ku latin=la latvian=lv "
    "lithuanian=lt macedonian=mk malay=ms malayalam=ml marathi=mr mongolian=mn nepali=ne norwegian=no persian=fa "
    "farsi=fa polish=pl portuguese=pt punjabi=pa romanian=ro russian=ru serbian=sr sinhala=si slovak=sk "
    "slovenian=sl somali=so spanish=es swahili=sw swedish=sv tagalog=tl tamil=ta telugu=te thai=th turkish=tr "
    "ukrainian=uk urdu=ur uzbek=uz vietnamese=vi welsh=cy yoruba=yo zulu=zu "
    "deutsch=de español=es français=fr italiano=it português=pt русский=ru "
    "中文=zh 汉语=zh 漢語=zh 日本語=ja 한국어=ko "
    "ara=ar ben=bn ces=cs deu=de ger=de ell=el fas=fa fra=fr fre=fr heb=he hin=hi ind=id ita=it nld=nl pol=pl "
    "por=pt ron=ro rus=ru spa=es swa=sw swe=sv tel=te tha=th tur=tr ukr=uk urd=ur vie=vi chi=zh"
)
_NAMES: Mapping[str, str] = {name: code for name, _, code in (pair.partition("=") for pair in _CODES.split())}


def kind_of(value: object) -> str | None:
    """The kind that a value names; None for what names none: a subject, a difficulty, a number.

    A word that is neither known nor one of those is a kind, which a package that is not installed may judge.

    >>> kind_of("Math"), kind_of("Algebra"), kind_of("unit-test")
    ('math', None, 'unit-test')
    """
    if not isinstance(value, str) or not value.strip():
        return None
    if is_known(value):
        return value
    folded = " ".join(value.strip().lower().replace("_", " ").split())
    folded = _KINDS.get(folded, folded)
    if is_known(folded):
        return folded
    return None if folded in _SUBJECTS or not folded[0].isalpha() or len(folded.split()) > 2 else value


def language_of(value: object) -> str | None:
    """The code of a human language by its code or name; None for what names none.

    >>> language_of("English"), language_of("zh-CN"), language_of("en"), language_of("python"), language_of("formal")
    ('en', 'zh-CN', 'en', None, None)
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    folded = text.lower().replace("_", "-")
    if folded.partition("-")[0] in _ISO:
        return text
    return _NAMES.get(folded.partition(" (")[0])


def is_outcome(tests: object) -> bool:
    """Whether a value under `tests` says how tests went, or how many there are, and is none itself.

    >>> is_outcome("passed"), is_outcome("3/3"), is_outcome("assert f(1) == 2"), is_outcome("[]")
    (True, True, False, False)
    """
    if isinstance(tests, str):
        return len(tests) <= 40 and _OUTCOME.fullmatch(tests) is not None
    return isinstance(tests, int | float | bool)


_OUTCOME = re.compile(r"\s*(?=[^A-Za-z/%]*[A-Za-z/%])(?!assert\b)[A-Za-z\d][\w /%.,-]*[\w%.]?\s*")


def program_language_of(value: object) -> str | None:
    """The name of a programming language that a sandbox runs."""
    known = programming_language(value) if isinstance(value, str) else None
    return None if known is None else known.name


def own_limits(value: object) -> dict[str, Any] | None:
    """Limits of a program as ours are written, also as JSON text; None for another data set's."""
    if isinstance(value, str):
        value = read_text(value)
    return dict(value) if isinstance(value, Mapping) and _LIMITS & value.keys() else None
