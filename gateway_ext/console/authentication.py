"""Who is asking the console, decided anew for each request by the policy and the orders of that moment.

A browser shows a session's cookie. A script shows a token of the company's identity provider, which Envoy verifies; its
claims come in a header that Envoy alone can set on our socket, and that it takes from every client before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from fastapi import Request

from gateway_ext import errors
from gateway_ext.audit.events import EventName
from gateway_ext.console import csrf
from gateway_ext.console.envoy_claims import claims_told_by_envoy, has_claims
from gateway_ext.console.login_records import reason_of, record_login
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import CrossSite, Forbidden, Unauthenticated
from gateway_ext.console.sessions import Session, Sessions
from gateway_ext.errors import ConfigurationError, GatewayError, StandingUnavailable, Stopped
from gateway_ext.exchange import CredentialClass, Principal, VerifiedClaims
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.roles import roles_of
from gateway_ext.identity.rules import IdentityRules
from gateway_ext.ports import PolicySource, StandingSource
from gateway_ext.settings import Settings
from gateway_ext.standing.standing import Standing

_log = logging.getLogger(__name__)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """What each request to the console is judged by."""

    settings: Settings
    policy: PolicySource
    standing: StandingSource
    sessions: Sessions

    @property
    def session_cookie(self) -> str:
        return f"{self.cookie_prefix}gateway-session"

    @property
    def cookie_prefix(self) -> str:
        """Browsers take a cookie of this prefix only from us, over TLS, for all of us (RFC 6265bis §4.1.3.2)."""
        return "__Host-" if self.is_encrypted else ""

    @property
    def is_encrypted(self) -> bool:
        return self.settings.console_url.startswith("https:")

    async def person(self, request: Request) -> Person:
        """Raises Unauthenticated, PersonDisabled, CredentialRevoked, ClaimMissing, StandingUnavailable, ConfigurationError."""
        if has_claims(request.headers):
            return self.judge(*claims_told_by_envoy(request.headers))
        secret = request.cookies.get(self.session_cookie, "")
        session = await asyncio.to_thread(self.sessions.find, secret) if secret else None
        if session is None:
            raise Unauthenticated
        try:
            return self.person_of(session)
        except StandingUnavailable:
            raise
        except GatewayError as refusal:  # of this person, now: letting them in again later takes a new login
            await asyncio.to_thread(self.end, session, reason_of(refusal))
            raise

    def person_of(self, session: Session) -> Person:
        """Raises as `person`."""
        return stays(session, self.policy.current().identity, self.standing.current())

    def judge(self, issuer: str, claims: VerifiedClaims) -> Person:
        """The person of verified claims. Raises as `person`."""
        return judged(issuer, claims, self.policy.current().identity, self.standing.current())

    def end(self, session: Session, reason: str) -> None:
        """Blocks. A session ends even when that cannot be recorded. Raises ConfigurationError when it may not have ended."""
        if self.sessions.end(session.digest):
            try:
                who = session.issuer, session.subject, session.name
                record_login(self.settings, EventName.LOGIN_ENDED, *who, reason)
            except ConfigurationError as error:
                _log.error("the end of a session is not recorded: %s", error.diagnostics())

    async def sweep(self) -> None:
        """End the sessions of those who would be refused now, and forget those whose time is over.

        Raises ConfigurationError, and StandingUnavailable: nobody gets in then, and nobody needs to log in again after.
        """
        rules, standing = self.policy.current().identity, self.standing.current()
        await asyncio.to_thread(self._sweep, rules, standing)

    def _sweep(self, rules: IdentityRules, standing: Standing) -> None:
        self.sessions.sweep()
        for session in self.sessions.all():
            try:
                stays(session, rules, standing)
            except GatewayError as refusal:
                self.end(session, reason_of(refusal))


def stays(session: Session, rules: IdentityRules, standing: Standing) -> Person:
    """Whose session it is, if it may go on. Raises as `judged`."""
    if session.issuer not in rules.logins:
        raise Unauthenticated
    return judged(session.issuer, session.claims, rules, standing, session.digest)


def judged(
    issuer: str, claims: VerifiedClaims, rules: IdentityRules, standing: Standing, session_id: str = ""
) -> Person:
    """The person of verified claims. Raises as `principal_of`; PersonDisabled, CredentialRevoked."""
    principal = principal_of(issuer, claims, rules)
    with contextlib.suppress(Stopped):  # a stop holds traffic to models; whoever is to lift it must get in here
        standing.require_caller(principal)
    return Person(principal, roles_of(principal, rules), session_id)


def principal_of(issuer: str, claims: VerifiedClaims, rules: IdentityRules) -> Principal:
    """As the data plane has it. Raises Unauthenticated, ClaimMissing, CertificateMismatch (it wants one with each token)."""
    rule = rules.issuers.get(issuer)
    if rule is None or rule.credential_class is not CredentialClass.SSO:
        raise Unauthenticated  # a key of an application is nobody here, whoever it was minted for
    try:
        return authenticate({issuer: claims}, min(rule.interfaces), rules)
    except errors.Unauthenticated:
        raise Unauthenticated from None


async def signed_in(request: Request) -> Person:
    """A dependency: who asks. Raises as Gatekeeper.person."""
    return await gatekeeper_of(request).person(request)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A dependency: who asks, if one of their roles has `permission`. Raises Forbidden, and as Gatekeeper.person.

    A browser's request that may change something must show the session's token, too: raises CrossSite.
    """

    permission: Permission

    async def __call__(self, request: Request) -> Person:
        person = await signed_in(request)
        if self.permission not in person.permissions:
            raise Forbidden(self.permission, person)
        await require_csrf(request)
        return person


def require(permission: Permission) -> Requirement:
    """Who asks, if they have `permission`: `Annotated[Person, Depends(require(Permission.ORDERS_READ))]`."""
    return Requirement(permission)


async def require_csrf(request: Request) -> None:
    """Raises CrossSite unless a browser's request that may change something shows its session's token.

    In the header `X-CSRF-Token`, or in the field `csrf_token` of a form. A token that came with the request itself is
    proof enough: no browser adds it unasked.
    """
    if request.method in _SAFE_METHODS or has_claims(request.headers):
        return
    shown: object = request.headers.get(csrf.HEADER)
    if shown is None and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        shown = (await request.form()).get(csrf.FIELD)
    if not isinstance(shown, str) or not csrf.is_valid(shown, session_secret(request)):
        raise CrossSite("The form is older than your session, or not from this console. Load the page again.")


def csrf_token(request: Request) -> str:
    """For forms and scripts of the page that is answered with; "" without a session."""
    secret = session_secret(request)
    return csrf.token_of(secret) if secret else ""


def session_secret(request: Request) -> str:
    return request.cookies.get(gatekeeper_of(request).session_cookie, "")


def gatekeeper_of(request: Request) -> Gatekeeper:
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    return gatekeeper
