from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.clock import SystemClock
from gateway_ext.console.idempotency import Answer, RepeatedRequests, request_key
from gateway_ext.console.person_data import ConsolePerson
from gateway_ext.console.problems import RequestUnderWay
from gateway_ext.console.sessions import Sessions
from gateway_ext.console.store import ConsoleStore
from gateway_ext.limits import NANO


def test_without_a_store_nothing_is_held_and_none_is_made(tmp_path: Path) -> None:
    person = ConsolePerson(tmp_path / "console.sqlite")
    assert person.sessions("ada") == []
    assert person.forget("ada") == 0
    assert not (tmp_path / "console.sqlite").exists()


def test_sessions_and_answers_of_one_person_are_told_and_forgotten(tmp_path: Path) -> None:
    path, clock = tmp_path / "console.sqlite", SystemClock()
    store, person = ConsoleStore(path), ConsolePerson(path)
    sessions = Sessions(store, clock.now_unix_nano)
    secrets = {
        name: sessions.begin("company", name, {"sub": name, "email": f"{name}@x"}, lambda _: None)
        for name in ("ada", "eva")
    }
    repeated = RepeatedRequests(store, lambda: clock.now_unix_nano() // NANO)
    keys = {name: request_key(name, name, "POST", "/", b"") for name in ("ada", "eva")}
    for name, key in keys.items():
        repeated.once(key, lambda name=name: Answer(201, {"subject": name}))  # type: ignore[misc]  # bound now
    (session,) = person.sessions("ada")
    assert (session["issuer"], session["claims"]["email"]) == ("company", "ada@x")
    assert secrets["ada"] not in str(session)
    assert person.forget("ada") == 2
    assert person.sessions("ada") == []
    assert sessions.find(secrets["ada"]) is None
    assert sessions.find(secrets["eva"]) is not None
    with pytest.raises(RequestUnderWay):  # not done twice, although what was answered is forgotten
        repeated.once(keys["ada"], lambda: Answer(201, {}))
    assert repeated.once(keys["eva"], lambda: Answer(500, {})).body == {"subject": "eva"}
