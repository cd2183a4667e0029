"""A cluster of Envoy for each deployment that policy names, and the endpoints of the processors."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import PurePosixPath

from gateway_ext.envoyconf.filters import provider_filters
from gateway_ext.envoyconf.messages import Message, duration, typed
from gateway_ext.envoyconf.names import PROCESSOR_CLUSTER
from gateway_ext.limits import REQUEST_BODY_BYTES_MAX
from gateway_ext.routing.rules import Provider

_UPSTREAM_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
RETRIES_MIN = 4_096  # at a time
_DEFAULT_PORTS = {"http": 80, "https": 443}


def provider_cluster(name: str, provider: Provider, secrets_directory: PurePosixPath, system_ca_file: str) -> Message:
    """The cluster `name` (`provider/model`) at `provider`."""
    is_address = _is_ip(provider.host)
    tls = {"transport_socket": _tls(provider, is_address, system_ca_file)} if provider.scheme == "https" else {}
    return typed(
        "envoy.config.cluster.v3.Cluster",
        name=name,
        type="STATIC" if is_address else "STRICT_DNS",
        connect_timeout=duration(5),
        # A fallback's body is buffered once more by the upstream filters.
        per_connection_buffer_limit_bytes=REQUEST_BODY_BYTES_MAX,
        load_assignment=_assignment(name, [_provider_endpoint(provider)]),
        circuit_breakers={"thresholds": [_thresholds(provider)]},
        typed_extension_protocol_options={_UPSTREAM_HTTP: _http(name, provider, secrets_directory)},
        dns_lookup_family="V4_PREFERRED",
        outlier_detection={
            "interval": duration(5),
            "base_ejection_time": duration(15),
            # Of one address none is ever ejected: a provider that recovers is used at once.
            "max_ejection_percent": 50,
            "always_eject_one_host": False,
        },
        **tls,
        upstream_connection_options={
            "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 60, "keepalive_interval": 10}
        },
    )


def _thresholds(provider: Provider) -> Message:
    """Envoy counts retries at the cluster that was tried first, and here a retry is the fallback to another one.

    So a budget that is a share of what runs there would refuse fallbacks just when all of it fails: RETRIES_MIN go out
    whatever runs, and above that as many as run. No request has more retries than it has deployments.
    """
    return {
        "max_connections": provider.connections_max,
        "max_pending_requests": provider.requests_max,
        "max_requests": provider.requests_max,
        "retry_budget": {"budget_percent": {"value": 100.0}, "min_retry_concurrency": RETRIES_MIN},
    }


def processors_assignment(sockets: Iterable[PurePosixPath]) -> Message:
    """One endpoint for each processor's Unix socket."""
    endpoints = [{"address": {"pipe": {"path": str(path)}}} for path in sockets]
    return typed("envoy.config.endpoint.v3.ClusterLoadAssignment", **_assignment(PROCESSOR_CLUSTER, endpoints))


def _assignment(name: str, endpoints: Iterable[Message]) -> Message:
    members = [{"endpoint": endpoint} for endpoint in endpoints]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": members}]}


def _provider_endpoint(provider: Provider) -> Message:
    # auto_host_rewrite takes the hostname for the Host field.
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    authority = host if provider.port == _DEFAULT_PORTS[provider.scheme] else f"{host}:{provider.port}"
    address = {"socket_address": {"address": provider.host, "port_value": provider.port}}
    return {"address": address, "hostname": authority}


def _http(cluster: str, provider: Provider, secrets_directory: PurePosixPath) -> Message:
    negotiated: Message = {"http_protocol_options": {}, "http2_protocol_options": {}}
    plain: Message = {"http_protocol_options": {}}
    protocols = {"auto_config": negotiated} if provider.scheme == "https" else {"explicit_http_config": plain}
    return typed(
        _UPSTREAM_HTTP,
        # Shorter than what common servers keep an idle connection open for, so that we close first.
        common_http_protocol_options={"idle_timeout": duration(50)},
        **protocols,
        http_filters=provider_filters(cluster, provider, secrets_directory),
    )


def _tls(provider: Provider, is_address: bool, system_ca_file: str) -> Message:
    """The provider's certificate must be issued by the given CA and be for the host that policy names."""
    validation: Message = {"trusted_ca": {"filename": provider.ca_file or system_ca_file}}
    if is_address:
        host = {"san_type": "IP_ADDRESS", "matcher": {"exact": provider.host}}
        validation["match_typed_subject_alt_names"] = [host]
    context = typed(
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "validation_context": validation,
        },
        **({} if is_address else {"sni": provider.host, "auto_sni_san_validation": True}),
    )
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
