"""Tables for people, safe to print: what callers, files or tokens bring along cannot move a terminal's cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """Lines of cells, each column as wide as its widest cell; the last `numbers` columns stand at the right of theirs."""
    cells = [columns, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = [str.ljust] * (len(columns) - numbers) + [str.rjust] * numbers
    return "\n".join(
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, line, widths, strict=True)).rstrip()
        for line in cells
    )


def printable(text: str) -> str:
    """`text` with U+FFFD for each control or format character: as long as before."""
    if text.isprintable():  # as a rule
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
