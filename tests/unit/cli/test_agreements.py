"""The command `agreements`: recorded, then in force; or nothing at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.administration.actor import local_user
from gateway_ext.cli.main import main

POLICIES = Path(__file__).parents[3] / "policies"
AGREEMENTS = """agreements:
  terms: {version: "2", title: Terms of use, accepted_by: person}
  applicants: {version: "1", title: Applicants' data, accepted_by: team, when: {purposes: [hr-screening]}}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    policies = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    (policies / "agreements.yaml").write_text(AGREEMENTS)
    return policies


@pytest.fixture
def run(tmp_path: Path, policies: Path) -> Callable[..., int]:
    """The command in a state directory with a store."""
    state = tmp_path / "state"
    state.mkdir()

    def run(*arguments: str) -> int:
        return main(["agreements", *arguments, "--state", str(state), "--policies", str(policies)])

    assert run("init") == 0
    return run


def listed(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], *narrowed: str
) -> list[tuple[str, str, str, str]]:
    capsys.readouterr()
    assert run("list", "--json", *narrowed) == 0
    rows = json.loads(capsys.readouterr().out)
    return [(row["party"], row["agreement"], row["version"], row["state"]) for row in rows]


def test_an_operator_accepts_and_withdraws_for_others(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("accept", "terms", "--person", "ada", "--actor", "hr desk") == 0
    assert run("accept", "applicants", "--team", "hr", "--version", "1") == 0
    assert "Accepted: applicants (version 1), team hr." in capsys.readouterr().out
    assert listed(run, capsys) == [("ada", "terms", "2", "accepted"), ("hr", "applicants", "1", "accepted")]
    assert listed(run, capsys, "--team", "hr") == [("hr", "applicants", "1", "accepted")]
    assert listed(run, capsys, "--agreement", "terms") == [("ada", "terms", "2", "accepted")]
    assert run("withdraw", "terms", "--person", "ada", "--reason", "has left") == 0
    assert run("withdraw", "terms", "--person", "ada") == 1
    assert listed(run, capsys, "--person", "ada") == [("ada", "terms", "2", "withdrawn")]


def test_the_table_says_who_did_it_and_why(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert "Nobody has accepted anything." in capsys.readouterr().out
    run("accept", "terms", "--person", "ada")
    run("withdraw", "terms", "--person", "ada", "--reason", "has left")
    capsys.readouterr()
    assert run("list") == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["KIND", "PARTY", "AGREEMENT", "VERSION", "STATE", "SINCE", "ACTOR", "REASON"]
    assert row.split()[:5] == ["person", "ada", "terms", "2", "withdrawn"]
    assert local_user() in row
    assert row.endswith("has left")


def test_policy_decides_what_an_acceptance_is_worth(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], policies: Path
) -> None:
    run("accept", "terms", "--person", "ada")
    (policies / "agreements.yaml").write_text(AGREEMENTS.replace('"2"', '"3"'))
    assert listed(run, capsys) == [("ada", "terms", "2", "outdated")]
    (policies / "agreements.yaml").unlink()
    assert listed(run, capsys) == [("ada", "terms", "2", "unasked")]
    assert run("withdraw", "terms", "--person", "ada") == 0
    assert listed(run, capsys) == [("ada", "terms", "2", "withdrawn")]


def test_the_digest_of_the_text_is_kept(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = tmp_path / "terms.txt"
    text.write_text("Conditions d'utilisation", encoding="utf-8")
    assert run("accept", "terms", "--person", "ada", "--text", str(text)) == 0
    capsys.readouterr()
    run("list", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert row["shown_sha256"] == hashlib.sha256(text.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("accept", "terms", "--person", "ada", "--version", "1"), "in force in version 2"),
        (("accept", "terms", "--team", "hr"), "accepted by a person"),
        (("accept", "another", "--person", "ada"), "known: terms, applicants"),
        (("accept", "terms", "--person", "a\nb"), "one line"),
        (("accept", "terms", "--person", "ada", "--text", "/does/not/exist"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert listed(run, capsys) == []


def test_a_party_has_to_be_named(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("accept", "terms")
    assert "--person" in capsys.readouterr().err


def test_the_store_is_begun_once(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    run("accept", "terms", "--person", "ada")
    assert run("init") == 0
    assert "Taken as it is" in capsys.readouterr().out
    assert listed(run, capsys) == [("ada", "terms", "2", "accepted")]


def test_in_a_mistyped_state_directory_nothing_is_made(
    tmp_path: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "typo"
    assert main(["agreements", "init", "--state", str(missing), "--policies", str(policies)]) == 2
    assert "no such state directory" in capsys.readouterr().err
    assert not missing.exists()
