"""What a reply says beside its verdict: another verdict, a refusal, a withdrawal.

A reply that says two things says nothing, whichever came first. What remains of it outside the verdict may be a
restatement or a justification. It is read by form (labels, first-person ratings, refusals in ten languages), not by
meaning: a judge that contradicts itself in other words is not caught, and one that uses these forms of something else
is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .asking import UnclearError

if TYPE_CHECKING:
    from .question import Field

_TWO = "the reply says one thing in its verdict and another beside it"

_LABELS = frozenset(
    "verdict judgment judgement decision conclusion grade score rating result mark final overall total revised "
    "corrected updated adjusted new actual true answer evaluation assessment value points stars my the".split()
)
"""Words of which a key is made that names a verdict. One with any other word (`clarity_rating`) names a part."""
_OF_ALL = frozenset("is was the response answer verdict final overall judgment judgement".split())


def check_keys(others: Mapping[str, Any], field: Field, verdict: str | float, *, alone: bool) -> None:  # any: JSON
    """Raise UnclearError where another key of a verdict's object says otherwise.

    Args:
        others: The object without its fields, code and reasons.
        field: What was asked.
        verdict: What the object says of it.
        alone: Whether nothing else was asked. If other things were, a word may be about one of those.
    """
    distinct = (alone and len(max(field.words, key=len, default="")) > 3) or {*field.words} >= {"A", "B"}
    for key, value in _leaves("", others):
        parts = [part for part in re.split(r"[\W_]+", key) if part]
        named = len(field.name) > 2 and field.name in key
        label = alone and {*parts} <= _LABELS
        said: object = None
        if isinstance(value, bool):
            # `is_correct: false`: the word is in the key.
            if alone and parts and {*parts[:-1]} <= _OF_ALL and parts[-1] in map(plain, field.words):
                if (parts[-1] == plain(str(verdict))) is not value:
                    raise UnclearError(_TWO)
            elif not (named or label):
                continue
            said = value
        elif isinstance(value, str) and field.words:
            said = value if named or label or distinct else None
        elif named or label:
            number = re.fullmatch(r"\W*(-?\d+(?:\.\d+)?)(?:\s*/\s*\d+)?\W*", value) if isinstance(value, str) else None
            said = float(number[1]) if number else value
        other: str | float = verdict
        with suppress(UnclearError):
            other = field.read(said)
        if other != verdict:
            raise UnclearError(_TWO)


def _leaves(key: str, value: object) -> Iterator[tuple[str, object]]:
    """Values within values, each with the name next to it; numbers in a list have none."""
    nested = [(key, value)]  # a stack: a judge may nest deeper than Python calls
    while nested:
        key, value = nested.pop()
        if isinstance(value, Mapping):
            nested += [(str(name), one) for name, one in value.items()]
        elif isinstance(value, list):
            nested += [(key, one) for one in value if isinstance(one, str | Mapping | list)]
        else:
            yield key, value


def texts(value: object) -> list[str]:
    """The strings in a JSON value."""
    return [one for _, one in _leaves("", value) if isinstance(one, str)]


_SAYS = (
    r"(?:(?:verdict|judge?ment|decision|conclusion|grade|score|rating|result\]?|winner|boxed"
    r"|(?:final|overall|total)\s+mark|(?:final|my)\s+(?:choice|pick|preference))\W{0,8}"
    r"(?:(?:it|this|that|the\s+(?:response|answer))\s+)?(?:(?:is|was|(?:should|must|would)\s+be)\b\W{0,4})?|\[\[\s*)"
)
_JUDGED = (
    r"\b(?:(?:is|was|(?:should|must)\s+be)\s+(?:\w+ly\s+|thus\s+)?|I(?:'ve|\s+have)?\s+)"
    r"(?:judged|deemed|marked|graded|rated|considered)\s+(?:to\s+be\s+|as\s+|it\s+)?"
)

# A rating in the first person, or of what is judged; "gives 3 examples" and "a 5 would need more" are none.
_MARK = r"(?:score|rating|grade|mark)"
_IT = (
    r"(?:it|this|that|them|(?:the|this)\s+(?:response|answer|one)"
    rf"|(?:the|my)\s+(?:final\s+|overall\s+)?{_MARK})"
)
_TO = r"(?:\s+(?:up|down|from\s+\d+|to|at|as|with|only|just|about|rather|an?|the|score|rating|grade|mark|of))*"
_RATES = (
    (
        r"\bI(?:['’](?:d|ll|ve|m))?\s+(?:(?!not\b|never\b|almost\b|nearly\b|cannot\b)\w+\s+){0,3}?"
        r"(?:giv(?:e|ing)|gave|rat(?:e|ed|ing)|scor(?:e|ed|ing)|mark(?:ed)?|grade[d]?|assign(?:ed)?|award(?:ed)?"
        rf"|lower(?:ed)?|raise[d]?|reduce[d]?|change[d]?|revise[d]?|adjust(?:ed)?|say)(?:\s+{_IT})?{_TO}\s+"
    ),
    rf"\b(?:change|lower|raise|reduce|revise|update|adjust|correct|set)\s+{_IT}{_TO}\s+",
    rf"\b(?:deserves|merits|warrants|rates)(?:\s+(?:only|just|rather))?(?:\s+(?:an?|the)(?:\s+{_MARK}\s+of)?)?\s+",
    rf"\b(?:receives|gets|earns)\s+(?:only\s+)?an?\s+(?:{_MARK}\s+of\s+)?",
    r"(?:给|打|评|改为|应为)[^\d\s。，]{0,6}\s*(?=\d+(?:\.\d+)?\s*分)",
    r"\b(?:doy|pongo|dou|donne|mets|gebe|vergebe|ставлю)\s+(?:\w+\s+){0,3}",
)
_RATES_AFTER = (
    # "a 2", but not of "I did not give it a 5" and "rather than a 5".
    (
        r"(?:^|[.!?;])(?:(?!not\b|n['’]t|never\b|than\b|between\b|consider|almost|nearly|hesitat)"
        r"[^.!?;\n\d]){0,80}?\ban?\s+"
    ),
    r"\b(?:go\s+with|settle\s+on|should\s+be|is\s+(?:actually|really|now))\s+",
    r"^\W{0,8}(?:(?:so|actually|final|overall|total|corrected|revised)\W+){1,2}",
)
_NUMBER = r"(?:\(\d+\s*(?:-|–|to)\s*\d+\)\W{0,4})?(-?\d++(?:\.\d++)?)(?!\s*(?:-|–|to)\s*\d)"
_IF = (
    r"(?!\s+(?:would|could|might|requires?|needs?|means?|is\s+reserved|if|unless)\b"
    r"|[^.!?\n]{0,80}\b(?:if|unless|had\s+it)\b)"
)
_RATING_ENDS = (
    r"(?=\s*(?:[^\w\s]|$|分|points?\b|stars?\b|out\s+of\b|of\s+\d"
    r"|(?:because|since|as|at|for|due|on|in|and|but|instead|rather|overall|now)\b))"
)

_QUOTED = re.compile(r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|«[^»\n]{1,400}»|「[^」\n]{1,400}」|„[^“”\n]{1,400}[“”]")
_VERDICT = r"(?:verdict|judge?ment|score|rating|assessment|evaluation|grade|decision)"
_JUDGE = r"(?:evaluate|assess|judge|rate|grade|score|determine|decide)"
_REFUSALS = re.compile(
    r"\bI(?:['’]m|\s+am|\s+was)?\s+(?:\w+\s+){0,2}?(?:cannot|can\s*not|can['’]?t|could\s*not|couldn['’]t|unable\s+to"
    r"|not\s+able\s+to|won['’]t|will\s+not|decline\s+to|refuse\s+to)\s+(?:\w+\s+){0,2}?"
    r"(?:(?:evaluate|assess|judge|rate|grade|score|assist|help|comply|decide)\b"
    r"(?=\s*(?:[^\w\s]|$|with|this|that|it|these|such|content|responses?|answers?|you|between"
    r"|(?:the|either|any)\s+(?:two|pair|material|request|question|content|responses?|answers?|quality)\b))"
    r"(?!\s+(?:it|this|(?:the|this)\s+\w+)\s+(?:any\s+)?(?:higher|lower|above|below|better|more|as|beyond|under))"
    rf"|(?:give|provide|offer|make|reach|render)\s+(?:you\s+|it\s+)?(?:an?|any|the|my)\s+(?:\w+\s+){{0,2}}{_VERDICT}\b"
    r"(?!\s+(?:of|above|below|higher|lower|better|than)\b))"
    r"|\bas\s+an\s+AI\b|(?:\bnot|n['’]t)\s+(?:feel\s+)?comfortable\s+\w*ing\b"
    r"|\b(?:violates|against)\s+(?:my|our)\s+(?:guidelines|polic\w+)"
    rf"|(?<!that\sthere\sis\s)\b(?:not\s+enough|insufficient)\s+(?:information|context)\s+to\s+{_JUDGE}\b"
    rf"|(?:^|[.:!]\s+)unable\s+to\s+{_JUDGE}\b"
    rf"|{_VERDICT}\W{{1,8}}(?:is\W{{1,4}})?(?:unable|undetermined|indeterminate|inconclusive|undecided|unknown|n/a)\b"
    r"|(?:^|[\s。，,；;！!]|我|实在|因此|所以)(?:无法|不能|拒绝|没办法)(?:对.{0,12})?(?:进行|给出|作出|做出)?"
    r"(?:评价|评估|评判|评分|打分|判断|判定|协助|提供帮助)"
    r"|\bno\s+puedo\s+(?:evaluar|juzgar|calificar|puntuar|ayudar)"
    r"|\bnão\s+(?:posso|consigo)\s+(?:avaliar|julgar|pontuar|ajudar)"
    r"|\bje\s+ne\s+(?:peux|puis)\s+(?:pas\s+)?(?:vous\s+)?(?:évaluer|juger|noter|aider)"
    r"|\bnon\s+posso\s+(?:valutare|giudicare|aiutare)"
    r"|\bich\s+kann\s+(?:\w+\s+){0,5}nicht\s+(?:bewerten|beurteilen|einschätzen|helfen|weiterhelfen)"
    r"|\bне\s+могу\s+(?:\w+\s+)?(?:оценить|оценивать|судить|помочь)"
    r"|(?:評価|判断|判定|採点)(?:すること)?(?:は|が)?でき(?:ません|ない)"
    r"|(?:평가|판단|채점)할\s*수\s*없|لا\s+(?:أستطيع|يمكنني)\s+(?:تقييم|الحكم|المساعدة)",
    re.IGNORECASE | re.MULTILINE,
)
_THIS = rf"(?:the|my|this|that)\s+(?:(?:above|previous|earlier|first|last)\b|(?:\w+\s+)?(?:{_VERDICT}|JSON)\b)"
_WITHDRAWALS = re.compile(
    rf"(?:^|[.;:!,]\s+|\bplease\s+|\bI\s+(?:\w+\s+){{0,2}}|\bshould\s+)"
    rf"(?:disregard|ignore|discard|scrap|strike|retract|withdraw|revoke)\s+{_THIS}"
    r"|\bI\s+(?:\w+\s+){0,2}(?:take\s+(?:it|that|this)\s+back|changed\s+my\s+mind|was\s+(?:wrong|mistaken)|misread|misjudged"
    r"|ma(?:ke|de)\s+(?:an?|the)\s+(?:\w+\s+)?(?:mistake|error))"
    rf"|{_THIS}\s+(?:above\s+)?(?:is|was|should\s+be|must\s+be)\s+(?:\w+ly\s+)?"
    r"(?:wrong|mistaken|false|invalid|void|withdrawn|an?\s+(?:mistake|error)|too\s+\w+|not\s+(?:right|correct)|changed|lowered|raised|revised)"
    r"|\bon\s+second\s+thoughts?\b|\b(?:scratch|strike)\s+that\b|\bmy\s+(?:mistake|bad|error)\b(?=[.,:!])"
    rf"|\bI\s+(?:have\s+to|must|need\s+to|should|will|want\s+to)\s+(?:revise|change|correct|reconsider)\s+{_THIS}"
    rf"|\b(?:not|n['’]t)\s+use\s+{_THIS}"
    r"|\bziehe\s+(?:\w+\s+){1,4}zurück\b"
    r"|(?:^|[.!?]\s+)(?:actually|wait|correction|hold\s+on|oops|edit|hmm|no(?=,))\b[^.!?\n]{0,80}"
    r"\b(?:is|was|are)\s+(?:\w+\s+)?(?:wrong|right|false|a\s+fail\w*)\b"
    r"|(?:收回|撤回|忽略|无视)(?:我|以上|上述|之前|前面|刚才)",
    re.IGNORECASE | re.MULTILINE,
)
_PREFERS = (
    r"(?:\bI(?:['’]d)?\s+(?:\w+\s+){0,2}?(?:prefer|go\s+with)\s+(?:(?:Response|Assistant|Answer|Model|Output)\s+)?([AB])\b"
    r"|(?<!nor )(?<!either )(?<!whether )(?<!if )\b([AB])\s+(?:wins\b"
    r"|(?:is|was)\s+(?:\w+ly\s+|much\s+)?(?:the\s+(?:winner|better)|better|superior|preferable|stronger|preferred)"
    r"(?=\W*$|[.,;!]|\s+(?:one|overall|because|since|here|than))))"
)


def check_refusal(around: str, after: str, quotable: str) -> None:
    """Raise UnclearError where a text around a verdict refuses one, or what follows takes it back.

    Args:
        around: All that stands outside reasoning and verdicts.
        after: What of it stands after the last verdict.
        quotable: The material of the question; what stands there, too, was quoted.
    """
    for unsays, text in ((_REFUSALS, around), (_WITHDRAWALS, after)):
        if any(one[0].strip() not in quotable for one in unsays.finditer(_QUOTED.sub("…", text))):
            raise UnclearError("the reply refuses, or takes its verdict back")


def check_text(around: str, after: str, field: Field, verdict: str | float, quotable: str) -> None:
    """Raise UnclearError where a text around a verdict gives another one.

    Args:
        around: All that stands outside reasoning and verdicts.
        after: What of it stands after the last verdict.
        field: What was asked.
        verdict: What the reply says.
        quotable: The material of the question; what stands there, too, was quoted.
    """

    def said_by(pattern: str, text: str, before: int = 0) -> list[str]:
        """What matches, but for quotations, by the match and so many characters before it."""
        spans = [(one[one.lastindex or 0], one.start() - before, one.end()) for one in re.finditer(pattern, text)]
        return [word for word, start, end in spans if start < 0 or text[start:end] not in quotable]

    others: list[str | float] = []
    if not field.words:
        others += [float(one) for one in said_by(rf"(?i:{_SAYS}){_NUMBER}{_IF}", around)]
        for forms, text in ((_RATES, around), (_RATES_AFTER, after)):
            for rates in forms:
                others += [float(one) for one in said_by(rf"(?im:{rates}){_NUMBER}{_RATING_ENDS}{_IF}", text)]
        others += [float(one) for one in said_by(rf"(?m)^[^\w\n]*{_NUMBER}\s*/\s*{field.high:g}[^\w\n]*$", around)]
    else:
        words = {plain(word): word for word in field.words}
        # A single letter is a word of English, too, where it is small.
        letters = [re.escape(w) if len(w) == 1 else f"(?i:{re.escape(w).replace('_', '[ _-]')})" for w in field.words]
        word = rf"((?:not\s+)?(?:{'|'.join(sorted(letters, key=len, reverse=True))}))(?![\w>=])"
        said = said_by(rf"(?i:{_SAYS}){word}", around)
        if len(max(field.words, key=len)) > 2:
            said += said_by(rf"(?i:{_JUDGED}){word}", around)
            said += [one for one in said_by(rf"(?<![\w>=]){word}", after, before=12) if len(one) > 1]
        if {"a", "b"} <= words.keys():
            said += said_by(_PREFERS, after)
        others += [words[plain(one)] for one in said if plain(one) in words]
        denied = [words[plain(one)[3:]] for one in said if plain(one) not in words]
        if verdict in denied:
            others.append("")
    if any(one != verdict for one in others):
        raise UnclearError(_TWO)


def plain(word: str) -> str:
    """A word without case, spaces, hyphens and the marks that models put around a verdict."""
    word = re.sub(r"^<(\w+)>$", r"\1", word.strip()).lstrip(_BEFORE).rstrip(_BEFORE + ".!])")
    return re.sub(r"[\s_-]", "", word).casefold()


_BEFORE = " \t\r\n\u200b\u2060\ufeff\ufe0f*`\"'[(✅✔✓"
