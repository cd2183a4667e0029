"""A stop of what policy does not name would stop nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.administration.known_names import LOOKED_UP, UnknownNameError, require_known
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.standing.directives import Measure, Scope, Target


@pytest.fixture(scope="module")
def policy() -> Snapshot:
    return load_policy(Path(__file__).parents[3] / "policies")


def test_names_of_policy_are_known(policy: Snapshot) -> None:
    routing = policy.routing
    model, rule = next(iter(routing.models.items()))
    deployment = rule.deployments[0]
    known = {
        Scope.MODEL: (model, deployment.model),
        Scope.PROVIDER: tuple(routing.providers),
        Scope.JURISDICTION: tuple(each.jurisdiction for each in routing.providers.values()),
    }
    assert known.keys() == LOOKED_UP
    for scope, names in known.items():
        for name in names:
            require_known(Target(Measure.STOPPED, scope, name), routing)
            with pytest.raises(UnknownNameError, match=name):
                require_known(Target(Measure.STOPPED, scope, "ZZ"), routing)


@pytest.mark.parametrize("scope", sorted(set(Scope) - LOOKED_UP))
def test_names_of_the_identity_provider_are_taken_as_they_are(policy: Snapshot, scope: Scope) -> None:
    require_known(Target(Measure.STOPPED, scope, "" if scope is Scope.EVERYTHING else "whoever"), policy.routing)
