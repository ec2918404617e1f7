"""What a reply says before its verdict and in its reasons: a refusal, or another verdict.

What follows a verdict is judged by form alone (`question.py`): nothing may. Reasons are free text. Of them only what is
a conclusion by its form is compared: a labelled verdict ("Verdict: B", `[[3]]`), a rating in the first person, and the
last sentence that calls what is judged by one of the labels. A judge that contradicts itself in other words is not
caught, and one that uses these forms of something else is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .asking import UnclearError

if TYPE_CHECKING:
    from .question import Field

_PROSE = frozenset(
    "reason reasons reasoning rationale explanation explanations justification analysis feedback comment comments "
    "note notes evidence thought thoughts".split()
)
"""Words of which the key of a text is made that gives reasons, as `reasoning` and `c1_reason`."""


def prose_of(others: Mapping[str, Any]) -> str:  # any: JSON values
    """The texts of a verdict that are no field: its reasons, by one name or another.

    Args:
        others: The object without its code and its fields.

    Raises:
        UnclearError: There is a key that nobody asked for, and that may say anything.
    """
    texts: list[str] = []
    for key, value in others.items():
        lines = value if isinstance(value, list) else [value]
        if _PROSE.intersection(re.split(r"[\W_]+", key)) and all(isinstance(line, str) for line in lines):
            texts += lines
        elif key != "confidence" or not isinstance(value, str | int | float):
            raise UnclearError(f"the reply has a key {key[:60]!r}, which was not asked for")
    return "\n".join(texts)


_LONGEST = 40_000
"""Characters of text that are compared with a verdict, at most; a reply with more is unclear."""

_SAYS = (
    r"(?:(?:verdict|judge?ment|decision|grade|winner|(?:final|my)\s+(?:choice|pick|preference))\W{0,8}"
    r"(?:(?:it|this|that|the\s+(?:response|answer))\s+)?(?:(?:is|was|(?:should|must)\s+be)\b"
    r"(?:\s+(?:therefore|thus|hence|then|clearly|still))?\W{0,4})?"
    r"|(?:conclusion|score|rating|result\]?)\W{0,3}[:=]\W{0,6}|\\boxed\W{1,3}(?:text\W{1,2})?|\[\[\s*"
    r"|\b(?:(?:is|was|(?:should|must)\s+be)\s+(?:(?:\w+ly|thus|hence|therefore)\s+)?|I(?:'ve|\s+have)?\s+)"
    r"(?:judged|deemed|marked|graded|rated|considered)\s+(?:to\s+be\s+|as\s+|it\s+)?"
    r"|\bI\s+(?:(?:would|will|must|have\s+to|therefore|thus)\s+){0,2}(?:mark|judge|grade|rate|deem|consider|call)\s+"
    r"(?:it|this|(?:the|this)\s+(?:response|answer))\s+(?:as\s+|to\s+be\s+)?)"
)
"""What stands before a word that is meant as the verdict."""
_CONCLUDES = (
    r"(?:winner|verdict|decision|judge?ment|choice|pick|preferred|preference|better|best|answer|result|outcome|conclusion"
    r"|final|overall|total|assessment|evaluation|label|classification|ruling|grade|score|rating|mark"
    r"|\w*bewertung|urteil|ergebnis|fazit|note\s+finale|nota|puntuación|calificación|veredicto|verdetto|punteggio"
    r"|оценка|вердикт|评分|得分|结论|判定)"
)
_LINE = rf"^[^\w\n]*(?:\w+[ \t]+){{0,3}}?(?:最终|最后|综合|总)?{_CONCLUDES}(?:[ \t]+\w+)?[^\w\n]*[:=\uff1a–—-][^\w\n]*"
"""A line's label that names a conclusion, where the verdict is all the rest of the line."""

# A rating in the first person, or of what is judged; "gives 3 examples" and "clarity score: 5" are none.
_MARK = r"(?:score|rating|grade|mark)"
_IT = (
    r"(?:it|this|that|them|(?:the|this)\s+(?:response|answer|one)"
    rf"|(?:the|my)\s+(?:final\s+|overall\s+)?{_MARK})"
)
_TO = r"(?:\s+(?:up|down|from\s+\d+|to|at|as|with|only|just|about|rather|an?|the|score|rating|grade|mark|of))*"
_RATES = (
    (
        r"\bI(?:['’](?:d|ll|ve|m))?\s+(?:(?!(?:not|never|almost|nearly|cannot|an?|consider\w*|thought|tempted|going|about|meant|could|might)\b)"
        r"\w+\s+){0,3}?"
        r"(?:giv(?:e|ing)|gave|rat(?:e|ed|ing)|scor(?:e|ed|ing)|mark(?:ed)?|grade[d]?|assign(?:ed)?|award(?:ed)?"
        rf"|lower(?:ed)?|raise[d]?|reduce[d]?|change[d]?|revise[d]?|adjust(?:ed)?|say)(?:\s+{_IT})?{_TO}\s+"
    ),
    rf"\b(?:change|lower|raise|reduce|revise|update|adjust|correct|set)\s+{_IT}{_TO}\s+",
    rf"\b(?:deserves|merits|warrants|rates)(?:\s+(?:only|just|rather))?(?:\s+(?:an?|the)(?:\s+{_MARK}\s+of)?)?\s+",
    rf"\b(?:receives|gets|earns)\s+(?:only\s+)?an?\s+(?:{_MARK}\s+of\s+)?",
    r"(?:给|打|评|改为|应为)[^\d\s。，]{0,6}\s*(?=\d+(?:\.\d+)?\s*分)",
    r"\b(?:doy|pongo|dou|donne|mets|gebe|vergebe|ставлю)\s+(?:[^\W\d]+\s+){0,3}",
)
_EARNS = ("dese", "meri", "warr", "rate", "rece", "gets", "earn")
_ELSE = re.compile(r"\b(?:typical|average|perfect|ideal|usual|ordinary|another|reference)\b", re.IGNORECASE)
"""What else may deserve a rating."""
_SCORE = (
    rf"(?:(?:(?:^|[.;!?]\s)\W{{0,8}}|\b(?:final|overall|total|my|the)\W+)(?:{_MARK}|result|verdict)\b\W{{0,8}}"
    r"(?:(?:of|is|was|(?:should|must)\s+be)\b\W{0,4})?|\[\[\s*)"
)
_NUMBER = r"(?:\(\d+\s*(?:-|–|to)\s*\d+\)\W{0,4})?(-?\d++(?:\.\d++)?)(?!\s*(?:-|–|to)\s*\d)"
_IF = (
    r"(?!\s+(?:would|could|might|requires?|needs?|means?|is\s+reserved|if|unless)\b"
    r"|[^.!?\n]{0,80}\b(?:if|unless|had\s+it)\b"
    r"|\s+(?:for|on|in)\s+[^.!?\d\n]{1,60}(?:,|;|\band|\bbut)\s+(?:an?\s+)?\d)"
)
_RATING_ENDS = (
    r"(?=\s*(?:[^\w\s]|$|分|points?\b|stars?\b|out\s+of\b|(?:of|sobre|sur|su|de|von|из)\s+\d"
    r"|(?:because|since|as|at|for|due|on|in|and|but|instead|rather|overall|now)\b))"
)

_QUOTED = re.compile(
    r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|«[^»\n]{1,400}»|「[^」\n]{1,400}」|„[^“”\n]{1,400}[“”]"
    r"|(?<!\w)['‘][^'’\n]{1,400}['’](?!\w)"
)
_VERDICT = r"(?:verdict|judge?ment|score|rating|assessment|evaluation|grade|decision)"
_JUDGE = r"(?:evaluate|assess|judge|rate|grade|score|compare|determine|decide)"
_REFUSALS = re.compile(
    r"\bI(?:['’]m|\s+am|\s+was)?\s+(?:\w+\s+){0,2}?(?:cannot|can\s*not|can['’]?t|could\s*not|couldn['’]t|unable\s+to"
    r"|not\s+able\s+to|won['’]t|will\s+not|decline\s+to|refuse\s+to)\s+(?:\w+\s+){0,2}?"
    r"(?:(?:evaluate|assess|judge|rate|grade|score|compare|assist|help|comply|decide)\b"
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

# Words of which one stands in whatever a pattern matches: they are looked for first, which is far cheaper.
_REFUSAL_WORDS = (
    "cannot,can not,can't,can’t,cant,could not,couldn't,couldn’t,unable,able to,won't,won’t,will not,decline,refuse"
    ",as an ai,comfortable,violates,against,enough,insufficient,undetermined,indeterminate,inconclusive,undecided"
    ",unknown,n/a,无法,不能,拒绝,没办法,puedo,posso,consigo,ne peux,ne puis,nicht,не могу,でき,없,لا"
).split(",")
_LABELS = (
    "verdict,judg,decision,grade,winner,choice,pick,preferr,preference,conclusion,score,rating,result,boxed,[["
    ",deem,mark,rate,consider,call,better,best,answer,outcome,final,overall,total,assessment,evaluation,label"
    ",classification,ruling,bewertung,urteil,ergebnis,fazit,note finale,nota,puntuación,calificación,veredicto,verdetto"
    ",оценка,вердикт,评分,得分,结论,判定"
).split(",")

# Sentences that call what is judged by a word. The last one counts: who weighs says the other thing first.
_ADVERBS = (
    r"(?:(?:(?!(?:part|most|near|hard|bare)(?:ial)?ly\b)\w+ly|thus|hence|also|still|just|much|far|indeed|in\s+fact"
    r"|therefore|a|an|the)\s+)*"
)
_ENDS = (
    r"(?=[*\s\"”’')]*(?:$|[.;:!?(…]|[,—–-]+(?!\s*(?:but|though|although|except|however|if|unless|while|yet)\b|\w)"
    r"|(?:because|since|as|than|and|so|given|due|overall|here)\b))"
)
_ASIDE = r"(?:\s*\([^()\n]{1,200}\))?"
_CALLS = (
    r"\b(?:(?:(?:the|this|its|their|\w+['’]s)\s+(?:(?!reference|correct|right|true|gold|expected|standard|other)\w+\s+)?|(?<!\w\s))"
    rf"(?:response|answer|prediction|solution|submission|output){_ASIDE}"
    r"|(?:so|therefore|thus|hence|overall|reflection|actually|fact|conclusion|ultimately|means)[\s,]+(?:that\s+)?"
    r"(?:it|this|that)|it(?=\s+(?:is|was)\s+(?:\w+ly\s+)?(?:in|wrong|false|not)))"
    rf"\s+(?:is|was|(?:should|must|has\s+to)\s+be)\s+{_ADVERBS}"
)
_OF = r"(?:['’]s\s+(?:response|answer|solution|output))?"
_ONE = rf"(?:(?:Response|Assistant|Answer|Model|Output|Option)\s+)?\b([AB])\b\**{_OF}{_ASIDE}"
_WINS = (
    rf"{_ONE}\s+(?:wins\b|(?:is|was)\s+{_ADVERBS}(?:winner|better|best|superior|preferable|stronger|preferred)"
    r"(?:\s+(?:one|response|answer|choice|option))?)"
    rf"|\bI(?:['’]d)?\s+(?:\w+\s+){{0,2}}?(?:prefer|go\s+with|choose|pick)\s+{_ONE}"
    r"|\b(?i:it|this|that|both|two|they|responses|answers)(?:['’]s|\s+(?:is|are))\s+"
    rf"{_ADVERBS}(?:tie|draw|tied|equal|equally\s+good)\b"
)
_HEDGED = re.compile(
    r"\b(?:if|whether|although|though|while|unless|claim\w*|says|said|states?|argues?|asserts?|thinks?|believes?"
    r"|not|no|never|nothing|neither|nor|without|cannot|doubt|first|initially|seems?|appears?|asks?|asked|had|suppos\w+"
    r"|assum\w+|even|(?:wrong|false|mistaken|to)\s+(?:to\s+)?(?:say|call|think))\b|n['’]t\b",
    re.IGNORECASE,
)
"""What makes a clause no conclusion: a condition, a denial, others' words."""
_ASPECT = re.compile(
    r"(?:\A|\n)[^\w\n]*(?!overall|final|conclusion|summary|verdict|result|decision|winner|so\b|therefore)"
    r"\w[\w &/-]{1,40}\W{0,3}:\W*\Z",
    re.IGNORECASE,
)
"""A line's label, where it names one side of the matter, such as style."""
_TURNS = re.compile(r"[^.!?\n]{0,200}?\b(?:but|however|yet)\b[^.!?\n]{0,200}\b[AB]\b")
_OTHERS = re.compile(
    r"\b(?:stat\w+|claim\w*|says?|said|admits?|indicates?|responses?|answers?|models?)\b", re.IGNORECASE
)
"""Who else may have refused."""
_SAME = {"correct": r"right|accurate", "incorrect": r"wrong|inaccurate|false|not\s+(?:right|accurate)"}
"""Other words for the labels of a comparison with a reference."""
_ABROAD = {
    "correct": (
        r"(?<![考准确])(?:回答|答案|回复|应|判断|判定|结论)(?:应?该?[是为判]{1,2}定?为?|属于|[:：])?(?:完全|显然)?"
        r"(?:正确|对)的?(?![\w地])|\bAntwort\s+ist\s+(?:\w+\s+)?(?:richtig|korrekt)\b"
        r"|\bréponse\s+est\s+(?:donc\s+)?(?:juste|correcte)\b|\brespuesta\s+es\s+(?:\w+\s+)?correcta\b"
        r"|\bответ\s+(?:верн|правильн)\w+|回答は(?:正しい|正解)"
    ),
    "incorrect": (
        r"(?<![考准确])(?:回答|答案|回复|应|判断|判定|结论)(?:应?该?[是为判]{1,2}定?为?|属于|[:：])?(?:完全|显然)?"
        r"(?:不正确|错误|不对|错)的?(?![\w地])|\bAntwort\s+ist\s+(?:\w+\s+)?(?:falsch|inkorrekt|nicht\s+\w+)\b"
        r"|\bréponse\s+est\s+(?:donc\s+)?(?:fausse|incorrecte)\b|\brespuesta\s+es\s+(?:\w+\s+)?(?:incorrecta|errónea)\b"
        r"|\bответ\s+(?:не\s?верн|не\s?правильн|ошибочн)\w+|回答は(?:誤り|間違い|不正解)"
    ),
}


def check_prose(
    before: str, reasons: str, fields: Sequence[Field], verdict: Mapping[str, str | float], quotable: str
) -> None:
    """Raise UnclearError where a text before a verdict, or its reasons, refuse one or give another.

    Args:
        before: What stands before the verdict, outside reasoning.
        reasons: The reasons that stand in it.
        fields: What was asked.
        verdict: What the reply says.
        quotable: The material of the question; what stands there, too, was quoted.
    """
    if len(before) + len(reasons) > _LONGEST:
        raise UnclearError(f"the reply has more than {_LONGEST} characters beside its verdict and its reasoning")
    bare = _QUOTED.sub("…", f"{before}\n{reasons}")
    if _holds(bare, _REFUSAL_WORDS) and any(
        one[0].strip() not in quotable and not _OTHERS.search(_clause(bare, one)) for one in _REFUSALS.finditer(bare)
    ):
        raise UnclearError("the reply refuses to judge")
    labelled = f"{before}\n{_QUOTED.sub('…', reasons)}"
    for field in fields:
        if len(fields) > 1:
            others = _of_criterion(field, bare)
        elif not field.words:
            others = _ratings(field, labelled, quotable)
        else:
            others = [*_labelled(field, labelled, quotable), *_concluded(field, bare, quotable)]
        if any(not _agree(one, verdict[field.name]) for one in others):
            raise UnclearError("the reply says one thing in its verdict and another beside it")


def _agree(other: str | float, said: str | float) -> bool:
    """Whether a text says what the verdict does: its word, or only who is better; `!` denies a word."""
    if isinstance(other, str) and other.startswith("!"):
        return other[1:] != said
    return other == said or (isinstance(said, str) and other in ("A", "B", "=") and _better(said) == other)


def _better(word: str) -> str:
    return "=" if word in ("tie", "A=B") else word[0]


def _holds(text: str, words: Sequence[str]) -> bool:
    text = " ".join(text.lower().split())
    return any(word in text for word in words)


def _matches(pattern: str, text: str, quotable: str) -> list[re.Match[str]]:
    return [one for one in re.finditer(pattern, text) if one[0].strip() not in quotable]


def _clause(text: str, match: re.Match[str]) -> str:
    """What stands before a match in its clause."""
    return re.split(r"[.!?;:,\n。，；—]", text[max(0, match.start() - 200) : match.start()])[-1]


def _of_criterion(field: Field, text: str) -> list[str | float]:
    """The last that a text says of one criterion of several, by its name."""
    name = rf"\b(?i:{field.name}|criterion {field.name[1:]})\b"
    if field.words:
        met = r"(not\s+)?(met|fulfilled|satisfied|yes|no|unmet)\b"
        said = [
            "yes" if (one[2].casefold() in ("no", "unmet")) is bool(one[1]) else "no"
            for one in re.finditer(rf"{name}\W{{0,4}}(?:(?i:is|was|should\s+be)\s+)?(?i:{met})", text)
        ]
        return [*said[-1:]]
    is_ = r"(?:\s+(?i:is|was|should\s+be|gets|=)\s+|\**:[\s*]*)"
    grades = rf"{name}{is_}{_NUMBER}(?!\s*(?:/|of)\s*(?!{field.high:g}\b)\d){_RATING_ENDS}{_IF}"
    return [*[float(one[1]) for one in re.finditer(grades, text)][-1:]]


def _ratings(field: Field, text: str, quotable: str) -> list[str | float]:
    """The numbers that a text gives as its rating."""
    if not re.search(r"\d", text):
        return []
    patterns = [f"(?im:{_SCORE}){_NUMBER}{_IF}", *(f"(?im:{one}){_NUMBER}{_RATING_ENDS}{_IF}" for one in _RATES)]
    patterns.append(rf"(?im){_LINE}{_NUMBER}[ \t]*(?:(?:/|out[ \t]+of)[ \t]*\d+)?[^\w\n]*$")
    patterns.append(rf"(?m)^[^\w\n]*(?:{_NUMBER}\s*/\s*{field.high:g}|\\boxed\W{{1,3}}{_NUMBER})[^\w\n]*$")
    matches = [one for pattern in patterns for one in _matches(pattern, text, quotable)]
    return [
        float(one[one.lastindex or 1])
        for one in matches
        if not (one[0][:4].lower() in _EARNS and _ELSE.search(_clause(text, one)))
    ]


def _labelled(field: Field, text: str, quotable: str) -> list[str | float]:
    """The words that a text gives as its verdict."""
    if not _holds(text, _LABELS):
        return []
    words = {plain(word): word for word in field.words}
    # A single letter is a word of English, too, where it is small.
    letters = [re.escape(w) if len(w) == 1 else f"(?i:{re.escape(w).replace('_', '[ _-]')})" for w in field.words]
    word = rf"((?i:not\s+)?)({'|'.join(sorted(letters, key=len, reverse=True))})(?![\w>=])"
    matches = _matches(rf"(?i:{_SAYS}){word}", text, quotable)
    one = r"(?i:(?:response|assistant|answer|model|option)[ \t]+)?"
    matches += _matches(rf"(?im:{_LINE}){one}{word}(?m:[^\w\n]*$)", text, quotable)
    return [("!" if one[1] else "") + words[plain(one[2])] for one in matches]


def _concluded(field: Field, text: str, quotable: str) -> list[str | float]:
    """What the last sentence of a text that calls what is judged by one of the words says."""
    said: list[tuple[int, str]] = []

    def look(pattern: str) -> list[re.Match[str]]:
        return [one for one in _matches(pattern, text, quotable) if not _HEDGED.search(_clause(text, one))]

    if {*"AB"} <= {*"".join(field.words)}:
        for one in look(f"(?m:(?:{_WINS}){_ENDS})"):
            # Not of one side of the matter, nor half of a comparison.
            head = text[max(0, one.start() - 60) : one.start()]
            if not _TURNS.match(text, one.end()) and not _ASPECT.search(head):
                said.append((one.start(), next((part for part in one.groups() if part), "=")))
    elif max(map(len, field.words)) > 3:
        opposite = {"correct": "incorrect", "incorrect": "correct"} if {*_SAME} <= {*field.words} else {}
        called = [
            re.escape(word).replace("_", r"[\s_-]") + (f"|{_SAME[word]}" if word in opposite else "")
            for word in field.words
        ]
        for one in look(f"(?im:{_CALLS}(not\\s+{_ADVERBS})?(?:{'|'.join(f'({word})' for word in called)}){_ENDS})"):
            word = next(word for word, part in zip(field.words, one.groups()[1:], strict=True) if part)
            said.append((one.start(), opposite.get(word, f"!{word}") if one[1] else word))
        if opposite and (not text.isascii() or _holds(text, ("antwort", "respuesta"))):
            said += [(one.start(), word) for word in _ABROAD for one in look(f"(?im:{_ABROAD[word]})")]
    return [word for _, word in sorted(said)[-1:]]


def plain(word: str) -> str:
    """A word without case, spaces, hyphens and the marks that models put around a verdict."""
    word = re.sub(r"^<(\w+)>$", r"\1", word.strip()).lstrip(_BEFORE).rstrip(_BEFORE + ".!])")
    return re.sub(r"[\s_-]", "", word).casefold()


_BEFORE = " \t\r\n\u200b\u2060\ufeff\ufe0f*`\"'[(✅✔✓"
