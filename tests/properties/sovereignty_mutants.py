"""Request paths with one thing broken that would let content go astray: a check that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gateway_ext.dialects import requests
from gateway_ext.errors import NoSovereignRoute
from gateway_ext.exchange import Candidate, Endpoint
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing import data_classes, plan
from gateway_ext.routing.data_classes import Classes
from gateway_ext.routing.plan import Route
from gateway_ext.routing.rules import Effect, RoutingRules, VirtualModel
from gateway_ext.standing.standing import Standing
from gateway_ext.steps import copying, forwarding, granting
from gateway_ext.steps import routing as routing_step
from gateway_ext.steps.classifying import Classified
from gateway_ext.steps.holding import Held

Mutation = Callable[[pytest.MonkeyPatch], None]

_plan, _retargeted, _routed = plan.plan, forwarding.retargeted, routing_step.Routing.routed
_copied_to = copying.Copying._destination
_classes_of, _found_in, _apply = data_classes.classes_of, data_classes.found_in, plan._apply


def instead(module: object, name: str, broken: object) -> Mutation:
    """`broken` in the place of a function or a method."""
    return lambda patch: patch.setattr(module, name, broken)


def with_fallbacks_of_any_class(
    model: VirtualModel, deployments: tuple[Candidate, ...], classes: frozenset[str], *others: Any
) -> Route:
    """Only the first attempt heeds the classes."""
    route = _plan(model, deployments, classes, *others)
    further = tuple(each for each in deployments if each not in route.candidates and not each.substitute_for)
    return replace(route, candidates=route.candidates + further)


def with_any_substitute(
    model: VirtualModel, deployments: tuple[Candidate, ...], classes: frozenset[str], *others: Any
) -> Route:
    """`otherwise` stands in for what is forbidden, whether or not it is allowed itself."""
    own = tuple(each for each in deployments if not each.substitute_for)
    substitutes = tuple(each for each in deployments if each.substitute_for)
    try:
        return _plan(model, own, classes, *others)
    except NoSovereignRoute:
        if not substitutes:
            raise
        return Route(substitutes, (), ())


def beside_its_own(kept: Any) -> tuple[Candidate, ...]:
    """Substitutes serve although the model's own may."""
    return tuple(each for each in kept._deployments if each.cluster in kept.clusters)


def rules_reversed(rules: RoutingRules) -> None:
    about = {
        name: tuple(rule for rule in reversed(rules.rules) if any(plan_fits(name, pattern) for pattern in rule.models))
        for name in rules.models
    }
    object.__setattr__(rules, "rules_about", about)


def plan_fits(name: str, pattern: str) -> bool:
    return pattern in (name, "*")


def prefer_that_adds(rules: Any, kept: Any, facts: Any) -> Any:
    """What rules prefer comes in, wherever it was left out before."""
    rules = tuple(rules)
    preferred = _apply(rules, kept, facts)
    for rule in rules:
        if rule.effect is Effect.PREFER:
            kept.clusters |= rule.clusters & {each.cluster for each in kept._deployments}
    return preferred


def degraded_without_classes(self: Any, exchange: Exchange, prompt: Any, held: Held, *others: Any) -> Route:
    if held.is_degraded:
        others = tuple(_declassified(each) for each in others)
    return _routed(self, exchange, prompt, held, *others)


def larger_without_classes(self: Any, exchange: Exchange, prompt: Any, held: Held, *others: Any) -> Route:
    if held.context:
        others = tuple(_declassified(each) for each in others)
    return _routed(self, exchange, prompt, held, *others)


def embeddings_without_classes(self: Any, exchange: Exchange, *others: Any) -> Route:
    if exchange.endpoint is Endpoint.EMBEDDINGS:
        others = tuple(_declassified(each) for each in others)
    return _routed(self, exchange, *others)


def _declassified(argument: Any) -> Any:
    return replace(argument, classes=Classes()) if isinstance(argument, Classified) else argument


def to_anywhere(plan: Mapping[str, Any], cluster: str, body: bytes, rules: RoutingRules) -> bytes:
    """A retry that the verdict does not name goes out as it is."""
    try:
        return _retargeted(plan, cluster, body, rules)
    except KeyError:
        return requests.replace_model(body, cluster.partition("/")[2])


def everything_of_the_model(model: VirtualModel, endpoint: Endpoint, granted: Any) -> VirtualModel:
    """Access rules decide about the model, no more about its deployments."""
    granted(model.name, tuple(each for each in model.deployments if not each.substitute_for))
    return plan.serving(model, endpoint)


def believed(findings: Any, labels: Any, caller: Any, rules: Any) -> Classes:
    """Whoever sets a label is rid of policy's default."""
    return _classes_of(findings, replace(labels, are_trusted=True), caller, rules)


def not_sovereign(findings: Any, rules: Any) -> frozenset[str]:
    return _found_in(findings, rules) - {data_classes.SOVEREIGN}


def as_they_were(classes: Classes, *_: Any, **__: Any) -> Classes:
    return classes


def without_implied(names: Any, rules: Any) -> frozenset[str]:
    return frozenset(names)


def copied_without_classes(self: Any, exchange: Exchange, prompt: Any, held: Held, *others: Any) -> Any:
    others = tuple(_declassified(each) for each in others)
    return _copied_to(self, exchange, prompt, held, *others)


def to_any_tier(allowed: Any, original: Any, context_tokens: int, tiers: Any) -> Candidate | None:
    return next((each for each in allowed if each.wire(original.asked) is original.written), None)


MUTANTS: dict[str, tuple[Mutation, ...]] = {
    "fallbacks of any class": (instead(routing_step, "plan", with_fallbacks_of_any_class),),
    "otherwise bypasses classes": (instead(routing_step, "plan", with_any_substitute),),
    "otherwise beside its own": (instead(plan._Kept, "own_or_substitutes", beside_its_own),),
    "rules in reverse order": (instead(RoutingRules, "__post_init__", rules_reversed),),
    "prefer adds": (instead(plan, "_apply", prefer_that_adds),),
    "conversations forget": (instead(data_classes, "with_held", as_they_were),),
    "no store, nothing held": (instead(data_classes, "with_history_out_of_reach", as_they_were),),
    "unknown history, nothing held": (instead(data_classes, "with_unknown_history", as_they_were),),
    "degrading skips classes": (instead(routing_step.Routing, "routed", degraded_without_classes),),
    "larger models skip classes": (instead(routing_step.Routing, "routed", larger_without_classes),),
    "embeddings skip classes": (instead(routing_step.Routing, "routed", embeddings_without_classes),),
    "retries go anywhere": (instead(forwarding, "retargeted", to_anywhere),),
    "retries go where it was stopped": (instead(Standing, "require_running", lambda self, deployment: None),),
    "stopped meanwhile": (
        instead(granting.Granting, "still_running", lambda self, exchange, model, route: route.candidates),
    ),
    "access without tiers": (instead(granting, "within_grants", everything_of_the_model),),
    "labels of anybody believed": (instead(data_classes, "classes_of", believed),),
    "no sovereign mark": (
        instead(data_classes, "found_in", not_sovereign),
        instead(routing_step, "requires_sovereign_route", lambda verdict: False),
    ),
    "copies skip classes": (instead(copying.Copying, "_destination", copied_without_classes),),
    "copies go to any tier": (instead(copying, "destination", to_any_tier),),
    "classes imply nothing": (instead(data_classes, "_with_implied", without_implied),),
}
"""By what is broken."""
