"""The shape of identity.yaml and access.yaml. docs/policy.md explains every key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway_ext.credentials.rules import DAYS_MAX as CREDENTIAL_DAYS_MAX
from gateway_ext.exchange import CredentialClass, Endpoint, Interface
from gateway_ext.identity.rules import Role
from gateway_ext.policy import fields
from gateway_ext.policy.conditions_schema import AccessCondition
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import LaxClass, Names, Section

PrincipalField = Literal[
    "subject",
    "team",
    "project",
    "application",
    "environment",
    "groups",
    "credential_id",
    "purpose",
    "email",
    "cost_center",
]
AssertedField = Literal["subject", "email", "team", "project", "cost_center", "purpose", "groups"]

LaxInterface = Annotated[Interface, Field(strict=False)]  # lax: from the enum's text
LaxRole = Annotated[Role, Field(strict=False)]
LaxEndpoint = Annotated[Endpoint, Field(strict=False)]


class Issuer(Section):
    credential_class: CredentialClass = Field(alias="class", strict=False, examples=["sso"])
    kind: Literal["person", "service"] = Field(examples=["person"])
    interfaces: Annotated[tuple[LaxInterface, ...], fields.ONCE] = Field(examples=["[public]"])
    claims: dict[PrincipalField, fields.ClaimPath] = Field(examples=["{subject: sub}"])
    required: Annotated[tuple[PrincipalField, ...], fields.ONCE] = ("subject",)
    defaults: dict[PrincipalField, fields.Line] = Field(default_factory=dict)
    keys_max_age_seconds: int | None = Field(default=None, ge=10, le=30 * 86_400)
    bound: bool | None = None  # absent: as its class needs
    lowercase: Annotated[tuple[Literal["subject", "email"], ...], fields.ONCE] = ()

    @property
    def is_bound(self) -> bool:
        return self.credential_class is CredentialClass.SERVICE if self.bound is None else self.bound

    @field_validator("kind")
    @classmethod
    def _fits_the_class(cls, kind: str, info: ValidationInfo) -> str:
        credential_class = info.data.get("credential_class")
        if credential_class and (kind == "service") != (credential_class is CredentialClass.SERVICE):
            raise fault(f"is '{kind}', which class '{credential_class}' cannot be; service goes with service only")
        return kind

    @field_validator("interfaces")
    @classmethod
    def _services_stay_inside(cls, interfaces: tuple[Interface, ...], info: ValidationInfo) -> tuple[Interface, ...]:
        if info.data.get("credential_class") is CredentialClass.SERVICE and Interface.PUBLIC in interfaces:
            raise fault("accepts service credentials on the public interface; they belong on [internal] (mutual TLS)")
        return interfaces

    @field_validator("claims")
    @classmethod
    def _names_the_subject(cls, claims: dict[str, str]) -> dict[str, str]:
        if "subject" not in claims:
            raise fault("does not say which claim names the caller; add for example 'subject: sub'")
        return claims

    @field_validator("defaults")
    @classmethod
    def _grants_nothing(cls, defaults: dict[str, str]) -> dict[str, str]:
        for name in ("subject", "groups", "credential_id", "email"):
            if name in defaults:
                raise fault(f"gives every caller the same '{name}'; take it from a claim")
        return defaults

    @model_validator(mode="after")
    def _can_be_satisfied(self) -> Issuer:
        for name in self.required:
            if name not in self.claims and name not in self.defaults:
                raise fault(f"requires '{name}', which neither 'claims' nor 'defaults' gives: it would refuse everyone")
        return self


class FrontEnd(Section):
    """A service that says in headers for whom it asks. Named like the service's subject, unless `subject` says another."""

    issuer: fields.Name = Field(examples=["service"])
    subject: fields.Line | None = None
    people: fields.Name = Field(examples=["company"])
    asserts: dict[AssertedField, fields.UserHeader] = Field(examples=["{subject: x-openwebui-user-email}"])
    required: bool = True
    percent_encoded: Annotated[tuple[AssertedField, ...], fields.ONCE] = ()
    labels_header: fields.UserHeader | None = None
    conversation_header: fields.UserHeader | None = None

    @field_validator("asserts")
    @classmethod
    def _says_who(cls, asserts: dict[str, str]) -> dict[str, str]:
        if "subject" not in asserts:
            raise fault("does not say which header names the person; add for example 'subject: x-openwebui-user-email'")
        return asserts

    @field_validator("percent_encoded")
    @classmethod
    def _are_asserted(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if name not in info.data.get("asserts", names):
                raise fault(f"names '{name}', which 'asserts' takes from no header; remove it, or add its header there")
        return names


class PersonalCredentials(Section):
    """Bounds of what `gateway-ext keys` mints."""

    days_max: int = Field(default=30, ge=1, le=CREDENTIAL_DAYS_MAX)
    days_default: int = Field(default=30, ge=1, le=CREDENTIAL_DAYS_MAX)
    per_person_max: int = Field(default=20, ge=1, le=1_000)

    @model_validator(mode="after")
    def _default_fits(self) -> PersonalCredentials:
        require_days(self.days_default, self.days_max)
        return self


class ServiceCredentials(Section):
    days_max: int = Field(default=90, ge=1, le=CREDENTIAL_DAYS_MAX)
    days_default: int = Field(default=90, ge=1, le=CREDENTIAL_DAYS_MAX)
    per_service_max: int = Field(default=20, ge=1, le=1_000)

    @model_validator(mode="after")
    def _default_fits(self) -> ServiceCredentials:
        require_days(self.days_default, self.days_max)
        return self


def require_days(default: int, maximum: int) -> None:
    if default > maximum:
        raise fault("has a days_default above its days_max; lower the one or raise the other")


class RoleHolders(Section):
    """Whoever matches all that is written; of each list one."""

    groups: Names = ()
    teams: Names = ()
    subjects: Names = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> RoleHolders:
        if not self.model_fields_set:
            raise fault("names nobody, which would mean everybody; name groups, teams or subjects")
        return self


class Login(Section):
    issuer: fields.HttpsUrl = Field(examples=["https://idp.example.eu"])
    discovery: fields.HttpsUrl | None = None  # absent: below the issuer
    client_id: fields.Line = Field(examples=["gateway-ext"])
    scopes: Names = ("openid",)

    @field_validator("scopes")
    @classmethod
    def _asks_for_an_id_token(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise fault("lacks 'openid', without which there is no ID token")
        return scopes


class Console(Section):
    """Who may do what in the control plane, and where people log in to it. `logins` are named like their issuers."""

    roles: dict[LaxRole, RoleHolders] = Field(default_factory=dict)
    logins: dict[fields.Name, Login] = Field(default_factory=dict)


class IdentityFile(Section):
    console: Console = Console()
    personal_credentials: PersonalCredentials = PersonalCredentials()
    service_credentials: ServiceCredentials = ServiceCredentials()
    issuers: dict[fields.Name, Issuer] = Field(
        min_length=1,
        examples=["{company: {class: sso, kind: person, interfaces: [public], claims: {subject: sub}}}"],
    )
    front_ends: dict[fields.Name, FrontEnd] = Field(default_factory=dict)


class Access(Section):
    name: fields.Line = Field(examples=["everyone-in-sales"])
    models: Annotated[tuple[fields.Pattern, ...], fields.ONCE] = Field(examples=["[assistant]"])
    # An empty list is refused: emptied by mistake, it would turn 'these groups' into 'anyone'.
    groups: Names = ()
    teams: Names = ()
    subjects: Names = ()
    credential_classes: Annotated[tuple[LaxClass, ...], fields.ONCE] = ()
    environments: Names = ()
    applications: Names = ()
    projects: Names = ()
    purposes: Names = ()
    # What is granted of the models.
    endpoints: Annotated[tuple[LaxEndpoint, ...], fields.ONCE] = ()
    tiers: Annotated[tuple[fields.KnownTier, ...], fields.ONCE] = ()
    when: AccessCondition | None = None

    @field_validator("endpoints")
    @classmethod
    def _can_be_used(cls, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        if Endpoint.MODELS in endpoints:
            raise fault("names /v1/models, which needs no grant: it lists what its caller may use; remove it")
        if Endpoint.COUNT_TOKENS in endpoints:
            raise fault("names /v1/messages/count_tokens, which is granted with /v1/messages; write that, or remove it")
        return endpoints


class AccessFile(Section):
    access: tuple[Access, ...] = Field(examples=["[]"])
