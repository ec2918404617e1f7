r"""Text to tokens: LaTeX, plain text and Unicode, all into one small vocabulary.

A token is a string, told apart by its first character: a digit or a point begins a number, a backslash a command,
a double quote a word, a letter is a variable by itself; anything else is a sign. Spacing, sizing and fonts are gone.
"""

from __future__ import annotations

import re
import unicodedata

from .tree import TooBig, Unreadable

MAX_TEXT = 10_000
"""Longest answer that is read, in characters."""
MAX_TOKENS = 1_500
"""Most tokens of one answer."""

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc"
    " arcsinh arccosh arctanh ln log lg exp max min gcd lcm arg Re Im sgn det".split()
)
_SPELLINGS = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "acot": "arccot", "tg": "tan", "ctg": "cot",
    "cosec": "csc", "arctg": "arctan", "arcctg": "arccot", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh", "sign": "sgn",
    "pi": "pi", "Pi": "pi", "infinity": "infty", "inf": "infty", "oo": "infty", "infty": "infty", "sqrt": "sqrt",
    "cbrt": "cbrt", "floor": "floor", "ceil": "ceil", "abs": "abs", "theta": "theta", "alpha": "alpha",
    "beta": "beta", "gamma": "gamma", "lambda": "lambda", "phi": "phi", "omega": "omega",
}  # fmt: skip

_DROPPED = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle displaystyle textstyle"
    " scriptstyle limits nolimits quad qquad enspace thinspace hspace vspace hfill , ; : ! > space allowbreak"
    " nonumber notag rm bf it mathstrut strut phantom hphantom vphantom hline boldsymbol bm".split()
) | {" ", "\n", "\t"}
_WITH_ARGUMENT = frozenset("hspace vspace phantom hphantom vphantom label tag".split())
_TEXT = frozenset(
    "text textbf textit textrm texttt textsf textnormal mbox hbox mathrm operatorname mathbf mathit mathsf mathtt"
    " mathnormal textup emph operatorname*".split()
)
_RENAMED = {
    "dfrac": "\\frac", "tfrac": "\\frac", "cfrac": "\\frac", "dbinom": "\\binom", "tbinom": "\\binom",
    "leq": "<=", "le": "<=", "leqslant": "<=", "leqq": "<=", "geq": ">=", "ge": ">=", "geqslant": ">=",
    "geqq": ">=", "lt": "<", "gt": ">", "neq": "!=", "ne": "!=", "approx": "~", "simeq": "~", "doteq": "~",
    "fallingdotseq": "~", "thickapprox": "~", "cdot": "*", "times": "*", "ast": "*", "bullet": "*", "div": "/",
    "lbrace": "\\{", "rbrace": "\\}", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")",
    "lvert": "|", "rvert": "|", "vert": "|", "lVert": "\\|", "rVert": "\\|", "Vert": "\\|",
    "colon": ":", "%": "%", "&": '"and', "land": '"and', "wedge": '"and', "lor": '"or', "vee": '"or',
    "degree": "\\circ", "textdegree": "\\circ", "varnothing": "\\emptyset", "empty": "\\emptyset",
    "varphi": "\\phi", "varepsilon": "\\epsilon", "vartheta": "\\theta", "bigcup": "\\bigcup", "sqcup": "\\cup",
    "backslash": "\\setminus", "smallsetminus": "\\setminus", "dots": "\\ldots", "cdots": "\\ldots",
    "dotsc": "\\ldots", "dotsb": "\\ldots", "langle": "(", "rangle": ")", "fbox": "\\boxed", "exponentialE": "e",
    "to": "\\to", "rightarrow": "\\to", "isin": "\\in", "mathop": "", "R": "\\mathbb{R}", "dollar": "\\$",
    "ell": "\\ell", "_": "", "#": "", "cupdot": "\\cup", "lg": "\\lg",
}  # fmt: skip

_CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "•": "*",
    "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≦": "<=", "≧": ">=",
    "≠": "!=",
    "≈": "~", "≃": "~", "≅": "~", "∞": "\\infty ", "π": "\\pi ", "Π": "\\Pi ", "√": "\\radical ",
    "∛": "\\cuberoot ", "±": "\\pm ", "∓": "\\mp ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset ",
    "∖": "\\setminus ", "°": "^\\circ ", "º": "^\\circ ", "℃": "^\\circ C", "∠": "\\angle ", "′": "'", "’": "'",
    "‘": "'", "″": "''", "”": '"', "“": '"', "½": "\\frac{1}{2}", "⅓": "\\frac{1}{3}", "⅔": "\\frac{2}{3}",
    "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}", "⅕": "\\frac{1}{5}", "⅖": "\\frac{2}{5}", "⅗": "\\frac{3}{5}",
    "⅘": "\\frac{4}{5}", "⅙": "\\frac{1}{6}", "⅚": "\\frac{5}{6}", "⅛": "\\frac{1}{8}", "⅜": "\\frac{3}{8}",
    "⅝": "\\frac{5}{8}", "⅞": "\\frac{7}{8}", "。": ".", "、": ",", "…": "\\ldots ", "⌊": "\\lfloor ",
    "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "⟨": "(", "⟩": ")", "〈": "(", "〉": ")", "ℝ": "\\mathbb{R}",
    "ℤ": "\\mathbb{Z}", "ℕ": "\\mathbb{N}", "ℚ": "\\mathbb{Q}", "ℂ": "\\mathbb{C}", "或": " or ", "和": " and ",
    "且": " and ", "与": " and ", "∣": "|", "\u00a0": " ", "\u200b": "", "\ufeff": "", "\u2061": "", "∆": "\\Delta ",
    "ℓ": "\\ell ",
    "£": "\\pounds ", "€": "\\euro ", "∘": "\\circ ", "∑": "\\sum ", "∏": "\\prod ", "∫": "\\int ", "∧": " and ",
    "∨": " or ",
}  # fmt: skip
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΣΦΨΩ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi"
        " omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega".split(),
        strict=True,
    )
)
GREEK = frozenset(_GREEK.values()) | {"ell", "hbar", "zeta", "partial", "nabla", "Pi", "imath", "jmath"}
_TRANSLATION = str.maketrans(_CHARACTERS | {letter: f"\\{name} " for letter, name in _GREEK.items()})
_UPPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_LOWER = "₀₁₂₃₄₅₆₇₈₉"
_UPPER_RUN = re.compile(f"[{_UPPER}]+")
_LOWER_RUN = re.compile(f"[{_LOWER}]+")
_UPPER_PLAIN = str.maketrans(_UPPER, "0123456789+-n")
_LOWER_PLAIN = str.maketrans(_LOWER, "0123456789")
_CIRCLED_RUN = re.compile("[①②③④⑤⑥⑦⑧⑨][①②③④⑤⑥⑦⑧⑨、, ]*")

_TOKEN = re.compile(
    r"""(?P<space>[\s~]+|\\[,!;:> ]|\{\})
    |(?P<number>(?:\d{1,3}(?:(?:\{,\}|,\\!|\\[,!;:\ ])\s*\d{3})+(?![\d])|\d{1,3}(?:\.\d{3}){2,}(?!\d)|\d+)
        (?:\.(?:\d+|(?=\\(?:overline|dot|bar)\b)|(?!\w)))?|\.\d+)
    |\\(?P<command>[A-Za-z]+\*?|.)
    |(?:np|numpy|math)\.(?=[a-z])
    |(?P<letters>[A-Za-z]+)
    |(?P<sign><=|>=|!=|==|=<|=>|\*\*|->|\.\.\.+|'+|.)""",
    re.VERBOSE | re.DOTALL,
)
_GROUPING = re.compile(r"\{,\}|,\\!|\\[,!;: ]|\s")
_THOUSANDS = re.compile(r"\d{1,3}((?:,\d{3})+)(?!\d|,\d)(?:\.\d+)?")
_EXPONENT = re.compile(r"[eE]([+-]?\d{1,6})(?![\d.A-Za-z^])")
_REPEATING = re.compile(r"\\(?:overline|dot|bar)\s*\{?\s*(\d{1,40})\s*\}?(?:\\dot\s*\{?(\d)\}?)?")
_DOTS = re.compile(r"\.\.\.|\\(?:ldots|dots|cdots)(?![A-Za-z])")
_SPEECH = frozenset(
    "the for all any are not yes if is of to in on by it be at as an we so no day odd has can and or per let iff one"
    " two six ten any out max min due sum key its per old new way set use real only with this that from when".split()
)
UNIT_WORDS = frozenset(
    "cm mm km kg mg mph kph ft yd oz lb lbs hr hrs min mins sec secs ml mL am pm th st nd rd sq cu cc pt pts km in"
    " Hz kHz eV keV MeV kN kJ kW kPa Pa atm mol rad deg AU ly hp rpm ms ns pct USD EUR mi gal qt".split()
)
_VOWELS = frozenset("aeiouyAEIOUY")


def tidy(text: str) -> str:
    r"""Unicode spelled in LaTeX, so that what follows sees ASCII (letters of other scripts stay).

    >>> tidy("½ − √2 ≤ x²")
    '\\frac{1}{2} - \\radical 2 <= x^{2}'
    """
    if text.isascii():
        return text
    text = _CIRCLED_RUN.sub(_circled, text)
    text = _UPPER_RUN.sub(lambda run: "^{" + run[0].translate(_UPPER_PLAIN) + "}", text)
    text = _LOWER_RUN.sub(lambda run: "_{" + run[0].translate(_LOWER_PLAIN) + "}", text)
    text = text.translate(_TRANSLATION)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _circled(run: re.Match[str]) -> str:
    return ",".join(str(ord(char) - 0x245F) for char in run[0] if "①" <= char <= "⑨")


def tokenize(text: str) -> list[str]:
    r"""The tokens of an answer. Raises TooBig past a cap, Unreadable for an unbalanced \text group.

    >>> tokenize(r"\dfrac{1,000}{2x}\text{ miles}")
    ['\\frac', '{', '1000', '}', '{', '2', 'x', '}', '"miles']
    """
    if len(text) > MAX_TEXT:
        raise TooBig(f"the answer is longer than {MAX_TEXT:,} characters")
    out: list[str] = []
    _tokens(tidy(text), out, False, 0)
    return out


def _tokens(text: str, out: list[str], prose: bool, nesting: int) -> None:
    """Append the tokens of a piece; `prose` is inside \\text, where letters make words."""
    at, end, match = 0, len(text), _TOKEN.match
    brackets = 0
    while at < end:
        found = match(text, at)
        assert found is not None  # the last alternative takes any character
        kind = found.lastgroup
        at = found.end()
        if kind is None or kind == "space":
            continue
        if len(out) > MAX_TOKENS:
            raise TooBig(f"the answer has more than {MAX_TOKENS:,} tokens")
        piece = found[0]
        if kind == "number":
            at = _number(text, found.start(), at, piece, brackets == 0, out)
        elif kind == "letters":
            _letters(piece, out, prose)
        elif kind == "command":
            at, opened = _command(text, at, found["command"], out, nesting)
            brackets += opened
        else:
            if piece in "([":
                brackets += 1
            elif piece in ")]":
                brackets -= 1
            out.append("^" if piece == "**" else "<=" if piece == "=<" else "=" if piece == "==" else piece)


def _number(text: str, start: int, at: int, piece: str, outside: bool, out: list[str]) -> int:
    """Append a number and say where it ends."""
    if outside and "," not in piece:
        grouped = _THOUSANDS.match(text, start)
        if grouped is not None and (start == 0 or text[start - 1] not in ",."):
            piece, at = grouped[0].replace(",", ""), grouped.end()
    if not piece.replace(".", "").isdigit() or not piece.isascii():
        piece = _GROUPING.sub("", piece)
        piece = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in piece)
    if piece.count(".") > 1:
        piece = piece.replace(".", "")
    repeating = _REPEATING.match(text, at) if text.startswith("\\", at) and "." in piece else None
    if repeating is not None:
        digits = repeating[1] + (repeating[2] or "")
        piece, at = f"{piece}r{digits}", repeating.end()
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


def _letters(run: str, out: list[str], prose: bool) -> None:
    """Append a run of letters: a function, a word, or variables side by side."""
    if len(run) == 1:
        out.append(run)
        return
    if run in FUNCTIONS:
        out.append("\\" + run)
        return
    if run in _SPELLINGS and not (prose and run in ("inf", "floor")):
        out.append("\\" + _SPELLINGS[run])
        return
    after_number = bool(out) and (out[-1][0].isdigit() or out[-1] in "})")
    if prose or run.lower() in _SPEECH or (run in UNIT_WORDS and after_number) or _is_word(run):
        out.append('"' + run)
    else:
        out.extend(run)


def _is_word(run: str) -> bool:
    """Whether a bare run of letters is a word and not a product of variables such as xy or abc."""
    if len(run) < 4:
        return False
    return any(char in _VOWELS for char in run) and "".join(sorted(run)) != run


def _command(text: str, at: int, name: str, out: list[str], nesting: int) -> tuple[int, int]:
    """Append what a command stands for; says where it ends and by how much it opens brackets."""
    if name == "\\":
        out.append("\\\\")
        return at, 0
    if name.startswith(("quad", "qquad")) and name not in _DROPPED:  # \quadx
        _letters(name.removeprefix("q").removeprefix("uad").removeprefix("quad"), out, False)
        return at, 0
    if name in _DROPPED:
        return (_group(text, at)[1] if name in _WITH_ARGUMENT else at), 0
    if name in _TEXT:
        while at < len(text) and text[at] == " ":
            at += 1
        if at < len(text) and text[at] == "{":
            inner, at = _group(text, at)
            _text(name, inner, out, nesting)
        return at, 0
    if name in ("begin", "end"):
        inner, at = _group(text, at)
        out.append(f"\\{name}{{{inner.strip().rstrip('*')}}}")
        return at, 0
    if name == "mathbb" or name == "mathcal":
        inner, at = _group(text, at) if text.startswith("{", at) else (text[at : at + 1], at + 1)
        out.append(f"\\mathbb{{{inner.strip()}}}")
        return at, 0
    if name in _SPELLINGS and name not in ("inf", "sqrt"):
        out.append("\\" + _SPELLINGS[name])
        return at, 0
    token = _RENAMED.get(name, "\\" + name)
    if token:
        out.append(token)
    opened = 1 if token in ("\\{", "[", "(", "\\lfloor", "\\lceil") else 0
    return at, opened or (-1 if token in ("\\}", "]", ")", "\\rfloor", "\\rceil") else 0)


def _text(name: str, inner: str, out: list[str], nesting: int) -> None:
    if nesting > 8:
        raise Unreadable("text groups are nested too deep")
    plain = inner.strip(" ~\\")
    if plain in FUNCTIONS or plain in _SPELLINGS:
        out.append("\\" + _SPELLINGS.get(plain, plain))
        return
    if len(plain) == 1 and plain.isalpha():
        # A single upright letter after a number is a unit: 5 \mathrm{m}.
        after_number = bool(out) and (out[-1][0].isdigit() or out[-1] in ("}", "\\pi", "\\circ"))
        out.append('"' + plain if after_number and name not in ("mathbf", "mathit") else plain)
        return
    words = name not in ("mathbf", "mathit", "mathnormal") and not (name == "mathrm" and len(plain) < 2)
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
