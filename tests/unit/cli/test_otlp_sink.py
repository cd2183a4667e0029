"""`gateway-ext otlp-sink`: a faulty address or file is told in words."""

import socket
from pathlib import Path

import pytest

from gateway_ext.cli.main import main


def test_a_busy_port_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        assert main(["otlp-sink", "--listen", address, "--file", str(tmp_path / "logs.jsonl")]) == 2
    assert address in capsys.readouterr().err


def test_an_unusable_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["otlp-sink", "--listen", "127.0.0.1:0", "--file", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
