from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import UInt32Value

from gateway_ext.exchange import Estimate, Usage
from gateway_ext.extproc.access_log import outcomes
from gateway_ext.wire import access_log_pb2 as pb


def entry(**parts: Any) -> pb.HTTPAccessLogEntry:
    logged = pb.HTTPAccessLogEntry()
    logged.response.response_code.CopyFrom(UInt32Value(value=parts.get("status", 200)))
    logged.response.response_code_details = parts.get("details", "via_upstream")
    logged.response.response_body_bytes = 300
    logged.request.request_body_bytes = 900
    logged.common_properties.upstream_cluster = parts.get("cluster", "fr/large")
    logged.common_properties.upstream_request_attempt_count = 2
    logged.common_properties.duration.FromMilliseconds(1500)
    for flag in parts.get("flags", ()):
        setattr(logged.common_properties.response_flags, flag, True)
    for namespace in ("gw.plan", "gw.usage"):
        if namespace in parts.get("metadata", {}):
            logged.common_properties.metadata.filter_metadata[namespace].update(parts["metadata"][namespace])
    return logged


def read(logged: pb.HTTPAccessLogEntry) -> Any:
    message = pb.StreamAccessLogsMessage(http_logs=pb.StreamAccessLogsMessage.HTTPAccessLogEntries(log_entry=[logged]))
    return next(outcomes(message))


PLAN = {"id": "e1", "hold": "e1", "input_tokens_max": 900.0, "output_tokens_max": 50.0}


def test_a_metered_exchange() -> None:
    usage = {"input_tokens": 12.0, "output_tokens": 3.0, "cached_input_tokens": 4.0}
    outcome, bounds = read(entry(metadata={"gw.plan": PLAN, "gw.usage": usage}))
    assert (outcome.exchange_id, outcome.hold_id, outcome.cluster) == ("e1", "e1", "fr/large")
    assert outcome.usage == Usage(12, 3, 4)
    assert bounds == Estimate(900, 50)
    assert outcome.attempts == 2
    assert outcome.duration_ns == 1_500_000_000
    assert outcome.saw_end_of_stream
    assert outcome.reason == ""


def test_where_a_request_came_from_is_told_of_those_that_no_processor_knew() -> None:
    for plan, told in ({}, "192.0.2.7"), ({"gw.plan": PLAN}, ""):
        logged = entry(metadata=plan)
        logged.common_properties.downstream_remote_address.socket_address.address = "192.0.2.7"
        assert read(logged)[0].source_address == told


KINDS = {"cache_write_tokens": 2, "reasoning_tokens": 3, "audio_input_tokens": 4, "image_output_tokens": 1}


def test_every_kind_of_token_the_other_dialect_or_the_processor_tells_of() -> None:
    told = {"input_tokens": 12.0, "output_tokens": 3.0, **{name: float(tokens) for name, tokens in KINDS.items()}}
    outcome, _ = read(entry(metadata={"gw.plan": PLAN, "gw.usage": told}))
    assert outcome.usage == Usage(12, 3, is_estimated=False, **KINDS)


def test_more_of_a_kind_than_there_is_at_all_is_not_believed() -> None:
    told = {"input_tokens": 12.0, "output_tokens": 3.0, "audio_input_tokens": 13.0, "reasoning_tokens": 4.0}
    outcome, _ = read(entry(metadata={"gw.plan": PLAN, "gw.usage": told}))
    assert outcome.usage == Usage(12, 3)


def test_what_was_counted_on_the_way_to_a_caller_who_left() -> None:
    logged = entry(metadata={"gw.plan": PLAN, "gw.usage": {"seen_tokens": 17.0}}, flags=["downstream_remote_reset"])
    outcome, _ = read(logged)
    assert (outcome.usage, outcome.output_tokens_seen) == (None, 17)
    outcome, _ = read(entry(metadata={"gw.plan": PLAN}))
    assert outcome.output_tokens_seen is None


@pytest.mark.parametrize(("last_milliseconds", "served_ms"), [(1_400, 1_150), (None, 1_250)])
def test_how_long_the_provider_took(last_milliseconds: int | None, served_ms: int) -> None:
    """From the request's first byte to the answer's last, or to the end when there was none."""
    logged = entry()
    logged.common_properties.time_to_first_upstream_tx_byte.FromMilliseconds(250)
    if last_milliseconds is not None:
        logged.common_properties.time_to_last_upstream_rx_byte.FromMilliseconds(last_milliseconds)
    assert read(logged)[0].served_ns == served_ms * 1_000_000


def test_a_request_that_nobody_served_took_no_time() -> None:
    assert read(entry())[0].served_ns == 0


def test_embeddings_have_no_output() -> None:
    outcome, _ = read(entry(metadata={"gw.plan": PLAN, "gw.usage": {"input_tokens": 12.0}}))
    assert outcome.usage == Usage(12, 0)


MESSAGE_PLAN = PLAN | {"path": "/messages"}
CACHE = {"cache_read_tokens": 10.0, "cache_written_tokens": 8.0}


@pytest.mark.parametrize(
    ("counted", "usage"),
    [
        ({"input_tokens": 12.0, "output_tokens": 3.0, **CACHE}, Usage(30, 3, 10, cache_write_tokens=8)),
        (
            {"input_tokens": 12.0, "output_tokens": 3.0, **CACHE, "cache_written_1h_tokens": 5.0},
            Usage(30, 3, 10, cache_write_tokens=8, cache_write_1h_tokens=5),
        ),
        (
            {"input_tokens": 12.0, "output_tokens": 3.0, **CACHE, "cache_written_1h_tokens": 9.0},
            Usage(30, 3, 10, cache_write_tokens=8),
        ),
        ({"input_tokens": 12.0, "output_tokens": 3.0}, Usage(12, 3, 0)),
        ({"started_input_tokens": 12.0, "output_tokens": 3.0, **CACHE}, Usage(30, 3, 10, cache_write_tokens=8)),
        ({"started_input_tokens": 12.0, "input_tokens": 13.0, "output_tokens": 3.0}, Usage(13, 3, 0)),
        ({"started_input_tokens": 12.0, **CACHE}, Usage(30, 0, 10, is_estimated=True, cache_write_tokens=8)),
        ({"input_tokens": 30.0, "output_tokens": 3.0, "cached_input_tokens": 10.0, **CACHE}, Usage(30, 3, 10)),
        ({}, None),
    ],
    ids=[
        "whole",
        "an_hour",
        "more_than_written",
        "without_cache",
        "stream",
        "stream_with_input_again",
        "cut_off",
        "read_by_the_processor",
        "nothing",
    ],
)
def test_messages_count_the_cache_apart(counted: dict[str, float], usage: Usage | None) -> None:
    outcome, _ = read(entry(metadata={"gw.plan": MESSAGE_PLAN, "gw.usage": counted}))
    assert outcome.usage == usage


@pytest.mark.parametrize("told", [{}, {"gw.usage": {"input_tokens": 12.0}}])
def test_a_count_has_used_nothing(told: dict[str, Any]) -> None:
    outcome, _ = read(entry(metadata={"gw.plan": PLAN | {"path": "/messages/count_tokens"}, **told}))
    assert outcome.usage == Usage(0, 0)


def test_counts_of_the_cache_mean_nothing_in_the_other_dialect() -> None:
    counted = {"input_tokens": 12.0, "output_tokens": 3.0, **CACHE}
    outcome, _ = read(entry(metadata={"gw.plan": PLAN | {"path": "/chat/completions"}, "gw.usage": counted}))
    assert outcome.usage == Usage(12, 3, 0)


@pytest.mark.parametrize("flag", ["half_stream", "stream_malformed", "stream_over_hold", "stream_too_long"])
def test_what_the_processor_read_in_the_response(flag: str) -> None:
    outcome, _ = read(entry(metadata={"gw.plan": PLAN, "gw.usage": {"flag": flag}}))
    assert (outcome.usage, outcome.flags, outcome.saw_end_of_stream) == (None, (flag,), False)


def test_the_outcome_of_a_copy_says_so() -> None:
    outcome, _ = read(entry(metadata={"gw.plan": PLAN | {"shadow": "exchange"}}))
    assert outcome.flags == ("shadow",)
    assert outcome.saw_end_of_stream


def test_a_flag_that_is_none_of_ours() -> None:
    outcome, _ = read(entry(metadata={"gw.plan": PLAN, "gw.usage": {"flag": "text"}}))
    assert outcome.flags == ()


@pytest.mark.parametrize("metadata", [{}, {"gw.usage": {}}, {"gw.usage": {"model": "x"}}])
def test_usage_nobody_reported(metadata: dict[str, Any]) -> None:
    outcome, _ = read(entry(metadata=metadata))
    assert outcome.usage is None


@pytest.mark.parametrize("absurd", [-1.0, float("nan"), float("inf"), 1e300])
def test_absurd_counts_are_nothing(absurd: float) -> None:
    outcome, _ = read(entry(metadata={"gw.usage": {"input_tokens": absurd, "output_tokens": 7.0}}))
    assert outcome.usage == Usage(0, 7)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("downstream_connection_termination", "client_aborted"),
        ("downstream_remote_reset", "client_aborted"),
        ("upstream_connection_termination", "upstream_reset"),
        ("stream_idle_timeout", "timeout"),
    ],
)
def test_an_exchange_cut_short(flag: str, name: str) -> None:
    outcome, _ = read(entry(flags=[flag]))
    assert outcome.flags == (name,)
    assert not outcome.saw_end_of_stream


def test_envoys_own_refusal_keeps_its_constant_reason_only() -> None:
    outcome, _ = read(entry(status=401, cluster="", details="jwt_authn_access_denied{Jwt_is_expired:secret}"))
    assert outcome.reason == "jwt_authn_access_denied"
    assert outcome.exchange_id == ""


def test_caller_who_left_without_an_answer_has_a_reason() -> None:
    outcome, _ = read(entry(status=0, cluster="", details="downstream_remote_disconnect"))
    assert (outcome.http_status, outcome.reason) == (0, "downstream_remote_disconnect")


def test_the_deny_cluster_is_no_upstream() -> None:
    outcome, _ = read(entry(status=503, cluster="deny"))
    assert outcome.cluster == ""
