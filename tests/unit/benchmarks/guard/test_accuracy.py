"""The whole measurement, of a Guard that knows e-mail addresses alone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks.guard import accuracy
from gateway_ext.cli.guard_bench import add_arguments
from gateway_ext.guard.personal.detectors import detectors


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> tuple[int, dict[str, object], str]:
    """Exit code, what stdout says, and stderr."""
    (tmp_path / "benign").mkdir()
    (tmp_path / "benign" / "gpteacher-codegen.json").write_text('["mail ada@example.org", "x = 1"]', encoding="utf-8")
    parser = ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(["--quick", "--json", "--strict", "--per-kind", "2", "--date", "2030-01-02"])
    email = [detector for detector in detectors() if detector.name == "email"]
    with patch.object(accuracy, "shipped_detectors", lambda: email):
        code = accuracy.run(options, tmp_path)
    output = capsys.readouterr()
    return code, json.loads(output.out), output.err


def test_what_the_guard_knows_is_found_and_the_rest_is_below_its_bars(
    printed: tuple[int, dict[str, object], str],
) -> None:
    code, figures, errors = printed
    rows = {row["name"]: row for row in figures["detectors"]}  # type: ignore[attr-defined]
    assert (rows["email"]["recall"], rows["email"]["precision"]) == (1.0, 1.0)
    assert rows["iban"]["recall"] == 0.0
    assert code == 1
    assert "below the bar: iban" in errors
    assert "below the bar: email" not in errors
    assert figures["day"] == "2030-01-02"
    assert figures["benign"][0]["findings"] == {"email": 1}  # type: ignore[index]
    assert figures["splits"] == {}  # not measured when it has to be quick
