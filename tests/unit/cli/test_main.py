"""The command line as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway_ext.cli.main import COMMANDS, main
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import StateLayout


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    listed = capsys.readouterr().out
    assert set(COMMANDS) <= set(listed.split())


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("gateway-ext 0.")


def test_an_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["tokne"])
    assert left.value.code == 2
    assert "tokne" in capsys.readouterr().err


def test_a_users_mistake_is_told_in_words_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", "--state", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("gateway-ext: ")
    assert "gateway-ext up" in told.err
    assert "Traceback" not in told.err
    assert "\033" not in told.err  # no colour where nobody sees it


def test_errors_are_red_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["token", "--state", str(tmp_path)])
    assert capsys.readouterr().err.startswith("\033[31m")


def test_small_commands_do_not_load_the_large_libraries(tmp_path: Path) -> None:
    LocalIssuer.create(StateLayout(tmp_path))
    script = (
        "import sys; from gateway_ext.cli.main import main; "
        f"assert main(['token', '--state', {str(tmp_path)!r}]) == 0; "
        "print(*[name for name in ('presidio_analyzer', 'grpc', 'spacy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == ""


def test_a_reader_that_leaves_early_is_no_error_message(tmp_path: Path) -> None:
    LocalIssuer.create(StateLayout(tmp_path))
    script = (
        "import sys; from gateway_ext.cli.main import main; sys.stdin.read(); "
        f"sys.exit(main(['token', '--state', {str(tmp_path)!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
