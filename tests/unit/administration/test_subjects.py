"""Who asks whom a pseudonym names is recorded first; a lost store is stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.administration import orders, recording, subjects
from gateway_ext.administration.actor import Actor
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Erased, Subject

BY = Actor("gerda", user="machine")
UNKNOWN = "pseudonym-" + "0" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


@pytest.fixture
def ada(settings: Settings) -> Subject:
    store = SubjectsStore(settings.layout.subjects)
    store.begin()
    return store.of("ada")


def recorded(settings: Settings) -> list[Event]:
    return [each for path in process_directories(settings.layout.spool) for each in last_events(path, 100)]


def test_who_reveals_is_recorded_by_a_pseudonym(settings: Settings, ada: Subject) -> None:
    assert subjects.reveal(settings, ada.pseudonym, BY, "incident 7") == ada
    (event,) = recorded(settings)
    operator = subjects.known(settings, "gerda")
    assert operator is not None
    assert event.name == "subjects:subject:revealed"
    assert (event.order.scope, event.order.value, event.order.reason) == ("subject", ada.pseudonym, "incident 7")
    assert event.order.actor == operator.pseudonym
    assert b"gerda" not in event.SerializeToString()
    assert b"machine" not in event.SerializeToString()


def test_to_find_is_recorded_alike(settings: Settings, ada: Subject) -> None:
    assert subjects.find(settings, "ada", BY, "asked by her") == ada
    assert [event.name for event in recorded(settings)] == ["subjects:subject:revealed"]


def test_nobody_is_revealed_when_that_cannot_be_recorded(settings: Settings, ada: Subject) -> None:
    settings.layout.spool.write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        subjects.reveal(settings, ada.pseudonym, BY, "why")


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 201])
def test_a_reason_is_one_line(settings: Settings, ada: Subject, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="reason must be one line"):
        subjects.reveal(settings, ada.pseudonym, BY, reason)
    assert recorded(settings) == []


def test_a_reason_does_not_say_the_name(settings: Settings, ada: Subject) -> None:
    with pytest.raises(ConfigurationError, match="names the person"):
        subjects.find(settings, "ada", BY, "Ada has asked")
    assert recorded(settings) == []


def test_who_is_unknown_or_erased_is_told_apart(settings: Settings, ada: Subject) -> None:
    assert subjects.reveal(settings, UNKNOWN, BY, "why") is None
    SubjectsStore(settings.layout.subjects).erase(ada.pseudonym, 7)
    assert subjects.reveal(settings, ada.pseudonym, BY, "why") == Erased(ada.pseudonym, 7)
    assert subjects.find(settings, "ada", BY, "why") is None
    assert recorded(settings) == []


def test_without_pseudonyms_nobody_has_one(settings: Settings) -> None:
    assert subjects.reveal(settings, UNKNOWN, BY, "why") is None
    assert subjects.find(settings, "ada", BY, "why") is None
    assert not settings.layout.subjects.exists()


def test_a_loss_is_stated_and_accepted_by_a_recorded_act(settings: Settings, ada: Subject) -> None:
    for path in settings.state_dir.glob("subjects.sqlite*"):
        path.unlink()
    with pytest.raises(ConfigurationError, match=r"is missing.*privacy\.md"):
        subjects.reveal(settings, ada.pseudonym, BY, "why")
    assert subjects.begin_store(settings, BY)
    assert subjects.reveal(settings, ada.pseudonym, BY, "why") is None
    (event,) = recorded(settings)
    assert (event.name, event.order.reason) == ("subjects:store:made", "begun anew")
    assert not subjects.begin_store(settings, BY)


def test_other_acts_wait_for_a_lost_store(settings: Settings, ada: Subject) -> None:
    StandingStore(settings.layout.standing).make("store")
    for path in settings.state_dir.glob("subjects.sqlite*"):
        path.unlink()
    with pytest.raises(ConfigurationError, match="subjects init"):
        orders.give(settings, Target(Measure.STOPPED, Scope.EVERYTHING), BY, "why")
    assert orders.in_force(settings) == []


def test_orders_name_people_by_pseudonyms(settings: Settings, ada: Subject) -> None:
    StandingStore(settings.layout.standing).make("store")
    orders.give(settings, Target(Measure.DISABLED, Scope.PERSON, "ada"), BY, "left us")
    (event,) = recorded(settings)
    assert event.order.value == ada.pseudonym
    assert recording.recorded_name(settings, "ada") == ada.pseudonym
    assert orders.in_force(settings)[0].target.value == "ada"
