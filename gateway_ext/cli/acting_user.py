"""Who runs a command: what is recorded as having done it."""

from __future__ import annotations

import os
import pwd


def acting_user() -> str:
    """By the process's user id, not by what its environment claims."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, as in many containers
        return str(os.getuid())
