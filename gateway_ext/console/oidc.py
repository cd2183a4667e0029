"""OpenID Connect as a relying party: authorization code with PKCE. Pure, no I/O; ID tokens are in id_token.py.

OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 (S256 alone); RFC 9207; RFC 9700 (security best current practice).
"""

from __future__ import annotations

import base64
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from gateway_ext.errors import GatewayError
from gateway_ext.identity.rules import LoginRule
from gateway_ext.policy.fields import is_loopback


class AnswerRefused(GatewayError):  # noqa: N818  (an answer is refused; nothing failed)
    """What a provider said cannot be believed. `reason` is a constant word for the audit trail and the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The identity provider's answer cannot be believed ({reason}).")
        self.reason = reason


def _protected(url: str) -> str:
    """https, or this machine's; a query is allowed (RFC 6749 §3.1 and §3.2), a fragment or a password is not."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or is_here) or not parts.hostname or parts.fragment or "@" in parts.netloc:
        raise ValueError("not an address that may be asked")
    return url


_Endpoint = Annotated[str, AfterValidator(_protected)]


class Metadata(BaseModel):
    """What a provider says about itself (OpenID Connect Discovery 1.0 §3, RFC 8414), as far as it matters here.

    Every address is https, or of this machine.
    """

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: _Endpoint
    token_endpoint: _Endpoint
    jwks_uri: _Endpoint
    userinfo_endpoint: _Endpoint | None = None
    end_session_endpoint: _Endpoint | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


def metadata_of(document: Any, login: LoginRule) -> Metadata:
    """The metadata of `login`'s provider. Raises AnswerRefused; another issuer's are never taken (Discovery 1.0 §4.3)."""
    try:
        metadata = Metadata.model_validate(document)
    except ValidationError:
        raise AnswerRefused("metadata_invalid") from None
    if metadata.issuer != login.issuer_url:
        raise AnswerRefused("metadata_of_another_issuer")
    return metadata


def authorization_url(
    metadata: Metadata, login: LoginRule, redirect_uri: str, state: str, nonce: str, code_verifier: str
) -> str:
    """Where the browser is sent (OpenID Connect Core 1.0 §3.1.2.1)."""
    url: str = prepare_grant_uri(
        metadata.authorization_endpoint,
        client_id=login.client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=" ".join(login.scopes),
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(code_verifier),
        code_challenge_method="S256",
    )
    return url


def require_issuer(metadata: Metadata, iss: str | None) -> None:
    """Raises AnswerRefused for an answer of another provider than the one that was asked (RFC 9207 §2.4: mix-up)."""
    if iss is None and not metadata.authorization_response_iss_parameter_supported:
        return
    if iss != metadata.issuer:
        raise AnswerRefused("answer_of_another_issuer")


def token_request(
    metadata: Metadata, login: LoginRule, secret: str, redirect_uri: str, code: str, code_verifier: str
) -> tuple[dict[str, str], str]:
    """Headers and body that turn a code into tokens (RFC 6749 §4.1.3 and §2.3.1). `secret` is "" for a public client."""
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    form = {"code": code, "code_verifier": code_verifier}
    if not secret:
        form |= {"client_id": login.client_id}
    elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
        pair = f"{quote(login.client_id, safe='')}:{quote(secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": login.client_id, "client_secret": secret}
    return headers, prepare_token_request("authorization_code", redirect_uri=redirect_uri, **form)


def end_session_url(metadata: Metadata, login: LoginRule, return_to: str) -> str:
    """Where the browser can end its session at the provider, too (OpenID Connect RP-Initiated Logout 1.0 §2); "" = nowhere.

    Without an ID token as a hint: tokens are neither kept nor put into an address.
    """
    if metadata.end_session_endpoint is None:
        return ""
    mark = "&" if "?" in metadata.end_session_endpoint else "?"
    query = urlencode({"client_id": login.client_id, "post_logout_redirect_uri": return_to})
    return f"{metadata.end_session_endpoint}{mark}{query}"
