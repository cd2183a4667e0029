"""`gateway-ext audit verify DIRECTORY`, of what `audit export` has written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gateway_ext.audit.exports.checking import ExportVerdict, LinesTable, Table, check_export, total_bytes
from gateway_ext.audit.exports.manifest import Manifest
from gateway_ext.audit.exports.parquet import ParquetTable
from gateway_ext.audit.exports.tables import Format
from gateway_ext.audit.segments import segment_sizes
from gateway_ext.audit.signed_note import VerifierKey
from gateway_ext.cli.progress import Progress
from gateway_ext.errors import ConfigurationError


def is_export(options: argparse.Namespace) -> bool:
    """Whether an export is to be verified: a single directory without a log's segments, and nothing that those or proofs need."""
    if len(options.files) != 1 or options.checkpoint or options.proof or not options.files[0].is_dir():
        return False
    return not segment_sizes(options.files[0])


def verify_export(options: argparse.Namespace, keys: Sequence[VerifierKey]) -> int:
    """Print the verdict. 0: as it was signed; 1: not so. Raises ConfigurationError when a file cannot be read at all."""
    directory: Path = options.files[0]
    try:
        with Progress("verifying", total_bytes(directory)) as progress:
            verdict = check_export(directory, keys, opened, progress.advance)
    except ValueError as error:
        verdict = ExportVerdict(f"not believed: {error}")
    except ImportError as error:
        raise ConfigurationError(
            f"'{error.name}' is missing; install it with: pip install 'gateway-ext[credentials]'"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    print(json.dumps(_object(verdict)) if options.json else _said(verdict))
    return 1 if verdict.fault else 0


def opened(manifest: Manifest, path: Path) -> Table:
    """The table of an export. Raises ValueError for what is none, ConfigurationError when DuckDB is missing."""
    return ParquetTable(manifest, path) if manifest.format is Format.PARQUET else LinesTable(manifest, path)


def _object(verdict: ExportVerdict) -> dict[str, object]:
    values = asdict(verdict) | {"manifest": None}
    if manifest := verdict.manifest:
        logs = [
            {name: getattr(part, name) for name in ("log", "first_leaf", "size", "matching", "erased")}
            for part in manifest.logs
        ]
        values["manifest"] = {"time": manifest.time, "filter": manifest.filter.asks(), "records": manifest.records}
        values["logs"] = logs
    return {"ok": not verdict.fault, **values}


def _said(verdict: ExportVerdict) -> str:
    manifest = verdict.manifest
    if manifest is None:
        return f"NOT VERIFIED: {verdict.bad_file}{': ' if verdict.bad_file else ''}{verdict.fault}" + (
            f" (leaf {verdict.bad_leaf})" if verdict.bad_leaf is not None else ""
        )
    lines = [
        f"Verified, exported {manifest.time}: {manifest.records} records, as they were signed.",
        f"Asked for: {manifest.filter.asks()}",
    ]
    for part in manifest.logs:
        others = part.size - part.first_leaf - part.matching
        erased = f", of {part.erased} of which no record was kept any more" if part.erased else ""
        covered = f"leaves {part.first_leaf} to {part.size - 1}" if part.size > part.first_leaf else "no leaves"
        lines.append(f"'{part.origin}', {covered}: {part.matching} records, and the hashes of {others} others{erased}.")
    return "\n".join(lines)
