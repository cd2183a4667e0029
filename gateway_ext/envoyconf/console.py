"""The rules of a listener that leads to the console: the only one without the processor, hence to nothing but the console.

Who has no token may pass: the control process judges sessions. What it believes of a token is in a header that only Envoy can
set, and the rules are about that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway_ext.envoyconf.names import CLAIMS_HEADER_PREFIX, CONSOLE_CLUSTER, SCRUBBED_PREFIX
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.reading import filters_of, is_socket_file, kind_of, walk

FILTERS = ("JwtAuthentication", "RBAC", "Buffer", "Router")  # in this order, each once
_RESTORE = "restore the shipped listener"
_OTHER_WAYS = {
    "cluster_header", "cluster_specifier_plugin", "inline_cluster_specifier_plugin", "request_mirror_policies", "vhds",
    "weighted_clusters",
}  # fmt: skip


def leads_to_console(manager: Mapping[str, Any]) -> bool:
    """Whether its routes lead to the console and nowhere else."""
    found = list(walk(manager.get("route_config", {}), ""))
    targets = {value for path, value in found if path.endswith(".route.cluster")}
    return targets == {CONSOLE_CLUSTER} and not any(path.rpartition(".")[2] in _OTHER_WAYS for path, _ in found)


def console_listener(where: str, manager: Mapping[str, Any], issuers: Collection[str]) -> Iterator[Problem]:
    """All that is wrong with a listener that leads to the console. `issuers` are those of policy."""
    if not _scrubs(manager):
        yield Problem(where, f"clients could set {CLAIMS_HEADER_PREFIX}*, and be anybody", "restore the early scrub")
    kinds = tuple(kind_of(each) for each in manager.get("http_filters", []))
    if kinds != FILTERS:
        yield Problem(where, f"needs these filters and no others: {' → '.join(FILTERS)}; has {list(kinds)}", _RESTORE)
    if any(each.get("disabled") or each.get("is_optional") for each in manager.get("http_filters", [])):
        yield Problem(where, "a filter is disabled or optional", "remove 'disabled' and 'is_optional'")
    for path, value in walk(manager, ""):
        if str(value).lower().startswith(CLAIMS_HEADER_PREFIX) and not path.endswith(".forward_payload_header"):
            yield Problem(where, f"'{value}' is set by something else than a verified token", "remove it")
    for authentication in filters_of(manager, "JwtAuthentication"):
        yield from _providers(where, authentication.get("providers", {}), issuers)
        yield from _rules(where, authentication.get("rules", []))


def console_clusters(clusters: Collection[Mapping[str, Any]]) -> Iterator[Problem]:
    """What is wrong with the cluster `console`."""
    found = [each for each in clusters if each.get("name") == CONSOLE_CLUSTER]
    if len(found) > 1 or not all(map(is_socket_file, found)):
        yield Problem("clusters", f"'{CONSOLE_CLUSTER}' must be one socket file", "restore the shipped cluster")


def _scrubs(manager: Mapping[str, Any]) -> bool:
    removed = [
        value
        for extension in manager.get("early_header_mutation_extensions", [])
        for path, value in walk(extension, "")
        if path.endswith(".remove_on_match.key_matcher")
    ]
    return {"prefix": SCRUBBED_PREFIX} in removed


def _providers(where: str, providers: Mapping[str, Any], issuers: Collection[str]) -> Iterator[Problem]:
    for name, provider in providers.items():
        if name not in issuers:
            yield Problem(where, f"accepts tokens of '{name}', which identity.yaml does not", "remove the provider")
        header = f"{CLAIMS_HEADER_PREFIX}{name}"
        if provider.get("forward_payload_header") != header or provider.get("payload_in_metadata") != name:
            yield Problem(
                where,
                f"provider '{name}' must hand its claims on as its own",
                f"set forward_payload_header: {header}, payload_in_metadata: {name}",
            )
        if provider.get("forward", False):
            yield Problem(where, f"provider '{name}' hands on more than its claims", "set forward: false")
        if not provider.get("audiences"):
            yield Problem(where, f"provider '{name}' accepts tokens for anybody", "name the console's audience")


def _rules(where: str, rules: list[Mapping[str, Any]]) -> Iterator[Problem]:
    keys = {path.rpartition(".")[2] for path, _ in walk(rules, "")}
    covers_all = any(rule.get("match") == {"prefix": "/"} for rule in rules)
    judges = {"allow_missing_or_failed", "extract_only_without_validation"}.isdisjoint(keys)
    if not (covers_all and judges and all(rule.get("requires") for rule in rules)):
        yield Problem(
            where,
            "a token that does not verify would pass as none",
            "require the providers or allow_missing for prefix '/', without exceptions",
        )
