"""Policy snapshots made by hand, for tests that need clusters and routes but no policy files."""

from __future__ import annotations

from typing import Any

from gateway_ext.budget.rules import BudgetRules
from gateway_ext.exchange import ENDPOINTS_OF, Candidate, CredentialClass, Dialect, Interface
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.guard.rules import GuardRules
from gateway_ext.identity.rules import IdentityRules, IssuerRule
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.rules import Provider, RoutingRules, SovereignRule, VirtualModel

INTERFACES = {"company": ["public"], "personal": ["public"], "service": ["internal"]}


def provider(name: str, port: int = 80, **fields: str) -> Provider:
    """A plain-HTTP provider on 127.0.0.1 below /v1 with a credential of its name, unless `fields` say otherwise."""
    dialect = Dialect(fields.pop("dialect", Dialect.OPENAI))
    usual: dict[str, Any] = {
        "scheme": "http",
        "host": "127.0.0.1",
        "base_path": "/v1",
        "jurisdiction": "FR",
        "tier": "open",
    }
    return Provider(
        name=name,
        port=port,
        dialect=dialect,
        endpoints=ENDPOINTS_OF[dialect],
        **{**usual, "credential": f"key-of-{name}", **fields},
    )


def snapshot_of(*providers: Provider, hold_ttl_seconds: int = 900) -> Snapshot:
    """One virtual model `assistant`, served by each provider in order as cluster `<provider>/assistant`."""
    deployments = tuple(
        Candidate(f"{each.name}/assistant", each.name, "assistant", each.jurisdiction, each.tier, each.endpoints)
        for each in providers
    )
    models = {"assistant": VirtualModel("assistant", deployments, 1_000, 8_000)} if deployments else {}
    return Snapshot(
        digest="0" * 64,
        identity=IdentityRules({name: _issuer(name) for name in INTERFACES}, ()),
        budget=BudgetRules("EUR", hold_ttl_seconds, (), {}),
        guard=GuardPolicy(GuardRules({}, {}, 1.0), GuardRules({}, {}, 1.0)),
        routing=RoutingRules(
            tiers=("open",),
            sovereign=SovereignRule(frozenset({"open"}), frozenset({"FR"})),
            models=models,
            providers={each.name: each for each in providers},
        ),
    )


def _issuer(name: str) -> IssuerRule:
    credential_class = CredentialClass.SSO if name == "company" else CredentialClass(name)
    interfaces = frozenset(Interface(each) for each in INTERFACES[name])
    return IssuerRule(name, credential_class, "person", interfaces, {"subject": "sub"})
