"""One event of each kind that the trail holds, as the spool writes it; several with all that they may have."""

from __future__ import annotations

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.wire import audit_pb2

TIME_UNIX_NANO = 1_795_000_000_123_456_789
FINDINGS = (
    ("email", "personal", "redact"),
    ("api_key", "secret", "block"),
    ("project_names", "confidential", "log"),
    ("ignore_instructions", "injection", "block"),
    ("threats", "harmful", "log"),
    ("late", "timeout", "allowed"),
)
CALLER = audit_pb2.Principal(
    subject="ada@example.com",
    kind="person",
    credential_class="personal",
    credential_id="key-5f3a",
    team="payments",
    application="assistant",
    groups=["engineering", "payments"],
    issuer="company",
    email="ada@example.com",
)


def event(name: str, **body: object) -> Event:
    return Event(
        schema_version=1,
        id="5d41402abc4b2a76b9719d911017c592-7",
        time_unix_nano=TIME_UNIX_NANO,
        name=name,
        exchange_id="8f14e45fceea167a" if "decision" in body or "outcome" in body else "",
        processor="processor-0",
        sequence=7,
        run_id="5d41402abc4b2a76b9719d911017c592",
        **body,  # type: ignore[arg-type]  # one of the bodies
    )


def forwarded() -> Event:
    return event(
        EventName.DECISION_FORWARDED,
        decision=audit_pb2.Decision(
            action="forward",
            principal=CALLER,
            interface="public",
            source_address="192.0.2.17",
            endpoint="/v1/chat/completions",
            model="gpt-large",
            policy_digest="ab" * 32,
            candidates=[audit_pb2.Candidate(cluster="eu/large", provider="eu", model="large-2026", jurisdiction="EU")],
            rules=["access:staff", "guard:email"],
            request_bytes=4096,
            redactions=1,
            findings=[
                audit_pb2.Finding(
                    detector=detector,
                    detector_version="3",
                    data_class=data_class,
                    place="/messages/2/content",
                    start=17,
                    end=40,
                    confidence=0.9,
                    action=action,
                    fingerprint="c0ffee",
                    role="user",
                )
                for detector, data_class, action in FINDINGS
            ],
        ),
    )


def refused() -> Event:
    return event(
        EventName.DECISION_REFUSED,
        decision=audit_pb2.Decision(
            action="refuse",
            http_status=429,
            reason="budget_exhausted",
            refused_at="budget",
            source_address="2001:db8::1",
        ),
    )


def settled() -> Event:
    return event(
        EventName.OUTCOME_SETTLED,
        outcome=audit_pb2.Outcome(
            http_status=200,
            cluster="eu/large",
            provider="eu",
            model="large-2026",
            jurisdiction="EU",
            attempts=2,
            input_tokens=812,
            output_tokens=120,
            cost_nano=12_345_678,
            currency="EUR",
            flags=["usage_estimated"],
            duration_ns=1_500_000_000,
        ),
    )


def order(name: EventName) -> Event:
    return event(
        name,
        order=audit_pb2.Order(
            scope="model",
            value="gpt-large",
            actor="ada",
            user="gateway",
            reason="incident 4711",
            actor_issuer="company",
        ),
    )


def accepted(party_kind: str = "team") -> Event:
    return event(
        EventName.AGREEMENT_ACCEPTED,
        consent=audit_pb2.Consent(
            agreement="terms", version="2", party_kind=party_kind, party="payments", actor="ada", reason="read it"
        ),
    )


def alerted() -> Event:
    return event(
        EventName.THRESHOLD_REACHED,
        alert=audit_pb2.Alert(
            id="a1",
            kind="threshold",
            budget="per-team",
            scope="team",
            value="payments",
            period="2026-11",
            currency="EUR",
            threshold_percent=80,
            limit_nano=500,
            posted_nano=401,
        ),
    )


def all_kinds() -> list[Event]:
    requests = [
        forwarded(),
        refused(),
        event(EventName.DECISION_ANSWERED, decision=audit_pb2.Decision(action="answer", endpoint="/v1/models")),
        event(EventName.DECISION_REFUSED, decision=audit_pb2.Decision()),
        settled(),
        event(EventName.ENVOY_REFUSED, outcome=audit_pb2.Outcome(http_status=401, reason="jwt_authn_access_denied")),
    ]
    orders = [order(name) for name in EventName if name.split(":")[0] not in ("request", "response", "shadow", "envoy")]
    bare = [event(name, order=audit_pb2.Order()) for name in (EventName.LOGIN_MADE, EventName.STOP_SET)]
    return [*requests, *orders, *bare, accepted(), accepted("person"), alerted(), event("later:thing:happened")]
