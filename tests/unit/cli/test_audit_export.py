"""`audit export` and `audit verify` of what it wrote: as an operator and a third party use them."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext import checkpoints
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.erased import Leaf, leaves, segment_of
from gateway_ext.audit.exports.checking import check_export
from gateway_ext.audit.exports.manifest import FileDigest, read_manifest, sign_manifest, write_manifest
from gateway_ext.audit.exports.tables import original
from gateway_ext.audit.exports.writing import digest_of
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import segment_path
from gateway_ext.audit.signed_note import VerifierKey
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.audit_export_verify import opened
from gateway_ext.cli.audit_logs import read_keys
from gateway_ext.cli.main import main
from gateway_ext.clock import SystemClock
from gateway_ext.settings import Settings
from tests.unit.audit.index.recorded import ORDER, US, decision, outcome
from tests.unit.audit.signed_logs import ORIGIN

FORMATS = ("csv", "jsonl", "parquet")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two signed logs of six records, one of them by somebody whose name is a formula and moves cursors."""
    root = tmp_path / "state"
    root.mkdir(mode=0o700)
    processors = [Spool(root / "spool", f"processor-{index}", SystemClock()) for index in (0, 1)]
    processors[0].append(decision("e1", classes=["personal"]))
    processors[1].append(outcome("e1", cost_nano=20_000_000))
    processors[0].append(decision("e2", subject='=HYPERLINK("x")', team="law\x1b[31m"))
    processors[0].append(outcome("e2", served_by=US, flags=("client_aborted",)))
    processors[1].append(decision("e3", reason="budget_exhausted"))
    processors[0].append(ORDER)
    for spool in processors:
        spool.close()
    signing(root)
    return root


class DayClock(SystemClock):
    """On a day of 2027, from 0."""

    def __init__(self, day: int):
        super().__init__()
        self._day = day

    def now_unix_nano(self) -> int:
        return 1_798_761_600_000_000_000 + self._day * 86_400_000_000_000


def signing(root: Path) -> None:
    roots = root / "spool", root / "trees", root / "archive"
    signer = load_or_make_key(root / "checkpoint.key")
    checkpointer = Checkpointer(*roots, ORIGIN, signer, SystemClock(), 10, 1_000)
    checkpointer.step(at_once=True)
    checkpointer.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["audit", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def export(tmp_path: Path, state: Path, run: Run) -> Callable[..., Path]:
    (tmp_path / "keys").write_text(run("checkpoint", "--key", "--state", state)[1])

    def export(*arguments: object, name: str = "out") -> Path:
        code, out, err = run("export", tmp_path / name, "--purpose", "audit 2026", "--state", state, *arguments)
        assert code == 0, err
        assert "signed as" in out
        return tmp_path / name

    return export


def verify(run: Run, out: Path) -> tuple[int, str]:
    code, text, error = run("verify", out, "--key", out.parent / "keys")
    return code, text + error


def ids(out: Path) -> list[str]:
    return [
        json.loads(line).get("gateway.exchange.id", "") for line in (out / "records.jsonl").read_text().splitlines()
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_third_party_verifies_it_without_the_gateway(
    form: str, state: Path, export: Callable[..., Path], run: Run
) -> None:
    out = export("--format", form, "--exchange", "e2", "--exchange", "e3")
    shutil.rmtree(state)
    code, text = verify(run, out)
    assert code == 0, text
    assert "3 records, as they were signed" in text
    assert "processor-0', leaves 0 to 3: 2 records, and the hashes of 2 others." in text
    assert "Asked for: exchange=e2|e3" in text
    assert {path.stat().st_mode & 0o077 for path in (out, *out.iterdir())} == {0}


def test_rows_are_the_records(export: Callable[..., Path]) -> None:
    out = export("--format", "jsonl")
    assert ids(out) == ["e1", "e2", "e2", "", "e1", "e3"]
    first = json.loads((out / "records.jsonl").read_text().splitlines()[0])
    assert first["gateway.guard.findings"][0]["data_class"] == "personal"
    assert (first["log"], first["leaf"]) == ("processor-0", 0)
    assert first["time"].endswith("Z")


def test_cells_are_harmless_to_spreadsheets_and_terminals_and_can_be_taken_back(export: Callable[..., Path]) -> None:
    out = export("--exchange", "e2", "--action", "forward")
    data = (out / "records.csv").read_bytes()
    assert data.isascii()
    assert b"\x1b" not in data
    (row,) = csv.DictReader(data.decode().splitlines(keepends=True))
    assert row["gateway.principal.subject"] == '\'=HYPERLINK("x")'
    assert original(row["gateway.principal.subject"]) == '=HYPERLINK("x")'
    assert original(row["gateway.principal.team"]) == "law\x1b[31m"
    assert json.loads(original(row["gateway.route.candidates"])) == ["eu/large", "us/large"]


def test_parquet_has_numbers_and_truths(export: Callable[..., Path]) -> None:
    duckdb = pytest.importorskip("duckdb")
    out = export("--format", "parquet")
    found = duckdb.sql(
        'SELECT max("gateway.budget.cost_nano"), bool_or("gateway.route.sovereign"), count(*)'
        f" FROM read_parquet('{out / 'records.parquet'}')"
    ).fetchall()
    assert found == [(20_000_000, False, 6)]
    assert not list(out.glob("*.part"))


def test_what_is_erased_is_counted_and_stands_by_its_hash(state: Path, export: Callable[..., Path], run: Run) -> None:
    rewrite(segment_path(state / "spool" / "processor-0", 1), lambda found: [Leaf(found[0].hash, None), *found[1:]])
    out = export("--format", "jsonl", "--exchange", "e1")
    assert ids(out) == ["e1"]
    code, text = verify(run, out)
    assert (code, "0 records, and the hashes of 4 others, of 1 of which no record was kept any more." in text) == (
        0,
        True,
    )


def test_json_tells_programs(export: Callable[..., Path], run: Run) -> None:
    out = export("--exchange", "e1")
    keys = out.parent / "keys"
    found = json.loads(run("verify", out, "--key", keys, "--json")[1])
    assert (found["ok"], found["manifest"]["records"], found["manifest"]["filter"]) == (True, 2, "exchange=e1")
    assert [(part["log"], part["matching"]) for part in found["logs"]] == [("processor-0", 1), ("processor-1", 1)]
    (out / "records.csv").write_text("")
    found = json.loads(run("verify", out, "--key", keys, "--json")[1])
    assert (found["ok"], found["bad_file"], found["manifest"]) == (False, "records.csv", None)


# Of a Parquet file only some: it has 40 kB for one row, and one digest is over all of it.
@pytest.mark.parametrize(("form", "step"), [("csv", 1), ("jsonl", 1), ("parquet", 4)])
def test_no_single_byte_can_be_changed(form: str, step: int, export: Callable[..., Path]) -> None:
    """Each byte of each file, in another of its bits."""
    out = export("--exchange", "e3", "--format", form)
    keys = read_keys(out.parent / "keys")

    def fault() -> str:
        try:
            found = check_export(out, keys, opened, lambda _: None)
        except ValueError:
            return "not believed"
        return found.bad_file

    assert fault() == ""
    for path in sorted(out.iterdir()):
        expected = "not believed" if path.name.startswith("manifest") else path.name
        for at, byte in list(enumerate(path.read_bytes()))[::step]:
            put(path, at, byte ^ 1 << at % 8)
            assert fault() == expected, (path.name, at)
            put(path, at, byte)
    assert fault() == ""


def put(path: Path, at: int, byte: int) -> None:
    with path.open("r+b", buffering=0) as file:
        file.seek(at)
        file.write(bytes([byte]))


@pytest.mark.parametrize("name", ["processor-0.segment", "processor-1.checkpoint", "records.csv"])
def test_missing_and_foreign_files_are_named(name: str, export: Callable[..., Path], run: Run) -> None:
    out = export()
    (out / "records.bak").write_text("")
    assert verify(run, out) == (1, "NOT VERIFIED: records.bak: the manifest does not name it\n")
    (out / "records.bak").unlink()
    (out / name).unlink()
    assert verify(run, out) == (1, f"NOT VERIFIED: {name}: it is missing\n")


def test_a_broken_record_is_named_by_its_leaf(export: Callable[..., Path], run: Run) -> None:
    path = export() / "processor-0.segment"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert "processor-0.segment: changed" in verify(run, path.parent)[1]
    assert "(leaf 3)" in verify(run, path.parent)[1]


def test_another_key_is_not_believed(tmp_path: Path, export: Callable[..., Path], run: Run) -> None:
    out = export()
    keys = tmp_path / "keys"
    other = load_or_make_key(tmp_path / "other.key").public_key
    keys.write_text(f"{VerifierKey(f'{ORIGIN}/processor-0', other)}\n")
    assert verify(run, out) == (1, "NOT VERIFIED: not believed: no trusted key has signed it\n")


# --- what whoever has the key could still not do ------------------------------------------------------------------------


def resigned(state: Path, out: Path, more: int = 0) -> None:
    """With a manifest over the files as they are now."""
    manifest = read_manifest((out / "manifest.json").read_bytes())
    files: dict[str, FileDigest] = {name: digest_of(out / name) for name in manifest.files}
    parts = tuple(replace(part, matching=part.matching + more) for part in manifest.logs)
    content = write_manifest(replace(manifest, files=files, logs=parts))
    note = sign_manifest(content, f"{ORIGIN}/processor-0", load_or_make_key(state / "checkpoint.key"))
    (out / "manifest.json").write_bytes(content)
    (out / "manifest.note").write_text(str(note))


def rewrite(path: Path, change: Callable[[list[Leaf]], list[Leaf]]) -> None:
    path.write_bytes(segment_of(change(list(leaves(path.read_bytes())))))


def test_a_record_that_is_taken_out_or_moved_misses_the_signed_root(
    state: Path, export: Callable[..., Path], run: Run
) -> None:
    for number, change in enumerate((lambda found: found[:-1], lambda found: [*found[1:], found[0]])):
        out = export("--event", "request:decision:refused", name=f"out{number}")
        rewrite(out / "processor-0.segment", change)
        resigned(state, out)
        code, text = verify(run, out)
        assert (code, "do not lead to the signed root" in text) == (1, True)


def test_a_row_that_is_left_out_or_changed_is_named(state: Path, export: Callable[..., Path], run: Run) -> None:
    for form, number in (("csv", 1), ("jsonl", 0)):
        out = export("--format", form, name=form)
        table = out / f"records.{form}"
        whole = table.read_bytes().splitlines(keepends=True)
        table.write_bytes(b"".join([*whole[:number], *whole[number + 1 :]]))
        resigned(state, out)
        assert f"records.{form}: the row of leaf 0 of 'processor-0' is not what the record says" in verify(run, out)[1]
        table.write_bytes(b"".join([*whole, whole[-1]]))
        resigned(state, out)
        assert f"records.{form}: it has rows that belong to no record" in verify(run, out)[1]


def test_a_parquet_row_that_is_changed_is_named(state: Path, export: Callable[..., Path], run: Run) -> None:
    duckdb = pytest.importorskip("duckdb")
    table = export("--format", "parquet") / "records.parquet"

    def changed(column: str, to: str) -> str:
        """What verifying says of it."""
        read = f"SELECT * REPLACE ({to} AS \"{column}\") FROM read_parquet('{table}')"
        duckdb.sql(f"COPY ({read}) TO '{table.parent / 'new'}' (FORMAT parquet)")
        (table.parent / "new").replace(table)
        resigned(state, table.parent)
        return verify(run, table.parent)[1]

    cost = '"gateway.budget.cost_nano"'
    assert "the row of leaf 2 of 'processor-0'" in changed("gateway.budget.cost_nano", f"({cost} + 1)::DECIMAL(20,0)")
    assert "has other columns than an export" in changed("gateway.budget.cost_nano", f"({cost} - 1)::DOUBLE")
    table.write_text("no table")
    resigned(state, table.parent)
    assert "not believed: records.parquet is no Parquet" in verify(run, table.parent)[1]


def test_logs_cannot_be_swapped(state: Path, export: Callable[..., Path], run: Run) -> None:
    out = export()
    for kind in ("segment", "checkpoint"):
        (out / f"processor-0.{kind}").rename(out / "other")
        (out / f"processor-1.{kind}").rename(out / f"processor-0.{kind}")
        (out / "other").rename(out / f"processor-1.{kind}")
    resigned(state, out)
    assert "processor-0.checkpoint: it is not the checkpoint that the manifest names" in verify(run, out)[1]


def test_counts_are_those_of_the_records(state: Path, export: Callable[..., Path], run: Run) -> None:
    out = export()
    resigned(state, out, more=1)
    assert "processor-0.segment: it has 4 records, the manifest says 5" in verify(run, out)[1]


def test_a_record_that_was_not_asked_for_is_named(state: Path, export: Callable[..., Path], run: Run) -> None:
    out, whole = export("--exchange", "e1", name="some"), export(name="whole")
    shutil.copy(whole / "processor-0.segment", out)
    resigned(state, out)
    assert "processor-0.segment: a record in it is not one that was asked for (leaf 1)" in verify(run, out)[1]


KMS = """#!{python}
import base64, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
text = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
if sys.argv[1:] == ["public", "checkpoints"]:
    x = text(key.public_key().public_bytes_raw())
    print(json.dumps(dict(kty="OKP", crv="Ed25519", kid="k1", x=x)))
else:
    assert sys.argv[1:] == ["sign", "checkpoints", "k1"]
    print(text(key.sign(sys.stdin.buffer.read())))
"""


def test_a_key_management_service_signs_exports_as_it_signs_checkpoints(tmp_path: Path, run: Run) -> None:
    root, program, settings_file = tmp_path / "state", tmp_path / "kms", tmp_path / "settings.yaml"
    root.mkdir(mode=0o700)
    program.write_text(KMS.format(python=sys.executable))
    program.chmod(0o700)
    settings_file.write_text(f"checkpoint_signer_command: {program}\n")
    spool = Spool(root / "spool", "processor-0", SystemClock())
    spool.append(decision("e1"))
    spool.close()
    work = checkpoints.checkpointer(Settings(state_dir=root, checkpoint_signer_command=str(program)))
    work.step(at_once=True)
    work.close()
    options = ("--state", root, "--settings", settings_file)
    code, _, error = run("export", tmp_path / "out", "--purpose", "x", *options)
    assert code == 0, error
    (tmp_path / "keys").write_text(run("checkpoint", "--key", "--state", root)[1])
    assert verify(run, tmp_path / "out")[0] == 0
    assert not (root / "checkpoint.key").exists(), "no key of ours has signed"


# --- what is refused ----------------------------------------------------------------------------------------------------


def test_an_interrupted_export_is_refused(state: Path, tmp_path: Path, run: Run, export: Callable[..., Path]) -> None:
    segment = segment_path(state / "spool" / "processor-1", 1)
    damaged = bytearray(segment.read_bytes())
    damaged[-1] ^= 1
    segment.write_bytes(damaged)
    code, _, error = run("export", tmp_path / "out", "--purpose", "x", "--state", state)
    assert code == 2
    assert "is not what was signed" in error
    assert (tmp_path / "out" / "processor-0.segment").exists()
    code, text = verify(run, tmp_path / "out")
    assert (code, "has no manifest.note: it is an export that was interrupted" in text) == (1, True)


def test_an_existing_directory_and_what_no_record_tells_are_refused(state: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "out").mkdir()
    code, _, error = run("export", tmp_path / "out", "--purpose", "x", "--state", state)
    assert (code, "exists already" in error) == (2, True)
    for conditions in (("--tier", "eu"), ("--team", "risk", "--cost-min", "1"), ("--team", "a", "--provider", "eu")):
        code, _, error = run("export", tmp_path / "new", "--purpose", "x", "--state", state, *conditions)
        assert (code, "no record by itself" in error) == (2, True)
    assert not (tmp_path / "new").exists()
    assert not (state / "spool" / "operator").exists()


def test_a_key_that_recipients_cannot_have_does_not_sign(state: Path, tmp_path: Path, run: Run) -> None:
    (state / "checkpoint.key").unlink()
    code, _, error = run("export", tmp_path / "out", "--purpose", "x", "--state", state)
    assert (code, "which has signed none yet" in error) == (2, True)
    assert not (tmp_path / "out").exists()


def test_it_is_recorded_before_anything_is_written(
    state: Path, tmp_path: Path, export: Callable[..., Path], run: Run
) -> None:
    export("--team", "risk", "--actor", "olga")
    begun, done = last_events(state / "spool" / "operator", 9)
    assert [each.name for each in (begun, done)] == ["audit:records:exported"] * 2
    assert (begun.order.value, begun.order.actor, begun.order.reason) == ("out", "olga", "audit 2026 (team=risk)")
    assert done.order.reason == "audit 2026: 2 records"
    shutil.rmtree(state / "spool" / "operator")
    (state / "spool" / "operator").write_text("in the way")
    code, _, _ = run("export", tmp_path / "other", "--purpose", "x", "--state", state)
    assert (code, (tmp_path / "other").exists()) == (2, False)


def test_the_range_begins_with_the_segment_of_since(state: Path, tmp_path: Path, run: Run) -> None:
    """Records before it are the subtrees that the range goes on from."""
    for number in range(3):
        spool = Spool(state / "spool", "processor-0", DayClock(number))
        spool.append(decision(f"late{number}"))
        spool.close()
    signing(state)
    (tmp_path / "keys").write_text(run("checkpoint", "--key", "--state", state)[1])
    arguments = ("--purpose", "x", "--state", state, "--format", "jsonl", "--since", "2027-01-02T12:00")
    code, _, error = run("export", tmp_path / "out", *arguments)
    assert code == 0, error
    manifest = read_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    assert [part.first_leaf for part in manifest.logs] == [5, 0]
    assert [part.matching for part in manifest.logs] == [1, 0]
    assert ids(tmp_path / "out") == ["late2"]
    code, text = verify(run, tmp_path / "out")
    assert (code, "processor-0', leaves 5 to 6: 1 records, and the hashes of 1 others." in text) == (0, True)
