"""`gateway-ext otlp-sink`: receive the audit trail over OTLP and keep it in a file, where there is no collector."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from gateway_ext.cli.signals import stop_requested


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser("otlp-sink", help="receive OTLP logs and append them to a file, one JSON per line")
    parser.add_argument("--listen", default="127.0.0.1:4317", metavar="HOST:PORT", help="default: %(default)s")
    parser.add_argument("--file", type=Path, required=True, help="where records are appended")
    parser.add_argument("--traces", type=Path, metavar="FILE", help="where spans are appended; else they are dropped")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Receive until interrupted. Raises ConfigurationError for a busy port or an unusable file."""
    asyncio.run(_receive(options.listen, options.file, options.traces))
    return 0


async def _receive(address: str, path: Path, traces: Path | None) -> None:
    from gateway_ext.telemetry.otlp_file_sink import OtlpFileSink  # noqa: PLC0415  (grpc is slow to import)

    stop = stop_requested()
    sink = OtlpFileSink(address, path, traces=traces)
    await sink.start()
    try:
        await stop.wait()
    finally:
        await sink.stop(grace_seconds=1.0)
