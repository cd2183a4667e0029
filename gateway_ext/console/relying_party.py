"""A login from its begin to the session: sent to the identity provider, back with a code, believed, allowed, recorded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_ext.audit.events import EventName
from gateway_ext.console import oidc
from gateway_ext.console.authentication import Gatekeeper, principal_of
from gateway_ext.console.id_token import KeyUnknown, id_token_claims, lacks_claims, read_claims, with_userinfo
from gateway_ext.console.login_records import reason_of, record_login
from gateway_ext.console.login_state import LoginsUnderWay, LoginUnderWay
from gateway_ext.console.oidc import AnswerRefused
from gateway_ext.console.problems import Problem
from gateway_ext.console.providers import Providers, Tokens
from gateway_ext.console.sessions import Session
from gateway_ext.errors import GatewayError, Refusal, StandingUnavailable
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.identity.rules import LoginRule
from gateway_ext.limits import NANO

CALLBACK = "/login/callback"
HOME = "/"
NEXT_CHARACTERS_MAX = 512
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # printable ASCII but '\': browsers take that for '/'


class LoginUnknown(GatewayError):  # noqa: N818  (an answer, as a Refusal is)
    """No such provider in policy, or no such login under way in this browser."""


class LoginRefused(GatewayError):  # noqa: N818
    """The provider did not log the person in."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`secret` is for the session's cookie; `next` the local path to go to."""

    secret: str = field(repr=False)
    next: str


def local_path(text: str) -> str:
    """`text` if it leads to a page of ours whatever a browser makes of it, otherwise the first page."""
    return text if len(text) <= NEXT_CHARACTERS_MAX and _LOCAL_PATH.fullmatch(text) else HOME


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """All calls raise LoginUnknown, LoginRefused, ProviderUnavailable, AnswerRefused, ConfigurationError and, once it is
    known who logs in, what Gatekeeper.judge raises; then nobody is logged in."""

    gatekeeper: Gatekeeper
    providers: Providers
    under_way: LoginsUnderWay

    async def begin(self, name: str, next_path: str) -> tuple[str, LoginUnderWay]:
        """Where the browser is to go, and what it is to bring back."""
        login = self._login(name)
        metadata = await self.providers.metadata(login)
        begun = await asyncio.to_thread(self.under_way.begin, name, local_path(next_path))
        asked = begun.state, begun.nonce, begun.code_verifier
        return oidc.authorization_url(metadata, login, self._redirect_uri, *asked), begun

    async def complete(self, answer: Mapping[str, str], browser: str) -> LoggedIn:
        """The browser is back, with what the provider gave it in the query (RFC 6749 §4.1.2)."""
        kept = await asyncio.to_thread(self.under_way.take, answer.get("state", ""), browser)
        if kept is None:
            raise LoginUnknown("This login took too long, was used already, or was begun in another browser.")
        login = self._login(kept.provider)
        claims = await self._claims(login, kept, answer)
        rules, subject = self.gatekeeper.policy.current().identity, ""
        try:
            subject = principal_of(login.name, claims, rules).subject
            self.gatekeeper.judge(login.name, claims)
        except StandingUnavailable:
            raise
        except (Problem, Refusal) as refusal:
            await asyncio.to_thread(self._record_refused, login.name, subject, reason_of(refusal))
            raise
        read = {name: claims[name] for name in read_claims(rules.issuers[login.name]) & claims.keys()}
        secret = await asyncio.to_thread(self.gatekeeper.sessions.begin, login.name, subject, read, self._record_made)
        return LoggedIn(secret, kept.next)

    async def _claims(self, login: LoginRule, kept: LoginUnderWay, answer: Mapping[str, str]) -> VerifiedClaims:
        metadata = await self.providers.metadata(login)
        oidc.require_issuer(metadata, answer.get("iss"))
        if "error" in answer or not answer.get("code"):
            raise LoginRefused(f"The identity provider '{login.name}' did not log you in.")
        tokens = await self.providers.redeem(login, metadata, self._redirect_uri, answer["code"], kept.code_verifier)
        try:
            claims = await self._verified(login, metadata, tokens, kept.nonce)
            rule = self.gatekeeper.policy.current().identity.issuers[login.name]
            if metadata.userinfo_endpoint and tokens.access_token and lacks_claims(claims, rule):
                claims = with_userinfo(claims, await self.providers.userinfo(login, metadata, tokens.access_token))
        except AnswerRefused as refusal:
            await asyncio.to_thread(self._record_refused, login.name, "", refusal.reason)
            raise
        return claims

    async def _verified(self, login: LoginRule, metadata: oidc.Metadata, tokens: Tokens, nonce: str) -> VerifiedClaims:
        now_unix = self.under_way.now_unix_nano() // NANO
        keys = await self.providers.keys(login, metadata)
        try:
            return id_token_claims(tokens.id_token, tokens.access_token, keys, login, nonce, now_unix)
        except KeyUnknown:  # rotated since we asked
            keys = await self.providers.keys(login, metadata, is_renewed=True)
            return id_token_claims(tokens.id_token, tokens.access_token, keys, login, nonce, now_unix)

    def _login(self, name: str) -> LoginRule:
        identity = self.gatekeeper.policy.current().identity
        login = identity.logins.get(name)
        if login is None or name not in identity.issuers:
            raise LoginUnknown("There is no such identity provider here.")
        return login

    def _record_made(self, session: Session) -> None:
        who = session.issuer, session.subject, session.name
        record_login(self.gatekeeper.settings, EventName.LOGIN_MADE, *who, "logged in")

    def _record_refused(self, issuer: str, subject: str, reason: str) -> None:
        record_login(self.gatekeeper.settings, EventName.LOGIN_REFUSED, issuer, subject, "", reason)

    @property
    def _redirect_uri(self) -> str:
        return f"{self.gatekeeper.settings.console_url}{CALLBACK}"
