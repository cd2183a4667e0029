from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest

from gateway_ext.cli import policy
from gateway_ext.cli.main import main
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.policy.loader import load_policy

GOOD = Path(__file__).parents[2] / "policies" / "good"
SHIPPED = Path(__file__).parents[3] / "policies"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    policy.register(parser.add_subparsers())
    args = parser.parse_args(["policy", *arguments])
    status: int = args.run(args)
    return status


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    (directory / "budgets.yaml").write_text("currency: eur\ntimezone: Europe/Paris\nbudgets: []\n")
    (directory / "routing.yaml").unlink()
    return directory


def test_a_good_policy_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(GOOD)) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert ["assistant", "us/big", "frontier", "US"] in lines
    assert ["sales", "team", "sales-*", "499.99", "EUR", "month"] in lines
    assert ["iban", "personal", "redact", "yes"] in lines
    assert load_policy(GOOD).digest in out
    assert err == ""


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(GOOD), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["digest"] == load_policy(GOOD).digest
    assert found["models"]["local"] == [{"cluster": "own/local", "tier": "open-eu", "jurisdiction": "FR"}]
    assert found["budgets"][0]["amount"] == "20"
    assert {detector["name"] for detector in found["detectors"]} == set(DETECTORS)
    assert found["warnings"] == []


def test_every_problem_is_printed_where_it_is(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(bad)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith(f"{bad}/budgets.yaml:1:11: error: 'currency' must be three capital letters")
    assert second.startswith(f"{bad}/routing.yaml:1:1: error: the file is missing")


def test_problems_as_json(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(bad), "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [(problem["file"], problem["line"]) for problem in found["problems"]] == [
        ("budgets.yaml", 1),
        ("routing.yaml", 1),
    ]


def test_warnings_do_not_fail_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    (directory / "access.yaml").write_text("access: []\n")
    assert run("check", str(directory)) == 0
    assert f"{directory}/access.yaml:1:1: warning: no rule grants anyone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("issuer", "team", "group"), [("service", "platform", "llm-services"), ("personal", "demo", "llm-users")]
)
def test_explain_takes_a_bound_token_to_come_with_its_certificate(
    issuer: str, team: str, group: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "request.json"
    request.write_text('{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}')
    caller = ["--issuer", issuer, "--subject", "batch", "--team", team, "--group", group]
    assert main(["policy", "explain", str(request), "--policies", str(SHIPPED), "--json", *caller]) == 0
    assert json.loads(capsys.readouterr().out)


def test_explain_takes_keys_of_an_identity_provider_for_fresh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = Path(shutil.copytree(SHIPPED, tmp_path / "policies"))
    file = directory / "identity.yaml"
    file.write_text(file.read_text().replace("    class: sso\n", "    class: sso\n    keys_max_age_seconds: 60\n"))
    request, claims = tmp_path / "request.json", tmp_path / "claims.json"
    request.write_text('{"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}')
    claims.write_text('{"sub": "ada@corp.example", "team": "demo", "groups": ["llm-users"]}')
    arguments = ["--policies", str(directory), "--issuer", "company", "--claims", str(claims), "--json"]
    assert main(["policy", "explain", str(request), *arguments]) == 0
    assert "identity_provider_unavailable" not in capsys.readouterr().out
