"""What every refusal has in common: OpenAI's form, nothing forwarded, and no word of the request left anywhere."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

from tests.envoy.stack import Stack

MARKER = "quartz-marmalade-4711"
"""Stands in what is sent, wherever a request has room for it; must stand nowhere afterwards."""

AWS_KEY = "AKIAQYLPMN5HHHFPZ" + "AM2"
"""Looks like an access key of AWS, belongs to nobody, and is blocked by the shipped policy."""


class Response(Protocol):
    """A response of any HTTP client of the tests."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...


def assert_refused(
    response: Response,
    http_status: int,
    code: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
) -> None:
    """The response is OpenAI's error object with these values, in words of ours."""
    assert (response.status_code, response.headers["content-type"]) == (http_status, "application/json"), response.text
    error = response.json()["error"]
    assert {name: error[name] for name in ("type", "param", "code")} == {"type": kind, "param": param, "code": code}
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert MARKER not in response.text
    assert AWS_KEY not in response.text
    assert not [name for name in response.headers if name.startswith(("x-envoy", "x-gateway"))]


def assert_nothing_left(stack: Stack, *words: str) -> None:
    """No provider has heard of the request, and none of `words` is in any file: logs, spool, ledger, what was shipped."""
    assert stack.upstream_log() == []
    assert_not_written(stack, *words)


def assert_not_written(stack: Stack, *words: str) -> None:
    """None of `words` is in any file that a process of the gateway has written. (Keys of providers are written by us.)"""
    files = [path for path in stack.state.rglob("*") if path.is_file() and path.parent != stack.layout.secrets]
    for path in [*files, stack.state.parent / "up.log"]:
        with suppress(FileNotFoundError):  # renamed in the meantime
            content = path.read_bytes()
            found = [word for word in (MARKER, AWS_KEY, *words) if word.encode() in content]
            assert not found, f"{path.relative_to(stack.state.parent)} holds {found}"
