"""Envoy without us: one plain listener, one upstream, with or without an ext_proc filter. The reference of a run."""

from __future__ import annotations

from typing import Any


def config(
    *, listen: int, admin: int, upstream: int, processor_socket: str | None, reads_response_headers: bool = True
) -> dict[str, Any]:
    """A bootstrap configuration. Request headers and the whole body go to the processor, and response headers if wanted."""
    filters: list[dict[str, Any]] = []
    clusters = [_cluster("upstream", {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}, {})]
    if processor_socket is not None:
        filters.append(_ext_proc(reads_response_headers))
        clusters.append(_cluster("processor", {"pipe": {"path": processor_socket}}, {"http2_protocol_options": {}}))
    filters.append({"name": "router", "typed_config": _typed("envoy.extensions.filters.http.router.v3.Router")})
    manager = {
        **_typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "plain",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                }
            ]
        },
        "http_filters": filters,
    }
    listener = {
        "name": "plain",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": listen}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }


def _ext_proc(reads_response_headers: bool) -> dict[str, Any]:
    return {
        "name": "ext_proc",
        "typed_config": {
            **_typed("envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"),
            "grpc_service": {"envoy_grpc": {"cluster_name": "processor"}},
            "message_timeout": "5s",
            "processing_mode": {
                "request_header_mode": "SEND",
                "request_body_mode": "BUFFERED",
                "response_header_mode": "SEND" if reads_response_headers else "SKIP",
                "response_body_mode": "NONE",
            },
        },
    }


def _cluster(name: str, address: dict[str, Any], http_options: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                **_typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": http_options or {"http_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _typed(name: str) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/{name}"}
