"""What holds for every request and every answer of the console."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway_ext.console.edge import BODY_BYTES_MAX, SECURITY_HEADERS, Edge
from gateway_ext.console.problems import MEDIA_TYPE
from tests.unit.console.office import Office, bearer

JSON = {"content-type": "application/json", "idempotency-key": "one"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


def client_of(office: Office, base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(office.app), base_url=base_url, headers=bearer("ada"))


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/openapi.json", "/nowhere", "/api/v1/orders"])
async def test_every_answer_is_kept_by_nobody_and_runs_nothing(office: Office, path: str) -> None:
    async with office.as_("ada") as ada:
        answer = await ada.get(path)
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/api/v1/nowhere", 404, "not-found"),
        ("GET", "/docs", 404, "not-found"),
        ("GET", "/api/v1/me/", 404, "not-found"),
        ("DELETE", "/api/v1/me", 405, "method-not-allowed"),
        ("GET", "/api/v1/stops", 405, "method-not-allowed"),
        ("POST", "/api/v1/stops", 403, "forbidden"),
        ("GET", "/api/v1/me/credentials?limit=0", 422, "invalid"),
        ("POST", "/api/v1/me/credentials", 400, "malformed"),
    ],
)
async def test_whatever_is_not_done_is_a_problem(
    office: Office, method: str, path: str, status: int, code: str
) -> None:
    async with office.as_("ada") as ada:
        answer = await ada.request(method, path)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (problem["status"], problem["type"]) == (status, f"urn:gateway-ext:problem:{code}")
    assert problem["title"]
    assert ("allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b'{"name": "a", "name": "b"}', JSON, 400),
        (b'{"name": NaN}', JSON, 400),
        (b'{"name": "\xff"}', JSON, 400),
        (b"[" * 10_000, JSON, 400),
        (b'["name"]', JSON, 400),
        (b'{"name": "a"}', JSON | {"content-type": "text/plain"}, 415),
        (b'{"name": "a"}', {"idempotency-key": "one"}, 415),
        (b'{"name": "a"}', JSON | {"content-type": "application/merge-patch+json"}, 415),
        (b'{"name": "a"}', {"content-type": "application/json"}, 400),
        (b'{"name": "a"}', JSON | {"idempotency-key": "two\x7fwords"}, 400),
        (b'{"name": "a", "purpose": 5}', JSON, 422),
        (b'{"name": "a", "nmae": "a"}', JSON, 422),
        (b"{}", JSON, 422),
        (b" " * (BODY_BYTES_MAX + 1), JSON, 413),
    ],
)
async def test_a_body_is_read_strictly_or_not_at_all(
    office: Office, content: bytes, headers: dict[str, str], status: int
) -> None:
    async with office.as_("ada") as ada:
        answer = await ada.post("/api/v1/me/credentials", content=content, headers=headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert (await ada.get("/api/v1/me/credentials")).json()["items"] == []


async def test_a_body_without_a_length_is_bounded_too(office: Office) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b" " * 1024

    async with office.as_("ada") as ada:
        answer = await ada.post("/api/v1/me/credentials", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


@pytest.mark.parametrize(
    ("base_url", "status"),
    [
        ("http://127.0.0.1:8088", 200),
        ("http://127.0.0.1", 421),
        ("http://localhost:8088", 421),
        ("http://evil.example:8088", 421),
    ],
)
async def test_only_its_own_name_is_answered(office: Office, base_url: str, status: int) -> None:
    async with client_of(office, base_url) as client:
        assert (await client.get("/api/v1/me")).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8088", 422),
        ("https://127.0.0.1:8088", 403),
        ("http://evil.example", 403),
        ("http://127.0.0.1:bad", 403),
        ("null", 403),
    ],
)
async def test_another_sites_page_changes_nothing(office: Office, origin: str, status: int) -> None:
    async with office.as_("ada") as ada:
        answer = await ada.post("/api/v1/me/credentials", json={}, headers=JSON | {"origin": origin})
        assert answer.status_code == status
        assert (await ada.get("/api/v1/me", headers={"origin": origin})).status_code == 200


async def test_a_fault_is_told_to_nobody_but_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("what it failed on: SECRET-4711")

    transport = httpx.ASGITransport(Edge(fails, "https://console.test"))
    with caplog.at_level(logging.INFO):
        async with httpx.AsyncClient(transport=transport, base_url="https://console.test") as client:
            answer = await client.get("/")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:gateway-ext:problem:internal-error")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "RuntimeError in fails" in caplog.text
    assert "SECRET-4711" not in caplog.text + answer.text


async def test_a_default_port_needs_no_naming() -> None:
    async def greets(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(Edge(greets, "https://console.test"))
    async with httpx.AsyncClient(transport=transport) as client:
        for host in ("console.test", "CONSOLE.test:443"):
            assert (await client.get("https://console.test", headers={"host": host})).status_code == 204
        assert (await client.get("https://console.test", headers={"host": "console.test:80"})).status_code == 421
