"""Who one is for the console, at this moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.console.permissions import PERMISSIONS
from gateway_ext.identity.rules import Role
from tests.unit.console.office import Office, claims_of


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_it_says_who_and_what_they_may(office: Office) -> None:
    async with office.as_("sofia") as sofia:
        me = (await sofia.get("/api/v1/me")).json()
    assert (me["subject"], me["issuer"], me["team"], me["email"]) == ("sofia", "company", "demo", "sofia@example.eu")
    assert me["roles"] == ["security-officer"]
    assert me["permissions"] == sorted(PERMISSIONS[Role.SECURITY_OFFICER])
    assert me["csrf_token"] is None


async def test_another_policy_counts_at_once(office: Office) -> None:
    async with office.as_("sofia") as sofia:
        assert (await sofia.get("/api/v1/orders")).status_code == 200
        office.policy = replace(office.policy, identity=replace(office.policy.identity, roles=()))
        assert (await sofia.get("/api/v1/me")).json()["permissions"] == []
        assert (await sofia.get("/api/v1/orders")).status_code == 403


async def test_a_session_changes_nothing_without_its_token(office: Office) -> None:
    gatekeeper = office.app.state.gatekeeper
    secret = gatekeeper.sessions.begin("company", "ada", claims_of("ada"), lambda _: None)
    async with office.client() as ada:
        ada.cookies.set(gatekeeper.session_cookie, secret)
        token = (await ada.get("/api/v1/me")).json()["csrf_token"]
        keyed = {"Idempotency-Key": "one"}
        answers = [
            await ada.post("/api/v1/me/credentials", json={"name": "a"}, headers=keyed | headers)
            for headers in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": token})
        ]
    assert [answer.status_code for answer in answers] == [403, 403, 201]
    assert answers[0].json()["type"] == "urn:gateway-ext:problem:cross-site"


async def test_two_changes_too_many_are_put_off(office: Office) -> None:
    office.allow_changes(2)
    async with office.as_("ada") as ada, office.as_("grace") as grace:
        answers = [await ada.post("/api/v1/me/credentials/none/revocation") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [404, 404, 429]
        assert (await ada.get("/api/v1/me")).status_code == 200
        assert (await grace.post("/api/v1/me/credentials/none/revocation")).status_code == 404
