"""`gateway-ext audit verify`: whether records are those that were signed. Needs no gateway, no state and no network."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from gateway_ext.audit.checkpoint import Checkpoint, open_checkpoint
from gateway_ext.audit.erasures import announced, unannounced
from gateway_ext.audit.hash_file import HashFile
from gateway_ext.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.signed_note import VerifierKey
from gateway_ext.audit.tlog_proof import ConsistencyProof, InclusionProof, parse_proof
from gateway_ext.audit.verification import Records, Verdict, verify_by_hashes, verify_by_root
from gateway_ext.cli.audit_export_verify import is_export, verify_export
from gateway_ext.cli.audit_logs import read_bytes, read_keys
from gateway_ext.cli.progress import Progress
from gateway_ext.errors import ConfigurationError

EXAMPLES = """examples:
  gateway-ext audit verify spool/processor-0 --checkpoint processor-0.checkpoint --key keys.txt
  gateway-ext audit verify spool/processor-0 archive/processor-0 --checkpoint processor-0.checkpoint --key keys.txt \\
    --erasures spool/operator archive/operator --erasures-checkpoint operator.checkpoint
  gateway-ext audit verify processor-0-41.record --proof processor-0-41.tlog-proof --key keys.txt
  gateway-ext audit verify --proof processor-0-20-41.consistency --since old.checkpoint --key keys.txt
  gateway-ext audit verify EXPORT_DIRECTORY --key keys.txt
"""


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict, and by which checkpoint. `--json` prints these names and those of Verdict."""

    verdict: Verdict
    origin: str = ""
    size: int = 0
    foreign_bytes: int = 0
    erased_before_unix_nano: int = 0  # when the record behind the last erased one was written
    announcements_checked: bool = False  # whether what is erased was compared with what was announced


def add_verify(commands: Any) -> None:
    command = commands.add_parser(
        "verify",
        help="verify records against a signed checkpoint, offline",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="segments, a directory of them, one record, or an export"
    )
    command.add_argument("--key", type=Path, required=True, metavar="FILE", help="public keys of the logs, one a line")
    command.add_argument("--checkpoint", type=Path, metavar="FILE", help="the checkpoint that covers the segments")
    command.add_argument("--proof", type=Path, metavar="FILE", help="a proof that 'audit prove' has written")
    command.add_argument(
        "--since", type=Path, metavar="FILE", help="an older checkpoint, which the log has to go on from"
    )
    command.add_argument(
        "--hashes", type=Path, metavar="FILE", help="the log's file of hashes: names the first bad leaf"
    )
    command.add_argument(
        "--erasures",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="the operators' log (segments, or directories of them): every erased record has to be announced in it",
    )
    command.add_argument(
        "--erasures-checkpoint", type=Path, metavar="FILE", help="the checkpoint that covers the operators' log"
    )
    command.add_argument(
        "--from",
        type=int,
        default=0,
        metavar="LEAF",
        dest="first_leaf",
        help="the first leaf in the segments (default: 0)",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the verdict. 0: as it was signed; 1: not so. Raises ConfigurationError when a file cannot be read at all."""
    keys = read_keys(options.key)
    if is_export(options):
        return verify_export(options, keys)
    try:
        report = _by_proof(options, keys) if options.proof else _by_segments(options, keys)
    except ValueError as error:
        report = Report(Verdict(f"not believed: {error}"))
    except ImportError as error:
        raise ConfigurationError(
            f"'{error.name}' is missing; install it with: pip install 'gateway-ext[credentials]'"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    if options.json:
        values = asdict(report)
        print(json.dumps({"ok": not report.verdict.fault, **values.pop("verdict"), **values}))
    else:
        print(_said(report))
    return 1 if report.verdict.fault else 0


# --- one record, or two checkpoints -------------------------------------------------------------------------------------


def _by_proof(options: argparse.Namespace, keys: Sequence[VerifierKey]) -> Report:
    proof = parse_proof(read_bytes(options.proof))
    checkpoint = open_checkpoint(proof.checkpoint, keys)
    if isinstance(proof, ConsistencyProof):
        if options.since is None:
            raise ConfigurationError("audit verify: a proof of consistency needs the older checkpoint: --since")
        verdict = _consistent(proof, checkpoint, _older(options, checkpoint, keys))
    else:
        if len(options.files) != 1 or options.since is not None:
            raise ConfigurationError("audit verify: a proof of inclusion needs one record, and no --since")
        verdict = _included(proof, checkpoint, read_bytes(options.files[0]))
    return Report(verdict, checkpoint.origin, checkpoint.size)


def _included(proof: InclusionProof, checkpoint: Checkpoint, record: bytes) -> Verdict:
    if verify_inclusion(leaf_hash(record), proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        return Verdict(verified=1)
    return Verdict(f"changed: this is not leaf {proof.index}, or the proof is not one of it", proof.index)


def _consistent(proof: ConsistencyProof, checkpoint: Checkpoint, old: Checkpoint) -> Verdict:
    is_proved = proof.old_size == old.size and verify_consistency(
        old.size, old.root, checkpoint.size, checkpoint.root, proof.hashes
    )
    return Verdict("" if is_proved else "rolled back: the log does not go on from the older checkpoint")


def _older(options: argparse.Namespace, checkpoint: Checkpoint, keys: Sequence[VerifierKey]) -> Checkpoint:
    old = open_checkpoint(read_bytes(options.since), keys)
    if old.origin != checkpoint.origin:
        raise ConfigurationError(f"{options.since}: is of the log '{old.origin}', not of '{checkpoint.origin}'")
    return old


# --- segments -----------------------------------------------------------------------------------------------------------


def _by_segments(options: argparse.Namespace, keys: Sequence[VerifierKey]) -> Report:
    if options.checkpoint is None or not options.files:
        raise ConfigurationError("audit verify: give segments and --checkpoint, or --proof; see --help")
    if options.first_leaf and options.hashes is None:
        raise ConfigurationError("audit verify: segments from the middle of a log need its file of hashes: --hashes")
    checkpoint = open_checkpoint(read_bytes(options.checkpoint), keys)
    old = _older(options, checkpoint, keys) if options.since else None
    paths = _segments(options.files)
    with Progress("verifying", sum(path.stat().st_size for path in paths)) as progress:
        records = Records(lambda: _read(paths, progress))
        if options.hashes is None:
            verdict = verify_by_root(records, checkpoint, old)
        else:
            verdict = _by_hashes(options, records, checkpoint, old)
    report = Report(verdict, checkpoint.origin, checkpoint.size, records.foreign_bytes, records.erased_before_unix_nano)
    return report if verdict.fault or not options.erasures else _explained(report, records, options, keys)


def _explained(report: Report, records: Records, options: argparse.Namespace, keys: Sequence[VerifierKey]) -> Report:
    """With a fault when records are erased that the operators' log does not announce."""
    if options.erasures_checkpoint is None:
        raise ConfigurationError("audit verify: --erasures needs the checkpoint of that log: --erasures-checkpoint")
    checkpoint = open_checkpoint(read_bytes(options.erasures_checkpoint), keys)
    paths = _segments(options.erasures)
    with Progress("reading announcements", sum(path.stat().st_size for path in paths)) as progress:
        announcing = Records(lambda: _read(paths, progress))
        verdict = verify_by_root(announcing, checkpoint)
        if verdict.fault:
            return replace(report, verdict=Verdict(f"'{checkpoint.origin}', in which it is announced: {verdict.fault}"))
        erasures = announced(islice(announcing, checkpoint.size), report.origin.rpartition("/")[2])
    runs = [(first + options.first_leaf, last + options.first_leaf) for first, last in records.erased]
    if unexplained := unannounced(runs, erasures):
        first, last = unexplained[0]
        fault = f"erased without announcement: leaves {first} to {last}"
        more = f", and {len(unexplained) - 1} more runs of leaves" if len(unexplained) > 1 else ""
        report = replace(report, verdict=replace(report.verdict, fault=fault + more, bad_leaf=first))
    return replace(report, announcements_checked=True)


def _by_hashes(
    options: argparse.Namespace, records: Records, checkpoint: Checkpoint, old: Checkpoint | None
) -> Verdict:
    hashes = HashFile(options.hashes)
    try:
        return verify_by_hashes(
            records, lambda: hashes.leaf_hashes(hashes.leaves()), checkpoint, old, options.first_leaf
        )
    finally:
        hashes.close()


def _segments(files: Sequence[Path]) -> list[Path]:
    """By name, so that the order on the command line does not matter. Raises ConfigurationError when there are none."""
    paths = [
        each
        for path in files
        for each in ([segment_path(path, number) for number in segment_sizes(path)] if path.is_dir() else [path])
    ]
    if not paths:
        raise ConfigurationError(f"{files[0]}: there are no segments in it")
    paths.sort(key=lambda path: path.name)
    # Copied while it was moved to the archive, a segment is in both places.
    return paths[:1] + [path for before, path in pairwise(paths) if not _is_same(before, path)]


def _is_same(one: Path, other: Path) -> bool:
    return one.name == other.name and one.read_bytes() == other.read_bytes()


def _read(paths: Sequence[Path], progress: Progress) -> Iterator[bytes]:
    for path in paths:
        content = path.read_bytes()
        yield content
        progress.advance(len(content))


def _said(report: Report) -> str:
    verdict = report.verdict
    about = f" of '{report.origin}'" if report.origin else ""
    lines = (
        [f"NOT VERIFIED{about}: {verdict.fault}"]
        if verdict.fault
        else [f"Verified{about}, {report.size} records signed."]
    )
    if verdict.verified:
        are = f"{verdict.verified} records are as they were" if verdict.verified > 1 else "The record is as it was"
        lines.append(f"{are} signed.")
    if verdict.erased:
        when = (
            f", all of them from before {_time(report.erased_before_unix_nano)}"
            if report.erased_before_unix_nano
            else ""
        )
        lines.append(f"{verdict.erased} records are erased{when}; what is left of them is as it was signed.")
        if not verdict.fault:
            checked = (
                "All of that was announced"
                if report.announcements_checked
                else "Whether that was announced: --erasures"
            )
            lines.append(f"{checked}.")
    if verdict.later:
        lines.append(f"{verdict.later} records were written later: this checkpoint does not cover them.")
    if report.foreign_bytes:
        lines.append(f"{report.foreign_bytes} bytes in the segments are no records.")
    return "\n".join(lines)


def _time(unix_nano: int) -> str:
    return datetime.fromtimestamp(unix_nano / 1e9, UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
