"""`gateway-ext simulate` as a process: keys, ports and shutdown."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway_ext.cli.main import main
from gateway_ext.cli.simulate import read_api_keys, read_flavours
from gateway_ext.errors import ConfigurationError
from gateway_ext.simulator.flavours import Flavour


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_with_the_key_and_leaves_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    key = tmp_path / "key"
    key.write_text("sk-us\n")
    argv = [sys.executable, "-m", "gateway_ext.cli.main", "simulate", "--port", "0", "--api-key-file", f"us={key}"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found is not None
        assert httpx.get(f"{found[0]}/us/v1/models").status_code == 401
        assert httpx.get(f"{found[0]}/us/v1/models", headers={"authorization": "Bearer sk-us"}).status_code == 200
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""


def test_a_busy_port_is_named_with_the_option_to_change_it(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert main(["simulate", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in told
    assert "--port" in told


def test_keys_are_read_by_deployment_or_for_all(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("Bearer sk-1\n")
    other.write_text("sk-2")
    assert read_api_keys([f"us={one}", str(other)]) == {"us": "sk-1", "*": "sk-2"}
    assert read_api_keys([]) is None


def test_a_missing_or_empty_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_api_keys([str(tmp_path / "empty")])
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        read_api_keys([str(tmp_path / "none")])


def test_flavours_are_of_deployments() -> None:
    assert read_flavours([]) == {}
    assert read_flavours(["us=mistral", "eu=tgi"]) == {"us": Flavour.MISTRAL, "eu": Flavour.TGI}


@pytest.mark.parametrize("given", ["mistral", "us=", "=mistral", "us=Mistral"])
def test_unknown_flavours_are_refused_with_those_there_are(given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DEPLOYMENT=NAME, with a name of openai, azure"):
        read_flavours([given])
