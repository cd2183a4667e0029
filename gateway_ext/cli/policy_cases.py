"""From cases as they are written to what can be judged, and what a judgement lacks of what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_ext.exchange import CredentialClass, Estimate, Labels, Principal
from gateway_ext.identity.rules import IdentityRules
from gateway_ext.judged import FORWARD, Case, Judgement, judge, known_detectors
from gateway_ext.limits import NANO
from gateway_ext.policy.cases import PlacedCase, read_cases
from gateway_ext.policy.cases_schema import Caller, Expectation, WrittenCase
from gateway_ext.policy.fields import KnownNames
from gateway_ext.policy.snapshot import Snapshot

_FIELDS = ("team", "project", "application", "environment", "purpose", "cost_center")


@dataclass(frozen=True, slots=True)
class Tried:
    """A case and what became of it. `missed`: each expectation that was not met, in words; none: it passed."""

    placed: PlacedCase
    judgement: Judgement
    missed: tuple[str, ...]


def tried(directory: Path, snapshot: Snapshot) -> list[Tried]:
    """All cases of `directory` under `snapshot`. Raises ConfigurationError for cases that cannot be read."""
    results = []
    for placed in read_cases(directory, known_names(snapshot)):
        judgement = judge(case_of(placed.case, snapshot.identity), snapshot)
        results.append(Tried(placed, judgement, tuple(_missed(placed.case.expect, judgement))))
    return results


def known_names(snapshot: Snapshot) -> KnownNames:
    """What cases may name of a policy."""
    return {
        "issuer": frozenset(snapshot.identity.issuers),
        "deployment": frozenset(snapshot.routing.catalog),
        "detector": frozenset(known_detectors(snapshot.guard)),
        "data class": frozenset(snapshot.routing.data_classes),
    }


def case_of(written: WrittenCase, identity: IdentityRules) -> Case:
    """`written`, whose names `identity` has."""
    request = written.request
    return Case(
        caller=_principal(written.caller, identity),
        model=request.model,
        endpoint=request.endpoint,
        at_unix_nano=int(written.at.timestamp()) * NANO,
        is_stream=request.stream,
        request_bytes=request.bytes,
        needs=frozenset(request.needs),
        estimate=Estimate(request.input_tokens, request.output_tokens),
        found=by_user(request.detectors),
        classes=frozenset(request.classes),
        labels=Labels(frozenset(request.labels), request.labels_trusted),
        over=request.over,
        is_capped=request.capped,
        is_degraded=request.degraded,
    )


def by_user(detectors: Iterable[str]) -> frozenset[tuple[str, str]]:
    """What they find, in a user's text."""
    return frozenset((name, "user") for name in detectors)


def _principal(written: Caller, identity: IdentityRules) -> Principal:
    issuer = identity.issuers[written.issuer]
    stated: dict[str, Any] = {name: getattr(written, name) or issuer.defaults.get(name, "") for name in _FIELDS}
    return Principal(
        subject=written.subject,
        kind=issuer.kind,
        issuer=issuer.name,
        credential_class=issuer.credential_class,
        credential_id="case",
        groups=frozenset(written.groups),
        asserted_by=front_end(written.front_end) if written.front_end else None,
        **stated,
    )


def front_end(subject: str) -> Principal:
    """A service that asks for somebody, as far as conditions ask about it."""
    return Principal(subject, "service", "", CredentialClass.SERVICE, "case")


def _missed(expected: Expectation, judgement: Judgement) -> Iterator[str]:
    got = outcome(judgement)
    if judgement.outcome != expected.outcome:
        yield f"expected {expected.outcome}, got {got}"
        return
    if expected.code and judgement.code != expected.code:
        yield f"expected refuse {expected.code}, got {got}"
    if expected.served_by and judgement.clusters != expected.served_by:
        yield f"expected {', '.join(expected.served_by)}, got {', '.join(judgement.clusters)}"
    if missing := [reason for reason in expected.reasons if reason not in judgement.reasons]:
        yield f"expected the reason {', '.join(missing)}, got {', '.join(judgement.reasons) or 'none'}"


def outcome(judgement: Judgement) -> str:
    """In a few words: the deployments in order, or the refusal."""
    if judgement.outcome == FORWARD:
        return f"forward {', '.join(judgement.clusters)}"
    return f"refuse {judgement.code}"
