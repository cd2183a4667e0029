"""The shipped configuration is fail-closed, and each way of opening it is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.check import inspect
from gateway_ext.envoyconf.render import render
from gateway_ext.settings import StateLayout
from tests.envoy.harness import ENVOY_YAML
from tests.envoy.snapshots import INTERFACES, provider, snapshot_of

Documents = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def shipped() -> Documents:
    files = render(snapshot_of(provider("a"), provider("b")), StateLayout(Path("/var/lib/gateway")), 1)
    config = static.instantiate(ENVOY_YAML, loopback_port=7000)
    return config, {name: yaml.safe_load(text) for name, text in files.items()}


@pytest.fixture
def documents(shipped: Documents) -> Documents:
    """The shipped configuration with rendered files, for a test to spoil."""
    return copy.deepcopy(shipped)


def manager(config: dict[str, Any], listener: str = "public") -> dict[str, Any]:
    found = {each["name"]: each for each in config["static_resources"]["listeners"]}
    typed: dict[str, Any] = found[listener]["filter_chains"][0]["filters"][0]["typed_config"]
    return typed


def http_filter(config: dict[str, Any], kind: str, listener: str = "public") -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in manager(config, listener)["http_filters"] if each["typed_config"]["@type"].endswith(kind)
    )
    return found


def typed(config: dict[str, Any], kind: str, listener: str = "public") -> dict[str, Any]:
    found: dict[str, Any] = http_filter(config, kind, listener)["typed_config"]
    return found


def route(xds: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = xds["routes.yaml"]["resources"][0]["virtual_hosts"][0]["routes"][0]
    return found


def cluster(config: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in config["static_resources"]["clusters"] if each["name"] == name)
    return found


def deny(config: dict[str, Any]) -> dict[str, Any]:
    return cluster(config, "deny")


def serve_keys_by_tcp(config: dict[str, Any]) -> None:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 1}}
    cluster(config, "keys")["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]


def swap(config: dict[str, Any], one: str, other: str) -> None:
    filters = manager(config)["http_filters"]
    first, second = (filters.index(http_filter(config, kind)) for kind in (one, other))
    filters[first], filters[second] = filters[second], filters[first]


def remove(config: dict[str, Any], kind: str, listener: str = "public") -> None:
    manager(config, listener)["http_filters"].remove(http_filter(config, kind, listener))


def leave_deny_a_host(config: dict[str, Any]) -> None:
    deny(config)["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {}}]}]


def plain_internal(config: dict[str, Any]) -> None:
    for listener in config["static_resources"]["listeners"]:
        if listener["name"] == "internal":
            del listener["filter_chains"][0]["transport_socket"]


def retarget(xds: dict[str, Any]) -> dict[str, Any]:
    options = xds["clusters.yaml"]["resources"][0]["typed_extension_protocol_options"]
    (found,) = (each for each in next(iter(options.values()))["http_filters"] if each["name"] == "retarget")
    tree = found["typed_config"]["xds_matcher"]["matcher_tree"]
    action = tree["exact_match_map"]["map"]["1"]["action"]["typed_config"]
    ext_proc: dict[str, Any] = action["typed_config"]["typed_config"]
    return ext_proc


def jwt(config: dict[str, Any], listener: str = "public") -> dict[str, Any]:
    return typed(config, "JwtAuthentication", listener)


OPENED: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "fails_open": (lambda c, x: typed(c, "ExternalProcessor").update(failure_mode_allow=True), "failure_mode_allow"),
    "fallback_fails_open": (lambda c, x: retarget(x).update(failure_mode_allow=True), "failure_mode_allow"),
    "only_observes": (lambda c, x: typed(c, "ExternalProcessor").update(observability_mode=True), "observability_mode"),
    "no_processor": (lambda c, x: remove(c, "ExternalProcessor", "internal"), "needs these filters"),
    "no_rbac": (lambda c, x: remove(c, "RBAC"), "needs these filters"),
    "no_jwt": (lambda c, x: remove(c, "JwtAuthentication"), "needs these filters"),
    "processor_first": (lambda c, x: swap(c, "ExternalProcessor", "JwtAuthentication"), "in this order"),
    "rbac_first": (lambda c, x: swap(c, "RBAC", "JwtAuthentication"), "in this order"),
    "filter_disabled": (lambda c, x: http_filter(c, "RBAC").update(disabled=True), "disabled or optional"),
    "body_unseen": (
        lambda c, x: typed(c, "ExternalProcessor")["processing_mode"].update(request_body_mode="NONE"),
        "does not see whole requests",
    ),
    "cluster_untold": (
        lambda c, x: typed(c, "ExternalProcessor").pop("response_attributes"),
        "which cluster answered",
    ),
    "interface_untold": (
        lambda c, x: typed(c, "ExternalProcessor")["grpc_service"].pop("initial_metadata"),
        "does not tell the processor its interface",
    ),
    "route_switches_filters": (lambda c, x: route(x).update(typed_per_filter_config={}), "must not change filters"),
    "route_to_a_provider": (
        lambda c, x: route(x).update(route={"cluster": "a/assistant"}),
        "does not default to 'deny'",
    ),
    "verdict_from_elsewhere": (
        lambda c, x: route(x)["route"]["inline_cluster_specifier_plugin"]["extension"]["typed_config"].update(
            override_metadata_namespace="other"
        ),
        "does not default to 'deny'",
    ),
    "deny_has_a_host": (lambda c, x: leave_deny_a_host(c), "must have no endpoints"),
    "deny_is_gone": (lambda c, x: c["static_resources"]["clusters"].pop(0), "'deny' must exist once"),
    "processor_is_gone": (lambda c, x: c["static_resources"]["clusters"].pop(1), "'processor' must exist once"),
    "keys_without_tls": (
        lambda c, x: jwt(c)["providers"]["personal"]["remote_jwks"]["http_uri"].update(cluster="processor"),
        "fetches its keys without TLS",
    ),
    "keys_by_name": (lambda c, x: cluster(c, "keys").update(type="STRICT_DNS"), "'keys' must be a socket file"),
    "keys_by_tcp": (lambda c, x: serve_keys_by_tcp(c), "'keys' must be a socket file"),
    "issuer_missing": (lambda c, x: jwt(c)["providers"].pop("personal"), "Envoy has no such provider"),
    "issuer_unknown": (lambda c, x: jwt(c)["providers"].update(other={}), "accepts tokens of 'other'"),
    "service_on_public": (
        lambda c, x: jwt(c)["providers"].update(service=jwt(c, "internal")["providers"]["service"]),
        "accepts tokens of 'service'",
    ),
    "claims_not_handed_on": (
        lambda c, x: jwt(c)["providers"]["company"].update(payload_in_metadata="other"),
        "must hand its claims on",
    ),
    "token_forwarded": (lambda c, x: jwt(c)["providers"]["company"].update(forward=True), "keep the token"),
    "token_optional": (
        lambda c, x: jwt(c)["rules"][0].update(requires={"allow_missing": {}}),
        "need no verified token",
    ),
    "path_without_token": (
        lambda c, x: jwt(c)["rules"].insert(0, {"match": {"path": "/v1/models"}}),
        "need no verified token",
    ),
    "no_rules": (lambda c, x: jwt(c)["rules"].clear(), "need no verified token"),
    "no_client_certificate": (lambda c, x: plain_internal(c), "demand a client certificate"),
}


def test_shipped_configuration_is_fail_closed(documents: Documents) -> None:
    assert inspect(*documents, INTERFACES) == []


@pytest.mark.parametrize("case", OPENED)
def test_each_way_of_opening_it_is_found(documents: Documents, case: str) -> None:
    change, expected = OPENED[case]
    change(*documents)
    found = [str(problem) for problem in inspect(*documents, INTERFACES)]
    assert [problem for problem in found if expected in problem], found


def test_policy_and_envoy_must_know_the_same_issuers(documents: Documents) -> None:
    found = inspect(*documents, {**INTERFACES, "partner": ["public"]})
    assert {problem.where for problem in found} == {"listener 'public'", "listener 'loopback'"}


def test_listeners_that_reach_no_cluster_need_no_filters(documents: Documents) -> None:
    config, xds = documents
    assert not [problem for problem in inspect(config, xds, INTERFACES) if "health" in problem.where]
    manager(config, "health")["route_config"]["virtual_hosts"][0]["routes"].append(route(xds))
    assert [problem for problem in inspect(config, xds, INTERFACES) if "health" in problem.where]
