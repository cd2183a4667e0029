"""Growths as an SVG file: a small panel for each dimension and unit, both scales logarithmic, a line for each cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.growth.growth import Growth, amount

COLUMNS = 2
WIDTH, HEIGHT = 620, 340  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 64, 310, 44, 44
COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#8250df", "#9a6700", "#bf3989", "#1b7c83", "#57606a")
STYLE = """<style>
text { font: 11px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 13px }
.note { fill: #57606a } .grid { stroke: #d0d7de } .linear { stroke: #8c959f; stroke-dasharray: 4 4 } .law { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note { fill: #9198a1 } .grid { stroke: #3d444d } .linear { stroke: #656c76 } }
</style>"""


def chart(growths: Sequence[Growth]) -> str:
    """Every panel's dashed line is what grows in proportion."""
    panels: dict[tuple[str, str], list[Growth]] = {}
    for each in growths:
        panels.setdefault((each.dimension, each.unit), []).append(each)
    drawn = [
        _panel(dimension, together, WIDTH * (at % COLUMNS), HEIGHT * (at // COLUMNS))
        for at, ((dimension, _), together) in enumerate(panels.items())
    ]
    width, height = WIDTH * COLUMNS, HEIGHT * math.ceil(len(panels) / COLUMNS)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>How costs grow</title>'
    return "\n".join((head, STYLE, *drawn, "</svg>", ""))


def _panel(dimension: str, growths: Sequence[Growth], left: int, top: int) -> str:
    across = _decades([size for each in growths for size in each.sizes])
    up = _decades([value for each in growths for value in each.values])
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(size: float) -> float:
        return LEFT + plot_width * (math.log10(size) - across[0]) / (len(across) - 1)

    def y(value: float) -> float:
        return TOP + plot_height * (1 - (math.log10(value) - up[0]) / (len(up) - 1))

    parts = [_text(LEFT, 22, f"{dimension}: {growths[0].unit}, by {growths[0].of}", "title")]
    for power in across:
        parts.append(_line(x(10**power), y(10 ** up[0]), x(10**power), y(10 ** up[-1]), "grid"))
        parts.append(_text(x(10**power) - 8, HEIGHT - BOTTOM + 16, amount(10.0**power), "note"))
    for power in up:
        parts.append(_line(x(10 ** across[0]), y(10**power), x(10 ** across[-1]), y(10**power), "grid"))
        parts.append(_text(6, y(10**power) + 4, amount(10.0**power), "note"))
    decades = min(len(across), len(up)) - 1
    parts.append(
        _line(x(10 ** across[0]), y(10 ** up[0]), x(10 ** (across[0] + decades)), y(10 ** (up[0] + decades)), "linear")
    )
    for at, each in enumerate(growths):
        colour = COLOURS[at % len(COLOURS)]
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(each.sizes, each.values, strict=True))
        parts.append(f'<polyline class="law" stroke="{colour}" points="{points}"/>')
        label = f"{each.law.slope:+.2f}  {each.what}"
        parts.append(f'<rect x="{WIDTH - RIGHT + 12}" y="{TOP + 16 * at}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 27, TOP + 16 * at + 9, label))
    return f'<g transform="translate({left} {top})">\n' + "\n".join(parts) + "\n</g>"


def _decades(numbers: Sequence[float]) -> range:
    """Powers of ten around all of `numbers`, two at least."""
    low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)))
    return range(low, max(high, low + 1) + 1)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(text)}</text>'
