"""Agreements over the API: one's own, a team's, and the list of who has accepted what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.agreements import begin_store
from gateway_ext.consent.rules import Agreement, ConsentRules, PartyKind
from tests.unit.console.office import Office

TERMS = Agreement("terms", "2", "Terms of use", PartyKind.PERSON, "https://example.eu/terms")
DATA = Agreement("data", "1", "Data processing", PartyKind.TEAM)
OWN = "/api/v1/me/agreements"
TEAM = "/api/v1/teams/demo/agreements"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.policy = replace(office.policy, consent=ConsentRules((TERMS, DATA)))
    begin_store(office.settings, Actor(), "tests")
    return office


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    return {each["name"]: each["state"] for each in (await client.get(OWN)).json()["items"]}


async def test_a_person_accepts_and_withdraws_for_themselves(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("otto") as otto:
        assert await states(ada) == {"terms": "missing", "data": "missing"}
        accepted = await ada.post(f"{OWN}/terms/acceptance", json={"version": "2"})
        assert (accepted.status_code, accepted.json()["party"], accepted.json()["actor"]) == (200, "ada", "ada")
        assert await states(ada) == {"terms": "accepted", "data": "missing"}
        assert (await states(otto))["terms"] == "missing"
        withdrawn = await ada.post(f"{OWN}/terms/withdrawal", json={"reason": "changed my mind"})
        assert withdrawn.json()["withdrawn"]
        assert (await states(ada))["terms"] == "withdrawn"
        assert (await ada.post(f"{OWN}/terms/withdrawal", json={"reason": "again"})).status_code == 404
    assert [event.name for event in office.recorded()] == [
        "consent:store:made",
        "consent:agreement:accepted",
        "consent:agreement:withdrawn",
    ]


async def test_only_the_version_in_force_can_be_accepted(office: Office) -> None:
    async with office.as_("ada") as ada:
        answer = await ada.post(f"{OWN}/terms/acceptance", json={"version": "1"})
        assert (answer.status_code, "Version 2" in answer.json()["detail"]) == (409, True)
        assert (await ada.post(f"{OWN}/others/acceptance", json={"version": "1"})).status_code == 404
        assert (await ada.post(f"{OWN}/data/acceptance", json={"version": "1"})).status_code == 404
        assert (await states(ada))["terms"] == "missing"


async def test_somebody_accepts_for_a_team_and_a_member_may_not(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("grace") as grace:
        assert (await ada.post(f"{TEAM}/data/acceptance", json={"version": "1"})).status_code == 403
        assert (await grace.post(f"{TEAM}/data/acceptance", json={"version": "1"})).status_code == 200
        assert (await states(ada))["data"] == "accepted"
        assert (await grace.post(f"{TEAM}/data/withdrawal", json={"reason": "audit"})).status_code == 200
        assert (await states(ada))["data"] == "withdrawn"
        assert (await grace.post(f"{TEAM}/terms/acceptance", json={"version": "2"})).status_code == 404
        bad = await grace.post("/api/v1/teams/%0a/agreements/data/acceptance", json={"version": "1"})
        assert bad.status_code == 422


async def test_acceptances_are_listed_in_pages_and_filtered(office: Office) -> None:
    people = ("ada", "grace", "otto", "sofia")
    for name in people:
        async with office.as_(name) as client:
            await client.post(f"{OWN}/terms/acceptance", json={"version": "2"})
    async with office.as_("grace") as grace:
        await grace.post(f"{TEAM}/data/acceptance", json={"version": "1"})
    async with office.as_("otto") as otto:
        seen, path = [], "/api/v1/acceptances?limit=2&kind=person"
        while path:
            page = await otto.get(path)
            seen += [each["party"] for each in page.json()["items"]]
            path = page.links.get("next", {}).get("url", "")
        assert seen == sorted(people)
        for query, parties in (("party=ada", ["ada"]), ("agreement=data", ["demo"]), ("withdrawn=true", [])):
            items = (await otto.get(f"/api/v1/acceptances?{query}")).json()["items"]
            assert [each["party"] for each in items] == parties
        assert (await otto.get("/api/v1/acceptances?cursor=WzFd")).status_code == 422
