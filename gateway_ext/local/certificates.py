"""A local certificate authority: X.509 (RFC 5280) with ECDSA P-256 keys, for one machine and for tests.

Two authorities, because they answer two questions: ca.pem signs what the gateway shows (callers trust it), and
clients-ca.pem signs what services show (the internal listener trusts it).
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway_ext.private_files import PRIVATE, PUBLIC, make_private_directory, write_whole

LEAF_DAYS = 397  # the longest life that common clients accept
AUTHORITY_DAYS = 3_650
RENEW_DAYS = 30
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
CLIENT_URI = "spiffe://local/batch-service"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a certificate is wanted for. `names` are DNS names, IP addresses or URIs."""

    file: str
    names: tuple[x509.GeneralName, ...]
    usage: x509.ObjectIdentifier


def ensure_certificates(directory: Path, now_unix_nano: int, extra_names: Sequence[str] = ()) -> None:
    """Write server.pem, client.pem, ca.pem, clients-ca.pem and their keys (0600) below `directory`.

    What is there is kept until 30 days before it expires; what is missing, damaged, signed by another authority or
    lacks a name is made anew. Raises OSError when the directory cannot be written.
    """
    make_private_directory(directory)
    now = datetime.datetime.fromtimestamp(now_unix_nano // 1_000_000_000, datetime.UTC)
    server_names = tuple(_general_name(name) for name in (*LOCAL_NAMES, *extra_names))
    client_names = (x509.UniformResourceIdentifier(CLIENT_URI),)
    for authority_file, leaf in (
        ("ca", _Leaf("server", server_names, ExtendedKeyUsageOID.SERVER_AUTH)),
        ("clients-ca", _Leaf("client", client_names, ExtendedKeyUsageOID.CLIENT_AUTH)),
    ):
        authority = _read(directory, authority_file)
        if authority is None or _expires_within(authority.certificate, now, LEAF_DAYS + RENEW_DAYS):
            authority = _new_authority(f"gateway-ext local {authority_file}", now)
            _write(directory, authority_file, authority)
        held = _read(directory, leaf.file)
        if held is None or not _serves(held.certificate, leaf, authority.certificate, now):
            _write(directory, leaf.file, _new_leaf(leaf, authority, now))


def _serves(held: x509.Certificate, leaf: _Leaf, authority: x509.Certificate, now: datetime.datetime) -> bool:
    try:
        held.verify_directly_issued_by(authority)
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return set(leaf.names) <= set(names) and not _expires_within(held, now, RENEW_DAYS)


def _expires_within(certificate: x509.Certificate, now: datetime.datetime, days: int) -> bool:
    return certificate.not_valid_after_utc - now < datetime.timedelta(days=days)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_authority(common_name: str, now: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_authority=True), critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def _new_leaf(leaf: _Leaf, authority: Pair, now: datetime.datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"gateway-ext local {leaf.file}")])
    issuer_key = authority.key.public_key()
    builder = (
        _builder(name, authority.certificate.subject, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(leaf.names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ a little
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(directory: Path, name: str) -> Pair | None:
    """The pair on disk, or None when it is not there or its halves do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((directory / f"{name}.key").read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Pair(certificate, key)


def _write(directory: Path, name: str, pair: Pair) -> None:
    private = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_whole(directory / f"{name}.key", private, PRIVATE)
    write_whole(directory / f"{name}.pem", pair.certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
