"""What policy says about credentials that the gateway mints. Checked when one is minted; one that lives, lives on."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.errors import ConfigurationError

DAY_SECONDS = 86_400
DAYS_MAX = 90  # as *_token_lifetime_max in envoy.yaml: Envoy refuses what lives longer


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a credential may live, in days, and how many live ones one subject may have.

    `currency` is the book's, in which a credential's own budget is; "": it cannot have one.
    """

    days_max: int
    days_default: int
    per_subject_max: int
    currency: str = ""


@dataclass(frozen=True, slots=True)
class CredentialRules:
    personal: Bounds = Bounds(days_max=30, days_default=30, per_subject_max=20)
    service: Bounds = Bounds(days_max=90, days_default=90, per_subject_max=20)


class CredentialInvalid(ConfigurationError):  # noqa: N818  (what was asked for is invalid, nothing has failed)
    """What was asked for cannot be minted. `field` is one of Asked, Owner or Binding; `problem` says how to put it right."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class CredentialConflict(ConfigurationError):  # noqa: N818  (as above)
    """It could be done, but not as things are: the owner has as many as policy allows, or it was rotated or revoked."""
