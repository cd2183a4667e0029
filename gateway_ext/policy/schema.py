"""The shape of providers.yaml, models.yaml, budgets.yaml and routing.yaml; FILES names all. docs/policy.md explains every key;
`examples` are shown when a required key is missing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway_ext import limits
from gateway_ext.budget.rules import Scope as BudgetScope
from gateway_ext.budget.windows import Calendar
from gateway_ext.exchange import Dialect, Endpoint
from gateway_ext.policy import fields
from gateway_ext.policy.agreements_schema import AgreementsFile
from gateway_ext.policy.alerts_schema import Alerts, BudgetAlerts
from gateway_ext.policy.audit_schema import AuditFile
from gateway_ext.policy.catalog_schema import LegalProfile, Tiers
from gateway_ext.policy.data_classes_schema import DataClasses
from gateway_ext.policy.fields import fault
from gateway_ext.policy.guard_schema import GuardFile
from gateway_ext.policy.identity_schema import AccessFile, IdentityFile
from gateway_ext.policy.prices_schema import Price, PricesFile
from gateway_ext.policy.quotas_schema import Priorities, Quota
from gateway_ext.policy.rules_schema import Rule
from gateway_ext.policy.section import Names, Section
from gateway_ext.policy.strategies_schema import Placed, Shadow, Strategy, TooLong, check_places

LaxScope = Annotated[BudgetScope, Field(strict=False)]
LaxDialect = Annotated[Dialect, Field(strict=False)]
LaxEndpoint = Annotated[Endpoint, Field(strict=False)]
_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


# --- providers.yaml -------------------------------------------------------------------------------------------------


class Provider(Section):
    nullable = frozenset({"credential"})

    allow_plaintext: bool = False  # before `url`, whose check needs it
    url: str = Field(examples=["https://api.example.eu/v1"])
    jurisdiction: fields.Jurisdiction = Field(examples=["FR"])
    tier: fields.KnownTier = Field(examples=["frontier-eu"])
    dialect: LaxDialect = Dialect.OPENAI
    endpoints: Annotated[tuple[LaxEndpoint, ...], fields.ONCE] = ()  # absent: all of the dialect
    credential: fields.Credential | None = None  # absent: the provider's name; null: none
    credential_header: fields.HeaderName = "authorization"  # absent: as usual in the dialect
    credential_prefix: str = "Bearer "
    ca_file: fields.Line = ""
    field_names: dict[fields.RequestField, fields.RequestField | None] = Field(default_factory=dict)  # null: left out
    connections_max: int = Field(default=limits.PROVIDER_CONNECTIONS_MAX, ge=1, le=100_000)
    requests_max: int = Field(default=limits.PROVIDER_REQUESTS_MAX, ge=1, le=100_000)
    legal: LegalProfile | None = None

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

    @field_validator("field_names")
    @classmethod
    def _keeps_limits(cls, names: dict[str, str | None]) -> dict[str, str | None]:
        for limit in _OUTPUT_LIMITS:
            if limit in names and names[limit] is None:
                raise fault(
                    f"leaves out '{limit}', which says how long an answer may be; write what it is called there"
                )
        return names


class ProvidersFile(Section):
    providers: dict[fields.Name, Provider] = Field(examples=["{}"])


# --- models.yaml ----------------------------------------------------------------------------------------------------


class Deployment(Placed):
    provider: fields.KnownProvider = Field(examples=["openai"])
    model: fields.ModelName = ""  # absent: the virtual model's name
    price: Price | None = None  # absent: prices.yaml has it
    tier: fields.KnownTier | None = None  # this and the next two: absent: the provider's
    jurisdiction: fields.Jurisdiction | None = None
    legal: LegalProfile | None = None

    def cluster(self, virtual_model: str) -> str:
        """Envoy's name for it: `provider/model`, also the key of its price."""
        return f"{self.provider}/{self.model or virtual_model}"


class Model(Section):
    deployments: Annotated[tuple[Deployment, ...], fields.NOT_EMPTY] = Field(
        examples=["[{provider: openai, price: {input: 2.5, output: 10}}]"]
    )
    output_tokens_max: int = Field(default=4096, ge=1, le=10_000_000)
    context_tokens: int = Field(default=128_000, ge=1, le=100_000_000)
    tokenizer: Literal["o200k_base", "cl100k_base"] | None = None  # absent: unknown
    output_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = (
        None  # absent: as the providers read it
    )
    thinking: Literal["adaptive", "budget"] = "adaptive"
    degrade_to: fields.ModelName | None = None
    strategy: Strategy | None = None  # absent: in the order as written
    larger: fields.ModelName | None = None
    otherwise: fields.ModelName | None = None
    shadow: Shadow | None = None
    on_too_long: TooLong = "refuse"

    @model_validator(mode="after")
    def _strategy_heeds_places(self) -> Model:
        check_places(self.strategy, self.deployments)
        return self

    @model_validator(mode="after")
    def _output_fits(self) -> Model:
        if self.output_tokens_max > self.context_tokens:
            raise fault("has an output_tokens_max above its context_tokens; lower the one or raise the other")
        return self


class ModelsFile(Section):
    models: dict[fields.ModelName, Model] = Field(examples=["{}"])


# --- budgets.yaml ---------------------------------------------------------------------------------------------------


class Budget(Section):
    name: fields.Name = Field(examples=["per-user"])
    scope: LaxScope = Field(examples=["user"])
    match: fields.Pattern = "*"
    models: Annotated[tuple[fields.Pattern, ...], fields.ONCE] = ()
    per_model: bool = False
    amount: fields.Amount = Field(examples=["20"])
    window: fields.WindowName = "month"
    timezone: fields.Timezone | None = None  # absent: the file's
    hard: bool = True
    required: bool = False
    carry_over: fields.Amount = 0
    alerts: BudgetAlerts = BudgetAlerts()

    @model_validator(mode="after")
    def _can_be_forecast(self) -> Budget:
        if self.alerts.forecast and fields.window(self.window)[0] in (Calendar.ROLLING, Calendar.TOTAL):
            raise fault(
                f"has a forecast, but window '{self.window}' has no end that one could look to; remove one of the two"
            )
        return self

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name == "credential":
            raise fault("is what the budget of a credential itself is called; choose another name")
        return name

    @model_validator(mode="after")
    def _can_be_required(self) -> Budget:
        if self.required and self.scope is not BudgetScope.AGENT_RUN:
            raise fault("is required, which only a budget of scope agent_run can be; remove 'required'")
        return self

    @model_validator(mode="after")
    def _can_carry_over(self) -> Budget:
        if self.carry_over and fields.window(self.window)[0] in (Calendar.ROLLING, Calendar.TOTAL):
            raise fault(f"has a carry_over, but window '{self.window}' has no period before it; remove one of the two")
        return self


class Organisation(Section):
    name: fields.Name = "organisation"
    business_units: dict[fields.Name, Names] = Field(default_factory=dict)

    @field_validator("business_units")
    @classmethod
    def _has_each_team_once(cls, units: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        seen: dict[str, str] = {}
        for unit, teams in units.items():
            for team in teams:
                if team in seen:
                    raise fault(f"has team '{team}' in '{seen[team]}' and in '{unit}'; a team is in one business unit")
                seen[team] = unit
        return units


class Exhausted(Section):
    """What becomes of a request for whose worst case a hard budget has no room."""

    cap_output: bool = True
    output_tokens_min: int = Field(default=256, ge=1, le=10_000_000)


class BudgetsFile(Section):
    currency: fields.Currency = Field(examples=["EUR"])
    timezone: fields.Timezone = Field(examples=["Europe/Paris"])
    fiscal_year_begins_in: int = Field(default=1, ge=1, le=12)
    organisation: Organisation = Organisation()
    alerts: Alerts = Alerts()
    hold_ttl_seconds: int = Field(default=limits.HOLD_TTL_SECONDS, ge=1, le=86_400)
    on_exhausted: Exhausted = Exhausted()
    on_over_hold: Literal["post", "cut"] = "post"
    on_ledger_loss: Literal["deny", "admit_within_lease"] = "deny"
    budgets: tuple[Budget, ...] = Field(examples=["[{name: per-user, scope: user, amount: 20}]"])
    quotas: tuple[Quota, ...] = ()
    priorities: Priorities = Priorities()


# --- routing.yaml ---------------------------------------------------------------------------------------------------


class Sovereign(Section):
    tiers: Annotated[tuple[fields.KnownTier, ...], fields.ONCE] = Field(examples=["[open-eu]"])
    jurisdictions: Annotated[tuple[fields.Jurisdiction, ...], fields.ONCE] = Field(examples=["[FR, DE]"])


class OnStop(Section):
    running_streams: Literal["finish", "cut"] = Field(examples=["finish"])


class RoutingFile(Section):
    tiers: Tiers = Field(examples=["[frontier, open-eu]"])
    sovereign: Sovereign = Field(examples=["{tiers: [open-eu], jurisdictions: [FR]}"])
    on_failing: Literal["avoid", "ignore"] = "avoid"
    unknown_fields: Literal["refuse", "keep"] = "refuse"
    usage_chunk: Literal["strip", "pass"] = "strip"
    metering: Literal["envoy", "processor"] = "envoy"
    on_stop: OnStop = OnStop(running_streams="finish")
    first_token_seconds: int | None = Field(default=None, ge=1, le=600)  # absent: PROVIDER_SILENCE_SECONDS alone counts
    rules: tuple[Rule, ...] = ()
    data_classes: DataClasses | None = None

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Least sovereign first."""
        return tuple(tier.name for tier in self.tiers)


FILES: dict[str, type[Section]] = {
    "providers.yaml": ProvidersFile,
    "models.yaml": ModelsFile,
    "identity.yaml": IdentityFile,
    "access.yaml": AccessFile,
    "budgets.yaml": BudgetsFile,
    "guard.yaml": GuardFile,
    "routing.yaml": RoutingFile,
    "prices.yaml": PricesFile,
    "agreements.yaml": AgreementsFile,
    "audit.yaml": AuditFile,
}
"""Every file of a policy directory."""

OPTIONAL = frozenset({"agreements.yaml", "audit.yaml", "prices.yaml"})
"""Those of FILES that may be absent: then they count as empty."""
