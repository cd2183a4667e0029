import json
import os
import stat
from pathlib import Path

import pytest

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.outputs.ocsf_file import OcsfFile
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.outputs import samples

ACCEPTED = Delivery(Answer.ACCEPTED)
UNBOUNDED = 1 << 30


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def uids(path: Path) -> list[str]:
    return [json.loads(line)["metadata"]["uid"] for line in path.read_text().splitlines()]


async def test_a_document_a_line_in_order(tmp_path: Path) -> None:
    path = tmp_path / "trail.ocsf"
    output = OcsfFile(path, UNBOUNDED, 0)
    assert await output.export([samples.forwarded(), samples.settled()]) == ACCEPTED
    assert await output.export([samples.refused()]) == ACCEPTED
    one = samples.settled().id
    assert uids(path) == [one, *(f"{one}:{number}" for number in range(6)), one, one]
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


async def test_a_full_file_is_renamed_and_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "trail.ocsf"
    output = OcsfFile(path, 1, 2)
    for _ in range(5):
        await output.export([samples.refused()])
    assert names(tmp_path) == ["trail.ocsf", "trail.ocsf.3", "trail.ocsf.4"]
    everything = OcsfFile(path, 1, 0)
    for _ in range(3):
        await everything.export([samples.refused()])
    assert names(tmp_path) == ["trail.ocsf", *(f"trail.ocsf.{number}" for number in range(3, 8))]


async def test_a_file_may_be_moved_away_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "trail.ocsf"
    output = OcsfFile(path, UNBOUNDED, 0)
    await output.export([samples.refused()])
    path.rename(tmp_path / "taken")
    await output.export([samples.refused()])
    assert uids(path) == uids(tmp_path / "taken")


async def test_a_half_written_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "trail.ocsf"
    path.write_text('{"metadata": {"uid": "bef')
    await OcsfFile(path, UNBOUNDED, 0).export([samples.refused()])
    torn, whole = path.read_text().splitlines()
    assert torn == '{"metadata": {"uid": "bef'
    assert json.loads(whole)["metadata"]["uid"] == samples.refused().id


async def test_what_the_disk_does_not_take_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trail.ocsf"
    output = OcsfFile(path, UNBOUNDED, 0)
    await output.export([samples.refused()])
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        assert await output.export([samples.settled()]) == Delivery(Answer.UNREACHABLE, "No space left on device")
    assert path.read_bytes() == before
    assert await output.export([samples.settled()]) == ACCEPTED


@pytest.mark.parametrize(("bytes_max", "files_kept"), [(0, 0), (1, -1)])
def test_bad_bounds_are_explained(bytes_max: int, files_kept: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ocsf_file"):
        OcsfFile(tmp_path / "x", bytes_max, files_kept)


def test_a_directory_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="directory that exists"):
        OcsfFile(tmp_path / "none" / "x", 1, 0)
