"""The rules of the listener `shadow`, by which copies of requests come back, and of what sends them there.

It asks for no token: a copy has a leave, which the processor judges. So nobody but this Envoy may reach it, and no route may
send a copy anywhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway_ext.envoyconf.names import ROLE_HEADER, SHADOW, SHADOW_HEADER
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.reading import filters_of, is_socket_file, kind_of, routes_of, walk

_RESTORE = "restore the shipped listener"
_METERS = frozenset({"JsonToMetadata", "SseToMetadata"})
_MODE = 0o600


def is_shadow(manager: Mapping[str, Any]) -> bool:
    """Whether its processor takes what comes for copies."""
    return any(
        header.get("key") == ROLE_HEADER and header.get("value") == SHADOW
        for processor in filters_of(manager, "ExternalProcessor")
        for header in processor.get("grpc_service", {}).get("initial_metadata", [])
    )


def shadow_listener(where: str, listener: Mapping[str, Any], manager: Mapping[str, Any]) -> Iterator[Problem]:
    """All that is wrong with a listener for copies, but for its processing mode and its routes' cluster."""
    address = listener.get("address", {})
    if set(address) != {"pipe"} or address["pipe"].get("mode") != _MODE:
        yield Problem(where, "others than this Envoy could send what counts as a copy", "listen on a pipe of mode 384")
    filters = manager.get("http_filters", [])
    kinds = [kind for kind in map(kind_of, filters) if kind not in _METERS]
    if kinds != ["ExternalProcessor", "Router"] or any(
        each.get("disabled") or each.get("is_optional") for each in filters
    ):
        yield Problem(where, "needs the processor and the router, neither disabled nor optional", _RESTORE)
    for route in routes_of(manager):
        if "retry_policy" in route.get("route", {}):
            yield Problem(
                f"{where}, route '{route.get('name')}'", "a copy is sent once", "run 'gateway-ext envoy render'"
            )


def copies(whole: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the cluster `shadow`, and with whatever sends copies."""
    clusters: Collection[Mapping[str, Any]] = whole["static_resources"].get("clusters", [])
    found = [each for each in clusters if each.get("name") == SHADOW]
    if len(found) > 1 or not all(map(is_socket_file, found)):
        yield Problem("clusters", f"'{SHADOW}' must be one socket file of this Envoy", "restore the shipped cluster")
    for path, value in walk(whole, ""):
        if not isinstance(value, Mapping) or not _copies(value.get("route", {})):
            continue
        if not found:
            yield Problem(path, f"copies requests to '{SHADOW}', which is no cluster", "restore the shipped cluster")
        if {"name": SHADOW_HEADER, "present_match": True} not in value.get("match", {}).get("headers", []):
            yield Problem(path, "copies requests for which nobody gave leave", "run 'gateway-ext envoy render'")
    for path, value in walk(whole, ""):
        if path.endswith(".request_mirror_policies") and [each.get("cluster") for each in value] != [SHADOW]:
            yield Problem(path, f"copies requests to somewhere else than '{SHADOW}'", "remove request_mirror_policies")


def _copies(action: Any) -> bool:
    return isinstance(action, Mapping) and "request_mirror_policies" in action
