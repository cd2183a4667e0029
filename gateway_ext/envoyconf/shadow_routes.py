"""The routes of the listener `shadow`: a copy goes where the processor's verdict says, once, or nowhere."""

from __future__ import annotations

import datetime

from envoy_data_plane.envoy.config.route.v3 import Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost

from gateway_ext.envoyconf.names import SHADOW
from gateway_ext.envoyconf.routes import by_verdict, exchange_timeout
from gateway_ext.limits import SHADOW_BODY_BYTES_MAX, STREAM_IDLE_SECONDS
from gateway_ext.policy.snapshot import Snapshot


def shadow_routes(snapshot: Snapshot) -> RouteConfiguration:
    """The route configuration `shadow`: without retries, fallbacks, or copies of copies."""
    action = RouteAction(
        inline_cluster_specifier_plugin=by_verdict(),
        auto_host_rewrite=True,
        timeout=exchange_timeout(snapshot),
        idle_timeout=datetime.timedelta(seconds=STREAM_IDLE_SECONDS),
    )
    host = VirtualHost(
        name=SHADOW,
        domains=["*"],
        include_request_attempt_count=True,  # the filters of providers' clusters go by it
        request_body_buffer_limit=SHADOW_BODY_BYTES_MAX,
        routes=[Route(name=SHADOW, match=RouteMatch(prefix="/"), route=action)],
    )
    return RouteConfiguration(name=SHADOW, virtual_hosts=[host])
