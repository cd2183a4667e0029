"""What the measurement of inspected streams makes of what it has seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.inspected_streams import BARE, ENFORCED, NOTED, UNREAD, inspecting, messages_sent, report, row
from benchmarks.streams import StreamsResult

STATISTICS = """http.public.ext_proc.stream_msgs_sent: 400
http.loopback.ext_proc.stream_msgs_sent: 7
http.loopback.ext_proc.stream_msgs_received: 9
"""


def test_a_row_counts_per_word_and_per_stream() -> None:
    result = StreamsResult(10, 1, 4.0, 2000, first_ms=(1.0, 2.0, 3.0), gaps_ms=(19.0, 20.0, 25.0))
    made = row(ENFORCED, result, {"envoy": 0.1, "processors": 0.3}, messages=1200, mib=(100.0, 105.0))
    assert (made.streams, made.failures) == (10, 1)
    assert made.words_per_second == 500
    assert made.words_per_core_second == pytest.approx(5000)
    assert made.envoy_us == pytest.approx(50)
    assert made.processor_us == pytest.approx(150)
    assert (made.messages_per_stream, made.stream_kib, made.peak_mib) == (120, 512, 105)
    assert (made.first_ms, made.gap_p50_ms) == (2.0, 20.0)
    assert ENFORCED in report([made])


def test_streams_without_a_word_have_no_cost_to_share() -> None:
    made = row(BARE, StreamsResult(1, 1, 1.0, 0, (), ()), {}, 0, (0.0, 0.0))
    assert (made.failures, made.words_per_second) == (1, 0)


def test_messages_are_those_of_all_listeners() -> None:
    assert messages_sent(STATISTICS) == 407
    assert messages_sent("") == 0


@pytest.mark.parametrize(("case", "inspects"), [(UNREAD, False), (NOTED, True), (ENFORCED, True)])
def test_answers_are_read_as_the_case_says(case: str, inspects: bool, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text("deadline_ms: 1000\n")
    inspecting(case)(tmp_path)
    guard = yaml.safe_load((tmp_path / "guard.yaml").read_text())
    assert bool(guard.get("responses", {}).get("inspect")) is inspects
    assert guard["deadline_ms"] == 1000
