"""An hour of traffic while every receiver of the audit trail fails in turn. Prints what was written and delivered, and memory.

Run: python -m benchmarks.audit.collector_hour [--minutes 60] [--requests-per-second 100]

Time is compressed: a clock of its own goes a second further for each second's records, and everything that waits (retries,
back-off) waits by it; the receivers, their connections and the disk are real. Each request writes two records. The OTLP
collector is down for the first third, then slow, then takes a random half; the syslog receiver hangs up now and then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.delivery import Exporter
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.ocsf_file import OcsfFile
from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter
from gateway_ext.audit.outputs.syslog import SyslogExporter
from gateway_ext.audit.records import DecisionRecord, OutcomeRecord
from gateway_ext.audit.segments import segment_sizes
from gateway_ext.audit.shipper import Shipper
from gateway_ext.audit.spool import Spool
from gateway_ext.exchange import Candidate, Outcome, Usage
from tests.servers.otlp_http import Reply, running_collector
from tests.servers.syslog import running_syslog

SEED = 11
STEPS_PER_SECOND = 4
BYTES_MAX = 4 * 1024 * 1024 * 1024
SERVED_BY = Candidate("eu/large", "eu", "large-2026", "EU", "sovereign")


@dataclass
class CompressedClock:
    """Time as it passes in the experiment."""

    seconds: float = 0.0
    ids: int = 0

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)

    def now_unix_nano(self) -> int:
        return 1_795_000_000_000_000_000 + self.monotonic_ns()

    def new_id(self) -> str:
        self.ids += 1
        return f"{self.ids:032x}"


@dataclass(frozen=True)
class Result:
    """Of one output: records in order of their last arrival, and how many arrived again."""

    output: str
    delivered: int
    duplicates: int
    gaps: int
    is_in_order: bool


@dataclass(frozen=True)
class Hour:
    written: int
    waited_bytes_max: int  # for the slowest output
    left_bytes: int  # of segments in the spool at the end
    results: tuple[Result, ...]


def judged(output: str, arrived: Sequence[str], written: int) -> Result:
    """Ids end in the record's sequence (encoding.py), of one run here."""
    last_arrival = {record_id: index for index, record_id in enumerate(arrived)}
    sequences = [int(each.rpartition("-")[2]) for each in sorted(last_arrival, key=last_arrival.__getitem__)]
    gaps = written - len(set(sequences) & set(range(1, written + 1)))
    return Result(output, len(sequences), len(arrived) - len(sequences), gaps, sequences == sorted(sequences))


async def run_hour(directory: Path, seconds: int, requests_per_second: int) -> Hour:
    clock, chance = CompressedClock(), random.Random(SEED)
    spool = Spool(directory / "spool", "processor-0", clock, BYTES_MAX)
    ocsf = directory / "trail.ocsf"
    waited_bytes_max = 0
    async with running_collector() as collector, running_syslog() as receiver:

        def judge(records: int) -> Reply:
            if clock.seconds < seconds / 3:
                return Reply(status=503)
            if clock.seconds < seconds / 2:
                return Reply(delay_seconds=0.002)
            if clock.seconds < seconds:
                return Reply(take=chance.randrange(records + 1)) if chance.random() < 0.5 else Reply()
            return Reply()

        collector.judge = judge
        receiver.keeps_ids_only = True
        otlp = OtlpHttpExporter(f"http://127.0.0.1:{collector.port}")
        syslog = SyslogExporter(f"tcp://127.0.0.1:{receiver.port}")
        outputs: dict[str, Exporter] = {"otlp": otlp, "ocsf": OcsfFile(ocsf, 64 * 1024 * 1024, 0), "syslog": syslog}
        shipper = Shipper(directory / "spool", outputs, clock)
        for second in range(seconds):
            clock.seconds = second
            for number in range(requests_per_second):
                _write_request(spool, f"{second}-{number}")
            if second % 97 == 0:
                receiver.hang_up()
            await _ship(shipper)
            waited_bytes_max = max(waited_bytes_max, shipper.lag_bytes)
        while shipper.lag_bytes:
            clock.seconds += 1
            await _ship(shipper)
        async with asyncio.timeout(60):
            while len(set(receiver.record_ids())) < spool.written:  # noqa: ASYNC110  (it reads at its own pace)
                await asyncio.sleep(0.05)
        spool.close()
        await otlp.close()
        await syslog.close()
        results = [
            judged("otlp", collector.taken, spool.written),
            judged("syslog", receiver.record_ids(), spool.written),
        ]
    results.append(judged("ocsf", await asyncio.to_thread(_uids, ocsf), spool.written))
    left_bytes = sum(segment_sizes(spool.directory).values())
    return Hour(spool.written, waited_bytes_max, left_bytes, tuple(results))


async def _ship(shipper: Shipper) -> None:
    """What it does in a second: much less than it could."""
    for _ in range(STEPS_PER_SECOND):
        if not await shipper.step():
            break


def _write_request(spool: Spool, exchange_id: str) -> None:
    spool.append(
        DecisionRecord(
            EventName.DECISION_FORWARDED,
            exchange_id,
            "forward",
            "ab" * 32,
            "public",
            "192.0.2.17",
            endpoint="/v1/chat/completions",
            model="large",
            candidates=(SERVED_BY,),
            hold_id=exchange_id,
            request_bytes=4096,
        )
    )
    outcome = Outcome(exchange_id, exchange_id, 200, "eu/large", None, 1, 1, 1, 1, 1, True, "access_log", ())
    spool.append(OutcomeRecord(EventName.OUTCOME_SETTLED, outcome, Usage(812, 120), 12_345_678, "EUR", SERVED_BY))


def _uids(path: Path) -> list[str]:
    """Of the file and all that were full, in the order they were written."""
    full = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: int(each.suffix[1:]))
    uids: list[str] = []
    for each in (*full, path):
        with each.open() as file:
            uids += [json.loads(line)["metadata"]["uid"] for line in file]
    return uids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--requests-per-second", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        hour = asyncio.run(run_hour(Path(directory), options.minutes * 60, options.requests_per_second))
    print(
        f"written            {hour.written:,} records in {options.minutes} minutes of {options.requests_per_second}/s"
    )
    print(f"waited at most     {hour.waited_bytes_max / 1e6:,.0f} MB for the slowest output, in the spool")
    print(f"left in the spool  {hour.left_bytes / 1e6:,.1f} MB (the newest segment)")
    for each in hour.results:
        order = "in order" if each.is_in_order else "NOT IN ORDER"
        print(
            f"{each.output:<18} {each.delivered:,} delivered, {each.gaps} gaps, {each.duplicates:,} duplicates, {order}"
        )
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory        {peak_kib / 1024:,.0f} MiB, with the ids of all that the receivers have got")


if __name__ == "__main__":
    main()
