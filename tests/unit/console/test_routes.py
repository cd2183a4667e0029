"""Who may do what: every operation by every role, and the published table of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends

from gateway_ext.console import app, routes
from gateway_ext.console.authentication import require, signed_in
from gateway_ext.console.description import operations
from gateway_ext.console.permissions import PERMISSIONS, Permission
from gateway_ext.console.person import Person
from gateway_ext.identity.rules import Role
from tests.unit.console.office import PEOPLE, Office

DOCUMENT = Path(__file__).parents[3] / "docs" / "control-api.md"
ROLES = tuple(Role)


def everything() -> Iterator[tuple[str, str, str, str]]:
    """Operation, method, path and permission of each."""
    for method, path, operation in operations(app.openapi()):
        yield operation["operationId"], method.upper(), path, operation["x-permission"]


OPERATIONS = sorted(everything(), key=lambda each: (each[2], each[1]))


def may(role: Role | None, permission: str) -> bool:
    return permission == routes.SIGNED_IN or (role is not None and permission in PERMISSIONS[role])


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


@pytest.mark.parametrize(("operation", "method", "path", "permission"), OPERATIONS)
async def test_each_role_may_do_what_its_permissions_say_and_nothing_else(
    office: Office, operation: str, method: str, path: str, permission: str
) -> None:
    somewhere = re.sub(r"\{issuer\}", "personal", path)
    somewhere = re.sub(r"\{\w+\}", "none-of-these", somewhere)
    for name, role in PEOPLE.items():
        async with office.as_(name) as client:
            answer = await client.request(method, somewhere, headers={"Idempotency-Key": f"{operation}-{name}"})
        assert (answer.status_code == 403) is not may(role, permission), f"{name}: {answer.text}"
        assert answer.status_code not in (401, 404, 405, 500) or "{" in path, f"{name}: {answer.text}"
    async with office.client() as client:
        assert (await client.request(method, somewhere)).status_code == 401


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_for_something(permission: Permission) -> None:
    assert permission in {each[3] for each in OPERATIONS}


def test_no_route_of_the_api_is_unpublished() -> None:
    made = {(method, route.path) for each in app.API for route in each.routes for method in route.methods}  # type: ignore[attr-defined]  # API routes all
    assert made == {(method, path) for _, method, path, _ in OPERATIONS}
    assert all(isinstance(route, routes.GuardedRoute) for each in app.API for route in each.routes)


def test_a_route_that_asks_for_no_permission_cannot_be_made() -> None:
    router = routes.router("of a test")
    with pytest.raises(TypeError, match="asks for 0 permissions"):

        @router.get("/open")
        async def open_to_all() -> None: ...


def test_a_route_that_asks_for_two_cannot_be_made_either() -> None:
    router: APIRouter = routes.router("of a test")
    with pytest.raises(TypeError, match="asks for 2 permissions"):

        @router.get("/both")
        async def both(
            one: Annotated[Person, Depends(require(Permission.KEYS_READ))],
            other: Annotated[Person, Depends(signed_in)],
        ) -> None: ...


def test_the_published_table_is_the_one_that_is_enforced() -> None:
    heads = ["operation", "method and path", "permission", *ROLES]
    rows = [
        [
            f"`{operation}`",
            f"`{method} {path}`",
            f"`{permission}`",
            *("yes" if may(r, permission) else "–" for r in ROLES),
        ]
        for operation, method, path, permission in OPERATIONS
    ]
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    assert "\n".join(lines) in DOCUMENT.read_text(), "\n" + "\n".join(lines)
