"""From `rules` and `sovereign` of routing.yaml to sets of deployments, which are all known when policy is loaded. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.policy.deployment_selector import selected
from gateway_ext.policy.rules_schema import Rule
from gateway_ext.policy.schema import Sovereign
from gateway_ext.routing.catalog import CatalogEntry
from gateway_ext.routing.data_classes import SOVEREIGN, DataClass
from gateway_ext.routing.rules import RoutingRule


def rule_of(written: Rule, tiers: Sequence[str], catalog: Mapping[str, CatalogEntry]) -> RoutingRule:
    """`tiers` least sovereign first; `catalog` by cluster."""
    return RoutingRule(
        name=written.name,
        effect=written.effect,
        models=written.models,
        clusters=selected(written.selector, tiers, catalog) if written.selector else frozenset(),
        message=written.deny or "",
        when=compile_condition(written.when, ROUTING, rule=f"rule:{written.name}") if written.when else None,
        stops=written.stop,
    )


def sovereign_class(written: Sovereign, catalog: Mapping[str, CatalogEntry]) -> DataClass:
    """The class that detectors' `sovereign` mark puts content in."""
    return DataClass(
        SOVEREIGN,
        frozenset(
            cluster
            for cluster, entry in catalog.items()
            if entry.tier in written.tiers and entry.jurisdiction in written.jurisdictions
        ),
    )
