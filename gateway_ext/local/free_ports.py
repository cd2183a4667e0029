"""Find out before anything starts that a port is taken, and say which option changes it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Port:
    """A port to be listened on. `purpose` and `remedy` complete the sentence of the error."""

    number: int
    purpose: str
    remedy: str


def require_free(host: str, ports: Iterable[Port]) -> None:
    """Raises ConfigurationError naming every port that cannot be listened on, or that is wanted twice."""
    faults = []
    purposes: dict[int, str] = {}
    for port in ports:
        if port.number in purposes:
            faults.append(f"port {port.number} is wanted twice, for {purposes[port.number]} and for {port.purpose}")
        elif why := _why_not(host, port.number):
            faults.append(f"port {port.number}, for {port.purpose}, {why}; free it or use {port.remedy}")
        purposes.setdefault(port.number, port.purpose)
    if faults:
        raise ConfigurationError("\n".join(faults))


def _why_not(host: str, number: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do not count
        try:
            probe.bind((host, number))
        except OSError as error:
            return "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
    return ""
