"""What of a request reaches a provider, and by which way; on a real Envoy."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway_ext.credentials.served_keys import served_key_sets
from gateway_ext.dialects.rate_limits import PROVIDERS_NAMES, field_names
from gateway_ext.envoyconf.render import render
from gateway_ext.envoyconf.write import write
from gateway_ext.exchange import CredentialClass, Dialect
from gateway_ext.local.certificates import ensure_certificates
from tests.envoy.config.scripted import CHAT, Gateway, Request, scripted_gateway
from tests.envoy.snapshots import provider, snapshot_of

pytestmark = pytest.mark.envoy

SPOOFED = {
    "x-gateway-role": "upstream",
    "X-Gateway-Interface": "internal",
    "x_gateway_role": "upstream",
    "x-envoy-max-retries": "0",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-attempt-count": "7",
    "x-request-id": "chosen-by-the-client",
}
IDENTIFYING = {
    "cookie": "session=1",
    "x-forwarded-for": "203.0.113.7",
    "x-stainless-os": "Linux",
    "user-agent": "OpenAI/Python",
    "openai-organization": "org-1",
}


def subject_of(request: Request) -> str:
    """Whom Envoy has verified."""
    claims = request.first["metadata_context"]["filter_metadata"]["envoy.filters.http.jwt_authn"]
    return str(claims["company"]["sub"])


async def test_verdict_names_the_provider_and_its_credential_replaces_the_callers(gateway: Gateway) -> None:
    bearer = gateway.envoy.bearer()
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=bearer | SPOOFED | IDENTIFYING, content=b'{"model":"assistant"}')
    assert response.status_code == 200
    (seen,) = gateway.primary.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.body == b'{"model":"assistant"}'
    assert seen.headers["authorization"] == "Bearer key-of-key-of-primary"
    assert seen.headers["host"] == f"127.0.0.1:{gateway.primary.port}"
    assert seen.headers["accept-encoding"] == "identity"
    assert set(seen.headers) == {
        "host", "accept", "accept-encoding", "authorization", "content-length", "user-agent", "x-request-id"
    }  # fmt: skip
    assert "chosen" not in seen.headers["x-request-id"]
    assert bearer["authorization"] not in str(seen.headers)


async def test_only_the_plan_tells_clients_of_an_output_cap(gateway: Gateway) -> None:
    gateway.primary.content_type += "\r\nx-gateway-output-cap: 7"
    async with gateway.envoy.client() as client:
        plain = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
        gateway.plan["output_cap"] = "300"
        capped = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    assert "x-gateway-output-cap" not in plain.headers
    assert capped.headers.get_list("x-gateway-output-cap") == ["300"]


async def test_what_is_left_of_quotas_is_told_by_the_plan_and_never_by_a_provider(gateway: Gateway) -> None:
    theirs = [*PROVIDERS_NAMES, "x-gateway-degraded-from"]
    gateway.primary.content_type += "".join(f"\r\n{name}: theirs" for name in theirs)
    async with gateway.envoy.client() as client:
        plain = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
        ours = dict.fromkeys(field_names(Dialect.OPENAI), "17")
        gateway.plan |= {"limits": ours, "degraded_from": "large"}
        limited = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    assert not set(theirs) & set(plain.headers)
    assert {name: limited.headers.get_list(name) for name in theirs if name in limited.headers} == {
        **{name: ["17"] for name in ours},
        "x-gateway-degraded-from": ["large"],
    }


async def test_credential_in_the_other_header_is_removed_as_well(gateway: Gateway) -> None:
    token = gateway.envoy.bearer()["authorization"].removeprefix("Bearer ")
    async with gateway.envoy.client() as client:
        for headers in ({"x-api-key": token}, {"x-api-key": token, "authorization": f"Bearer {token}"}):
            assert (await client.post(CHAT, headers=headers, content=b"{}")).status_code == 200
    for request in gateway.requests:
        assert subject_of(request) == "alice"
        assert not {"x-api-key", "authorization"}.intersection(request.headers)
    for seen in gateway.primary.seen:
        assert "x-api-key" not in seen.headers
        assert token not in str(seen.headers)


async def test_of_two_good_credentials_of_one_issuer_the_bearer_token_counts(gateway: Gateway) -> None:
    """Nothing is gained by it: who sends two may use either. It only has to be always the same one."""
    alice, bob = (gateway.envoy.bearer(sub=name)["authorization"] for name in ("alice", "bob"))
    async with gateway.envoy.client() as client:
        for bearer, key in ((alice, bob), (bob, alice)):
            headers = {"x-api-key": key.removeprefix("Bearer "), "authorization": bearer}
            await client.post(CHAT, headers=headers, content=b"{}")
    assert [subject_of(request) for request in gateway.requests] == ["alice", "bob"]


async def test_processor_is_told_interface_identity_and_peer_but_not_by_the_client(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        await client.post(CHAT + "?secret=1", headers=gateway.envoy.bearer() | SPOOFED, content=b"{}")
    (request,) = gateway.requests
    assert request.body == b"{}"
    assert request.metadata["x-gateway-interface"] == "public"
    assert "x-gateway-role" not in request.metadata
    assert not [name for name in request.headers if name.startswith("x-gateway") or "_" in name]
    assert "authorization" not in request.headers
    assert subject_of(request) == "alice"
    assert request.attributes["source.address"].startswith("127.0.0.1:")
    assert (request.headers[":method"], request.headers[":path"].partition("?")[0]) == ("POST", CHAT)
    assert request.headers["x-request-id"] != SPOOFED["x-request-id"]


async def test_fallback_gets_its_own_path_host_and_key_and_nothing_of_the_first(gateway: Gateway) -> None:
    gateway.primary.status = 503
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    assert response.status_code == 200
    assert [len(gateway.primary.seen), len(gateway.fallback.seen)] == [1, 1]
    seen = gateway.fallback.seen[0]
    assert seen.path == "/openai/v2/chat/completions"
    assert seen.headers["api-key"] == "key-of-key-of-fallback"
    assert seen.headers["host"] == f"127.0.0.1:{gateway.fallback.port}"
    assert "authorization" not in seen.headers
    assert not [name for name in seen.headers if name.startswith("x-envoy")]


async def test_first_attempt_costs_no_second_stream_and_a_fallback_one(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
        assert gateway.processor.upstream_streams == []
        gateway.primary.status = 429
        await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    (first,) = gateway.processor.upstream_streams
    attributes = first["attributes"]["envoy.filters.http.ext_proc"]
    assert attributes == {"xds.cluster_name": "fallback/assistant", "upstream.request_attempt_count": 2.0}
    assert first["metadata_context"]["filter_metadata"]["gw.plan"]["id"] == "exchange-1"


async def test_bodies_up_to_the_limit_reach_the_fallback_whole(gateway: Gateway) -> None:
    gateway.primary.status = 500
    body = b"x" * (31 * 1024 * 1024)
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(), content=body)
    assert response.status_code == 200
    assert gateway.fallback.seen[0].body == body


async def test_provider_key_moved_into_place_is_used_without_a_restart(gateway: Gateway) -> None:
    secrets = gateway.envoy.layout.secrets
    (secrets / ".new").write_text("rotated")
    os.rename(secrets / ".new", secrets / "key-of-primary")
    async with gateway.envoy.client() as client:
        for _ in range(50):
            await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
            if gateway.primary.seen[-1].headers["authorization"] == "Bearer rotated":
                return
            await asyncio.sleep(0.05)
    pytest.fail("the old key is still in use")


async def test_server_certificate_moved_into_place_is_used_without_a_restart(gateway: Gateway) -> None:
    certs = gateway.envoy.layout.certs
    write_certificate_for_elsewhere(certs)
    for suffix in ("key", "pem"):
        os.rename(certs / f"elsewhere.{suffix}", certs / f"server.{suffix}")
    context = ssl.create_default_context(cafile=certs / "ca.pem")
    for _ in range(50):
        try:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", gateway.envoy.ports.public, ssl=context, server_hostname="elsewhere.example"
            )
        except ssl.SSLCertVerificationError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    pytest.fail("the old certificate is still in use")


async def test_rendered_changes_are_followed_without_a_restart(gateway: Gateway) -> None:
    layout = gateway.envoy.layout
    moved = snapshot_of(provider("primary", gateway.primary.port, base_path="/moved"))
    key_sets = served_key_sets(layout.jwks, int(time.time()))
    assert write(render(moved, layout, 1, key_sets=key_sets), layout.xds) == ("clusters.yaml",)
    async with gateway.envoy.client() as client:
        for _ in range(50):
            await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
            if gateway.primary.seen[-1].path == "/moved/chat/completions":
                return
            await asyncio.sleep(0.05)
    pytest.fail("the old cluster is still in use")


async def test_provider_over_tls_is_held_against_its_name_and_authority(tmp_path: Path) -> None:
    async with scripted_gateway(tmp_path, tls="certs/ca.pem") as gateway, gateway.envoy.client() as client:
        assert (await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")).status_code == 200
        assert len(gateway.primary.seen) == 1


@pytest.mark.parametrize(
    ("ca_file", "certificate", "host"),
    [
        ("certs/clients-ca.pem", "server", "localhost"),
        ("certs/ca.pem", "elsewhere", "localhost"),
        ("certs/ca.pem", "elsewhere", "127.0.0.1"),
    ],
    ids=["another_authority", "another_name", "another_address"],
)
async def test_provider_with_the_wrong_certificate_gets_nothing(
    tmp_path: Path, ca_file: str, certificate: str, host: str
) -> None:
    write_certificate_for_elsewhere(tmp_path / "certs")
    async with scripted_gateway(tmp_path, tls=ca_file, certificate=certificate, host=host) as gateway:
        gateway.clusters = ["primary/assistant"]
        async with gateway.envoy.client() as client:
            assert (await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")).status_code == 503
        assert gateway.primary.seen == []


def write_certificate_for_elsewhere(directory: Path) -> None:
    """elsewhere.pem and .key: signed by our own authority, for another host than the provider's."""
    ensure_certificates(directory, time.time_ns())
    authority = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    authority_key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), password=None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.DNSName("elsewhere.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_after_utc)
        .add_extension(names, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    (directory / "elsewhere.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (directory / "elsewhere.key").write_bytes(pem)


async def test_public_listener_speaks_http2_over_tls(gateway: Gateway) -> None:
    async with gateway.envoy.client("public", http2=True) as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.PERSONAL), content=b"{}")
    assert (response.status_code, response.http_version) == (200, "HTTP/2")
    assert response.headers["server"] == "gateway"


async def test_internal_listener_takes_services_with_a_client_certificate(gateway: Gateway) -> None:
    async with gateway.envoy.client("internal", certificate=True) as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SERVICE), content=b"{}")
    assert response.status_code == 200
    (request,) = gateway.requests
    assert request.metadata["x-gateway-interface"] == "internal"
    assert request.first["metadata_context"]["filter_metadata"]["envoy.filters.http.jwt_authn"].keys() == {"service"}


async def test_internal_listener_refuses_a_caller_without_a_certificate(gateway: Gateway) -> None:
    async with gateway.envoy.client("internal") as client:
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SERVICE), content=b"{}")
    assert gateway.requests == []
