"""The routes of the listener `shadow`: a copy goes where the processor's verdict says, once, or nowhere."""

from __future__ import annotations

from gateway_ext.envoyconf.messages import Message, duration, typed
from gateway_ext.envoyconf.names import ROUTE_CONFIGURATION, SHADOW
from gateway_ext.envoyconf.routes import by_verdict, exchange_timeout
from gateway_ext.limits import SHADOW_BODY_BYTES_MAX, STREAM_IDLE_SECONDS
from gateway_ext.policy.snapshot import Snapshot


def shadow_routes(snapshot: Snapshot) -> Message:
    """The route configuration `shadow`: without retries, fallbacks, or copies of copies."""
    action = {
        "inline_cluster_specifier_plugin": by_verdict(),
        "auto_host_rewrite": True,
        "timeout": exchange_timeout(snapshot),
        "idle_timeout": duration(STREAM_IDLE_SECONDS),
    }
    host = {
        "name": SHADOW,
        "domains": ["*"],
        "routes": [{"name": SHADOW, "match": {"prefix": "/"}, "route": action}],
        "include_request_attempt_count": True,  # the filters of providers' clusters go by it
        "request_body_buffer_limit": SHADOW_BODY_BYTES_MAX,
    }
    return typed(ROUTE_CONFIGURATION, name=SHADOW, virtual_hosts=[host])
