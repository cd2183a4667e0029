"""All directives of a moment, as requests are judged by them. Pure, immutable; a lookup costs the same with many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway_ext.errors import CredentialRevoked, PersonDisabled, Refusal, Stopped
from gateway_ext.exchange import Candidate, Principal
from gateway_ext.standing.directives import Directive, Measure, Scope

_NO_STOPS: Mapping[tuple[str, str], str] = MappingProxyType({})
# Plain text: a member of an enum is hashed in Python, several times for each request.
_EVERYTHING, _MODEL, _PROVIDER, _JURISDICTION, _TEAM, _APPLICATION, _CREDENTIAL, _PERSON = map(str, Scope)


@dataclass(frozen=True, slots=True)
class Standing:
    """`disabled` holds subject and issuer, the latter "" for all; `stops` maps what is stopped to the reason."""

    revoked: frozenset[str] = frozenset()
    disabled: frozenset[tuple[str, str]] = frozenset()
    stops: Mapping[tuple[str, str], str] = field(default_factory=lambda: _NO_STOPS)

    @staticmethod
    def of(directives: Iterable[Directive], now_unix_nano: int) -> Standing:
        """What is in force now of `directives`."""
        valid = [each for each in directives if not each.is_over(now_unix_nano)]
        by: dict[Measure, list[Directive]] = {measure: [] for measure in Measure}
        for directive in valid:
            by[directive.target.measure].append(directive)
        return Standing(
            revoked=frozenset(each.target.value for each in by[Measure.REVOKED]),
            disabled=frozenset((each.target.value, each.target.issuer) for each in by[Measure.DISABLED]),
            stops=MappingProxyType(
                {(str(each.target.scope), each.target.value): each.reason for each in by[Measure.STOPPED]}
            ),
        )

    def require_caller(self, principal: Principal) -> None:
        """Raises CredentialRevoked, PersonDisabled, or Stopped (everything, or what is the caller's).

        Whoever a front end asks for may not do what the front end itself may not do any more.
        """
        if principal.asserted_by is not None:
            self.require_caller(principal.asserted_by)
        if principal.credential_id and principal.credential_id in self.revoked:
            raise CredentialRevoked
        if self.disabled and not self.disabled.isdisjoint(
            ((principal.subject, ""), (principal.subject, principal.issuer))
        ):
            raise PersonDisabled
        if not self.stops:
            return
        for key in (
            (_EVERYTHING, ""),
            (_CREDENTIAL, principal.credential_id),
            (_PERSON, principal.subject),
            (_TEAM, principal.team),
            (_APPLICATION, principal.application),
        ):
            if (reason := self.stops.get(key)) is not None:
                raise Stopped(_message(reason))

    def running(self, model: str, deployments: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Those of `deployments`, which serve the virtual `model`, that are not stopped. Raises Stopped without any."""
        if not self.stops:
            return deployments
        reason = self.stops.get((_MODEL, model))
        reasons = [reason if reason is not None else self._stop_of(each) for each in deployments]
        left = tuple(each for each, stop in zip(deployments, reasons, strict=True) if stop is None)
        if deployments and not left:
            raise Stopped(_message(reasons[0] or ""), param="model")
        return left

    def stop_of(self, principal: Principal, model: str, deployments: tuple[Candidate, ...]) -> Refusal | None:
        """Why what `principal` gets of `model`, from one of `deployments`, has to end; None when it may go on."""
        try:
            self.require_caller(principal)
            for deployment in deployments:
                self.running(model, (deployment,))
        except Refusal as refusal:
            return refusal
        return None

    def is_running(self, model: str, deployments: tuple[Candidate, ...]) -> bool:
        """Whether any of `deployments`, which serve the virtual `model`, is not stopped."""
        return (_MODEL, model) not in self.stops and any(self._stop_of(each) is None for each in deployments)

    def require_running(self, deployment: Candidate) -> None:
        """Raises Stopped, for whatever model callers know it by."""
        if (reason := self._stop_of(deployment)) is not None:
            raise Stopped(_message(reason), param="model")

    def _stop_of(self, deployment: Candidate) -> str | None:
        """Why a deployment is stopped; None when it is not."""
        for key in (
            (_MODEL, deployment.model),
            (_PROVIDER, deployment.provider),
            (_JURISDICTION, deployment.jurisdiction),
        ):
            if (reason := self.stops.get(key)) is not None:
                return reason
        return None


def _message(reason: str) -> str:
    return f"Stopped by the gateway's operator: {reason}"
