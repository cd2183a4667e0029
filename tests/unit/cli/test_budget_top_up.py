from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.cli.main import main

POLICIES = Path(__file__).parents[3] / "policies"
GRANT = ("top-up", "per-team", "sales", "12.50", "--until", "2099-01-31", "--reason", "trade fair", "--unknown")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    def run(*arguments: str) -> int:
        return main(["budget", *arguments, "--state", str(tmp_path), "--policies", str(POLICIES)])

    return run


def test_what_was_granted_is_listed(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("top-ups") == 0
    assert capsys.readouterr().out == "Nothing is granted on top.\n"
    assert run(*GRANT, "--actor", "ada") == 0
    assert "Granted: 12.5 EUR on top of 'per-team' for team sales" in capsys.readouterr().out
    assert run("top-ups", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert {key: row[key] for key in ("budget", "scope", "value", "amount", "currency", "actor", "reason")} == {
        "budget": "per-team",
        "scope": "team",
        "value": "sales",
        "amount": "12.5",
        "currency": "EUR",
        "actor": "ada",
        "reason": "trade fair",
    }
    assert run("top-ups") == 0
    assert "trade fair" in capsys.readouterr().out


def test_it_can_be_ended_before_its_day(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*GRANT) == 0
    capsys.readouterr()
    assert run("top-ups", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert run("end-top-up", row["id"], "--reason", "fair cancelled", "--actor", "ada") == 0
    assert capsys.readouterr().out == "Ended: 12.5 EUR on top of 'per-team' for team sales.\n"
    assert run("top-ups", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run("end-top-up", row["id"], "--reason", "again") == 1


@pytest.mark.parametrize(("right", "wrong"), [("12.50", "12,50"), ("12.50", "0"), ("per-team", "per-taem")])
def test_what_cannot_be_meant_grants_nothing(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path, right: str, wrong: str
) -> None:
    assert run(*(wrong if each == right else each for each in GRANT)) == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "spool").exists()


def test_a_day_that_is_none_is_wrong_use(run: Callable[..., int]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*("31.1.2099" if each == "2099-01-31" else each for each in GRANT))
    assert caught.value.code == 2


def test_a_mistyped_name_is_refused_unless_it_is_meant(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*GRANT[:-1]) == 2
    assert "--unknown" in capsys.readouterr().err
    assert run(*GRANT) == 0


def test_a_state_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert main(["budget", *GRANT, "--state", str(missing), "--policies", str(POLICIES)]) == 2
    assert not missing.exists()
