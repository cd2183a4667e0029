"""The pictures of a run, one message each: python -m benchmarks.contest.charts [results.json]."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.contest.field import OURS
from benchmarks.contest.results import DIRECT, SATURATION, STREAMS, Profile, Results, Row, read
from benchmarks.load.fixed_upstream import CHUNKS_PER_SECOND
from benchmarks.machine.processes import PROJECT

OURS_COLOUR, PEER_COLOUR, FLOOR_COLOUR, PALE = "#0969da", "#bc4c00", "#6e7781", "#d0d7de"
BESIDE: Any = {"xytext": (9, 0), "textcoords": "offset points", "va": "center"}
LEAST_MS = 0.01  # that a logarithmic scale shows
ROLE_COLOURS = ("#0969da", "#8250df", "#1a7f37", "#bf8700", "#cf222e", "#6e7781")
STYLE: Any = {  # of matplotlib's own type, a dictionary of 300 literals
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "grid.color": "#eaeef2",
    "svg.hashsalt": "gateway-ext",
    "svg.fonttype": "path",
}


def draw(results: Results, directory: Path, form: str = "png") -> list[Path]:
    """Those for which the run has the figures, as files of this form (svg, png)."""
    directory.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Results], Figure | None]] = {
        "requests-per-core": requests_per_core,
        "cpu-by-process": cpu_by_process,
        "added-latency": added_latency,
        "cases": cases,
        "streams": streams,
        "memory": memory,
    }
    written = []
    with mpl.rc_context(STYLE):
        for name, picture in pictures.items():
            if (figure := picture(results)) is not None:
                written.append(directory / f"{name}.{form}")
                metadata = {"Date": None} if form == "svg" else {}
                figure.savefig(written[-1], dpi=110, bbox_inches="tight", facecolor="white", metadata=metadata)
    return written


def requests_per_core(results: Results) -> Figure | None:
    rows = _at(results, "chat", SATURATION)
    if not rows:
        return None
    label = "requests per CPU-second at saturation, logarithmic\nfull: of all its processes; ring: of those alone that a caller waits for"
    figure, axes = _frame("How many 4 KB chats a second one core carries", label, [row.contestant for row in rows])
    for place, row in enumerate(rows):
        _span(axes, place, row.per_core, row.per_core_on_path, _colour(results, row.contestant))
        axes.annotate(f"{row.per_core:,.0f}", (row.per_core_on_path, place), **BESIDE)
    _logarithmic(axes)
    return figure


def cpu_by_process(results: Results) -> Figure | None:
    """Ours and the floors only: peers are of another size."""
    profiles = {each.name: each for each in results.profiles}
    rows = [row for row in _at(results, "chat", SATURATION) if not profiles[row.contestant].is_peer]
    if not rows:
        return None
    label = "microseconds of CPU a request, at saturation"
    figure, axes = _frame("Where the CPU time of a 4 KB chat goes", label, [row.contestant for row in rows])
    roles = list(dict.fromkeys(role for row in rows for role in row.cpu_us))
    for place, row in enumerate(rows):
        left = 0.0
        for role, colour in zip(roles, ROLE_COLOURS, strict=False):
            axes.barh(
                place, row.cpu_us.get(role, 0.0), left=left, color=colour, height=0.7, label="" if place else role
            )
            left += row.cpu_us.get(role, 0.0)
        axes.annotate(f" {left:,.0f}", (left, place), va="center")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def added_latency(results: Results) -> Figure | None:
    pairs = [(row, results.added_ms(row, "p50"), results.added_ms(row, "p99")) for row in _at(results, "chat", "50%")]
    known = [(row, p50, p99) for row, p50, p99 in pairs if p50 is not None and p99 is not None]
    if not known:
        return None
    label = "milliseconds more than nobody between takes, from when a request was due, logarithmic\nfull: median; ring: 99th percentile"
    title = "What each adds to a 4 KB chat at half of what it can carry"
    figure, axes = _frame(title, label, [row.contestant for row, _, _ in known])
    for place, (row, p50, p99) in enumerate(known):
        _span(axes, place, max(p50, LEAST_MS), max(p99, LEAST_MS), _colour(results, row.contestant))
        axes.annotate(f"{p50:,.1f} … {p99:,.1f} ms", (max(p50, p99, LEAST_MS), place), **BESIDE)
    _logarithmic(axes)
    return figure


def cases(results: Results) -> Figure | None:
    """CPU a request of each, by case."""
    names = [case for case in results.cases if results.find(OURS, case, SATURATION)]
    drawn = [
        each.name
        for each in results.profiles
        if sum(bool(results.find(each.name, case, SATURATION)) for case in names) > 1
    ]
    if len(names) < 2:
        return None
    label = "milliseconds of CPU a request, all processes, at saturation, logarithmic"
    figure, axes = _frame("What a request costs, by what is asked", label, [results.cases[case] for case in names])
    markers = "osD^vP*Xp<>h"
    for number, contestant in enumerate(drawn):
        found = [(results.find(contestant, case, SATURATION), place) for place, case in enumerate(names)]
        points = [(row.all_cpu_us / 1000, place) for row, place in found if row]
        colour = _colour(results, contestant)
        axes.plot(
            *zip(*points, strict=True),
            markers[number % len(markers)],
            color=colour,
            markersize=8,
            alpha=0.85,
            label=contestant,
        )
    _logarithmic(axes)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def streams(results: Results) -> Figure | None:
    """Two questions side by side: how long until the first word, and how evenly the others come."""
    counted = [case for case in results.cases if case.startswith("streams-")]
    rows = [row for case in counted for row in _at(results, case, STREAMS, with_direct=True)]
    if not rows:
        return None
    figure = Figure(figsize=(11, 1.4 + 0.3 * len(rows)))
    first, gaps = figure.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        colour = _colour(results, row.contestant)
        for axes, values, ring in ((first, row.latency_ms, "p90"), (gaps, row.gap_ms, "p99")):
            if ring in values:
                _span(axes, place, max(values["p50"], LEAST_MS), max(values[ring], LEAST_MS), colour)
    for axes, title, percent in ((first, "To the first word", 90), (gaps, "Between two words", 99)):
        axes.set_title(title)
        axes.set_xlabel(f"milliseconds, logarithmic\nfull: median; ring: {percent}th percentile")
        _logarithmic(axes)
    gaps.axvline(1000 / CHUNKS_PER_SECOND, color="#1a7f37", linewidth=1, linestyle=":", zorder=0)
    _rows(first, [f"{row.case.removeprefix('streams-')} streams, {row.contestant}" for row in rows])
    gaps.tick_params(left=False)
    return figure


def memory(results: Results) -> Figure | None:
    profiles = [each for each in results.profiles if each.loaded_mib]
    if not profiles:
        return None
    label = "MiB resident, all processes; pale: the most that was seen"
    figure, axes = _frame("Memory at rest, and under load", label, [each.name for each in profiles])
    for place, each in enumerate(profiles):
        loaded, idle = sum(each.loaded_mib.values()), sum(each.idle_mib.values())
        axes.barh(place, loaded, color=PALE, height=0.7)
        axes.barh(place, idle, color=_colour(results, each.name), height=0.7)
        axes.annotate(f" {idle:,.0f} → {loaded:,.0f}", (max(loaded, idle), place), va="center")
    return figure


def _at(results: Results, case: str, load: str, *, with_direct: bool = False) -> list[Row]:
    return [
        row
        for row in results.rows
        if (row.case, row.load) == (case, load) and row.requests and (with_direct or row.contestant != DIRECT)
    ]


def _frame(title: str, label: str, names: Sequence[str]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, 1.1 + 0.38 * len(names)))
    axes = figure.subplots()
    _rows(axes, names)
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.margins(x=0.15)
    return figure, axes


def _span(axes: Axes, place: int, full: float, ring: float, colour: str) -> None:
    """From a full dot to a ring."""
    axes.plot([full, ring], [place, place], color=PALE, linewidth=5, solid_capstyle="round", zorder=1)
    axes.plot(ring, place, "o", markerfacecolor="white", markeredgecolor=colour, markersize=8)
    axes.plot(full, place, "o", color=colour, markersize=8)


def _logarithmic(axes: Axes) -> None:
    """With room for what stands beside the last dot, and numbers as people write them."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * (high / low) ** 0.15)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x")


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(left=False)


def _colour(results: Results, name: str) -> str:
    profile = next((each for each in results.profiles if each.name == name), Profile(name))
    return OURS_COLOUR if profile.is_ours else PEER_COLOUR if profile.is_peer else FLOOR_COLOUR


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "benchmarks" / "results" / "results.json"
    draw(read(file), file.parent, *sys.argv[2:3])
