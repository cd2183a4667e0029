"""`gateway-ext token` prints a token and nothing else."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway_ext.cli.main import main
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import StateLayout


def claims_of(state: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    LocalIssuer.create(StateLayout(state))
    assert main(["token", "--state", str(state), *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    (line,) = printed.out.splitlines()
    claims: dict[str, Any] = jwt.decode(line, options={"verify_signature": False})
    return claims


def test_the_defaults_are_a_demo_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = claims_of(tmp_path, capsys)
    assert (claims["iss"], claims["sub"], claims["team"]) == ("https://idp.local", "demo@local", "demo")
    assert claims["groups"] == ["llm-users"]
    assert claims["exp"] - claims["iat"] == 12 * 3600


def test_a_service_has_its_own_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = claims_of(tmp_path, capsys, "--class", "service")
    assert (claims["iss"], claims["aud"]) == ("gateway-ext/service", "llm-gateway-internal")
    assert (claims["sub"], claims["team"], claims["app"]) == ("batch-service", "platform", "batch")
    assert claims["groups"] == ["llm-services"]


def test_options_replace_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--class", "personal", "--subject", "eve", "--team", "red", "--group", "a", "--group", "b", "--ttl", "30s"]
    claims = claims_of(tmp_path, capsys, *given)
    assert (claims["iss"], claims["sub"], claims["team"]) == ("gateway-ext/personal", "eve", "red")
    assert claims["groups"] == ["a", "b"]
    assert claims["exp"] - claims["iat"] == 30
    assert "app" not in claims


def test_a_token_may_be_for_the_console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = claims_of(tmp_path, capsys, "--audience", "gateway-control")
    assert (claims["iss"], claims["aud"]) == ("https://idp.local", "gateway-control")


@pytest.mark.parametrize("ttl", ["0s", "12", "1y", "-1h", "9999d", ""])
def test_a_wrong_time_to_live_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], ttl: str) -> None:
    with pytest.raises(SystemExit):
        main(["token", "--state", str(tmp_path), f"--ttl={ttl}"])
    assert "is not a time" in capsys.readouterr().err
