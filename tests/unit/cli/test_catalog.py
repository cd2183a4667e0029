from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.cli import catalog
from gateway_ext.cli.main import main

ROOT = Path(__file__).parents[3]
LEGAL = "storage_region: none\n      zero_retention: true"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "policies", tmp_path / "policies"))


@pytest.fixture(autouse=True)
def november_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * 10**9
    for run in (catalog.run_show, catalog.run_check):
        monkeypatch.setattr(run, "__defaults__", (lambda: now,))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def output(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_show_has_a_line_for_each_deployment(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "show", str(policies)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["DEPLOYMENT", "TIER", "OPERATOR", "LAW", "INFERENCE"]
    (line,) = (line for line in lines if line.startswith("simulator-eu/assistant"))
    assert line.split()[1] == "open-eu"
    assert line.partition("gateway-ext simulate")[2].split()[:3] == ["FR", "FR", "none"]
    (line,) = (line for line in lines if line.startswith("simulator-us/assistant"))
    assert "exposed" in line
    assert catalog.UNKNOWN in line.split()
    assert lines[-1] == "?: not stated, so it meets no requirement."


def test_show_as_json_has_the_keys_of_policy(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dpa = 'dpa: {date: 2026-03-01, url: "https://eu.example/dpa"}'
    replace(policies / "providers.yaml", LEGAL, f"{LEGAL}\n      certifications: [ISO27001, C5]\n      {dpa}")
    assert main(["catalog", "show", str(policies), "--json"]) == 0
    (entry,) = (each for each in output(capsys) if each["cluster"] == "simulator-eu/assistant")
    assert (entry["provider"], entry["model"]) == ("simulator-eu", "assistant")
    assert (entry["tier"], entry["jurisdiction"]) == ("open-eu", "FR")
    assert entry["legal"]["certifications"] == ["C5", "ISO27001"]
    assert entry["legal"]["dpa"] == {"date": "2026-03-01", "url": "https://eu.example/dpa"}
    assert (entry["legal"]["parent"], entry["legal"]["cloud_act"]) == (None, False)


def test_what_is_shipped_is_in_order(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "check", str(policies), "--strict"]) == 0
    assert capsys.readouterr() == ("5 deployments, 0 errors, 0 warnings.\n", "")


def test_a_contradiction_is_an_error_told_once(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(policies / "providers.yaml", LEGAL, "storage_region: FR\n      zero_retention: true")
    assert main(["catalog", "check", str(policies)]) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("simulator-eu/assistant, simulator-eu/embedder: error: 'zero_retention' is true, yet")
    assert line.endswith("[retention]")
    assert captured.out == "5 deployments, 2 errors, 0 warnings.\n"


def test_warnings_count_when_asked(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(policies / "providers.yaml", "reviewed: 2026-11-21", "reviewed: 2026-09-30")
    check = ["catalog", "check", str(policies)]
    assert main([*check, "--strict"]) == 0
    assert main([*check, "--stale-months", "1"]) == 0
    assert "warning: 'reviewed' is of 2026-09-30, more than 1 months ago" in capsys.readouterr().err
    assert main([*check, "--stale-months", "1", "--strict", "--json"]) == 1
    shown = output(capsys)
    assert not shown["ok"]
    assert {(each["rule"], each["severity"]) for each in shown["findings"]} == {("stale", "warning")}


def test_a_policy_that_cannot_be_used_is_shown_with_its_lines(
    policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(policies / "providers.yaml", "open_weights: true", "open_weights: false")
    assert main(["catalog", "check", str(policies)]) == 1
    assert "tier 'open-eu' requires open_weights: true" in capsys.readouterr().err
    assert main(["catalog", "check", str(policies), "--json"]) == 1
    (problem,) = output(capsys)["problems"]
    assert problem["file"] == "providers.yaml"
    assert main(["catalog", "show", str(policies)]) == 2


@pytest.mark.parametrize("months", ["0", "121", "-1", "many"])
def test_months_must_be_some(months: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["catalog", "check", "--stale-months", months])
    assert "is no number of months" in capsys.readouterr().err
