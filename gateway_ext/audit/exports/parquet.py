"""An export's table as Parquet, by DuckDB (extra `reports`): made of JSON lines, and read back row by row.

Whole numbers are DECIMAL(20,0), which holds every one of 64 bits; truths BOOLEAN; all else is text, what is nested as JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_ext.audit.exports.manifest import Manifest
from gateway_ext.audit.exports.tables import LEAF, text
from gateway_ext.errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb

TRUTHS = frozenset(
    {
        "gen_ai.request.stream",
        "gateway.route.sovereign",
        "gateway.outcome.saw_end_of_stream",
        "gateway.alert.hard",
    }
)
NUMBERS_END = ("_tokens", "_ns", "_nano", ".size", "_percent", "_max", "_cap", "_count", "_code", ".sequence")
NUMBERS = frozenset({LEAF, "gateway.record.schema_version", "gateway.guard.redactions", "gateway.route.attempts"})
_ROWS_AT_ONCE = 2_048


@cache
def kind(column: str) -> str:
    """Its type in SQL."""
    if column in TRUTHS:
        return "BOOLEAN"
    return "DECIMAL(20,0)" if column in NUMBERS or column.endswith(NUMBERS_END) else "VARCHAR"


def flat(columns: Collection[str], of: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose values are of these types: what `tables.row` makes a line of."""
    return {name: text(value) if kind(name) == "VARCHAR" else value for name, value in of.items() if name in columns}


def convert(lines: Path, target: Path, columns: Sequence[str]) -> None:
    """Make `target` of JSON lines. Raises ConfigurationError when that cannot be done."""
    import duckdb  # noqa: PLC0415  (extra `reports`)

    types = ", ".join(f"'{name}': '{kind(name)}'" for name in columns)
    reading = f"read_json($lines, format='newline_delimited', columns={{{types}}})"
    to = str(target).replace("'", "''")
    try:
        with database() as connection:
            connection.execute(f"COPY (SELECT * FROM {reading}) TO '{to}' (FORMAT parquet)", {"lines": str(lines)})  # noqa: S608  (constants; a path)
    except duckdb.Error as error:
        raise ConfigurationError(f"{target}: cannot be written ({type(error).__name__})") from None


class ParquetTable:
    """The table of an export as it is checked (checking.Table): its values as text, which are the fastest to have."""

    def __init__(self, manifest: Manifest, path: Path):
        self._name, self._columns = path.name, manifest.columns
        self._database = database()
        try:
            self._open(path)
        except ValueError:
            self.close()
            raise

    def is_next(self, of: dict[str, Any]) -> bool:
        """Raises ValueError when nothing more can be read of it."""
        return next(self._rows, None) == tuple([text(of[name]) if name in of else None for name in self._columns])

    def is_at_end(self) -> bool:
        return next(self._rows, None) is None

    def close(self) -> None:
        self._database.close()

    def _open(self, path: Path) -> None:
        described = self._asked("DESCRIBE SELECT * FROM read_parquet($path)", path).fetchall()
        if [(name, of_kind) for name, of_kind, *_ in described] != [(name, kind(name)) for name in self._columns]:
            raise ValueError(f"{self._name} has other columns than an export")
        self._rows = self._read(self._asked("SELECT COLUMNS(*)::VARCHAR FROM read_parquet($path)", path))

    def _asked(self, query: str, path: Path) -> duckdb.DuckDBPyConnection:
        try:
            return self._database.execute(query, {"path": str(path)})
        except _error():
            raise ValueError(f"{self._name} is no Parquet") from None

    def _read(self, found: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
        """A few rows in memory at a time."""
        try:
            while some := found.fetchmany(_ROWS_AT_ONCE):
                yield from some
        except _error():
            raise ValueError(f"{self._name} cannot be read to its end") from None


def _error() -> type[Exception]:
    """What everything DuckDB raises derives from."""
    import duckdb  # noqa: PLC0415  (extra `reports`, which is there)

    return duckdb.Error


def database() -> duckdb.DuckDBPyConnection:
    """Raises ConfigurationError when DuckDB is not installed."""
    try:
        import duckdb  # noqa: PLC0415  (extra `reports`)
    except ImportError:
        raise ConfigurationError(
            "Parquet needs the extra `reports`: pip install 'gateway-ext[reports]'; CSV and JSON lines need nothing"
        ) from None
    # Nothing is fetched, rows stay in their order, and a long export does not take the machine's memory.
    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "memory_limit": "512MB",
            "threads": "1",
            "preserve_insertion_order": "true",
        },
    )
