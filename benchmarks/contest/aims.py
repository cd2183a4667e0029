"""What we have promised ourselves of speed, judged by ratios within one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contest.field import (
    BARE,
    FILTERED,
    FLOOR,
    FLOOR_FIXED,
    FLOOR_PLACED,
    INSPECTING,
    OURS,
    PORTKEY,
    REDACTING,
)
from benchmarks.contest.results import SATURATION, STREAMS, Results, Row
from benchmarks.load.fixed_upstream import CHUNKS_PER_SECOND
from benchmarks.start.install_size import PROCESSOR_IMAGE

HALF = "50%"
NOISE_MS = 2.0  # between two words; the upstream's own timer has milliseconds
MESSAGES_OF_A_REQUEST = 2  # on its headers, and its body
HOLD_BACK_MS = 2 * 1000 / CHUNKS_PER_SECOND  # of prose a word, and the next one, which shows that no value goes on
MB_OF_MIB = 2**20 / 1e6
PRODUCT = "gateway-ext, "


@dataclass(frozen=True, slots=True)
class Aim:
    text: str
    found: str
    bound: str
    is_met: bool


def aims(results: Results) -> list[Aim]:
    """Those for which the run has measured what it takes."""
    return [*_requests(results), *_streams(results), *_memory(results), *_installation(results)]


def _requests(results: Results) -> Iterator[Aim]:
    for floor_name in (FLOOR, FLOOR_FIXED, FLOOR_PLACED):
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
    for case, title in results.cases.items():
        bare, ours = results.find(BARE, case, STREAMS), results.find(OURS, case, STREAMS)
        if ours and bare:
            more_ms = ours.gap_ms.get("p99", 0.0) - bare.gap_ms.get("p99", 0.0)
            text = f"{title}: p99 between words over {BARE}"
            yield Aim(text, f"{more_ms:+.1f} ms", f"≤ {NOISE_MS:g} ms", more_ms <= NOISE_MS)
        if ours:  # none for its words: then these cost a processor nothing
            found, bound = ours.messages, MESSAGES_OF_A_REQUEST
            text = f"{title}, not inspected: messages from the processor, a stream"
            yield Aim(text, f"{found:.2f}", f"≤ {bound}", found <= bound)
        for name in (INSPECTING, REDACTING):
            if row := results.find(name, case, STREAMS):
                yield from _inspected(row, bare, f"{title}, {name.removeprefix(PRODUCT)}")


def _inspected(row: Row, bare: Row | None, title: str) -> Iterator[Aim]:
    found = row.per_core_on_path
    yield Aim(f"{title}: words per core", f"{found:,.0f}", "≥ 1,500", found >= 1500)
    yield Aim(f"{title}: failed", f"{row.failures}", "0", row.failures == 0)
    if bare and "p50" in row.latency_ms and "p50" in bare.latency_ms:
        more_ms = row.latency_ms["p50"] - bare.latency_ms["p50"]
        text = f"{title}: median first word over {BARE}, within one hold-back window"
        yield Aim(text, f"{more_ms:+,.1f} ms", f"≤ {HOLD_BACK_MS:g} ms", more_ms <= HOLD_BACK_MS)


def _memory(results: Results) -> Iterator[Aim]:
    """Of streams at the largest count that was asked for, and of everything else."""
    for name in (OURS, INSPECTING, REDACTING):
        rows = [row for case in results.cases if (row := results.find(name, case, STREAMS))]
        if rows and "processors" in rows[-1].peak_mib:
            title = f"{results.cases[rows[-1].case]}, {name.removeprefix(PRODUCT)}"
            megabytes, kilobytes = (
                rows[-1].peak_mib["processors"] * MB_OF_MIB,
                rows[-1].stream_kib["processors"] * 1.024,
            )
            yield Aim(f"{title}: memory of a processor", f"{megabytes:.0f} MB", "≤ 150 MB", megabytes <= 150)
            yield Aim(f"{title}: memory for a stream", f"{kilobytes:.0f} KB", "≤ 256 KB", kilobytes <= 256)
        for profile in results.profiles:
            if profile.name == name and (mib := profile.loaded_mib.get("processors")):
                text = f"{name}: memory of a processor, most seen"
                megabytes = mib * MB_OF_MIB
                yield Aim(text, f"{megabytes:.0f} MB", "≤ 150 MB", megabytes <= 150)


def _installation(results: Results) -> Iterator[Aim]:
    if runtime := results.sizes.get(PROCESSOR_IMAGE):
        yield Aim(f"size of {PROCESSOR_IMAGE}", f"{runtime / 1e6:.0f} MB", "≤ 550 MB", runtime <= 550e6)
    for state, started in results.starts.items():
        text = f"`gateway-ext up` to the first answered request, {state}"
        yield Aim(text, f"{started.answered_seconds:.1f} s", "≤ 5 s", started.answered_seconds <= 5)
