"""What policy says about models: which deployments serve them, in which order, and where those stand legally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from gateway_ext.conditions.condition import Condition
from gateway_ext.exchange import ENDPOINTS_OF, Candidate, Dialect, Endpoint
from gateway_ext.limits import PROVIDER_CONNECTIONS_MAX, PROVIDER_REQUESTS_MAX
from gateway_ext.routing.catalog import CatalogEntry
from gateway_ext.routing.data_classes import Classification, DataClass
from gateway_ext.routing.shadow import Shadow
from gateway_ext.routing.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream. `credential` names a file below the secrets directory, or is empty: its content never enters Python."""

    name: str
    scheme: str  # http | https
    host: str
    port: int
    base_path: str  # without a trailing slash, e.g. /v1
    jurisdiction: str
    tier: str
    credential: str
    credential_header: str = "authorization"
    credential_prefix: str = "Bearer "
    ca_file: str = ""
    dialect: Dialect = Dialect.OPENAI
    endpoints: frozenset[Endpoint] = ENDPOINTS_OF[Dialect.OPENAI]
    field_names: Mapping[str, str] = field(
        default_factory=dict
    )  # fields of requests, as it calls them; "": it refuses them
    connections_max: int = PROVIDER_CONNECTIONS_MAX  # of each of its deployments
    requests_max: int = PROVIDER_REQUESTS_MAX  # under way, of each of its deployments; more are refused with 503


@dataclass(frozen=True, slots=True)
class VirtualModel:
    """A model name that callers use. `deployments` in order of preference; a cluster of Envoy is named `provider/model`."""

    name: str
    deployments: tuple[Candidate, ...]
    output_tokens_max: int  # of a choice, when the caller sets no maximum: reserved, and told to the provider
    context_tokens: int
    tokenizer: str = ""  # the vocabulary of gateway_ext/tokens that all deployments count by; "": unknown
    output_tokens_field: str = "max_tokens"  # of chat completions, for callers that set none
    thinking: str = "adaptive"  # | budget: how deployments that speak Messages are told how much to think
    degrade_to: str = ""  # the model that serves what has no room here; "": none
    strategy: Strategy = field(default_factory=Strategy)
    larger: str = ""  # the model that serves what is too long here; "": none
    otherwise: str = ""  # whose deployments, marked as substitutes, serve what none of its own may; "": none
    shadow: Shadow | None = None  # where copies of its requests go
    drops_oldest: bool = False  # whether the oldest turns of what is too long are left out, instead of refusing it

    @property
    def tiers(self) -> frozenset[str]:
        return frozenset(candidate.tier for candidate in self.deployments)

    def served_by(self, deployments: tuple[Candidate, ...]) -> VirtualModel:
        """The same with these deployments only; itself, as a rule, as a copy costs as much as most steps of a request."""
        return self if deployments == self.deployments else replace(self, deployments=deployments)


@dataclass(frozen=True, slots=True)
class SovereignRule:
    """What counts as sovereign: the tier AND the jurisdiction must be listed."""

    tiers: frozenset[str]
    jurisdictions: frozenset[str]


class Effect(StrEnum):
    """What a rule does to the deployments that are left."""

    ONLY = "only"  # its own stay
    WITHOUT = "without"  # its own go
    PREFER = "prefer"  # its own come first
    DENY = "deny"  # all go


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """About requests for `models` (shell-style patterns) for which `when` holds; None: for all.

    `clusters` are what its selector of deployments means; `message` is what callers are told who are denied.
    """

    name: str
    effect: Effect
    models: tuple[str, ...] = ("*",)
    clusters: frozenset[str] = frozenset()
    message: str = ""
    when: Condition | None = None
    stops: bool = False  # no later rule is looked at


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """`rules` in policy's order; `rules_about` has those about each virtual model, by its name. It is derived."""

    tiers: tuple[str, ...]  # least sovereign first
    sovereign: SovereignRule
    models: Mapping[str, VirtualModel]
    providers: Mapping[str, Provider]
    keeps_unknown_fields: bool = False  # in translated requests: carried over as they are, instead of refused
    avoids_failing: bool = True  # whether what has failed lately is tried last for a while
    usage_chunk: str = "strip"  # strip | pass, for streams whose caller did not ask for usage
    metering: str = "envoy"  # envoy | processor
    cuts_streams: bool = False  # whether an operator's order ends streams that run, besides refusing new requests
    first_token_seconds: int | None = None  # until an attempt's answer begins, else the next is tried; None: no limit
    catalog: Mapping[str, CatalogEntry] = field(default_factory=dict)  # by cluster
    data_classes: Mapping[str, DataClass] = field(default_factory=dict)
    classification: Classification = field(default_factory=Classification)  # of the same classes
    rules: tuple[RoutingRule, ...] = ()
    rules_about: Mapping[str, tuple[RoutingRule, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        about = {name: tuple(rule for rule in self.rules if _is_about(rule, name)) for name in self.models}
        object.__setattr__(self, "rules_about", about)  # frozen


def _is_about(rule: RoutingRule, model: str) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in rule.models)
