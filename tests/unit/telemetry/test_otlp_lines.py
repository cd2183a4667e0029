from pathlib import Path

import orjson
import pytest

from gateway_ext.telemetry.otlp_lines import LogLine, last_log_lines


def line(name: str, *attributes: tuple[str, dict[str, object]]) -> bytes:
    record = {
        "timeUnixNano": "12",
        "eventName": name,
        "attributes": [{"key": key, "value": value} for key, value in attributes],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
    return orjson.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}) + b"\n"


def test_values_come_back_typed(tmp_path: Path) -> None:
    path = tmp_path / "sink.jsonl"
    path.write_bytes(
        line(
            "a",
            ("text", {"stringValue": "t"}),
            ("number", {"intValue": "9007199254740993"}),
            ("ratio", {"doubleValue": 0.5}),
            ("flag", {"boolValue": False}),
            (
                "list",
                {"arrayValue": {"values": [{"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}]}},
            ),
            ("empty", {"arrayValue": {}}),
            ("nothing", {}),
        )
    )
    values = {
        "text": "t",
        "number": 9007199254740993,
        "ratio": 0.5,
        "flag": False,
        "list": [{"k": 1}],
        "empty": [],
        "nothing": None,
    }
    assert last_log_lines(path, 5) == [LogLine(12, "a", {"service.name": "s"}, values)]


@pytest.mark.parametrize("count", [1, 3, 500, 2_000, 5_000])
def test_the_last_lines_of_a_long_file(count: int, tmp_path: Path) -> None:
    path = tmp_path / "sink.jsonl"
    path.write_bytes(b"".join(line(str(number)) for number in range(2_000)))
    assert [record.event_name for record in last_log_lines(path, count)] == [
        str(number) for number in range(max(0, 2_000 - count), 2_000)
    ]


@pytest.mark.parametrize("torn", [b'{"resourceLogs":[{"sco', b"[]", b"{}", b"\xff"])
def test_a_torn_line_is_left_out(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sink.jsonl"
    path.write_bytes(line("a") + torn + b"\n" + line("b"))
    assert [record.event_name for record in last_log_lines(path, 10)] == ["a", "b"]


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "sink.jsonl").touch()
    assert last_log_lines(tmp_path / "sink.jsonl", 10) == []
