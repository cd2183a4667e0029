"""The experiment of benchmarks/audit/collector_hour.py, shortened."""

from pathlib import Path

from benchmarks.audit.collector_hour import run_hour


async def test_delivered_is_written_to_every_output_while_each_receiver_fails(tmp_path: Path) -> None:
    hour = await run_hour(tmp_path, seconds=30, requests_per_second=20)
    assert hour.written == 1200
    assert {each.output for each in hour.results} == {"otlp", "ocsf", "syslog"}
    for each in hour.results:
        assert (each.delivered, each.gaps, each.is_in_order) == (1200, 0, True), each
    duplicates = {each.output: each.duplicates for each in hour.results}
    assert duplicates["otlp"] > 0, "it half-accepted, so some came twice"
    assert duplicates["ocsf"] == 0
    assert hour.waited_bytes_max > hour.left_bytes / 4, "it was away"
