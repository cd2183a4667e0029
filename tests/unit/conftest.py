"""What parts of the gateway write while they are tested, logs included, is searched for what the test has handed to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.examination import ALLOWED, Allowed, Examiner
from tests.envoy.handed_out import HandedOut, Kind, listen

CLIENT_SECRETS = Allowed("*/logins/*.secret", Kind.SECRET, "where the console reads its own")


@pytest.fixture(autouse=True)
def nothing_is_kept(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Requests are those that clients of httpx send, and bodies that a pipeline decides about."""
    handed_out = HandedOut()
    root = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    pipeline: Any = getattr(sys.modules.get("gateway_ext.pipeline"), "Pipeline", None)  # of those tests that import it
    if pipeline is not None:
        decide = pipeline.decide

        async def decide_and_note(self: Any, exchange: Any, body: bytes) -> Any:
            handed_out.prompt(body)
            return await decide(self, exchange, body)

        monkeypatch.setattr(pipeline, "decide", decide_and_note)
    shown = _shown(request, monkeypatch)
    with listen(handed_out):
        yield
    if next(iter(handed_out), None) is None:
        return
    logged = "\n".join(record.getMessage() for phase in ("setup", "call") for record in caplog.get_records(phase))
    examiner = Examiner(handed_out, (*ALLOWED, CLIENT_SECRETS))
    if isinstance(root, Path):
        examiner.learn_keys(root)
        examiner.learn_keys(root / "state")
        pages = {"log": logged.encode() or b"\n", "what commands printed": "".join(shown).encode()}
        examiner.examine(root, pages).require_clean()


def _shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by all that a test reads of its commands' output."""
    shown: list[str] = []
    if "capsys" in request.fixturenames:
        capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
        read = capsys.readouterr

        def read_and_note() -> Any:
            captured = read()
            shown.extend(captured)
            return captured

        monkeypatch.setattr(capsys, "readouterr", read_and_note)
    return shown
