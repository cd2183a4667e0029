"""A person whom the audit trail names by a pseudonym. Pure."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field

KEY_BYTES = 32
_RANDOM_BYTES = 16
_PREFIX = "pseudonym-"
_PSEUDONYM = re.compile(rf"{_PREFIX}[0-9a-f]{{{2 * _RANDOM_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Subject:
    """`name` is the subject of the person's tokens, `key` what their sealed fields are opened with (256 random bits).

    A person is the subject alone, whichever issuer vouches: keys count as their owner (ADR 10).
    """

    pseudonym: str
    name: str = field(repr=False)
    key: bytes = field(repr=False)

    def keyed(self, text: str) -> str:
        """32 hexadecimal digits, the same for the same text, of which nothing can be told or tried without the key."""
        return hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:32]


@dataclass(frozen=True, slots=True)
class Erased:
    """Who it was that a pseudonym named, nobody can tell any more."""

    pseudonym: str
    erased_unix_nano: int


def new_subject(name: str) -> Subject:
    """A pseudonym and a key at random: neither follows from the name."""
    return Subject(f"{_PREFIX}{os.urandom(_RANDOM_BYTES).hex()}", name, os.urandom(KEY_BYTES))


def is_pseudonym(text: str) -> bool:
    """Whether it looks like one; whose it is, only the store knows."""
    return _PSEUDONYM.fullmatch(text) is not None


def erased_name(pseudonym: str) -> str:
    """What stands in a person's place wherever something has to be kept of them, such as sums of money."""
    return f"erased-{pseudonym.removeprefix(_PREFIX)}"
