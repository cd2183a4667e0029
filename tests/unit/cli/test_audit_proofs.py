"""`audit checkpoint`, `audit prove` and `audit verify`, as an operator and a third party use them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.audit.checkpoint_file import Answer
from gateway_ext.audit.erased import Leaf, leaves, segment_of
from gateway_ext.audit.segments import frame, segment_path
from gateway_ext.cli.main import main
from tests.unit.audit.retention.trail import DAY_SECONDS, Trail, decision
from tests.unit.audit.signed_logs import LANE, ORIGIN, SignedState, record, signed_state

RECORDS = [record(sequence) for sequence in range(1, 10)]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["audit", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    return signed_state(tmp_path / "state", {1: RECORDS[:4], 2: RECORDS[4:]})


@pytest.fixture
def handed_out(tmp_path: Path, state: SignedState, run: Run) -> Path:
    """What a third party gets: segments, checkpoint and public key; and the hashes."""
    out = tmp_path / "handed out"
    shutil.copytree(state.spool, out / "segments")
    shutil.copy(state.tree / "hashes", out)
    (out / "checkpoint").write_text(run("checkpoint", LANE, "--state", state.root)[1])
    (out / "keys").write_text(run("checkpoint", "--key", "--state", state.root)[1])
    return out


def verify(run: Run, out: Path, *more: object) -> tuple[int, str]:
    code, text, _ = run("verify", out / "segments", "--checkpoint", out / "checkpoint", "--key", out / "keys", *more)
    return code, text


def test_the_checkpoints_are_listed(state: SignedState, run: Run) -> None:
    (state.root / "trees" / "control").mkdir()
    state.log().file.keep_answer(Answer(1_800_000_000_000_000_000, 9, b"\x00token"))
    code, out, err = run("checkpoint", "--state", state.root)
    header, line = out.splitlines()
    assert code == 0
    assert header.split() == ["LOG", "ORIGIN", "RECORDS", "SIGNED", "PUBLISHED", "ROOT"]
    assert line.startswith(f"{LANE}  {ORIGIN}/{LANE}  9        2027-01-15 08:00:01Z  9 at 2027-01-15 08:00:00Z")
    assert "no checkpoint of 'control' has been signed yet" in err
    (entry,) = json.loads(run("checkpoint", "--state", state.root, "--json")[1])
    assert (entry["size"], entry["origin"], entry["published"]["answer"]) == (9, f"{ORIGIN}/{LANE}", "AHRva2Vu")
    assert entry["checkpoint"] == str(state.log().note)


def test_all_checkpoints_are_listed(state: SignedState, run: Run) -> None:
    first = state.log().signed
    state.write(2, [record(10)])
    second = state.sign().signed
    code, out, _ = run("checkpoint", LANE, "--history", "--state", state.root)
    assert (code, [line.split()[-1] for line in out.splitlines()]) == (0, ["RECORDS", "9", "10"])
    _, out, _ = run("checkpoint", "--history", "--json", "--state", state.root)
    assert [json.loads(line)["checkpoint"].encode() for line in out.splitlines()] == [first.note, second.note]


def test_segments_are_verified_by_who_has_only_files(state: SignedState, handed_out: Path, run: Run) -> None:
    shutil.rmtree(state.root)
    code, text = verify(run, handed_out)
    assert (code, text.splitlines()) == (
        0,
        [f"Verified of '{ORIGIN}/{LANE}', 9 records signed.", "9 records are as they were signed."],
    )
    code, text = verify(run, handed_out, "--hashes", handed_out / "hashes", "--json")
    assert (code, json.loads(text)) == (
        0,
        {
            "ok": True,
            "fault": "",
            "bad_leaf": None,
            "verified": 9,
            "later": 0,
            "origin": f"{ORIGIN}/{LANE}",
            "size": 9,
            "foreign_bytes": 0,
            "erased": 0,
            "erased_before_unix_nano": 0,
            "announcements_checked": False,
        },
    )


def test_the_order_of_segments_on_the_command_line_does_not_matter(handed_out: Path, run: Run) -> None:
    one, two = (segment_path(handed_out / "segments", number) for number in (1, 2))
    assert run("verify", two, one, "--checkpoint", handed_out / "checkpoint", "--key", handed_out / "keys")[0] == 0


def test_an_edit_is_named(handed_out: Path, run: Run) -> None:
    forged = [*RECORDS[4:6], RECORDS[6].replace(b"e7", b"e8"), *RECORDS[7:]]
    segment_path(handed_out / "segments", 2).write_bytes(b"".join(map(frame, forged)))
    code, text = verify(run, handed_out)
    assert code == 1
    assert "NOT VERIFIED" in text
    assert "--hashes" in text
    code, text = verify(run, handed_out, "--hashes", handed_out / "hashes", "--json")
    assert code == 1
    assert (json.loads(text)["ok"], json.loads(text)["bad_leaf"]) == (False, 6)


def test_deleted_segments_are_named_unless_they_were_deleted_on_purpose(handed_out: Path, run: Run) -> None:
    segment_path(handed_out / "segments", 1).unlink()
    assert "leaf 0" in verify(run, handed_out)[1]
    code, text = verify(run, handed_out, "--hashes", handed_out / "hashes")
    assert code == 1
    assert "leaf 0 is missing or moved; in its place stands leaf 4" in text
    code, text = verify(run, handed_out, "--hashes", handed_out / "hashes", "--from", 4)
    assert (code, "5 records are as they were signed" in text) == (0, True)
    code, _, err = run(
        "verify", handed_out, "--from", 4, "--checkpoint", handed_out / "checkpoint", "--key", handed_out / "keys"
    )
    assert (code, "--hashes" in err) == (2, True)


def test_changed_hashes_or_checkpoints_are_not_believed(handed_out: Path, run: Run) -> None:
    hashes = bytearray((handed_out / "hashes").read_bytes())
    hashes[0] ^= 1
    (handed_out / "hashes").write_bytes(hashes)
    code, text = verify(run, handed_out, "--hashes", handed_out / "hashes")
    assert (code, "not believed: the file of hashes" in text) == (1, True)
    checkpoint = (handed_out / "checkpoint").read_text()
    (handed_out / "checkpoint").write_text(checkpoint.replace("\n9\n", "\n8\n"))
    code, text = verify(run, handed_out)
    assert (code, "not believed: the signature of" in text) == (1, True)


def test_what_is_no_record_is_counted(handed_out: Path, run: Run) -> None:
    with segment_path(handed_out / "segments", 1).open("ab") as file:
        file.write(b"foreign")
    code, text = verify(run, handed_out)
    assert (code, "7 bytes in the segments are no records." in text) == (0, True)


def test_a_rollback_shows_against_an_older_checkpoint(state: SignedState, handed_out: Path, run: Run) -> None:
    older = handed_out / "older"
    shutil.copy(handed_out / "checkpoint", older)
    state.write(2, [record(10)])
    state.sign()
    (handed_out / "checkpoint").write_text(run("checkpoint", LANE, "--state", state.root)[1])
    shutil.copytree(state.spool, handed_out / "segments", dirs_exist_ok=True)
    assert verify(run, handed_out, "--since", older)[0] == 0

    code, out, _ = run("prove", "--since", older, "--state", state.root, "--out", handed_out)
    proof = handed_out / f"{LANE}-9-10.consistency"
    assert (code, out) == (0, f"{proof}\n")
    assert run("verify", "--proof", proof, "--since", older, "--key", handed_out / "keys")[0] == 0
    code, text, _ = run("verify", "--proof", proof, "--since", handed_out / "checkpoint", "--key", handed_out / "keys")
    assert (code, "does not go on from the older checkpoint" in text) == (1, True)

    shutil.copy(handed_out / "checkpoint", handed_out / "newer")
    shutil.copy(older, handed_out / "checkpoint")
    code, text = verify(run, handed_out, "--since", handed_out / "newer")
    assert (code, "rolled back: the older checkpoint covers 10 leaves, this one 9" in text) == (1, True)


@pytest.mark.parametrize("by", [("run-7",), ("6", "--log", LANE)])
def test_one_record_is_proved_and_verified(state: SignedState, handed_out: Path, run: Run, by: tuple[str, ...]) -> None:
    code, out, _ = run("prove", *by, "--state", state.root, "--out", handed_out)
    written, proof = (handed_out / f"{LANE}-6.{kind}" for kind in ("record", "tlog-proof"))
    assert (code, out) == (0, f"{written}\n{proof}\n")
    assert written.read_bytes() == RECORDS[6]
    assert written.stat().st_mode & 0o777 == 0o600
    code, out, _ = run("verify", written, "--proof", proof, "--key", handed_out / "keys")
    assert (code, "The record is as it was signed." in out) == (0, True)
    written.write_bytes(RECORDS[5])
    code, out, _ = run("verify", written, "--proof", proof, "--key", handed_out / "keys")
    assert (code, "this is not leaf 6" in out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove",), "give a record, or --since"),
        (("prove", "run-1", "--since", "x"), "give a record, or --since"),
        (("prove", "nothing"), "no record with this id"),
        (("prove", "9", "--log", LANE), "is not here"),
        (("prove", "0", "--log", "processor-7"), f"no log 'processor-7'; there are: {LANE}"),
        (("checkpoint", "processor-7"), "no log 'processor-7'"),
    ],
)
def test_wrong_use_is_said(state: SignedState, run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run(*arguments, "--state", state.root)
    assert (code, said in err) == (2, True)


def test_wrong_files_are_said(handed_out: Path, run: Run) -> None:
    keys, checkpoint = handed_out / "keys", handed_out / "checkpoint"
    code, _, err = run("verify", handed_out / "segments", "--key", keys)
    assert (code, "give segments and --checkpoint, or --proof" in err) == (2, True)
    code, _, err = run("verify", handed_out / "nothing", "--checkpoint", checkpoint, "--key", keys)
    assert (code, "cannot be read" in err) == (2, True)
    code, _, err = run("verify", handed_out, "--checkpoint", checkpoint, "--key", keys)
    assert (code, "there are no segments in it" in err) == (2, True)
    code, _, err = run("verify", handed_out, "--checkpoint", checkpoint, "--key", checkpoint)
    assert (code, "not an Ed25519 key" in err) == (2, True)
    keys.write_text("\n")
    code, _, err = run("verify", handed_out, "--checkpoint", checkpoint, "--key", keys)
    assert (code, "holds no key" in err) == (2, True)


def test_where_there_is_no_log(tmp_path: Path, run: Run) -> None:
    code, _, err = run("checkpoint", "--state", tmp_path)
    assert (code, "there are no logs" in err) == (2, True)


@pytest.fixture
def erased(tmp_path: Path, run: Run) -> Path:
    """What a third party gets of a log of which three records are erased, and of the operators' log."""
    trail = Trail(tmp_path / "state")
    for name in "abcd":
        trail.write(decision(name, "long" if name == "d" else "short"))
    trail.deliver()
    trail.clock.forward(11 * DAY_SECONDS)
    assert trail.erase_due() == 3
    for leaf in trail.announcements:
        trail.write_encoded(leaf.record or b"", "operator")
    trail.sign()
    out = tmp_path / "handed out"
    for name in ("spool", "archive"):
        shutil.copytree(trail.root / name, out / name)
    for log in (LANE, "operator"):
        (out / f"{log}.checkpoint").write_text(run("checkpoint", log, "--state", trail.root)[1])
    (out / "keys").write_text(run("checkpoint", "--key", "--state", trail.root)[1])
    return out


def verify_erased(run: Run, out: Path, *more: object) -> tuple[int, str]:
    segments = out / "spool" / LANE, out / "archive" / LANE
    arguments = (*segments, "--checkpoint", out / f"{LANE}.checkpoint", "--key", out / "keys", *more)
    code, text, error = run("verify", *arguments)
    return code, text + error


def test_what_is_erased_is_counted(erased: Path, run: Run) -> None:
    code, text = verify_erased(run, erased)
    assert code == 0
    assert "1 records are as they were signed." in text.replace("The record is as it was", "1 records are as they were")
    assert "3 records are erased, all of them from before 2027-01-15T08:00:00Z" in text
    assert "Whether that was announced: --erasures." in text


def test_what_is_erased_has_been_announced(erased: Path, run: Run) -> None:
    known = "--erasures", erased / "spool" / "operator", "--erasures-checkpoint", erased / "operator.checkpoint"
    code, text = verify_erased(run, erased, *known)
    assert (code, "All of that was announced." in text) == (0, True)
    assert json.loads(verify_erased(run, erased, *known, "--json")[1])["announcements_checked"] is True


def test_what_is_erased_without_announcement_is_a_fault(erased: Path, run: Run) -> None:
    path = segment_path(erased / "archive" / LANE, 1)
    path.write_bytes(segment_of(Leaf(leaf.hash, None) for leaf in leaves(path.read_bytes())))
    known = "--erasures", erased / "spool" / "operator", "--erasures-checkpoint", erased / "operator.checkpoint"
    assert verify_erased(run, erased)[0] == 0
    code, text = verify_erased(run, erased, *known)
    assert (code, "NOT VERIFIED" in text, "erased without announcement: leaves 0 to 3" in text) == (1, True, True)


def test_announcements_that_were_changed_count_for_nothing(erased: Path, run: Run) -> None:
    path = segment_path(erased / "spool" / "operator", 1)
    path.write_bytes(path.read_bytes()[:-1])
    known = "--erasures", path, "--erasures-checkpoint", erased / "operator.checkpoint"
    code, text = verify_erased(run, erased, *known)
    assert (code, f"'{ORIGIN}/operator', in which it is announced: " in text) == (1, True)
    code, text = verify_erased(run, erased, *known[:2])
    assert (code, "needs the checkpoint of that log" in text) == (2, True)


def test_a_segment_that_was_copied_while_it_was_moved_counts_once(erased: Path, run: Run) -> None:
    archived = segment_path(erased / "archive" / LANE, 1)
    shutil.copy(archived, erased / "spool" / LANE)
    assert verify_erased(run, erased)[0] == 0
    segment_path(erased / "spool" / LANE, 1).write_bytes(archived.read_bytes()[:-1])
    assert verify_erased(run, erased)[0] == 1
