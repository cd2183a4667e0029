"""What policy says about callers: how claims become a principal, who speaks for whom, and who may administrate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.exchange import CredentialClass, Interface
from gateway_ext.identity.access import AccessRule, AccessTable


@dataclass(frozen=True, slots=True)
class IssuerRule:
    """How to read the tokens of one issuer, named as Envoy's jwt_authn provider of the same name.

    `claims` maps a field of Principal (subject, team, project, application, environment, groups, credential_id,
    purpose, email, cost_center) to the path of a claim; dots descend into objects. `required` lists the fields that must be
    present. `keys_max_age_seconds`: how old the keys may be that Envoy fetched from the identity provider; None: its keys
    are not fetched from one.
    """

    name: str
    credential_class: CredentialClass
    kind: str  # person | service
    interfaces: frozenset[Interface]
    claims: Mapping[str, str]
    required: frozenset[str] = frozenset({"subject"})
    defaults: Mapping[str, str] = field(default_factory=dict)
    keys_max_age_seconds: int | None = None
    is_bound: bool = False  # its tokens must name the client certificate that they come with
    lowercase: frozenset[str] = frozenset()  # fields that are the same in upper and lower case: subject, email


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """A service that may say for whom it asks. `asserts` maps a field of Principal to the header, in lower case, that it
    is said in; `people` is the issuer whose people these are. `percent_encoded` names fields."""

    name: str
    issuer: str
    subject: str
    people: str
    asserts: Mapping[str, str]
    is_required: bool = True  # a request for nobody is refused; else it is the service's own
    percent_encoded: frozenset[str] = frozenset()
    labels_header: str = ""  # in which it says of which classes the content is; "": in none
    conversation_header: str = ""  # in which it names the conversation; "": in none


class Role(StrEnum):
    """What somebody may do in the control plane. Roles add up; console/permissions.py says what each may."""

    DEVELOPER = "developer"  # own credentials, own agreements
    ADMIN = "admin"  # people, services, stops
    SECURITY_OFFICER = "security-officer"  # stops, revocations; sees everything
    AUDITOR = "auditor"  # sees everything, changes nothing


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who has `role`: whoever matches all given conditions. At least one is given: nobody has a role by default."""

    role: Role
    groups: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoginRule:
    """An OpenID Connect provider at which people log in to the console; `name` is that of its issuer above.

    `issuer_url` is what its tokens say in `iss`; `discovery_url` is where its metadata lie (OpenID Connect Discovery 1.0).
    """

    name: str
    issuer_url: str
    discovery_url: str
    client_id: str
    scopes: tuple[str, ...] = ("openid",)


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """`front_ends` by issuer and subject. What requests ask at once is derived: `access_table`, and which headers are read."""

    issuers: Mapping[str, IssuerRule]
    access: tuple[AccessRule, ...]
    roles: tuple[RoleRule, ...] = ()
    logins: Mapping[str, LoginRule] = field(default_factory=dict)
    front_ends: Mapping[tuple[str, str], FrontEnd] = field(default_factory=dict)
    access_table: AccessTable = field(init=False, repr=False, compare=False)
    user_headers: frozenset[str] = field(init=False, repr=False, compare=False)
    labels_headers: frozenset[str] = field(init=False, repr=False, compare=False)
    conversation_headers: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        front_ends = self.front_ends.values()
        labels = frozenset(each.labels_header for each in front_ends) - {""}
        conversations = frozenset(each.conversation_header for each in front_ends) - {""}
        asserted = frozenset(header for each in front_ends for header in each.asserts.values())
        object.__setattr__(self, "access_table", AccessTable(self.access))  # frozen
        object.__setattr__(self, "labels_headers", labels)
        object.__setattr__(self, "conversation_headers", tuple(sorted(conversations)))
        object.__setattr__(self, "user_headers", asserted | labels | conversations)
