"""Everybody's credentials, and those of services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from gateway_ext.clock import SystemClock
from gateway_ext.credentials.certificates import thumbprint
from gateway_ext.local.certificates import CLIENT_URI, ensure_certificates
from tests.unit.console.office import Office

ALL = "/api/v1/credentials"
SERVICES = "/api/v1/service-credentials"
BATCH = {"name": "batch", "service": "nightly-batch", "team": "platform", "client_uri": CLIENT_URI}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def mint_service(client: httpx.AsyncClient, key: str = "one", **wish: Any) -> httpx.Response:
    return await client.post(SERVICES, json={**BATCH, **wish}, headers={"Idempotency-Key": key})


async def mint_own(client: httpx.AsyncClient) -> str:
    answer = await client.post("/api/v1/me/credentials", json={"name": "own"}, headers={"Idempotency-Key": "own"})
    identity: str = answer.json()["id"]
    return identity


async def test_a_service_is_bound_to_its_certificate(office: Office, tmp_path: Path) -> None:
    ensure_certificates(tmp_path / "certs", SystemClock().now_unix_nano())
    certificate = tmp_path / "certs" / "client.pem"
    async with office.as_("grace") as grace:
        answer = await mint_service(grace, client_certificate=certificate.read_text(), groups=["llm-services"])
    assert answer.status_code == 201, answer.text
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["app"], claims["client_uri"]) == ("nightly-batch", "nightly-batch", CLIENT_URI)
    assert claims["cnf"] == {"x5t#S256": thumbprint(certificate)}


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"client_uri": ""}, "/client_uri"),
        ({"client_certificate": "no PEM"}, "/client_certificate"),
        ({"service": "ada@example.eu"}, "/service"),
        ({"groups": ["one\ntwo"]}, "/groups/0"),
        ({"days": "7"}, "/days"),
        ({"budget": "1e9"}, "/budget"),
        ({"team": " "}, "/team"),
    ],
)
async def test_a_wish_that_cannot_be_met_names_the_field(office: Office, wish: dict[str, Any], pointer: str) -> None:
    async with office.as_("grace") as grace:
        answer = await mint_service(grace, **wish)
        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
        assert (await grace.get(ALL)).json()["items"] == []


async def test_a_service_is_rotated_and_a_person_is_not(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("grace") as grace:
        of_a_person = await mint_own(ada)
        of_a_service = (await mint_service(grace)).json()["id"]
        paths = [f"{SERVICES}/{each}/rotation" for each in (of_a_person, of_a_service)]
        answers = [await grace.post(path, json={}, headers={"Idempotency-Key": path}) for path in paths]
    assert [answer.status_code for answer in answers] == [404, 201]
    assert answers[1].json()["subject"] == "nightly-batch"


async def test_everything_is_listed_and_filtered(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("grace") as grace, office.as_("otto") as otto:
        own, service = await mint_own(ada), (await mint_service(grace)).json()["id"]

        async def found(**query: str) -> set[str]:
            return {each["id"] for each in (await otto.get(ALL, params=query)).json()["items"]}

        assert await found() == {own, service}
        assert await found(subject="ada") == {own}
        assert await found(**{"class": "service"}) == {service}
        assert await found(state="revoked") == set()
        assert (await otto.get(f"{ALL}/{own}")).json()["subject"] == "ada"
        assert "token" not in (await otto.get(f"{ALL}/{own}")).json()


async def test_an_officer_revokes_anybodys_with_a_reason(office: Office) -> None:
    async with office.as_("ada") as ada, office.as_("sofia") as sofia:
        own = await mint_own(ada)
        assert (await sofia.post(f"{ALL}/{own}/revocation", json={})).status_code == 422
        revoked = await sofia.post(f"{ALL}/{own}/revocation", json={"reason": "laptop lost"})
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    last = office.recorded()[-1]
    assert (last.name, last.order.value) == ("standing:credential:revoked", own)
    assert (last.order.actor, last.order.actor_issuer, last.order.reason) == ("sofia", "company", "laptop lost")


async def test_pages_lead_on(office: Office) -> None:
    async with office.as_("grace") as grace:
        minted = [(await mint_service(grace, key=str(count))).json()["id"] for count in range(5)]
        seen, path = [], f"{ALL}?limit=2&class=service"
        for _ in range(3):
            page = await grace.get(path)
            seen += [each["id"] for each in page.json()["items"]]
            path = page.links.get("next", {}).get("url", "")
            assert bool(path) is (page.json()["next"] is not None)
        assert path == ""
    assert sorted(seen) == sorted(minted)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%25", "cursor=WyJ4Il0", "state=new"])
async def test_a_page_that_there_cannot_be_is_refused(office: Office, query: str) -> None:
    async with office.as_("grace") as grace:
        await mint_service(grace)
        answer = await grace.get(f"{ALL}?{query}")
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [query.partition("=")[0]]
