"""The routes of both listeners: the endpoints we serve, exactly, and a 404 for everything else.

No route names a provider. A request goes where the processor's verdict (dynamic metadata) says; without one it goes to
the empty cluster `deny`, which answers 503.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway_ext.dialects.rate_limits import PROVIDERS_NAMES, field_names
from gateway_ext.envoyconf.messages import Message, duration, typed
from gateway_ext.envoyconf.names import (
    CONTEXT_HEADER,
    DEGRADED_HEADER,
    DENY_CLUSTER,
    OUTPUT_CAP_HEADER,
    PLAN,
    ROUTE_CONFIGURATION,
    ROUTE_HEADER,
    ROUTES,
    SHADOW,
    SHADOW_HEADER,
    VERDICT,
)
from gateway_ext.exchange import Dialect, Endpoint
from gateway_ext.limits import REQUEST_BODY_BYTES_MAX, STREAM_IDLE_SECONDS
from gateway_ext.policy.snapshot import Snapshot

PROVIDER_SILENCE_SECONDS = 120  # without a byte for so long an attempt is given up; before its first byte, retried
_OUR_FACTS = (OUTPUT_CAP_HEADER, DEGRADED_HEADER, ROUTE_HEADER, CONTEXT_HEADER)  # which no provider can state
# Headers of a provider that would tell our account there, or send clients past the gateway.
_RESPONSE_HEADERS_REMOVED = [
    "alt-svc",
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "set-cookie",
]


def route_configuration(snapshot: Snapshot) -> Message:
    """The route configuration `llm`."""
    host = {
        "name": ROUTES,
        "domains": ["*"],
        "routes": [
            *_copied_routes(snapshot),
            *(
                _endpoint_route(endpoint.name.lower(), endpoint, {"path": endpoint.value}, snapshot)
                for endpoint in Endpoint
            ),
            _endpoint_route("model", Endpoint.MODELS, {"prefix": f"{Endpoint.MODELS}/"}, snapshot),
            # envoy.yaml's local_reply_config gives the 404 its body, as for every answer of Envoy itself.
            {"name": "unknown", "match": {"prefix": "/"}, "direct_response": {"status": 404}},
        ],
        "include_request_attempt_count": True,
        "request_body_buffer_limit": REQUEST_BODY_BYTES_MAX,
    }
    return typed(
        ROUTE_CONFIGURATION,
        name=ROUTES,
        virtual_hosts=[host],
        response_headers_to_add=[
            _from_plan("x-request-id", "id"),
            _from_plan(OUTPUT_CAP_HEADER, "output_cap"),
            _from_plan(DEGRADED_HEADER, "degraded_from"),
            _from_plan(ROUTE_HEADER, "route"),
            _from_plan(CONTEXT_HEADER, "context"),
        ],
        response_headers_to_remove=[*_RESPONSE_HEADERS_REMOVED, *_OUR_FACTS],
    )


def _from_plan(name: str, fact: str) -> Message:
    """A header that says what the processor's plan says; none when the plan does not.

    What clients show people as the request's id (SDKs do) is the exchange's id in the audit trail.
    """
    return {
        "header": {"key": name, "value": f"%DYNAMIC_METADATA({PLAN}:{fact})%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _copied_routes(snapshot: Snapshot) -> Iterator[Message]:
    """Where policy has shadows: the same routes for requests that carry leave for a copy, which goes to the listener `shadow`.

    Not by the mirror policy's `cluster_header`: providers' filters have removed the header when Envoy would read it.
    """
    if not any(model.shadow for model in snapshot.routing.models.values()):
        return
    has_leave = {"name": SHADOW_HEADER, "present_match": True}
    mirror = {"cluster": SHADOW, "disable_shadow_host_suffix_append": True}
    for endpoint in Endpoint:
        if endpoint not in (Endpoint.MODELS, Endpoint.COUNT_TOKENS):
            match = {"path": endpoint.value, "headers": [has_leave]}
            route = _endpoint_route(f"{endpoint.name.lower()}_copied", endpoint, match, snapshot)
            route["route"]["request_mirror_policies"] = [mirror]
            yield route


def exchange_timeout(snapshot: Snapshot) -> str:
    """A hold must outlive its exchange: the rest is for the decision before and the settlement after."""
    return duration(snapshot.budget.hold_ttl_seconds * 9 // 10)


def _endpoint_route(name: str, endpoint: Endpoint, match: Message, snapshot: Snapshot) -> Message:
    return {
        "name": name,
        "match": match,
        "route": {
            "inline_cluster_specifier_plugin": by_verdict(),
            "auto_host_rewrite": True,
            "timeout": exchange_timeout(snapshot),
            "idle_timeout": duration(STREAM_IDLE_SECONDS),
            "retry_policy": _retry_policy(snapshot, endpoint),
        },
        "response_headers_to_add": _facts_for_clients(endpoint.dialect),
        # Here, because what a route adds the configuration would remove.
        "response_headers_to_remove": list(PROVIDERS_NAMES),
    }


def _facts_for_clients(dialect: Dialect) -> list[Message]:
    """Where SDKs of the dialect look for the request's id and for what is left of quotas."""
    ids = [_from_plan("request-id", "id")] if dialect is Dialect.ANTHROPIC else []
    return [*ids, *(_from_plan(name, f"limits:{name}") for name in field_names(dialect))]


def by_verdict() -> Message:
    """To the clusters of the processor's verdict; without one to `deny`."""
    specifier = typed(
        "envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier",
        priority_groups=[{"name": DENY_CLUSTER, "clusters": [{"cluster_name": DENY_CLUSTER, "weight": 1}]}],
        override_metadata_namespace=VERDICT,
    )
    return {"extension": {"name": "by_verdict", "typed_config": specifier}}


def _retry_policy(snapshot: Snapshot, endpoint: Endpoint) -> Message:
    """One attempt for each deployment of the model that has most. Envoy retries only before a response has begun."""
    longest = max(
        (
            sum(each.wire(endpoint) is not None for each in model.deployments)
            for model in snapshot.routing.models.values()
        ),
        default=1,
    )
    first = snapshot.routing.first_token_seconds
    return {
        "retry_on": "5xx,retriable-status-codes,connect-failure,reset",
        "num_retries": max(1, longest - 1),
        # Envoy passes over this one once a response has begun (UpstreamRequest::onPerTryTimeout), the other it never does.
        **({} if first is None else {"per_try_timeout": duration(first)}),
        "per_try_idle_timeout": duration(PROVIDER_SILENCE_SECONDS),
        "retriable_status_codes": [429],
        # The next attempt goes elsewhere, so it need not wait; only one for want of another place comes back to where it failed.
        "retry_back_off": {"base_interval": duration(0.005), "max_interval": duration(0.25)},
        "refresh_cluster_on_retry": True,
    }
