"""From models.yaml to the strategy of a model. Pure."""

from __future__ import annotations

from types import MappingProxyType

from gateway_ext.policy import schema
from gateway_ext.policy.strategies_schema import Strategy as Written
from gateway_ext.routing.shadow import Shadow
from gateway_ext.routing.strategies import By, Strategy


def strategy_of(name: str, model: schema.Model) -> Strategy:
    """How the deployments of virtual model `name` are ordered."""
    written = model.strategy or Written(by=By.PRIORITY)
    return Strategy(
        by=written.by,
        salt=name,
        sticky_by=written.sticky_by,
        measure=written.measure,
        explored_share=written.explore_percent / 100,
        complex_from=written.complex_from_percent / 100,
        suits=MappingProxyType({each.cluster(name): each.suits for each in model.deployments if each.suits}),
    )


def shadow_of(model: schema.Model) -> Shadow | None:
    """Where copies of its requests go."""
    written = model.shadow
    return Shadow(written.model, written.share_percent / 100, written.payer) if written is not None else None
