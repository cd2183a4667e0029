"""What the kernel tells of processes, and how large an installation is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.machine.processes import _is_free, cpu_seconds, free_ports
from benchmarks.start.installed import gateway_bytes, needed, tree_bytes


def test_cpu_is_that_of_the_process_with_its_threads_also_ended_ones() -> None:
    def work() -> None:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    before = cpu_seconds(os.getpid())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert cpu_seconds(os.getpid()) - before >= 0.05
    between = time.process_time(), cpu_seconds(os.getpid()), time.process_time()
    assert between[0] <= between[1] <= between[2]


def test_a_process_that_is_no_more_has_no_cpu_time() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(OSError, match="Invalid argument"):
        cpu_seconds(process.pid)


def test_free_ports_are_not_those_that_connections_get() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = free_ports(9)
    assert len(set(ports)) == 9
    assert all(1024 <= port < first <= last for port in ports)
    with socket.create_server(("127.0.0.1", ports[0])):
        assert not _is_free(ports[0])
    assert _is_free(ports[0])


def test_a_tree_counts_each_file_once_and_no_byte_code(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10))
    os.link(tmp_path / "a", tmp_path / "b")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "c").write_bytes(bytes(5))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "d").write_bytes(bytes(100))
    assert tree_bytes(tmp_path) == 15


def test_what_is_needed_is_followed_with_extras_and_markers() -> None:
    def names(requirement: str) -> set[str]:
        return {each.name.lower() for each in needed([requirement])}

    assert {"pydantic", "pydantic-core", "annotated-types"} <= {name.replace("_", "-") for name in names("pydantic")}
    assert names("pydantic; python_version < '3'") == set()
    assert names("httpx") < names("httpx[http2]")
    assert gateway_bytes() < gateway_bytes("control")
