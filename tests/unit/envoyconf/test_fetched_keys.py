"""Keys of identity providers are fetched as the documentation has it, and no other way passes."""

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
from tests.envoy.identity_provider import IdentityProvider, documented_envoy
from tests.envoy.snapshots import INTERFACES, provider, snapshot_of

ISSUERS = {**INTERFACES, "subsidiary": ["public"]}
AGED = {"company", "subsidiary"}


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    root = tmp_path_factory.mktemp("documented")
    providers = [
        IdentityProvider("RS256", {}, root, port, f"https://{name}.example")
        for port, name in ((443, "one"), (444, "two"))
    ]
    (root / "envoy.yaml").write_text(documented_envoy(*providers))
    files = render(snapshot_of(provider("a")), StateLayout(Path("/var/lib/gateway")), 1)
    return static.load(root / "envoy.yaml"), {name: yaml.safe_load(text) for name, text in files.items()}


def company(config: dict[str, Any]) -> dict[str, Any]:
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    found: dict[str, Any] = manager["http_filters"][0]["typed_config"]["providers"]["company"]
    return found


def remote(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = company(config)["remote_jwks"]
    return found


def tls(config: dict[str, Any]) -> dict[str, Any]:
    clusters = {each["name"]: each for each in config["static_resources"]["clusters"]}
    found: dict[str, Any] = clusters["idp_company"]["transport_socket"]["typed_config"]
    return found


def keys_from_a_file(config: dict[str, Any]) -> None:
    company(config).pop("remote_jwks")
    company(config)["local_jwks"] = {"filename": "jwks/company.json"}


def without_tls(config: dict[str, Any]) -> None:
    for cluster in config["static_resources"]["clusters"]:
        if cluster["name"] == "idp_company":
            cluster.pop("transport_socket")


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "file": (keys_from_a_file, "Envoy does not fetch them"),
    "no_tls": (without_tls, "nobody verifies who answers"),
    "no_authority": (lambda c: tls(c)["common_tls_context"].clear(), "nobody verifies who answers"),
    "any_host": (lambda c: tls(c).pop("auto_sni_san_validation"), "nobody verifies who answers"),
    "plain": (lambda c: remote(c)["http_uri"].update(uri="http://login.example.eu/jwks"), "without TLS"),
    "other_cluster": (lambda c: remote(c)["http_uri"].update(cluster="deny"), "their age cannot be told"),
    "waits": (lambda c: remote(c).pop("async_fetch"), "callers wait"),
    "often": (lambda c: remote(c).update(cache_duration="34s"), "asked too often for its keys"),
    "no_number": (lambda c: remote(c).update(cache_duration="soon"), "asked too often for its keys"),
    "often_while_away": (lambda c: remote(c)["async_fetch"].clear(), "asked too often while it is away"),
}


def problems(config: dict[str, Any], xds: dict[str, Any], aged: set[str]) -> list[str]:
    return [str(each) for each in inspect(config, xds, ISSUERS, aged)]


def test_documented_configuration_is_fit_for_use(documented: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert problems(*documented, AGED) == []


@pytest.mark.parametrize("case", WRONG)
def test_each_other_way_is_found(documented: tuple[dict[str, Any], dict[str, Any]], case: str) -> None:
    config, xds = copy.deepcopy(documented)
    spoil, message = WRONG[case]
    spoil(config)
    found = problems(config, xds, AGED)
    assert any(message in each for each in found), found


def test_policy_must_say_how_old_fetched_keys_may_be(documented: tuple[dict[str, Any], dict[str, Any]]) -> None:
    (found,) = problems(*documented, {"company"})
    assert "how old the fetched keys of 'subsidiary' may be" in found
