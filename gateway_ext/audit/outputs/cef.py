"""Audit events in ArcSight's Common Event Format: `CEF:0|vendor|product|version|id|name|severity|key=value …`.

Keys are those of the CEF dictionary ("Implementing ArcSight CEF", version 26); what it has no key for stands in its custom
strings and numbers, each with a label. Everything else is in the OTLP and OCSF outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import SCHEMA_VERSION, Event
from gateway_ext.wire import audit_pb2

_VALUE_CHARACTERS_MAX = 1023  # the dictionary's bound for most strings
_SEVERITY = {False: 2, True: 6}  # Low and Medium, of 0 to 10
_ABSENT = ("", 0)


def to_cef(event: Event) -> str:
    """One line, without any line break. Values are shortened to the dictionary's bounds; ids never are."""
    header = ("gateway-ext", "gateway-ext", str(SCHEMA_VERSION), event.name, event.name.replace(":", " "))
    severity = _SEVERITY[semconv.is_noteworthy(event)]
    extension = " ".join(f"{key}={_escaped_value(str(value))}" for key, value in _fields(event) if value not in _ABSENT)
    return "|".join(("CEF:0", *map(_escaped_header, header), str(severity), extension))


def _escaped_header(text: str) -> str:
    return _printable(text.replace("\\", "\\\\").replace("|", "\\|"))


def _escaped_value(text: str) -> str:
    text = text[:_VALUE_CHARACTERS_MAX].replace("\\", "\\\\").replace("=", "\\=")
    return _printable(text.replace("\r", "\\r").replace("\n", "\\n"))


def _printable(text: str) -> str:
    """Subjects come from tokens: no control character of one may reach a line or a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _fields(event: Event) -> Iterator[tuple[str, str | int]]:
    yield "rt", event.time_unix_nano // 1_000_000
    yield "externalId", event.id
    yield "dvchost", event.processor
    yield from _labelled("cs1", "exchange", event.exchange_id)
    match event.WhichOneof("body"):
        case "decision":
            yield from _decision(event.decision)
        case "outcome":
            yield from _outcome(event.outcome)
        case "order":
            order = event.order
            yield from (("suser", order.actor), ("act", event.name.rpartition(":")[2]), ("msg", order.reason))
            yield from _labelled("cs2", "scope", order.scope)
            yield from _labelled("cs3", "value", order.value)
        case "consent":
            consent = event.consent
            yield from (("suser", consent.actor), ("duser", consent.party), ("msg", consent.reason))
            yield from (("act", event.name.rpartition(":")[2]),)
            yield from _labelled("cs2", "agreement", f"{consent.agreement} {consent.version}".strip())
        case "alert":
            alert = event.alert
            yield from _labelled("cs2", "budget", alert.budget)
            yield from _labelled("cs3", "account", f"{alert.scope} {alert.value}".strip())
            yield from _labelled("cs4", "period", alert.period)
            yield from _labelled("cn1", "threshold percent", alert.threshold_percent)
            yield from _labelled("cn2", "posted nano", alert.posted_nano)
            yield from _labelled("cn3", "limit nano", alert.limit_nano)


def _decision(decision: audit_pb2.Decision) -> Iterator[tuple[str, str | int]]:
    caller = decision.principal
    yield from (("suser", caller.subject), ("suid", caller.credential_id), ("sourceServiceName", caller.application))
    yield from _source(decision.source_address)
    yield from (("request", decision.endpoint), ("in", decision.request_bytes), ("act", decision.action))
    yield from (("outcome", "failure" if decision.action == "refuse" else "success"), ("reason", decision.reason))
    yield from _labelled("cs2", "model", decision.model)
    yield from _labelled("cs3", "deployments", " ".join(candidate.cluster for candidate in decision.candidates))
    yield from _labelled("cs4", "team", caller.team)
    yield from _labelled("cs5", "rules", " ".join(decision.rules))
    yield from _labelled("cs6", "findings", _summary(decision))
    yield from _labelled("flexString1", "policy", decision.policy_digest)
    yield from _labelled("cn1", "status", decision.http_status)
    yield from _labelled("cn2", "findings", len(decision.findings))


def _summary(decision: audit_pb2.Decision) -> str:
    """Such as `personal/email/redact*2`: class, detector, action and how often; never where or what."""
    kinds = Counter((each.data_class, each.detector, each.action) for each in decision.findings)
    return " ".join(f"{'/'.join(kind)}*{number}" for kind, number in sorted(kinds.items()))


def _outcome(outcome: audit_pb2.Outcome) -> Iterator[tuple[str, str | int]]:
    is_success = outcome.http_status and outcome.http_status < 400
    yield from (("outcome", "success" if is_success else "failure"), ("reason", outcome.reason))
    yield from (("destinationServiceName", outcome.provider), ("cnt", outcome.attempts))
    yield from _labelled("cs2", "model", outcome.model)
    yield from _labelled("cs3", "deployment", outcome.cluster)
    yield from _labelled("cs4", "jurisdiction", outcome.jurisdiction)
    yield from _labelled("cs5", "flags", " ".join(outcome.flags))
    yield from _labelled("cs6", "currency", outcome.currency)
    yield from _labelled("cn1", "status", outcome.http_status)
    yield from _labelled("cn2", "tokens", outcome.input_tokens + outcome.output_tokens)
    yield from _labelled("cn3", "cost nano", outcome.cost_nano)


def _labelled(key: str, label: str, value: str | int) -> Iterator[tuple[str, str | int]]:
    if value not in _ABSENT:
        yield from ((key, value), (f"{key}Label", label))


def _source(address: str) -> Iterator[tuple[str, str | int]]:
    """`src` takes IPv4 only; IPv6 has a custom key (c6a2). What is no address has no place."""
    try:
        version = ip_address(address).version
    except ValueError:
        return
    if version == 4:
        yield "src", address
    else:
        yield from _labelled("c6a2", "Source IPv6 Address", address)
