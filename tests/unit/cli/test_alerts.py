from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.cli.main import main
from tests.servers.certificate import make_certificate
from tests.servers.smtp import PASSWORD, USER, running_mail_server
from tests.servers.webhooks import Receiver, running_receiver
from tests.unit.alerts.alerts import NOW, made

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with keys of the channels `hook` and `mail`."""
    channels = tmp_path / "state" / "channels"
    channels.mkdir(parents=True)
    for name, content in (("hook.key", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), ("mail.login", f"{USER}\n{PASSWORD}\n")):
        (channels / name).write_text(content)
        (channels / name).chmod(0o600)
    return tmp_path / "state"


def policies(directory: Path, alerts: str) -> Path:
    shutil.copytree(POLICIES, directory)
    budgets = directory / "budgets.yaml"
    budgets.write_text(f"{budgets.read_text()}\nalerts: {alerts}\n")
    return directory


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, ["alerts", *arguments])


async def test_each_channel_is_tried(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = make_certificate(tmp_path / "certs")
    async with running_receiver() as receiver, running_mail_server(certificate.context) as mail:
        receiver.behave = ["take", "500"]
        directory = policies(
            tmp_path / "policies",
            f"{{webhooks: {{hook: {{url: 'http://127.0.0.1:{receiver.port}/x'}}}}, mails: {{mail: {{server: 127.0.0.1,"
            f" port: {mail.port}, ca_file: '{certificate.authority}', from: g@example.eu, to: [f@example.eu]}}}}}}",
        )
        asked = ("test", "--state", str(state), "--policies", str(directory))
        assert await run(*asked) == 0
        assert capsys.readouterr().out.count("taken") == 2
        assert said(receiver) == ["test"]
        assert len(mail.mails) == 1
        assert await run(*asked, "--channel", "hook") == 1
        assert "status 500" in capsys.readouterr().out
        assert len(mail.mails) == 1
    assert await run(*asked, "--channel", "hok") == 2
    assert "known: hook, mail" in capsys.readouterr().err


def said(receiver: Receiver) -> list[str]:
    return [alert["kind"] for _, body in receiver.taken for alert in json.loads(body)["alerts"]]


async def test_a_key_that_is_missing_is_named(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = policies(tmp_path / "policies", "{webhooks: {other: {url: 'https://127.0.0.1:1/x'}}}")
    assert await run("test", "--state", str(state), "--policies", str(directory)) == 1
    assert "openssl rand -base64 32" in capsys.readouterr().out


async def test_without_channels_there_is_the_trail(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("test", "--state", str(state), "--policies", str(POLICIES)) == 0
    assert "audit trail" in capsys.readouterr().out


async def test_the_list_shows_what_was_told_and_what_waits(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("list", "--state", str(state)) == 0
    assert capsys.readouterr().out == "Nothing was told yet.\n"
    assert not (state / "alerts.sqlite").exists()
    SqliteAlerts(state / "alerts.sqlite").note([(made("a\x1b[2J"), ("hook",), NOW)])
    assert await run("list", "--state", str(state)) == 0
    shown = capsys.readouterr().out
    assert "has reached 80 %" in shown
    assert "Waiting for channel 'hook': 1" in shown
    assert "\x1b" not in shown
    assert await run("list", "--state", str(state), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["threshold_percent"] for each in document["alerts"]] == [80]
    assert document["waiting"] == {"hook": 1}
