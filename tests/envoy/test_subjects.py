"""A person in a real gateway: recorded by a pseudonym, revealed, reported on, erased; and every proof still holds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from tests.envoy.stack import Stack, chat, running_stack

pytestmark = pytest.mark.envoy

GRETA, MAIL = "greta@works.example", "greta.mail@works.example"
PSEUDONYMOUS = ("audit.yaml", "principals: plain", "principals: pseudonymous")


def files_with(root: Path, text: str) -> set[str]:
    return {str(path) for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()}


def ask(stack: Stack) -> str:
    """One request of Greta's; its id."""
    with stack.client(stack.token(subject=GRETA, email=MAIL)) as client:
        answer = client.post("/chat/completions", json=chat("Hello there"))
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-request-id"])


def caller_of(stack: Stack, request_id: str) -> dict[str, str]:
    records = stack.wait_for_records(
        lambda found: any(
            r.get("gateway.exchange.id") == request_id and r["event"].endswith("forwarded") for r in found
        )
    )
    found = next(r for r in records if r.get("gateway.exchange.id") == request_id and r["event"].endswith("forwarded"))
    return {name: value for name, value in found.items() if name.startswith("gateway.principal.")}


def test_a_person_is_recorded_by_a_pseudonym_and_erased_while_all_proofs_hold(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("subjects")
    settings = "checkpoint_seconds: 0.2\naudit_origin: gw.example\n"
    with running_stack(root, processors=1, settings=settings) as stack:
        where = ("--state", str(stack.state), "--policies", str(stack.policies))

        def run(*arguments: str) -> str:
            assert main([*arguments, *where]) == 0
            return capsys.readouterr().out

        stack.use_policy(PSEUDONYMOUS)
        caller = caller_of(stack, ask(stack))
        pseudonym = caller["gateway.principal.subject"]
        assert pseudonym.startswith("pseudonym-")
        assert GRETA not in json.dumps(caller)
        assert MAIL not in json.dumps(caller)
        assert caller["gateway.principal.team"] == "demo"
        assert caller_of(stack, ask(stack))["gateway.principal.subject"] == pseudonym
        assert run("subjects", "reveal", pseudonym, "--reason", "incident").strip() == GRETA
        assert run("subjects", "find", GRETA).strip() == pseudonym
        parts = [json.loads(line) for line in run("subjects", "report", GRETA, "--json").splitlines()]
        sealed = [part["sealed"]["email"] for part in parts if "sealed" in part]
        assert sealed == [MAIL, MAIL]
        assert {"account", "hold", "record"} <= {part["part"] for part in parts}

        assert pseudonym in run("subjects", "erase", GRETA, "--reason", "request 12")
        for trace in (GRETA, MAIL, "greta%40"):
            assert files_with(stack.state, trace) == set(), trace
        assert main(["subjects", "reveal", pseudonym, "--reason", "again", *where]) == 1
        time.sleep(1)  # within which every process has forgotten the key
        assert caller_of(stack, ask(stack))["gateway.principal.subject"] not in (pseudonym, GRETA)
        capsys.readouterr()
        assert main(["audit", "checkpoint", "--key", "--state", str(stack.state)]) == 0
    keys, checkpoint = tmp_path / "keys", tmp_path / "checkpoint"
    keys.write_text("".join(line + "\n" for line in capsys.readouterr().out.splitlines() if line.startswith("gw.")))
    state = root / "state"
    assert main(["audit", "checkpoint", "processor-0", "--state", str(state)]) == 0
    checkpoint.write_text(capsys.readouterr().out)
    hashes = str(state / "trees" / "processor-0" / "hashes")
    options = ["--checkpoint", str(checkpoint), "--key", str(keys), "--hashes", hashes]
    assert main(["audit", "verify", str(state / "spool" / "processor-0"), *options]) == 0
