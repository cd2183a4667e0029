"""A person at a browser: logs in at the local identity provider through Envoy, and uses the console with the session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from gateway_ext.local.identity_provider.people import LocalPerson, read_people
from tests.envoy.stack import PLAIN, Stack


def person(stack: Stack, name: str) -> LocalPerson:
    return next(each for each in read_people(stack.layout.people) if each.name == name)


def console_url(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.ports.console}"


class Browser:
    """Follows redirects by hand, so that tests see each step. `http` holds the cookies."""

    def __init__(self, stack: Stack, http: httpx.Client) -> None:
        self.stack = stack
        self.http = http

    def log_in(self, name: str, password: str = "") -> httpx.Response:
        """The answer to the last step: the console's to the callback, or the form again."""
        begun = self.http.get("/login")
        assert begun.status_code == 303, begun.text
        form_url = begun.headers["location"]
        assert form_url.startswith(f"http://127.0.0.1:{self.stack.ports.identity_provider}/authorize?")
        assert 'type="password"' in self.http.get(form_url).text
        form = {"name": name, "password": password or person(self.stack, name).password}
        answer = self.http.post(form_url, data=form)
        if answer.status_code != 303:
            return answer
        return self.http.get(answer.headers["location"])

    def me(self) -> httpx.Response:
        return self.http.get("/api/v1/me")

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """A change, as the console's own page asks for it."""
        token = self.me().json().get("csrf_token") or ""
        headers = {"x-csrf-token": token, "idempotency-key": uuid.uuid4().hex, "origin": console_url(self.stack)}
        return self.http.post(f"/api/v1{path}", json=body, headers=headers)


@contextmanager
def browsing(stack: Stack, name: str = "") -> Iterator[Browser]:
    """A browser, logged in as somebody if a name is given."""
    with httpx.Client(base_url=console_url(stack), timeout=20, **PLAIN) as http:
        browser = Browser(stack, http)
        if name:
            assert browser.log_in(name).status_code == 303
        yield browser
