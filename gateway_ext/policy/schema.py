"""The shape of each policy file. docs/policy.md explains every key; `examples` are shown when a required key is missing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway_ext import limits
from gateway_ext.credentials.rules import DAYS_MAX as CREDENTIAL_DAYS_MAX
from gateway_ext.exchange import CredentialClass, Dialect, Endpoint, Interface
from gateway_ext.guard.rules import Action, Direction
from gateway_ext.identity.rules import Role
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.schema_agreements import AgreementsFile
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
LaxDialect = Annotated[Dialect, Field(strict=False)]
LaxDirection = Annotated[Direction, Field(strict=False)]
TextRole = Literal["system", "developer", "user", "assistant", "tool", "function"]

_DEADLINE_MS_MAX = int(limits.GUARD_DEADLINE_SECONDS * 1000)
_DETECTOR_DEADLINE_MS_MAX = int(limits.GUARD_DETECTOR_DEADLINE_SECONDS * 1000)

# --- providers.yaml -------------------------------------------------------------------------------------------------


class Provider(Section):
    nullable = frozenset({"credential"})

    allow_plaintext: bool = False  # before `url`, whose check needs it
    url: str = Field(examples=["https://api.example.eu/v1"])
    jurisdiction: fields.Jurisdiction = Field(examples=["FR"])
    tier: fields.KnownTier = Field(examples=["frontier-eu"])
    dialect: LaxDialect = Dialect.OPENAI
    credential: fields.Credential | None = None  # absent: the provider's name; null: none
    credential_header: fields.HeaderName = "authorization"  # absent: as usual in the dialect
    credential_prefix: str = "Bearer "
    ca_file: fields.Line = ""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str, info: ValidationInfo) -> str:
        parts = fields.endpoint(url)
        plaintext_is_meant = info.data.get("allow_plaintext", True)
        if parts.scheme == "http" and not (plaintext_is_meant or fields.is_loopback(parts.hostname or "")):
            raise fault(
                "sends prompts and the key unencrypted to another machine; use https://, or add 'allow_plaintext: true'"
            )
        return url

    @field_validator("credential_prefix")
    @classmethod
    def _fits_a_header(cls, prefix: str) -> str:
        if not prefix.isascii() or (prefix and not prefix.isprintable()):
            raise fault("must be printable ASCII, such as 'Bearer ' or ''")
        return prefix


class ProvidersFile(Section):
    providers: dict[fields.Name, Provider] = Field(examples=["{}"])


# --- models.yaml ----------------------------------------------------------------------------------------------------


class Price(Section):
    """In units of the book's currency: per million tokens, and per request."""

    input: fields.Rate = Field(examples=["2.5"])
    output: fields.Rate = Field(examples=["10"])
    cached_input: fields.Rate | None = None  # absent: as `input`
    per_request: fields.Rate = 0

    def rates(self) -> tuple[int, int, int, int]:
        """Input, output, cached input (nano-units per million tokens), per request (nano-units)."""
        cached_input = self.input if self.cached_input is None else self.cached_input
        return self.input, self.output, cached_input, self.per_request


class Deployment(Section):
    provider: fields.KnownProvider = Field(examples=["openai"])
    model: fields.ModelName = ""  # absent: the virtual model's name
    price: Price = Field(examples=["{input: 2.5, output: 10}"])

    def cluster(self, virtual_model: str) -> str:
        """Envoy's name for it: `provider/model`, also the key of its price."""
        return f"{self.provider}/{self.model or virtual_model}"


class Model(Section):
    deployments: Annotated[tuple[Deployment, ...], fields.NOT_EMPTY] = Field(
        examples=["[{provider: openai, price: {input: 2.5, output: 10}}]"]
    )
    output_tokens_max: int = Field(default=4096, ge=1, le=10_000_000)
    context_tokens: int = Field(default=128_000, ge=1, le=100_000_000)

    @model_validator(mode="after")
    def _output_fits(self) -> Model:
        if self.output_tokens_max > self.context_tokens:
            raise fault("has an output_tokens_max above its context_tokens; lower the one or raise the other")
        return self


class ModelsFile(Section):
    models: dict[fields.ModelName, Model] = Field(examples=["{}"])


# --- identity.yaml --------------------------------------------------------------------------------------------------


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


# --- access.yaml ----------------------------------------------------------------------------------------------------


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

    @field_validator("endpoints")
    @classmethod
    def _can_be_used(cls, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        if Endpoint.MODELS in endpoints:
            raise fault("names /v1/models, which needs no grant: it lists what its caller may use; remove it")
        return endpoints


class AccessFile(Section):
    access: tuple[Access, ...] = Field(examples=["[]"])


# --- budgets.yaml ---------------------------------------------------------------------------------------------------


class Budget(Section):
    name: fields.Name = Field(examples=["per-user"])
    scope: Literal["user", "team"] = Field(examples=["user"])
    match: fields.Pattern = "*"
    amount: fields.Amount = Field(examples=["20"])
    window: Literal["month"] = "month"

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name == "credential":
            raise fault("is what the budget of a credential itself is called; choose another name")
        return name


class BudgetsFile(Section):
    currency: fields.Currency = Field(examples=["EUR"])
    timezone: fields.Timezone = Field(examples=["Europe/Paris"])
    hold_ttl_seconds: int = Field(default=limits.HOLD_TTL_SECONDS, ge=1, le=86_400)
    budgets: tuple[Budget, ...] = Field(examples=["[{name: per-user, scope: user, amount: 20}]"])


# --- guard.yaml -----------------------------------------------------------------------------------------------------


class ClassRule(Section):
    action: Action = Field(strict=False, examples=["log"])
    sovereign: bool = False
    enabled: bool = True


class DetectorRule(Section):
    """What is absent is as in the rule of the detector's class, or as without this override."""

    action: Action | None = Field(default=None, strict=False)
    sovereign: bool | None = None
    enabled: bool | None = None


class Classes(Section):
    personal: ClassRule = Field(examples=["{action: log, sovereign: true}"])
    secret: ClassRule = Field(examples=["{action: block}"])
    confidential: ClassRule = ClassRule(action=Action.LOG)
    injection: ClassRule = ClassRule(action=Action.LOG)
    harmful: ClassRule = ClassRule(action=Action.LOG, enabled=False)


class Scope(Section):
    """All that is named must hold; of each list one."""

    teams: Names = ()
    groups: Names = ()
    subjects: Names = ()
    applications: Names = ()
    credential_classes: Annotated[tuple[LaxClass, ...], fields.ONCE] = ()
    tiers: Annotated[tuple[fields.KnownTier, ...], fields.ONCE] = ()
    roles: Annotated[tuple[TextRole, ...], fields.ONCE] = ()
    directions: Annotated[tuple[LaxDirection, ...], fields.ONCE] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Scope:
        if not self.model_fields_set:
            raise fault("is empty, so the override would be the rule; name teams, tiers, roles, …")
        return self


class ClassChanges(Section):
    personal: DetectorRule | None = None
    secret: DetectorRule | None = None
    confidential: DetectorRule | None = None
    injection: DetectorRule | None = None
    harmful: DetectorRule | None = None


class GuardOverride(Section):
    name: fields.Name = Field(examples=["hr-team"])
    when: Scope = Field(examples=["{teams: [hr]}"])
    classes: ClassChanges = ClassChanges()
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> GuardOverride:
        if not self.detectors and not self.classes.model_fields_set:
            raise fault("changes nothing; add 'classes' or 'detectors'")
        return self


class Responses(Section):
    """Whether answers are inspected, and what differs for them from the rules for requests."""

    inspect: bool = False
    classes: ClassChanges = ClassChanges()
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)


class AllowedValue(Section):
    """A value that is no finding, by the fingerprint that the audit trail shows."""

    detector: fields.KnownDetector = Field(examples=["iban"])
    fingerprint: fields.Fingerprint = Field(examples=["0a1b2c3d4e5f60718293a4b5c6d7e8f9"])
    reason: fields.Line = Field(examples=["our public donations account"])
    teams: Names = ()
    until: fields.Day | None = None


class Dictionary(Section):
    terms: fields.TermsFile = Field(examples=["projects.terms"])
    case_sensitive: bool = False
    inflections: bool = True
    terms_min: int = Field(default=1, ge=1, le=100)


class GuardFile(Section):
    deadline_ms: int = Field(default=_DEADLINE_MS_MAX, ge=1, le=_DEADLINE_MS_MAX)
    detector_deadline_ms: int = Field(default=_DETECTOR_DEADLINE_MS_MAX, ge=1, le=_DETECTOR_DEADLINE_MS_MAX)
    on_timeout: Literal["deny", "allow"] = "deny"
    token_ids: Literal["deny", "allow"] = "deny"
    classes: Classes = Field(examples=["{personal: {action: log, sovereign: true}, secret: {action: block}}"])
    detectors: dict[fields.KnownDetector, DetectorRule] = Field(default_factory=dict)
    responses: Responses = Responses()
    overrides: tuple[GuardOverride, ...] = ()
    allow: tuple[AllowedValue, ...] = ()
    dictionaries: dict[fields.DictionaryName, Dictionary] = Field(default_factory=dict)


# --- routing.yaml ---------------------------------------------------------------------------------------------------


class Sovereign(Section):
    tiers: Annotated[tuple[fields.KnownTier, ...], fields.ONCE] = Field(examples=["[open-eu]"])
    jurisdictions: Annotated[tuple[fields.Jurisdiction, ...], fields.ONCE] = Field(examples=["[FR, DE]"])


class OnStop(Section):
    running_streams: Literal["finish", "cut"] = Field(examples=["finish"])


class RoutingFile(Section):
    tiers: Annotated[tuple[fields.Name, ...], fields.ONCE] = Field(examples=["[frontier, open-eu]"])
    sovereign: Sovereign = Field(examples=["{tiers: [open-eu], jurisdictions: [FR]}"])
    usage_chunk: Literal["strip", "pass"] = "strip"
    metering: Literal["envoy", "processor"] = "envoy"
    on_stop: OnStop = OnStop(running_streams="finish")


FILES: dict[str, type[Section]] = {
    "providers.yaml": ProvidersFile,
    "models.yaml": ModelsFile,
    "identity.yaml": IdentityFile,
    "access.yaml": AccessFile,
    "budgets.yaml": BudgetsFile,
    "guard.yaml": GuardFile,
    "routing.yaml": RoutingFile,
    "agreements.yaml": AgreementsFile,
}
"""Every file of a policy directory."""

OPTIONAL = frozenset({"agreements.yaml"})
"""Those of FILES that may be absent: then they count as empty."""
