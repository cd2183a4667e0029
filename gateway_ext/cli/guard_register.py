"""`gateway-ext guard register`: make the Guard recognise documents, list those it does, or forget one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings

if TYPE_CHECKING:
    from gateway_ext.guard.confidential.documents import RegisteredDocument

SUMMARY = "make the Guard recognise passages of documents"
DESCRIPTION = (
    "Registers text, source code, office documents and PDF, so that the detector 'registered_document' finds passages copied from "
    "them. Only keyed hashes are stored, never text. Running processors take the change within seconds."
)
COLUMNS = ("ID", "REGISTERED", "SHINGLES", "FINGERPRINT", "LABEL")
BAR_CHARACTERS = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One document. `fingerprint` is that of its findings in the audit trail. `--json` prints these names."""

    id: str
    registered: str
    shingles: int
    fingerprint: str
    label: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what to register; none if any is unusable")
    parser.add_argument("--label", help="what --list calls them (default: the file's name)")
    parser.add_argument("--list", action="store_true", help="list the registered documents")
    parser.add_argument("--remove", metavar="ID", help="forget a document")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="state directory, instead of the settings'")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Register, list or remove. 1 when there is no document to remove. Raises ConfigurationError; nothing is changed then."""
    # Late: the composition root imports every room, and numpy takes a moment.
    from gateway_ext.bootstrap.fingerprint_key import fingerprint_key  # noqa: PLC0415
    from gateway_ext.guard.confidential.registry import FILE_NAME, load, locked, save  # noqa: PLC0415

    if sum((bool(options.files), options.list, options.remove is not None)) != 1:
        raise ConfigurationError("guard register: give either files, or --list, or --remove ID")
    settings = load_settings(options.settings, state_dir=options.state)
    layout = settings.layout
    path = layout.root / FILE_NAME
    key = fingerprint_key(layout.fingerprint_key)
    if options.list:
        _print(load(path, key), key, is_json=options.json)
        return 0
    added = _read_all(options.files, options.label, key)
    with locked(path):
        documents = {each.id: each for each in load(path, key)}
        if options.remove is not None and documents.pop(options.remove, None) is None:
            print("guard register: no document has this id; see --list", file=sys.stderr)
            return 1
        if options.remove is not None:
            record_act(settings, EventName.DOCUMENT_FORGOTTEN, "document", options.remove, "")
        documents |= {each.id: each for each in added}
        for each in {each.id: each for each in added}.values():
            record_act(settings, EventName.DOCUMENT_REGISTERED, "document", each.id, each.label)
        save(path, tuple(documents.values()), key)
    if added:
        _print(tuple({each.id: each for each in added}.values()), key, is_json=options.json)
    return 0


def _read_all(files: Sequence[Path], label: str | None, key: bytes) -> list[RegisteredDocument]:
    from gateway_ext.attachments.files import ExtractionError, read_file  # noqa: PLC0415
    from gateway_ext.guard.confidential.registry import DocumentTooShortError, document  # noqa: PLC0415
    from gateway_ext.guard.confidential.shingles import Shingler  # noqa: PLC0415

    shingler, now_unix_nano = Shingler(key), SystemClock().now_unix_nano()
    documents: list[RegisteredDocument] = []
    problems: list[str] = []
    for file in _with_progress(files):
        try:
            documents.append(document(read_file(file), label or file.name, key, shingler, now_unix_nano))
        except (ExtractionError, DocumentTooShortError) as error:
            problems.append(f"{file}: {error}")
        except OSError as error:
            problems.append(f"{file}: cannot be read ({error.strerror})")
    if problems:
        raise ConfigurationError("\n".join(("nothing was registered:", *problems)))
    return documents


def _with_progress(files: Sequence[Path]) -> Iterator[Path]:
    """`files`, one by one; on a terminal with a bar of how many are done."""
    is_shown = sys.stderr.isatty() and len(files) > 1
    for done, file in enumerate(files):
        if is_shown:
            bar = "#" * (BAR_CHARACTERS * done // len(files))
            print(f"\r[{bar:<{BAR_CHARACTERS}}] {done}/{len(files)}", end="", file=sys.stderr, flush=True)
        yield file
    if is_shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _print(documents: Sequence[RegisteredDocument], key: bytes, *, is_json: bool) -> None:
    from gateway_ext.guard.fingerprint import Fingerprints  # noqa: PLC0415

    fingerprints = Fingerprints(key)
    rows = [
        Row(
            id=each.id,
            registered=datetime.fromtimestamp(each.registered_unix_seconds, UTC).strftime("%Y-%m-%d"),
            shingles=len(each.shingles.digests),
            fingerprint=fingerprints.of_value(each.id),
            label=each.label,
        )
        for each in documents
    ]
    if is_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif rows:
        print(table(COLUMNS, [[str(value) for value in asdict(row).values()] for row in rows]))
    else:
        print("No document is registered.")
