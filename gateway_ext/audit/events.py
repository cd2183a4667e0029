"""Every event name of the audit trail, as `subject:object:action`. Names are never reused for something else."""

from __future__ import annotations

from enum import StrEnum


class EventName(StrEnum):
    DECISION_FORWARDED = "request:decision:forwarded"
    DECISION_ANSWERED = "request:decision:answered"
    DECISION_REFUSED = "request:decision:refused"
    CONTENT_SCORED = "request:content:scored"
    ANSWER_INSPECTED = "response:decision:inspected"
    OUTCOME_SETTLED = "request:outcome:settled"
    OUTCOME_UNPRICED = "request:outcome:unpriced"
    OUTCOME_RECOVERED = "request:outcome:recovered"
    ENVOY_REFUSED = "envoy:request:refused"
    STOP_SET = "standing:stop:set"
    STOP_UNDONE = "standing:stop:undone"
    CREDENTIAL_REVOKED = "standing:credential:revoked"
    CREDENTIAL_RESTORED = "standing:credential:restored"
    PERSON_DISABLED = "standing:person:disabled"
    PERSON_ENABLED = "standing:person:enabled"
    STANDING_MADE = "standing:store:made"
    STANDING_FAILED = "standing:change:failed"
    AGREEMENT_ACCEPTED = "consent:agreement:accepted"
    AGREEMENT_WITHDRAWN = "consent:agreement:withdrawn"
    CONSENT_MADE = "consent:store:made"
    CONSENT_FAILED = "consent:change:failed"
    CREDENTIAL_MINTED = "credentials:credential:minted"
    SIGNING_KEY_ROTATED = "credentials:key:rotated"
    SIGNING_KEYS_REPLACED = "credentials:key:replaced"
    LOGIN_MADE = "console:login:made"
    LOGIN_REFUSED = "console:login:refused"
    LOGIN_ENDED = "console:login:ended"
    CONSOLE_DENIED = "console:request:denied"
