"""A real OpenTelemetry Collector: takes OTLP over TLS, and answers when a receiver of the tests has what it passed on.

Its program has to have the receiver `otlp` and the exporter `otlp_http`, as all distributions do.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.certificate import make_certificate

SIGNALS = ("logs", "traces", "metrics")


@dataclass
class OpenTelemetryCollector:
    """`ports` by protocol. It can be killed and started again; whatever it had in memory is gone then."""

    program: str
    configuration: Path
    authority: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None

    def endpoint(self, protocol: str) -> str:
        return f"https://127.0.0.1:{self.ports[protocol]}"

    async def start(self) -> None:
        """Returns when both ports listen."""
        command = [self.program, "--config", str(self.configuration)]
        with self.configuration.with_suffix(".log").open("ab") as said:
            self.process = subprocess.Popen(command, stderr=said)  # noqa: ASYNC220  (started, not waited for)
        async with asyncio.timeout(20):
            for port in self.ports.values():
                while not await _listens(port):
                    assert self.process.poll() is None, (
                        "the collector has ended; its words are beside its configuration"
                    )
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


@asynccontextmanager
async def running(program: str, directory: Path, downstream: str) -> AsyncIterator[OpenTelemetryCollector]:
    """`downstream`: the address, http://host:port, of the receiver that gets everything, over OTLP/HTTP."""
    collector = _prepared(program, directory, downstream)
    await collector.start()
    try:
        yield collector
    finally:
        await collector.kill()


def _prepared(program: str, directory: Path, downstream: str) -> OpenTelemetryCollector:
    directory.mkdir()
    ports = {"grpc": _free_port(), "http": _free_port()}
    certificate = make_certificate(directory / "certs")
    configuration = directory / "collector.yaml"
    configuration.write_text(json.dumps(_configuration(directory / "certs", ports, downstream)))
    return OpenTelemetryCollector(program, configuration, certificate.authority, ports)


def _configuration(certificates: Path, ports: dict[str, int], downstream: str) -> dict[str, Any]:
    """Without a queue and without retries: it acknowledges what its exporter has got rid of, and nothing before that."""
    tls = {"cert_file": str(certificates / "server.pem"), "key_file": str(certificates / "server.key")}
    protocols = {protocol: {"endpoint": f"127.0.0.1:{port}", "tls": tls} for protocol, port in ports.items()}
    onwards = {
        "endpoint": downstream,
        "sending_queue": {"enabled": False},
        "retry_on_failure": {"enabled": False},
    }
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp_http"]}
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "exporters": {"otlp_http": onwards},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": dict.fromkeys(SIGNALS, pipeline),
        },
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
