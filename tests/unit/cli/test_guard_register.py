from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from gateway_ext.bootstrap.fingerprint_key import fingerprint_key
from gateway_ext.cli import guard_canary, guard_register
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.confidential.canary import canaries_in
from gateway_ext.guard.confidential.live_registry import Registry
from gateway_ext.guard.confidential.registry import FILE_NAME
from tests.unit.guard.confidential.writing import prose


def run(state: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    guard_register.add_arguments(parser)
    return guard_register.run(parser.parse_args([*arguments, "--state", str(state)]))


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "contract.txt"
    path.write_text(prose(1))
    return path


def test_what_is_registered_is_listed_found_and_removed(
    tmp_path: Path, contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    source = tmp_path / "\x1b[2Jsource.py"
    source.write_text(prose(2))
    assert run(state, str(contract), str(source), "--json") == 0
    registered = json.loads(capsys.readouterr().out)
    assert [row["label"] for row in registered] == ["contract.txt", "\x1b[2Jsource.py"]
    assert run(state, "--list") == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["ID", "REGISTERED", "SHINGLES", "FINGERPRINT", "LABEL"]
    assert table[1].split()[0] == registered[0]["id"]
    assert table[2].endswith("\N{REPLACEMENT CHARACTER}[2Jsource.py")

    registry = Registry(state / FILE_NAME, fingerprint_key(state / "fingerprint.key"))
    [[(_, span)]] = registry.current().spans([prose(1)[300:800]])
    assert span.value == registered[0]["id"]
    assert run(state, "--remove", registered[0]["id"]) == 0
    assert registry.refresh()
    assert registry.current().spans([prose(1), prose(2)])[0] == []
    assert registry.current().spans([prose(2)])[0]


def test_registering_again_replaces(tmp_path: Path, contract: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, str(contract))
    run(tmp_path, str(contract), str(contract), "--label", "Frame contract")
    capsys.readouterr()
    run(tmp_path, "--list", "--json")
    assert [row["label"] for row in json.loads(capsys.readouterr().out)] == ["Frame contract"]


def test_one_unusable_file_and_nothing_is_registered(
    tmp_path: Path, contract: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.txt").write_text("Too short.")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\0")
    with pytest.raises(ConfigurationError) as caught:
        run(tmp_path, str(contract), *(str(tmp_path / name) for name in ("short.txt", "image.png", "none.txt")))
    message = str(caught.value)
    assert "nothing was registered" in message
    assert "short.txt: fewer than 200 letters" in message
    assert "image.png: not text" in message
    assert "none.txt: cannot be read" in message
    assert run(tmp_path, "--list") == 0
    assert capsys.readouterr().out == "No document is registered.\n"


def test_an_unknown_id_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--remove", "0123456789ab") == 1
    assert "see --list" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--list", "--remove", "x"), ("a.txt", "--list")])
def test_one_thing_at_a_time(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="either files, or --list"):
        run(tmp_path, *arguments)


def test_a_terminal_sees_progress(
    tmp_path: Path, contract: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run(tmp_path, str(contract), str(contract))
    assert "1/2" in capsys.readouterr().err


def test_a_canary_is_printed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    guard_canary.add_arguments(parser)
    printed = []
    for _ in range(2):
        assert guard_canary.run(parser.parse_args([])) == 0
        printed.append(capsys.readouterr().out)
    assert canaries_in(printed[0]) == {printed[0].strip()}
    assert printed[0] != printed[1]
