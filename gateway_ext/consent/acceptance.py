"""What a party has said to an agreement last, and what that means under today's policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway_ext import limits
from gateway_ext.consent.rules import Agreement, Party
from gateway_ext.errors import ConfigurationError


class State(StrEnum):
    """Of an agreement that is asked of somebody."""

    MISSING = "missing"
    OUTDATED = "outdated"  # accepted in another version
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """There is one at most for each party and agreement; what was said before is in the audit trail.

    `shown_sha256` is the digest of the text that was shown, in hexadecimal; "" when none was given. `actor_issuer` is
    the issuer that vouched for the actor at a login; "" for commands. Raises ConfigurationError for unprintable words.
    """

    party: Party
    agreement: str
    version: str
    is_withdrawn: bool
    since_unix_nano: int
    actor: str
    actor_issuer: str = ""
    reason: str = ""
    shown_sha256: str = ""

    def __post_init__(self) -> None:
        for what, text, characters_max in (
            ("the agreement", self.agreement, limits.STANDING_VALUE_CHARACTERS_MAX),
            ("the version", self.version, limits.STANDING_VALUE_CHARACTERS_MAX),
            ("the actor", self.actor, limits.STANDING_VALUE_CHARACTERS_MAX),
            ("the reason", self.reason or "-", limits.STANDING_REASON_CHARACTERS_MAX),
        ):
            if not text.strip() or not text.isprintable() or len(text) > characters_max:
                raise ConfigurationError(f"{what} must be one line of 1 to {characters_max} printable characters")


Key = tuple[str, str, str]
"""Kind and name of the party, name of the agreement: the order in which acceptances are listed."""


def key_of(acceptance: Acceptance) -> Key:
    """Where the list goes on after `acceptance`."""
    return str(acceptance.party.kind), acceptance.party.name, acceptance.agreement


def state_of(agreement: Agreement, acceptance: Acceptance | None) -> State:
    """What `acceptance`, of whoever has to accept it, is worth for the version in force."""
    if acceptance is None:
        return State.MISSING
    if acceptance.is_withdrawn:
        return State.WITHDRAWN
    return State.ACCEPTED if acceptance.version == agreement.version else State.OUTDATED
