"""Find one's way in Envoy's configuration: documents in JSON form. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def routes_of(manager: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All routes of an HTTP connection manager."""
    hosts = manager.get("route_config", {}).get("virtual_hosts", [])
    return [route for host in hosts for route in host.get("routes", [])]


def kind_of(http_filter: Mapping[str, Any]) -> str:
    """The name of a filter's type, such as JwtAuthentication."""
    return str(http_filter.get("typed_config", {}).get("@type", "")).rpartition(".")[2]


def filters_of(manager: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The configuration of each HTTP filter of a kind."""
    return [each["typed_config"] for each in manager.get("http_filters", []) if kind_of(each) == kind]


def is_socket_file(cluster: Mapping[str, Any]) -> bool:
    """Whether it leads to a socket file of this machine and nowhere else."""
    keys = {path.rpartition(".")[2] for path, _ in walk(cluster, "")}
    return cluster.get("type") == "STATIC" and "pipe" in keys and "socket_address" not in keys


def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Everything below `value` with its path, in the order of the document."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield f"{path}.{key}", item
        yield from walk(item, f"{path}.{key}")
