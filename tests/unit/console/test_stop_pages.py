"""The kill switch as people use it: a form with a reason, and who may not see or touch it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway_ext.administration import orders
from gateway_ext.identity.rules import Role, RoleRule
from tests.unit.console.login_world import World, world_of
from tests.unit.console.test_pages import Page, submit

LLM_USERS = frozenset({"llm-users"})  # ada is one


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path, "company") as running:
        running.change_policy(roles=(RoleRule(Role.SECURITY_OFFICER, groups=LLM_USERS),))
        yield running


@pytest.fixture
async def sofia(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.browser() as browser:
        await world.log_in(browser)
        yield browser


def in_force(world: World) -> list[tuple[str, str]]:
    return [(str(each.target), each.reason) for each in orders.in_force(world.settings)]


async def test_one_form_stops_everything_and_one_resumes(world: World, sofia: httpx.AsyncClient) -> None:
    assert "Nothing is stopped" in (await sofia.get("/stops")).text
    stopped = await submit(sofia, "/stops", "/stops", scope="everything", value="", reason="incident <4711>")
    assert (stopped.status_code, stopped.headers["location"]) == (303, "/stops")
    assert in_force(world) == [("everything", "incident <4711>")]
    shown = await sofia.get("/stops")
    assert "incident &lt;4711&gt;" in shown.text
    resumed = await submit(sofia, "/stops", "/ending", reason="it is over")
    assert resumed.status_code == 303
    assert in_force(world) == []
    assert [name for name, _, _ in world.recorded() if name.startswith("standing:stop")] == [
        "standing:stop:set",
        "standing:stop:undone",
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"scope": "provider", "value": "nobody", "reason": "x"}, "policy knows no provider"),
        ({"scope": "everything", "value": "all", "reason": "x"}, "takes no name"),
        ({"scope": "planet", "value": "mars", "reason": "x"}, "scope"),
        ({"scope": "everything", "value": "", "reason": ""}, "reason"),
    ],
)
async def test_what_would_stop_nothing_is_told_and_not_done(
    world: World, sofia: httpx.AsyncClient, said: dict[str, str], words: str
) -> None:
    refused = await submit(sofia, "/stops", "/stops", **said)
    assert refused.status_code == 422
    assert words in refused.text
    assert in_force(world) == []


async def test_whoever_may_only_look_finds_no_form(world: World, sofia: httpx.AsyncClient) -> None:
    forms = Page(await sofia.get("/stops")).forms
    world.change_policy(roles=(RoleRule(Role.AUDITOR, groups=LLM_USERS),))
    assert "/stops" not in Page(await sofia.get("/stops")).forms
    refused = await sofia.post("/stops", data=forms["/stops"] | {"scope": "everything", "reason": "x"})
    assert refused.status_code == 403
    assert in_force(world) == []


async def test_developers_see_neither_the_page_nor_the_way_to_it(world: World, sofia: httpx.AsyncClient) -> None:
    assert 'href="/stops"' in (await sofia.get("/")).text
    world.change_policy(roles=(RoleRule(Role.DEVELOPER, groups=LLM_USERS),))
    assert 'href="/stops"' not in (await sofia.get("/")).text
    assert (await sofia.get("/stops")).status_code == 403


async def test_a_form_of_somewhere_else_stops_nothing(world: World, sofia: httpx.AsyncClient) -> None:
    refused = await sofia.post("/stops", data={"scope": "everything", "reason": "x", "csrf_token": "guessed"})
    assert refused.status_code == 403
    assert in_force(world) == []
