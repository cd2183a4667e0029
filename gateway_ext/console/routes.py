"""Routes of the API: each is for whoever has one permission, and says which. One that names none cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway_ext.console.authentication import Requirement, signed_in
from gateway_ext.console.change import Changes, KeyedChanges
from gateway_ext.console.permissions import Permission

PREFIX = "/api/v1"
PERMISSION = "x-permission"
KEYED = "x-idempotency-key-required"
SIGNED_IN = "signed-in"


class GuardedRoute(APIRoute):
    """Publishes its permission in the OpenAPI document. Raises TypeError unless its dependencies ask for exactly one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = dict(_permissions(self.dependant))
        if len(found) != 1:
            raise TypeError(f"{self.path}: asks for {len(found)} permissions, not for one")
        [(permission, is_keyed)] = found.items()
        self.openapi_extra = {**(self.openapi_extra or {}), PERMISSION: str(permission), KEYED: is_keyed}


def router(tag: str) -> APIRouter:
    """Of one kind of resource."""
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=GuardedRoute)


def _permissions(dependant: Dependant) -> Iterator[tuple[Permission | str, bool]]:
    """With whether an Idempotency-Key must come, too."""
    for each in dependant.dependencies:
        if isinstance(each.call, Requirement | Changes | KeyedChanges):
            yield each.call.permission, isinstance(each.call, KeyedChanges)
        elif each.call is signed_in:
            yield SIGNED_IN, False
        else:
            yield from _permissions(each)
