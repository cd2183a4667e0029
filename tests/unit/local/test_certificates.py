"""Certificates that real TLS stacks accept, made once and renewed in time."""

import asyncio
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509

from gateway_ext.local.certificates import AUTHORITY_DAYS, LEAF_DAYS, RENEW_DAYS, ensure_certificates

NOW = time.time_ns()
DAY_NS = 86_400 * 1_000_000_000
FILES = ("ca", "server", "clients-ca", "client")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def handshake(directory: Path, name: str, client_certificate: str | None) -> str:
    """Connect with mutual TLS; returns the URI that the server sees in the client's certificate."""
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(directory / "server.pem", directory / "server.key")
    server_tls.load_verify_locations(directory / "clients-ca.pem")
    server_tls.verify_mode = ssl.CERT_REQUIRED
    client_tls = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    client_tls.verify_flags |= ssl.VERIFY_X509_STRICT
    if client_certificate is not None:
        client_tls.load_cert_chain(directory / f"{client_certificate}.pem", directory / f"{client_certificate}.key")
    seen: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        names = writer.get_extra_info("peercert")["subjectAltName"]
        seen.append(dict(names)["URI"])
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_tls, server_hostname=name)
        await reader.read()  # in TLS 1.3 the refusal of a client certificate arrives here
        writer.close()
    return seen[0] if seen else "refused"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "gateway.test"])
async def test_both_sides_accept_each_other(tmp_path: Path, name: str) -> None:
    ensure_certificates(tmp_path, NOW, ["gateway.test"])
    assert await handshake(tmp_path, name, "client") == "spiffe://local/batch-service"


@pytest.mark.parametrize("certificate", [None, "server"])
async def test_the_internal_side_refuses_callers_without_a_client_certificate(
    tmp_path: Path, certificate: str | None
) -> None:
    ensure_certificates(tmp_path, NOW)
    try:
        answer = await handshake(tmp_path, "localhost", certificate)
    except (ssl.SSLError, ConnectionError):
        answer = "refused"  # the alert may come before or after our side thinks that all is well
    assert answer == "refused"


async def test_other_names_are_not_ours(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(tmp_path, "elsewhere.test", "client")


def test_keys_are_private(tmp_path: Path) -> None:
    ensure_certificates(tmp_path / "certs", NOW)
    assert {f"{name}.{suffix}" for name in FILES for suffix in ("pem", "key")} == set(contents(tmp_path / "certs"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("certs/*.key")} == {0o600}
    assert (tmp_path / "certs").stat().st_mode & 0o777 == 0o700


def test_a_second_call_changes_nothing_until_renewal_is_due(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NOW)
    first = contents(tmp_path)
    ensure_certificates(tmp_path, NOW + (LEAF_DAYS - RENEW_DAYS - 1) * DAY_NS)
    assert contents(tmp_path) == first


def test_leaves_are_renewed_thirty_days_before_they_expire(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NOW)
    first = contents(tmp_path)
    ensure_certificates(tmp_path, NOW + (LEAF_DAYS - RENEW_DAYS + 1) * DAY_NS)
    second = contents(tmp_path)
    assert {name for name in first if first[name] != second[name]} == {
        "server.pem",
        "server.key",
        "client.pem",
        "client.key",
    }


def test_no_leaf_outlives_its_authority(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NOW)
    for day in range(0, AUTHORITY_DAYS + 400, 360):
        ensure_certificates(tmp_path, NOW + day * DAY_NS)
        for authority, leaf in (("ca", "server"), ("clients-ca", "client")):
            signer = x509.load_pem_x509_certificate((tmp_path / f"{authority}.pem").read_bytes())
            signed = x509.load_pem_x509_certificate((tmp_path / f"{leaf}.pem").read_bytes())
            signed.verify_directly_issued_by(signer)
            assert signed.not_valid_after_utc <= signer.not_valid_after_utc


@pytest.mark.parametrize("damaged", ["server.pem", "server.key", "ca.pem", "client.key", "clients-ca.key"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_damage_is_repaired(tmp_path: Path, damaged: str, content: bytes) -> None:
    ensure_certificates(tmp_path, NOW)
    (tmp_path / damaged).write_bytes(content)
    ensure_certificates(tmp_path, NOW)
    assert await handshake(tmp_path, "localhost", "client")


async def test_a_new_name_makes_a_new_certificate_under_the_same_authority(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NOW)
    authority = (tmp_path / "ca.pem").read_bytes()
    ensure_certificates(tmp_path, NOW, ["gateway.test"])
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert await handshake(tmp_path, "gateway.test", "client")
