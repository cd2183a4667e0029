"""The listener that leads to the console: each way of opening it is found, and nothing else may lead there."""

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

Config = dict[str, Any]


@pytest.fixture(scope="module")
def shipped() -> tuple[Config, Config]:
    files = render(snapshot_of(provider("a")), StateLayout(Path("/var/lib/gateway")), 1)
    return static.instantiate(ENVOY_YAML, console_port=7001), {
        name: yaml.safe_load(text) for name, text in files.items()
    }


def manager(config: Config, listener: str = "console") -> Config:
    found = {each["name"]: each for each in config["static_resources"]["listeners"]}
    typed: Config = found[listener]["filter_chains"][0]["filters"][0]["typed_config"]
    return typed


def jwt(config: Config) -> Config:
    typed: Config = manager(config)["http_filters"][0]["typed_config"]
    return typed


def company(config: Config) -> Config:
    found: Config = jwt(config)["providers"]["company"]
    return found


def cluster(config: Config, name: str) -> Config:
    found: Config = next(each for each in config["static_resources"]["clusters"] if each["name"] == name)
    return found


def routes(config: Config, listener: str = "console") -> list[Any]:
    found: list[Any] = manager(config, listener)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def mutations(config: Config) -> list[Any]:
    found: list[Any] = manager(config)["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    return found


def serve_by_tcp(config: Config) -> None:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": 1}}
    cluster(config, "console")["load_assignment"]["endpoints"] = [
        {"lb_endpoints": [{"endpoint": {"address": address}}]}
    ]


def lead_public_there(config: Config) -> None:
    public = manager(config, "public")
    del public["rds"]
    public["route_config"] = copy.deepcopy(manager(config)["route_config"])


def lead_a_path_of_public_there(config: Config) -> None:
    lead_public_there(config)
    routes(config, "public").append({"name": "models", "match": {"prefix": "/v1"}, "route": {"cluster": "deny"}})


OPENED: dict[str, tuple[Callable[[Config], object], str]] = {
    "no_scrub": (lambda c: manager(c).pop("early_header_mutation_extensions"), "clients could set x-gateway-claims-"),
    "other_scrub": (lambda c: mutations(c).pop(0), "clients could set x-gateway-claims-"),
    "partial_scrub": (
        lambda c: mutations(c)[0]["remove_on_match"]["key_matcher"].update(prefix="x-gateway-role"),
        "clients could set x-gateway-claims-",
    ),
    "no_jwt": (lambda c: manager(c)["http_filters"].pop(0), "needs these filters and no others"),
    "no_second_lock": (lambda c: manager(c)["http_filters"].pop(1), "needs these filters and no others"),
    "no_buffer": (lambda c: manager(c)["http_filters"].pop(2), "needs these filters and no others"),
    "one_more": (
        lambda c: manager(c)["http_filters"].insert(0, {"name": "lua", "typed_config": {"@type": "x/a.b.Lua"}}),
        "needs these filters and no others",
    ),
    "disabled": (lambda c: manager(c)["http_filters"][0].update(disabled=True), "disabled or optional"),
    "optional": (lambda c: manager(c)["http_filters"][0].update(is_optional=True), "disabled or optional"),
    "other_header": (lambda c: company(c).update(forward_payload_header="x-claims"), "hand its claims on as its own"),
    "anothers_header": (
        lambda c: company(c).update(forward_payload_header="x-gateway-claims-personal"),
        "hand its claims on as its own",
    ),
    "no_header": (lambda c: company(c).pop("forward_payload_header"), "hand its claims on as its own"),
    "no_metadata": (lambda c: company(c).pop("payload_in_metadata"), "hand its claims on as its own"),
    "forwarded": (lambda c: company(c).update(forward=True), "hands on more than its claims"),
    "claim_to_header": (
        lambda c: company(c).update(claim_to_headers=[{"header_name": "x-gateway-claims-x", "claim_name": "y"}]),
        "set by something else than a verified token",
    ),
    "header_of_a_route": (
        lambda c: routes(c)[0].update(request_headers_to_add=[{"header": {"key": "X-Gateway-Claims-Company"}}]),
        "set by something else than a verified token",
    ),
    "header_before_the_route": (
        lambda c: mutations(c).append({"append": {"header": {"key": "x-gateway-claims-company", "value": "e30"}}}),
        "set by something else than a verified token",
    ),
    "any_audience": (lambda c: company(c).pop("audiences"), "accepts tokens for anybody"),
    "unknown_issuer": (lambda c: jwt(c)["providers"].update(other=company(c)), "accepts tokens of 'other'"),
    "failed_tokens_pass": (
        lambda c: jwt(c)["rules"][-1].update(requires={"allow_missing_or_failed": {}}),
        "a token that does not verify would pass",
    ),
    "no_rules": (lambda c: jwt(c)["rules"].clear(), "a token that does not verify would pass"),
    "path_without_rule": (
        lambda c: jwt(c)["rules"].insert(0, {"match": {"prefix": "/api"}}),
        "a token that does not verify would pass",
    ),
    "one_path_only": (lambda c: jwt(c)["rules"][-1].update(match={"prefix": "/api"}), "would pass as none"),
    "keys_in_the_clear": (
        lambda c: company(c).update(remote_jwks={"http_uri": {"uri": "http://idp/jwks", "cluster": "idp_company"}}),
        "fetches its keys without TLS",
    ),
    "by_tcp": (serve_by_tcp, "'console' must be one socket file"),
    "by_name": (lambda c: cluster(c, "console").update(type="STRICT_DNS"), "'console' must be one socket file"),
    "twice": (
        lambda c: c["static_resources"]["clusters"].append(cluster(c, "console")),
        "'console' must be one socket file",
    ),
    "to_a_model": (
        lambda c: routes(c).append({"name": "x", "match": {"prefix": "/v1"}, "route": {"cluster": "a/assistant"}}),
        "needs these filters once",
    ),
    "chosen_by_a_header": (
        lambda c: routes(c).append({"name": "x", "match": {"prefix": "/"}, "route": {"cluster_header": "x-to"}}),
        "needs these filters once",
    ),
    "mirrored": (
        lambda c: routes(c)[0]["route"].update(request_mirror_policies=[{"cluster": "a/assistant"}]),
        "needs these filters once",
    ),
    "filters_by_route": (lambda c: routes(c)[0].update(typed_per_filter_config={}), "must not change filters"),
    "public_too": (lead_public_there, "listener 'public': needs these filters and no others"),
    "a_path_of_public": (lead_a_path_of_public_there, "listener 'public', route 'console'"),
}


@pytest.mark.parametrize("case", OPENED)
def test_each_way_of_opening_it_is_found(shipped: tuple[Config, Config], case: str) -> None:
    config, xds = copy.deepcopy(shipped)
    assert inspect(config, xds, INTERFACES) == []
    change, expected = OPENED[case]
    change(config)
    found = [str(problem) for problem in inspect(config, xds, INTERFACES)]
    assert [problem for problem in found if expected in problem], found


def test_the_one_without_tls_keeps_the_rules(shipped: tuple[Config, Config]) -> None:
    config, xds = copy.deepcopy(shipped)
    manager(config, "console-loopback")["early_header_mutation_extensions"].clear()
    assert [each.where for each in inspect(config, xds, INTERFACES)] == ["listener 'console-loopback'"]


def test_a_rendered_cluster_cannot_take_its_name(shipped: tuple[Config, Config]) -> None:
    config, xds = copy.deepcopy(shipped)
    xds["clusters.yaml"]["resources"][0]["name"] = "console"
    assert "'console' must be one socket file" in str(inspect(config, xds, INTERFACES))


def test_an_installation_without_a_console_is_fit_for_use(shipped: tuple[Config, Config]) -> None:
    config, xds = copy.deepcopy(shipped)
    resources = config["static_resources"]
    resources["listeners"] = [each for each in resources["listeners"] if not each["name"].startswith("console")]
    resources["clusters"].remove(cluster(config, "console"))
    assert inspect(config, xds, INTERFACES) == []
