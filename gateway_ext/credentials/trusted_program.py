"""Running an operator's program: one that nobody else can have changed, without a shell, bounded in time and output."""

from __future__ import annotations

import os
import pwd
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway_ext.errors import ConfigurationError

SECONDS_MAX = 10.0
OUTPUT_BYTES_MAX = 64 * 1024
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
_CHUNK_BYTES = 16 * 1024
_HINT = "run it by hand to see why"


def run(program: Path, arguments: Sequence[str], message: bytes, seconds_max: float = SECONDS_MAX) -> bytes:
    """What the program prints, when it is given `message` on its standard input.

    Raises ConfigurationError that names the program and its arguments, and nothing of what it was given or has printed.
    Its standard error is thrown away for the same reason.
    """
    require_trusted(program)
    called = " ".join((str(program), *arguments))
    try:
        process = subprocess.Popen(  # noqa: S603  (no shell; the file was just looked at)
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,  # so that what it has started ends with it
        )
    except OSError as error:
        raise ConfigurationError(f"{called}: cannot be run ({error.strerror}); it must be executable") from error
    with process:
        try:
            return _conversed(process, message, called, time.monotonic() + seconds_max)
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"{called}: has not answered within {seconds_max:g} s; {_HINT}") from None
        finally:
            if process.returncode is None:  # not waited for: the number is still that of its group
                os.killpg(process.pid, signal.SIGKILL)


def require_trusted(program: Path) -> None:
    """Raises ConfigurationError unless only root and this process's user can have written the file or put it there."""
    if not program.is_absolute():
        raise ConfigurationError(f"{program}: must be an absolute path")
    try:
        real = program.resolve(strict=True)
        if real != program:
            raise ConfigurationError(f"{program}: is reached by a symbolic link; name the file itself: {real}")
        if not stat.S_ISREG(program.stat().st_mode):
            raise ConfigurationError(f"{program}: must be a regular file")
        for each in (program, *program.parents):
            _require_ours(each)
    except OSError as error:
        raise ConfigurationError(f"{program}: cannot be looked at ({error.strerror})") from error


def _require_ours(path: Path) -> None:
    found = path.stat()
    if found.st_uid not in {0, os.geteuid()}:
        raise ConfigurationError(f"{path}: belongs to another user (uid {found.st_uid}); it must be root's or yours")
    # In a sticky directory, as /tmp, others may add files but not replace those that are not theirs.
    is_sticky = stat.S_ISDIR(found.st_mode) and bool(found.st_mode & stat.S_ISVTX)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_sticky:
        raise ConfigurationError(
            f"{path}: others may write it; run 'chmod go-w' on it, after you have read the program"
        )


def _conversed(process: subprocess.Popen[bytes], message: bytes, called: str, deadline: float) -> bytes:
    """Write and read at a time: neither side waits for a full pipe. Raises ConfigurationError, TimeoutExpired."""
    assert process.stdin is not None
    assert process.stdout is not None
    output, unsent = bytearray(), memoryview(message)
    os.set_blocking(process.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(called, 0)
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    unsent = _written(process.stdin.fileno(), unsent)
                    if not unsent:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                elif chunk := os.read(process.stdout.fileno(), _CHUNK_BYTES):
                    output += chunk
                else:
                    selector.unregister(process.stdout)
            if len(output) > OUTPUT_BYTES_MAX:
                raise ConfigurationError(f"{called}: prints more than {OUTPUT_BYTES_MAX} bytes")
    status = process.wait(max(0.0, deadline - time.monotonic()))
    if status != 0:
        raise ConfigurationError(f"{called}: has ended with status {status}; {_HINT}")
    return bytes(output)


def _written(descriptor: int, unsent: memoryview) -> memoryview:
    try:
        return unsent[os.write(descriptor, unsent[:_CHUNK_BYTES]) :]
    except BrokenPipeError:  # it wants no more; its answer will show whether it had enough
        return unsent[:0]


def _environment() -> Mapping[str, str]:
    """Nothing of ours, which may hold secrets: only what programs cannot do without."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:  # a user id without a name, as in many containers
        home = "/"
    return {"PATH": SEARCH_PATH, "HOME": home, "LANG": "C.UTF-8"}
