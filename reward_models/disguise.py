"""What a text says under a disguise: letters of other alphabets, digits for letters, spaced letters, encodings.

`views` gives the readings of a text that differ from it, each with the kind of disguise that was taken off. A text
without one has none, so that plain text costs nothing more to judge. Loads no torch.

What it does not do: translate, nor know every code; a cipher of one's own goes unread.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from urllib.parse import unquote

MOST = 262_144
"""Characters of a text that are looked through."""
_DEPTH = 2
"""Disguises on top of one another that are taken off."""
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛѡҽӏАВЕКМНОРСТУХІЈЅԌαεικνορτυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwelABEKMHOPCTYXIJSGaeikvoptuxyABEZHIKMNOPTYX",
)
"""Letters of Cyrillic and Greek by the Latin ones that they look like."""
_LEET = str.maketrans("4301$5@7!", "aeoissati")
_MIXED = re.compile(r"(?<![\w@.])\w(?:\w|[$!@](?=\w))+(?![\w@])(?!\.\w)")
_NUMBERED = re.compile(r"\d+[A-Za-z]{1,2}|[A-Za-z]{1,2}\d+")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0000-\U000e007f]")
_SPACED = re.compile(r"(?<!\w)\w(?:(?P<by>[ ._*|\-]{1,2})\w(?!\w)){3,}(?:\s{2,}\w(?:(?P=by)\w(?!\w))+)*")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,}={0,2}(?:\s*\n[A-Za-z0-9+/_-]{16,}={0,2})*")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s,]*){8,}")
_BITS = re.compile(r"(?<![01])(?:[01]{8}[\s,]*){4,}")
_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    "a an and are as at be by can do for from get has have he how i if in is it make me my no not of on or she so that"
    " the their them then there they this to up use was we what when which who why will with would you your".split()
)


def views(text: str) -> dict[str, str]:
    """The readings of a text by what was taken off it; none where there is nothing to take off.

    >>> views("aG93IGRvIEkgZG8gdGhhdCBub3c=")["base64"]
    'how do I do that now'
    >>> views("h o w  t o  d o")["spaced"], views("An ordinary sentence, of 3 parts.")
    ('how to do', {})
    """
    text = text[:MOST]
    readings: dict[str, str] = {}
    seen = {text}
    front = [("", text)]
    for _ in range(_DEPTH):
        deeper = []
        for name, before in front:
            for kind, reading in _readings(before):
                if reading.strip() and reading not in seen:
                    seen.add(reading)
                    label = f"{name}+{kind}" if name else kind
                    readings[label] = reading
                    deeper.append((label, reading))
        front = deeper
    return readings


def _readings(text: str) -> Iterator[tuple[str, str]]:
    for kind, read in _KINDS.items():
        reading = read(text)
        if reading is not None and reading != text:
            yield kind, reading


def _letters(text: str) -> str:
    """Letters as they look: compatibility forms, invisible characters gone, other alphabets' likenesses folded."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    plain = "".join(char for char in unicodedata.normalize("NFD", plain) if not _is_stacked(char))
    plain = unicodedata.normalize("NFC", plain)
    if re.search(r"[A-Za-z]", plain):
        plain = _WORD.sub(_fold, plain)
    # Other marks between the same words, as of Chinese or of a smiley, say nothing else.
    return text if _WORD.findall(plain) == _WORD.findall(text) else plain


def _fold(word: re.Match[str]) -> str:
    folded = word[0].translate(_LOOKALIKES)
    return folded if folded.isascii() and len(folded) > 1 else word[0]


def _is_stacked(char: str) -> bool:
    """Whether a mark only overlays its letter, as strikes do; accents stay."""
    return "\u0334" <= char <= "\u0338" or char in "\u20d0\u20d2\u20d3\u20e3\u0489"


def _digits(text: str) -> str:
    """Words with their digits read as letters; `1st`, `x10` and the end of a sentence are left as they are."""

    def read(word: re.Match[str]) -> str:
        folded = word[0].translate(_LEET)
        mixed = len(re.findall(r"[A-Za-z]", word[0])) > 1 and folded != word[0] and folded.isalpha()
        return folded if mixed and not _NUMBERED.fullmatch(word[0]) else word[0]

    return _MIXED.sub(read, text)


def _spaced(text: str) -> str:
    def join(match: re.Match[str]) -> str:
        return " ".join("".join(_WORD.findall(word)).replace("_", "") for word in re.split(r"\s{2,}", match[0]))

    return _SPACED.sub(join, text)


def _decoded(pattern: re.Pattern[str], read: Callable[[str], bytes]) -> Callable[[str], str | None]:
    def view(text: str) -> str | None:
        parts = []
        for match in pattern.finditer(text):
            try:
                said = read(match[0]).decode("utf-8")
            except (ValueError, binascii.Error):
                continue
            if len(said) > 5 and sum(char.isalpha() or char.isspace() for char in said) > 0.8 * len(said):
                parts.append(said)
        return "\n".join(parts) or None

    return view


def _from_base64(text: str) -> bytes:
    packed = re.sub(r"\s", "", text).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)


def _from_hex(text: str) -> bytes:
    return bytes.fromhex("".join(re.findall(r"(?:0x|\\x)?([0-9a-fA-F]{2})", text)))


def _from_bits(text: str) -> bytes:
    return bytes(int(octet, 2) for octet in re.findall(r"[01]{8}", text))


def _percent(text: str) -> str | None:
    return unquote(text) if len(re.findall(r"%[0-9A-Fa-f]{2}", text)) >= 4 else None


def _english(text: str) -> int:
    return sum(word in _COMMON for word in re.findall(r"[a-z]+", text.lower()))


def _if_english(change: Callable[[str], str]) -> Callable[[str], str | None]:
    """A reading that counts only where it makes English of what was none."""

    def view(text: str) -> str | None:
        changed = change(text)
        after = _english(changed)
        return changed if after >= 3 and after > 3 * _english(text) else None

    return view


_KINDS: dict[str, Callable[[str], str | None]] = {
    "letters": _letters,
    "digits": _digits,
    "spaced": _spaced,
    "base64": _decoded(_BASE64, _from_base64),
    "hex": _decoded(_HEX, _from_hex),
    "binary": _decoded(_BITS, _from_bits),
    "percent": _percent,
    "rot13": _if_english(lambda text: codecs.encode(text, "rot13")),
    "reversed": _if_english(lambda text: text[::-1]),
}
"""Each disguise that is known, and how it is taken off."""
