from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gateway_ext.cli.main import main

GOOD = Path(__file__).parents[2] / "policies" / "good"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "policies"))


def edit(directory: Path, file: str, old: str, new: str) -> None:
    text = (directory / file).read_text()
    assert text.count(old) >= 1
    (directory / file).write_text(text.replace(old, new))


def add_rule(directory: Path, rule: str) -> None:
    with (directory / "routing.yaml").open("a") as file:
        file.write(f"rules: [{rule}]\n")


def diff(other: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    status = main(["policy", "diff", str(GOOD), str(other), "--json"])
    changes: list[dict[str, object]] = json.loads(capsys.readouterr().out)["changes"]
    assert status == bool(changes)
    return changes


def test_nothing_changes_between_a_policy_and_itself(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(other, "routing.yaml", "tiers:", "# a comment\ntiers:")
    assert diff(other, capsys) == []
    assert main(["policy", "diff", str(GOOD), str(other)]) == 0
    assert "0 decided otherwise." in capsys.readouterr().out


def test_a_rule_changes_what_it_is_about(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_rule(other, "{name: eu, models: [assistant], without: {jurisdictions: [US]}}")
    changes = diff(other, capsys)
    assert {(each["model"], each["kind"]) for each in changes} == {
        ("assistant", "served elsewhere or in another order")
    }
    assert changes[0]["before"] == {
        "outcome": "forward",
        "code": None,
        "served_by": ["us/big", "eu/assistant"],
        "reasons": ["access:people"],
    }
    after = changes[0]["after"]
    assert isinstance(after, dict)
    assert after["served_by"] == ["eu/assistant"]


def test_a_grant_that_is_taken_away_shows(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(other, "access.yaml", "models: [local]", "models: [assistant]")
    kinds = {(each["who"], each["model"], each["kind"]) for each in diff(other, capsys)}
    assert ("service, rule services", "local", "newly refused") in kinds
    assert ("service, rule services", "assistant", "newly forwarded") in kinds
    assert not any(who == "company, rule people" for who, _, _ in kinds)


def test_a_change_of_the_guard_shows_once_for_all_detectors_alike(
    other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(other, "guard.yaml", "personal: {action: log", "personal: {action: block")
    changes = diff(other, capsys)
    contents = {str(each["content"]) for each in changes}
    assert all(" like it" in content for content in contents)
    assert {each["kind"] for each in changes} == {"newly refused"}


def test_cases_of_both_are_judged(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (other / "tests").mkdir()
    (other / "tests" / "a.yaml").write_text(
        "cases: [{name: mine, caller: {issuer: company, groups: [staff]}, request: {model: assistant, stream: true},"
        " expect: {outcome: forward}}]\n"
    )
    add_rule(other, "{name: s, when: request.is_stream, deny: Not now.}")
    (change,) = diff(other, capsys)
    assert (change["who"], change["kind"]) == ("case: mine", "newly refused")


def test_the_table_joins_what_changes_alike(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_rule(other, '{name: closed, models: [local], deny: "Closed."}')
    assert main(["policy", "diff", str(GOOD), str(other)]) == 1
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line.startswith("local")]
    assert len(rows) == 2, "one without a class, one of the class sovereign"
    assert "chat/completions; embeddings" in rows[0]
    assert rows[0].endswith("company, rule people; company, rule services; service, rule services")
    assert "12 newly refused" in out
