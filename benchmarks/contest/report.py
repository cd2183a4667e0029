"""A run as tables in Markdown: python -m benchmarks.contest.report [results.json]."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.contest.aims import Aim, aims
from benchmarks.contest.field import FLOOR
from benchmarks.contest.results import DIRECT, SATURATION, STREAMS, Profile, Results, Row, read
from benchmarks.machine.processes import PROJECT

MB = 1_000_000


def markdown(results: Results) -> str:
    """All of a run, for a person to read."""
    sections = [_machine(results)]
    if judged := aims(results):
        sections.append(_aims(judged))
    for case, title in results.cases.items():
        rows = [row for row in results.rows if row.case == case and row.contestant != DIRECT]
        streamed = any(row.load == STREAMS for row in rows)
        sections.append(f"## {title}\n\n" + (_streams(results, case) if streamed else _requests(results, case)))
    sections.append("## Who took part\n\n" + _profiles(results.profiles))
    if results.starts or results.sizes:
        sections.append("## Start and size\n\n" + _installation(results))
    return "\n\n".join(sections) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _machine(results: Results) -> str:
    where, how = results.machine, results.options
    packages = ", ".join(f"{name} {version}" for name, version in where["packages"].items())
    return (
        f"# What the gateway costs\n\n{where['date']}: {where['cores']} cores ({where['processor']}), "
        f"{where['memory_gib']} GiB, Linux {where['kernel']}, Python {where['python']}, Envoy {where['envoy']}, {packages}. "
        f"Load average {where['load_before']} before and {how['load_after']} after; {how['took_seconds'] / 60:.0f} minutes, "
        f"{how['rounds']} rounds of {how['seconds']:g} s.\n\n"
        "Everything shares these cores: load generator, upstream and all contestants, of which one is asked at a time. "
        "*On the path*: what a caller waits for; *all*: with control process, collector and supervisors. "
        "While one is asked, all processes of the others are stopped. "
        "*Added*: over what the upstream takes when it is asked without anybody between, 100 times a second."
    )


def _aims(judged: Sequence[Aim]) -> str:
    rows = ([each.text, each.found, each.bound, "met" if each.is_met else "**missed**"] for each in judged)
    soak = "That memory does not grow with requests is judged by `make soak`."
    return "## Aims\n\n" + table(["aim", "measured", "bound", ""], rows) + f"\n\n{soak}"


def _requests(results: Results, case: str) -> str:
    """Costs at saturation, then latencies at each load."""
    rows = [row for row in results.rows if row.case == case and row.contestant != DIRECT]
    floor = results.find(FLOOR, case, SATURATION)
    costs = [_cost(row, floor) for row in rows if row.load == SATURATION]
    head = [
        "at saturation",
        "requests/s",
        "per core, on the path",
        "per core, all",
        "CPU µs, on the path",
        "× floor",
        "CPU µs by process",
        "failed",
    ]
    loads = [_latency(results, row) for row in rows if row.load != SATURATION]
    latency = [
        "at a constant rate",
        "load",
        "requests/s",
        "added p50 ms",
        "p90",
        "p99",
        "p99.9",
        "CPU µs, on the path",
        "failed",
    ]
    return table(head, costs) + ("\n\n" + table(latency, loads) if loads else "")


def _cost(row: Row, floor: Row | None) -> list[str]:
    if row.reason:
        return [row.contestant, f"– {row.reason}", *[""] * 6]
    factor = f"{row.path_cpu_us / floor.path_cpu_us:.2f}" if floor else ""
    per_core = [f"{row.per_core_on_path:,.0f}", f"{row.per_core:,.0f}"]
    cost = [f"{row.path_cpu_us:,.0f}", factor, _roles(row.cpu_us)]
    return [row.contestant, f"{row.requests_per_second:,.0f}", *per_core, *cost, _failed(row)]


def _latency(results: Results, row: Row) -> list[str]:
    if row.reason:
        return [row.contestant, row.load, f"– {row.reason}", *[""] * 6]
    values = [results.added_ms(row, percent) for percent in ("p50", "p90", "p99", "p99.9")]
    shown = ["" if value is None else f"{value:,.2f}" for value in values]
    rate = f"{row.offered_per_second:,.0f}"
    return [row.contestant, row.load, rate, *shown, f"{row.path_cpu_us:,.0f}", _failed(row)]


def _streams(results: Results, case: str) -> str:
    """What callers see, then what it takes."""
    rows = [row for row in results.rows if row.case == case]
    seen = [
        "",
        "first word p50 ms",
        "p99",
        "between words p50 ms",
        "p99",
        "p99.9",
        "words",
        "all done after s",
        "failed",
    ]
    costs = [
        "",
        "words per core, on the path",
        "CPU µs a word, on the path",
        "CPU µs a word by process",
        "messages from processors, a stream",
        "MiB, the most meanwhile",
        "KiB grown by, a stream",
    ]
    costly = [_stream_cost(row) for row in rows if row.cpu_us]
    return table(seen, map(_seen, rows)) + ("\n\n" + table(costs, costly) if costly else "")


def _seen(row: Row) -> list[str]:
    if row.reason:
        return [row.contestant, f"– {row.reason}", *[""] * 7]
    first = [_or_empty(row.latency_ms.get(percent)) for percent in ("p50", "p99")]
    gaps = [_or_empty(row.gap_ms.get(percent)) for percent in ("p50", "p99", "p99.9")]
    return [row.contestant, *first, *gaps, f"{row.words:,}", f"{row.done_seconds:.1f}", _failed(row)]


def _stream_cost(row: Row) -> list[str]:
    cost = [f"{row.per_core_on_path:,.0f}", f"{row.path_cpu_us:,.0f}", _roles(row.cpu_us)]
    messages = f"{row.messages:.1f}" if row.messages else ""
    return [row.contestant, *cost, messages, _roles(row.peak_mib), _roles(row.stream_kib)]


def _profiles(profiles: Sequence[Profile]) -> str:
    rows = []
    for each in profiles:
        if each.name == DIRECT:
            continue
        if each.reason:
            rows.append([each.name, f"– did not start: {' '.join(each.reason.split())[:300]}", *[""] * 6])
            continue
        sizes = ", ".join(f"{name} {size / MB:,.0f}" for name, size in each.installed.items())
        mib = [f"{sum(part.values()):,.0f}" for part in (each.idle_mib, each.loaded_mib, each.after_mib)]
        by_role = _roles(each.loaded_mib)
        image = f"{sum(each.installed.values()) / MB:,.0f}: {sizes}" if sizes else ""
        rows.append([each.name, f"{each.start_seconds:.1f}", f"{each.idle_cpu_ms:.1f}", *mib, by_role, image])
    head = [
        "",
        "start to first answer s",
        "CPU at rest, ms/s",
        "MiB idle",
        "loaded",
        "after",
        "loaded, by process",
        "MB of an image",
    ]
    return table(head, rows)


def _installation(results: Results) -> str:
    starts = [
        [f"`gateway-ext up`, {state}", f"{each.answered_seconds:.1f}", f"{each.cpu_seconds:.1f}", f"{each.starts}"]
        for state, each in results.starts.items()
    ]
    head = ["medians", "seconds to the first answered request", "CPU seconds of all processes", "starts"]
    sizes = [[name, f"{size / MB:,.0f}"] for name, size in results.sizes.items()]
    tables = [table(head, starts)] if starts else []
    return "\n\n".join([*tables, table(["installed", "MB"], sizes)])


def _roles(values: Mapping[str, float]) -> str:
    return " + ".join(f"{role} {value:,.0f}" for role, value in values.items())


def _failed(row: Row) -> str:
    """By status, 0 for no answer in time; of streams by what happened to them."""
    what = ", ".join(f"{count} × {name}" for name, count in row.failed.items())
    return f"{row.failures} ({what})" if row.failures else "0"


def _or_empty(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "benchmarks" / "results" / "results.json"
    print(markdown(read(file)))
