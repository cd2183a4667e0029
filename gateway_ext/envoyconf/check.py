"""The rules that keep Envoy's configuration fail-closed, whatever an SRE tunes. Pure, but for the run of Envoy itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway_ext.envoyconf.console import console_clusters, console_listener, leads_to_console
from gateway_ext.envoyconf.fetched_keys import fetched_keys
from gateway_ext.envoyconf.names import DENY_CLUSTER, INTERFACE_HEADER, PROCESSOR_CLUSTER, VERDICT
from gateway_ext.envoyconf.names import KEYS as KEYS_CLUSTER
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.reading import filters_of, is_socket_file, kind_of, routes_of, walk
from gateway_ext.envoyconf.shadow import copies, is_shadow, shadow_listener
from gateway_ext.envoyconf.validate import connection_managers, in_line, validate

# On each listener that reaches a cluster, in this order, each once.
REQUIRED_FILTERS = ("JwtAuthentication", "RBAC", "ExternalProcessor", "Router")
_REQUIRED_MODE = {"request_header_mode": "SEND", "request_body_mode": "BUFFERED"}
_SKIPS_VERIFICATION = ("allow_missing", "allow_missing_or_failed", "extract_only_without_validation")


def check(
    config: Mapping[str, Any],
    xds: Mapping[str, Any],
    issuers: Mapping[str, Collection[str]],
    state_dir: Path,
    envoy_binary: Path,
    aged: Collection[str] = (),
) -> list[Problem]:
    """All that is wrong with `config` (see static.load), the rendered documents `xds` and policy's `issuers` together.

    `issuers` maps the name of each issuer in policy to the interfaces (public, internal) that accept it; for those in `aged`
    policy says how old their keys may be.
    """
    return [*inspect(config, xds, issuers, aged), *validate(config, xds, state_dir, envoy_binary)]


def inspect(
    config: Mapping[str, Any],
    xds: Mapping[str, Any],
    issuers: Mapping[str, Collection[str]],
    aged: Collection[str] = (),
) -> list[Problem]:
    """`check` without running Envoy."""
    whole = in_line(config, xds)
    problems = [*_everywhere(whole), *_own_clusters(whole), *copies(whole)]
    clusters = {str(each.get("name")): each for each in whole["static_resources"].get("clusters", [])}
    for listener, manager in connection_managers(whole):
        if _reaches_a_cluster(manager):
            name = f"listener '{listener.get('name')}'"
            if leads_to_console(manager):
                problems += console_listener(name, manager, issuers)
            elif is_shadow(manager):
                problems += [
                    *shadow_listener(name, listener, manager),
                    *_processors(name, manager),
                    *_routes(name, manager),
                ]
            else:
                problems += [
                    *_filters(name, manager),
                    *_processors(name, manager),
                    *_issuers(name, manager, issuers),
                    *_routes(name, manager),
                ]
                problems += _client_certificate(name, listener, manager)
            for authentication in filters_of(manager, "JwtAuthentication"):
                problems += fetched_keys(name, authentication.get("providers", {}), clusters, aged)
    return problems


def _everywhere(whole: Mapping[str, Any]) -> Iterator[Problem]:
    for path, value in walk(whole, ""):
        key = path.rpartition(".")[2]
        if key in {"failure_mode_allow", "observability_mode"} and value is not False:
            yield Problem(path, f"{key} lets requests pass that nobody inspected", f"set {key}: false")
        if key == "typed_per_filter_config":
            yield Problem(path, "routes must not change filters: it could switch the processor off", "remove it")


def _own_clusters(whole: Mapping[str, Any]) -> Iterator[Problem]:
    clusters = whole["static_resources"].get("clusters", [])
    for name in (DENY_CLUSTER, PROCESSOR_CLUSTER):
        if [each.get("name") for each in clusters].count(name) != 1:
            yield Problem("clusters", f"'{name}' must exist once", "restore the shipped cluster")
    for each in clusters:
        if each.get("name") == KEYS_CLUSTER and not is_socket_file(each):
            yield Problem(
                "clusters", f"'{KEYS_CLUSTER}' must be a socket file of this Envoy", "restore the shipped one"
            )
    yield from console_clusters(clusters)
    if any(each.get("load_assignment", {}).get("endpoints") for each in clusters if each.get("name") == DENY_CLUSTER):
        yield Problem("clusters", f"'{DENY_CLUSTER}' must have no endpoints", "restore the shipped cluster")


def _reaches_a_cluster(manager: Mapping[str, Any]) -> bool:
    return any("direct_response" not in route for route in routes_of(manager))


def _filters(where: str, manager: Mapping[str, Any]) -> Iterator[Problem]:
    filters = manager.get("http_filters", [])
    kinds = [kind_of(each) for each in filters]
    required = [kind for kind in kinds if kind in REQUIRED_FILTERS]
    if required != list(REQUIRED_FILTERS):
        order = " → ".join(REQUIRED_FILTERS)
        yield Problem(where, f"needs these filters once, in this order: {order}; has {required}", "restore the order")
    for each in filters:
        if kind_of(each) in REQUIRED_FILTERS and (each.get("disabled") or each.get("is_optional")):
            yield Problem(
                where, f"filter {kind_of(each)} is disabled or optional", "remove 'disabled' and 'is_optional'"
            )
    for processor in filters_of(manager, "ExternalProcessor"):
        if "xds.cluster_name" not in processor.get("response_attributes", []):
            yield Problem(
                where,
                "does not tell the processor which cluster answered, so answers of another wire format are refused",
                "set response_attributes: [xds.cluster_name]",
            )
        if _interface(manager) not in {"public", "internal"}:
            yield Problem(
                where, "does not tell the processor its interface", f"set initial_metadata {INTERFACE_HEADER}"
            )


def _processors(where: str, manager: Mapping[str, Any]) -> Iterator[Problem]:
    for processor in filters_of(manager, "ExternalProcessor"):
        mode = processor.get("processing_mode", {})
        if any(mode.get(key) != value for key, value in _REQUIRED_MODE.items()):
            yield Problem(where, "the processor does not see whole requests", f"set processing_mode {_REQUIRED_MODE}")


def _issuers(where: str, manager: Mapping[str, Any], issuers: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    interface = _interface(manager)
    for authentication in filters_of(manager, "JwtAuthentication"):
        providers = authentication.get("providers", {})
        expected = {name for name, interfaces in issuers.items() if interface in interfaces}
        for name in sorted(expected - set(providers)):
            yield Problem(
                where,
                f"policy accepts issuer '{name}' here, Envoy has no such provider",
                "add it, or change identity.yaml",
            )
        for name in sorted(set(providers) - expected):
            yield Problem(
                where,
                f"accepts tokens of '{name}', which identity.yaml does not",
                "remove the provider, or change identity.yaml",
            )
        for name, provider in providers.items():
            if provider.get("payload_in_metadata") != name or provider.get("forward", False):
                yield Problem(
                    where,
                    f"provider '{name}' must hand its claims on and keep the token",
                    f"set payload_in_metadata: {name}, forward: false",
                )
        rules = authentication.get("rules", [])
        covers_all = any(rule.get("match") == {"prefix": "/"} and rule.get("requires") for rule in rules)
        skipped = any(path.rpartition(".")[2] in _SKIPS_VERIFICATION for path, _ in walk(rules, ""))
        if not covers_all or skipped or not all(rule.get("requires") for rule in rules):
            yield Problem(
                where, "some requests need no verified token", "require a provider for prefix '/', without exceptions"
            )


def _routes(where: str, manager: Mapping[str, Any]) -> Iterator[Problem]:
    for route in routes_of(manager):
        if "direct_response" in route:
            continue
        action = route.get("route", {})
        specifier = action.get("inline_cluster_specifier_plugin", {}).get("extension", {}).get("typed_config", {})
        groups = [
            each.get("cluster_name")
            for group in specifier.get("priority_groups", [])
            for each in group.get("clusters", [])
        ]
        if groups != [DENY_CLUSTER] or specifier.get("override_metadata_namespace") != VERDICT:
            yield Problem(
                f"{where}, route '{route.get('name')}'",
                f"does not default to '{DENY_CLUSTER}' and {VERDICT}",
                "run 'gateway-ext envoy render'",
            )


def _client_certificate(where: str, listener: Mapping[str, Any], manager: Mapping[str, Any]) -> Iterator[Problem]:
    if _interface(manager) != "internal":
        return
    for chain in listener.get("filter_chains", []):
        if not chain.get("transport_socket", {}).get("typed_config", {}).get("require_client_certificate"):
            yield Problem(
                where, "the internal interface must demand a client certificate", "set require_client_certificate: true"
            )


def _interface(manager: Mapping[str, Any]) -> str:
    for processor in filters_of(manager, "ExternalProcessor"):
        for header in processor.get("grpc_service", {}).get("initial_metadata", []):
            if header.get("key") == INTERFACE_HEADER:
                return str(header.get("value"))
    return ""
