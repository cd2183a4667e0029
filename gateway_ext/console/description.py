"""What the OpenAPI document says beyond what the routes say themselves: problems, and ways to prove who asks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway_ext.console import csrf
from gateway_ext.console.idempotency import HEADER
from gateway_ext.console.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from gateway_ext.console.routes import KEYED, PERMISSION, SIGNED_IN

TITLE = "gateway-ext console"
SUMMARY = "Credentials, orders, budgets and agreements of an LLM gateway."
VERSION = "1"
DESCRIPTION = """\
Who asks is decided for each request: a browser shows a session's cookie, a script a token of the company's identity
provider. `x-permission` names the permission that an operation takes. Problems are those of RFC 9457; what is refused has
changed nothing."""

_OF_ALL = frozenset({401, 421, 422, 503})
_OF_CHANGES = frozenset({400, 409, 413, 415, 429})
_ERROR = {
    "type": "object",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "A JSON pointer into the body, or the name of a parameter."},
        "detail": {"type": "string"},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [f"{TYPE_PREFIX}forbidden"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": _ERROR},
    },
}
_TOKEN = {"description": "An access token for the console, of the company's identity provider."}
_SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-gateway-session"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", **_TOKEN},
}
_CSRF = {
    "name": csrf.HEADER,
    "in": "header",
    "required": False,
    "description": "With a session: its `csrf_token`, as `read_me` shows it.",
    "schema": {"type": "string"},
}


def described(document: dict[str, Any]) -> dict[str, Any]:
    """The document of the routes, in which every operation names its problems and how to prove who asks."""
    for method, path, operation in operations(document):
        is_change = method != "get"
        for parameter in operation.setdefault("parameters", []):
            parameter["required"] |= parameter["name"] == HEADER and operation[KEYED]
        statuses = set(_OF_ALL | (_OF_CHANGES if is_change else frozenset()))
        if operation[PERMISSION] != SIGNED_IN:
            statuses.add(403)
        if "{" in path:
            statuses.add(404)
        operation["responses"] = {
            **{status: answer for status, answer in operation["responses"].items() if status.startswith("2")},
            **{str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)},
        }
        operation["security"] = [{name: []} for name in _SCHEMES]
        if is_change and _CSRF not in operation["parameters"]:  # FastAPI keeps the document
            operation["parameters"].append(_CSRF)
    schemas = document["components"]["schemas"]
    for of_the_framework in ("HTTPValidationError", "ValidationError"):
        schemas.pop(of_the_framework, None)
    schemas["Problem"] = _PROBLEM
    document["components"] |= {"responses": _answers(), "securitySchemes": _SCHEMES}
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of each."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def _answers() -> dict[str, Any]:
    """By status: whatever problem has it."""
    kinds: dict[int, list[str]] = {}
    for kind in KINDS:
        kinds.setdefault(kind.status, []).append(f"`{kind.code}`: {kind.title}.")
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        f"Problem{status}": {"description": " ".join(kinds[status]), "content": content} for status in sorted(kinds)
    }
