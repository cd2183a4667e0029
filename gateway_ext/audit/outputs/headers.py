"""Headers that a collector wants to see, such as its key: lines `name: value` in a file that nobody else may read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import read_private

# RFC 9110, 5.6.2 (small letters, as HTTP/2 and gRPC want them) and visible ASCII, which both carry.
_LINE = re.compile(r"([a-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x21-\x7e](?:[ \t\x21-\x7e]*[\x21-\x7e])?)[ \t]*")
# What the request itself is made of; gRPC keeps names that begin with grpc- and end with -bin to itself.
_OURS = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "te", "transfer-encoding", "connection"}
)

Headers = Callable[[], Mapping[str, str]]
"""What is sent along with each export, by names in small letters; asked for each time, so that a key can be changed.
Raises ConfigurationError."""


def no_headers() -> Mapping[str, str]:
    return {}


def headers_in(path: Path) -> Headers:
    """Those of the file, as it stands whenever they are asked for. No message quotes its content."""
    return lambda: _read(path)


def _read(path: Path) -> Mapping[str, str]:
    try:
        lines = read_private(path).decode("ascii").splitlines()
    except OSError as error:
        raise ConfigurationError(f"otlp_headers_file {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"otlp_headers_file {path}: expected ASCII") from None
    headers: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigurationError(
                f"otlp_headers_file {path}:{number}: expected 'name: value', the name in small letters"
            )
        if match[1] in _OURS or match[1].startswith("grpc-") or match[1].endswith("-bin") or match[1] in headers:
            raise ConfigurationError(f"otlp_headers_file {path}:{number}: '{match[1]}' cannot be set here, or is twice")
        headers[match[1]] = match[2]
    return headers
