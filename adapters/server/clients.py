"""Who may ask: named tokens, and how many requests each may have under way.

A file of tokens holds one token, or a line for each client, `NAME TOKEN [MOST]`, where MOST bounds the requests that it
may have under way. Names end in logs and metrics, tokens nowhere.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...verifiers.errors import ConfigError

LEAST_TOKEN = 16
"""Characters of a token at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClient:
    """One that may ask."""

    name: str
    token: bytes
    most: int | None = None
    """Requests that it may have under way; None for any number."""


@dataclass(slots=True)
class Clients:
    """All that may ask; everybody where there are none."""

    known: Sequence[TokenClient] = ()
    most: int | None = None
    """Requests that a client may have under way, where its own line does not say."""
    under_way: Counter[str] = field(default_factory=Counter)

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> TokenClient | None:
        """The client whose token a request carries; None where it carries none that is known, or two."""
        authorizations = [value for name, value in headers if name == b"authorization"]
        if len(authorizations) != 1:
            return None
        token = _token_in(authorizations[0])
        matching = None
        for client in self.known:  # all of them, so that the time says nothing
            if hmac.compare_digest(token, client.token):
                matching = client
        return matching

    def has_room(self, client: TokenClient) -> bool:
        """Whether a client may have one more request under way."""
        most = client.most if client.most is not None else self.most
        return most is None or self.under_way[client.name] < most


def read_clients(text: str, where: str) -> list[TokenClient]:
    """The clients of a token file.

    Raises:
        ConfigError: There is none, or a token is unfit, or two are called alike.

    >>> [client.name for client in read_clients("trainer 0123456789abcdef 8", "tokens")]
    ['trainer']
    """
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) == 1 and len(lines[0]) == 1:
        return [TokenClient(name="token", token=_fit(lines[0][0], where))]
    clients = []
    for words in lines:
        if len(words) not in (2, 3) or (len(words) == 3 and not (words[2].isdigit() and int(words[2]))):
            raise ConfigError(f"{where} must hold one token, or lines of NAME TOKEN [MOST REQUESTS AT ONCE]")
        name, token, *most = words
        if not (name.replace("-", "").replace("_", "").isalnum() and name.isascii() and len(name) <= 40):
            raise ConfigError(f"{where} names a client {name[:40]!r}; a name is of letters, digits, - and _")
        clients.append(TokenClient(name=name, token=_fit(token, where), most=int(most[0]) if most else None))
    for what, values in (("name", [one.name for one in clients]), ("token", [one.token for one in clients])):
        if len(set(values)) < len(values):
            raise ConfigError(f"{where} gives the same {what} twice")
    if not clients:
        raise ConfigError(f"{where} holds no token, which has at least {LEAST_TOKEN} printable ASCII characters")
    return clients


def _fit(token: str, where: str) -> bytes:
    if not (token.isascii() and token.isprintable() and len(token) >= LEAST_TOKEN):
        raise ConfigError(
            f"{where} must hold tokens of at least {LEAST_TOKEN} printable ASCII characters without spaces"
        )
    return token.encode()


def _token_in(header: bytes) -> bytes:
    """The token in an Authorization header: a bearer's, or the password that clients make of http://user:token@host."""
    scheme, _, value = header.strip().partition(b" ")
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return value.strip() if scheme.lower() == b"bearer" else b""
