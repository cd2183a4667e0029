"""The people who can log in on this machine: a file of the owner's alone, with passwords made at the first start."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, read_private, write_whole

PASSWORD_BYTES = 12  # random ones
_Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]


class LocalPerson(BaseModel):
    """`name` is what one logs in with. What else is here goes into tokens as claims, but the password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Word
    full_name: str = Field(min_length=1, max_length=100)
    email: str = Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,180}$")
    team: _Word
    cost_center: str = Field(max_length=64)
    groups: tuple[_Word, ...]
    password: str = Field(min_length=12, max_length=200, repr=False)

    @property
    def subject(self) -> str:
        return f"{self.name}@local"

    @property
    def claims(self) -> dict[str, Any]:
        """Beside `sub` (OpenID Connect Core 1.0 §5.1, and what access rules go by)."""
        return {
            "name": self.full_name,
            "preferred_username": self.name,
            "email": self.email,
            "team": self.team,
            "cost_center": self.cost_center,
            "groups": list(self.groups),
        }


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    people: tuple[LocalPerson, ...] = Field(min_length=1)


def ensure_people(path: Path) -> None:
    """Make the file with ada, grace and sofia, unless it is there. Raises ConfigurationError for one that cannot be used."""
    if path.exists():
        read_people(path)
        return
    people = [each.model_dump(mode="json") for each in _first_people()]
    text = f"# Who can log in on this machine, and how. For trying things out.\n{yaml.safe_dump({'people': people})}"
    write_whole(path, text.encode(), PRIVATE)


def read_people(path: Path) -> tuple[LocalPerson, ...]:
    """Raises ConfigurationError for a file that is missing, damaged or open to others."""
    try:
        people = _File.model_validate(yaml.safe_load(read_private(path))).people
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: nobody can log in; run 'gateway-ext up' once, which makes the file"
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        # Neither names values: one of them is a password.
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "the file"
        raise ConfigurationError(
            f"{path}: {where} cannot be understood; correct it, or remove the file to have new people made"
        ) from None
    if len({each.name for each in people}) != len(people):
        raise ConfigurationError(f"{path}: two people have the same name; give each one their own")
    return people


def find(people: Iterable[LocalPerson], name: str, password: str) -> LocalPerson | None:
    """Who has this name and password. Takes as long whether the name is known or not."""
    found = None
    for each in people:
        fits = hmac.compare_digest(each.password.encode(), password.encode())
        if each.name == name and fits:
            found = each
    return found


def _first_people() -> Iterable[LocalPerson]:
    for name, team, groups in (
        ("ada", "demo", ("llm-users",)),
        ("grace", "platform", ("llm-users", "llm-admins")),
        ("sofia", "security", ("llm-security",)),
    ):
        yield LocalPerson(
            name=name,
            full_name=name.capitalize(),
            email=f"{name}@example.org",
            team=team,
            cost_center="1000",
            groups=groups,
            password=secrets.token_urlsafe(PASSWORD_BYTES),
        )
