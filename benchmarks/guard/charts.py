"""Charts as SVG files, in colours for light and dark pages: dots on a scale, and a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

ROW, LEFT, RIGHT, TOP, BOTTOM = 18, 220, 60, 56, 28
PLOT = 440
CELL_WIDTH, CELL_HEIGHT, CELLS_TOP = 92, 22, 56
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 14px }
.note { fill: #57606a } .line { stroke: #d0d7de } .bar { stroke: #9a6700; stroke-width: 2 }
.recall { fill: #0969da } .precision { fill: none; stroke: #8250df; stroke-width: 2 }
.cell { fill: #1a7f37 } .none { fill: #cf222e } .inside { fill: #ffffff; text-anchor: middle }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .line { stroke: #3d444d } .recall { fill: #4493f8 }
.precision { stroke: #ab7df8 } .bar { stroke: #d29922 } .inside { fill: #ffffff } }
</style>"""


def dots(title: str, rows: Mapping[str, tuple[float, float, float]], low: float) -> str:
    """Recall (full), precision (ring) and bar (none below `low`) by name, from `low` to 1.

    What is lower is drawn at the edge, with its value.
    """
    height = TOP + ROW * len(rows) + BOTTOM
    bottom = height - BOTTOM
    parts = [_text(LEFT, 44, "● recall   ○ precision   | bar", "note")]
    for step in range(5):
        value = low + (1 - low) * step / 4
        x = _place(value, low)
        parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(_text(x - 14, height - 10, f"{value:.3f}".rstrip("0").rstrip("."), "note"))
    for number, (name, (recall, precision, bar)) in enumerate(rows.items()):
        y = TOP + ROW * number + ROW / 2
        parts.append(_text(8, y + 4, name))
        if bar >= low:
            x = _place(bar, low)
            parts.append(f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{y - ROW / 2}" y2="{y + ROW / 2}"/>')
        parts.append(f'<circle class="recall" cx="{_place(recall, low):.1f}" cy="{y}" r="4"/>')
        parts.append(f'<circle class="precision" cx="{_place(precision, low):.1f}" cy="{y}" r="6"/>')
        if min(recall, precision) < low:
            parts.append(_text(LEFT + PLOT + 12, y + 4, f"{min(recall, precision):.3f}", "note"))
    return _svg(title, LEFT + PLOT + RIGHT, height, parts)


def heat_map(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """Shares from 0 to 1: the darker the green, the more; red is none."""
    parts = [_text(LEFT + CELL_WIDTH * number + 4, CELLS_TOP - 8, name, "note") for number, name in enumerate(columns)]
    for line, (name, shares) in enumerate(rows.items()):
        y = CELLS_TOP + CELL_HEIGHT * line
        parts.append(_text(8, y + 15, name))
        for number, share in enumerate(shares):
            x = LEFT + CELL_WIDTH * number
            colour = "cell" if share else "none"
            size = f'width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}"'
            parts.append(f'<rect class="{colour}" x="{x}" y="{y}" {size} rx="3" opacity="{max(0.35, share):.2f}"/>')
            parts.append(_text(x + CELL_WIDTH / 2, y + 15, f"{share:.0%}", "inside"))
    height = CELLS_TOP + CELL_HEIGHT * len(rows) + 12
    return _svg(title, LEFT + CELL_WIDTH * len(columns) + 12, height, parts)


def _place(value: float, low: float) -> float:
    return LEFT + PLOT * (max(value, low) - low) / (1 - low)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(text)}</text>'


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>'
    return "\n".join((head, STYLE, _text(8, 22, title, "title"), *parts, "</svg>", ""))
