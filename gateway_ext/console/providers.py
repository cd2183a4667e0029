"""Asks identity providers: within a time and a size, over TLS or on this machine, following no redirect. Trusts nothing."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import KeySet

from gateway_ext.console.id_token import key_set
from gateway_ext.console.oidc import AnswerRefused, Metadata, metadata_of, token_request
from gateway_ext.errors import GatewayError
from gateway_ext.identity.rules import LoginRule
from gateway_ext.limits import NANO, PROVIDER_ANSWER_BYTES_MAX, PROVIDER_METADATA_SECONDS, PROVIDER_SECONDS_MAX
from gateway_ext.private_files import read_private

# RFC 6749 §5.2. Any other word of a provider's is not repeated: it may hold anything.
_TOKEN_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)
_JSON = {"accept": "application/json", "accept-encoding": "identity"}  # what is not compressed cannot grow


class ProviderUnavailable(GatewayError):  # noqa: N818  (as AnswerRefused)
    """No answer, in time and of a fit size."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The identity provider '{name}' does not answer. Try again shortly.")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Both live for the length of one login, and are kept nowhere."""

    id_token: Any
    access_token: str


@asynccontextmanager
async def opened_providers(secrets_dir: Path, monotonic_ns: Callable[[], int]) -> AsyncIterator[Providers]:
    """Trusts the authorities of this machine, or of the file that SSL_CERT_FILE names (OpenSSL)."""
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(), timeout=PROVIDER_SECONDS_MAX, trust_env=False, follow_redirects=False
    ) as client:
        yield Providers(client, secrets_dir, monotonic_ns)


class Providers:
    """All calls raise ProviderUnavailable or AnswerRefused."""

    def __init__(self, client: httpx.AsyncClient, secrets_dir: Path, monotonic_ns: Callable[[], int]) -> None:
        self._client = client
        self._secrets_dir = secrets_dir
        self._monotonic_ns = monotonic_ns
        self._kept: dict[str, tuple[Any, int]] = {}  # documents by address, with the end of their time
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(
            asyncio.Lock
        )  # of many logins only the first one asks

    async def metadata(self, login: LoginRule) -> Metadata:
        return metadata_of(await self._document(login, login.discovery_url), login)

    async def keys(self, login: LoginRule, metadata: Metadata, *, is_renewed: bool = False) -> KeySet:
        """Those that were published some minutes ago at most, or now."""
        return key_set(await self._document(login, metadata.jwks_uri, is_renewed=is_renewed))

    async def redeem(
        self, login: LoginRule, metadata: Metadata, redirect_uri: str, code: str, code_verifier: str
    ) -> Tokens:
        """Turn a code into tokens. Raises ConfigurationError, too, for a client secret that others may read."""
        secret = await asyncio.to_thread(self._secret, login.name)
        headers, form = token_request(metadata, login, secret, redirect_uri, code, code_verifier)
        status, answer = await self._ask(login, "POST", metadata.token_endpoint, _JSON | headers, form)
        document = answer if isinstance(answer, Mapping) else {}
        if status != httpx.codes.OK:
            error = document.get("error")
            raise AnswerRefused(error if isinstance(error, str) and error in _TOKEN_ERRORS else "code_refused")
        access_token = document.get("access_token")
        return Tokens(document.get("id_token"), access_token if isinstance(access_token, str) else "")

    async def userinfo(self, login: LoginRule, metadata: Metadata, access_token: str) -> Any:
        """What the provider says beside the ID token (OpenID Connect Core 1.0 §5.3)."""
        headers = _JSON | {"authorization": f"Bearer {access_token}"}
        status, answer = await self._ask(login, "GET", metadata.userinfo_endpoint or "", headers)
        if status != httpx.codes.OK:
            raise AnswerRefused("userinfo_refused")
        return answer

    async def _document(self, login: LoginRule, url: str, *, is_renewed: bool = False) -> Any:
        asked_ns = self._monotonic_ns()
        async with self._locks[login.name]:
            document, ends_ns = self._kept.get(url, (None, 0))
            fetched_ns = ends_ns - PROVIDER_METADATA_SECONDS * NANO
            if self._monotonic_ns() < ends_ns and not (is_renewed and fetched_ns < asked_ns):
                return document
            status, document = await self._ask(login, "GET", url, _JSON)
            if status != httpx.codes.OK:
                raise ProviderUnavailable(login.name)
            now_ns = self._monotonic_ns()
            self._kept = {each: kept for each, kept in self._kept.items() if kept[1] > now_ns}
            self._kept[url] = document, now_ns + PROVIDER_METADATA_SECONDS * NANO
            return document

    async def _ask(
        self, login: LoginRule, method: str, url: str, headers: Mapping[str, str], form: str = ""
    ) -> tuple[int, Any]:
        """Status and JSON; None for a body that is none."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(PROVIDER_SECONDS_MAX),
                self._client.stream(method, url, headers=headers, content=form or None) as response,
            ):
                async for piece in response.aiter_raw():
                    content += piece
                    if len(content) > PROVIDER_ANSWER_BYTES_MAX:
                        raise ProviderUnavailable(login.name)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise ProviderUnavailable(login.name) from None
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(login.name)
        try:
            return response.status_code, json.loads(content)
        except (ValueError, RecursionError):
            return response.status_code, None

    def _secret(self, name: str) -> str:
        """Of the client; "" for a public one, which has none."""
        try:
            return read_private(self._secrets_dir / f"{name}.secret").decode().strip()
        except FileNotFoundError:
            return ""
