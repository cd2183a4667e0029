"""The routes of the listener `keys`: one answer for each of our own issuers, its public keys."""

from __future__ import annotations

from collections.abc import Mapping

from gateway_ext.envoyconf.messages import Message, typed
from gateway_ext.envoyconf.names import KEYS, ROUTE_CONFIGURATION


def key_routes(key_sets: Mapping[str, str]) -> Message:
    """The route configuration `keys`. `key_sets` are JWKS documents by the issuer's name."""
    routes = [
        {
            "name": name,
            "match": {"path": f"/{name}.json"},
            "direct_response": {"status": 200, "body": {"inline_string": key_sets[name]}},
        }
        for name in sorted(key_sets)
    ]
    host: Message = {"name": KEYS, "domains": ["*"], "routes": routes}
    return typed(ROUTE_CONFIGURATION, name=KEYS, virtual_hosts=[host])
