r"""Text to tokens: LaTeX, plain text and Unicode, all into one small vocabulary.

A token is a string, told apart by its first character: a digit or a point begins a number, a backslash a command,
a double quote a word, a letter is a variable by itself; anything else is a sign. Spacing, sizing and fonts are gone.
"""

from __future__ import annotations

import re
import unicodedata

from .spelling import GREEK, tidy
from .tree import TooBig, Unreadable
from .unit_table import is_symbol
from .vocabulary import spellings, word_set

MAX_TEXT = 10_000
"""Longest answer that is read, in characters."""
MAX_TOKENS = 1_500
"""Most tokens of one answer."""

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc"
    " arcsinh arccosh arctanh ln log lg exp max min gcd lcm arg Re Im sgn det cis".split()
)
_SPELLINGS = spellings("functions")

_ABROAD = {"sen": "sin", "ch": "cosh", "sh": "sinh", "th": "tanh", "rg": "rank", "mcd": "gcd", "mcm": "lcm"}
_DROPPED = word_set("dropped") | {" ", "\n", "\t"}
_WITH_ARGUMENT = frozenset("hspace vspace phantom hphantom vphantom label tag".split())
_TEXT = word_set("text")
_BOLD = frozenset({"mathbf", "boldsymbol", "bm", "pmb"})
_RENAMED = spellings("commands") | {"#": ""}

_TOKEN = re.compile(
    r"""(?P<space>[\s~]+|\\[,!;:> ]|\{\s*\})
    |(?P<number>(?:\d{1,3}(?:\{?,\}?\d{2})+\{?,\}?\d{3}(?![\d,])|\d{1,3}(?:'\d{3})+(?!['\d])
        |\d{1,3}(?:(?:\{,\}|,\\!|\\[,!;:\ ])\s*\d{3})+(?!\d)|\d{1,3}(?:\.\d{3}){2,}(?!\d)|\d+)
        (?:\.(?:\d+|(?=\\(?:overline|dot|bar)\b)|(?!\w)))?|\.\d+)
    |\\(?P<command>[A-Za-z]+\*?|.)
    |(?:np|numpy|math)\.(?=[a-z])
    |(?P<foreign_word>(?=[A-Za-z]{0,20}[\u00c0-\u024f])[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]{2,})
    |(?P<letters>[A-Za-z]+)
    |(?P<foreign>[^\W\d_A-Za-z]+)
    |(?P<sign><=|>=|!=|==|=<|=>|\*\*|->|\.\.\.+|'+|.)""",
    re.VERBOSE | re.DOTALL,
)
_GROUPING = re.compile(r"\{,\}|,\\!|\\[,!;: ]|\s|'|,")
_COMMA = re.compile(r"(\d+)\{,\}(\d+)")
_THOUSANDS = re.compile(r"\d{1,3}((?:,\d{3})+)(?!\d|,\d)(?:\.\d+)?")
_EXPONENT = re.compile(r"[eE]([+-]?\d{1,6})(?![\d.A-Za-z^])")
_REPEATING_ENDS = re.compile(r"\\dot\s*\{?(\d)\}?(\d{0,20})\\dot\s*\{?(\d)\}?")
_REPEATING = re.compile(r"\\(?:overline|dot|bar)\s*\{?\s*(\d{1,40})\s*\}?(?:\\dot\s*\{?(\d)\}?)?")
_CYCLE = re.compile(r"\((\d{1,20})\)(?!\s*[\^(!])")
_DOTS = re.compile(r"\.\.\.|\\(?:ldots|dots|cdots)(?![A-Za-z])")
_SPEECH = word_set("speech")
_JOINS = dict.fromkeys("или либо または 又は 또는 혹은 oder ou".split(), '"or') | dict.fromkeys(
    "и および 及び 그리고 und et".split(), '"and'
)
_JOIN_LETTERS = {"y": '"and', "e": '"and', "o": '"or'}
_SHORT_SPEECH = word_set("short speech")
"""Words of two letters that may as well be products of variables: what stands around them decides."""
UNIT_WORDS = word_set("unit words")
_CALLABLE = frozenset({"\\gcd", "\\lcm", "\\det", "\\deg", "\\arg"})
_MAX_OF = frozenset({"(", "[", "{", "\\{", "_", "^"})
_VOWELS = frozenset("aeiouyAEIOUY")
_CHEMICAL = re.compile(r"(?:[A-Z][a-z]?(?:_?\{?\d{1,3}\}?)?){2,12}")
_SPECIES = r"\d{0,2}(?:[A-Z][a-z]?(?:_?\{?\d{1,3}\}?)?|\([A-Za-z0-9_{}]+\)_?\{?\d?\}?){1,12}(?:\^\{?\d?[+-]\}?)?"
_REACTION = re.compile(
    rf"(?=.*(?:_|\\to|arrow)){_SPECIES}(?:(?:\+|\\(?:to|rightarrow|longrightarrow)|->|→){_SPECIES})*"
)
_FORMULA_DIGITS = re.compile(r"(?<=[A-Za-z])(\d{1,3})")
_SET_MARKS = re.compile(r"(?:\s*[_^]\s*(?:\{[^{}]{0,12}\}|[0-9+*n-]|\\[A-Za-z]+))+")
_ONE_UNIT = r"[A-Za-z]{1,4}(?:\^\{?-?\d\}?)?"
_BARE_UNIT = re.compile(
    rf"(?<=[\d}}] )(?:{_ONE_UNIT}(?:\s?[/*]\s?(?:{_ONE_UNIT}|\({_ONE_UNIT}(?:[* ]{_ONE_UNIT})*\)))+"
    r"|[A-Za-z]{2,4}(?:\^\{?[23]\}?)?)(?=\s*$)"
)
_UNIT_SYMBOL = re.compile(r"[A-Za-z]+")
_ARGUMENT = re.compile(r"\s*(?:[({\[_]|\\left|\\\{|[a-z0-9]\b)")
_UNIT_END = re.compile(r"\s*(?:$|[.,;:)}/^*·$]|\\|and\b|or\b|per\b|[A-Za-z]{2,})")
_WORD_BEFORE = re.compile(r"([A-Za-z]{2,})[ ,.;]{1,3}$")
_WORD_AFTER = re.compile(r"[ ,.;]{1,3}([A-Za-z]{2,})")
_SIGNS = {"**": "^", "=<": "<=", "==": "=", "=>": "\\implies"}
_COMMAND = re.compile(r"\\[A-Za-z]+")
_BOLD_LETTERS = re.compile(r"[A-Za-z]|[A-Z]{2,3}|\\(?:" + "|".join(GREEK) + ")")
_ARTICLE = re.compile(r" [a-z]{3,}")
_AMOUNT = re.compile(r" \\?[$]?\d")
CURRENCIES = spellings("currencies")
_AMOUNT_AHEAD = re.compile(r"[\s~]*[-\d.(\\{a-zA-Z]")
_ROW_SPACING = re.compile(r"\*?\s*\[\s*-?[\d.]{1,8}\s*(?:pt|em|ex|mm|cm|in|mu|pc|bp|sp)\s*\]|\*")
"""What may stand behind the end of a row: a length in brackets, or the star that forbids a page break."""
_LATEX = re.compile(r"[\\^_+]")


def tokenize(text: str) -> list[str]:
    r"""The tokens of an answer. Raises TooBig past a cap, Unreadable for an unbalanced \text group.

    >>> tokenize(r"\dfrac{1,000}{2x}\text{ miles}")
    ['\\frac', '{', '1000', '}', '{', '2', 'x', '}', '"miles']
    """
    if len(text) > MAX_TEXT:
        raise TooBig(f"the answer is longer than {MAX_TEXT:,} characters")
    out: list[str] = []
    _tokens(tidy(text), out, False, 0)
    if len(out) > MAX_TOKENS:
        raise TooBig(f"the answer has more than {MAX_TOKENS:,} tokens")
    return _joined(out)


def _joined(tokens: list[str]) -> list[str]:
    r"""Tokens that make one: the unit in `^{\circ} C` and in `\mu \mathrm{m}`, `max` before a colon."""
    if "\\circ" in tokens or "\\mu" in tokens or "\\Omega" in tokens:
        tokens = _joined_units(tokens)
    if not _CALLABLE.isdisjoint(tokens):  # \gcd = 6
        tokens = [
            '"' + sign[1:] if sign in _CALLABLE and follows in ("=", ":") else sign
            for sign, follows in zip(tokens, [*tokens[1:], ""], strict=True)
        ]
    if "\\in" in tokens:
        tokens = _joined_domains(tokens)
    if "\\max" in tokens or "\\min" in tokens:  # of nothing in brackets they are words: max 4, max: 4
        after = [*tokens[1:], ""]
        tokens = [
            '"' + sign[1:] if sign in ("\\max", "\\min") and follows not in _MAX_OF else sign
            for sign, follows in zip(tokens, after, strict=True)
        ]
    return tokens


def _joined_domains(tokens: list[str]) -> list[str]:
    """Behind `∈`, N with its mark, `\\mathbf{N}^*` and a bare Z that ends there are sets of numbers."""
    joined: list[str] = []
    at = 0
    while at < len(tokens):
        letter = tokens[at].removeprefix("\\mathbb{").removesuffix("}")
        if joined and joined[-1] == "\\in" and letter in ("N", "Z", "R", "Q"):
            mark = "".join(tokens[at + 1 : at + 5])
            bare = mark.replace("{", "").replace("}", "")[:2]
            if bare in ("^*", "^+", "_+"):
                joined.append(f"\\mathbb{{{letter}{bare}}}")
                at += 5 if mark[1] == "{" else 3
                continue
            if not mark or mark[0] in "),;":
                joined.append(f"\\mathbb{{{letter}}}")
                at += 1
                continue
        joined.append(tokens[at])
        at += 1
    return joined


def _joined_units(tokens: list[str]) -> list[str]:
    joined: list[str] = []
    at = 0
    while at < len(tokens):
        sign = tokens[at]
        if sign == "^" and (length := _celsius(tokens, at)):
            joined.append(f'"deg{tokens[at + length - 1][-1]}')
            at += length
            continue
        follows = tokens[at + 1] if at + 1 < len(tokens) else ""
        if sign == "\\mu" and follows[:1] == '"' and joined and joined[-1][-1] in "0123456789}/*s":
            joined.append(f'"u{follows[1:]}')
            at += 2
            continue
        if sign == "\\Omega" and joined and (joined[-1][0].isdigit() or joined[-1] in ('"k', '"M', '"m', '"G', "}")):
            joined[-1:] = [f"{joined[-1]}ohm"] if joined[-1][0] == '"' else [joined[-1], '"ohm']
            at += 1
            continue
        joined.append(sign)
        at += 1
    return joined


def _celsius(tokens: list[str], at: int) -> int:
    """How many tokens spell °C or °F there; 0 where it is only a degree mark."""
    for spelled in (("^", "\\circ"), ("^", "{", "\\circ", "}"), ("^", "{", "{", "\\circ", "}", "}")):
        length = len(spelled)
        if tuple(tokens[at : at + length]) == spelled:
            letter = tokens[at + length : at + length + 1]
            if letter and letter[0].lstrip('"') in ("C", "F"):
                return length + 1
    return 0


def _tokens(text: str, out: list[str], prose: bool, nesting: int) -> None:
    """Append the tokens of a piece; `prose` is inside \\text, where letters make words."""
    at, end, match = 0, len(text), _TOKEN.match
    brackets = 0
    while at < end:
        token = match(text, at)
        assert token is not None  # the last alternative takes any character
        kind = token.lastgroup
        at = token.end()
        if kind is None or kind == "space":
            continue
        if len(out) > MAX_TOKENS:
            raise TooBig(f"the answer has more than {MAX_TOKENS:,} tokens")
        piece = token[0]
        if kind == "number":
            at = _number(text, token.start(), at, piece, brackets == 0, out)
        elif kind == "letters":
            start = token.start()
            if start and text[start - 1] == " " and not prose and (unit := _bare_unit(text, start, out)):
                _tokens(unit, out, True, nesting + 1)
                at = start + len(unit)
            elif len(piece) == 1 and not prose:
                article = piece == "a" and out and out[-1][0] == '"' and _ARTICLE.match(text, at)
                out.append('"a' if article else piece)
            elif piece in "aA" and (_ARTICLE.match(text, at) or (prose and _AMOUNT.match(text, at))):
                out.append('"a')
            elif len(piece) == 1:
                may_be = is_symbol(piece) or text.startswith("\\Omega", at)
                out.append('"' + piece if may_be and _after_value(out) else piece)
            else:
                _letters(text, start, at, out, prose)
        elif kind == "command":
            at, opened = _command(text, at, token["command"], out, nesting)
            brackets += opened
        elif kind == "foreign" or kind == "foreign_word":
            _foreign(piece, out)
        else:
            if piece in "([":
                brackets += 1
            elif piece in ")]":
                brackets -= 1
            out.append(_SIGNS.get(piece, piece) if piece[:3] != "..." else "\\ldots")


def _bare_unit(text: str, start: int, out: list[str]) -> str:
    """The unit of `15.6 m/s` that ends a text, without \\text around it; nothing where there is none."""
    if not out or not (out[-1][0].isdigit() or out[-1] == "}"):
        return ""
    unit = _BARE_UNIT.match(text, start)
    return unit[0] if unit is not None and all(map(is_symbol, _UNIT_SYMBOL.findall(unit[0]))) else ""


def _after_value(out: list[str]) -> bool:
    """Whether what was last read is a number, or the unit behind one, so that an upright letter is a unit."""
    if not out:
        return False
    last = out[-1]
    if last[0].isdigit() or last[0] == ".":
        return len(out) < 2 or out[-2] != "_"
    if last in ("}", "\\pi", "\\circ", "\\mu", ")"):
        return last != "}" or not _closes_index(out)
    if last in ("/", "*", "\\times"):
        return len(out) > 1 and (out[-2][0] == '"' or (out[-2] == "}" and _unit_power(out)))
    return last[0] == '"' and (is_symbol(last[1:]) or last[1:] in UNIT_WORDS)


def _closes_index(out: list[str]) -> bool:
    """Whether the last brace closes an index: H_{2}."""
    depth = 0
    for at in range(len(out) - 1, -1, -1):
        depth += (out[at] == "}") - (out[at] == "{")
        if not depth:
            return at > 0 and out[at - 1] == "_"
    return False


def _unit_power(out: list[str]) -> bool:
    return len(out) > 5 and out[-4:-2] == ["^", "{"] and out[-5][0] == '"'


def _foreign(run: str, out: list[str]) -> None:
    """Letters of other scripts: a word; a multiple such as 万 stands by itself."""
    if run in _JOINS:
        out.append(_JOINS[run])
        return
    if run[0] in "万亿" and out and (out[-1][0].isdigit() or out[-1][0] == "."):
        out.append('"' + run[0])
        run = run[1:]
    for ending in ("等于", "为", "是"):
        if len(run) > len(ending) and run.endswith(ending):
            out += ['"' + run.removesuffix(ending), '"' + ending]
            return
    if run:
        out.append('"' + run)


def _number(text: str, start: int, at: int, piece: str, outside: bool, out: list[str]) -> int:
    """Append a number and say where it ends."""
    if outside and "," not in piece:
        grouped = _THOUSANDS.match(text, start)
        if grouped is not None and (start == 0 or text[start - 1] not in ",."):
            piece, at = grouped[0].replace(",", ""), grouped.end()
    decimal = _COMMA.match(text, start) if text.startswith("{,}", start + len(piece)) and piece.isdigit() else None
    if decimal is not None and len(decimal[2]) != 3:  # 2{,}5
        piece, at = f"{piece}.{decimal[2]}", decimal.end()
    if not piece.replace(".", "").isdigit() or not piece.isascii():
        piece = _GROUPING.sub("", piece)
        piece = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in piece)
    if piece.count(".") > 1:
        piece = piece.replace(".", "")
    repeating = _REPEATING.match(text, at) if text.startswith("\\", at) and "." in piece else None
    ends = _REPEATING_ENDS.match(text, at) if repeating is not None else None
    if ends is not None:
        piece, at = f"{piece}r{ends[1]}{ends[2]}{ends[3]}", ends.end()
    elif repeating is not None:
        digits = repeating[1] + (repeating[2] or "")
        piece, at = f"{piece}r{digits}", repeating.end()
    elif "." in piece and (cycle := _CYCLE.match(text, at)) is not None:
        if not piece.endswith("."):
            raise Unreadable("digits in brackets behind decimals: a product, a period or an uncertainty")
        piece, at = f"{piece}r{cycle[1]}", cycle.end()
    elif "." in piece and text.startswith((".", "\\"), at) and (recurring := _recurring(piece, text, at)):
        piece, at = recurring
    else:
        exponent = _EXPONENT.match(text, at)
        if exponent is not None:
            piece, at = f"{piece}e{exponent[1]}", exponent.end()
    if len(piece) > 4_000:
        raise TooBig("a number has more than 4,000 digits")
    out.append(piece.rstrip(".") if piece != "." else piece)
    return at


def _recurring(piece: str, text: str, at: int) -> tuple[str, int] | None:
    """0.333... as a repeating decimal: one digit three times, or up to six digits twice, before the dots."""
    dots = _DOTS.match(text, at)
    if dots is None:
        return None
    after = piece.partition(".")[2]
    for length in range(1, 7):
        cycle = after[-length:]
        if len(after) >= length * (3 if length == 1 else 2) and after.endswith(cycle * (3 if length == 1 else 2)):
            return f"{piece}r{cycle}", dots.end()
    return None


def _letters(text: str, start: int, end: int, out: list[str], prose: bool) -> None:
    """Append a run of two letters or more: a function, a word, or variables side by side."""
    run = text[start:end]
    if run in FUNCTIONS:
        is_unit = run == "min" and bool(out) and out[-1][0].isdigit() and _ARGUMENT.match(text, end) is None
        out.append('"min' if is_unit else "\\" + run)
        return
    if run in _SPELLINGS and not (prose and run in ("inf", "floor")):
        out.append("\\" + _SPELLINGS[run])
        return
    if prose and run in _JOINS:
        out.append(_JOINS[run])
        return
    labels = len(run) > 3 and not run.isupper() and text.startswith(":", end)  # Mary: 8
    is_unit = run in UNIT_WORDS and _is_unit_there(text, end, out)
    if prose or labels or is_unit or _is_word(run) or _spoken(text, start, end):
        out.append('"' + run)
    else:
        out.extend(run)


def _is_unit_there(text: str, end: int, out: list[str]) -> bool:
    """Whether a run that may be a unit stands behind a number, and not as a product in a formula."""
    if not out or not (
        out[-1][0].isdigit() or out[-1] in ("}", ")") or (out[-1] == "/" and out[-2:-1] and out[-2][0] == '"')
    ):
        return False
    return _UNIT_END.match(text, end) is not None


def _spoken(text: str, start: int, end: int) -> bool:
    """Whether a run of letters outside of \\text is English, told by what stands around it.

    `at`, `it` and the like are words only beside another word: e^{it} and v_0+at are products.
    """
    low = text[start:end].lower()
    if low in _SPEECH:
        return start == 0 or (
            text[start - 1] not in "^_" and not (text[start - 1] == "{" and text[start - 2 : start - 1] in "^_")
        )
    if low not in _SHORT_SPEECH:
        return False
    if not text[:start].strip() and not text[end:].strip(" ."):
        return low in ("no", "if", "or", "is")
    if (start and text[start - 1] not in " ,;.\t\n$)~") or (end < len(text) and text[end] not in " ,;.:\t\n$(~"):
        return False
    if low == "or":
        return True
    before, after = _WORD_BEFORE.search(text[max(0, start - 30) : start]), _WORD_AFTER.match(text, end)
    for beside in (before, after):
        if beside is not None:
            word = beside[1].lower()
            if word in _SPEECH or word in _SHORT_SPEECH or _is_word(beside[1]):
                return True
    if low in ("is", "in", "of", "to", "if", "on", "by", "no"):
        return start > 0 and text[start - 1] == " " and text[end : end + 1] in ("", " ") and not _LATEX.search(text)
    return False


def _is_word(run: str) -> bool:
    """Whether a bare run of letters is a word and not a product of variables such as xy or abc."""
    if len(run) < 4:
        return False
    return any(char in _VOWELS for char in run) and "".join(sorted(run)) != run


def _command(text: str, at: int, name: str, out: list[str], nesting: int) -> tuple[int, int]:
    """Append what a command stands for; says where it ends and by how much it opens brackets."""
    if name == "\\":
        out.append("\\\\")
        spacing = _ROW_SPACING.match(text, at)
        return (at if spacing is None else spacing.end()), 0
    if name.startswith(("quad", "qquad")) and name not in _DROPPED:  # \quadx
        rest = name.removeprefix("q").removeprefix("uad").removeprefix("quad")
        if len(rest) == 1:
            out.append(rest)
        else:
            _letters(rest, 0, len(rest), out, False)
        return at, 0
    if name in _DROPPED:
        return (_group(text, at)[1] if name in _WITH_ARGUMENT else at), 0
    if name in _TEXT:
        while at < len(text) and text[at] == " ":
            at += 1
        if at < len(text) and text[at] == "{":
            inner, at = _group(text, at)
            if inner[:1] == " " == inner[-1:] and out and inner.strip() in _JOIN_LETTERS and text[at:].strip(" $.~"):
                out.append(_JOIN_LETTERS[inner.strip()])  # x = 2 y x = 3
                return at, 0
            _text(name, inner, out, nesting)
        elif at < len(text) and text[at].isalpha():  # \\mathbf i
            _text(name, text[at], out, nesting)
            at += 1
        elif name in _BOLD and (letter := _COMMAND.match(text, at)) is not None:  # \\boldsymbol\\alpha
            _text(name, letter[0], out, nesting)
            at = letter.end()
        return at, 0
    if name in ("begin", "end"):
        inner, at = _group(text, at)
        out.append(f"\\{name}{{{inner.strip().rstrip('*')}}}")
        return at, 0
    if name == "mathbb" or name == "mathcal":
        at += text.startswith(" ", at)
        inner, at = _group(text, at) if text.startswith("{", at) else (text[at : at + 1], at + 1)
        marks = _SET_MARKS.match(text, at)
        if marks is not None and name == "mathbb":
            inner, at = inner.strip() + re.sub(r"[\s{}]", "", marks[0]), marks.end()
        plain = inner.strip()
        out.append(plain if name == "mathcal" and plain in ("N", "O", "U") else f"\\mathbb{{{plain}}}")
        return at, 0
    if name in _SPELLINGS and name not in ("inf", "sqrt", "Pi"):
        out.append("\\" + _SPELLINGS[name])
        return at, 0
    token = _RENAMED.get(name, "\\" + name)
    if name in CURRENCIES and _after_value(out) and _AMOUNT_AHEAD.match(text, at) is None:
        token = '"' + CURRENCIES[name]  # 694 €
    if token:
        out.append(token)
    opened = 1 if token in ("\\{", "[", "(", "\\lfloor", "\\lceil") else 0
    return at, opened or (-1 if token in ("\\}", "]", ")", "\\rfloor", "\\rceil") else 0)


def _text(name: str, inner: str, out: list[str], nesting: int) -> None:
    if nesting > 8:
        raise Unreadable("text groups are nested too deep")
    plain = inner.strip(" ~\\,")
    if name[:12] == "operatorname" and plain in _ABROAD:
        out.append("\\" + _ABROAD[plain])
        return
    if plain in FUNCTIONS or plain in _SPELLINGS:
        is_unit = plain == "min" and bool(out) and (out[-1][0].isdigit() or out[-1] == "}")
        out.append('"min' if is_unit else "\\" + _SPELLINGS.get(plain, plain))
        return
    if plain == "-" and out and out[-1][0].isdigit():
        raise Unreadable("a hyphen between numbers is no minus")
    if name in _BOLD and plain in ("Z", "N", "R", "Q", "C") and out and out[-1] == "\\in":
        out.append(f"\\mathbb{{{plain}}}")
        return
    if name in _BOLD and (letters := _BOLD_LETTERS.fullmatch(plain)):  # a vector, or a matrix
        for letter in [letters[0]] if letters[0][0] == "\\" else plain:
            out += ["\\hat" if letter in "ijk" else "\\vec", "{", letter, "}"]
        return
    if len(plain) == 1 and plain.isalpha():
        # A single upright letter after a number is a unit: 5 \mathrm{m}.
        may_be = is_symbol(plain) or plain == "k" or not plain.isascii()
        is_unit = may_be and name != "mathit" and _after_value(out)
        out.append('"' + plain if is_unit else plain)
        return
    words = name not in _BOLD and name not in ("mathit", "mathnormal") and not (name == "mathrm" and len(plain) < 2)
    chemical = words and _CHEMICAL.fullmatch(plain) and ("_" in plain or any(c.isdigit() for c in plain))
    if name == "ce" or chemical or (name == "mathrm" and _REACTION.fullmatch(plain.replace(" ", ""))):
        words = False
        inner = inner if "_" in inner else _FORMULA_DIGITS.sub(r"_{\1}", inner)
    _tokens(inner, out, words, nesting + 1)


def _group(text: str, at: int) -> tuple[str, int]:
    """The content of a braced group that begins at `at`, and where it ends; nothing where there is none."""
    if not text.startswith("{", at):
        return "", at
    depth = 0
    for index in range(at, len(text)):
        char = text[index]
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if not depth:
                return text[at + 1 : index], index + 1
    raise Unreadable("a brace is never closed")
