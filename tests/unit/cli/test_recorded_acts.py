"""Commands that show records, take them out or change what the Guard knows are recorded first, or do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.clock import SystemClock
from gateway_ext.guard import marks
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import StateLayout
from tests.unit.audit.test_encoding import DECISION

FINGERPRINT = "ab" * 16
TEXT = "The terms of the merger are known to the board and to nobody else before the first of March. " * 20
ACTS = {
    "audit tail": (["audit", "tail", "-n", "3"], "audit:records:searched", "audit tail: the last 1"),
    "guard mark": (["guard", "mark", FINGERPRINT, "--false"], "guard:value:marked", "false, of any detector"),
    "guard register": (["guard", "register", "TERMS", "--label", "merger"], "guard:document:registered", "merger"),
    "token": (["token", "--subject", "ada"], "credentials:credential:minted", "for ada: gateway-ext token"),
}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """With one record and the local issuer's keys."""
    layout = StateLayout(tmp_path / "state")
    layout.root.mkdir(mode=0o700)
    LocalIssuer.create(layout)
    spool = Spool(layout.spool, "processor-0", SystemClock())
    spool.append(DECISION)
    spool.close()
    return layout.root


def run(arguments: Sequence[str], state: Path) -> int:
    terms = state.parent / "terms.txt"
    terms.write_text(TEXT)
    return main([*(str(terms) if each == "TERMS" else each for each in arguments), "--state", str(state)])


def acts(state: Path) -> list[Event]:
    return last_events(state / "spool" / "operator", 9, state / "archive" / "operator")


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_recorded(state: Path, act: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, event, reason = ACTS[act]
    assert run(arguments, state) == 0
    assert capsys.readouterr().out
    (recorded,) = acts(state)
    assert (recorded.name, recorded.order.reason) == (event, reason)


@pytest.mark.parametrize("act", ACTS)
def test_what_cannot_be_recorded_is_neither_shown_nor_done(
    state: Path, act: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (state / "spool" / "operator").write_text("in the way of the spool")
    assert run(ACTS[act][0], state) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "cannot be written" in shown.err
    assert not (state / marks.FILE_NAME).exists()
    assert not (state / "documents.jsonl").exists()
