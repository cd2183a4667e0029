"""`gateway-ext guard compile`: compile all patterns of the Guard once, for every start of this installation."""

from __future__ import annotations

import argparse
import os

from gateway_ext.errors import ConfigurationError

SUMMARY = "compile the Guard's patterns for this installation"
DESCRIPTION = (
    "Compiles all patterns of the Guard and keeps them beside its code, so that starting takes seconds less. To be run "
    "once after installing or upgrading, by whoever may write there, for example while an image is built. A start that "
    "finds none that fit compiles its own, and keeps the large ones in its state directory."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command; it has no options."""
    parser.description = DESCRIPTION


def run(_options: argparse.Namespace) -> int:
    """Compile and write. Raises ConfigurationError when the installation cannot be written."""
    from gateway_ext.guard.catalog import DETECTORS  # noqa: PLC0415  (late: the Guard takes a second to import)
    from gateway_ext.guard.databases import all_compiled  # noqa: PLC0415
    from gateway_ext.guard.engine import GuardEngine, shipped_classifiers  # noqa: PLC0415
    from gateway_ext.guard.installed_patterns import DIRECTORY, install  # noqa: PLC0415

    GuardEngine(os.urandom(32)).close()
    shipped_classifiers(frozenset(DETECTORS))
    databases = all_compiled()
    try:
        size = install(databases, DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"{DIRECTORY}: the compiled patterns cannot be written ({error.strerror})") from error
    print(f"{DIRECTORY}: {len(databases)} databases, {size / 2**20:.1f} MiB")
    return 0
