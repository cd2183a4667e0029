"""Top-ups over the API: recorded with who granted them, in force at once, granted once, ended by their id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.office import Office

TOP_UPS = "/api/v1/top-ups"
WISH = {
    "budget": "per-team",
    "value": "sales",
    "amount": "12.50",
    "until": "2099-01-31",
    "reason": "fair",
    "unknown": True,
}
KEY = {"Idempotency-Key": "k1"}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_top_up_is_recorded_listed_and_can_be_ended(office: Office) -> None:
    async with office.as_("grace") as grace:
        granted = await grace.post(TOP_UPS, json=WISH, headers=KEY)
        assert granted.status_code == 201, granted.text
        shown = granted.json()
        assert (shown["budget"], shown["scope"], shown["value"]) == ("per-team", "team", "sales")
        assert (shown["amount_nano"], shown["currency"], shown["actor"]) == ("12500000000", "EUR", "grace")
        assert shown["ends"].startswith("2099-01-31T")
        assert (await grace.get(granted.headers["location"])).json() == shown
        assert (await grace.get(TOP_UPS)).json() == {"items": [shown], "next": None}
        ended = await grace.post(f"{TOP_UPS}/{shown['id']}/ending", json={"reason": "cancelled"})
        assert ended.status_code == 200, ended.text
        assert ended.json() == shown | {"ends": ended.json()["ends"]}
        assert (await grace.get(TOP_UPS)).json()["items"] == []
        assert (await grace.get(granted.headers["location"])).status_code == 404
        assert (await grace.post(f"{TOP_UPS}/{shown['id']}/ending", json={"reason": "r"})).status_code == 404
    assert [
        (event.name, event.order.actor, event.order.actor_issuer, event.order.reason) for event in office.recorded()
    ] == [
        ("budget:topup:granted", "grace", "company", "fair"),
        ("budget:topup:ended", "grace", "company", "cancelled"),
    ]


async def test_the_same_money_is_granted_once(office: Office) -> None:
    async with office.as_("grace") as grace:
        first, again = [await grace.post(TOP_UPS, json=WISH, headers=KEY) for _ in range(2)]
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert len((await grace.get(TOP_UPS)).json()["items"]) == 1
        assert (await grace.post(TOP_UPS, json=WISH)).status_code == 400  # without a key nobody could tell


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"budget": "per-taem"}, "/budget"),
        ({"value": "slaes", "unknown": False}, "/value"),
        ({"value": "two\nlines"}, "/value"),
        ({"amount": "12,50"}, "/amount"),
        ({"amount": "0"}, "/amount"),
        ({"amount": 12.5}, "/amount"),
        ({"until": "2001-01-31"}, "/until"),
        ({"until": "31.1.2099"}, "/until"),
        ({"reason": " "}, "/reason"),
        ({"model": "assistant"}, "/model"),
        ({"forever": True}, "/forever"),
    ],
)
async def test_what_cannot_be_meant_grants_nothing(office: Office, changed: dict[str, Any], pointer: str) -> None:
    async with office.as_("grace") as grace:
        answer = await grace.post(TOP_UPS, json=WISH | changed, headers=KEY)
        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
        assert (await grace.get(TOP_UPS)).json()["items"] == []
    assert office.recorded() == []


async def test_a_ledger_that_cannot_be_read_changes_nothing_and_may_be_asked_again(office: Office) -> None:
    path = office.settings.layout.ledger
    path.write_bytes(b"no ledger" * 1_000)
    async with office.as_("grace") as grace:
        answer = await grace.post(TOP_UPS, json=WISH, headers=KEY)
        assert (answer.status_code, str(path) in answer.text) == (503, False)
        assert (await grace.get(TOP_UPS)).status_code == 503
        path.unlink()
        assert (await grace.post(TOP_UPS, json=WISH, headers=KEY)).status_code == 201


async def test_pages_lead_on(office: Office) -> None:
    async with office.as_("grace") as grace:
        for number in range(3):
            await grace.post(TOP_UPS, json=WISH, headers={"Idempotency-Key": str(number)})
        seen, query = [], "limit=2"
        while query:
            page = (await grace.get(f"{TOP_UPS}?{query}")).json()
            seen += [each["id"] for each in page["items"]]
            query = page["next"] and f"limit=2&cursor={page['next']}"
    assert len(set(seen)) == 3
