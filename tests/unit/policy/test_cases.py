from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.policy.cases import case_files, read_cases
from gateway_ext.policy.problems import PolicyError

KNOWN = {
    "issuer": frozenset({"company"}),
    "deployment": frozenset({"eu/m"}),
    "detector": frozenset({"iban"}),
    "data class": frozenset({"personal"}),
}
CASE = "{name: a, caller: {issuer: company}, request: {model: m}, expect: {outcome: forward}}"


def problems(tmp_path: Path, case: str) -> list[str]:
    (tmp_path / "mine.yaml").write_text(f"cases:\n  - {case}\n")
    with pytest.raises(PolicyError) as caught:
        read_cases(tmp_path, KNOWN)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("issuer: company", "issuer: compny", "mine.yaml:2:32: unknown issuer 'compny'; did you mean 'company'?"),
        ("model: m", "model: m, detectors: [ibn]", "unknown detector 'ibn'"),
        ("model: m", "model: m, classes: [secrets]", "unknown data class 'secrets'"),
        ("forward}", "forward, served_by: [eu/n]}", "unknown deployment 'eu/n'"),
        ("forward}", "forward, code: route_denied}", "'expect' has a code, which only a refusal has"),
        ("forward}", "refuse, served_by: [eu/m]}", "'expect' is served by nobody when it is refused"),
        ("forward}", "pass}", "unknown value 'pass'"),
        ("request:", "at: tomorrow, request:", "'at' must be a moment with its time zone, such as 2026-01-05T09:00"),
        ("request:", "at: 2026-01-05T09:00:00, request:", "'at' must be a moment with its time zone"),
        ("name: a, ", "", "item 1 of 'cases' lacks the key 'name'"),
    ],
)
def test_what_is_wrong_with_a_case_is_told_where(tmp_path: Path, old: str, new: str, told: str) -> None:
    (found,) = problems(tmp_path, CASE.replace(old, new))
    assert told in found


def test_names_are_unique_in_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"cases:\n  - {CASE}\n")
    assert problems(tmp_path, CASE) == ["mine.yaml:2:1: the name 'a' is already used in a.yaml, line 2"]


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cases: []\n")
    (tmp_path / "b.yaml").write_text("cases: &x []\n")
    assert [each.split(":")[0] for each in problems(tmp_path, "{}")] == ["a.yaml", "b.yaml", *["mine.yaml"] * 4]


def test_files_in_order_and_hidden_ones_not_at_all(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", ".c.yaml", "d.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in case_files(tmp_path)] == ["a.yaml", "b.yaml"]
    assert case_files(tmp_path / "nowhere") == []
    assert read_cases(tmp_path / "nowhere", KNOWN) == ()


def test_a_case_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"cases:\n  - {CASE}\n  - {CASE.replace('name: a', 'name: b')}\n")
    assert [(each.file, each.line, each.case.name) for each in read_cases(tmp_path, KNOWN)] == [
        ("mine.yaml", 2, "a"),
        ("mine.yaml", 3, "b"),
    ]
