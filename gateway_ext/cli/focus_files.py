"""FOCUS rows as files: CSV as they come, Parquet by DuckDB (extra `reports`). A file is whole or absent, and its owner's (0600)."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_ext.budget.reports.focus import DECIMALS, Row
from gateway_ext.budget.reports.focus_columns import COLUMNS, DECIMAL, MOMENT, TEXT
from gateway_ext.cli.table import printable
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE

if TYPE_CHECKING:
    import duckdb

# Spreadsheets take a cell that begins with one of these for a formula, and run it (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@")
_TYPES = {TEXT: "VARCHAR", DECIMAL: f"DECIMAL(38, {DECIMALS})", MOMENT: "TIMESTAMP WITH TIME ZONE"}
_TEXTS = [kind == TEXT for kind in COLUMNS.values()]


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """How many were written; never more than one of them is in memory. Raises ConfigurationError when that cannot be done."""
    kind = path.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise ConfigurationError(f"{path}: exports are .csv or .parquet")
    database = _database() if kind == ".parquet" else None
    try:
        with _whole(path) as part:
            if database is None:
                return _write_csv(part, rows, is_for_people=True)
            with _whole(path.with_name(f"{path.name}.csv")) as lines, database:
                written = _write_csv(lines, rows, is_for_people=False)
                _convert(database, lines, part)
                lines.unlink()
                return written
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror})") from None


def _write_csv(path: Path, rows: Iterable[Row], *, is_for_people: bool) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            cells = [row[name] for name in COLUMNS]
            if is_for_people:
                cells = [_harmless(cell) if is_text else cell for cell, is_text in zip(cells, _TEXTS, strict=True)]
            writer.writerow(cells)
            count += 1
    return count


def _harmless(cell: str | None) -> str | None:
    """Neither a formula in a spreadsheet nor a command to a terminal."""
    if cell is None:
        return None
    return printable(f"'{cell}" if cell.startswith(_FORMULA) else cell)


def _convert(database: duckdb.DuckDBPyConnection, lines: Path, part: Path) -> None:
    columns = ", ".join(f"'{name}': '{_TYPES[kind]}'" for name, kind in COLUMNS.items())
    reading = f"read_csv($lines, columns={{{columns}}}, header=true, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='')"
    part.unlink()  # DuckDB makes the file
    database.execute(f"COPY (SELECT * FROM {reading}) TO '{_quoted(part)}' (FORMAT parquet)", {"lines": str(lines)})  # noqa: S608  (constants; a path)
    part.chmod(PRIVATE)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _database() -> duckdb.DuckDBPyConnection:
    try:
        import duckdb  # noqa: PLC0415  (extra `reports`)
    except ImportError:
        raise ConfigurationError(
            "Parquet needs the extra `reports`: pip install 'gateway-ext[reports]'; CSV needs nothing"
        ) from None
    # Nothing is fetched, and a long export does not take the machine's memory.
    return duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "memory_limit": "512MB", "threads": "2"}
    )


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file to write that takes its name when all went well, and is removed otherwise."""
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        yield part
        if part.exists():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
