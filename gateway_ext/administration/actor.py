"""Who administrates: what is recorded as having done it."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, field


def local_user() -> str:
    """Who runs this process, by its user id and not by what its environment claims."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, as in many containers
        return str(os.getuid())


@dataclass(frozen=True, slots=True)
class Actor:
    """`issuer` of identity.yaml vouched for `name` at a login; "" for commands, whose operator may give any name."""

    name: str = field(default_factory=local_user)
    issuer: str = ""
    user: str = field(default_factory=local_user)  # of the machine, whose process does it
