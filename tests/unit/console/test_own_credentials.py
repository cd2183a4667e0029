"""One's own credentials: whose they are, what is shown once, and what a repeated request gets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.orders import give
from gateway_ext.standing.directives import Measure, Scope, Target
from tests.unit.console.office import Office, bearer

MINE = "/api/v1/me/credentials"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def mint(client: httpx.AsyncClient, key: str = "one", **wish: Any) -> httpx.Response:
    return await client.post(MINE, json={"name": "laptop", **wish}, headers={"Idempotency-Key": key})


async def listed(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(MINE, params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_credential_speaks_for_whoever_is_logged_in(office: Office) -> None:
    async with office.as_("ada") as ada:
        answer = await mint(ada, purpose="editor", days=3, models=["assistant*"], budget="2.5")
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        minted = answer.json()
        assert (await ada.get(answer.headers["location"])).json() == {
            name: value for name, value in minted.items() if not name.startswith("token")
        }
    claims = jwt.decode(minted["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["team"], claims["groups"]) == ("ada", "demo", ["console-developer"])
    assert (claims["jti"], claims["exp"] - claims["iat"], claims["models"]) == (
        minted["id"],
        3 * 86_400,
        ["assistant*"],
    )
    assert minted["budget"] == {"limit_nano": "2500000000", "currency": "EUR", "window": "month"}
    assert [(event.name, event.order.actor, event.order.actor_issuer) for event in office.recorded()] == [
        ("credentials:credential:minted", "ada", "company")
    ]


@pytest.mark.parametrize("field", ["subject", "team", "groups", "application", "owner", "class"])
async def test_nobody_mints_for_somebody_else(office: Office, field: str) -> None:
    async with office.as_("ada") as ada:
        answer = await mint(ada, **{field: "grace"})
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [f"/{field}"]
        assert await listed(ada) == []
    assert office.recorded() == []


async def test_what_is_not_ones_own_is_not_there(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("grace") as grace:
        theirs = (await mint(grace)).json()["id"]
        assert await listed(ada) == []
        assert (await ada.get(f"{MINE}/{theirs}")).status_code == 404
        assert (await ada.post(f"{MINE}/{theirs}/revocation")).status_code == 404
        rotated = await ada.post(f"{MINE}/{theirs}/rotation", json={}, headers={"Idempotency-Key": "two"})
        assert rotated.status_code == 404
        assert [each["state"] for each in await listed(grace)] == ["active"]


async def test_a_repeated_minting_mints_nothing_and_shows_no_token(office: Office) -> None:
    async with office.as_("ada") as ada:
        first, second = await mint(ada), await mint(ada)
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.headers["idempotent-replayed"] == "true"
        assert second.headers["location"] == first.headers["location"]
        assert second.json() == {**first.json(), "token": None, "token_shown": False}
        assert len(await listed(ada)) == 1
    kept = b"".join(path.read_bytes() for path in office.settings.state_dir.glob("console.sqlite*"))
    assert first.json()["id"].encode() in kept
    assert not any(part.encode() in kept for part in first.json()["token"].split("."))


async def test_two_at_the_same_time_mint_one(office: Office) -> None:
    async with office.as_("ada") as ada:
        answers = await asyncio.gather(*(mint(ada) for _ in range(8)))
        assert len(await listed(ada)) == 1
    assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
    assert sum(answer.json().get("token") is not None for answer in answers) == 1


async def test_a_key_is_for_one_request_of_one_person(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("grace") as grace:
        assert (await mint(ada)).status_code == 201
        other = await mint(ada, purpose="something else")
        assert (other.status_code, other.json()["type"]) == (422, "urn:gateway-ext:problem:idempotency-key-reused")
        assert (await mint(grace)).json()["subject"] == "grace"


async def test_what_was_refused_may_be_sent_again(office: Office) -> None:
    async with office.as_("ada") as ada:
        for _ in range(2):
            refused = await mint(ada, days=400)
            assert refused.status_code == 422
            assert [each["pointer"] for each in refused.json()["errors"]] == ["/days"]
        assert await listed(ada) == []


async def test_a_bound_of_policy_is_a_conflict(office: Office) -> None:
    most = 2
    personal = replace(office.policy.credentials.personal, per_subject_max=most)
    office.policy = replace(office.policy, credentials=replace(office.policy.credentials, personal=personal))
    async with office.as_("ada") as ada:
        answers = [await mint(ada, key=str(count)) for count in range(most + 1)]
    assert [answer.status_code for answer in answers] == [201] * most + [409]
    assert str(most) in answers[-1].json()["detail"]


async def test_a_successor_has_the_groups_of_today(office: Office) -> None:
    async with office.as_("ada") as ada:
        old = (await mint(ada)).json()
    async with office.client(bearer("ada", team="research", groups=["console-developer", "new"])) as moved:
        path = f"{MINE}/{old['id']}/rotation"
        answer = await moved.post(path, json={"overlap_minutes": 5}, headers={"Idempotency-Key": "two"})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["team"], answer.json()["groups"]) == ("research", ["console-developer", "new"])
        assert {(each["state"], each["team"]) for each in await listed(moved)} == {
            ("retiring", "demo"),
            ("active", "research"),
        }
        again = await moved.post(path, json={}, headers={"Idempotency-Key": "three"})
        assert (again.status_code, again.json()["type"]) == (409, "urn:gateway-ext:problem:conflict")


async def test_without_an_overlap_the_old_one_ends_at_once(office: Office) -> None:
    async with office.as_("ada") as ada:
        old = (await mint(ada)).json()
        path = f"{MINE}/{old['id']}/rotation"
        new = (await ada.post(path, json={"overlap_minutes": 0}, headers={"Idempotency-Key": "two"})).json()
        assert {each["id"]: each["state"] for each in await listed(ada)} == {old["id"]: "revoked", new["id"]: "active"}


async def test_a_new_token_is_shown_even_if_the_old_one_cannot_be_ended(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async with office.as_("ada") as ada:
        old = (await mint(ada)).json()
        office.lose_orders()
        path = f"{MINE}/{old['id']}/rotation"
        answer = await ada.post(path, json={"overlap_minutes": 0}, headers={"Idempotency-Key": "two"})
    assert (answer.status_code, bool(answer.json()["token"])) == (201, True)
    assert "is not revoked yet" in caplog.text


async def test_revoking_is_done_once_and_is_an_order(office: Office) -> None:
    async with office.as_("ada") as ada:
        mine = (await mint(ada)).json()
        first = await ada.post(f"{MINE}/{mine['id']}/revocation")
        second = await ada.post(f"{MINE}/{mine['id']}/revocation")
    assert [first.json()["state"], second.json()["state"]] == ["revoked", "revoked"]
    assert len(first.json()["refused_by"]) == 1
    assert [event.name for event in office.recorded()].count("standing:credential:revoked") == 1


async def test_orders_that_refuse_it_are_shown_with_it(office: Office) -> None:
    async with office.as_("ada") as ada:
        await mint(ada)
        for scope, value in ((Scope.TEAM, "demo"), (Scope.TEAM, "others")):
            give(office.settings, Target(Measure.STOPPED, scope, value), Actor(), "incident")
        [mine] = await listed(ada)
    assert (mine["state"], len(mine["refused_by"])) == ("active", 1)


async def test_a_state_can_be_asked_for(office: Office) -> None:
    async with office.as_("ada") as ada:
        mine = (await mint(ada)).json()
        assert [each["id"] for each in await listed(ada, state="active")] == [mine["id"]]
        assert await listed(ada, state="revoked") == []
        assert (await ada.get(MINE, params={"state": "unknown"})).status_code == 422


async def test_nothing_is_minted_that_cannot_be_recorded(office: Office) -> None:
    office.settings.layout.spool.write_text("in the way of the directory")
    async with office.as_("ada") as ada:
        answer = await mint(ada)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:gateway-ext:problem:unavailable")
        assert str(office.settings.state_dir) not in json.dumps(answer.json())
        office.settings.layout.spool.unlink()
        assert (await mint(ada)).status_code == 201
