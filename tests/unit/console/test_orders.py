"""Orders over the API: recorded with who gave them, in force at once, ended by their id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_ext.administration.orders import in_force
from tests.unit.console.office import Office

ORDERS = "/api/v1/orders"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.mark.parametrize(
    ("kind", "body", "target", "events"),
    [
        ("stops", {"scope": "everything"}, "everything", ("stop:set", "stop:undone")),
        ("stops", {"scope": "jurisdiction", "value": "fr"}, "jurisdiction FR", ("stop:set", "stop:undone")),
        ("stops", {"scope": "team", "value": "demo"}, "team demo", ("stop:set", "stop:undone")),
        (
            "stops",
            {"scope": "provider", "value": "tomorrows", "unknown": True},
            "provider tomorrows",
            ("stop:set", "stop:undone"),
        ),
        ("disablings", {"subject": "ada@example.eu"}, "person ada@example.eu", ("person:disabled", "person:enabled")),
        (
            "disablings",
            {"subject": "ada", "issuer": "company"},
            "person ada (issuer company)",
            ("person:disabled", "person:enabled"),
        ),
        ("revocations", {"credential_id": "jti-1"}, "credential jti-1", ("credential:revoked", "credential:restored")),
    ],
)
async def test_an_order_is_recorded_in_force_and_can_be_ended(
    office: Office, kind: str, body: dict[str, Any], target: str, events: tuple[str, str]
) -> None:
    async with office.as_("sofia") as sofia:
        given = await sofia.post(f"/api/v1/{kind}", json={**body, "reason": "incident 7"})
        assert given.status_code == 201, given.text
        assert [str(each.target) for each in in_force(office.settings)] == [target]
        assert (await sofia.get(given.headers["location"])).json() == given.json()
        assert (await sofia.get(ORDERS)).json() == {"items": [given.json()], "next": None}
        ending = f"/api/v1/{kind}/{given.json()['id']}/ending"
        assert (await sofia.post(ending, json={"reason": "over"})).json() == given.json()
        assert in_force(office.settings) == []
        assert (await sofia.post(ending, json={"reason": "over"})).status_code == 404
    assert [(event.name, event.order.actor, event.order.reason) for event in office.recorded()] == [
        (f"standing:{events[0]}", "sofia", "incident 7"),
        (f"standing:{events[1]}", "sofia", "over"),
    ]


async def test_an_order_of_another_kind_is_not_ended(office: Office) -> None:
    async with office.as_("grace") as grace:
        stop = (await grace.post("/api/v1/stops", json={"scope": "person", "value": "ada", "reason": "r"})).json()
        answer = await grace.post(f"/api/v1/disablings/{stop['id']}/ending", json={"reason": "r"})
    assert answer.status_code == 404
    assert len(in_force(office.settings)) == 1


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("stops", {"scope": "model", "value": "gpt-9"}, "/value"),
        ("stops", {"scope": "provider", "value": "simulatr-us"}, "/value"),
        ("stops", {"scope": "jurisdiction", "value": "Germany"}, "/value"),
        ("stops", {"scope": "everything", "value": "now"}, "/value"),
        ("stops", {"scope": "team"}, "/value"),
        ("stops", {"scope": "planet", "value": "earth"}, "/scope"),
        ("stops", {"scope": "team", "value": "demo", "expires": "2099-01-01"}, "/expires"),
        ("stops", {"scope": "team", "value": "demo", "reason": "two\nlines"}, "/reason"),
        ("stops", {"scope": "team", "value": "demo", "reason": " "}, "/reason"),
        ("disablings", {"subject": "\x1b[2J"}, "/subject"),
        ("disablings", {}, "/subject"),
        ("revocations", {"credential_id": "jti", "expires": "2001-01-01T00:00:00Z"}, "/expires"),
        ("revocations", {"credential_id": "jti", "expires": "2099-01-01T00:00:00"}, "/expires"),
    ],
)
async def test_bad_input_changes_and_records_nothing(
    office: Office, kind: str, body: dict[str, Any], pointer: str
) -> None:
    async with office.as_("sofia") as sofia:
        answer = await sofia.post(f"/api/v1/{kind}", json={"reason": "incident 7", **body})
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert in_force(office.settings) == []
    assert office.recorded() == []


async def test_a_revocation_ends_with_its_credential(office: Office) -> None:
    body = {"credential_id": "jti-1", "expires": "2099-12-31T12:00:00+01:00", "reason": "lost"}
    async with office.as_("sofia") as sofia:
        answer = await sofia.post("/api/v1/revocations", json=body)
    assert answer.json()["expires"] == "2099-12-31T11:00:00Z"


async def test_a_measure_can_be_asked_for_and_pages_lead_on(office: Office) -> None:
    async with office.as_("sofia") as sofia:
        for number in range(5):
            await sofia.post("/api/v1/disablings", json={"subject": f"person-{number}", "reason": "left"})
        await sofia.post("/api/v1/stops", json={"scope": "everything", "reason": "incident"})
        seen, query = [], "measure=disabled&limit=2"
        while query:
            page = (await sofia.get(f"{ORDERS}?{query}")).json()
            seen += [each["value"] for each in page["items"]]
            query = page["next"] and f"measure=disabled&limit=2&cursor={page['next']}"
    assert seen == [f"person-{number}" for number in range(5)]


async def test_a_disabled_person_is_out_at_once(office: Office) -> None:
    async with office.as_("grace") as grace, office.as_("ada") as ada:
        assert (await ada.get("/api/v1/me")).status_code == 200
        await grace.post("/api/v1/disablings", json={"subject": "ada", "reason": "left"})
        answer = await ada.get("/api/v1/me")
        assert (answer.status_code, "disabled" in answer.json()["detail"]) == (401, True)


async def test_a_lost_store_is_told_without_its_path(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.lose_orders()
    async with office.as_("sofia") as sofia:
        answer = await sofia.post("/api/v1/stops", json={"scope": "everything", "reason": "incident"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert str(office.settings.state_dir) not in answer.text
    assert str(office.settings.state_dir) in caplog.text
    assert office.recorded() == []
