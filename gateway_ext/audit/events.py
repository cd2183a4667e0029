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
