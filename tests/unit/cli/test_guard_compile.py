from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from gateway_ext.guard import installed_patterns


def test_the_patterns_are_compiled_for_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installed_patterns, "DIRECTORY", tmp_path / "compiled")
    assert main(["guard", "compile"]) == 0
    written = list((tmp_path / "compiled").iterdir())
    assert len(written) > 20
    assert f"{tmp_path / 'compiled'}: {len(written)} databases" in capsys.readouterr().out


def test_an_installation_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(installed_patterns, "DIRECTORY", tmp_path / "file")
    assert main(["guard", "compile"]) == 2
    assert f"{tmp_path / 'file'}: the compiled patterns cannot be written" in capsys.readouterr().err
