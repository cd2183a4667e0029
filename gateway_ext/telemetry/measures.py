"""Counters and histograms, fed by audit records: their sums are sums over the records."""

from __future__ import annotations

from collections import defaultdict

from opentelemetry.metrics import Meter

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.limits import METRIC_VALUES_MAX, NANO
from gateway_ext.telemetry import names
from gateway_ext.telemetry.exchanges import ENDED_BY_US, FORWARDED, Exchange, is_end
from gateway_ext.telemetry.names import Metric
from gateway_ext.wire import audit_pb2

OTHER = "other"
_SHADOWS = frozenset({EventName.SHADOW_FORWARDED, EventName.SHADOW_REFUSED})


class Measures:
    """Of each attribute whose values come from policy or claims, the first METRIC_VALUES_MAX keep their names.

    The further ones are `other`. The SDK bounds the series of each instrument besides (`otel.metric.overflow`).
    """

    def __init__(self, meter: Meter) -> None:
        self._counters = {each: meter.create_counter(each.name, each.unit, each.description) for each in names.COUNTERS}
        self._histograms = {
            each: meter.create_histogram(
                each.name, each.unit, each.description, explicit_bucket_boundaries_advisory=each.bounds
            )
            for each in names.HISTOGRAMS
        }
        self._known: defaultdict[str, set[str]] = defaultdict(set)

    def record(self, event: Event) -> None:
        """What a record says by itself."""
        self._count(names.RECORDS, 1, {names.EVENT: event.name, semconv.PROCESS: event.processor})
        if event.name in FORWARDED or event.name in ENDED_BY_US:
            self._decided(event)
        elif event.name == EventName.ANSWER_INSPECTED:
            self._judged(event.decision, "answer")
        elif event.name == EventName.ENVOY_REFUSED:
            self._count(names.ENVOY_REFUSALS, 1, {names.OUTCOME_REASON: event.outcome.reason})
        if is_end(event):
            for flag in event.outcome.flags:
                self._count(names.FLAGS, 1, {names.FLAG: flag})

    def ended(self, exchange: Exchange) -> None:
        """What an exchange with an outcome says: its model is known from the decision, its figures from the outcome."""
        if exchange.outcome is None:
            return
        decision = exchange.decision.decision if exchange.decision is not None else audit_pb2.Decision()
        outcome = exchange.outcome.outcome
        served = {
            names.OPERATION: semconv.operation(decision.endpoint) or "",
            names.PROVIDER: outcome.provider,
            semconv.REQUEST_MODEL: decision.model,
            semconv.RESPONSE_MODEL: outcome.model,
        }
        if outcome.input_tokens or outcome.output_tokens:
            self._observe(names.TOKEN_USAGE, outcome.input_tokens, {**served, names.TOKEN_TYPE: "input"})
            self._observe(names.TOKEN_USAGE, outcome.output_tokens, {**served, names.TOKEN_TYPE: "output"})
        if outcome.duration_ns:  # a hold that expired tells no time
            self._observe(names.DURATION, outcome.duration_ns / NANO, {**served, names.ERROR_TYPE: error_type(outcome)})
        if decision.stream and outcome.time_to_first_byte_ns and outcome.http_status == 200:
            self._observe(names.FIRST_CHUNK, outcome.time_to_first_byte_ns / NANO, served)
        self._count(names.ATTEMPTS, outcome.attempts, {k: served[k] for k in (names.PROVIDER, semconv.REQUEST_MODEL)})
        if outcome.currency:
            charged = {
                semconv.CURRENCY: outcome.currency,
                names.PROVIDER: outcome.provider,
                semconv.REQUEST_MODEL: decision.model,
                names.TEAM: decision.principal.team,
                names.SHADOW: _yes_no("shadow" in outcome.flags),
            }
            self._count(names.COST, outcome.cost_nano / NANO, charged)

    def missed(self, records: int) -> None:
        self._count(names.MISSED, records, {})

    def spans(self, exported: int, dropped: int) -> None:
        self._count(names.SPANS, exported, {names.RESULT: "exported"})
        self._count(names.SPANS, dropped, {names.RESULT: "dropped"})

    def _decided(self, event: Event) -> None:
        decision = event.decision
        attributes = {
            semconv.ACTION: decision.action,
            semconv.REASON: decision.reason,
            semconv.REQUEST_MODEL: decision.model,
            names.PROVIDER: decision.candidates[0].provider if decision.candidates else "",
            names.TEAM: decision.principal.team,
            names.SHADOW: _yes_no(event.name in _SHADOWS),
        }
        self._count(names.REQUESTS, 1, attributes)
        self._judged(decision, "request")

    def _judged(self, decision: audit_pb2.Decision, side: str) -> None:
        self._observe(names.DECISION_DURATION, decision.duration_ns / NANO, {semconv.ACTION: decision.action})
        for finding in decision.findings:
            attributes = {
                names.DATA_CLASS: finding.data_class,
                names.DETECTOR: finding.detector,
                names.GUARD_ACTION: finding.action,
                names.GUARD_SIDE: side,
            }
            self._count(names.FINDINGS, 1, attributes)

    def _count(self, metric: Metric, amount: float, attributes: dict[str, str]) -> None:
        self._counters[metric].add(amount, self._bounded(attributes))

    def _observe(self, metric: Metric, value: float, attributes: dict[str, str]) -> None:
        self._histograms[metric].record(value, self._bounded(attributes))

    def _bounded(self, attributes: dict[str, str]) -> dict[str, str]:
        return {name: self._named(name, value) for name, value in attributes.items()}

    def _named(self, attribute: str, value: str) -> str:
        known = self._known[attribute]
        if value not in known:
            if len(known) >= METRIC_VALUES_MAX:
                return OTHER
            known.add(value)
        return value


def error_type(outcome: audit_pb2.Outcome) -> str:
    """The HTTP status of an error, or the flag of an answer that did not come whole; "" when all went well."""
    if outcome.http_status >= 400:
        return str(outcome.http_status)
    return "" if outcome.saw_end_of_stream else next(iter(outcome.flags), "interrupted")


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
