"""What a load on a contestant is told by, besides its callers."""

from __future__ import annotations

import http.server
import os
import threading

from benchmarks.contest.measure import cpu, memory, messages_received
from benchmarks.contestants.contestant import Contestant

STATISTICS = b"""http.public.ext_proc.stream_msgs_received: 400
http.loopback.ext_proc.stream_msgs_received: 7
http.loopback.ext_proc.stream_msgs_sent: 9
"""


class Admin(http.server.BaseHTTPRequestHandler):
    """Envoy's admin interface, as far as it is asked."""

    def do_GET(self) -> None:
        wanted = self.path == "/stats?filter=ext_proc.stream_msgs_received"
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + (STATISTICS if wanted else b""))

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_messages_are_those_of_all_listeners() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Admin) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with_envoy = Contestant("c", 1, "", {}, (), admin=server.server_port)
        assert messages_received(with_envoy) == 407
        thread.join()
    assert messages_received(Contestant("c", 1, "", {}, ())) == 0


def test_figures_of_a_role_are_those_of_all_its_processes() -> None:
    one = Contestant("c", 1, "", {"a": [os.getpid()], "b": [os.getpid(), os.getppid()], "none": []}, ())
    for figures in (cpu(one), memory(one)):
        assert figures["b"] > figures["a"] > figures["none"] == 0
