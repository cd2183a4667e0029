"""A token that is bound to a client certificate is worth nothing with another one, or with none."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from gateway_ext.errors import CertificateMismatch
from gateway_ext.exchange import ClientCertificate
from gateway_ext.identity.binding import named_certificate, require_binding

DER = b"a certificate"
SHOWN = ClientCertificate(uri="spiffe://example/batch", sha256=hashlib.sha256(DER).hexdigest())
THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(DER).digest()).rstrip(b"=").decode()
OTHER = base64.urlsafe_b64encode(hashlib.sha256(b"another").digest()).rstrip(b"=").decode()
NONE = ClientCertificate()


@pytest.mark.parametrize(
    "claims",
    [
        {"client_uri": SHOWN.uri},
        {"cnf": {"x5t#S256": THUMBPRINT}},
        {"client_uri": SHOWN.uri, "cnf": {"x5t#S256": THUMBPRINT}},
    ],
)
def test_the_certificate_that_is_named(claims: Mapping[str, Any]) -> None:
    require_binding(claims, SHOWN, is_required=True)


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({"client_uri": "spiffe://example/other"}, SHOWN),
        ({"client_uri": "spiffe://example/bat*"}, SHOWN),
        ({"client_uri": SHOWN.uri}, NONE),
        ({"client_uri": ""}, NONE),
        ({"client_uri": None}, SHOWN),
        ({"client_uri": [SHOWN.uri]}, SHOWN),
        ({"cnf": {"x5t#S256": OTHER}}, SHOWN),
        ({"cnf": {"x5t#S256": ""}}, NONE),
        ({"cnf": {"x5t#S256": None}}, NONE),
        ({"cnf": {"x5t#S256": THUMBPRINT}}, NONE),
        ({"cnf": {"x5t#S256": THUMBPRINT}}, ClientCertificate(sha256="not hexadecimal")),
        ({"client_uri": SHOWN.uri, "cnf": {"x5t#S256": OTHER}}, SHOWN),
        ({"client_uri": "spiffe://example/other", "cnf": {"x5t#S256": THUMBPRINT}}, SHOWN),
    ],
)
@pytest.mark.parametrize("is_required", [True, False])
def test_any_other_is_refused(claims: Mapping[str, Any], shown: ClientCertificate, is_required: bool) -> None:
    with pytest.raises(CertificateMismatch):
        require_binding(claims, shown, is_required=is_required)


@pytest.mark.parametrize("claims", [{}, {"cnf": {}}, {"cnf": {"jkt": "x"}}, {"cnf": "text"}])
def test_a_token_that_names_none(claims: Mapping[str, Any]) -> None:
    require_binding(claims, SHOWN, is_required=False)
    with pytest.raises(CertificateMismatch):
        require_binding(claims, SHOWN, is_required=True)


@pytest.mark.parametrize(
    "claims",
    [{"client_uri": SHOWN.uri}, {"cnf": {"x5t#S256": THUMBPRINT}}, {"client_uri": "a", "cnf": {"x5t#S256": OTHER}}],
)
def test_the_certificate_that_would_fit(claims: Mapping[str, Any]) -> None:
    require_binding(claims, named_certificate(claims), is_required=True)


@pytest.mark.parametrize(
    "claims", [{}, {"client_uri": 1}, {"cnf": {"x5t#S256": "!"}}, {"cnf": {"x5t#S256": None}}, {"cnf": 1}]
)
def test_a_certificate_that_nothing_names(claims: Mapping[str, Any]) -> None:
    assert named_certificate(claims) == NONE
