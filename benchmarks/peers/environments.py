"""Each peer gets an environment of its own below build/peers, exactly as locked here, and never shares ours.

Locks hold hashes and no addresses of registries. `python -m benchmarks.peers.environments` installs them all.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from benchmarks.contestants.contestant import DidNotStart
from benchmarks.machine.processes import PROJECT
from benchmarks.start.installed import tree_bytes

BUILD = PROJECT / "build" / "peers"
LOCKS = Path(__file__).parent
INSTALL_SECONDS_MAX = 900
PYTHON_PEERS = ("litellm", "presidio", "mlflow")
NODE_PEER = "portkey"


@cache
def python_environment(name: str) -> Path:
    """The directory of programs of a virtual environment with what NAME.lock names. Raises DidNotStart."""
    lock = LOCKS / f"{name}.lock"
    directory = BUILD / name
    with _made(directory, lock) as missing:
        if missing:
            _run(name, sys.executable, "-m", "venv", directory)
            pip = (directory / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
            _run(name, *pip, "install", "--require-hashes", "--no-deps", "--requirement", lock)
    return directory / "bin"


@cache
def node_environment(name: str) -> Path:
    """The directory of packages that npm/package-lock.json names; no script of theirs is run. Raises DidNotStart."""
    lock = LOCKS / "npm" / "package-lock.json"
    directory = BUILD / name
    with _made(directory, lock) as missing:
        if missing:
            directory.mkdir(parents=True)
            for file in ("package.json", "package-lock.json"):
                shutil.copy(LOCKS / "npm" / file, directory)
            _run(name, "npm", "ci", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    return directory / "node_modules"


@cache
def packages_bytes(name: str) -> int:
    """What an image would hold of the packages of an environment."""
    libraries = BUILD / name / ("lib" if (BUILD / name / "lib").exists() else "node_modules")
    return tree_bytes(libraries, skip=frozenset({"__pycache__"}))


def last_words(output: str, lines: int = 3) -> str:
    """The end of a program's output in one line, as the reason in a report."""
    said = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(said[-lines:])[-400:] or "no output"


@contextlib.contextmanager
def _made(directory: Path, lock: Path) -> Iterator[bool]:
    """Whether it has to be installed. A stamp with the lock's digest is written once that is done, and only then.

    One program at a time does that: others wait here until it has.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{directory.name}.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        stamp = directory / ".installed"
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        missing = not stamp.exists() or stamp.read_text() != digest
        if missing:
            shutil.rmtree(directory, ignore_errors=True)
        yield missing
        stamp.write_text(digest)


def _run(name: str, *command: str | Path) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX)
    except subprocess.CalledProcessError as error:
        raise DidNotStart(f"{name} could not be installed: {last_words(error.stderr or error.stdout)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DidNotStart(f"{name} could not be installed: {type(error).__name__}: {command[0]}") from error


def install_all(keys: Iterable[str] = (*PYTHON_PEERS, NODE_PEER)) -> None:
    """Install what is missing for the contestants of these keys, so that no start takes the time of that.

    A key names all that it needs, as `litellm-presidio` does. Prints reasons, raises none.
    """
    needed = " ".join(keys)
    for name in (each for each in (*PYTHON_PEERS, NODE_PEER) if each in needed):
        try:
            (node_environment if name == NODE_PEER else python_environment)(name)
            print(f"{name}: {packages_bytes(name) / 2**20:.0f} MiB", file=sys.stderr, flush=True)
        except DidNotStart as reason:
            print(reason, file=sys.stderr, flush=True)


if __name__ == "__main__":
    install_all()
