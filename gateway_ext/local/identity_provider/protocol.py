"""The protocol, as Authlib has it: authorization code with PKCE (RFC 6749, RFC 7636: S256 alone) and ID tokens (OpenID
Connect Core 1.0), of one public client. Here is only what Authlib asks of a server: who the client is, what a token looks like,
and where codes are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode

from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.local.identity_provider.memory import ShortMemory
from gateway_ext.local.identity_provider.people import LocalPerson
from gateway_ext.local.issuer import ISSUERS, LocalIssuer

if TYPE_CHECKING:
    from gateway_ext.ports import Clock  # which brings all that a request meets

CODE_SECONDS = 60
TOKEN_SECONDS = 3_600
SCOPES = ("openid", "profile", "email", "groups")
ISSUER = ISSUERS[CredentialClass.SSO].issuer


@dataclass(slots=True)
class Answer:
    """What to say to a request. `body` is JSON, or "" beside a `location`."""

    status: int
    body: Any
    location: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """The one client: public, hence without a secret, known by the one address that it is sent back to."""

    client_id: str
    redirect_uri: str

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def get_default_redirect_uri(self) -> str:
        return ""  # has to be told

    def get_allowed_scope(self, scope: str | None) -> str:
        if scope is None or "openid" not in scope.split():
            raise InvalidScopeError(description="The scope must contain openid.")
        return scope

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method, endpoint) == ("none", "token")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for."""

    person: LocalPerson
    redirect_uri: str
    scope: str
    nonce: str
    auth_time: int
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> list[str]:
        return ["pwd"]  # RFC 8176


class _Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]  # as above
    """A request as Authlib reads it: of GET the query, of POST the form. Raises InsecureTransportError."""

    def __init__(self, method: str, url: str, form: str = "") -> None:
        super().__init__(method, url)
        pairs = parse_qsl(form if method == "POST" else urlsplit(url).query, keep_blank_values=True)
        self.payload = _Payload(pairs)

    @property
    def form(self) -> dict[str, str]:
        data: dict[str, str] = self.payload.data
        return data


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]  # as above
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    server: Server

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        asked = request.payload.data
        self.server.codes.put(
            code,
            Code(
                person=request.user,
                redirect_uri=asked["redirect_uri"],
                scope=request.scope,
                nonce=asked.get("nonce", ""),
                auth_time=self.server.clock.now_unix_nano() // NANO,
                code_challenge=asked["code_challenge"],
                code_challenge_method=asked["code_challenge_method"],
            ),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.codes.take(code)  # whatever comes of it: a code counts once

    def delete_authorization_code(self, authorization_code: Code) -> None:
        return  # taken already

    def authenticate_user(self, authorization_code: Code) -> LocalPerson:
        return authorization_code.person


class _Pkce(CodeChallenge):  # type: ignore[misc]  # as above
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _Grant, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or not asked.get("code_challenge_method"):
            raise InvalidRequestError("The request needs a code_challenge of the method S256.")
        super().validate_code_challenge(grant, redirect_uri)


class _IdToken(OpenIDCode):  # type: ignore[misc]  # as above
    def __init__(self, mint: Callable[..., str]) -> None:
        super().__init__(require_nonce=True)
        self._mint = mint

    def exists_nonce(self, nonce: str, request: ProtocolRequest) -> bool:
        return False  # clients compare it with their own; a code counts once

    def encode_id_token(self, token: dict[str, Any], request: ProtocolRequest) -> str:
        claims = self.get_authorization_code_claims(request.authorization_code)
        return self._mint(request.user, aud=request.client.client_id, **claims)


class _Issuer(IssuerParameter):  # type: ignore[misc]  # as above
    def get_issuer(self) -> str:
        return ISSUER


class Server(AuthorizationServer):  # type: ignore[misc]  # as above
    """Authlib's server for one client. Access tokens are those of the single sign-on that the gateway itself believes."""

    def __init__(self, client: Client, issuer: LocalIssuer, clock: Clock) -> None:
        super().__init__(scopes_supported=SCOPES)
        self.client = client
        self.clock = clock
        self.codes: ShortMemory[Code] = ShortMemory(CODE_SECONDS, clock.monotonic_ns)
        self.owners: ShortMemory[LocalPerson] = ShortMemory(TOKEN_SECONDS, clock.monotonic_ns)  # by access token
        self._issuer = issuer
        self.register_token_generator("default", self._access_token)
        self.register_grant(_Grant, [_Pkce(), _IdToken(self.mint)])
        self.register_extension(_Issuer())

    def mint(self, person: LocalPerson, **claims: Any) -> str:
        """A signed token of the single sign-on; for the gateway, if `claims` say nothing else."""
        return self._issuer.mint(
            CredentialClass.SSO, person.subject, ttl_seconds=TOKEN_SECONDS, **(person.claims | claims)
        )

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == self.client.client_id else None

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Answer:
        return Answer(status, body, dict(headers).get("Location", ""))

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        self.owners.put(token["access_token"], request.user)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return  # nobody listens

    def _access_token(self, user: LocalPerson, scope: str, **_about: Any) -> dict[str, Any]:
        return {"token_type": "Bearer", "access_token": self.mint(user), "expires_in": TOKEN_SECONDS, "scope": scope}
