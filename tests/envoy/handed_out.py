"""What the suite has handed to gateways and must be found in nothing they write: tokens, cookies, secrets, texts.

`listen` notes it where every client of the suite, SDKs included, meets HTTP. Nothing here is ever printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import wraps
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

import httpx

PROMPT_PATHS = ("/completions", "/responses", "/messages", "/embeddings")
SECRET_FIELDS = frozenset({"client_secret", "code", "code_verifier", "password"})
NAMES = frozenset({"model", "type", "role", "name", "id", "object", "tool_call_id"})  # members that hold no text
CREDENTIAL_HEADERS = ("authorization", "x-api-key", "api-key")
TEXT_CHARACTERS_MIN = 12  # "Hello" may stand anywhere
NAME = re.compile(r"[\w./:-]{1,40}")  # so may the name of a model, in whatever member it was sent
TEXT_CHARACTERS_MAX = 4_000  # of which it is looked for
SEGMENT_CHARACTERS_MIN = 40  # of a token; the corpus of bad ones has shorter, which are nobody's
COOKIE_CHARACTERS_MIN = 16
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Kind(StrEnum):
    """What has been found where it must not be: all that a failure says about it."""

    TOKEN = "credential or a part of one"
    COOKIE = "cookie"
    SECRET = "secret of a login"
    PROVIDER_KEY = "provider's key"
    PRIVATE_KEY = "private key"
    FINGERPRINT_KEY = "fingerprint key"
    TEXT = "text of a prompt or an answer"
    PLANTED = "planted value"


class HandedOut:
    """Values by kind, each once."""

    def __init__(self) -> None:
        self._values: dict[Kind, set[str]] = {kind: set() for kind in Kind}

    def __iter__(self) -> Iterator[tuple[Kind, str]]:
        return iter([(kind, value) for kind, values in self._values.items() for value in values])

    def add(self, kind: Kind, value: str) -> None:
        self._values[kind].add(value)

    def token(self, token: str) -> None:
        """All but its header, which says nothing: claims and signature."""
        for segment in token.split(".")[1:]:
            if len(segment) >= SEGMENT_CHARACTERS_MIN:
                self.add(Kind.TOKEN, segment)

    def prompt(self, body: bytes) -> None:
        """Each text of a request's body, whatever the dialect."""
        try:
            texts = list(_texts(json.loads(body)))
        except (ValueError, RecursionError):  # nearly JSON, or something else
            content = body.decode(errors="replace")
            texts = STRING.findall(content) or [content]
        for text in texts:
            if len(text.strip()) >= TEXT_CHARACTERS_MIN and not NAME.fullmatch(text):
                self.add(Kind.TEXT, text[:TEXT_CHARACTERS_MAX])

    def request(self, request: httpx.Request) -> None:
        for header in CREDENTIAL_HEADERS:
            self.token(request.headers.get(header, ""))
        body = _content(request)
        if request.url.path.endswith(PROMPT_PATHS):
            self.prompt(body)
        elif request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            for name, value in parse_qsl(body.decode(errors="replace")):
                if name in SECRET_FIELDS and len(value) >= TEXT_CHARACTERS_MIN:
                    self.add(Kind.SECRET, value)

    def response(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            try:
                cookies = SimpleCookie(line)
            except CookieError:
                continue
            for cookie in cookies.values():
                if len(cookie.value) >= COOKIE_CHARACTERS_MIN:
                    self.add(Kind.COOKIE, cookie.value)


def _texts(document: Any, member: str = "") -> Iterator[str]:
    match document:
        case str():
            if member not in NAMES:
                yield document
        case dict():
            for name, value in document.items():
                yield from _texts(value, name)
        case list():
            for value in document:
                yield from _texts(value, member)


def _content(request: httpx.Request) -> bytes:
    try:
        return request.content
    except httpx.RequestNotRead:  # a body that is sent as it is made
        return b""


def require_no_echo(response: httpx.Response) -> None:
    """An error must not show the credential that came with the request, in its head or its body."""
    if response.status_code < 400:
        return
    shown = "\n".join(f"{name}: {value}" for name, value in response.headers.multi_items())
    shown += response.text if response.is_stream_consumed or response.is_closed else ""
    for header in CREDENTIAL_HEADERS:
        for segment in re.split(r"[. ]", response.request.headers.get(header, "")):
            is_shown = len(segment) >= SEGMENT_CHARACTERS_MIN and segment in shown
            assert not is_shown, f"{response.status_code} of {response.request.url.path} shows the credential"


@contextmanager
def listen(handed_out: HandedOut) -> Iterator[None]:
    """Note what all clients of httpx send from now on, and look at the errors they get."""
    plain, concurrent = httpx.Client.send, httpx.AsyncClient.send

    def note(response: httpx.Response) -> httpx.Response:
        handed_out.response(response)
        require_no_echo(response)
        return response

    @wraps(plain)
    def send(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        handed_out.request(request)
        return note(plain(self, request, **options))

    @wraps(concurrent)
    async def send_concurrently(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        handed_out.request(request)
        return note(await concurrent(self, request, **options))

    _replace(send, send_concurrently)
    try:
        yield
    finally:
        _replace(plain, concurrent)


def _replace(send: Callable[..., Any], send_concurrently: Callable[..., Any]) -> None:
    """Of the classes: the SDKs make clients of their own, and clients of subclasses of these."""
    setattr(httpx.Client, "send", send)  # noqa: B010  (mypy forbids assigning to a method)
    setattr(httpx.AsyncClient, "send", send_concurrently)  # noqa: B010


HANDED_OUT = HandedOut()  # of this run of the suite
