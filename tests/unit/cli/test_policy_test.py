from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gateway_ext.cli.main import main

TESTS = Path(__file__).parents[2]
SHIPPED = TESTS.parent / "policies"
CASES = """
cases:
  - name: the best first
    caller: {issuer: company, groups: [staff]}
    request: {model: assistant}
    expect: {outcome: forward, served_by: [us/big, eu/assistant], reasons: ["access:people"]}
  - name: strangers stay out
    caller: {issuer: company}
    request: {model: assistant}
    expect: {outcome: refuse, code: model_not_allowed}
"""


@pytest.fixture
def policy_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TESTS / "policies" / "good", tmp_path / "policies"))


def written(policy_dir: Path, text: str) -> str:
    (policy_dir / "tests").mkdir()
    (policy_dir / "tests" / "mine.yaml").write_text(text)
    return str(policy_dir)


def test_the_shipped_policy_decides_its_cases_as_they_expect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", str(SHIPPED)]) == 0
    assert " 0 not as expected." in capsys.readouterr().out


def test_cases_as_expected(policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", written(policy_dir, CASES)]) == 0
    out = capsys.readouterr().out
    assert "ok  the best first      forward us/big, eu/assistant" in out
    assert "ok  strangers stay out  refuse model_not_allowed" in out
    assert "2 cases, 0 not as expected." in out


@pytest.mark.parametrize(
    ("old", "new", "missed"),
    [
        ("us/big, eu/assistant", "eu/assistant", "the best first: expected eu/assistant, got us/big, eu/assistant"),
        ("access:people", "access:nobody", "expected the reason access:nobody, got access:people"),
        ("groups: [staff]", "groups: [guests]", "the best first: expected forward, got refuse model_not_allowed"),
        (
            "code: model_not_allowed",
            "code: tier_not_allowed",
            "strangers stay out: expected refuse tier_not_allowed, got refuse model_not_allowed",
        ),
        (
            "request: {model: assistant}\n    expect: {outcome: r",
            "request: {model: gpt-9}\n    expect: {outcome: r",
            "got refuse model_not_found",
        ),
    ],
)
def test_a_case_that_is_not_as_expected_fails_and_says_how(
    policy_dir: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, missed: str
) -> None:
    assert CASES.count(old) == 1
    assert main(["policy", "test", written(policy_dir, CASES.replace(old, new))]) == 1
    out = capsys.readouterr().out
    assert missed in out
    assert "2 cases, 1 not as expected." in out
    assert "tests/mine.yaml:" in out


def test_what_was_left_out_is_told_with_a_failure(policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = CASES.replace(
        "{model: assistant}\n    expect: {outcome: f", "{model: assistant, detectors: [iban]}\n    expect: {outcome: f"
    )
    assert main(["policy", "test", written(policy_dir, found)]) == 1
    assert "  us/big was left out: class:sovereign" in capsys.readouterr().out


def test_json_has_it_all(policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", written(policy_dir, CASES), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["cases"][0] == {
        "name": "the best first",
        "file": "mine.yaml",
        "line": 3,
        "ok": True,
        "missed": [],
        "outcome": "forward",
        "code": None,
        "served_by": ["us/big", "eu/assistant"],
        "reasons": ["access:people"],
        "left_out": [],
    }


def test_cases_of_another_directory(policy_dir: Path, tmp_path: Path) -> None:
    assert main(["policy", "test", str(policy_dir)]) == 2, "no cases prove nothing"
    (tmp_path / "mine.yaml").write_text(CASES)
    assert main(["policy", "test", str(policy_dir), "--cases", str(tmp_path)]) == 0


def test_check_says_that_there_are_cases(policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "check", str(policy_dir)])
    assert "policy test" not in capsys.readouterr().out
    main(["policy", "check", written(policy_dir, CASES)])
    assert f"gateway-ext policy test {policy_dir}" in capsys.readouterr().out
