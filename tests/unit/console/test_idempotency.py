"""A request that comes again: answered again, not done again, and nothing is guessed about one that never ended."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from gateway_ext.console.idempotency import KEPT_SECONDS, Answer, RepeatedRequests, RequestKey, request_key
from gateway_ext.console.problems import Conflict, KeyReused, Malformed, RequestUnderWay
from gateway_ext.console.store import ConsoleStore
from gateway_ext.errors import ConfigurationError

NOW_UNIX = 1_800_000_000


class Counted:
    """Work that knows how often it was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Answer:
        self.times += 1
        return Answer(201, {"id": "1", "token": "SECRET"}, "/one", {"token": None})


class Desk:
    def __init__(self, path: Path) -> None:
        self.path, self.now_unix = path, NOW_UNIX
        self.repeated = RepeatedRequests(ConsoleStore(path), lambda: self.now_unix)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "console.sqlite")


def key(value: str = "one", who: str = "ada", body: bytes = b"{}") -> RequestKey:
    found = request_key(value, who, "POST", "/x?", body)
    assert found is not None
    return found


def fail_with(error: Exception) -> NoReturn:
    raise error


def test_it_is_done_once_and_its_secret_is_kept_nowhere(desk: Desk) -> None:
    work = Counted()
    first, second = desk.repeated.once(key(), work), desk.repeated.once(key(), work)
    assert (work.times, first.body["token"], first.is_repeated) == (1, "SECRET", False)
    assert second == Answer(201, {"id": "1", "token": None}, "/one", {}, is_repeated=True)
    assert not any(b"SECRET" in file.read_bytes() for file in desk.path.parent.iterdir())


def test_without_a_key_it_is_done_as_often_as_it_comes(desk: Desk) -> None:
    work = Counted()
    desk.repeated.once(None, work)
    desk.repeated.once(None, work)
    assert work.times == 2
    assert not desk.path.exists()


def test_other_people_and_keys_are_other_requests_and_other_bodies_are_refused(desk: Desk) -> None:
    work = Counted()
    for each in (key(), key("two"), key(who="grace")):
        desk.repeated.once(each, work)
    assert work.times == 3
    with pytest.raises(KeyReused):
        desk.repeated.once(key(body=b"{ }"), work)


@pytest.mark.parametrize("error", [Conflict(), ConfigurationError("the disk is full")])
def test_what_changed_nothing_may_come_again(desk: Desk, error: Exception) -> None:
    work = Counted()
    with pytest.raises(type(error)):
        desk.repeated.once(key(), lambda: fail_with(error))
    assert desk.repeated.once(key(), work).body["token"] == "SECRET"


def test_what_ended_nobody_knows_how_is_not_done_again(desk: Desk) -> None:
    work = Counted()
    with pytest.raises(RuntimeError):
        desk.repeated.once(key(), lambda: fail_with(RuntimeError()))
    with pytest.raises(RequestUnderWay):
        desk.repeated.once(key(), work)
    assert work.times == 0


def test_one_under_way_is_not_begun_again(desk: Desk) -> None:
    def at_work() -> Answer:
        with pytest.raises(RequestUnderWay):
            desk.repeated.once(key(), Counted())
        return Answer(200, {})

    desk.repeated.once(key(), at_work)


def test_after_a_day_it_is_a_new_one(desk: Desk) -> None:
    work = Counted()
    desk.repeated.once(key(), work)
    desk.now_unix += KEPT_SECONDS - 1
    assert desk.repeated.once(key(), work).is_repeated
    desk.now_unix += 1
    assert not desk.repeated.once(key(), work).is_repeated


def test_an_answer_that_cannot_be_kept_is_given(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def spoils_the_store() -> Answer:
        for file in desk.path.parent.iterdir():
            file.unlink()
        desk.path.mkdir()
        return Answer(200, {"done": True})

    assert desk.repeated.once(key(), spoils_the_store).body == {"done": True}
    assert "cannot be kept" in caplog.text


@pytest.mark.parametrize("value", ["", '""', "two words", '"quo"te"', "x" * 129, "\u00e9", "a,b"])
def test_what_is_no_key_is_refused(value: str) -> None:
    with pytest.raises(Malformed):
        request_key(value, "ada", "POST", "/x", b"")


def test_quotes_are_of_the_header_and_not_of_the_key() -> None:
    assert key("one") == key('"one"')
