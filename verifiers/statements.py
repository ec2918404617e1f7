"""What a short sentence gives as the answer: `It is Paris`, `The capital of France is Paris`, `Paris is the capital`.

A sentence is read only as a whole, and only where all that it says beside the answer is in the question, or says
nothing (`it took place in`): `The director is Lee and the producer is Kim` answers with neither. Where the prompt holds
no question, one verb and a plain subject will do. What denies or doubts (`not`, `or`, `maybe`) is never left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from .frames import akin, answers, asked_of
from .sample import Sample
from .values import read_value
from .wording import TABLES

_LEAD = re.compile(
    r"(?:(?:so|thus|therefore|hence|well|okay|ok|sure|yes|overall|finally|in short),?\s+)?"
    r"(?:(?:i|we) (?:think|believe|would say|am confident|know)(?: that)?,?\s+)?"
    r"(?:(?:it|that|this|he|she|they|there|these|those)"
    r"(?:['’]s| is| was|['’]re| are| were| would be| has| had| have)\s+)?"
    r"(?:(?:это|c['’]est|ce fut|es (?:ist|war)|das (?:ist|war)|es|fue|è|é|foi) )?"
    r"(?:[a-z]?\s?=\s?)?",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"(?:in|at|on|by)\s+(?=\S)", re.IGNORECASE)
_COPULA = re.compile(r"\s(?:is|was|are|were|equals)(?:\s*:)?\s+")
_TAIL = re.compile(
    r"\s(?:is|was|are|were|equals|by|in|on|at|of|from|to|called|named|as|ist|est|es|fue|è|é|foi)(?:\s*:)?\s+"
)
_DENIAL = re.compile(
    r"\b(?:not|no|never|neither|nor|or|cannot|wrong|incorrect|false|if|unless)\b|n['’]t\b", re.IGNORECASE
)
_DOUBT = frozenset(
    "may might could perhaps possibly maybe some one other another alternative also guess except besides unlike than"
    " second example first but while whereas although before after".split()
)
_SMALL = frozenset(
    "a an the is was are were be been of in on at to by for from with who which that it its he she they his her their"
    " this these there has have had did do does s took take takes place happened occurred held written located"
    " called named known answer author writer name person city country year date number total result difference"
    " serve served serves as would rank ranks ranked die der das el la le il ist est es fue è é foi".split()
)
_WEAKENS = frozenset(
    "and then like nearly almost allegedly reportedly supposedly probably likely former formerly claimed unclear"
    " unknown whether disputed debated doubtful opposite no nicht nie kein pas ne non nunca jamais niet не".split()
)
_QUOTES = re.compile(r"[\"“”*_`]|(?<!\w)['‘’]|['’](?!\w)")
_TWO_SENTENCES = re.compile(r"\n|(?<=\w{2})\. ")
_SHORTENED = "Dr|Mr|Mrs|Ms|Jr|Sr|St|Mt|Ft|No|vs|Prof|Gen|Lt|Col|Capt|Sgt|Gov|Sen|Rev"
_DOTTED = re.compile(
    rf"\b(?:(?P<letters>[A-Z]\.(?: ?[A-Z]\.)* ?[A-Z](?:\.|$)|(?:[a-z]\.){{2,}})|[JS]r\.(?=[ ,])"
    rf"|(?P<short>{_SHORTENED})\.(?= [A-Z\d]|,)|vs\.(?= )"
    r"|(?P<initial>[A-Z])\.(?= ?[A-Z]))"
)
_ENDS_SHORTENED = re.compile(rf"(?:\b(?:{_SHORTENED})|(?<!\w)[A-Za-z])\.$")
_PARTS = frozenset("of the a an in on at to from by and for with".split())
_OF_ANOTHER = re.compile(r"(?:the |an? )?[a-z]+ (?:of|to|from) (?:the )?", re.IGNORECASE)
_WATERS = frozenset(("ocean", "river", "desert", "sea"))
_NO_NAMES = frozenset("red black white yellow dead great high north south east west".split())
_FULL_NAME = re.compile(r"[A-Z][\w'’-]*(?: [A-Z][\w'’-]*){1,3}")
_NO_NAME_PARTS = frozenset("The A An In On At By For From With And But When While After Before As Then If".split())
_ENDS_SENTENCE = ".?!\n。？！"
_NAMED_BEFORE = re.compile(r"(?:^|\b[A-Z][\w'’-]*\.? )$")
_YEAR_ASIDE = re.compile(r"(?<=\w) \(((?:1\d|20)\d\d)\)")
_ASKS_YEAR = re.compile(r"\b(?:when|years?|date|day|time)\b", re.IGNORECASE)
_PLACE_ASIDE = re.compile(
    r"[^,]+(?P<aside>, (?:(?:which|that) (?:is|was|lies) )?(?:(?:located|situated|found|lying) )?(?:in|on) "
    r"(?:the |northern |southern |eastern |western )?[A-Z][\w'’-]*(?: [A-Z][\w'’-]*){0,2})"
)
_SHORT = [
    (re.compile(pattern), short)
    for pattern, short in (
        (r"\b(?:United States(?: of America)?|USA|U\.S\.(?:A\.)?)(?!\w)", "US"),
        (r"\b(?:United Kingdom|U\.K\.)(?!\w)", "UK"),
        (r"\bUnited Nations\b", "UN"),
        (r"\bMt\.? (?=[A-Z])", "Mount "),
        (r" ?° ?C\b", " degrees Celsius"),
        (r" ?° ?F\b", " degrees Fahrenheit"),
    )
]
_PRONOUNS = frozenset("it he she they his her their its this that these those there".split())
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_NUMBER = re.compile(r"(?<![\w.,$€£¥/-])-?\d[\d,]*(?:\.\d+)?(?![\w%‰°/-])")
_DENIES = re.compile(r"\b(?:not|nicht|pas|не|instead|rather)\b|\? ", re.IGNORECASE)
_CONTRAST = re.compile(
    r"(?P<said>[^.;?!]+?),? (?:(?:and |but )?(?:not|nicht|pas|не)|rather than|instead of) (?P<denied>[^.,;?!]+)"
    r"|not (?P<denied2>[^.,;?!]+?),? but (?:rather )?(?P<said2>[^.;?!]+)"
    r"|(?P<denied3>[^.,;?!]+)\? (?:no|wrong|nein|non)[,.:;—–-]+ ?(?P<said3>[^.;?!]+)",
    re.IGNORECASE,
)
"""What is said beside what is denied: Canberra, not Sydney; not Sydney but Canberra; Sydney? No, Canberra."""
_UNENDED = re.compile(r"\b(?:is|was|are|were|do|does|did|has|have|had|will|would|can|could)$", re.IGNORECASE)
_AMOUNT = r"\d[\d,]*(?:\.\d+)?"
_TERM = rf"-?{_AMOUNT}(?:\s*[-+*/×÷−–]\s*{_AMOUNT})+"
_SUM = re.compile(rf"(?<![\w.,^(])({_TERM})\s*=\s*(-?{_AMOUNT})(?![\w.,]*\d|\s*[-+*/×÷−–=])")
_SUM_AFTER = re.compile(rf"(?<![\w.,])(-?{_AMOUNT}) \(({_TERM})\)")
_PERIOD = re.compile(r"\d{1,2}(?:st|nd|rd|th)[ -]century|\d{3}0s", re.IGNORECASE)
_IS_CJK = re.compile(r"(?P<subject>[\u3040-\u30ff\u3400-\u9fff]+?)(?:是|は、?)(?P<said>[^是は不非或か]+)")
_POLITE = re.compile(r"(.+?)(?:です|でした|である|だ)")
_NONE = re.compile(r"(?:there (?:were|was|are|is) )?(?:none\b|no\b(?=.))(?P<rest>.*)", re.IGNORECASE)
_SCORE = re.compile(r"(\d{1,3})[:–-](\d{1,3})")
_ASKS_SCORE = re.compile(r"(?!.*\b(?:when|time|ratio|odds)\b).*\b(?:score|scores|scoreline|result)\b", re.IGNORECASE)
_KIND_OF_PLACE = "(?:capital|city|town|village|county|province|region|district|port|seat|place|where)"
_DECADES: Sequence[str] = "thirties forties fifties sixties seventies eighties nineties".split()
_DECADE = re.compile(rf"(?:in )?(?:the )?(?:(?:19|['’‘])?([3-9])0s|({'|'.join(_DECADES)}))", re.IGNORECASE)
_ASIDE = re.compile(r"([^,;()]+)(?:, ([^,;()]+)| \(([^,;()]+)\))")
_NUMBERED = re.compile(r"[^\W\d].* (?:\d+|[IVXLC]+)")
_YEARS = re.compile(r"\d{4}(?:[–-]\d{2,4})?")
_HOW_MANY = re.compile(r"\W*how (?:many|much)\b", re.IGNORECASE)
_LABEL = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)?")
_NO_LABEL = frozenset(f"{TABLES['units']['none']} {' '.join(TABLES['bounds'].values())} about nearly".split())
_ASKED = re.compile(r"[^.?!\n。？！]*[?？؟]|^(?:question|q)\s*:\s*.+", re.IGNORECASE | re.MULTILINE)
_ASKS = re.compile(
    r"(?:(?:in|on|at|by|from|to|for|of|with|under|during|since)\s+)?(?:who|whom|whose|what|which|how)\s"
    r"|(?:when|where|why)(?:['’]s| (?:is|was|are|were|did|do|does|has|have|had|will|would|can|could|should))\s",
    re.IGNORECASE,
)
_RELATION = re.compile(
    r"(?:what|who)(?:['’]s| is| was) (?:the (?P<noun>{0})(?: of (?P<of>.+))|(?P<whose>.+)['’]s (?P<kin>{0}))".format(
        "|".join(TABLES["relations"])
    ),
    re.IGNORECASE,
)
_SEVERAL = TABLES["several"]
_COUNTS = {word: count for count, word in enumerate(_SEVERAL["counts"].split(), 2)}
_ASKS_COUNT = re.compile(
    rf"\b(?:what|which|who)(?: (?:are|were))?(?: (?:the|other|main|primary|core|major))* ({'|'.join(_COUNTS)})\b"
)
_ASKS_THINGS = re.compile(
    rf"\b(?:what|which|who (?:are|were) the)(?: [\w-]+){{0,2}}? (?:{'|'.join(_SEVERAL['things'].split())})\b"
)
_NO_SEVERAL = re.compile(
    rf"\b(?:(?:{'|'.join(_SEVERAL['order'].split())})|(?:{'|'.join(_SEVERAL['titles'].split())})s?)\b"
)
_ONE_NAME = re.compile("|".join(re.escape(one) for one in re.split(r"[|\n]", _SEVERAL["names"])), re.IGNORECASE)
_ITEMS = re.compile(r"\s*[;,]\s*(?:and\s+|&\s*)?|\s+(?:and|&)\s+")
_LONGEST = 300


def question_of(sample: Sample) -> str:
    """The last question of a prompt, which may hold a passage before it; empty where there is none.

    A prompt of one short sentence that begins as a question does is one without its sign: `who wrote emma`."""
    text = sample.problem or sample.prompt_text
    text = text[-20_000:]
    asked = [text[_began(text, match) : match.end()] for match in list(_ASKED.finditer(text))[-1:]]
    if not asked and len(text) <= _LONGEST and _ASKS.match(line := text.strip().rstrip(".")):
        asked = [] if re.search(r"\n|(?<=\w{2})[.!;] ", line) else [line]
    return asked[-1][-_LONGEST:] if asked else ""


def _began(text: str, question: re.Match[str]) -> int:
    """Where a question begins whose first full stop may only shorten a word: Who was the U.S. president?"""
    start = question.start()
    if _ASKS.match(question[0].lstrip()):
        return start
    while (
        start > question.end() - _LONGEST
        and text[start - 1] == "."
        and _ENDS_SHORTENED.search(text[max(0, start - 8) : start])
    ):
        start = max(text.rfind(sign, 0, start - 1) for sign in _ENDS_SENTENCE) + 1
    return start


def undotted(text: str) -> str:
    """A text without the full stops of shortened words and of initials.

    >>> undotted("the U.S. president John F. Kennedy"), undotted("Dr. J. K. Lee vs. Kim"), undotted("vitamin C. Lee")
    ('the US president John F Kennedy', 'Dr JK Lee vs Kim', 'vitamin C. Lee')
    """
    return _DOTTED.sub(_without_dots, text) if "." in text else text


def _without_dots(match: re.Match[str]) -> str:
    if match["initial"] and not _NAMED_BEFORE.search(match.string, max(0, match.start() - 20), match.start()):
        return match[0]
    return match[0].replace(".", "").replace(" ", "")


def items_of(gold: str, question: str) -> tuple[list[str], bool]:
    """The items that one text lists, none where it may be a name, a place or a date; and whether their order is free.

    The order is free only where the question asks for several things and for no order.

    >>> items_of("grammar, logic, and rhetoric", "What are the three subjects?")
    (['grammar', 'logic', 'rhetoric'], True)
    >>> items_of("War and Peace", "What novels did he write?"), items_of("Paris, Texas", "What two cities are they?")
    ((['War', 'Peace'], False), ([], False))
    """
    text = gold.strip().rstrip(".")
    items = re.split(r"\s*;\s*(?:and\s+|&\s*)?", text) if ";" in text else _ITEMS.split(text)
    if ";" not in text and re.search(r"(?: and|,? &) [^,]+,", text):
        return [], False  # Paris, France and Rome, Italy
    joined = " and " in gold or " & " in gold or ";" in gold
    if not 2 <= len(items) <= 20 or not all(items) or re.search(r"\d", gold) or _ONE_NAME.search(gold):
        return [], False
    low = question.lower()
    asked = _ASKS_COUNT.search(low)
    counted = asked is not None and _COUNTS[asked[1]] == len(items)
    if not joined and (len(items) == 2 or not counted):
        return [], False
    return items, (counted or (asked is None and bool(_ASKS_THINGS.search(low)))) and not _NO_SEVERAL.search(low)


def readings(said: str, gold: str, question: str) -> Iterator[str]:
    """The answers that a text can be read as, itself first.

    >>> list(readings("It is Paris.", "Paris", ""))[:2]
    ['It is Paris.', 'Paris']
    >>> "Rome" in readings("The capital of Italy is Rome", "Rome", ""), "Rome" in readings("It is not Rome", "Rome", "")
    (True, False)
    """
    yield said
    text = said.strip().rstrip(".!。")
    rest = text[lead.end() :] if (lead := _LEAD.match(text)) else text
    if rest != said:
        yield rest
    if (preposition := _PREPOSITION.match(rest)) and gold[:1].isupper():
        yield rest[preposition.end() :]
    if not text.isascii():
        if polite := _POLITE.fullmatch(text):
            text = polite[1]
            yield text
        if (stated := _IS_CJK.fullmatch(text)) and stated["subject"] in question:
            yield stated["said"]
    denies = " " in text and _DENIES.search(text)
    if denies and len(text) <= _LONGEST and (contrast := _CONTRAST.fullmatch(text)):
        answer = contrast["said"] or contrast["said2"] or contrast["said3"]
        denied = contrast["denied"] or contrast["denied2"] or contrast["denied3"]
        if denied != answer and not _UNENDED.search(answer) and (denied[0].isupper() or denied[0].isdigit()):
            yield from readings(answer, gold, question)
    if text[-8:] == " of them":
        yield rest[:-8]
    if text[-1:] == "s":
        yield from _decade(rest, gold, question)
    if gold[:1].isdigit() and (score := _SCORE.fullmatch(text)) and _ASKS_SCORE.match(question):
        yield from (f"{score[1]}-{score[2]}", f"{score[1]}:{score[2]}")
    if (text[-1:] == ")" or ", " in text) and (aside := _ASIDE.fullmatch(rest)) and _only_aside(aside, question):
        yield aside[1]
    if text.endswith(" place") and (gold.endswith(("st", "nd", "rd", "th", "second", "third"))):
        yield text[:-6]
    if gold[:1].isdigit() and len(text) <= _LONGEST:
        worked = text if "=" not in text and "(" not in text else _SUM_AFTER.sub(_checked, _SUM.sub(_checked, text))
        if worked != text:
            yield from readings(worked, gold, question)
        if _PERIOD.fullmatch(gold) and text.lower().startswith("in the "):
            yield text[7:]
        none = _NONE.fullmatch(text) if gold == "0" and _HOW_MANY.match(question) else None
        if none and _says_nothing_new(none["rest"], question):
            yield gold
    if (place := text.find("(")) > 0 and text.endswith(")"):
        yield from _converted(text[:place].strip(), text[place + 1 : -1])
    if len(text) > _LONGEST or " " not in text:
        return
    text = undotted(text)
    if not _TWO_SENTENCES.search(text) and not _denies(text, gold, question):
        text = _without_asides(text, gold, question) if question else text
        yield from _stated(text, gold.strip(" ."), question)
        if lead and rest != text and rest.lower().startswith(gold.lower()):
            yield from _stated(rest, gold.strip(" ."), question)


def otherwise_named(said: str, golds: Sequence[Sequence[str]], sample: Sample) -> bool:
    """Whether an answer is a gold by its short or its full name.

    The Pacific, where an ocean is asked for; `Chicago Bears` and `Bears`, either way, where the passage before the
    question has both and no other Bears."""
    answer = said.strip(" .").removeprefix("The ").removeprefix("the ")
    for gold in golds:
        if len(gold) != 1 or " " not in gold[0] + answer:
            continue
        name = gold[0].removeprefix("The ").removeprefix("the ")
        first, _, kind = name.lower().rpartition(" ")
        if first == answer.lower() and kind in _WATERS and first not in _NO_NAMES:
            return kind in asked_of(question_of(sample)).nouns
        if (name.endswith(f" {answer}") or answer.endswith(f" {name}")) and _same_in_passage(answer, name, sample):
            return True
    return False


def _same_in_passage(one: str, other: str, sample: Sample) -> bool:
    short, full = sorted((one, other), key=len)
    text = (sample.problem or sample.prompt_text)[-20_000:]
    if full not in text or not _FULL_NAME.fullmatch(full) or full in question_of(sample):
        return False
    names = {
        " ".join(word for word in match[1].split() if word not in _NO_NAME_PARTS)
        for match in re.finditer(rf"((?:\b[A-Z][\w'’-]{{0,30}} ){{0,4}})\b{re.escape(short)}(?!\w| [A-Z])", text)
    }
    return names == {"", full[: -len(short)].strip()}


def may_say(said: str, gold: str, question: str) -> bool:
    """Whether a sentence holds a gold beside words that no rule explains, and nothing that denies, doubts or competes.

    >>> may_say("She caught tuberculosis.", "tuberculosis", "What did she die of?")
    True
    >>> may_say("Paris Hilton", "Paris", "Where was it?"), may_say("It is not in Paris.", "Paris", "Where was it?")
    (False, False)
    """
    text = said.strip().rstrip(".!")
    if gold.lower() in question.lower() or len(text) > 4 * _LONGEST or _DENIAL.search(text):
        return False
    spans = list(re.finditer(rf"(?<![\w-]){re.escape(gold)}(?![\w-])", text)) if gold in text else []
    if not spans and _FULL_NAME.fullmatch(text) and _FULL_NAME.fullmatch(gold):
        names, parts = text.split(), gold.split()  # a middle name more may be another: John Quincy Adams
        return (names[0], names[-1]) == (parts[0], parts[-1]) and {*parts} <= {*names}
    if len(spans) != 1 or read_value(text) is not None:
        return False
    before, after = text[: spans[0].start()].split(), text[spans[0].end() :].split()
    words = {*_WORDS.findall(f"{' '.join(before)} {' '.join(after)}".lower())}
    if words & (_DOUBT | _WEAKENS) or len(before) + len(after) < 2:
        return False
    # A name or an amount with no sentence around it is another: Paris Hilton, 5 of 10.
    beside = [word.strip(",;:()") for word in (*before, *after)]
    if not after and _OF_ANOTHER.fullmatch(text[: spans[0].start()]):
        return False
    small = [word for word in beside if word.isalpha() and word == word.lower()]
    if not small or (not before and after[0].lower() in _PARTS):
        return False
    return any(word not in _PARTS for word in small)


def _without_asides(text: str, gold: str, question: str) -> str:
    """A sentence without the year of a title that the question has, and without where its answer is."""
    if text.find("(") > 0 and not gold[:1].isdigit() and not _ASKS_YEAR.search(question):
        years = {*re.findall(r"\b\d{4}\b", question)}
        for aside in _YEAR_ASIDE.finditer(text):
            before = text[: aside.start()].rpartition(" ")[2].strip("\"'”’*_")
            if re.search(rf"\b{re.escape(before)}\b", question) and years <= {aside[1]}:
                return text[: aside.start()] + text[aside.end() :]
    if ", " in text and (placed := _PLACE_ASIDE.fullmatch(text)) and gold not in placed["aside"]:
        return text[: placed.start("aside")] if asked_of(question).kind == "is" else text
    return text


def _stated(text: str, gold: str, question: str) -> Iterator[str]:
    low, short = text.lower(), gold.lower()
    if low in question.lower():
        return  # `District 10` repeats the question
    if not question:
        copulas = list(_COPULA.finditer(text))
        if len(copulas) == 1:
            subject = {*_WORDS.findall(text[: copulas[0].start()].lower())}
            if "," not in text[: copulas[0].start()] and not subject & {*_DOUBT, "and"}:
                yield text[copulas[0].end() :]
        yield from (text[match.end() :] for match in _TAIL.finditer(text) if _says_nothing_new(text[: match.end()], ""))
        return
    question = undotted(question)
    labelled = short[-1:].isdigit() and low.endswith(f" {short}") and not _HOW_MANY.match(question)
    lead = low.removesuffix(short).strip() if labelled else ""
    if lead and _LABEL.fullmatch(lead) and {*lead.split()} <= {*_WORDS.findall(question.lower())} - _NO_LABEL - _DOUBT:
        yield gold  # pH 7.4, version iOS 14.5
    related = _RELATION.match(question)
    if related and _relates(text, gold, related):
        yield gold
    value = read_value(gold)
    number = value is not None and value.kind == "number"
    for answer in answers(_in_short(text), _in_short(question), _in_short(gold), number=number):
        yield answer
        if answer[-1] == ")" and (place := answer.find("(")) > 0:
            yield from _converted(answer[:place].strip(), answer[place + 1 : -1])


def _denies(text: str, gold: str, question: str) -> bool:
    """Whether a text denies something, or names two, in words that are not the question's own: liberty or death."""
    asked = question.lower()
    return any(
        gold.lower() in asked or text[max(0, match.start() - 12) : match.end() + 6].lower() not in asked
        for match in _DENIAL.finditer(text)
    )


def _in_short(text: str) -> str:
    """A text without quotation marks, with the usual names of countries, mounts and degrees."""
    text = undotted(_QUOTES.sub("", text))
    if "nited" in text or "Mt" in text or "°" in text or "US" in text or "U." in text:
        for pattern, short in _SHORT:
            text = pattern.sub(short, text)
    return text


def _relates(text: str, gold: str, asked: re.Match[str]) -> bool:
    """Whether a sentence says the relation that a noun asks for: `Imatinib targets it` of the target of imatinib.

    Its subject is a pronoun or what the question names as a whole, for `Ann's mother` is not Ann."""
    verbs = TABLES["relations"][(asked["noun"] or asked["kin"]).lower()]
    of = re.escape((asked["of"] or asked["whose"]).strip(" ?").partition(" in ")[0])
    pattern = rf"(?:it|he|she|they|(?:the )?{of}) (?:{verbs}) (?:the )?{re.escape(gold)}"
    pattern += "(?: inhabitants| people| residents| degrees(?: celsius| fahrenheit)?)?" if gold[-1:].isdigit() else ""
    if "married" in verbs:
        pattern += rf"|{re.escape(gold)} (?:{verbs}) {of}"
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None


def _decade(text: str, gold: str, question: str) -> Iterator[str]:
    """The gold where a text is the same decade of the last century, written shorter: the '90s, the nineties."""
    said, expected = _DECADE.fullmatch(text), _DECADE.fullmatch(gold.replace("0's", "0s"))
    # 90s alone may be an age.
    if said and expected and (gold[:1] not in "3456789" or re.search(r"\bdecade\b", question, re.IGNORECASE)):
        tens = [match[1] or str(3 + _DECADES.index(match[2].lower())) for match in (said, expected)]
        if tens[0] == tens[1]:
            yield gold


def _only_aside(match: re.Match[str], question: str) -> bool:
    """Whether what follows an answer says where it is, as the question does, or the year of a numbered name."""
    if match[3] and _YEARS.fullmatch(match[3]):
        return _NUMBERED.fullmatch(match[1]) is not None
    place = match[2] or match[3]
    if place not in question or " or " in question:
        return False
    place = re.escape(place)
    asked = rf"\b{_KIND_OF_PLACE}(?: of| in|\b.* in) (?:the )?{place}(?!\w)|\b{place}['’]s {_KIND_OF_PLACE}\b"
    return re.search(asked, question, re.IGNORECASE) is not None


def _checked(match: re.Match[str]) -> str:
    """The result of a sum that is right; any other as it stands there."""
    one, other = _worked(match[1]), _worked(match[2])
    amount = match[2] if match.re is _SUM else match[1]
    return amount if one is not None and one == other else match[0]


def _worked(text: str) -> Fraction | None:
    """What numbers joined by signs make, products first; None for a division by zero."""
    text = text.replace(",", "").translate(str.maketrans("×÷−–", "*/--"))
    total: Fraction = Fraction(0)
    product: Fraction | None = None
    for sign, number in re.findall(rf"([-+*/]?)\s*({_AMOUNT})", text):
        amount = Fraction(number)
        if sign in ("*", "/"):
            if product is None or (sign == "/" and not amount):
                return None
            product = product * amount if sign == "*" else product / amount
        else:
            total += product or 0
            product = -amount if sign == "-" else amount
    return total + (product or 0)


def _says_nothing_new(text: str, question: str) -> bool:
    """Whether the words of a text are all in the question, in any of their forms, or say nothing."""
    asked = {*_WORDS.findall(question.lower())}
    words = {*_WORDS.findall(text.lower())} - _SMALL - asked
    return not words & _DOUBT and all(any(akin(word, one) for one in asked) for word in words)


def _converted(text: str, other: str) -> Iterator[str]:
    """A quantity before one in brackets that says it in another unit, to one part in twenty: 5 km (3.1 miles)."""
    value, again = read_value(text), read_value(other)
    if value and again and value.kind == again.kind and value.value and abs(again.value / value.value - 1) < 0.05:
        yield text
