"""What is noted about a request while it is judged, and the audit records made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import AlertRecord, DecisionRecord, OutcomeRecord
from gateway_ext.audit.source_address import recorded_address
from gateway_ext.budget.rules import Settled
from gateway_ext.dialects.trace_context import read_traceparent
from gateway_ext.errors import Refusal
from gateway_ext.exchange import Candidate, Endpoint, Estimate, Finding, Hold, Outcome, Principal, Prompt, RequestHead
from gateway_ext.guard.rules import Action
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.verdict import Allow, Deny, Redact, Verdict, requires_sovereign_route

_WORDS = {Allow: "allow", Redact: "redact", Deny: "deny", type(None): ""}


@dataclass(slots=True)
class Note:
    """Filled in step by step, so that a refusal at any step is recorded with all that was known by then."""

    exchange_id: str
    head: RequestHead
    snapshot: Snapshot
    started_ns: int
    step: str = "authenticate"
    principal: Principal | None = None
    endpoint: Endpoint | None = None
    request_bytes: int = 0
    prompt: Prompt | None = None
    served_by: str = ""  # the model whose deployments serve it, where it is not the one asked for
    hold: Hold | None = None
    output_cap: int = 0
    verdict: Verdict | None = None
    candidates: tuple[Candidate, ...] = ()
    rules: tuple[str, ...] = ()
    agent_run: str = ""
    estimate: Estimate | None = None
    data_classes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()

    def held(self, model: str, hold: Hold, estimate: Estimate, output_cap: int) -> None:
        """What was reserved, and for which model."""
        assert self.prompt is not None
        self.hold, self.estimate, self.output_cap = hold, estimate, output_cap
        self.served_by = model if model != self.prompt.model else ""

    def forwarded(self, now_ns: int) -> DecisionRecord:
        return self._record(EventName.DECISION_FORWARDED, "forward", now_ns)

    def answered(self, now_ns: int) -> DecisionRecord:
        return self._record(EventName.DECISION_ANSWERED, "answer", now_ns, http_status=200)

    def refused(self, refusal: Refusal, now_ns: int) -> DecisionRecord:
        return self._record(
            EventName.DECISION_REFUSED,
            "refuse",
            now_ns,
            http_status=refusal.http_status,
            reason=refusal.code,
            refused_at=self.step,
            refused_by=refusal.rules,
        )

    def _record(
        self,
        name: EventName,
        action: str,
        now_ns: int,
        http_status: int = 0,
        reason: str = "",
        refused_at: str = "",
        refused_by: tuple[str, ...] = (),
    ) -> DecisionRecord:
        verdict, hold = self.verdict, self.hold
        return DecisionRecord(
            name=name,
            exchange_id=self.exchange_id,
            action=action,
            policy_digest=self.snapshot.digest,
            interface=self.head.interface,
            source_address=recorded_address(self.head.source_address, self.snapshot.audit.source_addresses),
            http_status=http_status,
            reason=reason,
            refused_at=refused_at,
            principal=self.principal,
            endpoint=self.endpoint or "",
            model=self.served_by or self._model_asked(),
            model_asked=self._model_asked() if self.served_by else "",
            is_stream=self.prompt is not None and self.prompt.is_stream,
            findings=verdict.findings if verdict is not None else (),
            sovereign=verdict is not None and requires_sovereign_route(verdict),
            candidates=self.candidates,
            hold_id=hold.id if hold is not None else "",
            held_nano=hold.amount_nano if hold is not None else 0,
            currency=hold.currency if hold is not None else "",
            output_tokens_cap=self.output_cap,
            request_bytes=self.request_bytes,
            redactions=len(verdict.edits) if isinstance(verdict, Redact) else 0,
            duration_ns=now_ns - self.started_ns,
            rules=tuple(dict.fromkeys((*self.rules, *refused_by, *self._guard_rules()))),  # a step may name one again
            agent_run=self.agent_run,
            data_classes=tuple(sorted(self.data_classes)),
            labels=tuple(sorted(self.labels)),
            needs=tuple(sorted(self.prompt.needs)) if self.prompt is not None else (),
            estimate=self.estimate,
            verdict=_WORDS[type(verdict)],
            trace_parent=read_traceparent(self.head.traceparent),
        )

    def _guard_rules(self) -> tuple[str, ...]:
        if self.verdict is None:
            return ()
        return tuple(dict.fromkeys(f"guard:{finding.detector}" for finding in self.verdict.findings))

    def _model_asked(self) -> str:
        # Only names that policy knows: the field is the caller's text otherwise.
        if self.prompt is not None and self.prompt.model in self.snapshot.routing.models:
            return self.prompt.model
        return ""


def scored(exchange_id: str, classifier: str, score: float, snapshot: Snapshot) -> DecisionRecord:
    """What the operator's own classifier made of an exchange. `score` stands as the confidence of one finding."""
    finding = Finding(
        detector=f"external_{classifier}",
        detector_version="",
        data_class="external",
        text_index=0,
        place="",
        start=0,
        end=0,
        confidence=score,
        action=Action.LOG.value,
        sovereign=False,
        fingerprint="",
    )
    return DecisionRecord(EventName.CONTENT_SCORED, exchange_id, "score", snapshot.digest, "", "", findings=(finding,))


def inspected(
    decision: DecisionRecord, findings: tuple[Finding, ...], duration_ns: int, refusal: Refusal | None
) -> DecisionRecord:
    """What was decided about the answer to a request, of which `decision` tells. `refusal`: why it was withheld."""
    redactions = sum(finding.action == Action.REDACT for finding in findings)
    return replace(
        decision,
        name=EventName.ANSWER_INSPECTED,
        action="withhold" if refusal else "redact" if redactions else "release",
        http_status=refusal.http_status if refusal else 0,
        reason=refusal.code if refusal else "",
        findings=findings,
        sovereign=False,
        redactions=redactions,
        verdict="",
        duration_ns=duration_ns,
        rules=tuple(dict.fromkeys(f"guard:{finding.detector}" for finding in findings)),
    )


def concluded(outcome: Outcome, settled: Settled | None, snapshot: Snapshot) -> OutcomeRecord:
    """The outcome's record. What the ledger holds wins over what this report says: it may have been settled before."""
    if outcome.source_address:
        address = recorded_address(outcome.source_address, snapshot.audit.source_addresses)
        outcome = replace(outcome, source_address=address)
    if settled is None:
        name = EventName.OUTCOME_UNPRICED if outcome.exchange_id else EventName.ENVOY_REFUSED
        return OutcomeRecord(name, outcome, outcome.usage, 0, "", served_by(outcome.cluster, snapshot))
    name = EventName.OUTCOME_RECOVERED if settled.state == "expired" else EventName.OUTCOME_SETTLED
    flags = tuple(dict.fromkeys((*outcome.flags, *settled.flags)))
    if (settled.settled_by, flags) != (outcome.settled_by, outcome.flags):
        outcome = replace(outcome, settled_by=settled.settled_by, flags=flags)
    return OutcomeRecord(
        name,
        outcome,
        settled.usage,
        settled.cost_nano,
        settled.currency,
        served_by(settled.cluster or outcome.cluster, snapshot),
    )


def alerted(alert: Alert) -> AlertRecord:
    """What operators are told of a budget."""
    return AlertRecord(
        name=EventName.OVERRUN_FORECAST if alert.kind is Kind.FORECAST else EventName.THRESHOLD_REACHED,
        id=alert.id,
        kind=alert.kind,
        budget=alert.budget,
        scope=alert.scope,
        value=alert.value,
        model=alert.model,
        period=alert.period,
        currency=alert.currency,
        threshold_percent=alert.threshold_percent,
        limit_nano=alert.limit_nano,
        posted_nano=alert.posted_nano,
        held_nano=alert.held_nano,
        hard=alert.is_hard,
        ends_unix_nano=alert.ends_unix_nano or 0,
        exceeded_unix_nano=alert.exceeded_unix_nano or 0,
    )


def served_by(cluster: str, snapshot: Snapshot) -> Candidate | None:
    """The deployment behind a cluster of Envoy, as today's policy knows it."""
    for model in snapshot.routing.models.values():
        for candidate in model.deployments:
            if candidate.cluster == cluster:
                return candidate
    return None
