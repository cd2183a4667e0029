"""What the rendered files say, and that Envoy's own types accept them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway_ext.dialects.rate_limits import PROVIDERS_NAMES, field_names
from gateway_ext.envoyconf.render import render
from gateway_ext.exchange import Dialect, Endpoint
from gateway_ext.limits import REQUEST_BODY_BYTES_MAX
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.shadow import Shadow
from gateway_ext.settings import StateLayout
from tests.envoy.envoys_types import changed, read_by_envoy
from tests.envoy.snapshots import provider, snapshot_of

PROJECT = Path(__file__).parents[3]
LAYOUT = StateLayout(Path("/var/lib/gateway"))
HTTPS: dict[str, Any] = {"scheme": "https", "host": "api.example.eu"}
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def documents(snapshot: Snapshot, processors: int = 1) -> dict[str, list[dict[str, Any]]]:
    return {name: yaml.safe_load(text)["resources"] for name, text in render(snapshot, LAYOUT, processors).items()}


def the_cluster(**fields: Any) -> dict[str, Any]:
    (cluster,) = documents(snapshot_of(provider("one", **fields)))["clusters.yaml"]
    return cluster


def filters(cluster: dict[str, Any]) -> dict[str, Any]:
    options = cluster["typed_extension_protocol_options"][HTTP_OPTIONS]
    return {each["name"]: each["typed_config"] for each in options["http_filters"]}


def the_scrub(**fields: Any) -> str:
    """Its source, in Lua."""
    source: str = filters(the_cluster(**fields))["scrub_and_path"]["default_source_code"]["inline_string"]
    return source


def test_what_is_referred_to_comes_before_what_refers_to_it() -> None:
    files = list(render(snapshot_of(provider("b"), provider("a")), LAYOUT, 1))
    assert files == [
        "secrets/key-of-a.yaml", "secrets/key-of-b.yaml", "tls/server.yaml", "tls/clients-ca.yaml",
        "keys.yaml", "processors.yaml", "clusters.yaml", "shadow.yaml", "routes.yaml",
    ]  # fmt: skip


def test_each_of_our_issuers_has_its_keys_and_there_is_nothing_else() -> None:
    rendered = yaml.safe_load(render(snapshot_of(), LAYOUT, 1, key_sets={"service": "S", "personal": "P"})["keys.yaml"])
    (configuration,) = rendered["resources"]
    (host,) = configuration["virtual_hosts"]
    answers = {each["match"]["path"]: each["direct_response"]["body"]["inline_string"] for each in host["routes"]}
    assert (configuration["name"], answers) == ("keys", {"/personal.json": "P", "/service.json": "S"})


def test_same_snapshot_same_bytes() -> None:
    snapshot = snapshot_of(provider("a"), provider("b", **HTTPS))
    assert render(snapshot, LAYOUT, 2) == render(dataclasses.replace(snapshot, digest="1" * 64), LAYOUT, 2)


def every_kind() -> Snapshot:
    """Providers by name and by address of both families, with and without TLS, credential and wire format; a shadow."""
    plain = snapshot_of(
        provider("a"),
        provider("b", **HTTPS, credential_header="x-api-key", credential_prefix=""),
        provider("c", scheme="https", host="2001:db8::1", ca_file="/etc/ca.pem"),
        provider("d", dialect=Dialect.ANTHROPIC, credential="", base_path='/é%"'),
    )
    models = plain.routing.models
    shadowed = {**models, "assistant": dataclasses.replace(models["assistant"], shadow=Shadow("other", 0.05))}
    routing = dataclasses.replace(plain.routing, models=shadowed, first_token_seconds=2)
    return dataclasses.replace(plain, routing=routing)


@pytest.mark.parametrize("snapshot", [every_kind(), load_policy(PROJECT / "policies")], ids=["every kind", "shipped"])
def test_envoys_types_read_what_is_written(snapshot: Snapshot) -> None:
    versions, key_sets = {"key-of-a": "1"}, {"service": '{"keys": []}'}
    for name, text in render(snapshot, LAYOUT, 2, key_versions=versions, key_sets=key_sets).items():
        document = yaml.safe_load(text)
        assert document["resources"]
        assert changed(document, read_by_envoy(document)) == [], name


def test_envoys_types_refuse_what_they_do_not_know() -> None:
    document = yaml.safe_load(render(every_kind(), LAYOUT, 1)["clusters.yaml"])
    assert changed(document, read_by_envoy(document) | {"resources": []})
    document["resources"][0]["conect_timeout"] = "5s"
    with pytest.raises(KeyError, match="conect_timeout"):
        read_by_envoy(document)


def test_no_value_is_left_to_an_anchor() -> None:
    # Envoy would read one, a person who compares two files would not.
    rendered = render(every_kind(), LAYOUT, 1).values()
    assert not [each for text in rendered for each in yaml.scan(text) if isinstance(each, yaml.AliasToken)]


def test_a_policy_without_models_is_a_gateway_that_forwards_nothing() -> None:
    rendered = documents(snapshot_of())
    assert rendered["clusters.yaml"] == []
    assert rendered["routes.yaml"][0]["virtual_hosts"]


def test_no_processor_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one processor"):
        render(snapshot_of(), LAYOUT, 0)


def test_each_processor_is_an_endpoint_with_a_short_path() -> None:
    (assignment,) = documents(snapshot_of(), processors=3)["processors.yaml"]
    (locality,) = assignment["endpoints"]
    paths = [each["endpoint"]["address"]["pipe"]["path"] for each in locality["lb_endpoints"]]
    assert paths == [f"run/processor-{index}.sock" for index in range(3)]


def test_secrets_are_places_not_keys() -> None:
    (secret,) = documents(snapshot_of(provider("a")))["secrets/key-of-a.yaml"]
    assert secret["generic_secret"] == {"secret": {"filename": "secrets/key-of-a"}}


class TestCluster:
    def test_filters_begin_with_the_scrub_and_end_with_the_codec(self) -> None:
        codec = "envoy.filters.http.upstream_codec"
        names = ["scrub_and_path", "constants", "retarget", "credential", "veil", codec]
        assert list(filters(the_cluster())) == names

    def test_provider_without_a_credential_gets_none(self) -> None:
        assert "credential" not in filters(the_cluster(credential=""))

    def test_scrub_lets_nothing_pass_that_a_caller_can_choose_freely(self) -> None:
        passed = re.findall(r'\["([^"]+)"\] = true', the_scrub())
        assert "content-type" in passed  # the pipeline takes JSON's only
        assert not {"accept", "authorization", "cookie", "user-agent", "x-api-key"}.intersection(passed)

    def test_headers_of_a_dialect_pass_in_it_alone(self) -> None:
        assert "anthropic" not in the_scrub()
        scrub = the_scrub(dialect=Dialect.ANTHROPIC)
        passed = set(re.findall(r'\["([^"]+)"\] = true', scrub))
        assert passed - set(re.findall(r'\["([^"]+)"\] = true', the_scrub())) == {"anthropic-beta", "anthropic-version"}
        assert 'headers:replace("anthropic-version", version)' in scrub

    def test_no_trailer_passes(self) -> None:
        mutations = filters(the_cluster())["constants"]["mutations"]["request_trailers_mutations"]
        assert mutations == [{"remove_on_match": {"key_matcher": {"safe_regex": {"regex": ".*"}}}}]

    @pytest.mark.parametrize(
        ("base_path", "quoted"),
        [
            ("/v1", '"/v1"'),
            ("", '""'),
            ('/a"..os.exit()--', r'"/a\034..os.exit\040\041--"'),
            ("/é%", r'"/\195\169\037"'),
        ],
    )
    def test_base_path_cannot_leave_its_string(self, base_path: str, quoted: str) -> None:
        assert f'replace(":path", {quoted} .. path)' in the_scrub(base_path=base_path)

    @pytest.mark.parametrize(
        ("fields", "port", "authority"),
        [
            (HTTPS, 443, "api.example.eu"),
            (HTTPS, 8443, "api.example.eu:8443"),
            ({"host": "10.0.0.1"}, 80, "10.0.0.1"),
            ({"host": "2001:db8::1"}, 8000, "[2001:db8::1]:8000"),
        ],
    )
    def test_host_field(self, fields: dict[str, str], port: int, authority: str) -> None:
        (locality,) = the_cluster(port=port, **fields)["load_assignment"]["endpoints"]
        endpoint = locality["lb_endpoints"][0]["endpoint"]
        assert endpoint["hostname"] == authority
        assert endpoint["address"]["socket_address"] == {"address": fields["host"], "port_value": port}

    def test_names_are_resolved_and_addresses_are_not(self) -> None:
        assert the_cluster(**HTTPS)["type"] == "STRICT_DNS"
        assert the_cluster().get("type", "STATIC") == "STATIC"

    def test_certificate_of_a_named_provider_is_held_against_its_name(self) -> None:
        context = the_cluster(**HTTPS, ca_file="certs/partner.pem")["transport_socket"]["typed_config"]
        assert (context["sni"], context["auto_sni_san_validation"]) == ("api.example.eu", True)
        assert context["common_tls_context"]["validation_context"]["trusted_ca"]["filename"] == "certs/partner.pem"

    def test_certificate_of_an_address_is_held_against_the_address(self) -> None:
        context = the_cluster(scheme="https", host="10.0.0.1")["transport_socket"]["typed_config"]
        (matcher,) = context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
        assert matcher == {"san_type": "IP_ADDRESS", "matcher": {"exact": "10.0.0.1"}}

    def test_plain_http_has_no_tls(self) -> None:
        assert "transport_socket" not in the_cluster()

    def test_retries_are_bounded_by_a_budget_that_lets_fallbacks_through_when_all_of_it_fails(self) -> None:
        (thresholds,) = the_cluster()["circuit_breakers"]["thresholds"]
        assert thresholds["retry_budget"] == {"budget_percent": {"value": 100.0}, "min_retry_concurrency": 4096}
        assert "max_retries" not in thresholds

    def test_policy_says_how_much_a_provider_is_asked_at_a_time(self) -> None:
        (thresholds,) = the_cluster(connections_max=8, requests_max=64)["circuit_breakers"]["thresholds"]
        assert (thresholds["max_connections"], thresholds["max_requests"]) == (8, 64)
        assert thresholds["max_pending_requests"] == 64
        (thresholds,) = the_cluster()["circuit_breakers"]["thresholds"]
        assert (thresholds["max_connections"], thresholds["max_requests"]) == (1024, 4096)

    def test_the_only_host_is_never_ejected(self) -> None:
        detection = the_cluster()["outlier_detection"]
        assert detection["max_ejection_percent"] < 100
        assert detection["always_eject_one_host"] is False


class TestRoutes:
    def host(self, snapshot: Snapshot) -> dict[str, Any]:
        (configuration,) = documents(snapshot)["routes.yaml"]
        assert configuration["name"] == "llm"
        (host,) = configuration["virtual_hosts"]
        return dict(host)

    def test_the_endpoints_exactly_then_nothing(self) -> None:
        *served, model, last = self.host(snapshot_of(provider("a")))["routes"]
        assert [route["match"] for route in served] == [{"path": endpoint.value} for endpoint in Endpoint]
        assert (model["name"], model["match"]) == ("model", {"prefix": "/v1/models/"})
        assert (last["match"], last["direct_response"]) == ({"prefix": "/"}, {"status": 404})

    def test_no_route_names_a_provider(self) -> None:
        (configuration,) = documents(snapshot_of(provider("secret-provider")))["routes.yaml"]
        assert "secret-provider" not in str(configuration)

    def test_bodies_up_to_the_limit(self) -> None:
        assert int(self.host(snapshot_of(provider("a")))["request_body_buffer_limit"]) == REQUEST_BODY_BYTES_MAX

    @pytest.mark.parametrize(("deployments", "retries"), [(0, 1), (1, 1), (2, 1), (4, 3)])
    def test_one_attempt_for_each_deployment(self, deployments: int, retries: int) -> None:
        host = self.host(snapshot_of(*(provider(f"p{index}") for index in range(deployments))))
        assert host["routes"][0]["route"]["retry_policy"]["num_retries"] == retries

    def test_an_answer_has_to_begin_in_time_where_policy_says_so(self) -> None:
        snapshot = snapshot_of(provider("a"))
        policy = self.host(snapshot)["routes"][0]["route"]["retry_policy"]
        assert ("per_try_timeout" in policy, policy["per_try_idle_timeout"]) == (False, "120s")
        hasty = dataclasses.replace(snapshot, routing=dataclasses.replace(snapshot.routing, first_token_seconds=15))
        policy = self.host(hasty)["routes"][0]["route"]["retry_policy"]
        assert (policy["per_try_timeout"], policy["per_try_idle_timeout"]) == ("15s", "120s")

    def test_attempts_are_counted_by_what_an_endpoint_reaches(self) -> None:
        messages = [provider(f"m{index}", dialect=Dialect.ANTHROPIC) for index in range(4)]
        host = self.host(snapshot_of(provider("a"), provider("b"), *messages))
        retries = {route["name"]: route["route"]["retry_policy"]["num_retries"] for route in host["routes"][:-1]}
        assert (retries["chat_completions"], retries["embeddings"]) == (5, 1)

    def test_each_dialects_clients_find_the_id_where_they_look(self) -> None:
        (configuration,) = documents(snapshot_of(provider("a")))["routes.yaml"]
        everywhere = [each["header"]["key"] for each in configuration["response_headers_to_add"]]
        routes = {route["name"]: route for route in configuration["virtual_hosts"][0]["routes"]}
        messages, chat = (
            {each["header"]["key"] for each in routes[name]["response_headers_to_add"]}
            for name in ("messages", "chat_completions")
        )
        assert everywhere == [
            "x-request-id",
            "x-gateway-output-cap",
            "x-gateway-degraded-from",
            "x-gateway-route",
            "x-gateway-context",
        ]
        assert "request-id" in messages - chat
        assert "anthropic-organization-id" in configuration["response_headers_to_remove"]

    def test_clients_are_told_of_quotas_by_us_alone(self) -> None:
        routes = {route["name"]: route for route in self.host(snapshot_of(provider("a")))["routes"]}
        for name, dialect in (("chat_completions", Dialect.OPENAI), ("messages", Dialect.ANTHROPIC)):
            assert set(PROVIDERS_NAMES) <= set(routes[name]["response_headers_to_remove"])
            added = {each["header"]["key"]: each["header"]["value"] for each in routes[name]["response_headers_to_add"]}
            for field in field_names(dialect):
                assert added[field] == f"%DYNAMIC_METADATA(gw.plan:limits:{field})%"

    def test_a_request_ends_before_its_hold_expires(self) -> None:
        host = self.host(snapshot_of(provider("a"), hold_ttl_seconds=600))
        assert host["routes"][0]["route"]["timeout"] == "540s"


def test_deployments_of_retiring_policies_stay_and_the_newest_policy_counts() -> None:
    old = snapshot_of(provider("gone"), provider("moved", port=1))
    new = snapshot_of(provider("moved", port=2))
    files = render(new, LAYOUT, 1, retiring=[old])
    clusters = {each["name"]: each for each in yaml.safe_load(files["clusters.yaml"])["resources"]}
    assert set(clusters) == {"gone/assistant", "moved/assistant"}
    assert "port_value: 2" in yaml.safe_dump(clusters["moved/assistant"])
    assert "secrets/key-of-gone.yaml" in files
    assert files["routes.yaml"] == render(new, LAYOUT, 1)["routes.yaml"]


def test_a_replaced_key_changes_its_file_and_no_other() -> None:
    snapshot = snapshot_of(provider("a"), provider("b"))
    before = render(snapshot, LAYOUT, 1, key_versions={"key-of-a": "1", "key-of-b": "1"})
    after = render(snapshot, LAYOUT, 1, key_versions={"key-of-a": "2", "key-of-b": "1"})
    assert [name for name, text in after.items() if text != before[name]] == ["secrets/key-of-a.yaml"]
