import os
import time
from pathlib import Path

import pytest

from benchmarks.contestants.contestant import DidNotStart
from benchmarks.machine.processes import free_ports
from benchmarks.peers.running import listens, running


def test_a_peer_sees_the_variables_it_was_given_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_CREDENTIAL_OF_THE_DEVELOPER", "secret")
    with running("env", root=tmp_path, log="env.log", environment={"ITS_OWN": "1"}) as peer:
        peer.process.wait(timeout=10)
        seen = dict(line.split("=", 1) for line in peer.output.splitlines())
    assert seen["ITS_OWN"] == seen["DO_NOT_TRACK"] == "1"
    assert seen["HOME"] == str(tmp_path)
    assert {"A_CREDENTIAL_OF_THE_DEVELOPER", "PYTHONPATH"}.isdisjoint(seen)


def test_all_its_processes_are_found_and_ended(tmp_path: Path) -> None:
    script = "trap '' TERM; sh -c 'trap \"\" TERM; echo deep; while :; do sleep 0.1; done' & trap 'exit 0' TERM; wait"
    with running("sh", "-c", script, root=tmp_path, log="sh.log", environment={}) as peer:
        peer.wait_until(lambda: "deep" in peer.output)
        below = peer.below()
        assert any(command[:2] == ["sh", "-c"] for command in below.values())
    deadline = time.monotonic() + 30
    while any(_runs(pid, command) for pid, command in below.items()):
        assert time.monotonic() < deadline, "they outlived their parent"
        time.sleep(0.01)


def test_the_end_of_a_peer_is_a_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(DidNotStart, match="it ended with 3: no module named litellm"),
        running("sh", "-c", "echo no module named litellm; exit 3", root=tmp_path, log="l", environment={}) as peer,
    ):
        peer.wait_until(lambda: False)


def test_a_port_listens_when_somebody_does() -> None:
    (port,) = free_ports(1)
    assert not listens(port)


def _runs(pid: int, command: list[str]) -> bool:
    try:
        if (
            os.path.exists(f"/proc/{pid}")
            and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        ):
            return False
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0") == command
    except OSError:
        return False
