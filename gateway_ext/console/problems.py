"""What the console answers when it does not do what was asked: problem details (RFC 9457).

A problem says nothing of the machine: no paths, no exception's own words, nothing that came with the request but the names
of its fields. Those are for the operator's log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.errors import GatewayError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:gateway-ext:problem:"


@dataclass(frozen=True, slots=True)
class FieldError:
    """`pointer` addresses a field of the request: a JSON pointer (RFC 6901) into the body, or the name of a parameter."""

    pointer: str
    detail: str


class Problem(GatewayError):  # noqa: N818  (a problem is an answer, as a Refusal is)
    """Raised wherever a request is looked at. `code` is stable: the end of the problem's type; clients may depend on it."""

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The console failed"
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, detail: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)

    def document(self) -> dict[str, Any]:
        """As it is sent. `detail` and `errors` only where there are any."""
        found: dict[str, Any] = {"type": f"{TYPE_PREFIX}{self.code}", "title": self.title, "status": self.status}
        if self.detail:
            found["detail"] = self.detail
        if self.errors:
            found["errors"] = [{"pointer": each.pointer, "detail": each.detail} for each in self.errors]
        return found


class Malformed(Problem):
    code, status, title = "malformed", 400, "The request cannot be read"


class Unauthenticated(Problem):
    code, status, title = "unauthenticated", 401, "Nobody is logged in"
    headers = (("WWW-Authenticate", 'Bearer realm="gateway-ext console"'),)  # RFC 9110 §15.5.2: a 401 names a way


class Forbidden(Problem):
    """`person` lacks `permission`. It is recorded."""

    code, status, title = "forbidden", 403, "This is not allowed to you"

    def __init__(self, permission: Permission, person: Person) -> None:
        super().__init__(f"It takes the permission '{permission}', which none of your roles gives.")
        self.permission = permission
        self.person = person


class CrossSite(Problem):
    code, status, title = "cross-site", 403, "The request comes from another site"


class NotFound(Problem):
    code, status, title = "not-found", 404, "There is no such resource"


class MethodNotAllowed(Problem):
    code, status, title = "method-not-allowed", 405, "The resource does not know this method"


class Conflict(Problem):
    code, status, title = "conflict", 409, "The state of the resource does not allow it"


class RequestUnderWay(Problem):
    code, status, title = "request-under-way", 409, "A request with this Idempotency-Key has not been answered yet"


class ContentTooLarge(Problem):
    code, status, title = "content-too-large", 413, "The request is too large"


class UnsupportedMediaType(Problem):
    code, status, title = "unsupported-media-type", 415, "Send the request as application/json"


class Misdirected(Problem):
    code, status, title = "misdirected", 421, "The console is not known by this name"


class Invalid(Problem):
    code, status, title = "invalid", 422, "The request asks for something that there cannot be"


class KeyReused(Problem):
    code, status, title = "idempotency-key-reused", 422, "This Idempotency-Key came with another request before"


class TooManyRequests(Problem):
    code, status, title = "too-many-requests", 429, "Too many changes in a short time"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Try again in {retry_after_seconds} s.")
        self.headers = (("Retry-After", str(retry_after_seconds)),)


class Unavailable(Problem):
    code, status, title = "unavailable", 503, "The gateway cannot do this just now"
    headers = (("Retry-After", "5"),)

    def __init__(self) -> None:
        super().__init__("It was not done; the reason is in the log of the control process. Trying again does no harm.")


KINDS: tuple[type[Problem], ...] = (Problem, *Problem.__subclasses__())
"""Every problem that there is; docs/control-api.md explains them."""
