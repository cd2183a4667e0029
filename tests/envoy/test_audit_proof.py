"""From a request to a proof that a third party believes: a real gateway signs its trail while it works."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from tests.envoy.stack import chat, running_stack

pytestmark = pytest.mark.envoy


def test_the_record_of_a_request_is_proved_to_somebody_who_has_only_files(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path_factory.mktemp("proof")  # beside other stacks, whose compiled patterns it takes
    archive = tmp_path / "archive"
    program = tmp_path / "archive.sh"
    program.write_text(f"#!/bin/sh\ncat >> '{archive}'\n")
    program.chmod(0o700)
    settings = f"checkpoint_seconds: 0.2\naudit_origin: gw.example\ncheckpoint_command: {program}\n"
    with running_stack(root, processors=1, settings=settings) as stack:
        with stack.client() as client:
            request_id = client.post("/chat/completions", json=chat("Hello there")).headers["x-request-id"]
        records = stack.wait_for_records(
            lambda found: any(record.get("gateway.exchange.id") == request_id for record in found)
        )
        record_id = next(r["gateway.record.id"] for r in records if r.get("gateway.exchange.id") == request_id)
        state = ("--state", str(stack.state))
        deadline = time.monotonic() + 15
        while main(["audit", "prove", record_id, *state, "--out", str(tmp_path)]) != 0:
            assert time.monotonic() < deadline, capsys.readouterr().err
            time.sleep(0.2)
        capsys.readouterr()
        indexed = 0
        while not indexed:  # by the control process: this command only looks
            assert main(["audit", "index", "status", "--json", *state]) == 0
            indexed = json.loads(capsys.readouterr().out)["records"]
            assert time.monotonic() < deadline
        assert main(["audit", "show", request_id, "--json", *state]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert record_id in {each["attributes"]["gateway.record.id"] for each in shown}
        assert all(each["attributes"]["gateway.exchange.id"] == request_id for each in shown)
        assert main(["audit", "checkpoint", "--key", *state]) == 0
    keys = tmp_path / "keys"
    keys.write_text("".join(line + "\n" for line in capsys.readouterr().out.splitlines() if line.startswith("gw.")))
    (proof,) = tmp_path.glob("processor-0-*.tlog-proof")
    written = proof.with_suffix(".record")
    assert request_id.encode() in written.read_bytes()
    assert main(["audit", "verify", str(written), "--proof", str(proof), "--key", str(keys)]) == 0

    # What was running has ended in order: its last checkpoint covers all of the log.
    trees, spool = root / "state" / "trees", root / "state" / "spool"
    capsys.readouterr()
    assert main(["audit", "checkpoint", "processor-0", "--state", str(trees.parent)]) == 0
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_text(capsys.readouterr().out)
    options = ["--checkpoint", str(checkpoint), "--key", str(keys), "--hashes", str(trees / "processor-0" / "hashes")]
    assert main(["audit", "verify", str(spool / "processor-0"), *options]) == 0
    assert "gw.example/processor-0\n" in archive.read_text()
