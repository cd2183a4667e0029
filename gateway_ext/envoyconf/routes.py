"""The routes of both listeners: the endpoints we serve, exactly, and a 404 for everything else.

No route names a provider. A request goes where the processor's verdict (dynamic metadata) says; without one it goes to
the empty cluster `deny`, which answers 503.
"""

from __future__ import annotations

import datetime

from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.route.v3 import (
    ClusterSpecifierPlugin,
    DirectResponseAction,
    RetryPolicy,
    RetryPolicyRetryBackOff,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.google.protobuf import Any

from gateway_ext.dialects.rate_limits import PROVIDERS_NAMES, field_names
from gateway_ext.envoyconf.names import DEGRADED_HEADER, DENY_CLUSTER, OUTPUT_CAP_HEADER, PLAN, ROUTES, VERDICT
from gateway_ext.envoyconf.priority_group import ClusterWeight, PriorityGroup, PriorityGroupClusterSpecifier
from gateway_ext.exchange import Dialect, Endpoint
from gateway_ext.limits import REQUEST_BODY_BYTES_MAX, STREAM_IDLE_SECONDS
from gateway_ext.policy.snapshot import Snapshot

PROVIDER_SILENCE_SECONDS = 120  # without a byte for so long an attempt is given up; before its first byte, retried
# Headers of a provider that would tell our account there, or send clients past the gateway.
_RESPONSE_HEADERS_REMOVED = [
    "alt-svc",
    "anthropic-organization-id",
    "openai-organization",
    "openai-project",
    "set-cookie",
]


def route_configuration(snapshot: Snapshot) -> RouteConfiguration:
    """The route configuration `llm`."""
    unknown = Route(name="unknown", match=RouteMatch(prefix="/"), direct_response=DirectResponseAction(status=404))
    host = VirtualHost(
        name=ROUTES,
        domains=["*"],
        include_request_attempt_count=True,
        request_body_buffer_limit=REQUEST_BODY_BYTES_MAX,
        # envoy.yaml's local_reply_config gives the 404 its body, as for every answer of Envoy itself.
        routes=[*(_endpoint_route(endpoint, snapshot) for endpoint in Endpoint), unknown],
    )
    return RouteConfiguration(
        name=ROUTES,
        virtual_hosts=[host],
        response_headers_to_add=[
            _from_plan("x-request-id", "id"),
            _from_plan(OUTPUT_CAP_HEADER, "output_cap"),
            _from_plan(DEGRADED_HEADER, "degraded_from"),
        ],
        response_headers_to_remove=[*_RESPONSE_HEADERS_REMOVED, OUTPUT_CAP_HEADER, DEGRADED_HEADER],
    )


def _from_plan(name: str, fact: str) -> HeaderValueOption:
    """A header that says what the processor's plan says; none when the plan does not.

    What clients show people as the request's id (SDKs do) is the exchange's id in the audit trail.
    """
    return HeaderValueOption(
        header=HeaderValue(key=name, value=f"%DYNAMIC_METADATA({PLAN}:{fact})%"),
        append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )


def _endpoint_route(endpoint: Endpoint, snapshot: Snapshot) -> Route:
    # A hold must outlive its exchange: the rest is for the decision before and the settlement after.
    timeout_seconds = snapshot.budget.hold_ttl_seconds * 9 // 10
    action = RouteAction(
        inline_cluster_specifier_plugin=_by_verdict(),
        auto_host_rewrite=True,
        timeout=datetime.timedelta(seconds=timeout_seconds),
        idle_timeout=datetime.timedelta(seconds=STREAM_IDLE_SECONDS),
        retry_policy=_retry_policy(snapshot, endpoint.dialect),
    )
    return Route(
        name=endpoint.name.lower(),
        match=RouteMatch(path=endpoint.value),
        route=action,
        response_headers_to_add=_facts_for_clients(endpoint.dialect),
        response_headers_to_remove=list(
            PROVIDERS_NAMES
        ),  # here, because what a route adds the configuration would remove
    )


def _facts_for_clients(dialect: Dialect) -> list[HeaderValueOption]:
    """Where SDKs of the dialect look for the request's id and for what is left of quotas."""
    ids = [_from_plan("request-id", "id")] if dialect is Dialect.ANTHROPIC else []
    return [*ids, *(_from_plan(name, f"limits:{name}") for name in field_names(dialect))]


def _by_verdict() -> ClusterSpecifierPlugin:
    deny = PriorityGroup(name=DENY_CLUSTER, clusters=[ClusterWeight(cluster_name=DENY_CLUSTER, weight=1)])
    specifier = PriorityGroupClusterSpecifier(priority_groups=[deny], override_metadata_namespace=VERDICT)
    return ClusterSpecifierPlugin(extension=TypedExtensionConfig(name="by_verdict", typed_config=Any.pack(specifier)))


def _retry_policy(snapshot: Snapshot, dialect: Dialect) -> RetryPolicy:
    """One attempt for each deployment of the model that has most. Envoy retries only before a response has begun."""
    longest = max(
        (sum(each.dialect is dialect for each in model.deployments) for model in snapshot.routing.models.values()),
        default=1,
    )
    return RetryPolicy(
        retry_on="5xx,retriable-status-codes,connect-failure,reset",
        retriable_status_codes=[429],
        num_retries=max(1, longest - 1),
        per_try_idle_timeout=datetime.timedelta(seconds=PROVIDER_SILENCE_SECONDS),
        retry_back_off=RetryPolicyRetryBackOff(
            base_interval=datetime.timedelta(milliseconds=25), max_interval=datetime.timedelta(milliseconds=250)
        ),
        refresh_cluster_on_retry=True,
    )
