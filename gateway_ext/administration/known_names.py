"""Whether a stop can stop anything: a misspelt name would stop nothing, and look as if it had. Pure."""

from __future__ import annotations

from gateway_ext.errors import ConfigurationError
from gateway_ext.routing.rules import RoutingRules
from gateway_ext.standing.directives import Scope, Target

LOOKED_UP = frozenset({Scope.MODEL, Scope.PROVIDER, Scope.JURISDICTION})
"""What policy names. Teams, applications, credentials and people are the identity provider's."""


def require_known(target: Target, routing: RoutingRules) -> None:
    """Raises UnknownNameError for a model, provider or jurisdiction that policy does not name."""
    if target.scope not in LOOKED_UP:
        return
    deployments = [each for model in routing.models.values() for each in model.deployments]
    known = {
        Scope.MODEL: {*routing.models, *(each.model for each in deployments)},
        Scope.PROVIDER: set(routing.providers),
        Scope.JURISDICTION: {each.jurisdiction for each in routing.providers.values()},
    }[target.scope]
    if target.value not in known:
        raise UnknownNameError(
            f"policy knows no {target.scope} '{target.value}', so this would stop nothing; known:"
            f" {', '.join(sorted(known))}"
        )


class UnknownNameError(ConfigurationError):
    """Policy has no such name."""
