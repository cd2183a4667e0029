import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contestants.contestant import DidNotStart
from benchmarks.peers import environments
from benchmarks.peers.environments import LOCKS, PYTHON_PEERS, last_words, node_environment


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands in for npm; it notes each call, and makes what it would install."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho called >> {tmp_path}/calls\nmkdir -p "$3/node_modules"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(environments, "BUILD", tmp_path / "build")
    node_environment.cache_clear()
    yield program
    node_environment.cache_clear()


def test_what_is_installed_as_locked_is_not_installed_again(npm: Path, tmp_path: Path) -> None:
    assert node_environment("peer").is_dir()
    node_environment.cache_clear()
    node_environment("peer")
    assert (tmp_path / "calls").read_text() == "called\n"


def test_another_lock_is_installed_anew(npm: Path, tmp_path: Path) -> None:
    old = node_environment("peer") / "left-over"
    old.touch()
    (tmp_path / "build" / "peer" / ".installed").write_text("digest of another lock")
    node_environment.cache_clear()
    node_environment("peer")
    assert not old.exists()
    assert (tmp_path / "calls").read_text() == "called\n" * 2


def test_an_installation_that_fails_is_a_reason_and_is_tried_again(npm: Path, tmp_path: Path) -> None:
    npm.write_text("#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n")
    with pytest.raises(DidNotStart, match="peer could not be installed: npm error code E404"):
        node_environment("peer")
    assert not (tmp_path / "build" / "peer" / ".installed").exists()


def test_a_missing_installer_is_a_reason(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DidNotStart, match="peer could not be installed: FileNotFoundError: npm"):
        node_environment("peer")


def test_last_words_are_one_line() -> None:
    assert last_words("first\n\n  second \nthird\nfourth\n") == "second / third / fourth"
    assert last_words(" \n") == "no output"


@pytest.mark.parametrize("name", PYTHON_PEERS)
def test_python_locks_hold_versions_and_hashes_and_no_addresses(name: str) -> None:
    lock = (LOCKS / f"{name}.lock").read_text()
    assert "://" not in lock
    packages = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    for asked in (LOCKS / f"{name}.in").read_text().split():
        assert any(line.startswith(f"{asked.partition('[')[0]}==") for line in packages)


def test_the_node_lock_pins_what_streams_need_and_holds_no_addresses() -> None:
    lock = json.loads((LOCKS / "npm" / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/hono"]["version"] == "4.9.7"
    assert lock["node_modules/@hono/node-server"]["version"] == "1.13.5"
    assert not any("resolved" in each for each in lock.values())
    assert all("integrity" in each for name, each in lock.items() if name)


def test_only_what_the_chosen_contestants_need_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def install(name: str) -> None:
        made.append(name)
        raise DidNotStart(name)

    monkeypatch.setattr(environments, "python_environment", install)
    monkeypatch.setattr(environments, "node_environment", install)
    environments.install_all(["litellm-presidio", "portkey-regex"])
    assert made == ["litellm", "presidio", "portkey"]
    made.clear()
    environments.install_all([])
    assert made == []
