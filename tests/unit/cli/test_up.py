"""Options of `gateway-ext up`. What it does is in tests/envoy/test_up.py."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

import pytest

from gateway_ext.cli import up
from gateway_ext.cli.main import main
from gateway_ext.local.child import State, Status


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    up.register(parser.add_subparsers())
    return parser.parse_args(["up", *arguments])


def test_ports_of_envoy_can_be_moved_one_by_one() -> None:
    assert dict(parse("--map-port", "8443=18443", "--map-port=9901=19901").map_port) == {8443: 18443, 9901: 19901}


@pytest.mark.parametrize(
    "argument",
    [
        "--port=0",
        "--port=65536",
        "--port=x",
        "--console-port=0",
        "--identity-provider-port=x",
        "--map-port=8443",
        "--map-port=8443=",
        "--processors=0",
        "--processors=65",
    ],
)
def test_numbers_out_of_range_are_wrong_use(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(argument)
    assert "is not" in capsys.readouterr().err


def test_keys_of_a_key_service_are_not_for_one_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("signer_command: /usr/local/bin/signer\n")
    assert main(["up", "--settings", str(settings), "--state", str(tmp_path / "state")]) == 2
    assert "leave the setting out" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_it_goes_on_when_nobody_reads_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    nobody = os.fdopen(write_end, "w")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", nobody)
        up._show_change(Status("envoy", None, State.CRASHED, 1))
    with contextlib.suppress(BrokenPipeError):
        nobody.close()
