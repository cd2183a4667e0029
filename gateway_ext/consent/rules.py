"""What policy asks people and teams to accept before a model is called for them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass, Principal


class PartyKind(StrEnum):
    """Who accepts an agreement: each person for themselves, or somebody once for a team."""

    PERSON = "person"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Party:
    """Who is bound. A person is known by the subject alone, whichever issuer vouches for it: keys count as their owner.

    Raises ConfigurationError when `name` is not one printable line.
    """

    kind: PartyKind
    name: str

    def __post_init__(self) -> None:
        if (
            not self.name.strip()
            or not self.name.isprintable()
            or len(self.name) > limits.STANDING_VALUE_CHARACTERS_MAX
        ):
            raise ConfigurationError(
                f"a {self.kind} is one line of 1 to {limits.STANDING_VALUE_CHARACTERS_MAX} printable characters"
            )

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Asked of whoever matches all given conditions; an empty condition is anyone's. A new `version` asks anew.

    What a person must accept is never asked of a service.
    """

    name: str
    version: str
    title: str
    accepted_by: PartyKind
    url: str = ""  # where its text can be read
    teams: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    credential_classes: frozenset[CredentialClass] = frozenset()

    def concerns(self, principal: Principal) -> bool:
        """Whether a request of `principal` needs it."""
        return (
            self.may_concern(principal)
            and (not self.applications or principal.application in self.applications)
            and (not self.purposes or principal.purpose in self.purposes)
            and (not self.environments or principal.environment in self.environments)
            and (not self.credential_classes or principal.credential_class in self.credential_classes)
        )

    def may_concern(self, principal: Principal) -> bool:
        """The same for any credential that the caller behind `principal` may come with: whatever it is for."""
        return (
            (self.accepted_by is PartyKind.TEAM or principal.kind == "person")
            and (not self.teams or principal.team in self.teams)
            and (not self.groups or not self.groups.isdisjoint(principal.groups))
            and (not self.subjects or principal.subject in self.subjects)
        )

    def party(self, principal: Principal) -> Party | None:
        """Who has to accept it for `principal`. None: its team, and it has none."""
        name = principal.subject if self.accepted_by is PartyKind.PERSON else principal.team
        return Party(self.accepted_by, name) if name.strip() else None


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """`accept_at` is where callers are sent to accept; "": the console's page."""

    agreements: tuple[Agreement, ...] = ()
    accept_at: str = ""

    def find(self, name: str) -> Agreement:
        """Raises ConfigurationError when there is none of that name."""
        for agreement in self.agreements:
            if agreement.name == name:
                return agreement
        known = ", ".join(each.name for each in self.agreements) or "(none)"
        raise ConfigurationError(f"policy asks for no agreement '{name}' (agreements.yaml); known: {known}")
