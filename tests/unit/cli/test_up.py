"""Options of `gateway-ext up`. What it does is in tests/envoy/test_up.py."""

import argparse

import pytest

from gateway_ext.cli import up


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
