"""Every name that metrics and spans are exported under: gen_ai.* where OpenTelemetry has one, gateway.* for the rest.

The gen_ai names are of OpenTelemetry's GenAI semantic conventions, which are still in development; they may change here (or
in audit/semconv.py, whose names spans carry, too) and nowhere else. No attribute is about a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.audit import semconv

SCOPE = "gateway_ext.telemetry"

# Attributes of metrics. Those of audit/semconv.py have the same meaning here.
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  (input or output)
ERROR_TYPE = "error.type"
TEAM = "gateway.principal.team"
SHADOW = "gateway.shadow"
DATA_CLASS = "gateway.guard.data_class"
DETECTOR = "gateway.guard.detector"
GUARD_ACTION = "gateway.guard.action"
GUARD_SIDE = "gateway.guard.side"  # request | answer
FLAG = "gateway.outcome.flag"
OUTCOME_REASON = "gateway.outcome.reason"
EVENT = "gateway.event"
OUTPUT = "gateway.output"
DIGEST = "gateway.policy.digest"
BUDGET = "gateway.budget.name"
BUDGET_SCOPE = "gateway.budget.scope"
BUDGET_VALUE = "gateway.budget.value"
RESULT = "gateway.telemetry.result"  # exported | dropped

# Of spans alone.
OUTCOME_MISSING = "gateway.exchange.outcome_missing"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
COUNT = "gateway.guard.count"
DECIDED = "gateway.decision"  # the events of a span
FOUND = "gateway.guard.finding"

ON_SPANS = frozenset(
    {
        OPERATION, PROVIDER, TEAM, DIGEST, OUTCOME_REASON,
        semconv.EXCHANGE_ID, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL, semconv.IS_STREAM, semconv.ENDPOINT,
        semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS, "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.reasoning.output_tokens",
        semconv.HTTP_STATUS, semconv.ACTION, semconv.REASON, semconv.REFUSED_AT, semconv.SHADOW_OF, semconv.REQUEST_BYTES,
        "gateway.interface", "gateway.guard.redactions", "gateway.route.sovereign", "gateway.route.jurisdiction",
        "gateway.route.attempts", "gateway.route.tried", semconv.CLUSTER, semconv.FLAGS, semconv.COST_NANO, semconv.CURRENCY,
    }
)  # fmt: skip
"""What a span takes over from the audit records. Whoever asked, from where and by which credential is not among it."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`unit` is UCUM's; a unit in braces is only a note. `bounds`: of a histogram's buckets, in that unit."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(float(4**power) for power in range(14))

# Histograms. The bounds of the first three are those that the conventions advise.
TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage", "{token}", "Tokens of an exchange, of the input or the output.", _TOKENS
)
DURATION = Metric("gen_ai.client.operation.duration", "s", "From a request to the end of its answer.", _SECONDS)
FIRST_CHUNK = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "From a request to the first byte of a streamed answer.",
    _SECONDS,
)
DECISION_DURATION = Metric(
    "gateway.decision.duration", "s", "What deciding about a request, or inspecting its answer, took.",
    (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096),
)  # fmt: skip

# Counters.
REQUESTS = Metric("gateway.requests", "{request}", "Requests that were decided about.")
COST = Metric("gateway.cost", "{currency}", "Money charged, in whole units of the currency.")
FINDINGS = Metric("gateway.guard.findings", "{finding}", "What the Guard has found.")
ATTEMPTS = Metric("gateway.route.attempts", "{attempt}", "Deployments tried, for the exchanges that have ended.")
FLAGS = Metric("gateway.outcome.flags", "{exchange}", "Exchanges that ended with a flag.")
ENVOY_REFUSALS = Metric("gateway.envoy.refusals", "{request}", "Requests that Envoy refused by itself.")
RECORDS = Metric("gateway.audit.records", "{record}", "Records written to the audit trail.")
MISSED = Metric("gateway.telemetry.missed", "{record}", "Records of the trail that are missing in these metrics.")
SPANS = Metric("gateway.telemetry.spans", "{span}", "Spans handed to the collector, or dropped.")

# Gauges.
LAG = Metric("gateway.audit.lag", "By", "Bytes of the audit trail that an output has not acknowledged yet.")
SPOOL_FILL = Metric("gateway.audit.spool.fill", "1", "What waits for the slowest output, as a part of spool_bytes_max.")
CHECKPOINT_AGE = Metric("gateway.audit.checkpoint.age", "s", "Since the last signed checkpoint of a log.")
CHECKPOINT_RECORDS = Metric("gateway.audit.checkpoint.records", "{record}", "Records that checkpoint covers.")
EXCHANGES_OPEN = Metric("gateway.exchanges.open", "{exchange}", "Exchanges forwarded whose end is not recorded yet.")
POLICY = Metric("gateway.policy.info", "", "1, for the policy in force.")
BUDGET_LIMIT = Metric(
    "gateway.budget.limit", "{currency}", "What may be spent in this period, carried over and topped up."
)
BUDGET_POSTED = Metric("gateway.budget.posted", "{currency}", "What was spent in this period.")
BUDGET_HELD = Metric("gateway.budget.held", "{currency}", "What is held on top for requests under way.")

COUNTERS = (REQUESTS, COST, FINDINGS, ATTEMPTS, FLAGS, ENVOY_REFUSALS, RECORDS, MISSED, SPANS)
HISTOGRAMS = (TOKEN_USAGE, DURATION, FIRST_CHUNK, DECISION_DURATION)
GAUGES = (
    LAG, SPOOL_FILL, CHECKPOINT_AGE, CHECKPOINT_RECORDS, EXCHANGES_OPEN, POLICY, BUDGET_LIMIT, BUDGET_POSTED, BUDGET_HELD,
)  # fmt: skip
