"""From the model asked for and what was found to the ordered list of deployments. Pure.

A fallback can never lower the sovereignty of a request: what is not allowed for it is not in the list Envoy gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway_ext.conditions.facts import Facts
from gateway_ext.errors import EndpointNotServed, ModelUnknown, NoSovereignRoute, RouteDenied
from gateway_ext.exchange import Candidate, Endpoint
from gateway_ext.routing.data_classes import SOVEREIGN
from gateway_ext.routing.rules import Effect, RoutingRule, RoutingRules, VirtualModel


def find_model(name: str, rules: RoutingRules) -> VirtualModel:
    """The virtual model of that name. Raises ModelUnknown."""
    model = rules.models.get(name)
    if model is None:
        raise ModelUnknown(param="model")
    return model


def serving(model: VirtualModel, endpoint: Endpoint) -> VirtualModel:
    """The model with those of its deployments that requests of `endpoint` (or that it is about) can reach, be it translated.

    Raises EndpointNotServed without any.
    """
    deployments = tuple(candidate for candidate in model.deployments if candidate.wire(endpoint.about))
    if not deployments:
        raise EndpointNotServed(param="model")
    return model.served_by(deployments)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request may go. `left_out` tells each deployment that may not serve it, by cluster, and why."""

    candidates: tuple[Candidate, ...]  # in the order to try; never empty
    reasons: tuple[str, ...]  # names of policy that decided: class:…, rule:…, otherwise:…, and the order's own
    left_out: tuple[tuple[str, str], ...]


Order = Callable[[tuple[Candidate, ...]], tuple[tuple[Candidate, ...], str]]
"""Puts deployments in the order to try them; and why so, for the audit trail, or ""."""


def as_written(candidates: tuple[Candidate, ...]) -> tuple[tuple[Candidate, ...], str]:
    """The Order of policy's own list."""
    return candidates, ""


def plan(
    model: VirtualModel,
    deployments: tuple[Candidate, ...],
    classes: frozenset[str],
    facts: Callable[[], Facts],
    rules: RoutingRules,
    order: Order = as_written,
) -> Route:
    """The route of a request for `model` whose content is of `classes` and which may use `deployments`, never none.

    `facts` is called once at most, and only when a rule with a condition is looked at. Each step only removes: first
    what a class does not allow, then what rules leave out; where none of the model's own deployments is left, those of
    the model that policy names in its place stay. Raises NoSovereignRoute, RouteDenied, ConditionFailed.
    """
    kept = _Kept(deployments, model.otherwise)
    for name in sorted(classes):
        known = rules.data_classes.get(name)
        kept.keep(known.clusters if known else frozenset(), f"class:{name}")
    if not kept.clusters:
        raise NoSovereignRoute(_told(kept.reasons), param="model", rules=tuple(kept.reasons))

    preferred = _apply(rules.rules_about[model.name], kept, facts)
    ordered, reason = order(kept.own_or_substitutes())
    for clusters in preferred:
        ordered = tuple(sorted(ordered, key=lambda candidate: candidate.cluster not in clusters))  # stable
    if reason:
        kept.reasons.append(reason)
    return Route(ordered, tuple(kept.reasons), tuple(kept.left_out))


def _apply(rules: Iterable[RoutingRule], kept: _Kept, facts: Callable[[], Facts]) -> list[frozenset[str]]:
    """What they prefer, the last rule's last. Raises RouteDenied, ConditionFailed."""
    known: Facts | None = None
    preferred: list[frozenset[str]] = []
    for rule in rules:
        if rule.when is not None:
            known = known or facts()
            if not rule.when.holds(known):
                continue
        reason = f"rule:{rule.name}"
        match rule.effect:
            case Effect.DENY:
                raise RouteDenied(rule.message, param="model", rules=(*kept.reasons, reason))
            case Effect.ONLY:
                kept.keep(rule.clusters, reason)
            case Effect.WITHOUT:
                kept.keep(kept.clusters - rule.clusters, reason)
            case Effect.PREFER if kept.clusters & rule.clusters:
                preferred.append(rule.clusters)
                kept.reasons.append(reason)
        if not kept.clusters:
            raise RouteDenied(param="model", rules=tuple(kept.reasons))
        if rule.stops:
            break
    return preferred


class _Kept:
    """What is left of a request's deployments, step by step, and what has decided so."""

    def __init__(self, deployments: tuple[Candidate, ...], otherwise: str) -> None:
        self._deployments = deployments
        self._otherwise = otherwise
        self.clusters = frozenset(candidate.cluster for candidate in deployments)
        self.reasons: list[str] = []
        self.left_out: list[tuple[str, str]] = []

    def keep(self, clusters: frozenset[str], reason: str) -> None:
        """Remove all but `clusters`. A reason that removes nothing is none."""
        removed = self.clusters - clusters
        if removed:
            self.clusters -= removed
            self.reasons.append(reason)
            self.left_out += [(each.cluster, reason) for each in self._deployments if each.cluster in removed]

    def own_or_substitutes(self) -> tuple[Candidate, ...]:
        left = tuple(each for each in self._deployments if each.cluster in self.clusters)
        own = tuple(each for each in left if not each.substitute_for)
        if not own:
            self.reasons.append(f"otherwise:{self._otherwise}")
        return own or left


def _told(reasons: Sequence[str]) -> str | None:
    """What the caller hears of the classes that leave nothing; None: the refusal's own words."""
    classes = [reason.removeprefix("class:") for reason in reasons]
    if classes == [SOVEREIGN]:
        return None
    return f"This content is {' and '.join(classes)}, and no deployment of this model is allowed for it."
