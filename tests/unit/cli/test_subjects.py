"""The commands of data protection officers: what they print, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.cli.main import main
from tests.unit.administration.people_world import ADA, EVA, World, made_world

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One for all of these: each test erases nobody that another one needs."""
    return made_world(tmp_path_factory.mktemp("subjects"))


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    where = ("--state", str(world.settings.state_dir), "--policies", str(world.settings.policies_dir))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["subjects", *arguments, *where])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_a_pseudonym_and_its_person_lead_to_each_other(run: Run) -> None:
    code, pseudonym = run("find", ADA)
    assert code == 0
    assert run("reveal", pseudonym.strip(), "--reason", "incident") == (0, f"{ADA}\n")


def test_whom_nobody_knows(run: Run) -> None:
    assert run("find", "nobody")[0] == 1
    assert run("reveal", "pseudonym-" + "0" * 32, "--reason", "why")[0] == 1
    code, said = run("erase", "nobody", "--reason", "why")
    assert (code, said) == (1, "Nothing is held under this name.\n")


def test_to_reveal_and_to_erase_take_a_reason(run: Run) -> None:
    for command in ("reveal", "erase"):
        with pytest.raises(SystemExit):
            run(command, ADA)


def test_a_report_is_one_object_a_line(run: Run) -> None:
    code, said = run("report", ADA, "--json")
    parts = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert parts[0]["subject"] == ADA
    assert {part["part"] for part in parts} >= {"credential", "hold", "record", "note"}
    assert EVA not in said
    code, said = run("report", ADA)
    assert code == 0
    assert said.count("\n") == len(parts) + 1  # the last report is in the trail, too
    assert said.startswith("person      subject=")


def test_an_erasure_says_what_was_done_and_what_is_left(run: Run, world: World) -> None:
    pseudonym = run("find", EVA)[1].strip()
    code, said = run("erase", EVA, "--reason", "request 9")
    assert code == 0
    assert f"Erased; in the trail: {pseudonym}." in said
    assert "ledger 1" in said
    assert said.count("Not erased: ") == 2
    assert EVA not in said
    assert world.files_with(EVA) == set()
    code, said = run("reveal", pseudonym, "--reason", "again")
    assert code == 1
    assert said.startswith("Erased on 20")


def test_a_ledger_that_cannot_be_used_is_said(run: Run, world: World, tmp_path: Path) -> None:
    ledger = world.settings.layout.ledger
    kept = ledger.read_bytes()
    ledger.write_bytes(b"x" * 5_000)
    try:
        code, said = run("report", ADA)
        assert code == 2
        assert "the ledger cannot be read" in said
        code, said = run("erase", ADA, "--reason", "why")
        assert code == 2
        assert "run it again" in said
    finally:
        ledger.write_bytes(kept)


def test_a_lost_store_is_begun_anew_by_command_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "subjects.marker").write_text('{"store_id": "x", "generation": 0}')
    where = ("--state", str(tmp_path))
    assert main(["subjects", "find", ADA, *where]) == 2
    assert "gateway-ext subjects init" in capsys.readouterr().err
    assert main(["subjects", "init", *where]) == 0
    assert "can be revealed no more" in capsys.readouterr().out
    assert main(["subjects", "init", *where]) == 0
    assert "Taken as it is" in capsys.readouterr().out
