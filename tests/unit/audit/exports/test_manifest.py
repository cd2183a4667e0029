import json
from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint import parse_checkpoint
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.exports.manifest import (
    FileDigest,
    LogPart,
    Manifest,
    open_manifest,
    read_manifest,
    sign_manifest,
    write_manifest,
)
from gateway_ext.audit.exports.tables import Format
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.signed_note import VerifierKey

DIGEST = FileDigest(3, "00" * 32)
PART = LogPart("p0", "gateway/p0", 3, 9, b"r" * 32, (b"a" * 32, b"b" * 32), 4, 1)
FILES = dict.fromkeys(("records.csv", "p0.segment", "p0.checkpoint"), DIGEST)
MANIFEST = Manifest(
    "1.0", "2027-01-15T08:00:00Z", Format.CSV, ("time",), Filter({Field.TEAM: frozenset({"a", "b"})}, 5), (PART,), FILES
)
CONTENT = write_manifest(MANIFEST)


def test_it_is_read_back() -> None:
    assert read_manifest(CONTENT) == MANIFEST
    assert json.loads(CONTENT)["records"] == 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("kind", "gateway-ext audit export 2", "expected an export of the kind"),
        ("logs", [{}], "no manifest"),
        ("files", {}, "its files are not those of its logs"),
        ("format", "xml", "xml"),
    ],
)
def test_what_is_none_is_refused(name: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_manifest(json.dumps(json.loads(CONTENT) | {name: value}).encode())
    with pytest.raises(ValueError, match="no manifest"):
        read_manifest(b"[]")


def test_no_file_lies_outside_of_the_export() -> None:
    values = json.loads(CONTENT)
    values["logs"][0]["log"] = "../p0"
    values["files"] = {"records.csv": {}, "../p0.segment": {}, "../p0.checkpoint": {}}
    values["files"] = {name: {"size_bytes": 1, "sha256": ""} for name in values["files"]}
    with pytest.raises(ValueError, match="its files"):
        read_manifest(json.dumps(values).encode())


def test_only_a_log_of_its_own_signs_it(tmp_path: Path) -> None:
    signer = load_or_make_key(tmp_path / "key")
    for name, is_believed in (("gateway/p0", True), ("gateway/p1", False)):
        note = sign_manifest(CONTENT, name, signer)
        key = VerifierKey(name, signer.public_key)
        if is_believed:
            assert open_manifest(CONTENT, str(note).encode(), [key]) == MANIFEST
            with pytest.raises(ValueError, match="which was changed"):
                open_manifest(CONTENT + b" ", str(note).encode(), [key])
        else:
            with pytest.raises(ValueError, match="not signed by the key of a log"):
                open_manifest(CONTENT, str(note).encode(), [key])


def test_its_note_is_never_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        parse_checkpoint(sign_manifest(CONTENT, "gateway/p0", load_or_make_key(tmp_path / "key")))
