"""The Guard for commands that run it themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from gateway_ext.guard.engine import GuardEngine


@contextmanager
def loaded_guard(settings: Settings) -> Iterator[GuardEngine]:
    """That of these settings, open while the context lasts. Raises ConfigurationError.

    Where there is no fingerprint key none is made: the Guard then has another one, under which fingerprints mean nothing.
    """
    if sys.stderr.isatty():
        print("Loading the Guard …", end="", file=sys.stderr, flush=True)
    # Late: compiling all patterns takes seconds.
    from gateway_ext.bootstrap.guard import guard_engine  # noqa: PLC0415
    from gateway_ext.guard.engine import GuardEngine  # noqa: PLC0415

    guard = guard_engine(settings) if settings.layout.fingerprint_key.exists() else GuardEngine(os.urandom(32))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    try:
        yield guard
    finally:
        guard.close()
