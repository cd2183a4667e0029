"""What one audit record says, before it is encoded. Holds no prompt text, matched value or credential, by construction."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.audit.events import EventName
from gateway_ext.exchange import Candidate, Estimate, Finding, Outcome, Principal, TraceParent, Usage


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Written before Envoy is answered."""

    name: EventName
    exchange_id: str
    action: str  # forward | answer | refuse; of an answer: release | redact | withhold
    policy_digest: str
    interface: str
    source_address: str
    http_status: int = 0
    reason: str = ""
    refused_at: str = ""
    principal: Principal | None = None
    endpoint: str = ""
    model: str = ""
    is_stream: bool = False
    findings: tuple[Finding, ...] = ()
    sovereign: bool = False
    candidates: tuple[Candidate, ...] = ()
    hold_id: str = ""
    held_nano: int = 0
    currency: str = ""
    request_bytes: int = 0
    redactions: int = 0
    duration_ns: int = 0
    rules: tuple[
        str, ...
    ] = ()  # of policy, that decided: access:NAME, agreement:NAME, budget:NAME, cap:NAME, guard:DETECTOR
    output_tokens_cap: int = 0  # of each choice, for want of money; 0: none
    agent_run: str = ""  # as the caller calls it: an id of safe characters
    data_classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    estimate: Estimate | None = None  # None: refused before it was known
    model_asked: str = ""  # where `model` serves in its place
    verdict: str = ""  # of the Guard: allow | redact | deny; "": it was not asked
    shadow_of: str = ""  # of a copy: the exchange it copies
    trace_parent: TraceParent | None = None  # the caller's span, if it named one


@dataclass(frozen=True, slots=True)
class VeiledDecision:
    """A decision that is recorded without saying who its principal is: `sealed` does, for whoever has the key."""

    decision: DecisionRecord
    pseudonym: str
    sealed: bytes

    @property
    def name(self) -> EventName:
        return self.decision.name


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """Written when an exchange has ended."""

    name: EventName
    outcome: Outcome
    usage: Usage | None
    cost_nano: int
    currency: str
    served_by: Candidate | None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """Written before an operator's order takes effect. `value` and `reason` are the operator's words."""

    name: EventName
    scope: str
    value: str
    issuer: str
    actor: str  # as the operator says
    user: str  # of the machine, whose process it was
    reason: str
    expires_unix_nano: int = 0
    actor_issuer: str = ""  # that vouched for the actor at a login; "": a command, as its user says
    amount_nano: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """Written before what somebody has accepted or withdrawn takes effect."""

    name: EventName
    agreement: str
    version: str
    party_kind: str  # person | team; "" of the store
    party: str
    actor: str
    user: str  # of the machine, whose process it was
    reason: str = ""
    actor_issuer: str = ""  # that vouched for the actor at a login; "": a command, as its user says
    shown_sha256: str = ""  # of the text that was shown, in hexadecimal


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """Written when a budget has reached, or will pass, what operators want to be told of."""

    name: EventName
    id: str
    kind: str
    budget: str
    scope: str
    value: str
    model: str
    period: str
    currency: str
    threshold_percent: int
    limit_nano: int
    posted_nano: int
    held_nano: int
    hard: bool
    ends_unix_nano: int = 0
    exceeded_unix_nano: int = 0


AuditRecord = DecisionRecord | VeiledDecision | OutcomeRecord | OrderRecord | ConsentRecord | AlertRecord
