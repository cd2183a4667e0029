"""Step 1, the part that needs the model: which of its deployments the caller may use, now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gateway_ext.errors import EndpointNotServed, Refusal
from gateway_ext.exchange import Candidate, Endpoint
from gateway_ext.ports import Clock, ConsentSource, StandingSource
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.plan import Route, serving
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.trail import Note


def within_grants(
    model: VirtualModel,
    endpoint: Endpoint,
    granted: Callable[[str, tuple[Candidate, ...]], tuple[Candidate, ...]],
) -> VirtualModel:
    """`model` with those of its deployments that are `granted` under its name, one of its own at least.

    Those of the model named in its place stay where they are granted under that name. Raises what `granted` raises,
    EndpointNotServed.
    """
    served = serving(model, endpoint).deployments
    own = tuple(each for each in served if not each.substitute_for)
    if not own:
        raise EndpointNotServed(param="model")
    found = granted(model.name, own)
    substitutes = tuple(each for each in served if each.substitute_for)
    if substitutes:
        with suppress(Refusal):
            found += granted(model.otherwise, substitutes)
    return model.served_by(found)


class Granting:
    """Asks access rules, operators' orders and agreements."""

    def __init__(self, standing: StandingSource, consents: ConsentSource, clock: Clock) -> None:
        self._standing = standing
        self._consents = consents
        self._clock = clock

    def granted(self, exchange: Exchange, note: Note, model: VirtualModel) -> VirtualModel:
        """`model` with the deployments that the caller may use now. Raises what grants raise."""
        return within_grants(model, exchange.endpoint, partial(self._granted, exchange, note))

    def _granted(
        self, exchange: Exchange, note: Note, name: str, deployments: tuple[Candidate, ...]
    ) -> tuple[Candidate, ...]:
        table, now = exchange.snapshot.identity.access_table, self._clock.now_unix_nano()
        grant = table.grant(exchange.principal, name, exchange.endpoint, now)
        note.rules += tuple(f"access:{rule}" for rule in grant.rules)
        return self._running(exchange, name, grant.within(deployments))

    def still_running(self, exchange: Exchange, model: VirtualModel, route: Route) -> tuple[Candidate, ...]:
        """The candidates of `route` that the caller may still use; never none. Raises what standing and consent raise."""
        is_substituted = bool(route.candidates[0].substitute_for)
        return self._running(exchange, model.otherwise if is_substituted else model.name, route.candidates)

    def _running(self, exchange: Exchange, name: str, deployments: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        standing = self._standing.current()
        standing.require_caller(exchange.principal)
        self._consents.require(exchange.principal, exchange.snapshot.consent)
        return standing.running(name, deployments)
