"""Delivery to real receivers that fail, hang and come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway_ext.alerts import delivery
from gateway_ext.alerts.alert import Alert
from gateway_ext.alerts.delivery import ALERTS_PER_MESSAGE, Delivery, Outlet, retry_seconds
from gateway_ext.alerts.rules import Webhook
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.alerts.webhook import WebhookOutlet
from tests.servers.webhooks import Receiver, running_receiver
from tests.unit.alerts.alerts import NOW, made


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "RETRY_SECONDS_MAX", 0.02)
    monkeypatch.setattr(delivery, "SEND_SECONDS", 1.0)


@pytest.fixture
def store(tmp_path: Path) -> SqliteAlerts:
    return SqliteAlerts(tmp_path / "alerts.sqlite")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "hook.key"
    path.write_text("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    path.chmod(0o600)
    return path


class Memory:
    """An outlet that remembers, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[str] = []
        self.is_closed = False

    async def send(self, alerts: Sequence[Alert]) -> None:
        if self.error:
            raise self.error
        self.taken += [alert.value for alert in alerts]

    def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def delivering(store: SqliteAlerts, outlets: dict[str, Outlet]) -> AsyncIterator[Delivery]:
    running = Delivery(store, lambda: 1, lambda: outlets)
    task = asyncio.get_running_loop().create_task(running.run())
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_true: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if is_true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to be")


def hook(receiver: Receiver, key_file: Path) -> Outlet:
    return WebhookOutlet(Webhook("hook", f"http://127.0.0.1:{receiver.port}/"), key_file)


def values(receiver: Receiver) -> list[list[str]]:
    return [[each["value"] for each in json.loads(body)["alerts"]] for _, body in receiver.taken]


async def test_a_receiver_that_fails_hangs_and_half_answers_gets_it_in_the_end(
    store: SqliteAlerts, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.note([(made(), ("hook",), NOW), (made("eva"), ("hook",), NOW)])
    async with running_receiver() as receiver:
        receiver.behave = ["500", "half", "silence", "redirect", "take"]
        async with delivering(store, {"hook": hook(receiver, key_file)}) as running:
            await until(lambda: "reach channel 'hook' again" in caplog.text)
    assert store.counts() == {}
    assert values(receiver) == [["ada", "eva"]]
    assert (receiver.seen, running.taken) == (5, 2)
    assert running.failures >= 4  # more where this machine is too busy to send in time
    assert caplog.text.count("do not reach channel 'hook'") == 1  # once an outage
    assert "ada" not in caplog.text


async def test_what_was_taken_and_not_noted_comes_again_with_the_same_ids(store: SqliteAlerts, key_file: Path) -> None:
    store.note([(made(), ("hook",), NOW)])
    async with running_receiver() as receiver:
        receiver.behave = ["take and hang up", "take"]
        async with delivering(store, {"hook": hook(receiver, key_file)}):
            await until(lambda: not store.counts())
    (first, _), (again, _) = receiver.taken
    assert first["webhook-id"] == again["webhook-id"]


async def test_a_crash_between_sending_and_noting_sends_again_after_the_restart(
    store: SqliteAlerts, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.note([(made(), ("hook",), NOW)])
    crashed = asyncio.Event()

    async with running_receiver() as receiver:
        with monkeypatch.context() as patch:
            loop = asyncio.get_running_loop()

            def crash(*_: object) -> None:
                loop.call_soon_threadsafe(crashed.set)
                raise OSError("the process ends here")

            patch.setattr(SqliteAlerts, "delivered", crash)
            async with delivering(store, {"hook": hook(receiver, key_file)}):
                await asyncio.wait_for(crashed.wait(), 10)
        before = len(receiver.taken)
        assert before >= 1
        async with delivering(store, {"hook": hook(receiver, key_file)}):
            await until(lambda: not store.counts())
    assert values(receiver)[-1] == ["ada"]


@pytest.mark.parametrize("error", [RuntimeError("a fault"), TimeoutError(), OSError("SECRET")])
async def test_a_dead_channel_delays_no_other(
    store: SqliteAlerts, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    dead, alive = Memory(error), Memory()
    async with delivering(store, {"dead": dead, "alive": alive}):
        for number in range(3):
            store.note([(made(str(number)), ("dead", "alive"), NOW)])
            await until(lambda number=number: str(number) in alive.taken)  # type: ignore[misc]  # a lambda with a default
        await until(lambda: store.counts() == {"dead": 3})
    assert "SECRET" not in caplog.text
    assert dead.is_closed


async def test_many_go_in_messages_of_bounded_size(store: SqliteAlerts, key_file: Path) -> None:
    count = 2 * ALERTS_PER_MESSAGE + 1
    store.note((made(str(number)), ("hook",), NOW) for number in range(count))
    async with running_receiver() as receiver, delivering(store, {"hook": hook(receiver, key_file)}):
        await until(lambda: not store.counts())
    assert [len(each) for each in values(receiver)] == [ALERTS_PER_MESSAGE, ALERTS_PER_MESSAGE, 1]
    assert [each for message in values(receiver) for each in message] == [str(number) for number in range(count)]


async def test_channels_follow_policy(store: SqliteAlerts) -> None:
    policy, first, second = ["one"], Memory(), Memory()
    running = Delivery(store, lambda: tuple(policy), lambda: {"hook": first if policy == ["one"] else second})
    task = asyncio.get_running_loop().create_task(running.run())
    store.note([(made("a"), ("hook",), NOW)])
    await until(lambda: first.taken == ["a"])
    policy[:] = ["two"]
    await until(lambda: first.is_closed)
    store.note([(made("b"), ("hook",), NOW)])
    await until(lambda: second.taken == ["b"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_store_that_cannot_be_read_is_tried_again(store: SqliteAlerts, tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    path.write_bytes(b"x" * 5_000)
    outlet = Memory()
    async with delivering(store, {"hook": outlet}) as running:
        await until(lambda: running.failures > 1)
        path.unlink()
        store.note([(made(), ("hook",), NOW)])
        await until(lambda: outlet.taken == ["ada"])


def test_pauses_grow_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RETRY_SECONDS_MAX", 300.0)
    assert [retry_seconds(failures) for failures in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]
