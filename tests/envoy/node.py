"""Node.js programs of the tests: the interpreter, and the packages beside them as locked."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.envoy.stack import PROJECT

PROGRAMS = PROJECT / "tests" / "node"
INSTALL_SECONDS = 100.0


def node_with(package: str) -> str:
    """The locked interpreter; all packages are installed as locked when `package` is not there yet."""
    if not all((PROGRAMS / "node_modules" / name).is_dir() for name in (package, "node")):
        command = [_program("npm"), "ci", "--prefix", str(PROGRAMS), "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        assert done.returncode == 0, f"npm could not install the packages of {PROGRAMS}:\n{done.stderr[-2000:]}"
    return str(PROGRAMS / "node_modules" / ".bin" / "node")  # that of the system may be older than its packages need


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"'{name}' is missing. Debian: apt-get install nodejs npm")
    return path
