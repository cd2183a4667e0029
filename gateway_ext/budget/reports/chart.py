"""Bars as an SVG (W3C SVG 1.1): a name, a bar and a figure in each line. Pure text; nothing in it is fetched or run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 860
MARGIN = 24
NAME_WIDTH = 210
FIGURE_WIDTH = 130
LINE_HEIGHT = 30
BAR_HEIGHT = 18
HEAD_HEIGHT = 64
FOOT_HEIGHT = 44
NAME_CHARACTERS = 28

_INK, _MUTED, _AXIS = "#1f2933", "#616e7c", "#9aa5b1"
_BAR, _ESTIMATED = "#2f6fab", "#a9c7e4"
FONTS = "font-family='Inter, Helvetica, Arial, Liberation Sans, DejaVu Sans, Noto Sans, sans-serif'"


@dataclass(frozen=True, slots=True)
class Bar:
    """`of_these` is the part of `amount` that is drawn lighter. `figure` is written at its end."""

    name: str
    figure: str
    amount: int
    of_these: int = 0


def svg(title: str, bars: Sequence[Bar], note: str = "") -> str:
    """The picture; the longest bar is as wide as there is room, `note` stands below."""
    height = HEAD_HEIGHT + LINE_HEIGHT * max(len(bars), 1) + FOOT_HEIGHT
    longest = max((bar.amount for bar in bars), default=0) or 1
    bottom = height - FOOT_HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" {FONTS}>',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(MARGIN, 36, title, size=18, weight="600"),
            *(
                line
                for number, bar in enumerate(bars)
                for line in _line(bar, HEAD_HEIGHT + LINE_HEIGHT * number, longest)
            ),
            f'<path d="M{_left()} {HEAD_HEIGHT - 6}V{bottom}" stroke="{_AXIS}"/>',
            *_legend(bottom + 28, any(bar.of_these for bar in bars)),
            _text(MARGIN, bottom + 28, note, color=_MUTED, size=12),
            "</svg>",
            "",
        ]
    )


def _line(bar: Bar, top: int, longest: int) -> Iterator[str]:
    middle = top + LINE_HEIGHT // 2 - 3
    estimated = _room() * bar.of_these // longest
    width = max(_room() * bar.amount // longest, 1 if bar.amount else 0)
    name = bar.name if len(bar.name) <= NAME_CHARACTERS else f"{bar.name[: NAME_CHARACTERS - 1]}…"
    yield _text(_left() - 10, middle + 4, name, anchor="end")
    y = middle - BAR_HEIGHT // 2
    yield f'<rect x="{_left()}" y="{y}" width="{width - estimated}" height="{BAR_HEIGHT}" fill="{_BAR}"/>'
    if estimated:
        x = _left() + width - estimated
        yield f'<rect x="{x}" y="{y}" width="{estimated}" height="{BAR_HEIGHT}" fill="{_ESTIMATED}"/>'
    yield _text(_left() + width + 8, middle + 4, bar.figure, color=_MUTED)


def _legend(y: int, has_estimated: bool) -> Iterator[str]:
    entries = [(_BAR, "as providers told"), (_ESTIMATED, "estimated")] if has_estimated else []
    for number, (color, name) in enumerate(entries):
        x = _left() + 150 * number
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{color}"/>'
        yield _text(x + 18, y, name, color=_MUTED, size=12)


def _text(
    x: int, y: int, text: str, *, anchor: str = "start", color: str = _INK, size: int = 13, weight: str = "400"
) -> str:
    shown = escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}">{shown}</text>'


def _left() -> int:
    return MARGIN + NAME_WIDTH


def _room() -> int:
    return WIDTH - 2 * MARGIN - NAME_WIDTH - FIGURE_WIDTH
