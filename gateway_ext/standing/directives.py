"""What operators have ordered beside policy: credentials revoked, people disabled, traffic stopped. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError

# Envoy takes a token for a minute beyond its end, and clocks differ: a revocation outlives its credential by this.
EXPIRY_MARGIN_NANO = 3_600 * limits.NANO
_JURISDICTION = re.compile(r"[A-Z]{2}")


class Measure(StrEnum):
    """What is done."""

    REVOKED = "revoked"  # a credential, until it would have expired
    DISABLED = "disabled"  # a person, with all credentials
    STOPPED = "stopped"  # for a while


class Scope(StrEnum):
    """To what. A `person` is a subject: a person, or a service by its name."""

    EVERYTHING = "everything"
    MODEL = "model"  # as callers name it, or as a provider does
    PROVIDER = "provider"
    JURISDICTION = "jurisdiction"
    TEAM = "team"
    APPLICATION = "application"
    CREDENTIAL = "credential"
    PERSON = "person"


_SCOPES = {
    Measure.REVOKED: frozenset({Scope.CREDENTIAL}),
    Measure.DISABLED: frozenset({Scope.PERSON}),
    Measure.STOPPED: frozenset(Scope),
}


@dataclass(frozen=True, slots=True)
class Target:
    """The key of a directive: there is one at most for each. `issuer` narrows a disabled person; "" means all.

    Raises ConfigurationError when it can be meant by no request.
    """

    measure: Measure
    scope: Scope
    value: str = ""
    issuer: str = ""

    def __post_init__(self) -> None:
        if self.scope not in _SCOPES[self.measure]:
            raise ConfigurationError(f"a {self.scope} cannot be {self.measure}")
        if self.scope is Scope.EVERYTHING:
            if self.value:
                raise ConfigurationError("'everything' takes no name")
        else:
            _require_line(f"the {self.scope}", self.value, limits.STANDING_VALUE_CHARACTERS_MAX)
        if self.scope is Scope.JURISDICTION and not _JURISDICTION.fullmatch(self.value):
            raise ConfigurationError("a jurisdiction is two capital letters, such as DE (ISO 3166-1)")
        if self.issuer and self.measure is not Measure.DISABLED:
            raise ConfigurationError("only a disabled person may be narrowed to an issuer")
        if self.issuer:
            _require_line("the issuer", self.issuer, limits.STANDING_VALUE_CHARACTERS_MAX)

    def __str__(self) -> str:
        name = f"{self.scope} {self.value}".rstrip()
        return f"{name} (issuer {self.issuer})" if self.issuer else name


@dataclass(frozen=True, slots=True)
class Directive:
    """One order, who gave it, when and why. `expires_unix_nano` is the end of a revoked credential; 0: until undone.

    Raises ConfigurationError when actor or reason are not one printable line. The reason is shown to callers.
    """

    target: Target
    actor: str
    reason: str
    since_unix_nano: int
    expires_unix_nano: int = 0

    def __post_init__(self) -> None:
        _require_line("the actor", self.actor, limits.STANDING_VALUE_CHARACTERS_MAX)
        _require_line("the reason", self.reason, limits.STANDING_REASON_CHARACTERS_MAX)
        if self.expires_unix_nano < 0 or (self.expires_unix_nano and self.target.measure is not Measure.REVOKED):
            raise ConfigurationError("only a revoked credential expires")

    def is_over(self, now_unix_nano: int) -> bool:
        """Whether nothing can come of it any more: the credential it revokes has expired."""
        return 0 < self.expires_unix_nano < now_unix_nano - EXPIRY_MARGIN_NANO


def _require_line(what: str, text: str, characters_max: int) -> None:
    if not text.strip() or not text.isprintable() or len(text) > characters_max:
        raise ConfigurationError(f"{what} must be one line of 1 to {characters_max} printable characters")
