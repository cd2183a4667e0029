"""From a decision in the audit trail to a request that can be judged anew, or to why it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gateway_ext import errors
from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import WITHHELD
from gateway_ext.audit.events import EventName
from gateway_ext.cli.policy_cases import front_end
from gateway_ext.cli.trail_events import Advance, events_in
from gateway_ext.exchange import CredentialClass, Endpoint, Estimate, Labels, Principal
from gateway_ext.guard.catalog import TIMEOUT
from gateway_ext.guard.inspection import ALLOWED
from gateway_ext.guard.rules import Action
from gateway_ext.identity.rules import IdentityRules
from gateway_ext.judged import FORWARD, REFUSE, Case, Judgement
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing import data_classes
from gateway_ext.routing.data_classes import Classes, Classification
from gateway_ext.settings import StateLayout
from gateway_ext.telemetry.otlp_lines import log_records

_DECISIONS = frozenset({EventName.DECISION_FORWARDED, EventName.DECISION_REFUSED})
_JUDGED = frozenset(
    refusal.code
    for refusal in (
        *(errors.ModelNotAllowed, errors.EndpointNotAllowed, errors.PurposeNotAllowed, errors.TierNotAllowed),
        *(errors.EndpointNotServed, errors.CapabilityMissing, errors.ContentBlocked, errors.LabelUnknown),
        *(errors.HistoryUnknown, errors.NoSovereignRoute, errors.RouteDenied, errors.ConditionFailed),
    )
)
"""The refusals that `judge` comes to: any other is of something that is not in the trail."""

_FIELDS = ("team", "project", "application", "environment", "purpose", "email", "cost_center")


class NotJudged(Exception):  # noqa: N818  (no fault: the trail does not tell)
    """What keeps a decision from being judged anew, in words that say nothing of the request itself."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as the trail has it: the names of `attributes` are those of audit/semconv.py."""

    time_unix_nano: int
    attributes: Mapping[str, Any]

    @property
    def exchange_id(self) -> str:
        return str(self.attributes.get(semconv.EXCHANGE_ID, ""))

    @property
    def model(self) -> str:
        return str(self.attributes.get(semconv.REQUEST_MODEL, ""))

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(self.attributes.get(semconv.RULES, ()))

    @property
    def is_inspected(self) -> bool:
        """Whether the Guard had read it by then: what it would have found else, nobody knows."""
        return self.attributes.get(semconv.REFUSED_AT, "") in {"", "inspect", "route", "forward"}

    @property
    def judgement(self) -> Judgement:
        """What became of it."""
        of = self.attributes.get
        if of(semconv.ACTION) == "forward":
            return Judgement(FORWARD, clusters=tuple(of(semconv.CANDIDATES, ())), reasons=self.rules)
        return Judgement(REFUSE, of(semconv.REASON, ""), reasons=self.rules)


def decisions_in(
    layout: StateLayout, sinks: Sequence[Path], since_unix_nano: int, advance: Advance
) -> Iterator[Decided]:
    """What was decided about requests since then, of files of the OTLP sink and the logs. Raises OSError."""
    for sink in sinks:
        with sink.open("rb") as file:
            for line in file:
                advance(len(line))
                for record in log_records(line):
                    if record.event_name in _DECISIONS and record.time_unix_nano >= since_unix_nano:
                        yield Decided(record.time_unix_nano, record.attributes)
    for event in events_in(layout, advance, since_unix_nano):
        if event.name in _DECISIONS and event.time_unix_nano >= since_unix_nano:
            yield Decided(event.time_unix_nano, semconv.attributes(event))


def case_of(decided: Decided, snapshot: Snapshot) -> Case:
    """The request for `snapshot` to judge: findings as they were, whatever else follows from them as it says.

    Raises NotJudged; Unauthenticated and HistoryUnknown, which are judgements: `judge` does not come to them.
    """
    _require_judged(decided)
    of, caller = decided.attributes.get, _caller(decided.attributes)
    if caller.issuer not in snapshot.identity.issuers:
        raise errors.Unauthenticated
    found = frozenset(
        (finding.get("detector", ""), finding.get("role", ""))
        for finding in of(semconv.FINDINGS, ())
        if finding.get("action") != ALLOWED
    )
    if any(detector == TIMEOUT for detector, _ in found):
        raise NotJudged("the Guard ran out of time")
    return Case(
        caller=caller,
        model=decided.model,
        endpoint=Endpoint(decided.attributes[semconv.ENDPOINT]),
        at_unix_nano=decided.time_unix_nano,
        is_stream=bool(of(semconv.IS_STREAM)),
        request_bytes=of(semconv.REQUEST_BYTES, 0),
        needs=frozenset(of(semconv.NEEDS, ())),
        estimate=Estimate(of(semconv.INPUT_TOKENS_MAX, 0), of(semconv.OUTPUT_TOKENS_MAX, 0)),
        found=found,
        classes=_held(decided.rules, snapshot.routing.classification),
        labels=Labels(frozenset(of(semconv.LABELS, ())), _are_labels_trusted(caller, snapshot.identity)),
        over=_named(decided.rules, "over:"),
        is_capped=bool(_named(decided.rules, "cap:")),
        is_degraded=bool(_named(decided.rules, "degraded_from:")),
    )


def _require_judged(decided: Decided) -> None:
    """Raises NotJudged for what was refused by what is not in the trail, or by facts that are not."""
    of = decided.attributes.get
    if not of(semconv.SUBJECT):
        raise NotJudged("the caller is not known")
    code = "" if of(semconv.ACTION) == "forward" else of(semconv.REASON, "")
    if code and code not in _JUDGED:
        raise NotJudged(f"refused: {code}")
    if of(semconv.REQUEST_MODEL, WITHHELD) == WITHHELD or of(semconv.ENDPOINT, WITHHELD) == WITHHELD:
        raise NotJudged("the model's name is not recorded")
    if code == errors.ModelNotAllowed.code and of(semconv.CREDENTIAL_CLASS) == CredentialClass.PERSONAL:
        raise NotJudged("refused: the credential itself may be narrowed to other models")
    actions = {finding.get("action") for finding in of(semconv.FINDINGS, ())}
    if code == errors.ContentBlocked.code and Action.BLOCK.value not in actions:
        raise NotJudged("refused: what was found could not be redacted where it stood")


def _caller(attributes: Mapping[str, Any]) -> Principal:
    def said(name: str) -> Any:
        return attributes.get(f"gateway.principal.{name}", "")

    return Principal(
        subject=said("subject"),
        kind=said("kind"),
        issuer=said("issuer"),
        credential_class=CredentialClass(said("credential_class")),
        credential_id=said("credential_id"),
        groups=frozenset(said("groups")),
        asserted_by=front_end(said("front_end")) if said("front_end") else None,
        **{name: said(name) for name in _FIELDS},
    )


def _are_labels_trusted(caller: Principal, identity: IdentityRules) -> bool:
    """Whether policy believes whoever said them: the front end that asks, or the caller as one."""
    service = caller.front_end or caller.subject
    return any(each.subject == service and each.labels_header for each in identity.front_ends.values())


def _held(rules: Sequence[str], classification: Classification) -> frozenset[str]:
    """The classes that its conversation puts it in, as far as one knew what that had held. Raises HistoryUnknown."""
    if not classification.sticky:
        return frozenset()
    classes = data_classes.with_held(Classes(), _named(rules, "sticky:"), classification)
    for reason, add in _HISTORIES.items():
        if reason in rules:
            classes = add(classes, rules=classification)
    return classes.names


_HISTORIES: Mapping[str, Callable[..., Classes]] = {
    "history:unknown": data_classes.with_unknown_history,
    "history:unavailable": data_classes.with_history_out_of_reach,
    "history:renamed": partial(data_classes.with_held, held=("",)),  # a name that no policy has
}


def _named(rules: Sequence[str], kind: str) -> tuple[str, ...]:
    return tuple(rule.removeprefix(kind) for rule in rules if rule.startswith(kind))
