"""A soak as an SVG file: memory of each process, its descriptors, and latencies, over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from operator import attrgetter

from benchmarks.soak.verdict import WARM_UP, Window

WIDTH, HEIGHT = 760, 220  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 60, 130, 40, 36
COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#8250df", "#9a6700", "#bf3989")
STYLE = """<style>
text { font: 11px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 13px }
.note { fill: #57606a } .grid { stroke: #d0d7de } .curve { fill: none; stroke-width: 1.5 } .warm { fill: #d0d7de; opacity: 0.35 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } .grid { stroke: #3d444d } }
</style>"""

Figure = Callable[[Window], float]


def chart(windows: Sequence[Window]) -> str:
    """The shaded part is the warm-up, which slopes leave out."""
    roles = tuple(windows[-1].held)
    panels: list[tuple[str, Mapping[str, Figure]]] = [
        ("Memory, MiB (PSS)", {role: partial(_memory_mib, role) for role in roles}),
        ("Descriptors", {role: partial(_descriptors, role) for role in roles}),
        ("Latency of plain chats, ms", {"p50": attrgetter("p50_ms"), "p99": attrgetter("p99_ms")}),
    ]
    drawn = [_panel(title, figures, windows, HEIGHT * at) for at, (title, figures) in enumerate(panels)]
    height = HEIGHT * len(panels)
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>The gateway under mixed traffic</title>'
    return "\n".join((head, STYLE, *drawn, "</svg>", ""))


def _memory_mib(role: str, window: Window) -> float:
    return window.held[role].pss_kib / 1024


def _descriptors(role: str, window: Window) -> float:
    return window.held[role].descriptors


def _panel(title: str, figures: Mapping[str, Figure], windows: Sequence[Window], top: int) -> str:
    highest = max(figure(each) for figure in figures.values() for each in windows) * 1.1 or 1.0
    end = windows[-1].seconds

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / end

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / highest)

    parts = [
        f'<rect class="warm" x="{LEFT}" y="{TOP}" width="{x(end * WARM_UP) - LEFT:.1f}" height="{HEIGHT - TOP - BOTTOM}"/>',
        _text(LEFT, 24, title, "title"),
    ]
    for step in range(5):
        value, seconds = highest * step / 4, end * step / 4
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(_text(8, y(value) + 4, f"{value:.3g}", "note"))
        parts.append(_text(x(seconds) - 14, HEIGHT - BOTTOM + 16, f"{seconds / 60:.1f} min", "note"))
    for at, (name, figure) in enumerate(figures.items()):
        colour = COLOURS[at % len(COLOURS)]
        points = " ".join(f"{x(each.seconds):.1f},{y(figure(each)):.1f}" for each in windows)
        parts.append(f'<polyline class="curve" stroke="{colour}" points="{points}"/>')
        parts.append(f'<rect x="{WIDTH - RIGHT + 12}" y="{TOP + 16 * at}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 27, TOP + 16 * at + 9, name))
    return f'<g transform="translate(0 {top})">\n' + "\n".join(parts) + "\n</g>"


def _text(x: float, y: float, text: str, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(text)}</text>'
