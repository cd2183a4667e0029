"""The published keys of one issuer over time: the one that signs, the one that will, those that have signed. Pure.

A new key is published before it signs, so that every Envoy knows it by then; an old one stays published until the last
token that it signed has expired. Each key carries its times in its own JWK, which may have further members (RFC 7517 §4):
`nbf`, from when on it signs, and `exp`, when it is no longer published, both Unix seconds. One that an operator's program
holds says so in `held_by`: key files do not take its place by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gateway_ext.errors import ConfigurationError

HELD_ELSEWHERE = {"held_by": "signer_command"}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6


class KeyState(StrEnum):
    NEXT = "next"  # published, does not sign yet
    ACTIVE = "active"
    RETIRED = "retired"  # verifies what it has signed


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """`jwk` is the public key without its times. `published_until_unix` is None until it is retired."""

    jwk: Mapping[str, str]
    signs_from_unix: int
    published_until_unix: int | None = None

    @property
    def id(self) -> str:
        return self.jwk["kid"]

    @property
    def is_held_elsewhere(self) -> bool:
        return self.jwk.items() >= HELD_ELSEWHERE.items()


@dataclass(frozen=True, slots=True)
class KeySet:
    """In the order in which the keys sign. `name` is that of the issuer, for messages."""

    name: str
    keys: tuple[PublishedKey, ...] = ()

    def state(self, key: PublishedKey, now_unix: int) -> KeyState:
        """What a key of this set does at a time."""
        if key.signs_from_unix > now_unix:
            return KeyState.NEXT
        signing = self.signing(now_unix)
        return KeyState.ACTIVE if signing is not None and signing.id == key.id else KeyState.RETIRED

    def signing(self, now_unix: int) -> PublishedKey | None:
        """The newest key whose time has come."""
        return next((key for key in reversed(self.keys) if key.signs_from_unix <= now_unix), None)

    def require_settled(self, now_unix: int) -> None:
        """Raises ConfigurationError while a key waits for its time."""
        if self.keys and self.keys[-1].signs_from_unix > now_unix:
            raise ConfigurationError(
                f"issuer '{self.name}': the key {self.keys[-1].id} takes over in"
                f" {self.keys[-1].signs_from_unix - now_unix} s; rotate again after that"
            )

    def rotated(self, jwk: Mapping[str, str], now_unix: int, lead_seconds: int, token_seconds_max: int) -> KeySet:
        """With a new key that signs after `lead_seconds`; until `token_seconds_max` after that the others are published.

        Raises ConfigurationError while an earlier rotation is under way.
        """
        self.require_settled(now_unix)
        signs_from_unix = now_unix + lead_seconds
        until_unix = signs_from_unix + token_seconds_max
        retired = (
            replace(key, published_until_unix=min(key.published_until_unix or until_unix, until_unix))
            for key in self.published(now_unix).keys
        )
        return replace(self, keys=(*retired, PublishedKey(dict(jwk), signs_from_unix)))

    def published(self, now_unix: int) -> KeySet:
        """Without the keys whose time is over."""
        live = (key for key in self.keys if key.published_until_unix is None or key.published_until_unix > now_unix)
        return replace(self, keys=tuple(live))

    def document(self, *, with_times: bool) -> str:
        """The JWKS (RFC 7517 §5). Verifiers get it without times, and without who holds the keys."""
        return json.dumps({"keys": [_written(key, with_times) for key in self.keys]}, indent=2) + "\n"


def parse(name: str, text: str) -> KeySet:
    """The set of a JWKS. Raises ConfigurationError for one that is damaged, or that holds a private key."""
    try:
        keys = tuple(_read(key) for key in json.loads(text)["keys"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"jwks/{name}.json: not a JWKS of public keys ({type(error).__name__})") from error
    return KeySet(name, tuple(sorted(keys, key=lambda key: key.signs_from_unix)))


def _read(written: dict[str, Any]) -> PublishedKey:
    jwk = {member: value for member, value in written.items() if member not in {"nbf", "exp"}}
    until = written.get("exp")
    if _PRIVATE_MEMBERS & jwk.keys() or not isinstance(jwk["kid"], str) or not isinstance(jwk["kty"], str):
        raise ValueError
    return PublishedKey(jwk, int(written.get("nbf", 0)), None if until is None else int(until))


def _written(key: PublishedKey, with_times: bool) -> dict[str, Any]:
    if not with_times:
        return {member: value for member, value in key.jwk.items() if member not in HELD_ELSEWHERE}
    until = key.published_until_unix
    return {**key.jwk, "nbf": key.signs_from_unix, **({} if until is None else {"exp": until})}
