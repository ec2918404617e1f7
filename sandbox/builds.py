"""What goes into a sandbox for one program: its files, the command that compiles them, the command that runs them.

`Builds` remembers what compilers made, by everything that went into it, so that the same program is compiled once. What
it remembers was made inside a sandbox from that very source: a program can spoil nobody's build but its own.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .languages import Language
from .limits import Limits

CACHE_MB = 64.0
"""How much `Builds` keeps."""
_LARGEST = 16 << 20
"""Bytes of one build's products; larger ones are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One program, ready to be loaded."""

    files: Mapping[str, bytes]
    """What stands in its folder."""
    compile: Sequence[tuple[str, ...]]
    """The commands that compile it: the next is tried where one fails. Empty where nothing is compiled."""
    run: tuple[str, ...]
    """The command that runs it."""
    shows_end: bool
    """Whether appended test code shows that it ran to its end."""
    key: bytes
    """Hash of all that."""


def build(language: Language, source: str, limits: Limits, code: str | None = None, standard: str = "") -> Build:
    """The build of a program, with the code of a program test appended where there is any."""
    ending = language.ending if code is not None else None
    text = source if code is None else f"{source}\n{ending.prepend if ending else ''}{code}"
    files: dict[str, bytes] = {}
    if ending is not None and ending.join is not None and code is not None:
        text, more = ending.join(source, code)
        files |= {name: content.encode("utf-8", "replace") for name, content in more.items()}
    elif ending is not None:
        for name, content in ending.files.items():
            files[name] = content.replace("{main}", language.test_main(text) if language.test_main else "").encode()
        text += ending.append
    files[language.file(text)] = text.encode("utf-8", "replace")
    run = language.fill(ending.run if ending and ending.run else language.run, text, limits)
    commands = []
    if language.compile is not None:
        command = [*language.compile, *(ending.compile if ending else ())]
        tried = language.tried_standards(standard)
        commands = [tuple(language.fill(command, text, limits, each)) for each in tried]
    digest = hashlib.blake2b(repr((language.name, language.image, commands, sorted(files.items()))).encode())
    return Build(files=files, compile=commands, run=tuple(run), shows_end=ending is not None, key=digest.digest())


class Builds:
    """Products of compilers by the key of their build, the most recently used ones; for any number of threads."""

    def __init__(self, megabytes: float = CACHE_MB) -> None:
        """`megabytes` bounds what is kept; 0 keeps nothing."""
        self._room = int(megabytes * (1 << 20))
        self._held: OrderedDict[bytes, Mapping[str, bytes]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def keeps(self) -> bool:
        """Whether there is anything to gain from `put`."""
        return self._room > 0

    def get(self, key: bytes) -> Mapping[str, bytes] | None:
        """The products of a build, as files to load; None where they are not known."""
        with self._lock:
            build = self._held.get(key)
            if build is not None:
                self._held.move_to_end(key)
            return build

    def put(self, key: bytes, products: Mapping[str, bytes]) -> None:
        """Remember the products of a build."""
        size = sum(map(len, products.values()))
        with self._lock:
            if key in self._held or size > min(self._room, _LARGEST):
                return
            self._held[key] = products
            self._size += size
            while self._size > self._room:
                _, dropped = self._held.popitem(last=False)
                self._size -= sum(map(len, dropped.values()))
