"""Copies of requests in Envoy's configuration: where they go, and each way of sending one elsewhere is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.check import inspect
from gateway_ext.envoyconf.render import render
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.shadow import Shadow
from gateway_ext.settings import StateLayout
from tests.envoy.harness import ENVOY_YAML
from tests.envoy.snapshots import INTERFACES, provider, snapshot_of

LAYOUT = StateLayout(Path("/var/lib/gateway"))
Documents = tuple[dict[str, Any], dict[str, Any]]


def with_a_shadow() -> Snapshot:
    plain = snapshot_of(provider("a"), provider("b"))
    models = plain.routing.models
    shadowed = {**models, "assistant": replace(models["assistant"], shadow=Shadow("other", 0.05))}
    return replace(plain, routing=replace(plain.routing, models=shadowed))


def rendered(snapshot: Snapshot) -> dict[str, Any]:
    return {name: yaml.safe_load(text) for name, text in render(snapshot, LAYOUT, 1).items()}


def routes(xds: dict[str, Any], file: str = "routes.yaml") -> list[dict[str, Any]]:
    (configuration,) = xds[file]["resources"]
    (host,) = configuration["virtual_hosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found


@pytest.fixture(scope="module")
def shipped() -> Documents:
    return static.instantiate(ENVOY_YAML), rendered(with_a_shadow())


@pytest.fixture
def documents(shipped: Documents) -> Documents:
    """The shipped configuration with rendered files, for a test to spoil."""
    return copy.deepcopy(shipped)


def test_a_request_with_leave_is_copied_on_the_same_way(documents: Documents) -> None:
    plain = {each["name"]: each for each in routes(rendered(snapshot_of(provider("a"), provider("b"))))}
    found = routes(documents[1])
    copied = [each for each in found if each["name"].endswith("_copied")]
    assert found == [*copied, *plain.values()]
    not_copied = {"models", "model", "count_tokens", "unknown"}
    assert {each["name"].removesuffix("_copied") for each in copied} == plain.keys() - not_copied
    for each in copied:
        assert each["match"].pop("headers") == [{"name": "x-gateway-shadow", "present_match": True}]
        (policy,) = each["route"].pop("request_mirror_policies")
        assert policy["cluster"] == "shadow"
        assert each | {"name": each["name"].removesuffix("_copied")} == plain[each["name"].removesuffix("_copied")]


def test_a_copy_is_sent_once_and_is_over_before_its_hold(documents: Documents) -> None:
    (route,) = routes(documents[1], "shadow.yaml")
    assert "retry_policy" not in route["route"]
    assert route["route"]["timeout"] == "810s"


def test_the_shipped_listener_is_fail_closed(documents: Documents) -> None:
    assert inspect(*documents, INTERFACES) == []


def listener(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in config["static_resources"]["listeners"] if each["name"] == "shadow")
    return found


def filters(config: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listener(config)["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    return found


def processor(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = filters(config)[0]["typed_config"]
    return found


def drop_cluster(config: dict[str, Any]) -> None:
    clusters = config["static_resources"]["clusters"]
    clusters.remove(next(each for each in clusters if each["name"] == "shadow"))


def by_name(config: dict[str, Any]) -> None:
    next(each for each in config["static_resources"]["clusters"] if each["name"] == "shadow")["type"] = "STRICT_DNS"


def copied(xds: dict[str, Any]) -> dict[str, Any]:
    return routes(xds)[0]


def to_somebody(_: dict[str, Any], xds: dict[str, Any]) -> None:
    copied(xds)["route"]["request_mirror_policies"] = [{"cluster": "b/assistant"}]


SPOILED: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "by_tcp": (
        lambda c, x: listener(c).update(address={"socket_address": {"address": "127.0.0.1", "port_value": 1}}),
        "others than this Envoy",
    ),
    "for_everybody": (lambda c, x: listener(c)["address"]["pipe"].update(mode=0o666), "others than this Envoy"),
    "no_role": (lambda c, x: processor(c)["grpc_service"].pop("initial_metadata"), "needs these filters"),
    "no_processor": (lambda c, x: filters(c).pop(0), "needs these filters"),
    "processor_disabled": (lambda c, x: filters(c)[0].update(disabled=True), "neither disabled nor optional"),
    "another_filter": (lambda c, x: filters(c).insert(0, {"typed_config": {"@type": "x.Lua"}}), "needs the processor"),
    "fails_open": (lambda c, x: processor(c).update(failure_mode_allow=True), "failure_mode_allow"),
    "body_unseen": (
        lambda c, x: processor(c)["processing_mode"].update(request_body_mode="NONE"),
        "does not see whole requests",
    ),
    "retried": (lambda c, x: routes(x, "shadow.yaml")[0]["route"].update(retry_policy={}), "a copy is sent once"),
    "to_a_provider": (
        lambda c, x: routes(x, "shadow.yaml")[0].update(route={"cluster": "a/assistant"}),
        "does not default to 'deny'",
    ),
    "no_cluster": (lambda c, x: drop_cluster(c), "which is no cluster"),
    "cluster_by_name": (lambda c, x: by_name(c), "must be one socket file"),
    "copies_to_a_provider": (to_somebody, "copies requests to somewhere else"),
    "copies_by_header": (
        lambda c, x: copied(x)["route"].update(request_mirror_policies=[{"cluster_header": "x"}]),
        "copies requests to somewhere else",
    ),
    "copies_everything": (lambda c, x: copied(x)["match"].pop("headers"), "for which nobody gave leave"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_each_way_of_opening_it_is_found(documents: Documents, case: str) -> None:
    change, expected = SPOILED[case]
    change(*documents)
    found = [str(problem) for problem in inspect(*documents, INTERFACES)]
    assert [problem for problem in found if expected in problem], found


def test_without_shadows_an_older_configuration_will_do() -> None:
    config, xds = static.instantiate(ENVOY_YAML), rendered(snapshot_of(provider("a")))
    drop_cluster(config)
    config["static_resources"]["listeners"].remove(listener(config))
    assert inspect(config, xds, INTERFACES) == []
