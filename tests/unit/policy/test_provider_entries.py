"""Every entry of docs/providers.md: loaded as policy, and what Envoy would be told to do with it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_ext.envoyconf.render import SYSTEM_CA_FILE, render
from gateway_ext.exchange import ENDPOINTS_OF, Dialect, Endpoint
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.catalog_review import Circumstances, Severity, review
from gateway_ext.settings import StateLayout
from tests.unit.policy.provider_entries import PAGE, names, written_to

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TLS, CHAT = "envoy.transport_sockets.tls", Endpoint.CHAT_COMPLETIONS
OPENAI = ("authorization", "Bearer ")

# Name, host, port, TLS, path of its main endpoint, where the key goes ("": none), what it serves.
EXPECTED: list[tuple[str, str, int, bool, str, tuple[str, str], str]] = [
    ("openai", "api.openai.com", 443, True, "/v1/chat/completions", OPENAI, "CEMR"),
    ("openai-eu", "eu.api.openai.com", 443, True, "/v1/chat/completions", OPENAI, "CEMR"),
    ("azure", "your-resource.openai.azure.com", 443, True, "/openai/v1/chat/completions", ("api-key", ""), "MER"),
    ("mistral", "api.mistral.ai", 443, True, "/v1/chat/completions", OPENAI, "ME"),
    ("vllm", "vllm.example.internal", 443, True, "/v1/chat/completions", OPENAI, "CEMRA"),
    ("tgi", "tgi.example.internal", 443, True, "/v1/chat/completions", OPENAI, "CM"),
    ("ollama", "127.0.0.1", 11434, False, "/v1/chat/completions", ("", ""), "CEMR"),
    ("huggingface", "router.huggingface.co", 443, True, "/v1/chat/completions", OPENAI, "MR"),
    ("openrouter", "openrouter.ai", 443, True, "/api/v1/chat/completions", OPENAI, "CMRA"),
    ("scaleway", "api.scaleway.ai", 443, True, "/v1/chat/completions", OPENAI, "MER"),
    ("ovhcloud", "oai.endpoints.kepler.ai.cloud.ovh.net", 443, True, "/v1/chat/completions", OPENAI, "MER"),
    ("anthropic", "api.anthropic.com", 443, True, "/v1/messages", ("x-api-key", ""), "AT"),
]
LETTERS = {
    "C": Endpoint.COMPLETIONS,
    "E": Endpoint.EMBEDDINGS,
    "M": CHAT,
    "R": Endpoint.RESPONSES,
    "A": Endpoint.MESSAGES,
    "T": Endpoint.COUNT_TOKENS,
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return load_policy(written_to(tmp_path_factory.mktemp("entries") / "policies"))


@pytest.fixture(scope="module")
def clusters(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    rendered = yaml.safe_load(render(snapshot, StateLayout(Path("/var/lib/gateway")), 1)["clusters.yaml"])
    return {cluster["name"]: cluster for cluster in rendered["resources"]}


def test_each_entry_is_expected_here() -> None:
    assert names() == [name for name, *_ in EXPECTED]


@pytest.mark.parametrize(("name", "host", "port", "is_tls", "path", "key", "served"), EXPECTED)
def test_what_envoy_does_with_it(
    clusters: dict[str, dict[str, Any]],
    name: str,
    host: str,
    port: int,
    is_tls: bool,
    path: str,
    key: tuple[str, str],
    served: str,
    snapshot: Snapshot,
) -> None:
    cluster = clusters[f"{name}/some"]
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    address = endpoint["address"]["socket_address"]
    assert (address["address"], address["port_value"]) == (host, port)
    assert endpoint["hostname"] == (host if is_tls else f"{host}:{port}")
    assert ("transport_socket" in cluster) is is_tls
    filters = {each["name"]: each["typed_config"] for each in options(cluster)["http_filters"]}
    assert sent_to(filters["scrub_and_path"], path) == path
    assert key_place(filters) == key
    (deployment,) = snapshot.routing.models[f"model-at-{name}"].deployments
    assert deployment.endpoints == {LETTERS[letter] for letter in served}


def test_certificates_are_checked_for_the_host_by_the_right_authority(clusters: dict[str, dict[str, Any]]) -> None:
    for name, host, _, is_tls, *_ in EXPECTED:
        if is_tls:
            context = clusters[f"{name}/some"]["transport_socket"]["typed_config"]
            authority = context["common_tls_context"]["validation_context"]["trusted_ca"]["filename"]
            assert (context["sni"], context["auto_sni_san_validation"]) == (host, True)
            assert authority == (SYSTEM_CA_FILE if "internal" not in host else "certs/internal-ca.pem")


def test_entries_that_name_no_endpoints_serve_all_of_their_dialect(snapshot: Snapshot) -> None:
    for name, dialect in (("openai", Dialect.OPENAI), ("anthropic", Dialect.ANTHROPIC)):
        assert snapshot.routing.providers[name].endpoints == ENDPOINTS_OF[dialect]


def test_no_statement_contradicts_another_and_none_claims_to_be_reviewed(snapshot: Snapshot) -> None:
    routing = snapshot.routing
    laws = {name: provider.jurisdiction for name, provider in routing.providers.items()}
    sovereign = {cluster for cluster, entry in routing.catalog.items() if entry.tier != "frontier"}
    circumstances = Circumstances(
        date(2026, 11, 21), 12, laws, personal=set(), sovereign=sovereign, sovereign_laws={"FR"}
    )
    findings = review(routing.catalog, circumstances)
    assert [each for each in findings if each.severity is Severity.ERROR] == []
    assert {each.cluster for each in findings if each.rule == "never-reviewed"} == set(routing.catalog)


def test_the_page_shows_no_key() -> None:
    assert not re.search(r"\b(sk|key|hf|tok)[-_][A-Za-z0-9]{8,}", PAGE)


def options(cluster: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cluster["typed_extension_protocol_options"][HTTP_OPTIONS]
    return found


def sent_to(scrub: dict[str, Any], path: str) -> str:
    """The path of a request for the endpoint that `path` ends with, as the provider gets it."""
    match = re.search(r'replace\(":path", "([^"]*)"', scrub["default_source_code"]["inline_string"])
    assert match
    ending = next(each.value.removeprefix("/v1") for each in Endpoint if path.endswith(each.value.removeprefix("/v1")))
    return match[1] + ending


def key_place(filters: dict[str, Any]) -> tuple[str, str]:
    if "credential" not in filters:
        return "", ""
    generic = filters["credential"]["credential"]["typed_config"]
    return generic["header"], generic.get("header_value_prefix", "")
