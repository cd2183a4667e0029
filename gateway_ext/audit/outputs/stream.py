"""A connection to a receiver that answers nothing, and what its kernel tells of how far it got. Blocking; Linux."""

from __future__ import annotations

import fcntl
import select
import socket
import ssl
import struct
import termios
import time

_POLL_SECONDS = 0.002


class Stream:
    """TCP, or TLS when there is a context. Every method raises OSError when the connection fails or `timeout_seconds` pass."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None, timeout_seconds: float):
        self._timeout_seconds = timeout_seconds
        plain = socket.create_connection(address, timeout_seconds)
        try:
            self._socket = tls.wrap_socket(plain, server_hostname=address[0]) if tls else plain
        except BaseException:
            plain.close()
            raise

    def send(self, data: bytes) -> None:
        self._socket.settimeout(self._timeout_seconds)  # of all of it: socket.sendall
        self._socket.sendall(data)

    def wait_until_acknowledged(self) -> None:
        """Until the other side's TCP has acknowledged every byte, and the connection has not ended then (tcp(7), SIOCOUTQ)."""
        deadline = time.monotonic() + self._timeout_seconds
        while self._unacknowledged_bytes():
            if time.monotonic() > deadline:
                raise TimeoutError("not acknowledged")
            time.sleep(_POLL_SECONDS)
        if self.has_ended():
            raise ConnectionResetError("the receiver closed the connection")

    def has_ended(self) -> bool:
        """Whether the other side has closed, or broken, the connection. What it says otherwise is not looked at."""
        self._socket.settimeout(0)
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        try:
            while waiting.poll(0):
                if not self._socket.recv(4096):
                    return True
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()

    def _unacknowledged_bytes(self) -> int:
        queued = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        return int(struct.unpack("i", queued)[0])
