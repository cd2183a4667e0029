"""What we have promised ourselves of speed, judged by ratios within one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.field import BARE, FILTERED, FLOOR, FLOOR_FIXED, INSPECTING, OURS, PORTKEY
from benchmarks.results import SATURATION, STREAMS, Results, Row

HALF = "50%"
NOISE_MS = 2.0  # between two words; the upstream's own timer has milliseconds


@dataclass(frozen=True, slots=True)
class Aim:
    text: str
    found: str
    bound: str
    is_met: bool


def aims(results: Results) -> list[Aim]:
    """Those for which the run has measured what it takes."""
    return [*_requests(results), *_streams(results), *_memory(results)]


def _requests(results: Results) -> Iterator[Aim]:
    for floor_name in (FLOOR, FLOOR_FIXED):
        for load in (SATURATION, HALF):
            ours, floor = results.find(OURS, "chat", load), results.find(floor_name, "chat", load)
            if ours and floor:
                ratio = ours.path_cpu_us / floor.path_cpu_us
                at = "saturation" if load == SATURATION else "50 % load"
                yield Aim(f"CPU a request at {at} over that of {floor_name}", f"{ratio:.2f}", "≤ 1.5", ratio <= 1.5)
    ours, floor = results.find(OURS, "chat", HALF), results.find(FLOOR, "chat", HALF)
    if ours and floor:
        for percent, bound in (("p50", 1.5), ("p99", 2.0)):
            more_ms, floor_ms = results.added_ms(ours, percent), results.added_ms(floor, percent)
            if more_ms is not None and floor_ms is not None and floor_ms > 0:
                ratio = more_ms / floor_ms
                text = f"added {percent} at 50 % load over that of {FLOOR}"
                yield Aim(text, f"{ratio:.2f}", f"≤ {bound:g}", ratio <= bound)
    for peer, bound in ((FILTERED, 8.0), (PORTKEY, 1.0)):
        ours, theirs = results.find(OURS, "chat", SATURATION), results.find(peer, "chat", SATURATION)
        if ours and theirs:
            ratio = ours.per_core / theirs.per_core
            yield Aim(
                f"requests per core over those of {peer}, all processes", f"{ratio:.1f}", f"≥ {bound:g}", ratio >= bound
            )


def _streams(results: Results) -> Iterator[Aim]:
    for case in (each for each in results.cases if each.startswith("streams-")):
        title = results.cases[case]
        ours, bare = results.find(OURS, case, STREAMS), results.find(BARE, case, STREAMS)
        if ours and bare:
            more_ms = _gap(ours) - _gap(bare)
            yield Aim(
                f"{title}: p99 between words over Envoy alone",
                f"{more_ms:+.1f} ms",
                f"≤ {NOISE_MS:g} ms",
                more_ms <= NOISE_MS,
            )
        inspected = results.find(INSPECTING, case, STREAMS)
        if inspected:
            found = inspected.per_core_on_path
            yield Aim(f"{title}, inspected: words per core", f"{found:,.0f}", "≥ 1,500", found >= 1500)
            yield Aim(f"{title}, inspected: failed", f"{inspected.failures}", "0", inspected.failures == 0)


def _memory(results: Results) -> Iterator[Aim]:
    for profile in results.profiles:
        if profile.name in {OURS, INSPECTING} and (mib := profile.loaded_mib.get("processors")):
            megabytes = mib * 2**20 / 1e6
            yield Aim(
                f"{profile.name}: memory of a processor, most seen", f"{megabytes:.0f} MB", "≤ 150 MB", megabytes <= 150
            )


def _gap(row: Row) -> float:
    return row.gap_ms.get("p99", 0.0)
