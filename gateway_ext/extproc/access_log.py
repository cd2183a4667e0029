"""From an entry of Envoy's gRPC access log to the Outcome of an exchange. The only importer of access_log_pb2."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from gateway_ext.exchange import OUTPUT_KINDS, TOKEN_KINDS, Endpoint, Estimate, Outcome, Usage
from gateway_ext.limits import NANO
from gateway_ext.wire import access_log_pb2 as pb

_DENY_CLUSTER = "deny"
_FLAGS = {
    "downstream_connection_termination": "client_aborted",
    "downstream_remote_reset": "client_aborted",
    "upstream_remote_reset": "upstream_reset",
    "upstream_connection_termination": "upstream_reset",
    "upstream_protocol_error": "upstream_protocol_error",
    "upstream_request_timeout": "timeout",
    "stream_idle_timeout": "timeout",
    "duration_timeout": "timeout",
    "upstream_max_stream_duration_reached": "timeout",
    "upstream_retry_limit_exceeded": "retries_exhausted",
    "local_reset": "local_reset",
    "overload_manager": "overloaded",
}
_WITHHELD_FLAGS = frozenset(
    {"answer_blocked", "answer_uninspected", "credential_revoked", "person_disabled", "stopped"}
)
_READING_FLAGS = (
    frozenset({"half_stream", "stream_malformed", "stream_over_hold", "stream_too_long"}) | _WITHHELD_FLAGS
)  # of Reading
_CUT_SHORT = _READING_FLAGS | {"client_aborted", "upstream_reset", "upstream_protocol_error", "timeout", "local_reset"}


def outcomes(message: pb.StreamAccessLogsMessage) -> Iterator[tuple[Outcome, Estimate]]:
    """Each logged exchange, with the bounds that were reserved for it (zeros when nothing was)."""
    for entry in message.http_logs.log_entry:
        yield _outcome(entry)


def _outcome(entry: pb.HTTPAccessLogEntry) -> tuple[Outcome, Estimate]:
    common = entry.common_properties
    metadata = common.metadata.filter_metadata
    plan = metadata["gw.plan"] if "gw.plan" in metadata else Struct()
    usage = metadata["gw.usage"] if "gw.usage" in metadata else Struct()
    flags = _flags(common.response_flags)
    if (flag := _text(usage, "flag")) in _READING_FLAGS:
        flags = (*flags, flag)
    if "shadow" in plan.fields:
        flags = (*flags, "shadow")
    http_status = entry.response.response_code.value
    outcome = Outcome(
        exchange_id=_text(plan, "id"),
        hold_id=_text(plan, "hold"),
        http_status=http_status,
        cluster="" if common.upstream_cluster == _DENY_CLUSTER else common.upstream_cluster,
        usage=_usage_of(_wire(plan, common.upstream_cluster), usage),
        request_bytes=entry.request.request_body_bytes,
        response_bytes=entry.response.response_body_bytes,
        attempts=common.upstream_request_attempt_count,
        duration_ns=_nanoseconds(common.duration),
        time_to_first_byte_ns=_nanoseconds(common.time_to_first_downstream_tx_byte),
        saw_end_of_stream=_CUT_SHORT.isdisjoint(flags),
        settled_by="access_log",
        flags=flags,
        reason=_reason(http_status, entry.response.response_code_details),
        served_ns=_served_ns(common),
        output_tokens_seen=_count(usage, "seen_tokens") if "seen_tokens" in usage.fields else None,
        tried=_clusters(metadata["gw.route"]) if common.upstream_request_attempt_count > 1 else (),
        # Of others the decision tells it.
        source_address="" if "id" in plan.fields else common.downstream_remote_address.socket_address.address,
    )
    return outcome, Estimate(_count(plan, "input_tokens_max"), _count(plan, "output_tokens_max"))


def _wire(plan: Struct, cluster: str) -> str:
    """The wire format in which `cluster` was asked, and so says what it used; "" when nothing was asked."""
    wires = plan.fields["wires"].struct_value if "wires" in plan.fields else Struct()
    path = _text(plan, "path")
    return _text(wires, cluster) or (f"/v1{path}" if path else "")


def _clusters(route: Struct) -> tuple[str, ...]:
    """Those of the verdict, in the order of attempts."""
    return tuple(
        group.struct_value.fields["clusters"].list_value.values[0].struct_value.fields["cluster_name"].string_value
        for group in route.fields["priority_groups"].list_value.values
    )


def _flags(flags: pb.ResponseFlags) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_FLAGS[field.name] for field, _ in flags.ListFields() if field.name in _FLAGS))


def _usage_of(wire: str, struct: Struct) -> Usage | None:
    """What a deployment that was asked in this wire format says that it used."""
    if wire == Endpoint.COUNT_TOKENS:
        return Usage(0, 0)  # no model has read what is counted
    return _message_usage(struct) if wire == Endpoint.MESSAGES else _usage(struct)


def _usage(struct: Struct) -> Usage | None:
    if "input_tokens" not in struct.fields and "output_tokens" not in struct.fields:
        return None
    input_tokens, output_tokens = _count(struct, "input_tokens"), _count(struct, "output_tokens")
    kinds = {
        name: _part(struct, name, output_tokens if name in OUTPUT_KINDS else input_tokens)
        for name in TOKEN_KINDS
        if name in struct.fields
    }
    cached_tokens = _part(struct, "cached_input_tokens", input_tokens)
    return Usage(input_tokens, output_tokens, cached_tokens, is_estimated=False, **kinds)


def _message_usage(struct: Struct) -> Usage | None:
    """Of Anthropic's dialect, in which what went through the cache counts apart; Envoy cannot add, the processor does."""
    if "cached_input_tokens" in struct.fields:
        return _usage(struct)
    if "output_tokens" not in struct.fields and "started_input_tokens" not in struct.fields:
        return None
    fresh = _count(struct, "input_tokens" if "input_tokens" in struct.fields else "started_input_tokens")
    cached, written = _count(struct, "cache_read_tokens"), _count(struct, "cache_written_tokens")
    return Usage(
        fresh + cached + written,
        _count(struct, "output_tokens"),
        cached,
        is_estimated="output_tokens" not in struct.fields,  # cut off behind its start, which says what came in
        cache_write_tokens=written,
        cache_write_1h_tokens=_part(struct, "cache_written_1h_tokens", written),
    )


def _served_ns(common: pb.AccessLogCommon) -> int:
    """How long the last deployment that was tried has worked; 0 when none was."""
    if not common.HasField("time_to_first_upstream_tx_byte"):
        return 0
    is_whole = common.HasField("time_to_last_upstream_rx_byte")
    ended = common.time_to_last_upstream_rx_byte if is_whole else common.duration
    return max(0, _nanoseconds(ended) - _nanoseconds(common.time_to_first_upstream_tx_byte))


def _text(struct: Struct, name: str) -> str:
    return struct.fields[name].string_value if name in struct.fields else ""


def _count(struct: Struct, name: str) -> int:
    # Doubles: whatever a provider puts there, a count is a finite, non-negative number below 2^53.
    number = struct.fields[name].number_value if name in struct.fields else 0.0
    return int(number) if 0 <= number < 2**53 else 0


def _part(struct: Struct, name: str, whole: int) -> int:
    """A count of what cannot be more than `whole`; 0 when it is, or absent."""
    count = _count(struct, name)
    return count if count <= whole else 0


def _nanoseconds(duration: Duration) -> int:
    return duration.seconds * NANO + duration.nanos


def _reason(http_status: int, details: str) -> str:
    # Details are Envoy's constants and ours, but a filter might put more behind a colon or brace: keep the constant.
    if 0 < http_status < 400:  # 0: nobody was answered, as when the caller leaves early
        return ""
    head = details.partition("{")[0].partition(":")[0]
    return "".join(letter for letter in head if letter.isalnum() or letter in "_.-")[:64]
