"""No act of people without a record, or a written reason why there is none (docs/audit.md, "Who did what")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.administration.actor import Actor, local_user
from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.audit.reading import last_events
from gateway_ext.console.app import API, PAGES
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings
from tests.unit.test_docs import DOCS, commands

READS = {"GET", "HEAD", "OPTIONS"}
NOT_OF_PEOPLE = ("request:", "shadow:", "response:", "envoy:")
FAILED = {EventName.STANDING_FAILED, EventName.CONSENT_FAILED, EventName.TOPUP_FAILED}
BY_ITSELF = {EventName.THRESHOLD_REACHED, EventName.OVERRUN_FORECAST, EventName.AUDIT_RECORDS_ERASED}
REASON_CHARACTERS_MIN = 40


def rows() -> Iterator[tuple[list[str], str]]:
    """Acts, and what is said of their record."""
    _, _, table = (DOCS / "audit.md").read_text().partition("| act | record |\n|---|---|\n")
    for line in table.partition("\n\n")[0].splitlines():
        _, acts, said, _ = line.split("|")
        yield re.findall("`([^`]+)`", acts), said.strip()


def changing_routes() -> Iterator[str]:
    """As a caller writes them: method and path."""
    for router in (*API, *PAGES):
        for route in router.routes:
            for method in getattr(route, "methods", set()) - READS:
                yield f"{method} {getattr(route, 'path')}"  # noqa: B009  (not every route of Starlette's has one)


def test_every_command_and_every_change_by_the_console_has_its_row() -> None:
    named = [act for acts, _ in rows() for act in acts if act.startswith(("gateway-ext ", "POST ", "PUT ", "DELETE "))]
    assert sorted(named) == sorted([*(f"gateway-ext {each}" for each in commands()), *changing_routes()])


def test_every_row_names_an_event_or_says_why_there_is_none() -> None:
    for acts, said in rows():
        events = [each for each in re.findall("`([^`]+)`", said) if each.count(":") == 2]
        assert set(events) <= set(EventName), acts
        assert events or (said.startswith("none: ") and len(said) > REASON_CHARACTERS_MIN), acts


def test_every_event_of_people_is_what_some_act_leads_to() -> None:
    named = {each for _, said in rows() for each in re.findall("`([^`]+)`", said)}
    of_people = {each for each in EventName if not each.startswith(NOT_OF_PEOPLE)} - FAILED - BY_ITSELF
    assert {*of_people} - {EventName.CONSOLE_DENIED} - named == set()


def test_an_act_is_on_the_disk_with_who_did_it(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    record_act(settings, EventName.AUDIT_SEARCHED, "records", "", "by a test")
    record_act(settings, EventName.AUDIT_SEARCHED, "records", "", "again", Actor("ada", "company", "daemon"), "issuer")
    first, second = last_events(settings.layout.spool / "operator", 2, tmp_path / "archive" / "operator")
    assert (first.name, first.order.actor, first.order.user) == ("audit:records:searched", local_user(), local_user())
    assert (second.order.actor, second.order.actor_issuer, second.order.user) == ("ada", "company", "daemon")
    assert (second.order.issuer, second.order.reason) == ("issuer", "again")


def test_what_cannot_be_recorded_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(ConfigurationError):
        record_act(Settings(state_dir=tmp_path), EventName.AUDIT_SEARCHED, "records", "", "")
