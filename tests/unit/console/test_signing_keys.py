"""Signing keys over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.console.office import Office

KEYS = "/api/v1/signing-keys"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def listed(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    return [(each["issuer"], each["state"]) for each in (await client.get(KEYS)).json()["items"]]


async def mint(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "first"}
    assert (await client.post("/api/v1/me/credentials", json={"name": "a"}, headers=key)).status_code == 201


async def rotate(client: httpx.AsyncClient, key: str = "one", **body: Any) -> httpx.Response:
    wish = {"reason": "yearly", **body}
    return await client.post(f"{KEYS}/personal/rotation", json=wish, headers={"Idempotency-Key": key})


async def test_a_new_key_takes_over_later_and_only_once(office: Office) -> None:
    async with office.as_("grace") as grace, office.as_("sofia") as sofia:
        assert await listed(sofia) == []
        await mint(grace)
        assert await listed(sofia) == [("personal", "active")]
        first, repeated = await rotate(sofia), await rotate(sofia)
        assert first.json() == repeated.json()
        assert await listed(sofia) == [("personal", "active"), ("personal", "next")]
    [rotated] = [event for event in office.recorded() if event.name == "credentials:key:rotated"]
    assert (rotated.order.actor, rotated.order.issuer, rotated.order.reason) == ("sofia", "personal", "yearly")


async def test_a_key_that_others_may_have_is_withdrawn_at_once(office: Office) -> None:
    async with office.as_("grace") as grace:
        await mint(grace)
        [old] = (await grace.get(KEYS)).json()["items"]
        answer = await rotate(grace, compromised=True)
        [new] = answer.json()["items"]
    assert new["id"] != old["id"]
    assert "credentials:key:replaced" in [event.name for event in office.recorded()]
    assert "x" not in new


async def test_another_issuer_or_lead_there_cannot_be(office: Office) -> None:
    async with office.as_("grace") as grace:
        key = {"Idempotency-Key": "one"}
        answer = await grace.post(f"{KEYS}/company/rotation", json={"reason": "r"}, headers=key)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "issuer")
        assert (await rotate(grace, lead_seconds=-1)).json()["errors"][0]["pointer"] == "/lead_seconds"
    assert office.recorded() == []
