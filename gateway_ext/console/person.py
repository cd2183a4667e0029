"""Who is asking the console for something."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_ext.administration.actor import Actor
from gateway_ext.console.permissions import Permission, permissions_of
from gateway_ext.exchange import Principal
from gateway_ext.identity.rules import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom an identity provider has vouched for, with the roles that policy gives them at this moment.

    `session_id` names the browser session by a digest; "" when a token came with the request itself.
    """

    principal: Principal
    roles: frozenset[Role]
    session_id: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        return permissions_of(self.roles)

    @property
    def actor(self) -> Actor:
        """As administrative acts record it."""
        return Actor(self.principal.subject, self.principal.issuer)
