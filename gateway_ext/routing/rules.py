"""What policy says about models: which deployments serve them, in which order, and where those stand legally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway_ext.exchange import Candidate, Dialect


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


@dataclass(frozen=True, slots=True)
class VirtualModel:
    """A model name that callers use. `deployments` in order of preference; a cluster of Envoy is named `provider/model`."""

    name: str
    deployments: tuple[Candidate, ...]
    output_tokens_max: int  # of a choice, when the caller sets no maximum: reserved, and told to the provider
    context_tokens: int
    tokenizer: str = ""  # the vocabulary of gateway_ext/tokens that all deployments count by; "": unknown
    output_tokens_field: str = "max_tokens"  # of chat completions, for callers that set none
    degrade_to: str = ""  # the model that serves what has no room here; "": none

    @property
    def tiers(self) -> frozenset[str]:
        return frozenset(candidate.tier for candidate in self.deployments)


@dataclass(frozen=True, slots=True)
class SovereignRule:
    """What counts as sovereign: the tier AND the jurisdiction must be listed."""

    tiers: frozenset[str]
    jurisdictions: frozenset[str]


@dataclass(frozen=True, slots=True)
class RoutingRules:
    tiers: tuple[str, ...]  # least sovereign first
    sovereign: SovereignRule
    models: Mapping[str, VirtualModel]
    providers: Mapping[str, Provider]
    usage_chunk: str = "strip"  # strip | pass, for streams whose caller did not ask for usage
    metering: str = "envoy"  # envoy | processor
    cuts_streams: bool = False  # whether an operator's order ends streams that run, besides refusing new requests
