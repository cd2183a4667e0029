"""The pages as people use them: with forms, without scripts, and with nothing that a browser or a proxy keeps."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import AsyncIterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gateway_ext.consent.rules import Agreement, ConsentRules, PartyKind
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.credentials.rules import Bounds, CredentialRules
from gateway_ext.identity.rules import Role, RoleRule
from tests.unit.console.login_world import World, world_of

TERMS = Agreement("terms", "2", "Terms <of> use", PartyKind.PERSON, "https://example.eu/terms")
PROCESSING = Agreement("processing", "1", "Data processing", PartyKind.TEAM)
TOKEN = re.compile(r"OPENAI_API_KEY=([\w-]+\.([\w-]+)\.[\w-]+)")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path, "company") as running:
        running.policy = dataclasses.replace(
            running.policy,
            credentials=CredentialRules(personal=Bounds(30, 14, 3, "EUR")),
            consent=ConsentRules((TERMS, PROCESSING)),
        )
        AgreementsStore(running.settings.layout.agreements).make("of-this-world")
        yield running


@pytest.fixture
async def ada(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.browser() as browser:
        await world.log_in(browser)
        yield browser


class Page(HTMLParser):
    """The forms, links, labels and references of a page."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.fields: list[str] = []
        self._form: dict[str, str] = {}
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.references += [given[name] for name in ("for", "aria-describedby") if name in given]
        if tag == "form":
            assert given["method"] == "post"
            self._form = self.forms[given["action"]] = {}
        if tag == "input":
            self._form[given["name"]] = given.get("value", "")
            if given["type"] != "hidden":
                self.fields.append(given["id"])


async def submit(browser: httpx.AsyncClient, path: str, action: str, **filled: str) -> httpx.Response:
    """Open a page and send the form on it whose address ends with `action`."""
    forms = Page(await browser.get(path)).forms
    (found,) = [each for each in forms if each.endswith(action)]
    return await browser.post(found, data=forms[found] | filled)


async def test_who_is_not_logged_in_is_sent_there_and_back(world: World) -> None:
    async with world.browser() as browser:
        sent = await browser.get("/agreements")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/agreements")
        off = await browser.get(sent.headers["location"])
        back = await browser.get(world.providers["company"].authorize(off.headers["location"]))
        assert (back.status_code, back.headers["location"]) == (303, "/agreements")
        assert (await browser.get("/agreements")).status_code == 200


async def test_a_key_is_shown_once(world: World, ada: httpx.AsyncClient) -> None:
    shown = await submit(ada, "/", "/credentials", name="laptop", purpose="trying out", days="7", budget="2.5")
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    assert f"OPENAI_BASE_URL={world.settings.gateway_url}" in shown.text
    token, payload = re.findall(TOKEN, shown.text)[0]
    assert '"sub":"ada"' in _decoded(payload)
    after = (await ada.get("/")).text
    assert "laptop" in after
    assert "trying out" in after
    assert token not in after
    kept = [path.read_bytes() for path in world.settings.state_dir.rglob("*") if path.is_file()]
    assert not any(token.encode() in content for content in kept)


async def test_a_form_that_is_sent_twice_mints_one_key(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/")).forms["/credentials"] | {"name": "laptop"}
    first, second = await ada.post("/credentials", data=form), await ada.post("/credentials", data=form)
    assert TOKEN.search(first.text)
    assert second.status_code == 200
    assert not TOKEN.search(second.text)
    assert "sent before" in second.text
    assert len([each for each in Page(await ada.get("/")).forms if each.endswith("/revocation")]) == 1


async def test_a_key_is_rotated_and_revoked(world: World, ada: httpx.AsyncClient) -> None:
    await submit(ada, "/", "/credentials", name="laptop")
    rotated = await submit(ada, "/", "/rotation")
    assert TOKEN.search(rotated.text)
    page = (await ada.get("/")).text
    assert "works\nuntil" in page
    assert ">retiring<" in page
    for _ in range(2):
        action = next(each for each in Page(await ada.get("/")).forms if each.endswith("/revocation"))
        revoked = await submit(ada, "/", action)
        assert (revoked.status_code, revoked.headers["location"]) == (303, "/")
    after = await ada.get("/")
    assert "You have none yet" in after.text
    assert "2 that no longer work" in after.text


async def test_keys_of_others_are_not_there(world: World, ada: httpx.AsyncClient) -> None:
    await submit(ada, "/", "/credentials", name="laptop")
    (hers,) = [each for each in Page(await ada.get("/")).forms if each.endswith("/rotation")]
    world.providers["company"].claims["sub"] = "grace"
    async with world.browser() as grace:
        await world.log_in(grace)
        page = await grace.get("/")
        assert "laptop" not in page.text
        form = Page(page).forms["/credentials"]
        for action in (hers, hers.replace("rotation", "revocation")):
            assert (await grace.post(action, data=form)).status_code == 404
    assert ">active<" in (await ada.get("/")).text


@pytest.mark.parametrize(
    ("filled", "words"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "laptop", "days": "31"}, "days"),
        ({"name": "laptop", "days": "many"}, "days"),
        ({"name": "laptop", "days": "-1"}, "days"),
        ({"name": "laptop", "budget": "0"}, "budget"),
        ({"name": "laptop", "budget": "1,5"}, "budget"),
        ({"name": "laptop", "models": "a " * 65}, "models"),
    ],
)
async def test_what_cannot_be_minted_is_said(
    world: World, ada: httpx.AsyncClient, filled: dict[str, str], words: str
) -> None:
    answer = await submit(ada, "/", "/credentials", **filled)
    assert answer.status_code == 422
    assert words in answer.text.partition('role="alert"')[2].partition("</p>")[0]
    assert "You have none yet" in (await ada.get("/")).text


async def test_one_key_too_many(world: World, ada: httpx.AsyncClient) -> None:
    for name in ("one", "two", "three"):
        assert TOKEN.search((await submit(ada, "/", "/credentials", name=name)).text)
    answer = await submit(ada, "/", "/credentials", name="four")
    assert answer.status_code == 409
    assert "as many as policy" in answer.text


async def test_a_form_of_another_session_changes_nothing(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/")).forms["/credentials"] | {"name": "laptop"}
    await world.log_in(ada)
    assert (await ada.post("/credentials", data=form)).status_code == 403
    assert (await ada.post("/credentials", data=form | {"csrf_token": ""})).status_code == 403
    assert "You have none yet" in (await ada.get("/")).text


async def test_a_form_of_another_site_changes_nothing(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/")).forms["/credentials"] | {"name": "laptop"}
    for origin in ("https://evil.test", "null"):
        assert (await ada.post("/credentials", data=form, headers={"origin": origin})).status_code == 403
    assert (await ada.post("/credentials", data=form, headers={"origin": "https://console.test"})).status_code == 200


async def test_a_form_after_the_session_s_end_says_so(world: World, ada: httpx.AsyncClient) -> None:
    """It is not sent on to a login: browsers follow no redirect of a form to another site than `form-action` names."""
    form = Page(await ada.get("/")).forms["/credentials"] | {"name": "laptop"}
    ada.cookies.clear()
    answer = await ada.post("/credentials", data=form)
    assert (answer.status_code, "session has ended" in answer.text) == (401, True)


async def test_who_has_no_role_is_told_so(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/")).forms["/credentials"] | {"name": "laptop"}
    world.change_policy(roles=())
    page = await ada.get("/")
    assert page.status_code == 200
    assert "None of your roles" in page.text
    assert list(Page(page).forms) == ["/logout"]
    assert (await ada.post("/credentials", data=form)).status_code == 403
    assert world.recorded()[-1][:2] == ("console:request:denied", "ada")


# --- agreements -------------------------------------------------------------------------------------------------------------


async def test_an_agreement_is_accepted_and_withdrawn(world: World, ada: httpx.AsyncClient) -> None:
    before = await ada.get("/agreements")
    assert "Terms &lt;of&gt; use" in before.text
    assert 'href="https://example.eu/terms"' in before.text
    assert ">missing<" in before.text
    accepted = await submit(ada, "/agreements", "/terms/acceptance")
    assert (accepted.status_code, accepted.headers["location"]) == (303, "/agreements")
    assert ">accepted<" in (await ada.get("/agreements")).text
    await submit(ada, "/agreements", "/terms/withdrawal")
    assert ">withdrawn<" in (await ada.get("/agreements")).text
    events = [(name, who) for name, who, _ in world.recorded() if name.startswith("consent:agreement")]
    assert [name for name, _ in events] == ["consent:agreement:accepted", "consent:agreement:withdrawn"]


async def test_what_is_accepted_is_what_was_shown(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/agreements")).forms["/agreements/terms/acceptance"]
    newer = dataclasses.replace(TERMS, version="3")
    world.policy = dataclasses.replace(world.policy, consent=ConsentRules((newer,)))
    answer = await ada.post("/agreements/terms/acceptance", data=form)
    assert answer.status_code == 409
    assert "another version" in answer.text
    assert ">missing<" in (await ada.get("/agreements")).text


async def test_a_team_s_agreement_is_for_whoever_may_speak_for_teams(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/agreements")).forms["/agreements/terms/acceptance"]
    assert "/agreements/processing/acceptance" not in Page(await ada.get("/agreements")).forms
    answer = await ada.post("/agreements/processing/acceptance", data=form | {"version": "1"})
    assert answer.status_code == 403
    world.change_policy(roles=(RoleRule(Role.ADMIN, teams=frozenset({"research"})),))
    await submit(ada, "/agreements", "/processing/acceptance")
    assert ">accepted<" in (await ada.get("/agreements")).text


async def test_an_agreement_that_nobody_asks_for(world: World, ada: httpx.AsyncClient) -> None:
    form = Page(await ada.get("/agreements")).forms["/agreements/terms/acceptance"]
    assert (await ada.post("/agreements/unheard-of/acceptance", data=form)).status_code == 404


# --- what holds for all of them -----------------------------------------------------------------------------------------------


async def pages(world: World, ada: httpx.AsyncClient) -> list[httpx.Response]:
    minted = await submit(ada, "/", "/credentials", name="laptop")
    rotated = await submit(ada, "/", "/rotation")
    kept = [await ada.get("/"), await ada.get("/agreements")]
    refused = await ada.get("/login/unheard-of")
    world.change_policy(logins={})
    return [minted, rotated, *kept, refused, await ada.get("/login")]


async def test_pages_load_nothing_from_elsewhere_and_run_nothing(world: World, ada: httpx.AsyncClient) -> None:
    for answer in await pages(world, ada):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self';")
        assert answer.headers["cache-control"] == "no-store"
        assert not {"script", "img", "iframe", "style"} & set(Page(answer).tags)
        for address in re.findall(r'(?:src|href|action)="([^"]*)"', answer.text):
            parts = urlsplit(unescape(address))
            assert not parts.netloc or parts.netloc == "example.eu"  # where policy says an agreement can be read
        assert not re.search(r'\s(style|on\w+)="', answer.text)
    style = await ada.get("/static/console.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text


async def test_pages_can_be_used_without_seeing_them(world: World, ada: httpx.AsyncClient) -> None:
    for answer in await pages(world, ada):
        page = Page(answer)
        assert answer.text.startswith("<!doctype html>\n<html lang=")
        assert page.tags.count("h1") == 1
        assert page.tags.count("main") == 1
        assert len(page.ids) == len(set(page.ids))
        assert set(page.references) <= set(page.ids)
        assert set(page.fields) <= set(page.references)  # each has a label
        assert "<title>" in answer.text


async def test_what_a_provider_says_is_text_and_nothing_else(world: World) -> None:
    world.providers["company"].claims |= {"sub": "<script>alert(1)</script>", "email": '"><img src=x>'}
    async with world.browser() as browser:
        await world.log_in(browser)
        page = await browser.get("/")
    assert page.status_code == 200
    assert not {"script", "img"} & set(Page(page).tags)


def _decoded(part: str) -> str:
    return json.dumps(json.loads(base64.urlsafe_b64decode(f"{part}==")), separators=(",", ":"))
