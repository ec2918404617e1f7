"""Chinese or Japanese: what Han characters are, decided by kana and by characters that only one of the two writes.

The legacy encodings of the two countries are a record of what each writes: a character that GB 2312 or Big5 holds and
JIS X 0208 does not is Chinese, and the other way round. Beside those there are characters that both hold and one
hardly uses. Runs of kana and of Han are then labelled by the cheapest path, as words are in `switching`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from .scripts import BY_NAME

_ONLY = 3.0
"""What a character that only one side's encodings hold says for it, in nats."""
_LEAN = 1.5
"""What a character says that the other side hardly writes."""
_KANA = 3.0
"""What one kana says for Japanese."""
_PLAIN = 0.15
"""What any other Han character says for Chinese, which is written in nothing else."""
_ONE_RUN = 12.0
_SWITCH, _SWITCH_AT_END = 2.5, 1.5

_CHINESE = frozenset(
    "的是了也他她它您你很都就而其且之此或把被从给还只能怎么什但若每些几又与吗呢吧啊哦哪那这谁咱俺们让叫该才最更已曾将即且着过"
    "得地和不没别再去来到说想看找做用如何因为所以于则并及非未啦嘛呀喝吃喊跑"
)
_JAPANESE = frozenset("々込畑働峠匂辻枠榊栃笹込総営単図団県広変対応説読売続絵歩歳実写斉黒予円価気検験権県鉄転伝払発")

_TOKENS = re.compile(
    f"(?P<kana>[{BY_NAME['hira'].letters}{BY_NAME['kana'].letters}]+)|(?P<han>[{BY_NAME['hani'].letters}]+)"
    "|(?P<end>[。！？!?；;\\n]+)|(?P<comma>[，,、：:「」“”]+)"
)


class HanRun(NamedTuple):
    """A run of Han or kana with its language."""

    start: int
    end: int
    language: str


@lru_cache(maxsize=32_768)
def lean(character: str) -> float:
    """What one Han character says: above zero for Chinese, below for Japanese.

    >>> lean("这") > 1, lean("込") < -1, abs(lean("人")) < 1
    (True, True, True)
    """
    chinese = _holds("gb2312", character) or _holds("big5", character)
    japanese = _holds("shift_jis", character)
    if chinese != japanese:
        return _ONLY if chinese else -_ONLY
    if character in _JAPANESE:
        return -_LEAN
    return _LEAN if character in _CHINESE else _PLAIN


def _holds(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def label(text: str, expected: str | None, among: Sequence[str]) -> list[HanRun]:
    """The runs of Han and kana of a text, each with `zh` or `ja`.

    Without kana and with nothing that only Japanese writes all Han is `expected`'s if that is Japanese and nothing
    speaks for Chinese, else Chinese.
    """
    tokens = [(match.lastgroup, match.start(), match.end()) for match in _TOKENS.finditer(text)]
    runs = [(kind, start, end) for kind, start, end in tokens if kind in ("kana", "han")]
    if "ja" not in among:
        return [HanRun(start, end, "ja" if kind == "kana" else "zh") for kind, start, end in runs]
    if "zh" not in among:
        return [HanRun(start, end, "ja") for _, start, end in runs]
    says = {piece: sum(map(lean, piece)) for piece in {text[start:end] for kind, start, end in runs if kind == "han"}}
    if not any(kind == "kana" for kind, _, _ in runs) and min(says.values(), default=0.0) >= 0.0:
        language = "zh" if expected != "ja" or sum(says.values()) > _ONE_RUN else "ja"
        return [HanRun(start, end, language) for _, start, end in runs]
    return _cheapest(text, tokens, says, expected)


def _cheapest(
    text: str, tokens: Sequence[tuple[str | None, int, int]], says: dict[str, float], expected: str | None
) -> list[HanRun]:
    """Two states, Chinese and Japanese; only the difference of their scores is carried along."""
    lead = 0.5 if expected == "zh" else -0.5 if expected == "ja" else 0.0
    cost = _SWITCH_AT_END
    steps: list[tuple[int, int, bool, bool]] = []  # start, end, came from Chinese if now Chinese, ... if now Japanese
    for kind, start, end in tokens:
        if kind == "end":
            cost = _SWITCH_AT_END
        elif kind == "comma":
            cost = min(cost, (_SWITCH + _SWITCH_AT_END) / 2)
        else:
            gain = -_KANA * (end - start) if kind == "kana" else says[text[start:end]]
            stay_chinese, from_chinese = lead >= -cost, lead >= cost
            lead = max(-cost, min(cost, lead)) + max(-_ONE_RUN, min(_ONE_RUN, gain))
            steps.append((start, end, stay_chinese, from_chinese))
            cost = _SWITCH
    chinese = lead >= 0
    runs = []
    for start, end, stay_chinese, from_chinese in reversed(steps):
        runs.append(HanRun(start, end, "zh" if chinese else "ja"))
        chinese = stay_chinese if chinese else from_chinese
    runs.reverse()
    return runs
