"""Signing keys that the gateway never has: an operator's program asks a key management service or a hardware module.

    PROGRAM public ISSUER        prints the issuer's public keys as a JWKS (RFC 7517 §5), or a single JWK: oldest first, each
                                 with a `kid` of its own; the last one is the one to sign from the next rotation on
    PROGRAM sign ISSUER KEY_ID   reads the signing input (RFC 7515 §5.1), prints the signature in JOSE's form as base64url

What is published, and which key signs when, is decided here, as for key files: the service only holds the keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.credentials.key_set import HELD_ELSEWHERE, KeySet, PublishedKey
from gateway_ext.credentials.public_keys import has_signed, published_form
from gateway_ext.credentials.published_keys import PublishedKeys, alone
from gateway_ext.credentials.rules import DAY_SECONDS, DAYS_MAX
from gateway_ext.credentials.signing import from_base64url
from gateway_ext.credentials.trusted_program import run
from gateway_ext.errors import ConfigurationError

KEYS_MAX = 32


@dataclass(frozen=True, slots=True)
class ProgramSigner:
    """A Signer whose key is behind the program. No signature leaves it that the published key does not verify."""

    program: Path
    name: str
    jwk: Mapping[str, str]

    @property
    def algorithm(self) -> str:
        return self.jwk["alg"]

    @property
    def key_id(self) -> str:
        return self.jwk["kid"]

    def sign(self, message: bytes) -> bytes:
        arguments = ("sign", self.name, self.key_id)
        output = run(self.program, arguments, message)
        try:
            signature = from_base64url(output.decode("ascii").strip())
        except ValueError:
            signature = b""
        if not has_signed(self.jwk, message, signature):
            raise ConfigurationError(
                f"{self.program} {' '.join(arguments)}: what it prints is not the signature ({self.algorithm}, base64url)"
                " of the published key; check that it signs the bytes as they are, with this very key"
            )
        return signature


@dataclass(frozen=True, slots=True)
class ProgramKeys:
    """SigningKeys. `published_dir` holds a JWKS for each issuer."""

    program: Path
    published_dir: Path

    def ensure(self, name: str, now_unix: int) -> None:
        held = self._held(name)
        with self._alone():
            known = self._published.find(name) or KeySet(name)
            signing = known.signing(now_unix)
            if signing is None or signing.jwk not in held:
                known.require_settled(now_unix)
                jwk = self._new(known, held)
                self._published.write(known.rotated(jwk, now_unix, 0, DAYS_MAX * DAY_SECONDS))

    def signer(self, name: str, now_unix: int) -> ProgramSigner:
        signing = self._published.known(name).signing(now_unix)
        if signing is None:
            raise ConfigurationError(
                f"issuer '{name}': no published key signs yet; see 'gateway-ext keys signing list'"
            )
        return ProgramSigner(self.program, name, signing.jwk)

    def newest(self, name: str) -> ProgramSigner:
        """By the newest key that the program holds, whether it is published or not. Raises ConfigurationError."""
        return ProgramSigner(self.program, name, self._held(name)[-1])

    def key_set(self, name: str, now_unix: int) -> KeySet:
        return self._published.known(name).published(now_unix)

    def rotate(
        self, name: str, now_unix: int, lead_seconds: int, token_seconds_max: int, record: Callable[[], None]
    ) -> KeySet:
        held = self._held(name)
        with self._alone():
            known = self._published.known(name)
            rotated = known.rotated(self._new(known, held), now_unix, lead_seconds, token_seconds_max)
            record()
            return self._published.write(rotated)

    def replace(self, name: str, now_unix: int, record: Callable[[], None]) -> KeySet:
        held = self._held(name)
        with self._alone():
            only = PublishedKey(self._new(self._published.find(name) or KeySet(name), held), now_unix)
            record()
            return self._published.write(KeySet(name, (only,)))

    @property
    def _published(self) -> PublishedKeys:
        return PublishedKeys(self.published_dir)

    def _alone(self) -> AbstractContextManager[None]:
        self.published_dir.mkdir(parents=True, exist_ok=True)
        return alone(self.published_dir)

    def _held(self, name: str) -> Sequence[dict[str, str]]:
        """What the program says to hold, oldest first, in published form."""
        output = run(self.program, ("public", name), b"")
        try:
            document = json.loads(output)
            held = [published_form(each) | HELD_ELSEWHERE for each in document.get("keys", [document])]
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise self._unusable(name, "is not JSON") from None
        except (AttributeError, TypeError):
            raise self._unusable(name, "is neither a JWKS nor a JWK") from None
        except ValueError as error:
            raise self._unusable(name, str(error)) from None
        if not 0 < len(held) <= KEYS_MAX or len({each["kid"] for each in held}) != len(held):
            raise self._unusable(name, f"must be 1 to {KEYS_MAX} keys, each with a kid of its own")
        return held

    def _new(self, known: KeySet, held: Sequence[dict[str, str]]) -> dict[str, str]:
        """The newest key, which must not be published already: one that is retired does not sign again."""
        newest = held[-1]
        if any(each.id == newest["kid"] for each in known.keys):
            raise self._unusable(
                known.name,
                f"ends with the key '{newest['kid']}', whose kid is published already; rotate the key there first",
            )
        return newest

    def _unusable(self, name: str, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self.program} public {name}: what it prints {why}")
