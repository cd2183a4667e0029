"""The commands stop, resume, revoke, people and standing: recorded, then in force; or nothing at all."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.administration import recording
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.cli.main import main
from gateway_ext.errors import ConfigurationError
from gateway_ext.standing.sqlite_store import StandingStore

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., int]:
    """A command in a state directory with a store."""

    def run(*arguments: str) -> int:
        known = ["--policies", str(POLICIES)] if arguments[0] == "stop" else []
        return main([*arguments, "--state", str(tmp_path), *known])

    assert run("standing", "init") == 0
    return run


def in_force(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> list[tuple[Any, ...]]:
    capsys.readouterr()
    assert run("standing", "--json") == 0
    return [(row["measure"], row["scope"], row["value"], row["reason"]) for row in json.loads(capsys.readouterr().out)]


def recorded(state: Path) -> list[tuple[str, str, str, str]]:
    return [
        (event.name, event.order.scope, event.order.value, event.order.reason)
        for directory in process_directories(state / "spool")
        for event in last_events(directory, 100)
    ]


BEGUN = ("standing:store:made", "store", "", "gateway-ext standing init")


@pytest.mark.parametrize(
    ("order", "listed", "undo", "events"),
    [
        (("stop", "everything"), ("stopped", "everything", ""), ("resume", "everything"), ("stop:set", "stop:undone")),
        (
            ("stop", "model", "assistant"),
            ("stopped", "model", "assistant"),
            ("resume", "model", "assistant"),
            ("stop:set", "stop:undone"),
        ),
        (
            ("stop", "jurisdiction", "fr"),
            ("stopped", "jurisdiction", "FR"),
            ("resume", "jurisdiction", "fr"),
            ("stop:set", "stop:undone"),
        ),
        (
            ("revoke", "key-1"),
            ("revoked", "credential", "key-1"),
            ("revoke", "key-1", "--undo"),
            ("credential:revoked", "credential:restored"),
        ),
        (
            ("people", "disable", "ada"),
            ("disabled", "person", "ada"),
            ("people", "enable", "ada"),
            ("person:disabled", "person:enabled"),
        ),
    ],
)
def test_every_order_is_recorded_in_force_and_can_be_undone(
    run: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    order: tuple[str, ...],
    listed: tuple[str, str, str],
    undo: tuple[str, ...],
    events: tuple[str, str],
) -> None:
    assert run(*undo, "--reason", "nothing to undo") == 1
    assert run(*order, "--reason", "incident 7", "--actor", "ada") == 0
    assert in_force(run, capsys) == [(*listed, "incident 7")]
    assert run(*undo, "--reason", "over") == 0
    assert in_force(run, capsys) == []
    assert recorded(tmp_path) == [
        BEGUN,
        (f"standing:{events[0]}", *listed[1:], "incident 7"),
        (f"standing:{events[1]}", *listed[1:], "over"),
    ]


def test_what_cannot_be_recorded_is_not_done(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("spool_bytes_max: 1\n")
    assert run("stop", "everything", "--reason", "incident 7", "--settings", str(settings)) == 2
    assert "nothing was changed" in capsys.readouterr().err
    assert in_force(run, capsys) == []


def test_what_was_recorded_and_not_done_is_recorded_too(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConfigurationError("the disk is full")

    monkeypatch.setattr(StandingStore, "put", fail)
    assert run("stop", "everything", "--reason", "incident 7") == 2
    assert recorded(tmp_path)[1:] == [
        ("standing:stop:set", "everything", "", "incident 7"),
        ("standing:change:failed", "everything", "", "incident 7"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("stop", "provider", "simulatr-us", "--reason", "r"),
        ("stop", "model", "gpt-9", "--reason", "r"),
        ("stop", "jurisdiction", "XX", "--reason", "r"),
        ("stop", "jurisdiction", "Germany", "--reason", "r"),
        ("stop", "everything", "now", "--reason", "r"),
        ("stop", "team", "--reason", "r"),
        ("stop", "team", "demo", "--reason", "two\nlines"),
        ("stop", "team", "demo", "--reason", " "),
        ("people", "disable", "\x1b[2J", "--reason", "r"),
    ],
)
def test_bad_input_changes_and_records_nothing(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err
    assert in_force(run, capsys) == []
    assert recorded(tmp_path) == [BEGUN]


def test_a_name_that_policy_does_not_know_can_be_meant(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("stop", "provider", "tomorrows", "--reason", "r", "--unknown") == 0
    assert in_force(run, capsys) == [("stopped", "provider", "tomorrows", "r")]


def test_a_broken_policy_keeps_nobody_from_stopping(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path), "--policies", str(tmp_path)]
    assert main(["stop", "model", "assistant", "--reason", "r", *state]) == 0
    assert "not looked up" in capsys.readouterr().err
    assert in_force(run, capsys) == [("stopped", "model", "assistant", "r")]


@pytest.mark.parametrize("time", ["2001-01-01", "tomorrow"])
def test_an_end_that_is_over_or_no_time_is_wrong_use(run: Callable[..., int], time: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("revoke", "key-1", "--reason", "r", "--expires", time)
    assert caught.value.code == 2


def test_the_list_shows_until_when(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("revoke", "key-1", "--reason", "lost", "--expires", "2099-12-31") == 0
    assert run("people", "disable", "ada", "--issuer", "company", "--reason", "left", "--actor", "hr") == 0
    capsys.readouterr()
    assert run("standing") == 0
    _, revoked, disabled = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (revoked[0], revoked[2], revoked[4]) == ("revoked", "key-1", "2099-12-31T23:59:59Z")
    assert (disabled[:4], disabled[-2:]) == (["disabled", "person", "ada", "company"], ["hr", "left"])


def test_without_a_store_the_way_to_one_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "everything", "--reason", "r", "--state", str(tmp_path)]) == 2
    assert "gateway-ext standing init" in capsys.readouterr().err
    assert main(["stop", "everything", "--reason", "r", "--state", str(tmp_path / "nowhere")]) == 2
    assert "no such state directory" in capsys.readouterr().err
    assert not (tmp_path / "spool").exists()


def test_beginning_again_keeps_what_is_there(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stop", "everything", "--reason", "incident 7") == 0
    capsys.readouterr()
    assert run("standing", "init") == 0
    assert "incident 7" in capsys.readouterr().out
    assert in_force(run, capsys) == [("stopped", "everything", "", "incident 7")]


def test_another_command_is_waited_for_but_not_for_ever(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "LOCK_SECONDS", 0.1)
    with (tmp_path / "spool" / "operator.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run("stop", "everything", "--reason", "r") == 2
        assert "another process holds" in capsys.readouterr().err
    assert run("stop", "everything", "--reason", "r") == 0
