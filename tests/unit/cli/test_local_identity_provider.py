"""`gateway-ext local-identity-provider`: what it refuses before it listens. What it does is in tests/envoy/test_console.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from gateway_ext.local.identity_provider.people import ensure_people
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import StateLayout


def run(state: Path, *options: str) -> int:
    return main(["local-identity-provider", "--state", str(state), *options])


@pytest.mark.parametrize("url", ["https://console.example.eu", "https://10.0.0.7:8088", "https://0.0.0.0:8088"])
def test_it_serves_a_console_of_this_machine_only(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    layout = StateLayout(tmp_path)
    LocalIssuer.create(layout)
    ensure_people(layout.people)
    (tmp_path / "settings.yaml").write_text(f"console_url: {url}")
    assert run(tmp_path, "--settings", str(tmp_path / "settings.yaml")) == 2
    assert "serves a console on this machine only" in capsys.readouterr().err


def test_it_has_no_option_to_listen_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, "--host", "0.0.0.0")
    assert "unrecognized arguments: --host" in capsys.readouterr().err


def test_without_people_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LocalIssuer.create(StateLayout(tmp_path))
    assert run(tmp_path) == 2
    assert "run 'gateway-ext up' once" in capsys.readouterr().err
