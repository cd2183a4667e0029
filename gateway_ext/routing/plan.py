"""From the model asked for and what was found to the ordered list of deployments. Pure.

A fallback can never lower the sovereignty of a request: what is not allowed for it is not in the list Envoy gets.
"""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.errors import EndpointNotServed, ModelUnknown, NoSovereignRoute
from gateway_ext.exchange import Candidate, Endpoint
from gateway_ext.routing.rules import RoutingRules, SovereignRule, VirtualModel


def find_model(name: str, rules: RoutingRules) -> VirtualModel:
    """The virtual model of that name. Raises ModelUnknown."""
    model = rules.models.get(name)
    if model is None:
        raise ModelUnknown(param="model")
    return model


def serving(model: VirtualModel, endpoint: Endpoint) -> VirtualModel:
    """The model with those of its deployments that speak the endpoint's dialect. Raises EndpointNotServed without any."""
    deployments = tuple(candidate for candidate in model.deployments if candidate.dialect is endpoint.dialect)
    if not deployments:
        raise EndpointNotServed(param="model")
    return model if len(deployments) == len(model.deployments) else replace(model, deployments=deployments)


def plan(model: VirtualModel, *, must_be_sovereign: bool, rules: RoutingRules) -> tuple[Candidate, ...]:
    """The deployments Envoy may try, in order; never empty. Raises NoSovereignRoute."""
    if not must_be_sovereign:
        return model.deployments
    allowed = tuple(candidate for candidate in model.deployments if is_sovereign(candidate, rules.sovereign))
    if not allowed:
        raise NoSovereignRoute(param="model")
    return allowed


def is_sovereign(candidate: Candidate, rule: SovereignRule) -> bool:
    """Whether tier and jurisdiction are both listed as sovereign."""
    return candidate.tier in rule.tiers and candidate.jurisdiction in rule.jurisdictions
