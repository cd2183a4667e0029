"""Step 4: the deployments that this content may go to, in order."""

from __future__ import annotations

from functools import partial

from gateway_ext.budget.fitting import Fitted
from gateway_ext.budget.reserve import prices_now
from gateway_ext.conditions.facts import routing_facts
from gateway_ext.exchange import Candidate, Prompt, Usage
from gateway_ext.ports import Readings
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.data_classes import SOVEREIGN
from gateway_ext.routing.plan import Route, plan
from gateway_ext.routing.strategies import Asked, By, StickyBy, Strategy, order
from gateway_ext.steps.classifying import Classified, Classifying
from gateway_ext.steps.holding import Held
from gateway_ext.verdict import Allow, Redact, requires_sovereign_route


class Routing:
    """Asks what is known of the deployments, and where traffic is split by conversation, which one it is."""

    def __init__(self, classifying: Classifying, readings: Readings) -> None:
        self._classifying = classifying
        self._readings = readings

    def routed(
        self,
        exchange: Exchange,
        prompt: Prompt,
        held: Held,
        verdict: Allow | Redact,
        classified: Classified,
        now_unix_nano: int,
    ) -> Route:
        """The route for the model that is held for, whose deployments are those that the caller may use.

        Raises what `plan` raises.
        """
        model, fitted = held.model, held.fitted
        classes = classified.classes.names
        if requires_sovereign_route(verdict):
            classes |= {SOVEREIGN}
        facts = partial(
            routing_facts,
            exchange.principal,
            model.name,
            prompt,
            now_unix_nano,
            estimate=fitted.estimate,
            findings=verdict.findings,
            classes=classes,
            labels=classified.labels.names,
            over=fitted.hold.over,
            is_capped=bool(fitted.capped_by),
            is_degraded=held.is_degraded,
        )
        ordered = partial(self._ordered, exchange, prompt, model.strategy, fitted, now_unix_nano)
        return plan(model, model.deployments, classes, facts, exchange.snapshot.routing, ordered)

    def _ordered(
        self,
        exchange: Exchange,
        prompt: Prompt,
        strategy: Strategy,
        fitted: Fitted,
        now_unix_nano: int,
        candidates: tuple[Candidate, ...],
    ) -> tuple[tuple[Candidate, ...], str]:
        principal, snapshot = exchange.principal, exchange.snapshot
        is_by_conversation = strategy.by is By.WEIGHTED and strategy.sticky_by is StickyBy.CONVERSATION
        asked = Asked(
            exchange.id,
            f"{principal.issuer}/{principal.subject}",
            prompt,
            fitted.estimate,
            self._classifying.conversation(exchange, prompt).anchor if is_by_conversation else b"",
        )
        prices = prices_now(candidates, snapshot.budget, now_unix_nano) if strategy.by is By.CHEAPEST else {}

        def cost_nano(cluster: str, usage: Usage) -> int:
            return prices[cluster].cost_nano(usage)

        read = self._readings.of if snapshot.routing.avoids_failing else self._readings.whatever_its_health
        return order(strategy, candidates, asked, read, cost_nano)
