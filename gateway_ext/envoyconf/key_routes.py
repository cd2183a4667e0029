"""The routes of the listener `keys`: one answer for each of our own issuers, its public keys."""

from __future__ import annotations

from collections.abc import Mapping

from envoy_data_plane.envoy.config.core.v3 import DataSource
from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    Route,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)

from gateway_ext.envoyconf.names import KEYS


def key_routes(key_sets: Mapping[str, str]) -> RouteConfiguration:
    """The route configuration `keys`. `key_sets` are JWKS documents by the issuer's name."""
    routes = [
        Route(
            name=name,
            match=RouteMatch(path=f"/{name}.json"),
            direct_response=DirectResponseAction(status=200, body=DataSource(inline_string=key_sets[name])),
        )
        for name in sorted(key_sets)
    ]
    return RouteConfiguration(name=KEYS, virtual_hosts=[VirtualHost(name=KEYS, domains=["*"], routes=routes)])
