"""Only a program that nobody else can have changed is run, and it cannot keep us waiting or fill our memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gateway_ext.credentials.trusted_program import require_trusted, run
from gateway_ext.errors import ConfigurationError
from tests.unit.credentials.key_service import script

SECRET = b"the signing input"


def test_it_answers_what_it_is_given(tmp_path: Path) -> None:
    assert run(script(tmp_path / "cat", "exec cat"), (), SECRET) == SECRET
    assert run(script(tmp_path / "echo", 'printf "%s|" "$@"'), ("sign", "a b", "*"), b"") == b"sign|a b|*|"


def test_more_than_a_pipe_holds_goes_both_ways_at_a_time(tmp_path: Path) -> None:
    long = b"x" * 300_000
    assert run(script(tmp_path / "count", "wc -c"), (), long).strip() == b"300000"
    echoing = script(tmp_path / "cat", "exec cat")
    with pytest.raises(ConfigurationError, match="prints more than 65536 bytes"):
        run(echoing, (), long)
    assert run(script(tmp_path / "deaf", "echo done"), (), long) == b"done\n"


def test_its_environment_is_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = dict(line.split("=", 1) for line in run(script(tmp_path / "env", "env"), (), b"").decode().splitlines())
    assert seen.keys() - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "HOME", "LANG"}
    assert seen["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    assert seen.get("PWD", "/") == "/"


@pytest.mark.parametrize("body", ["{}", "({}) & wait", "{} >&2", "exec <&-; {}"])
def test_one_that_hangs_is_ended_with_all_it_has_started(tmp_path: Path, body: str) -> None:
    ticks = tmp_path / "ticks"
    ticking = f"while :; do echo x; echo x >> {ticks}; sleep 0.02; done"
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"hang sign: has not answered within 0\.5 s"):
        run(script(tmp_path / "hang", body.format(ticking)), ("sign",), SECRET, seconds_max=0.5)
    assert time.monotonic() - started < 5
    before = ticks.stat().st_size
    assert before > 0
    time.sleep(0.1)
    assert ticks.stat().st_size == before


def test_one_that_closes_its_output_and_stays_is_ended_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has not answered"):
        run(script(tmp_path / "stay", "exec >&-; exec sleep 30"), (), b"", seconds_max=0.3)


def test_what_it_says_when_it_fails_is_in_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    failing = script(tmp_path / "fail", "cat; cat >&2; echo boom >&2; exit 3")
    with pytest.raises(ConfigurationError) as failed:
        run(failing, ("sign", "personal", "k1"), SECRET)
    assert str(failed.value) == f"{failing} sign personal k1: has ended with status 3; run it by hand to see why"
    assert capfd.readouterr() == ("", "")


def test_one_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"cannot be run \(Permission denied\)"):
        run(tmp_path / "text", (), b"")


# --- whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_one_that_others_may_write_is_not_run(tmp_path: Path, mode: int) -> None:
    program = script(tmp_path / "program", f"touch {tmp_path}/was-run")
    program.chmod(mode)
    with pytest.raises(ConfigurationError, match="others may write it"):
        run(program, (), b"")
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_nor_one_that_others_may_replace(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "shared" / "bin"
    directory.mkdir(parents=True)
    program = script(directory / "program", "true")
    require_trusted(program)
    for each in (directory, directory.parent):
        each.chmod(mode)
        with pytest.raises(ConfigurationError, match=f"{each}: others may write it"):
            require_trusted(program)
        each.chmod(0o700)
    require_trusted(program)


def test_nor_one_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = script(tmp_path / "program", "true")
    if os.geteuid() == 0:
        os.chown(program, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        require_trusted(program)


def test_nor_one_behind_a_link(tmp_path: Path) -> None:
    program = script(tmp_path / "program", "true")
    (tmp_path / "link").symlink_to(program)
    (tmp_path / "directory").mkdir()
    (tmp_path / "way").symlink_to(tmp_path)
    for each in (tmp_path / "link", tmp_path / "way" / "program", tmp_path / "directory" / ".." / "program"):
        with pytest.raises(ConfigurationError, match=f"name the file itself: {program}"):
            require_trusted(each)


@pytest.mark.parametrize(
    ("path", "message"),
    [("signer", "absolute path"), ("./signer", "absolute path"), ("/", "regular file"), ("/no/such", "No such file")],
)
def test_nor_what_is_no_file(path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        require_trusted(Path(path))
